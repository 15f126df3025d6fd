//! Events: published with a commit, heard by triggers and waiting steps.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Engine, EngineError};
use crate::crypto::Kind;
use crate::ids::{RunId, TenantId};
use crate::store::outbox::NewEvent;
use crate::store::{self, Connection, Role};
use crate::text;
use crate::text::Text;

/// The most an event says, as JSON.
const LARGEST_EVENT: usize = 256 << 10;
/// Longest key of an event, bytes: it is indexed.
const LONGEST_KEY: usize = 256;
/// Longest name of an event.
const LONGEST_NAME: usize = 100;

/// Something that happened, for whoever listens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What happened: words with dots between, such as `bank.synced`.
    pub name: String,
    /// What it happened to; steps wait for events of one key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What there is to say: `event` in expressions.
    #[serde(default)]
    pub data: Map<String, Value>,
}

/// What is sealed of an event.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EventBody {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub key: Option<String>,
    pub data: Value,
    /// The run that published it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<RunId>,
}

impl Event {
    /// An event without key and data.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            key: None,
            data: Map::new(),
        }
    }

    /// About this key.
    #[must_use]
    pub fn key(self, key: impl Into<String>) -> Self {
        Self {
            key: Some(key.into()),
            ..self
        }
    }

    /// Saying this too.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.data.insert(name.into(), value.into());
        self
    }

    fn check(&self) -> Result<(), EngineError> {
        let refused = |why: Text| Err(EngineError::BadEvent(why));
        let words = self.name.split('.').all(crate::language::fields::is_id);
        if !words || self.name.len() > LONGEST_NAME {
            return refused(text!(
                "`{name}` is no name of an event: write words of a-z, 0-9 and _ with dots between",
                name = &self.name
            ));
        }
        if let Some(key) = &self.key
            && (key.len() > LONGEST_KEY || key.contains('\0'))
        {
            return refused(text!(
                "its key must be at most {most} bytes without a null character",
                most = LONGEST_KEY
            ));
        }
        Ok(())
    }
}

impl Engine {
    /// Publishes an event; it is committed when this returns. Gives its id.
    ///
    /// # Errors
    /// [`EngineError::BadEvent`].
    pub async fn emit(&self, tenant: TenantId, event: &Event) -> Result<Uuid, EngineError> {
        // Outside of the transaction: one connection a caller is enough.
        self.data_key(tenant).await?;
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        let id = self.emit_on(&mut tx, tenant, event, None).await?;
        store::commit!("outbox.emit.commit", tx)?;
        self.announce_events();
        Ok(id)
    }

    pub(crate) async fn emit_on(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        event: &Event,
        origin: Option<RunId>,
    ) -> Result<Uuid, EngineError> {
        event.check()?;
        let body = EventBody {
            name: event.name.clone(),
            key: event.key.clone(),
            data: Value::Object(event.data.clone()),
            origin,
        };
        let plain = serde_json::to_vec(&body)?;
        if plain.len() > LARGEST_EVENT {
            return Err(EngineError::BadEvent(text!(
                "it says more than {most} bytes",
                most = LARGEST_EVENT
            )));
        }
        let now = self.clock().now();
        let id = RunId::new(now).0;
        let key = self.data_key(tenant).await?;
        let data = key.seal(tenant, Kind::Event, id, &plain);
        let event = NewEvent {
            tenant,
            id,
            name: &event.name,
            key: event.key.as_deref(),
            emitted_at: now,
            data: &data,
        };
        store::outbox::insert(connection, event).await?;
        Ok(id)
    }
}
