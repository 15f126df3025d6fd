//! Makes partitions of history a week ahead and drops old ones.

use std::time::Duration;

use chrono::TimeDelta;

use super::Service;
use crate::engine::Engine;
use crate::store::cross_tenant::retention;
use crate::store::{self, Role, StoreError};

const DAYS_AHEAD: i32 = 7;
const EVERY: Duration = Duration::from_secs(3600);
/// When it is tried again if the database refused: two that wait for each
/// other's locks are told apart by refusing one.
const AGAIN: Duration = Duration::from_secs(2);
/// How long people see what a trigger could not do.
const FAULTS_KEPT: TimeDelta = TimeDelta::days(30);

/// How long an event is kept at least: a run that began before it may not be stored yet.
const EVENTS_KEPT: TimeDelta = TimeDelta::hours(1);

/// Starts the retention loop.
pub(super) fn start(engine: Engine) -> Service {
    Service::start("retention", |stop| async move {
        loop {
            let next = match keep(&engine).await {
                Ok(()) => EVERY,
                Err(error) => {
                    tracing::warn!(%error, "partitions of history could not be made");
                    AGAIN
                }
            };
            if !super::pause(&stop, next).await {
                return;
            }
        }
    })
}

async fn keep(engine: &Engine) -> Result<(), StoreError> {
    let now = engine.clock().now();
    let today = now.date_naive();
    let mut tx = store::begin(engine.pool(), Role::Engine).await?;
    retention::keep_history(&mut tx, today, DAYS_AHEAD).await?;
    retention::sweep_triggers(&mut tx, now, now - FAULTS_KEPT).await?;
    retention::sweep_debounced(&mut tx).await?;
    retention::sweep_events(&mut tx, now - EVENTS_KEPT).await?;
    store::commit!("retention.commit", tx)?;
    Ok(())
}
