//! Expressions that YAML cuts: told as such, and the rest of the file is read.

use super::compose::{Composer, number};
use super::{CUT, Fault, Mark, fault};
use crate::text;

/// When a line near a syntax error holds an expression, YAML may have cut it:
/// puts a place holder there, and says so if that moves the error on.
pub(super) fn heal(text: &str, error: &Fault) -> Option<(String, Fault)> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let last = usize::try_from(error.at.line).ok()?.min(lines.len());
    // The parser may notice a line or two later.
    for at in (last.saturating_sub(3)..last).rev() {
        let line = lines[at];
        let Some(open) = line.find("${{") else {
            continue;
        };
        let (start, flow) = value_start(&line[..open]);
        let mut healed = lines[..at].concat();
        healed.push_str(&line[..start]);
        healed.push_str(CUT);
        healed.push_str(if flow { tail(&line[open..]) } else { "" });
        healed.push('\n');
        healed.push_str(&lines[at + 1..].concat());
        let moved = match Composer::new(&healed).document() {
            Ok(_) => true,
            Err(next) => next.at > error.at,
        };
        if moved {
            let column = line[..open].chars().count() + 1;
            let mark = Mark {
                line: number(at + 1),
                column: number(column),
            };
            return Some((healed, cut(mark)));
        }
    }
    None
}

/// Where the value that holds an expression starts in its line, and whether
/// it stands in brackets.
fn value_start(before: &str) -> (usize, bool) {
    let after = |pattern: &str| before.rfind(pattern).map(|at| at + pattern.len());
    let starts = [": ", "- ", "{ ", "[", ", ", "{"].map(after);
    let indent = before.len() - before.trim_start().len();
    let flow = [": {", ": [", "- {", "- ["]
        .iter()
        .any(|open| before.contains(open));
    let first = before.find(": ").map(|at| at + 2);
    match (flow, first) {
        // In a block, the value starts after the first `key: `.
        (false, Some(first)) => (first, false),
        _ => (starts.into_iter().flatten().max().unwrap_or(indent), flow),
    }
}

/// What follows the expression inside the brackets around it.
fn tail(line: &str) -> &str {
    let rest = line.find("}}").map_or("", |at| &line[at + 2..]);
    rest.trim_end().trim_start_matches(['\'', '"', '}'])
}

/// The fault of an expression that YAML cut.
pub(crate) fn cut(at: Mark) -> Fault {
    fault(
        "expression.cut",
        at,
        text!("YAML cuts this expression: ` #`, `: `, a quote or a bracket ends it"),
        text!(
            "put the whole value in single quotes ({example}, with '' for a quote inside) or in a \
             block `>-`",
            example = "'${{ … }}'"
        ),
    )
}
