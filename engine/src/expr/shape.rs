//! What a JSON Schema says of a value, compiled once: which fields there are,
//! and which texts are decimals.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::path::Key;
use crate::text;
use crate::text::Text;

/// What is known of a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// Nothing.
    #[default]
    Any,
    /// A text that is a decimal number (`format: decimal`).
    Decimal,
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// Nothing at all.
    Null,
    /// A list of values of one shape.
    List(Arc<Shape>),
    /// Fields by name.
    Object(Arc<Fields>),
    /// One of several.
    OneOf(Arc<[Shape]>),
}

/// The fields of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// Those that are named, with whether they are always there.
    pub named: BTreeMap<String, (Shape, bool)>,
    /// The shape of all others; `None` when there are no others.
    pub others: Option<Shape>,
}

/// What reading a part of a shape finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It cannot be there.
    No,
    /// There in some of the forms that the value can have.
    Partial(Shape),
    /// Declared, and may be absent.
    Optional(Shape),
    /// There, as far as anyone knows.
    Always(Shape),
}

impl Found {
    /// The shape of the part.
    #[must_use]
    pub fn into_shape(self) -> Shape {
        match self {
            Self::No => Shape::Any,
            Self::Partial(shape) | Self::Optional(shape) | Self::Always(shape) => shape,
        }
    }
}

/// Schemas nested deeper than this, or that contain themselves, are open below.
const MAX_DEPTH: usize = 12;

impl Shape {
    /// What a JSON Schema says.
    #[must_use]
    pub fn of_schema(schema: &Value) -> Self {
        Reader { root: schema }.shape(schema, 0)
    }

    /// The shape of this very value.
    #[must_use]
    pub fn of_value(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(number) if number.is_f64() => Self::Number,
            Value::Number(_) => Self::Integer,
            Value::String(_) => Self::Text,
            Value::Array(items) => Self::list(Self::one_of(items.iter().map(Self::of_value))),
            Value::Object(fields) => Self::object(
                fields
                    .iter()
                    .map(|(name, field)| (name.clone(), Self::of_value(field))),
            ),
        }
    }

    /// A list of items of this shape.
    #[must_use]
    pub fn list(item: Self) -> Self {
        Self::List(Arc::new(item))
    }

    /// An object of these fields, all of them there, and no others.
    pub fn object(fields: impl IntoIterator<Item = (String, Self)>) -> Self {
        let named = fields
            .into_iter()
            .map(|(name, shape)| (name, (shape, true)))
            .collect();
        Self::Object(Arc::new(Fields {
            named,
            others: None,
        }))
    }

    /// One of several; of none, anything.
    pub fn one_of(shapes: impl IntoIterator<Item = Self>) -> Self {
        let mut all: Vec<Self> = Vec::new();
        for shape in shapes {
            match shape {
                Self::Any => return Self::Any,
                Self::OneOf(inner) => {
                    for shape in &*inner {
                        if !all.contains(shape) {
                            all.push(shape.clone());
                        }
                    }
                }
                shape if !all.contains(&shape) => all.push(shape),
                _ => {}
            }
        }
        match all.len() {
            0 => Self::Any,
            1 => all.remove(0),
            _ => Self::OneOf(all.into()),
        }
    }

    /// Whether the value can be nothing, as far as anyone knows.
    #[must_use]
    pub fn may_be_null(&self) -> bool {
        match self {
            Self::Null => true,
            Self::OneOf(shapes) => shapes.iter().any(Self::may_be_null),
            _ => false,
        }
    }

    /// Whether the value can be a list; `None` when nobody knows.
    #[must_use]
    pub fn is_list(&self) -> Option<bool> {
        match self {
            Self::Any => None,
            Self::List(_) => Some(true),
            Self::OneOf(shapes) if shapes.iter().any(|shape| shape.is_list() != Some(false)) => {
                None
            }
            _ => Some(false),
        }
    }

    /// The shape of a list's items.
    #[must_use]
    pub fn item(&self) -> Self {
        match self {
            Self::List(item) => Self::clone(item),
            Self::OneOf(shapes) => Self::one_of(
                shapes
                    .iter()
                    .filter(|shape| shape.is_list() == Some(true))
                    .map(Self::item),
            ),
            _ => Self::Any,
        }
    }

    /// What reading `key` finds; nothing itself is left aside, see [`Self::may_be_null`].
    #[must_use]
    pub fn get(&self, key: &Key) -> Found {
        match (self, key) {
            (Self::Any, _) | (_, Key::By(_)) => Found::Always(Self::Any),
            (Self::List(item), Key::At(_)) => Found::Always(Self::clone(item)),
            (Self::Object(fields), Key::Field(name)) => match fields.named.get(&**name) {
                Some((shape, true)) => Found::Always(shape.clone()),
                Some((shape, false)) => Found::Optional(shape.clone()),
                None => match &fields.others {
                    Some(others) => Found::Always(others.clone()),
                    None => Found::No,
                },
            },
            (Self::OneOf(shapes), _) => {
                let (mut found, mut lacking, mut optional) = (Vec::new(), false, false);
                for shape in shapes.iter().filter(|shape| **shape != Self::Null) {
                    match shape.get(key) {
                        Found::No => lacking = true,
                        Found::Partial(shape) => {
                            lacking = true;
                            found.push(shape);
                        }
                        Found::Optional(shape) => {
                            optional = true;
                            found.push(shape);
                        }
                        Found::Always(shape) => found.push(shape),
                    }
                }
                let shape = Self::one_of(found.iter().cloned());
                match (found.is_empty(), lacking, optional) {
                    (true, ..) => Found::No,
                    (_, true, _) => Found::Partial(shape),
                    (.., true) => Found::Optional(shape),
                    _ => Found::Always(shape),
                }
            }
            _ => Found::No,
        }
    }

    /// The names of the fields it can have, for suggestions.
    #[must_use]
    pub fn field_names(&self) -> Vec<&str> {
        match self {
            Self::Object(fields) => fields.named.keys().map(String::as_str).collect(),
            Self::OneOf(shapes) => shapes.iter().flat_map(Self::field_names).collect(),
            _ => Vec::new(),
        }
    }

    /// What it is, in words.
    #[must_use]
    pub fn describe(&self) -> Text {
        match self {
            Self::Any => text!("anything"),
            Self::Decimal => text!("a decimal"),
            Self::Text => text!("a text"),
            Self::Integer | Self::Number => text!("a number"),
            Self::Boolean => text!("a boolean"),
            Self::Null => text!("nothing"),
            Self::List(_) => text!("a list"),
            Self::Object(_) => text!("an object"),
            Self::OneOf(_) => text!("one of several things"),
        }
    }
}

struct Reader<'a> {
    root: &'a Value,
}

impl Reader<'_> {
    fn shape(&self, schema: &Value, depth: usize) -> Shape {
        let Value::Object(keywords) = schema else {
            return Shape::Any;
        };
        if depth > MAX_DEPTH {
            return Shape::Any;
        }
        if let Some(Value::String(reference)) = keywords.get("$ref") {
            return match reference
                .strip_prefix('#')
                .and_then(|p| self.root.pointer(p))
            {
                Some(target) => self.shape(target, depth + 1),
                None => Shape::Any,
            };
        }
        if let Some(value) = keywords.get("const") {
            return Shape::of_value(value);
        }
        if let Some(Value::Array(values)) = keywords.get("enum") {
            return Shape::one_of(values.iter().map(Shape::of_value));
        }
        for several in ["anyOf", "oneOf"] {
            if let Some(Value::Array(schemas)) = keywords.get(several) {
                let of_this = self.fields(schema, depth);
                return Shape::one_of(
                    schemas
                        .iter()
                        .map(|schema| join(self.shape(schema, depth + 1), of_this.as_ref())),
                );
            }
        }
        match keywords.get("type") {
            Some(Value::String(kind)) => self.of_type(kind, schema, depth),
            Some(Value::Array(kinds)) => Shape::one_of(
                kinds
                    .iter()
                    .filter_map(Value::as_str)
                    .map(|kind| self.of_type(kind, schema, depth)),
            ),
            _ if keywords.contains_key("properties") => self.of_type("object", schema, depth),
            _ => Shape::Any,
        }
    }

    fn of_type(&self, kind: &str, schema: &Value, depth: usize) -> Shape {
        match kind {
            "string" if schema.get("format").is_some_and(|f| f == "decimal") => Shape::Decimal,
            "string" => Shape::Text,
            "integer" => Shape::Integer,
            "number" => Shape::Number,
            "boolean" => Shape::Boolean,
            "null" => Shape::Null,
            "array" => Shape::list(match schema.get("items") {
                Some(items) => self.shape(items, depth + 1),
                None => Shape::Any,
            }),
            "object" => match self.fields(schema, depth) {
                Some(fields) => Shape::Object(Arc::new(fields)),
                None => Shape::Any,
            },
            _ => Shape::Any,
        }
    }

    /// The fields that this very schema names; `None` when it names none and allows any.
    fn fields(&self, schema: &Value, depth: usize) -> Option<Fields> {
        let properties = schema.get("properties").and_then(Value::as_object);
        let others = match schema.get("additionalProperties") {
            Some(Value::Bool(false)) => None,
            Some(others @ Value::Object(_)) => Some(self.shape(others, depth + 1)),
            // Our nodes' types are closed: a field that they do not name is a mistake.
            _ if properties.is_some() => None,
            _ => Some(Shape::Any),
        };
        if properties.is_none() && others == Some(Shape::Any) {
            return None;
        }
        let required = schema.get("required").and_then(Value::as_array);
        let named = properties
            .into_iter()
            .flatten()
            .map(|(name, schema)| {
                let always = required.is_some_and(|names| names.iter().any(|n| n == name));
                (name.clone(), (self.shape(schema, depth + 1), always))
            })
            .collect();
        Some(Fields { named, others })
    }
}

/// An alternative with the fields that stand beside `oneOf`.
fn join(shape: Shape, beside: Option<&Fields>) -> Shape {
    match (shape, beside) {
        (Shape::Object(fields), Some(beside)) => {
            let mut joined = Fields::clone(&fields);
            for (name, field) in &beside.named {
                joined
                    .named
                    .entry(name.clone())
                    .or_insert_with(|| field.clone());
            }
            Shape::Object(Arc::new(joined))
        }
        (shape, _) => shape,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn field(name: &str) -> Key {
        Key::Field(name.into())
    }

    #[test]
    fn a_schema_tells_fields_and_decimals() {
        let shape = Shape::of_schema(&json!({
            "type": "object",
            "properties": {
                "total": { "$ref": "#/$defs/Money" },
                "note": { "type": ["string", "null"] },
                "lines": { "type": "array", "items": { "$ref": "#/$defs/Line" } },
            },
            "required": ["total", "lines"],
            "$defs": {
                "Money": { "type": "string", "format": "decimal" },
                "Line": { "type": "object", "properties": { "amount": { "$ref": "#/$defs/Money" } }, "required": ["amount"] },
            },
        }));
        assert_eq!(shape.get(&field("total")), Found::Always(Shape::Decimal));
        assert!(matches!(shape.get(&field("note")), Found::Optional(note) if note.may_be_null()));
        assert_eq!(shape.get(&field("totals")), Found::No);
        let line = shape.get(&field("lines")).into_shape().item();
        assert_eq!(line.get(&field("amount")), Found::Always(Shape::Decimal));
    }

    #[test]
    fn a_field_of_one_variant_is_partial() {
        let shape = Shape::of_schema(&json!({ "oneOf": [
            { "type": "object", "properties": { "kind": { "const": "a" }, "x": { "type": "integer" } }, "required": ["kind", "x"] },
            { "type": "object", "properties": { "kind": { "const": "b" } }, "required": ["kind"] },
        ] }));
        assert_eq!(shape.get(&field("kind")), Found::Always(Shape::Text));
        assert_eq!(shape.get(&field("x")), Found::Partial(Shape::Integer));
    }

    #[test]
    fn a_schema_that_contains_itself_ends() {
        let shape = Shape::of_schema(&json!({
            "type": "object",
            "properties": { "child": { "$ref": "#" } },
        }));
        assert!(matches!(shape.get(&field("child")), Found::Optional(_)));
    }
}
