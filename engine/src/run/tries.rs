//! The attempts of one step: what each outcome makes of the next.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::level::Cx;
use super::transition::{self, Next, TIMED_OUT};
use super::{Answer, Attempted, Body, Key, Mode, StepStatus};
use crate::expr::{Failure, Scope};
use crate::graph::Step;
use crate::node::{IdempotencyKey, NodeError};
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
    /// The recorded input of an effect whose outcome is unknown.
    pub input: Option<Arc<Value>>,
    pub idempotency: Option<IdempotencyKey>,
    /// When the attempt began whose outcome is unknown.
    pub started_at: Option<DateTime<Utc>>,
    /// What went wrong last.
    pub error: Option<NodeError>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Ready,
    Running,
    Delayed(DateTime<Utc>),
    Asking,
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
    Attempted(Attempted),
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
            error: None,
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
            Change::Attempted(attempted) => self.attempted(step, key, scope, attempted, cx),
            Change::Aborted(at) => {
                let body = self.body(None, None);
                let since = self.started_at.unwrap_or(at);
                let status = StepStatus::Cancelled;
                cx.record_times(key, self.attempt, status, since, Some(at), body);
                Some(TryEnd::Aborted)
            }
            Change::Answered(answer, at) => self.answered(key, answer, at, cx),
        }
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
            result,
            dice,
            ..
        } = attempted;
        let mut body = Body {
            input,
            logs,
            key: idempotency,
            generation: self.generation,
            unknowns: self.unknowns,
            ..Body::default()
        };
        let error = match result {
            Ok(output) => {
                let output = Arc::new(output);
                body.output = Some(Arc::clone(&output));
                let status = StepStatus::Succeeded;
                cx.record_times(key, self.attempt, status, started_at, Some(ended_at), body);
                return Some(TryEnd::Succeeded(output));
            }
            Err(error) => error,
        };
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
        let mut finish = |this: &Self, status, body| {
            let ended = (status != StepStatus::Waiting).then_some(ended_at);
            cx.record_times(key, this.attempt, status, started_at, ended, body);
        };
        match next {
            Next::Fail => {
                finish(self, status, body);
                return Some(TryEnd::Failed(status, error));
            }
            Next::Retry(delay) => {
                let at = ended_at + delay;
                body.retry_at = Some(at);
                body.generation += 1;
                finish(self, status, body);
                self.attempt += 1;
                self.generation += 1;
                self.input = None;
                self.phase = Phase::Delayed(at);
                self.mode = Mode::Run;
            }
            Next::Repeat(delay) => {
                let at = ended_at + delay;
                body.retry_at = Some(at);
                body.unknowns += 1;
                finish(self, status, body);
                self.attempt += 1;
                self.unknowns += 1;
                self.input = input;
                self.phase = Phase::Delayed(at);
                self.mode = Mode::Run;
            }
            Next::LookUp(delay) => {
                body.unknowns += 1;
                finish(self, StepStatus::Running, body);
                self.unknowns += 1;
                self.input = input;
                self.idempotency = idempotency;
                self.started_at = Some(started_at);
                self.phase = Phase::Delayed(ended_at + delay);
                self.mode = Mode::LookUp;
            }
            Next::Ask => {
                finish(self, StepStatus::Waiting, body);
                self.input = input;
                self.idempotency = idempotency;
                self.started_at = Some(started_at);
                self.phase = Phase::Asking;
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
        if self.phase != Phase::Asking {
            return None;
        }
        let since = self.started_at.unwrap_or(at);
        match answer {
            Answer::Done(output) => {
                let output = Arc::new(output);
                let body = self.body(Some(Arc::clone(&output)), None);
                let status = StepStatus::Succeeded;
                cx.record_times(key, self.attempt, status, since, Some(at), body);
                Some(TryEnd::Succeeded(output))
            }
            Answer::Failed(message) => {
                let error = NodeError::fail("engine.answered_failed", Text::verbatim(message));
                let body = self.body(None, Some(error.clone()));
                let status = StepStatus::Failed;
                cx.record_times(key, self.attempt, status, since, Some(at), body);
                Some(TryEnd::Failed(status, error))
            }
            Answer::TryAgain => {
                let mut body = self.body(None, self.error.clone());
                body.retry_at = Some(at);
                body.unknowns = 0;
                cx.record_times(key, self.attempt, StepStatus::Failed, since, Some(at), body);
                self.attempt += 1;
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

    fn body(&self, output: Option<Arc<Value>>, error: Option<NodeError>) -> Body {
        Body {
            input: self.input.clone(),
            output,
            error,
            key: self.idempotency.clone(),
            generation: self.generation,
            unknowns: self.unknowns,
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
