//! The state machine of one run.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::cleanup::{Cleanup, CleanupError, Undo};
use super::event::StepRef;
use super::key::{key_of, place_of};
use super::level::{Cx, LevelState, StepState};
use super::loops::{At, ItemState, LoopState};
use super::replay::Records;
use super::time::{Halt, Late, Times};
use super::tries::{Change, Phase, Try, expression_failed};
use super::walk::{aborts, steps_left, wake_due};
use super::{Body, Event, Key, Outlook, Record, Start, StepStatus, Stored};
use crate::expr::{RunFacts, Sandbox, Scope, Typed};
use crate::graph::{Body as StepBody, Level, Plan, Spent};
use crate::node::{IdempotencyKey, NodeError, Usage};
use crate::text;

/// The state of one run: what has ended, what may start, what lies ahead.
pub struct Run {
    pub(super) plan: Arc<Plan>,
    pub(super) sandbox: Sandbox,
    pub(super) top: LevelState,
    pub(super) ready: VecDeque<Key>,
    pub(super) woken_at: Option<DateTime<Utc>>,
    /// It is to end, whatever is left to do.
    pub(super) halt: Option<Halt>,
    /// What is to be undone if it does not end well.
    pub(super) undo: Vec<Undo>,
    /// Its own steps are over, and more is to run.
    pub(super) cleanup: Option<Cleanup>,
    /// How long it may take.
    pub(super) times: Times,
    /// What its paid steps have used.
    pub(super) used: Usage,
    /// Whether anything may run when its own steps are over.
    has_cleanup: bool,
}

/// What an event leads to.
#[derive(Debug, Default)]
pub struct Applied {
    /// What is to be recorded.
    pub records: Vec<Record>,
    /// Attempts without effect inside these are to be aborted.
    pub abort: Vec<Key>,
}

/// What the functions of this module share, with the plan; the rest of the run stays free.
macro_rules! cx {
    ($run:ident, $now:expr, $records:expr) => {
        Cx {
            plan: &$run.plan,
            sandbox: &$run.sandbox,
            now: $now,
            ready: &mut $run.ready,
            records: $records,
            halted: $run.halt.is_some(),
            undo: &mut $run.undo,
        }
    };
}
pub(super) use cx;

impl Run {
    /// A run of which nothing is recorded. Call [`Self::begin`] next.
    #[must_use]
    pub fn new(plan: Arc<Plan>, sandbox: Sandbox, facts: &RunFacts, inputs: Typed) -> Self {
        let top = LevelState::new(&plan.steps, Arc::new(Scope::new(facts, inputs)));
        Self {
            has_cleanup: plan.has_cleanup(),
            times: Times::new(&plan, facts.now),
            used: Usage::default(),
            plan,
            sandbox,
            top,
            ready: VecDeque::new(),
            woken_at: None,
            halt: None,
            undo: Vec::new(),
            cleanup: None,
        }
    }

    /// Decides all that can be decided without an event.
    pub fn begin(&mut self, now: DateTime<Utc>) -> Applied {
        self.times.seen(now);
        let mut records = Vec::new();
        let mut cx = cx!(self, now, &mut records);
        advance_all(&self.plan.steps, &mut self.top, &[], &mut cx);
        self.wind_up(now, None, &mut records);
        self.applied(&Key::root(), records)
    }

    /// What an expression of the run itself reads: its outputs.
    #[must_use]
    pub fn scope(&self) -> &Arc<Scope> {
        &self.top.scope
    }

    /// The limit of its budget that its paid steps have reached: no other begins.
    #[must_use]
    pub fn budget_reached(&self) -> Option<Spent> {
        self.plan.budget.reached(&self.used)
    }

    /// The graph.
    #[must_use]
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The next attempt to start; it counts as running from now on.
    pub fn next_start(&mut self) -> Option<Start> {
        while let Some(key) = self.ready.pop_front() {
            let plan = Arc::clone(&self.plan);
            let start = match &mut self.cleanup {
                Some(cleanup) => cleanup.start(&plan, &key),
                None if self.halt.is_some() => None,
                None => start_in(&plan, &plan.steps, &mut self.top, &key.0, &key),
            };
            if start.is_some() {
                self.times.works();
                return start;
            }
        }
        None
    }

    /// The record of what an external attempt is about to do.
    #[must_use]
    pub fn intent(
        &self,
        start: &Start,
        input: Arc<serde_json::Value>,
        key: IdempotencyKey,
        now: DateTime<Utc>,
    ) -> Record {
        Record {
            key: start.key.clone(),
            place: start.place.clone(),
            attempt: start.attempt,
            status: StepStatus::Running,
            started_at: now,
            ended_at: None,
            body: Body {
                input: Some(input),
                key: Some(key),
                generation: start.generation,
                unknowns: start.unknowns,
                ..Body::default()
            },
        }
    }

    /// Works an event in.
    pub fn apply(&mut self, event: Event, now: DateTime<Utc>) -> Applied {
        let mut records = Vec::new();
        let was_stopped = self.is_stopped();
        self.times.seen(now);
        self.note_wake(&event);
        let changed = match event {
            Event::Attempted(attempted) => {
                self.used = self.used.and(attempted.usage);
                let key = attempted.key.clone();
                Some((key, Change::Attempted(attempted)))
            }
            Event::Aborted(key, at) => Some((key, Change::Aborted(at))),
            Event::Answered(place, answer, at) => {
                let key = key_of(&self.plan, &place);
                key.map(|key| (key, Change::Answered(answer, at)))
            }
            Event::Cancelled => {
                self.halt(None, now, &mut records);
                None
            }
            Event::Due(at) => {
                self.due(now.max(at), &mut records);
                None
            }
        };
        let mut changed_at = Key::root();
        if let Some((key, change)) = changed {
            self.change(&key, change, now, &mut records);
            changed_at = key;
        }
        if self.times.works_on() && !self.top.is_busy() {
            self.times.rests();
        }
        self.wind_up(now, None, &mut records);
        let mut applied = self.applied(&changed_at, records);
        if self.is_stopped() && !was_stopped {
            applied.abort = vec![Key::root()];
        }
        applied
    }

    fn change(&mut self, key: &Key, it: Change, now: DateTime<Utc>, records: &mut Vec<Record>) {
        let mut cx = cx!(self, now, records);
        match &mut self.cleanup {
            Some(cleanup) => {
                cx.halted = false;
                cleanup.change(key, it, &mut cx);
            }
            None => change(&self.plan.steps, &mut self.top, &key.0, 0, it, &mut cx),
        }
    }

    fn due(&mut self, now: DateTime<Utc>, records: &mut Vec<Record>) {
        let mut cx = cx!(self, now, records);
        if let Some(cleanup) = &mut self.cleanup {
            cx.halted = false;
            cleanup.wake(&mut cx);
            return;
        }
        if wake_due(&self.plan.steps, &mut self.top, &[], &mut cx) {
            advance_all(&self.plan.steps, &mut self.top, &[], &mut cx);
        }
        self.times.seen(now);
        let late = self.times.late().filter(|_| !self.top.is_done());
        if late.is_some() {
            self.halt(late, now, records);
        }
    }

    /// Nothing new starts; the decision is recorded, for what led to it may be gone.
    fn halt(&mut self, late: Option<Late>, at: DateTime<Utc>, records: &mut Vec<Record>) {
        if self.is_stopped() || self.cleanup.is_some() {
            return;
        }
        let halt = Halt { at, late };
        records.push(halt.record(&self.plan, None));
        self.halt = Some(halt);
    }

    /// When the run's own steps are over, begins what runs after them, and goes
    /// on with it; `begun` is what is recorded of that.
    pub(super) fn wind_up(
        &mut self,
        now: DateTime<Utc>,
        begun: Option<(DateTime<Utc>, &Records)>,
        records: &mut Vec<Record>,
    ) {
        if !self.has_cleanup {
            return;
        }
        if self.cleanup.is_none() {
            if self.top.is_busy() || !self.is_stopped() && !self.top.is_done() {
                return;
            }
            let mut cx = cx!(self, now, records);
            steps_left(&self.plan.steps, &self.top, &[], &mut cx);
            if begun.is_none() {
                self.top.give_up_waits(&[], &mut cx);
            }
            let at = begun.as_ref().map_or(now, |(at, _)| *at);
            let (verdict, undo) = (self.whole_verdict(), std::mem::take(&mut self.undo));
            let failed = verdict != Outlook::Succeeded;
            let scope = &self.top.scope;
            let Some(mut cleanup) = Cleanup::new(&self.plan, verdict, undo, scope, at) else {
                return;
            };
            let mut cx = cx!(self, now, records);
            cx.halted = false;
            match begun {
                Some((_, known)) => cleanup.restore(&self.plan, known, &mut cx),
                None => {
                    cx.records.push(match self.halt {
                        Some(halt) => halt.record(&self.plan, Some(now)),
                        None if failed => super::time::verdict(StepStatus::Failed, now, Some(now)),
                        None => super::time::verdict(StepStatus::Succeeded, now, Some(now)),
                    });
                }
            }
            self.cleanup = Some(cleanup);
        }
        if let Some(cleanup) = &mut self.cleanup {
            let mut cx = cx!(self, now, records);
            cx.halted = false;
            cleanup.advance(&mut cx);
        }
    }

    /// The service says that the attempt which was looked up did not happen.
    pub fn absent(&mut self, key: &Key, now: DateTime<Utc>) -> Applied {
        self.times.seen(now);
        let mut records = Vec::new();
        let mut cx = cx!(self, now, &mut records);
        let attempts = match &mut self.cleanup {
            None => try_at(&self.plan.steps, &mut self.top, &key.0),
            Some(cleanup) => cleanup.attempts(key),
        };
        if let Some(attempts) = attempts {
            attempts.absent(&key.0, now, &mut cx);
        }
        self.applied(key, records)
    }

    /// What lies ahead once nothing more can be started.
    #[must_use]
    pub fn outlook(&self) -> Outlook {
        let ahead = || self.next_due().map_or(Outlook::Waiting, Outlook::Delayed);
        if let Some(cleanup) = &self.cleanup {
            return match () {
                () if cleanup.is_over() => cleanup.outlook(),
                () if cleanup.is_busy() || !self.ready.is_empty() => Outlook::Busy,
                () => ahead(),
            };
        }
        if self.top.is_busy() {
            return Outlook::Busy;
        }
        if self.is_stopped() || self.top.is_done() {
            return self.verdict();
        }
        if !self.ready.is_empty() {
            return Outlook::Busy;
        }
        ahead()
    }

    /// How its own steps ended, now that they are over.
    fn verdict(&self) -> Outlook {
        match (self.halt, &self.top.failure) {
            (
                Some(Halt {
                    late: Some(late), ..
                }),
                _,
            ) => Outlook::TimedOut(late.error(&self.plan)),
            (Some(_), _) => Outlook::Cancelled,
            (None, Some((index, error))) => Outlook::Failed {
                step: self.plan.steps.steps[*index].id.to_string(),
                error: error.clone(),
            },
            (None, None) => Outlook::Succeeded,
        }
    }

    /// The same, its outputs included: they are made before anything runs after it.
    fn whole_verdict(&self) -> Outlook {
        let verdict = self.verdict();
        let outputs = || self.plan.outputs.render(&self.sandbox, &self.top.scope);
        match verdict {
            Outlook::Succeeded => outputs().map_or_else(
                |error| Outlook::Failed {
                    step: String::new(),
                    error: expression_failed(&error),
                },
                |_| Outlook::Succeeded,
            ),
            other => other,
        }
    }

    /// What went wrong after its own steps.
    #[must_use]
    pub fn cleanup_errors(&self) -> Vec<CleanupError> {
        self.cleanup.as_ref().map_or_else(Vec::new, Cleanup::errors)
    }

    /// The earliest instant at which there is something to do.
    #[must_use]
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        match &self.cleanup {
            Some(cleanup) => cleanup.next_due(),
            None if self.is_stopped() => None,
            None => self
                .top
                .next_due()
                .into_iter()
                .chain(self.times.next_due())
                .min(),
        }
    }

    /// A stored record as one to be written; none when the plan has no such place.
    #[must_use]
    pub fn record_of(&self, stored: &Stored) -> Option<Record> {
        let key = key_of(&self.plan, &stored.place)?;
        Some(Record {
            key,
            place: stored.place.clone(),
            attempt: stored.attempt,
            status: stored.status,
            started_at: stored.started_at,
            ended_at: stored.ended_at,
            body: stored.body.clone(),
        })
    }

    /// Whether none of its own steps starts any more.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.halt.is_some() || self.top.failure.is_some()
    }

    /// What has failed or was stopped aborts what runs inside of it; a change at
    /// a key can only have failed or stopped what lies on the way to it.
    fn applied(&self, key: &Key, records: Vec<Record>) -> Applied {
        let mut abort = Vec::new();
        match &self.cleanup {
            Some(cleanup) => cleanup.aborts(&mut abort),
            None => aborts(&self.top, &key.0, &mut Vec::new(), &mut abort),
        }
        Applied { records, abort }
    }
}

/// Works a change in at `key[depth..]`, then lets all levels around it go on.
pub(super) fn change(
    level: &Arc<Level>,
    state: &mut LevelState,
    key: &[u32],
    depth: usize,
    it: Change,
    cx: &mut Cx<'_>,
) {
    let index = key[depth] as usize;
    let Some(step) = level.steps.get(index) else {
        return;
    };
    let scope = state.step_scope(level, index);
    match &mut state.steps[index] {
        StepState::Try(attempts) if key.len() == depth + 1 => {
            if let Some(end) = attempts.change(step, key, &scope, it, cx) {
                let when = cx.now;
                state.ended(level, index, &key[..depth], end, when, cx);
            }
        }
        StepState::Loop(items) if key.len() > depth + 1 => {
            let item = key[depth + 1];
            let at = At {
                step,
                key: &key[..=depth],
                item,
                when: cx.now,
            };
            change_item(&at, items, &scope, key, it, cx);
            state.advance_loop(level, index, &key[..=depth], cx);
        }
        _ => return,
    }
    state.advance(level, &key[..depth], cx);
}

fn change_item(
    at: &At<'_>,
    items: &mut LoopState,
    scope: &Arc<Scope>,
    key: &[u32],
    it: Change,
    cx: &mut Cx<'_>,
) {
    let step = at.step;
    let inner = Arc::new(items.item_scope(step, scope, at.item));
    match (items.open.get_mut(&at.item), &step.body) {
        (Some(ItemState::Try(attempts)), _) => {
            if let Some(end) = attempts.change(step, key, &inner, it, cx) {
                items.item_tried(at, end, &inner, cx);
            }
        }
        (Some(ItemState::Level(state)), StepBody::Steps(level)) => {
            change(level, state, key, at.key.len() + 1, it, cx);
            items.settle_level(at, level, cx);
        }
        _ => {}
    }
}

/// Lets every open level go on: after a recovery.
pub(super) fn advance_all(level: &Arc<Level>, state: &mut LevelState, at: &[u32], cx: &mut Cx<'_>) {
    for index in 0..level.steps.len() {
        let step = &level.steps[index];
        let key = super::level::join(at, index);
        if let StepState::Loop(items) = &mut state.steps[index] {
            if let StepBody::Steps(inner) = &step.body {
                for item in items.open.keys().copied().collect::<Vec<_>>() {
                    if let Some(ItemState::Level(inside)) = items.open.get_mut(&item) {
                        let at = super::level::join(&key, item as usize);
                        advance_all(inner, inside, &at, cx);
                    }
                    let at = At {
                        step,
                        key: &key,
                        item,
                        when: cx.now,
                    };
                    items.settle_level(&at, inner, cx);
                }
            }
            state.advance_loop(level, index, &key, cx);
        }
    }
    state.advance(level, at, cx);
}

/// Marks the attempt at a key as running, unless something around it has failed.
pub(super) fn start_in(
    plan: &Plan,
    level: &Arc<Level>,
    state: &mut LevelState,
    way: &[u32],
    key: &Key,
) -> Option<Start> {
    if state.failure.is_some() {
        return None;
    }
    let index = *way.first()? as usize;
    let step = level.steps.get(index)?;
    let scope = state.step_scope(level, index);
    let (attempts, scope) = match (&mut state.steps[index], way.len()) {
        (StepState::Try(attempts), 1) => (attempts, Scope::inside(&scope)),
        (StepState::Loop(items), 2..) => {
            if items.is_stopped() {
                return None;
            }
            let inner = items.item_scope(step, &scope, way[1]);
            match (items.open.get_mut(&way[1])?, &step.body) {
                (ItemState::Try(attempts), _) => (attempts, inner),
                (ItemState::Level(state), StepBody::Steps(level)) => {
                    return start_in(plan, level, state, &way[2..], key);
                }
                _ => return None,
            }
        }
        _ => return None,
    };
    start_of(plan, level, index, attempts, scope, key)
}

/// Marks an attempt that is ready as running.
pub(super) fn start_of(
    plan: &Plan,
    level: &Arc<Level>,
    index: usize,
    attempts: &mut Try,
    mut scope: Scope,
    key: &Key,
) -> Option<Start> {
    if attempts.phase != Phase::Ready {
        return None;
    }
    attempts.phase = Phase::Running;
    scope.set_attempt(attempts.attempt);
    let (place, path) = place_of(plan, &key.0);
    Some(Start {
        key: key.clone(),
        place,
        path,
        step: StepRef {
            level: Arc::clone(level),
            index,
        },
        attempt: attempts.attempt,
        generation: attempts.generation,
        unknowns: attempts.unknowns,
        mode: attempts.mode,
        input: attempts.input.clone(),
        idempotency: attempts.idempotency.clone(),
        scope: Arc::new(scope),
    })
}

pub(super) fn try_at<'a>(
    level: &Arc<Level>,
    state: &'a mut LevelState,
    way: &[u32],
) -> Option<&'a mut Try> {
    let index = *way.first()? as usize;
    let step = level.steps.get(index)?;
    match (&mut state.steps[index], way.len()) {
        (StepState::Try(attempts), 1) => Some(attempts),
        (StepState::Loop(items), 2..) => match (items.open.get_mut(&way[1])?, &step.body) {
            (ItemState::Try(attempts), _) => Some(attempts),
            (ItemState::Level(state), StepBody::Steps(level)) => try_at(level, state, &way[2..]),
            _ => None,
        },
        _ => None,
    }
}

/// The error of an attempt that a crash cut off.
pub(super) fn cut_off() -> NodeError {
    NodeError::unknown(
        super::UNKNOWN_OUTCOME,
        text!("the worker stopped during the attempt: nobody knows whether it took effect"),
    )
}
