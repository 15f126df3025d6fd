//! Reading `join` and `repeat`.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use super::diagnostic::Report;
use super::document::{JoinDoc, RepeatDoc};
use super::fields::Fields;
use super::yaml::{Node, Yaml};
use crate::graph::MAX_ITERATIONS;
use crate::text;
use crate::text::Text;

pub(super) const REPEAT: &[&str] = &["until", "max_iterations", "delay"];

/// `join` and `cancel_rest`; none when all needs are waited for.
pub(super) fn join(report: &mut Report<'_>, fields: &Fields<'_>, place: &Text) -> Option<JoinDoc> {
    let cancel_rest = fields.boolean(report, "cancel_rest");
    let count = fields.entry("join").and_then(|entry| {
        let count = match &entry.value.value {
            Yaml::Text(word) if word == "all" => return None,
            Yaml::Text(word) if word == "any" => Some(NonZeroUsize::MIN),
            Yaml::Number(number) => number
                .as_u64()
                .and_then(|count| usize::try_from(count).ok())
                .and_then(NonZeroUsize::new),
            _ => None,
        };
        if count.is_none() {
            report.error(
                "workflow.unknown_value",
                entry.value.at,
                text!("`join` says how many needs must succeed"),
                text!("write all, any, or a whole number from 1"),
            );
        }
        count.map(|count| JoinDoc {
            count,
            cancel_rest: cancel_rest.unwrap_or(false),
            at: entry.value.at,
        })
    });
    if let (None, Some(entry)) = (&count, fields.entry("cancel_rest")) {
        report.error(
            "workflow.conflict",
            entry.at,
            text!(
                "`cancel_rest` belongs to `join: any` or a count, and {place} has none",
                place
            ),
            text!("add `join: any`, or take `cancel_rest` away"),
        );
    }
    count
}

/// `repeat`.
pub(super) fn repeat<'n>(report: &mut Report<'_>, node: &'n Node) -> Option<RepeatDoc<'n>> {
    let fields = Fields::read(report, node, Text::name("repeat"), REPEAT, &[])?;
    let until = fields.need(report, node.at, "until");
    fields.need(report, node.at, "max_iterations");
    let most = fields.count(report, "max_iterations").and_then(|count| {
        let count = u32::try_from(count.get()).ok().and_then(NonZeroU32::new);
        let fits = count.filter(|count| *count <= MAX_ITERATIONS);
        if fits.is_none() {
            let at = fields.get("max_iterations").map_or(node.at, |node| node.at);
            report.error(
                "workflow.unknown_value",
                at,
                text!(
                    "`max_iterations` is more than {most}",
                    most = MAX_ITERATIONS.get()
                ),
                text!("repeat less often, and further apart"),
            );
        }
        fits
    });
    Some(RepeatDoc {
        until,
        max_iterations: most.unwrap_or(NonZeroU32::MIN),
        delay: fields.duration(report, "delay").unwrap_or(Duration::ZERO),
    })
}
