//! How an attempt goes wrong; stored, so it is data.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::text;
use crate::text::Text;

/// What may be done about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// Trying again may help.
    Retry,
    /// Trying again will not help.
    Fail,
    /// The request was sent and nobody knows whether it took effect.
    Unknown,
}

/// Why an attempt did not end in an output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub struct NodeError {
    /// What may be done about it.
    pub kind: ErrorKind,
    /// Stable code, `subject.what_happened`.
    pub code: String,
    /// One sentence for a person: what happened and what to do.
    pub message: Text,
    /// Not before this long, when the service said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Duration>,
}

impl NodeError {
    /// An error that trying again may mend.
    pub fn retry(code: impl Into<String>, message: impl Into<Text>) -> Self {
        Self::of(ErrorKind::Retry, code, message)
    }

    /// An error that is final.
    pub fn fail(code: impl Into<String>, message: impl Into<Text>) -> Self {
        Self::of(ErrorKind::Fail, code, message)
    }

    /// The outcome of the attempt is unknown.
    pub fn unknown(code: impl Into<String>, message: impl Into<Text>) -> Self {
        Self::of(ErrorKind::Unknown, code, message)
    }

    /// Another transaction was in the way, or the connection was lost: a
    /// `transaction` step is made again without counting an attempt.
    pub fn conflict(message: impl Into<Text>) -> Self {
        Self::of(ErrorKind::Retry, Self::CONFLICT, message)
    }

    /// Code of [`Self::conflict`].
    pub const CONFLICT: &str = "engine.conflict";

    /// Whether it is a [`Self::conflict`].
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.code == Self::CONFLICT
    }

    fn of(kind: ErrorKind, code: impl Into<String>, message: impl Into<Text>) -> Self {
        Self {
            kind,
            code: code.into(),
            message: message.into(),
            after: None,
        }
    }

    /// Whether trying again may help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.kind == ErrorKind::Retry
    }
}

impl From<&NodeError> for Text {
    fn from(error: &NodeError) -> Self {
        text!(
            "{message} ({code})",
            message = &error.message,
            code = &error.code
        )
    }
}

impl fmt::Display for NodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}
