//! `for_each`: items open a few at a time, results line up with the items.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::level::{Cx, LevelState, join};
use super::record::fits;
use super::tries::{Try, TryEnd, expression_failed, failure};
use super::{Body, Key, StepStatus};
use crate::expr::{Scope, Typed};
use crate::graph::{Body as StepBody, Level, Loop, OnItemError, Step};
use crate::node::NodeError;
use crate::text;

/// Largest output that is kept with its loop; a larger one is made of its items again.
const KEPT_OUTPUT: usize = 256 << 10;

/// How a loop stands.
#[derive(Debug)]
pub(super) struct LoopState {
    items: Vec<Arc<Value>>,
    /// Items before this one have been opened.
    next: usize,
    pub(super) open: BTreeMap<u32, ItemState>,
    results: Vec<Option<Value>>,
    done: usize,
    pub(super) failure: Option<NodeError>,
}

/// How an open item stands.
#[derive(Debug)]
pub(super) enum ItemState {
    Try(Try),
    Level(LevelState),
}

impl LoopState {
    /// Evaluates the list.
    pub(super) fn open(each: &Loop, scope: &Scope, cx: &Cx<'_>) -> Result<Self, NodeError> {
        let rendered = each
            .items
            .render(cx.sandbox, scope)
            .map_err(|error| expression_failed(&error))?;
        let Value::Array(items) = rendered else {
            return Err(NodeError::fail(
                "engine.not_a_list",
                text!("`for_each` must give a list"),
            ));
        };
        Ok(match each.batch {
            None => Self::of(items),
            Some(size) => Self::of(
                items
                    .chunks(size.get())
                    .map(|batch| Value::Array(batch.to_vec()))
                    .collect(),
            ),
        })
    }

    /// A loop over these items, none of them open.
    pub(super) fn of(items: Vec<Value>) -> Self {
        Self {
            next: 0,
            open: BTreeMap::new(),
            results: vec![None; items.len()],
            items: items.into_iter().map(Arc::new).collect(),
            done: 0,
            failure: None,
        }
    }

    /// All items, for the record.
    pub(super) fn all_items(&self) -> Arc<Value> {
        Arc::new(Value::Array(
            self.items.iter().map(|item| Value::clone(item)).collect(),
        ))
    }

    /// What the expressions of an item read.
    pub(super) fn item_scope(&self, each: &Loop, outer: &Arc<Scope>, item: u32) -> Scope {
        let index = item as usize;
        let mut scope = Scope::inside(outer);
        let value = self.items.get(index).cloned().unwrap_or_default();
        scope.set_item(
            Arc::clone(&each.as_name),
            Typed::new(value, each.item.clone()),
            index,
        );
        scope
    }

    pub(super) fn has(&self, item: u32) -> bool {
        (item as usize) < self.items.len()
    }

    /// Opens items while there is room.
    pub(super) fn advance(
        &mut self,
        step: &Step,
        scope: &Arc<Scope>,
        key: &[u32],
        cx: &mut Cx<'_>,
    ) {
        let Some(each) = &step.for_each else { return };
        while self.failure.is_none()
            && self.open.len() < each.concurrency.get()
            && self.next < self.items.len()
        {
            let item = u32::try_from(self.next).unwrap_or(u32::MAX);
            self.next += 1;
            if self.results[item as usize].is_some() || self.open.contains_key(&item) {
                continue;
            }
            let at = join(key, item as usize);
            match &step.body {
                StepBody::Node { .. } => {
                    self.open.insert(item, ItemState::Try(Try::first()));
                    cx.ready.push_back(Key(at.into()));
                }
                StepBody::Steps(level) => {
                    let scope = Arc::new(self.item_scope(each, scope, item));
                    let mut state = LevelState::new(level, scope);
                    state.advance(level, &at, cx);
                    self.open.insert(item, ItemState::Level(state));
                    self.settle_level(step, level, key, item, cx);
                }
            }
        }
    }

    /// Ends an item whose steps have all ended, or one of whose steps failed with nothing left running.
    pub(super) fn settle_level(
        &mut self,
        step: &Step,
        level: &Level,
        key: &[u32],
        item: u32,
        cx: &mut Cx<'_>,
    ) {
        let Some(ItemState::Level(state)) = self.open.get(&item) else {
            return;
        };
        if let Some((_, error)) = &state.failure {
            if !state.is_busy() {
                let error = error.clone();
                state.give_up_waits(&join(key, item as usize), cx);
                self.item_ended(step, item, Err(error));
            }
        } else if state.is_done() {
            let result = result_of(level, &state.scope);
            self.item_ended(step, item, Ok(result));
        }
    }

    /// Ends an item whose body is one node.
    pub(super) fn item_tried(&mut self, step: &Step, item: u32, end: TryEnd) {
        match end {
            TryEnd::Succeeded(output) => self.item_ended(step, item, Ok(Value::clone(&output))),
            TryEnd::Failed(_, error) => self.item_ended(step, item, Err(error)),
            TryEnd::Aborted => {
                self.open.remove(&item);
            }
        }
    }

    fn item_ended(&mut self, step: &Step, item: u32, result: Result<Value, NodeError>) {
        self.open.remove(&item);
        let policy = step
            .for_each
            .as_ref()
            .map_or(OnItemError::Fail, |each| each.on_item_error);
        let value = match (policy, result) {
            (OnItemError::Collect, Ok(output)) => json!({ "output": output, "error": null }),
            (OnItemError::Collect, Err(error)) => {
                json!({ "output": null, "error": failure(&error).to_value() })
            }
            (OnItemError::Skip, Err(_)) => Value::Null,
            (OnItemError::Fail, Err(error)) => {
                self.failure.get_or_insert(error);
                return;
            }
            (_, Ok(output)) => output,
        };
        if let Some(place) = self.results.get_mut(item as usize)
            && place.replace(value).is_none()
        {
            self.done += 1;
        }
    }

    /// The loop's end, recorded, when it has come.
    pub(super) fn ended(&mut self, step: &Step, key: &[u32], cx: &mut Cx<'_>) -> Option<TryEnd> {
        let mut body = Body {
            items: Some(self.all_items_if_ended()?),
            ..Body::default()
        };
        if let Some(error) = self.failure.clone() {
            self.give_up_waits(key, cx);
            let error = NodeError {
                message: text!(
                    "an item of `{step}` failed: {message}",
                    step = &step.id,
                    message = error.message
                ),
                ..error
            };
            body.error = Some(error.clone());
            cx.record(key, 1, StepStatus::Failed, body);
            return Some(TryEnd::Failed(StepStatus::Failed, error));
        }
        let results = std::mem::take(&mut self.results);
        let output = Arc::new(Value::Array(
            results.into_iter().map(Option::unwrap_or_default).collect(),
        ));
        if fits(&output, KEPT_OUTPUT) {
            body.output = Some(Arc::clone(&output));
        }
        cx.record(key, 1, StepStatus::Succeeded, body);
        Some(TryEnd::Succeeded(output))
    }

    fn all_items_if_ended(&self) -> Option<Arc<Value>> {
        let ended = match self.failure {
            Some(_) => !self.is_busy(),
            None => self.done == self.items.len(),
        };
        ended.then(|| self.all_items())
    }

    /// Records that its items which wait do not wait any more.
    fn give_up_waits(&self, key: &[u32], cx: &mut Cx<'_>) {
        for (item, inside) in &self.open {
            let at = join(key, *item as usize);
            match inside {
                ItemState::Try(attempts) => attempts.give_up_wait(&at, cx),
                ItemState::Level(level) => level.give_up_waits(&at, cx),
            }
        }
    }

    /// Whether an attempt runs in one of its items.
    pub(super) fn is_busy(&self) -> bool {
        self.open.values().any(|item| match item {
            ItemState::Try(attempts) => attempts.is_running(),
            ItemState::Level(level) => level.is_busy(),
        })
    }
}

/// `{ id: output }` over the steps of an item.
fn result_of(level: &Level, scope: &Scope) -> Value {
    let fields = level.steps.iter().map(|step| {
        let output = scope
            .step(&step.id)
            .and_then(|ended| ended.output.as_ref())
            .map_or(Value::Null, |typed| Value::clone(&typed.value));
        (step.id.to_string(), output)
    });
    Value::Object(fields.collect::<Map<_, _>>())
}
