//! What happens to a run, and what is to be done about it.

use std::ops::Deref;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Key, Place};
use crate::expr::Scope;
use crate::graph::{Level, Step};
use crate::node::{Effect, IdempotencyKey, LogLine, NodeError, NodeResult, Usage, Wait, Waited};

/// What happens to a run.
#[derive(Debug)]
pub enum Event {
    /// An attempt ended.
    Attempted(Box<Attempted>),
    /// An attempt was aborted on demand.
    Aborted(Key, DateTime<Utc>),
    /// Someone cancelled the run.
    Cancelled,
    /// Someone says what became of an attempt.
    Answered(Place, Answer, DateTime<Utc>),
    /// It is that late.
    Due(DateTime<Utc>),
}

/// How an attempt ended.
#[derive(Debug)]
pub struct Attempted {
    /// Where.
    pub key: Key,
    /// Its effect, when its input was good enough to tell.
    pub effect: Effect,
    /// The rendered `with`.
    pub input: Option<Arc<Value>>,
    /// The key of an external effect.
    pub idempotency: Option<IdempotencyKey>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// What the node wrote.
    pub logs: Vec<LogLine>,
    /// What it used.
    pub usage: Usage,
    /// Output, what it waits for, or error.
    pub result: NodeResult<Waited<Value>>,
    /// Any number; chooses the jitter of a retry.
    pub dice: u64,
}

/// What a person says became of an attempt whose outcome is unknown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It happened, with this output.
    Done(Value),
    /// It did not happen and shall not: the step fails.
    Failed(String),
    /// Try again with the same key.
    TryAgain,
}

/// How an attempt is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The node does its work.
    Run,
    /// The node is asked what became of the attempt.
    LookUp,
}

/// An attempt to be started.
#[derive(Clone, Debug)]
pub struct Start {
    /// Where.
    pub key: Key,
    /// Where, for the store.
    pub place: Place,
    /// Where, for people: `pay[3].send`.
    pub path: String,
    /// The step.
    pub step: StepRef,
    /// 1 for the first.
    pub attempt: u32,
    /// Definite failures before.
    pub generation: u32,
    /// Unknown outcomes before.
    pub unknowns: u32,
    /// Work, or look up.
    pub mode: Mode,
    /// The recorded input, which is never evaluated again.
    pub input: Option<Arc<Value>>,
    /// The recorded key, likewise.
    pub idempotency: Option<IdempotencyKey>,
    /// What its expressions read.
    pub scope: Arc<Scope>,
}

/// A step that waits, about to be woken.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// The attempt.
    pub start: Start,
    /// Its recorded input.
    pub input: Arc<Value>,
    /// What it waits for.
    pub wait: Wait,
    /// When it began.
    pub started_at: DateTime<Utc>,
}

/// A step of a shared level.
#[derive(Clone)]
pub struct StepRef {
    pub(super) level: Arc<Level>,
    pub(super) index: usize,
}

impl Deref for StepRef {
    type Target = Step;

    fn deref(&self) -> &Step {
        self.level
            .step(self.index)
            .expect("a key leads to a step of the plan")
    }
}

impl std::fmt::Debug for StepRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StepRef({})", self.id)
    }
}

/// What lies ahead of a run when nothing can be started.
#[derive(Clone, Debug, PartialEq)]
pub enum Outlook {
    /// Attempts run.
    Busy,
    /// Nothing to do before this instant.
    Delayed(DateTime<Utc>),
    /// Only a message helps.
    Waiting,
    /// All steps have ended well.
    Succeeded,
    /// A step failed.
    Failed {
        /// Its path; empty when it was none: the outputs of the run.
        step: String,
        /// Why.
        error: NodeError,
    },
    /// Someone cancelled it.
    Cancelled,
    /// It had not ended in time.
    TimedOut(NodeError),
}
