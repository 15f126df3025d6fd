//! What reaches a run from outside: through its inbox.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::error::unhindered;
use super::{Answer, Engine, EngineError};
use crate::crypto::Kind;
use crate::ids::{RunId, TenantId};
use crate::node::{Heard, Wake};
use crate::run::{Place, place_of_path};
use crate::store::{self, Role};

/// A message to a run, sealed in its inbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Message {
    /// Stop.
    Cancel,
    /// Stop, says this person.
    CancelledBy(String),
    /// Stop: a newer run takes its place.
    Replaced,
    /// What became of an attempt.
    Answer {
        /// Of which step.
        place: Place,
        /// What became of it.
        answer: Answer,
    },
    /// What a step waits for has come.
    Wake {
        /// Which step.
        place: Place,
        /// Which attempt of it.
        attempt: u32,
        /// What has come.
        wake: Wake,
    },
    /// An event that a step waits for, or that ends the run.
    Event(Heard),
}

impl Engine {
    /// Asks a run to stop: pure and reading steps are aborted, an effect under
    /// way finishes, nothing else starts.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`], [`EngineError::Ended`].
    pub async fn cancel(&self, tenant: TenantId, run: RunId) -> Result<(), EngineError> {
        unhindered!(self.send(tenant, run, "cancel", &Message::Cancel))
    }

    /// The same in the name of a person, whom the run's error tells.
    ///
    /// # Errors
    /// As [`Self::cancel`].
    pub async fn cancel_by(
        &self,
        tenant: TenantId,
        run: RunId,
        name: &str,
    ) -> Result<(), EngineError> {
        let message = Message::CancelledBy(name.to_owned());
        unhindered!(self.send(tenant, run, "cancel", &message))
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
        let unasked = || EngineError::NoQuestion(step.to_owned());
        let place = place_of_path(step).ok_or_else(unasked)?;
        let question = place.to_string();
        let message = Message::Answer { place, answer };
        unhindered!(self.take_answer(tenant, run, &question, &message))
            .and_then(|taken| if taken { Ok(()) } else { Err(unasked()) })
    }

    /// Leaves the answer to a question; false when nothing is asked.
    async fn take_answer(
        &self,
        tenant: TenantId,
        run: RunId,
        question: &str,
        message: &Message,
    ) -> Result<bool, EngineError> {
        let mut tx = self.leave(tenant, run, "answer", message).await?;
        if !store::waits::take_question(&mut tx, tenant, run, question).await? {
            return Ok(false);
        }
        store::commit!("inbox.answer.commit", tx)?;
        self.announce();
        Ok(true)
    }

    /// When the first of a tenant's timers goes off, if all of its runs wait.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn next_timer(
        &self,
        tenant: TenantId,
    ) -> Result<Option<DateTime<Utc>>, EngineError> {
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        Ok(store::runs::next_timer(&mut tx, tenant).await?)
    }

    async fn send(
        &self,
        tenant: TenantId,
        run: RunId,
        kind: &str,
        message: &Message,
    ) -> Result<(), EngineError> {
        let tx = self.leave(tenant, run, kind, message).await?;
        store::commit!("inbox.commit", tx)?;
        self.announce();
        Ok(())
    }

    /// Leaves a message to a run, whose row the transaction then holds.
    async fn leave(
        &self,
        tenant: TenantId,
        run: RunId,
        kind: &str,
        message: &Message,
    ) -> Result<store::Db, EngineError> {
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
        Ok(tx)
    }
}
