//! From what happened to a run: filter, inputs, key.

mod auth;
mod delivery;
mod dispatch;
mod hear;
mod schedule;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

pub(crate) use auth::permits;
pub use delivery::Delivery;
pub(crate) use dispatch::{Stuck, dispatch, set_aside};
pub(crate) use schedule::{Looked, look};

use crate::engine::{
    Engine, EngineError, Once, StartRun, Started, TriggerFault, Version, seal_fault,
};
use crate::expr::{ExprError, Scope};
use crate::graph::Trigger;
use crate::ids::TenantId;
use crate::store::{self, Connection};
use crate::text::Text;

/// What a trigger heard.
#[derive(Clone, Debug)]
pub(crate) struct Occasion {
    /// `event` in its expressions.
    pub event: Value,
    /// What else `trigger` says in its expressions.
    pub about: Map<String, Value>,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// By what it happens once, when the trigger's own expression gives nothing.
    pub key: Option<String>,
}

/// What a trigger made of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fired {
    /// A run; or the one that an earlier occasion of the same key has made.
    Run(Started),
    /// Its filter said no.
    Filtered,
    /// Its filter or its values failed: a fault is kept for people to see.
    Faulty,
}

impl Engine {
    /// Starts what a trigger starts, in the transaction that takes its occasion
    /// away. What is wrong with the trigger is kept as a fault; only what keeps
    /// the database from doing it is an error.
    pub(crate) async fn fire(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        version: &Version,
        trigger: &Trigger,
        occasion: &Occasion,
    ) -> Result<Fired, EngineError> {
        let (code, message) = match self.wanted(tenant, version, trigger, occasion) {
            Ok(None) => return Ok(Fired::Filtered),
            Ok(Some(run)) => match self.start_on(connection, tenant, &run).await {
                Ok(started) => return Ok(Fired::Run(started)),
                Err(
                    error @ (EngineError::BadInputs(_)
                    | EngineError::BadLabel { .. }
                    | EngineError::BadKeyword { .. }
                    | EngineError::InputTooLarge { .. }),
                ) => (error.code().to_owned(), Text::from(&error)),
                Err(error) => return Err(error),
            },
            Err(error) => (error.code.to_owned(), Text::from(&error)),
        };
        tracing::warn!(%tenant, workflow = version.workflow, trigger = trigger.name, code, "a trigger failed");
        let fault = TriggerFault {
            workflow: version.workflow.clone(),
            trigger: trigger.name.clone(),
            at: self.clock().now(),
            code,
            message,
            event: occasion.event.clone(),
        };
        self.keep_fault(connection, tenant, &fault).await?;
        Ok(Fired::Faulty)
    }

    /// Keeps a fault for people to see.
    pub(crate) async fn keep_fault(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        fault: &TriggerFault,
    ) -> Result<(), EngineError> {
        let key = self.data_key(tenant).await?;
        let row = seal_fault(&key, tenant, fault);
        store::trigger_faults::insert(connection, tenant, &row).await?;
        Ok(())
    }

    /// The run that a trigger wants; none when its filter says no.
    pub(crate) fn wanted(
        &self,
        tenant: TenantId,
        version: &Version,
        trigger: &Trigger,
        occasion: &Occasion,
    ) -> Result<Option<StartRun>, ExprError> {
        let at = occasion.at.to_rfc3339();
        let mut about = occasion.about.clone();
        about.insert("name".to_owned(), trigger.name.as_str().into());
        about.insert("kind".to_owned(), trigger.kind.name().into());
        about.insert("at".to_owned(), at.as_str().into());
        let event = occasion.event.clone();
        let scope = Scope::of_trigger(&tenant.to_string(), at, event, about.into());
        let sandbox = self.sandbox();
        if let Some(filter) = &trigger.filter
            && !filter.test(sandbox, &scope)?
        {
            return Ok(None);
        }
        let own = match &trigger.dedup {
            None => None,
            Some(dedup) => match dedup.eval(sandbox, &scope)? {
                Value::Null => None,
                Value::String(text) => Some(text),
                other => Some(other.to_string()),
            },
        };
        let run = StartRun::new(&version.workflow, trigger.start.render(sandbox, &scope)?)
            .version(version.id);
        Ok(Some(match own.or_else(|| occasion.key.clone()) {
            None => run,
            Some(key) => run.once(Once {
                trigger: trigger.name.clone(),
                key,
                kept_for: trigger.dedup_for,
            }),
        }))
    }
}
