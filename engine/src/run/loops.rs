//! Bodies that run many times: the items of `for_each`, a few at a time, whose
//! results line up with the items; the iterations of `repeat`, one after another.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::budget;
use super::cleanup::Undo;
use super::level::{Cx, LevelState, join};
use super::record::fits;
use super::repeat::Turns;
use super::tries::{Stop, Try, TryEnd, expression_failed, failure};
use super::walk::{compensation, steps_left};
use super::{Body, Key, StepStatus};
use crate::expr::{Ended, Scope, Typed};
use crate::graph::{Body as StepBody, Level, Loop, OnItemError, Step};
use crate::node::NodeError;
use crate::text;

/// Largest output that is kept with its loop; a larger one is made of its items again.
const KEPT_OUTPUT: usize = 256 << 10;

/// How a loop stands.
#[derive(Debug)]
pub(super) struct LoopState {
    pub(super) open: BTreeMap<u32, ItemState>,
    pub(super) failure: Option<NodeError>,
    /// It is to end, whatever is left to do.
    pub(super) stopped: Option<Stop>,
    pub(super) over: Over,
}

/// What a loop goes over.
#[derive(Debug)]
pub(super) enum Over {
    /// `for_each`.
    Items(Items),
    /// `repeat`.
    Turns(Turns),
}

/// Where an item ends, and when.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub step: &'a Step,
    /// Of the loop.
    pub key: &'a [u32],
    pub item: u32,
    pub when: DateTime<Utc>,
}

/// The items of a list.
#[derive(Debug)]
pub(super) struct Items {
    items: Vec<Arc<Value>>,
    /// Items before this one have been opened.
    next: usize,
    results: Vec<Option<Value>>,
    done: usize,
}

/// How an open item stands.
#[derive(Debug)]
pub(super) enum ItemState {
    Try(Try),
    Level(LevelState),
}

impl LoopState {
    /// A loop of this step, its list evaluated.
    pub(super) fn begin(step: &Step, scope: &Scope, cx: &Cx<'_>) -> Result<Self, NodeError> {
        let Some(each) = &step.for_each else {
            return Ok(Self::of(Over::Turns(Turns::default())));
        };
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
        let items = match each.batch {
            None => items,
            Some(size) => items
                .chunks(size.get())
                .map(|batch| Value::Array(batch.to_vec()))
                .collect(),
        };
        Ok(Self::of(Over::Items(Items::of(items))))
    }

    /// A loop as it was recorded when it began, nothing of it open.
    pub(super) fn recorded(step: &Step, body: &Body) -> Self {
        let items = match body.items.as_deref() {
            Some(Value::Array(items)) => items.clone(),
            _ => Vec::new(),
        };
        Self::of(match step.for_each {
            Some(_) => Over::Items(Items::of(items)),
            None => Over::Turns(Turns::default()),
        })
    }

    fn of(over: Over) -> Self {
        Self {
            open: BTreeMap::new(),
            failure: None,
            stopped: None,
            over,
        }
    }

    /// All items, for the record.
    pub(super) fn all_items(&self) -> Option<Arc<Value>> {
        let Over::Items(items) = &self.over else {
            return None;
        };
        let items = items.items.iter().map(|item| Value::clone(item));
        Some(Arc::new(Value::Array(items.collect())))
    }

    /// What the expressions of an item read.
    pub(super) fn item_scope(&self, step: &Step, outer: &Arc<Scope>, item: u32) -> Scope {
        let index = item as usize;
        let mut scope = Scope::inside(outer);
        match (&self.over, &step.for_each) {
            (Over::Items(items), Some(each)) => {
                let value = items.items.get(index).cloned().unwrap_or_default();
                scope.set_item(
                    Arc::clone(&each.as_name),
                    Typed::new(value, each.item.clone()),
                    index,
                );
            }
            (Over::Turns(turns), _) => turns.enter(step, &mut scope, item),
            _ => {}
        }
        scope
    }

    pub(super) fn has(&self, item: u32) -> bool {
        match &self.over {
            Over::Items(items) => (item as usize) < items.items.len(),
            Over::Turns(_) => true,
        }
    }

    /// Whether nothing of it starts any more.
    pub(super) fn is_stopped(&self) -> bool {
        self.failure.is_some() || self.stopped.is_some()
    }

    /// Opens items while there is room.
    pub(super) fn advance(
        &mut self,
        step: &Step,
        scope: &Arc<Scope>,
        key: &[u32],
        cx: &mut Cx<'_>,
    ) {
        while let Some(item) = self.next(step, cx) {
            let at = join(key, item as usize);
            match &step.body {
                StepBody::Node { .. } => {
                    self.open.insert(item, ItemState::Try(Try::first()));
                    cx.ready.push_back(Key(at.into()));
                }
                StepBody::Steps(level) => {
                    let scope = Arc::new(self.item_scope(step, scope, item));
                    let mut state = LevelState::new(level, scope);
                    state.advance(level, &at, cx);
                    self.open.insert(item, ItemState::Level(state));
                    let when = cx.now;
                    let at = At {
                        step,
                        key,
                        item,
                        when,
                    };
                    self.settle_level(&at, level, cx);
                }
            }
        }
    }

    /// The next item to open; none when there is no room, or no item.
    fn next(&mut self, step: &Step, cx: &Cx<'_>) -> Option<u32> {
        if self.is_stopped() || cx.halted {
            return None;
        }
        match (&mut self.over, &step.for_each) {
            (Over::Items(items), Some(each)) => items.next(each, &self.open),
            (Over::Turns(turns), _) if self.open.is_empty() => turns.next(cx.now),
            _ => None,
        }
    }

    /// Ends an item whose steps have all ended, or one of whose steps failed with nothing left running.
    pub(super) fn settle_level(&mut self, at: &At<'_>, level: &Level, cx: &mut Cx<'_>) {
        let Some(ItemState::Level(state)) = self.open.get(&at.item) else {
            return;
        };
        if let Some((_, error)) = &state.failure {
            if !state.is_busy() {
                let error = error.clone();
                let key = join(at.key, at.item as usize);
                steps_left(level, state, &key, cx);
                state.give_up_waits(&key, cx);
                self.item_failed(at, error);
            }
        } else if state.is_done() {
            let scope = Arc::clone(&state.scope);
            let result = result_of(level, &scope);
            self.item_succeeded(at, result, &scope, cx);
        }
    }

    /// Ends an item whose body is one node; `scope` is what its expressions read.
    pub(super) fn item_tried(
        &mut self,
        at: &At<'_>,
        end: TryEnd,
        scope: &Arc<Scope>,
        cx: &mut Cx<'_>,
    ) {
        match end {
            TryEnd::Succeeded(output) => {
                if let Some(undo) = at.step.compensate {
                    let mut scope = Scope::inside(scope);
                    let given = Typed::new(Arc::clone(&output), at.step.given.clone());
                    scope.set_step(Arc::clone(&at.step.id), Ended::succeeded(given));
                    cx.undo.push(Undo {
                        key: compensation(&join(at.key, at.item as usize), undo),
                        ended_at: at.when,
                        scope: Arc::new(scope),
                    });
                }
                self.item_succeeded(at, Value::clone(&output), scope, cx);
            }
            TryEnd::Failed(_, error) => self.item_failed(at, error),
            TryEnd::Aborted => {
                self.open.remove(&at.item);
            }
        }
    }

    fn item_succeeded(&mut self, at: &At<'_>, output: Value, scope: &Arc<Scope>, cx: &Cx<'_>) {
        self.open.remove(&at.item);
        match &mut self.over {
            Over::Items(items) => {
                let value = match policy(at.step) {
                    OnItemError::Collect => json!({ "output": output, "error": null }),
                    OnItemError::Fail | OnItemError::Skip => output,
                };
                items.ended(at.item, value);
            }
            Over::Turns(turns) => {
                if let Err(error) = turns.ended(at, output, scope, cx) {
                    self.failure.get_or_insert(error);
                }
            }
        }
    }

    fn item_failed(&mut self, at: &At<'_>, error: NodeError) {
        self.open.remove(&at.item);
        let (id, item) = (&at.step.id, at.item);
        let policy = match budget::ends_the_run(&error) {
            true => OnItemError::Fail,
            false => policy(at.step),
        };
        let message = match (&mut self.over, policy) {
            (Over::Items(items), OnItemError::Collect) => {
                let error = failure(&error).to_value();
                items.ended(item, json!({ "output": null, "error": error }));
                return;
            }
            (Over::Items(items), OnItemError::Skip) => {
                items.ended(item, Value::Null);
                return;
            }
            (Over::Items(_), OnItemError::Fail) => text!(
                "an item of `{step}` failed: {message}",
                step = id,
                message = error.message
            ),
            (Over::Turns(_), _) => text!(
                "iteration {number} of `{step}` failed: {message}",
                number = item,
                step = id,
                message = error.message
            ),
        };
        self.failure.get_or_insert(NodeError { message, ..error });
    }

    /// The loop's end, recorded, when it has come.
    pub(super) fn ended(&mut self, key: &[u32], cx: &mut Cx<'_>) -> Option<TryEnd> {
        if !self.has_ended() {
            return None;
        }
        let mut body = Body {
            items: self.all_items(),
            ..Body::default()
        };
        if let Some(stop) = self.stopped.take() {
            self.give_up_waits(key, cx);
            body.error.clone_from(&stop.error);
            cx.record(key, 1, stop.status, body);
            return Some(stop.end());
        }
        if let Some(error) = self.failure.clone() {
            self.give_up_waits(key, cx);
            body.error = Some(error.clone());
            cx.record(key, 1, StepStatus::Failed, body);
            return Some(TryEnd::Failed(StepStatus::Failed, error));
        }
        let output = match &mut self.over {
            Over::Items(items) => items.output(),
            Over::Turns(turns) => turns.output(),
        };
        if fits(&output, KEPT_OUTPUT) {
            body.output = Some(Arc::clone(&output));
        }
        cx.record(key, 1, StepStatus::Succeeded, body);
        Some(TryEnd::Succeeded(output))
    }

    fn has_ended(&self) -> bool {
        if self.is_stopped() {
            return !self.is_busy();
        }
        match &self.over {
            Over::Items(items) => items.done == items.items.len(),
            Over::Turns(turns) => turns.are_over(),
        }
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

impl Items {
    fn of(items: Vec<Value>) -> Self {
        Self {
            next: 0,
            results: vec![None; items.len()],
            items: items.into_iter().map(Arc::new).collect(),
            done: 0,
        }
    }

    fn next(&mut self, each: &Loop, open: &BTreeMap<u32, ItemState>) -> Option<u32> {
        while open.len() < each.concurrency.get() && self.next < self.items.len() {
            let item = u32::try_from(self.next).unwrap_or(u32::MAX);
            self.next += 1;
            if self.results[item as usize].is_none() && !open.contains_key(&item) {
                return Some(item);
            }
        }
        None
    }

    fn ended(&mut self, item: u32, value: Value) {
        if let Some(place) = self.results.get_mut(item as usize)
            && place.replace(value).is_none()
        {
            self.done += 1;
        }
    }

    fn output(&mut self) -> Arc<Value> {
        let results = std::mem::take(&mut self.results);
        let results = results.into_iter().map(Option::unwrap_or_default);
        Arc::new(Value::Array(results.collect()))
    }
}

fn policy(step: &Step) -> OnItemError {
    step.for_each
        .as_ref()
        .map_or(OnItemError::Fail, |each| each.on_item_error)
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
