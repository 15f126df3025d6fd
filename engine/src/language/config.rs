//! A step's `with` against the JSON Schema of its node.
//!
//! What an expression gives is not known yet: everything else is checked.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

use super::diagnostic::Report;
use super::values::outline;
use super::yaml::{Mark, Node, Yaml};
use crate::node::{Registered, misfit, one_of, validator};
use crate::text;
use crate::text::Text;

/// Checks `with`; `step` is where the step stands, for what is missing altogether.
pub(super) fn check(report: &mut Report<'_>, node: &Registered, with: Option<&Node>, step: Mark) {
    let empty = Node::empty_map(step);
    let with = with.unwrap_or(&empty);
    match &with.value {
        Yaml::Map(_) => {}
        Yaml::Cut => return,
        _ => {
            let must_be = text!("a map: `field: value`");
            report.wrong_type(with.at, Text::name("with"), with.kind(), must_be);
            return;
        }
    }
    let (value, unknown) = outline(with);
    if let Some(validator) = validator(&node.config) {
        let checker = Checker {
            schema: &node.config,
            node: node.spec.name,
            with,
            unknown: &unknown,
        };
        for error in validator.iter_errors(&value) {
            checker.tell(report, &error, step);
        }
    }
    for problem in node.check(&value) {
        let place = with.nearest(&problem.pointer);
        let at = match problem.offset {
            Some(offset) => place.position(report.source, offset),
            None => place.at,
        };
        report.error("config.invalid", at, problem.message, problem.fix);
    }
}

struct Checker<'a> {
    schema: &'a Value,
    node: &'static str,
    with: &'a Node,
    unknown: &'a [String],
}

impl Checker<'_> {
    fn tell(&self, report: &mut Report<'_>, error: &ValidationError<'_>, step: Mark) {
        let pointer = error.instance_path().as_str();
        let below = |unknown: &String| {
            unknown == pointer
                || unknown
                    .strip_prefix(pointer)
                    .is_some_and(|rest| rest.starts_with('/'))
        };
        let certain = matches!(
            error.kind(),
            ValidationErrorKind::Type { .. }
                | ValidationErrorKind::Required { .. }
                | ValidationErrorKind::AdditionalProperties { .. }
                | ValidationErrorKind::MinItems { .. }
                | ValidationErrorKind::MaxItems { .. }
        );
        if self.unknown.iter().any(|u| u == pointer) || !certain && self.unknown.iter().any(below) {
            return;
        }
        let place = self.with.nearest(pointer);
        let name = if pointer.is_empty() {
            text!("`with` of `{node}`", node = self.node)
        } else {
            Text::name(pointer[1..].replace('/', "."))
        };
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                for field in unexpected {
                    let at = place.key(field).unwrap_or(place.at);
                    let known = self.fields_at(error.schema_path().as_str());
                    let known: Vec<&str> = known.iter().map(String::as_str).collect();
                    report.unknown_field(field, at, &known, name.clone());
                }
            }
            ValidationErrorKind::Required { property } => {
                let at = if pointer.is_empty() { step } else { place.at };
                let field = property.as_str().unwrap_or_default();
                report.error(
                    "config.missing",
                    at,
                    text!("{place} has no `{field}`", place = name, field),
                    text!("add `{field}`", field),
                );
            }
            ValidationErrorKind::AnyOf { context }
            | ValidationErrorKind::OneOfNotValid { context } => {
                // The form that was meant is the one that fails deepest inside.
                let meant = context
                    .iter()
                    .filter(|errors| !errors.iter().any(|e| is_other_type(e, pointer)))
                    .min_by_key(|errors| errors.len());
                match meant {
                    Some(errors) => errors.iter().for_each(|e| self.tell(report, e, step)),
                    None => report.error(
                        "config.invalid",
                        place.at,
                        text!(
                            "{place} has none of the forms that the node takes",
                            place = name
                        ),
                        text!("see the node's reference"),
                    ),
                }
            }
            kind => {
                let decimal = matches!(place.value, Yaml::Number(_))
                    && matches!(kind, ValidationErrorKind::Type { .. });
                let fix = match kind {
                    ValidationErrorKind::Enum { options } => text!(
                        "write one of: {words}",
                        words = one_of(options.as_array().map_or(&[][..], Vec::as_slice))
                    ),
                    ValidationErrorKind::Constant { expected_value } => {
                        text!("write {must_be}", must_be = expected_value.to_string())
                    }
                    _ if decimal => text!("put it in quotes if it is a decimal or an id: '12.50'"),
                    ValidationErrorKind::Type { .. } => text!("write a value of that type"),
                    _ => text!("keep to the limits of the node"),
                };
                let message = text!("{place}: {problem}", place = name, problem = misfit(error));
                report.error("config.invalid", place.at, message, fix);
            }
        }
    }

    /// The fields beside the `additionalProperties` of a schema path.
    fn fields_at(&self, schema_path: &str) -> Vec<String> {
        let parent = schema_path
            .rsplit_once('/')
            .map_or("", |(parent, _)| parent);
        self.schema
            .pointer(&format!("{parent}/properties"))
            .and_then(Value::as_object)
            .map(|fields| fields.keys().cloned().collect())
            .unwrap_or_default()
    }
}

fn is_other_type(error: &ValidationError<'_>, pointer: &str) -> bool {
    error.instance_path().as_str() == pointer
        && matches!(
            error.kind(),
            ValidationErrorKind::Type { .. } | ValidationErrorKind::Constant { .. }
        )
}
