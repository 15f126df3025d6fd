//! `schedule`: instants of a calendar.

use chrono_tz::Tz;

use crate::graph::{Cron, Missed, Overlap, Schedule};
use crate::language::diagnostic::Report;
use crate::language::fields::{At, Fields, text};
use crate::language::yaml::{Node, Yaml};
use crate::text;
use crate::text::Text;

const SCHEDULE: &[&str] = &["cron", "timezone", "missed", "overlap"];
const MISSED: [(&str, Missed); 3] = [
    ("skip", Missed::Skip),
    ("run_once", Missed::RunOnce),
    ("catch_up", Missed::CatchUp),
];
const OVERLAP: [(&str, Overlap); 4] = [
    ("queue", Overlap::Queue),
    ("drop", Overlap::Drop),
    ("replace", Overlap::Replace),
    ("latest", Overlap::Latest),
];

/// What a schedule's own fields say, and those of its trigger.
#[derive(Default)]
struct Settings {
    zone: Option<Tz>,
    missed: Option<Missed>,
    overlap: Option<Overlap>,
}

/// Reads a schedule: its fields, or the cron alone with the rest on the trigger.
pub(super) fn schedule(
    report: &mut Report<'_>,
    node: &Node,
    trigger: &Fields<'_>,
) -> Option<Schedule> {
    let outer = settings(report, trigger);
    let (cron, inner) = match &node.value {
        Yaml::Map(_) => {
            let fields = Fields::read(report, node, Text::name("schedule"), SCHEDULE, &[])?;
            let cron = fields.need(report, node.at, "cron");
            (cron, settings(report, &fields))
        }
        _ => (Some(node), Settings::default()),
    };
    let text = text(report, cron?, Text::name("schedule"))?;
    let zone = inner.zone.or(outer.zone).unwrap_or(Tz::UTC);
    Some(Schedule {
        cron: parsed(report, &text, zone)?,
        missed: inner.missed.or(outer.missed).unwrap_or(Missed::RunOnce),
        overlap: inner.overlap.or(outer.overlap),
    })
}

fn parsed(report: &mut Report<'_>, cron: &At<&str>, zone: Tz) -> Option<Cron> {
    match Cron::parse(cron.value, zone) {
        Ok(cron) => Some(cron),
        Err(error) => {
            report.error(
                "workflow.bad_schedule",
                cron.at,
                text!(
                    "`{value}` is no schedule: {why}",
                    value = cron.value,
                    why = error.0
                ),
                text!("write five fields: minute hour day month weekday, such as '0 6 * * 1-5'"),
            );
            None
        }
    }
}

fn settings(report: &mut Report<'_>, fields: &Fields<'_>) -> Settings {
    let zone = fields.text(report, "timezone").and_then(|name| {
        let zone = name.value.parse::<Tz>().ok();
        if zone.is_none() {
            let known = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
            let fix = match crate::nearest::nearest(name.value, known) {
                Some(near) => text!("did you mean `{near}`?", near),
                None => text!("write its name: Europe/Paris"),
            };
            let message = text!("`{value}` is no time zone", value = name.value);
            report.error("workflow.unknown_value", name.at, message, fix);
        }
        zone
    });
    Settings {
        zone,
        missed: fields.choice(report, "missed", &MISSED),
        overlap: fields.choice(report, "overlap", &OVERLAP),
    }
}
