//! What an expression can read, layered: a loop's item sees what stands around it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::shape::Shape;

/// A value with what its schema says of it: decimals enter as decimals.
#[derive(Clone, Debug)]
pub struct Typed {
    /// The value, decimals as text.
    pub value: Arc<Value>,
    /// Its shape; [`Shape::Any`] when nothing is known.
    pub shape: Shape,
}

impl Typed {
    /// A value of a known shape.
    pub fn new(value: impl Into<Arc<Value>>, shape: Shape) -> Self {
        Self {
            value: value.into(),
            shape,
        }
    }

    /// A value of which nothing is known.
    pub fn any(value: impl Into<Arc<Value>>) -> Self {
        Self::new(value, Shape::Any)
    }
}

/// A step that has ended, as later expressions see it.
#[derive(Clone, Debug)]
pub struct Ended {
    /// `succeeded`, `failed`, `cancelled` or `skipped`: `run.steps.ID.status`.
    pub status: &'static str,
    /// Its output; `None` when it was skipped. A failure that its step lets
    /// pass (`on_error: continue`) has `{ error: { code, message } }`.
    pub output: Option<Typed>,
    /// What went wrong: `run.steps.ID.error`.
    pub error: Option<Failure>,
}

impl Ended {
    /// A step that was skipped.
    #[must_use]
    pub fn skipped() -> Self {
        Self {
            status: "skipped",
            output: None,
            error: None,
        }
    }

    /// A step that gave this.
    #[must_use]
    pub fn succeeded(output: Typed) -> Self {
        Self {
            status: "succeeded",
            output: Some(output),
            error: None,
        }
    }

    /// `run.steps.ID`.
    pub(super) fn record(&self) -> Value {
        json!({ "status": self.status, "error": self.error.as_ref().map(Failure::to_value) })
    }
}

/// What went wrong, as expressions see it: `error.code`, `error.message`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Stable code, `subject.what_happened`.
    pub code: String,
    /// One sentence for a person.
    pub message: String,
}

impl Failure {
    /// `{ code, message }`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        json!({ "code": self.code, "message": self.message })
    }
}

/// The facts of a run that every expression may read.
#[derive(Clone, Debug)]
pub struct RunFacts {
    /// `run.id`.
    pub id: String,
    /// `run.workflow`, the workflow's name.
    pub workflow: String,
    /// `tenant.id`.
    pub tenant: String,
    /// When it was accepted; `now`, in RFC 3339, until an input has arrived since: the recorded instant of the run's last durable input.
    pub now: DateTime<Utc>,
}

/// What an expression can read.
///
/// Cheap to clone and to extend: values are shared, and [`Scope::inside`] makes
/// an inner layer without copying the outer one.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    outer: Option<Arc<Scope>>,
    names: BTreeMap<Arc<str>, Typed>,
    steps: BTreeMap<Arc<str>, Ended>,
    closing: bool,
}

impl Scope {
    /// The outermost scope of a run.
    #[must_use]
    pub fn new(facts: &RunFacts, inputs: Typed) -> Self {
        let mut scope = Self::default();
        scope.set("inputs", inputs);
        scope.set(
            "run",
            Typed::any(json!({ "id": facts.id, "workflow": facts.workflow })),
        );
        scope.set("tenant", Typed::any(json!({ "id": facts.tenant })));
        scope.set("now", Typed::any(Value::String(facts.now.to_rfc3339())));
        scope
    }

    /// What a trigger's expressions read: there is no run yet.
    #[must_use]
    pub fn of_trigger(tenant: &str, now: String, event: Value, trigger: Value) -> Self {
        let mut scope = Self::default();
        scope.set("tenant", Typed::any(json!({ "id": tenant })));
        scope.set("now", Typed::any(Value::String(now)));
        scope.set("event", Typed::any(event));
        scope.set("trigger", Typed::any(trigger));
        scope
    }

    /// A scope inside this one: of a loop's item, of an attempt.
    #[must_use]
    pub fn inside(outer: &Arc<Self>) -> Self {
        Self {
            outer: Some(Arc::clone(outer)),
            ..Self::default()
        }
    }

    /// A scope inside this one in which all steps have ended, or never will: those count as skipped.
    #[must_use]
    pub fn closing(outer: &Arc<Self>) -> Self {
        Self {
            closing: true,
            ..Self::inside(outer)
        }
    }

    /// Records a step that has ended.
    pub fn set_step(&mut self, id: impl Into<Arc<str>>, ended: Ended) {
        self.steps.insert(id.into(), ended);
    }

    /// The item of a loop, under its `as` name, and its index.
    pub fn set_item(&mut self, name: impl Into<Arc<str>>, item: Typed, index: usize) {
        self.names.insert(name.into(), item);
        self.set_index(index);
    }

    /// `index`, of an item or of an iteration.
    pub fn set_index(&mut self, index: usize) {
        self.set("index", Typed::any(json!(index)));
    }

    /// `attempt`, 1 for the first.
    pub fn set_attempt(&mut self, attempt: u32) {
        self.set("attempt", Typed::any(json!(attempt)));
    }

    /// `error`, in `retry.if` and in the step that stands in for a failed one.
    pub fn set_error(&mut self, failure: &Failure) {
        self.set("error", Typed::any(failure.to_value()));
    }

    /// `now`, when an input has arrived since.
    pub fn set_now(&mut self, now: String) {
        self.set("now", Typed::any(Value::String(now)));
    }

    /// Any other name.
    pub(crate) fn set_value(&mut self, name: &'static str, value: Value) {
        self.set(name, Typed::any(value));
    }

    fn set(&mut self, name: &'static str, value: Typed) {
        self.names.insert(name.into(), value);
    }

    /// The value of a name other than `steps`, from the innermost layer that has it.
    pub(super) fn name(&self, name: &str) -> Option<&Typed> {
        find(self, name, |layer| &layer.names)
    }

    /// The step of this id as expressions see it.
    pub(super) fn read_step(&self, id: &str) -> Option<Cow<'_, Ended>> {
        match self.step(id) {
            Some(ended) => Some(Cow::Borrowed(ended)),
            None => self.is_closing().then(|| Cow::Owned(Ended::skipped())),
        }
    }

    fn is_closing(&self) -> bool {
        self.closing || self.outer.as_ref().is_some_and(|outer| outer.is_closing())
    }

    /// The step of this id that has ended.
    pub(crate) fn step(&self, id: &str) -> Option<&Ended> {
        find(self, id, |layer| &layer.steps)
    }
}

fn find<'a, T>(
    mut layer: &'a Scope,
    key: &str,
    map: fn(&Scope) -> &BTreeMap<Arc<str>, T>,
) -> Option<&'a T> {
    loop {
        if let Some(found) = map(layer).get(key) {
            return Some(found);
        }
        layer = layer.outer.as_deref()?;
    }
}
