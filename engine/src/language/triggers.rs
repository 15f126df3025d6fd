//! `triggers` and `concurrency`: checked whole, though they do not act yet.

use super::diagnostic::Report;
use super::fields::{Fields, check_id, is_id, map, one_of, text, texts};
use super::scope::{Env, Here, check_paths};
use super::values::{Names, Placed, condition, template};
use super::yaml::{Entry, Mark, Node, Yaml};
use crate::expr::Sandbox;
use crate::graph::Inputs;
use crate::text;
use crate::text::Text;

const TRIGGER: &[&str] = &[
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
const WEBHOOK: &[&str] = &["path", "methods", "auth", "answer"];
const SCHEDULE: &[&str] = &["cron", "timezone", "missed", "overlap"];
const CONCURRENCY: &[&str] = &["key", "limit", "policy", "hold"];
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
const POLICIES: [(&str, ()); 4] = [("queue", ()), ("drop", ()), ("replace", ()), ("latest", ())];
const MISSED: [(&str, ()); 3] = [("skip", ()), ("run_once", ()), ("catch_up", ())];
const ANSWERS: [(&str, ()); 3] = [("accepted", ()), ("outputs", ()), ("respond", ())];

/// Checks `triggers`.
pub(super) fn triggers(
    report: &mut Report<'_>,
    sandbox: &Sandbox,
    env: &Env<'_>,
    inputs: &Inputs,
    entry: &Entry,
) {
    report.note(
        "workflow.not_acting_yet",
        entry.at,
        text!("`triggers` are checked, but do not start runs yet"),
        text!("start a run with `copro run`"),
    );
    for trigger in map(report, &entry.value, Text::name("triggers")).unwrap_or(&[]) {
        check_id(report, &trigger.key, trigger.at, text!("a trigger"));
        let place = text!("trigger `{trigger}`", trigger = &trigger.key);
        if let Some(fields) = Fields::read(report, &trigger.value, place.clone(), TRIGGER, &[]) {
            kind(report, &fields, trigger.at, &place);
            expressions(report, sandbox, env, inputs, &fields, trigger.at);
        }
    }
}

/// Checks `concurrency` of a workflow.
pub(super) fn concurrency(
    report: &mut Report<'_>,
    sandbox: &Sandbox,
    env: &Env<'_>,
    entry: &Entry,
) {
    report.note(
        "workflow.not_acting_yet",
        entry.at,
        text!("`concurrency` is checked, but holds nothing back yet"),
        text!("do not count on it yet"),
    );
    let place = Text::name("concurrency");
    let Some(fields) = Fields::read(report, &entry.value, place, CONCURRENCY, &[]) else {
        return;
    };
    if let Some(key) = fields.need(report, entry.at, "key") {
        let mut placed = Vec::new();
        template(
            report,
            Names {
                sandbox,
                items: &[],
            },
            key,
            &mut placed,
        );
        check_paths(report, env, Here::START, &placed);
    }
    fields.count(report, "limit");
    fields.choice(report, "policy", &POLICIES);
    fields.boolean(report, "hold");
}

fn kind(report: &mut Report<'_>, fields: &Fields<'_>, at: Mark, place: &Text) {
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
    if let Some(node) = fields.get("webhook") {
        webhook(report, node);
    }
    if let Some(node) = fields.get("schedule") {
        match &node.value {
            Yaml::Map(_) => {
                if let Some(inner) =
                    Fields::read(report, node, Text::name("schedule"), SCHEDULE, &[])
                {
                    if let Some(node) = inner.need(report, node.at, "cron") {
                        cron(report, node);
                    }
                    schedule(report, &inner);
                }
            }
            _ => cron(report, node),
        }
        schedule(report, fields);
    }
    if let Some(node) = fields.get("event")
        && let Some(name) = text(report, node, Text::name("event"))
        && !name.value.split('.').all(is_id)
    {
        report.error(
            "workflow.bad_id",
            name.at,
            text!("`{name}` is no name of an event", name = name.value),
            text!("write words of a-z, 0-9 and _ with dots between: bank.synced"),
        );
    }
    if let Some(node) = fields.get("failure_of") {
        texts(report, node, Text::name("failure_of"));
    }
}

fn schedule(report: &mut Report<'_>, fields: &Fields<'_>) {
    if let Some(zone) = fields.text(report, "timezone")
        && !zone.value.split('/').all(|part| {
            part.starts_with(|c: char| c.is_ascii_alphabetic())
                && part
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "_+-".contains(c))
        })
    {
        report.error(
            "workflow.unknown_value",
            zone.at,
            text!("`{value}` is no time zone", value = zone.value),
            text!("write its name: Europe/Paris"),
        );
    }
    fields.choice(report, "missed", &MISSED);
    fields.choice(report, "overlap", &POLICIES);
}

fn cron(report: &mut Report<'_>, node: &Node) {
    let Some(cron) = text(report, node, Text::name("schedule")) else {
        return;
    };
    let fields: Vec<&str> = cron.value.split_whitespace().collect();
    let valid = |field: &&str| {
        field
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "*/,-".contains(c))
    };
    if fields.len() != 5 || !fields.iter().all(valid) {
        report.error(
            "workflow.bad_schedule",
            cron.at,
            text!("`{value}` is no schedule", value = cron.value),
            text!("write five fields: minute hour day month weekday, such as '0 6 * * 1-5'"),
        );
    }
}

fn webhook(report: &mut Report<'_>, node: &Node) {
    let Some(fields) = Fields::read(report, node, Text::name("webhook"), WEBHOOK, &[]) else {
        return;
    };
    if fields.need(report, node.at, "path").is_some()
        && let Some(path) = fields.text(report, "path")
        && (!path.value.starts_with('/') || path.value.contains([' ', '?', '#']))
    {
        report.error(
            "workflow.unknown_value",
            path.at,
            text!("`{value}` is no path", value = path.value),
            text!("start it with `/`: /bank/notify"),
        );
    }
    if let Some(node) = fields.get("methods") {
        for method in texts(report, node, Text::name("methods")) {
            if !METHODS.contains(&method.value) {
                report.error(
                    "workflow.unknown_value",
                    method.at,
                    text!("`{value}` is no method", value = method.value),
                    one_of(METHODS.into_iter()),
                );
            }
        }
    }
    if let Some(auth) = fields.get("auth")
        && !matches!(auth.value, Yaml::Text(_) | Yaml::Map(_) | Yaml::Cut)
    {
        report.wrong_type(
            auth.at,
            Text::name("auth"),
            auth.kind(),
            text!("a scheme's name, or its fields"),
        );
    }
    fields.choice(report, "answer", &ANSWERS);
}

fn expressions(
    report: &mut Report<'_>,
    sandbox: &Sandbox,
    env: &Env<'_>,
    inputs: &Inputs,
    fields: &Fields<'_>,
    at: Mark,
) {
    let names = Names {
        sandbox,
        items: &[],
    };
    let mut placed: Vec<Placed<'_>> = Vec::new();
    let start = fields.get("start");
    let given = start
        .and_then(|node| map(report, node, Text::name("start")))
        .unwrap_or(&[]);
    let known: Vec<&str> = inputs
        .fields
        .iter()
        .map(|input| input.name.as_str())
        .collect();
    for entry in given {
        if !known.contains(&entry.key.as_str()) {
            let fix = match crate::nearest::nearest(&entry.key, known.iter().copied()) {
                Some(near) => text!("did you mean `{near}`?", near),
                None => text!("declare it under `inputs`"),
            };
            let message = text!("the workflow has no input `{input}`", input = &entry.key);
            report.error("workflow.unknown_input", entry.at, message, fix);
        }
        template(report, names, &entry.value, &mut placed);
    }
    for input in &inputs.fields {
        let missing = input.required && input.default.is_none();
        if missing && !given.iter().any(|entry| entry.key == input.name) {
            report.error(
                "workflow.missing_input",
                start.map_or(at, |node| node.at),
                text!(
                    "the trigger does not give the required input `{input}`",
                    input = &input.name
                ),
                text!("add `{input}` under `start`", input = &input.name),
            );
        }
    }
    if let Some(node) = fields.get("filter") {
        condition(report, names, node, &Text::name("filter"), &mut placed);
    }
    if let Some(node) = fields.get("dedup") {
        condition(report, names, node, &Text::name("dedup"), &mut placed);
    }
    fields.duration(report, "dedup_for");
    check_paths(report, env, Here::TRIGGER, &placed);
}
