//! What runs when a run's own steps have ended: `compensate`, `on_failure`, `finally`.
//!
//! Its beginning is recorded with the verdict, its steps like any other: a
//! recovery goes on where it stood.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::event::StepRef;
use super::key::{place_of, step_of};
use super::level::{Cx, LevelState};
use super::replay::{Records, Restored, restore, restored};
use super::state::{advance_all, change, start_in, start_of, try_at};
use super::tries::{Change, Phase, Try, TryEnd};
use super::waits::{collect, surroundings};
use super::walk::{aborts, wake_due};
use super::{Key, Outlook, Start};
use crate::expr::{Failure, Scope};
use crate::graph::{Level, Plan};
use crate::node::NodeError;
use crate::text;

/// How long it may all take.
const TIME: TimeDelta = TimeDelta::minutes(10);
/// Code of what had not ended by then.
pub const CLEANUP_TIMED_OUT: &str = "engine.cleanup_timed_out";

/// Something that went wrong after the run's own steps.
#[derive(Clone, Debug, PartialEq)]
pub struct CleanupError {
    /// The step's path; none when the time was over.
    pub step: Option<String>,
    /// What went wrong.
    pub error: NodeError,
}

/// A step that is undone if the run does not end well.
#[derive(Debug)]
pub(super) struct Undo {
    /// Of the compensation.
    pub key: Key,
    /// When the step ended that it undoes.
    pub ended_at: DateTime<Utc>,
    pub scope: Arc<Scope>,
}

/// A compensation on its way.
#[derive(Debug)]
struct Undoing {
    key: Key,
    scope: Arc<Scope>,
    state: Progress,
}

#[derive(Debug)]
enum Progress {
    Waiting,
    Try(Box<Try>),
    Ended,
}

/// A level of steps that runs after the run's own.
struct After {
    level: Arc<Level>,
    state: LevelState,
    at: [u32; 2],
}

/// All that runs when a run's own steps have ended.
pub(super) struct Cleanup {
    /// How the run's own steps ended.
    verdict: Outlook,
    until: DateTime<Utc>,
    undoing: Vec<Undoing>,
    after: Vec<After>,
    errors: Vec<CleanupError>,
    late: bool,
}

/// Where the steps of `on_failure` and `finally` stand among the keys of a run.
pub(super) const ON_FAILURE: [u32; 2] = [u32::MAX, 0];
pub(super) const FINALLY: [u32; 2] = [u32::MAX, 1];

impl Cleanup {
    /// All that is to run after this verdict; none when there is nothing to do.
    pub(super) fn new(
        plan: &Plan,
        verdict: Outlook,
        mut undo: Vec<Undo>,
        scope: &Arc<Scope>,
        at: DateTime<Utc>,
    ) -> Option<Self> {
        let failure = verdict.failure();
        let failed = failure.is_some();
        let cancelled = matches!(verdict, Outlook::Cancelled);
        undo.sort_by(|a, b| (b.ended_at, &b.key).cmp(&(a.ended_at, &a.key)));
        let closing = |scope: &Arc<Scope>| {
            let mut scope = Scope::closing(scope);
            match &failure {
                Some(failure) => scope.set_error(failure),
                None => scope.set_value("error", serde_json::Value::Null),
            }
            Arc::new(scope)
        };
        let undoing = undo.into_iter().filter(|_| failed).map(|undo| Undoing {
            key: undo.key,
            scope: closing(&undo.scope),
            state: Progress::Waiting,
        });
        let undoing: Vec<_> = undoing.collect();
        let on_failure = plan.on_failure.as_ref().filter(|_| failed && !cancelled);
        let after: Vec<_> = [(on_failure, ON_FAILURE), (plan.finally.as_ref(), FINALLY)]
            .into_iter()
            .filter_map(|(level, at)| {
                Some(After {
                    level: Arc::clone(level?),
                    state: LevelState::new(level?, closing(scope)),
                    at,
                })
            })
            .collect();
        (!undoing.is_empty() || !after.is_empty()).then(|| Self {
            verdict,
            until: at + TIME,
            undoing,
            after,
            errors: Vec::new(),
            late: false,
        })
    }

    /// Takes up what is recorded of it.
    pub(super) fn restore(&mut self, plan: &Plan, records: &Records, cx: &mut Cx<'_>) {
        for undoing in &mut self.undoing {
            let Some((record, (level, index))) = records
                .last(&undoing.key)
                .zip(step_of(plan, &undoing.key.0))
            else {
                continue;
            };
            let Some(step) = level.step(index) else {
                continue;
            };
            undoing.state = match restored(step, &undoing.key.0, record, cx) {
                Restored::Try(attempts) => Progress::Try(Box::new(attempts)),
                Restored::Ended(end) => {
                    note(&mut self.errors, plan, &undoing.key, end);
                    Progress::Ended
                }
                _ => Progress::Ended,
            };
        }
        for After { level, state, at } in &mut self.after {
            restore(level, state, at, records, cx);
        }
    }

    /// Goes on as far as it can without an event.
    pub(super) fn advance(&mut self, cx: &mut Cx<'_>) {
        if self.late {
            return;
        }
        for undoing in &mut self.undoing {
            match undoing.state {
                Progress::Ended => {}
                Progress::Try(_) => return,
                Progress::Waiting => {
                    undoing.state = Progress::Try(Box::new(Try::first()));
                    cx.ready.push_back(undoing.key.clone());
                    return;
                }
            }
        }
        for After { level, state, at } in &mut self.after {
            advance_all(level, state, at, cx);
            if !has_ended(state) {
                return;
            }
        }
    }

    pub(super) fn change(&mut self, key: &Key, it: Change, cx: &mut Cx<'_>) {
        let plan = cx.plan;
        if let Some(undoing) = self.undoing.iter_mut().find(|undoing| undoing.key == *key) {
            let Some((level, index)) = step_of(plan, &key.0) else {
                return;
            };
            let (Some(step), Progress::Try(attempts)) = (level.step(index), &mut undoing.state)
            else {
                return;
            };
            if let Some(end) = attempts.change(step, &key.0, &undoing.scope, it, cx) {
                undoing.state = Progress::Ended;
                note(&mut self.errors, plan, key, end);
            }
            return;
        }
        let inside = self
            .after
            .iter_mut()
            .find(|after| key.0.starts_with(&after.at));
        if let Some(After { level, state, at }) = inside {
            change(level, state, &key.0, at.len(), it, cx);
        }
    }

    /// The attempt at a key, marked as running.
    pub(super) fn start(&mut self, plan: &Plan, key: &Key) -> Option<Start> {
        if self.late {
            return None;
        }
        if let Some(undoing) = self.undoing.iter_mut().find(|undoing| undoing.key == *key) {
            let Progress::Try(attempts) = &mut undoing.state else {
                return None;
            };
            let (level, index) = step_of(plan, &key.0)?;
            let scope = Scope::inside(&undoing.scope);
            return start_of(plan, &level, index, attempts, scope, key);
        }
        let inside = self
            .after
            .iter_mut()
            .find(|after| key.0.starts_with(&after.at));
        let After { level, state, at } = inside?;
        start_in(plan, level, state, &key.0[at.len()..], key)
    }

    /// The attempts at a key.
    pub(super) fn attempts(&mut self, key: &Key) -> Option<&mut Try> {
        let undoing = self.undoing.iter_mut().find(|undoing| undoing.key == *key);
        if let Some(undoing) = undoing {
            return match &mut undoing.state {
                Progress::Try(attempts) => Some(attempts),
                Progress::Waiting | Progress::Ended => None,
            };
        }
        let mut after = self.after.iter_mut();
        let After { level, state, at } = after.find(|after| key.0.starts_with(&after.at))?;
        try_at(level, state, &key.0[at.len()..])
    }

    /// The attempt at a key, with its step and what its expressions read.
    pub(super) fn surroundings(
        &mut self,
        plan: &Plan,
        key: &Key,
    ) -> Option<(StepRef, Scope, &mut Try)> {
        let around = match self.undoing.iter().find(|undoing| undoing.key == *key) {
            Some(undoing) => {
                let (level, index) = step_of(plan, &key.0)?;
                (StepRef { level, index }, Scope::inside(&undoing.scope))
            }
            None => {
                let mut after = self.after.iter();
                let After { level, state, at } = after.find(|it| key.0.starts_with(&it.at))?;
                surroundings(level, state, &key.0[at.len()..])?
            }
        };
        let (step, scope) = around;
        Some((step, scope, self.attempts(key)?))
    }

    /// All attempts that wait.
    pub(super) fn collect_waits(&self, found: &mut impl FnMut(&[u32], &Try)) {
        for undoing in &self.undoing {
            if let Progress::Try(attempts) = &undoing.state
                && attempts.phase == Phase::Waiting
            {
                found(&undoing.key.0, attempts);
            }
        }
        for After { state, at, .. } in &self.after {
            collect(state, &mut at.to_vec(), found);
        }
    }

    /// It is that late; true when its own time is over.
    pub(super) fn wake(&mut self, cx: &mut Cx<'_>) -> bool {
        let now = cx.now;
        for undoing in &mut self.undoing {
            if let Progress::Try(attempts) = &mut undoing.state
                && attempts.is_delayed_until(now)
            {
                attempts.wake(&undoing.key.0, cx.ready);
            }
        }
        for After { level, state, at } in &mut self.after {
            wake_due(level, state, at, cx);
        }
        if now < self.until || self.late || self.is_over() {
            return false;
        }
        self.late = true;
        let error = NodeError::fail(
            CLEANUP_TIMED_OUT,
            text!(
                "what runs after the steps had not ended within {minutes} minutes",
                minutes = TIME.num_minutes()
            ),
        );
        self.errors.push(CleanupError { step: None, error });
        true
    }

    pub(super) fn next_due(&self) -> Option<DateTime<Utc>> {
        if self.late {
            return None;
        }
        let undoing = self
            .undoing
            .iter()
            .filter_map(|undoing| match &undoing.state {
                Progress::Try(attempts) => attempts.due(),
                _ => None,
            });
        let after = self.after.iter().filter_map(|after| after.state.next_due());
        undoing.chain(after).chain([self.until]).min()
    }

    pub(super) fn is_busy(&self) -> bool {
        let undoing = self.undoing.iter().any(
            |undoing| matches!(&undoing.state, Progress::Try(attempts) if attempts.is_running()),
        );
        undoing || self.after.iter().any(|after| after.state.is_busy())
    }

    /// Whether nothing of it is left to do.
    pub(super) fn is_over(&self) -> bool {
        let undone = |undoing: &Undoing| matches!(undoing.state, Progress::Ended);
        !self.is_busy()
            && (self.late
                || self.undoing.iter().all(undone)
                    && self.after.iter().all(|after| has_ended(&after.state)))
    }

    /// How the run ends, all in all.
    pub(super) fn outlook(&self) -> Outlook {
        let errors = self.errors();
        match (&self.verdict, errors.into_iter().next()) {
            (Outlook::Succeeded, Some(first)) => Outlook::Failed {
                step: first.step.unwrap_or_default(),
                error: first.error,
            },
            (verdict, _) => verdict.clone(),
        }
    }

    /// What went wrong in it.
    pub(super) fn errors(&self) -> Vec<CleanupError> {
        let mut errors = self.errors.clone();
        for After { level, state, .. } in &self.after {
            let failed = state.failure.as_ref().map(|(index, error)| CleanupError {
                step: Some(level.steps[*index].id.to_string()),
                error: error.clone(),
            });
            errors.extend(failed);
        }
        errors
    }

    /// Keys inside of which attempts without effect are to be aborted.
    pub(super) fn aborts(&self, found: &mut Vec<Key>) {
        if self.late {
            found.push(Key::root());
        }
        for after in &self.after {
            if after.state.failure.is_some() && after.state.is_busy() {
                found.push(Key(after.at.as_slice().into()));
            }
            aborts(&after.state, &[], &mut after.at.to_vec(), found);
        }
    }
}

/// Whether all steps have ended, or one failed and none runs any more.
fn has_ended(state: &LevelState) -> bool {
    match state.failure {
        Some(_) => !state.is_busy(),
        None => state.is_done(),
    }
}

fn note(errors: &mut Vec<CleanupError>, plan: &Plan, key: &Key, end: TryEnd) {
    if let TryEnd::Failed(_, error) = end {
        let step = Some(place_of(plan, &key.0).1);
        errors.push(CleanupError { step, error });
    }
}

impl Outlook {
    /// Why a run that has ended did not end well.
    fn failure(&self) -> Option<Failure> {
        let of = |error: &NodeError| Failure {
            code: error.code.clone(),
            message: error.message.to_string(),
        };
        match self {
            Self::Failed { error, .. } | Self::TimedOut(error) => Some(of(error)),
            Self::Cancelled => Some(Failure {
                code: "engine.cancelled".to_owned(),
                message: text!("the run was cancelled").to_string(),
            }),
            _ => None,
        }
    }
}
