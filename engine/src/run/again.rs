//! What a run leaves to one that runs it again: which outcomes stand, which
//! are replaced, and where effects are taken up of which nobody knows the end.
//!
//! The new run is recovered from these records as after a crash. So an effect
//! whose outcome is unknown goes on with its key: it is repeated, looked up, or
//! a person is asked, as its node declares; a person also when it reads what
//! has been edited, for its recorded input says something else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::key::{key_of, step_of};
use super::{StepStatus, Stored, path_of};
use crate::graph::{Body as StepBody, Level, OnError, Plan, Step};
use crate::node::{ErrorKind, misfit, validator};
use crate::text;
use crate::text::Text;

/// Where an outcome comes from that a run did not come to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Taken {
    /// The run that this one runs again.
    Origin,
    /// Who started this run said so.
    Edited,
}

/// From where a run is run again.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum RerunFrom {
    /// From the beginning; after the edited outputs, when there are some.
    #[default]
    Start,
    /// From what failed, was cancelled, or never ran; of a loop, from the items that did.
    Failed,
    /// From these steps: they run, and all that follow them.
    Steps(Vec<String>),
}

/// How a run is to be run again.
pub(crate) struct Again<'a> {
    /// Of the new run.
    pub plan: &'a Plan,
    /// Of the run before.
    pub before: &'a Plan,
    pub from: &'a RerunFrom,
    /// Outputs that stand instead of recorded ones, by step.
    pub edits: &'a BTreeMap<String, Value>,
    /// Whether the run is given something else.
    pub other_inputs: bool,
    pub now: DateTime<Utc>,
}

/// Why a run cannot be run again like that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAgain {
    /// It has not ended.
    Open,
    /// What it was given cannot be read any more.
    Erased,
    /// There is no such step.
    UnknownStep(String),
    /// The step stands inside a loop.
    Inside {
        /// The step.
        step: String,
        /// The outermost loop around it.
        around: String,
    },
    /// The edited output is not what the step can give.
    BadOutput {
        /// The step.
        step: String,
        /// Why.
        problem: Text,
    },
    /// Nothing of it failed.
    NothingFailed,
    /// Nobody knows what became of this item outside, and its loop would begin anew.
    UnknownItem(String),
}

/// The records of one step and of all that stands inside it.
type Subtree<'s> = Vec<&'s Stored>;

impl Again<'_> {
    /// The records that the new run begins with.
    ///
    /// # Errors
    /// [`NotAgain`].
    pub(crate) fn carried(&self, stored: &[Stored]) -> Result<Vec<Stored>, NotAgain> {
        let level = &self.plan.steps;
        let chosen = self.chosen()?;
        let edited = self.edited()?;
        let records = self.by_step(stored);
        let undone = self.undone(stored);
        let stands: Vec<bool> = (0..level.steps.len())
            .map(|index| !undone.contains(&index) && self.stands(index, &records))
            .collect();
        let whole = *self.from == RerunFrom::Start && edited.is_empty();
        let mut runs = BTreeSet::new();
        for &index in &level.order {
            let follows = |all: &BTreeSet<usize>| {
                level
                    .ancestors(index)
                    .iter()
                    .any(|before| all.contains(before))
            };
            let begins = whole || chosen.contains(&index) || !stands[index];
            if !edited.contains_key(&index)
                && (begins || follows(&runs) || self.follows(&edited, index))
            {
                runs.insert(index);
            }
        }
        let mut carried = Vec::new();
        for (index, step) in level.steps.iter().enumerate() {
            let none = Vec::new();
            let own = records.get(&index).unwrap_or(&none);
            if let Some(output) = edited.get(&index) {
                carried.push(self.edited_record(step, output));
            } else if !runs.contains(&index) {
                carried.extend(own.iter().map(|record| taken(record)));
            } else {
                let before = level.ancestors(index);
                let dirty = self.other_inputs
                    || before
                        .iter()
                        .any(|it| runs.contains(it) || edited.contains_key(it));
                let goes_on = !dirty && *self.from == RerunFrom::Failed && self.same_step(step);
                if !undone.contains(&index) {
                    self.restarted(step, own, dirty, goes_on, &mut carried)?;
                }
            }
        }
        Ok(carried)
    }

    fn follows(&self, edited: &BTreeMap<usize, &Value>, index: usize) -> bool {
        let before = self.plan.steps.ancestors(index);
        before.iter().any(|before| edited.contains_key(before))
    }

    fn chosen(&self) -> Result<BTreeSet<usize>, NotAgain> {
        let RerunFrom::Steps(steps) = self.from else {
            return Ok(BTreeSet::new());
        };
        steps.iter().map(|step| self.find(step)).collect()
    }

    fn edited(&self) -> Result<BTreeMap<usize, &Value>, NotAgain> {
        let mut edited = BTreeMap::new();
        for (id, output) in self.edits {
            let index = self.find(id)?;
            let step = &self.plan.steps.steps[index];
            let bad = |problem| NotAgain::BadOutput {
                step: id.clone(),
                problem,
            };
            let outputs: Vec<&Value> = match (step.for_each.is_some(), output) {
                (true, Value::Array(items)) => items.iter().collect(),
                (true, _) => return Err(bad(text!("a loop gives a list"))),
                (false, output) => vec![output],
            };
            if let StepBody::Node { node, .. } = &step.body
                && let Some(validator) = validator(&node.output)
            {
                for output in outputs.into_iter().filter(|output| !output.is_null()) {
                    if let Some(error) = validator.iter_errors(output).next() {
                        return Err(bad(misfit(&error)));
                    }
                }
            }
            edited.insert(index, output);
        }
        Ok(edited)
    }

    fn find(&self, id: &str) -> Result<usize, NotAgain> {
        let level = &self.plan.steps;
        if let Some(index) = level.find(id) {
            return Ok(index);
        }
        let around = level.steps.iter().find(|step| holds(step, id));
        Err(match around {
            Some(around) => NotAgain::Inside {
                step: id.to_owned(),
                around: around.id.to_string(),
            },
            None => NotAgain::UnknownStep(id.to_owned()),
        })
    }

    /// What is recorded of each step of the new plan.
    fn by_step<'s>(&self, stored: &'s [Stored]) -> BTreeMap<usize, Subtree<'s>> {
        let level = &self.plan.steps;
        let mut records: BTreeMap<usize, Subtree<'s>> = BTreeMap::new();
        for record in stored {
            let own = level.find(&record.place.step);
            let index = own.or_else(|| {
                level
                    .steps
                    .iter()
                    .position(|step| holds(step, &record.place.step))
            });
            if let Some(index) = index {
                records.entry(index).or_default().push(record);
            }
        }
        records
    }

    /// Steps that were undone when the run before did not end well.
    fn undone(&self, stored: &[Stored]) -> BTreeSet<usize> {
        let before = &self.before.steps;
        let undone = |step: &Step| {
            stored
                .iter()
                .any(|record| compensates(before, step, &record.place.step))
        };
        let steps = before.steps.iter().filter(|step| undone(step));
        steps
            .filter_map(|step| self.plan.steps.find(&step.id))
            .collect()
    }

    /// Whether a step's recorded outcome can stand.
    fn stands(&self, index: usize, records: &BTreeMap<usize, Subtree<'_>>) -> bool {
        let level = &self.plan.steps;
        let step = &level.steps[index];
        let last = |index: &usize| last_of(&level.steps[*index], records.get(index)?);
        let Some(record) = last(&index) else {
            return false;
        };
        if !self.same_step(step) {
            return false;
        }
        match record.status {
            StepStatus::Succeeded | StepStatus::Skipped => true,
            StepStatus::Failed | StepStatus::TimedOut => {
                record.body.retry_at.is_none() && step.on_error != OnError::Fail
            }
            // It lost against others, whose join has been decided.
            StepStatus::Cancelled => level.steps.iter().enumerate().any(|(other, joined)| {
                let join = joined.join.as_ref();
                join.is_some_and(|join| join.cancel_rest && join.among.contains(&index))
                    && last(&other).is_some_and(|it| it.status == StepStatus::Succeeded)
            }),
            StepStatus::Running | StepStatus::Waiting => false,
        }
    }

    /// Whether both plans have the step, with the same node.
    fn same_step(&self, step: &Step) -> bool {
        let before = &self.before.steps;
        before
            .find(&step.id)
            .is_some_and(|index| same(&before.steps[index], step))
    }

    fn edited_record(&self, step: &Step, output: &Value) -> Stored {
        let mut record = Stored {
            place: super::Place::of_step(&*step.id),
            attempt: 1,
            status: StepStatus::Succeeded,
            started_at: self.now,
            ended_at: Some(self.now),
            body: super::Body::default(),
        };
        record.body.output = Some(Arc::new(output.clone()));
        record.body.taken = Some(Taken::Edited);
        record
    }

    /// What is taken up of a step that runs again.
    fn restarted(
        &self,
        step: &Step,
        own: &[&Stored],
        dirty: bool,
        goes_on: bool,
        carried: &mut Vec<Stored>,
    ) -> Result<(), NotAgain> {
        if !step.is_loop() {
            if let Some(record) = last_of(step, own).filter(|record| is_unknown(record)) {
                carried.push(cut_off_again(record, dirty));
            }
            return Ok(());
        }
        if goes_on && step.for_each.is_some() && own.iter().any(|it| it.body.items.is_some()) {
            loop_going_on(step, own, carried);
            return Ok(());
        }
        let inside = own.iter().filter(|record| !record.place.items.is_empty());
        match inside
            .rev()
            .find(|record| is_unknown(record) && is_last(record, own))
        {
            Some(record) => Err(NotAgain::UnknownItem(path_of(self.before, &record.place))),
            None => Ok(()),
        }
    }
}

/// A loop with the items that ended well; the others begin anew, but for those
/// of which nobody knows what became.
fn loop_going_on(step: &Step, own: &[&Stored], carried: &mut Vec<Stored>) {
    let mut lasts: BTreeMap<(&str, &[u32]), &Stored> = BTreeMap::new();
    for record in own.iter().filter(|record| record.attempt > 0) {
        let place = (record.place.step.as_str(), record.place.items.as_slice());
        let known = lasts.entry(place).or_insert(record);
        if known.attempt <= record.attempt {
            *known = record;
        }
    }
    let mut gone: BTreeSet<(String, Vec<u32>)> = BTreeSet::new();
    dropped(step, &[], &lasts, &mut gone);
    for record in own {
        let place = (record.place.step.clone(), record.place.items.clone());
        let last = lasts.get(&(record.place.step.as_str(), record.place.items.as_slice()));
        if gone.contains(&place) {
            continue;
        }
        let is_last = last.is_some_and(|last| last.attempt == record.attempt);
        let around = record.body.items.is_some();
        match () {
            () if around && is_last && !ended_well(record) => {
                let mut opened = taken(record);
                opened.status = StepStatus::Running;
                opened.ended_at = None;
                (opened.body.error, opened.body.output) = (None, None);
                opened.body.apart.output = None;
                carried.push(opened);
            }
            () if is_last && is_unknown(record) => carried.push(cut_off_again(record, false)),
            () => carried.push(taken(record)),
        }
    }
}

/// Places inside a loop whose recorded outcome does not stand.
fn dropped(
    step: &Step,
    at: &[u32],
    lasts: &BTreeMap<(&str, &[u32]), &Stored>,
    gone: &mut BTreeSet<(String, Vec<u32>)>,
) {
    let places = lasts.keys().filter(|(id, items)| {
        items.len() > at.len() && items.starts_with(at) && (*id == &*step.id || holds(step, id))
    });
    let items: BTreeSet<u32> = places.map(|(_, items)| items[at.len()]).collect();
    for item in items {
        let here: Vec<u32> = at.iter().copied().chain([item]).collect();
        let StepBody::Steps(level) = &step.body else {
            let last = lasts.get(&(&*step.id, here.as_slice()));
            let skips = step
                .for_each
                .as_ref()
                .is_some_and(|each| each.on_item_error != crate::graph::OnItemError::Fail);
            let kept = last.is_none_or(|last| {
                ended_well(last) || is_unknown(last) || (skips && has_failed(last))
            });
            if !kept {
                gone.insert((step.id.to_string(), here));
            }
            continue;
        };
        let mut begins = BTreeSet::new();
        for &index in &level.order {
            let inner = &level.steps[index];
            let last = lasts.get(&(&*inner.id, here.as_slice()));
            let follows = level.ancestors(index).iter().any(|it| begins.contains(it));
            let handled = inner.on_error != OnError::Fail;
            let stands = last.is_some_and(|last| ended_well(last) || (handled && has_failed(last)));
            let goes_on = last.is_some_and(|last| is_unknown(last)) || inner.for_each.is_some();
            if follows || !(stands || goes_on) {
                begins.insert(index);
                let below = lasts.keys().filter(|(id, items)| {
                    items.starts_with(&here) && (*id == &*inner.id || holds(inner, id))
                });
                gone.extend(below.map(|(id, items)| ((*id).to_owned(), items.to_vec())));
                gone.insert((inner.id.to_string(), here.clone()));
            } else if inner.for_each.is_some() && !stands {
                begins.insert(index);
                dropped(inner, &here, lasts, gone);
            }
        }
    }
}

fn ended_well(record: &Stored) -> bool {
    matches!(record.status, StepStatus::Succeeded | StepStatus::Skipped)
}

fn has_failed(record: &Stored) -> bool {
    let failed = matches!(record.status, StepStatus::Failed | StepStatus::TimedOut);
    failed && record.body.retry_at.is_none()
}

/// Whether nobody knows what became of an attempt outside.
fn is_unknown(record: &Stored) -> bool {
    let error = record.body.error.as_ref();
    let open = match record.status {
        StepStatus::Succeeded | StepStatus::Skipped => false,
        StepStatus::Failed | StepStatus::TimedOut => {
            error.is_some_and(|error| error.kind == ErrorKind::Unknown)
        }
        StepStatus::Running | StepStatus::Waiting | StepStatus::Cancelled => {
            error.is_none_or(|error| error.kind == ErrorKind::Unknown)
        }
    };
    record.body.key.is_some() && open
}

fn is_last(record: &Stored, own: &[&Stored]) -> bool {
    let same = own.iter().filter(|it| it.place == record.place);
    same.map(|it| it.attempt).max() == Some(record.attempt)
}

/// The last attempt at a step itself.
fn last_of<'s>(step: &Step, own: &[&'s Stored]) -> Option<&'s Stored> {
    let of_step = own
        .iter()
        .filter(|it| *it.place.step == *step.id && it.place.items.is_empty());
    let attempts = of_step.filter(|record| record.attempt > 0);
    attempts.max_by_key(|record| record.attempt).copied()
}

/// The record as another run's: it takes nothing of this one's time.
fn taken(record: &Stored) -> Stored {
    let mut record = record.clone();
    record.body.woken_at = None;
    record.body.taken.get_or_insert(Taken::Origin);
    record
}

/// An attempt of which nobody knows the end, as it stood before.
fn cut_off_again(record: &Stored, dirty: bool) -> Stored {
    let mut intent = taken(record);
    intent.status = StepStatus::Running;
    intent.ended_at = None;
    (intent.body.wait, intent.body.retry_at) = (None, None);
    // Who runs it again gives it all its tries.
    intent.body.unknowns = 0;
    if dirty {
        intent.body.input = None;
        intent.body.apart.input = None;
    }
    intent
}

/// Whether a step stands inside another, however deep.
fn holds(step: &Step, id: &str) -> bool {
    let StepBody::Steps(level) = &step.body else {
        return false;
    };
    let all = level.steps.iter().chain(&level.compensations);
    all.into_iter()
        .any(|inner| &*inner.id == id || holds(inner, id))
}

/// Whether `id` undoes a step, or anything inside it.
fn compensates(level: &Level, step: &Step, id: &str) -> bool {
    let own = step.compensate.and_then(|index| level.step(index));
    let inside = match &step.body {
        StepBody::Steps(inner) => inner.steps.iter().any(|step| compensates(inner, step, id)),
        StepBody::Node { .. } => false,
    };
    inside || own.is_some_and(|undo| &*undo.id == id)
}

/// Whether two steps do the same with other words: records of one are those of the other.
pub(crate) fn same(one: &Step, other: &Step) -> bool {
    if one.for_each.is_some() != other.for_each.is_some()
        || one.repeat.is_some() != other.repeat.is_some()
    {
        return false;
    }
    match (&one.body, &other.body) {
        (StepBody::Node { node: one, .. }, StepBody::Node { node: other, .. }) => {
            (one.spec.name, one.spec.version) == (other.spec.name, other.spec.version)
        }
        (StepBody::Steps(one), StepBody::Steps(other)) => {
            one.steps.len() == other.steps.len()
                && one.steps.iter().all(|step| {
                    other
                        .find(&step.id)
                        .is_some_and(|index| same(step, &other.steps[index]))
                })
        }
        _ => false,
    }
}

/// Why what is recorded of a run does not fit another plan; none when it does.
pub(crate) fn misfits(before: &Plan, plan: &Plan, stored: &[Stored]) -> Option<Text> {
    let of = |plan: &Plan, place: &super::Place| {
        let key = key_of(plan, place)?;
        let (level, index) = step_of(plan, &key.0)?;
        Some((key, level.step(index)?.clone()))
    };
    stored.iter().find_map(|record| {
        let (key, step) = of(before, &record.place)?;
        let name = &*record.place.step;
        match of(plan, &record.place) {
            None => Some(text!(
                "step `{name}` has begun, and is not in the version",
                name
            )),
            Some((other, now)) if key.0.len() != other.0.len() || !same(&step, &now) => {
                Some(text!(
                    "step `{name}` has begun, and does something else in the version",
                    name
                ))
            }
            Some(_) => None,
        }
    })
}

/// The step outside of loops that holds a place.
pub(crate) fn outermost_step(plan: &Plan, place: &super::Place) -> Option<String> {
    let steps = plan.steps.steps.iter();
    let mut found = steps.filter(|step| *step.id == *place.step || holds(step, &place.step));
    found.next().map(|step| step.id.to_string())
}

impl From<&NotAgain> for Text {
    fn from(why: &NotAgain) -> Self {
        match why {
            NotAgain::Open => text!("it has not ended: cancel it first"),
            NotAgain::Erased => text!("what it was given has been erased"),
            NotAgain::UnknownStep(step) => text!("its workflow has no step `{step}`", step),
            NotAgain::Inside { step, around } => text!(
                "step `{step}` stands inside the loop `{around}`: choose the loop",
                step,
                around
            ),
            NotAgain::BadOutput { step, problem } => {
                text!("step `{step}` cannot give that: {problem}", step, problem)
            }
            NotAgain::NothingFailed => text!("nothing of it failed"),
            NotAgain::UnknownItem(path) => text!(
                "nobody knows what became of `{path}` outside, and its loop would begin anew: retry what failed instead",
                path
            ),
        }
    }
}
