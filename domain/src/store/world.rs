//! A whole portfolio, loaded at once.

use super::{
    StoreError, TenantTx, cards, cheques, condominiums, owners, receivables, sepa, suppliers,
};
use crate::world::World;

/// Loads a portfolio, its bank lines apart (see
/// [`bank_transactions::import`](super::bank_transactions::import)).
///
/// A record that is there already, by its id in the source, is left as it is:
/// loading twice adds nothing.
///
/// # Errors
/// When the database refuses or does not answer; then nothing is kept, as the
/// caller's transaction is void.
pub async fn load(tx: &mut TenantTx<'_>, world: &World) -> Result<(), StoreError> {
    condominiums::insert(tx, &world.condominiums).await?;
    condominiums::insert_accounts(tx, &world.condominiums).await?;
    owners::insert(tx, &world.owners).await?;
    owners::insert_persons(tx, &world.owners).await?;
    owners::insert_mandates(tx, &world.owners).await?;
    owners::insert_lots(tx, &world.lots).await?;
    owners::insert_ownerships(tx, &world.lots).await?;
    receivables::insert(tx, &world.receivables).await?;
    receivables::insert_lots(tx, &world.receivables).await?;
    suppliers::insert(tx, &world.suppliers).await?;
    suppliers::insert_invoices(tx, &world.invoices).await?;
    sepa::insert(tx, &world.batches).await?;
    sepa::insert_entries(tx, &world.batches).await?;
    cheques::insert(tx, &world.slips).await?;
    cheques::insert_cheques(tx, &world.slips).await?;
    cheques::insert_parts(tx, &world.slips).await?;
    cards::insert(tx, &world.payouts).await?;
    cards::insert_charges(tx, &world.payouts).await
}
