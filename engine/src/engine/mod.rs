//! The facade: what the API, the CLI and nodes ask of the engine.

mod approvals;
mod control;
mod definitions;
mod erase;
mod error;
mod host;
mod inspect;
mod keys;
mod kin;
mod start;
mod tenants;
mod transaction;
mod watch;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock, Weak};
use std::time::Duration;

use tokio::sync::{Notify, broadcast};

pub use approvals::{Pending, PendingCursor, PendingFilter, Verdict};
pub(crate) use control::Message;
pub use definitions::{Saved, Version};
pub use error::EngineError;
pub(crate) use host::{Admission, Host, Newborn};
pub use inspect::{AttemptView, RunFailure, RunFilter, RunSummary, RunView, StepView};
pub(crate) use inspect::{RunResult, open_items, open_step};
pub(crate) use kin::{Kin, Parent};
pub(crate) use start::facts;
pub use start::{RunEnd, StartRun, Started};
pub use tenants::TenantSettings;
pub use transaction::Transaction;
pub use watch::{RunEvent, Watch};

use crate::clock::SharedClock;
use crate::crypto::{DataKey, MasterKey};
use crate::expr::Sandbox;
use crate::ids::{RunId, TenantId, VersionId};
use crate::node::Registry;
use crate::run::Answer;
use crate::store::Pool;

/// Channel that tells workers of ready runs and of messages; it only shortens a poll.
pub(crate) const CHANNEL: &str = "engine_ready";

/// Announcements are sent together this often.
const DEBOUNCE: Duration = Duration::from_millis(10);

/// The engine: definitions, runs and keys of all tenants on one database. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    pool: Pool,
    registry: Registry,
    master: MasterKey,
    clock: SharedClock,
    sandbox: Sandbox,
    versions: RwLock<HashMap<(TenantId, VersionId), Arc<Version>>>,
    published: RwLock<HashMap<(TenantId, String), VersionId>>,
    keys: RwLock<HashMap<TenantId, Arc<DataKey>>>,
    flushed: broadcast::Sender<(TenantId, RunId)>,
    wake: Notify,
    announced: AtomicBool,
    host: RwLock<Option<Weak<dyn Host>>>,
}

impl Engine {
    /// An engine on this database with these nodes.
    ///
    /// The pool's login may take the roles `copro_app` and `copro_engine`. It
    /// need not test connections before use: lost ones are replaced.
    #[must_use]
    pub fn new(pool: Pool, registry: Registry, master: MasterKey, clock: SharedClock) -> Self {
        Self(Arc::new(Inner {
            pool,
            registry,
            master,
            clock,
            sandbox: Sandbox::default(),
            versions: RwLock::default(),
            published: RwLock::default(),
            keys: RwLock::default(),
            flushed: broadcast::channel(4096).0,
            wake: Notify::new(),
            announced: AtomicBool::new(false),
            host: RwLock::new(None),
        }))
    }

    /// The nodes this process knows.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// The engine's clock.
    #[must_use]
    pub fn clock(&self) -> &SharedClock {
        &self.0.clock
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.0.pool
    }

    pub(crate) fn sandbox(&self) -> &Sandbox {
        &self.0.sandbox
    }

    /// Told by the worker of this process after each flush.
    pub(crate) fn flushed(&self) -> &broadcast::Sender<(TenantId, RunId)> {
        &self.0.flushed
    }

    /// Waits until something may be ready.
    pub(crate) async fn woken(&self) {
        self.0.wake.notified().await;
    }

    /// Wakes the worker of this process.
    pub(crate) fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// Wakes the worker of this process at once, and those elsewhere soon.
    pub(crate) fn announce(&self) {
        self.wake();
        if self.0.announced.swap(true, Ordering::AcqRel) {
            return;
        }
        let engine = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(DEBOUNCE).await;
            engine.0.announced.store(false, Ordering::Release);
            // A lost announcement costs a poll's time, nothing else.
            if let Err(error) = crate::store::notify(engine.pool(), CHANNEL).await {
                tracing::debug!(%error, "could not announce ready runs");
            }
        });
    }
}
