//! Steps with their expressions compiled and their nodes found: what the graph is made from.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::branch::{Branches, branches};
use super::config;
use super::diagnostic::Report;
use super::document::{LoopDoc, StepDoc};
use super::fields::check_id;
use super::schema_at::SchemaAt;
use super::values::{self, Found, Names, Placed, Test, condition, template};
use super::yaml::Mark;
use crate::expr::{Expression, Sandbox, Template};
use crate::node::{Registered, Registry};
use crate::text;
use crate::text::Text;

/// A step on its way into the graph.
pub(super) struct Draft<'n> {
    pub doc: &'n StepDoc<'n>,
    pub node: Option<Registered>,
    pub with: Compiled<'n, Template>,
    /// The conditions inside `with`.
    pub tests: Vec<Test<'n>>,
    /// The cases that its node chooses one of.
    pub branches: Option<Branches<'n>>,
    pub condition: Compiled<'n, Option<Expression>>,
    pub items: Option<Compiled<'n, Template>>,
    pub retry_if: Compiled<'n, Option<Expression>>,
    pub rate_key: Compiled<'n, Option<Template>>,
    pub until: Compiled<'n, Option<Expression>>,
    pub key: Compiled<'n, Option<Template>>,
    pub body: Option<Vec<Draft<'n>>>,
    /// What undoes it.
    pub compensate: Option<Box<Draft<'n>>>,
}

/// A compiled value and the expressions inside, with their places.
pub(super) struct Compiled<'n, T> {
    pub value: T,
    pub placed: Vec<Placed<'n>>,
}

impl Draft<'_> {
    /// The expressions of this very step.
    pub fn own(&self) -> impl Iterator<Item = &Placed<'_>> {
        self.outside()
            .chain(self.inside())
            .chain(&self.until.placed)
    }

    /// Those that are evaluated once for the whole step.
    pub fn outside(&self) -> impl Iterator<Item = &Placed<'_>> {
        let items = self.items.iter().flat_map(|items| &items.placed);
        self.condition.placed.iter().chain(items)
    }

    /// Those that are evaluated for each attempt.
    pub fn inside(&self) -> impl Iterator<Item = &Placed<'_>> {
        (self.with.placed.iter())
            .chain(&self.retry_if.placed)
            .chain(&self.rate_key.placed)
            .chain(&self.key.placed)
            .chain(self.tests.iter().map(|test| &test.placed))
    }

    /// The name of the secret that its node is given.
    pub fn credential(&self) -> Option<Arc<str>> {
        self.doc.credential.as_ref().map(|name| name.value.into())
    }

    /// The conditions inside `with`, by their text.
    pub fn conditions(&self) -> Arc<BTreeMap<String, Expression>> {
        let of = |test: &Test<'_>| {
            let expression = &test.placed.expression;
            (expression.source().to_owned(), expression.clone())
        };
        Arc::new(self.tests.iter().map(of).collect())
    }

    /// The steps that it reads, those read inside its body included.
    pub fn reads(&self, found: &mut Vec<String>) {
        for placed in self.own() {
            found.extend(steps_of(&placed.expression).map(|(id, _)| id.to_owned()));
        }
        for inner in self.body.iter().flatten() {
            inner.reads(found);
            found.extend(inner.doc.needs.iter().map(|need| need.value.to_owned()));
        }
    }
}

/// The steps that an expression reads, with the byte where it does.
pub(super) fn steps_of(expression: &Expression) -> impl Iterator<Item = (&str, usize)> {
    expression.paths().iter().flat_map(|path| {
        let inner = path.inner_paths().into_iter();
        std::iter::once(path).chain(inner).filter_map(|path| {
            let (id, _) = path.step().or_else(|| path.step_record())?;
            Some((id, path.offset))
        })
    })
}

/// The item's name when the file gives none.
pub(super) fn item_name(doc: &LoopDoc<'_>) -> Arc<str> {
    doc.as_name
        .as_ref()
        .map_or("item", |name| name.value)
        .into()
}

/// Compiles a level's steps; `items` are the names of the loops around.
pub(super) fn drafts<'n>(
    report: &mut Report<'_>,
    sandbox: &Sandbox,
    registry: &Registry,
    steps: &'n [StepDoc<'n>],
    items: &[Arc<str>],
) -> Vec<Draft<'n>> {
    steps
        .iter()
        .map(|doc| draft(report, sandbox, registry, doc, items))
        .collect()
}

fn draft<'n>(
    report: &mut Report<'_>,
    sandbox: &Sandbox,
    registry: &Registry,
    doc: &'n StepDoc<'n>,
    items: &[Arc<str>],
) -> Draft<'n> {
    let outside = Names { sandbox, items };
    let mut inner_items = items.to_vec();
    if let Some(for_each) = &doc.for_each {
        let name = item_name(for_each);
        match &for_each.as_name {
            None if !items.is_empty() => report.error(
                "workflow.needs_as",
                for_each.at,
                text!(
                    "loop `{step}` stands inside another: its item needs a name",
                    step = doc.id
                ),
                text!("add `as: name`"),
            ),
            Some(as_name) if items.contains(&name) => report.error(
                "workflow.duplicate_id",
                as_name.at,
                text!(
                    "a loop around this one calls its item `{name}` already",
                    name = &name
                ),
                text!("choose another name"),
            ),
            _ => {}
        }
        inner_items.push(name);
    }
    let inside = Names {
        sandbox,
        items: &inner_items,
    };
    let node = find_node(report, registry, doc);
    if let Some(node) = &node {
        config::check(report, node, doc.with, doc.at);
    }
    check_credential(report, node.as_ref(), doc);
    let branches = node.as_ref().and_then(|node| branches(report, node, doc));
    let mut found = Found::default();
    let schema = node.as_ref().map(|node| SchemaAt::root(&node.config));
    let with_value = match doc.with {
        Some(with) => values::config(report, inside, with, schema, &mut found),
        None => Template::Literal(Arc::new(serde_json::json!({}))),
    };
    let mut condition_placed = Vec::new();
    let condition_value = doc.condition.and_then(|node| {
        condition(
            report,
            outside,
            node,
            &Text::name("if"),
            &mut condition_placed,
        )
    });
    let mut retry_placed = Vec::new();
    let retry_value = doc
        .retry
        .as_ref()
        .and_then(|retry| retry.condition)
        .and_then(|node| {
            condition(
                report,
                inside,
                node,
                &Text::name("retry.if"),
                &mut retry_placed,
            )
        });
    let mut rate_key = Compiled {
        value: None,
        placed: Vec::new(),
    };
    if let Some(node) = doc.rate_limit.as_ref().and_then(|rate| rate.key) {
        rate_key.value = Some(template(report, inside, node, &mut rate_key.placed));
    }
    let mut until_placed = Vec::new();
    let until_value = doc
        .repeat
        .as_ref()
        .and_then(|repeat| repeat.until)
        .and_then(|node| {
            condition(
                report,
                inside,
                node,
                &Text::name("until"),
                &mut until_placed,
            )
        });
    let mut key_placed = Vec::new();
    let key_value = doc
        .idempotency_key
        .map(|node| template(report, inside, node, &mut key_placed));
    let list = doc.for_each.as_ref().map(|for_each| {
        let mut placed = Vec::new();
        let value = template(report, outside, for_each.items, &mut placed);
        Compiled { value, placed }
    });
    Draft {
        doc,
        node,
        with: Compiled {
            value: with_value,
            placed: found.placed,
        },
        tests: found.tests,
        branches,
        condition: Compiled {
            value: condition_value,
            placed: condition_placed,
        },
        items: list,
        rate_key,
        retry_if: Compiled {
            value: retry_value,
            placed: retry_placed,
        },
        until: Compiled {
            value: until_value,
            placed: until_placed,
        },
        key: Compiled {
            value: key_value,
            placed: key_placed,
        },
        compensate: doc
            .compensate
            .as_ref()
            .map(|undo| Box::new(draft(report, sandbox, registry, undo, &inner_items))),
        body: doc
            .steps
            .as_ref()
            .map(|steps| drafts(report, sandbox, registry, steps, &inner_items)),
    }
}

/// A credential is given to a node that takes one.
fn check_credential(report: &mut Report<'_>, node: Option<&Registered>, doc: &StepDoc<'_>) {
    let Some(name) = &doc.credential else { return };
    check_id(report, name.value, name.at, text!("a credential"));
    match node {
        Some(node) if !node.spec.takes_credential => report.error(
            "workflow.conflict",
            name.at,
            text!("`{node}` takes no credential", node = node.spec.name),
            text!("take `credential` away"),
        ),
        None if doc.steps.is_some() => report.error(
            "workflow.conflict",
            name.at,
            text!("a loop that runs steps takes no credential"),
            text!("move it to the steps inside"),
        ),
        _ => {}
    }
}

fn find_node(
    report: &mut Report<'_>,
    registry: &Registry,
    doc: &StepDoc<'_>,
) -> Option<Registered> {
    let uses = doc.uses.as_ref()?;
    let (name, version) = match uses.value.split_once('@') {
        None => (uses.value, Some(1)),
        Some((name, version)) => (name, version.parse::<u32>().ok()),
    };
    let found = version.and_then(|version| registry.get(name, version));
    if found.is_none() {
        unknown_node(report, registry, uses.value, name, uses.at);
    }
    found.cloned()
}

fn unknown_node(report: &mut Report<'_>, registry: &Registry, uses: &str, name: &str, at: Mark) {
    let versions: Vec<_> = registry
        .iter()
        .filter(|node| node.spec.name == name)
        .map(|node| node.spec.version)
        .collect();
    let names = registry.iter().map(|node| node.spec.name);
    let numbers: Vec<_> = versions.iter().map(ToString::to_string).collect();
    let fix = match (versions.last(), crate::nearest::nearest(name, names)) {
        (Some(1), _) => text!("its version is 1: write `{node}`", node = name),
        (Some(last), _) if numbers.len() == 1 => text!(
            "its only version is {last}: write `{node}@{last}`",
            node = name,
            last = *last
        ),
        (Some(last), _) => text!(
            "its versions are {versions}: write `{node}@{last}` for the last one",
            versions = numbers.join(", "),
            node = name,
            last = *last
        ),
        (None, Some(near)) => text!("did you mean `{near}`?", near),
        (None, None) => text!("see the list of nodes"),
    };
    report.error(
        "workflow.unknown_node",
        at,
        text!("there is no node `{node}`", node = uses),
        fix,
    );
}
