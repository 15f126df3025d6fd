//! The state machine of one run.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::event::StepRef;
use super::key::{key_of, place_of};
use super::level::{Cx, LevelState, StepState};
use super::loops::{ItemState, LoopState};
use super::tries::{Change, Phase, Try};
use super::{Body, Event, Key, Outlook, Record, Start, StepStatus, Stored};
use crate::expr::{RunFacts, Sandbox, Scope, Typed};
use crate::graph::{Body as StepBody, Level, Plan, Step};
use crate::node::{IdempotencyKey, NodeError};
use crate::text;

/// The state of one run: what has ended, what may start, what lies ahead.
pub struct Run {
    pub(super) plan: Arc<Plan>,
    pub(super) sandbox: Sandbox,
    pub(super) top: LevelState,
    pub(super) ready: VecDeque<Key>,
    cancelled: bool,
    pub(super) woken_at: Option<DateTime<Utc>>,
}

/// What an event leads to.
#[derive(Debug, Default)]
pub struct Applied {
    /// What is to be recorded.
    pub records: Vec<Record>,
    /// Attempts without effect inside these are to be aborted.
    pub abort: Option<Key>,
}

impl Run {
    /// A run of which nothing is recorded. Call [`Self::begin`] next.
    #[must_use]
    pub fn new(plan: Arc<Plan>, sandbox: Sandbox, facts: &RunFacts, inputs: Typed) -> Self {
        let top = LevelState::new(&plan.steps, Arc::new(Scope::new(facts, inputs)));
        Self {
            plan,
            sandbox,
            top,
            ready: VecDeque::new(),
            cancelled: false,
            woken_at: None,
        }
    }

    /// Decides all that can be decided without an event.
    pub fn begin(&mut self, now: DateTime<Utc>) -> Applied {
        let mut records = Vec::new();
        let (plan, mut cx) = cx(
            &self.plan,
            &self.sandbox,
            now,
            &mut self.ready,
            &mut records,
        );
        advance_all(&plan.steps, &mut self.top, &[], &mut cx);
        self.applied(records)
    }

    /// What an expression of the run itself reads: its outputs.
    #[must_use]
    pub fn scope(&self) -> &Arc<Scope> {
        &self.top.scope
    }

    /// The graph.
    #[must_use]
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The next attempt to start; it counts as running from now on.
    pub fn next_start(&mut self) -> Option<Start> {
        while let Some(key) = self.ready.pop_front() {
            if self.cancelled {
                continue;
            }
            let plan = Arc::clone(&self.plan);
            if let Some(start) = start_in(&plan, &plan.steps, &mut self.top, &key.0, &key) {
                return Some(start);
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
        self.note_wake(&event);
        let (plan, mut cx) = cx(
            &self.plan,
            &self.sandbox,
            now,
            &mut self.ready,
            &mut records,
        );
        match event {
            Event::Attempted(attempted) => {
                let key = attempted.key.clone();
                change(
                    &plan.steps,
                    &mut self.top,
                    &key.0,
                    0,
                    Change::Attempted(Box::new(attempted)),
                    &mut cx,
                );
            }
            Event::Aborted(key, at) => {
                change(
                    &plan.steps,
                    &mut self.top,
                    &key.0,
                    0,
                    Change::Aborted(at),
                    &mut cx,
                );
            }
            Event::Answered(place, answer, at) => {
                if let Some(key) = key_of(&plan, &place) {
                    let answered = Change::Answered(answer, at);
                    change(&plan.steps, &mut self.top, &key.0, 0, answered, &mut cx);
                }
            }
            Event::Cancelled => self.cancelled = true,
            Event::Due(at) => wake_due(&plan.steps, &mut self.top, &mut Vec::new(), at, cx.ready),
        }
        let mut applied = self.applied(records);
        if self.is_stopped() && !was_stopped {
            applied.abort = Some(Key::root());
        }
        applied
    }

    /// The service says that the attempt which was looked up did not happen.
    pub fn absent(&mut self, key: &Key, now: DateTime<Utc>) -> Applied {
        let mut records = Vec::new();
        let (plan, mut cx) = cx(
            &self.plan,
            &self.sandbox,
            now,
            &mut self.ready,
            &mut records,
        );
        if let Some(attempts) = try_at(&plan.steps, &mut self.top, &key.0) {
            attempts.absent(&key.0, now, &mut cx);
        }
        self.applied(records)
    }

    /// What lies ahead once nothing more can be started.
    #[must_use]
    pub fn outlook(&self) -> Outlook {
        if self.top.is_busy() {
            return Outlook::Busy;
        }
        if self.cancelled {
            return Outlook::Cancelled;
        }
        if let Some((index, error)) = &self.top.failure {
            let step = &self.plan.steps.steps[*index];
            return Outlook::Failed {
                step: step.id.to_string(),
                error: error.clone(),
            };
        }
        if self.top.is_done() {
            return Outlook::Succeeded;
        }
        if !self.ready.is_empty() {
            return Outlook::Busy;
        }
        self.top
            .next_due()
            .map_or(Outlook::Waiting, Outlook::Delayed)
    }

    /// The earliest instant at which a delayed attempt may start.
    #[must_use]
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        if self.is_stopped() {
            return None;
        }
        self.top.next_due()
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

    /// Whether nothing new starts.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.cancelled || self.top.failure.is_some()
    }

    /// Loops that failed abort what runs inside of them.
    fn applied(&self, records: Vec<Record>) -> Applied {
        Applied {
            abort: failing_loop(&self.top, &mut Vec::new()),
            records,
        }
    }
}

pub(super) fn cx<'a>(
    plan: &'a Arc<Plan>,
    sandbox: &'a Sandbox,
    now: DateTime<Utc>,
    ready: &'a mut VecDeque<Key>,
    records: &'a mut Vec<Record>,
) -> (Arc<Plan>, Cx<'a>) {
    let cx = Cx {
        plan,
        sandbox,
        now,
        ready,
        records,
    };
    (Arc::clone(plan), cx)
}

/// Works a change in at `key[depth..]`, then lets all levels around it go on.
fn change(
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
                state.ended(level, index, end);
            }
        }
        StepState::Loop(items) if key.len() > depth + 1 => {
            let item = key[depth + 1];
            change_item(step, items, &scope, key, depth, item, it, cx);
            state.advance_loop(level, index, &key[..=depth], cx);
        }
        _ => return,
    }
    state.advance(level, &key[..depth], cx);
}

#[expect(
    clippy::too_many_arguments,
    reason = "one step of a recursion: each is a part of where it stands"
)]
fn change_item(
    step: &Step,
    items: &mut LoopState,
    scope: &Arc<Scope>,
    key: &[u32],
    depth: usize,
    item: u32,
    it: Change,
    cx: &mut Cx<'_>,
) {
    let Some(each) = &step.for_each else { return };
    let inner = Arc::new(items.item_scope(each, scope, item));
    match (items.open.get_mut(&item), &step.body) {
        (Some(ItemState::Try(attempts)), _) => {
            if let Some(end) = attempts.change(step, key, &inner, it, cx) {
                items.item_tried(step, item, end);
            }
        }
        (Some(ItemState::Level(state)), StepBody::Steps(level)) => {
            change(level, state, key, depth + 2, it, cx);
            items.settle_level(step, level, &key[..=depth], item, cx);
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
                    items.settle_level(step, inner, &key, item, cx);
                }
            }
            state.advance_loop(level, index, &key, cx);
        }
    }
    state.advance(level, at, cx);
}

/// Marks the attempt at a key as running, unless something around it has failed.
fn start_in(
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
    let (attempts, mut scope) = match (&mut state.steps[index], way.len()) {
        (StepState::Try(attempts), 1) => (attempts, Scope::inside(&scope)),
        (StepState::Loop(items), 2..) => {
            if items.failure.is_some() {
                return None;
            }
            let inner = items.item_scope(step.for_each.as_ref()?, &scope, way[1]);
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

impl Try {
    pub(super) fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }

    /// When it may start, or is woken at the latest.
    pub(super) fn due(&self) -> Option<DateTime<Utc>> {
        match self.phase {
            Phase::Delayed(at) => Some(at),
            Phase::Waiting => self.wait.as_ref()?.until,
            Phase::Ready | Phase::Running => None,
        }
    }

    fn is_delayed_until(&self, now: DateTime<Utc>) -> bool {
        matches!(self.phase, Phase::Delayed(at) if at <= now)
    }
}

impl LevelState {
    /// Whether an attempt runs.
    pub(super) fn is_busy(&self) -> bool {
        self.steps.iter().any(|step| match step {
            StepState::Try(attempts) => attempts.is_running(),
            StepState::Loop(items) => items.is_busy(),
            StepState::Pending | StepState::Ended(..) => false,
        })
    }

    fn next_due(&self) -> Option<DateTime<Utc>> {
        self.steps
            .iter()
            .filter_map(|step| match step {
                StepState::Try(attempts) => attempts.due(),
                StepState::Loop(items) => items
                    .open
                    .values()
                    .filter_map(|item| match item {
                        ItemState::Try(attempts) => attempts.due(),
                        ItemState::Level(level) => level.next_due(),
                    })
                    .min(),
                StepState::Pending | StepState::Ended(..) => None,
            })
            .min()
    }
}

/// Makes attempts ready whose delay is over.
fn wake_due(
    level: &Level,
    state: &mut LevelState,
    at: &mut Vec<u32>,
    now: DateTime<Utc>,
    ready: &mut VecDeque<Key>,
) {
    for (index, step) in state.steps.iter_mut().enumerate() {
        at.push(u32::try_from(index).unwrap_or(u32::MAX));
        match step {
            StepState::Try(attempts) if attempts.is_delayed_until(now) => {
                attempts.wake(at, ready);
            }
            StepState::Loop(items) => {
                for (item, inside) in &mut items.open {
                    at.push(*item);
                    match (inside, &level.steps[index].body) {
                        (ItemState::Try(attempts), _) if attempts.is_delayed_until(now) => {
                            attempts.wake(at, ready);
                        }
                        (ItemState::Level(state), StepBody::Steps(level)) => {
                            wake_due(level, state, at, now, ready);
                        }
                        _ => {}
                    }
                    at.pop();
                }
            }
            _ => {}
        }
        at.pop();
    }
}

/// The key of a loop, or of an item of a loop, that failed while something in it runs.
fn failing_loop(state: &LevelState, at: &mut Vec<u32>) -> Option<Key> {
    for (index, step) in state.steps.iter().enumerate() {
        let StepState::Loop(items) = step else {
            continue;
        };
        at.push(u32::try_from(index).unwrap_or(u32::MAX));
        if items.failure.is_some() && items.is_busy() {
            return Some(Key(at.as_slice().into()));
        }
        for (item, inside) in &items.open {
            // The body of a loop is one node in all of its items, or in none.
            let ItemState::Level(level) = inside else {
                break;
            };
            at.push(*item);
            if level.failure.is_some() && level.is_busy() {
                return Some(Key(at.as_slice().into()));
            }
            if let Some(key) = failing_loop(level, at) {
                return Some(key);
            }
            at.pop();
        }
        at.pop();
    }
    None
}

/// The error of an attempt that a crash cut off.
pub(super) fn cut_off() -> NodeError {
    NodeError::unknown(
        super::UNKNOWN_OUTCOME,
        text!("the worker stopped during the attempt: nobody knows whether it took effect"),
    )
}
