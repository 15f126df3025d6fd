//! HTTP: one file a door.
//!
//! Handlers know the engine and the words; they know no SQL. Whatever goes
//! wrong is a [`problem::Problem`].

mod acts;
mod auth;
mod health;
mod hooks;
pub mod problem;
mod runs;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, Uri};
use axum::routing::{any, get, post};
use engine::Engine;
use tokio::net::TcpListener;
use tokio::sync::watch;

use self::problem::Problem;

/// The most that a request may say.
const LARGEST_BODY: usize = 1 << 20;
/// How long answers under way may take once the process is to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// What every handler knows.
#[derive(Clone)]
pub struct Doors {
    engine: Engine,
    /// True once the process is to stop.
    closing: watch::Receiver<bool>,
}

/// Every route, on one screen.
fn router(doors: Doors) -> Router {
    Router::new()
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .route("/hooks/{tenant}/{*path}", any(hooks::production))
        .route("/hooks-test/{tenant}/{*path}", any(hooks::test))
        .route("/api/v1/workflows/{name}/runs", post(runs::start_run))
        .route("/api/v1/runs/{id}", get(runs::get_run))
        .route("/api/v1/runs/{id}/events", get(runs::watch_run))
        .route("/api/v1/runs/{id}/values/{value}", get(runs::get_value))
        .route("/api/v1/runs/{id}/cancel", post(runs::cancel_run))
        .route("/api/v1/runs/{id}/retry", post(acts::retry_run))
        .route("/api/v1/runs/{id}/rerun", post(acts::rerun_run))
        .route("/api/v1/runs/bulk", post(acts::act_on_runs))
        .fallback(unknown)
        .method_not_allowed_fallback(not_allowed)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(doors)
}

async fn unknown(uri: Uri) -> Problem {
    Problem::new("not_found").detail(uri.path())
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
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (closed, closing) = watch::channel(false);
    let closed = Arc::new(closed);
    let router = router(Doors {
        engine,
        closing: closing.clone(),
    });
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
