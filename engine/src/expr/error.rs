//! How an expression goes wrong when it runs.

use std::fmt;

use crate::text;
use crate::text::Text;

/// Why an expression gave no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ExprError {
    /// Stable code, `expression.what_happened`.
    pub code: &'static str,
    /// One sentence for a person.
    pub message: Text,
    /// The expression as written.
    pub source_text: String,
}

impl ExprError {
    pub(crate) fn new(code: &'static str, message: impl Into<Text>) -> Self {
        Self {
            code,
            message: message.into(),
            source_text: String::new(),
        }
    }

    /// Names the expression it happened in, once.
    pub(crate) fn within(mut self, source: &str) -> Self {
        if self.source_text.is_empty() {
            self.source_text = source.to_owned();
        }
        self
    }
}

impl fmt::Display for ExprError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Text::from(self).fmt(f)
    }
}

impl From<&ExprError> for Text {
    fn from(error: &ExprError) -> Self {
        if error.source_text.is_empty() {
            return error.message.clone();
        }
        text!(
            "{message} in `{expression}`",
            message = &error.message,
            expression = &error.source_text
        )
    }
}

impl From<ExprError> for Text {
    fn from(error: ExprError) -> Self {
        Self::from(&error)
    }
}
