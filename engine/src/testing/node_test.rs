//! Runs one node by itself, as the executor would.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::ids::{RunId, TenantId};
use crate::node::{
    Conditions, Ctx, Effect, IdempotencyKey, LogLine, LookUp, Node, NodeError, NodeResult, Problem,
    Registered, Registry, Runner, Secret, TransactionNode, Wait, Waited, WaitingNode, Wake,
};
use crate::store::Tx;
use crate::text::Text;

/// One node with a config: run it, run it again, cancel it.
///
/// Each run has the same idempotency key, as a replayed step has.
pub struct NodeTest {
    node: Registered,
    config: Value,
    now: DateTime<Utc>,
    credential: Option<Secret>,
    cancel: CancellationToken,
    logs: Mutex<Vec<LogLine>>,
}

impl NodeTest {
    /// A test of a node that is given no transaction.
    ///
    /// # Panics
    /// Never: one node is a sorted list.
    pub fn new<N: Node>(node: N) -> Self {
        Self::only(Registry::builder().node(node).build())
    }

    /// A test of a node that writes this database: see [`Self::run_in`].
    ///
    /// # Panics
    /// Never: one node is a sorted list.
    pub fn in_transaction<N: TransactionNode>(node: N) -> Self {
        Self::only(Registry::builder().transaction(node).build())
    }

    /// A test of a node that waits: see [`Self::begin`].
    ///
    /// # Panics
    /// Never: one node is a sorted list.
    pub fn waiting<N: WaitingNode>(node: N) -> Self {
        Self::only(Registry::builder().waiting(node).build())
    }

    fn only(registry: Result<Registry, crate::node::CatalogueError>) -> Self {
        let registry = registry.expect("one node is a sorted list");
        let node = registry.iter().next().expect("it holds the node");
        Self::of(node.clone())
    }

    /// A test of a registered node.
    #[must_use]
    pub fn of(node: Registered) -> Self {
        Self {
            node,
            config: Value::Null,
            now: DateTime::UNIX_EPOCH,
            credential: None,
            cancel: CancellationToken::new(),
            logs: Mutex::default(),
        }
    }

    /// The node's `with`, in YAML.
    ///
    /// # Panics
    /// When it is no YAML.
    #[must_use]
    pub fn with(self, yaml: &str) -> Self {
        let config = serde_saphyr::from_str(yaml).expect("`with` is YAML");
        Self { config, ..self }
    }

    /// The node's `with`.
    #[must_use]
    pub fn with_value(self, config: Value) -> Self {
        Self { config, ..self }
    }

    /// The secret of the step's credential.
    #[must_use]
    pub fn credential(self, secret: &str) -> Self {
        Self {
            credential: Some(Secret::new(secret)),
            ..self
        }
    }

    /// The instant of the attempt.
    #[must_use]
    pub fn at(self, now: DateTime<Utc>) -> Self {
        Self { now, ..self }
    }

    /// Cancels every run, running or to come.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// The effect of this config.
    ///
    /// # Errors
    /// When the config is not of the node's type.
    pub fn effect(&self) -> NodeResult<Effect> {
        self.node.effect(&self.config)
    }

    /// What the node finds wrong with this config before it is saved.
    #[must_use]
    pub fn check(&self) -> Vec<Problem> {
        self.node.check(&self.config)
    }

    /// The lines written by all runs so far.
    pub fn logs(&self) -> Vec<LogLine> {
        let logs = self.logs.lock();
        logs.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs the node; of one that waits, gives what it waits for.
    ///
    /// # Errors
    /// What the node answers.
    pub async fn run(&self) -> NodeResult<Value> {
        let ctx = self.ctx(TenantId(Uuid::nil()));
        let result = match &self.node.runner {
            Runner::Plain(node) => node.run(&ctx, self.config.clone()).await,
            Runner::Waiting(node) => match node.begin(&ctx, self.config.clone()) {
                Ok(Waited::Done(output)) => Ok(output),
                Ok(Waited::For(wait)) => serde_json::to_value(wait)
                    .map_err(|error| NodeError::fail("test.bad_wait", error.to_string())),
                Err(error) => Err(error),
            },
            Runner::Transaction(_) => Err(NodeError::fail("test.needs_tx", "use `run_in`")),
        };
        self.keep_logs(ctx);
        result
    }

    /// Begins a node that waits.
    ///
    /// # Errors
    /// What the node answers.
    pub fn begin(&self) -> NodeResult<Waited<Value>> {
        let Runner::Waiting(node) = &self.node.runner else {
            return Err(NodeError::fail("test.does_not_wait", "use `run`"));
        };
        node.begin(&self.ctx(TenantId(Uuid::nil())), self.config.clone())
    }

    /// Wakes a node that waits, at the test's instant.
    ///
    /// # Errors
    /// What the node answers.
    pub fn wake(&self, wait: &Wait, wake: Wake) -> NodeResult<Waited<Value>> {
        let Runner::Waiting(node) = &self.node.runner else {
            return Err(NodeError::fail("test.does_not_wait", "use `run`"));
        };
        let ctx = self.ctx(TenantId(Uuid::nil()));
        node.wake(&ctx, self.config.clone(), wait, wake)
    }

    /// Runs a node that writes this database.
    ///
    /// # Errors
    /// What the node answers.
    pub async fn run_in(&self, tx: &mut Tx<'_>) -> NodeResult<Value> {
        let Runner::Transaction(node) = &self.node.runner else {
            return self.run().await;
        };
        let ctx = self.ctx(tx.tenant());
        let result = node.run(&ctx, tx, self.config.clone()).await;
        self.keep_logs(ctx);
        result
    }

    /// Asks the node what became of an attempt.
    ///
    /// # Errors
    /// What the node answers.
    pub async fn look_up(&self) -> NodeResult<LookUp<Value>> {
        let Runner::Plain(node) = &self.node.runner else {
            return Err(NodeError::fail(
                "test.no_look_up",
                Text::verbatim("it writes this database"),
            ));
        };
        let ctx = self.ctx(TenantId(Uuid::nil()));
        node.look_up(&ctx, self.config.clone()).await
    }

    fn ctx(&self, tenant: TenantId) -> Ctx {
        Ctx {
            tenant,
            run: RunId(Uuid::nil()),
            step: "tested".to_owned(),
            attempt: 1,
            now: self.now,
            key: IdempotencyKey(format!("{}/tested/0", Uuid::nil())),
            credential: self.credential.clone().map(Ok),
            requester: None,
            cancel: self.cancel.child_token(),
            conditions: Conditions::default(),
            log: Mutex::default(),
            used: Mutex::default(),
        }
    }

    fn keep_logs(&self, ctx: Ctx) {
        let lines = ctx.log.into_inner().unwrap_or_else(PoisonError::into_inner);
        let logs = self.logs.lock();
        logs.unwrap_or_else(PoisonError::into_inner).extend(lines);
    }
}
