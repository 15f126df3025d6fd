//! What the keywords of load say of a run that starts.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Engine, EngineError, Version};
use crate::expr::{Scope, Template};
use crate::graph::{self, CancelOn, Policy, Retention};
use crate::ids::TenantId;
use crate::node::Awaited;
use crate::store::cross_tenant::checkpoint::{Load, NewPace, NewSlot};
use crate::store::{self, Role};
use crate::text;
use crate::text::Text;

impl Engine {
    /// `priority`.
    pub(super) fn priority(&self, version: &Version, scope: &Scope) -> Result<i16, EngineError> {
        let Some(template) = &version.plan.priority else {
            return Ok(0);
        };
        let value = self.rendered("priority", template, scope)?;
        graph::priority(&value).ok_or_else(|| {
            let most = graph::HIGHEST_PRIORITY;
            let value = value.to_string();
            bad(
                "priority",
                text!(
                    "{value} is no whole number from -{most} to {most}",
                    value,
                    most
                ),
            )
        })
    }

    /// All but `priority`; none when nothing holds the run back.
    pub(super) fn load(
        &self,
        version: &Version,
        scope: &Scope,
        now: DateTime<Utc>,
    ) -> Result<Option<Box<Load>>, EngineError> {
        let plan = &version.plan;
        let plain = plan.concurrency.is_none()
            && plan.rate_limit.is_none()
            && plan.debounce.is_none()
            && plan.retention == Retention::Standard;
        if plain {
            return Ok(None);
        }
        let debounce = self.debounce(version, scope)?;
        Ok(Some(Box::new(Load {
            slot: self.slot(version, scope)?,
            pace: self.pace(version, scope)?,
            debounce: debounce.map(|(key, _)| key),
            due_at: debounce.map(|(_, window)| now + window),
            retention: plan.retention,
        })))
    }

    /// `cancel_on`; none when the workflow has none, or its key is null.
    pub(crate) fn cancel_on(
        &self,
        version: &Version,
        scope: &Scope,
    ) -> Result<Option<Awaited>, EngineError> {
        let Some(CancelOn { event, key }) = &version.plan.cancel_on else {
            return Ok(None);
        };
        let key = match key {
            None => None,
            Some(template) => match self.key("cancel_on", template, scope)? {
                None => return Ok(None),
                key => key,
            },
        };
        Ok(Some(Awaited::new(event.clone(), key)))
    }

    /// `concurrency`; none when the workflow has none, or its key is null.
    fn slot(&self, version: &Version, scope: &Scope) -> Result<Option<NewSlot>, EngineError> {
        let Some(concurrency) = &version.plan.concurrency else {
            return Ok(None);
        };
        let key = match &concurrency.key {
            None => key_of("workflow", &version.workflow),
            Some(template) => match self.key("concurrency", template, scope)? {
                Some(text) => key_of("key", &text),
                None => return Ok(None),
            },
        };
        Ok(Some(NewSlot {
            key,
            capacity: i32::try_from(concurrency.limit.get()).unwrap_or(i32::MAX),
            policy: concurrency.policy.as_str(),
            hold: concurrency.hold,
        }))
    }

    /// Refuses a run that would be dropped as things stand, while someone is there to be told.
    pub(super) async fn drop_at_the_door(
        &self,
        tenant: TenantId,
        version: &Version,
        load: &Load,
    ) -> Result<(), EngineError> {
        let Some(slot) = load.slot.filter(|it| it.policy == Policy::Drop.as_str()) else {
            return Ok(());
        };
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        if store::runs::taken(&mut tx, tenant, slot.key).await? >= slot.capacity {
            return Err(EngineError::Dropped(version.workflow.clone()));
        }
        Ok(())
    }

    fn rendered(
        &self,
        keyword: &'static str,
        template: &Template,
        scope: &Scope,
    ) -> Result<Value, EngineError> {
        template
            .render(self.sandbox(), scope)
            .map_err(|error| bad(keyword, error.into()))
    }

    /// The text of a key; none when it is null.
    fn key(
        &self,
        keyword: &'static str,
        template: &Template,
        scope: &Scope,
    ) -> Result<Option<String>, EngineError> {
        let value = self.rendered(keyword, template, scope)?;
        key_text(value).map_err(|message| bad(keyword, message))
    }

    /// `rate_limit` of starts.
    fn pace(&self, version: &Version, scope: &Scope) -> Result<Option<NewPace>, EngineError> {
        let Some(rate) = &version.plan.rate_limit else {
            return Ok(None);
        };
        let key = match &rate.key {
            None => key_of("starts", &version.workflow),
            Some(template) => match self.key("rate_limit", template, scope)? {
                Some(text) => key_of("rate", &text),
                None => return Ok(None),
            },
        };
        Ok(Some(NewPace {
            key,
            most: i32::try_from(rate.limit.get()).unwrap_or(i32::MAX),
            per_us: i64::try_from(rate.per.as_micros()).unwrap_or(i64::MAX),
        }))
    }

    /// `debounce`: its key, and how long nothing newer must come.
    fn debounce(
        &self,
        version: &Version,
        scope: &Scope,
    ) -> Result<Option<(Uuid, Duration)>, EngineError> {
        let Some(debounce) = &version.plan.debounce else {
            return Ok(None);
        };
        let text = match &debounce.key {
            None => String::new(),
            Some(template) => match self.key("debounce", template, scope)? {
                Some(text) => text,
                None => return Ok(None),
            },
        };
        let key = key_of("debounce", &format!("{}/{text}", version.workflow));
        Ok(Some((key, debounce.window)))
    }

    /// Gives the next start of a key its time.
    pub(crate) async fn next_start(
        &self,
        tenant: TenantId,
        key: Uuid,
        most: usize,
        per: Duration,
    ) -> Result<DateTime<Utc>, EngineError> {
        let now = self.clock().now();
        let per = i64::try_from(per.as_micros()).unwrap_or(i64::MAX);
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        let starts = store::pace::lock_rate(&mut tx, tenant, key).await?;
        let (at, starts) = graph::next_start(starts, most, per, now.timestamp_micros());
        store::pace::set_rate(&mut tx, tenant, key, &starts).await?;
        store::commit!("pace.commit", tx)?;
        Ok(DateTime::from_timestamp_micros(at).unwrap_or(now))
    }
}

/// The text of a key; none when it is null.
///
/// # Errors
/// When it is a list or an object.
pub(crate) fn key_text(value: Value) -> Result<Option<String>, Text> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        value @ (Value::Bool(_) | Value::Number(_)) => Ok(Some(value.to_string())),
        Value::Array(_) | Value::Object(_) => Err(text!("its key must be a text or a number")),
    }
}

const fn bad(keyword: &'static str, message: Text) -> EngineError {
    EngineError::BadKeyword { keyword, message }
}

/// A key as it is stored: of one size, and telling nothing.
pub(crate) fn key_of(kind: &str, text: &str) -> Uuid {
    let digest = Sha256::new()
        .chain_update(kind)
        .chain_update([0])
        .chain_update(text)
        .finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Uuid::from_bytes(bytes)
}
