//! The same state again, from what was recorded.
//!
//! What is recorded is taken as it is: no expression of an ended step is
//! evaluated, no recorded intent looked at again. An effect whose intent is
//! recorded and whose outcome is not was cut off: nobody knows what became of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::key::key_of;
use super::level::{Begun, Cx, LevelState, StepState, join};
use super::loops::{At, ItemState, LoopState};
use super::state::{Applied, Run, advance_all, cut_off, cx};
use super::time::{Halt, worked};
use super::transition::{self, Next};
use super::tries::{Phase, Try, TryEnd};
use super::walk::items_left;
use super::{Body, Key, Mode, Place, StepStatus};
use crate::expr::{RunFacts, Sandbox, Scope, Typed};
use crate::graph::{Body as StepBody, Level, Plan, Step};
use crate::node::{Effect, ErrorKind, NodeError, UnknownOutcome, Usage, Wait};

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

/// What is recorded, by key.
#[derive(Default)]
pub(super) struct Records {
    /// The last attempt of each.
    last: BTreeMap<Key, Stored>,
    /// How steps began.
    begun: BTreeMap<Key, Stored>,
    /// What has been decided of the whole run.
    verdict: Option<Stored>,
}

impl Records {
    /// The last attempt at a key.
    pub(super) fn last(&self, key: &Key) -> Option<&Stored> {
        self.last.get(key)
    }

    fn add(&mut self, key: Key, record: Stored) {
        let known = match record.attempt {
            0 => &mut self.begun,
            _ => &mut self.last,
        };
        let newer = known
            .get(&key)
            .is_none_or(|known| known.attempt <= record.attempt);
        if newer {
            known.insert(key, record);
        }
    }

    /// What is recorded of the items of a loop: the item, the key, the record.
    fn inside<'r>(&'r self, key: &'r [u32]) -> impl Iterator<Item = (u32, &'r Key, &'r Stored)> {
        let from = Key(join(key, 0).into());
        let within = move |known: &'r BTreeMap<Key, Stored>| {
            known
                .range(from.clone()..)
                .take_while(|(found, _)| found.0.starts_with(key))
        };
        [&self.last, &self.begun]
            .into_iter()
            .flat_map(within)
            .map(|(found, record)| (found.0[key.len()], found, record))
    }
}

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
        let mut last = Records::default();
        let mut work = Vec::new();
        let used = stored.iter().filter(|record| record.body.taken.is_none());
        let used = used.fold(Usage::default(), |all, it| all.and(it.body.usage));
        for record in stored {
            if record.place == Place::run() {
                last.verdict = Some(record);
                continue;
            }
            let Some(key) = key_of(&plan, &record.place) else {
                continue;
            };
            if plan.timeout.is_some() {
                work.extend(worked(&plan, &key, &record));
            }
            last.add(key, record);
        }
        let mut run = Self::new(plan, sandbox, facts, inputs);
        run.used = used;
        run.times.seen(now);
        run.times.recover(work);
        if let Some(at) = woken_at {
            run.woken_at(at);
        }
        let begun = last.verdict.as_ref().and_then(|verdict| {
            run.halt = Halt::recorded(verdict);
            verdict.ended_at
        });
        let mut records = Vec::new();
        let mut cx = cx!(run, now, &mut records);
        restore(&run.plan.steps, &mut run.top, &[], &last, &mut cx);
        advance_all(&run.plan.steps, &mut run.top, &[], &mut cx);
        run.wind_up(now, begun.map(|begun| (begun, &last)), &mut records);
        let applied = Applied {
            records,
            abort: Vec::new(),
        };
        (run, applied)
    }
}

pub(super) fn restore(
    level: &Arc<Level>,
    state: &mut LevelState,
    at: &[u32],
    last: &Records,
    cx: &mut Cx<'_>,
) {
    for &index in &level.order {
        let key = join(at, index);
        let step = &level.steps[index];
        let found = Key(key.as_slice().into());
        if let Some(record) = last.begun.get(&found) {
            state.begun.insert(index, begun(level, step, record));
        }
        let Some(record) = last.last.get(&found) else {
            continue;
        };
        let scope = state.step_scope(level, index);
        match restored(step, &key, record, cx) {
            Restored::Loop(mut items) => {
                restore_items(step, &scope, &mut items, &key, last, cx);
                state.steps[index] = StepState::Loop(Box::new(items));
            }
            Restored::Rebuilt(mut items, end) => {
                // The loop's end is recorded already: nothing of it is recorded again.
                let known = cx.records.len();
                restore_items(step, &scope, &mut items, &key, last, cx);
                items_left(level, index, &items, &scope, &key, cx);
                let end = end.or_else(|| items.ended(&key, cx));
                cx.records.truncate(known);
                if let Some(end) = end {
                    let when = record.ended_at.unwrap_or(record.started_at);
                    state.ended(level, index, at, end, when, cx);
                }
            }
            Restored::Ended(end) => {
                let when = record.ended_at.unwrap_or(record.started_at);
                state.ended(level, index, at, end, when, cx);
            }
            Restored::Skipped => state.skipped(level, index),
            Restored::Try(attempts) => state.steps[index] = StepState::Try(attempts),
        }
    }
    for &index in &level.order {
        state.cancel_rest(level, index, at, cx);
    }
}

/// How a step began, as recorded.
fn begun(level: &Level, step: &Step, record: &Stored) -> Begun {
    let won = record.body.joined.iter();
    let joined = step
        .join
        .as_ref()
        .map(|_| won.filter_map(|id| level.find(id)).collect());
    Begun::new(step, joined, record.started_at)
}

fn restore_items(
    step: &Step,
    scope: &Arc<Scope>,
    items: &mut LoopState,
    key: &[u32],
    last: &Records,
    cx: &mut Cx<'_>,
) {
    match &step.body {
        StepBody::Node { .. } => {
            let attempts = last.inside(key).filter(|(.., record)| record.attempt > 0);
            for (item, found, record) in attempts {
                if !items.has(item) {
                    continue;
                }
                match restored(step, &found.0, record, cx) {
                    Restored::Ended(end) => {
                        let inner = Arc::new(items.item_scope(step, scope, item));
                        let at = At {
                            step,
                            key,
                            item,
                            when: record.ended_at.unwrap_or(record.started_at),
                        };
                        items.item_tried(&at, end, &inner, cx);
                    }
                    Restored::Try(attempts) => {
                        items.open.insert(item, ItemState::Try(attempts));
                    }
                    Restored::Skipped | Restored::Loop(_) | Restored::Rebuilt(..) => {}
                }
            }
        }
        StepBody::Steps(level) => {
            // By item, with the last instant recorded of it.
            let mut known: BTreeMap<u32, DateTime<Utc>> = BTreeMap::new();
            for (item, _, record) in last.inside(key).filter(|(item, ..)| items.has(*item)) {
                let at = record.ended_at.unwrap_or(record.started_at);
                let latest = known.entry(item).or_insert(at);
                *latest = at.max(*latest);
            }
            for (item, when) in known {
                let scope = Arc::new(items.item_scope(step, scope, item));
                let mut state = LevelState::new(level, scope);
                restore(level, &mut state, &join(key, item as usize), last, cx);
                items.open.insert(item, ItemState::Level(state));
                let at = At {
                    step,
                    key,
                    item,
                    when,
                };
                items.settle_level(&at, level, cx);
            }
        }
    }
}

pub(super) enum Restored {
    Ended(TryEnd),
    Skipped,
    Try(Try),
    /// A loop under way.
    Loop(LoopState),
    /// A loop that ended; made of its items again when its end is not recorded whole.
    Rebuilt(LoopState, Option<TryEnd>),
}

pub(super) fn restored(step: &Step, key: &[u32], record: &Stored, cx: &mut Cx<'_>) -> Restored {
    let body = &record.body;
    let is_loop = step.is_loop() && key.len() % 2 == 1;
    let items = || LoopState::recorded(step, body);
    let ended = |end| match is_loop && step.compensates() {
        true => Restored::Rebuilt(items(), Some(end)),
        false => Restored::Ended(end),
    };
    match record.status {
        StepStatus::Running if is_loop => Restored::Loop(items()),
        StepStatus::Succeeded if is_loop && body.output.is_none() => {
            Restored::Rebuilt(items(), None)
        }
        StepStatus::Succeeded => ended(TryEnd::Succeeded(body.output.clone().unwrap_or_default())),
        StepStatus::Skipped => Restored::Skipped,
        StepStatus::Cancelled => ended(TryEnd::Aborted),
        StepStatus::Failed | StepStatus::TimedOut => {
            let error = body.error.clone().unwrap_or_else(cut_off);
            match body.retry_at {
                None => ended(TryEnd::Failed(record.status, error)),
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
        usage: record.body.usage,
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
        idempotency: record.body.key.clone().filter(|_| same_key),
        started_at: None,
        usage: Usage::default(),
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
            attempts.usage = Usage::default();
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
