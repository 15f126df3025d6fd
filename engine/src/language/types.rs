//! The values of a step's `with` against the types of its node, as far as they are known.
//!
//! What is written out is checked against the node's JSON Schema; here it is
//! what an expression that is one path, or a text with expressions inside, will
//! give. Only what can never fit is told.

use super::diagnostic::Report;
use super::scope::Env;
use super::yaml::{Node, Yaml};
use crate::expr::{Fields, Found, Key, Shape, Template};
use crate::text;
use crate::text::Text;

/// Checks the values inside `with`; `expected` is what the node takes there.
pub(super) fn check(
    report: &mut Report<'_>,
    env: &Env<'_>,
    expected: &Shape,
    yaml: &Node,
    template: &Template,
) {
    check_at(report, env, expected, (yaml, template), &Text::name("with"));
}

/// Checks one value of a step, such as its key.
pub(super) fn check_at(
    report: &mut Report<'_>,
    env: &Env<'_>,
    expected: &Shape,
    (yaml, template): (&Node, &Template),
    name: &Text,
) {
    match (&yaml.value, template) {
        (Yaml::Map(entries), Template::Map(fields)) => {
            for (entry, (name, field)) in entries.iter().zip(&**fields) {
                // A field that the node does not take is told with the rest of the config.
                let expected = match expected.get(&Key::Field(name.as_str().into())) {
                    Found::No => Shape::Any,
                    found => found.into_shape(),
                };
                let name = Text::name(name);
                check_at(report, env, &expected, (&entry.value, field), &name);
            }
        }
        (Yaml::List(items), Template::List(templates)) => {
            let expected = expected.item();
            for pair in items.iter().zip(&**templates) {
                check_at(report, env, &expected, pair, name);
            }
        }
        (_, Template::Expression(_) | Template::Text(_)) => {
            let given = env.shape_of_template(template);
            if let Some(why) = mismatch(&given, expected) {
                let what = match template {
                    Template::Expression(expression) => Text::name(expression.source()),
                    _ => text!("this text"),
                };
                report.error(
                    "config.wrong_type",
                    yaml.at,
                    text!(
                        "{field} takes {kind}, and {what} {why}",
                        field = name,
                        kind = expected.describe(),
                        what,
                        why
                    ),
                    text!("give a value of that type"),
                );
            }
        }
        _ => {}
    }
}

/// Why a value of the one shape can never be of the other; none when it may be.
fn mismatch(given: &Shape, expected: &Shape) -> Option<Text> {
    match (given, expected) {
        (Shape::Any, _) | (_, Shape::Any) => None,
        (Shape::OneOf(shapes), _) => {
            let is_null = |shape: &&Shape| **shape == Shape::Null;
            let mut known = shapes.iter().filter(|shape| !is_null(shape));
            let first = known.next()?;
            let why = mismatch(first, expected)?;
            known
                .all(|shape| mismatch(shape, expected).is_some())
                .then_some(why)
        }
        (_, Shape::OneOf(shapes)) => {
            let mut all = shapes.iter().map(|shape| mismatch(given, shape));
            let all: Vec<_> = all.by_ref().collect::<Option<_>>()?;
            match (given, all.as_slice()) {
                (Shape::Object(_) | Shape::List(_), whys) => whys
                    .iter()
                    .find(|why| why.pattern() != is(given).pattern())
                    .or(whys.first())
                    .cloned(),
                _ => Some(is(given)),
            }
        }
        (Shape::Text | Shape::Decimal, Shape::Text | Shape::Decimal)
        | (Shape::Integer | Shape::Number, Shape::Integer | Shape::Number)
        | (Shape::Boolean, Shape::Boolean)
        | (Shape::Null, Shape::Null) => None,
        (Shape::List(given), Shape::List(expected)) => Some(text!(
            "has items of which each {why}",
            why = mismatch(given, expected)?
        )),
        (Shape::Object(given), Shape::Object(expected)) => fields(given, expected),
        _ => Some(is(given)),
    }
}

fn is(given: &Shape) -> Text {
    text!("is {what}", what = given.describe())
}

fn fields(given: &Fields, expected: &Fields) -> Option<Text> {
    for (name, (shape, always)) in &expected.named {
        match (given.named.get(name), &given.others) {
            (Some((field, true)), _) => {
                if let Some(why) = mismatch(field, shape) {
                    return Some(text!("has a field `{field}` that {why}", field = name, why));
                }
            }
            (None, None) if *always => return Some(text!("has no field `{field}`", field = name)),
            _ => {}
        }
    }
    let unknown = |(name, (_, always)): (&String, &(Shape, bool))| {
        (*always && !expected.named.contains_key(name)).then(|| name.clone())
    };
    if expected.others.is_none()
        && let Some(name) = given.named.iter().find_map(unknown)
    {
        return Some(text!(
            "has a field `{field}`, which has no place there",
            field = name
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn why(given: serde_json::Value, expected: serde_json::Value) -> Option<String> {
        let why = mismatch(&Shape::of_schema(&given), &Shape::of_schema(&expected));
        why.map(|why| why.to_string())
    }

    #[test]
    fn only_what_can_never_fit_is_told() {
        let (text, integer) = (json!({ "type": "string" }), json!({ "type": "integer" }));
        let maybe = json!({ "type": ["string", "null"] });
        let decimal = json!({ "type": "string", "format": "decimal" });
        assert_eq!(why(json!({}), integer.clone()), None);
        assert_eq!(why(maybe.clone(), text.clone()), None);
        assert_eq!(why(text.clone(), decimal.clone()), None);
        assert_eq!(why(decimal, integer.clone()).unwrap(), "is a decimal");
        assert_eq!(why(text.clone(), integer.clone()).unwrap(), "is a text");
        assert_eq!(why(maybe, integer.clone()).unwrap(), "is a text");
        assert_eq!(
            why(integer.clone(), json!({ "type": ["integer", "null"] })),
            None
        );
        let list = |items: &serde_json::Value| json!({ "type": "array", "items": items });
        assert_eq!(
            why(list(&text), list(&integer)).unwrap(),
            "has items of which each is a text"
        );
    }

    #[test]
    fn objects_fit_by_their_fields() {
        let object = |fields: serde_json::Value, required: serde_json::Value| json!({ "type": "object", "properties": fields, "required": required });
        let takes = object(json!({ "a": { "type": "integer" }, "b": {} }), json!(["a"]));
        let gives = |fields, required| why(object(fields, required), takes.clone());
        assert_eq!(
            gives(json!({ "a": { "type": "integer" } }), json!(["a"])),
            None
        );
        assert_eq!(
            gives(json!({ "b": {} }), json!([])).unwrap(),
            "has no field `a`"
        );
        assert_eq!(
            gives(json!({ "a": { "type": "string" } }), json!(["a"])).unwrap(),
            "has a field `a` that is a text"
        );
        assert_eq!(
            gives(json!({ "a": {}, "c": {} }), json!(["a", "c"])).unwrap(),
            "has a field `c`, which has no place there"
        );
    }
}
