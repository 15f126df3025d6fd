//! Taking runs from workers that died.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::ids::WorkerId;

/// Locks one worker without a heartbeat for `dead_after` seconds; others skip it.
pub(crate) async fn lock_dead(
    connection: &mut PgConnection,
    dead_after: f64,
) -> Result<Option<Uuid>, sqlx::Error> {
    guarded!(
        "rescue.lock_dead",
        sqlx::query_scalar!(
            r#"
            select id
            from engine.workers
            where beat_at < clock_timestamp() - make_interval(secs => $1)
            order by beat_at
            limit 1
            for update skip locked
            "#,
            dead_after,
        )
        .fetch_optional(connection)
    )
}

/// Makes the runs of a locked, dead worker ready again, under a new epoch.
///
/// Walks the open runs: `owner` changes too often to be indexed, and workers
/// die rarely. After three takeovers without progress a run is to run alone.
pub(crate) async fn take_over(
    connection: &mut PgConnection,
    dead: Uuid,
) -> Result<i64, sqlx::Error> {
    guarded!(
        "rescue.take_over",
        sqlx::query_scalar!(
            r#"
            with freed as (
                update engine.runs
                set owner = null, epoch = epoch + 1, takeovers = takeovers + 1, status = 'queued'
                where owner = $1
                returning tenant_id, id, version_id, priority, takeovers
            ),
            queued as (
                insert into engine.ready (tenant_id, run_id, version_id, priority, alone)
                select tenant_id, id, version_id, priority, takeovers >= 3 from freed
                on conflict (tenant_id, run_id) do nothing
            )
            select count(*) as "count!" from freed
            "#,
            dead,
        )
        .fetch_one(connection)
    )
}

/// Removes a dead worker whose runs were taken over.
pub(crate) async fn bury(connection: &mut PgConnection, dead: Uuid) -> Result<(), sqlx::Error> {
    guarded!(
        "rescue.bury",
        sqlx::query!(r#"delete from engine.workers where id = $1"#, dead).execute(connection)
    )?;
    Ok(())
}

/// Makes runs ready whose owner left no row behind: it was buried while it still wrote.
pub(crate) async fn adopt_orphans(connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    guarded!(
        "rescue.adopt_orphans",
        sqlx::query_scalar!(
            r#"
            with freed as (
                update engine.runs r
                set owner = null, epoch = epoch + 1, takeovers = takeovers + 1, status = 'queued'
                where owner is not null
                  and not exists (select from engine.workers w where w.id = r.owner)
                returning tenant_id, id, version_id, priority, takeovers
            ),
            queued as (
                insert into engine.ready (tenant_id, run_id, version_id, priority, alone)
                select tenant_id, id, version_id, priority, takeovers >= 3 from freed
                on conflict (tenant_id, run_id) do nothing
            )
            select count(*) as "count!" from freed
            "#,
        )
        .fetch_one(connection)
    )
}

/// Makes runs ready again that a worker owns and does not know of: the answer
/// to its claim was lost.
pub(crate) async fn disown(
    connection: &mut PgConnection,
    worker: WorkerId,
    known: (&[Uuid], &[Uuid]),
) -> Result<i64, sqlx::Error> {
    guarded!(
        "rescue.disown",
        sqlx::query_scalar!(
            r#"
            with freed as (
                update engine.runs r
                set owner = null, epoch = epoch + 1, status = 'queued'
                where owner = $1
                  and not exists (
                    select from unnest($2::uuid[], $3::uuid[]) as k (tenant_id, run_id)
                    where k.tenant_id = r.tenant_id and k.run_id = r.id)
                returning tenant_id, id, version_id, priority, takeovers
            ),
            queued as (
                insert into engine.ready (tenant_id, run_id, version_id, priority, alone)
                select tenant_id, id, version_id, priority, takeovers >= 3 from freed
                on conflict (tenant_id, run_id) do nothing
            )
            select count(*) as "count!" from freed
            "#,
            worker.0,
            known.0,
            known.1,
        )
        .fetch_one(connection)
    )
}
