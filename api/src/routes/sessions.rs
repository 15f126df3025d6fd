//! All sessions of whoever is signed in: where one is signed in, and out everywhere.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::session::gone;
use crate::auth::Person;
use crate::error::{Answer, Refused};
use crate::extract::Path;
use crate::router::Doors;

/// A session of the person who asks.
#[derive(Serialize, ToSchema)]
pub struct OpenSession {
    /// Its id.
    id: Uuid,
    /// Whether it is the one that asks.
    current: bool,
    /// The address from where it was opened.
    address: String,
    /// The browser that opened it, as it calls itself.
    agent: String,
    /// When it was opened.
    created_at: DateTime<Utc>,
    /// When it was last heard of, to the minute.
    seen_at: DateTime<Utc>,
}

/// Where one is signed in, last seen first.
#[utoipa::path(
    get,
    path = "/api/v1/sessions",
    tag = "session",
    security(("session" = [])),
    responses(
        (status = 200, description = "Every open session", body = Vec<OpenSession>),
        Refused,
    ),
)]
pub async fn list_sessions(
    State(doors): State<Doors>,
    person: Person,
) -> Answer<Json<Vec<OpenSession>>> {
    let sessions = doors.auth.sessions(&person).await?;
    let views = sessions.into_iter().map(|it| OpenSession {
        id: it.id,
        current: it.id == person.session,
        address: it.address,
        agent: it.agent,
        created_at: it.created_at,
        seen_at: it.seen_at,
    });
    Ok(Json(views.collect()))
}

/// Ends one of one's sessions.
#[utoipa::path(
    delete,
    path = "/api/v1/sessions/{id}",
    tag = "session",
    params(("id" = Uuid, Path, description = "The session")),
    security(("session" = [])),
    responses(
        (status = 204, description = "It has ended"),
        Refused,
    ),
)]
pub async fn end_session(
    State(doors): State<Doors>,
    person: Person,
    Path(id): Path<Uuid>,
) -> Answer<StatusCode> {
    doors.auth.end(&person, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Signs out everywhere, here too.
#[utoipa::path(
    delete,
    path = "/api/v1/sessions",
    tag = "session",
    security(("session" = [])),
    responses(
        (status = 204, description = "All have ended; the cookie is gone"),
        Refused,
    ),
)]
pub async fn end_sessions(State(doors): State<Doors>, person: Person) -> Answer<impl IntoResponse> {
    doors.auth.end_all(&person).await?;
    Ok(gone(&doors))
}
