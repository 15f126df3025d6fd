//! A workflow's file as it is written: known fields, with positions.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use rust_decimal::Decimal;

use super::fields::At;
use super::yaml::{Entry, Mark, Node};
use crate::graph::{Backoff, Budget, OnItemError, Retention};

/// A workflow's file.
#[derive(Debug, Default)]
pub(super) struct Document<'a> {
    pub name: Option<At<&'a str>>,
    pub title: Option<&'a str>,
    pub triggers: Option<&'a Entry>,
    pub concurrency: Option<&'a Entry>,
    pub inputs: Option<&'a Node>,
    pub outputs: &'a [Entry],
    pub labels: &'a [Entry],
    pub priority: Option<&'a Node>,
    pub rate_limit: Option<RateDoc<'a>>,
    pub debounce: Option<&'a Entry>,
    pub retention: Retention,
    pub budget: Budget,
    pub cancel_on: Option<&'a Entry>,
    pub steps: Vec<StepDoc<'a>>,
    pub on_failure: Vec<StepDoc<'a>>,
    pub finally: Vec<StepDoc<'a>>,
    pub deadline: Option<Duration>,
    pub timeout: Option<Duration>,
}

/// A step as it is written.
#[derive(Debug, Default)]
pub(super) struct StepDoc<'a> {
    pub id: &'a str,
    pub at: Mark,
    pub uses: Option<At<&'a str>>,
    pub with: Option<&'a Node>,
    pub needs: Vec<At<&'a str>>,
    pub condition: Option<&'a Node>,
    pub for_each: Option<LoopDoc<'a>>,
    pub steps: Option<Vec<StepDoc<'a>>>,
    pub repeat: Option<RepeatDoc<'a>>,
    pub join: Option<JoinDoc>,
    pub retry: Option<RetryDoc<'a>>,
    pub timeout: Option<Duration>,
    pub rate_limit: Option<RateDoc<'a>>,
    pub deadline: Option<Duration>,
    pub idempotency_key: Option<&'a Node>,
    pub credential: Option<At<&'a str>>,
    pub on_error: OnErrorDoc<'a>,
    /// What undoes it: a step of which only a few fields are read.
    pub compensate: Option<Box<StepDoc<'a>>>,
}

/// `for_each` and what goes with it.
#[derive(Debug)]
pub(super) struct LoopDoc<'a> {
    pub items: &'a Node,
    pub at: Mark,
    pub as_name: Option<At<&'a str>>,
    pub concurrency: NonZeroUsize,
    pub batch: Option<NonZeroUsize>,
    pub on_item_error: OnItemError,
}

/// `rate_limit`.
#[derive(Debug)]
pub(super) struct RateDoc<'a> {
    pub key: Option<&'a Node>,
    pub limit: NonZeroU32,
    pub per: Duration,
}

/// `repeat`.
#[derive(Debug)]
pub(super) struct RepeatDoc<'a> {
    pub until: Option<&'a Node>,
    pub max_iterations: NonZeroU32,
    pub delay: Duration,
}

/// `join`, when it is a count.
#[derive(Debug)]
pub(super) struct JoinDoc {
    pub count: NonZeroUsize,
    pub cancel_rest: bool,
    pub at: Mark,
}

/// `retry`.
#[derive(Debug)]
pub(super) struct RetryDoc<'a> {
    pub max_attempts: NonZeroU32,
    pub delay: Duration,
    pub backoff: Backoff,
    pub max_delay: Duration,
    pub jitter: bool,
    pub condition: Option<&'a Node>,
}

/// `on_error`.
#[derive(Debug, Default)]
pub(super) enum OnErrorDoc<'a> {
    #[default]
    Fail,
    Continue,
    Step(At<&'a str>),
}

impl RetryDoc<'_> {
    pub const MAX_ATTEMPTS: NonZeroU32 = NonZeroU32::new(3).expect("not zero");
    pub const DELAY: Duration = Duration::from_secs(1);
    pub const MAX_DELAY: Duration = Duration::from_secs(300);
    pub const FACTOR: Decimal = Decimal::TWO;
}
