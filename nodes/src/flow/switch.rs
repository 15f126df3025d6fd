//! `switch` — chooses the first case whose condition holds.
//!
//! Effect: `pure`. A step that needs a case (`needs: [route.paid]`) is skipped
//! when another one was chosen. With no case and no `default`, `case` is null
//! and every such step is skipped. Conditions after the chosen one are not
//! evaluated.
//!
//! Errors: those of the conditions (final).

use engine::node::{Cases, Ctx, Effect, Node, NodeResult, NodeSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Chooses the first case whose condition holds.
pub struct Switch;

/// Between what.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SwitchConfig {
    /// Conditions by the name of their case, in the order in which they are tried.
    pub cases: Cases,
    /// The case when no condition holds.
    #[serde(default)]
    pub default: Option<String>,
}

/// What was chosen.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Chosen {
    /// The name of the case; null when there is none.
    pub case: Option<String>,
}

impl Node for Switch {
    const SPEC: NodeSpec = NodeSpec::new("switch", Effect::Pure);
    type Config = SwitchConfig;
    type Output = Chosen;

    async fn run(&self, ctx: &Ctx, config: SwitchConfig) -> NodeResult<Chosen> {
        for (name, condition) in config.cases.0 {
            if ctx.test(&condition, [])? {
                return Ok(Chosen { case: Some(name) });
            }
        }
        Ok(Chosen {
            case: config.default,
        })
    }
}

#[cfg(test)]
mod tests {
    use engine::testing::NodeTest;
    use serde_json::{Value, json};

    use super::*;

    async fn choose(cases: Value, default: Option<&str>) -> Value {
        let config = json!({ "cases": cases, "default": default });
        NodeTest::new(Switch)
            .with_value(config)
            .run()
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn the_first_case_that_holds_is_chosen_and_later_ones_are_not_evaluated() {
        let cases = json!([{ "z": "1 > 2" }, { "m": "2 > 1" }, { "a": "steps.x.y" }]);
        assert_eq!(choose(cases, None).await, json!({ "case": "m" }));
    }

    #[tokio::test]
    async fn without_a_case_that_holds_the_default_is_chosen_or_none() {
        let cases = json!([{ "z": "false" }]);
        assert_eq!(
            choose(cases.clone(), Some("rest")).await,
            json!({ "case": "rest" })
        );
        assert_eq!(choose(cases, None).await, json!({ "case": null }));
    }
}
