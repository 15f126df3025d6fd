//! `script` — computes with more than one line of Rhai.
//!
//! Effect: `pure`. The script sees the values of its `with` as variables, and
//! nothing else: no step, no clock, no host. Its last value is the output;
//! decimals leave as text. It runs apart from the worker's tasks, under limits
//! on operations, sizes, depth and time.
//!
//! Errors: `script.invalid` and `script.failed` (final), `script.limit` (final).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use engine::expr::{CompileError, Sandbox, Script as Compiled};
use engine::node::{Ctx, Effect, Node, NodeError, NodeResult, NodeSpec, Problem};
use engine::text;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Computes with more than one line of Rhai.
#[derive(Default)]
pub struct Script {
    compiled: Mutex<HashMap<Source, Compiled>>,
}

/// A script is compiled for the variables that it is given.
type Source = Arc<(String, Vec<String>)>;

/// Compiled scripts kept; beyond, all are forgotten.
const KEPT: usize = 256;

/// What to compute, and with which values.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptConfig {
    /// Rhai; the last value is the output.
    pub code: String,
    /// The variables that the script sees.
    #[serde(default)]
    pub with: Map<String, Value>,
}

impl Node for Script {
    const SPEC: NodeSpec = NodeSpec::new("script", Effect::Pure);
    type Config = ScriptConfig;
    type Output = Value;

    fn check(&self, config: &Value) -> Vec<Problem> {
        let mut problems = Vec::new();
        let names: Vec<&str> = match config.get("with") {
            Some(Value::Object(values)) => values.keys().map(String::as_str).collect(),
            // Given by an expression: its names are not known.
            Some(Value::Null) => return problems,
            _ => Vec::new(),
        };
        match config.get("code") {
            Some(Value::String(code)) => {
                if let Err(error) = Compiled::compile(&Sandbox::default(), code, names) {
                    problems.push(problem(error));
                }
            }
            Some(Value::Null) => problems.push(Problem {
                pointer: "/code".into(),
                offset: None,
                message: text!("a script holds no `{expression}`", expression = "${{ }}"),
                fix: text!("pass the value through `with` and use its name in the script"),
            }),
            _ => {}
        }
        problems
    }

    async fn run(&self, _: &Ctx, config: ScriptConfig) -> NodeResult<Value> {
        let sandbox = Sandbox::default();
        let script = self.compiled(&sandbox, &config)?;
        tokio::task::spawn_blocking(move || script.run(&sandbox, &config.with))
            .await
            .map_err(|error| {
                let reason = error.to_string();
                NodeError::fail(
                    "script.failed",
                    text!("the script was cut off: {reason}", reason),
                )
            })?
            .map_err(|error| {
                let code = match error.code {
                    "expression.limit" => "script.limit",
                    _ => "script.failed",
                };
                NodeError::fail(code, error)
            })
    }
}

impl Script {
    fn compiled(&self, sandbox: &Sandbox, config: &ScriptConfig) -> NodeResult<Compiled> {
        let names: Vec<String> = config.with.keys().cloned().collect();
        let source = Arc::new((config.code.clone(), names));
        let mut kept = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(script) = kept.get(&source) {
            return Ok(script.clone());
        }
        let names = source.1.iter().map(String::as_str);
        let script = Compiled::compile(sandbox, &config.code, names)
            .map_err(|error| NodeError::fail("script.invalid", error.message))?;
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(source, script.clone());
        Ok(script)
    }
}

fn problem(error: CompileError) -> Problem {
    Problem {
        pointer: "/code".into(),
        offset: Some(error.offset),
        message: text!(
            "the script does not compile: {message}",
            message = error.message
        ),
        fix: error.fix,
    }
}

#[cfg(test)]
mod tests {
    use engine::testing::NodeTest;
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn it_computes_with_its_values_and_exact_decimals() {
        let code = "let sum = decimal(0);\nfor part in parts { sum += decimal(part); }\n#{ sum: sum, share: sum / parts.len() }";
        let output = NodeTest::new(Script::default())
            .with_value(json!({ "code": code, "with": { "parts": ["0.10", "0.20", "0.30"] } }))
            .run()
            .await
            .unwrap();
        assert_eq!(output, json!({ "sum": "0.60", "share": "0.2" }));
    }

    #[tokio::test]
    async fn a_script_that_does_not_end_is_ended() {
        let error = NodeTest::new(Script::default())
            .with_value(json!({ "code": "loop { }" }))
            .run()
            .await
            .unwrap_err();
        assert_eq!(
            (error.code.as_str(), error.is_retryable()),
            ("script.limit", false)
        );
    }

    #[test]
    fn what_does_not_compile_is_told_with_its_place() {
        let check = |config: Value| Node::check(&Script::default(), &config);
        assert!(check(json!({ "code": "x + 1", "with": { "x": null } })).is_empty());
        let problem = check(json!({ "code": "let a = 1;\nx + 1" })).remove(0);
        assert_eq!(
            (problem.pointer.as_str(), problem.offset),
            ("/code", Some(11))
        );
        assert!(check(json!({ "code": null })).len() == 1);
    }
}
