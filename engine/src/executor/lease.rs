//! Whether this worker may still start effects.

use std::time::{Duration, Instant};

use tokio::sync::watch;

/// The worker's lease, renewed by its heartbeat; by the machine's monotonic clock.
#[derive(Clone, Debug)]
pub(crate) struct Lease {
    renewed: watch::Sender<Instant>,
    /// A worker that could not renew for so long starts no effect.
    trusted: Duration,
}

impl Lease {
    /// A lease renewed just now. Others take the worker for dead after `dead_after`.
    pub(crate) fn new(dead_after: Duration) -> Self {
        Self {
            renewed: watch::Sender::new(Instant::now()),
            trusted: dead_after / 2,
        }
    }

    /// It was renewed by a request sent at this instant.
    pub(crate) fn renew(&self, sent: Instant) {
        self.renewed.send_replace(sent);
    }

    /// Ends when an effect may start: at once, but for a worker cut off from its database.
    pub(crate) async fn fresh(&self) {
        let trusted = self.trusted;
        let mut renewed = self.renewed.subscribe();
        // The sender lives in `self`: the wait can end in nothing but a fresh lease.
        let _ = renewed.wait_for(|at| at.elapsed() < trusted).await;
    }
}
