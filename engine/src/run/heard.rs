//! Events that steps have seen: of two waits in a row, the second takes the next one.

use serde_json::Value;

use super::key::levels_to;
use super::{Run, Start};
use crate::graph::{Body, OnItemError, Step};
use crate::node::WAIT_EVENT;

impl Run {
    /// The last event of this name that was seen by a step on which this attempt depends.
    #[must_use]
    pub fn heard_before(&self, start: &Start, name: &str) -> i64 {
        let mut last = 0;
        for (level, index) in levels_to(self.plan(), &start.key) {
            let Some(own) = level.steps.get(index) else {
                continue;
            };
            let before = level.ancestors(index).iter().map(|at| &level.steps[*at]);
            // What it gave in the iteration before.
            let before = before.chain(own.repeat.is_some().then_some(own));
            for step in before {
                let ended = start.scope.step(&step.id);
                if let Some(output) = ended.and_then(|ended| ended.output.as_ref()) {
                    last = last.max(last_in(step, &output.value, name));
                }
            }
        }
        last
    }
}

/// The last event of this name in what a step gave.
fn last_in<'o>(step: &Step, output: &'o Value, name: &str) -> i64 {
    let all = match (&step.for_each, output) {
        (Some(_), Value::Array(items)) => items.as_slice(),
        _ => std::slice::from_ref(output),
    };
    let last = |one: &Value| match &step.body {
        Body::Node { node, .. } if node.spec.name == WAIT_EVENT && one["name"] == name => {
            one["position"].as_i64().unwrap_or_default()
        }
        Body::Node { .. } => 0,
        Body::Steps(level) => {
            let steps = level.steps.iter();
            let inside = steps.map(|inner| last_in(inner, &one[&*inner.id], name));
            inside.max().unwrap_or_default()
        }
    };
    // A loop that collects keeps each output beside its error.
    let plain = |one: &'o Value| match step.for_each.as_ref().map(|each| each.on_item_error) {
        Some(OnItemError::Collect) => &one["output"],
        _ => one,
    };
    all.iter().map(plain).map(last).max().unwrap_or_default()
}
