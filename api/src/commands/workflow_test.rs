//! `copro workflow test FILE…`: plays the cases of `NAME.test.yaml` with `NAME.yaml`.
//!
//! Cases run through the real engine on a PostgreSQL that is thrown away, so
//! that they need no database and leave nothing in one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use engine::case::{self, Case, Coverage};
use engine::clock::SystemClock;
use engine::graph::Plan;
use engine::language::{self, Diagnostic, Severity};
use engine::node::Registry;
use engine::text::Text;

use super::{Done, workflow_check};
use crate::app::{Scratch, registry_for};
use crate::config::Config;
use crate::failure::Failure;
use crate::screen::{Screen, Style};
use crate::words::Words;

/// A workflow with its cases, both sound.
struct Suite {
    name: String,
    workflow: String,
    plan: Arc<Plan>,
    cases: Vec<Case>,
}

/// Plays every case and prints how each ended.
///
/// # Errors
/// When a file cannot be read, or there is no PostgreSQL.
pub async fn execute(
    files: &[PathBuf],
    coverage: bool,
    config: &Config,
    screen: &Screen,
    words: &Words,
) -> Result<Done, Failure> {
    let registry = registry_for(config);
    let mut suites = vec![];
    let (mut passed, mut failed) = (0, 0);
    for file in files {
        match read(file, &registry, screen, words)? {
            Some(suite) => suites.push(suite),
            None => failed += 1,
        }
    }
    let scratch = Scratch::start(config).await?;
    let played = async {
        for suite in &suites {
            screen.line(&screen.paint(Style::Bold, &suite.name));
            let mut gone = Coverage::of(&suite.plan);
            for case in &suite.cases {
                if play(&scratch, &registry, suite, case, &mut gone, screen, words).await {
                    passed += 1;
                } else {
                    failed += 1;
                }
            }
            if coverage {
                show(&gone, screen, words);
            }
        }
        Ok(())
    };
    let played = crate::signals::unless_interrupted(played).await;
    let stopped = scratch.stop().await;
    played?;
    stopped?;
    let style = if failed == 0 {
        Style::Green
    } else {
        Style::Red
    };
    let (well, badly) = (words.count(passed), words.count(failed));
    let total = words.text("test.total", &[("passed", &well), ("failed", &badly)]);
    screen.line(&screen.paint(style, &total));
    Ok(if failed == 0 { Done::Well } else { Done::Badly })
}

/// The workflow and its cases; none when one of them has errors, which are printed.
fn read(
    file: &Path,
    registry: &Registry,
    screen: &Screen,
    words: &Words,
) -> Result<Option<Suite>, Failure> {
    let name = file.display().to_string();
    let Some(stem) = name.strip_suffix(".test.yaml") else {
        return Err(Failure::new("no_test_file").with("path", &name));
    };
    let workflow_name = format!("{stem}.yaml");
    let workflow_path = PathBuf::from(&workflow_name);
    let workflow = fs::read_to_string(&workflow_path)
        .map_err(|error| Failure::io("read", &workflow_path, error))?;
    let source = fs::read_to_string(file).map_err(|error| Failure::io("read", file, error))?;
    let checked = language::check(&workflow, registry);
    let Some(plan) = checked.plan else {
        complain(
            &workflow_name,
            &workflow,
            &checked.diagnostics,
            screen,
            words,
        );
        return Ok(None);
    };
    let read = case::read(&source, &plan, registry);
    if complain(&name, &source, &read.diagnostics, screen, words) {
        return Ok(None);
    }
    Ok(Some(Suite {
        name,
        workflow,
        plan,
        cases: read.cases,
    }))
}

/// Prints what is wrong with a file; true when something is.
fn complain(
    name: &str,
    source: &str,
    found: &[Diagnostic],
    screen: &Screen,
    words: &Words,
) -> bool {
    let errors: Vec<&Diagnostic> = found
        .iter()
        .filter(|found| found.severity == Severity::Error)
        .collect();
    for error in &errors {
        for line in workflow_check::render(name, source, error, screen, words) {
            screen.line(&line);
        }
    }
    !errors.is_empty()
}

/// Prints how many ways the cases have gone, and those that none has.
fn show(gone: &Coverage, screen: &Screen, words: &Words) {
    let (count, total) = gone.share();
    let (count, total) = (words.count(count), words.count(total));
    let line = words.text("test.coverage", &[("gone", &count), ("total", &total)]);
    screen.line(&format!("  {line}"));
    for way in gone.missing() {
        let mark = screen.paint(Style::Yellow, "·");
        screen.line(&format!("    {mark} {}", words.told(&way)));
    }
}

async fn play(
    scratch: &Scratch,
    registry: &Registry,
    suite: &Suite,
    case: &Case,
    gone: &mut Coverage,
    screen: &Screen,
    words: &Words,
) -> bool {
    let began = Instant::now();
    let ended = case::play(
        scratch.pool(),
        registry,
        Arc::new(SystemClock),
        &suite.workflow,
        case,
    )
    .await;
    let problems: Vec<Text> = match ended {
        Ok(played) => {
            gone.add(&played.run);
            played.mismatches.iter().map(Text::from).collect()
        }
        Err(error) => vec![Text::from(&error)],
    };
    let took = screen.paint(Style::Dim, &words.duration(began.elapsed()));
    if problems.is_empty() {
        screen.line(&format!(
            "  {} {}  {took}",
            screen.paint(Style::Green, "✓"),
            case.name
        ));
        return true;
    }
    let place = screen.paint(Style::Dim, &format!("{}:{}", suite.name, case.line));
    screen.line(&format!(
        "  {} {}  {place}",
        screen.paint(Style::Red, "✗"),
        case.name
    ));
    for problem in problems {
        screen.line(&format!("      {}", words.told(&problem)));
    }
    false
}
