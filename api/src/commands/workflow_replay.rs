//! `copro workflow replay FILE`: recorded runs on a new version, nothing done outside.

use std::sync::Arc;

use engine::case;
use engine::clock::SystemClock;
use engine::ids::RunId;
use engine::text::Text;
use engine::{RunFilter, RunView};

use super::bulk::filter_of;
use super::source::{self, Source};
use super::{Done, with_app};
use crate::app::{App, Scratch, registry_for};
use crate::cli::Replay;
use crate::config::Config;
use crate::failure::Failure;
use crate::screen::{Screen, Style};
use crate::signals::unless_interrupted;
use crate::tenancy::tenant_of;
use crate::words::Words;

/// Replays each run on a server that is thrown away, and tells what differs.
///
/// # Errors
/// When there is no such run or workflow, or no PostgreSQL.
pub async fn execute(
    asked: &Replay,
    config: &Config,
    screen: &Screen,
    words: &Words,
) -> Result<Done, Failure> {
    let [text] = source::open([Source::of(&asked.workflow)?], config, &asked.tenant).await?;
    let plan = source::sound(&text, screen, words)?;
    let read = async |app: &App| unless_interrupted(recorded(app, asked, &plan.name)).await;
    let runs = with_app(config, read).await?;
    if runs.is_empty() {
        screen.line(&words.say("runs.none"));
        return Ok(Done::Well);
    }
    let registry = registry_for(config);
    let scratch = Scratch::start(config).await?;
    let replayed = async {
        let mut differ = 0;
        for run in &runs {
            let clock = Arc::new(SystemClock);
            let found = case::replay(scratch.pool(), &registry, clock, &text.source, run).await;
            let told: Vec<Text> = match &found {
                Ok(differences) => differences.iter().map(Text::from).collect(),
                Err(error) => vec![Text::from(error)],
            };
            let (mark, style) = match told.is_empty() {
                true => ("=", Style::Green),
                false => ("≠", Style::Yellow),
            };
            screen.line(&format!("{} {}", screen.paint(style, mark), run.id));
            for difference in &told {
                screen.line(&format!("    {}", words.told(difference)));
            }
            differ += usize::from(!told.is_empty());
        }
        Ok(differ)
    };
    let replayed = unless_interrupted(replayed).await;
    let stopped = scratch.stop().await;
    let differ = replayed?;
    stopped?;
    let (count, total) = (words.count(differ), words.count(runs.len()));
    screen.line(&words.text(
        "workflow_replay.total",
        &[("count", &count), ("total", &total)],
    ));
    Ok(match differ {
        0 => Done::Well,
        _ => Done::Badly,
    })
}

/// The runs that are named, or the newest ended ones that the filter finds.
async fn recorded(app: &App, asked: &Replay, workflow: &str) -> Result<Vec<RunView>, Failure> {
    let tenant = tenant_of(&asked.tenant);
    let mut ids: Vec<RunId> = asked.runs.iter().copied().map(RunId).collect();
    if ids.is_empty() {
        let filter = filter_of(&asked.filter)?;
        let filter = RunFilter {
            workflow: filter.workflow.or_else(|| Some(workflow.to_owned())),
            limit: asked.limit,
            ..filter
        };
        let runs = app.engine.runs(tenant, &filter).await?;
        let ended = runs.into_iter().filter(|run| run.status.is_final());
        ids.extend(ended.map(|run| run.id));
    }
    let mut runs = Vec::with_capacity(ids.len());
    for id in ids {
        runs.push(app.engine.whole_run(tenant, id).await?);
    }
    Ok(runs)
}
