//! What the workloads do: nothing, but with every effect.

use engine::node::{
    CatalogueError, Ctx, Effect, Node, NodeError, NodeResult, NodeSpec, Registry, TransactionNode,
    UnknownOutcome,
};
use nodes::flow::script::Script;
use nodes::flow::set::Set;
use nodes::tx::Tx;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::store::bench as store;

/// The nodes of the workloads.
///
/// # Errors
/// When the list is not sorted.
pub fn registry() -> Result<Registry, CatalogueError> {
    Registry::builder()
        .node(Call)
        .transaction(Write)
        .node(Script::default())
        .node(Set)
        .build()
}

/// A number.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Number {
    /// The number.
    n: i64,
}

/// `bench.call` — calls a service that is there at once: gives its number back.
///
/// Effect: `external`.
struct Call;

impl Node for Call {
    const SPEC: NodeSpec = NodeSpec::new("bench.call", Effect::External(UnknownOutcome::Repeat));
    type Config = Number;
    type Output = Number;

    async fn run(&self, _: &Ctx, config: Number) -> NodeResult<Number> {
        Ok(config)
    }
}

/// `bench.write` — writes a row; gives its number back.
///
/// Effect: `transaction`.
struct Write;

impl TransactionNode for Write {
    const SPEC: NodeSpec = NodeSpec::new("bench.write", Effect::Transaction);
    type Config = Number;
    type Output = Number;

    async fn run(&self, ctx: &Ctx, tx: &mut Tx<'_>, config: Number) -> NodeResult<Number> {
        let id = Uuid::now_v7();
        store::write_row(tx, ctx.tenant.0, id, config.n)
            .await
            .map_err(|error| NodeError::fail("bench.write_failed", error.to_string()))?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_list_is_sorted() {
        assert!(super::registry().is_ok());
    }
}
