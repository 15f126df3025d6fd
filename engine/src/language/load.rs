//! Keywords of load: how runs share what there is.

use std::num::NonZeroU32;

use rust_decimal::Decimal;
use serde_json::Value;

use super::diagnostic::Report;
use super::document::RateDoc;
use super::fields::{Fields, duration};
use super::scope::{Env, Here, check_paths};
use super::values::{Names, template};
use super::yaml::{Entry, Node, Yaml};
use crate::expr::{Sandbox, Shape, Template};
use crate::graph::{
    Budget, CancelOn, Concurrency, Debounce, HIGHEST_PRIORITY, MOST_PER_SPAN, Policy, RateLimit,
    Retention, priority as as_priority,
};

use crate::text;
use crate::text::Text;

/// The most that `limit` may be.
const MOST_AT_ONCE: u32 = 100_000;

/// Reads `priority`: a whole number, or an expression over the inputs that gives one.
pub(super) fn priority(
    report: &mut Report<'_>,
    sandbox: &Sandbox,
    env: &Env<'_>,
    node: &Node,
) -> Template {
    let value = at_start(report, sandbox, env, node);
    // An expression that does not compile is told, and leaves a null behind.
    let told = matches!(node.value, Yaml::Text(_)) && value.outline().is_null();
    let is_number = match &value {
        Template::Literal(value) => as_priority(value).is_some() || told,
        Template::Expression(expression) => matches!(
            env.shape_of(expression),
            Shape::Any | Shape::Integer | Shape::OneOf(_)
        ),
        Template::Text(_) | Template::List(_) | Template::Map(_) => false,
    };
    if !is_number {
        let most = HIGHEST_PRIORITY;
        let wanted = text!(
            "a whole number from -{most} to {most}, or an expression that gives one",
            most
        );
        report.wrong_type(node.at, Text::name("priority"), node.kind(), wanted);
    }
    value
}

pub(super) const CANCEL_ON: &[&str] = &["event", "key"];

/// Reads `cancel_on`.
pub(super) fn cancel_on(
    report: &mut Report<'_>,
    sandbox: &Sandbox,
    env: &Env<'_>,
    entry: &Entry,
) -> Option<CancelOn> {
    let place = Text::name("cancel_on");
    let fields = Fields::read(report, &entry.value, place, CANCEL_ON, &[])?;
    fields.need(report, entry.at, "event");
    let key = fields
        .get("key")
        .map(|node| key(report, sandbox, env, node));
    let event = fields.text(report, "event")?;
    super::triggers::check_event(report, &event);
    Some(CancelOn {
        event: event.value.to_owned(),
        key,
    })
}

pub(super) const CONCURRENCY: &[&str] = &["key", "limit", "policy", "hold"];
const POLICIES: [(&str, Policy); 4] = [
    ("queue", Policy::Queue),
    ("drop", Policy::Drop),
    ("replace", Policy::Replace),
    ("latest", Policy::Latest),
];

/// Reads `concurrency` of a workflow.
pub(super) fn concurrency(
    report: &mut Report<'_>,
    sandbox: &Sandbox,
    env: &Env<'_>,
    entry: &Entry,
) -> Option<Concurrency> {
    let fields = Fields::read(
        report,
        &entry.value,
        Text::name("concurrency"),
        CONCURRENCY,
        &[],
    )?;
    let key = fields
        .get("key")
        .map(|node| key(report, sandbox, env, node));
    let limit = fields.count(report, "limit");
    if let Some((limit, node)) = limit.zip(fields.get("limit"))
        && limit.get() > MOST_AT_ONCE as usize
    {
        let wanted = text!("a whole number from 1 to {most}", most = MOST_AT_ONCE);
        report.wrong_type(node.at, Text::name("limit"), node.kind(), wanted);
    }
    Some(Concurrency {
        key,
        limit: limit
            .and_then(|limit| u32::try_from(limit.get()).ok())
            .and_then(NonZeroU32::new)
            .unwrap_or(NonZeroU32::MIN),
        policy: fields
            .choice(report, "policy", &POLICIES)
            .unwrap_or(Policy::Queue),
        hold: fields.boolean(report, "hold").unwrap_or(false),
    })
}

pub(super) const RATE_LIMIT: &[&str] = &["key", "limit", "per"];
pub(super) const DEBOUNCE: &[&str] = &["key", "for"];
const RETENTIONS: [(&str, Retention); 2] = [
    ("brief", Retention::Brief),
    ("standard", Retention::Standard),
];

/// Reads `rate_limit`, of a workflow or of a step.
pub(super) fn rate_limit<'n>(
    report: &mut Report<'_>,
    entry: Option<&'n Entry>,
) -> Option<RateDoc<'n>> {
    let entry = entry?;
    let fields = Fields::read(
        report,
        &entry.value,
        Text::name("rate_limit"),
        RATE_LIMIT,
        &[],
    )?;
    fields.need(report, entry.at, "limit");
    fields.need(report, entry.at, "per");
    let limit = fields.count(report, "limit")?;
    let per = fields.duration(report, "per")?;
    let limit = u32::try_from(limit.get()).unwrap_or(u32::MAX);
    if limit > MOST_PER_SPAN {
        report.error(
            "workflow.wrong_type",
            fields.get("limit").map_or(entry.at, |node| node.at),
            text!("`limit` counts up to {most} starts", most = MOST_PER_SPAN),
            text!("write fewer in a shorter time: 100 per 1s instead of 6000 per 1m"),
        );
    }
    Some(RateDoc {
        key: fields.get("key"),
        limit: NonZeroU32::new(limit)?,
        per,
    })
}

/// The `rate_limit` of a workflow: of its starts.
pub(super) fn rate_of_starts(
    report: &mut Report<'_>,
    sandbox: &Sandbox,
    env: &Env<'_>,
    rate: &RateDoc<'_>,
) -> RateLimit {
    RateLimit {
        key: rate.key.map(|node| key(report, sandbox, env, node)),
        limit: rate.limit,
        per: rate.per,
    }
}

pub(super) const BUDGET: &[&str] = &["max_cost", "max_tokens", "max_time"];

/// Reads `budget`: what the paid steps of a run may use.
pub(super) fn budget(report: &mut Report<'_>, entry: Option<&Entry>) -> Budget {
    let Some(entry) = entry else {
        return Budget::default();
    };
    let place = Text::name("budget");
    let Some(fields) = Fields::read(report, &entry.value, place, BUDGET, &[]) else {
        return Budget::default();
    };
    if BUDGET.iter().all(|word| fields.get(word).is_none()) {
        report.error(
            "workflow.missing_field",
            entry.at,
            text!("`budget` limits nothing"),
            text!("write one of: {words}", words = BUDGET.join(", ")),
        );
    }
    Budget {
        max_cost: fields.get("max_cost").and_then(|node| amount(report, node)),
        max_tokens: (fields.count(report, "max_tokens"))
            .and_then(|most| u64::try_from(most.get()).ok()),
        max_time: fields.duration(report, "max_time"),
    }
}

fn amount(report: &mut Report<'_>, node: &Node) -> Option<Decimal> {
    let amount = match &node.value {
        Yaml::Number(number) => number.to_string().parse::<Decimal>().ok(),
        Yaml::Text(text) => text.parse::<Decimal>().ok(),
        _ => None,
    };
    let amount = amount.filter(|amount| amount.is_sign_positive() && !amount.is_zero());
    if amount.is_none() {
        let wanted = text!("an amount above zero: '2.50'");
        report.wrong_type(node.at, Text::name("max_cost"), node.kind(), wanted);
    }
    amount
}

/// Reads `debounce`: a duration, or a key and a duration.
pub(super) fn debounce(
    report: &mut Report<'_>,
    sandbox: &Sandbox,
    env: &Env<'_>,
    entry: &Entry,
) -> Option<Debounce> {
    if let Yaml::Text(text) = &entry.value.value {
        let window = duration(text);
        if window.is_none() {
            report.error(
                "workflow.bad_duration",
                entry.value.at,
                text!(
                    "`{field}`: `{value}` is no duration",
                    field = "debounce",
                    value = text.as_str()
                ),
                text!("write a number and a unit: 500ms, 30s, 5m, 2h, 1d"),
            );
        }
        return Some(Debounce {
            key: None,
            window: window?,
        });
    }
    let fields = Fields::read(report, &entry.value, Text::name("debounce"), DEBOUNCE, &[])?;
    fields.need(report, entry.at, "for");
    let key = fields
        .get("key")
        .map(|node| key(report, sandbox, env, node));
    Some(Debounce {
        key,
        window: fields.duration(report, "for")?,
    })
}

/// Reads `retention`.
pub(super) fn retention(report: &mut Report<'_>, fields: &Fields<'_>) -> Retention {
    let known = fields.choice(report, "retention", &RETENTIONS);
    known.unwrap_or_default()
}

/// Compiles a key: a text or a number that tells what runs have in common.
pub(super) fn key(
    report: &mut Report<'_>,
    sandbox: &Sandbox,
    env: &Env<'_>,
    node: &Node,
) -> Template {
    let value = at_start(report, sandbox, env, node);
    let is_scalar = match &value {
        Template::Literal(value) => !matches!(**value, Value::Array(_) | Value::Object(_)),
        Template::List(_) | Template::Map(_) => false,
        Template::Expression(_) | Template::Text(_) => true,
    };
    if !is_scalar || matches!(node.value, Yaml::Null) {
        report.wrong_type(
            node.at,
            Text::name("key"),
            node.kind(),
            text!("a text or a number"),
        );
    }
    value
}

/// Compiles a value that is told when a run starts: it reads inputs, and no step.
pub(super) fn at_start(
    report: &mut Report<'_>,
    sandbox: &Sandbox,
    env: &Env<'_>,
    node: &Node,
) -> Template {
    let names = Names {
        sandbox,
        items: &[],
    };
    let mut placed = Vec::new();
    let value = template(report, names, node, &mut placed);
    check_paths(report, env, Here::START, &placed);
    value
}

#[cfg(test)]
mod tests {
    use crate::language::check;
    use crate::node::Registry;

    /// What is said of a workflow with these lines, but for its node.
    fn told(lines: &str) -> Vec<String> {
        let registry = Registry::builder().build().unwrap();
        let yaml = format!(
            "name: load\ninputs: {{ n: {{ type: integer }}, t: {{ type: string, required: true }} }}\n{lines}\n\
             steps:\n  a: {{ uses: x }}\n"
        );
        let found = check(&yaml, &registry).diagnostics;
        let found = found.iter().filter(|it| it.code != "workflow.unknown_node");
        found.map(ToString::to_string).collect()
    }

    #[test]
    fn paces_are_checked_field_by_field() {
        for right in [
            "rate_limit: { limit: 10, per: 1m }",
            "rate_limit: { key: '${{ inputs.t }}', limit: 10, per: 1m }",
            "debounce: 5m",
            "debounce: { key: '${{ inputs.t }}', for: 30s }",
            "retention: brief",
        ] {
            assert_eq!(told(right), Vec::<String>::new(), "{right}");
        }
        for (wrong, says) in [
            ("rate_limit: { limit: 10 }", "has no `per`"),
            ("rate_limit: { per: 1m }", "has no `limit`"),
            ("rate_limit: { limit: 5000, per: 1m }", "counts up to 1000"),
            (
                "rate_limit: { limit: 1, per: soon }",
                "`soon` is no duration",
            ),
            ("debounce: soon", "`soon` is no duration"),
            ("debounce: { key: x }", "has no `for`"),
            ("debounce: { key: '${{ steps.a.x }}', for: 1m }", "steps"),
            ("retention: forever", "`retention` cannot be `forever`"),
        ] {
            let told = told(wrong);
            assert_eq!(told.len(), 1, "{wrong}: {told:?}");
            assert!(
                told[0].starts_with("3:") && told[0].contains(says),
                "{told:?}"
            );
        }
    }

    #[test]
    fn concurrency_is_checked_field_by_field() {
        for right in [
            "concurrency: { key: '${{ inputs.t }}', limit: 2, policy: latest, hold: true }",
            "concurrency: { limit: 3 }",
            "concurrency: { key: one }",
        ] {
            assert_eq!(told(right), Vec::<String>::new(), "{right}");
        }
        for (wrong, says) in [
            ("{ limit: 0 }", "a whole number, 1 or more"),
            ("{ limit: 1000000 }", "from 1 to 100000"),
            ("{ policy: newest }", "`policy` cannot be `newest`"),
            ("{ hold: maybe }", "true or false"),
            ("{ key: [1] }", "a text or a number"),
            ("{ key: '${{ steps.a.x }}' }", "steps"),
            ("{ keys: x }", "did you mean `key`"),
            ("5", "`concurrency`"),
        ] {
            let told = told(&format!("concurrency: {wrong}"));
            assert_eq!(told.len(), 1, "{wrong}: {told:?}");
            assert!(
                told[0].starts_with("3:") && told[0].contains(says),
                "{told:?}"
            );
        }
    }

    #[test]
    fn a_priority_is_a_whole_number_or_an_expression_over_the_inputs() {
        assert_eq!(told("priority: -5"), Vec::<String>::new());
        assert_eq!(
            told("priority: '${{ inputs.n + 1 }}'"),
            Vec::<String>::new()
        );
        for wrong in ["1.5", "2000", "high", "[1]", "~", "'${{ inputs.t }}'"] {
            let told = told(&format!("priority: {wrong}"));
            assert_eq!(told.len(), 1, "{wrong}: {told:?}");
            assert!(
                told[0].contains("a whole number from -1000 to 1000"),
                "{told:?}"
            );
        }
        let told = told("priority: '${{ steps.a.x }}'");
        assert!(told[0].starts_with("3:"), "{told:?}");
    }
}
