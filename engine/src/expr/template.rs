//! A value of the workflow's file with expressions inside.

use std::sync::Arc;

use serde_json::Value;

use super::{ExprError, Expression, Sandbox, Scope};

/// A value with expressions inside. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Template {
    /// No expression inside.
    Literal(Arc<Value>),
    /// One expression alone: its value keeps its type.
    Expression(Expression),
    /// Expressions inside a text.
    Text(Arc<[Part]>),
    /// A list.
    List(Arc<[Template]>),
    /// Fields in file order.
    Map(Arc<[(String, Template)]>),
}

/// A part of a text.
#[derive(Clone, Debug)]
pub enum Part {
    /// As written.
    Text(String),
    /// The text of its value.
    Expression(Expression),
}

impl Template {
    /// The value.
    ///
    /// # Errors
    /// When an expression fails.
    pub fn render(&self, sandbox: &Sandbox, scope: &Scope) -> Result<Value, ExprError> {
        match self {
            Self::Literal(value) => Ok(Value::clone(value)),
            Self::Expression(expression) => expression.eval(sandbox, scope),
            Self::Text(_) => Ok(Value::Null),
            Self::List(items) => items
                .iter()
                .map(|item| item.render(sandbox, scope))
                .collect(),
            Self::Map(fields) => fields
                .iter()
                .map(|(name, field)| Ok((name.clone(), field.render(sandbox, scope)?)))
                .collect(),
        }
    }
}
