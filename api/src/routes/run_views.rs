//! Runs, steps and attempts as callers see them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use engine::node::{ErrorKind, LogLevel, On, Wait};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::words::Words;

mirror! {
    /// How a run stands.
    RunStatus of engine::RunStatus {
        /// Accepted; nobody has begun it, or nobody goes on with it yet.
        Queued,
        /// A worker has it.
        Running,
        /// It waits for a time or for an answer.
        Waiting,
        /// Ended well.
        Succeeded,
        /// A step failed and nothing handled it.
        Failed,
        /// Someone cancelled it.
        Cancelled,
        /// Its time was over.
        TimedOut,
    }
}

mirror! {
    /// How an attempt of a step stands.
    StepStatus of engine::StepStatus {
        /// Begun.
        Running,
        /// It waits.
        Waiting,
        /// Ended with an output.
        Succeeded,
        /// Ended with an error.
        Failed,
        /// Stopped because its run was.
        Cancelled,
        /// Its time was over.
        TimedOut,
        /// Its condition was false, or all it needs was skipped.
        Skipped,
    }
}

mirror! {
    /// Where an outcome comes from that a run did not come to itself.
    Taken of engine::Taken {
        /// The run that this one runs again.
        Origin,
        /// Who started this run said so.
        Edited,
    }
}

mirror! {
    /// How much a line of a log matters.
    Level of LogLevel {
        /// For whoever looks for a fault.
        Debug,
        /// What happened.
        Info,
        /// What may be wrong.
        Warn,
    }
}

mirror! {
    /// What may be done about a failed attempt.
    FailureKind of ErrorKind {
        /// Trying again may mend it.
        Retry,
        /// It is final.
        Fail,
        /// Nobody knows what became of the attempt.
        Unknown,
    }
}

/// A run with its steps and attempts.
#[derive(Serialize, ToSchema)]
pub struct Run {
    /// Its id.
    pub id: Uuid,
    /// The workflow's name.
    pub workflow: String,
    /// The version it executes.
    pub version: Uuid,
    /// How it stands.
    pub status: RunStatus,
    /// The run that started it and waits for its end.
    pub parent: Option<Uuid>,
    /// The run that it runs again.
    pub origin: Option<Uuid>,
    /// When it was accepted.
    pub created_at: DateTime<Utc>,
    /// When a worker first took it.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// What it was given.
    pub inputs: Value,
    /// What it gave.
    pub outputs: Option<Value>,
    /// Why it did not succeed.
    pub error: Option<RunFailure>,
    /// What went wrong in `compensate`, `on_failure` and `finally`.
    pub cleanup: Vec<RunFailure>,
    /// What it is found by.
    pub labels: BTreeMap<String, String>,
    /// Its steps and items, in file order, those of a loop after it.
    pub steps: Vec<Step>,
}

/// Why a run did not succeed.
#[derive(Serialize, ToSchema)]
pub struct RunFailure {
    /// Stable code, `subject.what_happened`.
    pub code: String,
    /// One sentence, in the caller's language.
    pub message: String,
    /// The step whose failure it was, when it was one's.
    pub step: Option<String>,
}

/// A step, or an item of a loop.
#[derive(Serialize, ToSchema)]
pub struct Step {
    /// `load`, `pay[3]`, `pay[3].send`.
    pub path: String,
    /// The step's id.
    pub step: String,
    /// The indexes of the items around it.
    pub items: Vec<u32>,
    /// How its last attempt stands.
    pub status: StepStatus,
    /// The needs that had succeeded when its `join` was decided.
    pub joined: Vec<String>,
    /// Its attempts, first to last.
    pub attempts: Vec<Attempt>,
}

/// An attempt of a step.
#[derive(Serialize, ToSchema)]
pub struct Attempt {
    /// 1 for the first.
    pub number: u32,
    /// How it stands.
    pub status: StepStatus,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// The rendered `with`; the items of a loop.
    pub input: Option<Value>,
    /// What it gave.
    pub output: Option<Value>,
    /// Where the input is read when it is too large to stand here.
    pub input_apart: Option<Apart>,
    /// Where the output is read when it is too large to stand here.
    pub output_apart: Option<Apart>,
    /// What went wrong.
    pub error: Option<StepFailure>,
    /// What the node wrote.
    pub logs: Vec<LogEntry>,
    /// The key of an external effect.
    pub key: Option<String>,
    /// When the next attempt is due.
    pub retry_at: Option<DateTime<Utc>>,
    /// What it waits for, or waited for last.
    pub wait: Option<StepWait>,
    /// Where it comes from, when this run did not come to it itself.
    pub taken: Option<Taken>,
}

/// A value that is kept apart from its run.
#[derive(Serialize, ToSchema)]
pub struct Apart {
    /// Its id: `GET /api/v1/runs/{id}/values/{value}` gives it.
    pub id: Uuid,
    /// Its length as JSON.
    pub bytes: usize,
}

/// Why an attempt did not end in an output.
#[derive(Serialize, ToSchema)]
pub struct StepFailure {
    /// What may be done about it.
    pub kind: FailureKind,
    /// Stable code, `subject.what_happened`.
    pub code: String,
    /// One sentence, in the caller's language.
    pub message: String,
}

/// One line that a node wrote.
#[derive(Serialize, ToSchema)]
pub struct LogEntry {
    /// How much it matters.
    pub level: Level,
    /// The text.
    pub message: String,
}

/// What a step waits for.
#[derive(Serialize, ToSchema)]
pub struct StepWait {
    /// For what.
    pub on: WaitsOn,
    /// At the latest until then.
    pub until: Option<DateTime<Utc>>,
    /// The run it waits for, of `uses: workflow`.
    pub run: Option<Uuid>,
}

/// What can end a wait.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaitsOn {
    /// A time.
    Time,
    /// Another run's end.
    Run,
    /// A person's answer.
    Answer,
    /// An event.
    Event,
    /// A request to an address.
    Webhook,
}

impl Run {
    /// The run in these words.
    pub fn of(run: engine::RunView, words: &Words) -> Self {
        let failure = |failure: &engine::RunFailure| RunFailure {
            code: failure.code.clone(),
            message: words.told(&failure.message),
            step: failure.step.clone(),
        };
        Self {
            id: run.id.0,
            workflow: run.workflow,
            version: run.version.0,
            status: run.status.into(),
            parent: run.parent.map(|run| run.0),
            origin: run.origin.map(|run| run.0),
            created_at: run.created_at,
            started_at: run.started_at,
            ended_at: run.ended_at,
            inputs: run.inputs,
            outputs: run.outputs,
            error: run.error.as_ref().map(failure),
            cleanup: run.cleanup.iter().map(failure).collect(),
            labels: run.labels,
            steps: run
                .steps
                .into_iter()
                .map(|step| Step::of(step, words))
                .collect(),
        }
    }
}

impl Step {
    fn of(step: engine::StepView, words: &Words) -> Self {
        let attempts = step.attempts.into_iter();
        Self {
            path: step.path,
            step: step.step,
            items: step.items,
            status: step.status.into(),
            joined: step.joined,
            attempts: attempts
                .map(|attempt| Attempt::of(attempt, words))
                .collect(),
        }
    }
}

impl Attempt {
    fn of(attempt: engine::AttemptView, words: &Words) -> Self {
        let logs = attempt.logs.into_iter();
        let apart = |kept: engine::Payload| Apart {
            id: kept.id,
            bytes: kept.bytes,
        };
        Self {
            number: attempt.number,
            status: attempt.status.into(),
            started_at: attempt.started_at,
            ended_at: attempt.ended_at,
            input: attempt.input,
            output: attempt.output,
            input_apart: attempt.apart.input.map(apart),
            output_apart: attempt.apart.output.map(apart),
            error: attempt.error.map(|error| StepFailure {
                kind: error.kind.into(),
                code: error.code,
                message: words.told(&error.message),
            }),
            logs: logs
                .map(|line| LogEntry {
                    level: line.level.into(),
                    message: line.message,
                })
                .collect(),
            key: attempt.key,
            retry_at: attempt.retry_at,
            wait: attempt.wait.map(Into::into),
            taken: attempt.taken.map(Into::into),
        }
    }
}

impl From<Wait> for StepWait {
    fn from(wait: Wait) -> Self {
        let (on, run) = match wait.on {
            On::Time => (WaitsOn::Time, None),
            On::Answer | On::People(_) => (WaitsOn::Answer, None),
            On::Delivery { .. } => (WaitsOn::Webhook, None),
            On::Event(_) => (WaitsOn::Event, None),
            On::Call(_) => (WaitsOn::Run, None),
            On::Child(run) => (WaitsOn::Run, Some(run.0)),
        };
        Self {
            on,
            until: wait.until,
            run,
        }
    }
}
