//! Triggers of a tenant: what listens, and what went wrong.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Engine, EngineError};
use crate::crypto::{DataKey, Kind};
use crate::graph::{Plan, TriggerKind};
use crate::ids::{RunId, TenantId, VersionId};
use crate::store::schedules::NewSchedule;
use crate::store::trigger_faults::FaultRow;
use crate::store::triggers::{NewTriggers, Stage};
use crate::store::{self, Connection, Role, StoreError};
use crate::text::Text;

/// A fault that is larger is kept without what the trigger had heard.
const LARGEST_FAULT: usize = 64 << 10;

/// A trigger that listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TriggerView {
    /// The workflow it starts.
    pub workflow: String,
    /// Its name in the workflow's file.
    pub name: String,
    /// `event`, `failure_of`, `schedule`, `webhook`.
    pub kind: String,
    /// What it listens for.
    pub subject: String,
    /// The next instant of a schedule.
    pub due_at: Option<DateTime<Utc>>,
}

/// What a trigger could not do: no run was made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TriggerFault {
    /// The workflow it would have started; empty when no trigger came to it.
    pub workflow: String,
    /// Its name in the workflow's file.
    pub trigger: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Stable code, `subject.what_happened`.
    pub code: String,
    /// One sentence for a person.
    pub message: Text,
    /// What it had heard; nothing when that was very large.
    pub event: Value,
}

#[derive(Serialize, Deserialize)]
struct FaultBody {
    message: Text,
    event: Value,
}

/// A fault as it is stored.
pub(crate) fn seal_fault(key: &DataKey, tenant: TenantId, fault: &TriggerFault) -> FaultRow {
    let id = RunId::new(fault.at).0;
    let mut body = FaultBody {
        message: fault.message.clone(),
        event: fault.event.clone(),
    };
    let mut plain = serde_json::to_vec(&body).unwrap_or_default();
    if plain.len() > LARGEST_FAULT {
        body.event = Value::Null;
        plain = serde_json::to_vec(&body).unwrap_or_default();
    }
    FaultRow {
        id,
        workflow: fault.workflow.clone(),
        trigger: fault.trigger.clone(),
        happened_at: fault.at,
        code: fault.code.clone(),
        data: key.seal(tenant, Kind::Fault, id, &plain),
    }
}

/// An address of a webhook that another workflow has.
fn taken(error: StoreError, new: &NewTriggers) -> EngineError {
    if !error.breaks("triggers_webhooks_have_one_owner") {
        return error.into();
    }
    let addresses = new.kinds.iter().zip(&new.subjects);
    let webhooks = addresses.filter(|(kind, _)| *kind == "webhook");
    EngineError::AddressTaken(webhooks.map(|(_, subject)| subject.clone()).collect())
}

impl Engine {
    /// The published triggers of a tenant, by workflow and name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn triggers(&self, tenant: TenantId) -> Result<Vec<TriggerView>, EngineError> {
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        let rows = store::triggers::list(&mut tx, tenant).await?;
        let due = store::schedules::due(&mut tx, tenant).await?;
        let views = rows.into_iter().map(|row| TriggerView {
            due_at: due
                .iter()
                .find(|(workflow, name, _)| *workflow == row.workflow && *name == row.name)
                .map(|(_, _, at)| *at),
            workflow: row.workflow,
            name: row.name,
            kind: row.kind,
            subject: row.subject,
        });
        Ok(views.collect())
    }

    /// What the triggers of a tenant could not do lately, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn trigger_faults(
        &self,
        tenant: TenantId,
        limit: u32,
    ) -> Result<Vec<TriggerFault>, EngineError> {
        let key = self.data_key(tenant).await?;
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        let rows = store::trigger_faults::list(&mut tx, tenant, i64::from(limit)).await?;
        let mut faults = Vec::with_capacity(rows.len());
        for row in rows {
            let plain = key.open(tenant, Kind::Fault, row.id, &row.data)?;
            let body: FaultBody = serde_json::from_slice(&plain)?;
            faults.push(TriggerFault {
                workflow: row.workflow,
                trigger: row.trigger,
                at: row.happened_at,
                code: row.code,
                message: body.message,
                event: body.event,
            });
        }
        Ok(faults)
    }

    /// From now on, this version's triggers are those of its workflow's stage.
    pub(super) async fn listen(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        version: VersionId,
        plan: &Plan,
        stage: Stage,
    ) -> Result<(), EngineError> {
        let mut new = NewTriggers::default();
        for trigger in &plan.triggers {
            for subject in trigger.kind.subjects() {
                new.names.push(trigger.name.clone());
                new.kinds.push(trigger.kind.name().to_owned());
                new.subjects.push(subject);
            }
        }
        store::triggers::clear(connection, tenant, &plan.name, stage).await?;
        if !new.names.is_empty() {
            let workflow = &plan.name;
            store::triggers::insert(connection, tenant, workflow, stage, version, &new)
                .await
                .map_err(|error| taken(error.into(), &new))?;
        }
        if stage == Stage::Published {
            self.set_schedules(connection, tenant, version, plan)
                .await?;
        }
        Ok(())
    }

    async fn set_schedules(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        version: VersionId,
        plan: &Plan,
    ) -> Result<(), EngineError> {
        let mut names = Vec::new();
        for trigger in &plan.triggers {
            let TriggerKind::Schedule(schedule) = &trigger.kind else {
                continue;
            };
            let Some(due_at) = schedule.cron.next(self.clock().now()) else {
                continue;
            };
            let new = NewSchedule {
                workflow: &plan.name,
                name: &trigger.name,
                version,
                spec: &schedule.cron.to_string(),
                due_at,
            };
            store::schedules::upsert(connection, tenant, &new).await?;
            names.push(trigger.name.clone());
        }
        store::schedules::keep_only(connection, tenant, &plan.name, &names).await?;
        Ok(())
    }
}
