//! Bearer tokens of a tenant's machines: only digests of them.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::ids::TenantId;

/// A token as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct TokenRow {
    pub id: Uuid,
    pub name: String,
    pub created_at: DateTime<Utc>,
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Keeps a token's digest.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: Uuid,
    name: &str,
    digest: &[u8],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    guarded!(
        "tokens.insert",
        sqlx::query!(
            r#"insert into engine.tokens (tenant_id, id, name, digest, created_at) values ($1, $2, $3, $4, $5)"#,
            tenant.0,
            id,
            name,
            digest,
            now,
        )
        .execute(connection)
    )?;
    Ok(())
}

/// The token of this digest that is not revoked.
pub(crate) async fn find(
    connection: &mut PgConnection,
    tenant: TenantId,
    digest: &[u8],
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select name from engine.tokens where tenant_id = $1 and digest = $2 and revoked_at is null"#,
        tenant.0,
        digest,
    )
    .fetch_optional(connection)
    .await
}

/// All tokens of a tenant, oldest first.
pub(crate) async fn list(
    connection: &mut PgConnection,
    tenant: TenantId,
) -> Result<Vec<TokenRow>, sqlx::Error> {
    sqlx::query_as!(
        TokenRow,
        r#"select id, name, created_at, revoked_at from engine.tokens where tenant_id = $1 order by id"#,
        tenant.0,
    )
    .fetch_all(connection)
    .await
}

/// Revokes a token; false when there is none, or it was revoked before.
pub(crate) async fn revoke(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let revoked = guarded!(
        "tokens.revoke",
        sqlx::query!(
            r#"update engine.tokens set revoked_at = $3 where tenant_id = $1 and id = $2 and revoked_at is null"#,
            tenant.0,
            id,
            now,
        )
        .execute(connection)
    )?;
    Ok(revoked.rows_affected() > 0)
}
