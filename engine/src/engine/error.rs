//! What the facade refuses, and why.

use crate::crypto::CryptoError;
use crate::graph::InputProblem;
use crate::ids::{RunId, VersionId};
use crate::language::{Diagnostic, Severity};
use crate::node::NodeError;
use crate::store::{DbError, StoreError};

/// Why the engine did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The workflow's file has errors.
    #[error("the workflow has {} error(s):\n{}", errors(.0), lines(.0))]
    BadWorkflow(Vec<Diagnostic>),
    /// There is no published workflow of this name.
    #[error("there is no published workflow `{0}`")]
    UnknownWorkflow(String),
    /// There is no such version.
    #[error("there is no version {0}")]
    UnknownVersion(VersionId),
    /// There is no such run.
    #[error("there is no run {0}")]
    UnknownRun(RunId),
    /// The inputs are not what the workflow declares.
    #[error("the inputs are refused: {}", list(.0))]
    BadInputs(Vec<InputProblem>),
    /// A label's expression failed, or its value cannot be stored.
    #[error("the label `{label}` has no value: {message}")]
    BadLabel {
        /// Its name.
        label: String,
        /// Why.
        message: String,
    },
    /// What a keyword of the workflow says of its runs cannot be told of this one.
    #[error("`{keyword}` has no value: {message}")]
    BadKeyword {
        /// The keyword.
        keyword: &'static str,
        /// Why.
        message: String,
    },
    /// The run is too large.
    #[error("the inputs are larger than {limit} bytes")]
    InputTooLarge {
        /// The most a run is given.
        limit: usize,
    },
    /// The run has ended.
    #[error("the run {0} has ended")]
    Ended(RunId),
    /// No attempt of this step waits for an answer.
    #[error("the step `{0}` waits for no answer")]
    NoQuestion(String),
}

impl EngineError {
    /// Stable code, for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Store(_) => "engine.unavailable",
            Self::BadWorkflow(_) => "workflow.invalid",
            Self::UnknownWorkflow(_) => "workflow.unknown",
            Self::UnknownVersion(_) => "workflow.unknown_version",
            Self::UnknownRun(_) => "run.unknown",
            Self::BadInputs(_) => "run.bad_inputs",
            Self::BadLabel { .. } => "run.bad_label",
            Self::BadKeyword { .. } => "run.bad_keyword",
            Self::InputTooLarge { .. } => "run.input_too_large",
            Self::Ended(_) => "run.ended",
            Self::NoQuestion(_) => "run.no_question",
        }
    }
}

impl From<DbError> for EngineError {
    fn from(error: DbError) -> Self {
        Self::Store(error.into())
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
            EngineError::Store(store) if store.is_transient() => Self::retry(error.code(), error),
            _ => Self::fail(error.code(), error),
        }
    }
}

fn errors(diagnostics: &[Diagnostic]) -> usize {
    diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .count()
}

fn lines(diagnostics: &[Diagnostic]) -> String {
    let lines: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

fn list(problems: &[InputProblem]) -> String {
    let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
    problems.join("; ")
}
