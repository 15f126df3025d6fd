//! Starts what schedules are due.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::Service;
use crate::engine::Engine;
use crate::trigger::{Looked, look};

const POLL: Duration = Duration::from_millis(500);
/// How long schedules are left to workers that have their nodes.
const LEFT_FOR: Duration = Duration::from_secs(30);

/// Starts the loop of schedules.
pub(super) fn start(engine: Engine) -> Service {
    Service::start("schedules", |stop| async move {
        let mut refused: Vec<(Uuid, Instant)> = Vec::new();
        loop {
            refused.retain(|(_, since)| since.elapsed() < LEFT_FOR);
            let versions: Vec<Uuid> = refused.iter().map(|(version, _)| *version).collect();
            let more = match look(&engine, &versions).await {
                Ok(Some(Looked::Done)) => true,
                Ok(Some(Looked::Refused(version))) => {
                    tracing::info!(%version, "a schedule is left to a worker that has its nodes");
                    refused.push((version.0, Instant::now()));
                    true
                }
                Ok(None) => false,
                Err(error) => {
                    tracing::warn!(%error, "schedules could not be looked at");
                    false
                }
            };
            let go_on = if more {
                !stop.is_cancelled()
            } else {
                super::pause(&stop, POLL).await
            };
            if !go_on {
                return;
            }
        }
    })
}
