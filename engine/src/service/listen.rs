//! Hears that something may be ready. A notification only shortens a poll.

use std::sync::Arc;
use std::time::Duration;

use super::Service;
use crate::engine::{EVENTS_CHANNEL, READY_CHANNEL};
use crate::executor::Shop;
use crate::store::{DbError, Ear};

const PAUSE: Duration = Duration::from_secs(1);

/// Starts the listen loop.
pub(super) fn start(shop: Arc<Shop>) -> Service {
    Service::start("listen", |stop| async move {
        loop {
            let heard = async {
                let mut ear =
                    Ear::open(shop.engine.pool(), &[READY_CHANNEL, EVENTS_CHANNEL]).await?;
                loop {
                    let channel = ear.hear().await?;
                    if channel.as_deref() != Some(READY_CHANNEL) {
                        shop.engine.wake_outbox();
                    }
                    if channel.as_deref() != Some(EVENTS_CHANNEL) {
                        shop.engine.wake();
                        shop.post.notify_one();
                    }
                }
            };
            let ended: Result<(), DbError> = tokio::select! {
                () = stop.cancelled() => return,
                ended = heard => ended,
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "notifications are not heard: polls go on");
            }
            if !super::pause(&stop, PAUSE).await {
                return;
            }
        }
    })
}
