//! Conditions: expressions in a node's config that the node evaluates itself, when it must.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{NodeError, NodeResult};
use crate::expr::{Expression, Sandbox, Scope};

/// An expression that gives true or false, evaluated by [`Ctx::test`](super::Ctx::test).
///
/// It is compiled and checked when the workflow is saved; the config holds its
/// text. A field that has more in scope than its step says so in its schema:
/// `#[schemars(extend("x-scope" = ["event"]))]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Condition(String);

impl Condition {
    /// Of this text, without `${{ }}`.
    pub fn new(source: impl Into<String>) -> Self {
        Self(source.into())
    }

    /// The text.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.0
    }
}

impl JsonSchema for Condition {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Condition".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "boolean"], "format": "expression" })
    }
}

/// Named conditions in file order: `cases: { name: condition }`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cases(pub Vec<(String, Condition)>);

impl JsonSchema for Cases {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Cases".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let condition = generator.subschema_for::<Condition>();
        json_schema!({
            "type": "object",
            "minProperties": 1,
            "additionalProperties": condition,
            "x-cases": true,
        })
    }
}

impl<'de> Deserialize<'de> for Cases {
    /// From a list of one-field objects, which keeps the order of the file, or from an object.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ordered;
        impl<'de> Visitor<'de> for Ordered {
            type Value = Cases;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("conditions by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Cases, A::Error> {
                let mut cases = Vec::new();
                while let Some(case) = map.next_entry()? {
                    cases.push(case);
                }
                Ok(Cases(cases))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Cases, A::Error> {
                let mut cases = Vec::new();
                while let Some(case) = list.next_element::<BTreeMap<String, Condition>>()? {
                    cases.extend(case);
                }
                Ok(Cases(cases))
            }
        }
        deserializer.deserialize_any(Ordered)
    }
}

/// What the conditions of an attempt are evaluated with.
#[derive(Clone, Default)]
pub struct Conditions {
    pub(crate) sandbox: Sandbox,
    /// What the expressions of the step read.
    pub(crate) scope: Arc<Scope>,
    /// Compiled at save, by their text.
    pub(crate) compiled: Arc<BTreeMap<String, Expression>>,
}

impl Conditions {
    /// Whether a condition holds, with more values in scope.
    pub(super) fn test(
        &self,
        condition: &Condition,
        extra: impl IntoIterator<Item = (&'static str, Value)>,
    ) -> NodeResult<bool> {
        let mut scope = Scope::inside(&self.scope);
        for (name, value) in extra {
            scope.set_value(name, value);
        }
        let compiled = match self.compiled.get(&condition.0) {
            Some(known) => Cow::Borrowed(known),
            None => Cow::Owned(
                Expression::compile(&self.sandbox, &condition.0, &[])
                    .map_err(|error| NodeError::fail("expression.syntax", error.message))?,
            ),
        };
        compiled
            .test(&self.sandbox, &scope)
            .map_err(|error| NodeError::fail(error.code, error))
    }
}

impl fmt::Debug for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.compiled.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cases_keep_the_order_of_the_file() {
        let cases: Cases = serde_json::from_value(json!([{ "z": "true" }, { "a": "x" }])).unwrap();
        let names: Vec<_> = cases.0.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["z", "a"]);
    }

    #[test]
    fn a_condition_sees_what_it_is_given() {
        let conditions = Conditions::default();
        let paid = Condition::new("event.paid");
        let event = |paid: bool| [("event", json!({ "paid": paid }))];
        assert!(conditions.test(&paid, event(true)).unwrap());
        assert!(!conditions.test(&paid, event(false)).unwrap());
        assert_eq!(
            conditions.test(&paid, []).unwrap_err().code,
            "expression.not_in_scope"
        );
    }
}
