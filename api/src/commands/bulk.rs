//! `copro runs retry|cancel` by filter: what would be done is counted first,
//! then done page by page, not faster than asked.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use engine::clock::SystemClock;
use engine::ids::TenantId;
use engine::{Bulk, BulkAction, RunFilter, RunStatus};
use tokio::time::Instant;
use uuid::Uuid;

use super::Done;
use crate::app::App;
use crate::cli::{ByFilter, Filter};
use crate::failure::Failure;
use crate::screen::{Screen, Style};
use crate::words::Words;

/// Runs that are looked at together when they are counted.
const COUNTED: u32 = 500;
/// Runs of a page, at most.
const PAGE: u32 = 100;
/// Refusals that are shown.
const SHOWN: usize = 20;

/// The filter as the engine understands it.
///
/// # Errors
/// When a part of it is not understood.
pub fn filter_of(asked: &Filter) -> Result<RunFilter, Failure> {
    let bad = |name: &'static str, value: &str| {
        Failure::new("bad_filter")
            .with("name", name)
            .with("value", value)
    };
    let status = match &asked.status {
        Some(word) => Some(RunStatus::parse(word).ok_or_else(|| bad("--status", word))?),
        None => None,
    };
    let label = match &asked.label {
        Some(text) => Some(text.split_once('=').ok_or_else(|| bad("--label", text))?),
        None => None,
    };
    let since = match &asked.since {
        Some(text) => Some(instant(text).ok_or_else(|| bad("--since", text))?),
        None => None,
    };
    Ok(RunFilter {
        workflow: asked.workflow.clone(),
        status,
        label: label.map(|(name, value)| (name.to_owned(), value.to_owned())),
        since,
        ..RunFilter::default()
    })
}

/// `2026-01-31`, `2026-01-31T08:00:00Z`, or how long ago: `2h`, `3d`.
fn instant(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.with_timezone(&Utc));
    }
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Some(day.and_hms_opt(0, 0, 0)?.and_utc());
    }
    let ago = TimeDelta::from_std(engine::language::duration(text)?).ok()?;
    engine::clock::Clock::now(&SystemClock).checked_sub_signed(ago)
}

/// What is done to which runs, and in whose name.
pub struct Task<'a> {
    /// What is done.
    pub action: BulkAction,
    /// To which.
    pub asked: &'a ByFilter,
    /// Who asks.
    pub by: Option<&'a str>,
}

impl Task<'_> {
    /// Counts the runs; with `--yes` does it.
    ///
    /// # Errors
    /// When the filter is not understood, or the database does not answer.
    pub async fn execute(
        &self,
        app: &App,
        tenant: TenantId,
        screen: &Screen,
        words: &Words,
    ) -> Result<Done, Failure> {
        let filters = self.filters()?;
        let found = count(app, tenant, &filters).await?;
        if found.is_empty() {
            screen.line(&words.say("runs.none"));
            return Ok(Done::Well);
        }
        for ((workflow, status), count) in &found {
            let status = words.say(&format!("status.{status}"));
            screen.line(&format!("{:>7}  {workflow}  {status}", words.count(*count)));
        }
        if !self.asked.yes {
            screen.line(&words.say("bulk.how"));
            return Ok(Done::Well);
        }
        let operation = self.asked.resume.unwrap_or_else(Uuid::now_v7);
        if self.action == BulkAction::Retry {
            let id = operation.to_string();
            screen.line(&words.text("bulk.operation", &[("id", &id)]));
        }
        let total = found.values().sum();
        let mut tally = Tally::default();
        for filter in filters {
            let bulk = Bulk {
                action: self.action,
                filter: RunFilter {
                    limit: self.asked.rate.min(PAGE),
                    ..filter
                },
                operation,
                by: self.by.map(str::to_owned),
            };
            self.pages(app, tenant, &bulk, &mut tally, total, screen, words)
                .await?;
        }
        tally.told(screen, words);
        Ok(match tally.refused.is_empty() {
            true => Done::Well,
            false => Done::Badly,
        })
    }

    /// One filter a status.
    fn filters(&self) -> Result<Vec<RunFilter>, Failure> {
        let filter = filter_of(&self.asked.filter)?;
        let statuses = match (self.action, filter.status) {
            (_, Some(status)) => vec![status],
            (BulkAction::Retry, None) => vec![RunStatus::Failed],
            (BulkAction::Cancel, None) => {
                vec![RunStatus::Queued, RunStatus::Running, RunStatus::Waiting]
            }
        };
        let with = |status| RunFilter {
            status: Some(status),
            ..filter.clone()
        };
        Ok(statuses.into_iter().map(with).collect())
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "what is done, and where it is shown"
    )]
    async fn pages(
        &self,
        app: &App,
        tenant: TenantId,
        bulk: &Bulk,
        tally: &mut Tally,
        total: usize,
        screen: &Screen,
        words: &Words,
    ) -> Result<(), Failure> {
        let mut before = None;
        loop {
            let began = Instant::now();
            let page = app.engine.bulk_page(tenant, bulk, before).await?;
            let size = u32::try_from(page.acted.len()).unwrap_or(PAGE);
            for acted in page.acted {
                match acted.refused {
                    None => tally.done += 1,
                    Some(why) => tally
                        .refused
                        .push((acted.run.to_string(), words.told(&why))),
                }
            }
            let (done, total) = (words.count(tally.done), words.count(total));
            screen.passing(&words.text("bulk.progress", &[("done", &done), ("total", &total)]));
            let Some(next) = page.next else { return Ok(()) };
            before = Some(next);
            let least = Duration::from_secs(1) * size / self.asked.rate;
            tokio::time::sleep_until(began + least).await;
        }
    }
}

#[derive(Default)]
struct Tally {
    done: usize,
    refused: Vec<(String, String)>,
}

impl Tally {
    fn told(&self, screen: &Screen, words: &Words) {
        let count = words.count(self.done);
        screen.settled(&words.text("bulk.done", &[("count", &count)]));
        for (run, why) in self.refused.iter().take(SHOWN) {
            let mark = screen.paint(Style::Red, "✗");
            screen.line(&format!("{mark} {run}  {why}"));
        }
        if self.refused.len() > SHOWN {
            let more = words.count(self.refused.len() - SHOWN);
            screen.line(&words.text("runs.more_lines", &[("count", &more)]));
        }
    }
}

/// How many runs there are, by workflow and status.
async fn count(
    app: &App,
    tenant: TenantId,
    filters: &[RunFilter],
) -> Result<BTreeMap<(String, RunStatus), usize>, Failure> {
    let mut found = BTreeMap::new();
    for filter in filters {
        let mut page = RunFilter {
            limit: COUNTED,
            ..filter.clone()
        };
        loop {
            let runs = app.engine.runs(tenant, &page).await?;
            page.before = runs.last().map(|run| run.id);
            for run in runs {
                *found.entry((run.workflow, run.status)).or_insert(0) += 1;
            }
            if page.before.is_none() {
                break;
            }
        }
    }
    Ok(found)
}
