//! The attempts of one step: what each outcome makes of the next.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::level::Cx;
use super::transition::{self, DEADLINE_PASSED, Next, TIMED_OUT};
use super::{Answer, Attempted, Body, Key, Mode, StepStatus};
use crate::expr::{Failure, Scope};
use crate::graph::Step;
use crate::node::{IdempotencyKey, LogLine, NodeError, On, Usage, Wait, Waited};
use crate::text;
use crate::text::Text;

/// The attempts of a step, or of an item of a loop whose body is one node.
#[derive(Debug)]
pub(super) struct Try {
    /// Number of the attempt that runs or comes next.
    pub attempt: u32,
    pub generation: u32,
    pub unknowns: u32,
    pub phase: Phase,
    pub mode: Mode,
    /// The recorded input of a step that waits, or whose outcome is unknown.
    pub input: Option<Arc<Value>>,
    pub idempotency: Option<IdempotencyKey>,
    /// When the attempt began that waits, or whose outcome is unknown.
    pub started_at: Option<DateTime<Utc>>,
    /// What it waits for.
    pub wait: Option<Box<Wait>>,
    /// What the node wrote before it waited.
    pub logs: Vec<LogLine>,
    /// What this attempt has used.
    pub usage: Usage,
    /// What went wrong last.
    pub error: Option<NodeError>,
    /// It is to end, whatever its policy says.
    pub stopped: Option<Box<Stop>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Ready,
    Running,
    Delayed(DateTime<Utc>),
    Waiting,
}

/// Why a step is to end before it is done.
#[derive(Clone, Debug)]
pub(super) struct Stop {
    /// How it ends.
    pub status: StepStatus,
    pub error: Option<NodeError>,
}

impl Stop {
    /// Another step does not need it any more.
    pub(super) fn cancelled() -> Self {
        Self {
            status: StepStatus::Cancelled,
            error: None,
        }
    }

    /// Its deadline has passed.
    pub(super) fn late(step: &Step) -> Self {
        let deadline = step.deadline.unwrap_or_default();
        let error = NodeError::fail(
            DEADLINE_PASSED,
            text!(
                "`{step}` had not ended {time} after it began",
                step = &step.id,
                time = format!("{deadline:?}")
            ),
        );
        Self {
            status: StepStatus::TimedOut,
            error: Some(error),
        }
    }

    /// The end that it means.
    pub(super) fn end(self) -> TryEnd {
        match self.error {
            Some(error) => TryEnd::Failed(self.status, error),
            None => TryEnd::Aborted,
        }
    }
}

/// How a step's attempts ended.
#[derive(Debug)]
pub(super) enum TryEnd {
    Succeeded(Arc<Value>),
    Failed(StepStatus, NodeError),
    Aborted,
}

/// What happens to the attempts of a step.
pub(super) enum Change {
    Attempted(Box<Attempted>),
    Aborted(DateTime<Utc>),
    Answered(Answer, DateTime<Utc>),
}

impl Try {
    pub(super) fn first() -> Self {
        Self {
            attempt: 1,
            generation: 0,
            unknowns: 0,
            phase: Phase::Ready,
            mode: Mode::Run,
            input: None,
            idempotency: None,
            started_at: None,
            wait: None,
            logs: Vec::new(),
            usage: Usage::default(),
            error: None,
            stopped: None,
        }
    }

    /// Applies a change; tells how the step ended when it did.
    pub(super) fn change(
        &mut self,
        step: &Step,
        key: &[u32],
        scope: &Arc<Scope>,
        change: Change,
        cx: &mut Cx<'_>,
    ) -> Option<TryEnd> {
        match change {
            Change::Attempted(attempted) => self.attempted(step, key, scope, *attempted, cx),
            Change::Aborted(at) => {
                let stop = self
                    .stopped
                    .take()
                    .map_or_else(Stop::cancelled, |stop| *stop);
                Some(self.stop(key, stop, at, cx))
            }
            Change::Answered(answer, at) => self.answered(key, answer, at, cx),
        }
    }

    /// Ends it as it stands.
    pub(super) fn stop(
        &mut self,
        key: &[u32],
        stop: Stop,
        at: DateTime<Utc>,
        cx: &mut Cx<'_>,
    ) -> TryEnd {
        let error = stop.error.clone().or_else(|| self.error.clone());
        let body = self.body(None, error);
        let since = self.started_at.unwrap_or(at);
        cx.record_times(key, self.attempt, stop.status, since, Some(at), body);
        stop.end()
    }

    fn attempted(
        &mut self,
        step: &Step,
        key: &[u32],
        scope: &Arc<Scope>,
        attempted: Attempted,
        cx: &mut Cx<'_>,
    ) -> Option<TryEnd> {
        let Attempted {
            effect,
            input,
            idempotency,
            started_at,
            ended_at,
            logs,
            usage,
            result,
            dice,
            ..
        } = attempted;
        self.usage = self.usage.and(usage);
        let woken = self.phase == Phase::Waiting;
        let mut body = Body {
            input,
            logs: std::mem::take(&mut self.logs),
            key: idempotency,
            generation: self.generation,
            unknowns: self.unknowns,
            wait: self.wait.take().map(|wait| *wait),
            woken_at: woken.then_some(ended_at),
            usage: self.usage,
            ..Body::default()
        };
        body.logs.extend(logs);
        let error = match result {
            Ok(Waited::For(wait)) => {
                self.wait_for(key, wait, started_at, body, cx);
                return None;
            }
            Ok(Waited::Done(output)) => {
                let output = Arc::new(output);
                body.output = Some(Arc::clone(&output));
                let status = StepStatus::Succeeded;
                cx.record_times(key, self.attempt, status, started_at, Some(ended_at), body);
                return Some(TryEnd::Succeeded(output));
            }
            Err(error) => error,
        };
        if let Some(stop) = self.stopped.take() {
            body.error = stop.error.clone().or(Some(error));
            cx.record_times(
                key,
                self.attempt,
                stop.status,
                started_at,
                Some(ended_at),
                body,
            );
            return Some(stop.end());
        }
        let next = transition::next(transition::Failed {
            effect,
            error: &error,
            attempt: self.attempt,
            unknowns: self.unknowns,
            retry: step.retry.as_ref(),
            wanted: wanted(step, scope, self.attempt, &error, cx),
            dice,
        });
        body.error = Some(error.clone());
        let status = failed_status(&error);
        let (input, idempotency) = (body.input.clone(), body.key.clone());
        let finish = |this: &Self, status, body, cx: &mut Cx<'_>| {
            cx.record_times(key, this.attempt, status, started_at, Some(ended_at), body);
        };
        match next {
            Next::Fail => {
                finish(self, status, body, cx);
                return Some(TryEnd::Failed(status, error));
            }
            Next::Retry(delay) => {
                let at = ended_at + delay;
                body.retry_at = Some(at);
                body.generation += 1;
                finish(self, status, body, cx);
                self.attempt += 1;
                self.usage = Usage::default();
                self.generation += 1;
                self.input = None;
                self.idempotency = None;
                self.phase = Phase::Delayed(at);
                self.mode = Mode::Run;
            }
            Next::Repeat(delay) => {
                let at = ended_at + delay;
                body.retry_at = Some(at);
                body.unknowns += 1;
                finish(self, status, body, cx);
                self.attempt += 1;
                self.usage = Usage::default();
                self.unknowns += 1;
                self.input = input;
                self.idempotency = idempotency;
                self.phase = Phase::Delayed(at);
                self.mode = Mode::Run;
            }
            Next::LookUp(delay) => {
                body.unknowns += 1;
                cx.record_times(
                    key,
                    self.attempt,
                    StepStatus::Running,
                    started_at,
                    None,
                    body,
                );
                self.unknowns += 1;
                self.input = input;
                self.idempotency = idempotency;
                self.started_at = Some(started_at);
                self.phase = Phase::Delayed(ended_at + delay);
                self.mode = Mode::LookUp;
            }
            Next::Ask => {
                self.idempotency = idempotency;
                self.wait_for(key, Wait::for_answer(), started_at, body, cx);
            }
        }
        self.error = Some(error);
        if let Phase::Delayed(at) = self.phase
            && at <= cx.now
        {
            self.wake(key, cx.ready);
        }
        None
    }

    /// From now on it waits for this.
    fn wait_for(
        &mut self,
        key: &[u32],
        wait: Wait,
        since: DateTime<Utc>,
        mut body: Body,
        cx: &mut Cx<'_>,
    ) {
        body.wait = Some(wait.clone());
        self.wait = Some(Box::new(wait));
        self.input = body.input.clone();
        self.logs.clone_from(&body.logs);
        self.started_at = Some(since);
        self.phase = Phase::Waiting;
        cx.record_times(key, self.attempt, StepStatus::Waiting, since, None, body);
    }

    fn aborted(&self, key: &[u32], at: DateTime<Utc>, cx: &mut Cx<'_>) {
        let body = self.body(None, None);
        let since = self.started_at.unwrap_or(at);
        let status = StepStatus::Cancelled;
        cx.record_times(key, self.attempt, status, since, Some(at), body);
    }

    /// Records that it does not wait any more, when it does. An outcome that
    /// nobody knows stays unknown.
    pub(super) fn give_up_wait(&self, key: &[u32], cx: &mut Cx<'_>) {
        if self.phase == Phase::Waiting && !self.asks() {
            self.aborted(key, cx.now, cx);
        }
    }

    /// Whether a person is asked what became of it.
    pub(super) fn asks(&self) -> bool {
        let wait = self.wait.as_ref();
        self.phase == Phase::Waiting && wait.is_some_and(|wait| wait.on == On::Answer)
    }

    /// The look-up says that it did not happen: the same key once more.
    pub(super) fn absent(&mut self, key: &[u32], at: DateTime<Utc>, cx: &mut Cx<'_>) {
        let error = NodeError::unknown(
            "engine.did_not_happen",
            text!("the service says that the attempt did not take effect"),
        );
        let mut body = self.body(None, Some(error));
        body.retry_at = Some(at);
        let since = self.started_at.unwrap_or(at);
        cx.record_times(key, self.attempt, StepStatus::Failed, since, Some(at), body);
        self.attempt += 1;
        self.usage = Usage::default();
        self.mode = Mode::Run;
        self.wake(key, cx.ready);
    }

    fn answered(
        &mut self,
        key: &[u32],
        answer: Answer,
        at: DateTime<Utc>,
        cx: &mut Cx<'_>,
    ) -> Option<TryEnd> {
        if !self.asks() {
            return None;
        }
        let since = self.started_at.unwrap_or(at);
        match answer {
            Answer::Done(output) => {
                let output = Arc::new(output);
                let body = self.woken(at, Some(Arc::clone(&output)), None);
                let status = StepStatus::Succeeded;
                cx.record_times(key, self.attempt, status, since, Some(at), body);
                Some(TryEnd::Succeeded(output))
            }
            Answer::Failed(message) => {
                let error = NodeError::fail("engine.answered_failed", Text::verbatim(message));
                let body = self.woken(at, None, Some(error.clone()));
                let status = StepStatus::Failed;
                cx.record_times(key, self.attempt, status, since, Some(at), body);
                Some(TryEnd::Failed(status, error))
            }
            Answer::TryAgain => {
                let mut body = self.woken(at, None, self.error.clone());
                body.retry_at = Some(at);
                body.unknowns = 0;
                cx.record_times(key, self.attempt, StepStatus::Failed, since, Some(at), body);
                self.wait = None;
                self.logs.clear();
                self.attempt += 1;
                self.usage = Usage::default();
                self.unknowns = 0;
                self.mode = Mode::Run;
                self.wake(key, cx.ready);
                None
            }
        }
    }

    pub(super) fn wake(&mut self, key: &[u32], ready: &mut VecDeque<Key>) {
        self.phase = Phase::Ready;
        ready.push_back(Key(key.into()));
    }

    fn woken(
        &self,
        at: DateTime<Utc>,
        output: Option<Arc<Value>>,
        error: Option<NodeError>,
    ) -> Body {
        Body {
            woken_at: Some(at),
            ..self.body(output, error)
        }
    }

    fn body(&self, output: Option<Arc<Value>>, error: Option<NodeError>) -> Body {
        Body {
            input: self.input.clone(),
            output,
            error,
            key: self.idempotency.clone(),
            generation: self.generation,
            unknowns: self.unknowns,
            logs: self.logs.clone(),
            wait: self.wait.as_deref().cloned(),
            usage: self.usage,
            ..Body::default()
        }
    }
}

fn failed_status(error: &NodeError) -> StepStatus {
    if error.code == TIMED_OUT {
        StepStatus::TimedOut
    } else {
        StepStatus::Failed
    }
}

/// What `retry.if` says; an expression that fails says no.
fn wanted(step: &Step, scope: &Arc<Scope>, attempt: u32, error: &NodeError, cx: &Cx<'_>) -> bool {
    let Some(condition) = step
        .retry
        .as_ref()
        .and_then(|retry| retry.condition.as_ref())
    else {
        return true;
    };
    let mut scope = Scope::inside(scope);
    scope.set_attempt(attempt);
    scope.set_error(&failure(error));
    condition.test(cx.sandbox, &scope).unwrap_or(false)
}

/// The error as expressions see it.
pub(super) fn failure(error: &NodeError) -> Failure {
    Failure {
        code: error.code.clone(),
        message: error.message.to_string(),
    }
}

pub(super) fn expression_failed(error: &crate::expr::ExprError) -> NodeError {
    NodeError::fail(error.code, error)
}
