//! `copro workflow diff A B`: what changed between two versions, in words.

use engine::language::{ChangeKind, Side, diff};

use super::Done;
use super::source::{Text, sound};
use crate::failure::Failure;
use crate::screen::{Screen, Style};
use crate::words::Words;

/// Prints what is different in `new`.
///
/// # Errors
/// When one of them has errors.
pub fn execute(old: &Text, new: &Text, screen: &Screen, words: &Words) -> Result<Done, Failure> {
    let plans = [sound(old, screen, words)?, sound(new, screen, words)?];
    let [old_side, new_side] = [(old, &plans[0]), (new, &plans[1])].map(|(text, plan)| Side {
        source: &text.source,
        plan,
    });
    let changes = diff(old_side, new_side);
    if changes.is_empty() {
        screen.line(&words.say("workflow_diff.none"));
    }
    for change in changes {
        let (mark, style) = match change.kind {
            ChangeKind::Added => ("+", Style::Green),
            ChangeKind::Removed => ("-", Style::Red),
            ChangeKind::Changed => ("~", Style::Yellow),
        };
        let mark = screen.paint(style, mark);
        screen.line(&format!("{mark} {}", words.told(&change.text)));
    }
    Ok(Done::Well)
}
