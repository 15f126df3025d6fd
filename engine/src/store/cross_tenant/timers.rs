//! Waking runs whose time has come.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Makes waiting runs ready whose timer is due; returns how many timers went off.
///
/// A timer of a run that has an owner is only dropped: the owner keeps its own
/// time, and sets the row again when it lets go of the run.
pub(crate) async fn fire(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<i64, sqlx::Error> {
    guarded!(
        "timers.fire",
        sqlx::query_scalar!(
            r#"
            with due as (
                select tenant_id, run_id
                from engine.timers
                where due_at <= $1
                order by due_at
                limit $2
                for update skip locked
            ),
            gone as (
                delete from engine.timers t
                using due d
                where t.tenant_id = d.tenant_id and t.run_id = d.run_id
                returning t.tenant_id, t.run_id
            ),
            woken as (
                insert into engine.ready (tenant_id, run_id, version_id, priority)
                select r.tenant_id, r.id, r.version_id, r.priority
                from gone g
                join engine.runs r on r.tenant_id = g.tenant_id and r.id = g.run_id
                where r.owner is null
                on conflict (tenant_id, run_id) do nothing
            )
            select count(*) as "count!" from gone
            "#,
            now,
            limit,
        )
        .fetch_one(connection)
    )
}
