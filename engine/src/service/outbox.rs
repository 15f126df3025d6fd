//! Brings events to whoever listens.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::Service;
use crate::engine::{Engine, EngineError};
use crate::trigger::{Stuck, dispatch, set_aside};

/// How often the outbox is read when nobody says that there is something in it.
const POLL: Duration = Duration::from_millis(250);
/// Events dispatched with one commit.
const BATCH: i64 = 200;
/// How long an event is left to workers that have the nodes of its listeners.
const LEFT_FOR: Duration = Duration::from_secs(30);

/// Starts the outbox loop.
pub(super) fn start(engine: Engine) -> Service {
    Service::start("outbox", |stop| async move {
        let mut turns = Turns::default();
        loop {
            if turns.next(&engine).await {
                if stop.is_cancelled() {
                    return;
                }
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = engine.outbox_woken() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
    })
}

/// How the turns go: many events at once, one by one after a failure.
#[derive(Default)]
struct Turns {
    /// Events left to be taken one by one.
    careful: i64,
    /// Events that this process cannot dispatch, for lack of a node.
    left: HashMap<Uuid, Instant>,
}

impl Turns {
    /// Takes a turn; whether there may be more to do at once.
    async fn next(&mut self, engine: &Engine) -> bool {
        self.left.retain(|_, since| since.elapsed() < LEFT_FOR);
        let left: Vec<Uuid> = self.left.keys().copied().collect();
        let limit = if self.careful > 0 { 1 } else { BATCH };
        match dispatch(engine, limit, &left).await {
            Ok(done) => {
                self.careful = (self.careful - 1).max(0);
                done > 0
            }
            Err(stuck) => self.after(engine, stuck).await,
        }
    }

    async fn after(&mut self, engine: &Engine, stuck: Stuck) -> bool {
        let error = &stuck.error;
        let transient = matches!(error, EngineError::Store(store) if store.is_transient());
        let Some((tenant, event, name)) = stuck.event.as_ref().filter(|_| !transient) else {
            tracing::warn!(%error, "events could not be dispatched");
            return false;
        };
        if matches!(error, EngineError::BadWorkflow(_)) {
            tracing::info!(%tenant, name, "an event is left to a worker that has the nodes of its listeners");
            self.left.insert(*event, Instant::now());
            return true;
        }
        if self.careful == 0 {
            // One of them: the others go first, each alone.
            self.careful = BATCH;
            return true;
        }
        tracing::error!(%error, %tenant, name, "an event is set aside");
        match set_aside(engine, *tenant, *event, name, error).await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "nor can it be set aside yet");
                false
            }
        }
    }
}
