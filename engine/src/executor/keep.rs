//! A run with a large loop that waits stays with its worker for a while after
//! each wake: the next item to be woken then costs what it costs itself, and
//! not the reading of all its siblings.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Open items from which a run is worth keeping.
pub(super) const LARGE: usize = 256;
/// How long a run is kept after the last wake.
const AFTER_WAKE: Duration = Duration::from_secs(30);

/// Whether a run that waits is kept, and until when.
#[derive(Default)]
pub(super) struct Keep {
    until: Option<Instant>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Keep {
    /// Something happened in the run.
    pub(super) fn woken(&mut self) {
        self.until = None;
    }

    /// Until when a large run that waits is kept; none when it lets go of its
    /// worker, now or because enough others are kept.
    pub(super) fn until(&mut self, places: &Arc<Semaphore>) -> Option<Instant> {
        let now = Instant::now();
        let until = *self.until.get_or_insert(now + AFTER_WAKE);
        if self.permit.is_none() {
            self.permit = Arc::clone(places).try_acquire_owned().ok();
        }
        (self.permit.is_some() && now < until).then_some(until)
    }
}
