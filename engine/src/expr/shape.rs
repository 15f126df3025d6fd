//! What a JSON Schema says of a value, compiled once: which fields there are,
//! and which texts are decimals.

use std::collections::BTreeMap;
use std::sync::Arc;

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
