//! Time that a test moves.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use tokio::sync::watch;

use crate::clock::Clock;

/// A clock that stands still until it is moved; who sleeps wakes when it is.
#[derive(Debug)]
pub struct FakeClock {
    now: watch::Sender<DateTime<Utc>>,
}

impl FakeClock {
    /// A clock that stands at this instant.
    #[must_use]
    pub fn at(now: DateTime<Utc>) -> Self {
        Self {
            now: watch::Sender::new(now),
        }
    }

    /// Moves it forward.
    pub fn advance(&self, by: Duration) {
        self.now.send_modify(|now| *now += by);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> DateTime<Utc> {
        *self.now.borrow()
    }

    fn sleep_until(&self, at: DateTime<Utc>) -> BoxFuture<'static, ()> {
        let mut now = self.now.subscribe();
        Box::pin(async move {
            if now.wait_for(|now| *now >= at).await.is_err() {
                // The clock is gone: it never gets that late.
                std::future::pending::<()>().await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sixty_days_pass_in_no_time() {
        let start = DateTime::UNIX_EPOCH;
        let clock = FakeClock::at(start);
        let days = Duration::from_secs(60 * 24 * 3600);
        let sleep = clock.sleep_until(start + days);
        clock.advance(days);
        sleep.await;
        assert_eq!(clock.now(), start + days);
    }
}
