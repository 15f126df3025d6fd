//! A place in a node's JSON Schema, followed along the config.

use serde_json::Value;

/// A place in a schema.
#[derive(Clone, Copy)]
pub(super) struct SchemaAt<'s> {
    root: &'s Value,
    here: &'s Value,
}

impl<'s> SchemaAt<'s> {
    /// The whole schema.
    pub fn root(root: &'s Value) -> Self {
        Self { root, here: root }
    }

    /// The schema of a field, in whichever form names it.
    pub fn field(self, name: &str) -> Option<Self> {
        self.find(&|here| {
            let named = here.get("properties").and_then(|fields| fields.get(name));
            let others = || here.get("additionalProperties");
            named.or_else(others).filter(|schema| schema.is_object())
        })
    }

    /// The schema of a list's items.
    pub fn item(self) -> Option<Self> {
        self.find(&|here| here.get("items").filter(|schema| schema.is_object()))
    }

    /// Whether it is an expression that the node evaluates itself.
    pub fn is_condition(self) -> bool {
        self.find(&|here| here.get("format").filter(|format| *format == "expression"))
            .is_some()
    }

    /// Whether it is conditions by name, of which the order counts.
    pub fn are_cases(self) -> bool {
        self.find(&|here| here.get("x-cases")).is_some()
    }

    /// Names in scope here besides those of the step.
    pub fn extra_names(self) -> Vec<String> {
        let names = self.find(&|here| here.get("x-scope"));
        let names = names.and_then(|found| found.here.as_array());
        let text = |name: &Value| name.as_str().map(str::to_owned);
        names.into_iter().flatten().filter_map(text).collect()
    }

    /// The fields that are conditions by name.
    pub fn cases_field(self) -> Option<&'s str> {
        let fields = self.here.get("properties")?.as_object()?;
        let of = |name: &&String| self.field(name).is_some_and(Self::are_cases);
        fields.keys().find(of).map(String::as_str)
    }

    /// What `look` finds here, behind a reference, or in one of several forms.
    fn find(self, look: &dyn Fn(&'s Value) -> Option<&'s Value>) -> Option<Self> {
        self.find_within(look, 8)
    }

    fn find_within(
        self,
        look: &dyn Fn(&'s Value) -> Option<&'s Value>,
        depth: u32,
    ) -> Option<Self> {
        let at = |here| Self {
            root: self.root,
            here,
        };
        if let Some(found) = look(self.here) {
            return Some(at(found));
        }
        let depth = depth.checked_sub(1)?;
        let reference = self.here.get("$ref").and_then(Value::as_str);
        let target = reference.and_then(|text| self.root.pointer(text.strip_prefix('#')?));
        let forms = ["anyOf", "oneOf", "allOf"]
            .into_iter()
            .filter_map(|several| self.here.get(several)?.as_array())
            .flatten();
        target
            .into_iter()
            .chain(forms)
            .find_map(|here| at(here).find_within(look, depth))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_condition_is_found_behind_references_and_options() {
        let schema = json!({
            "properties": {
                "until": { "anyOf": [{ "$ref": "#/$defs/C" }, { "type": "null" }] },
                "cases": { "additionalProperties": { "$ref": "#/$defs/C" }, "x-cases": true },
            },
            "$defs": { "C": { "format": "expression", "x-scope": ["event"] } },
        });
        let root = SchemaAt::root(&schema);
        let until = root.field("until").unwrap();
        assert!(until.is_condition());
        assert_eq!(until.extra_names(), ["event"]);
        assert_eq!(root.cases_field(), Some("cases"));
        assert!(
            root.field("cases")
                .unwrap()
                .field("x")
                .unwrap()
                .is_condition()
        );
        assert!(root.field("other").is_none());
    }
}
