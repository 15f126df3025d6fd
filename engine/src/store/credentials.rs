//! Secrets of a tenant, sealed: read where they are used, and shown to nobody.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::ids::TenantId;

/// Keeps a secret under a name, in place of the one before.
pub(crate) async fn put(
    connection: &mut PgConnection,
    tenant: TenantId,
    name: &str,
    id: Uuid,
    now: DateTime<Utc>,
    data: &[u8],
) -> Result<(), sqlx::Error> {
    guarded!(
        "credentials.put",
        sqlx::query!(
            r#"
            insert into engine.credentials (tenant_id, name, id, updated_at, data)
            values ($1, $2, $3, $4, $5)
            on conflict (tenant_id, name) do update
            set id = excluded.id, updated_at = excluded.updated_at, data = excluded.data
            "#,
            tenant.0,
            name,
            id,
            now,
            data,
        )
        .execute(connection)
    )?;
    Ok(())
}

/// The secret of this name, with the row that it is sealed for.
pub(crate) async fn get(
    connection: &mut PgConnection,
    tenant: TenantId,
    name: &str,
) -> Result<Option<(Uuid, Vec<u8>)>, sqlx::Error> {
    let row = sqlx::query!(
        r#"select id, data from engine.credentials where tenant_id = $1 and name = $2"#,
        tenant.0,
        name,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| (row.id, row.data)))
}

/// The names there are, and when each was set.
pub(crate) async fn list(
    connection: &mut PgConnection,
    tenant: TenantId,
) -> Result<Vec<(String, DateTime<Utc>)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select name, updated_at from engine.credentials where tenant_id = $1 order by name"#,
        tenant.0,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.name, row.updated_at))
        .collect())
}

/// Forgets a secret; false when there is none of this name.
pub(crate) async fn remove(
    connection: &mut PgConnection,
    tenant: TenantId,
    name: &str,
) -> Result<bool, sqlx::Error> {
    let gone = guarded!(
        "credentials.remove",
        sqlx::query!(
            r#"delete from engine.credentials where tenant_id = $1 and name = $2"#,
            tenant.0,
            name,
        )
        .execute(connection)
    )?;
    Ok(gone.rows_affected() > 0)
}
