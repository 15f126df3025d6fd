//! `copro runs rerun|retry`: a run again, as a new run that names its origin.

use std::collections::BTreeMap;

use engine::ids::{RunId, TenantId};
use engine::{BulkAction, Rerun, RerunFrom};
use serde_json::Value;

use super::bulk::Task;
use super::source::version_of;
use super::{Done, run};
use crate::app::App;
use crate::cli::{RerunRun, RetryRuns};
use crate::failure::Failure;
use crate::screen::Screen;
use crate::tenancy::tenant_of;
use crate::words::Words;

/// Runs a run again from a step, with edited data, and follows it.
///
/// # Errors
/// When it cannot be run again like that, or does not succeed.
pub async fn rerun(
    app: &App,
    asked: &RerunRun,
    screen: &Screen,
    words: &Words,
) -> Result<Done, Failure> {
    let inputs = asked.input.as_deref().map(run::inputs).transpose()?;
    let mut outputs = BTreeMap::new();
    for set in &asked.set {
        let (step, json) = set
            .split_once('=')
            .ok_or_else(|| Failure::new("bad_set").with("value", set))?;
        let output: Value = serde_json::from_str(json)
            .map_err(|error| Failure::new("bad_set").with("value", set).caused_by(error))?;
        outputs.insert(step.trim().to_owned(), output);
    }
    let how = Rerun {
        from: match asked.from.is_empty() {
            true => RerunFrom::Start,
            false => RerunFrom::Steps(asked.from.clone()),
        },
        inputs,
        outputs,
        requester: asked.name.clone(),
        ..Rerun::default()
    };
    let (tenant, origin) = (tenant_of(&asked.tenant), RunId(asked.run));
    again(
        app,
        tenant,
        origin,
        asked.version.as_deref(),
        how,
        screen,
        words,
    )
    .await
}

/// Runs again what failed of a run, and follows it; or of many, by filter.
///
/// # Errors
/// As [`rerun`].
pub async fn retry(
    app: &App,
    asked: &RetryRuns,
    screen: &Screen,
    words: &Words,
) -> Result<Done, Failure> {
    let tenant = tenant_of(&asked.tenant);
    let Some(origin) = asked.run else {
        let task = Task {
            action: BulkAction::Retry,
            asked: &asked.many,
            by: asked.name.as_deref(),
        };
        return task.execute(app, tenant, screen, words).await;
    };
    let how = Rerun {
        requester: asked.name.clone(),
        ..Rerun::failed()
    };
    let version = asked.version.as_deref();
    again(app, tenant, RunId(origin), version, how, screen, words).await
}

async fn again(
    app: &App,
    tenant: TenantId,
    origin: RunId,
    version: Option<&str>,
    how: Rerun,
    screen: &Screen,
    words: &Words,
) -> Result<Done, Failure> {
    let workflow = app.engine.run(tenant, origin).await?.workflow;
    let how = Rerun {
        version: match version {
            None => None,
            Some(asked) => Some(version_of(app, tenant, &workflow, asked).await?.id),
        },
        ..how
    };
    let started = app.engine.rerun(tenant, origin, &how).await?;
    run::watch(app, tenant, &workflow, started, screen, words).await
}
