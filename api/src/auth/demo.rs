//! The demo's accounts. Their password is public: they sign in only where the
//! demo is served, and are members of its tenants alone.

use engine::ids::TenantId;
use uuid::Uuid;

use super::{Role, password};
use crate::app::App;
use crate::failure::Failure;
use crate::store::{StoreError, identities, memberships};
use crate::tenancy::{DEMO, NEIGHBOUR};

/// The password of each of them.
pub const PASSWORD: &str = "demo-copro";

/// An account: its e-mail, its name, what it is in which tenants.
type Account = (&'static str, &'static str, &'static [(TenantId, Role)]);

const ACCOUNTS: [Account; 4] = [
    (
        "gestionnaire@demo.example",
        "Claire Martin",
        &[(DEMO, Role::Admin)],
    ),
    (
        "comptable@demo.example",
        "Karim Haddad",
        &[(DEMO, Role::Accountant), (NEIGHBOUR, Role::Accountant)],
    ),
    (
        "lecteur@demo.example",
        "Louise Bernard",
        &[(DEMO, Role::Reader)],
    ),
    (
        "voisin@demo.example",
        "Paul Voisin",
        &[(NEIGHBOUR, Role::Admin)],
    ),
];

/// Makes the accounts that are missing; the demo's tenants exist.
///
/// # Errors
/// When the database does not answer.
pub async fn prepare(app: &App) -> Result<(), Failure> {
    let now = app.engine.clock().now();
    let mut tx = app.identities.begin().await?;
    let known = identities::of_demo(&mut tx).await?;
    let whole = ACCOUNTS.iter().map(|(_, _, places)| places.len()).sum();
    if known.len() >= whole {
        return Ok(());
    }
    let hash = password::hash(PASSWORD).map_err(|error| Failure::new("engine").caused_by(error))?;
    for (email, name, places) in ACCOUNTS {
        let new = identities::New {
            id: TenantId::new(now).0,
            email,
            name,
            password_hash: Some(&hash),
            demo: true,
        };
        let identity: Uuid = identities::ensure(&mut tx, &new, now).await?;
        for (tenant, role) in places {
            memberships::ensure(&mut tx, tenant.0, identity, role.as_str(), now).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        if error.is_transient() {
            Self::new("database_lost").caused_by(error)
        } else {
            Self::new("database").caused_by(error)
        }
    }
}
