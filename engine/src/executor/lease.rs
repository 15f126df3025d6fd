//! Whether this worker may still start effects.

use std::time::{Duration, Instant};

use tokio::sync::watch;

/// The worker's lease, renewed by its heartbeat; by the machine's monotonic clock.
#[derive(Clone, Debug)]
pub(crate) struct Lease {
    held: watch::Sender<Held>,
    /// A worker that could not renew for so long starts no effect.
    trusted: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    renewed: Instant,
    /// How often others took the worker for dead, and its runs from it.
    lost: u32,
}

impl Lease {
    /// A lease renewed just now. Others take the worker for dead after `dead_after`.
    pub(crate) fn new(dead_after: Duration) -> Self {
        let held = Held {
            renewed: Instant::now(),
            lost: 0,
        };
        Self {
            held: watch::Sender::new(held),
            trusted: dead_after / 2,
        }
    }

    /// It was renewed by a request sent at this instant.
    pub(crate) fn renew(&self, sent: Instant) {
        self.held.send_modify(|held| held.renewed = sent);
    }

    /// It was gone, and is a new one by a request sent at this instant.
    pub(crate) fn begin_anew(&self, sent: Instant) {
        self.held.send_modify(|held| {
            held.renewed = sent;
            held.lost += 1;
        });
    }

    /// Ends when an effect may start: at once, but for a worker cut off from
    /// its database. Tells how often the lease was lost before.
    pub(crate) async fn fresh(&self) -> u32 {
        let trusted = self.trusted;
        let mut held = self.held.subscribe();
        let fresh = held.wait_for(|it| it.renewed.elapsed() < trusted).await;
        // The sender lives in `self`: the wait can end in nothing but a fresh lease.
        fresh.map_or(0, |held| held.lost)
    }

    /// Whether it is fresh right now, and was lost no more often.
    pub(crate) fn is_fresh(&self, lost: u32) -> bool {
        let held = *self.held.borrow();
        held.lost == lost && held.renewed.elapsed() < self.trusted
    }
}
