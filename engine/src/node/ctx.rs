//! What a node is told about its attempt.

use std::fmt;
use std::sync::Mutex;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::Usage;
use super::{Condition, Conditions, NodeResult, Secret};
use crate::ids::{RunId, TenantId};

/// The key an outside service sees; the same for every attempt whose outcome is unknown.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdempotencyKey(pub String);

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// For who debugs the workflow.
    Debug,
    /// What happened.
    Info,
    /// What someone should look at.
    Warn,
}

/// One line that a node wrote about its attempt; stored with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// How much it matters.
    pub level: LogLevel,
    /// The text.
    pub message: String,
}

/// What a node is told about its attempt: whose, which, when, and with which key.
#[derive(Debug)]
pub struct Ctx {
    /// Whose data it is.
    pub tenant: TenantId,
    /// The run.
    pub run: RunId,
    /// The step, with the item of each loop around it: `pay[3].send`.
    pub step: String,
    /// 1 for the first try.
    pub attempt: u32,
    /// The instant of the attempt; for a `pure` node that of the run's last durable input.
    pub now: DateTime<Utc>,
    /// Stable over attempts whose outcome is unknown.
    pub key: IdempotencyKey,
    /// The secret that the step's `credential` names, or why there is none: see [`Self::credential`].
    pub credential: Option<NodeResult<Secret>>,
    /// Who started the run, when someone did.
    pub requester: Option<String>,
    /// Cancelled when the run is, or when the attempt's time is over.
    pub cancel: CancellationToken,
    /// What the step's conditions are evaluated with.
    pub conditions: Conditions,
    /// Lines written so far.
    pub log: Mutex<Vec<LogLine>>,
    /// Used so far.
    pub used: Mutex<Usage>,
}

impl Ctx {
    /// The secret that the step's `credential` names; none when it names none.
    ///
    /// # Errors
    /// When nobody has kept it.
    pub fn credential(&self) -> NodeResult<Option<&Secret>> {
        match &self.credential {
            None => Ok(None),
            Some(Ok(secret)) => Ok(Some(secret)),
            Some(Err(error)) => Err(error.clone()),
        }
    }

    /// Whether a condition of the config holds: in the step's scope, with more
    /// values such as `event`.
    ///
    /// # Errors
    /// When it reads what is not there, or does not give a boolean.
    pub fn test(
        &self,
        condition: &Condition,
        extra: impl IntoIterator<Item = (&'static str, Value)>,
    ) -> NodeResult<bool> {
        self.conditions.test(condition, extra)
    }

    /// Says what the attempt has used so far, whatever becomes of it.
    pub fn spend(&self, cost: Decimal, tokens: u64) {
        let mut used = (self.used.lock()).unwrap_or_else(std::sync::PoisonError::into_inner);
        *used = used.and(Usage {
            cost,
            tokens,
            millis: 0,
        });
    }

    /// Writes a line into the attempt's record.
    pub fn log(&self, level: LogLevel, message: impl fmt::Display) {
        let line = LogLine {
            level,
            message: message.to_string(),
        };
        self.log
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .push(line);
    }
}
