//! A level of steps: which may start, and what their ends mean for the others.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::budget;
use super::cleanup::Undo;
use super::key::place_of;
use super::loops::LoopState;
use super::transition::JOIN_UNREACHABLE;
use super::tries::{Stop, Try, TryEnd, expression_failed, failure};
use super::walk::{items_left, unknown};
use super::{Body, Key, Record, StepStatus};
use crate::expr::{Ended, Sandbox, Scope, Typed};
use crate::graph::{Join, Level, OnError, Plan, Step};
use crate::node::NodeError;
use crate::text;

/// What the functions of this module share while an event is worked on.
pub(super) struct Cx<'a> {
    pub plan: &'a Plan,
    pub sandbox: &'a Sandbox,
    pub now: DateTime<Utc>,
    /// Attempts that may start.
    pub ready: &'a mut VecDeque<Key>,
    /// What is to be recorded.
    pub records: &'a mut Vec<Record>,
    /// Nothing new begins.
    pub halted: bool,
    /// What is to be undone if the run does not end well.
    pub undo: &'a mut Vec<Undo>,
}

impl Cx<'_> {
    pub(super) fn record(&mut self, key: &[u32], attempt: u32, status: StepStatus, body: Body) {
        let now = self.now;
        self.record_times(
            key,
            attempt,
            status,
            now,
            status.is_final().then_some(now),
            body,
        );
    }

    pub(super) fn record_times(
        &mut self,
        key: &[u32],
        attempt: u32,
        status: StepStatus,
        started_at: DateTime<Utc>,
        ended_at: Option<DateTime<Utc>>,
        body: Body,
    ) {
        self.records.push(Record {
            key: Key(key.into()),
            place: place_of(self.plan, key).0,
            attempt,
            status,
            started_at,
            ended_at,
            body,
        });
    }
}

/// How the steps of a level stand.
#[derive(Debug)]
pub(super) struct LevelState {
    pub scope: Arc<Scope>,
    pub steps: Vec<StepState>,
    /// How steps began whose beginning is a decision of its own.
    pub begun: BTreeMap<usize, Begun>,
    /// The step whose failure nothing handles: no other step starts.
    pub failure: Option<(usize, NodeError)>,
}

/// How a step began.
#[derive(Debug)]
pub(super) struct Begun {
    /// The needs that had succeeded when a join was decided; the step sees no other of them.
    pub joined: Option<Vec<usize>>,
    /// When it must have ended.
    pub deadline: Option<DateTime<Utc>>,
}

#[derive(Debug)]
pub(super) enum StepState {
    Pending,
    Try(Try),
    Loop(Box<LoopState>),
    Ended(StepStatus, Option<NodeError>),
}

enum Readiness {
    NotYet,
    Skip,
    /// So many of its needs cannot succeed any more.
    Unreachable,
    Go,
}

impl LevelState {
    pub(super) fn new(level: &Level, scope: Arc<Scope>) -> Self {
        Self {
            scope,
            steps: level.steps.iter().map(|_| StepState::Pending).collect(),
            begun: BTreeMap::new(),
            failure: None,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.steps
            .iter()
            .all(|step| matches!(step, StepState::Ended(..)))
    }

    /// Starts, skips or ends every step that may be; steps stand after what they wait for.
    pub(super) fn advance(&mut self, level: &Arc<Level>, at: &[u32], cx: &mut Cx<'_>) {
        for &index in &level.order {
            if self.failure.is_some() || cx.halted {
                return;
            }
            if !matches!(self.steps[index], StepState::Pending) {
                continue;
            }
            let key = join(at, index);
            match self.readiness(level, index) {
                Readiness::NotYet => {}
                Readiness::Skip => self.skip(level, index, &key, cx),
                Readiness::Unreachable => {
                    let error = unreachable(&level.steps[index]);
                    self.fail(level, index, &key, error, cx);
                }
                Readiness::Go => self.begin(level, index, at, cx),
            }
        }
    }

    fn readiness(&self, level: &Level, index: usize) -> Readiness {
        if self.begun.contains_key(&index) {
            return Readiness::Go;
        }
        let step = &level.steps[index];
        let handles = step.handles;
        let counted = step.join.as_ref().map_or(&[][..], |join| &join.among);
        let mut needs =
            (step.needs.iter()).filter(|need| Some(**need) != handles && !counted.contains(need));
        if !needs.clone().all(|need| self.is_settled(level, *need)) {
            return Readiness::NotYet;
        }
        if let Some(handled) = handles {
            match self.steps[handled] {
                StepState::Ended(StepStatus::Failed | StepStatus::TimedOut, _) => {}
                StepState::Ended(..) => return Readiness::Skip,
                _ => return Readiness::NotYet,
            }
        }
        if let Some(join) = &step.join {
            return self.counted(level, step, join);
        }
        if !step
            .cases
            .iter()
            .all(|(switch, names)| self.chose(level, *switch, names))
        {
            return Readiness::Skip;
        }
        let any = needs.clone().next().is_some();
        if any && needs.all(|need| self.is_skipped(*need)) {
            return Readiness::Skip;
        }
        Readiness::Go
    }

    /// Whether a step has ended and, when another stands in for it, that one too.
    fn is_settled(&self, level: &Level, index: usize) -> bool {
        let failed = match &self.steps[index] {
            StepState::Ended(status, _) => {
                matches!(status, StepStatus::Failed | StepStatus::TimedOut)
            }
            _ => return false,
        };
        match level.steps[index].on_error {
            OnError::Step(stand_in) if failed => {
                matches!(self.steps[stand_in], StepState::Ended(..))
            }
            _ => true,
        }
    }

    /// Whether so many of a join's needs have succeeded, or still can.
    fn counted(&self, level: &Level, step: &Step, join: &Join) -> Readiness {
        let won = self.winners(level, step, join).len();
        let open = (join.among.iter())
            .filter(|need| !self.is_settled(level, **need))
            .count();
        if won >= join.count.get() {
            Readiness::Go
        } else if won + open >= join.count.get() {
            Readiness::NotYet
        } else if join.among.iter().all(|need| self.is_skipped(*need)) {
            Readiness::Skip
        } else {
            Readiness::Unreachable
        }
    }

    /// The needs of a join that have succeeded so far.
    fn winners(&self, level: &Level, step: &Step, join: &Join) -> Vec<usize> {
        let chosen = |need: usize| {
            let mut cases = step.cases.iter().filter(|(switch, _)| *switch == need);
            cases.all(|(switch, names)| self.chose(level, *switch, names))
        };
        (join.among.iter().copied())
            .filter(|need| self.has_succeeded(level, *need) && chosen(*need))
            .collect()
    }

    /// Whether a step has succeeded, or the one that stands in for it.
    fn has_succeeded(&self, level: &Level, index: usize) -> bool {
        match (&self.steps[index], level.steps[index].on_error) {
            (StepState::Ended(StepStatus::Succeeded, _), _) => true,
            (
                StepState::Ended(StepStatus::Failed | StepStatus::TimedOut, _),
                OnError::Step(other),
            ) => {
                matches!(
                    self.steps[other],
                    StepState::Ended(StepStatus::Succeeded, _)
                )
            }
            _ => false,
        }
    }

    /// Whether a switch chose one of these cases.
    fn chose(&self, level: &Level, switch: usize, names: &[Arc<str>]) -> bool {
        let ended = self.scope.step(&level.steps[switch].id);
        let output = ended.and_then(|ended| ended.output.as_ref());
        let case = output.and_then(|output| output.value.get("case"));
        let case = case.and_then(Value::as_str);
        case.is_some_and(|case| names.iter().any(|name| **name == *case))
    }

    fn is_skipped(&self, index: usize) -> bool {
        matches!(
            self.steps[index],
            StepState::Ended(StepStatus::Skipped | StepStatus::Cancelled, _)
        )
    }

    fn skip(&mut self, level: &Level, index: usize, key: &[u32], cx: &mut Cx<'_>) {
        cx.record(key, 1, StepStatus::Skipped, Body::default());
        self.skipped(level, index);
    }

    /// Takes a step for skipped, as recorded.
    pub(super) fn skipped(&mut self, level: &Level, index: usize) {
        self.end(level, index, StepStatus::Skipped, None, None);
    }

    /// Fails a step before its first attempt.
    fn fail(
        &mut self,
        level: &Level,
        index: usize,
        key: &[u32],
        error: NodeError,
        cx: &mut Cx<'_>,
    ) {
        let body = Body {
            error: Some(error.clone()),
            ..Body::default()
        };
        cx.record(key, 1, StepStatus::Failed, body);
        self.failed(level, index, StepStatus::Failed, error);
    }

    fn begin(&mut self, level: &Arc<Level>, index: usize, at: &[u32], cx: &mut Cx<'_>) {
        let key = &join(at, index);
        let step = &level.steps[index];
        self.decide(level, index, at, cx);
        let scope = self.step_scope(level, index);
        let wanted = match &step.condition {
            Some(condition) => condition.test(cx.sandbox, &scope),
            None => Ok(true),
        };
        match wanted {
            Ok(false) => self.skip(level, index, key, cx),
            Err(error) => self.fail(level, index, key, expression_failed(&error), cx),
            Ok(true) if !step.is_loop() => {
                self.steps[index] = StepState::Try(Try::first());
                cx.ready.push_back(Key(key.as_slice().into()));
            }
            Ok(true) => match LoopState::begin(step, &scope, cx) {
                Ok(state) => {
                    let body = Body {
                        items: state.all_items(),
                        ..Body::default()
                    };
                    cx.record(key, 1, StepStatus::Running, body);
                    self.steps[index] = StepState::Loop(Box::new(state));
                    self.advance_loop(level, index, key, cx);
                }
                Err(error) => self.fail(level, index, key, error, cx),
            },
        }
    }

    /// Records what must not be decided again: who won a join, since when a deadline counts.
    fn decide(&mut self, level: &Arc<Level>, index: usize, at: &[u32], cx: &mut Cx<'_>) {
        let step = &level.steps[index];
        if step.join.is_none() && step.deadline.is_none() || self.begun.contains_key(&index) {
            return;
        }
        let joined = (step.join.as_ref()).map(|join| self.winners(level, step, join));
        let names = joined.iter().flatten();
        let body = Body {
            joined: names.map(|won| level.steps[*won].id.to_string()).collect(),
            ..Body::default()
        };
        let now = cx.now;
        cx.record_times(&join(at, index), 0, StepStatus::Running, now, None, body);
        self.begun.insert(index, Begun::new(step, joined, now));
        self.cancel_rest(level, index, at, cx);
    }

    /// Cancels what a join that is decided does not need any more.
    pub(super) fn cancel_rest(
        &mut self,
        level: &Arc<Level>,
        index: usize,
        at: &[u32],
        cx: &mut Cx<'_>,
    ) {
        let Some(join) = &level.steps[index].join else {
            return;
        };
        if join.cancel_rest && self.begun.contains_key(&index) {
            for need in &join.among {
                self.stop(level, *need, at, Stop::cancelled(), cx);
            }
        }
    }

    /// Ends a step as it stands; what runs is aborted, and an effect under way finishes.
    pub(super) fn stop(
        &mut self,
        level: &Arc<Level>,
        index: usize,
        at: &[u32],
        stop: Stop,
        cx: &mut Cx<'_>,
    ) {
        let key = join(at, index);
        match &mut self.steps[index] {
            StepState::Ended(..) => {}
            StepState::Pending => {
                let body = Body {
                    error: stop.error.clone(),
                    ..Body::default()
                };
                cx.record(&key, 1, stop.status, body);
                let now = cx.now;
                self.ended(level, index, at, stop.end(), now, cx);
            }
            StepState::Try(attempts) if attempts.is_running() => {
                attempts.stopped.get_or_insert_with(|| Box::new(stop));
            }
            StepState::Try(attempts) => {
                let now = cx.now;
                let scope = &self.scope;
                unknown(level, index, attempts, scope, &key, cx);
                let end = attempts.stop(&key, stop, now, cx);
                self.ended(level, index, at, end, now, cx);
            }
            StepState::Loop(items) => {
                items.stopped.get_or_insert(stop);
                self.advance_loop(level, index, &key, cx);
            }
        }
    }

    /// What the expressions of a step read: with `error` in a step that stands
    /// in, without the needs that had not succeeded when a join was decided.
    pub(super) fn step_scope(&self, level: &Level, index: usize) -> Arc<Scope> {
        let step = &level.steps[index];
        let begun = self
            .begun
            .get(&index)
            .and_then(|begun| begun.joined.as_ref());
        if let Some((join, won)) = step.join.as_ref().zip(begun) {
            let mut scope = Scope::inside(&self.scope);
            for lost in join.among.iter().filter(|need| !won.contains(need)) {
                scope.set_step(Arc::clone(&level.steps[*lost].id), Ended::skipped());
            }
            return Arc::new(scope);
        }
        let handled = step.handles.map(|handled| &self.steps[handled]);
        match handled {
            Some(StepState::Ended(_, Some(error))) => {
                let mut scope = Scope::inside(&self.scope);
                scope.set_error(&failure(error));
                Arc::new(scope)
            }
            _ => Arc::clone(&self.scope),
        }
    }

    /// Opens items of a loop, and ends it when all of them have ended.
    pub(super) fn advance_loop(
        &mut self,
        level: &Arc<Level>,
        index: usize,
        key: &[u32],
        cx: &mut Cx<'_>,
    ) {
        let scope = self.step_scope(level, index);
        let step = &level.steps[index];
        let StepState::Loop(state) = &mut self.steps[index] else {
            return;
        };
        state.advance(step, &scope, key, cx);
        let Some(ended) = state.ended(key, cx) else {
            return;
        };
        items_left(level, index, state, &scope, key, cx);
        let at = &key[..key.len() - 1];
        let now = cx.now;
        self.ended(level, index, at, ended, now, cx);
    }

    /// Takes a step's attempts for ended.
    pub(super) fn ended(
        &mut self,
        level: &Level,
        index: usize,
        at: &[u32],
        end: TryEnd,
        when: DateTime<Utc>,
        cx: &mut Cx<'_>,
    ) {
        match end {
            TryEnd::Succeeded(output) => {
                self.end(level, index, StepStatus::Succeeded, Some(output), None);
                let step = &level.steps[index];
                if let (Some(undo), false) = (step.compensate, step.is_loop()) {
                    cx.undo.push(Undo {
                        key: Key(join(at, undo).into()),
                        ended_at: when,
                        scope: Arc::clone(&self.scope),
                    });
                }
            }
            TryEnd::Failed(status, error) => self.failed(level, index, status, error),
            TryEnd::Aborted => self.end(level, index, StepStatus::Cancelled, None, None),
        }
    }

    /// Takes a step for failed, with all that `on_error` says.
    pub(super) fn failed(
        &mut self,
        level: &Level,
        index: usize,
        status: StepStatus,
        error: NodeError,
    ) {
        let on_error = match budget::ends_the_run(&error) {
            true => OnError::Fail,
            false => level.steps[index].on_error,
        };
        let value = match on_error {
            OnError::Fail => {
                self.failure.get_or_insert_with(|| (index, error.clone()));
                None
            }
            OnError::Continue => Some(Arc::new(json!({ "error": failure(&error).to_value() }))),
            OnError::Step(_) => None,
        };
        self.end(level, index, status, value, Some(error));
    }

    fn end(
        &mut self,
        level: &Level,
        index: usize,
        status: StepStatus,
        output: Option<Arc<Value>>,
        error: Option<NodeError>,
    ) {
        let step = &level.steps[index];
        let word = match status {
            StepStatus::Skipped => "skipped",
            StepStatus::Succeeded => "succeeded",
            StepStatus::Cancelled => "cancelled",
            _ => "failed",
        };
        let shown =
            |step: &Step, output: &Option<Arc<Value>>, error: &Option<NodeError>, status| Ended {
                status,
                output: output
                    .as_ref()
                    .map(|value| Typed::new(Arc::clone(value), step.output.clone())),
                error: error.as_ref().map(failure),
            };
        let scope = Arc::make_mut(&mut self.scope);
        scope.set_step(Arc::clone(&step.id), shown(step, &output, &error, word));
        if let Some(handled) = step.handles
            && let StepState::Ended(StepStatus::Failed | StepStatus::TimedOut, first) =
                &self.steps[handled]
        {
            let handled = &level.steps[handled];
            let stand_in = shown(handled, &output, first, "failed");
            scope.set_step(Arc::clone(&handled.id), stand_in);
        }
        self.steps[index] = StepState::Ended(status, error);
    }
}

impl Begun {
    pub(super) fn new(step: &Step, joined: Option<Vec<usize>>, at: DateTime<Utc>) -> Self {
        let deadline = step.deadline.map(|deadline| {
            let deadline = TimeDelta::from_std(deadline).unwrap_or(TimeDelta::MAX);
            at.checked_add_signed(deadline)
                .unwrap_or(DateTime::<Utc>::MAX_UTC)
        });
        Self { joined, deadline }
    }
}

/// A join that cannot be reached.
fn unreachable(step: &Step) -> NodeError {
    let count = step.join.as_ref().map_or(0, |join| join.count.get());
    NodeError::fail(
        JOIN_UNREACHABLE,
        text!(
            "`{step}` needs {count} of its needs to succeed, and too few of them did",
            step = &step.id,
            count
        ),
    )
}

pub(super) fn join(at: &[u32], index: usize) -> Vec<u32> {
    let mut key = Vec::with_capacity(at.len() + 1);
    key.extend_from_slice(at);
    key.push(u32::try_from(index).unwrap_or(u32::MAX));
    key
}
