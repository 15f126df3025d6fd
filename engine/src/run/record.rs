//! What is kept of an attempt.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Key, Place, StepStatus, Taken};
use crate::node::{IdempotencyKey, LogLine, NodeError, Usage, Wait};

/// What is kept of an attempt: one row, or a part of one inside loops.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// Where.
    #[serde(skip)]
    pub key: Key,
    /// Where, for the store.
    pub place: Place,
    /// 1 for the first; 0 for the decision to begin, where it has to be kept.
    pub attempt: u32,
    /// How it stands.
    pub status: StepStatus,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// The rest, sealed.
    pub body: Body,
}

/// The sealed part of a record.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Body {
    /// The rendered `with`.
    #[serde(default, with = "shared", skip_serializing_if = "Option::is_none")]
    pub input: Option<Arc<Value>>,
    /// What it gave.
    #[serde(default, with = "shared", skip_serializing_if = "Option::is_none")]
    pub output: Option<Arc<Value>>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<NodeError>,
    /// What the node wrote.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<LogLine>,
    /// The key of an external effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<IdempotencyKey>,
    /// Definite failures before: the generation of the key.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub generation: u32,
    /// Unknown outcomes so far.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unknowns: u32,
    /// When it is tried again; an attempt without it is the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<DateTime<Utc>>,
    /// What it waits for, or waited for last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,
    /// When it was last woken: what the run took for `now` from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub woken_at: Option<DateTime<Utc>>,
    /// The needs that a join was decided by; only in the record of attempt 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joined: Vec<String>,
    /// Where it comes from, when this run did not come to it itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken: Option<Taken>,
    /// What it used, when its node is paid.
    #[serde(default, skip_serializing_if = "Usage::is_nothing")]
    pub usage: Usage,
    /// The items of a loop.
    #[serde(default, with = "shared", skip_serializing_if = "Option::is_none")]
    pub items: Option<Arc<Value>>,
    /// Values that are stored apart: they are above where they were read.
    #[serde(default, skip_serializing_if = "Apart::is_empty")]
    pub apart: Apart,
}

/// A value that is stored apart from its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// Its id.
    pub id: Uuid,
    /// Its length as JSON.
    pub bytes: usize,
}

/// Values of a record that are stored apart from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Apart {
    /// The rendered `with`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Payload>,
    /// What it gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Payload>,
}

impl Apart {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.input.is_none() && self.output.is_none()
    }

    /// Those there are.
    pub fn all(&self) -> impl Iterator<Item = Payload> {
        self.input.into_iter().chain(self.output)
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the shape that serde asks for"
)]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// Whether the JSON text of a value is at most `limit` bytes.
pub(crate) fn fits(value: &Value, limit: usize) -> bool {
    length(value, limit).is_some()
}

/// The bytes of a value's JSON text; stops counting when it is more than `limit`.
pub(crate) fn length(value: &Value, limit: usize) -> Option<usize> {
    struct Budget(usize);
    impl std::io::Write for Budget {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            match self.0.checked_sub(bytes.len()) {
                Some(left) => self.0 = left,
                None => return Err(std::io::ErrorKind::FileTooLarge.into()),
            }
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut budget = Budget(limit);
    serde_json::to_writer(&mut budget, value).ok()?;
    Some(limit - budget.0)
}

/// `Option<Arc<Value>>` as its value.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::Value;

    pub fn serialize<S: Serializer>(
        value: &Option<Arc<Value>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_deref().serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Arc<Value>>, D::Error> {
        Ok(Option::<Value>::deserialize(deserializer)?.map(Arc::new))
    }
}
