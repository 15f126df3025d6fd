//! JSON Schema as we check it, and what does not fit in words.

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{JsonType, ValidationError, Validator};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::text;
use crate::text::Text;

/// Characters kept of a value that is shown.
const SHOWN: usize = 80;

/// A validator of ours: no reference leaves the schema, formats count, and so does `decimal`.
pub(crate) fn validator(schema: &Value) -> Option<Validator> {
    jsonschema::options()
        .offline()
        .should_validate_formats(true)
        .with_format("decimal", |text: &str| {
            Decimal::from_str_exact(text).is_ok()
        })
        .build(schema)
        .ok()
}

/// Why a value does not fit its schema.
pub(crate) fn misfit(error: &ValidationError<'_>) -> Text {
    let value = shown(error.instance());
    match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            let fields = unexpected.join(", ");
            text!("these fields are not known: {fields}", fields)
        }
        Kind::Required { property } => {
            let field = property.as_str().unwrap_or_default();
            text!("the field `{field}` is missing", field)
        }
        Kind::Type { kind } => {
            let types = match kind {
                TypeKind::Single(one) => vec![named(*one)],
                TypeKind::Multiple(several) => several.iter().map(named).collect(),
            };
            let wanted = either(types);
            text!("{value} is not {wanted}", value, wanted)
        }
        Kind::Enum { options } => text!(
            "{value} is none of: {words}",
            value,
            words = one_of(options.as_array().map_or(&[][..], Vec::as_slice))
        ),
        Kind::Constant { expected_value } => {
            text!(
                "{value} is not {wanted}",
                value,
                wanted = shown(expected_value)
            )
        }
        Kind::Format { format } => match format.as_str() {
            "date" => text!("{value} is no date such as 2025-01-31", value),
            "date-time" => text!("{value} is no moment such as 2025-01-31T08:30:00Z", value),
            "decimal" => text!("{value} is no decimal such as \"12.50\"", value),
            "uuid" => text!("{value} is no UUID", value),
            format => text!("{value} has not the form `{format}`", value, format),
        },
        Kind::Pattern { pattern } => {
            text!(
                "{value} has not the form `{format}`",
                value,
                format = pattern
            )
        }
        Kind::MinLength { limit } => {
            text!(
                "{value} is shorter than {limit} characters",
                value,
                limit = *limit
            )
        }
        Kind::MaxLength { limit } => {
            text!(
                "{value} is longer than {limit} characters",
                value,
                limit = *limit
            )
        }
        Kind::MinItems { limit } => text!("it has fewer than {limit} items", limit = *limit),
        Kind::MaxItems { limit } => text!("it has more than {limit} items", limit = *limit),
        Kind::MinProperties { limit } => text!("it has fewer than {limit} fields", limit = *limit),
        Kind::MaxProperties { limit } => text!("it has more than {limit} fields", limit = *limit),
        Kind::UniqueItems => text!("it has an item twice"),
        Kind::Minimum { limit } => {
            text!(
                "{value} is less than {limit}",
                value,
                limit = limit.to_string()
            )
        }
        Kind::Maximum { limit } => {
            text!(
                "{value} is more than {limit}",
                value,
                limit = limit.to_string()
            )
        }
        Kind::ExclusiveMinimum { limit } => {
            text!(
                "{value} is not more than {limit}",
                value,
                limit = limit.to_string()
            )
        }
        Kind::ExclusiveMaximum { limit } => {
            text!(
                "{value} is not less than {limit}",
                value,
                limit = limit.to_string()
            )
        }
        other => {
            let rule = other.keyword();
            text!(
                "{value} does not keep to the rule `{rule}` of its schema",
                value,
                rule
            )
        }
    }
}

/// The words of an `enum`, one after another.
pub(crate) fn one_of(options: &[Value]) -> String {
    let words: Vec<String> = options
        .iter()
        .map(|option| option.as_str().map_or(option.to_string(), str::to_owned))
        .collect();
    words.join(", ")
}

/// The value as JSON, its beginning when it is long.
fn shown(value: &Value) -> String {
    let json = value.to_string();
    match json.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &json[..end]),
        None => json,
    }
}

fn named(kind: JsonType) -> Text {
    match kind {
        JsonType::Null => text!("nothing"),
        JsonType::Boolean => text!("a boolean"),
        JsonType::Integer => text!("a whole number"),
        JsonType::Number => text!("a number"),
        JsonType::String => text!("a text"),
        JsonType::Array => text!("a list"),
        JsonType::Object => text!("an object"),
    }
}

/// `a text or nothing`.
fn either(mut types: Vec<Text>) -> Text {
    types.sort_by_key(|text| text.pattern() == "nothing");
    let several = types
        .into_iter()
        .reduce(|one, other| text!("{one} or {other}", one, other));
    several.unwrap_or_default()
}
