//! `copro workflow check FILE…`: every problem, with its place and its fix.

use std::fs;
use std::path::PathBuf;

use engine::language::{self, Diagnostic, Severity};
use engine::node::Registry;

use super::Done;
use crate::app::registry;
use crate::failure::Failure;
use crate::screen::{Screen, Style};
use crate::words::Words;

/// Longest part of a source line that is shown.
const WIDTH: usize = 120;

/// Checks each file and prints what there is to know.
///
/// # Errors
/// When a file cannot be read.
pub fn execute(files: &[PathBuf], screen: &Screen, words: &Words) -> Result<Done, Failure> {
    let registry = registry();
    let (mut errors, mut notes) = (0, 0);
    for file in files {
        let source = fs::read_to_string(file).map_err(|error| Failure::io("read", file, error))?;
        let diagnostics = check(&source, &registry);
        let name = file.display().to_string();
        for diagnostic in &diagnostics {
            match diagnostic.severity {
                Severity::Error => errors += 1,
                Severity::Note => notes += 1,
            }
            for line in render(&name, &source, diagnostic, screen, words) {
                screen.line(&line);
            }
        }
        if diagnostics
            .iter()
            .all(|diagnostic| diagnostic.severity == Severity::Note)
        {
            screen.line(&screen.paint(Style::Green, &words.text("check.ok", &[("name", &name)])));
        }
    }
    if files.len() > 1 || errors + notes > 0 {
        let part = |key: &str, count: usize| words.text(key, &[("count", &words.count(count))]);
        screen.line(&format!(
            "{}, {}, {}",
            part("check.files", files.len()),
            part("check.errors", errors),
            part("check.notes", notes),
        ));
    }
    Ok(if errors == 0 { Done::Well } else { Done::Badly })
}

fn check(source: &str, registry: &Registry) -> Vec<Diagnostic> {
    language::check(source, registry).diagnostics
}

/// A diagnostic as a compiler shows it: place, line of the file, caret, fix.
pub fn render(
    name: &str,
    source: &str,
    found: &Diagnostic,
    screen: &Screen,
    words: &Words,
) -> Vec<String> {
    let (style, severity) = match found.severity {
        Severity::Error => (Style::Red, words.say("check.error")),
        Severity::Note => (Style::Cyan, words.say("check.note")),
    };
    let place = format!("{name}:{}:{}", found.line, found.column);
    let mut lines = vec![format!(
        "{}: {} {}",
        screen.paint(Style::Bold, &place),
        screen.paint(style, &format!("{severity}[{}]", found.code)),
        words.told(&found.message),
    )];
    let number = found.line.to_string();
    let gutter = " ".repeat(number.len());
    let index = usize::try_from(found.line)
        .unwrap_or_default()
        .saturating_sub(1);
    if let Some(text) = source.lines().nth(index) {
        let column = usize::try_from(found.column).unwrap_or(1).saturating_sub(1);
        // A long line is shown around the place that is meant.
        let skipped = column.saturating_sub(WIDTH - 20);
        let shown: String = text
            .chars()
            .skip(skipped)
            .take(WIDTH)
            .map(|c| if c == '\t' { ' ' } else { c })
            .collect();
        lines.push(format!(
            "  {} {shown}",
            screen.paint(Style::Dim, &format!("{number} │"))
        ));
        let caret = screen.paint(style, "^");
        lines.push(format!(
            "  {} {}{caret}",
            screen.paint(Style::Dim, &format!("{gutter} │")),
            " ".repeat(column - skipped)
        ));
    }
    if !found.fix.is_empty() {
        lines.push(format!("  {gutter} → {}", words.told(&found.fix)));
    }
    lines
}
