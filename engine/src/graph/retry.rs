//! `retry`: when to try again.

use std::num::NonZeroU32;
use std::time::Duration;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::expr::Expression;

/// When and how often an attempt that failed with a retryable error is tried again.
#[derive(Clone, Debug)]
pub struct Retry {
    /// Tries in all, the first included.
    pub max_attempts: NonZeroU32,
    /// Before the second try.
    pub delay: Duration,
    /// How the delay grows.
    pub backoff: Backoff,
    /// The longest delay.
    pub max_delay: Duration,
    /// Whether a delay is drawn between its half and its whole, so that many do not come back at once.
    pub jitter: bool,
    /// Tried again only when true; `error` and `attempt` are in scope.
    pub condition: Option<Expression>,
}

/// How the delay grows from one try to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backoff {
    /// Not at all.
    Fixed,
    /// By the same amount each time.
    Linear,
    /// By this factor each time.
    Exponential(Decimal),
}

impl Retry {
    /// How long to wait after attempt number `attempt` (1 is the first).
    ///
    /// `dice` is any number; it chooses the jitter.
    #[must_use]
    pub fn delay_after(&self, attempt: u32, dice: u64) -> Duration {
        let base = u64::try_from(self.delay.as_millis()).unwrap_or(u64::MAX);
        let most = u64::try_from(self.max_delay.as_millis()).unwrap_or(u64::MAX);
        let grown = match self.backoff {
            Backoff::Fixed => base,
            Backoff::Linear => base.saturating_mul(u64::from(attempt)),
            Backoff::Exponential(factor) => grow(base, factor, attempt, most),
        };
        let whole = grown.min(most);
        let drawn = if self.jitter && whole > 1 {
            whole - dice % (whole / 2 + 1)
        } else {
            whole
        };
        Duration::from_millis(drawn)
    }
}

fn grow(base: u64, factor: Decimal, attempt: u32, most: u64) -> u64 {
    let mut delay = Decimal::from(base);
    for _ in 1..attempt {
        match delay.checked_mul(factor) {
            Some(next) if next < Decimal::from(most) => delay = next,
            _ => return most,
        }
    }
    delay.to_u64().unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry(backoff: Backoff, jitter: bool) -> Retry {
        Retry {
            max_attempts: NonZeroU32::new(10).unwrap(),
            delay: Duration::from_secs(1),
            backoff,
            max_delay: Duration::from_secs(30),
            jitter,
            condition: None,
        }
    }

    #[test]
    fn a_delay_grows_by_its_factor_up_to_its_maximum() {
        let retry = retry(Backoff::Exponential(Decimal::new(15, 1)), false);
        let millis = |attempt| retry.delay_after(attempt, 0).as_millis();
        assert_eq!(
            [millis(1), millis(2), millis(3), millis(40)],
            [1000, 1500, 2250, 30_000]
        );
    }

    #[test]
    fn jitter_stays_between_half_and_whole() {
        let retry = retry(Backoff::Fixed, true);
        for dice in 0..5000 {
            let millis = retry.delay_after(3, dice).as_millis();
            assert!((500..=1000).contains(&millis), "{millis}");
        }
    }
}
