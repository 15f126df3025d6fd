//! Steps that wait: for a time, for people, for something from outside.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Awaited, Ctx, Decided, Heard, NodeResult, NodeSpec, Problem, Question};
use crate::engine::RunFailure;
use crate::ids::RunId;
use crate::run::RunStatus;

/// What a step waits for: recorded with it, so that the run may let go of its worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wait {
    /// When the node is woken at the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// What wakes it before.
    pub on: On,
    /// What the node keeps in mind from one wake to the next.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub memo: Value,
}

/// What wakes a step that waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// Nothing but the time.
    Time,
    /// A person says what became of an attempt whose outcome is unknown.
    Answer,
    /// What people decide.
    People(Question),
    /// A delivery to the token of this topic.
    Delivery {
        /// See [`super::Token::topic`].
        topic: String,
    },
    /// An event.
    Event(Awaited),
    /// The end of a run that the engine starts, in the commit that records the wait.
    Call(Call),
    /// The end of this run, which was started.
    Child(RunId),
}

/// A run to be started and waited for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The workflow's name.
    pub workflow: String,
    /// The number of its version; the one that was published when the calling run started, when not given.
    pub version: Option<u32>,
    /// What it is given.
    pub inputs: Value,
}

/// Why a step that waits is woken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wake {
    /// It is as late as the wait said.
    Due,
    /// A person has decided.
    Decided(Decided),
    /// This was delivered.
    Delivered(Value),
    /// This has happened.
    Event(Heard),
    /// The run that was started has ended.
    Ended {
        /// How.
        status: RunStatus,
        /// What it gave.
        outputs: Option<Value>,
        /// Why it did not succeed.
        error: Option<RunFailure>,
    },
}

/// What a step that waits makes of being begun, or woken.
#[derive(Clone, Debug, PartialEq)]
pub enum Waited<T> {
    /// It has ended with this output.
    Done(T),
    /// It waits, from now on for this.
    For(Wait),
}

impl Wait {
    /// A wait for a time.
    #[must_use]
    pub const fn until(at: DateTime<Utc>) -> Self {
        Self {
            until: Some(at),
            on: On::Time,
            memo: Value::Null,
        }
    }

    /// A wait for a run that the engine starts.
    #[must_use]
    pub const fn call(call: Call) -> Self {
        Self {
            until: None,
            on: On::Call(call),
            memo: Value::Null,
        }
    }

    /// A wait for a person who says what became of an attempt.
    #[must_use]
    pub(crate) const fn for_answer() -> Self {
        Self {
            until: None,
            on: On::Answer,
            memo: Value::Null,
        }
    }
}

/// A node that waits. It computes what to wait for and what a wake means; the
/// engine keeps the wait as a row, and the run holds no worker meanwhile.
///
/// [`Ctx::now`] is the instant of the attempt, and then that of the wake, which
/// is recorded.
pub trait WaitingNode: Send + Sync + 'static {
    /// Name and version; the effect is always `read`: what it saw is recorded
    /// before any effect acts on it.
    const SPEC: NodeSpec;
    /// The value of `with`; unknown fields are refused.
    type Config: DeserializeOwned + JsonSchema + Send + 'static;
    /// What later steps read.
    type Output: Serialize + JsonSchema + Send + 'static;

    /// Problems of a config that its schema cannot say: see [`super::Node::check`].
    fn check(&self, _config: &Value) -> Vec<Problem> {
        Vec::new()
    }

    /// The workflow that a config calls by a name which is no expression: its
    /// version is fixed when the run starts. `config` is as for [`Self::check`].
    fn calls(&self, _config: &Value) -> Option<String> {
        None
    }

    /// What to wait for.
    ///
    /// # Errors
    /// What makes the attempt fail.
    fn begin(&self, ctx: &Ctx, config: Self::Config) -> NodeResult<Waited<Self::Output>>;

    /// What a wake means for a wait that this node began.
    ///
    /// # Errors
    /// What makes the attempt fail.
    fn wake(
        &self,
        ctx: &Ctx,
        config: Self::Config,
        wait: &Wait,
        wake: Wake,
    ) -> NodeResult<Waited<Self::Output>>;
}
