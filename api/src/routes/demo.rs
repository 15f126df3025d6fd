//! The demo's accounts, for the page where one signs in.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::{Role, demo};
use crate::error::{Answer, Problem, Refused};
use crate::router::Doors;

/// An account of the demo, in one of its tenants.
#[derive(Serialize, ToSchema)]
pub struct DemoAccountView {
    /// With what it signs in.
    email: String,
    /// The same for all: it is no secret.
    password: &'static str,
    /// What people read.
    name: String,
    /// What it is there.
    role: Role,
    /// The tenant's name.
    tenant: String,
}

/// The accounts that anyone may try, where the demo is served.
#[utoipa::path(
    get,
    path = "/api/v1/demo/accounts",
    tag = "session",
    responses(
        (status = 200, description = "An account a tenant it belongs to", body = Vec<DemoAccountView>),
        Refused,
    ),
)]
pub async fn list_demo_accounts(State(doors): State<Doors>) -> Answer<Json<Vec<DemoAccountView>>> {
    if !doors.auth.settings().demo {
        return Err(Problem::new("not_found"));
    }
    let accounts = doors.auth.demo_accounts().await?;
    let views = accounts.into_iter().filter_map(|it| {
        Some(DemoAccountView {
            role: Role::named(&it.role)?,
            email: it.email,
            password: demo::PASSWORD,
            name: it.name,
            tenant: it.tenant,
        })
    });
    Ok(Json(views.collect()))
}
