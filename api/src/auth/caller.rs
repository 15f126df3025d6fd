//! Who calls: a person where they stand, or a machine.

use std::fmt;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use engine::ids::TenantId;
use uuid::Uuid;

use super::Role;
use super::permissions::Permission;
use crate::error::{Answer, Problem};
use crate::router::Doors;

/// By what name an act is remembered: a person's e-mail, or `token:NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor(String);

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who calls, in a tenant; the gate has asked the table of permissions.
#[derive(Clone, Debug)]
pub struct Caller {
    tenant: TenantId,
    actor: Actor,
    role: Option<Role>,
    permissions: Vec<Permission>,
}

impl Caller {
    /// A person, as what they are where they stand.
    #[must_use]
    pub(super) fn person(person: &Person, tenant: TenantId, role: Role) -> Self {
        Self {
            tenant,
            actor: person.actor(),
            role: Some(role),
            permissions: role.permissions().to_vec(),
        }
    }

    /// A machine with a token of this name.
    #[must_use]
    pub(super) fn machine(tenant: TenantId, token: &str, scopes: &[Permission]) -> Self {
        Self {
            tenant,
            actor: Actor(format!("token:{token}")),
            role: None,
            permissions: scopes.to_vec(),
        }
    }

    /// Whose data it reaches.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// For whom it acts: a person for themselves, a machine for whom it names.
    #[must_use]
    pub fn on_behalf(&self, named: Option<String>) -> String {
        let named = named.filter(|_| self.role.is_none());
        named.unwrap_or_else(|| self.actor.to_string())
    }

    /// In which roles it answers: a person in their own, a machine in those it names.
    #[must_use]
    pub fn roles(&self, named: Vec<String>) -> Vec<String> {
        match self.role {
            Some(role) => vec![role.as_str().to_owned()],
            None => named,
        }
    }

    /// Whether it may.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }

    /// Refuses who may not: for what a body asks beyond its route.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn require(&self, permission: Permission) -> Answer<()> {
        if self.may(permission) {
            Ok(())
        } else {
            Err(Problem::new("forbidden"))
        }
    }
}

/// A person who has signed in, wherever they stand.
#[derive(Clone, Debug)]
pub struct Person {
    /// The session.
    pub session: Uuid,
    /// Who it is.
    pub identity: Uuid,
    /// Its e-mail.
    pub email: String,
    /// Its name.
    pub name: String,
    /// Whether it opens and closes tenants.
    pub platform_admin: bool,
    /// Where it stands, as what.
    pub standing: Option<(TenantId, Role)>,
}

impl Person {
    /// By what name its acts are remembered.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor(self.email.clone())
    }
}

/// What the gate found; a handler behind no gate has nothing to ask.
fn found<T: Clone + Send + Sync + 'static>(parts: &Parts) -> Answer<T> {
    parts.extensions.get::<T>().cloned().ok_or_else(|| {
        tracing::error!(
            path = parts.uri.path(),
            "a route asks who calls, and its row does not"
        );
        Problem::new("internal")
    })
}

impl FromRequestParts<Doors> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Doors) -> Answer<Self> {
        found(parts)
    }
}

impl FromRequestParts<Doors> for Person {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Doors) -> Answer<Self> {
        found(parts)
    }
}
