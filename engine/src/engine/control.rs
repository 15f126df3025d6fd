//! What reaches a run from outside: through its inbox.

use serde::{Deserialize, Serialize};

use super::{Answer, Engine, EngineError};
use crate::crypto::Kind;
use crate::ids::{RunId, TenantId};
use crate::run::{Place, StepStatus, place_of_path};
use crate::store::{self, Role};

/// A message to a run, sealed in its inbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Message {
    /// Stop.
    Cancel,
    /// What became of an attempt.
    Answer {
        /// Of which step.
        place: Place,
        /// What became of it.
        answer: Answer,
    },
}

impl Engine {
    /// Asks a run to stop: pure and reading steps are aborted, an effect under
    /// way finishes, nothing else starts.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`], [`EngineError::Ended`].
    pub async fn cancel(&self, tenant: TenantId, run: RunId) -> Result<(), EngineError> {
        self.send(tenant, run, "cancel", &Message::Cancel).await
    }

    /// Says what became of an attempt whose outcome is unknown. `step` is the
    /// path that [`super::RunView`] shows: `send`, or `pay[3].send` in a loop.
    ///
    /// # Errors
    /// [`EngineError::NoQuestion`] when the step waits for no answer.
    pub async fn answer(
        &self,
        tenant: TenantId,
        run: RunId,
        step: &str,
        answer: Answer,
    ) -> Result<(), EngineError> {
        let view = self.run(tenant, run).await?;
        if view.status.is_final() {
            return Err(EngineError::Ended(run));
        }
        let asks = view.steps.iter().any(|known| {
            known.path == step
                && known.status == StepStatus::Waiting
                && known.attempts.last().is_some()
        });
        let place = place_of_path(step)
            .filter(|_| asks)
            .ok_or_else(|| EngineError::NoQuestion(step.to_owned()))?;
        let message = Message::Answer { place, answer };
        self.send(tenant, run, "answer", &message).await
    }

    async fn send(
        &self,
        tenant: TenantId,
        run: RunId,
        kind: &str,
        message: &Message,
    ) -> Result<(), EngineError> {
        let key = self.data_key(tenant).await?;
        let plain = serde_json::to_vec(message)?;
        let data = key.seal(tenant, Kind::Inbox, run.0, &plain);
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        let now = self.clock().now();
        if !store::inbox::insert(&mut tx, tenant, run, kind, now, &data).await? {
            return Err(match store::runs::get(&mut tx, tenant, run).await? {
                Some(_) => EngineError::Ended(run),
                None => EngineError::UnknownRun(run),
            });
        }
        store::commit!("inbox.commit", tx)?;
        self.announce();
        Ok(())
    }
}
