//! Whether the process is up, and whether it can work.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{Answer, Problem, Refused};
use crate::router::Doors;

/// How the process stands.
#[derive(Serialize, ToSchema)]
pub struct HealthView {
    /// `up` or `ready`.
    status: &'static str,
}

/// Tells that the process is up.
#[utoipa::path(get, path = "/health", tag = "health", responses((status = 200, description = "It is up", body = HealthView)))]
pub async fn health() -> Json<HealthView> {
    Json(HealthView { status: "up" })
}

/// Tells whether the process can work: the database answers, and it is not closing.
#[utoipa::path(get, path = "/ready", tag = "health", responses((status = 200, description = "It can work", body = HealthView), Refused))]
pub async fn ready(State(doors): State<Doors>) -> Answer<Json<HealthView>> {
    if *doors.closing.borrow() {
        return Err(Problem::new("unavailable"));
    }
    doors.engine.ping().await?;
    Ok(Json(HealthView { status: "ready" }))
}
