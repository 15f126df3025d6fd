//! `rate_limit`: how often something may begin.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::Duration;

use crate::expr::Template;

/// `rate_limit`: at most so many starts of a key in any span of this length.
#[derive(Clone)]
pub struct RateLimit {
    /// Gives the key, for all workflows of the tenant; the workflow, or the
    /// step, when there is none.
    pub key: Option<Template>,
    /// How many.
    pub limit: NonZeroU32,
    /// In any span of this length.
    pub per: Duration,
}

/// `debounce`: of the runs of a key that start within this time of each other, the last counts.
#[derive(Clone)]
pub struct Debounce {
    /// Gives the key; the workflow when there is none.
    pub key: Option<Template>,
    /// How long nothing newer must come.
    pub window: Duration,
}

/// The most starts that a `rate_limit` counts.
pub const MOST_PER_SPAN: u32 = 1000;

/// When the next start may be, microseconds, and the starts to remember.
///
/// `starts` are the last ones, oldest first, those to come included: at most
/// `most` in any span of `per`.
#[must_use]
pub fn next_start(starts: Vec<i64>, most: usize, per: i64, now: i64) -> (i64, Vec<i64>) {
    let mut starts = VecDeque::from(starts);
    while starts.len() > most || starts.front().is_some_and(|at| *at <= now - per) {
        starts.pop_front();
    }
    let last = starts.back().copied().unwrap_or(now);
    let mut at = now.max(last);
    if starts.len() == most
        && let Some(oldest) = starts.pop_front()
    {
        at = at.max(oldest.saturating_add(per));
    }
    starts.push_back(at);
    (at, starts.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_span_holds_more_starts_than_its_limit() {
        let (most, per) = (3, 100);
        let mut starts = Vec::new();
        let mut given = Vec::new();
        for now in [0, 0, 1, 2, 3, 50, 99, 100, 101, 450, 451, 452, 453, 1000] {
            let (at, rest) = next_start(starts, most, per, now);
            assert!(at >= now);
            starts = rest;
            given.push(at);
        }
        assert!(given.is_sorted(), "{given:?}");
        for window in given.windows(most + 1) {
            assert!(window[most] - window[0] >= per, "{given:?}");
        }
        assert_eq!(given[..3], [0, 0, 1], "as long as there is room, at once");
        assert_eq!(given.last(), Some(&1000), "after a rest, at once");
    }
}
