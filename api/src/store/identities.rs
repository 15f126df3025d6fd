//! Identities: whoever may sign in.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::tx::{IdentityTx, StoreError, during};

/// What sign-in compares.
#[derive(Debug)]
pub struct Known {
    /// Its id.
    pub id: Uuid,
    /// Argon2id, if it has a password.
    pub password_hash: Option<String>,
    /// Whether its password is public.
    pub demo: bool,
}

/// An identity to be made.
#[derive(Debug)]
pub struct New<'a> {
    /// Its id.
    pub id: Uuid,
    /// In small letters.
    pub email: &'a str,
    /// What people read.
    pub name: &'a str,
    /// Argon2id, if it has a password.
    pub password_hash: Option<&'a str>,
    /// Whether its password is public.
    pub demo: bool,
}

/// The identity of this e-mail that may sign in; one of the demo only with `demo`.
///
/// # Errors
/// When the database does not answer.
pub async fn find(
    tx: &mut IdentityTx,
    email: &str,
    demo: bool,
) -> Result<Option<Known>, StoreError> {
    sqlx::query_as!(
        Known,
        r#"
        select id, password_hash, demo from copro.identities
        where email = $1 and disabled_at is null and (not demo or $2)
        "#,
        email,
        demo,
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(during("find an identity"))
}

/// The identity of this id.
///
/// # Errors
/// When the database does not answer.
pub async fn get(tx: &mut IdentityTx, id: Uuid) -> Result<Option<Known>, StoreError> {
    sqlx::query_as!(
        Known,
        r#"select id, password_hash, demo from copro.identities where id = $1 and disabled_at is null"#,
        id,
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(during("read an identity"))
}

/// Sets an identity's password.
///
/// # Errors
/// When the database does not answer.
pub async fn set_password(tx: &mut IdentityTx, id: Uuid, hash: &str) -> Result<(), StoreError> {
    sqlx::query!(
        r#"update copro.identities set password_hash = $2 where id = $1"#,
        id,
        hash
    )
    .execute(tx.connection())
    .await
    .map_err(during("set a password"))?;
    Ok(())
}

/// Makes an identity, unless there is one of this e-mail; its id.
///
/// # Errors
/// When the database refuses or does not answer.
pub async fn ensure(
    tx: &mut IdentityTx,
    new: &New<'_>,
    now: DateTime<Utc>,
) -> Result<Uuid, StoreError> {
    sqlx::query!(
        r#"
        insert into copro.identities (id, email, name, password_hash, demo, created_at)
        values ($1, $2, $3, $4, $5, $6)
        on conflict (email) do nothing
        "#,
        new.id,
        new.email,
        new.name,
        new.password_hash,
        new.demo,
        now,
    )
    .execute(tx.connection())
    .await
    .map_err(during("make an identity"))?;
    sqlx::query_scalar!(
        r#"select id from copro.identities where email = $1"#,
        new.email
    )
    .fetch_one(tx.connection())
    .await
    .map_err(during("find an identity"))
}

/// An account of the demo, in one of its tenants.
#[derive(Debug)]
pub struct DemoAccount {
    /// With what it signs in.
    pub email: String,
    /// What people read.
    pub name: String,
    /// Its role there.
    pub role: String,
    /// The tenant's name.
    pub tenant: String,
}

/// The accounts of the demo, with each of their tenants.
///
/// # Errors
/// When the database does not answer.
pub async fn of_demo(tx: &mut IdentityTx) -> Result<Vec<DemoAccount>, StoreError> {
    sqlx::query_as!(
        DemoAccount,
        r#"
        select i.email, i.name, m.role, t.name as tenant
        from copro.identities i
        join copro.memberships m on m.identity_id = i.id
        join copro.tenants t on t.tenant_id = m.tenant_id
        where i.demo and i.disabled_at is null
        order by i.id, t.name
        limit 100
        "#,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(during("list the demo's accounts"))
}
