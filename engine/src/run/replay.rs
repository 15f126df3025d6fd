//! The same state again, from what was recorded.
//!
//! What is recorded is taken as it is: no expression of an ended step is
//! evaluated, no recorded intent looked at again. An effect whose intent is
//! recorded and whose outcome is not was cut off: nobody knows what became of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::key::key_of;
use super::level::{Cx, LevelState, StepState, join};
use super::loops::{ItemState, LoopState};
use super::state::{Applied, Run, advance_all, cut_off};
use super::transition::{self, Next};
use super::tries::{Phase, Try, TryEnd};
use super::{Body, Key, Mode, Place, StepStatus};
use crate::expr::{RunFacts, Sandbox, Scope, Typed};
use crate::graph::{Body as StepBody, Level, Plan, Step};
use crate::node::{Effect, ErrorKind, NodeError, UnknownOutcome, Wait};

/// A record as it was stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stored {
    /// Where.
    pub place: Place,
    /// 1 for the first.
    pub attempt: u32,
    /// How it stands.
    pub status: StepStatus,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// The rest.
    pub body: Body,
}

type Records = BTreeMap<Key, Stored>;

impl Run {
    /// The state that these records lead to, with all that can be decided now.
    ///
    /// Of several records of one attempt the last one holds.
    #[must_use]
    pub fn recover(
        plan: Arc<Plan>,
        sandbox: Sandbox,
        facts: &RunFacts,
        inputs: Typed,
        stored: Vec<Stored>,
        now: DateTime<Utc>,
    ) -> (Self, Applied) {
        let woken_at = stored
            .iter()
            .filter_map(|record| record.body.woken_at)
            .max();
        let mut last = Records::new();
        for record in stored {
            let Some(key) = key_of(&plan, &record.place) else {
                continue;
            };
            let newer = last
                .get(&key)
                .is_none_or(|known| known.attempt <= record.attempt);
            if newer {
                last.insert(key, record);
            }
        }
        let mut run = Self::new(plan, sandbox, facts, inputs);
        if let Some(at) = woken_at {
            run.woken_at(at);
        }
        let mut records = Vec::new();
        let plan = Arc::clone(&run.plan);
        let mut cx = Cx {
            plan: &plan,
            sandbox: &run.sandbox,
            now,
            ready: &mut run.ready,
            records: &mut records,
        };
        restore(&plan.steps, &mut run.top, &[], &last, &mut cx);
        advance_all(&plan.steps, &mut run.top, &[], &mut cx);
        let applied = Applied {
            records,
            abort: None,
        };
        (run, applied)
    }
}

fn restore(
    level: &Arc<Level>,
    state: &mut LevelState,
    at: &[u32],
    last: &Records,
    cx: &mut Cx<'_>,
) {
    for &index in &level.order {
        let key = join(at, index);
        let Some(record) = last.get(&Key(key.as_slice().into())) else {
            continue;
        };
        let step = &level.steps[index];
        let scope = state.step_scope(level, index);
        match restored(step, &key, record, cx) {
            Restored::Loop(mut items) => {
                restore_items(step, &scope, &mut items, &key, last, cx);
                state.steps[index] = StepState::Loop(Box::new(items));
            }
            Restored::Rebuilt(mut items) => {
                restore_items(step, &scope, &mut items, &key, last, cx);
                // The loop's end is recorded already: it is not recorded again.
                let known = cx.records.len();
                let end = items.ended(step, &key, cx);
                cx.records.truncate(known);
                if let Some(end) = end {
                    state.ended(level, index, end);
                }
            }
            Restored::Ended(end) => state.ended(level, index, end),
            Restored::Skipped => state.skipped(level, index),
            Restored::Try(attempts) => state.steps[index] = StepState::Try(attempts),
        }
    }
}

fn restore_items(
    step: &Step,
    scope: &Arc<Scope>,
    items: &mut LoopState,
    key: &[u32],
    last: &Records,
    cx: &mut Cx<'_>,
) {
    let Some(each) = &step.for_each else { return };
    let from = Key(join(key, 0).into());
    let inside = last
        .range(from..)
        .take_while(|(found, _)| found.0.starts_with(key))
        .map(|(found, record)| (found.0[key.len()], found, record));
    match &step.body {
        StepBody::Node { .. } => {
            for (item, found, record) in inside
                .filter(|(item, ..)| items.has(*item))
                .collect::<Vec<_>>()
            {
                match restored(step, &found.0, record, cx) {
                    Restored::Ended(end) => items.item_tried(step, item, end),
                    Restored::Try(attempts) => {
                        items.open.insert(item, ItemState::Try(attempts));
                    }
                    Restored::Skipped | Restored::Loop(_) | Restored::Rebuilt(_) => {}
                }
            }
        }
        StepBody::Steps(level) => {
            let mut known: Vec<u32> = inside.map(|(item, ..)| item).collect();
            known.dedup();
            for item in known
                .into_iter()
                .filter(|item| items.has(*item))
                .collect::<Vec<_>>()
            {
                let scope = Arc::new(items.item_scope(each, scope, item));
                let mut state = LevelState::new(level, scope);
                restore(level, &mut state, &join(key, item as usize), last, cx);
                items.open.insert(item, ItemState::Level(state));
                items.settle_level(step, level, key, item, cx);
            }
        }
    }
}

enum Restored {
    Ended(TryEnd),
    Skipped,
    Try(Try),
    /// A loop under way.
    Loop(LoopState),
    /// A loop that ended well with more output than is kept with it.
    Rebuilt(LoopState),
}

fn restored(step: &Step, key: &[u32], record: &Stored, cx: &mut Cx<'_>) -> Restored {
    let body = &record.body;
    let is_loop = step.for_each.is_some() && key.len() % 2 == 1;
    let items = || {
        LoopState::of(match body.items.as_deref() {
            Some(Value::Array(items)) => items.clone(),
            _ => Vec::new(),
        })
    };
    match record.status {
        StepStatus::Running if is_loop => Restored::Loop(items()),
        StepStatus::Succeeded if is_loop && body.output.is_none() => Restored::Rebuilt(items()),
        StepStatus::Succeeded => {
            Restored::Ended(TryEnd::Succeeded(body.output.clone().unwrap_or_default()))
        }
        StepStatus::Skipped => Restored::Skipped,
        StepStatus::Cancelled => Restored::Ended(TryEnd::Aborted),
        StepStatus::Failed | StepStatus::TimedOut => {
            let error = body.error.clone().unwrap_or_else(cut_off);
            match body.retry_at {
                None => Restored::Ended(TryEnd::Failed(record.status, error)),
                Some(at) => Restored::Try(again(record, error, at)),
            }
        }
        StepStatus::Waiting => Restored::Try(Try {
            phase: Phase::Waiting,
            wait: Some(Box::new(body.wait.clone().unwrap_or_else(Wait::for_answer))),
            logs: body.logs.clone(),
            error: body.error.clone(),
            ..as_recorded(record)
        }),
        StepStatus::Running => Restored::Try(cut(step, key, record, cx)),
    }
}

fn as_recorded(record: &Stored) -> Try {
    Try {
        attempt: record.attempt,
        generation: record.body.generation,
        unknowns: record.body.unknowns,
        input: record.body.input.clone(),
        idempotency: record.body.key.clone(),
        started_at: Some(record.started_at),
        ..Try::first()
    }
}

/// An attempt failed and was to be made again.
fn again(record: &Stored, error: NodeError, at: DateTime<Utc>) -> Try {
    // After a definite failure the input is evaluated anew, as it would have been.
    let same_key = error.kind == ErrorKind::Unknown && record.body.key.is_some();
    Try {
        attempt: record.attempt + 1,
        phase: Phase::Delayed(at),
        input: record.body.input.clone().filter(|_| same_key),
        idempotency: None,
        started_at: None,
        error: Some(error),
        ..as_recorded(record)
    }
}

/// An effect was cut off between intent and outcome.
fn cut(step: &Step, key: &[u32], record: &Stored, cx: &mut Cx<'_>) -> Try {
    let error = cut_off();
    let effect = effect_of(step, record);
    let next = transition::next(transition::Failed {
        effect,
        error: &error,
        attempt: record.attempt,
        unknowns: record.body.unknowns,
        retry: None,
        wanted: false,
        dice: 0,
    });
    let mut body = record.body.clone();
    body.error = Some(error.clone());
    body.unknowns += 1;
    let mut attempts = Try {
        unknowns: body.unknowns,
        error: Some(error),
        ..as_recorded(record)
    };
    let since = record.started_at;
    match next {
        Next::Repeat(_) => {
            body.retry_at = Some(cx.now);
            let now = cx.now;
            cx.record_times(
                key,
                record.attempt,
                StepStatus::Failed,
                since,
                Some(now),
                body,
            );
            attempts.attempt += 1;
            attempts.started_at = None;
            cx.ready.push_back(Key(key.into()));
        }
        Next::LookUp(_) => {
            cx.record_times(key, record.attempt, StepStatus::Running, since, None, body);
            attempts.mode = Mode::LookUp;
            cx.ready.push_back(Key(key.into()));
        }
        Next::Ask | Next::Fail | Next::Retry(_) => {
            let wait = Wait::for_answer();
            body.wait = Some(wait.clone());
            attempts.wait = Some(Box::new(wait));
            cx.record_times(key, record.attempt, StepStatus::Waiting, since, None, body);
            attempts.phase = Phase::Waiting;
        }
    }
    attempts
}

/// What the node of a recorded intent declares; a person is asked when it cannot tell.
fn effect_of(step: &Step, record: &Stored) -> Effect {
    let ask = Effect::External(UnknownOutcome::Ask);
    match (&step.body, &record.body.input) {
        (StepBody::Node { node, .. }, Some(input)) => node.effect(input).unwrap_or(ask),
        _ => ask,
    }
}
