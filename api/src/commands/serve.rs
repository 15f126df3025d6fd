//! `copro serve`: the HTTP doors and a worker, until somebody asks it to stop.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::Done;
use crate::app::App;
use crate::auth::{Auth, Settings};
use crate::config::Config;
use crate::failure::Failure;
use crate::router;
use crate::screen::Screen;
use crate::signals::interrupted;
use crate::words::Words;

/// Listens, says where, and serves until the process is asked to stop; answers
/// under way are let end.
///
/// # Errors
/// When the address cannot be listened at.
pub async fn execute(
    app: &App,
    listen: SocketAddr,
    demo: bool,
    config: &Config,
    screen: &Screen,
    words: &Words,
) -> Result<Done, Failure> {
    let refused = |error: std::io::Error| {
        Failure::new("cannot_listen")
            .with("address", listen)
            .caused_by(error)
    };
    let listener = TcpListener::bind(listen).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?.to_string();
    screen.line(&words.text("serve.started", &[("address", &address)]));
    let stop = async {
        // Without signals it serves until it is killed.
        if interrupted().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let settings = Settings {
        https: config.https(),
        demo,
        proxies: config.proxies.clone(),
    };
    let clock = app.engine.clock().clone();
    let auth = Auth::new(app.identities.clone(), clock, settings);
    router::serve(listener, app.engine.clone(), auth, stop)
        .await
        .map_err(refused)?;
    screen.line(&words.say("serve.stopped"));
    Ok(Done::Well)
}
