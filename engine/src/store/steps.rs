//! Attempts of steps: recorded by a step's own transaction, and read.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::cross_tenant::letters::Letter;
use super::cross_tenant::waits::Waits;
use super::payloads::PayloadRow;
use super::spending::month_of;
use crate::ids::{RunId, TenantId, WorkerId};
use crate::node::Usage;

/// An attempt of a step outside of loops, sealed.
#[derive(Clone, Debug)]
pub(crate) struct StepRow {
    pub step: String,
    pub attempt: i32,
    pub status: &'static str,
    pub started_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub data: Vec<u8>,
}

/// Attempts inside a loop, sealed together.
#[derive(Clone, Debug)]
pub(crate) struct ItemRow {
    /// The outermost loop.
    pub step: String,
    pub chunk: i32,
    pub data: Vec<u8>,
}

/// What a writer must be to write a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fence {
    pub tenant: TenantId,
    pub run: RunId,
    pub owner: WorkerId,
    pub epoch: i32,
    /// Whether it gives slots back when it is let go of.
    pub limited: bool,
}

/// What a step's own transaction records besides the node's writes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Records {
    pub steps: Vec<StepRow>,
    pub items: Vec<ItemRow>,
    /// Values too large for these rows, which name them.
    pub payloads: Vec<PayloadRow>,
    /// What paid steps have used, by month.
    pub spent: BTreeMap<NaiveDate, Usage>,
    /// What it waits for from now on, and what no more.
    pub waits: Waits,
    /// Messages to its parent and its children.
    pub letters: Vec<Letter>,
    /// Messages of the inbox that were consumed.
    pub consumed: Vec<i64>,
}

impl Records {
    /// Adds a row, in place of an earlier one of the same attempt.
    pub(crate) fn put_step(&mut self, row: StepRow) {
        let same = (self.steps.iter_mut().rev())
            .find(|known| known.attempt == row.attempt && known.step == row.step);
        match same {
            Some(known) => {
                *known = StepRow {
                    started_at: known.started_at,
                    ..row
                }
            }
            None => self.steps.push(row),
        }
    }

    /// Adds later records of the same run.
    pub(crate) fn add(&mut self, later: Self) {
        for row in later.steps {
            self.put_step(row);
        }
        self.items.extend(later.items);
        self.payloads.extend(later.payloads);
        for (month, usage) in later.spent {
            self.spend(month, usage);
        }
        self.waits.extend(later.waits);
        self.letters.extend(later.letters);
        self.consumed.extend(later.consumed);
    }

    /// Adds what was used on a day.
    pub(crate) fn spend(&mut self, day: NaiveDate, usage: Usage) {
        let spent = self.spent.entry(month_of(day)).or_default();
        *spent = spent.and(usage);
    }
}

/// Records outcomes inside a step's transaction; false when the run has another owner by now.
///
/// The last statement before its commit: it locks the run's row, and the flush
/// of other runs must not wait for a slow step.
pub(crate) async fn record(
    connection: &mut PgConnection,
    fence: Fence,
    records: &[&Records],
) -> Result<bool, sqlx::Error> {
    let (mut steps, mut items) = (StepColumns::default(), ItemColumns::default());
    let mut consumed = Vec::new();
    for records in records {
        records.steps.iter().for_each(|row| steps.push(row));
        records.items.iter().for_each(|row| items.push(row));
        consumed.extend_from_slice(&records.consumed);
    }
    let rows = guarded!(
        "steps.record",
        sqlx::query_scalar!(
            r#"
            with owned as (
                update engine.runs
                set recorded = true, takeovers = 0
                where tenant_id = $1 and id = $2 and owner = $3 and epoch = $4
                returning tenant_id, id
            ),
            recorded as (
                insert into engine.steps (tenant_id, run_id, step, attempt, status, started_at, ended_at, data)
                select o.tenant_id, o.id, s.step, s.attempt, s.status, s.started_at, s.ended_at, s.data
                from owned o, unnest(
                    $5::text[], $6::integer[], $7::text[], $8::timestamptz[], $9::timestamptz[], $10::bytea[]
                ) as s (step, attempt, status, started_at, ended_at, data)
                on conflict (tenant_id, run_id, step, attempt)
                do update set status = excluded.status, ended_at = excluded.ended_at, data = excluded.data
            ),
            chunked as (
                insert into engine.items (tenant_id, run_id, step, chunk, data)
                select o.tenant_id, o.id, i.step, i.chunk, i.data
                from owned o, unnest($11::text[], $12::integer[], $13::bytea[]) as i (step, chunk, data)
            ),
            consumed as (
                delete from engine.inbox i
                using owned o
                where i.tenant_id = o.tenant_id and i.run_id = o.id and i.id = any ($14::bigint[])
            )
            select count(*) as "count!"
            from owned, set_config('idle_in_transaction_session_timeout', '10000', true) as limited
            "#,
            fence.tenant.0,
            fence.run.0,
            fence.owner.0,
            fence.epoch,
            &steps.step as _,
            &steps.attempt,
            &steps.status as _,
            &steps.started_at,
            &steps.ended_at as _,
            &steps.data as _,
            &items.step as _,
            &items.chunk,
            &items.data as _,
            &consumed,
        )
        .fetch_one(connection)
    )?;
    Ok(rows > 0)
}

/// Locks a run's row for its owner; false when it has another.
pub(crate) async fn lock(connection: &mut PgConnection, fence: Fence) -> Result<bool, sqlx::Error> {
    let found = guarded!(
        "steps.lock",
        sqlx::query!(
            r#"
            select id
            from engine.runs
            where tenant_id = $1 and id = $2 and owner = $3 and epoch = $4
            for no key update
            "#,
            fence.tenant.0,
            fence.run.0,
            fence.owner.0,
            fence.epoch,
        )
        .fetch_optional(connection)
    )?;
    Ok(found.is_some())
}

/// Whether these very rows are stored.
pub(crate) async fn are_recorded(
    connection: &mut PgConnection,
    fence: Fence,
    records: &Records,
) -> Result<bool, sqlx::Error> {
    let (mut steps, mut items) = (StepColumns::default(), ItemColumns::default());
    records.steps.iter().for_each(|row| steps.push(row));
    records.items.iter().for_each(|row| items.push(row));
    let missing = sqlx::query_scalar!(
        r#"
        select (
            select count(*)
            from unnest($3::text[], $4::integer[], $5::bytea[]) as w (step, attempt, data)
            where not exists (
                select from engine.steps s
                where s.tenant_id = $1 and s.run_id = $2 and s.step = w.step and s.attempt = w.attempt
                  and s.data = w.data)
        ) + (
            select count(*)
            from unnest($6::text[], $7::integer[], $8::bytea[]) as w (step, chunk, data)
            where not exists (
                select from engine.items i
                where i.tenant_id = $1 and i.run_id = $2 and i.step = w.step and i.chunk = w.chunk
                  and i.data = w.data)
        ) as "missing!"
        "#,
        fence.tenant.0,
        fence.run.0,
        &steps.step as _,
        &steps.attempt,
        &steps.data as _,
        &items.step as _,
        &items.chunk,
        &items.data as _,
    )
    .fetch_one(connection)
    .await?;
    Ok(missing == 0)
}

/// Columns of many [`StepRow`]s, for `unnest`.
#[derive(Default)]
pub(crate) struct StepColumns<'a> {
    pub step: Vec<&'a str>,
    pub attempt: Vec<i32>,
    pub status: Vec<&'a str>,
    pub started_at: Vec<DateTime<Utc>>,
    pub ended_at: Vec<Option<DateTime<Utc>>>,
    pub data: Vec<&'a [u8]>,
}

impl<'a> StepColumns<'a> {
    pub(crate) fn push(&mut self, row: &'a StepRow) {
        self.step.push(&row.step);
        self.attempt.push(row.attempt);
        self.status.push(row.status);
        self.started_at.push(row.started_at);
        self.ended_at.push(row.ended_at);
        self.data.push(&row.data);
    }
}

/// Columns of many [`ItemRow`]s, for `unnest`.
#[derive(Default)]
pub(crate) struct ItemColumns<'a> {
    pub step: Vec<&'a str>,
    pub chunk: Vec<i32>,
    pub data: Vec<&'a [u8]>,
}

impl<'a> ItemColumns<'a> {
    pub(crate) fn push(&mut self, row: &'a ItemRow) {
        self.step.push(&row.step);
        self.chunk.push(row.chunk);
        self.data.push(&row.data);
    }
}

/// An attempt as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct StoredStep {
    pub tenant_id: Uuid,
    pub run_id: Uuid,
    pub step: String,
    pub attempt: i32,
    pub status: String,
    pub started_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub data: Vec<u8>,
}

/// A chunk as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct StoredItems {
    pub tenant_id: Uuid,
    pub run_id: Uuid,
    pub step: String,
    pub chunk: i32,
    pub data: Vec<u8>,
}

/// Attempts of a run: of an open one, or of one that ended on `ended_on`.
pub(crate) async fn of_run(
    connection: &mut PgConnection,
    tenant: TenantId,
    run: RunId,
    ended_on: Option<NaiveDate>,
) -> Result<Vec<StoredStep>, sqlx::Error> {
    sqlx::query_as!(
        StoredStep,
        r#"
        select tenant_id as "tenant_id!", run_id as "run_id!", step as "step!", attempt as "attempt!",
            status as "status!", started_at as "started_at!", ended_at, data as "data!"
        from (
            select tenant_id, run_id, step, attempt, status, started_at, ended_at, data
            from engine.steps
            where tenant_id = $1 and run_id = $2 and $3::date is null
            union all
            select tenant_id, run_id, step, attempt, status, started_at, ended_at, data
            from engine.step_history
            where tenant_id = $1 and run_id = $2 and ended_on = $3
        ) found
        order by started_at, step, attempt
        "#,
        tenant.0,
        run.0,
        ended_on,
    )
    .fetch_all(connection)
    .await
}

/// Chunks of a run's loops: of an open one, or of one that ended on `ended_on`.
pub(crate) async fn items_of_run(
    connection: &mut PgConnection,
    tenant: TenantId,
    run: RunId,
    ended_on: Option<NaiveDate>,
) -> Result<Vec<StoredItems>, sqlx::Error> {
    sqlx::query_as!(
        StoredItems,
        r#"
        select tenant_id as "tenant_id!", run_id as "run_id!", step as "step!", chunk as "chunk!", data as "data!"
        from (
            select tenant_id, run_id, step, chunk, data
            from engine.items
            where tenant_id = $1 and run_id = $2 and $3::date is null
            union all
            select tenant_id, run_id, step, chunk, data
            from engine.item_history
            where tenant_id = $1 and run_id = $2 and ended_on = $3
        ) found
        order by step, chunk
        "#,
        tenant.0,
        run.0,
        ended_on,
    )
    .fetch_all(connection)
    .await
}
