//! Nodes that answer what a case says instead of doing their work.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use serde_json::Value;

use crate::node::{
    Ctx, Effect, InTransaction, LookUp, NodeError, NodeResult, Plain, Problem, Registry, Runner,
    Wait, Waited, Waiting, Wake,
};
use crate::store::Tx;

/// What a stub answers to one call.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// This output.
    Output(Value),
    /// This error.
    Error(NodeError),
}

/// Answers by step id or node name, and how many were given.
#[derive(Debug, Default)]
struct Stubs {
    answers: BTreeMap<String, Vec<Answer>>,
    given: Mutex<BTreeMap<String, usize>>,
}

/// The same nodes, those with a stub answering it.
pub(super) fn stubbed(registry: &Registry, answers: BTreeMap<String, Vec<Answer>>) -> Registry {
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
    /// The answer to this call: of the step before of the node; the last one stays.
    fn answer(&self, ctx: &Ctx, node: &str) -> Option<NodeResult<Value>> {
        let place = crate::run::place_of_path(&ctx.step)?;
        let (name, answers) = self
            .answers
            .get_key_value(&place.step)
            .or_else(|| self.answers.get_key_value(node))?;
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

struct PlainStub {
    name: &'static str,
    inner: Arc<dyn Plain>,
    stubs: Arc<Stubs>,
}

impl Plain for PlainStub {
    fn effect(&self, config: &Value) -> NodeResult<Effect> {
        self.inner.effect(config)
    }

    fn check(&self, config: &Value) -> Vec<Problem> {
        self.inner.check(config)
    }

    fn run<'a>(&'a self, ctx: &'a Ctx, config: Value) -> BoxFuture<'a, NodeResult<Value>> {
        match self.stubs.answer(ctx, self.name) {
            Some(answer) => Box::pin(std::future::ready(answer)),
            None => self.inner.run(ctx, config),
        }
    }

    fn look_up<'a>(
        &'a self,
        ctx: &'a Ctx,
        config: Value,
    ) -> BoxFuture<'a, NodeResult<LookUp<Value>>> {
        match self.stubs.answer(ctx, self.name) {
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
        match self.stubs.answer(ctx, self.name) {
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
        match self.stubs.answer(ctx, self.name) {
            Some(answer) => answer.map(Waited::Done),
            None => self.inner.begin(ctx, config),
        }
    }

    fn wake(&self, ctx: &Ctx, config: Value, wait: &Wait, wake: Wake) -> NodeResult<Waited<Value>> {
        self.inner.wake(ctx, config, wait, wake)
    }
}
