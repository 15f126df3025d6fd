//! Sessions of people: only digests of what their browsers hold.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::tx::{IdentityTx, StoreError, during};

/// A session to be kept.
#[derive(Debug)]
pub struct New<'a> {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub identity: Uuid,
    /// Of the cookie.
    pub digest: &'a [u8],
    /// Where it stands.
    pub stands_in: Option<Uuid>,
    /// From where it was opened.
    pub address: &'a str,
    /// With what.
    pub agent: &'a str,
}

/// Since when a session must have been opened, and seen, to count.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Opened after.
    pub opened_after: DateTime<Utc>,
    /// Seen after.
    pub seen_after: DateTime<Utc>,
}

/// A session that counts, and whose it is.
#[derive(Debug)]
pub struct Open {
    /// Its id.
    pub session: Uuid,
    /// When it was last seen.
    pub seen_at: DateTime<Utc>,
    /// Whose it is.
    pub identity: Uuid,
    /// Its e-mail.
    pub email: String,
    /// Its name.
    pub name: String,
    /// Whether it opens and closes tenants.
    pub platform_admin: bool,
    /// Where it stands.
    pub stands_in: Option<Uuid>,
    /// What it is there; none when it does not belong there any more.
    pub role: Option<String>,
}

/// Keeps a session.
///
/// # Errors
/// When the database refuses or does not answer.
pub async fn insert(
    tx: &mut IdentityTx,
    new: &New<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into copro.sessions (id, identity_id, digest, stands_in, address, agent, created_at, seen_at)
        values ($1, $2, $3, $4, $5, $6, $7, $7)
        "#,
        new.id,
        new.identity,
        new.digest,
        new.stands_in,
        new.address,
        new.agent,
        now,
    )
    .execute(tx.connection())
    .await
    .map_err(during("keep a session"))?;
    Ok(())
}

/// The session of this digest, if it counts; one of the demo only with `demo`.
///
/// # Errors
/// When the database does not answer.
pub async fn find(
    tx: &mut IdentityTx,
    digest: &[u8],
    bounds: Bounds,
    demo: bool,
) -> Result<Option<Open>, StoreError> {
    sqlx::query_as!(
        Open,
        r#"
        select s.id as session, s.seen_at, i.id as identity, i.email, i.name, i.platform_admin,
            s.stands_in, m.role as "role?"
        from copro.sessions s
        join copro.identities i on i.id = s.identity_id
        left join copro.memberships m on m.tenant_id = s.stands_in and m.identity_id = s.identity_id
        where s.digest = $1 and s.created_at > $2 and s.seen_at > $3
            and i.disabled_at is null and (not i.demo or $4)
        "#,
        digest,
        bounds.opened_after,
        bounds.seen_after,
        demo,
    )
    .fetch_optional(tx.connection())
    .await
    .map_err(during("find a session"))
}

/// Notes that a session was seen.
///
/// # Errors
/// When the database does not answer.
pub async fn see(tx: &mut IdentityTx, session: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        r#"update copro.sessions set seen_at = $2 where id = $1"#,
        session,
        now
    )
    .execute(tx.connection())
    .await
    .map_err(during("note a session"))?;
    Ok(())
}

/// Stands elsewhere, under another digest; false when the session is gone, or
/// its identity does not belong there.
///
/// # Errors
/// When the database does not answer.
pub async fn stand(
    tx: &mut IdentityTx,
    session: Uuid,
    tenant: Uuid,
    digest: &[u8],
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        r#"
        update copro.sessions s set stands_in = $2, digest = $3
        where s.id = $1 and exists (
            select from copro.memberships m where m.tenant_id = $2 and m.identity_id = s.identity_id
        )
        "#,
        session,
        tenant,
        digest,
    )
    .execute(tx.connection())
    .await
    .map_err(during("stand in a tenant"))?;
    Ok(done.rows_affected() > 0)
}

/// A session as its owner sees it.
#[derive(Debug)]
pub struct Listed {
    /// Its id.
    pub id: Uuid,
    /// From where it was opened.
    pub address: String,
    /// With what.
    pub agent: String,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// When it was last seen.
    pub seen_at: DateTime<Utc>,
}

/// The sessions of an identity that count, last seen first.
///
/// # Errors
/// When the database does not answer.
pub async fn list(
    tx: &mut IdentityTx,
    identity: Uuid,
    bounds: Bounds,
) -> Result<Vec<Listed>, StoreError> {
    sqlx::query_as!(
        Listed,
        r#"
        select id, address, agent, created_at, seen_at from copro.sessions
        where identity_id = $1 and created_at > $2 and seen_at > $3
        order by seen_at desc, id
        limit 100
        "#,
        identity,
        bounds.opened_after,
        bounds.seen_after,
    )
    .fetch_all(tx.connection())
    .await
    .map_err(during("list sessions"))
}

/// Ends one session of an identity; false when it has none of this id.
///
/// # Errors
/// When the database does not answer.
pub async fn end(tx: &mut IdentityTx, identity: Uuid, session: Uuid) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        r#"delete from copro.sessions where id = $1 and identity_id = $2"#,
        session,
        identity,
    )
    .execute(tx.connection())
    .await
    .map_err(during("end a session"))?;
    Ok(done.rows_affected() > 0)
}

/// Ends all sessions of an identity.
///
/// # Errors
/// When the database does not answer.
pub async fn end_all(tx: &mut IdentityTx, identity: Uuid) -> Result<(), StoreError> {
    sqlx::query!(
        r#"delete from copro.sessions where identity_id = $1"#,
        identity
    )
    .execute(tx.connection())
    .await
    .map_err(during("end all sessions"))?;
    Ok(())
}

/// Ends the session of this digest, whoever's it is, and those of an identity that count no more.
///
/// # Errors
/// When the database does not answer.
pub async fn tidy(
    tx: &mut IdentityTx,
    identity: Uuid,
    presented: Option<&[u8]>,
    bounds: Bounds,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        delete from copro.sessions
        where digest = $2 or (identity_id = $1 and (created_at <= $3 or seen_at <= $4))
        "#,
        identity,
        presented,
        bounds.opened_after,
        bounds.seen_after,
    )
    .execute(tx.connection())
    .await
    .map_err(during("end old sessions"))?;
    Ok(())
}
