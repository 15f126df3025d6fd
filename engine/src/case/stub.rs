//! Nodes that answer what a case says instead of doing their work.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::node::{
    Ctx, Effect, InTransaction, LookUp, NodeError, NodeResult, Plain, Problem, Registry, Runner,
    Wait, Waited, Waiting, Wake,
};
use crate::store::Tx;
use crate::text;

/// What a stub answers to one call.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// This output.
    Output(Value),
    /// This error.
    Error(NodeError),
}

/// Who answers for which node.
#[derive(Debug)]
pub(super) enum Answers {
    /// A case, by step id or node name: all others do their work.
    Said(BTreeMap<String, Vec<Answer>>),
    /// A recorded run, by path: only pure nodes do their work.
    Recorded(BTreeMap<String, Vec<Answer>>),
}

/// Answers, and how many were given.
#[derive(Debug)]
struct Stubs {
    answers: Answers,
    given: Mutex<BTreeMap<String, usize>>,
}

/// The same nodes, those with a stub answering it.
pub(super) fn stubbed(registry: &Registry, answers: Answers) -> Registry {
    let stubs = Arc::new(Stubs {
        answers,
        given: Mutex::default(),
    });
    registry.with_runners(|node| match &node.runner {
        Runner::Plain(inner) => Runner::Plain(Arc::new(PlainStub {
            name: node.spec.name,
            inner: Arc::clone(inner),
            stubs: Arc::clone(&stubs),
        })),
        Runner::Transaction(inner) => Runner::Transaction(Arc::new(TransactionStub {
            name: node.spec.name,
            inner: Arc::clone(inner),
            stubs: Arc::clone(&stubs),
        })),
        Runner::Waiting(inner) => Runner::Waiting(Arc::new(WaitingStub {
            name: node.spec.name,
            inner: Arc::clone(inner),
            stubs: Arc::clone(&stubs),
        })),
    })
}

impl Stubs {
    /// The answer to this call; none when the node does its work.
    fn answer(&self, ctx: &Ctx, node: &str, is_pure: bool) -> Option<NodeResult<Value>> {
        let (name, answers) = match &self.answers {
            // Of the step before of the node.
            Answers::Said(answers) => {
                let place = crate::run::place_of_path(&ctx.step)?;
                let of_step = answers.get_key_value(&place.step);
                of_step.or_else(|| answers.get_key_value(node))?
            }
            Answers::Recorded(_) if is_pure => return None,
            Answers::Recorded(answers) => match answers.get_key_value(&ctx.step) {
                Some((name, answers)) if !answers.is_empty() => (name, answers),
                _ => return Some(Err(unrecorded())),
            },
        };
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let count = given.entry(name.clone()).or_default();
        let answer = answers.get(*count).or(answers.last())?;
        *count += 1;
        Some(match answer {
            Answer::Output(output) => Ok(output.clone()),
            Answer::Error(error) => Err(error.clone()),
        })
    }
}

/// What a step gives that the recorded run has not done.
fn unrecorded() -> NodeError {
    NodeError::fail(
        "replay.unrecorded",
        text!("the recorded run did nothing of the kind: nobody knows what it gives"),
    )
}

struct PlainStub {
    name: &'static str,
    inner: Arc<dyn Plain>,
    stubs: Arc<Stubs>,
}

impl Plain for PlainStub {
    fn effect(&self, config: &Value) -> NodeResult<Effect> {
        self.inner.effect(config)
    }

    fn price(&self, config: &Value) -> NodeResult<Option<Decimal>> {
        self.inner.price(config)
    }

    fn check(&self, config: &Value) -> Vec<Problem> {
        self.inner.check(config)
    }

    fn run<'a>(&'a self, ctx: &'a Ctx, config: Value) -> BoxFuture<'a, NodeResult<Value>> {
        let is_pure = matches!(self.inner.effect(&config), Ok(Effect::Pure));
        match self.stubs.answer(ctx, self.name, is_pure) {
            Some(answer) => Box::pin(std::future::ready(answer)),
            None => self.inner.run(ctx, config),
        }
    }

    fn look_up<'a>(
        &'a self,
        ctx: &'a Ctx,
        config: Value,
    ) -> BoxFuture<'a, NodeResult<LookUp<Value>>> {
        match self.stubs.answer(ctx, self.name, false) {
            Some(answer) => Box::pin(std::future::ready(answer.map(LookUp::Done))),
            None => self.inner.look_up(ctx, config),
        }
    }
}

struct TransactionStub {
    name: &'static str,
    inner: Arc<dyn InTransaction>,
    stubs: Arc<Stubs>,
}

impl InTransaction for TransactionStub {
    fn run<'a>(
        &'a self,
        ctx: &'a Ctx,
        tx: &'a mut Tx<'_>,
        config: Value,
    ) -> BoxFuture<'a, NodeResult<Value>> {
        match self.stubs.answer(ctx, self.name, false) {
            Some(answer) => Box::pin(std::future::ready(answer)),
            None => self.inner.run(ctx, tx, config),
        }
    }
}

/// Does not wait when it has an answer.
struct WaitingStub {
    name: &'static str,
    inner: Arc<dyn Waiting>,
    stubs: Arc<Stubs>,
}

impl Waiting for WaitingStub {
    fn check(&self, config: &Value) -> Vec<Problem> {
        self.inner.check(config)
    }

    fn calls(&self, config: &Value) -> Option<String> {
        self.inner.calls(config)
    }

    fn begin(&self, ctx: &Ctx, config: Value) -> NodeResult<Waited<Value>> {
        match self.stubs.answer(ctx, self.name, false) {
            Some(answer) => answer.map(Waited::Done),
            None => self.inner.begin(ctx, config),
        }
    }

    fn wake(&self, ctx: &Ctx, config: Value, wait: &Wait, wake: Wake) -> NodeResult<Waited<Value>> {
        self.inner.wake(ctx, config, wait, wake)
    }
}
