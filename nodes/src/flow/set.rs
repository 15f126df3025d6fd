//! `set` — gives values a name: its output is its `with`.
//!
//! Effect: `pure`.

use std::borrow::Cow;

use engine::node::{Ctx, Effect, Node, NodeResult, NodeSpec};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Map, Value};

/// Gives values a name.
pub struct Set;

/// The config itself: the checker knows its fields from the file.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct SameAsConfig(Map<String, Value>);

impl JsonSchema for SameAsConfig {
    fn schema_name() -> Cow<'static, str> {
        "SameAsConfig".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "x-output-is-config": true })
    }
}

impl Node for Set {
    const SPEC: NodeSpec = NodeSpec::new("set", Effect::Pure);
    type Config = Map<String, Value>;
    type Output = SameAsConfig;

    async fn run(&self, _: &Ctx, config: Map<String, Value>) -> NodeResult<SameAsConfig> {
        Ok(SameAsConfig(config))
    }
}
