//! `budget`: a paid step begins only while it is not spent.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Shop;
use super::attempt::Done;
use super::flush::Acks;
use crate::ids::TenantId;
use crate::run::{Start, tenant_budget_spent};

const PAUSE: Duration = Duration::from_millis(200);

/// Makes a paid attempt, unless the tenant has spent the budget of the month;
/// what the run itself has used is counted by checkpoint `number`.
pub(super) fn within_budget(
    shop: Arc<Shop>,
    tenant: TenantId,
    (mut acks, number): (watch::Receiver<Acks>, u64),
    abort: CancellationToken,
    start: Start,
    attempt: BoxFuture<'static, Done>,
) -> BoxFuture<'static, Done> {
    Box::pin(async move {
        let asked = async {
            let counted = acks.wait_for(|acks| acks.flushed >= number || acks.lost.is_some());
            if !counted.await.is_ok_and(|acks| acks.flushed >= number) {
                return Err(());
            }
            loop {
                match shop.engine.budget_reached(tenant).await {
                    Ok(reached) => return Ok(reached),
                    Err(error) => tracing::warn!(%error, "what a budget leaves cannot be asked"),
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        let reached = tokio::select! {
            biased;
            () = abort.cancelled() => return Done::Aborted(start.key),
            reached = asked => reached,
        };
        match reached {
            Err(()) => Done::Lost,
            Ok(Some(spent)) => {
                let error = tenant_budget_spent(&start.path, spent);
                Done::Refused(Box::new(start), error)
            }
            Ok(None) => attempt.await,
        }
    })
}
