//! `triggers`: what starts runs by itself.

mod schedule;
mod webhook;

pub(super) use webhook::check_answers;

use super::diagnostic::Report;
use super::fields::{At, Fields, check_id, is_id, map, text, texts};
use super::scope::{Env, Here, check_paths};
use super::values::{Names, Placed, condition, template};
use super::yaml::{Entry, Mark};
use crate::expr::{Sandbox, Template};
use crate::graph::{Inputs, Trigger, TriggerKind};
use crate::text;
use crate::text::Text;

pub(super) const TRIGGER: &[&str] = &[
    "webhook",
    "schedule",
    "event",
    "failure_of",
    "start",
    "filter",
    "dedup",
    "dedup_for",
    "timezone",
    "missed",
    "overlap",
];
const KINDS: [&str; 4] = ["webhook", "schedule", "event", "failure_of"];

/// What stands around a workflow's triggers.
pub(super) struct Around<'a> {
    pub sandbox: &'a Sandbox,
    pub env: &'a Env<'a>,
    pub inputs: &'a Inputs,
    /// The workflow's name, empty when it has none.
    pub workflow: &'a str,
}

/// Reads `triggers`; those with an error are left out.
pub(super) fn triggers(
    report: &mut Report<'_>,
    around: &Around<'_>,
    entry: &Entry,
) -> Vec<Trigger> {
    let mut triggers = Vec::new();
    for entry in map(report, &entry.value, Text::name("triggers")).unwrap_or(&[]) {
        check_id(report, &entry.key, entry.at, text!("a trigger"));
        let place = text!("trigger `{trigger}`", trigger = &entry.key);
        if let Some(fields) = Fields::read(report, &entry.value, place.clone(), TRIGGER, &[]) {
            let kind = kind(report, around, &fields, entry.at, &place);
            let built = expressions(report, around, &fields, entry);
            triggers.extend(kind.map(|kind| Trigger { kind, ..built }));
        }
    }
    triggers
}

fn kind(
    report: &mut Report<'_>,
    around: &Around<'_>,
    fields: &Fields<'_>,
    at: Mark,
    place: &Text,
) -> Option<TriggerKind> {
    let kinds: Vec<_> = KINDS
        .into_iter()
        .filter_map(|kind| fields.entry(kind))
        .collect();
    if kinds.len() != 1 {
        report.error(
            "workflow.trigger_kind",
            kinds.get(1).map_or(at, |second| second.at),
            text!("{place} has {count} kinds", place, count = kinds.len()),
            text!(
                "give exactly one of: {words}",
                words = "webhook, schedule, event, failure_of"
            ),
        );
    }
    let scheduled = fields.get("schedule").is_some();
    for name in ["timezone", "missed", "overlap"] {
        if let (false, Some(entry)) = (scheduled, fields.entry(name)) {
            report.error(
                "workflow.conflict",
                entry.at,
                text!("`{field}` belongs to a schedule", field = name),
                text!("take `{field}` away", field = name),
            );
        }
    }
    let mut found = None;
    if let Some(node) = fields.get("webhook") {
        found = webhook::webhook(report, node).map(TriggerKind::Webhook);
    }
    if let Some(node) = fields.get("schedule") {
        found = schedule::schedule(report, node, fields).map(TriggerKind::Schedule);
    }
    if let Some(node) = fields.get("event") {
        found = text(report, node, Text::name("event")).map(|name| {
            check_event(report, &name);
            TriggerKind::Event(name.value.to_owned())
        });
    }
    if let Some(node) = fields.get("failure_of") {
        let workflows = texts(report, node, Text::name("failure_of"));
        for workflow in &workflows {
            if workflow.value == around.workflow {
                report.error(
                    "workflow.own_failure",
                    workflow.at,
                    text!("a workflow that starts at its own failure would fail for ever"),
                    text!("handle it inside: `on_error`, or another workflow"),
                );
            }
        }
        let names = workflows.iter().map(|name| name.value.to_owned());
        found = Some(TriggerKind::FailureOf(names.collect()));
    }
    found
}

/// Names of events: words with dots between.
pub(super) fn check_event(report: &mut Report<'_>, name: &At<&str>) {
    if !name.value.split('.').all(is_id) {
        report.error(
            "workflow.bad_id",
            name.at,
            text!("`{name}` is no name of an event", name = name.value),
            text!("write words of a-z, 0-9 and _ with dots between: bank.synced"),
        );
    }
}

/// The trigger but for its kind, which is filled in by who knows it.
fn expressions(
    report: &mut Report<'_>,
    around: &Around<'_>,
    fields: &Fields<'_>,
    entry: &Entry,
) -> Trigger {
    let names = Names {
        sandbox: around.sandbox,
        items: &[],
    };
    let mut placed: Vec<Placed<'_>> = Vec::new();
    let start = fields.get("start");
    let given = start
        .and_then(|node| map(report, node, Text::name("start")))
        .unwrap_or(&[]);
    let known: Vec<&str> = around
        .inputs
        .fields
        .iter()
        .map(|input| input.name.as_str())
        .collect();
    let mut values = Vec::with_capacity(given.len());
    for entry in given {
        if !known.contains(&entry.key.as_str()) {
            let fix = match crate::nearest::nearest(&entry.key, known.iter().copied()) {
                Some(near) => text!("did you mean `{near}`?", near),
                None => text!("declare it under `inputs`"),
            };
            let message = text!("the workflow has no input `{input}`", input = &entry.key);
            report.error("workflow.unknown_input", entry.at, message, fix);
        }
        let value = template(report, names, &entry.value, &mut placed);
        values.push((entry.key.clone(), value));
    }
    for input in &around.inputs.fields {
        let missing = input.required && input.default.is_none();
        if missing && !given.iter().any(|entry| entry.key == input.name) {
            report.error(
                "workflow.missing_input",
                start.map_or(entry.at, |node| node.at),
                text!(
                    "the trigger does not give the required input `{input}`",
                    input = &input.name
                ),
                text!("add `{input}` under `start`", input = &input.name),
            );
        }
    }
    let filter = fields
        .get("filter")
        .and_then(|node| condition(report, names, node, &Text::name("filter"), &mut placed));
    let dedup = fields
        .get("dedup")
        .and_then(|node| condition(report, names, node, &Text::name("dedup"), &mut placed));
    let dedup_for = fields.duration(report, "dedup_for");
    check_paths(report, around.env, Here::TRIGGER, &placed);
    Trigger {
        name: entry.key.clone(),
        kind: TriggerKind::FailureOf(Vec::new()),
        start: Template::Map(values.into()),
        filter,
        dedup,
        dedup_for: dedup_for.unwrap_or(Trigger::DEDUP_FOR),
    }
}
