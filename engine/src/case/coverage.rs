//! Which ways of a workflow its cases have never gone.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::engine::RunView;
use crate::graph::{Body, Level, OnError, Plan, Step};
use crate::run::StepStatus;
use crate::text;
use crate::text::Text;

/// A way that a run can go at a step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// It runs.
    Runs,
    /// Its `if` is false.
    Skips,
    /// It fails, and its failure is let pass.
    Fails,
    /// It chooses this case.
    Chooses(String),
}

/// The ways of a workflow, and those that runs have gone.
#[derive(Clone, Debug)]
pub struct Coverage {
    /// In file order.
    ways: Vec<(String, Way)>,
    gone: BTreeSet<(String, Way)>,
}

impl Coverage {
    /// Of a workflow of which nothing has run.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let mut found = BTreeMap::new();
        let levels = [
            Some(&plan.steps),
            plan.on_failure.as_ref(),
            plan.finally.as_ref(),
        ];
        for level in levels.into_iter().flatten() {
            collect(level, &mut found);
        }
        let ways = found
            .into_iter()
            .flat_map(|((_, id), ways)| ways.into_iter().map(move |way| (id.clone(), way)));
        Self {
            ways: ways.collect(),
            gone: BTreeSet::new(),
        }
    }

    /// Counts what a run did.
    pub fn add(&mut self, run: &RunView) {
        for step in &run.steps {
            let mut went = |way| self.gone.insert((step.step.clone(), way));
            match step.status {
                StepStatus::Skipped => {
                    went(Way::Skips);
                    continue;
                }
                StepStatus::Failed | StepStatus::TimedOut => {
                    went(Way::Fails);
                }
                _ => {}
            }
            went(Way::Runs);
            let output = step.attempts.last().and_then(|it| it.output.as_ref());
            let case = output.and_then(|output| output.get("case"));
            if let Some(case) = case.and_then(Value::as_str) {
                went(Way::Chooses(case.to_owned()));
            }
        }
    }

    /// How many ways were gone, of how many.
    #[must_use]
    pub fn share(&self) -> (usize, usize) {
        let gone = self.ways.iter().filter(|way| self.gone.contains(way));
        (gone.count(), self.ways.len())
    }

    /// Those that were not, in file order.
    #[must_use]
    pub fn missing(&self) -> Vec<Text> {
        let missing = self.ways.iter().filter(|way| !self.gone.contains(way));
        missing.map(|(id, way)| told(id, way)).collect()
    }
}

fn told(id: &str, way: &Way) -> Text {
    match way {
        Way::Runs => text!("step `{id}` never runs", id),
        Way::Skips => text!("the `if` of step `{id}` is never false", id),
        Way::Fails => text!(
            "step `{id}` never fails, and its failure would be let pass",
            id
        ),
        Way::Chooses(case) => text!("`{id}` never chooses `{case}`", id, case),
    }
}

/// The ways of each step, by line and id.
fn collect(level: &Level, found: &mut BTreeMap<(u32, String), Vec<Way>>) {
    for step in level.steps.iter().chain(&level.compensations) {
        found.insert((step.line, step.id.to_string()), ways_of(step));
        if let Body::Steps(inner) = &step.body {
            collect(inner, found);
        }
    }
}

fn ways_of(step: &Step) -> Vec<Way> {
    let mut ways = vec![Way::Runs];
    if step.condition.is_some() {
        ways.push(Way::Skips);
    }
    if step.on_error == OnError::Continue {
        ways.push(Way::Fails);
    }
    let Body::Node { with, .. } = &step.body else {
        return ways;
    };
    if step.conditions.is_empty() {
        return ways;
    }
    // A switch: its cases in file order, then what it chooses without one.
    let with = with.outline();
    let cases = with.get("cases").and_then(Value::as_array);
    let names = cases.into_iter().flatten().filter_map(Value::as_object);
    let names = names.flat_map(|case| case.keys().cloned());
    let default = with.get("default").and_then(Value::as_str);
    let mut known = BTreeSet::new();
    for name in names.chain(default.map(str::to_owned)) {
        if known.insert(name.clone()) {
            ways.push(Way::Chooses(name));
        }
    }
    ways
}
