//! An address that starts runs, as a checked workflow declares it.

use std::time::Duration;

/// An address that starts runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Behind the tenant's: starts with `/`.
    pub path: String,
    /// Methods it takes.
    pub methods: Vec<String>,
    /// Who may call it.
    pub auth: HookAuth,
    /// What its caller is told.
    pub answer: HookAnswer,
}

/// Who may call a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookAuth {
    /// Everybody who knows the address.
    None,
    /// Who sends the credential as `Authorization: Bearer …`.
    Bearer {
        /// The credential's name.
        credential: String,
    },
    /// Who sends the credential, `user:password`, as `Authorization: Basic …`.
    Basic {
        /// The credential's name.
        credential: String,
    },
    /// Who signs with the credential.
    Signed(Signature),
}

/// How requests are signed: HMAC with SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Where the signature stands and what is signed.
    pub scheme: SignatureScheme,
    /// The credential's name: the key.
    pub credential: String,
    /// How far a signed instant may be from now.
    pub tolerance: Duration,
}

/// Where a signature stands and what is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureScheme {
    /// `Stripe-Signature: t=…,v1=…` of `t.body`.
    Stripe,
    /// `X-Hub-Signature-256: sha256=…` of the body.
    Github,
    /// `X-Slack-Signature: v0=…` of `v0:timestamp:body`.
    Slack,
    /// A header of the body, or of `timestamp.body` when there is a timestamp.
    Generic {
        /// The header with the signature.
        header: String,
        /// What stands before the signature, such as `sha256=`.
        prefix: String,
        /// How the signature is written.
        encoding: SignatureEncoding,
        /// The header with the seconds since 1970 that are signed too.
        timestamp: Option<String>,
    },
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureEncoding {
    /// Hexadecimal digits.
    Hex,
    /// Base64.
    Base64,
}

/// What the caller of a webhook is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookAnswer {
    /// At once: the run's address.
    Accepted,
    /// The run's outputs, when it has ended.
    Outputs,
    /// What the first `respond` step says.
    Respond,
}

/// The node that answers the caller of a webhook.
pub const RESPOND: &str = "respond";
