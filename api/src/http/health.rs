//! Whether the process is up, and whether it can work.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::Doors;
use super::problem::{Answer, Problem};

/// The process is up.
pub async fn health() -> Json<Value> {
    Json(json!({ "status": "up" }))
}

/// The process can work: the database answers, and it is not closing.
pub async fn ready(State(doors): State<Doors>) -> Answer<Json<Value>> {
    if *doors.closing.borrow() {
        return Err(Problem::new("unavailable"));
    }
    doors.engine.ping().await?;
    Ok(Json(json!({ "status": "ready" })))
}
