//! `inputs:` — what a run is given, as a JSON Schema.

use serde_json::{Map, Value, json};

use super::diagnostic::Report;
use super::fields::{Fields, check_id, map};
use super::yaml::{Node, Yaml};
use crate::graph::{Input, Inputs};
use crate::node::{misfit, validator};
use crate::text;
use crate::text::Text;

pub(super) const INPUT: &[&str] = &[
    "type",
    "format",
    "required",
    "default",
    "title",
    "description",
    "enum",
    "items",
    "properties",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "pattern",
];
/// Keywords whose values are plain values of JSON Schema.
const PLAIN: [&str; 9] = [
    "title",
    "description",
    "enum",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
];
pub(super) const TYPES: [(&str, &str); 6] = [
    ("string", "string"),
    ("integer", "integer"),
    ("number", "number"),
    ("boolean", "boolean"),
    ("array", "array"),
    ("object", "object"),
];
pub(super) const FORMATS: [(&str, &str); 7] = [
    ("date", "date"),
    ("date-time", "date-time"),
    ("decimal", "decimal"),
    ("email", "email"),
    ("time", "time"),
    ("uri", "uri"),
    ("uuid", "uuid"),
];

/// Reads the declared inputs.
pub(super) fn inputs(report: &mut Report<'_>, node: Option<&Node>) -> Inputs {
    let mut fields = Vec::new();
    let mut properties = Map::new();
    let entries = node.and_then(|node| map(report, node, Text::name("inputs")));
    for entry in entries.unwrap_or(&[]) {
        check_id(report, &entry.key, entry.at, text!("an input"));
        let place = text!("input `{input}`", input = &entry.key);
        let Some((schema, required, default)) = schema(report, &entry.value, &place) else {
            continue;
        };
        fields.push(Input {
            name: entry.key.clone(),
            required,
            default,
        });
        properties.insert(entry.key.clone(), schema);
    }
    let required: Vec<_> = fields
        .iter()
        .filter(|input| input.required && input.default.is_none())
        .map(|input| input.name.as_str())
        .collect();
    let whole = json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    Inputs::new(fields, whole)
}

/// The JSON Schema of one declaration, whether it is required, and its default.
fn schema(
    report: &mut Report<'_>,
    node: &Node,
    place: &Text,
) -> Option<(Value, bool, Option<Value>)> {
    let fields = Fields::read(report, node, place.clone(), INPUT, &[])?;
    let mut schema = Map::new();
    if fields.need(report, node.at, "type").is_some()
        && let Some(kind) = fields.choice(report, "type", &TYPES)
    {
        schema.insert("type".into(), kind.into());
    }
    if let Some(format) = fields.choice(report, "format", &FORMATS) {
        schema.insert("format".into(), format.into());
    }
    for keyword in PLAIN {
        if let Some(value) = fields.get(keyword) {
            schema.insert(keyword.into(), value.to_json());
        }
    }
    if let Some(pattern) = fields.text(report, "pattern") {
        schema.insert("pattern".into(), pattern.value.into());
    }
    if let Some(items) = fields.get("items")
        && let Some((items, ..)) = self::schema(report, items, &Text::name("items"))
    {
        schema.insert("items".into(), items);
    }
    if let Some(node) = fields.get("properties") {
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for entry in map(report, node, Text::name("properties")).unwrap_or(&[]) {
            let place = Text::name(&entry.key);
            if let Some((schema, needed, _)) = self::schema(report, &entry.value, &place) {
                if needed {
                    required.push(entry.key.clone());
                }
                properties.insert(entry.key.clone(), schema);
            }
        }
        schema.insert("properties".into(), Value::Object(properties));
        schema.insert("required".into(), required.into());
        schema.insert("additionalProperties".into(), false.into());
    }
    let schema = Value::Object(schema);
    let usable = validator(&schema);
    if usable.is_none() {
        report.error(
            "workflow.bad_input",
            node.at,
            text!(
                "{place}: its limits or its pattern are not those of a JSON Schema",
                place
            ),
            text!("correct `pattern`, `enum` or the limits"),
        );
    }
    let default = fields
        .get("default")
        .filter(|node| !matches!(node.value, Yaml::Cut));
    if let (Some(default), Some(validator)) = (default, &usable) {
        let value = default.to_json();
        if let Some(error) = validator.iter_errors(&value).next() {
            report.error(
                "workflow.bad_default",
                default.at,
                text!(
                    "the default of {place}: {problem}",
                    place,
                    problem = misfit(&error)
                ),
                text!("give a default of the declared type"),
            );
        }
    }
    let required = fields.boolean(report, "required").unwrap_or(false);
    usable?;
    Some((schema, required, default.map(Node::to_json)))
}
