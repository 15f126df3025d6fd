//! Events that steps wait for.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The node that waits for an event.
pub const WAIT_EVENT: &str = "wait.event";

/// Which event a step waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaited {
    /// Its name.
    pub name: String,
    /// What it happened to; whatever it happened to, when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Not those up to this one: a step before has seen them. The engine says.
    #[serde(default)]
    pub after: i64,
}

impl Awaited {
    /// An event of this name, and of this key when there is one.
    pub fn new(name: impl Into<String>, key: Option<String>) -> Self {
        Self {
            name: name.into(),
            key,
            after: 0,
        }
    }

    /// Whether it is this one.
    #[must_use]
    pub fn is(&self, event: &Heard) -> bool {
        let of_key = || self.key.is_none() || self.key == event.key;
        event.name == self.name && event.position > self.after && of_key()
    }

    /// What it is found by.
    pub(crate) fn topic(&self) -> String {
        match &self.key {
            None => self.name.clone(),
            Some(key) => format!("{}:{}", self.name, key_digest(key)),
        }
    }
}

/// An event that has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Heard {
    /// Its name.
    pub name: String,
    /// What it happened to.
    pub key: Option<String>,
    /// Its id.
    pub id: Uuid,
    /// When it was published.
    pub at: DateTime<Utc>,
    /// Its number among those of its name: a later one has a higher one.
    pub position: i64,
    /// What it says.
    pub data: Value,
}

/// What stands for a key: it may name a person.
pub(crate) fn key_digest(key: &str) -> String {
    hex::encode(Sha256::digest(key))
}

/// The topics under which an event is waited for; `key` is a digest.
pub(crate) fn topics(name: &str, key: Option<&str>) -> Vec<String> {
    let of_key = key.map(|key| format!("{name}:{key}"));
    [name.to_owned()].into_iter().chain(of_key).collect()
}
