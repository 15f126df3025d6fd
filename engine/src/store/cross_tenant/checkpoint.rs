//! The flush: checkpoints of all runs of a worker, in one statement.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::graph::Retention;
use crate::ids::{RunId, TenantId, VersionId, WorkerId};
use crate::store::steps::{ItemColumns, Records, StepColumns};

/// What one run has to write.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoint {
    pub tenant: TenantId,
    pub run: RunId,
    pub epoch: i32,
    /// Whether it has slots to give back.
    pub limited: bool,
    pub records: Records,
    /// Whether large values of it are stored, now or before.
    pub apart: bool,
    /// Whether there is an outcome among the records: takeovers are counted anew.
    pub progress: bool,
    /// The run is written for the first time.
    pub birth: Option<Birth>,
    pub then: Then,
}

/// A run that its accepting process owns from the start: nothing of it is stored yet.
#[derive(Clone, Debug)]
pub(crate) struct Birth {
    pub version: VersionId,
    pub workflow: Arc<str>,
    pub created_at: DateTime<Utc>,
    pub data: Vec<u8>,
    pub labels: Vec<(String, String)>,
    /// The higher, the sooner among its tenant's.
    pub priority: i16,
    /// The run that waits for it; none of a run that is born in the flush.
    pub parent: Option<RunId>,
    /// Its parent and the versions it calls, for the engine; as `parent`.
    pub kin: Option<serde_json::Value>,
    /// What holds it back, when something does: then it is queued, not born.
    pub load: Option<Box<Load>>,
    /// It is born only while this is the published version.
    pub if_published: bool,
}

/// What the keywords of load say of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Load {
    /// What it needs to be at work.
    pub slot: Option<NewSlot>,
    /// What holds its start back.
    pub pace: Option<NewPace>,
    /// Of the runs of this key only the newest starts.
    pub debounce: Option<Uuid>,
    /// Not before this instant.
    pub due_at: Option<DateTime<Utc>>,
    /// How long it is kept once it has ended.
    pub retention: Retention,
}

/// What a run needs to be at work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewSlot {
    pub key: Uuid,
    pub capacity: i32,
    pub policy: &'static str,
    pub hold: bool,
}

/// A run that is to be given its time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewPace {
    pub key: Uuid,
    pub most: i32,
    pub per_us: i64,
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
    /// Whether the run has ended with it.
    pub(crate) const fn is_end(&self) -> bool {
        matches!(self, Self::End { .. })
    }

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
    births: Births<'a>,
}

#[derive(Default)]
struct Births<'a> {
    tenants: Vec<Uuid>,
    runs: Vec<Uuid>,
    versions: Vec<Uuid>,
    workflows: Vec<&'a str>,
    created_at: Vec<DateTime<Utc>>,
    data: Vec<&'a [u8]>,
    priorities: Vec<i16>,
    if_published: Vec<bool>,
    label_tenants: Vec<Uuid>,
    label_runs: Vec<Uuid>,
    label_names: Vec<&'a str>,
    label_values: Vec<&'a str>,
}

impl<'a> Births<'a> {
    fn push(&mut self, tenant: Uuid, run: Uuid, birth: &'a Birth) {
        self.tenants.push(tenant);
        self.runs.push(run);
        self.versions.push(birth.version.0);
        self.workflows.push(&birth.workflow);
        self.created_at.push(birth.created_at);
        self.data.push(&birth.data);
        self.priorities.push(birth.priority);
        self.if_published.push(birth.if_published);
        for (name, value) in &birth.labels {
            self.label_tenants.push(tenant);
            self.label_runs.push(run);
            self.label_names.push(name);
            self.label_values.push(value);
        }
    }
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
        if let Some(birth) = &checkpoint.birth {
            self.births.push(tenant, run, birth);
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
/// those recorded before are moved. A run that ends badly is told to the outbox,
/// if somebody listens. A run that is born and ends in one flush
/// is never in the open tables. `again` says that an earlier try may have been
/// committed: what is there already is not born a second time.
pub(crate) async fn write(
    connection: &mut PgConnection,
    worker: WorkerId,
    checkpoints: &[Checkpoint],
    again: bool,
) -> Result<Written, sqlx::Error> {
    let batch = Batch::new(checkpoints);
    let rows = guarded!(
        "checkpoint.write",
        sqlx::query!(
            r#"
            with batch as materialized (
                select *
                from unnest(
                    $2::uuid[], $3::uuid[], $4::integer[], $5::text[], $6::boolean[],
                    $7::timestamptz[], $8::timestamptz[], $9::bytea[]
                ) as b (tenant_id, id, epoch, status, progress, due_at, ended_at, result)
            ),
            locked as materialized (
                select r.tenant_id, r.id, r.recorded, r.mail, b.status, b.progress, b.due_at, b.ended_at, b.result
                from batch b
                join engine.runs r on r.tenant_id = b.tenant_id and r.id = b.id
                where r.owner = $1 and r.epoch = b.epoch
                order by r.tenant_id, r.id
                for update of r
            ),
            newborn as materialized (
                select b.tenant_id, b.id, n.version_id, n.workflow, n.created_at, n.data, n.priority,
                    b.epoch, b.status, b.due_at, b.ended_at, b.result
                from unnest(
                    $26::uuid[], $27::uuid[], $28::uuid[], $29::text[], $30::timestamptz[], $31::bytea[],
                    $32::boolean[], $38::smallint[]
                ) as n (tenant_id, id, version_id, workflow, created_at, data, if_published, priority)
                join batch b on b.tenant_id = n.tenant_id and b.id = n.id
                where (not n.if_published or exists (
                        select from engine.workflows w
                        where w.tenant_id = n.tenant_id and w.name = n.workflow and w.published = n.version_id))
                  and (not $37 or not exists (
                        select from engine.runs r where r.tenant_id = n.tenant_id and r.id = n.id)
                    and not exists (
                        select from engine.run_history h where h.tenant_id = n.tenant_id and h.id = n.id))
            ),
            born as (
                insert into engine.runs (
                    tenant_id, id, version_id, workflow, status, owner, epoch, recorded, created_at, started_at, data,
                    priority)
                select tenant_id, id, version_id, workflow, status, case when status = 'running' then $1 end,
                    epoch, true, created_at, created_at, data, priority
                from newborn
                where ended_at is null
            ),
            held as materialized (
                select tenant_id, id, due_at, ended_at, mail from locked
                union all
                select tenant_id, id, due_at, ended_at, false from newborn
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
                    r.data, r.parent_id, l.result, l.recorded
            ),
            ended as materialized (
                select tenant_id, id, retention, ended_on, version_id, workflow, status, epoch,
                    created_at, started_at, ended_at, data, parent_id, result, recorded
                from gone
                union all
                select tenant_id, id, 'standard', (ended_at at time zone 'UTC')::date, version_id, workflow, status,
                    epoch, created_at, created_at, ended_at, data, null::uuid, result, false
                from newborn
                where ended_at is not null
            ),
            past_runs as (
                insert into engine.run_history (
                    tenant_id, id, retention, ended_on, version_id, workflow, status, epoch,
                    created_at, started_at, ended_at, data, parent_id, result)
                select tenant_id, id, retention, ended_on, version_id, workflow, status, epoch,
                    created_at, started_at, ended_at, data, parent_id, result
                from ended
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
                join held l on l.tenant_id = s.tenant_id and l.id = s.run_id
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
                join ended g on g.tenant_id = s.tenant_id and g.id = s.run_id
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
                join held l on l.tenant_id = i.tenant_id and l.id = i.run_id
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
                join ended g on g.tenant_id = i.tenant_id and g.id = i.run_id
                union all
                select tenant_id, run_id, step, chunk, retention, ended_on, data from moved_items
            ),
            told as (
                insert into engine.outbox (tenant_id, id, kind, name, emitted_at, data)
                select tenant_id, id, 'failure', workflow, ended_at, ''
                from ended g
                where status in ('failed', 'timed_out') and exists (
                    select from engine.triggers t
                    where t.tenant_id = g.tenant_id and t.kind = 'failure_of' and t.subject = g.workflow
                      and t.stage = 'published'
                )
            ),
            unwaited as (
                delete from engine.waits w
                using gone g
                where g.recorded and w.tenant_id = g.tenant_id and w.run_id = g.id
            ),
            new_labels as materialized (
                select *
                from unnest($33::uuid[], $34::uuid[], $35::text[], $36::text[]) as b (tenant_id, run_id, name, value)
            ),
            open_labels as (
                insert into engine.labels (tenant_id, name, value, run_id)
                select b.tenant_id, b.name, b.value, b.run_id
                from new_labels b
                join newborn n on n.tenant_id = b.tenant_id and n.id = b.run_id
                where n.ended_at is null
            ),
            moved_labels as (
                delete from engine.labels b
                using gone g
                where b.tenant_id = g.tenant_id and b.run_id = g.id
                returning b.tenant_id, b.name, b.value, b.run_id, g.retention, g.ended_on
            ),
            past_labels as (
                insert into engine.label_history (tenant_id, name, value, run_id, retention, ended_on)
                select b.tenant_id, b.name, b.value, b.run_id, e.retention, e.ended_on
                from new_labels b
                join ended e on e.tenant_id = b.tenant_id and e.id = b.run_id
                union all
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
                select tenant_id, id, due_at from held where due_at is not null
                on conflict (tenant_id, run_id) do update set due_at = excluded.due_at
            ),
            queued as (
                insert into engine.ready (tenant_id, run_id, version_id, priority, alone)
                select r.tenant_id, r.id, r.version_id, r.priority, r.takeovers >= 3 and not l.progress
                from locked l
                join engine.runs r on r.tenant_id = l.tenant_id and r.id = l.id
                where l.status = 'queued'
                union all
                select tenant_id, id, version_id, priority, false from newborn where status = 'queued'
                on conflict (tenant_id, run_id) do nothing
            )
            select tenant_id as "tenant!: TenantId", id as "run!: RunId", mail as "mail!" from held
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
            &batch.births.tenants,
            &batch.births.runs,
            &batch.births.versions,
            &batch.births.workflows as _,
            &batch.births.created_at,
            &batch.births.data as _,
            &batch.births.if_published,
            &batch.births.label_tenants,
            &batch.births.label_runs,
            &batch.births.label_names as _,
            &batch.births.label_values as _,
            again,
            &batch.births.priorities,
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

/// Of these runs and epochs, those that a flush whose answer was lost has
/// ended or let go; of runs that were to be born, those that exist at all.
pub(crate) async fn settled(
    connection: &mut PgConnection,
    tenants: &[Uuid],
    runs: &[Uuid],
    epochs: &[i32],
    births: &[bool],
) -> Result<HashSet<(TenantId, RunId)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        select w.tenant_id as "tenant!: TenantId", w.run_id as "run!: RunId"
        from unnest($1::uuid[], $2::uuid[], $3::integer[], $4::boolean[]) as w (tenant_id, run_id, epoch, born)
        where exists (
            select from engine.run_history h
            where h.tenant_id = w.tenant_id and h.id = w.run_id and (w.born or h.epoch = w.epoch)
        ) or exists (
            select from engine.runs r
            where r.tenant_id = w.tenant_id and r.id = w.run_id
              and (w.born or r.epoch = w.epoch and r.owner is null)
        )
        "#,
        tenants,
        runs,
        epochs,
        births,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.tenant, row.run)).collect())
}
