//! Clients that start runs and wait for their ends, one after the other each.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use engine::ids::TenantId;
use engine::{Engine, RunStatus, StartRun};
use serde_json::json;
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

/// So many clients, for so long; a run that was begun is waited for.
///
/// # Errors
/// When a run is refused, or does not succeed.
pub async fn drive(
    engine: &Engine,
    tenant: TenantId,
    workflow: &str,
    clients: usize,
    time: Duration,
) -> Result<Seen, Failure> {
    let count = Arc::new(AtomicI64::new(0));
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        let (engine, workflow, count) = (engine.clone(), workflow.to_owned(), Arc::clone(&count));
        tasks.spawn(async move {
            let mut took = Vec::new();
            while began.elapsed() < time {
                let n = count.fetch_add(1, Ordering::Relaxed);
                let start = StartRun::new(workflow.clone(), json!({ "n": n }));
                let asked = Instant::now();
                let end = engine.execute(tenant, &start).await?;
                if end.status != RunStatus::Succeeded {
                    return Err(Failure::new("bench_run_failed").with("run", end.run));
                }
                took.push(asked.elapsed());
            }
            Ok(took)
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
