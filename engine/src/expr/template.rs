//! A value of the workflow's file with expressions inside.

use std::sync::Arc;

use serde_json::Value;

use super::bridge::to_text;
use super::expression::CompileError;
use super::{ExprError, Expression, Sandbox, Scope, Shape, lexer};
use crate::text;

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

/// A part of a text that is not compiled yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// As it reads, escapes resolved.
    Text(String),
    /// The source of an expression and where it starts, in bytes.
    Expression(&'a str, usize),
}

/// A `${{` without its `}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unclosed {
    /// Where it stands, in bytes.
    pub offset: usize,
    /// Why, when a text or a bracket inside is not closed.
    pub error: Option<CompileError>,
}

const OPEN: &str = "${{";

/// Splits a text at its expressions; `$${{` is a literal `${{`.
pub(crate) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, Unclosed> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut at = 0;
    while let Some(found) = text[at..].find(OPEN) {
        let open = at + found;
        if text[at..open].ends_with('$') {
            literal.push_str(&text[at..open - 1]);
            literal.push_str(OPEN);
            at = open + OPEN.len();
            continue;
        }
        literal.push_str(&text[at..open]);
        let start = open + OPEN.len();
        let lexed = lexer::lex(&text[start..]).map_err(|error| Unclosed {
            offset: open,
            error: Some(CompileError::new(
                error.message,
                text!("close it"),
                start + error.at,
            )),
        })?;
        if !lexed.closed {
            return Err(Unclosed {
                offset: open,
                error: None,
            });
        }
        if !literal.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut literal)));
        }
        pieces.push(Piece::Expression(&text[start..start + lexed.end], start));
        at = start + lexed.end + 2;
    }
    literal.push_str(&text[at..]);
    if !literal.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Text(literal));
    }
    Ok(pieces)
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
            Self::Text(parts) => {
                let mut text = String::new();
                for part in &**parts {
                    match part {
                        Part::Text(part) => text.push_str(part),
                        Part::Expression(expression) => {
                            let value = expression.eval(sandbox, scope)?;
                            let part = to_text(&value)
                                .map_err(|error| error.within(expression.source()))?;
                            text.push_str(&part);
                        }
                    }
                }
                Ok(Value::String(text))
            }
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

    /// The expressions inside.
    pub fn expressions(&self) -> Vec<&Expression> {
        match self {
            Self::Literal(_) => Vec::new(),
            Self::Expression(expression) => vec![expression],
            Self::Text(parts) => parts
                .iter()
                .filter_map(|part| match part {
                    Part::Text(_) => None,
                    Part::Expression(expression) => Some(expression),
                })
                .collect(),
            Self::List(items) => items.iter().flat_map(Self::expressions).collect(),
            Self::Map(fields) => fields
                .iter()
                .flat_map(|(_, field)| field.expressions())
                .collect(),
        }
    }

    /// The value as written, null where it holds an expression.
    #[must_use]
    pub fn outline(&self) -> Value {
        match self {
            Self::Literal(value) => Value::clone(value),
            Self::Expression(_) | Self::Text(_) => Value::Null,
            Self::List(items) => items.iter().map(Self::outline).collect(),
            Self::Map(fields) => fields
                .iter()
                .map(|(name, field)| (name.clone(), field.outline()))
                .collect(),
        }
    }

    /// Its shape, when `of_expression` tells those of the expressions inside.
    pub(crate) fn shape(&self, of_expression: &impl Fn(&Expression) -> Shape) -> Shape {
        match self {
            Self::Literal(value) => Shape::of_value(value),
            Self::Expression(expression) => of_expression(expression),
            Self::Text(_) => Shape::Text,
            Self::List(items) => {
                Shape::list(Shape::one_of(items.iter().map(|i| i.shape(of_expression))))
            }
            Self::Map(fields) => Shape::object(
                fields
                    .iter()
                    .map(|(name, field)| (name.clone(), field.shape(of_expression))),
            ),
        }
    }
}
