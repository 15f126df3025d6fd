//! What the facade refuses, and why.

use uuid::Uuid;

use crate::crypto::CryptoError;
use crate::graph::InputProblem;
use crate::ids::{RunId, VersionId};
use crate::language::{Diagnostic, Severity};
use crate::node::{NodeError, Refusal};
use crate::run::NotAgain;
use crate::store::{DbError, StoreError};
use crate::text;
use crate::text::Text;

/// Why the engine did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("{}", Text::from(self))]
pub enum EngineError {
    /// The database did not do it.
    Store(#[from] StoreError),
    /// The workflow's file has errors.
    BadWorkflow(Vec<Diagnostic>),
    /// There is no published workflow of this name.
    UnknownWorkflow(String),
    /// There is no such version.
    UnknownVersion(VersionId),
    /// There is no such run.
    UnknownRun(RunId),
    /// The run has no such value stored apart.
    UnknownValue(Uuid),
    /// The inputs are not what the workflow declares.
    BadInputs(Vec<InputProblem>),
    /// A label's expression failed, or its value cannot be stored.
    BadLabel {
        /// Its name.
        label: String,
        /// Why.
        message: Text,
    },
    /// What a keyword of the workflow says of its runs cannot be told of this one.
    BadKeyword {
        /// The keyword.
        keyword: &'static str,
        /// Why.
        message: Text,
    },
    /// The run is too large.
    InputTooLarge {
        /// The most a run is given.
        limit: usize,
    },
    /// The worker ended before it heard whether the run is durable.
    #[error("the database did not answer: the run {0} may have been accepted")]
    Unanswered(RunId),
    /// Somebody saved the workflow meanwhile; the number of its newest version.
    SavedMeanwhile(i32),
    /// The event cannot be published.
    BadEvent(Text),
    /// Another workflow of the tenant has one of these addresses.
    AddressTaken(Vec<String>),
    /// A name that is none.
    BadName(String),
    /// Another run holds the `concurrency` key, and the policy is to drop the new one.
    Dropped(String),
    /// The tenant's queue is full.
    QueueFull {
        /// The most that may be ready.
        most: i64,
    },
    /// The run has ended.
    Ended(RunId),
    /// The run cannot be run again like that.
    NotAgain(NotAgain),
    /// Nothing waits for a delivery to this token.
    UnknownToken,
    /// A person's answer does not count.
    Refused(#[from] Refusal),
    /// No attempt of this step waits for an answer.
    NoQuestion(String),
}

/// How often something is done again when others were in its way.
const MOST_CONFLICTS: u32 = 5;

/// Awaits a piece of work that others may be in the way of: it writes nothing
/// then, and is done again.
macro_rules! unhindered {
    ($work:expr) => {{
        let mut conflicts = 0;
        loop {
            match $work.await {
                Err(error) if error.is_hindered(&mut conflicts) => {}
                done => break done,
            }
        }
    }};
}
pub(super) use unhindered;

impl EngineError {
    /// Whether others were in the way, and not too often.
    pub(super) fn is_hindered(&self, conflicts: &mut u32) -> bool {
        *conflicts += 1;
        matches!(self, Self::Store(error) if error.is_conflict()) && *conflicts <= MOST_CONFLICTS
    }

    /// Stable code, for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Store(_) => "engine.unavailable",
            Self::BadWorkflow(_) => "workflow.invalid",
            Self::UnknownWorkflow(_) => "workflow.unknown",
            Self::UnknownVersion(_) => "workflow.unknown_version",
            Self::UnknownRun(_) => "run.unknown",
            Self::UnknownValue(_) => "run.unknown_value",
            Self::BadInputs(_) => "run.bad_inputs",
            Self::BadLabel { .. } => "run.bad_label",
            Self::BadKeyword { .. } => "run.bad_keyword",
            Self::InputTooLarge { .. } => "run.input_too_large",
            Self::Unanswered(_) => "engine.unanswered",
            Self::SavedMeanwhile(_) => "workflow.saved_meanwhile",
            Self::BadEvent(_) => "event.refused",
            Self::AddressTaken(_) => "workflow.address_taken",
            Self::BadName(_) => "engine.bad_name",
            Self::Dropped(_) => "run.dropped",
            Self::QueueFull { .. } => "engine.queue_full",
            Self::Ended(_) => "run.ended",
            Self::NotAgain(_) => "run.not_again",
            Self::NoQuestion(_) => "run.no_question",
            Self::UnknownToken => "wait.unknown_token",
            Self::Refused(refusal) => match refusal {
                Refusal::Decided(_) => "approval.decided",
                Refusal::AlreadyAnswered(_) => "approval.already_answered",
                Refusal::Excluded(_) => "approval.excluded",
                Refusal::MissingRole { .. } => "approval.missing_role",
                Refusal::BadForm(_) => "approval.bad_form",
            },
        }
    }
}

impl From<DbError> for EngineError {
    fn from(error: DbError) -> Self {
        Self::Store(error.into())
    }
}

impl From<NotAgain> for EngineError {
    fn from(why: NotAgain) -> Self {
        Self::NotAgain(why)
    }
}

impl From<CryptoError> for EngineError {
    fn from(error: CryptoError) -> Self {
        Self::Store(error.into())
    }
}

impl From<serde_json::Error> for EngineError {
    fn from(error: serde_json::Error) -> Self {
        Self::Store(error.into())
    }
}

/// A node that starts a run fails as the run would not start.
impl From<EngineError> for NodeError {
    fn from(error: EngineError) -> Self {
        match &error {
            EngineError::Store(store) if store.is_transient() => Self::retry(error.code(), &error),
            _ => Self::fail(error.code(), &error),
        }
    }
}

impl From<&EngineError> for Text {
    fn from(error: &EngineError) -> Self {
        match error {
            EngineError::Store(error) => error.into(),
            EngineError::BadWorkflow(diagnostics) => text!(
                "the workflow has errors: {errors}",
                errors = errors(diagnostics)
            ),
            EngineError::UnknownWorkflow(workflow) => {
                text!("there is no published workflow `{workflow}`", workflow)
            }
            EngineError::UnknownVersion(version) => {
                text!(
                    "there is no version {version}",
                    version = version.to_string()
                )
            }
            EngineError::UnknownRun(run) => text!("there is no run {run}", run = run.to_string()),
            EngineError::UnknownValue(id) => {
                text!("the run has no value {id}", id = id.to_string())
            }
            EngineError::BadInputs(problems) => text!(
                "the inputs are refused: {problems}",
                problems = problems.iter().map(Text::from).collect::<Vec<_>>()
            ),
            EngineError::BadLabel { label, message } => {
                text!(
                    "the label `{label}` has no value: {message}",
                    label,
                    message
                )
            }
            EngineError::BadKeyword { keyword, message } => {
                text!("`{keyword}` has no value: {message}", keyword, message)
            }
            EngineError::InputTooLarge { limit } => {
                text!("the inputs are larger than {limit} bytes", limit = *limit)
            }
            EngineError::Unanswered(run) => text!(
                "the database did not answer: the run {run} may have been accepted",
                run = run.to_string()
            ),
            EngineError::SavedMeanwhile(number) => text!(
                "the workflow was saved meanwhile: its newest version is {number}",
                number = *number
            ),
            EngineError::BadEvent(why) => text!("the event is refused: {why}", why),
            EngineError::AddressTaken(addresses) => text!(
                "another published workflow has one of these addresses: {addresses}",
                addresses = addresses.join(", ")
            ),
            EngineError::BadName(name) => text!(
                "`{name}` is no name: write a-z, 0-9 and _, a letter first",
                name
            ),
            EngineError::Dropped(workflow) => text!(
                "another run of `{workflow}` is at work, and its `concurrency` drops the new one",
                workflow
            ),
            EngineError::QueueFull { most } => text!(
                "{most} runs are ready and wait for a worker already: try again later",
                most = *most
            ),
            EngineError::Ended(run) => text!("the run {run} has ended", run = run.to_string()),
            EngineError::NotAgain(why) => {
                text!(
                    "the run cannot be run again like that: {why}",
                    why = Text::from(why)
                )
            }
            EngineError::UnknownToken => {
                text!("nothing waits for a delivery to this token, or not any more")
            }
            EngineError::Refused(refusal) => refusal.into(),
            EngineError::NoQuestion(step) => {
                text!("the step `{step}` waits for no answer", step)
            }
        }
    }
}

fn errors(diagnostics: &[Diagnostic]) -> Vec<Text> {
    diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .map(|diagnostic| {
            text!(
                "line {line}, column {column}: {message}",
                line = diagnostic.line,
                column = diagnostic.column,
                message = &diagnostic.message
            )
        })
        .collect()
}
