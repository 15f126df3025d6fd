//! Paths: what an expression reads from its scope, such as `steps.pay?.items[0]`.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::ExprError;
use super::scope::Scope;
use super::shape::{Found, Shape};
use crate::text;
use crate::text::Text;

/// A path that an expression reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// `inputs`, `steps`, the name of an item…
    pub root: Arc<str>,
    /// What follows.
    pub segments: Vec<Segment>,
    /// Followed by `??`: what is absent gives the other side.
    pub defaulted: bool,
    /// Where it starts in the expression, in bytes.
    pub offset: usize,
}

/// One field or place of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// What is read.
    pub key: Key,
    /// Read by `?.` or `?[`: nothing of nothing is nothing.
    pub optional: bool,
    /// Where it stands in the expression, in bytes.
    pub offset: usize,
}

/// What a segment reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// A field.
    Field(Arc<str>),
    /// A place in a list, from the end when negative.
    At(i64),
    /// A place in a list or a field, read from another path: `items[index]`.
    By(Box<Path>),
}

impl Path {
    /// The step it reads, and the segments inside its output.
    #[must_use]
    pub fn step(&self) -> Option<(&str, &[Segment])> {
        match (&*self.root, self.segments.split_first()) {
            (
                "steps",
                Some((
                    Segment {
                        key: Key::Field(id),
                        ..
                    },
                    rest,
                )),
            ) => Some((id, rest)),
            _ => None,
        }
    }

    /// The step whose status or error it reads: `run.steps.ID.…`.
    #[must_use]
    pub fn step_record(&self) -> Option<(&str, &[Segment])> {
        let [first, second, rest @ ..] = self.segments.as_slice() else {
            return None;
        };
        match (&*self.root, &first.key, &second.key) {
            ("run", Key::Field(steps), Key::Field(id)) if &**steps == "steps" => Some((id, rest)),
            _ => None,
        }
    }

    /// The paths that choose its places: `index` in `items[index]`.
    #[must_use]
    pub fn inner_paths(&self) -> Vec<&Path> {
        let mut found = Vec::new();
        for segment in &self.segments {
            if let Key::By(path) = &segment.key {
                found.push(&**path);
                found.extend(path.inner_paths());
            }
        }
        found
    }

    /// Its value, with its shape.
    pub(super) fn read<'a>(&self, scope: &'a Scope) -> Result<(Cow<'a, Value>, Shape), ExprError> {
        const NULL: &Value = &Value::Null;
        if let Some((id, rest)) = self.step_record() {
            let record = scope.read_step(id).map(|step| step.record());
            let value = record.ok_or_else(|| not_ended(id))?;
            let (found, shape) = self.walk(scope, &value, &Shape::Any, rest)?;
            return Ok((Cow::Owned(found.clone()), shape));
        }
        let (start, rest) = if let Some((id, rest)) = self.step() {
            let output = match scope.step(id) {
                Some(step) => step.output.as_ref(),
                None if scope.read_step(id).is_some() => None,
                None => return Err(not_ended(id)),
            };
            match output {
                Some(output) => (output, rest),
                // The check has seen to it that the read is guarded.
                None => return Ok((Cow::Borrowed(NULL), Shape::Null)),
            }
        } else {
            let value = scope.name(&self.root).ok_or_else(|| {
                ExprError::new(
                    "expression.not_in_scope",
                    text!("`{name}` has no value here", name = &self.root),
                )
            })?;
            (value, self.segments.as_slice())
        };
        let (value, shape) = self.walk(scope, &start.value, &start.shape, rest)?;
        Ok((Cow::Borrowed(value), shape))
    }

    fn walk<'v>(
        &self,
        scope: &Scope,
        start: &'v Value,
        shape: &Shape,
        segments: &[Segment],
    ) -> Result<(&'v Value, Shape), ExprError> {
        const NULL: &Value = &Value::Null;
        let mut value = start;
        let mut shape = Cow::Borrowed(shape);
        for (place, segment) in segments.iter().enumerate() {
            if value.is_null() {
                if segment.optional || self.defaulted {
                    return Ok((NULL, Shape::Null));
                }
                return Err(ExprError::new(
                    "expression.nothing",
                    text!(
                        "`{path}` reads {key} of {what}",
                        path = self.to_string(),
                        key = Text::from(&segment.key),
                        what = kind_of(value)
                    ),
                ));
            }
            let key = segment.key.resolve(scope)?;
            let found = shape.get(&key);
            let next = match (&*key, value) {
                (Key::Field(name), Value::Object(fields)) => fields.get(&**name),
                (Key::At(at), Value::Array(items)) => {
                    place_of(*at, items.len()).and_then(|at| items.get(at))
                }
                _ => {
                    return Err(ExprError::new(
                        "expression.wrong_type",
                        text!(
                            "`{path}` reads {key} of {what}",
                            path = self.to_string(),
                            key = Text::from(&*key),
                            what = kind_of(value)
                        ),
                    ));
                }
            };
            let excused = self.defaulted
                || segments.get(place + 1).is_some_and(|next| next.optional)
                || matches!(found, Found::Optional(_) | Found::Partial(_));
            match next {
                Some(next) => value = next,
                None if excused => return Ok((NULL, Shape::Null)),
                None => {
                    return Err(ExprError::new(
                        "expression.missing",
                        text!(
                            "`{path}`: there is no {key}",
                            path = self.to_string(),
                            key = Text::from(&*key)
                        ),
                    ));
                }
            }
            shape = Cow::Owned(found.into_shape());
        }
        Ok((value, shape.into_owned()))
    }
}

impl Key {
    fn resolve(&self, scope: &Scope) -> Result<Cow<'_, Key>, ExprError> {
        let Self::By(path) = self else {
            return Ok(Cow::Borrowed(self));
        };
        let (value, _) = path.read(scope)?;
        match &*value {
            Value::String(name) => Ok(Cow::Owned(Self::Field(name.as_str().into()))),
            Value::Number(number) if number.is_i64() => {
                Ok(Cow::Owned(Self::At(number.as_i64().unwrap_or_default())))
            }
            other => Err(ExprError::new(
                "expression.wrong_type",
                text!(
                    "`{path}` is {what}: it is no place in a list",
                    path = path.to_string(),
                    what = kind_of(other)
                ),
            )),
        }
    }
}

fn place_of(at: i64, length: usize) -> Option<usize> {
    match usize::try_from(at) {
        Ok(at) => Some(at),
        Err(_) => length.checked_sub(usize::try_from(at.unsigned_abs()).ok()?),
    }
}

fn not_ended(id: &str) -> ExprError {
    ExprError::new(
        "expression.not_ended",
        text!("step `{step}` has not ended", step = id),
    )
}

/// What a JSON value is, in words.
pub(super) fn kind_of(value: &Value) -> Text {
    match value {
        Value::Null => text!("nothing"),
        Value::Bool(_) => text!("a boolean"),
        Value::Number(_) => text!("a number"),
        Value::String(_) => text!("a text"),
        Value::Array(_) => text!("a list"),
        Value::Object(_) => text!("an object"),
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.root)?;
        for segment in &self.segments {
            match (&segment.key, segment.optional) {
                (Key::Field(name), false) => write!(f, ".{name}")?,
                (Key::Field(name), true) => write!(f, "?.{name}")?,
                (Key::At(at), _) => write!(f, "[{at}]")?,
                (Key::By(path), _) => write!(f, "[{path}]")?,
            }
        }
        Ok(())
    }
}

impl From<&Key> for Text {
    fn from(key: &Key) -> Self {
        match key {
            Key::Field(name) => Self::name(name),
            Key::At(at) => text!("place {at}", at = *at),
            Key::By(path) => text!("place `{path}`", path = path.to_string()),
        }
    }
}
