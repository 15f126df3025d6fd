//! From YAML values to templates: every expression compiled, or told where it is wrong.

use std::sync::Arc;

use serde_json::Value;

use super::diagnostic::Report;
use super::schema_at::SchemaAt;
use super::yaml::{self, Mark, Node, Yaml};
use crate::expr::{CompileError, Expression, Part, Piece, Sandbox, Template, Unclosed, pieces};
use crate::text;
use crate::text::Text;

/// An expression and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Placed<'n> {
    pub expression: Expression,
    node: &'n Node,
    offset: usize,
}

impl Placed<'_> {
    /// Where a byte of the expression stands in the file.
    pub fn mark(&self, source: &str, byte: usize) -> Mark {
        self.node.position(source, self.offset + byte)
    }
}

/// What compiling needs to know.
#[derive(Clone, Copy)]
pub(super) struct Names<'a> {
    pub sandbox: &'a Sandbox,
    /// The items of the loops around.
    pub items: &'a [Arc<str>],
}

/// What compiling a config leaves behind.
#[derive(Default)]
pub(super) struct Found<'n> {
    /// Expressions evaluated before the attempt.
    pub placed: Vec<Placed<'n>>,
    /// Conditions, which the node evaluates itself.
    pub tests: Vec<Test<'n>>,
}

/// A condition inside a config.
pub(super) struct Test<'n> {
    pub placed: Placed<'n>,
    /// What it sees besides what its step sees: `event`.
    pub extra: Vec<String>,
}

/// Compiles a value; its expressions are added to `placed`.
pub(super) fn template<'n>(
    report: &mut Report<'_>,
    names: Names<'_>,
    node: &'n Node,
    placed: &mut Vec<Placed<'n>>,
) -> Template {
    let mut found = Found::default();
    let template = config(report, names, node, None, &mut found);
    placed.append(&mut found.placed);
    template
}

/// Compiles a node's config: its fields that are conditions stay texts.
pub(super) fn config<'n>(
    report: &mut Report<'_>,
    names: Names<'_>,
    node: &'n Node,
    schema: Option<SchemaAt<'_>>,
    found: &mut Found<'n>,
) -> Template {
    if let Some(schema) = schema
        && schema.is_condition()
    {
        return test(report, names, node, schema, found);
    }
    match &node.value {
        Yaml::Text(text) => text_template(report, names, node, text, &mut found.placed),
        Yaml::List(items) => {
            let schema = schema.and_then(SchemaAt::item);
            let items: Vec<_> = items
                .iter()
                .map(|item| config(report, names, item, schema, found))
                .collect();
            match literals(items.iter()) {
                Some(values) => Template::Literal(Arc::new(Value::Array(values))),
                None => Template::List(items.into()),
            }
        }
        Yaml::Map(entries) => {
            let fields: Vec<_> = entries
                .iter()
                .map(|entry| {
                    if entry.key.contains("${{") {
                        report.error(
                            "expression.in_key",
                            entry.at,
                            text!("a key holds no expression"),
                            text!(
                                "build the object inside one expression: {example}",
                                example = "${{ #{ … } }}"
                            ),
                        );
                    }
                    let schema = schema.and_then(|schema| schema.field(&entry.key));
                    let field = config(report, names, &entry.value, schema, found);
                    (entry.key.clone(), field)
                })
                .collect();
            if schema.is_some_and(SchemaAt::are_cases) {
                return in_order(fields);
            }
            match literals(fields.iter().map(|(_, field)| field)) {
                Some(values) => {
                    let names = fields.into_iter().map(|(name, _)| name);
                    Template::Literal(Arc::new(Value::Object(names.zip(values).collect())))
                }
                None => Template::Map(fields.into()),
            }
        }
        _ => Template::Literal(Arc::new(node.to_json())),
    }
}

/// Fields as a list of objects with one field each: JSON objects have no order.
fn in_order(fields: Vec<(String, Template)>) -> Template {
    let one = |(name, field): (String, Template)| match field {
        Template::Literal(value) => {
            Template::Literal(Arc::new(serde_json::json!({ name: &*value })))
        }
        field => Template::Map([(name, field)].into()),
    };
    let items: Vec<_> = fields.into_iter().map(one).collect();
    match literals(items.iter()) {
        Some(values) => Template::Literal(Arc::new(Value::Array(values))),
        None => Template::List(items.into()),
    }
}

/// A condition of a config: its text, without `${{ }}`.
fn test<'n>(
    report: &mut Report<'_>,
    names: Names<'_>,
    node: &'n Node,
    schema: SchemaAt<'_>,
    found: &mut Found<'n>,
) -> Template {
    // Anything else is absent, or told with the rest of the config.
    if !matches!(node.value, Yaml::Text(_) | Yaml::Bool(_)) {
        return Template::Literal(Arc::new(Value::Null));
    }
    let mut placed = Vec::new();
    let compiled = condition(report, names, node, &text!("a condition"), &mut placed);
    let extra = schema.extra_names();
    found.tests.extend(placed.into_iter().map(|placed| Test {
        placed,
        extra: extra.clone(),
    }));
    let text = compiled.map(|compiled| Value::String(compiled.source().to_owned()));
    Template::Literal(Arc::new(text.unwrap_or_default()))
}

fn literals<'t>(templates: impl Iterator<Item = &'t Template>) -> Option<Vec<Value>> {
    templates
        .map(|template| match template {
            Template::Literal(value) => Some(Value::clone(value)),
            _ => None,
        })
        .collect()
}

fn text_template<'n>(
    report: &mut Report<'_>,
    names: Names<'_>,
    node: &'n Node,
    text: &str,
    placed: &mut Vec<Placed<'n>>,
) -> Template {
    // A block ends in a line break that nobody means.
    let whole = text.strip_suffix('\n').unwrap_or(text);
    let pieces = match pieces(whole) {
        Ok(pieces) => pieces,
        Err(unclosed) => {
            tell_unclosed(report, node, &unclosed);
            return Template::Literal(Arc::new(Value::Null));
        }
    };
    match pieces.as_slice() {
        [Piece::Expression(source, offset)] => {
            match compile(report, names, node, source, *offset, placed) {
                Some(expression) => Template::Expression(expression),
                None => Template::Literal(Arc::new(Value::Null)),
            }
        }
        [Piece::Text(literal)] => {
            let mut literal = literal.clone();
            literal.push_str(&text[whole.len()..]);
            Template::Literal(Arc::new(Value::String(literal)))
        }
        pieces => {
            let mut parts: Vec<_> = pieces
                .iter()
                .filter_map(|piece| match piece {
                    Piece::Text(text) => Some(Part::Text(text.clone())),
                    Piece::Expression(source, offset) => {
                        compile(report, names, node, source, *offset, placed).map(Part::Expression)
                    }
                })
                .collect();
            if whole.len() < text.len() {
                parts.push(Part::Text("\n".to_owned()));
            }
            Template::Text(parts.into())
        }
    }
}

/// Compiles a condition: an expression with or without `${{ }}`.
pub(super) fn condition<'n>(
    report: &mut Report<'_>,
    names: Names<'_>,
    node: &'n Node,
    what: &Text,
    placed: &mut Vec<Placed<'n>>,
) -> Option<Expression> {
    let text = match &node.value {
        Yaml::Text(text) => text.as_str(),
        Yaml::Bool(true) => return Expression::compile(names.sandbox, "true", &[]).ok(),
        Yaml::Bool(false) => return Expression::compile(names.sandbox, "false", &[]).ok(),
        Yaml::Cut => return None,
        _ => {
            report.wrong_type(
                node.at,
                what.clone(),
                node.kind(),
                text!("an expression that gives true or false"),
            );
            return None;
        }
    };
    if !text.contains("${{") {
        return compile(report, names, node, text, 0, placed);
    }
    match pieces(text.trim_end()) {
        Ok(pieces) => match pieces.as_slice() {
            [Piece::Expression(source, offset)] => {
                compile(report, names, node, source, *offset, placed)
            }
            _ => {
                report.error(
                    "expression.not_boolean",
                    node.at,
                    text!(
                        "{what} is a text with an expression inside, never true or false",
                        what
                    ),
                    text!("write one expression: `a && b`"),
                );
                None
            }
        },
        Err(unclosed) => {
            tell_unclosed(report, node, &unclosed);
            None
        }
    }
}

fn compile<'n>(
    report: &mut Report<'_>,
    names: Names<'_>,
    node: &'n Node,
    source: &str,
    offset: usize,
    placed: &mut Vec<Placed<'n>>,
) -> Option<Expression> {
    match Expression::compile(names.sandbox, source, names.items) {
        Ok(expression) => {
            placed.push(Placed {
                expression: expression.clone(),
                node,
                offset,
            });
            Some(expression)
        }
        Err(CompileError {
            message,
            fix,
            offset: inside,
        }) => {
            let at = node.position(report.source, offset + inside);
            report.error("expression.syntax", at, message, fix);
            None
        }
    }
}

fn tell_unclosed(report: &mut Report<'_>, node: &Node, unclosed: &Unclosed) {
    let at = node.position(report.source, unclosed.offset);
    if node.is_cut_by_comment(report.source) {
        report.fault(yaml::cut(at));
        return;
    }
    match &unclosed.error {
        Some(error) => {
            let at = node.position(report.source, error.offset);
            report.error(
                "expression.syntax",
                at,
                error.message.clone(),
                error.fix.clone(),
            );
        }
        None => report.error(
            "expression.unclosed",
            at,
            text!("`{open}` has no `{close}`", open = "${{", close = "}}"),
            text!(
                "close it with `{close}`; a literal `{open}` is written `{literal}`",
                open = "${{",
                close = "}}",
                literal = "$${{"
            ),
        ),
    }
}

/// The value as written, null where an expression stands, and the JSON
/// pointers of those places.
pub(super) fn outline(node: &Node) -> (Value, Vec<String>) {
    let mut unknown = Vec::new();
    let value = outline_at(node, &mut String::new(), &mut unknown);
    (value, unknown)
}

fn outline_at(node: &Node, pointer: &mut String, unknown: &mut Vec<String>) -> Value {
    let length = pointer.len();
    match &node.value {
        Yaml::Text(text) => match pieces(text).as_deref() {
            Ok([Piece::Text(literal)]) => Value::String(literal.clone()),
            _ => {
                unknown.push(pointer.clone());
                Value::Null
            }
        },
        Yaml::Cut => {
            unknown.push(pointer.clone());
            Value::Null
        }
        Yaml::List(items) => {
            let mut values = Vec::with_capacity(items.len());
            for (place, item) in items.iter().enumerate() {
                pointer.push_str(&format!("/{place}"));
                values.push(outline_at(item, pointer, unknown));
                pointer.truncate(length);
            }
            Value::Array(values)
        }
        Yaml::Map(entries) => {
            let mut values = serde_json::Map::new();
            for entry in entries {
                pointer.push('/');
                pointer.push_str(&entry.key.replace('~', "~0").replace('/', "~1"));
                values.insert(
                    entry.key.clone(),
                    outline_at(&entry.value, pointer, unknown),
                );
                pointer.truncate(length);
            }
            Value::Object(values)
        }
        _ => node.to_json(),
    }
}
