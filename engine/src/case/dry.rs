//! What a run would do, without doing it: the plan of its effects.
//!
//! Pure steps compute. What reads the world answers by a stub, or reads when
//! asked to; else nobody knows what it gives. What acts is listed with its
//! resolved input and never done. What depends on something unknown is unknown
//! too, and a step whose condition does so may or may not run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::stub::Answer;
use crate::expr::{Ended, Expression, Failure, Part, RunFacts, Sandbox, Scope, Template, Typed};
use crate::graph::{Body, Level, OnError, Plan, Step};
use crate::ids::{RunId, TenantId};
use crate::node::{Conditions, Ctx, Effect, IdempotencyKey, NodeError, Registered, Runner};

/// Stands for a value that nobody knows before the effects are done.
pub const UNKNOWN: &str = "⟨unknown⟩";
/// Items of a loop that are looked at.
const ITEMS: usize = 20;

/// How a run is tried dry.
#[derive(Clone, Debug, Default)]
pub struct DryRun {
    /// What the run is given.
    pub inputs: Value,
    /// Answers by step id or node name.
    pub stubs: BTreeMap<String, Vec<Answer>>,
    /// Whether what only reads does so.
    pub read: bool,
}

/// A step of the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// `pay`, `pay[3].send`.
    pub path: String,
    /// Its node; none for a loop.
    pub node: Option<&'static str>,
    /// What it does to the world, when its input tells.
    pub effect: Option<Effect>,
    /// Its resolved input, [`UNKNOWN`] where it is not known.
    pub input: Value,
    /// What becomes of it.
    pub fate: Fate,
    /// Whether it is sure to come to that.
    pub sure: bool,
}

/// What becomes of a step in a dry run.
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    /// It gives this: computed, read, or said by a stub.
    Gives(Value),
    /// It would act, or wait: it is not done.
    WouldAct,
    /// It would read: nobody asked for that, or its input is not known.
    WouldRead,
    /// Its input is not known, and so what it computes.
    Unknown,
    /// It does not run.
    Skipped,
    /// It fails.
    Fails(NodeError),
    /// So many more items of a loop are like those before.
    More(usize),
}

/// The steps in an order in which they could run, and the outputs.
///
/// # Errors
/// What the workflow refuses of the inputs.
pub async fn dry_run(
    plan: &Plan,
    asked: &DryRun,
    now: DateTime<Utc>,
) -> Result<(Vec<Planned>, Value), Vec<crate::graph::InputProblem>> {
    let inputs = plan.inputs.accept(asked.inputs.clone())?;
    let (tenant, run) = (TenantId::new(now), RunId::new(now));
    let facts = RunFacts {
        id: run.to_string(),
        workflow: plan.name.clone(),
        tenant: tenant.to_string(),
        now,
    };
    let mut dry = Dry {
        asked,
        sandbox: Sandbox::default(),
        tenant,
        run,
        now,
        given: BTreeMap::new(),
        planned: Vec::new(),
    };
    let mut known = Known {
        scope: Scope::new(&facts, inputs),
        unknown: BTreeSet::new(),
    };
    dry.level(&plan.steps, &mut known, String::new(), true)
        .await;
    let outputs = known.render(&plan.outputs, &dry.sandbox);
    Ok((dry.planned, outputs.unwrap_or(Value::Null)))
}

/// What is known where a step stands.
#[derive(Clone)]
struct Known {
    scope: Scope,
    /// Steps and items of which nobody knows what they give.
    unknown: BTreeSet<Arc<str>>,
}

impl Known {
    /// Whether an expression reads what nobody knows.
    fn is_open(&self, expression: &Expression) -> bool {
        let paths = expression.paths().iter();
        let mut all = paths.flat_map(|path| std::iter::once(path).chain(path.inner_paths()));
        all.any(|path| {
            let step = path.step().or_else(|| path.step_record());
            let name = step.map_or(&*path.root, |(id, _)| id);
            self.unknown.contains(name)
        })
    }

    /// The value, [`UNKNOWN`] where it is not known.
    fn render(&self, template: &Template, sandbox: &Sandbox) -> Result<Value, NodeError> {
        let failed = |error: crate::expr::ExprError| NodeError::fail(error.code, error);
        let unknown = || Value::String(UNKNOWN.to_owned());
        match template {
            Template::Literal(value) => Ok(Value::clone(value)),
            Template::Expression(expression) if self.is_open(expression) => Ok(unknown()),
            Template::Expression(_) => template.render(sandbox, &self.scope).map_err(failed),
            Template::Text(parts) => {
                let open = |part: &Part| match part {
                    Part::Text(_) => false,
                    Part::Expression(expression) => self.is_open(expression),
                };
                match parts.iter().any(open) {
                    true => Ok(unknown()),
                    false => template.render(sandbox, &self.scope).map_err(failed),
                }
            }
            Template::List(items) => items.iter().map(|it| self.render(it, sandbox)).collect(),
            Template::Map(fields) => {
                let fields = fields.iter();
                let rendered =
                    fields.map(|(name, it)| Ok((name.clone(), self.render(it, sandbox)?)));
                rendered
                    .collect::<Result<Map<_, _>, _>>()
                    .map(Value::Object)
            }
        }
    }
}

/// Whether a step is to run.
enum Wanted {
    Yes,
    No,
    Perhaps,
}

/// What a step comes to for those after it.
enum Came {
    Known(Value),
    Unknown,
    Skipped,
    Failed(NodeError),
}

struct Dry<'a> {
    asked: &'a DryRun,
    sandbox: Sandbox,
    tenant: TenantId,
    run: RunId,
    now: DateTime<Utc>,
    /// Answers given so far, by stub.
    given: BTreeMap<String, usize>,
    planned: Vec<Planned>,
}

impl Dry<'_> {
    /// Walks a level; true when it ends well, as far as is known.
    fn level<'s>(
        &'s mut self,
        level: &'s Level,
        known: &'s mut Known,
        at: String,
        sure: bool,
    ) -> BoxFuture<'s, bool> {
        async move {
            let mut skipped = BTreeSet::new();
            let mut perhaps = BTreeSet::new();
            let mut failed = BTreeSet::new();
            for &index in &level.order {
                let step = &level.steps[index];
                let path = format!("{at}{}", step.id);
                let wanted = wanted(level, index, known, &skipped, &failed, &self.sandbox);
                let sure = sure && !step.needs.iter().any(|need| perhaps.contains(need));
                let came = match wanted {
                    Ok(Wanted::No) => {
                        self.plan(&path, step, Value::Null, Fate::Skipped, sure);
                        Came::Skipped
                    }
                    Ok(wanted) => {
                        let sure = sure && matches!(wanted, Wanted::Yes);
                        if !sure {
                            perhaps.insert(index);
                        }
                        match self.step(step, known, &path, sure).await {
                            Came::Known(_) if !sure => Came::Unknown,
                            came => came,
                        }
                    }
                    Err(error) => {
                        self.plan(&path, step, Value::Null, Fate::Fails(error.clone()), sure);
                        Came::Failed(error)
                    }
                };
                let id = Arc::clone(&step.id);
                let ended = match came {
                    Came::Unknown => {
                        known.unknown.insert(id);
                        continue;
                    }
                    Came::Skipped => {
                        skipped.insert(index);
                        Ended::skipped()
                    }
                    Came::Known(value) => Ended::succeeded(Typed::new(value, step.output.clone())),
                    Came::Failed(_) if step.on_error == OnError::Fail => return false,
                    Came::Failed(error) => {
                        failed.insert(index);
                        let failure = Failure {
                            code: error.code,
                            message: error.message.to_string(),
                        };
                        if let OnError::Step(_) = step.on_error {
                            // Another step stands in: its value is that one's.
                            known.scope.set_error(&failure);
                            known.unknown.insert(id);
                            continue;
                        }
                        let value = serde_json::json!({ "error": failure.to_value() });
                        Ended {
                            status: "failed",
                            output: Some(Typed::any(value)),
                            error: Some(failure),
                        }
                    }
                };
                known.scope.set_step(id, ended);
            }
            true
        }
        .boxed()
    }

    async fn step(&mut self, step: &Step, known: &Known, path: &str, sure: bool) -> Came {
        if let Some(each) = &step.for_each {
            let items = match known.render(&each.items, &self.sandbox) {
                Ok(items) => items,
                Err(error) => {
                    self.plan(path, step, Value::Null, Fate::Fails(error.clone()), sure);
                    return Came::Failed(error);
                }
            };
            let Value::Array(list) = &items else {
                let mut inner = known.clone();
                inner.unknown.insert(Arc::clone(&each.as_name));
                self.plan(path, step, items.clone(), Fate::Unknown, sure);
                self.body(step, &inner, &format!("{path}[…]"), false).await;
                return Came::Unknown;
            };
            self.plan(path, step, items.clone(), Fate::Unknown, sure);
            let (mut results, mut whole) = (Vec::new(), list.len() <= ITEMS);
            for (index, item) in list.iter().take(ITEMS).enumerate() {
                let mut inner = known.clone();
                let typed = Typed::new(item.clone(), each.item.clone());
                inner
                    .scope
                    .set_item(Arc::clone(&each.as_name), typed, index);
                if is_unknown(item) {
                    inner.unknown.insert(Arc::clone(&each.as_name));
                }
                match self
                    .body(step, &inner, &format!("{path}[{index}]"), sure)
                    .await
                {
                    Came::Known(value) => results.push(value),
                    Came::Failed(error) => return Came::Failed(error),
                    Came::Unknown | Came::Skipped => whole = false,
                }
            }
            if list.len() > ITEMS {
                let more = Fate::More(list.len() - ITEMS);
                self.plan(path, step, Value::Null, more, sure);
            }
            return match whole {
                true => Came::Known(Value::Array(results)),
                false => Came::Unknown,
            };
        }
        let came = self.body(step, known, path, sure).await;
        match step.repeat {
            // How often it runs depends on what it gives.
            Some(_) => Came::Unknown,
            None => came,
        }
    }

    async fn body(&mut self, step: &Step, known: &Known, path: &str, sure: bool) -> Came {
        match &step.body {
            Body::Steps(inner) => {
                let mut inside = known.clone();
                self.level(inner, &mut inside, format!("{path}."), sure)
                    .await;
                Came::Unknown
            }
            Body::Node { node, with } => match known.render(with, &self.sandbox) {
                Ok(input) => self.node(step, node, input, known, path, sure).await,
                Err(error) => {
                    self.plan(path, step, Value::Null, Fate::Fails(error.clone()), sure);
                    Came::Failed(error)
                }
            },
        }
    }

    async fn node(
        &mut self,
        step: &Step,
        node: &Registered,
        input: Value,
        known: &Known,
        path: &str,
        sure: bool,
    ) -> Came {
        let conditions = step.conditions.values();
        let open = is_unknown(&input) || conditions.into_iter().any(|it| known.is_open(it));
        // Where the input is not known enough, what the node says of itself.
        let effect = node.effect(&input).unwrap_or(node.spec.effect);
        let stub = self.stub(&step.id, node.spec.name);
        let done = match (&node.runner, effect) {
            _ if stub.is_some() => stub,
            (Runner::Plain(plain), Effect::Pure) if !open => {
                let ctx = self.ctx(step, known, path);
                Some(plain.run(&ctx, input.clone()).await)
            }
            // A dry run is given no secret.
            (Runner::Plain(plain), Effect::Read)
                if !open && self.asked.read && step.credential.is_none() =>
            {
                let ctx = self.ctx(step, known, path);
                Some(plain.run(&ctx, input.clone()).await)
            }
            _ => None,
        };
        let (fate, came) = match done {
            Some(Ok(output)) => (Fate::Gives(output.clone()), Came::Known(output)),
            Some(Err(error)) => (Fate::Fails(error.clone()), Came::Failed(error)),
            None => {
                let fate = match (&node.runner, effect) {
                    (Runner::Plain(_), Effect::Pure) => Fate::Unknown,
                    (Runner::Plain(_), Effect::Read) => Fate::WouldRead,
                    _ => Fate::WouldAct,
                };
                (fate, Came::Unknown)
            }
        };
        self.planned.push(Planned {
            path: path.to_owned(),
            node: Some(node.spec.name),
            effect: Some(effect),
            input,
            fate,
            sure,
        });
        came
    }

    /// The answer of a stub: by step, else by node; the last one stays.
    fn stub(&mut self, id: &str, node: &str) -> Option<Result<Value, NodeError>> {
        let stubs = &self.asked.stubs;
        let (name, answers) = stubs
            .get_key_value(id)
            .or_else(|| stubs.get_key_value(node))?;
        let given = self.given.entry(name.clone()).or_default();
        let answer = answers.get(*given).or(answers.last())?;
        *given += 1;
        Some(match answer {
            Answer::Output(output) => Ok(output.clone()),
            Answer::Error(error) => Err(error.clone()),
        })
    }

    fn plan(&mut self, path: &str, step: &Step, input: Value, fate: Fate, sure: bool) {
        let node = match &step.body {
            Body::Node { node, .. } => Some(node.spec.name),
            Body::Steps(_) => None,
        };
        self.planned.push(Planned {
            path: path.to_owned(),
            node,
            effect: None,
            input,
            fate,
            sure,
        });
    }

    fn ctx(&self, step: &Step, known: &Known, path: &str) -> Ctx {
        Ctx {
            tenant: self.tenant,
            run: self.run,
            step: path.to_owned(),
            attempt: 1,
            now: self.now,
            key: IdempotencyKey(format!("{}/{path}/0", self.run)),
            credential: None,
            requester: None,
            cancel: CancellationToken::new(),
            conditions: Conditions {
                sandbox: self.sandbox.clone(),
                scope: Arc::new(known.scope.clone()),
                compiled: Arc::clone(&step.conditions),
            },
            log: Mutex::default(),
            used: Mutex::default(),
        }
    }
}

/// Whether a step of a level is to run, as far as is known.
fn wanted(
    level: &Level,
    index: usize,
    known: &Known,
    skipped: &BTreeSet<usize>,
    failed: &BTreeSet<usize>,
    sandbox: &Sandbox,
) -> Result<Wanted, NodeError> {
    let step = &level.steps[index];
    let is_unknown = |index: usize| known.unknown.contains(&level.steps[index].id);
    let mut wanted = Wanted::Yes;
    if let Some(handled) = step.handles {
        match () {
            () if failed.contains(&handled) => {}
            () if is_unknown(handled) => wanted = Wanted::Perhaps,
            () => return Ok(Wanted::No),
        }
    }
    for (switch, cases) in &step.cases {
        if is_unknown(*switch) {
            wanted = Wanted::Perhaps;
            continue;
        }
        let id = &level.steps[*switch].id;
        let output = known.scope.step(id).and_then(|ended| ended.output.as_ref());
        let case = output
            .and_then(|output| output.value.get("case"))
            .and_then(Value::as_str);
        if !case.is_some_and(|case| cases.iter().any(|name| **name == *case)) {
            return Ok(Wanted::No);
        }
    }
    let mut needs = step
        .needs
        .iter()
        .filter(|need| Some(**need) != step.handles)
        .peekable();
    if needs.peek().is_some() && needs.all(|need| skipped.contains(need)) {
        return Ok(Wanted::No);
    }
    match &step.condition {
        Some(condition) if known.is_open(condition) => Ok(Wanted::Perhaps),
        Some(condition) => match condition.test(sandbox, &known.scope) {
            Ok(true) => Ok(wanted),
            Ok(false) => Ok(Wanted::No),
            Err(error) => Err(NodeError::fail(error.code, error)),
        },
        None => Ok(wanted),
    }
}

/// Whether a part of a value is not known.
fn is_unknown(value: &Value) -> bool {
    match value {
        Value::String(text) => text == UNKNOWN,
        Value::Array(items) => items.iter().any(is_unknown),
        Value::Object(fields) => fields.values().any(is_unknown),
        _ => false,
    }
}
