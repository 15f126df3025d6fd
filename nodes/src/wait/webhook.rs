//! `wait.webhook` — waits until something is delivered to a token.
//!
//! Effect: `read`. The token comes from the node `token`, so that an earlier
//! step can send it out; whoever has it may deliver once.
//!
//! Errors: `wait.timed_out` (final): nothing came in time; `wait.bad_token`
//! (final): the token is not of the node `token`.

use engine::node::{
    Ctx, Effect, NodeError, NodeResult, NodeSpec, On, Token, Wait, Waited, WaitingNode, Wake,
};
use engine::text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::until;
use crate::flow::length::Length;

/// Waits until something is delivered to a token.
pub struct WaitWebhook;

/// To which token, and for how long.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitWebhookConfig {
    /// The output of a step that uses `token`.
    pub token: String,
    /// How long it is waited for; for ever when not given.
    pub timeout: Option<Length>,
}

/// What was delivered.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Delivered {
    /// As it came.
    pub payload: Value,
}

impl WaitingNode for WaitWebhook {
    const SPEC: NodeSpec = NodeSpec::new("wait.webhook", Effect::Read);
    type Config = WaitWebhookConfig;
    type Output = Delivered;

    fn begin(&self, ctx: &Ctx, config: WaitWebhookConfig) -> NodeResult<Waited<Delivered>> {
        let token = Token::read(&config.token).filter(|token| token.tenant() == ctx.tenant);
        let token = token.ok_or_else(|| {
            NodeError::fail(
                "wait.bad_token",
                text!("the token is not one that `token` made"),
            )
        })?;
        Ok(Waited::For(Wait {
            until: until(ctx, config.timeout)?,
            on: On::Delivery {
                topic: token.topic(),
            },
            memo: Value::Null,
        }))
    }

    fn wake(
        &self,
        _ctx: &Ctx,
        _config: WaitWebhookConfig,
        wait: &Wait,
        wake: Wake,
    ) -> NodeResult<Waited<Delivered>> {
        match wake {
            Wake::Delivered(payload) => Ok(Waited::Done(Delivered { payload })),
            Wake::Due => Err(NodeError::fail(
                "wait.timed_out",
                text!("nothing was delivered in time"),
            )),
            _ => Ok(Waited::For(wait.clone())),
        }
    }
}
