//! Outcomes of a run that are not handed over yet.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, Utc};
use tokio::sync::{Mutex, watch};

use super::apart::{Apart, LARGE, Seal};
use super::flush::{Acks, FlushSender, Message as Handed};
use crate::crypto::{DataKey, Kind};
use crate::engine::{Message, RunEnd};
use crate::graph::Plan;
use crate::ids::RunId;
use crate::node::{Awaited, NodeResult, On, Usage, Wait};
use crate::run::{Body, Record, StepStatus};
use crate::store::cross_tenant::checkpoint::{Birth, Checkpoint, Then};
use crate::store::cross_tenant::letters::Letter;
use crate::store::cross_tenant::waits::WaitRow;
use crate::store::payloads::PayloadRow;
use crate::store::steps::{Fence, ItemRow, Records, StepRow};

/// Records of a run that may be unflushed.
const MOST_RECORDS: usize = 1_000;
/// Bytes of a run that may be unflushed.
const MOST_BYTES: usize = 1 << 20;
/// How long an outcome may be unflushed.
pub(super) const LONGEST: Duration = Duration::from_secs(1);

/// Seals records as they come, and hands them over together.
pub(super) struct Buffer {
    fence: Fence,
    plan: Arc<Plan>,
    key: Arc<DataKey>,
    records: Records,
    /// Items by outermost loop, as the inside of a JSON list.
    items: BTreeMap<Arc<str>, Vec<u8>>,
    next_chunk: BTreeMap<String, i32>,
    /// Values too large for their record.
    apart: Apart,
    progress: bool,
    count: usize,
    bytes: usize,
    since: Option<Instant>,
    flush: FlushSender,
    acks: Arc<watch::Sender<Acks>>,
    /// The run is not stored yet: it comes with the first checkpoint.
    birth: Option<Birth>,
    handed: u64,
    /// Somebody waits for the checkpoint of this number, were it empty.
    awaited: u64,
    /// Records are with a step's transaction: nothing that may depend on them
    /// is handed over before it has committed, or has given them back.
    lent: bool,
    /// It was to be handed over meanwhile.
    wanted: bool,
    turn: Arc<Mutex<()>>,
    /// Handed over and not known to be durable: number, when, records, bytes.
    under_way: Vec<(u64, Instant, usize, usize)>,
}

/// A run that is not stored yet, and who waits until it is.
#[derive(Clone)]
pub(crate) struct Born {
    pub birth: Birth,
    pub acks: Arc<watch::Sender<Acks>>,
}

/// What is stored of a run already.
#[derive(Default)]
pub(super) struct Past {
    /// The next chunk of each loop.
    pub next_chunk: BTreeMap<String, i32>,
    pub apart: Apart,
}

/// What was taken out of a buffer, to be written by a step's own transaction.
pub(super) struct Taken {
    pub records: Records,
    count: usize,
    bytes: usize,
    since: Option<Instant>,
}

impl Buffer {
    pub(super) fn new(
        fence: Fence,
        plan: Arc<Plan>,
        key: Arc<DataKey>,
        past: Past,
        flush: FlushSender,
        born: Option<Born>,
    ) -> Self {
        let (birth, acks) = match born {
            Some(born) => (Some(born.birth), born.acks),
            None => (None, Arc::new(watch::Sender::new(Acks::default()))),
        };
        Self {
            fence,
            plan,
            key,
            records: Records::default(),
            items: BTreeMap::new(),
            next_chunk: past.next_chunk,
            apart: past.apart,
            progress: false,
            count: 0,
            bytes: 0,
            since: None,
            flush,
            acks,
            birth,
            handed: 0,
            awaited: 0,
            lent: false,
            wanted: false,
            turn: Arc::default(),
            under_way: Vec::new(),
        }
    }

    pub(super) fn fence(&self) -> Fence {
        self.fence
    }

    /// Tells when handed checkpoints are durable.
    pub(super) fn acks(&self) -> watch::Receiver<Acks> {
        self.acks.subscribe()
    }

    /// The number of the next checkpoint: when it is durable, so is all that
    /// is in here now, be it that a step's transaction takes it along before.
    pub(super) fn await_next(&mut self) -> u64 {
        self.awaited = self.handed + 1;
        self.awaited
    }

    /// The number of the last checkpoint handed over.
    pub(super) fn last_number(&self) -> u64 {
        self.handed
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0 && self.records.consumed.is_empty() && self.birth.is_none()
    }

    /// Whether the run is not stored, and its caller waits for that.
    pub(super) fn is_unborn(&self) -> bool {
        self.birth.is_some()
    }

    /// When the oldest outcome came in.
    pub(super) fn since(&self) -> Option<Instant> {
        self.since
    }

    /// Adds a record; of two of one attempt the later one holds.
    pub(super) fn push(&mut self, record: &Record) {
        self.since.get_or_insert_with(Instant::now);
        self.progress |= record.status.is_final();
        self.count += 1;
        self.note_wait(record);
        match self.outermost_loop(record) {
            Some(outer) => self.push_item(outer, record),
            None => self.push_step(record),
        }
    }

    /// A message of the inbox was worked in.
    pub(super) fn consume(&mut self, mail: i64) {
        self.since.get_or_insert_with(Instant::now);
        self.records.consumed.push(mail);
    }

    fn outermost_loop(&self, record: &Record) -> Option<Arc<str>> {
        if record.place.items.is_empty() {
            return None;
        }
        crate::run::outermost(&self.plan, &record.key)
    }

    /// What wakes it from outside is a row; a wait for a time is the run's timer.
    fn note_wait(&mut self, record: &Record) {
        let Some(wait) = &record.body.wait else {
            return;
        };
        let (kind, topic) = match &wait.on {
            On::Time | On::Call(_) => return,
            On::Child(child) => {
                if record.status == StepStatus::Cancelled {
                    let at = record.ended_at.unwrap_or(record.started_at);
                    self.send(*child, "cancel", at, &Message::Cancel);
                }
                return;
            }
            On::Answer => ("answer", None),
            On::People(_) => ("approval", None),
            On::Delivery { topic } => ("webhook", Some(topic.clone())),
            On::Event(event) => ("event", Some(event.topic())),
        };
        let row = (!record.status.is_final()).then(|| WaitRow {
            attempt: i32::try_from(record.attempt).unwrap_or(i32::MAX),
            kind,
            topic,
            since: record.started_at,
            data: self.seal_wait(wait),
        });
        self.records.waits.insert(record.place.to_string(), row);
    }

    /// The run itself hears these events, from its start on.
    pub(super) fn listen(&mut self, event: &Awaited, since: DateTime<Utc>) {
        self.since.get_or_insert_with(Instant::now);
        self.count += 1;
        let row = WaitRow {
            attempt: 0,
            kind: "event",
            topic: Some(event.topic()),
            since,
            data: Vec::new(),
        };
        self.records.waits.insert(String::new(), Some(row));
    }

    /// Leaves a message to another run, in the checkpoint of what is in here.
    pub(super) fn send(
        &mut self,
        to: RunId,
        kind: &'static str,
        sent_at: DateTime<Utc>,
        message: &Message,
    ) {
        let plain = serde_json::to_vec(message).unwrap_or_default();
        let data = self.key.seal(self.fence.tenant, Kind::Inbox, to.0, &plain);
        self.records.letters.push(Letter {
            to,
            kind,
            sent_at,
            data,
        });
    }

    fn seal_wait(&self, wait: &Wait) -> Vec<u8> {
        let plain = serde_json::to_vec(wait).unwrap_or_default();
        let Fence { tenant, run, .. } = self.fence;
        self.key.seal(tenant, Kind::Wait, run.0, &plain)
    }

    fn push_step(&mut self, record: &Record) {
        let (row, payloads) = self.seal_step(record);
        self.bytes += row.data.len();
        self.records.put_step(row);
        self.push_payloads(payloads);
    }

    fn push_payloads(&mut self, payloads: Vec<PayloadRow>) {
        self.bytes += payloads.iter().map(|row| row.data.len()).sum::<usize>();
        self.records.payloads.extend(payloads);
    }

    /// Refuses a large value too many.
    pub(super) fn room_for(&self, bytes: usize) -> NodeResult<()> {
        self.apart.room_for(bytes)
    }

    /// Counts what a paid attempt has used, with its record.
    pub(super) fn spend(&mut self, day: NaiveDate, usage: Usage) {
        if !usage.is_nothing() {
            self.records.spend(day, usage);
        }
    }

    /// The body with its large values apart, and these.
    fn split(
        &mut self,
        record: &Record,
        step: &str,
        attempt: Option<i32>,
    ) -> (Body, Vec<PayloadRow>) {
        let seal = Seal {
            key: &self.key,
            tenant: self.fence.tenant,
            step,
            attempt,
            now: record.started_at,
        };
        self.apart.split(&record.body, &seal)
    }

    fn seal_step(&mut self, record: &Record) -> (StepRow, Vec<PayloadRow>) {
        let mut plain = serde_json::to_vec(&record.body).unwrap_or_default();
        let attempt = i32::try_from(record.attempt).unwrap_or(i32::MAX);
        let mut payloads = Vec::new();
        if plain.len() > LARGE {
            let (body, apart) = self.split(record, &record.place.step, Some(attempt));
            plain = serde_json::to_vec(&body).unwrap_or_default();
            payloads = apart;
        }
        let Fence { tenant, run, .. } = self.fence;
        let row = StepRow {
            step: record.place.step.clone(),
            attempt,
            status: record.status.as_str(),
            started_at: record.started_at,
            ended_at: record.ended_at,
            data: self.key.seal(tenant, Kind::Step, run.0, &plain),
        };
        (row, payloads)
    }

    /// The JSON of a record inside the loop `outer`.
    fn item(&mut self, outer: &str, record: &Record) -> (Vec<u8>, Vec<PayloadRow>) {
        let (body, payloads) = self.split(record, outer, None);
        let named = Record {
            body,
            ..record.clone()
        };
        (serde_json::to_vec(&named).unwrap_or_default(), payloads)
    }

    fn seal_items(&mut self, step: &str, inside: &[u8]) -> ItemRow {
        let Fence { tenant, run, .. } = self.fence;
        let list = [b"[", inside, b"]"].concat();
        let next = self.next_chunk.entry(step.to_owned()).or_insert(0);
        let chunk = *next;
        *next += 1;
        ItemRow {
            step: step.to_owned(),
            chunk,
            data: self.key.seal(tenant, Kind::Items, run.0, &list),
        }
    }

    /// The rows of one record, which stays out of the buffer.
    pub(super) fn seal_alone(&mut self, record: &Record) -> Records {
        let mut records = Records::default();
        match self.outermost_loop(record) {
            Some(outer) => {
                let (inside, payloads) = self.item(&outer, record);
                records.items.push(self.seal_items(&outer, &inside));
                records.payloads = payloads;
            }
            None => {
                let (row, payloads) = self.seal_step(record);
                records.steps.push(row);
                records.payloads = payloads;
            }
        }
        records
    }

    fn push_item(&mut self, outer: Arc<str>, record: &Record) {
        let chunk = self.items.entry(Arc::clone(&outer)).or_default();
        let before = chunk.len();
        if before > 0 {
            chunk.push(b',');
        }
        let start = chunk.len();
        if serde_json::to_writer(&mut *chunk, record).is_err() {
            chunk.truncate(before);
        }
        let written = chunk.len() - before;
        if written <= LARGE {
            self.bytes += written;
            return;
        }
        chunk.truncate(start);
        let (inside, payloads) = self.item(&outer, record);
        self.bytes += inside.len();
        self.items.entry(outer).or_default().extend(inside);
        self.push_payloads(payloads);
    }

    /// Whether the run has to wait before it does more.
    pub(super) fn is_full(&mut self) -> bool {
        let flushed = self.acks.borrow().flushed;
        self.under_way.retain(|(number, ..)| *number > flushed);
        let (mut count, mut bytes) = (self.count, self.bytes);
        for (_, _, records, size) in &self.under_way {
            count += records;
            bytes += size;
        }
        count >= MOST_RECORDS
            || bytes >= MOST_BYTES
            || self
                .under_way
                .first()
                .is_some_and(|(_, since, ..)| since.elapsed() > LONGEST)
    }

    /// Whether what is in here should be handed over although the run can go on.
    pub(super) fn is_due(&self) -> bool {
        self.count >= MOST_RECORDS / 4
            || self.bytes >= MOST_BYTES / 4
            || self
                .since
                .is_some_and(|since| since.elapsed() > LONGEST / 2)
    }

    /// Held by the one transaction of the run that commits.
    pub(super) fn turn(&self) -> Arc<Mutex<()>> {
        Arc::clone(&self.turn)
    }

    /// Takes everything out for a step's transaction, which says what became of it.
    pub(super) fn lend(&mut self) -> Taken {
        self.lent = true;
        self.take()
    }

    /// What was lent is durable, or is back in here.
    pub(super) fn settled(&mut self) {
        self.lent = false;
        if std::mem::take(&mut self.wanted) {
            self.hand_over();
        }
    }

    /// Hands everything to the flush; nothing when there is nothing and nobody
    /// waits, and later when it may depend on what is lent.
    pub(super) fn hand_over(&mut self) {
        if self.lent {
            self.wanted = true;
        } else if !self.is_empty() || self.handed < self.awaited {
            self.hand_over_with(Then::GoOn);
        }
    }

    /// The next checkpoint ends the run: who waits for its end is told with it.
    pub(super) fn announce(&self, end: RunEnd) {
        let number = self.handed + 1;
        self.acks
            .send_modify(|acks| acks.end = Some((number, Arc::new(end))));
    }

    /// Hands everything to the flush, with what becomes of the run.
    pub(super) fn hand_over_with(&mut self, then: Then) {
        let progress = std::mem::take(&mut self.progress);
        let taken = self.take();
        self.handed += 1;
        let since = taken.since.unwrap_or_else(Instant::now);
        self.under_way
            .push((self.handed, since, taken.count, taken.bytes));
        let checkpoint = Checkpoint {
            tenant: self.fence.tenant,
            run: self.fence.run,
            epoch: self.fence.epoch,
            limited: self.fence.limited,
            records: taken.records,
            apart: self.apart.any,
            progress,
            birth: self.birth.take(),
            then,
        };
        let message = Handed {
            checkpoint,
            number: self.handed,
            acks: Arc::clone(&self.acks),
        };
        // The flush outlives the runs; when it is gone, so is the worker.
        if self.flush.send(message).is_err() {
            self.acks
                .send_modify(|acks| acks.lost = Some(super::Lost::Stopped));
        }
    }

    /// Takes everything out.
    fn take(&mut self) -> Taken {
        for (step, inside) in std::mem::take(&mut self.items) {
            let row = self.seal_items(&step, &inside);
            self.records.items.push(row);
        }
        Taken {
            records: std::mem::take(&mut self.records),
            count: std::mem::take(&mut self.count),
            bytes: std::mem::take(&mut self.bytes),
            since: self.since.take(),
        }
    }

    /// Puts back what a step's transaction did not write after all.
    pub(super) fn give_back(&mut self, taken: Taken) {
        let mut records = taken.records;
        records.add(std::mem::take(&mut self.records));
        self.records = records;
        self.count += taken.count;
        self.bytes += taken.bytes;
        self.progress = true;
        self.since = match (self.since, taken.since) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;
    use crate::crypto::MasterKey;
    use crate::executor::flush::flush_channel;
    use crate::ids::{RunId, TenantId, WorkerId};
    use crate::node::{Ctx, Effect, Node, NodeResult, NodeSpec, Registry};
    use crate::run::{Body, Key, Place, StepStatus};

    struct Nothing;
    impl Node for Nothing {
        const SPEC: NodeSpec = NodeSpec::new("nothing", Effect::Pure);
        type Config = std::collections::BTreeMap<String, String>;
        type Output = ();
        async fn run(&self, _ctx: &Ctx, _config: Self::Config) -> NodeResult<()> {
            Ok(())
        }
    }

    fn buffer(flush: FlushSender) -> Buffer {
        let registry = Registry::builder().node(Nothing).build().unwrap();
        let source = "name: w\nsteps: { send: { uses: nothing } }";
        let plan = crate::language::check(source, &registry).plan.unwrap();
        let tenant = TenantId(Uuid::nil());
        let (key, _) = MasterKey::generate().new_data_key(tenant);
        let fence = Fence {
            tenant,
            run: RunId(Uuid::nil()),
            owner: WorkerId(Uuid::nil()),
            epoch: 1,
            limited: false,
        };
        Buffer::new(fence, plan, Arc::new(key), Past::default(), flush, None)
    }

    fn intent() -> Record {
        Record {
            key: Key::root(),
            place: Place::of_step("send"),
            attempt: 1,
            status: StepStatus::Running,
            started_at: DateTime::UNIX_EPOCH,
            ended_at: None,
            body: Body::default(),
        }
    }

    /// An external step waits for its intent while a transaction of the run
    /// takes it along: whatever becomes of that, the step hears of it.
    #[test]
    fn an_intent_that_a_transaction_took_along_is_answered_for() {
        for committed in [true, false] {
            let (sender, mut flush) = flush_channel();
            let mut buffer = buffer(sender);
            buffer.push(&intent());
            let awaited = buffer.await_next();
            let taken = buffer.lend();
            buffer.hand_over();
            assert!(flush.try_recv().is_err(), "what is lent is waited for");
            if !committed {
                buffer.give_back(taken);
            }
            buffer.settled();
            let message = flush.try_recv().unwrap();
            assert_eq!(message.number, awaited);
            let rows = message.checkpoint.records.steps.len();
            assert_eq!(rows, usize::from(!committed), "no row is written twice");
            buffer.hand_over();
            assert!(flush.try_recv().is_err(), "nobody waits any more");
        }
    }
}
