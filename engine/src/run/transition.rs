//! What becomes of a step after an attempt: one table.

use std::time::Duration;

use crate::graph::Retry;
use crate::node::{Effect, ErrorKind, NodeError, UnknownOutcome};

/// Code of an attempt whose time was over.
pub const TIMED_OUT: &str = "engine.timed_out";
/// Code of a step, or of a run, that had not ended in time.
pub const DEADLINE_PASSED: &str = "engine.deadline_passed";
/// Code of a step of whose needs too few succeeded.
pub const JOIN_UNREACHABLE: &str = "engine.join_unreachable";
/// Code of an attempt that was cut off: nobody knows what became of it.
pub const UNKNOWN_OUTCOME: &str = "engine.unknown_outcome";
/// Unknown outcomes of one step before a person is asked.
pub const MAX_UNKNOWN: u32 = 5;

const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// What becomes of a step after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It has failed.
    Fail,
    /// It did not happen: try again with the next generation of the key.
    Retry(Duration),
    /// Nobody knows: try again with the same key.
    Repeat(Duration),
    /// Nobody knows: ask the service.
    LookUp(Duration),
    /// Nobody knows: ask a person.
    Ask,
}

/// What is known when an attempt has failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failed<'a> {
    pub effect: Effect,
    pub error: &'a NodeError,
    /// Number of the attempt, 1 for the first.
    pub attempt: u32,
    /// Unknown outcomes before this attempt.
    pub unknowns: u32,
    pub retry: Option<&'a Retry>,
    /// What `retry.if` says.
    pub wanted: bool,
    pub dice: u64,
}

/// The table.
pub(super) fn next(failed: Failed<'_>) -> Next {
    match (failed.error.kind, failed.effect) {
        (ErrorKind::Unknown, Effect::External(_)) if failed.unknowns + 1 >= MAX_UNKNOWN => {
            Next::Ask
        }
        (ErrorKind::Unknown, Effect::External(UnknownOutcome::Repeat)) => {
            Next::Repeat(pause(failed))
        }
        (ErrorKind::Unknown, Effect::External(UnknownOutcome::LookUp)) => {
            Next::LookUp(pause(failed))
        }
        (ErrorKind::Unknown, Effect::External(UnknownOutcome::Ask)) => Next::Ask,
        (ErrorKind::Fail, _) => Next::Fail,
        // An effect that is rolled back, or none at all: it did not happen.
        (ErrorKind::Retry | ErrorKind::Unknown, _) => retry(failed).map_or(Next::Fail, Next::Retry),
    }
}

fn retry(failed: Failed<'_>) -> Option<Duration> {
    let retry = failed.retry?;
    let tries = failed.attempt.saturating_sub(failed.unknowns).max(1);
    (failed.wanted && tries < retry.max_attempts.get()).then(|| {
        retry
            .delay_after(tries, failed.dice)
            .max(failed.error.after.unwrap_or_default())
    })
}

fn pause(failed: Failed<'_>) -> Duration {
    let grown = FIRST_PAUSE * 2_u32.saturating_pow(failed.unknowns.min(8));
    grown.max(failed.error.after.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::graph::Backoff;

    fn policy(max: u32) -> Retry {
        Retry {
            max_attempts: NonZeroU32::new(max).unwrap(),
            delay: Duration::from_secs(1),
            backoff: Backoff::Fixed,
            max_delay: Duration::from_secs(9),
            jitter: false,
            condition: None,
        }
    }

    fn case(effect: Effect, error: &NodeError, attempt: u32, retry: Option<&Retry>) -> Next {
        next(Failed {
            effect,
            error,
            attempt,
            unknowns: 0,
            retry,
            wanted: true,
            dice: 0,
        })
    }

    #[test]
    fn only_a_retryable_error_is_retried_and_only_so_often() {
        let policy = policy(3);
        let (again, never) = (NodeError::retry("a.b", ""), NodeError::fail("a.b", ""));
        let second = Next::Retry(Duration::from_secs(1));
        assert_eq!(case(Effect::Read, &again, 2, Some(&policy)), second);
        assert_eq!(case(Effect::Read, &again, 3, Some(&policy)), Next::Fail);
        assert_eq!(case(Effect::Read, &never, 1, Some(&policy)), Next::Fail);
        assert_eq!(case(Effect::Read, &again, 1, None), Next::Fail);
    }

    #[test]
    fn an_unknown_outcome_is_what_the_node_declares() {
        let lost = NodeError::unknown("a.lost", "");
        let of = |unknown| case(Effect::External(unknown), &lost, 1, None);
        assert_eq!(of(UnknownOutcome::Ask), Next::Ask);
        assert_eq!(of(UnknownOutcome::Repeat), Next::Repeat(FIRST_PAUSE));
        assert_eq!(of(UnknownOutcome::LookUp), Next::LookUp(FIRST_PAUSE));
        assert_eq!(case(Effect::Transaction, &lost, 1, None), Next::Fail);
    }

    #[test]
    fn a_service_that_never_answers_ends_at_a_person() {
        let error = NodeError::unknown("a.lost", "");
        let last = next(Failed {
            effect: Effect::External(UnknownOutcome::Repeat),
            error: &error,
            attempt: MAX_UNKNOWN,
            unknowns: MAX_UNKNOWN - 1,
            retry: None,
            wanted: true,
            dice: 0,
        });
        assert_eq!(last, Next::Ask);
    }

    #[test]
    fn the_service_says_when_to_come_back() {
        let policy = policy(3);
        let mut error = NodeError::retry("a.busy", "");
        error.after = Some(Duration::from_secs(60));
        let next = case(Effect::Read, &error, 1, Some(&policy));
        assert_eq!(next, Next::Retry(Duration::from_secs(60)));
    }
}
