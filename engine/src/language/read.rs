//! From YAML to a document: fields, their types, and words not built yet.

use std::num::{NonZeroU32, NonZeroUsize};

use rust_decimal::Decimal;

use super::control;
use super::diagnostic::Report;
use super::document::{Document, LoopDoc, OnErrorDoc, RetryDoc, StepDoc};
use super::fields::{At, Fields, check_id, map, text, texts};
use super::yaml::{Entry, Mark, Node, Yaml};
use crate::graph::{Backoff, MAX_ATTEMPTS, OnItemError};
use crate::text;
use crate::text::Text;

pub(super) const WORKFLOW: &[&str] = &[
    "name",
    "title",
    "triggers",
    "inputs",
    "concurrency",
    "labels",
    "priority",
    "rate_limit",
    "debounce",
    "budget",
    "retention",
    "cancel_on",
    "timeout",
    "deadline",
    "steps",
    "outputs",
    "on_failure",
    "finally",
];
pub(super) const STEP: &[&str] = &[
    "uses",
    "with",
    "needs",
    "join",
    "cancel_rest",
    "if",
    "for_each",
    "as",
    "concurrency",
    "batch",
    "on_item_error",
    "repeat",
    "steps",
    "retry",
    "timeout",
    "rate_limit",
    "deadline",
    "idempotency_key",
    "credential",
    "on_error",
    "compensate",
];
/// Fields of what undoes a step.
pub(super) const COMPENSATE: &[&str] = &[
    "uses",
    "with",
    "retry",
    "timeout",
    "idempotency_key",
    "credential",
];
pub(super) const RETRY: &[&str] = &[
    "max_attempts",
    "delay",
    "backoff",
    "factor",
    "max_delay",
    "jitter",
    "if",
];
/// Fields that only a loop over a list has.
const LOOP: [&str; 4] = ["as", "concurrency", "batch", "on_item_error"];
/// Items of a loop at once, when the file does not say.
const LOOP_CONCURRENCY: NonZeroUsize = NonZeroUsize::new(1).expect("not zero");

/// Reads a workflow's file.
pub(super) fn document<'n>(report: &mut Report<'_>, root: &'n Node) -> Document<'n> {
    let mut document = Document::default();
    let Some(fields) = Fields::read(report, root, text!("a workflow"), WORKFLOW, &[]) else {
        return document;
    };
    let top = Mark { line: 1, column: 1 };
    if fields.need(report, top, "name").is_some() {
        document.name = fields.text(report, "name");
    }
    if let Some(name) = &document.name {
        check_workflow_name(report, name);
    }
    document.title = fields.text(report, "title").map(|title| title.value);
    document.triggers = fields.entry("triggers");
    document.concurrency = fields.entry("concurrency");
    document.inputs = fields.get("inputs");
    document.priority = fields.get("priority");
    document.rate_limit = super::load::rate_limit(report, fields.entry("rate_limit"));
    document.debounce = fields.entry("debounce");
    document.cancel_on = fields.entry("cancel_on");
    document.budget = super::load::budget(report, fields.entry("budget"));
    document.retention = super::load::retention(report, &fields);
    document.outputs = named(
        report,
        fields.get("outputs"),
        Text::name("outputs"),
        &text!("an output"),
    );
    document.labels = named(
        report,
        fields.get("labels"),
        Text::name("labels"),
        &text!("a label"),
    );
    if let Some(node) = fields.need(report, top, "steps") {
        document.steps = steps(report, node, "steps", text!("a workflow"));
    }
    document.timeout = fields.duration(report, "timeout");
    document.deadline = fields.duration(report, "deadline");
    if let Some(node) = fields.get("on_failure") {
        document.on_failure = steps(report, node, "on_failure", Text::name("on_failure"));
    }
    if let Some(node) = fields.get("finally") {
        document.finally = steps(report, node, "finally", Text::name("finally"));
    }
    document
}

fn check_workflow_name(report: &mut Report<'_>, name: &At<&str>) {
    let parts = name.value.split('-').collect::<Vec<_>>();
    if !parts.iter().all(|part| !part.is_empty())
        || !super::fields::is_id(&name.value.replace('-', "_"))
    {
        report.error(
            "workflow.bad_id",
            name.at,
            text!("`{name}` is no name for a workflow", name = name.value),
            text!("use a-z, 0-9, _ and -, a letter first: bank-reconciliation"),
        );
    }
}

fn named<'n>(
    report: &mut Report<'_>,
    node: Option<&'n Node>,
    place: Text,
    what: &Text,
) -> &'n [Entry] {
    let entries = node
        .and_then(|node| map(report, node, place))
        .unwrap_or(&[]);
    for entry in entries {
        check_id(report, &entry.key, entry.at, what.clone());
    }
    entries
}

fn steps<'n>(report: &mut Report<'_>, node: &'n Node, name: &str, of: Text) -> Vec<StepDoc<'n>> {
    let entries = map(report, node, Text::name(name)).unwrap_or(&[]);
    if entries.is_empty() && !matches!(node.value, Yaml::Cut) {
        report.error(
            "workflow.no_steps",
            node.at,
            text!("{place} has at least one step", place = of),
            text!("add a step under `{field}`", field = name),
        );
    }
    entries
        .iter()
        .filter_map(|entry| step(report, entry))
        .collect()
}

fn step<'n>(report: &mut Report<'_>, entry: &'n Entry) -> Option<StepDoc<'n>> {
    check_id(report, &entry.key, entry.at, text!("a step"));
    let place = text!("step `{step}`", step = &entry.key);
    let fields = Fields::read(report, &entry.value, place.clone(), STEP, &[])?;
    let nested = fields.get("steps");
    let uses = fields.text(report, "uses");
    match (&uses, nested) {
        (None, None) if fields.get("uses").is_none() => report.error(
            "workflow.missing_field",
            entry.at,
            text!("{place} says not what it does", place = &place),
            text!("add `uses: NODE`, or `steps` with `for_each` or `repeat`"),
        ),
        (Some(uses), Some(_)) => report.error(
            "workflow.conflict",
            uses.at,
            text!("{place} has both `uses` and `steps`", place = &place),
            text!("keep one: a loop does one node or several steps"),
        ),
        _ => {}
    }
    let for_each = read_loop(report, &fields, &place);
    let repeat = fields.entry("repeat");
    if let (Some(_), Some(repeat)) = (fields.entry("for_each"), repeat) {
        report.error(
            "workflow.conflict",
            repeat.at,
            text!("{place} has both `for_each` and `repeat`", place = &place),
            text!("put the one inside of the other, with `steps`"),
        );
    }
    if for_each.is_none() && fields.get("for_each").is_none() {
        let steps = repeat.is_none().then_some("steps");
        for name in LOOP.into_iter().chain(steps) {
            if let Some(field) = fields.entry(name) {
                report.error(
                    "workflow.conflict",
                    field.at,
                    text!(
                        "`{field}` belongs to a loop, and {place} is none",
                        field = name,
                        place = &place
                    ),
                    text!("add `for_each`, or take `{field}` away", field = name),
                );
            }
        }
    }
    if nested.is_some()
        && let Some(with) = fields.entry("with")
    {
        report.error(
            "workflow.conflict",
            with.at,
            text!("`with` belongs to a node, and this loop runs steps"),
            text!("move it into a step"),
        );
    }
    Some(StepDoc {
        id: &entry.key,
        at: entry.at,
        uses,
        with: fields.get("with"),
        needs: fields
            .get("needs")
            .map(|node| texts(report, node, Text::name("needs")))
            .unwrap_or_default(),
        condition: fields.get("if"),
        steps: nested.map(|node| steps(report, node, "steps", text!("a loop"))),
        retry: fields.get("retry").and_then(|node| retry(report, node)),
        repeat: repeat.and_then(|entry| control::repeat(report, &entry.value)),
        join: control::join(report, &fields, &place),
        timeout: fields.duration(report, "timeout"),
        rate_limit: super::load::rate_limit(report, fields.entry("rate_limit")),
        deadline: fields.duration(report, "deadline"),
        idempotency_key: fields.get("idempotency_key"),
        credential: fields.text(report, "credential"),
        on_error: on_error(report, fields.get("on_error")),
        compensate: fields
            .entry("compensate")
            .and_then(|entry| compensation(report, &fields, entry))
            .map(Box::new),
        for_each,
    })
}

/// What undoes a step.
fn compensation<'n>(
    report: &mut Report<'_>,
    step: &Fields<'n>,
    entry: &'n Entry,
) -> Option<StepDoc<'n>> {
    let nested = step.get("steps").is_some();
    if nested {
        report.error(
            "workflow.conflict",
            entry.at,
            text!("`compensate` undoes what a node did, and this loop runs steps"),
            text!("move it to the steps inside"),
        );
    }
    let place = Text::name("compensate");
    let fields = Fields::read(report, &entry.value, place, COMPENSATE, &[])?;
    fields.need(report, entry.at, "uses");
    Some(StepDoc {
        id: "compensate",
        at: entry.at,
        uses: fields.text(report, "uses"),
        with: fields.get("with"),
        retry: fields.get("retry").and_then(|node| retry(report, node)),
        timeout: fields.duration(report, "timeout"),
        idempotency_key: fields.get("idempotency_key"),
        credential: fields.text(report, "credential"),
        ..StepDoc::default()
    })
    .filter(|_| !nested)
}

fn read_loop<'n>(
    report: &mut Report<'_>,
    fields: &Fields<'n>,
    place: &Text,
) -> Option<LoopDoc<'n>> {
    let as_name = fields.text(report, "as");
    let concurrency = fields.count(report, "concurrency");
    let batch = fields.count(report, "batch");
    let choices = [
        ("fail", OnItemError::Fail),
        ("skip", OnItemError::Skip),
        ("collect", OnItemError::Collect),
    ];
    let on_item_error = fields.choice(report, "on_item_error", &choices);
    let entry = fields.entry("for_each")?;
    if let Some(name) = &as_name {
        check_id(report, name.value, name.at, text!("an item"));
        if crate::expr::ROOTS.contains(&name.value) && name.value != "item" {
            report.error(
                "workflow.bad_id",
                name.at,
                text!(
                    "`{name}` already has a meaning in expressions",
                    name = name.value
                ),
                text!("give the item another name"),
            );
        }
    }
    if matches!(entry.value.value, Yaml::Null) {
        report.wrong_type(
            entry.value.at,
            text!("`for_each` of {place}", place),
            text!("nothing"),
            text!("a list, or an expression that gives one"),
        );
    }
    Some(LoopDoc {
        items: &entry.value,
        at: entry.at,
        as_name,
        concurrency: concurrency.unwrap_or(LOOP_CONCURRENCY),
        batch,
        on_item_error: on_item_error.unwrap_or(OnItemError::Fail),
    })
}

fn retry<'n>(report: &mut Report<'_>, node: &'n Node) -> Option<RetryDoc<'n>> {
    let fields = Fields::read(report, node, Text::name("retry"), RETRY, &[])?;
    let max_attempts = fields.count(report, "max_attempts").and_then(|count| {
        let count = u32::try_from(count.get()).ok().and_then(NonZeroU32::new);
        let fits = count.filter(|count| *count <= MAX_ATTEMPTS);
        if fits.is_none() {
            let at = fields.get("max_attempts").map_or(node.at, |node| node.at);
            report.error(
                "workflow.unknown_value",
                at,
                text!(
                    "`{field}` is more than {most}",
                    field = "max_attempts",
                    most = MAX_ATTEMPTS.get()
                ),
                text!("try less often, and further apart"),
            );
        }
        fits
    });
    let factor = fields.get("factor").and_then(|node| {
        let factor = match &node.value {
            Yaml::Number(number) => number.to_string().parse::<Decimal>().ok(),
            _ => None,
        };
        let fits =
            factor.filter(|factor| *factor >= Decimal::ONE && *factor <= Decimal::ONE_HUNDRED);
        if fits.is_none() {
            let must_be = text!("a number from 1 to 100");
            report.wrong_type(node.at, Text::name("factor"), node.kind(), must_be);
        }
        fits
    });
    let exponential = Backoff::Exponential(factor.unwrap_or(RetryDoc::FACTOR));
    let choices = [
        ("fixed", Backoff::Fixed),
        ("linear", Backoff::Linear),
        ("exponential", exponential),
    ];
    Some(RetryDoc {
        max_attempts: max_attempts.unwrap_or(RetryDoc::MAX_ATTEMPTS),
        delay: fields.duration(report, "delay").unwrap_or(RetryDoc::DELAY),
        backoff: fields
            .choice(report, "backoff", &choices)
            .unwrap_or(exponential),
        max_delay: fields
            .duration(report, "max_delay")
            .unwrap_or(RetryDoc::MAX_DELAY),
        jitter: fields.boolean(report, "jitter").unwrap_or(true),
        condition: fields.get("if"),
    })
}

fn on_error<'n>(report: &mut Report<'_>, node: Option<&'n Node>) -> OnErrorDoc<'n> {
    let Some(node) = node else {
        return OnErrorDoc::Fail;
    };
    match &node.value {
        Yaml::Text(word) if word == "fail" => OnErrorDoc::Fail,
        Yaml::Text(word) if word == "continue" => OnErrorDoc::Continue,
        Yaml::Map(_) => Fields::read(report, node, Text::name("on_error"), &["step"], &[])
            .and_then(|fields| {
                let step = fields.need(report, node.at, "step")?;
                text(report, step, Text::name("step"))
            })
            .map_or(OnErrorDoc::Fail, OnErrorDoc::Step),
        Yaml::Cut => OnErrorDoc::Fail,
        _ => {
            report.error(
                "workflow.unknown_value",
                node.at,
                text!("`on_error` says what a failure becomes"),
                text!("write fail, continue, or { step: x }"),
            );
            OnErrorDoc::Fail
        }
    }
}
