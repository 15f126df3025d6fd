//! What comes to a run from outside: written here, consumed in its owner's checkpoint.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::ids::{RunId, TenantId};

/// Locks an open run and tells whether it has an owner; none when there is no such open run.
///
/// The lock makes a message and the release of the run take turns: either the
/// release sees the message, or the message sees the release.
pub(crate) async fn lock_run(
    connection: &mut PgConnection,
    tenant: TenantId,
    run: RunId,
) -> Result<Option<bool>, sqlx::Error> {
    guarded!(
        "inbox.lock_run",
        sqlx::query_scalar!(
            r#"
            select owner is not null as "owned!"
            from engine.runs
            where tenant_id = $1 and id = $2
            for no key update
            "#,
            tenant.0,
            run.0,
        )
        .fetch_optional(connection)
    )
}

/// Leaves a message to a run.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    tenant: TenantId,
    run: RunId,
    kind: &str,
    now: DateTime<Utc>,
    data: &[u8],
) -> Result<(), sqlx::Error> {
    guarded!(
        "inbox.insert",
        sqlx::query!(
            r#"
            insert into engine.inbox (tenant_id, run_id, kind, sent_at, data)
            values ($1, $2, $3, $4, $5)
            "#,
            tenant.0,
            run.0,
            kind,
            now,
            data,
        )
        .execute(connection)
    )?;
    Ok(())
}

/// Makes a locked run that nobody owns ready, so that its message is read.
pub(crate) async fn wake(
    connection: &mut PgConnection,
    tenant: TenantId,
    run: RunId,
) -> Result<(), sqlx::Error> {
    guarded!(
        "inbox.wake",
        sqlx::query!(
            r#"
            insert into engine.ready (tenant_id, run_id, version_id)
            select tenant_id, id, version_id
            from engine.runs
            where tenant_id = $1 and id = $2 and owner is null
            on conflict (tenant_id, run_id) do nothing
            "#,
            tenant.0,
            run.0,
        )
        .execute(connection)
    )?;
    Ok(())
}
