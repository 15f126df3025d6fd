//! Takes runs from workers that died, and looks for runs that must run alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::Service;
use crate::executor::Shop;
use crate::store::cross_tenant::{claim, rescue};
use crate::store::{self, Role, StoreError};

/// How often runs are looked for whose owner left no row behind.
const ORPHANS: Duration = Duration::from_secs(60);

/// Starts the rescue loop. A worker is dead after `dead_after` without a heartbeat.
pub(super) fn start(shop: Arc<Shop>, dead_after: Duration, alone: Arc<AtomicBool>) -> Service {
    let every = (dead_after / 10).max(Duration::from_millis(20));
    Service::start("rescue", move |stop| async move {
        let mut orphans = None;
        loop {
            let mut looked = look(&shop, dead_after, &alone).await;
            if looked.is_ok() && orphans.is_none_or(|at: Instant| at.elapsed() > ORPHANS) {
                orphans = Some(Instant::now());
                looked = adopt(&shop).await;
            }
            if let Err(error) = looked {
                tracing::warn!(%error, "dead workers could not be looked for");
            }
            if !super::pause(&stop, every).await {
                return;
            }
        }
    })
}

async fn look(shop: &Shop, dead_after: Duration, alone: &AtomicBool) -> Result<(), StoreError> {
    let mut tx = store::begin(shop.engine.pool(), Role::Engine).await?;
    let dead = rescue::lock_dead(&mut tx, dead_after.as_secs_f64()).await?;
    if let Some(dead) = dead {
        let runs = rescue::take_over(&mut tx, dead).await?;
        rescue::bury(&mut tx, dead).await?;
        store::commit!("rescue.commit", tx)?;
        tracing::warn!(worker = %dead, runs, "a worker is dead, its runs are ready again");
        shop.engine.wake();
        return Ok(());
    }
    if claim::any_alone(&mut tx, &shop.refused()).await? {
        alone.store(true, Ordering::Release);
        shop.engine.wake();
    }
    tx.rollback().await?;
    Ok(())
}

async fn adopt(shop: &Shop) -> Result<(), StoreError> {
    let mut tx = store::begin(shop.engine.pool(), Role::Engine).await?;
    if rescue::adopt_orphans(&mut tx).await? == 0 {
        tx.rollback().await?;
    } else {
        store::commit!("rescue.adopt.commit", tx)?;
        shop.engine.wake();
    }
    Ok(())
}
