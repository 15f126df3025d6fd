//! What an operator has set for a tenant.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::ids::TenantId;

/// A tenant's row; none when it has the defaults.
#[derive(Debug)]
pub(crate) struct TenantRow {
    pub weight: i32,
}

/// What is set for a tenant.
pub(crate) async fn get(
    connection: &mut PgConnection,
    tenant: TenantId,
) -> Result<Option<TenantRow>, sqlx::Error> {
    sqlx::query_as!(
        TenantRow,
        r#"select weight from engine.tenants where tenant_id = $1"#,
        tenant.0,
    )
    .fetch_optional(connection)
    .await
}

/// Sets it.
pub(crate) async fn set(
    connection: &mut PgConnection,
    tenant: TenantId,
    row: TenantRow,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    guarded!(
        "tenants.set",
        sqlx::query!(
            r#"
            insert into engine.tenants (tenant_id, weight, updated_at)
            values ($1, $2, $3)
            on conflict (tenant_id) do update set weight = excluded.weight, updated_at = excluded.updated_at
            "#,
            tenant.0,
            row.weight,
            now,
        )
        .execute(connection)
    )?;
    Ok(())
}
