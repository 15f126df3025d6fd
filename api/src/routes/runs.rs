//! Runs: started, read, watched and cancelled by a tenant's machines.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use engine::ids::RunId;
use engine::{Once, RunEvent, RunFilter, StartRun, Started, Watch};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::run_views::{Run, RunStatus, StepStatus};
use super::{Page, page_size};
use crate::auth::Caller;
use crate::error::{Answer, NotWritten, Problem, Refused};
use crate::extract::{Body, Path, Query, Tongue};
use crate::router::Doors;

/// The trigger under which keys of callers are kept.
const BY_HAND: &str = "api";
/// How long such a key is kept.
const KEY_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// What a run is started with.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartRunBody {
    /// As the workflow's `inputs` say.
    #[serde(default)]
    inputs: Value,
}

/// A run that was accepted.
#[derive(Serialize, ToSchema)]
pub struct RunAccepted {
    /// Its id.
    run: Uuid,
    /// Where it is read.
    url: String,
    /// False when the same `Idempotency-Key` had started it before.
    new: bool,
}

/// Starts a run of the published version.
///
/// The same `Idempotency-Key` again is told of the first.
#[utoipa::path(
    post,
    path = "/api/v1/workflows/{name}/runs",
    tag = "runs",
    params(
        ("name" = String, Path, description = "The workflow's name"),
        ("Idempotency-Key" = Option<String>, Header, description = "Starts at most one run"),
    ),
    request_body = StartRunBody,
    responses((status = 202, description = "Accepted; it is durable", body = RunAccepted), Refused, NotWritten),
)]
pub async fn start_run(
    State(doors): State<Doors>,
    caller: Caller,
    Path(name): Path<String>,
    headers: HeaderMap,
    Body(body): Body<StartRunBody>,
) -> Answer<Response> {
    let run = StartRun {
        once: once_of(&headers),
        ..StartRun::new(name, body.inputs)
    };
    let started = doors.engine.start(caller.tenant(), &run).await?;
    Ok(accepted(&started))
}

/// By what a run is started once: the caller's `Idempotency-Key`.
pub(super) fn once_of(headers: &HeaderMap) -> Option<Once> {
    let key = headers.get("idempotency-key")?;
    Some(Once {
        trigger: BY_HAND.to_owned(),
        key: String::from_utf8_lossy(key.as_bytes()).into_owned(),
        kept_for: KEY_KEPT,
    })
}

/// Tells the run that was accepted, and where it is read.
pub(super) fn accepted(started: &Started) -> Response {
    let url = format!("/api/v1/runs/{}", started.run);
    let location = [(header::LOCATION, url.clone())];
    let body = Json(RunAccepted {
        run: started.run.0,
        url,
        new: started.new,
    });
    (StatusCode::ACCEPTED, location, body).into_response()
}

/// Tells a run with its steps and attempts.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{id}",
    tag = "runs",
    params(("id" = Uuid, Path, description = "The run")),
    responses((status = 200, description = "The run", body = Run), Refused),
)]
pub async fn get_run(
    State(doors): State<Doors>,
    caller: Caller,
    Tongue(words): Tongue,
    Path(id): Path<Uuid>,
) -> Answer<Json<Run>> {
    let run = doors.engine.run(caller.tenant(), RunId(id)).await?;
    Ok(Json(Run::of(run, &words)))
}

/// A line of a list of runs.
#[derive(Serialize, ToSchema)]
pub struct RunLine {
    /// Its id.
    id: Uuid,
    /// The workflow's name.
    workflow: String,
    /// How it stands.
    status: RunStatus,
    /// When it was accepted.
    created_at: DateTime<Utc>,
    /// When a worker first took it.
    started_at: Option<DateTime<Utc>>,
    /// When it ended.
    ended_at: Option<DateTime<Utc>>,
}

/// Which runs.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RunsAsked {
    /// Only those that stand so.
    status: Option<RunStatus>,
    /// Only those of this workflow.
    workflow: Option<String>,
    /// Only those with this label, `name=value`.
    label: Option<String>,
    /// Only those accepted since.
    since: Option<DateTime<Utc>>,
    /// Only those accepted before.
    until: Option<DateTime<Utc>>,
    /// Only those whose id begins so, or that have a label of this value.
    text: Option<String>,
    /// `next` of the page before.
    before: Option<Uuid>,
    /// At most so many; 50 when not said.
    limit: Option<u32>,
}

/// Lists runs, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/runs",
    tag = "runs",
    params(RunsAsked),
    responses((status = 200, description = "A page", body = Page<RunLine>), Refused),
)]
pub async fn list_runs(
    State(doors): State<Doors>,
    caller: Caller,
    Query(asked): Query<RunsAsked>,
) -> Answer<Json<Page<RunLine>>> {
    let limit = page_size(asked.limit);
    let label = asked.label.map(|label| match label.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err(Problem::new("bad_request").detail("label")),
    });
    let filter = RunFilter {
        status: asked.status.map(Into::into),
        workflow: asked.workflow,
        label: label.transpose()?,
        since: asked.since,
        until: asked.until,
        text: asked.text,
        before: asked.before.map(RunId),
        limit,
    };
    let runs = doors.engine.runs(caller.tenant(), &filter).await?;
    let lines = runs.into_iter().map(|run| RunLine {
        id: run.id.0,
        workflow: run.workflow,
        status: run.status.into(),
        created_at: run.created_at,
        started_at: run.started_at,
        ended_at: run.ended_at,
    });
    Ok(Json(Page::of(lines.collect(), limit, |line| {
        line.id.to_string()
    })))
}

/// Gives an input or output too large to stand in its run.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{id}/values/{value}",
    tag = "runs",
    params(
        ("id" = Uuid, Path, description = "The run"),
        ("value" = Uuid, Path, description = "As an attempt's `input_apart` or `output_apart` says"),
    ),
    responses((status = 200, description = "The value", body = Value), Refused),
)]
pub async fn get_value(
    State(doors): State<Doors>,
    caller: Caller,
    Path((run, value)): Path<(Uuid, Uuid)>,
) -> Answer<Json<Value>> {
    let value = doors.engine.value(caller.tenant(), RunId(run), value);
    Ok(Json(value.await?))
}

/// Asks a run to stop.
///
/// Asking twice is harmless.
#[utoipa::path(
    post,
    path = "/api/v1/runs/{id}/cancel",
    tag = "runs",
    params(("id" = Uuid, Path, description = "The run")),
    responses((status = 202, description = "It will stop"), Refused, NotWritten),
)]
pub async fn cancel_run(
    State(doors): State<Doors>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Answer<StatusCode> {
    doors.engine.cancel(caller.tenant(), RunId(id)).await?;
    Ok(StatusCode::ACCEPTED)
}

/// What moved in a run: the data of one message of the stream.
#[derive(Serialize, ToSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum RunMoved {
    /// The run stands differently; the message is named `run`.
    Run {
        /// How.
        status: RunStatus,
    },
    /// A step outside of loops stands differently; the message is named `step`.
    Step {
        /// Its id.
        step: String,
        /// 1 for the first attempt.
        attempt: u32,
        /// How.
        status: StepStatus,
        /// When the attempt began.
        started_at: DateTime<Utc>,
        /// When it ended.
        ended_at: Option<DateTime<Utc>>,
    },
}

impl From<RunEvent> for RunMoved {
    fn from(moved: RunEvent) -> Self {
        match moved {
            RunEvent::Run { status } => Self::Run {
                status: status.into(),
            },
            RunEvent::Step {
                step,
                attempt,
                status,
                started_at,
                ended_at,
            } => Self::Step {
                step,
                attempt,
                status: status.into(),
                started_at,
                ended_at,
            },
        }
    }
}

/// Tells what moves in a run, as it moves.
///
/// What it has done so far comes first, so that a client that lost the stream
/// asks again and misses nothing. Ends with the run, or when the process is to
/// stop; a client that has seen the run's end, as its `Last-Event-ID` tells, is
/// answered 204.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{id}/events",
    tag = "runs",
    params(("id" = Uuid, Path, description = "The run")),
    responses(
        (status = 200, description = "Server-sent events", body = RunMoved, content_type = "text/event-stream"),
        (status = 204, description = "There is nothing after what was seen"),
        Refused,
    ),
)]
pub async fn watch_run(
    State(doors): State<Doors>,
    caller: Caller,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
) -> Answer<Response> {
    let run = RunId(id);
    let seen = headers.get("last-event-id");
    // Unknown runs are told before the stream begins.
    doors.engine.run(caller.tenant(), run).await?;
    if seen.is_some_and(|seen| seen == ENDED) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let watch = doors.engine.watch(caller.tenant(), run);
    let moving = futures::stream::unfold((watch, doors.closing), next);
    Ok(Sse::new(moving)
        .keep_alive(KeepAlive::default())
        .into_response())
}

/// The id of the last message of a run.
const ENDED: &str = "ended";
/// The id of those before: whoever saw one is told all that stands.
const UNDER_WAY: &str = "under-way";

type Watching = (Watch, tokio::sync::watch::Receiver<bool>);

async fn next((mut watch, mut closing): Watching) -> Option<(Result<Event, Infallible>, Watching)> {
    let moved = tokio::select! {
        moved = watch.next() => moved,
        _ = closing.wait_for(|closing| *closing) => return None,
    };
    match moved {
        Ok(Some(moved)) => {
            let ended = matches!(&moved, RunEvent::Run { status } if status.is_final());
            let moved = RunMoved::from(moved);
            let name = match moved {
                RunMoved::Run { .. } => "run",
                RunMoved::Step { .. } => "step",
            };
            let event = Event::default().event(name).json_data(&moved).ok()?;
            let event = event.id(if ended { ENDED } else { UNDER_WAY });
            Some((Ok(event), (watch, closing)))
        }
        Ok(None) => None,
        Err(error) => {
            tracing::warn!(%error, "a run is not watched any more");
            None
        }
    }
}
