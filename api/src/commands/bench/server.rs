//! The `copro` that is measured over HTTP: a process of its own, so that its
//! memory is not that of its clients.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;

use engine::crypto::MasterKey;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdin, Command};

use super::nodes;
use crate::app::{App, Scratch};
use crate::auth::{Auth, Settings};
use crate::commands::Done;
use crate::config::Config;
use crate::failure::Failure;
use crate::router;
use crate::screen::Screen;

/// A server that ends with this.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its process.
    pub process: u32,
    child: Child,
    /// It stops when this closes.
    input: ChildStdin,
}

impl Server {
    /// Starts it on the database of this measure.
    ///
    /// # Errors
    /// When it does not start, or does not say where it listens.
    pub async fn start(scratch: &Scratch, master: &MasterKey) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::new("bench_server_failed").caused_by(error);
        let program = std::env::current_exe().map_err(failed)?;
        let mut child = Command::new(program)
            .args(["bench", "--serve"])
            .env("DATABASE_URL", scratch.url())
            .env("DATABASE_DIRECT_URL", scratch.admin_url())
            .env("COPRO_MASTER_KEY", master.to_hex().as_str())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let (Some(input), Some(output), Some(process)) =
            (child.stdin.take(), child.stdout.take(), child.id())
        else {
            return Err(Failure::new("bench_server_failed"));
        };
        let mut line = String::new();
        let mut output = BufReader::new(output);
        output.read_line(&mut line).await.map_err(failed)?;
        let address = line
            .trim()
            .parse()
            .map_err(|error| Failure::new("bench_server_failed").caused_by(error))?;
        Ok(Self {
            address,
            process,
            child,
            input,
        })
    }

    /// Asks it to stop, and waits for its end.
    ///
    /// # Errors
    /// When it does not end well.
    pub async fn stop(mut self) -> Result<(), Failure> {
        drop(self.input);
        match self.child.wait().await {
            Ok(status) if status.success() => Ok(()),
            Ok(_) => Err(Failure::new("bench_server_failed")),
            Err(error) => Err(Failure::new("bench_server_failed").caused_by(error)),
        }
    }
}

/// Is that server, until its input closes.
///
/// # Errors
/// When it cannot start.
pub async fn serve(config: &Config, screen: &Screen) -> Result<Done, Failure> {
    let failed = |error: std::io::Error| Failure::new("bench_server_failed").caused_by(error);
    let registry = nodes::registry().expect("the list of nodes is checked by a test");
    let app = App::start_with(config, registry).await?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .map_err(failed)?;
    screen.line(&listener.local_addr().map_err(failed)?.to_string());
    // A parent that died closes it as well.
    let closed =
        tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    let asked_to_stop = async {
        if let Ok(Err(error)) = closed.await {
            tracing::warn!(%error, "the input broke");
        }
    };
    let clock = app.engine.clock().clone();
    let auth = Auth::new(app.identities.clone(), clock, Settings::default());
    let served = router::serve(listener, app.engine.clone(), auth, asked_to_stop).await;
    app.stop().await?;
    served.map_err(failed)?;
    Ok(Done::Well)
}
