//! JSON ⇄ Rhai: decimals are decimals inside, text outside; no binary float in between.

use std::str::FromStr;

use rhai::{Array, Dynamic, Map as RhaiMap};
use rust_decimal::Decimal;
use serde_json::{Map, Number, Value};

use super::ExprError;
use super::path::{Key, kind_of};
use super::shape::Shape;
use crate::text;
use crate::text::Text;

/// Marks a decimal that came in as a JSON number, so that it leaves as one.
const NUMBER: i32 = 1;

/// A JSON value in Rhai; what its shape calls decimal becomes one.
pub(super) fn to_dynamic(value: &Value, shape: &Shape) -> Result<Dynamic, ExprError> {
    Ok(match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => number_to_dynamic(number)?,
        Value::String(text) if is_decimal(shape) => decimal(text)?.into(),
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => {
            let item_shape = shape.item();
            let items: Result<Array, _> = items
                .iter()
                .map(|item| to_dynamic(item, &item_shape))
                .collect();
            items?.into()
        }
        Value::Object(fields) => {
            let fields: Result<RhaiMap, _> = fields
                .iter()
                .map(|(name, field)| {
                    let shape = match shape {
                        Shape::Any => Shape::Any,
                        shape => shape.get(&Key::Field(name.as_str().into())).into_shape(),
                    };
                    Ok((name.as_str().into(), to_dynamic(field, &shape)?))
                })
                .collect();
            fields?.into()
        }
    })
}

fn is_decimal(shape: &Shape) -> bool {
    match shape {
        Shape::Decimal => true,
        Shape::OneOf(shapes) => shapes.contains(&Shape::Decimal) && !shapes.contains(&Shape::Text),
        _ => false,
    }
}

/// The decimal that a text writes.
pub(super) fn decimal(text: &str) -> Result<Decimal, ExprError> {
    Decimal::from_str_exact(text.trim()).map_err(|_| {
        ExprError::new(
            "expression.not_decimal",
            text!("`{value}` is not a decimal number", value = text),
        )
    })
}

fn number_to_dynamic(number: &Number) -> Result<Dynamic, ExprError> {
    if let Some(whole) = number.as_i64() {
        return Ok(whole.into());
    }
    let text = number.to_string();
    let parsed = Decimal::from_str(&text).or_else(|_| Decimal::from_scientific(&text));
    let mut value: Dynamic = parsed
        .map_err(|_| {
            ExprError::new(
                "expression.not_decimal",
                text!(
                    "{value} is too large or too fine for a decimal",
                    value = &text
                ),
            )
        })?
        .into();
    value.set_tag(NUMBER);
    Ok(value)
}

/// Values that leave stand no deeper in one another.
const MAX_DEPTH: usize = 100;

/// A Rhai value as JSON.
pub(super) fn to_json(value: &Dynamic) -> Result<Value, ExprError> {
    to_json_within(value, MAX_DEPTH)
}

fn to_json_within(value: &Dynamic, depth: usize) -> Result<Value, ExprError> {
    if value.is_unit() {
        return Ok(Value::Null);
    }
    if let Ok(value) = value.as_bool() {
        return Ok(value.into());
    }
    if let Ok(value) = value.as_int() {
        return Ok(value.into());
    }
    if let Ok(decimal) = value.as_decimal() {
        let text = decimal.to_string();
        return Ok(if value.tag() == NUMBER {
            Value::from_str(&text).unwrap_or(Value::String(text))
        } else {
            Value::String(text)
        });
    }
    if let Ok(letter) = value.as_char() {
        return Ok(letter.to_string().into());
    }
    if let Ok(text) = value.as_immutable_string_ref() {
        return Ok(Value::String(text.to_string()));
    }
    if let Some(told) = value.read_lock::<Text>() {
        return Ok(Value::String(told.to_string()));
    }
    if let Ok(items) = value.as_array_ref() {
        let depth = deeper(depth)?;
        return items
            .iter()
            .map(|item| to_json_within(item, depth))
            .collect();
    }
    if let Ok(fields) = value.as_map_ref() {
        let depth = deeper(depth)?;
        let fields: Result<Map<_, _>, _> = fields
            .iter()
            .map(|(name, field)| Ok((name.to_string(), to_json_within(field, depth)?)))
            .collect();
        return Ok(Value::Object(fields?));
    }
    Err(ExprError::new(
        "expression.not_data",
        text!(
            "a value of type `{name}` cannot leave the expression",
            name = value.type_name()
        ),
    ))
}

fn deeper(depth: usize) -> Result<usize, ExprError> {
    depth.checked_sub(1).ok_or_else(|| {
        ExprError::new(
            "expression.limit",
            text!("values stand too deep in one another"),
        )
    })
}

/// The text of a value inside a text.
pub(super) fn to_text(value: &Value) -> Result<String, ExprError> {
    Ok(match value {
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Null => {
            return Err(ExprError::new(
                "expression.nothing",
                text!("there is nothing to put into the text: give a default with `??`"),
            ));
        }
        Value::Array(_) | Value::Object(_) => {
            return Err(ExprError::new(
                "expression.wrong_type",
                text!("{what} cannot stand inside a text", what = kind_of(value)),
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_decimal_keeps_its_scale_and_a_number_stays_a_number() {
        let shape = Shape::of_schema(&json!({
            "type": "object",
            "properties": { "amount": { "type": "string", "format": "decimal" } },
        }));
        let value = json!({ "amount": "1.10", "ratio": 0.97, "count": 3, "big": 18_446_744_073_709_551_615_u64 });
        let inside = to_dynamic(&value, &shape).unwrap();
        assert!(inside.as_map_ref().unwrap()["amount"].is_decimal());
        assert_eq!(to_json(&inside).unwrap(), value);
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[a-z.\" ]{0,6}", inner, 0..5)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(value in json_value()) {
            prop_assert_eq!(to_json(&to_dynamic(&value, &Shape::Any).unwrap()).unwrap(), value);
        }

        #[test]
        fn a_decimal_comes_out_as_it_was_written(units in -10_000_000_000_i64..10_000_000_000, scale in 0_u32..9) {
            let text = Decimal::new(units, scale).to_string();
            let inside = to_dynamic(&json!(text), &Shape::Decimal).unwrap();
            prop_assert_eq!(to_json(&inside).unwrap(), json!(text));
        }
    }
}
