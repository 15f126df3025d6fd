//! The flush: checkpoints of all runs of a worker, in one statement.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::ids::{RunId, TenantId, WorkerId};
use crate::store::steps::{ItemColumns, Records, StepColumns};

/// What one run has to write.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoint {
    pub tenant: TenantId,
    pub run: RunId,
    pub epoch: i32,
    pub records: Records,
    /// Whether there is an outcome among the records: takeovers are counted anew.
    pub progress: bool,
    pub then: Then,
}

/// What becomes of the run with its checkpoint.
#[derive(Clone, Debug)]
pub(crate) enum Then {
    /// Its owner goes on.
    GoOn,
    /// Its owner lets go: it waits for a message, or for this instant.
    Wait(Option<DateTime<Utc>>),
    /// Its owner lets go, any worker goes on.
    Yield,
    /// It moves to history.
    End {
        status: &'static str,
        at: DateTime<Utc>,
        result: Vec<u8>,
    },
}

impl Then {
    const fn status(&self) -> &'static str {
        match self {
            Self::GoOn => "running",
            Self::Wait(_) => "waiting",
            Self::Yield => "queued",
            Self::End { status, .. } => status,
        }
    }
}

#[derive(Default)]
struct Batch<'a> {
    tenants: Vec<Uuid>,
    runs: Vec<Uuid>,
    epochs: Vec<i32>,
    statuses: Vec<&'a str>,
    progress: Vec<bool>,
    due_at: Vec<Option<DateTime<Utc>>>,
    ended_at: Vec<Option<DateTime<Utc>>>,
    results: Vec<Option<&'a [u8]>>,
    step_tenants: Vec<Uuid>,
    step_runs: Vec<Uuid>,
    steps: StepColumns<'a>,
    item_tenants: Vec<Uuid>,
    item_runs: Vec<Uuid>,
    items: ItemColumns<'a>,
    mail_tenants: Vec<Uuid>,
    mail_runs: Vec<Uuid>,
    mail: Vec<i64>,
}

impl<'a> Batch<'a> {
    /// Sorted by run: two flushes lock their rows in one order.
    fn new(checkpoints: &'a [Checkpoint]) -> Self {
        let mut sorted: Vec<_> = checkpoints.iter().collect();
        sorted.sort_unstable_by_key(|checkpoint| (checkpoint.tenant, checkpoint.run));
        let mut batch = Self::default();
        for checkpoint in sorted {
            batch.push(checkpoint);
        }
        batch
    }

    fn push(&mut self, checkpoint: &'a Checkpoint) {
        let (tenant, run) = (checkpoint.tenant.0, checkpoint.run.0);
        self.tenants.push(tenant);
        self.runs.push(run);
        self.epochs.push(checkpoint.epoch);
        self.statuses.push(checkpoint.then.status());
        self.progress.push(checkpoint.progress);
        let (due_at, ended_at, result) = match &checkpoint.then {
            Then::GoOn | Then::Yield => (None, None, None),
            Then::Wait(due_at) => (*due_at, None, None),
            Then::End { at, result, .. } => (None, Some(*at), Some(result.as_slice())),
        };
        self.due_at.push(due_at);
        self.ended_at.push(ended_at);
        self.results.push(result);
        for step in &checkpoint.records.steps {
            self.step_tenants.push(tenant);
            self.step_runs.push(run);
            self.steps.push(step);
        }
        for item in &checkpoint.records.items {
            self.item_tenants.push(tenant);
            self.item_runs.push(run);
            self.items.push(item);
        }
        for mail in &checkpoint.records.consumed {
            self.mail_tenants.push(tenant);
            self.mail_runs.push(run);
            self.mail.push(*mail);
        }
    }
}

/// What became of a batch.
#[derive(Default)]
pub(crate) struct Written {
    /// Runs that were still the worker's: theirs are written.
    pub owned: HashSet<(TenantId, RunId)>,
    /// Those of them that may have messages.
    pub mail_tenants: Vec<Uuid>,
    /// The same, their ids.
    pub mail_runs: Vec<Uuid>,
}

/// Writes these checkpoints, at most one a run.
///
/// `locked` fences: only runs of this owner and epoch are written at all. Rows
/// of a run that ends go to history: those of this very flush straight there,
/// those recorded before are moved.
pub(crate) async fn write(
    connection: &mut PgConnection,
    worker: WorkerId,
    checkpoints: &[Checkpoint],
) -> Result<Written, sqlx::Error> {
    let batch = Batch::new(checkpoints);
    let rows = guarded!(
        "checkpoint.write",
        sqlx::query!(
            r#"
            with locked as materialized (
                select r.tenant_id, r.id, r.recorded, r.mail, b.status, b.progress, b.due_at, b.ended_at, b.result
                from unnest(
                    $2::uuid[], $3::uuid[], $4::integer[], $5::text[], $6::boolean[],
                    $7::timestamptz[], $8::timestamptz[], $9::bytea[]
                ) as b (tenant_id, id, epoch, status, progress, due_at, ended_at, result)
                join engine.runs r on r.tenant_id = b.tenant_id and r.id = b.id
                where r.owner = $1 and r.epoch = b.epoch
                order by r.tenant_id, r.id
                for update of r
            ),
            kept as (
                update engine.runs r
                set status = l.status,
                    owner = case when l.status = 'running' then r.owner end,
                    takeovers = case when l.progress then 0 else r.takeovers end,
                    recorded = true
                from locked l
                where r.tenant_id = l.tenant_id and r.id = l.id and l.ended_at is null
            ),
            gone as materialized (
                delete from engine.runs r
                using locked l
                where r.tenant_id = l.tenant_id and r.id = l.id and l.ended_at is not null
                returning r.tenant_id, r.id, r.retention, (l.ended_at at time zone 'UTC')::date as ended_on,
                    r.version_id, r.workflow, l.status, r.epoch, r.created_at, r.started_at, l.ended_at,
                    r.data, l.result, l.recorded
            ),
            past_runs as (
                insert into engine.run_history (
                    tenant_id, id, retention, ended_on, version_id, workflow, status, epoch,
                    created_at, started_at, ended_at, data, result)
                select tenant_id, id, retention, ended_on, version_id, workflow, status, epoch,
                    created_at, started_at, ended_at, data, result
                from gone
            ),
            new_steps as materialized (
                select *
                from unnest(
                    $10::uuid[], $11::uuid[], $12::text[], $13::integer[], $14::text[],
                    $15::timestamptz[], $16::timestamptz[], $17::bytea[]
                ) as s (tenant_id, run_id, step, attempt, status, started_at, ended_at, data)
            ),
            open_steps as (
                insert into engine.steps (tenant_id, run_id, step, attempt, status, started_at, ended_at, data)
                select s.tenant_id, s.run_id, s.step, s.attempt, s.status, s.started_at, s.ended_at, s.data
                from new_steps s
                join locked l on l.tenant_id = s.tenant_id and l.id = s.run_id
                where l.ended_at is null
                on conflict (tenant_id, run_id, step, attempt)
                do update set status = excluded.status, ended_at = excluded.ended_at, data = excluded.data
            ),
            moved_steps as (
                delete from engine.steps s
                using gone g
                where g.recorded and s.tenant_id = g.tenant_id and s.run_id = g.id
                returning s.tenant_id, s.run_id, s.step, s.attempt, g.retention, g.ended_on,
                    s.status, s.started_at, s.ended_at, s.data
            ),
            past_steps as (
                insert into engine.step_history (
                    tenant_id, run_id, step, attempt, retention, ended_on, status, started_at, ended_at, data)
                select s.tenant_id, s.run_id, s.step, s.attempt, g.retention, g.ended_on,
                    s.status, s.started_at, s.ended_at, s.data
                from new_steps s
                join gone g on g.tenant_id = s.tenant_id and g.id = s.run_id
                union all
                select m.tenant_id, m.run_id, m.step, m.attempt, m.retention, m.ended_on,
                    m.status, m.started_at, m.ended_at, m.data
                from moved_steps m
                where not exists (
                    select from new_steps s
                    where s.tenant_id = m.tenant_id and s.run_id = m.run_id
                      and s.step = m.step and s.attempt = m.attempt
                )
            ),
            new_items as materialized (
                select *
                from unnest($18::uuid[], $19::uuid[], $20::text[], $21::integer[], $22::bytea[])
                    as i (tenant_id, run_id, step, chunk, data)
            ),
            open_items as (
                insert into engine.items (tenant_id, run_id, step, chunk, data)
                select i.tenant_id, i.run_id, i.step, i.chunk, i.data
                from new_items i
                join locked l on l.tenant_id = i.tenant_id and l.id = i.run_id
                where l.ended_at is null
                on conflict (tenant_id, run_id, step, chunk) do update set data = excluded.data
            ),
            moved_items as (
                delete from engine.items i
                using gone g
                where g.recorded and i.tenant_id = g.tenant_id and i.run_id = g.id
                returning i.tenant_id, i.run_id, i.step, i.chunk, g.retention, g.ended_on, i.data
            ),
            past_items as (
                insert into engine.item_history (tenant_id, run_id, step, chunk, retention, ended_on, data)
                select i.tenant_id, i.run_id, i.step, i.chunk, g.retention, g.ended_on, i.data
                from new_items i
                join gone g on g.tenant_id = i.tenant_id and g.id = i.run_id
                union all
                select tenant_id, run_id, step, chunk, retention, ended_on, data from moved_items
            ),
            moved_labels as (
                delete from engine.labels b
                using gone g
                where b.tenant_id = g.tenant_id and b.run_id = g.id
                returning b.tenant_id, b.name, b.value, b.run_id, g.retention, g.ended_on
            ),
            past_labels as (
                insert into engine.label_history (tenant_id, name, value, run_id, retention, ended_on)
                select tenant_id, name, value, run_id, retention, ended_on from moved_labels
            ),
            consumed as (
                delete from engine.inbox i
                using unnest($23::uuid[], $24::uuid[], $25::bigint[]) as m (tenant_id, run_id, id), locked l
                where i.tenant_id = m.tenant_id and i.run_id = m.run_id and i.id = m.id
                  and l.tenant_id = m.tenant_id and l.id = m.run_id and l.ended_at is null
            ),
            timed as (
                insert into engine.timers (tenant_id, run_id, due_at)
                select tenant_id, id, due_at from locked where due_at is not null
                on conflict (tenant_id, run_id) do update set due_at = excluded.due_at
            ),
            queued as (
                insert into engine.ready (tenant_id, run_id, version_id, priority, alone)
                select r.tenant_id, r.id, r.version_id, r.priority, r.takeovers >= 3 and not l.progress
                from locked l
                join engine.runs r on r.tenant_id = l.tenant_id and r.id = l.id
                where l.status = 'queued'
                on conflict (tenant_id, run_id) do nothing
            )
            select tenant_id as "tenant: TenantId", id as "run: RunId", mail from locked
            "#,
            worker.0,
            &batch.tenants,
            &batch.runs,
            &batch.epochs,
            &batch.statuses as _,
            &batch.progress,
            &batch.due_at as _,
            &batch.ended_at as _,
            &batch.results as _,
            &batch.step_tenants,
            &batch.step_runs,
            &batch.steps.step as _,
            &batch.steps.attempt,
            &batch.steps.status as _,
            &batch.steps.started_at,
            &batch.steps.ended_at as _,
            &batch.steps.data as _,
            &batch.item_tenants,
            &batch.item_runs,
            &batch.items.step as _,
            &batch.items.chunk,
            &batch.items.data as _,
            &batch.mail_tenants,
            &batch.mail_runs,
            &batch.mail,
        )
        .fetch_all(connection)
    )?;
    let mut written = Written::default();
    for row in rows {
        if row.mail {
            written.mail_tenants.push(row.tenant.0);
            written.mail_runs.push(row.run.0);
        }
        written.owned.insert((row.tenant, row.run));
    }
    Ok(written)
}

/// Looks into the inbox of written runs that may have messages: a released run
/// that has one is ready again, and what reached a run as it ended is dropped.
///
/// After [`write`], in the same transaction: the rows of these runs are locked,
/// so this sees every message that came before, and whoever leaves one now
/// waits and finds the run released.
pub(crate) async fn reread_inbox(
    connection: &mut PgConnection,
    written: &Written,
) -> Result<(), sqlx::Error> {
    guarded!(
        "checkpoint.reread_inbox",
        sqlx::query!(
            r#"
            with looked as (
                select w.tenant_id, w.run_id, r.version_id, r.priority, r.owner,
                    exists (
                        select from engine.inbox i where i.tenant_id = w.tenant_id and i.run_id = w.run_id
                    ) as mail
                from unnest($1::uuid[], $2::uuid[]) as w (tenant_id, run_id)
                left join engine.runs r on r.tenant_id = w.tenant_id and r.id = w.run_id
            ),
            cleared as (
                update engine.runs r
                set mail = false
                from looked l
                where r.tenant_id = l.tenant_id and r.id = l.run_id and not l.mail
            ),
            dropped as (
                delete from engine.inbox i
                using looked l
                where i.tenant_id = l.tenant_id and i.run_id = l.run_id and l.version_id is null
            )
            insert into engine.ready (tenant_id, run_id, version_id, priority)
            select tenant_id, run_id, version_id, priority
            from looked
            where version_id is not null and owner is null and mail
            on conflict (tenant_id, run_id) do nothing
            "#,
            &written.mail_tenants,
            &written.mail_runs,
        )
        .execute(connection)
    )?;
    Ok(())
}

/// Of these runs and epochs, those that a flush whose answer was lost has ended or let go.
pub(crate) async fn settled(
    connection: &mut PgConnection,
    tenants: &[Uuid],
    runs: &[Uuid],
    epochs: &[i32],
) -> Result<HashSet<(TenantId, RunId)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        select w.tenant_id as "tenant!: TenantId", w.run_id as "run!: RunId"
        from unnest($1::uuid[], $2::uuid[], $3::integer[]) as w (tenant_id, run_id, epoch)
        where exists (
            select from engine.run_history h
            where h.tenant_id = w.tenant_id and h.id = w.run_id and h.epoch = w.epoch
        ) or exists (
            select from engine.runs r
            where r.tenant_id = w.tenant_id and r.id = w.run_id and r.epoch = w.epoch and r.owner is null
        )
        "#,
        tenants,
        runs,
        epochs,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.tenant, row.run)).collect())
}
