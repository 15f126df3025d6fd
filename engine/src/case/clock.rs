//! The clock of a case: it skips what nobody needs to wait for.

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use tokio::sync::watch;

use crate::clock::{Clock, SharedClock};

/// Another clock, put forward again and again.
#[derive(Debug)]
pub(super) struct SkippingClock {
    under: SharedClock,
    skipped: watch::Sender<TimeDelta>,
}

impl SkippingClock {
    pub(super) fn over(under: SharedClock) -> Self {
        Self {
            under,
            skipped: watch::Sender::new(TimeDelta::zero()),
        }
    }

    /// Puts the clock forward to this instant, unless it is later already.
    pub(super) fn skip_to(&self, at: DateTime<Utc>) {
        let left = at - self.now();
        if left > TimeDelta::zero() {
            self.skipped.send_modify(|skipped| *skipped += left);
        }
    }
}

impl Clock for SkippingClock {
    fn now(&self) -> DateTime<Utc> {
        self.under.now() + *self.skipped.borrow()
    }

    fn sleep_until(&self, at: DateTime<Utc>) -> BoxFuture<'static, ()> {
        let (under, mut skipped) = (SharedClock::clone(&self.under), self.skipped.subscribe());
        Box::pin(async move {
            loop {
                let until = at - *skipped.borrow_and_update();
                tokio::select! {
                    () = under.sleep_until(until) => return,
                    changed = skipped.changed() => if changed.is_err() {
                        return under.sleep_until(until).await;
                    },
                }
            }
        })
    }
}
