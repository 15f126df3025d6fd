//! `fail` — ends its step, and so its run, with an error of the workflow's own.
//!
//! Effect: `pure`.
//!
//! Errors: the code that the workflow gives (final).

use engine::node::{Ctx, Effect, Node, NodeError, NodeResult, NodeSpec, Problem};
use engine::text;
use engine::text::Text;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// Ends its step with an error of the workflow's own.
pub struct Fail;

/// Which error.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FailConfig {
    /// Stable code, `subject.what_happened`.
    pub code: String,
    /// One sentence for a person: what happened and what to do.
    pub message: String,
}

impl Node for Fail {
    const SPEC: NodeSpec = NodeSpec::new("fail", Effect::Pure);
    type Config = FailConfig;
    type Output = ();

    fn check(&self, config: &Value) -> Vec<Problem> {
        match config["code"].as_str() {
            Some(code) if !is_code(code) => vec![Problem {
                pointer: "/code".into(),
                offset: None,
                message: text!("`{code}` is no error code", code),
                fix: text!("write words of a-z, 0-9 and _ with a dot between: budget.exceeded"),
            }],
            _ => Vec::new(),
        }
    }

    async fn run(&self, _: &Ctx, config: FailConfig) -> NodeResult<()> {
        if !is_code(&config.code) {
            return Err(NodeError::fail(
                "fail.bad_code",
                text!(
                    "`{code}` is no error code; the message was: {message}",
                    code = config.code,
                    message = config.message
                ),
            ));
        }
        Err(NodeError::fail(config.code, Text::verbatim(config.message)))
    }
}

fn is_code(code: &str) -> bool {
    let word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    code.contains('.') && code.split('.').all(word)
}

#[cfg(test)]
mod tests {
    use engine::testing::NodeTest;
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn its_error_is_the_workflows_own_and_final() {
        let error = NodeTest::new(Fail)
            .with_value(json!({ "code": "budget.exceeded", "message": "Le budget est dépassé." }))
            .run()
            .await
            .unwrap_err();
        assert_eq!(
            (error.code.as_str(), error.is_retryable()),
            ("budget.exceeded", false)
        );
    }

    #[test]
    fn a_code_that_is_none_is_told() {
        let problems = |code: &str| Node::check(&Fail, &json!({ "code": code })).len();
        assert_eq!(
            [
                problems("budget.exceeded"),
                problems("Oops"),
                problems("oops")
            ],
            [0, 1, 1]
        );
        assert!(Node::check(&Fail, &json!({ "code": null })).is_empty());
    }
}
