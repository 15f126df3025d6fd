//! Runs: started, read, watched and cancelled by a tenant's machines.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use engine::ids::RunId;
use engine::{Once, RunView, StartRun, Started, Watch};
use futures::Stream;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Doors;
use super::auth::Caller;
use super::problem::{Answer, Problem};

/// The trigger under which keys of callers are kept.
const BY_HAND: &str = "api";
/// How long such a key is kept.
const KEY_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// What a run is started with.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartBody {
    #[serde(default)]
    inputs: Value,
}

/// Starts a run of the published version; the same `Idempotency-Key` again is
/// told of the first.
pub async fn start_run(
    State(doors): State<Doors>,
    caller: Caller,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Result<Json<StartBody>, JsonRejection>,
) -> Answer<Response> {
    let run = StartRun {
        once: once_of(&headers),
        ..StartRun::new(name, understood(body)?.inputs)
    };
    let started = doors.engine.start(caller.tenant, &run).await?;
    Ok(accepted(&started))
}

/// The body, unless it is not understood.
pub(super) fn understood<T>(body: Result<Json<T>, JsonRejection>) -> Answer<T> {
    let Json(body) = body.map_err(|rejected| match rejected.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new("too_large"),
        _ => Problem::new("bad_request").detail(rejected.body_text()),
    })?;
    Ok(body)
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
    let body = Json(json!({ "run": started.run, "url": url, "new": started.new }));
    (StatusCode::ACCEPTED, location, body).into_response()
}

/// A run with its steps and attempts.
pub async fn get_run(
    State(doors): State<Doors>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Answer<Json<RunView>> {
    Ok(Json(doors.engine.run(caller.tenant, RunId(id)).await?))
}

/// An input or output too large to stand in its run.
pub async fn get_value(
    State(doors): State<Doors>,
    caller: Caller,
    Path((run, value)): Path<(Uuid, Uuid)>,
) -> Answer<Json<Value>> {
    let value = doors.engine.value(caller.tenant, RunId(run), value);
    Ok(Json(value.await?))
}

/// Asks a run to stop; asking twice is harmless.
pub async fn cancel_run(
    State(doors): State<Doors>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Answer<StatusCode> {
    doors.engine.cancel(caller.tenant, RunId(id)).await?;
    Ok(StatusCode::ACCEPTED)
}

/// What moves in a run, as it is flushed: what it has done so far first. Ends
/// with the run, or when the process is to stop.
pub async fn watch_run(
    State(doors): State<Doors>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Answer<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let run = RunId(id);
    // Unknown runs are told before the stream begins.
    doors.engine.run(caller.tenant, run).await?;
    let watch = doors.engine.watch(caller.tenant, run);
    let moving = futures::stream::unfold((watch, doors.closing), next);
    Ok(Sse::new(moving).keep_alive(KeepAlive::default()))
}

type Watching = (Watch, tokio::sync::watch::Receiver<bool>);

async fn next((mut watch, mut closing): Watching) -> Option<(Result<Event, Infallible>, Watching)> {
    let moved = tokio::select! {
        moved = watch.next() => moved,
        _ = closing.wait_for(|closing| *closing) => return None,
    };
    match moved {
        Ok(Some(moved)) => {
            let name = match &moved {
                engine::RunEvent::Run { .. } => "run",
                engine::RunEvent::Step { .. } => "step",
            };
            let event = Event::default().event(name).json_data(&moved).ok()?;
            Some((Ok(event), (watch, closing)))
        }
        Ok(None) => None,
        Err(error) => {
            tracing::warn!(%error, "a run is not watched any more");
            None
        }
    }
}
