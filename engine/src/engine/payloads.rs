//! Values that are stored apart from the attempt that they belong to.

use chrono::NaiveDate;
use serde_json::Value;
use uuid::Uuid;

use super::{Engine, EngineError, RunView};
use crate::crypto::{DataKey, Kind};
use crate::ids::{RunId, TenantId};
use crate::run::Stored;
use crate::store::{self, Role};

impl Engine {
    /// An input or output of a run that is stored apart from its attempt.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`], [`EngineError::UnknownValue`].
    pub async fn value(
        &self,
        tenant: TenantId,
        run: RunId,
        id: Uuid,
    ) -> Result<Value, EngineError> {
        let key = self.data_key(tenant).await?;
        loop {
            let ended_on = self.end_of(tenant, run).await?;
            match self.open_payload(&key, tenant, run, id, ended_on).await {
                // It may have moved to history between the two.
                Err(EngineError::UnknownValue(_))
                    if self.end_of(tenant, run).await? != ended_on => {}
                found => return found,
            }
        }
    }

    /// A run as [`Self::run`] shows it, with all that is stored apart.
    ///
    /// # Errors
    /// As [`Self::value`].
    pub async fn whole_run(&self, tenant: TenantId, run: RunId) -> Result<RunView, EngineError> {
        let mut view = self.run(tenant, run).await?;
        for step in &mut view.steps {
            for attempt in &mut step.attempts {
                if let Some(payload) = attempt.apart.input.take() {
                    attempt.input = Some(self.value(tenant, run, payload.id).await?);
                }
                if let Some(payload) = attempt.apart.output.take() {
                    attempt.output = Some(self.value(tenant, run, payload.id).await?);
                }
            }
        }
        Ok(view)
    }

    /// The output of a record, read when it is stored apart.
    pub(super) async fn output_of(
        &self,
        key: &DataKey,
        (tenant, run): (TenantId, RunId),
        record: &Stored,
        ended_on: Option<NaiveDate>,
    ) -> Result<Value, EngineError> {
        match record.body.apart.output {
            Some(payload) => {
                self.open_payload(key, tenant, run, payload.id, ended_on)
                    .await
            }
            None => Ok(record.body.output.as_deref().cloned().unwrap_or_default()),
        }
    }

    /// A value of an open run, or of one that ended on `ended_on`.
    pub(crate) async fn open_payload(
        &self,
        key: &DataKey,
        tenant: TenantId,
        run: RunId,
        id: Uuid,
        ended_on: Option<NaiveDate>,
    ) -> Result<Value, EngineError> {
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        let sealed = store::payloads::get(&mut tx, tenant, run, id, ended_on).await?;
        drop(tx);
        let sealed = sealed.ok_or(EngineError::UnknownValue(id))?;
        let plain = key.open(tenant, Kind::Payload, id, &sealed)?;
        Ok(serde_json::from_slice(&plain)?)
    }

    async fn end_of(&self, tenant: TenantId, run: RunId) -> Result<Option<NaiveDate>, EngineError> {
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        let row = store::runs::get(&mut tx, tenant, run).await?;
        Ok(row.ok_or(EngineError::UnknownRun(run))?.ended_on)
    }
}
