//! The loops of a worker: each has one file, a start, and a stop that returns when it has stopped.

mod claim;
mod flush;
mod heartbeat;
mod listen;
mod outbox;
mod pace;
mod post;
mod rescue;
mod retention;
mod schedules;
pub(crate) mod slots;
mod timers;
mod turns;
mod worker;

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use worker::{Worker, WorkerOptions};

/// A loop that runs until it is stopped.
struct Service {
    name: &'static str,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Service {
    /// Starts a loop; it ends soon after its token is cancelled.
    fn start<F>(name: &'static str, work: impl FnOnce(CancellationToken) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = CancellationToken::new();
        let task = tokio::spawn(work(stop.clone()));
        Self {
            name,
            stop,
            task: Some(task),
        }
    }

    /// Stops the loop; returns when it has stopped. A second stop does nothing.
    async fn stop(&mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take()
            && let Err(error) = task.await
            && error.is_panic()
        {
            tracing::error!(service = self.name, %error, "a loop of the worker panicked");
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Waits; false when the service is to stop.
async fn pause(stop: &CancellationToken, time: Duration) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(time) => true,
    }
}
