//! Clients that start runs and wait for their ends, one after the other each.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::{Request, StatusCode, header};
use engine::ids::TenantId;
use engine::{Engine, RunStatus, StartRun};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::failure::Failure;

/// What clients saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// How long each run took, from asking to knowing; shortest first.
    pub took: Vec<Duration>,
    /// From the first question to the last answer.
    pub elapsed: Duration,
}

impl Seen {
    /// The time within which so many runs of a hundred ended.
    #[must_use]
    pub fn percentile(&self, of_a_hundred: usize) -> Duration {
        let index = (self.took.len() * of_a_hundred).div_ceil(100);
        let found = self.took.get(index.saturating_sub(1));
        found.copied().unwrap_or_default()
    }
}

/// Where clients ask.
#[derive(Clone)]
pub enum Target {
    /// The engine, in this process.
    Process(Engine, TenantId),
    /// The webhooks of a server.
    Http(SocketAddr, TenantId),
}

/// One client and its connection.
enum Client {
    Process(Engine, TenantId, String),
    Http(SendRequest<Full<Bytes>>, String),
}

impl Client {
    async fn new(target: &Target, workflow: &str) -> Result<Self, Failure> {
        let (address, tenant) = match target {
            Target::Process(engine, tenant) => {
                return Ok(Self::Process(engine.clone(), *tenant, workflow.to_owned()));
            }
            Target::Http(address, tenant) => (address, tenant),
        };
        let stream = TcpStream::connect(address).await.map_err(unanswered)?;
        stream.set_nodelay(true).map_err(unanswered)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(unanswered)?;
        // What goes wrong with it, the requests on it are told.
        tokio::spawn(connection);
        Ok(Self::Http(sender, format!("/hooks/{tenant}/{workflow}")))
    }

    /// One run, from asking to knowing its outputs.
    async fn run(&mut self, n: i64) -> Result<(), Failure> {
        let input = json!({ "n": n });
        match self {
            Self::Process(engine, tenant, workflow) => {
                let start = StartRun::new(workflow.clone(), input);
                let end = engine.execute(*tenant, &start).await?;
                match end.status {
                    RunStatus::Succeeded => Ok(()),
                    _ => Err(Failure::new("bench_run_failed").with("run", end.run)),
                }
            }
            Self::Http(sender, path) => {
                let request = Request::post(path.as_str())
                    .header(header::HOST, "localhost")
                    .header(header::CONTENT_TYPE, "application/json")
                    .body(Full::from(input.to_string()))
                    .map_err(unanswered)?;
                sender.ready().await.map_err(unanswered)?;
                let response = sender.send_request(request).await.map_err(unanswered)?;
                let status = response.status();
                let body = response.into_body().collect().await.map_err(unanswered)?;
                match status {
                    StatusCode::OK => Ok(()),
                    _ => Err(Failure::new("bench_refused")
                        .with("path", path)
                        .with("status", status)
                        .caused_by(String::from_utf8_lossy(&body.to_bytes()).into_owned())),
                }
            }
        }
    }
}

fn unanswered(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::new("bench_server_failed").caused_by(error)
}

/// So many clients, for so long; a run that was begun is waited for.
///
/// # Errors
/// When a run is refused, or does not succeed.
pub async fn drive(
    target: &Target,
    workflow: &str,
    clients: usize,
    time: Duration,
) -> Result<Seen, Failure> {
    let count = Arc::new(AtomicI64::new(0));
    let mut ready = Vec::with_capacity(clients);
    for _ in 0..clients {
        ready.push(Client::new(target, workflow).await?);
    }
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for mut client in ready {
        let count = Arc::clone(&count);
        tasks.spawn(async move {
            let mut took = Vec::new();
            while began.elapsed() < time {
                let n = count.fetch_add(1, Ordering::Relaxed);
                let asked = Instant::now();
                client.run(n).await?;
                took.push(asked.elapsed());
            }
            Ok::<_, Failure>(took)
        });
    }
    let mut seen = Seen::default();
    while let Some(client) = tasks.join_next().await {
        let took = client.map_err(|error| Failure::new("engine").caused_by(error))??;
        seen.took.extend(took);
    }
    seen.elapsed = began.elapsed();
    seen.took.sort_unstable();
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_time_that_was_seen() {
        let seen = Seen {
            took: (1..=200).map(Duration::from_millis).collect(),
            elapsed: Duration::ZERO,
        };
        let millis = |of| seen.percentile(of).as_millis();
        assert_eq!([millis(50), millis(95), millis(99)], [100, 190, 198]);
        assert_eq!(Seen::default().percentile(50), Duration::ZERO);
    }
}
