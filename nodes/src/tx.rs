//! The one bridge between the engine's transactions and the domain's store.

pub use engine::store::Tx;

use domain::ids::TenantId;
use domain::store::TenantTx;

/// The same transaction, for the statements of `domain::store`.
///
/// The engine has set role and tenant; what the domain writes commits with the
/// step's outcome, or not at all.
pub fn tenant<'a>(tx: &'a mut Tx<'_>) -> TenantTx<'a> {
    let tenant = TenantId(tx.tenant().0);
    TenantTx::within(tx.connection(), tenant)
}
