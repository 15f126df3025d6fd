//! A small, hand-made portfolio, for tests here and above.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::{PgPool, Postgres, Transaction};
use uuid::Uuid;

use super::{StoreError, TenantTx, bank_transactions, condominiums, tenants, world};
use crate::ids::{CondominiumId, TenantId};
use crate::world::World;

/// The tenant that the portfolio belongs to.
pub const TENANT: TenantId = TenantId(Uuid::from_u128(1));
/// Another tenant, whose rows nobody may see.
pub const STRANGER: TenantId = TenantId(Uuid::from_u128(2));
/// Source of the lines.
pub const SOURCE: &str = "import";
/// Name of the condominium with most of the lines.
pub const TILLEULS: &str = "Résidence des Tilleuls";

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../tests/worlds/small/", $name)))),*]
    };
}

/// An instant after all lines; tests bring their own time.
#[must_use]
pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_750_000_000, 0).unwrap_or_default()
}

/// Two condominiums, seven owners, a dozen lines.
///
/// # Panics
/// When the files beside the tests are no world.
#[must_use]
pub fn small() -> World {
    let files = files![
        "condominiums.json",
        "owners.json",
        "lots.json",
        "receivables.json",
        "suppliers.json",
        "invoices.json",
        "sepa_batches.json",
        "cheque_deposits.json",
        "card_payouts.json",
        "transactions.json",
    ];
    let files: BTreeMap<String, String> = files
        .into_iter()
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .collect();
    World::parse(&files).expect("the small portfolio is a world")
}

/// Makes the tenant and loads a portfolio with its lines.
///
/// # Errors
/// When the database refuses it; then nothing is kept.
pub async fn load(pool: &PgPool, tenant: TenantId, portfolio: &World) -> Result<(), StoreError> {
    let mut transaction = begin(pool).await?;
    let mut tx = TenantTx::enter(&mut transaction, tenant).await?;
    tenants::create(&mut tx, "Gestion du Lac", false).await?;
    world::load(&mut tx, portfolio).await?;
    bank_transactions::import(&mut tx, SOURCE, &portfolio.transactions, now()).await?;
    tx.check().await?;
    transaction
        .commit()
        .await
        .map_err(StoreError::during("keep the portfolio"))
}

/// A transaction of the application's login, that no role has entered yet.
///
/// # Errors
/// When the database does not answer.
pub async fn begin(pool: &PgPool) -> Result<Transaction<'static, Postgres>, StoreError> {
    pool.begin()
        .await
        .map_err(StoreError::during("begin a transaction"))
}

/// The condominium of that name.
///
/// # Errors
/// When the database does not answer.
///
/// # Panics
/// When there is none.
pub async fn condominium(tx: &mut TenantTx<'_>, name: &str) -> Result<CondominiumId, StoreError> {
    let list = condominiums::list(tx).await?;
    let found = list.into_iter().find(|listed| listed.name == name);
    Ok(found.expect("a condominium of that name").id)
}
