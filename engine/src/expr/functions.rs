//! What our expressions do otherwise than Rhai's: comparing different types is
//! an error, `/` is decimal, rounding is away from zero.

use std::cmp::Ordering;

use rhai::{Array, Dynamic, Engine, EvalAltResult, INT, ImmutableString, Map, Position};
use rust_decimal::prelude::ToPrimitive as _;
use rust_decimal::{Decimal, RoundingStrategy};

use super::bridge;
use crate::text;
use crate::text::Text;

type Fallible<T> = Result<T, Box<EvalAltResult>>;

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_fn("==", |a: Dynamic, b: Dynamic| equal(&a, &b))
        .register_fn("!=", |a: Dynamic, b: Dynamic| equal(&a, &b).map(|is| !is))
        .register_fn("==", |a: Array, b: Array| lists(&a, &b))
        .register_fn("!=", |a: Array, b: Array| lists(&a, &b).map(|is| !is))
        .register_fn("==", |a: Map, b: Map| maps(&a, &b))
        .register_fn("!=", |a: Map, b: Map| maps(&a, &b).map(|is| !is))
        .register_fn("<", |a: Dynamic, b: Dynamic| {
            order(&a, &b).map(Ordering::is_lt)
        })
        .register_fn("<=", |a: Dynamic, b: Dynamic| {
            order(&a, &b).map(Ordering::is_le)
        })
        .register_fn(">", |a: Dynamic, b: Dynamic| {
            order(&a, &b).map(Ordering::is_gt)
        })
        .register_fn(">=", |a: Dynamic, b: Dynamic| {
            order(&a, &b).map(Ordering::is_ge)
        });
    engine
        .register_fn("/", |a: INT, b: INT| divide(a.into(), b.into()))
        .register_fn("/", |a: Decimal, b: INT| divide(a, b.into()))
        .register_fn("/", |a: INT, b: Decimal| divide(a.into(), b))
        .register_fn("/", divide)
        .register_fn("/=", |a: &mut Dynamic, b: Dynamic| -> Fallible<()> {
            *a = divide(number(a)?, number(&b)?)?.into();
            Ok(())
        });
    // What a script catches of ours is a text to it.
    engine
        .register_fn("to_string", |told: &mut Text| told.to_string())
        .register_fn("to_debug", |told: &mut Text| told.to_string());
    engine
        .register_fn("decimal", |x: Decimal| x)
        .register_fn("decimal", |x: INT| Decimal::from(x))
        .register_fn("decimal", |text: ImmutableString| {
            bridge::decimal(&text).map_err(|error| failed(error.message))
        })
        .register_fn("sum", |items: &mut Array| sum(items))
        .register_fn("round", |x: Decimal| rounded(x, 0))
        .register_fn("round", |x: Decimal, places: INT| -> Fallible<Decimal> {
            let places = u32::try_from(places)
                .ok()
                .filter(|places| *places <= Decimal::MAX_SCALE)
                .ok_or_else(|| failed(text!("rounds to between 0 and 28 places")))?;
            Ok(rounded(x, places))
        });
}

/// The sum of numbers: whole when all are.
fn sum(items: &Array) -> Fallible<Dynamic> {
    let mut sum = Decimal::ZERO;
    for item in items {
        sum = sum
            .checked_add(number(item)?)
            .ok_or_else(|| failed(text!("the sum is too large")))?;
    }
    match sum.to_i64() {
        Some(whole) if items.iter().all(Dynamic::is_int) => Ok(whole.into()),
        _ => Ok(sum.into()),
    }
}

fn rounded(x: Decimal, places: u32) -> Decimal {
    x.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero)
}

fn divide(a: Decimal, b: Decimal) -> Fallible<Decimal> {
    if b.is_zero() {
        return Err(failed(text!("divides by zero")));
    }
    a.checked_div(b)
        .map(|quotient| quotient.normalize())
        .ok_or_else(|| failed(text!("the quotient is too large")))
}

fn number(value: &Dynamic) -> Fallible<Decimal> {
    if let Ok(whole) = value.as_int() {
        return Ok(whole.into());
    }
    value
        .as_decimal()
        .map_err(|kind| failed(text!("{what} is no number", what = name(kind))))
}

fn equal(a: &Dynamic, b: &Dynamic) -> Fallible<bool> {
    if a.is_unit() || b.is_unit() {
        return Ok(a.is_unit() && b.is_unit());
    }
    if let (Ok(a), Ok(b)) = (a.as_bool(), b.as_bool()) {
        return Ok(a == b);
    }
    if let (Ok(a), Ok(b)) = (a.as_array_ref(), b.as_array_ref()) {
        return lists(&a, &b);
    }
    if let (Ok(a), Ok(b)) = (a.as_map_ref(), b.as_map_ref()) {
        return maps(&a, &b);
    }
    order(a, b).map(Ordering::is_eq)
}

fn lists(a: &Array, b: &Array) -> Fallible<bool> {
    if a.len() != b.len() {
        return Ok(false);
    }
    for (a, b) in a.iter().zip(b) {
        if !equal(a, b)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn maps(a: &Map, b: &Map) -> Fallible<bool> {
    if a.len() != b.len() {
        return Ok(false);
    }
    for (name, a) in a {
        match b.get(name) {
            Some(b) if equal(a, b)? => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}

fn order(a: &Dynamic, b: &Dynamic) -> Fallible<Ordering> {
    if let (Ok(a), Ok(b)) = (a.as_int(), b.as_int()) {
        return Ok(a.cmp(&b));
    }
    if let (Ok(a), Ok(b)) = (number(a), number(b)) {
        return Ok(a.cmp(&b));
    }
    if let (Some(a), Some(b)) = (text(a), text(b)) {
        return Ok(a.cmp(&b));
    }
    let (left, right) = (name(a.type_name()), name(b.type_name()));
    let (a_text, a_number) = (text!("a text"), text!("a number"));
    let mixed = (left == a_text && right == a_number) || (left == a_number && right == a_text);
    Err(failed(if mixed {
        text!(
            "compares {left} with {right}: make the text a number with `decimal(x)`",
            left,
            right
        )
    } else {
        text!("compares {left} with {right}", left, right)
    }))
}

fn text(value: &Dynamic) -> Option<String> {
    if let Ok(letter) = value.as_char() {
        return Some(letter.to_string());
    }
    if let Some(told) = value.read_lock::<Text>() {
        return Some(told.to_string());
    }
    value
        .as_immutable_string_ref()
        .ok()
        .map(|text| text.to_string())
}

fn name(kind: &str) -> Text {
    match kind {
        "string" | "char" => text!("a text"),
        "i64" | "decimal" => text!("a number"),
        "bool" => text!("a boolean"),
        "array" => text!("a list"),
        "map" => text!("an object"),
        "()" => text!("nothing"),
        other => Text::name(other),
    }
}

fn failed(message: Text) -> Box<EvalAltResult> {
    EvalAltResult::ErrorRuntime(Dynamic::from(message), Position::NONE).into()
}
