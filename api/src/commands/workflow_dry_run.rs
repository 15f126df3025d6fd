//! `copro workflow dry-run FILE`: what a run would do, without doing it.

use std::collections::BTreeMap;
use std::fs;

use engine::case::{self, DryRun, Fate, Planned, UNKNOWN};
use engine::clock::{Clock, SystemClock};
use engine::language::Severity;
use engine::node::Effect;
use engine::text::Text;
use serde_json::Value;

use super::source::{self, Source};
use super::{Done, run, workflow_check};
use crate::app::registry_for;
use crate::cli::DryRun as Asked;
use crate::config::Config;
use crate::failure::Failure;
use crate::screen::{Screen, Style, cut};
use crate::words::Words;

/// Characters of a value that are shown.
const WIDTH: usize = 400;

/// Prints the plan of a run's effects.
///
/// # Errors
/// When the workflow or its stubs have errors, or the inputs are refused.
pub async fn execute(
    asked: &Asked,
    config: &Config,
    screen: &Screen,
    words: &Words,
) -> Result<Done, Failure> {
    let inputs = run::inputs(&asked.input)?;
    let [text] = source::open([Source::of(&asked.workflow)?], config, &asked.tenant).await?;
    source::sound(&text, screen, words)?;
    let registry = registry_for(config);
    let bad = || Failure::new("bad_workflow").with("name", &text.name);
    let checked = engine::language::check(&text.source, &registry);
    let plan = checked.plan.ok_or_else(bad)?;
    let stubs = match &asked.stubs {
        None => BTreeMap::new(),
        Some(file) => {
            let source =
                fs::read_to_string(file).map_err(|error| Failure::io("read", file, error))?;
            let read = case::read_stubs(&source, &plan, &registry);
            let name = file.display().to_string();
            let errors = read.diagnostics.iter();
            let errors: Vec<_> = errors.filter(|it| it.severity == Severity::Error).collect();
            for error in &errors {
                for line in workflow_check::render(&name, &source, error, screen, words) {
                    screen.line_to_stderr(&line);
                }
            }
            if !errors.is_empty() {
                return Err(Failure::new("bad_workflow").with("name", name));
            }
            read.stubs
        }
    };
    let dry = DryRun {
        inputs,
        stubs,
        read: asked.read,
    };
    let (planned, outputs) = case::dry_run(&plan, &dry, SystemClock.now())
        .await
        .map_err(|problems| {
            let bad = Failure::new("bad_input").with("name", &text.name);
            problems.iter().map(Text::from).fold(bad, Failure::said)
        })?;
    let shown = |value: &Value| {
        let unknown = words.say("dry_run.unknown_value");
        cut(&value.to_string().replace(UNKNOWN, &unknown), WIDTH)
    };
    let mut acts = 0;
    for step in &planned {
        acts += usize::from(step.fate == Fate::WouldAct);
        show(step, &shown, screen, words);
    }
    let count = words.count(acts);
    screen.line("");
    screen.line(&words.text("dry_run.acts", &[("count", &count)]));
    screen.line(&format!(
        "{} {}",
        words.say("runs.outputs"),
        shown(&outputs)
    ));
    Ok(Done::Well)
}

fn show(step: &Planned, shown: &impl Fn(&Value) -> String, screen: &Screen, words: &Words) {
    let (mark, style) = match &step.fate {
        Fate::Gives(_) => ("✓", Style::Green),
        Fate::WouldAct => ("!", Style::Yellow),
        Fate::WouldRead | Fate::Unknown => ("?", Style::Cyan),
        Fate::Skipped => ("–", Style::Dim),
        Fate::Fails(_) => ("✗", Style::Red),
        Fate::More(_) => ("…", Style::Dim),
    };
    let what = match (&step.fate, step.effect) {
        (Fate::More(count), _) => {
            let count = words.count(*count);
            words.text("dry_run.more", &[("count", &count)])
        }
        (Fate::Skipped, _) => words.say("status.skipped"),
        (Fate::WouldRead, _) => words.say("dry_run.reads"),
        (Fate::WouldAct, Some(Effect::Transaction)) => words.say("dry_run.transaction"),
        (Fate::WouldAct, Some(Effect::External(_))) => words.say("dry_run.external"),
        (Fate::WouldAct, _) => words.say("dry_run.waits"),
        (Fate::Unknown, _) if step.node.is_none() => words.say("dry_run.loop"),
        (Fate::Unknown, _) => words.say("dry_run.unknown"),
        (Fate::Gives(_) | Fate::Fails(_), _) => String::new(),
    };
    let perhaps = match step.sure {
        true => String::new(),
        false => screen.paint(Style::Dim, &words.say("dry_run.perhaps")),
    };
    let line = [
        screen.paint(style, mark),
        screen.paint(Style::Bold, &step.path),
        screen.paint(Style::Dim, step.node.unwrap_or_default()),
        what,
        perhaps,
    ];
    let line: Vec<String> = line.into_iter().filter(|part| !part.is_empty()).collect();
    screen.line(&line.join(" "));
    let value = |key: &str, value: &Value| {
        let key = screen.paint(Style::Dim, &words.say(key));
        screen.line(&format!("    {key} {}", shown(value)));
    };
    if !step.input.is_null() {
        value("runs.input", &step.input);
    }
    match &step.fate {
        Fate::Gives(output) => value("runs.output", output),
        Fate::Fails(error) => {
            let error = format!("{} ({})", words.told(&error.message), error.code);
            screen.line(&format!("    {}", screen.paint(Style::Red, &error)));
        }
        _ => {}
    }
}
