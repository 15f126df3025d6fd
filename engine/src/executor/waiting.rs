//! Steps that wait: begun and woken in the task of their run, which lets go of
//! its worker when nothing else is left to do.
//!
//! What a wake means is computed at once and goes into the checkpoint that
//! consumes its message: none is lost, none counts twice.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::attempt::{Bounded, bounded, logs, panicked};
use super::task::Task;
use crate::engine::{EngineError, Message, RunResult};
use crate::graph::Body;
use crate::node::{
    Awaited, Call, Ctx, Effect, NodeError, NodeResult, On, Runner, Usage, Wait, Waited,
    Waiting as WaitingNode, Wake,
};
use crate::run::{Attempted, Event, Key, RunStatus, Start, Waiting};
use crate::text;

impl Task {
    /// Begins a step that waits; gives the call that it is to make first.
    pub(super) fn begin_wait(
        &mut self,
        node: &dyn WaitingNode,
        start: &Start,
        input: &Arc<Value>,
        started_at: DateTime<Utc>,
    ) -> Option<Call> {
        let ctx = self.ctx(start, Effect::Read, started_at);
        let config = Value::clone(input);
        let result = match caught(|| node.begin(&ctx, config)) {
            Ok(Waited::For(Wait {
                on: On::Call(call), ..
            })) => return Some(call),
            Ok(Waited::For(Wait {
                until,
                on: On::Event(event),
                memo,
            })) => {
                let after = self.run.heard_before(start, &event.name);
                let on = On::Event(Awaited { after, ..event });
                Ok(Waited::For(Wait { until, on, memo }))
            }
            result => result,
        };
        let (key, input) = (start.key.clone(), Arc::clone(input));
        self.attempted(ctx, key, input, started_at, result);
        None
    }

    /// Tells the run that waits for this one how it ended, in its last checkpoint.
    pub(super) fn tell_parent(&self, status: RunStatus, result: &RunResult, at: DateTime<Utc>) {
        let Some(parent) = &self.kin.parent else {
            return;
        };
        let message = Message::Wake {
            place: parent.place.clone(),
            attempt: parent.attempt,
            wake: Wake::Ended {
                status,
                outputs: result.outputs.clone(),
                error: result.error.clone(),
            },
        };
        self.buffer().send(parent.run, "child", at, &message);
    }

    /// Does what is due: delayed attempts may start, waits that are over end.
    pub(super) fn time_has_come(&mut self) {
        let now = self.clock_now();
        let applied = self.run.apply(Event::Due(now), now);
        self.applied(applied);
        for key in self.run.waits_due(now) {
            if let Some(waiting) = self.run.waiting_at(&key) {
                self.wake(waiting, Wake::Due, now);
            }
        }
    }

    /// From its start on, the run hears the event that cancels it.
    pub(super) fn listen(&mut self) -> Result<(), EngineError> {
        let version = Arc::clone(&self.version);
        self.cancel_on = self.shop.engine.cancel_on(&version, self.run.scope())?;
        let since = self.clock_now();
        if let Some(event) = &self.cancel_on {
            self.buffer().listen(event, since);
        }
        Ok(())
    }

    /// Wakes a step that waits, at this recorded instant.
    pub(super) fn wake(&mut self, waiting: Waiting, wake: Wake, at: DateTime<Utc>) {
        let Waiting {
            start,
            input,
            wait,
            started_at,
        } = waiting;
        let step = start.step.clone();
        let Body::Node { node, .. } = &step.body else {
            return;
        };
        let Runner::Waiting(node) = &node.runner else {
            return;
        };
        let ctx = self.ctx(&start, Effect::Read, at);
        let (config, due) = (Value::clone(&input), wake == Wake::Due);
        let is_event = matches!(wake, Wake::Event(_));
        let result =
            caught(|| node.wake(&ctx, config, &wait, wake)).and_then(|waited| match &waited {
                Waited::For(next) if due && next.until.is_some_and(|until| until <= at) => {
                    Err(NodeError::fail(
                        "node.bad_wait",
                        text!("the node waits for an instant that has passed"),
                    ))
                }
                _ => Ok(waited),
            });
        if is_event && matches!(&result, Ok(Waited::For(next)) if *next == wait) {
            // Its filter does not want it.
            return;
        }
        self.now = at;
        self.attempted(ctx, start.key, input, started_at, result);
    }

    fn attempted(
        &mut self,
        ctx: Ctx,
        key: Key,
        input: Arc<Value>,
        started_at: DateTime<Utc>,
        result: NodeResult<Waited<Value>>,
    ) {
        let ended_at = ctx.now;
        let attempted = Attempted {
            key,
            effect: Effect::Read,
            input: Some(input),
            idempotency: None,
            usage: Usage::default(),
            started_at,
            ended_at,
            logs: logs(ctx),
            result: result.and_then(small),
            dice: rand::random(),
        };
        let now = self.clock_now();
        let applied = self.run.apply(Event::Attempted(Box::new(attempted)), now);
        self.applied(applied);
    }

    /// Ends the waits of a run that ends without them.
    pub(super) fn give_up_waits(&mut self) {
        let applied = self.run.give_up_waits(self.clock_now());
        self.applied(applied);
    }
}

/// Refuses what could not be stored.
fn small(waited: Waited<Value>) -> NodeResult<Waited<Value>> {
    match &waited {
        Waited::Done(output) => bounded(output, Bounded::Output)?,
        Waited::For(wait) => bounded(&wait.memo, Bounded::Small)?,
    };
    Ok(waited)
}

fn caught<T>(work: impl FnOnce() -> NodeResult<T>) -> NodeResult<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(panicked(&*panic)))
}
