//! What an operator has set for a tenant.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use crate::ids::TenantId;

/// A tenant's row; none when it has the defaults.
#[derive(Debug)]
pub(crate) struct TenantRow {
    pub weight: i32,
    pub max_running: Option<i32>,
    pub max_ready: Option<i32>,
    pub max_cost: Option<Decimal>,
    pub max_tokens: Option<i64>,
    pub max_millis: Option<i64>,
}

/// What is set for a tenant.
pub(crate) async fn get(
    connection: &mut PgConnection,
    tenant: TenantId,
) -> Result<Option<TenantRow>, sqlx::Error> {
    sqlx::query_as!(
        TenantRow,
        r#"
        select weight, max_running, max_ready, max_cost, max_tokens, max_millis
        from engine.tenants
        where tenant_id = $1
        "#,
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
            insert into engine.tenants (
                tenant_id, weight, updated_at, max_running, max_ready, max_cost, max_tokens, max_millis)
            values ($1, $2, $3, $4, $5, $6, $7, $8)
            on conflict (tenant_id) do update
            set weight = excluded.weight, updated_at = excluded.updated_at,
                max_running = excluded.max_running, max_ready = excluded.max_ready,
                max_cost = excluded.max_cost, max_tokens = excluded.max_tokens, max_millis = excluded.max_millis
            "#,
            tenant.0,
            row.weight,
            now,
            row.max_running,
            row.max_ready,
            row.max_cost,
            row.max_tokens,
            row.max_millis,
        )
        .execute(connection)
    )?;
    Ok(())
}
