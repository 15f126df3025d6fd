//! `rate_limit` of a step: each attempt waits for its time.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Shop;
use super::attempt::Done;
use crate::engine::{key_of, key_text};
use crate::graph::RateLimit;
use crate::ids::TenantId;
use crate::node::{NodeError, NodeResult};
use crate::run::{Key, Start};

const PAUSE: Duration = Duration::from_millis(200);

/// What holds an attempt back.
pub(super) struct Pace {
    pub tenant: TenantId,
    pub key: Uuid,
    pub most: usize,
    pub per: Duration,
}

impl Pace {
    /// The pace of a step's attempt; none when its key is null.
    pub(super) fn of(
        rate: &RateLimit,
        shop: &Shop,
        tenant: TenantId,
        workflow: &str,
        start: &Start,
    ) -> NodeResult<Option<Self>> {
        let key = match &rate.key {
            None => key_of("step", &format!("{workflow}/{}", start.step.id)),
            Some(template) => {
                let value = template
                    .render(shop.engine.sandbox(), &start.scope)
                    .map_err(|error| NodeError::fail(error.code, error))?;
                let text = key_text(value)
                    .map_err(|message| NodeError::fail("engine.bad_key", message))?;
                match text {
                    Some(text) => key_of("rate", &text),
                    None => return Ok(None),
                }
            }
        };
        Ok(Some(Self {
            tenant,
            key,
            most: usize::try_from(rate.limit.get()).unwrap_or(usize::MAX),
            per: rate.per,
        }))
    }

    /// Waits for the attempt's time, then makes it. It is given its time once
    /// and for all: what is aborted leaves a gap.
    pub(super) fn then(
        self,
        shop: Arc<Shop>,
        abort: CancellationToken,
        key: Key,
        attempt: BoxFuture<'static, Done>,
    ) -> BoxFuture<'static, Done> {
        Box::pin(async move {
            let wait = async {
                let at = loop {
                    match (shop.engine)
                        .next_start(self.tenant, self.key, self.most, self.per)
                        .await
                    {
                        Ok(at) => break at,
                        Err(error) => tracing::warn!(%error, "no time could be given to a step"),
                    }
                    tokio::time::sleep(PAUSE).await;
                };
                shop.engine.clock().sleep_until(at).await;
            };
            tokio::select! {
                biased;
                () = abort.cancelled() => return Done::Aborted(key),
                () = wait => {}
            }
            attempt.await
        })
    }
}
