//! The plug-in boundary: what a step can do.
//!
//! A node is its typed config, its typed output and one function. The types
//! give the YAML check, the editor's form and the reference page; the declared
//! [`Effect`] gives the guarantee.

mod condition;
mod ctx;
mod effect;
mod error;
mod event;
mod question;
mod registry;
mod schema;
mod secret;
mod spec;
mod token;
mod usage;
mod wait;

use std::future::Future;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use condition::{Cases, Condition, Conditions};
pub use ctx::{Ctx, IdempotencyKey, LogLevel, LogLine};
pub use effect::{Effect, UnknownOutcome};
pub use error::{ErrorKind, NodeError};
pub use event::{Awaited, Heard, WAIT_EVENT};
pub(crate) use event::{key_digest, topics};
pub use question::{Decided, Decision, Person, Question, Refusal};
pub use registry::{
    CatalogueError, InTransaction, Plain, Registered, Registry, RegistryBuilder, Runner, Waiting,
};
pub(crate) use schema::{misfit, one_of, validator};
pub use secret::Secret;
pub use spec::{NodeSpec, Problem};
pub use token::Token;
pub use usage::Usage;
pub use wait::{Call, On, Wait, Waited, WaitingNode, Wake};

use crate::store::Tx;
use crate::text;

/// What a node answers: done with an output, or a [`NodeError`] that says
/// whether to retry, to fail, or that nobody knows what happened.
pub type NodeResult<T> = Result<T, NodeError>;

/// What a look-up of an effect by its key found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookUp<T> {
    /// It happened, with this output.
    Done(T),
    /// It did not happen: it may be tried again.
    Absent,
}

/// A node that computes, reads the world or changes the outside world.
pub trait Node: Send + Sync + 'static {
    /// Name, version and effect.
    const SPEC: NodeSpec;
    /// The value of `with`; unknown fields are refused.
    type Config: DeserializeOwned + JsonSchema + Send + 'static;
    /// What later steps read.
    type Output: Serialize + JsonSchema + Send + 'static;

    /// The effect of this very config, e.g. `http.request`: `read` for GET, else `external`.
    fn effect(&self, _config: &Self::Config) -> Effect {
        Self::SPEC.effect
    }

    /// What an attempt costs in any case; none when the node is not paid, and
    /// begins whatever is spent. What it turns out to use it says by [`Ctx::spend`].
    fn price(&self, _config: &Self::Config) -> Option<Decimal> {
        Self::SPEC.paid.then_some(Decimal::ZERO)
    }

    /// Problems of a config that its schema cannot say, found before the workflow is saved.
    ///
    /// `config` is the value of `with` as written; a value that holds an expression is null.
    fn check(&self, _config: &Value) -> Vec<Problem> {
        Vec::new()
    }

    /// Does the work of one attempt.
    fn run(
        &self,
        ctx: &Ctx,
        config: Self::Config,
    ) -> impl Future<Output = NodeResult<Self::Output>> + Send;

    /// Asks the outside service what became of an attempt whose outcome is unknown.
    ///
    /// Called only for nodes that declare [`UnknownOutcome::LookUp`].
    fn look_up(
        &self,
        _ctx: &Ctx,
        _config: Self::Config,
    ) -> impl Future<Output = NodeResult<LookUp<Self::Output>>> + Send {
        std::future::ready(Err(NodeError::unknown(
            "node.no_look_up",
            text!("the node has no look-up"),
        )))
    }
}

/// A node that writes this database: its writes, the events it emits and its
/// checkpoint commit together. It is given a transaction and no network.
pub trait TransactionNode: Send + Sync + 'static {
    /// Name and version; the effect is always `transaction`.
    const SPEC: NodeSpec;
    /// The value of `with`; unknown fields are refused.
    type Config: DeserializeOwned + JsonSchema + Send + 'static;
    /// What later steps read.
    type Output: Serialize + JsonSchema + Send + 'static;

    /// Does the work of one attempt inside `tx`; an error rolls everything back.
    fn run(
        &self,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
        config: Self::Config,
    ) -> impl Future<Output = NodeResult<Self::Output>> + Send;
}
