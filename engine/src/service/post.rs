//! Brings messages of the inbox to the runs that this worker has.

use std::sync::Arc;
use std::time::Duration;

use super::Service;
use crate::executor::Shop;
use crate::store::cross_tenant::claim;
use crate::store::{self, Role, StoreError};

/// How often the inbox is read when nobody says that there is something in it.
const POLL: Duration = Duration::from_millis(500);

/// Starts the post loop.
pub(super) fn start(shop: Arc<Shop>) -> Service {
    Service::start("post", |stop| async move {
        loop {
            if !shop.runs().is_empty()
                && let Err(error) = deliver(&shop).await
            {
                tracing::warn!(%error, "the inbox could not be read");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = shop.post.notified() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
    })
}

/// A message is delivered until it is consumed; its run knows those it has.
async fn deliver(shop: &Shop) -> Result<(), StoreError> {
    let mut tx = store::begin(shop.engine.pool(), Role::EngineUnsynced).await?;
    let mail = claim::mail(&mut tx, shop.worker).await?;
    tx.rollback().await?;
    let runs = shop.runs();
    for message in mail {
        if let Some(slot) = runs.get(&(message.tenant, message.run)) {
            // A task that ends right now leaves the message to the next owner.
            let _ = slot.mail.send(message);
        }
    }
    Ok(())
}
