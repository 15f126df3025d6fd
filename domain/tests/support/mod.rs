//! A tenant with a small, hand-made portfolio in a database of its own.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};
use database::testing::TestDb;
use domain::ids::{CondominiumId, TenantId};
use domain::store::{StoreError, TenantTx, bank_transactions, condominiums, tenants, world};
use domain::world::World;
use sqlx::{PgPool, Postgres, Transaction};
use uuid::Uuid;

/// The tenant that the portfolio belongs to.
pub const TENANT: TenantId = TenantId(Uuid::from_u128(1));
/// Another tenant, whose rows nobody may see.
pub const STRANGER: TenantId = TenantId(Uuid::from_u128(2));

/// An instant; tests bring their own time.
pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_750_000_000, 0).expect("an instant")
}

/// The world in a folder below `tests/worlds`.
pub fn world(name: &str) -> World {
    read_world(
        &Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/worlds")
            .join(name),
    )
}

/// The world in a folder.
pub fn read_world(folder: &Path) -> World {
    let text = |name: &&str| {
        (
            name.to_string(),
            std::fs::read_to_string(folder.join(name)).unwrap_or_default(),
        )
    };
    let files: BTreeMap<String, String> = World::FILES.iter().map(text).collect();
    World::parse(&files).unwrap_or_else(|errors| panic!("{}: {errors:?}", folder.display()))
}

/// A database in which the small portfolio is loaded, lines included.
pub async fn small() -> (TestDb, World) {
    let db = TestDb::new().await;
    let world = world("small");
    load(&db.pool(), TENANT, &world)
        .await
        .expect("the portfolio loads");
    (db, world)
}

/// Loads a portfolio with its lines.
pub async fn load(pool: &PgPool, tenant: TenantId, portfolio: &World) -> Result<(), StoreError> {
    let mut transaction = begin(pool).await;
    let mut tx = TenantTx::enter(&mut transaction, tenant).await?;
    tenants::create(&mut tx, "Gestion du Lac", false).await?;
    world::load(&mut tx, portfolio).await?;
    bank_transactions::import(&mut tx, "import", &portfolio.transactions, now()).await?;
    tx.check().await?;
    transaction.commit().await.expect("commit");
    Ok(())
}

/// A transaction of the application's login.
pub async fn begin(pool: &PgPool) -> Transaction<'static, Postgres> {
    pool.begin().await.expect("a transaction")
}

/// The condominium of that name.
pub async fn condominium(tx: &mut TenantTx<'_>, name: &str) -> CondominiumId {
    let list = condominiums::list(tx).await.expect("condominiums");
    list.into_iter()
        .find(|listed| listed.name == name)
        .expect("a condominium of that name")
        .id
}
