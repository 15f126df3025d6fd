//! `wait.event` — waits until an event is published.
//!
//! Effect: `read`. It sees every event since its run started, those included
//! that came before the step began, the oldest first; but not those that a
//! step before it has seen, so that two waits in a row take two events.
//!
//! Errors: `wait.timed_out` (final): no such event came in time; those of
//! `filter` (final).

use engine::node::{
    Awaited, Condition, Ctx, Effect, Heard, NodeError, NodeResult, NodeSpec, On, WAIT_EVENT, Wait,
    Waited, WaitingNode, Wake,
};
use engine::text;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::until;
use crate::flow::length::Length;

/// Waits until an event is published.
pub struct WaitEvent;

/// For which event, and for how long.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitEventConfig {
    /// Its name, such as `bank.synced`.
    #[schemars(
        regex(pattern = r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$"),
        length(max = 100)
    )]
    pub event: String,
    /// What it happened to; whatever it happened to, when not given.
    #[schemars(length(max = 256))]
    pub key: Option<String>,
    /// Whether it is the one: `event` is what it says.
    #[schemars(extend("x-scope" = ["event"]))]
    pub filter: Option<Condition>,
    /// How long it is waited for; for ever when not given.
    pub timeout: Option<Length>,
}

impl WaitingNode for WaitEvent {
    const SPEC: NodeSpec = NodeSpec::new(WAIT_EVENT, Effect::Read);
    type Config = WaitEventConfig;
    type Output = Heard;

    fn begin(&self, ctx: &Ctx, config: WaitEventConfig) -> NodeResult<Waited<Heard>> {
        Ok(Waited::For(Wait {
            until: until(ctx, config.timeout)?,
            on: On::Event(Awaited::new(config.event, config.key)),
            memo: Value::Null,
        }))
    }

    fn wake(
        &self,
        ctx: &Ctx,
        config: WaitEventConfig,
        wait: &Wait,
        wake: Wake,
    ) -> NodeResult<Waited<Heard>> {
        let heard = match wake {
            Wake::Event(heard) => heard,
            Wake::Due => {
                return Err(NodeError::fail(
                    "wait.timed_out",
                    text!("the event did not come in time"),
                ));
            }
            _ => return Ok(Waited::For(wait.clone())),
        };
        let wanted = match &config.filter {
            Some(filter) => ctx.test(filter, [("event", heard.data.clone())])?,
            None => true,
        };
        Ok(match wanted {
            true => Waited::Done(heard),
            false => Waited::For(wait.clone()),
        })
    }
}
