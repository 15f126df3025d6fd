//! Questions to all open levels of a run: what runs, what is due, what is to be aborted.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Key;
use super::cleanup::Undo;
use super::level::{Cx, LevelState, StepState, join};
use super::loops::{ItemState, LoopState, Over};
use super::tries::{Phase, Stop, Try};
use crate::expr::Scope;
use crate::graph::{Body as StepBody, Level};

impl Try {
    pub(super) fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }

    /// When it may start, or is woken at the latest.
    pub(super) fn due(&self) -> Option<DateTime<Utc>> {
        match self.phase {
            Phase::Delayed(at) => Some(at),
            Phase::Waiting => self.wait.as_ref()?.until,
            Phase::Ready | Phase::Running => None,
        }
    }

    pub(super) fn is_delayed_until(&self, now: DateTime<Utc>) -> bool {
        matches!(self.phase, Phase::Delayed(at) if at <= now)
    }
}

impl LevelState {
    /// Whether an attempt runs.
    pub(super) fn is_busy(&self) -> bool {
        self.steps.iter().any(|step| match step {
            StepState::Try(attempts) => attempts.is_running(),
            StepState::Loop(items) => items.is_busy(),
            StepState::Pending | StepState::Ended(..) => false,
        })
    }

    /// The earliest instant at which something is to be done.
    pub(super) fn next_due(&self) -> Option<DateTime<Utc>> {
        let deadlines = self.begun.iter().filter_map(|(index, begun)| {
            let open = !matches!(self.steps[*index], StepState::Ended(..));
            begun.deadline.filter(|_| open)
        });
        self.steps
            .iter()
            .filter_map(|step| match step {
                StepState::Try(attempts) => attempts.due(),
                StepState::Loop(items) => items.next_due(),
                StepState::Pending | StepState::Ended(..) => None,
            })
            .chain(deadlines)
            .min()
    }
}

impl LoopState {
    fn next_due(&self) -> Option<DateTime<Utc>> {
        if self.is_stopped() {
            return None;
        }
        let inside = self.open.values().filter_map(|item| match item {
            ItemState::Try(attempts) => attempts.due(),
            ItemState::Level(level) => level.next_due(),
        });
        inside.chain(self.turn_due()).min()
    }

    fn turn_due(&self) -> Option<DateTime<Utc>> {
        match &self.over {
            Over::Turns(turns) if self.open.is_empty() => turns.due,
            _ => None,
        }
    }
}

/// Makes attempts ready whose delay is over, and stops steps whose deadline has
/// passed; true when there is more to decide.
pub(super) fn wake_due(
    level: &Arc<Level>,
    state: &mut LevelState,
    at: &[u32],
    cx: &mut Cx<'_>,
) -> bool {
    let now = cx.now;
    let mut changed = false;
    for index in 0..state.steps.len() {
        let late = state.begun.get(&index).and_then(|begun| begun.deadline);
        if late.is_some_and(|deadline| deadline <= now) {
            changed = true;
            let stop = Stop::late(&level.steps[index]);
            state.stop(level, index, at, stop, cx);
        }
        let key = join(at, index);
        match &mut state.steps[index] {
            StepState::Try(attempts) if attempts.is_delayed_until(now) => {
                attempts.wake(&key, cx.ready);
            }
            StepState::Loop(items) => {
                changed |= items.turn_due().is_some_and(|due| due <= now);
                for (item, inside) in &mut items.open {
                    let key = join(&key, *item as usize);
                    match (inside, &level.steps[index].body) {
                        (ItemState::Try(attempts), _) if attempts.is_delayed_until(now) => {
                            attempts.wake(&key, cx.ready);
                        }
                        (ItemState::Level(state), StepBody::Steps(level)) => {
                            changed |= wake_due(level, state, &key, cx);
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    changed
}

/// The keys of what is to end while something in it runs: loops and items that
/// failed, and steps that were stopped. Of items, only the one on the way; all
/// of them when the way ends here.
pub(super) fn aborts(state: &LevelState, way: &[u32], at: &mut Vec<u32>, found: &mut Vec<Key>) {
    for (index, step) in state.steps.iter().enumerate() {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        at.push(index);
        match step {
            StepState::Try(attempts) if attempts.stopped.is_some() && attempts.is_running() => {
                found.push(Key(at.as_slice().into()));
            }
            StepState::Loop(items) if items.is_stopped() && items.is_busy() => {
                found.push(Key(at.as_slice().into()));
            }
            StepState::Loop(items) => match way {
                [] => {
                    for (item, inside) in &items.open {
                        aborts_in_item(*item, inside, &[], at, found);
                    }
                }
                [on_way, item, rest @ ..] if *on_way == index => {
                    if let Some(inside) = items.open.get(item) {
                        aborts_in_item(*item, inside, rest, at, found);
                    }
                }
                _ => {}
            },
            _ => {}
        }
        at.pop();
    }
}

fn aborts_in_item(
    item: u32,
    inside: &ItemState,
    way: &[u32],
    at: &mut Vec<u32>,
    found: &mut Vec<Key>,
) {
    let ItemState::Level(level) = inside else {
        return;
    };
    at.push(item);
    if level.failure.is_some() && level.is_busy() {
        found.push(Key(at.as_slice().into()));
    } else {
        aborts(level, way, at, found);
    }
    at.pop();
}

/// Remembers what has to be undone though nobody knows whether it happened.
pub(super) fn unknown(
    level: &Level,
    index: usize,
    attempts: &Try,
    scope: &Arc<Scope>,
    key: &[u32],
    cx: &mut Cx<'_>,
) {
    let Some(undo) = level.steps[index].compensate else {
        return;
    };
    if attempts.unknowns > 0 || attempts.asks() {
        cx.undo.push(Undo {
            key: compensation(key, undo),
            ended_at: attempts.started_at.unwrap_or(cx.now),
            scope: Arc::clone(scope),
        });
    }
}

/// The key of what undoes the step, or the item of a step, at this key.
pub(super) fn compensation(key: &[u32], undo: usize) -> Key {
    let mut key = key.to_vec();
    // An item stands at an even depth, behind its step.
    let step = (key.len() - 1) / 2 * 2;
    key[step] = u32::try_from(undo).unwrap_or(u32::MAX);
    Key(key.into())
}

/// What is left of a loop that ends: see [`unknown`].
pub(super) fn items_left(
    level: &Level,
    index: usize,
    items: &LoopState,
    scope: &Arc<Scope>,
    key: &[u32],
    cx: &mut Cx<'_>,
) {
    let step = &level.steps[index];
    if !step.compensates() {
        return;
    }
    for (item, inside) in &items.open {
        let key = join(key, *item as usize);
        match (inside, &step.body) {
            (ItemState::Try(attempts), _) => {
                let scope = Arc::new(items.item_scope(step, scope, *item));
                unknown(level, index, attempts, &scope, &key, cx);
            }
            (ItemState::Level(state), StepBody::Steps(level)) => steps_left(level, state, &key, cx),
            _ => {}
        }
    }
}

/// What is left of a level when the run's own steps are over: see [`unknown`].
pub(super) fn steps_left(level: &Level, state: &LevelState, at: &[u32], cx: &mut Cx<'_>) {
    for (index, step) in state.steps.iter().enumerate() {
        let key = join(at, index);
        match step {
            StepState::Try(attempts) => {
                unknown(level, index, attempts, &state.scope, &key, cx);
            }
            StepState::Loop(items) => items_left(level, index, items, &state.scope, &key, cx),
            StepState::Pending | StepState::Ended(..) => {}
        }
    }
}
