//! The workflow language: YAML in, a checked [`Plan`] or every problem out.
//!
//! One pass over the file in stages, each of which goes on after a problem:
//! `yaml` (positions) → `read` (fields and types) → `draft` (expressions,
//! nodes, configs) → `links` (the graph) → `build` (shapes and reads).

mod branch;
mod build;
mod config;
mod control;
pub(crate) mod diagnostic;
mod diff;
mod document;
mod draft;
pub(crate) mod fields;
mod inputs;
mod links;
mod load;
mod read;
mod schema;
mod schema_at;
mod scope;
mod triggers;
mod types;
mod values;
pub(crate) mod yaml;

use std::sync::Arc;

use serde_json::Value;

pub use diagnostic::{Diagnostic, Severity};
pub use diff::{Change, ChangeKind, Side, diff};
pub use fields::duration;
pub use schema::schema;

use self::build::{check_outside, level};
use self::diagnostic::Report;
use self::document::Document;
use self::draft::Draft;
use self::links::{Places, Section};
use self::scope::{Env, Here};
use self::values::{Names, template};
use self::yaml::{Entry, Yaml};
use crate::expr::{Sandbox, Template};
use crate::graph::{Level, Plan};
use crate::node::Registry;
use crate::text;

/// What the checker found.
pub struct Checked {
    /// The workflow; only when there is no error.
    pub plan: Option<Arc<Plan>>,
    /// Every error and note, in file order.
    pub diagnostics: Vec<Diagnostic>,
}

/// Checks a workflow's file against the nodes there are, all problems in one pass.
#[must_use]
pub fn check(source: &str, registry: &Registry) -> Checked {
    let mut report = Report::new(source);
    let parsed = yaml::parse(source);
    for fault in parsed.faults {
        report.fault(fault);
    }
    let plan = parsed.root.and_then(|root| {
        let document = read::document(&mut report, &root);
        plan(&mut report, registry, &document)
    });
    let plan = plan.filter(|_| !report.has_errors()).map(Arc::new);
    Checked {
        plan,
        diagnostics: report.finish(),
    }
}

fn plan(report: &mut Report<'_>, registry: &Registry, document: &Document<'_>) -> Option<Plan> {
    let sandbox = Sandbox::default();
    let inputs = inputs::inputs(report, document.inputs);
    let mut env = Env::of_run(inputs.shape.clone());
    let triggers = document.triggers.map_or_else(Vec::new, |entry| {
        let place = triggers::Around {
            sandbox: &sandbox,
            env: &env,
            inputs: &inputs,
            workflow: document.name.as_ref().map_or("", |name| name.value),
        };
        triggers::triggers(report, &place, entry)
    });
    let concurrency =
        (document.concurrency).and_then(|entry| load::concurrency(report, &sandbox, &env, entry));
    let priority = (document.priority).map(|node| load::priority(report, &sandbox, &env, node));
    let rate_limit = (document.rate_limit.as_ref())
        .map(|rate| load::rate_of_starts(report, &sandbox, &env, rate));
    let debounce =
        (document.debounce).and_then(|entry| load::debounce(report, &sandbox, &env, entry));
    let cancel_on =
        (document.cancel_on).and_then(|entry| load::cancel_on(report, &sandbox, &env, entry));
    let drafts = draft::drafts(report, &sandbox, registry, &document.steps, &[]);
    let on_failure = draft::drafts(report, &sandbox, registry, &document.on_failure, &[]);
    let finally = draft::drafts(report, &sandbox, registry, &document.finally, &[]);
    let mut places = Places::new();
    for (drafts, section) in [
        (&drafts, Section::Main),
        (&on_failure, Section::OnFailure),
        (&finally, Section::Finally),
    ] {
        links::places(report, drafts, None, section, &mut places);
    }
    let labels = values(
        report,
        &sandbox,
        &places,
        &env,
        Here::START,
        document.labels,
    );
    for (entry, (_, label)) in document.labels.iter().zip(&labels) {
        let is_scalar = match label {
            Template::Literal(value) => !matches!(**value, Value::Array(_) | Value::Object(_)),
            Template::List(_) | Template::Map(_) => false,
            Template::Expression(_) | Template::Text(_) => true,
        };
        if !is_scalar || matches!(entry.value.value, Yaml::Null) {
            report.wrong_type(
                entry.value.at,
                text!("label `{label}`", label = &entry.key),
                entry.value.kind(),
                text!("a text or a number"),
            );
        }
    }
    let steps = level(report, &places, &drafts, &[], &mut env, Here::STEP);
    if let Some(entry) = document.triggers {
        triggers::check_answers(report, entry, &triggers, &steps);
    }
    let on_failure = after(report, &places, &env, &on_failure, Section::OnFailure);
    let finally = after(report, &places, &env, &finally, Section::Finally);
    let outputs = values(
        report,
        &sandbox,
        &places,
        &env,
        Here::STEP,
        document.outputs,
    );
    Some(Plan {
        name: document.name.as_ref()?.value.to_owned(),
        title: document.title.map(str::to_owned),
        inputs,
        triggers,
        outputs: Template::Map(outputs.into()),
        labels,
        priority,
        concurrency,
        rate_limit,
        debounce,
        retention: document.retention,
        budget: document.budget,
        cancel_on,
        steps: Arc::new(steps),
        on_failure,
        finally,
        deadline: document.deadline,
        timeout: document.timeout,
    })
}

/// The steps of `on_failure` or `finally`.
fn after<'n>(
    report: &mut Report<'_>,
    places: &Places<'n>,
    env: &Env<'_>,
    drafts: &[Draft<'n>],
    section: Section,
) -> Option<Arc<Level>> {
    let mut inner = env.closing();
    if section == Section::Finally {
        inner.error_may_be_nothing();
    }
    let here = Here::after(section);
    let level = level(report, places, drafts, &[], &mut inner, here);
    (!drafts.is_empty()).then(|| Arc::new(level))
}

/// Named values outside all steps: outputs, labels.
fn values(
    report: &mut Report<'_>,
    sandbox: &Sandbox,
    places: &Places<'_>,
    env: &Env<'_>,
    here: Here,
    entries: &[Entry],
) -> Vec<(String, Template)> {
    let names = Names {
        sandbox,
        items: &[],
    };
    let mut placed = Vec::new();
    let values = entries
        .iter()
        .map(|entry| {
            let value = template(report, names, &entry.value, &mut placed);
            (entry.key.clone(), value)
        })
        .collect();
    check_outside(report, places, env, here, &placed);
    values
}
