//! JSON Schema as we check it.

use jsonschema::Validator;
use rust_decimal::Decimal;
use serde_json::Value;

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
