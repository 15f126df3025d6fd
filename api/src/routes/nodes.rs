//! The catalogue of nodes: what a step can use.

use axum::Json;
use axum::extract::State;
use engine::node::{Effect, Registered};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Listed;
use crate::auth::Caller;
use crate::error::{Answer, Refused};
use crate::router::Doors;

/// What a step can use.
#[derive(Serialize, ToSchema)]
pub struct NodeView {
    /// `subject.verb`, or one word.
    name: &'static str,
    /// What follows the `@` when it is not 1.
    version: u32,
    /// What it does to the world, unless its config says less.
    effect: NodeEffect,
    /// Whether its step may name a credential.
    takes_credential: bool,
    /// What it does, in a sentence or more.
    doc: String,
    /// JSON Schema of `with`.
    config: Value,
    /// JSON Schema of its output.
    output: Value,
}

/// What a step does to the world.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NodeEffect {
    /// Computes from its inputs.
    Pure,
    /// Reads the world.
    Read,
    /// Writes this database.
    Transaction,
    /// Changes the outside world.
    External,
}

impl From<&Registered> for NodeView {
    fn from(node: &Registered) -> Self {
        let doc = node.config["description"].as_str().unwrap_or_default();
        Self {
            name: node.spec.name,
            version: node.spec.version,
            effect: match node.spec.effect {
                Effect::Pure => NodeEffect::Pure,
                Effect::Read => NodeEffect::Read,
                Effect::Transaction => NodeEffect::Transaction,
                Effect::External(_) => NodeEffect::External,
            },
            takes_credential: node.spec.takes_credential,
            doc: doc.to_owned(),
            config: Value::clone(&node.config),
            output: Value::clone(&node.output),
        }
    }
}

/// Lists what a step can use, by name and version.
#[utoipa::path(
    get,
    path = "/api/v1/nodes",
    tag = "workflows",
    responses((status = 200, description = "All of them", body = Listed<NodeView>), Refused),
)]
pub async fn list_nodes(
    State(doors): State<Doors>,
    _caller: Caller,
) -> Answer<Json<Listed<NodeView>>> {
    let items = doors.engine.registry().iter().map(NodeView::from);
    Ok(Json(Listed {
        items: items.collect(),
    }))
}
