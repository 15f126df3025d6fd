//! `copro runs …`: what was run, everything about it, and what people do about it.

use chrono::{DateTime, Local, Utc};
use engine::ids::RunId;
use engine::node::{LogLevel, LogLine, On, Wait};
use engine::{
    AttemptView, BulkAction, PendingFilter, RunFilter, RunStatus, RunView, Started, StepView, Taken,
};
use serde_json::Value;

use super::bulk::{Task, filter_of};
use super::{Done, again, approvals, run};
use crate::app::App;
use crate::cli::{CancelRuns, Runs};
use crate::failure::Failure;
use crate::progress::mark_of;
use crate::screen::{Screen, Side, Style, Table};
use crate::tenancy::tenant_of;
use crate::words::Words;

/// Lines of a value that are shown; the rest is counted.
const VALUE_LINES: usize = 40;

/// Lists runs, shows or follows one, or acts on it.
///
/// # Errors
/// When there is no such run, it is past that, or the database does not answer.
pub async fn execute(
    app: &App,
    command: &Runs,
    screen: &Screen,
    words: &Words,
) -> Result<Done, Failure> {
    match command {
        Runs::List {
            limit,
            filter,
            tenant,
        } => {
            let filter = RunFilter {
                limit: *limit,
                ..filter_of(filter)?
            };
            let runs = app.engine.runs(tenant_of(tenant), &filter).await?;
            if runs.is_empty() {
                screen.line(&words.say("runs.none"));
                return Ok(Done::Well);
            }
            let mut table =
                Table::new([Side::Left, Side::Left, Side::Left, Side::Left, Side::Right]);
            let heads = [
                "runs.run",
                "runs.workflow",
                "runs.status",
                "runs.started",
                "runs.took",
            ];
            table.plain(Style::Dim, heads.map(|key| words.say(key)));
            for run in runs {
                table.row([
                    (Style::Plain, run.id.to_string()),
                    (Style::Bold, run.workflow),
                    (
                        style_of(run.status),
                        words.say(&format!("status.{}", run.status)),
                    ),
                    (Style::Plain, instant(run.created_at)),
                    (
                        Style::Plain,
                        took(Some(run.created_at), run.ended_at, words),
                    ),
                ]);
            }
            table.print(screen, 0);
        }
        Runs::Show { run, tenant } => {
            let view = app.engine.run(tenant_of(tenant), RunId(*run)).await?;
            show(&view, screen, words);
        }
        Runs::Waiting {
            role,
            limit,
            tenant,
        } => {
            let filter = PendingFilter {
                roles: role.clone(),
                limit: *limit,
                ..PendingFilter::default()
            };
            let tenant = tenant_of(tenant);
            let pending = app.engine.pending_approvals(tenant, &filter).await?;
            approvals::list(&pending, screen, words);
        }
        Runs::Approve(approve) => approvals::decide(app, approve, screen, words).await?,
        Runs::Watch { run, tenant } => {
            let tenant = tenant_of(tenant);
            let view = app.engine.run(tenant, RunId(*run)).await?;
            let watched = Started {
                run: view.id,
                version: view.version,
                new: false,
            };
            return run::watch(app, tenant, &view.workflow, watched, screen, words).await;
        }
        Runs::Cancel(cancel) => return stop(app, cancel, screen, words).await,
        Runs::Retry(asked) => return again::retry(app, asked, screen, words).await,
        Runs::Rerun(asked) => return again::rerun(app, asked, screen, words).await,
    }
    Ok(Done::Well)
}

/// Stops a run, or many by filter.
async fn stop(
    app: &App,
    asked: &CancelRuns,
    screen: &Screen,
    words: &Words,
) -> Result<Done, Failure> {
    let (tenant, by) = (tenant_of(&asked.tenant), asked.name.as_deref());
    let Some(run) = asked.run.map(RunId) else {
        let task = Task {
            action: BulkAction::Cancel,
            asked: &asked.many,
            by,
        };
        return task.execute(app, tenant, screen, words).await;
    };
    match by {
        Some(name) => app.engine.cancel_by(tenant, run, name).await?,
        None => app.engine.cancel(tenant, run).await?,
    }
    screen.line(&words.say("runs.cancelling"));
    Ok(Done::Well)
}

fn show(run: &RunView, screen: &Screen, words: &Words) {
    screen.line(&format!(
        "{}  {}  {}",
        screen.paint(Style::Bold, &run.workflow),
        screen.paint(
            style_of(run.status),
            &words.say(&format!("status.{}", run.status))
        ),
        screen.paint(Style::Dim, &run.id.to_string()),
    ));
    let mut facts = Table::new([Side::Left, Side::Left]);
    let mut fact =
        |key: &str, value: String| facts.row([(Style::Dim, words.say(key)), (Style::Plain, value)]);
    fact("runs.started", instant(run.created_at));
    fact("runs.took", took(Some(run.created_at), run.ended_at, words));
    if let Some(parent) = run.parent {
        fact("runs.parent", parent.to_string());
    }
    if let Some(origin) = run.origin {
        fact("runs.origin", origin.to_string());
    }
    for (name, value) in &run.labels {
        fact("runs.label", format!("{name} = {value}"));
    }
    if let Some(error) = &run.error {
        fact("runs.error", words.told(&error.into()));
    }
    for error in &run.cleanup {
        let step = error.step.as_deref().unwrap_or_default();
        fact(
            "runs.after",
            format!("{step} {} ({})", error.message, error.code),
        );
    }
    facts.print(screen, 2);
    value(&words.say("runs.inputs"), &run.inputs, 2, screen, words);
    for step in &run.steps {
        show_step(step, screen, words);
    }
    if let Some(outputs) = &run.outputs {
        value(&words.say("runs.outputs"), outputs, 2, screen, words);
    }
}

fn show_step(step: &StepView, screen: &Screen, words: &Words) {
    let (mark, style) = mark_of(step.status);
    let last = step.attempts.last();
    let time = took(
        last.map(|attempt| attempt.started_at),
        last.and_then(|attempt| attempt.ended_at),
        words,
    );
    screen.line("");
    screen.line(&format!(
        "{} {}  {}",
        screen.paint(style, mark),
        screen.paint(Style::Bold, &step.path),
        screen.paint(Style::Dim, &time),
    ));
    let several = step.attempts.len() > 1;
    for attempt in &step.attempts {
        show_attempt(attempt, several, screen, words);
    }
}

fn show_attempt(attempt: &AttemptView, several: bool, screen: &Screen, words: &Words) {
    if several {
        let number = attempt.number.to_string();
        let status = words.say(&format!("status.{}", attempt.status));
        let time = took(Some(attempt.started_at), attempt.ended_at, words);
        screen.line(&format!(
            "  {} — {status}, {time}",
            words.text("runs.attempt", &[("number", &number)])
        ));
    }
    if let Some(taken) = attempt.taken {
        let from = words.say(match taken {
            Taken::Origin => "runs.taken",
            Taken::Edited => "runs.edited",
        });
        screen.line(&format!("    {}", screen.paint(Style::Dim, &from)));
    }
    if let Some(input) = &attempt.input {
        value(&words.say("runs.input"), input, 4, screen, words);
    }
    if let Some(output) = &attempt.output {
        value(&words.say("runs.output"), output, 4, screen, words);
    }
    for (key, apart) in [
        ("runs.input", attempt.apart.input),
        ("runs.output", attempt.apart.output),
    ] {
        let Some(apart) = apart else { continue };
        let (size, id) = ((apart.bytes >> 10).to_string(), apart.id.to_string());
        let told = words.text("runs.apart", &[("size", &size), ("id", &id)]);
        let key = screen.paint(Style::Dim, &words.say(key));
        screen.line(&format!("    {key} {told}"));
    }
    if let Some(error) = &attempt.error {
        let text = words.told(&error.into());
        screen.line(&format!(
            "    {} {}",
            words.say("runs.error"),
            screen.paint(Style::Red, &text)
        ));
    }
    if let Some(key) = &attempt.key {
        screen.line(&format!(
            "    {} {key}",
            screen.paint(Style::Dim, &words.say("runs.key"))
        ));
    }
    if let Some(wait) = &attempt.wait {
        show_wait(wait, screen, words);
    }
    for line in &attempt.logs {
        screen.line(&format!("    {}", log(line, screen)));
    }
    if let Some(at) = attempt.retry_at {
        screen.line(&format!(
            "    {} {}",
            words.say("runs.retry_at"),
            instant(at)
        ));
    }
}

/// Which run it waits for, and until when.
fn show_wait(wait: &Wait, screen: &Screen, words: &Words) {
    let line = |key: &str, value: String| {
        let key = screen.paint(Style::Dim, &words.say(key));
        screen.line(&format!("    {key} {value}"));
    };
    if let On::Child(child) = &wait.on {
        line("runs.child", child.to_string());
    }
    if let Some(until) = wait.until {
        line("runs.until", instant(until));
    }
}

fn log(line: &LogLine, screen: &Screen) -> String {
    let (mark, style) = match line.level {
        LogLevel::Debug => ("·", Style::Dim),
        LogLevel::Info => ("›", Style::Plain),
        LogLevel::Warn => ("!", Style::Yellow),
    };
    screen.paint(style, &format!("{mark} {}", line.message))
}

/// A value after its name: on the same line when it is short.
fn value(name: &str, value: &Value, indent: usize, screen: &Screen, words: &Words) {
    let (space, name) = (" ".repeat(indent), screen.paint(Style::Dim, name));
    let compact = value.to_string();
    if compact.chars().count() <= 100 {
        screen.line(&format!("{space}{name} {compact}"));
        return;
    }
    screen.line(&format!("{space}{name}"));
    let pretty = serde_json::to_string_pretty(value).unwrap_or(compact);
    let lines: Vec<&str> = pretty.lines().collect();
    for line in lines.iter().take(VALUE_LINES) {
        screen.line(&format!("{space}  {line}"));
    }
    if lines.len() > VALUE_LINES {
        let more = words.count(lines.len() - VALUE_LINES);
        screen.line(&format!(
            "{space}  {}",
            words.text("runs.more_lines", &[("count", &more)])
        ));
    }
}

pub(super) fn instant(at: DateTime<Utc>) -> String {
    at.with_timezone(&Local)
        .format("%Y-%m-%d %H:%M:%S")
        .to_string()
}

fn took(from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>, words: &Words) -> String {
    let took = from
        .zip(to)
        .and_then(|(from, to)| (to - from).to_std().ok());
    took.map_or_else(|| "–".to_owned(), |took| words.duration(took))
}

const fn style_of(status: RunStatus) -> Style {
    match status {
        RunStatus::Succeeded => Style::Green,
        RunStatus::Failed | RunStatus::TimedOut => Style::Red,
        RunStatus::Cancelled => Style::Yellow,
        RunStatus::Queued | RunStatus::Running | RunStatus::Waiting => Style::Cyan,
    }
}
