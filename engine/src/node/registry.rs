//! The nodes a process knows: an explicit, sorted list; a duplicate fails.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use rust_decimal::Decimal;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    Ctx, Effect, LookUp, Node, NodeError, NodeResult, NodeSpec, Problem, TransactionNode, Wait,
    Waited, WaitingNode, Wake,
};
use crate::store::Tx;
use crate::text;

/// What makes a list of nodes unusable.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// Two nodes with one name and version.
    #[error("node `{0}@{1}` is registered twice")]
    Duplicate(&'static str, u32),
    /// The list is not sorted.
    #[error("node `{0}` stands after `{1}`: keep the list sorted")]
    Unsorted(&'static str, &'static str),
}

/// How a node's work is called.
#[derive(Clone)]
pub enum Runner {
    /// Without a transaction.
    Plain(Arc<dyn Plain>),
    /// Inside the step's transaction.
    Transaction(Arc<dyn InTransaction>),
    /// It waits.
    Waiting(Arc<dyn Waiting>),
}

/// A node whose types are erased.
#[derive(Clone)]
pub struct Registered {
    /// Name, version, effect.
    pub spec: NodeSpec,
    /// JSON Schema of `with`.
    pub config: Arc<Value>,
    /// JSON Schema of the output.
    pub output: Arc<Value>,
    /// The work.
    pub runner: Runner,
}

impl Registered {
    /// The effect of this very config.
    ///
    /// # Errors
    /// When the config is not of the node's type.
    pub fn effect(&self, config: &Value) -> NodeResult<Effect> {
        match &self.runner {
            Runner::Plain(node) => node.effect(config),
            Runner::Transaction(_) => Ok(Effect::Transaction),
            Runner::Waiting(_) => Ok(Effect::Read),
        }
    }

    /// What an attempt costs in any case; none when the node is not paid.
    ///
    /// # Errors
    /// When the config is not of the node's type.
    pub fn price(&self, config: &Value) -> NodeResult<Option<Decimal>> {
        match &self.runner {
            Runner::Plain(node) => node.price(config),
            Runner::Transaction(_) => Ok(self.spec.paid.then_some(Decimal::ZERO)),
            Runner::Waiting(_) => Ok(None),
        }
    }

    /// Problems of a config that its schema cannot say.
    #[must_use]
    pub fn check(&self, config: &Value) -> Vec<Problem> {
        match &self.runner {
            Runner::Plain(node) => node.check(config),
            Runner::Transaction(_) => Vec::new(),
            Runner::Waiting(node) => node.check(config),
        }
    }
}

/// [`Node`] without its types.
pub trait Plain: Send + Sync {
    /// See [`Node::effect`].
    fn effect(&self, config: &Value) -> NodeResult<Effect>;
    /// See [`Node::price`].
    fn price(&self, config: &Value) -> NodeResult<Option<Decimal>>;
    /// See [`Node::check`].
    fn check(&self, config: &Value) -> Vec<Problem>;
    /// See [`Node::run`].
    fn run<'a>(&'a self, ctx: &'a Ctx, config: Value) -> BoxFuture<'a, NodeResult<Value>>;
    /// See [`Node::look_up`].
    fn look_up<'a>(
        &'a self,
        ctx: &'a Ctx,
        config: Value,
    ) -> BoxFuture<'a, NodeResult<LookUp<Value>>>;
}

/// [`TransactionNode`] without its types.
pub trait InTransaction: Send + Sync {
    /// See [`TransactionNode::run`].
    fn run<'a>(
        &'a self,
        ctx: &'a Ctx,
        tx: &'a mut Tx<'_>,
        config: Value,
    ) -> BoxFuture<'a, NodeResult<Value>>;
}

/// [`WaitingNode`] without its types.
pub trait Waiting: Send + Sync {
    /// See [`WaitingNode::check`].
    fn check(&self, config: &Value) -> Vec<Problem>;
    /// See [`WaitingNode::calls`].
    fn calls(&self, config: &Value) -> Option<String>;
    /// See [`WaitingNode::begin`].
    fn begin(&self, ctx: &Ctx, config: Value) -> NodeResult<Waited<Value>>;
    /// See [`WaitingNode::wake`].
    fn wake(&self, ctx: &Ctx, config: Value, wait: &Wait, wake: Wake) -> NodeResult<Waited<Value>>;
}

impl<N: Node> Plain for N {
    fn effect(&self, config: &Value) -> NodeResult<Effect> {
        Ok(Node::effect(
            self,
            &typed::<N::Config>(N::SPEC, config.clone())?,
        ))
    }

    fn price(&self, config: &Value) -> NodeResult<Option<Decimal>> {
        let config = typed::<N::Config>(N::SPEC, config.clone())?;
        Ok(Node::price(self, &config))
    }

    fn check(&self, config: &Value) -> Vec<Problem> {
        Node::check(self, config)
    }

    fn run<'a>(&'a self, ctx: &'a Ctx, config: Value) -> BoxFuture<'a, NodeResult<Value>> {
        Box::pin(async move { untyped(&Node::run(self, ctx, typed(N::SPEC, config)?).await?) })
    }

    fn look_up<'a>(
        &'a self,
        ctx: &'a Ctx,
        config: Value,
    ) -> BoxFuture<'a, NodeResult<LookUp<Value>>> {
        Box::pin(async move {
            Ok(
                match Node::look_up(self, ctx, typed(N::SPEC, config)?).await? {
                    LookUp::Done(output) => LookUp::Done(untyped(&output)?),
                    LookUp::Absent => LookUp::Absent,
                },
            )
        })
    }
}

impl<N: TransactionNode> InTransaction for N {
    fn run<'a>(
        &'a self,
        ctx: &'a Ctx,
        tx: &'a mut Tx<'_>,
        config: Value,
    ) -> BoxFuture<'a, NodeResult<Value>> {
        Box::pin(async move {
            untyped(&TransactionNode::run(self, ctx, tx, typed(N::SPEC, config)?).await?)
        })
    }
}

impl<N: WaitingNode> Waiting for N {
    fn check(&self, config: &Value) -> Vec<Problem> {
        WaitingNode::check(self, config)
    }

    fn calls(&self, config: &Value) -> Option<String> {
        WaitingNode::calls(self, config)
    }

    fn begin(&self, ctx: &Ctx, config: Value) -> NodeResult<Waited<Value>> {
        waited(WaitingNode::begin(self, ctx, typed(N::SPEC, config)?)?)
    }

    fn wake(&self, ctx: &Ctx, config: Value, wait: &Wait, wake: Wake) -> NodeResult<Waited<Value>> {
        let config = typed(N::SPEC, config)?;
        waited(WaitingNode::wake(self, ctx, config, wait, wake)?)
    }
}

fn waited<T: serde::Serialize>(waited: Waited<T>) -> NodeResult<Waited<Value>> {
    Ok(match waited {
        Waited::Done(output) => Waited::Done(untyped(&output)?),
        Waited::For(wait) => Waited::For(wait),
    })
}

fn typed<T: DeserializeOwned>(spec: NodeSpec, config: Value) -> NodeResult<T> {
    serde_json::from_value(config).map_err(|error| {
        NodeError::fail(
            "node.bad_config",
            text!(
                "`with` of `{node}` does not fit: {reason}",
                node = spec.name,
                reason = error.to_string()
            ),
        )
    })
}

fn untyped<T: serde::Serialize>(output: &T) -> NodeResult<Value> {
    serde_json::to_value(output).map_err(|error| {
        let reason = error.to_string();
        NodeError::fail(
            "node.bad_output",
            text!("the output cannot be written as JSON: {reason}", reason),
        )
    })
}

/// Collects nodes; see [`Registry::builder`].
#[derive(Default)]
pub struct RegistryBuilder {
    nodes: Vec<Registered>,
}

impl RegistryBuilder {
    /// Adds a node.
    #[must_use]
    pub fn node<N: Node>(self, node: N) -> Self {
        self.add::<N::Config, N::Output>(N::SPEC, Runner::Plain(Arc::new(node)))
    }

    /// Adds a node that writes this database.
    #[must_use]
    pub fn transaction<N: TransactionNode>(self, node: N) -> Self {
        let spec = NodeSpec {
            effect: Effect::Transaction,
            ..N::SPEC
        };
        self.add::<N::Config, N::Output>(spec, Runner::Transaction(Arc::new(node)))
    }

    /// Adds a node that waits.
    #[must_use]
    pub fn waiting<N: WaitingNode>(self, node: N) -> Self {
        let spec = NodeSpec {
            effect: Effect::Read,
            ..N::SPEC
        };
        self.add::<N::Config, N::Output>(spec, Runner::Waiting(Arc::new(node)))
    }

    fn add<C: schemars::JsonSchema, O: schemars::JsonSchema>(
        mut self,
        spec: NodeSpec,
        runner: Runner,
    ) -> Self {
        let config = Arc::new(schemars::schema_for!(C).to_value());
        let output = Arc::new(schemars::schema_for!(O).to_value());
        self.nodes.push(Registered {
            spec,
            config,
            output,
            runner,
        });
        self
    }

    /// The registry.
    ///
    /// # Errors
    /// When the list is not sorted by name and version, or names a node twice.
    pub fn build(self) -> Result<Registry, CatalogueError> {
        for pair in self.nodes.windows(2) {
            let (before, after) = (pair[0].spec, pair[1].spec);
            match (before.name, before.version).cmp(&(after.name, after.version)) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => {
                    return Err(CatalogueError::Duplicate(after.name, after.version));
                }
                std::cmp::Ordering::Greater => {
                    return Err(CatalogueError::Unsorted(after.name, before.name));
                }
            }
        }
        let nodes = self
            .nodes
            .into_iter()
            .map(|node| ((node.spec.name, node.spec.version), node))
            .collect();
        Ok(Registry {
            nodes: Arc::new(nodes),
        })
    }
}

/// The nodes a process knows, by name and version.
#[derive(Clone)]
pub struct Registry {
    nodes: Arc<BTreeMap<(&'static str, u32), Registered>>,
}

impl Registry {
    /// An empty list to add nodes to, sorted by name.
    #[must_use]
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder::default()
    }

    /// The node of this name and version.
    #[must_use]
    pub fn get(&self, name: &str, version: u32) -> Option<&Registered> {
        self.nodes
            .iter()
            .find(|((known, v), _)| *known == name && *v == version)
            .map(|(_, node)| node)
    }

    /// The same nodes, their work done by others: in tests of workflows.
    pub(crate) fn with_runners(&self, runner: impl Fn(&Registered) -> Runner) -> Self {
        let nodes = self.nodes.iter().map(|(key, node)| {
            let runner = runner(node);
            (
                *key,
                Registered {
                    runner,
                    ..node.clone()
                },
            )
        });
        Self {
            nodes: Arc::new(nodes.collect()),
        }
    }

    /// All nodes, sorted by name and version.
    pub fn iter(&self) -> impl Iterator<Item = &Registered> {
        self.nodes.values()
    }
}
