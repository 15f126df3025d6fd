//! One expression, compiled.

use std::sync::Arc;

use serde_json::Value;

use super::{ExprError, Sandbox, Scope};

/// A compiled expression. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Expression {
    source: Arc<str>,
}

impl Expression {
    /// The text as written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Its value: decimals as text.
    ///
    /// # Errors
    /// When it reads what is not there, compares what cannot be compared, or passes a limit.
    pub fn eval(&self, _sandbox: &Sandbox, _scope: &Scope) -> Result<Value, ExprError> {
        Ok(Value::Null)
    }

    /// Its value as a condition.
    ///
    /// # Errors
    /// As [`Self::eval`], and when the value is not a boolean.
    pub fn test(&self, sandbox: &Sandbox, scope: &Scope) -> Result<bool, ExprError> {
        self.eval(sandbox, scope)?
            .as_bool()
            .ok_or_else(|| ExprError::new("expression.not_boolean", "must give true or false"))
    }
}
