//! Group commit: the checkpoints of all runs of the worker, together.
//!
//! The next batch gathers while the last is under way; a lone checkpoint waits
//! for nothing. A batch that the database refuses is split until the culprit
//! is alone.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{Service, slots};
use crate::engine::Engine;
use crate::executor::{Acks, Lost, Message};
use crate::ids::{RunId, TenantId, WorkerId};
use crate::node::Usage;
use crate::store::cross_tenant::checkpoint::{self, Birth, Checkpoint, Then};
use crate::store::cross_tenant::{letters, waits};
use crate::store::steps::{Fence, Records};
use crate::store::{self, ConnectOptions, Connection, Role, StoreError};

/// Messages in one batch: rows of a batch are joined with each other in loops.
const MOST: usize = 256;
const PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

type Owned = HashSet<(TenantId, RunId)>;

/// Starts the flush of a worker. Stopped, it writes what it was handed, then ends.
pub(super) fn start(
    engine: Engine,
    worker: WorkerId,
    messages: mpsc::UnboundedReceiver<Message>,
    give_up: CancellationToken,
) -> Service {
    Service::start("flush", |stop| async move {
        let mut flush = Flush {
            writer: Writer {
                options: (*engine.pool().connect_options()).clone(),
                worker,
                connection: None,
                give_up,
                next_in_line: false,
            },
            engine,
        };
        flush.run(messages, stop).await;
    })
}

struct Flush {
    engine: Engine,
    writer: Writer,
}

/// The checkpoint of one run in a batch, with everyone who waits for it.
struct Entry {
    checkpoint: Checkpoint,
    waiting: Vec<(u64, Arc<watch::Sender<Acks>>)>,
}

impl Flush {
    async fn run(
        &mut self,
        mut messages: mpsc::UnboundedReceiver<Message>,
        stop: CancellationToken,
    ) {
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                biased;
                got = messages.recv_many(&mut batch, MOST) => if got == 0 { return },
                () = stop.cancelled() => return,
            }
            let (entries, checkpoints) = gather(batch.drain(..));
            if !entries.is_empty() {
                let letters = checkpoints.iter().any(|it| !it.records.letters.is_empty());
                self.flush(entries, checkpoints).await;
                if letters {
                    self.engine.announce();
                }
            }
        }
    }

    async fn flush(&mut self, entries: Vec<Waiting>, checkpoints: Vec<Checkpoint>) {
        let verdicts = self.writer.write(&checkpoints).await;
        if std::mem::take(&mut self.writer.next_in_line) {
            self.engine.announce();
        }
        for (waiting, checkpoint) in entries.iter().zip(&checkpoints) {
            let run = (checkpoint.tenant, checkpoint.run);
            let lost = verdicts.get(&run).cloned().flatten();
            for (number, acks) in waiting {
                acks.send_modify(|acks| match &lost {
                    None => acks.flushed = acks.flushed.max(*number),
                    Some(lost) => acks.lost = Some(lost.clone()),
                });
            }
            // Nobody listens: that is no error.
            let _ = self.engine.flushed().send(run);
        }
    }
}

type Waiting = Vec<(u64, Arc<watch::Sender<Acks>>)>;

/// At most one checkpoint a run; those of lost runs are dropped.
fn gather(messages: impl Iterator<Item = Message>) -> (Vec<Waiting>, Vec<Checkpoint>) {
    let mut places: HashMap<(TenantId, RunId), usize> = HashMap::new();
    let mut entries: Vec<Entry> = Vec::new();
    for message in messages {
        if message.acks.borrow().lost.is_some() {
            continue;
        }
        let run = (message.checkpoint.tenant, message.checkpoint.run);
        let waiting = (message.number, message.acks);
        // A run whose task began anew waits with other acks: not the same writer.
        let known = places
            .get(&run)
            .map(|at| &mut entries[*at])
            .filter(|entry| entry.checkpoint.epoch == message.checkpoint.epoch);
        match known {
            Some(entry) => {
                let later = message.checkpoint;
                entry.checkpoint.records.add(later.records);
                entry.checkpoint.progress |= later.progress;
                entry.checkpoint.apart |= later.apart;
                entry.checkpoint.then = later.then;
                entry.waiting.push(waiting);
            }
            None => {
                places.insert(run, entries.len());
                entries.push(Entry {
                    checkpoint: message.checkpoint,
                    waiting: vec![waiting],
                });
            }
        }
    }
    entries
        .into_iter()
        .map(|entry| (entry.waiting, entry.checkpoint))
        .unzip()
}

/// Writes batches, whatever it takes.
struct Writer {
    options: ConnectOptions,
    worker: WorkerId,
    /// Its own: steps that wait for the flush may hold every connection of the pool.
    connection: Option<Connection>,
    /// The worker must end now, whatever is unwritten.
    give_up: CancellationToken,
    /// Slots came free, and somebody waited for one.
    next_in_line: bool,
}

/// What became of each run's checkpoint; none when it is durable.
type Verdicts = HashMap<(TenantId, RunId), Option<Lost>>;

impl Writer {
    async fn write(&mut self, checkpoints: &[Checkpoint]) -> Verdicts {
        let mut verdicts = Verdicts::new();
        let mut parts = vec![checkpoints];
        while let Some(part) = parts.pop() {
            match self.write_part(part).await {
                Ok(owned) => {
                    for checkpoint in part {
                        let run = (checkpoint.tenant, checkpoint.run);
                        let lost = (!owned.contains(&run)).then_some(Lost::Fenced);
                        verdicts.insert(run, lost);
                    }
                }
                Err(Some(error)) if part.len() > 1 => {
                    tracing::warn!(%error, runs = part.len(), "a batch is refused, and split");
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
                Err(Some(error)) => {
                    let checkpoint = &part[0];
                    tracing::warn!(%error, run = %checkpoint.run, "a checkpoint is refused");
                    let culprit = self.culprit(checkpoint).await;
                    verdicts.insert((checkpoint.tenant, checkpoint.run), Some(culprit));
                }
                Err(None) => {
                    for checkpoint in part {
                        let run = (checkpoint.tenant, checkpoint.run);
                        verdicts.insert(run, Some(Lost::Stopped));
                    }
                }
            }
        }
        verdicts
    }

    /// Writes a refused checkpoint row by row, until one is refused again.
    async fn culprit(&mut self, checkpoint: &Checkpoint) -> Lost {
        let alone = |birth: Option<Birth>, records: Records| Checkpoint {
            records,
            birth,
            then: Then::GoOn,
            ..checkpoint.clone()
        };
        let steps = checkpoint.records.steps.iter().map(|row| {
            let records = Records {
                steps: vec![row.clone()],
                ..Records::default()
            };
            (row.step.as_str(), Some(row.attempt), alone(None, records))
        });
        let items = checkpoint.records.items.iter().map(|row| {
            let records = Records {
                items: vec![row.clone()],
                ..Records::default()
            };
            (row.step.as_str(), None, alone(None, records))
        });
        let payloads = checkpoint.records.payloads.iter().map(|row| {
            let records = Records {
                payloads: vec![row.clone()],
                ..Records::default()
            };
            (row.step.as_str(), row.attempt, alone(None, records))
        });
        let birth = checkpoint.birth.clone();
        let birth = birth.map(|birth| ("", None, alone(Some(birth), Records::default())));
        for (step, attempt, part) in birth.into_iter().chain(payloads).chain(steps).chain(items) {
            match self.write_part(&[part]).await {
                Ok(owned) if owned.is_empty() => return Lost::Fenced,
                Ok(_) => {}
                Err(Some(_)) => {
                    return Lost::Unstorable {
                        step: step.to_owned(),
                        attempt,
                    };
                }
                Err(None) => return Lost::Stopped,
            }
        }
        Lost::Unstorable {
            step: String::new(),
            attempt: None,
        }
    }

    /// Writes one batch; conflicts and a database that is away are waited out.
    ///
    /// # Errors
    /// What the database refuses for good; nothing when the worker gives up.
    async fn write_part(&mut self, part: &[Checkpoint]) -> Result<Owned, Option<StoreError>> {
        let mut pause = PAUSE;
        let mut again = false;
        loop {
            match self.commit(part, again).await {
                Ok(owned) => return Ok(owned),
                Err(error) if error.is_transient() => {
                    tracing::warn!(%error, "the flush is tried again");
                    self.connection = None;
                    again = true;
                }
                Err(error) => return Err(Some(error)),
            }
            tokio::select! {
                () = self.give_up.cancelled() => return Err(None),
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// One transaction. `again` when the answer of an earlier one was lost: what
    /// that one ended or released is not owned any more, and yet written.
    async fn commit(&mut self, part: &[Checkpoint], again: bool) -> Result<Owned, StoreError> {
        let worker = self.worker;
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(store::connect(&self.options).await?),
        };
        let mut tx = store::begin_on(connection, Role::Engine).await?;
        if part.iter().any(|it| !it.records.letters.is_empty()) {
            let (mut tenants, mut runs) = (Vec::new(), Vec::new());
            for checkpoint in part {
                let to = checkpoint.records.letters.iter().map(|letter| letter.to);
                for run in to.chain([checkpoint.run]) {
                    tenants.push(checkpoint.tenant.0);
                    runs.push(run.0);
                }
            }
            letters::lock(&mut tx, &tenants, &runs).await?;
        }
        let counted = match again {
            true => counted(&mut tx, worker, part).await?,
            false => Owned::new(),
        };
        let written = checkpoint::write(&mut tx, worker, part, again).await?;
        let next = release(&mut tx, part, &written.owned).await?;
        if !written.mail_runs.is_empty() {
            checkpoint::reread_inbox(&mut tx, &written).await?;
        }
        let mut owned = written.owned;
        let waits = part.iter().filter(|checkpoint| {
            !checkpoint.then.is_end() && owned.contains(&(checkpoint.tenant, checkpoint.run))
        });
        let waits = waits.map(|it| (it.tenant, it.run, &it.records.waits));
        waits::write(&mut tx, waits).await?;
        payloads(&mut tx, part, &owned).await?;
        spending(&mut tx, part, |run| {
            owned.contains(run) && !counted.contains(run)
        })
        .await?;
        let letters = part
            .iter()
            .filter(|it| owned.contains(&(it.tenant, it.run)))
            .flat_map(|it| it.records.letters.iter().map(|letter| (it.tenant, letter)))
            .collect::<Vec<_>>();
        letters::send(&mut tx, &letters).await?;
        if again && owned.len() < part.len() {
            let missing = part
                .iter()
                .filter(|checkpoint| !owned.contains(&(checkpoint.tenant, checkpoint.run)));
            let (mut tenants, mut runs) = (Vec::new(), Vec::new());
            let (mut epochs, mut births) = (Vec::new(), Vec::new());
            for checkpoint in missing {
                tenants.push(checkpoint.tenant.0);
                runs.push(checkpoint.run.0);
                epochs.push(checkpoint.epoch);
                births.push(checkpoint.birth.is_some());
            }
            let settled = checkpoint::settled(&mut tx, &tenants, &runs, &epochs, &births).await?;
            owned.extend(settled);
        }
        store::commit!("checkpoint.commit", tx)?;
        self.next_in_line |= next;
        Ok(owned)
    }
}

/// Large values of the runs that are written; those of runs that end move to
/// history. After the write, which fences.
async fn payloads(
    tx: &mut Connection,
    part: &[Checkpoint],
    owned: &Owned,
) -> Result<(), StoreError> {
    let (mut tenants, mut runs, mut days) = (Vec::new(), Vec::new(), Vec::new());
    let part = part.iter().filter(|checkpoint| checkpoint.apart);
    for checkpoint in part.filter(|it| owned.contains(&(it.tenant, it.run))) {
        for payload in &checkpoint.records.payloads {
            store::payloads::insert(tx, checkpoint.tenant, checkpoint.run, payload).await?;
        }
        if let Then::End { at, .. } = checkpoint.then {
            tenants.push(checkpoint.tenant.0);
            runs.push(checkpoint.run.0);
            days.push(at.date_naive());
        }
    }
    if !runs.is_empty() {
        store::cross_tenant::payloads::keep(tx, &tenants, &runs, &days).await?;
    }
    Ok(())
}

/// Runs whose records are stored: an earlier try was committed, and has counted
/// what they used.
async fn counted(
    tx: &mut Connection,
    worker: WorkerId,
    part: &[Checkpoint],
) -> Result<Owned, StoreError> {
    let mut counted = Owned::new();
    for checkpoint in part.iter().filter(|it| !it.records.spent.is_empty()) {
        let fence = Fence {
            tenant: checkpoint.tenant,
            run: checkpoint.run,
            owner: worker,
            epoch: checkpoint.epoch,
            limited: checkpoint.limited,
        };
        if store::steps::are_recorded(tx, fence, &checkpoint.records).await? {
            counted.insert((checkpoint.tenant, checkpoint.run));
        }
    }
    Ok(counted)
}

/// Counts what paid steps have used, tenants in one order.
async fn spending(
    tx: &mut Connection,
    part: &[Checkpoint],
    counts: impl Fn(&(TenantId, RunId)) -> bool,
) -> Result<(), StoreError> {
    let mut spent: BTreeMap<(TenantId, NaiveDate), Usage> = BTreeMap::new();
    for checkpoint in part.iter().filter(|it| counts(&(it.tenant, it.run))) {
        for (month, usage) in &checkpoint.records.spent {
            let all = spent.entry((checkpoint.tenant, *month)).or_default();
            *all = all.and(*usage);
        }
    }
    for ((tenant, month), usage) in spent {
        store::spending::add(tx, tenant, month, usage).await?;
    }
    Ok(())
}

/// Slots of the runs that are let go of. After the write, which fences.
async fn release(
    tx: &mut Connection,
    part: &[Checkpoint],
    owned: &Owned,
) -> Result<bool, StoreError> {
    let (mut tenants, mut runs, mut ended) = (Vec::new(), Vec::new(), Vec::new());
    for checkpoint in part.iter().filter(|checkpoint| checkpoint.limited) {
        let ends = match checkpoint.then {
            Then::GoOn | Then::Yield => continue,
            Then::Wait(_) => false,
            Then::End { .. } => true,
        };
        if owned.contains(&(checkpoint.tenant, checkpoint.run)) {
            tenants.push(checkpoint.tenant.0);
            runs.push(checkpoint.run.0);
            ended.push(ends);
        }
    }
    match runs.is_empty() {
        true => Ok(false),
        false => slots::release(tx, &tenants, &runs, &ended).await,
    }
}
