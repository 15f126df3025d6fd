//! Who belongs to which tenant, as what.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::tx::{IdentityTx, StoreError, during};

/// A tenant of an identity.
#[derive(Debug)]
pub struct Membership {
    /// The tenant.
    pub tenant: Uuid,
    /// What people call it.
    pub name: String,
    /// What the identity is there.
    pub role: String,
}

/// The tenants of an identity, by name.
///
/// # Errors
/// When the database does not answer.
pub async fn of(tx: &mut IdentityTx, identity: Uuid) -> Result<Vec<Membership>, StoreError> {
    sqlx::query_as!(
        Membership,
        r#"
        select m.tenant_id as tenant, t.name, m.role
        from copro.memberships m
        join copro.tenants t on t.tenant_id = m.tenant_id
        where m.identity_id = $1
        order by t.name, m.tenant_id
        limit 1000
        "#,
        identity,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(during("list the tenants of an identity"))
}

/// Makes an identity a member, unless it is one already.
///
/// # Errors
/// When the database refuses or does not answer.
pub async fn ensure(
    tx: &mut IdentityTx,
    tenant: Uuid,
    identity: Uuid,
    role: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into copro.memberships (tenant_id, identity_id, role, created_at)
        values ($1, $2, $3, $4)
        on conflict (tenant_id, identity_id) do nothing
        "#,
        tenant,
        identity,
        role,
        now,
    )
    .execute(tx.connection())
    .await
    .map_err(during("make a member"))?;
    Ok(())
}
