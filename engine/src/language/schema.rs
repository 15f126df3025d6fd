//! The JSON Schema of the language, for editors: made of the words that the reader takes.
//!
//! The words of each place are the reader's own lists, and a word without a
//! schema fails a test: schema and checker know the same fields. What an
//! expression gives is not known here: wherever a value may stand, so may
//! `${{ … }}`.

use serde_json::{Map, Value, json};

use super::control::REPEAT;
use super::inputs::{FORMATS, INPUT, TYPES};
use super::load::{BUDGET, CANCEL_ON, CONCURRENCY, DEBOUNCE, RATE_LIMIT};
use super::read::{COMPENSATE, RETRY, STEP, WORKFLOW};
use super::triggers::TRIGGER;
use crate::node::{Registered, Registry};

/// Ids, as a pattern.
const ID: &str = "^[a-z][a-z0-9_]*$";

/// The JSON Schema of a workflow's file, with the nodes there are.
#[must_use]
pub fn schema(registry: &Registry) -> Value {
    let mut defs = Map::new();
    let mut define = |name: &str, schema: Value| defs.insert(name.to_owned(), schema);
    define(
        "expression",
        json!({ "type": "string", "pattern": "\\$\\{\\{" }),
    );
    define("condition", json!({ "type": ["string", "boolean"] }));
    define(
        "duration",
        json!({ "type": "string", "pattern": "^([0-9]+(ms|s|m|h|d))+$" }),
    );
    define("count", json!({ "type": "integer", "minimum": 1 }));
    define("input", object(INPUT, input_word));
    define("retry", object(RETRY, retry_word));
    define("repeat", object(REPEAT, repeat_word));
    define(
        "compensate",
        with_nodes(object(COMPENSATE, step_word), registry),
    );
    define("step", with_nodes(object(STEP, step_word), registry));
    define("steps", map_of(&reference("step"), 1));
    let uses: Vec<String> = registry.iter().flat_map(names).collect();
    define("uses", json!({ "enum": uses }));
    for node in registry.iter() {
        let name = place(node);
        let config = relaxed(&node.config, &format!("#/$defs/{name}"));
        define(&name, config);
    }
    let mut whole = object(WORKFLOW, workflow_word);
    if let Value::Object(fields) = &mut whole {
        let schema = "https://json-schema.org/draft/2020-12/schema";
        fields.insert("$schema".into(), schema.into());
        fields.insert("title".into(), "Workflow".into());
        fields.insert("required".into(), json!(["name", "steps"]));
        fields.insert("$defs".into(), Value::Object(defs));
    }
    whole
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// An object of these fields and no others; of a word that is missing, anything.
fn object(words: &[&str], of: fn(&str) -> Option<Value>) -> Value {
    let fields = words
        .iter()
        .map(|word| ((*word).to_owned(), of(word).unwrap_or(Value::Bool(true))));
    json!({
        "type": "object",
        "properties": fields.collect::<Map<_, _>>(),
        "additionalProperties": false,
    })
}

/// Values by id.
fn map_of(value: &Value, at_least: u32) -> Value {
    json!({
        "type": "object",
        "patternProperties": { ID: value },
        "additionalProperties": false,
        "minProperties": at_least,
    })
}

fn workflow_word(word: &str) -> Option<Value> {
    Some(match word {
        "name" => json!({ "type": "string", "pattern": "^[a-z][a-z0-9_]*(-[a-z0-9_]+)*$" }),
        "title" => json!({ "type": "string" }),
        "triggers" => map_of(&object(TRIGGER, trigger_word), 0),
        "inputs" => map_of(&reference("input"), 0),
        "concurrency" => object(CONCURRENCY, load_word),
        "rate_limit" => object(RATE_LIMIT, load_word),
        "debounce" => json!({ "anyOf": [reference("duration"), object(DEBOUNCE, load_word)] }),
        "budget" => object(BUDGET, load_word),
        "cancel_on" => object(CANCEL_ON, load_word),
        "retention" => json!({ "enum": ["brief", "standard"] }),
        "labels" => map_of(&json!({ "type": ["string", "number", "boolean"] }), 0),
        "outputs" => map_of(&Value::Bool(true), 0),
        "priority" => json!({ "type": ["integer", "string"] }),
        "timeout" | "deadline" => reference("duration"),
        "steps" | "on_failure" | "finally" => reference("steps"),
        _ => return None,
    })
}

fn trigger_word(word: &str) -> Option<Value> {
    Some(match word {
        "filter" => reference("condition"),
        "start" => map_of(&Value::Bool(true), 0),
        _ => Value::Bool(true),
    })
}

fn step_word(word: &str) -> Option<Value> {
    Some(match word {
        "uses" => reference("uses"),
        "with" => json!({ "type": "object" }),
        "needs" => one_or_many(&json!({
            "type": "string", "pattern": "^[a-z][a-z0-9_]*(\\.[a-z][a-z0-9_]*)?$",
        })),
        "join" => json!({ "anyOf": [{ "enum": ["all", "any"] }, reference("count")] }),
        "cancel_rest" => json!({ "type": "boolean" }),
        "if" => reference("condition"),
        "for_each" => json!({ "anyOf": [{ "type": "array" }, reference("expression")] }),
        "as" => json!({ "type": "string", "pattern": ID }),
        "concurrency" | "batch" => reference("count"),
        "on_item_error" => json!({ "enum": ["fail", "skip", "collect"] }),
        "repeat" => reference("repeat"),
        "steps" => reference("steps"),
        "retry" => reference("retry"),
        "timeout" | "deadline" => reference("duration"),
        "rate_limit" => object(RATE_LIMIT, load_word),
        "credential" => json!({ "type": "string", "pattern": ID }),
        "idempotency_key" => json!({ "type": ["string", "integer"] }),
        "on_error" => json!({ "anyOf": [
            { "enum": ["fail", "continue"] },
            {
                "type": "object",
                "properties": { "step": { "type": "string", "pattern": ID } },
                "required": ["step"],
                "additionalProperties": false,
            },
        ] }),
        "compensate" => reference("compensate"),
        _ => return None,
    })
}

fn load_word(word: &str) -> Option<Value> {
    Some(match word {
        "key" => json!({ "type": ["string", "integer"] }),
        "limit" => reference("count"),
        "policy" => json!({ "enum": ["queue", "drop", "replace", "latest"] }),
        "hold" => json!({ "type": "boolean" }),
        "max_cost" => json!({ "type": ["number", "string"] }),
        "max_tokens" => reference("count"),
        "event" => json!({ "type": "string" }),
        "per" | "for" | "max_time" => reference("duration"),
        _ => return None,
    })
}

fn retry_word(word: &str) -> Option<Value> {
    Some(match word {
        "max_attempts" => reference("count"),
        "delay" | "max_delay" => reference("duration"),
        "backoff" => json!({ "enum": ["fixed", "linear", "exponential"] }),
        "factor" => json!({ "type": "number", "minimum": 1, "maximum": 100 }),
        "jitter" => json!({ "type": "boolean" }),
        "if" => reference("condition"),
        _ => return None,
    })
}

fn repeat_word(word: &str) -> Option<Value> {
    Some(match word {
        "until" => reference("condition"),
        "max_iterations" => reference("count"),
        "delay" => reference("duration"),
        _ => return None,
    })
}

fn input_word(word: &str) -> Option<Value> {
    let words = |choices: &[(&str, &str)]| {
        let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
        json!({ "enum": words })
    };
    Some(match word {
        "type" => words(&TYPES),
        "format" => words(&FORMATS),
        "required" => json!({ "type": "boolean" }),
        "title" | "description" | "pattern" => json!({ "type": "string" }),
        "enum" => json!({ "type": "array", "minItems": 1 }),
        "items" => reference("input"),
        "properties" => map_of(&reference("input"), 0),
        "minimum" | "maximum" => json!({ "type": "number" }),
        "minLength" | "maxLength" | "minItems" | "maxItems" => {
            json!({ "type": "integer", "minimum": 0 })
        }
        "default" => Value::Bool(true),
        _ => return None,
    })
}

fn one_or_many(one: &Value) -> Value {
    json!({ "anyOf": [one, { "type": "array", "items": one }] })
}

/// The ways to name a node: version 1 is its bare name too.
fn names(node: &Registered) -> Vec<String> {
    let (name, version) = (node.spec.name, node.spec.version);
    let bare = (version == 1).then(|| name.to_owned());
    bare.into_iter()
        .chain([format!("{name}@{version}")])
        .collect()
}

/// Where the config of a node stands among the definitions.
fn place(node: &Registered) -> String {
    format!("with.{}.{}", node.spec.name, node.spec.version)
}

/// A step whose `with` is the config of the node that it uses.
fn with_nodes(mut step: Value, registry: &Registry) -> Value {
    let rules = registry.iter().map(|node| {
        let uses = json!({ "uses": { "enum": names(node) } });
        json!({
            "if": { "properties": uses, "required": ["uses"] },
            "then": { "properties": { "with": reference(&place(node)) } },
        })
    });
    step["allOf"] = rules.collect();
    step
}

/// A node's schema in which an expression may stand for any value, its references from `at`.
fn relaxed(schema: &Value, at: &str) -> Value {
    let Value::Object(keywords) = schema else {
        return schema.clone();
    };
    let value = |schema: &Value| {
        let is_condition = schema.get("format").is_some_and(|it| *it == "expression");
        match is_condition || schema.is_boolean() {
            true => schema.clone(),
            false => json!({ "anyOf": [relaxed(schema, at), reference("expression")] }),
        }
    };
    let each = |schemas: &Value, of: &dyn Fn(&Value) -> Value| match schemas {
        Value::Object(all) => all
            .iter()
            .map(|(name, schema)| (name.clone(), of(schema)))
            .collect(),
        Value::Array(all) => all.iter().map(of).collect(),
        other => other.clone(),
    };
    let kept = keywords.iter().filter(|(name, _)| *name != "$schema");
    let relaxed = kept.map(|(name, keyword)| {
        let changed = match (name.as_str(), keyword) {
            ("properties", fields) => each(fields, &value),
            ("items" | "additionalProperties", schema) => value(schema),
            ("anyOf" | "allOf" | "$defs", schemas) => each(schemas, &|it| relaxed(it, at)),
            // With an expression in the place that tells them apart, several may fit.
            ("oneOf", schemas) => {
                return ("anyOf".to_owned(), each(schemas, &|it| relaxed(it, at)));
            }
            ("$ref", Value::String(to)) => to.replacen('#', at, 1).into(),
            (_, other) => other.clone(),
        };
        (name.clone(), changed)
    });
    Value::Object(relaxed.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_a_schema() {
        let lacking = |words: &[&'static str], of: fn(&str) -> Option<Value>| {
            let lack = words.iter().filter(|word| of(word).is_none());
            lack.copied().collect::<Vec<_>>()
        };
        assert_eq!(lacking(WORKFLOW, workflow_word), [""; 0]);
        assert_eq!(lacking(STEP, step_word), [""; 0]);
        assert_eq!(lacking(COMPENSATE, step_word), [""; 0]);
        assert_eq!(lacking(RETRY, retry_word), [""; 0]);
        assert_eq!(lacking(REPEAT, repeat_word), [""; 0]);
        assert_eq!(lacking(INPUT, input_word), [""; 0]);
        for words in [BUDGET, CANCEL_ON, CONCURRENCY, RATE_LIMIT, DEBOUNCE] {
            assert_eq!(lacking(words, load_word), [""; 0]);
        }
    }

    #[test]
    fn references_of_a_node_lead_into_its_own_schema() {
        let config = json!({
            "properties": { "a": { "$ref": "#/$defs/A" }, "c": { "format": "expression" } },
            "$defs": { "A": { "type": "integer" } },
        });
        let relaxed = relaxed(&config, "#/$defs/with.x.1");
        let a = &relaxed["properties"]["a"]["anyOf"];
        assert_eq!(a[0]["$ref"], "#/$defs/with.x.1/$defs/A");
        assert_eq!(a[1]["$ref"], "#/$defs/expression");
        assert_eq!(relaxed["properties"]["c"], config["properties"]["c"]);
    }
}
