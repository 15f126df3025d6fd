//! What comes to a run from outside: written here, consumed in its owner's checkpoint.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::ids::{RunId, TenantId};

/// Leaves a message to an open run, and makes the run ready when nobody owns
/// it; false when there is no such open run, and nothing was written.
///
/// The row's lock makes a message and the release of the run take turns: the
/// release sees `mail`, or the message sees the release.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    tenant: TenantId,
    run: RunId,
    kind: &str,
    now: DateTime<Utc>,
    data: &[u8],
) -> Result<bool, sqlx::Error> {
    let open = guarded!(
        "inbox.insert",
        sqlx::query_scalar!(
            r#"
            with run as (
                update engine.runs
                set mail = true
                where tenant_id = $1 and id = $2
                returning tenant_id, id, version_id, priority, owner
            ),
            message as (
                insert into engine.inbox (tenant_id, run_id, kind, sent_at, data)
                select tenant_id, id, $3, $4, $5 from run
            ),
            woken as (
                insert into engine.ready (tenant_id, run_id, version_id, priority)
                select tenant_id, id, version_id, priority from run where owner is null
                on conflict (tenant_id, run_id) do nothing
            )
            select count(*) as "count!" from run
            "#,
            tenant.0,
            run.0,
            kind,
            now,
            data,
        )
        .fetch_one(connection)
    )?;
    Ok(open > 0)
}
