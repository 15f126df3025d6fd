//! What a tenant's machines do about runs: again, from a step or from what
//! failed, and many at once.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use chrono::{DateTime, Utc};
use engine::ids::RunId;
use engine::{Once, Rerun, RerunFrom, RunFilter};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::run_views::RunStatus;
use super::runs::{RunAccepted, accepted, once_of};
use crate::auth::Caller;
use crate::error::{Answer, NotWritten, Refused};
use crate::extract::{Body, Path, Tongue};
use crate::router::Doors;

/// From where a run is run again, and with what.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RerunBody {
    /// Steps; from the beginning without.
    #[serde(default)]
    from: Vec<String>,
    /// Instead of its own.
    inputs: Option<Value>,
    /// Outputs that stand instead of recorded ones, by step.
    #[serde(default)]
    outputs: BTreeMap<String, Value>,
    /// The published version instead of the run's own.
    #[serde(default)]
    published: bool,
    /// For whom a machine asks; a person asks for themselves.
    by: Option<String>,
}

/// Runs a run again, as a new run that names it.
#[utoipa::path(
    post,
    path = "/api/v1/runs/{id}/rerun",
    tag = "runs",
    params(
        ("id" = Uuid, Path, description = "The run"),
        ("Idempotency-Key" = Option<String>, Header, description = "Starts at most one run"),
    ),
    request_body = RerunBody,
    responses((status = 202, description = "Accepted; it is durable", body = RunAccepted), Refused, NotWritten),
)]
pub async fn rerun_run(
    State(doors): State<Doors>,
    caller: Caller,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
    Body(body): Body<RerunBody>,
) -> Answer<Response> {
    let from = match body.from.is_empty() {
        true => RerunFrom::Start,
        false => RerunFrom::Steps(body.from),
    };
    let how = Rerun {
        from,
        inputs: body.inputs,
        outputs: body.outputs,
        ..asked(id, caller.on_behalf(body.by), &headers)
    };
    again(&doors, &caller, RunId(id), body.published, how).await
}

/// How what failed is run again.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryBody {
    /// The published version instead of the run's own.
    #[serde(default)]
    published: bool,
    /// For whom a machine asks; a person asks for themselves.
    by: Option<String>,
}

/// Runs again what failed of a run, as a new run that names it.
#[utoipa::path(
    post,
    path = "/api/v1/runs/{id}/retry",
    tag = "runs",
    params(
        ("id" = Uuid, Path, description = "The run"),
        ("Idempotency-Key" = Option<String>, Header, description = "Starts at most one run"),
    ),
    request_body = RetryBody,
    responses((status = 202, description = "Accepted; it is durable", body = RunAccepted), Refused, NotWritten),
)]
pub async fn retry_run(
    State(doors): State<Doors>,
    caller: Caller,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
    Body(body): Body<RetryBody>,
) -> Answer<Response> {
    let how = Rerun {
        from: RerunFrom::Failed,
        ..asked(id, caller.on_behalf(body.by), &headers)
    };
    again(&doors, &caller, RunId(id), body.published, how).await
}

fn asked(run: Uuid, by: String, headers: &HeaderMap) -> Rerun {
    let once = once_of(headers).map(|once| Once {
        key: format!("{run}/{}", once.key),
        ..once
    });
    Rerun {
        requester: Some(by),
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
        let workflow = doors.engine.run(caller.tenant(), run).await?.workflow;
        let version = doors
            .engine
            .version_of(caller.tenant(), &workflow, None)
            .await?;
        how.version = Some(version.id);
    }
    let started = doors.engine.rerun(caller.tenant(), run, &how).await?;
    Ok(accepted(&started))
}

mirror! {
    /// What is done to each run.
    BulkAction of engine::BulkAction {
        /// It is asked to stop.
        Cancel,
        /// What failed of it is run again, as a new run.
        Retry,
    }
}

/// What is done to which runs.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkBody {
    /// What is done.
    action: BulkAction,
    /// Its id: asked again with the same one, no run is run again twice.
    operation: Uuid,
    /// Only runs that stand so.
    status: RunStatus,
    /// Only runs of this workflow.
    workflow: Option<String>,
    /// Only runs with this label: its name and its value.
    label: Option<(String, String)>,
    /// Only runs accepted since.
    since: Option<DateTime<Utc>>,
    /// Where the page begins: `next` of the page before.
    before: Option<Uuid>,
    /// Runs of a page; 50 when not said.
    #[serde(default)]
    limit: u32,
    /// For whom a machine asks; a person asks for themselves.
    by: Option<String>,
}

/// A page of an operation on many runs.
#[derive(Serialize, ToSchema)]
pub struct BulkPage {
    /// What became of its runs, newest first.
    acted: Vec<Acted>,
    /// Where the next page begins; none after the last.
    next: Option<Uuid>,
}

/// What became of one run.
#[derive(Serialize, ToSchema)]
pub struct Acted {
    /// The run.
    run: Uuid,
    /// The run that runs it again.
    again: Option<Uuid>,
    /// Why nothing was done, in the caller's language.
    refused: Option<String>,
}

/// Cancels or retries a page of runs; whoever asks sets the pace.
#[utoipa::path(
    post,
    path = "/api/v1/runs/bulk",
    tag = "runs",
    request_body = BulkBody,
    responses((status = 200, description = "What became of them", body = BulkPage), Refused, NotWritten),
)]
pub async fn act_on_runs(
    State(doors): State<Doors>,
    caller: Caller,
    Tongue(words): Tongue,
    Body(body): Body<BulkBody>,
) -> Answer<Json<BulkPage>> {
    let bulk = engine::Bulk {
        action: body.action.into(),
        filter: RunFilter {
            status: Some(body.status.into()),
            workflow: body.workflow,
            label: body.label,
            since: body.since,
            limit: body.limit,
            ..RunFilter::default()
        },
        operation: body.operation,
        by: Some(caller.on_behalf(body.by)),
    };
    let before = body.before.map(RunId);
    let page = doors
        .engine
        .bulk_page(caller.tenant(), &bulk, before)
        .await?;
    let acted = page.acted.into_iter().map(|acted| Acted {
        run: acted.run.0,
        again: acted.again.map(|run| run.0),
        refused: acted.refused.as_ref().map(|why| words.told(why)),
    });
    Ok(Json(BulkPage {
        acted: acted.collect(),
        next: page.next.map(|run| run.0),
    }))
}
