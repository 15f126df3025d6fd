//! A level of steps: which may start, and what their ends mean for the others.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::key::place_of;
use super::loops::LoopState;
use super::tries::{Try, TryEnd, expression_failed, failure};
use super::{Body, Key, Record, StepStatus};
use crate::expr::{Ended, Sandbox, Scope, Typed};
use crate::graph::{Level, OnError, Plan, Step};
use crate::node::NodeError;

/// What the functions of this module share while an event is worked on.
pub(super) struct Cx<'a> {
    pub plan: &'a Plan,
    pub sandbox: &'a Sandbox,
    pub now: DateTime<Utc>,
    /// Attempts that may start.
    pub ready: &'a mut VecDeque<Key>,
    /// What is to be recorded.
    pub records: &'a mut Vec<Record>,
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
    /// The step whose failure nothing handles: no other step starts.
    pub failure: Option<(usize, NodeError)>,
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
    Go,
}

impl LevelState {
    pub(super) fn new(level: &Level, scope: Arc<Scope>) -> Self {
        Self {
            scope,
            steps: level.steps.iter().map(|_| StepState::Pending).collect(),
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
            if self.failure.is_some() {
                return;
            }
            if !matches!(self.steps[index], StepState::Pending) {
                continue;
            }
            let key = join(at, index);
            match self.readiness(level, index) {
                Readiness::NotYet => {}
                Readiness::Skip => self.skip(level, index, &key, cx),
                Readiness::Go => self.begin(level, index, &key, cx),
            }
        }
    }

    fn readiness(&self, level: &Level, index: usize) -> Readiness {
        let step = &level.steps[index];
        let handles = step.handles;
        let mut needs = step.needs.iter().filter(|need| Some(**need) != handles);
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

    /// Whether a switch chose one of these cases.
    fn chose(&self, level: &Level, switch: usize, names: &[Arc<str>]) -> bool {
        let ended = self.scope.step(&level.steps[switch].id);
        let output = ended.and_then(|ended| ended.output.as_ref());
        let case = output.and_then(|output| output.value.get("case"));
        let case = case.and_then(Value::as_str);
        case.is_some_and(|case| names.iter().any(|name| **name == *case))
    }

    fn is_skipped(&self, index: usize) -> bool {
        matches!(self.steps[index], StepState::Ended(StepStatus::Skipped, _))
    }

    fn skip(&mut self, level: &Level, index: usize, key: &[u32], cx: &mut Cx<'_>) {
        cx.record(key, 1, StepStatus::Skipped, Body::default());
        self.skipped(level, index);
    }

    /// Takes a step for skipped, as recorded.
    pub(super) fn skipped(&mut self, level: &Level, index: usize) {
        self.end(level, index, StepStatus::Skipped, None, None);
    }

    fn begin(&mut self, level: &Arc<Level>, index: usize, key: &[u32], cx: &mut Cx<'_>) {
        let step = &level.steps[index];
        let scope = self.step_scope(level, index);
        let wanted = match &step.condition {
            Some(condition) => condition.test(cx.sandbox, &scope),
            None => Ok(true),
        };
        match (wanted, &step.for_each) {
            (Ok(false), _) => self.skip(level, index, key, cx),
            (Err(error), _) => {
                let error = expression_failed(&error);
                let body = Body {
                    error: Some(error.clone()),
                    ..Body::default()
                };
                cx.record(key, 1, StepStatus::Failed, body);
                self.failed(level, index, StepStatus::Failed, error);
            }
            (Ok(true), None) => {
                self.steps[index] = StepState::Try(Try::first());
                cx.ready.push_back(Key(key.into()));
            }
            (Ok(true), Some(each)) => {
                let opened = LoopState::open(each, &scope, cx);
                match opened {
                    Ok(state) => {
                        let body = Body {
                            items: Some(state.all_items()),
                            ..Body::default()
                        };
                        cx.record(key, 1, StepStatus::Running, body);
                        self.steps[index] = StepState::Loop(Box::new(state));
                        self.advance_loop(level, index, key, cx);
                    }
                    Err(error) => {
                        let body = Body {
                            error: Some(error.clone()),
                            ..Body::default()
                        };
                        cx.record(key, 1, StepStatus::Failed, body);
                        self.failed(level, index, StepStatus::Failed, error);
                    }
                }
            }
        }
    }

    /// What the expressions of a step read: with `error` in a step that stands in.
    pub(super) fn step_scope(&self, level: &Level, index: usize) -> Arc<Scope> {
        let handled = level.steps[index]
            .handles
            .map(|handled| &self.steps[handled]);
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
        let Some(ended) = state.ended(step, key, cx) else {
            return;
        };
        self.ended(level, index, ended);
    }

    /// Takes a step's attempts for ended.
    pub(super) fn ended(&mut self, level: &Level, index: usize, end: TryEnd) {
        match end {
            TryEnd::Succeeded(output) => {
                self.end(level, index, StepStatus::Succeeded, Some(output), None);
            }
            TryEnd::Failed(status, error) => self.failed(level, index, status, error),
            TryEnd::Aborted => {
                self.steps[index] = StepState::Ended(StepStatus::Cancelled, None);
            }
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
        let value = match level.steps[index].on_error {
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

pub(super) fn join(at: &[u32], index: usize) -> Vec<u32> {
    let mut key = Vec::with_capacity(at.len() + 1);
    key.extend_from_slice(at);
    key.push(u32::try_from(index).unwrap_or(u32::MAX));
    key
}
