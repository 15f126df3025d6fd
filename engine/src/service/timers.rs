//! Makes waiting runs ready whose time has come.

use std::time::Duration;

use super::Service;
use crate::engine::Engine;
use crate::store::cross_tenant::timers;
use crate::store::{self, Role, StoreError};

const POLL: Duration = Duration::from_millis(100);
const BATCH: i64 = 500;

/// Starts the timer loop.
pub(super) fn start(engine: Engine) -> Service {
    Service::start("timers", |stop| async move {
        loop {
            match fire(&engine).await {
                Ok(0) => {}
                Ok(fired) => {
                    engine.wake();
                    if fired == BATCH {
                        continue;
                    }
                }
                Err(error) => tracing::warn!(%error, "timers could not be read"),
            }
            if !super::pause(&stop, POLL).await {
                return;
            }
        }
    })
}

async fn fire(engine: &Engine) -> Result<i64, StoreError> {
    let mut tx = store::begin(engine.pool(), Role::Engine).await?;
    let fired = timers::fire(&mut tx, engine.clock().now(), BATCH).await?;
    if fired == 0 {
        tx.rollback().await?;
    } else {
        store::commit!("timers.fire.commit", tx)?;
    }
    Ok(fired)
}
