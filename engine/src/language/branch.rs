//! Switches: steps that choose one of their cases.

use super::diagnostic::Report;
use super::document::StepDoc;
use super::fields::check_id;
use super::schema_at::SchemaAt;
use super::yaml::{Entry, Node, Yaml};
use crate::expr::Shape;
use crate::node::Registered;
use crate::text;

/// The cases that a step may choose.
pub(super) struct Branches<'n> {
    /// In file order, `default` last.
    pub names: Vec<&'n str>,
    /// Whether one is always chosen.
    pub always: bool,
}

/// The cases of a step whose node chooses one; checks their names.
pub(super) fn branches<'n>(
    report: &mut Report<'_>,
    node: &Registered,
    doc: &StepDoc<'n>,
) -> Option<Branches<'n>> {
    let field = SchemaAt::root(&node.config).cases_field()?;
    let with = match doc.with.map(|with| &with.value) {
        Some(Yaml::Map(entries)) => entries.as_slice(),
        _ => &[],
    };
    let find = |name: &str| with.iter().find(|entry| entry.key == name);
    let cases: &[Entry] = match find(field).map(|entry| &entry.value.value) {
        Some(Yaml::Map(cases)) => cases,
        _ => &[],
    };
    for case in cases {
        check_id(report, &case.key, case.at, text!("a case"));
    }
    let mut names: Vec<_> = cases.iter().map(|case| case.key.as_str()).collect();
    let default = find("default").map(|entry| &entry.value);
    if let Some(Node { value, at, .. }) = default
        && let Yaml::Text(name) = value
    {
        check_id(report, name, *at, text!("a case"));
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    Some(Branches {
        names,
        always: default.is_some_and(|node| !matches!(node.value, Yaml::Null)),
    })
}

impl Branches<'_> {
    /// What later steps read.
    pub fn shape(&self) -> Shape {
        let case = match self.always {
            true => Shape::Text,
            false => Shape::one_of([Shape::Text, Shape::Null]),
        };
        Shape::object([("case".to_owned(), case)])
    }
}
