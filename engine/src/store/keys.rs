//! Tenants' data keys, sealed by the master key.

use sqlx::PgConnection;

use crate::ids::TenantId;

/// The sealed data key of a tenant.
pub(crate) async fn sealed(
    connection: &mut PgConnection,
    tenant: TenantId,
) -> Result<Option<Vec<u8>>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select sealed from engine.data_keys where tenant_id = $1"#,
        tenant.0,
    )
    .fetch_optional(connection)
    .await
}

/// Keeps a data key, unless the tenant has one by now.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    tenant: TenantId,
    sealed: &[u8],
) -> Result<(), sqlx::Error> {
    guarded!(
        "keys.insert",
        sqlx::query!(
            r#"
            insert into engine.data_keys (tenant_id, sealed)
            values ($1, $2)
            on conflict (tenant_id) do nothing
            "#,
            tenant.0,
            sealed,
        )
        .execute(connection)
    )?;
    Ok(())
}

/// Deletes all rows of the transaction's tenant, its key first.
pub(crate) async fn erase_tenant(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    guarded!(
        "keys.erase_tenant",
        sqlx::query!(r#"select engine.erase_tenant()"#).fetch_one(connection)
    )?;
    Ok(())
}
