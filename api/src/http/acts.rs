//! What a tenant's machines do about runs: again, from a step or from what
//! failed, and many at once.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use chrono::{DateTime, Utc};
use engine::ids::RunId;
use engine::{Bulk, BulkAction, BulkPage, Once, Rerun, RerunFrom, RunFilter, RunStatus};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::Doors;
use super::auth::Caller;
use super::problem::Answer;
use super::runs::{accepted, once_of, understood};

/// From where a run is run again, and with what.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RerunBody {
    /// Steps; from the beginning without.
    #[serde(default)]
    from: Vec<String>,
    inputs: Option<Value>,
    /// Outputs that stand instead of recorded ones, by step.
    #[serde(default)]
    outputs: BTreeMap<String, Value>,
    /// The published version instead of the run's own.
    #[serde(default)]
    published: bool,
    /// Who asks.
    by: Option<String>,
}

/// Runs a run again, as a new run that names it.
pub async fn rerun_run(
    State(doors): State<Doors>,
    caller: Caller,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
    body: Result<Json<RerunBody>, JsonRejection>,
) -> Answer<Response> {
    let body = understood(body)?;
    let from = match body.from.is_empty() {
        true => RerunFrom::Start,
        false => RerunFrom::Steps(body.from),
    };
    let how = Rerun {
        from,
        inputs: body.inputs,
        outputs: body.outputs,
        ..asked(id, body.by, &headers)
    };
    again(&doors, &caller, RunId(id), body.published, how).await
}

/// How what failed is run again.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryBody {
    /// The published version instead of the run's own.
    #[serde(default)]
    published: bool,
    /// Who asks.
    by: Option<String>,
}

/// Runs again what failed of a run, as a new run that names it.
pub async fn retry_run(
    State(doors): State<Doors>,
    caller: Caller,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
    body: Result<Json<RetryBody>, JsonRejection>,
) -> Answer<Response> {
    let body = understood(body)?;
    let how = Rerun {
        from: RerunFrom::Failed,
        ..asked(id, body.by, &headers)
    };
    again(&doors, &caller, RunId(id), body.published, how).await
}

fn asked(run: Uuid, by: Option<String>, headers: &HeaderMap) -> Rerun {
    let once = once_of(headers).map(|once| Once {
        key: format!("{run}/{}", once.key),
        ..once
    });
    Rerun {
        requester: by,
        once,
        ..Rerun::default()
    }
}

async fn again(
    doors: &Doors,
    caller: &Caller,
    run: RunId,
    published: bool,
    mut how: Rerun,
) -> Answer<Response> {
    if published {
        let workflow = doors.engine.run(caller.tenant, run).await?.workflow;
        let version = doors
            .engine
            .version_of(caller.tenant, &workflow, None)
            .await?;
        how.version = Some(version.id);
    }
    let started = doors.engine.rerun(caller.tenant, run, &how).await?;
    Ok(accepted(&started))
}

/// What is done to which runs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BulkBody {
    action: BulkAction,
    /// Its id: asked again with the same one, no run is run again twice.
    operation: Uuid,
    status: RunStatus,
    workflow: Option<String>,
    label: Option<(String, String)>,
    since: Option<DateTime<Utc>>,
    /// Where the page begins: `next` of the page before.
    before: Option<RunId>,
    /// Runs of a page; 50 when not said.
    #[serde(default)]
    limit: u32,
    /// Who asks.
    by: Option<String>,
}

/// Cancels or retries a page of runs; whoever asks sets the pace.
pub async fn act_on_runs(
    State(doors): State<Doors>,
    caller: Caller,
    body: Result<Json<BulkBody>, JsonRejection>,
) -> Answer<Json<BulkPage>> {
    let body = understood(body)?;
    let bulk = Bulk {
        action: body.action,
        filter: RunFilter {
            status: Some(body.status),
            workflow: body.workflow,
            label: body.label,
            since: body.since,
            limit: body.limit,
            ..RunFilter::default()
        },
        operation: body.operation,
        by: body.by,
    };
    let page = doors
        .engine
        .bulk_page(caller.tenant, &bulk, body.before)
        .await?;
    Ok(Json(page))
}
