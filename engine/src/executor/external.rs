//! Effects on the outside world: intent durable first, outcome after, one key.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::Value;

use super::attempt::{Attempt, Done, caught, timed_out, within};
use crate::node::{ErrorKind, LookUp, NodeError, Plain};
use crate::store::{self, DbError, Role};

const PAUSE: Duration = Duration::from_millis(200);

impl Attempt {
    /// Waits until its intent, which is in checkpoint `number`, is durable,
    /// then acts. From there on nothing aborts it; a time that is over, a
    /// panic or a cut connection is an unknown outcome.
    pub(super) fn external(
        mut self,
        node: Arc<dyn Plain>,
        number: u64,
    ) -> BoxFuture<'static, Done> {
        Box::pin(async move {
            if !self.is_flushed(number).await {
                return Done::Lost;
            }
            if !self.may_act().await {
                return Done::Lost;
            }
            if self.abort.is_cancelled() {
                return Done::Aborted(self.start.key);
            }
            self.unseal().await;
            fail::fail_point!("external.act:before");
            let run = node.run(&self.ctx, Value::clone(&self.input));
            let answer = within(self.start.step.timeout, &self.shop, caught(run)).await;
            fail::fail_point!("external.act:after");
            let result = match answer {
                Some(Ok(result)) => result,
                Some(Err(panicked)) => Err(unknown(panicked)),
                None => {
                    self.ctx.cancel.cancel();
                    Err(unknown(timed_out(&self.start)))
                }
            };
            self.done(result)
        })
    }

    /// Waits until an effect may start; false when the run has another owner.
    ///
    /// A worker that was taken for dead asks first: its intent may be durable
    /// since before, and the run another's by now.
    async fn may_act(&self) -> bool {
        loop {
            let lost = self.shop.lease.fresh().await;
            if lost == 0 {
                return true;
            }
            match self.is_owned().await {
                Ok(true) if self.shop.lease.is_fresh(lost) => return true,
                Ok(true) => {}
                Ok(false) => return false,
                Err(error) => {
                    tracing::warn!(%error, "whose run it is cannot be asked");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn is_owned(&self) -> Result<bool, DbError> {
        let fence = self.buffer().fence();
        let mut db = store::begin(self.shop.engine.pool(), Role::Tenant(self.tenant)).await?;
        let owned = store::steps::lock(&mut db, fence).await?;
        db.rollback().await?;
        Ok(owned)
    }

    /// Asks the service what became of the attempt.
    pub(super) fn look_up(mut self, node: Arc<dyn Plain>) -> BoxFuture<'static, Done> {
        Box::pin(async move {
            self.unseal().await;
            let asked = node.look_up(&self.ctx, Value::clone(&self.input));
            let answer = within(self.start.step.timeout, &self.shop, caught(asked)).await;
            let result = match answer {
                Some(Ok(Ok(LookUp::Absent))) => return Done::Absent(self.start.key),
                Some(Ok(Ok(LookUp::Done(output)))) => Ok(output),
                // Whatever goes wrong with the question, the outcome stays unknown.
                Some(Ok(Err(error)) | Err(error)) => Err(unknown(error)),
                None => Err(unknown(timed_out(&self.start))),
            };
            self.done(result)
        })
    }

    /// Whether this checkpoint of the run became durable; false when the run is lost.
    pub(super) async fn is_flushed(&self, number: u64) -> bool {
        let mut acks = self.buffer().acks();
        let acks = acks
            .wait_for(|acks| acks.flushed >= number || acks.lost.is_some())
            .await;
        acks.is_ok_and(|acks| acks.flushed >= number)
    }
}

fn unknown(error: NodeError) -> NodeError {
    NodeError {
        kind: ErrorKind::Unknown,
        ..error
    }
}
