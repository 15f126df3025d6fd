//! What a node does to the world, and so what the engine guarantees.

use serde::{Deserialize, Serialize};

/// What a step does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Computes from its inputs; may be recomputed after a crash.
    Pure,
    /// Reads the world; its result is durable before any later effect acts on it.
    Read,
    /// Writes this database, exactly once.
    Transaction,
    /// Changes the outside world: intent first, outcome after, one key.
    External(UnknownOutcome),
}

/// What an external step whose outcome nobody knows becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownOutcome {
    /// Done again with the same key: the service honours it.
    Repeat,
    /// The service is asked by key.
    LookUp,
    /// A person is asked; the step waits.
    Ask,
}
