//! Every route, on one screen, and the server that answers at them.
//!
//! Handlers know the engine and the words; they know no SQL. Whatever goes
//! wrong is a [`crate::error::Problem`].

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::Method;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::any;
use engine::Engine;
use tokio::net::TcpListener;
use tokio::sync::watch;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::SwaggerUi;

use crate::auth::{self, Auth, gate};
use crate::error::{Problem, in_the_callers_language};
use crate::guards;
use crate::routes::{
    acts, approvals, demo, health, hooks, nodes, portfolio, reconciliation, runs, screens, session,
    sessions, triggers, workflows,
};

/// The most that a request may say.
const LARGEST_BODY: usize = 1 << 20;
/// How long answers under way may take once the process is to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// What every handler knows.
#[derive(Clone)]
pub struct Doors {
    /// The engine.
    pub engine: Engine,
    /// Who signs in, and who is signed in.
    pub auth: Auth,
    /// True once the process is to stop.
    pub closing: watch::Receiver<bool>,
}

/// What the documentation says beside the routes.
#[derive(OpenApi)]
#[openapi(
    info(title = "Le copropriétaire", description = "Workflows, runs and what they do for condominiums."),
    paths(hooks::production, hooks::test),
    security(("token" = []), ("session" = [])),
    modifiers(&Security),
)]
struct Described;

struct Security;

impl utoipa::Modify for Security {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let token = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let components = api.components.get_or_insert_default();
        components.add_security_scheme("token", token);
        let cookie = ApiKey::Cookie(ApiKeyValue::new(auth::COOKIE));
        components.add_security_scheme("session", SecurityScheme::ApiKey(cookie));
    }
}

/// Every documented route.
fn routes() -> OpenApiRouter<Doors> {
    OpenApiRouter::with_openapi(Described::openapi())
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .routes(routes!(nodes::list_nodes))
        .routes(routes!(workflows::list_workflows))
        .routes(routes!(workflows::get_workflow, workflows::save_workflow))
        .routes(routes!(workflows::check_workflow))
        .routes(routes!(workflows::get_language))
        .routes(routes!(workflows::list_versions))
        .routes(routes!(workflows::get_version))
        .routes(routes!(workflows::diff_workflow))
        .routes(routes!(workflows::publish_workflow))
        .routes(routes!(workflows::list_gallery))
        .routes(routes!(workflows::enable_shipped))
        .routes(routes!(runs::list_runs))
        .routes(routes!(runs::start_run))
        .routes(routes!(runs::get_run))
        .routes(routes!(runs::watch_run))
        .routes(routes!(runs::get_value))
        .routes(routes!(runs::cancel_run))
        .routes(routes!(acts::retry_run))
        .routes(routes!(acts::rerun_run))
        .routes(routes!(acts::act_on_runs))
        .routes(routes!(
            session::get_session,
            session::sign_in,
            session::sign_out
        ))
        .routes(routes!(session::change_password))
        .routes(routes!(session::stand))
        .routes(routes!(sessions::list_sessions, sessions::end_sessions))
        .routes(routes!(sessions::end_session))
        .routes(routes!(demo::list_demo_accounts))
        .routes(routes!(approvals::list_approvals))
        .routes(routes!(approvals::answer_approval))
        .routes(routes!(approvals::answer_outcome))
        .routes(routes!(triggers::list_triggers))
        .routes(routes!(triggers::list_faults))
        .routes(routes!(triggers::publish_event))
        .routes(routes!(reconciliation::list_transactions))
        .routes(routes!(reconciliation::get_transaction))
        .routes(routes!(reconciliation::decide_transaction))
        .routes(routes!(reconciliation::undo_transaction))
        .routes(routes!(reconciliation::list_totals))
        .routes(routes!(portfolio::list_condominiums))
        .routes(routes!(portfolio::list_lots))
        .routes(routes!(portfolio::list_owners))
        .routes(routes!(portfolio::list_receivables))
        .routes(routes!(portfolio::list_invoices))
}

/// What the API is, for programs that read OpenAPI.
pub fn openapi() -> utoipa::openapi::OpenApi {
    routes().into_openapi()
}

/// Every address of the process.
pub fn router(doors: Doors) -> Router {
    let https = doors.auth.settings().https;
    let (routes, api) = routes().split_for_parts();
    let routes = routes
        // Their addresses are free, which OpenAPI cannot say.
        .route("/hooks/{tenant}/{*path}", any(hooks::production))
        .route("/hooks-test/{tenant}/{*path}", any(hooks::test))
        .route_layer(from_fn_with_state(doors.clone(), gate::gate))
        // Behind no gate: what the API is, is no secret.
        .merge(SwaggerUi::new("/docs").url("/api/v1/openapi.json", api))
        .fallback(screens::serve)
        .method_not_allowed_fallback(not_allowed)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(guards::other_sites())
        .layer(from_fn(in_the_callers_language))
        .with_state(doors);
    guards::with_headers(routes, https)
}

async fn not_allowed(method: Method) -> Problem {
    Problem::new("method_not_allowed").detail(method.as_str())
}

/// Serves until `stop` ends, then lets answers under way end for a while.
///
/// # Errors
/// When the socket breaks.
pub async fn serve(
    listener: TcpListener,
    engine: Engine,
    auth: Auth,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (closed, closing) = watch::channel(false);
    let closed = Arc::new(closed);
    let router = router(Doors {
        engine,
        auth,
        closing: closing.clone(),
    })
    .into_make_service_with_connect_info::<SocketAddr>();
    let graceful = {
        let closed = Arc::clone(&closed);
        async move {
            stop.await;
            closed.send_replace(true);
        }
    };
    let served = axum::serve(listener, router)
        .with_graceful_shutdown(graceful)
        .into_future();
    tokio::select! {
        served = served => served,
        () = overdue(closing) => {
            tracing::warn!("the process stops with answers under way");
            Ok(())
        }
    }
}

/// Ends when the process has been closing for too long.
async fn overdue(mut closing: watch::Receiver<bool>) {
    if closing.wait_for(|closing| *closing).await.is_ok() {
        tokio::time::sleep(DRAIN).await;
    } else {
        std::future::pending::<()>().await;
    }
}
