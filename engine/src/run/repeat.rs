//! `repeat`: one iteration after another until a condition holds.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::level::Cx;
use super::loops::At;
use super::tries::expression_failed;
use crate::expr::{Ended, Scope, Typed};
use crate::graph::Step;
use crate::node::NodeError;
use crate::text;

/// Code of a step whose condition did not hold after its last iteration.
pub const REPEAT_EXHAUSTED: &str = "engine.repeat_exhausted";

/// Where a repeated step stands.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Iterations before this one have been opened.
    next: u32,
    /// The next one is not opened before.
    pub due: Option<DateTime<Utc>>,
    /// What the last one gave.
    last: Option<Arc<Value>>,
    over: bool,
}

impl Turns {
    /// The next iteration, when it may be opened.
    pub(super) fn next(&mut self, now: DateTime<Utc>) -> Option<u32> {
        if self.over || self.due.is_some_and(|due| now < due) {
            return None;
        }
        self.due = None;
        self.next += 1;
        Some(self.next - 1)
    }

    /// What an iteration sees: its number, and what the step gave before.
    pub(super) fn enter(&self, step: &Step, scope: &mut Scope, iteration: u32) {
        scope.set_index(iteration as usize);
        let before = match &self.last {
            Some(last) => Ended::succeeded(Typed::new(Arc::clone(last), step.given.clone())),
            None => Ended::skipped(),
        };
        scope.set_step(Arc::clone(&step.id), before);
    }

    /// An iteration has ended well: `until` says whether it was the last.
    /// `scope` is what stands inside of the iteration.
    pub(super) fn ended(
        &mut self,
        at: &At<'_>,
        output: Value,
        scope: &Arc<Scope>,
        cx: &Cx<'_>,
    ) -> Result<(), NodeError> {
        let step = at.step;
        let Some(repeat) = &step.repeat else {
            return Ok(());
        };
        let output = Arc::new(output);
        let mut inner = Scope::inside(scope);
        let given = Typed::new(Arc::clone(&output), step.given.clone());
        inner.set_step(Arc::clone(&step.id), Ended::succeeded(given));
        self.last = Some(output);
        self.next = at.item + 1;
        self.over = repeat
            .until
            .test(cx.sandbox, &inner)
            .map_err(|error| expression_failed(&error))?;
        if !self.over && self.next >= repeat.max_iterations.get() {
            return Err(NodeError::fail(
                REPEAT_EXHAUSTED,
                text!(
                    "`{step}` was repeated {count} times and `{until}` does not hold",
                    step = &step.id,
                    count = repeat.max_iterations.get(),
                    until = repeat.until.source()
                ),
            ));
        }
        let delay = TimeDelta::from_std(repeat.delay).unwrap_or(TimeDelta::MAX);
        self.due = (!delay.is_zero()).then(|| at.when + delay);
        Ok(())
    }

    pub(super) fn are_over(&self) -> bool {
        self.over
    }

    /// What the last iteration gave.
    pub(super) fn output(&self) -> Arc<Value> {
        self.last.clone().unwrap_or_default()
    }
}
