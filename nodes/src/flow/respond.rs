//! `respond` — answers the caller of the webhook that started the run.
//!
//! Effect: `pure`: the caller is answered with what is recorded of the step,
//! once that is durable. Of several such steps, the first that ends answers;
//! in a run that no webhook waits for, nobody hears it.
//!
//! Errors: `respond.bad_header` (final).

use std::collections::BTreeMap;

use engine::node::{Ctx, Effect, Node, NodeError, NodeResult, NodeSpec};
use engine::text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Answers the caller of the webhook that started the run.
pub struct Respond;

/// What the caller gets.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RespondConfig {
    /// Status of the answer.
    #[serde(default = "ok")]
    #[schemars(range(min = 200, max = 599))]
    pub status: u16,
    /// Headers of the answer.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Its body: a text as it is, anything else as JSON.
    #[serde(default)]
    pub body: Value,
}

fn ok() -> u16 {
    200
}

/// The answer as the caller gets it.
pub type Response = RespondConfig;

impl Node for Respond {
    const SPEC: NodeSpec = NodeSpec::new("respond", Effect::Pure);
    type Config = RespondConfig;
    type Output = Response;

    async fn run(&self, _: &Ctx, config: RespondConfig) -> NodeResult<Response> {
        let sound = |text: &str| {
            text.bytes()
                .all(|byte| byte == b'\t' || (32..127).contains(&byte))
        };
        let name = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        };
        match config
            .headers
            .iter()
            .find(|(key, value)| !name(key) || !sound(value))
        {
            None => Ok(config),
            Some((bad, _)) => Err(NodeError::fail(
                "respond.bad_header",
                text!(
                    "`{header}` is no header: a name of letters, digits and -, a value of plain text",
                    header = bad
                ),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::testing::NodeTest;

    use super::*;

    #[tokio::test]
    async fn an_answer_has_a_status_headers_and_a_body() {
        let answer = NodeTest::new(Respond)
            .with("{ status: 201, headers: { x-id: '7' }, body: { id: 7 } }")
            .run()
            .await
            .unwrap();
        assert_eq!(answer["status"], 201);
        assert_eq!(answer["body"]["id"], 7);
        let plain = NodeTest::new(Respond).with("{}").run().await.unwrap();
        assert_eq!(plain["status"], 200);
    }

    #[tokio::test]
    async fn a_header_cannot_smuggle_another() {
        let refused = NodeTest::new(Respond)
            .with("{ headers: { x-id: \"7\\r\\nset-cookie: a=b\" } }")
            .run()
            .await
            .unwrap_err();
        assert_eq!(refused.code, "respond.bad_header");
    }
}
