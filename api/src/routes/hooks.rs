//! Webhooks: any request to a workflow's address.

use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use engine::ids::TenantId;
use engine::{Accepted, Delivered, Delivery, Reply, RunStatus};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::{Answer, Problem, ProblemView};
use crate::extract::Path;
use crate::router::Doors;

/// How long a caller waits for more than the run's address.
const PATIENCE: Duration = Duration::from_secs(30);
/// Headers that a workflow cannot set: those of the connection, and those by
/// which it would reach people who are signed in at this host.
const NOT_ITS_OWN: [HeaderName; 8] = [
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::SET_COOKIE,
    header::CONTENT_SECURITY_POLICY,
    header::STRICT_TRANSPORT_SECURITY,
    HeaderName::from_static("clear-site-data"),
    HeaderName::from_static("service-worker-allowed"),
];
/// What a workflow answers is no page of ours: a browser runs none of it here.
const SANDBOX: &str = "default-src 'none'; sandbox";

/// The run that a request started.
#[derive(Serialize, ToSchema)]
pub struct HookAccepted {
    /// Its id.
    run: Uuid,
    /// Where it is read.
    url: String,
}

type Received = Result<Bytes, BytesRejection>;
type Parts = (Method, Uri, HeaderMap, Received);

/// The address of a published version.
#[utoipa::path(
    method(get, post, put, patch, delete),
    path = "/hooks/{tenant}/{path}",
    tag = "webhooks",
    params(
        ("tenant" = String, Path, description = "The manager whose workflow it is"),
        ("path" = String, Path, description = "The path of the workflow's webhook; it may hold slashes"),
    ),
    responses(
        (status = 202, description = "A run was accepted", body = HookAccepted),
        (status = 204, description = "The workflow's filter leaves the request out"),
        (status = "default", description = "What the workflow answers, or a problem", body = ProblemView, content_type = "application/problem+json"),
    ),
    security(()),
)]
pub async fn production(
    State(doors): State<Doors>,
    Path((tenant, path)): Path<(String, String)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Received,
) -> Answer<Response> {
    take(&doors, &tenant, path, (method, uri, headers, body), false).await
}

/// The test address: the version that was saved last.
#[utoipa::path(
    method(get, post, put, patch, delete),
    path = "/hooks-test/{tenant}/{path}",
    tag = "webhooks",
    params(
        ("tenant" = String, Path, description = "The manager whose workflow it is"),
        ("path" = String, Path, description = "The path of the workflow's webhook; it may hold slashes"),
    ),
    responses(
        (status = 202, description = "A run was accepted", body = HookAccepted),
        (status = 204, description = "The workflow's filter leaves the request out"),
        (status = "default", description = "What the workflow answers, or a problem", body = ProblemView, content_type = "application/problem+json"),
    ),
    security(()),
)]
pub async fn test(
    State(doors): State<Doors>,
    Path((tenant, path)): Path<(String, String)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Received,
) -> Answer<Response> {
    take(&doors, &tenant, path, (method, uri, headers, body), true).await
}

async fn take(
    doors: &Doors,
    tenant: &str,
    path: String,
    (method, uri, headers, body): Parts,
    test: bool,
) -> Answer<Response> {
    let tenant = tenant
        .parse::<Uuid>()
        .map_err(|_| Problem::new("not_found"))?;
    let body = body.map_err(|rejected| match rejected.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new("too_large"),
        _ => Problem::new("bad_request").detail(rejected.body_text()),
    })?;
    let headers = headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    let delivery = Delivery {
        method: method.as_str().to_owned(),
        path: format!("/{path}"),
        query: uri.query().unwrap_or_default().to_owned(),
        headers: headers.collect(),
        body: body.to_vec(),
        test,
    };
    match doors.engine.receive(TenantId(tenant), &delivery).await? {
        Delivered::Filtered => Ok(StatusCode::NO_CONTENT.into_response()),
        Delivered::Run(accepted) => reply(doors, &accepted).await,
    }
}

async fn reply(doors: &Doors, accepted: &Accepted) -> Answer<Response> {
    let mut closing = doors.closing.clone();
    let reply = tokio::select! {
        reply = doors.engine.reply(accepted, PATIENCE) => reply?,
        // The run goes on elsewhere: its caller is told where.
        _ = closing.wait_for(|closing| *closing) => Reply::Later,
    };
    match reply {
        Reply::Later => Ok(address(accepted)),
        Reply::Said(said) => said_response(&said),
        Reply::Ended {
            status: RunStatus::Succeeded,
            outputs,
            ..
        } => Ok(Json(outputs.unwrap_or(Value::Null)).into_response()),
        Reply::Ended { error, .. } => Err(match error {
            Some(error) => Problem::new("run_failed").detail(error.code),
            None => Problem::new("run_failed"),
        }),
    }
}

fn address(accepted: &Accepted) -> Response {
    let url = format!("/api/v1/runs/{}", accepted.run);
    let location = [(header::LOCATION, url.clone())];
    let body = Json(HookAccepted {
        run: accepted.run.0,
        url,
    });
    (StatusCode::ACCEPTED, location, body).into_response()
}

/// What a `respond` step said.
fn said_response(said: &Value) -> Answer<Response> {
    let status = said["status"]
        .as_u64()
        .and_then(|it| u16::try_from(it).ok());
    let status = StatusCode::from_u16(status.unwrap_or(200)).unwrap_or(StatusCode::OK);
    let (kind, body) = match &said["body"] {
        Value::Null => (None, Vec::new()),
        Value::String(text) => (Some("text/plain; charset=utf-8"), text.clone().into_bytes()),
        other => (Some("application/json"), other.to_string().into_bytes()),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if let Some(kind) = kind {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    for (name, value) in said["headers"].as_object().into_iter().flatten() {
        let name = name.parse::<HeaderName>();
        let value = HeaderValue::from_str(value.as_str().unwrap_or_default());
        if let (Ok(name), Ok(value)) = (name, value)
            && !NOT_ITS_OWN.contains(&name)
        {
            headers.insert(name, value);
        }
    }
    let sandbox = HeaderValue::from_static(SANDBOX);
    headers.insert(header::CONTENT_SECURITY_POLICY, sandbox);
    Ok(response)
}
