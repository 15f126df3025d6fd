//! `token` — makes a secret that whoever gets it may answer with, once.
//!
//! Effect: `read`: another try makes another token, and what was made is
//! recorded before any effect sends it out.

use engine::node::{Ctx, Effect, Node, NodeResult, NodeSpec, Token as Made};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Makes a token for `wait.webhook`.
pub struct Token;

/// Nothing to say.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenConfig {}

/// The token.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TokenMade {
    /// Not to be guessed, and good in an address.
    pub token: String,
}

impl Node for Token {
    const SPEC: NodeSpec = NodeSpec::new("token", Effect::Read);
    type Config = TokenConfig;
    type Output = TokenMade;

    async fn run(&self, ctx: &Ctx, _config: TokenConfig) -> NodeResult<TokenMade> {
        let token = Made::new(ctx.tenant).to_string();
        Ok(TokenMade { token })
    }
}
