//! Taking ready runs, and what they need to go on.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::ids::{RunId, TenantId, VersionId, WorkerId};
use crate::store::steps::{StoredItems, StoredStep};

/// A run that is this worker's from now on.
#[derive(Clone, Debug)]
pub(crate) struct Claimed {
    pub tenant: TenantId,
    pub run: RunId,
    pub version: VersionId,
    pub epoch: i32,
    /// Takeovers since its last progress.
    pub takeovers: i16,
    /// Whether there are attempts to load.
    pub recorded: bool,
    pub created_at: DateTime<Utc>,
    pub data: Vec<u8>,
    /// Whether there are messages to load.
    pub mail: bool,
}

/// What to claim.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Appetite<'a> {
    pub worker: WorkerId,
    pub limit: i64,
    /// Versions that this worker has no nodes for.
    pub refused: &'a [Uuid],
    /// Claim a run that must run alone, instead of others.
    pub alone: bool,
    pub now: DateTime<Utc>,
}

/// Takes ready runs, oldest first, that no other worker is taking.
///
/// The rows are locked in a CTE, so that the limit holds whatever the plan. A
/// row of a run that has an owner already is dropped: its wake-up came while
/// it ran, and its owner reads the inbox itself.
pub(crate) async fn claim(
    connection: &mut PgConnection,
    appetite: Appetite<'_>,
) -> Result<Vec<Claimed>, sqlx::Error> {
    if appetite.alone {
        return claim_alone(connection, appetite).await;
    }
    guarded!(
        "claim.claim",
        sqlx::query_as!(
            Claimed,
            r#"
            with due as (
                select tenant_id, run_id
                from engine.ready
                where not alone and version_id <> all ($3::uuid[])
                order by position
                limit $2
                for update skip locked
            ),
            taken as (
                delete from engine.ready r
                using due d
                where r.tenant_id = d.tenant_id and r.run_id = d.run_id
                returning r.tenant_id, r.run_id
            ),
            spent as (
                delete from engine.timers t
                using taken d
                where t.tenant_id = d.tenant_id and t.run_id = d.run_id
            )
            update engine.runs r
            set owner = $1, epoch = r.epoch + 1, status = 'running', started_at = coalesce(r.started_at, $4)
            from taken t
            where r.tenant_id = t.tenant_id and r.id = t.run_id and r.owner is null
            returning r.tenant_id as "tenant: TenantId", r.id as "run: RunId", r.version_id as "version: VersionId",
                r.epoch, r.takeovers, r.recorded, r.created_at, r.data,
                r.mail
            "#,
            appetite.worker.0,
            appetite.limit,
            appetite.refused,
            appetite.now,
        )
        .fetch_all(connection)
    )
}

/// Takes one run whose owners died again and again; this worker runs nothing else meanwhile.
async fn claim_alone(
    connection: &mut PgConnection,
    appetite: Appetite<'_>,
) -> Result<Vec<Claimed>, sqlx::Error> {
    guarded!(
        "claim.claim_alone",
        sqlx::query_as!(
            Claimed,
            r#"
            with due as (
                select tenant_id, run_id
                from engine.ready
                where alone and version_id <> all ($2::uuid[])
                order by position
                limit 1
                for update skip locked
            ),
            taken as (
                delete from engine.ready r
                using due d
                where r.tenant_id = d.tenant_id and r.run_id = d.run_id
                returning r.tenant_id, r.run_id
            )
            update engine.runs r
            set owner = $1, epoch = r.epoch + 1, status = 'running', started_at = coalesce(r.started_at, $3)
            from taken t
            where r.tenant_id = t.tenant_id and r.id = t.run_id and r.owner is null
            returning r.tenant_id as "tenant: TenantId", r.id as "run: RunId", r.version_id as "version: VersionId",
                r.epoch, r.takeovers, r.recorded, r.created_at, r.data,
                r.mail
            "#,
            appetite.worker.0,
            appetite.refused,
            appetite.now,
        )
        .fetch_all(connection)
    )
}

/// Whether a run waits to be run alone.
pub(crate) async fn any_alone(
    connection: &mut PgConnection,
    refused: &[Uuid],
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        select exists (
            select from engine.ready where alone and version_id <> all ($1::uuid[])
        ) as "any!"
        "#,
        refused,
    )
    .fetch_one(connection)
    .await
}

/// Gives a claimed run back as it is recorded. `blamed` counts as a takeover:
/// it broke its worker's task, and must not do so for ever.
pub(crate) async fn give_back(
    connection: &mut PgConnection,
    worker: WorkerId,
    tenant: TenantId,
    run: RunId,
    epoch: i32,
    blamed: bool,
) -> Result<(), sqlx::Error> {
    guarded!(
        "claim.give_back",
        sqlx::query!(
            r#"
            with freed as (
                update engine.runs
                set owner = null, status = 'queued', takeovers = takeovers + $5::boolean::integer::smallint
                where tenant_id = $1 and id = $2 and owner = $3 and epoch = $4
                returning tenant_id, id, version_id, takeovers
            )
            insert into engine.ready (tenant_id, run_id, version_id, alone)
            select tenant_id, id, version_id, takeovers >= 3 from freed
            on conflict (tenant_id, run_id) do nothing
            "#,
            tenant.0,
            run.0,
            worker.0,
            epoch,
            blamed,
        )
        .execute(connection)
    )?;
    Ok(())
}

/// Attempts of these runs.
pub(crate) async fn steps(
    connection: &mut PgConnection,
    tenants: &[Uuid],
    runs: &[Uuid],
) -> Result<Vec<StoredStep>, sqlx::Error> {
    sqlx::query_as!(
        StoredStep,
        r#"
        select s.tenant_id, s.run_id, s.step, s.attempt, s.status, s.started_at, s.ended_at, s.data
        from unnest($1::uuid[], $2::uuid[]) as w (tenant_id, run_id)
        join engine.steps s on s.tenant_id = w.tenant_id and s.run_id = w.run_id
        order by s.tenant_id, s.run_id, s.step, s.attempt
        "#,
        tenants,
        runs,
    )
    .fetch_all(connection)
    .await
}

/// Chunks of these runs' loops.
pub(crate) async fn items(
    connection: &mut PgConnection,
    tenants: &[Uuid],
    runs: &[Uuid],
) -> Result<Vec<StoredItems>, sqlx::Error> {
    sqlx::query_as!(
        StoredItems,
        r#"
        select i.tenant_id, i.run_id, i.step, i.chunk, i.data
        from unnest($1::uuid[], $2::uuid[]) as w (tenant_id, run_id)
        join engine.items i on i.tenant_id = w.tenant_id and i.run_id = w.run_id
        order by i.tenant_id, i.run_id, i.step, i.chunk
        "#,
        tenants,
        runs,
    )
    .fetch_all(connection)
    .await
}

/// A message to a run.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    pub tenant: TenantId,
    pub run: RunId,
    pub id: i64,
    pub sent_at: DateTime<Utc>,
    pub data: Vec<u8>,
}

/// Messages to the runs that this worker owns, in the order they were sent.
pub(crate) async fn mail(
    connection: &mut PgConnection,
    worker: WorkerId,
) -> Result<Vec<Mail>, sqlx::Error> {
    sqlx::query_as!(
        Mail,
        r#"
        select i.tenant_id as "tenant: TenantId", i.run_id as "run: RunId", i.id, i.sent_at, i.data
        from engine.inbox i
        join engine.runs r on r.tenant_id = i.tenant_id and r.id = i.run_id
        where r.owner = $1
        order by i.id
        "#,
        worker.0,
    )
    .fetch_all(connection)
    .await
}
