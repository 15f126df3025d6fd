//! Steps that wait: found to be woken, and given up.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::event::StepRef;
use super::key::{key_of, place_of};
use super::level::{Cx, LevelState, StepState};
use super::loops::ItemState;
use super::state::{cx, try_at};
use super::tries::{Phase, Try};
use super::{Event, Key, Place, Run, Start, Waiting};
use crate::expr::Scope;
use crate::graph::{Body, Level};
use crate::node::{Heard, On, Wait};

impl Run {
    /// The step that waits at this place, to be woken; none when this attempt
    /// of it does not wait any more, or nothing new is to happen.
    #[must_use]
    pub fn waiting(&mut self, place: &Place, attempt: u32) -> Option<Waiting> {
        let key = key_of(&self.plan, place)?;
        self.waiting_at(&key)
            .filter(|it| it.start.attempt == attempt)
    }

    /// The same by key.
    #[must_use]
    pub fn waiting_at(&mut self, key: &Key) -> Option<Waiting> {
        let plan = Arc::clone(&self.plan);
        let (step, mut scope, attempts) = match &mut self.cleanup {
            Some(cleanup) => cleanup.surroundings(&plan, key)?,
            None if self.halt.is_some() || self.top.failure.is_some() => return None,
            None => {
                let (step, scope) = surroundings(&plan.steps, &self.top, &key.0)?;
                let attempts = try_at(&plan.steps, &mut self.top, &key.0)?;
                (step, scope, attempts)
            }
        };
        if attempts.phase != Phase::Waiting || attempts.asks() {
            return None;
        }
        scope.set_attempt(attempts.attempt);
        let (place, path) = place_of(&plan, &key.0);
        Some(Waiting {
            input: attempts.input.clone().unwrap_or_default(),
            wait: Wait::clone(attempts.wait.as_deref()?),
            started_at: attempts.started_at?,
            start: Start {
                key: key.clone(),
                place,
                path,
                step,
                attempt: attempts.attempt,
                generation: attempts.generation,
                unknowns: attempts.unknowns,
                mode: attempts.mode,
                input: None,
                idempotency: None,
                scope: Arc::new(scope),
            },
        })
    }

    /// Steps that wait and are to be woken at this instant.
    #[must_use]
    pub fn waits_due(&self, now: DateTime<Utc>) -> Vec<Key> {
        let mut due = Vec::new();
        let mut found = |key: &[u32], attempts: &Try| {
            if attempts.due().is_some_and(|at| at <= now) {
                due.push(Key(key.into()));
            }
        };
        match &self.cleanup {
            Some(cleanup) => cleanup.collect_waits(&mut found),
            None if self.is_stopped() => {}
            None => collect(&self.top, &mut Vec::new(), &mut found),
        }
        due
    }

    /// The steps that wait for this event.
    #[must_use]
    pub fn waiting_for(&self, event: &Heard) -> Vec<Key> {
        let mut keys = Vec::new();
        let mut found = |key: &[u32], attempts: &Try| {
            let on = attempts.wait.as_ref().map(|wait| &wait.on);
            if matches!(on, Some(On::Event(awaited)) if awaited.is(event)) {
                keys.push(Key(key.into()));
            }
        };
        match &self.cleanup {
            Some(cleanup) => cleanup.collect_waits(&mut found),
            None if self.is_stopped() => {}
            None => collect(&self.top, &mut Vec::new(), &mut found),
        }
        keys
    }

    /// Ends the waits of a run that ends without them.
    pub fn give_up_waits(&mut self, now: DateTime<Utc>) -> super::Applied {
        let mut records = Vec::new();
        let mut cx = cx!(self, now, &mut records);
        match &self.cleanup {
            // Those of the run's own steps were given up before.
            Some(cleanup) => {
                cleanup.collect_waits(&mut |key, attempts| attempts.give_up_wait(key, &mut cx));
            }
            None => self.top.give_up_waits(&[], &mut cx),
        }
        super::Applied {
            records,
            abort: Vec::new(),
        }
    }

    /// The most items that are open in one loop outside of loops.
    #[must_use]
    pub fn open_items(&self) -> usize {
        let loops = self.top.steps.iter().map(|step| match step {
            StepState::Loop(items) => items.open.len(),
            _ => 0,
        });
        loops.max().unwrap_or(0)
    }

    /// The instant of the last wake: `now` until the next one.
    #[must_use]
    pub fn last_wake(&self) -> Option<DateTime<Utc>> {
        self.woken_at
    }

    /// Takes an instant for `now`.
    pub(super) fn woken_at(&mut self, at: DateTime<Utc>) {
        self.woken_at = Some(at);
        Arc::make_mut(&mut self.top.scope).set_now(at.to_rfc3339());
    }

    /// A wake is an input: what follows takes its instant for `now`.
    pub(super) fn note_wake(&mut self, event: &Event) {
        let (key, at) = match event {
            Event::Attempted(attempted) => (Some(attempted.key.clone()), attempted.ended_at),
            Event::Answered(place, _, at) => (key_of(&self.plan, place), *at),
            Event::Aborted(..) | Event::Cancelled | Event::Due(_) => return,
        };
        let Some(key) = key else { return };
        let plan = Arc::clone(&self.plan);
        let attempts = match &mut self.cleanup {
            Some(cleanup) => cleanup.attempts(&key),
            None => try_at(&plan.steps, &mut self.top, &key.0),
        };
        let waits = attempts.is_some_and(|attempts| attempts.phase == Phase::Waiting);
        if waits {
            self.woken_at(at);
            set_now(&plan.steps, &mut self.top, &key.0, &at.to_rfc3339());
        }
    }
}

impl LevelState {
    /// Records that steps which wait in here do not wait any more.
    pub(super) fn give_up_waits(&self, at: &[u32], cx: &mut Cx<'_>) {
        collect(self, &mut at.to_vec(), &mut |key, attempts| {
            attempts.give_up_wait(key, cx);
        });
    }
}

/// Sets `now` for the item that holds a key.
fn set_now(level: &Level, state: &mut LevelState, way: &[u32], now: &str) {
    let [index, item, rest @ ..] = way else {
        return;
    };
    let index = *index as usize;
    if let Some(Body::Steps(inner)) = level.steps.get(index).map(|step| &step.body)
        && let StepState::Loop(items) = &mut state.steps[index]
        && let Some(ItemState::Level(state)) = items.open.get_mut(item)
    {
        Arc::make_mut(&mut state.scope).set_now(now.to_owned());
        set_now(inner, state, rest, now);
    }
}

/// The step of a key, and what its expressions read.
pub(super) fn surroundings(
    level: &Arc<Level>,
    state: &LevelState,
    way: &[u32],
) -> Option<(StepRef, Scope)> {
    let index = *way.first()? as usize;
    let step = level.steps.get(index)?;
    let scope = state.step_scope(level, index);
    let found = StepRef {
        level: Arc::clone(level),
        index,
    };
    match &state.steps[index] {
        StepState::Try(_) if way.len() == 1 => Some((found, Scope::inside(&scope))),
        StepState::Loop(items) if way.len() > 1 => {
            let item = way[1];
            match (items.open.get(&item)?, &step.body) {
                (ItemState::Try(_), _) => {
                    let scope = items.item_scope(step, &scope, item);
                    Some((found, scope))
                }
                (ItemState::Level(state), Body::Steps(level)) => {
                    surroundings(level, state, &way[2..])
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// All attempts that wait.
pub(super) fn collect(state: &LevelState, at: &mut Vec<u32>, found: &mut impl FnMut(&[u32], &Try)) {
    for (index, step) in state.steps.iter().enumerate() {
        at.push(u32::try_from(index).unwrap_or(u32::MAX));
        match step {
            StepState::Try(attempts) if attempts.phase == Phase::Waiting => found(at, attempts),
            StepState::Loop(items) => {
                for (item, inside) in &items.open {
                    at.push(*item);
                    match inside {
                        ItemState::Try(attempts) if attempts.phase == Phase::Waiting => {
                            found(at, attempts);
                        }
                        ItemState::Try(_) => {}
                        ItemState::Level(level) => collect(level, at, found),
                    }
                    at.pop();
                }
            }
            _ => {}
        }
        at.pop();
    }
}
