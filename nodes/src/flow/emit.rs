//! `emit` — publishes an event, with the commit of its step.
//!
//! Effect: `transaction`: whoever listens hears of it exactly once, and only if
//! the step is recorded.
//!
//! Errors: `event.refused` (final) when the name, the key or the size is.

use engine::Event;
use engine::node::{Ctx, Effect, NodeResult, NodeSpec, TransactionNode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::tx::Tx;

/// Publishes an event.
pub struct Emit;

/// Which event.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmitConfig {
    /// What happened: words with dots between, such as `bank.synced`.
    #[schemars(
        regex(pattern = r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$"),
        length(max = 100)
    )]
    pub event: String,
    /// What it happened to: steps wait for events of one key.
    #[serde(default)]
    #[schemars(length(max = 256))]
    pub key: Option<String>,
    /// What there is to say: `event` in the expressions of who listens.
    #[serde(default)]
    pub data: Map<String, Value>,
}

/// The event as it was published.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Emitted {
    /// Its id.
    pub id: String,
}

impl TransactionNode for Emit {
    const SPEC: NodeSpec = NodeSpec::new("emit", Effect::Transaction);
    type Config = EmitConfig;
    type Output = Emitted;

    async fn run(&self, _: &Ctx, tx: &mut Tx<'_>, config: EmitConfig) -> NodeResult<Emitted> {
        let event = Event {
            name: config.event,
            key: config.key,
            data: config.data,
        };
        let id = tx.emit(&event).await?;
        Ok(Emitted { id: id.to_string() })
    }
}
