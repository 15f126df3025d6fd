//! What a run did against what its case expects.

use std::fmt;

use serde_json::Value;

use super::file::{Case, ExpectedStep};
use crate::engine::{RunView, StepView};
use crate::text;
use crate::text::Text;

/// One thing that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Where: `status`, `steps.pay.output.total`, `outputs.posted`.
    pub place: String,
    /// What was expected.
    pub expected: Text,
    /// What was there.
    pub found: Text,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Text::from(self).fmt(f)
    }
}

impl From<&Mismatch> for Text {
    fn from(mismatch: &Mismatch) -> Self {
        text!(
            "{place}: expected {expected}, found {found}",
            place = &mismatch.place,
            expected = &mismatch.expected,
            found = &mismatch.found
        )
    }
}

/// All that is not as the case expects.
pub(super) fn compare(case: &Case, run: &RunView) -> Vec<Mismatch> {
    let mut found = Differences::default();
    let why = run.error.as_ref();
    if run.status != case.status {
        let status = match why {
            Some(error) => with_error(run.status, &error.code, &error.message),
            None => Text::verbatim(run.status),
        };
        found.add("status", Text::verbatim(case.status), status);
    }
    let code = why.map(|error| error.code.as_str());
    if case.error.is_some() && case.error.as_deref() != code {
        found.add("error", word(case.error.as_deref()), word(code));
    }
    for (path, expected) in &case.steps {
        let place = format!("steps.{path}");
        match run.step(path) {
            None if expected.not_run => {}
            Some(step) if expected.not_run => {
                found.add(
                    &place,
                    Text::verbatim("not_run"),
                    Text::verbatim(step.status),
                );
            }
            Some(step) => found.step(&place, expected, step),
            None => found.add(&place, text!("a step that ran"), text!("none")),
        }
    }
    if let Some(expected) = &case.outputs {
        let outputs = run.outputs.as_ref().unwrap_or(&Value::Null);
        found.value("outputs", expected, outputs);
    }
    found.0
}

fn word(code: Option<&str>) -> Text {
    code.map_or_else(|| text!("none"), Text::verbatim)
}

/// A status and why: `failed (bank.down: the bank does not answer)`.
fn with_error(status: impl fmt::Display, code: &str, message: &Text) -> Text {
    text!(
        "{status} ({code}: {message})",
        status = status.to_string(),
        code,
        message
    )
}

#[derive(Default)]
struct Differences(Vec<Mismatch>);

impl Differences {
    fn add(&mut self, place: &str, expected: Text, found: Text) {
        self.0.push(Mismatch {
            place: place.to_owned(),
            expected,
            found,
        });
    }

    fn step(&mut self, place: &str, expected: &ExpectedStep, step: &StepView) {
        let last = step.attempts.last();
        if let Some(status) = expected.status
            && status != step.status
        {
            let error = last.and_then(|attempt| attempt.error.as_ref());
            let found = match error {
                Some(error) => with_error(step.status, &error.code, &error.message),
                None => Text::verbatim(step.status),
            };
            self.add(&format!("{place}.status"), Text::verbatim(status), found);
        }
        if let Some(code) = &expected.error {
            let found = last.and_then(|attempt| attempt.error.as_ref());
            if found.is_none_or(|error| error.code != *code) {
                let found = match found {
                    Some(error) => {
                        text!(
                            "{code}: {message}",
                            code = &error.code,
                            message = &error.message
                        )
                    }
                    None => text!("none"),
                };
                self.add(&format!("{place}.error"), Text::verbatim(code), found);
            }
        }
        if let Some(attempts) = expected.attempts
            && attempts != step.attempts.len()
        {
            let found = Text::verbatim(step.attempts.len());
            self.add(
                &format!("{place}.attempts"),
                Text::verbatim(attempts),
                found,
            );
        }
        if let Some(output) = &expected.output {
            let found = last.and_then(|attempt| attempt.output.as_ref());
            let place = format!("{place}.output");
            self.value(&place, output, found.unwrap_or(&Value::Null));
        }
    }

    /// Fields of objects that are not named are free; lists have all their items.
    fn value(&mut self, place: &str, expected: &Value, found: &Value) {
        match (expected, found) {
            (Value::Object(expected), Value::Object(found)) => {
                for (name, expected) in expected {
                    let inner = format!("{place}.{name}");
                    match found.get(name) {
                        Some(found) => self.value(&inner, expected, found),
                        None if expected.is_null() => {}
                        None => self.add(&inner, Text::verbatim(expected), text!("no such field")),
                    }
                }
            }
            (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
                for (at, (expected, found)) in expected.iter().zip(found).enumerate() {
                    self.value(&format!("{place}[{at}]"), expected, found);
                }
            }
            (Value::Array(expected), Value::Array(found)) => {
                let items = |count: usize| text!("{count} items", count);
                self.add(place, items(expected.len()), items(found.len()));
            }
            (expected, found) if expected != found => {
                self.add(place, Text::verbatim(expected), Text::verbatim(found));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(expected: Value, found: Value) -> Vec<String> {
        let mut differences = Differences::default();
        differences.value("outputs", &expected, &found);
        differences.0.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn fields_that_are_not_named_are_free_and_the_rest_is_told() {
        assert!(told(json!({ "a": 1, "c": null }), json!({ "a": 1, "b": 2 })).is_empty());
        assert_eq!(
            told(
                json!({ "a": { "b": [1, { "c": "x" }] } }),
                json!({ "a": { "b": [1, { "c": "y", "d": 1 }] } })
            ),
            ["outputs.a.b[1].c: expected \"x\", found \"y\""]
        );
        assert_eq!(
            told(json!([1]), json!([1, 2])),
            ["outputs: expected 1 items, found 2 items"]
        );
        assert_eq!(
            told(json!({ "a": 1 }), json!(null)),
            ["outputs: expected {\"a\":1}, found null"]
        );
    }
}
