//! How long a run may take: `deadline` counts everything since it was
//! accepted, `timeout` only the time in which an attempt of a step runs.

use chrono::{DateTime, TimeDelta, Utc};

use super::key::step_of;
use super::transition::{DEADLINE_PASSED, TIMED_OUT};
use super::{Body, Key, Place, Record, StepStatus, Stored};
use crate::graph::Plan;
use crate::node::NodeError;
use crate::text;

/// The times of a run's own steps.
#[derive(Debug)]
pub(super) struct Times {
    deadline: Option<DateTime<Utc>>,
    timeout: Option<TimeDelta>,
    /// How long it has worked, up to `since`.
    worked: TimeDelta,
    /// It works since then.
    since: Option<DateTime<Utc>>,
    /// The instant of the last event.
    seen: DateTime<Utc>,
}

/// Which time was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Late {
    Deadline,
    Timeout,
}

/// Why a run is to end before it is done, and since when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Halt {
    pub at: DateTime<Utc>,
    /// None when it was cancelled.
    pub late: Option<Late>,
}

impl Times {
    pub(super) fn new(plan: &Plan, accepted_at: DateTime<Utc>) -> Self {
        let delta = |time| TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX);
        Self {
            deadline: plan.deadline.map(|time| after(accepted_at, delta(time))),
            timeout: plan.timeout.map(delta),
            worked: TimeDelta::zero(),
            since: None,
            seen: accepted_at,
        }
    }

    /// It is that late.
    pub(super) fn seen(&mut self, now: DateTime<Utc>) {
        self.seen = now;
    }

    /// An attempt has begun.
    pub(super) fn works(&mut self) {
        self.since.get_or_insert(self.seen);
    }

    /// Whether it is counted how long it works, and it does.
    pub(super) fn works_on(&self) -> bool {
        self.timeout.is_some() && self.since.is_some()
    }

    /// No attempt runs any more.
    pub(super) fn rests(&mut self) {
        if let Some(since) = self.since.take() {
            self.worked += (self.seen - since).max(TimeDelta::zero());
        }
    }

    /// The time that is over.
    pub(super) fn late(&self) -> Option<Late> {
        let over = |at: Option<DateTime<Utc>>| at.is_some_and(|at| at <= self.seen);
        match (over(self.deadline), over(self.timeout_at())) {
            (true, _) => Some(Late::Deadline),
            (false, true) => Some(Late::Timeout),
            (false, false) => None,
        }
    }

    /// When the first of them is over, as things stand.
    pub(super) fn next_due(&self) -> Option<DateTime<Utc>> {
        self.deadline.into_iter().chain(self.timeout_at()).min()
    }

    fn timeout_at(&self) -> Option<DateTime<Utc>> {
        Some(after(self.since?, self.timeout? - self.worked))
    }

    /// Takes up how long recorded attempts have worked.
    pub(super) fn recover(&mut self, mut attempts: Vec<(DateTime<Utc>, DateTime<Utc>)>) {
        attempts.sort_unstable();
        let mut until = DateTime::<Utc>::MIN_UTC;
        for (began, ended) in attempts {
            let began = began.max(until);
            if ended > began {
                self.worked += ended - began;
                until = ended;
            }
        }
    }
}

/// When a recorded attempt of a node began and ended; none while it waited.
pub(super) fn worked(
    plan: &Plan,
    key: &Key,
    record: &Stored,
) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let (level, index) = step_of(plan, &key.0)?;
    let is_loop = level.step(index)?.is_loop() && key.0.len() % 2 == 1;
    let counts = record.attempt > 0 && record.body.wait.is_none() && !is_loop;
    let ended_at = record.ended_at.filter(|_| counts)?;
    Some((record.started_at, ended_at))
}

fn after(at: DateTime<Utc>, time: TimeDelta) -> DateTime<Utc> {
    at.checked_add_signed(time)
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

impl Late {
    /// What it means for the run.
    pub(super) fn error(self, plan: &Plan) -> NodeError {
        let of = |time: Option<std::time::Duration>| format!("{:?}", time.unwrap_or_default());
        match self {
            Self::Deadline => NodeError::fail(
                DEADLINE_PASSED,
                text!(
                    "the run had not ended {time} after it was accepted",
                    time = of(plan.deadline)
                ),
            ),
            Self::Timeout => NodeError::fail(
                TIMED_OUT,
                text!(
                    "the run had worked for {time} and had not ended",
                    time = of(plan.timeout)
                ),
            ),
        }
    }
}

impl Halt {
    /// As recorded; none when the verdict was what its steps came to.
    pub(super) fn recorded(verdict: &Stored) -> Option<Self> {
        let error = verdict.body.error.as_ref();
        let late = match verdict.status {
            StepStatus::Cancelled => None,
            StepStatus::TimedOut if error.is_some_and(|it| it.code == TIMED_OUT) => {
                Some(Late::Timeout)
            }
            StepStatus::TimedOut => Some(Late::Deadline),
            _ => return None,
        };
        Some(Self {
            at: verdict.started_at,
            late,
        })
    }

    /// The same, to be recorded; `begun` is when what runs after the steps began.
    pub(super) fn record(self, plan: &Plan, begun: Option<DateTime<Utc>>) -> Record {
        let status = match self.late {
            Some(_) => StepStatus::TimedOut,
            None => StepStatus::Cancelled,
        };
        let mut record = verdict(status, self.at, begun);
        record.body.error = self.late.map(|late| late.error(plan));
        record
    }
}

/// The record of how a run's own steps end: `at` is when that was decided,
/// `begun` when what runs after them began.
pub(super) fn verdict(
    status: StepStatus,
    at: DateTime<Utc>,
    begun: Option<DateTime<Utc>>,
) -> Record {
    Record {
        key: Key::root(),
        place: Place::run(),
        attempt: 0,
        status,
        started_at: at,
        ended_at: begun,
        body: Body::default(),
    }
}
