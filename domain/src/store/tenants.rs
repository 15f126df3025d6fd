//! Tenants: the managers whose data it is.

use super::{StoreError, TenantTx};

/// Makes the tenant of the transaction, once.
///
/// A disposable one is made for a trial: only such a tenant can be erased.
///
/// # Errors
/// When the database refuses or does not answer.
pub async fn create(tx: &mut TenantTx<'_>, name: &str, disposable: bool) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "insert into copro.tenants (tenant_id, name, disposable) values ($1, $2, $3) on conflict do nothing",
        tenant.0,
        name,
        disposable,
    )
    .execute(tx.connection())
    .await
    .map_err(StoreError::during("make the tenant"))?;
    Ok(())
}

/// Throws away the tenant of the transaction with all it has; false, and
/// nothing is touched, when it is not disposable.
///
/// # Errors
/// When the database refuses or does not answer.
pub async fn erase(tx: &mut TenantTx<'_>) -> Result<bool, StoreError> {
    let erased = sqlx::query_scalar!(r#"select copro.erase_tenant() as "erased!""#)
        .fetch_one(tx.connection())
        .await
        .map_err(StoreError::during("erase the tenant"))?;
    Ok(erased)
}
