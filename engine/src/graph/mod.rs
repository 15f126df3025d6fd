//! A checked workflow, ready to run: pure data, shared by all runs of a version.
//!
//! Steps stand in levels: the workflow's own, and one for each loop with
//! nested steps. Indexes are those of the step's own level.

use std::collections::{BTreeMap, BTreeSet};
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use crate::expr::{Expression, Shape, Template};
use crate::node::{Registered, Runner};

mod budget;
mod cron;
mod inputs;
mod pace;
mod retry;
mod trigger;
mod webhook;

pub use self::budget::{Budget, Spent};
pub use self::cron::{Cron, CronError};

pub use inputs::{Input, InputProblem, Inputs};
pub use pace::{Debounce, MOST_PER_SPAN, RateLimit, next_start};
pub use retry::{Backoff, Retry};
pub use trigger::{Missed, Overlap, Schedule, Trigger, TriggerKind};
pub use webhook::{
    HookAnswer, HookAuth, RESPOND, Signature, SignatureEncoding, SignatureScheme, Webhook,
};

/// A checked workflow, ready to run.
#[derive(Clone)]
pub struct Plan {
    /// Its name.
    pub name: String,
    /// What people read.
    pub title: Option<String>,
    /// What a run is given.
    pub inputs: Inputs,
    /// What starts runs by itself, in file order.
    pub triggers: Vec<Trigger>,
    /// The run's outputs: a map.
    pub outputs: Template,
    /// What runs are found by, by name.
    pub labels: Vec<(String, Template)>,
    /// `priority`: the higher, the sooner among the runs of its tenant.
    pub priority: Option<Template>,
    /// `concurrency`.
    pub concurrency: Option<Concurrency>,
    /// `rate_limit` of its starts.
    pub rate_limit: Option<RateLimit>,
    /// `debounce` of its starts.
    pub debounce: Option<Debounce>,
    /// `budget` of each run.
    pub budget: Budget,
    /// `retention`: how long its ended runs are kept.
    pub retention: Retention,
    /// `cancel_on`.
    pub cancel_on: Option<CancelOn>,
    /// The workflow's own steps.
    pub steps: Arc<Level>,
    /// `on_failure`: steps that run when the run has failed or timed out.
    pub on_failure: Option<Arc<Level>>,
    /// `finally`: steps that run last, however the run ends.
    pub finally: Option<Arc<Level>>,
    /// `deadline`: how long a run may take in all, from its acceptance.
    pub deadline: Option<Duration>,
    /// `timeout`: how long its steps may work.
    pub timeout: Option<Duration>,
}

/// `cancel_on`: the event that cancels a run.
#[derive(Clone)]
pub struct CancelOn {
    /// Its name.
    pub event: String,
    /// What it happens to; whatever it happens to when not given, nothing when it gives null.
    pub key: Option<Template>,
}

impl Plan {
    /// Whether anything may run when its own steps are over.
    #[must_use]
    pub fn has_cleanup(&self) -> bool {
        self.on_failure.is_some() || self.finally.is_some() || self.steps.compensates()
    }
}

/// The steps of a workflow, or of a loop's item.
#[derive(Clone, Default)]
pub struct Level {
    /// In file order.
    pub steps: Vec<Step>,
    /// What undoes them, each by the index that its step names: those after the steps' own.
    pub compensations: Vec<Step>,
    /// Indexes so that each step stands after all that it waits for; file order where free.
    pub order: Vec<usize>,
    ancestors: Vec<Vec<usize>>,
}

impl Plan {
    /// The workflows that steps call by a name which is no expression.
    #[must_use]
    pub fn calls(&self) -> BTreeSet<String> {
        let mut calls = BTreeSet::new();
        let after = self.on_failure.iter().chain(&self.finally);
        for level in [&self.steps].into_iter().chain(after) {
            level.collect_calls(&mut calls);
        }
        calls
    }
}

impl Level {
    fn collect_calls(&self, calls: &mut BTreeSet<String>) {
        for step in self.steps.iter().chain(&self.compensations) {
            match &step.body {
                Body::Node { node, with } => {
                    if let Runner::Waiting(waiting) = &node.runner {
                        calls.extend(waiting.calls(&with.outline()));
                    }
                }
                Body::Steps(inner) => inner.collect_calls(calls),
            }
        }
    }

    /// Of these steps, in this order, each waiting for those of `waits`.
    pub(crate) fn new(steps: Vec<Step>, order: Vec<usize>, waits: &[BTreeSet<usize>]) -> Self {
        let mut ancestors = vec![BTreeSet::new(); steps.len()];
        for &step in &order {
            let mut all = waits[step].clone();
            for waited in &waits[step] {
                all.extend(&ancestors[*waited]);
            }
            ancestors[step] = all;
        }
        Self {
            steps,
            compensations: Vec::new(),
            order,
            ancestors: ancestors
                .into_iter()
                .map(|all| all.into_iter().collect())
                .collect(),
        }
    }

    /// The index of a step.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<usize> {
        self.steps.iter().position(|step| &*step.id == id)
    }

    /// The step, or the compensation, of an index.
    #[must_use]
    pub fn step(&self, index: usize) -> Option<&Step> {
        let after = || self.compensations.get(index - self.steps.len());
        self.steps.get(index).or_else(after)
    }

    /// Whether anything in it can be undone.
    #[must_use]
    pub fn compensates(&self) -> bool {
        self.steps.iter().any(Step::compensates)
    }

    /// All steps of this level whose outcome `step` depends on by data or by
    /// control, directly or not: its needs, what it reads, the step whose
    /// failure it handles, and who stands in for those. Sorted by index.
    #[must_use]
    pub fn ancestors(&self, step: usize) -> &[usize] {
        &self.ancestors[step]
    }
}

/// One step.
#[derive(Clone)]
pub struct Step {
    /// Unique in the workflow.
    pub id: Arc<str>,
    /// 1-based line in the file.
    pub line: u32,
    /// Steps that must have ended before this one starts: those it reads, and
    /// those named in `needs`. Sorted. Skipped when all of them were skipped.
    pub needs: Vec<usize>,
    /// Steps of the levels around that its expressions read, by id: durable
    /// before an effect of this step, which is so when the loop itself has started.
    pub reads_outside: Vec<Arc<str>>,
    /// `if`: false skips the step. On a loop, evaluated once, without item.
    pub condition: Option<Expression>,
    /// `join`: which of its needs must have succeeded; without, all must have ended.
    pub join: Option<Join>,
    /// Cases of switches, by index, one of which must have been chosen: else it is skipped.
    pub cases: Vec<(usize, Vec<Arc<str>>)>,
    /// `for_each`.
    pub for_each: Option<Loop>,
    /// `repeat`.
    pub repeat: Option<Repeat>,
    /// What one try does.
    pub body: Body,
    /// The conditions inside its config, which its node evaluates, by their text.
    pub conditions: Arc<BTreeMap<String, Expression>>,
    /// `retry`; of each item in a loop.
    pub retry: Option<Retry>,
    /// `rate_limit` of its attempts.
    pub rate_limit: Option<RateLimit>,
    /// `timeout` of one attempt; of each item in a loop.
    pub timeout: Option<Duration>,
    /// `deadline`: how long it may take in all, waiting and retries included.
    pub deadline: Option<Duration>,
    /// `idempotency_key`: the key that an outside service sees, instead of the run's own.
    pub idempotency_key: Option<Template>,
    /// `credential`: the name of the secret that its node is given.
    pub credential: Option<Arc<str>>,
    /// What a failure becomes.
    pub on_error: OnError,
    /// `compensate`: the index of what undoes it; of each item in a loop.
    pub compensate: Option<usize>,
    /// The step whose failure this one handles (`on_error: { step: this }`):
    /// it starts only when that one failed, with `error` in scope.
    pub handles: Option<usize>,
    /// Whether its value can be `()`.
    pub may_be_skipped: bool,
    /// What its value looks like to expressions; of the whole list for a loop.
    pub output: Shape,
    /// What one attempt gives.
    pub given: Shape,
}

impl Step {
    /// Whether its body runs for items or iterations, with a place of its own for each.
    #[must_use]
    pub fn is_loop(&self) -> bool {
        self.for_each.is_some() || self.repeat.is_some()
    }

    /// Whether it, or anything in it, can be undone.
    #[must_use]
    pub fn compensates(&self) -> bool {
        let inside = match &self.body {
            Body::Steps(level) => level.compensates(),
            Body::Node { .. } => false,
        };
        inside || self.compensate.is_some()
    }
}

/// `join: any` and `join: 2`: the step starts when so many of its needs have succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// The steps that are counted: those named in `needs`. Sorted.
    pub among: Vec<usize>,
    /// How many must succeed.
    pub count: NonZeroUsize,
    /// Whether the others are cancelled then.
    pub cancel_rest: bool,
}

/// `repeat`: the body runs again until a condition holds.
#[derive(Clone, Debug)]
pub struct Repeat {
    /// Evaluated after each iteration, with its output in scope.
    pub until: Expression,
    /// The step fails when the condition does not hold after so many.
    pub max_iterations: NonZeroU32,
    /// Between the end of an iteration and the next.
    pub delay: Duration,
}

/// What one try of a step does.
#[derive(Clone)]
pub enum Body {
    /// Calls a node.
    Node {
        /// The node.
        node: Registered,
        /// Its config.
        with: Template,
    },
    /// Runs steps: the body of a loop. An item's result is `{ id: output }`
    /// over the steps, a skipped one being null.
    Steps(Arc<Level>),
}

/// `for_each`.
#[derive(Clone)]
pub struct Loop {
    /// Gives the list.
    pub items: Template,
    /// The name of the item in expressions.
    pub as_name: Arc<str>,
    /// How many items run at once.
    pub concurrency: NonZeroUsize,
    /// Items handed over in lists of up to this many: the item is then a list.
    pub batch: Option<NonZeroUsize>,
    /// What a failed item becomes.
    pub on_item_error: OnItemError,
    /// What an item looks like to expressions; a list with `batch`.
    pub item: Shape,
}

/// What a failed step becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// The run fails.
    Fail,
    /// The step has failed, its value is `{ error }`, the run goes on.
    Continue,
    /// Another step runs; its output stands in.
    Step(usize),
}

/// What a failed item of a loop becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnItemError {
    /// The step fails.
    Fail,
    /// `()` in the list of results.
    Skip,
    /// Every result is `{ output, error }`.
    Collect,
}

/// The most iterations a step may have.
pub const MAX_ITERATIONS: NonZeroU32 = NonZeroU32::new(10_000).expect("not zero");
/// The most tries a step may have.
pub const MAX_ATTEMPTS: NonZeroU32 = NonZeroU32::new(1000).expect("not zero");

/// `concurrency`: how many runs may be at work at once that share a key.
#[derive(Clone)]
pub struct Concurrency {
    /// Gives the key, for all workflows of the tenant; the workflow's name when there is none.
    pub key: Option<Template>,
    /// How many.
    pub limit: NonZeroU32,
    /// What becomes of one too many.
    pub policy: Policy,
    /// Whether a run that waits keeps its place.
    pub hold: bool,
}

/// What becomes of a run that is one too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// It waits in line.
    Queue,
    /// It is not run.
    Drop,
    /// The running one is cancelled, and those that wait.
    Replace,
    /// It waits, and those that waited are cancelled.
    Latest,
}

impl Policy {
    /// The word, as written and stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Drop => "drop",
            Self::Replace => "replace",
            Self::Latest => "latest",
        }
    }
}

/// How long ended runs are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Retention {
    /// A week.
    Brief,
    /// Ninety days.
    #[default]
    Standard,
}

impl Retention {
    /// The word, as written and stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Brief => "brief",
            Self::Standard => "standard",
        }
    }
}

/// The most that `priority` may be, and, below zero, the least.
pub const HIGHEST_PRIORITY: i16 = 1000;

/// A value as a priority; none when it is no whole number, or out of bounds.
#[must_use]
pub fn priority(value: &serde_json::Value) -> Option<i16> {
    let number = i16::try_from(value.as_i64()?).ok()?;
    (-HIGHEST_PRIORITY..=HIGHEST_PRIORITY)
        .contains(&number)
        .then_some(number)
}
