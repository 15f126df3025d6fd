//! The task of one run: from claim to release.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::Shop;
use super::attempt::{Attempt, Bounded, Done, bounded, idempotency_key, run_key};
use super::budget::within_budget;
use super::buffer::{Born, Buffer, LONGEST, Past};
use super::end::failure;
use super::flush::{Acks, Lost};
use super::keep::{Keep, LARGE};
use super::pace::Pace;
use super::transaction::Work;
use crate::crypto::DataKey;
use crate::engine::{Kin, RunFailure, RunResult, Version};
use crate::graph::Body as StepBody;
use crate::node::{Awaited, Conditions, Ctx, Effect, NodeError, Runner, Usage};
use crate::run::{
    Applied, Attempted, Event, Key, Mode, Outlook, Run, RunStatus, Start, budget_spent,
};
use crate::store::cross_tenant::checkpoint::Then;
use crate::store::cross_tenant::claim::{Claimed, Mail};
use crate::store::steps::Fence;

/// Code of a step whose outcome the database refuses.
pub(super) const UNSTORABLE: &str = "engine.unstorable";
/// A run with nothing to do for so long lets go of its worker.
const WORTH_WAITING: Duration = Duration::from_secs(2);
/// Turns of the task before others get theirs.
const TURNS: u32 = 64;

/// How a task let go of its run.
pub(super) enum Exit {
    /// Its end, or its release, is durable.
    Released,
    /// It is another worker's.
    Lost,
    /// A row of this step cannot be stored.
    Unstorable { step: String, attempt: Option<i32> },
}

/// A run that is being executed.
pub(super) struct Task {
    pub(super) shop: Arc<Shop>,
    pub(super) fence: Fence,
    pub(super) version: Arc<Version>,
    pub(super) key: Arc<DataKey>,
    pub(super) run: Run,
    buffer: Arc<Mutex<Buffer>>,
    acks: watch::Receiver<Acks>,
    inflight: FuturesUnordered<BoxFuture<'static, Done>>,
    pub(super) flights: HashMap<Key, Flight>,
    /// The recorded instant of the run's last durable input.
    pub(super) now: DateTime<Utc>,
    /// An attempt waits for its intent to be durable.
    urgent: bool,
    pub(super) read: HashSet<i64>,
    /// Messages that wait for an attempt under way.
    pub(super) early: Vec<Mail>,
    pub(super) kin: Arc<Kin>,
    /// Who started the run.
    requester: Option<String>,
    draining: bool,
    keep: Keep,
    kept_until: Option<Instant>,
    /// Why it is cancelled, as far as is known.
    pub(super) stopped: Option<RunFailure>,
    /// An event that cancels it.
    pub(super) cancel_on: Option<Awaited>,
}

pub(super) struct Flight {
    abort: CancellationToken,
    effect: Effect,
}

impl Task {
    #[expect(clippy::too_many_arguments, reason = "all that a run is made of, once")]
    pub(super) fn new(
        shop: &Arc<Shop>,
        claimed: &Claimed,
        version: &Arc<Version>,
        key: &Arc<DataKey>,
        run: Run,
        past: Past,
        born: Option<Born>,
        kin: Kin,
    ) -> Self {
        let fence = Fence {
            tenant: claimed.tenant,
            run: claimed.run,
            owner: shop.worker,
            epoch: claimed.epoch,
            limited: claimed.is_limited(),
        };
        let plan = Arc::clone(&version.plan);
        let buffer = Buffer::new(fence, plan, Arc::clone(key), past, shop.flush.clone(), born);
        Self {
            shop: Arc::clone(shop),
            fence,
            version: Arc::clone(version),
            key: Arc::clone(key),
            now: run.last_wake().unwrap_or(claimed.created_at),
            run,
            acks: buffer.acks(),
            buffer: Arc::new(Mutex::new(buffer)),
            inflight: FuturesUnordered::new(),
            flights: HashMap::new(),
            urgent: false,
            read: HashSet::new(),
            early: Vec::new(),
            requester: kin.requester(key, fence.tenant, fence.run),
            kin: Arc::new(kin),
            draining: false,
            keep: Keep::default(),
            kept_until: None,
            stopped: claimed.refused.map(RunFailure::from),
            cancel_on: None,
        }
    }

    /// Runs until the run ends, waits, or is lost.
    pub(super) async fn drive(
        &mut self,
        begun: Applied,
        mail: &mut mpsc::UnboundedReceiver<Mail>,
    ) -> Exit {
        self.applied(begun);
        self.time_has_come();
        let mut turns = 0;
        loop {
            turns += 1;
            if turns % TURNS == 0 {
                tokio::task::yield_now().await;
            }
            for message in std::mem::take(&mut self.early) {
                self.work_in(&message);
            }
            while let Ok(message) = mail.try_recv() {
                self.work_in(&message);
            }
            self.start_all();
            if let Some(Some(done)) = self.inflight.next().now_or_never() {
                if self.finish(done) {
                    return self.lost();
                }
                continue;
            }
            if self.inflight.is_empty()
                && let Some(then) = self.what_then()
                && !self.is_kept(&then)
            {
                return self.let_go(then).await;
            }
            if let Some(exit) = self.wait(mail).await {
                return exit;
            }
        }
    }

    /// Whether a run that waits stays here for now.
    fn is_kept(&mut self, then: &Then) -> bool {
        self.kept_until = match then {
            Then::Wait(_) if self.run.open_items() >= LARGE => self.keep.until(&self.shop.kept),
            _ => None,
        };
        self.kept_until.is_some()
    }

    /// Starts all that may start, as long as the run may have more unflushed.
    fn start_all(&mut self) {
        while !self.draining && !self.buffer().is_full() {
            let Some(start) = self.run.next_start() else {
                return;
            };
            self.start(start);
        }
    }

    fn start(&mut self, start: Start) {
        let step = start.step.clone();
        let StepBody::Node { node, with } = &step.body else {
            return;
        };
        let input = match &start.input {
            Some(recorded) => Ok(Arc::clone(recorded)),
            None => with
                .render(self.shop.engine.sandbox(), &start.scope)
                .map(Arc::new)
                .map_err(|error| NodeError::fail(error.code, error)),
        };
        let known = input.and_then(|input| {
            let size = bounded(&input, Bounded::Input)?;
            self.buffer().room_for(size)?;
            let sandbox = self.shop.engine.sandbox();
            let once = idempotency_key(self.fence.run, &start, sandbox)?;
            let price = node.price(&input)?;
            if price.is_some()
                && let Some(spent) = self.run.budget_reached()
            {
                return Err(budget_spent(&start.path, spent));
            }
            Ok((node.effect(&input)?, input, once, price))
        });
        let (effect, input, once, price) = match known {
            Ok(known) => known,
            Err(error) => return self.failed_before(start, error),
        };
        let pace = match &step.rate_limit {
            None => Ok(None),
            Some(rate) => {
                let workflow = &self.version.workflow;
                Pace::of(rate, &self.shop, self.fence.tenant, workflow, &start)
            }
        };
        let pace = match pace {
            Ok(pace) => pace,
            Err(error) => return self.failed_before(start, error),
        };
        let started_at = self.clock_now();
        let (mut effect, mut call) = (effect, None);
        if let Runner::Waiting(node) = &node.runner {
            call = self.begin_wait(&**node, &start, &input, started_at);
            if call.is_none() {
                return;
            }
            effect = Effect::Transaction;
        }
        let (key, abort) = (start.key.clone(), CancellationToken::new());
        self.flights.insert(
            start.key.clone(),
            Flight {
                abort: abort.clone(),
                effect,
            },
        );
        let mut ctx = self.ctx(&start, effect, started_at);
        ctx.key = once;
        let attempt = Attempt {
            ctx,
            shop: Arc::clone(&self.shop),
            buffer: Arc::clone(&self.buffer),
            tenant: self.fence.tenant,
            effect,
            input,
            abort: abort.clone(),
            started_at,
            price,
            start,
        };
        let paid = price.map(|_| attempt.start.clone());
        if let Some(call) = call {
            let work = Work::Call(call, Arc::clone(&self.kin));
            return self.inflight.push(attempt.transaction(work));
        }
        let future = match (&node.runner, effect) {
            (Runner::Transaction(node), _) => attempt.transaction(Work::Node(Arc::clone(node))),
            (Runner::Plain(node), Effect::External(_)) => {
                if attempt.start.mode == Mode::LookUp {
                    attempt.look_up(Arc::clone(node))
                } else {
                    let number = self.intend(&attempt);
                    attempt.external(Arc::clone(node), number)
                }
            }
            (Runner::Plain(node), _) => attempt.plain(Arc::clone(node)),
            (Runner::Waiting(_), _) => return,
        };
        let future = match paid {
            None => future,
            Some(start) => {
                self.urgent = true;
                let (tenant, shop) = (self.fence.tenant, Arc::clone(&self.shop));
                let number = self.buffer().await_next();
                let counted = (self.acks.clone(), number);
                within_budget(shop, tenant, counted, abort.clone(), start, future)
            }
        };
        self.inflight.push(match pace {
            None => future,
            Some(pace) => pace.then(Arc::clone(&self.shop), abort, key, future),
        });
    }

    /// Records what an external attempt is about to do, and tells in which checkpoint.
    fn intend(&mut self, attempt: &Attempt) -> u64 {
        let input = Arc::clone(&attempt.input);
        let key = attempt.ctx.key.clone();
        let intent = self
            .run
            .intent(&attempt.start, input, key, attempt.started_at);
        self.urgent = true;
        let mut buffer = self.buffer();
        buffer.push(&intent);
        buffer.await_next()
    }

    pub(super) fn ctx(&self, start: &Start, effect: Effect, started_at: DateTime<Utc>) -> Ctx {
        Ctx {
            tenant: self.fence.tenant,
            run: self.fence.run,
            step: start.path.clone(),
            attempt: start.attempt,
            now: if effect == Effect::Pure {
                self.now
            } else {
                started_at
            },
            key: run_key(self.fence.run, start),
            credential: None,
            requester: self.requester.clone(),
            cancel: CancellationToken::new(),
            conditions: Conditions {
                sandbox: self.shop.engine.sandbox().clone(),
                scope: Arc::clone(&start.scope),
                compiled: Arc::clone(&start.step.conditions),
            },
            log: Mutex::default(),
            used: Mutex::default(),
        }
    }

    /// The attempt failed before its node was asked.
    fn failed_before(&mut self, start: Start, error: NodeError) {
        let now = self.clock_now();
        let attempted = Attempted {
            key: start.key,
            effect: Effect::Pure,
            input: None,
            idempotency: None,
            usage: Usage::default(),
            started_at: now,
            ended_at: now,
            logs: Vec::new(),
            result: Err(error),
            dice: 0,
        };
        let applied = self.run.apply(Event::Attempted(Box::new(attempted)), now);
        self.applied(applied);
    }

    /// Works in what came of an attempt; true when the run is lost.
    fn finish(&mut self, done: Done) -> bool {
        let now = self.clock_now();
        let applied = match done {
            Done::Attempted(attempted, recorded) => {
                let key = attempted.key.clone();
                self.flights.remove(&key);
                if !recorded {
                    let day = attempted.ended_at.date_naive();
                    self.buffer().spend(day, attempted.usage);
                }
                let mut applied = self.run.apply(Event::Attempted(attempted), now);
                if recorded {
                    applied.records.retain(|record| record.key != key);
                }
                applied
            }
            Done::Aborted(key) => {
                self.flights.remove(&key);
                if self.draining {
                    // Nothing happened: another worker makes the attempt.
                    return false;
                }
                self.run.apply(Event::Aborted(key, now), now)
            }
            Done::Absent(key) => {
                self.flights.remove(&key);
                self.run.absent(&key, now)
            }
            Done::Refused(start, error) => {
                self.flights.remove(&start.key);
                self.failed_before(*start, error);
                return false;
            }
            Done::Lost => return true,
        };
        self.applied(applied);
        false
    }

    pub(super) fn applied(&mut self, applied: Applied) {
        self.keep.woken();
        let mut buffer = self.buffer();
        for record in &applied.records {
            buffer.push(record);
        }
        if buffer.is_due() {
            buffer.hand_over();
        }
        drop(buffer);
        for inside in &applied.abort {
            self.abort(inside);
        }
    }

    /// Aborts what has no effect; an effect under way finishes.
    fn abort(&self, inside: &Key) {
        for (key, flight) in &self.flights {
            if inside.holds(key) {
                flight.abort.cancel();
            }
        }
    }

    /// Aborts all but effects whose intent is recorded: those are worth finishing.
    fn leave_undone(&self) {
        for flight in self.flights.values() {
            if !matches!(flight.effect, Effect::External(_)) {
                flight.abort.cancel();
            }
        }
    }

    /// What becomes of a run that has nothing under way; none when it goes on.
    fn what_then(&mut self) -> Option<Then> {
        match self.run.outlook() {
            _ if self.draining => Some(Then::Yield),
            Outlook::Busy => None,
            Outlook::Waiting => Some(Then::Wait(None)),
            Outlook::Delayed(at) => {
                let left = (at - self.clock_now()).to_std().unwrap_or_default();
                (left > WORTH_WAITING).then_some(Then::Wait(Some(at)))
            }
            Outlook::Succeeded => Some(self.succeeded()),
            Outlook::Cancelled => {
                self.give_up_waits();
                Some(self.end_cancelled())
            }
            Outlook::TimedOut(error) => {
                self.give_up_waits();
                let result = RunResult {
                    error: Some(failure(&error, None)),
                    ..RunResult::default()
                };
                Some(self.end(RunStatus::TimedOut, result))
            }
            Outlook::Failed { step, error } => {
                self.give_up_waits();
                Some(self.end_failed((!step.is_empty()).then_some(step), &error))
            }
        }
    }

    /// Hands the last checkpoint over and waits until it is durable.
    pub(super) async fn let_go(&mut self, then: Then) -> Exit {
        let number = {
            let mut buffer = self.buffer();
            buffer.hand_over_with(then);
            buffer.last_number()
        };
        let acks = self
            .acks
            .wait_for(|acks| acks.flushed >= number || acks.lost.is_some())
            .await;
        if acks.is_ok_and(|acks| acks.flushed >= number) {
            return Exit::Released;
        }
        self.lost()
    }

    fn lost(&self) -> Exit {
        match self.acks.borrow().lost.clone() {
            Some(Lost::Unstorable { step, attempt }) => Exit::Unstorable { step, attempt },
            Some(Lost::Fenced | Lost::Stopped) | None => Exit::Lost,
        }
    }

    /// Waits for anything to happen. Outcomes are handed over first, unless all
    /// that runs is transactions, which take them along in their own commit.
    async fn wait(&mut self, mail: &mut mpsc::UnboundedReceiver<Mail>) -> Option<Exit> {
        let held = self.hold_or_hand_over();
        let clock = Arc::clone(self.shop.engine.clock());
        let due = self.run.next_due();
        let shop = Arc::clone(&self.shop);
        let kept_until = self.kept_until.take();
        tokio::select! {
            Some(done) = self.inflight.next(), if !self.inflight.is_empty() => {
                if self.finish(done) {
                    return Some(self.lost());
                }
            }
            changed = self.acks.changed() => {
                if changed.is_err() || self.acks.borrow().lost.is_some() {
                    return Some(self.lost());
                }
            }
            Some(message) = mail.recv() => self.work_in(&message),
            () = sleep_until(&clock, due), if due.is_some() => {
                self.time_has_come();
            }
            () = sleep(kept_until), if kept_until.is_some() => {}
            () = tokio::time::sleep(held.unwrap_or_default()), if held.is_some() => {
                self.buffer().hand_over();
            }
            () = shop.drain.cancelled(), if !self.draining => {
                self.draining = true;
                self.leave_undone();
            }
        }
        None
    }

    fn hold_or_hand_over(&mut self) -> Option<Duration> {
        let only_transactions = !self.flights.is_empty()
            && self
                .flights
                .values()
                .all(|flight| flight.effect == Effect::Transaction);
        let urgent = std::mem::take(&mut self.urgent);
        let mut buffer = self.buffer();
        if only_transactions && !urgent && !buffer.is_full() && !buffer.is_unborn() {
            return buffer
                .since()
                .map(|since| LONGEST.saturating_sub(since.elapsed()));
        }
        buffer.hand_over();
        None
    }

    pub(super) fn buffer(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn clock_now(&self) -> DateTime<Utc> {
        self.shop.engine.clock().now()
    }
}

async fn sleep(until: Option<Instant>) {
    if let Some(until) = until {
        tokio::time::sleep_until(until.into()).await;
    }
}

async fn sleep_until(clock: &crate::clock::SharedClock, at: Option<DateTime<Utc>>) {
    match at {
        Some(at) => clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}
