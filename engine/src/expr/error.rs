//! How an expression goes wrong when it runs.

use std::fmt;

/// Why an expression gave no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ExprError {
    /// Stable code, `expression.what_happened`.
    pub code: &'static str,
    /// One sentence for a person.
    pub message: String,
    /// The expression as written.
    pub source_text: String,
}

impl ExprError {
    pub(crate) fn new(code: &'static str, message: impl fmt::Display) -> Self {
        Self {
            code,
            message: message.to_string(),
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
        if self.source_text.is_empty() {
            return self.message.fmt(f);
        }
        write!(f, "{} in `{}`", self.message, self.source_text)
    }
}
