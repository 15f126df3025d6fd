//! Which of the values that are stored apart a run needs to go on.
//!
//! Those that a step which has not ended reads, or the run's outputs; the input
//! of an attempt that has not ended; and all of a loop that is made of its items
//! again. A run that may be undone needs all: anything can read them.

use std::collections::BTreeSet;

use super::{Stored, outermost_step};
use crate::graph::{Level, OnError, Plan, Step};

/// What is needed of one record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Want {
    pub input: bool,
    pub output: bool,
}

/// What is needed of each of these records, those of attempts that count.
pub(crate) fn wanted(plan: &Plan, stored: &[Stored]) -> Vec<Want> {
    let all = plan.has_cleanup();
    let steps = &plan.steps;
    let ended: BTreeSet<&str> = stored
        .iter()
        .filter(|record| record.place.items.is_empty() && record.attempt > 0 && has_ended(record))
        .map(|record| record.place.step.as_str())
        .collect();
    let mut read = BTreeSet::new();
    for (index, step) in steps.steps.iter().enumerate() {
        if !ended.contains(&*step.id) {
            let before = step.needs.iter().copied().chain(step.handles);
            before.for_each(|it| reads(steps, it, &mut read));
        } else if let OnError::Step(other) = step.on_error
            && !ended.contains(&*steps.steps[other].id)
        {
            // Who stands in for it reads what it reads, and no more.
            reads(steps, index, &mut read);
        }
    }
    for expression in plan.outputs.expressions() {
        for path in expression.paths().iter().flat_map(|path| {
            let inner = path.inner_paths();
            inner.into_iter().chain([path])
        }) {
            if let Some(index) = path.step().and_then(|(id, _)| steps.find(id)) {
                reads(steps, index, &mut read);
            }
        }
    }
    let whole: BTreeSet<&str> = stored
        .iter()
        .filter(|record| record.body.output.is_some() && has_ended(record))
        .filter(|record| record.place.items.is_empty())
        .map(|record| record.place.step.as_str())
        .collect();
    let is_read = |step: &str| steps.find(step).is_some_and(|index| read.contains(&index));
    stored
        .iter()
        .map(|record| Want {
            input: !has_ended(record),
            output: all
                || match record.place.items.is_empty() {
                    true => is_read(&record.place.step),
                    // A loop whose own output is recorded does not look at its items.
                    false => outermost_step(plan, &record.place)
                        .is_none_or(|outer| !whole.contains(outer.as_str())),
                },
        })
        .collect()
}

/// A step is read, and with it whoever stands in for it.
fn reads(level: &Level, index: usize, read: &mut BTreeSet<usize>) {
    let Some(step) = level.steps.get(index) else {
        return;
    };
    if read.insert(index)
        && let Step {
            on_error: OnError::Step(other),
            ..
        } = step
    {
        reads(level, *other, read);
    }
}

fn has_ended(record: &Stored) -> bool {
    record.status.is_final() && record.body.retry_at.is_none()
}
