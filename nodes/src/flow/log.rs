//! `log` — writes a line into the record of its step.
//!
//! Effect: `pure`.

use engine::node::{Ctx, Effect, LogLevel, Node, NodeResult, NodeSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Writes a line into the record of its step.
pub struct Log;

/// Which line.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// How much it matters.
    #[serde(default)]
    pub level: Level,
    /// The text.
    pub message: String,
}

/// How much a line matters.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// For who debugs the workflow.
    Debug,
    /// What happened.
    #[default]
    Info,
    /// What someone should look at.
    Warn,
}

/// Nothing.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Logged {}

impl Node for Log {
    const SPEC: NodeSpec = NodeSpec::new("log", Effect::Pure);
    type Config = LogConfig;
    type Output = Logged;

    async fn run(&self, ctx: &Ctx, config: LogConfig) -> NodeResult<Logged> {
        let level = match config.level {
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
        };
        ctx.log(level, config.message);
        Ok(Logged {})
    }
}
