//! What a run is given, checked against what the workflow declares.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::expr::{Shape, Typed};
use crate::node::{misfit, validator};
use crate::text;
use crate::text::Text;

/// What a workflow declares to be given.
#[derive(Clone)]
pub struct Inputs {
    /// In file order.
    pub fields: Vec<Input>,
    /// JSON Schema of the whole, for forms and for the API.
    pub schema: Arc<Value>,
    /// The same for expressions.
    pub shape: Shape,
    validator: Option<Arc<jsonschema::Validator>>,
}

/// One declared input.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// Whether a run must be given it.
    pub required: bool,
    /// What stands in when it is not given.
    pub default: Option<Value>,
}

/// An input that a run cannot take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputProblem {
    /// JSON pointer inside the inputs, such as `/condominium_id`.
    pub pointer: String,
    /// What is wrong.
    pub message: Text,
}

impl fmt::Display for InputProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Text::from(self).fmt(f)
    }
}

impl From<&InputProblem> for Text {
    fn from(problem: &InputProblem) -> Self {
        if problem.pointer.is_empty() {
            return problem.message.clone();
        }
        text!(
            "{place}: {problem}",
            place = &problem.pointer,
            problem = &problem.message
        )
    }
}

impl Inputs {
    /// Of these fields, whose JSON Schema is `schema`.
    pub(crate) fn new(fields: Vec<Input>, schema: Value) -> Self {
        Self {
            fields,
            shape: Shape::of_schema(&schema),
            validator: validator(&schema).map(Arc::new),
            schema: Arc::new(schema),
        }
    }

    /// Fills the defaults in and checks the whole; a null is an input not given.
    ///
    /// # Errors
    /// All problems: unknown, missing, or of another type.
    pub fn accept(&self, given: Value) -> Result<Typed, Vec<InputProblem>> {
        let mut values = match given {
            Value::Object(values) => values,
            Value::Null => Map::new(),
            _ => return Err(vec![InputProblem::new("", text!("inputs are an object"))]),
        };
        values.retain(|_, value| !value.is_null());
        for input in &self.fields {
            if let (false, Some(default)) = (values.contains_key(&input.name), &input.default) {
                values.insert(input.name.clone(), default.clone());
            }
        }
        let value = Value::Object(values);
        let problems: Vec<_> = self
            .validator
            .iter()
            .flat_map(|validator| validator.iter_errors(&value))
            .map(|error| InputProblem::new(error.instance_path().as_str(), misfit(&error)))
            .collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Typed::new(value, self.shape.clone()))
    }
}

impl InputProblem {
    fn new(pointer: &str, message: Text) -> Self {
        Self {
            pointer: pointer.to_owned(),
            message,
        }
    }
}
