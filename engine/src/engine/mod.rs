//! The facade: what the API, the CLI and nodes ask of the engine.

mod approvals;
mod bound;
mod bulk;
mod control;
mod definitions;
mod erase;
mod error;
mod events;
mod hooks;
mod host;
mod inspect;
mod keys;
mod kin;
mod load;
mod moves;
mod payloads;
mod rerun;
mod secrets;
mod start;
mod tenants;
mod transaction;
mod triggers;
mod watch;
mod workflows;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock, Weak};
use std::time::Duration;

use tokio::sync::{Notify, broadcast};

pub use approvals::{BadCursor, Pending, PendingCursor, PendingFilter, Verdict};
pub use bulk::{Acted, Bulk, BulkAction, BulkPage};
pub(crate) use control::Message;
pub use definitions::{Saved, Version};
pub use error::EngineError;
pub use events::Event;
pub(crate) use events::EventBody;
pub use hooks::{Accepted, Delivered, HookError, Reply};
pub(crate) use host::{Admission, Host, Newborn, RunEnding};
pub use inspect::{AttemptView, RunFailure, RunFilter, RunSummary, RunView, StepView};
pub(crate) use inspect::{RunResult, open_items, open_step};
pub(crate) use kin::{Kin, Parent};
pub(crate) use load::{key_of, key_text};
pub use moves::Movable;
pub use rerun::Rerun;
pub use secrets::{Bearer, TokenView};
pub(crate) use start::facts;
pub use start::{Once, RunEnd, StartRun, Started};
pub use tenants::TenantSettings;
pub use transaction::Transaction;
pub(crate) use triggers::seal_fault;
pub use triggers::{TriggerFault, TriggerView};
pub use watch::{RunEvent, Watch};
pub use workflows::{VersionView, WorkflowView};

use crate::clock::SharedClock;
use crate::crypto::{DataKey, MasterKey};
use crate::expr::Sandbox;
use crate::ids::{RunId, TenantId, VersionId};
use crate::node::Registry;
use crate::run::Answer;
use crate::store::{self, Pool, Role, Stirred};

/// Channel that tells workers of ready runs and of messages; it only shortens a poll.
pub(crate) const READY_CHANNEL: &str = "engine_ready";
/// Channel that tells workers of events in the outbox; the same.
pub(crate) const EVENTS_CHANNEL: &str = "engine_events";

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
    listeners: RwLock<HashMap<(TenantId, String), Arc<hooks::Listener>>>,
    keys: RwLock<HashMap<TenantId, Arc<DataKey>>>,
    flushed: broadcast::Sender<(TenantId, RunId)>,
    wake: Notify,
    host: RwLock<Option<Weak<dyn Host>>>,
    ready: Announced,
    wake_outbox: Notify,
    events: Announced,
    bounds: bound::Bounds,
}

/// Whether an announcement on a channel is on its way.
#[derive(Default)]
struct Announced(Arc<AtomicBool>);

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
            listeners: RwLock::default(),
            keys: RwLock::default(),
            flushed: broadcast::channel(4096).0,
            wake: Notify::new(),
            host: RwLock::new(None),
            ready: Announced::default(),
            wake_outbox: Notify::new(),
            events: Announced::default(),
            bounds: bound::Bounds::default(),
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

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), EngineError> {
        let tx = store::begin(self.pool(), Role::Engine).await?;
        tx.rollback().await?;
        Ok(())
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

    /// Waits until something may be in the outbox.
    pub(crate) async fn outbox_woken(&self) {
        self.0.wake_outbox.notified().await;
    }

    /// Wakes the outbox of this process.
    pub(crate) fn wake_outbox(&self) {
        self.0.wake_outbox.notify_one();
    }

    /// Wakes the worker of this process at once, and those elsewhere soon.
    pub(crate) fn announce(&self) {
        self.wake();
        self.notify_soon(&self.0.ready, READY_CHANNEL);
    }

    /// The same for events that a commit has left in the outbox.
    pub(crate) fn announce_events(&self) {
        self.wake_outbox();
        self.notify_soon(&self.0.events, EVENTS_CHANNEL);
    }

    /// Announces what a step's transaction has committed.
    pub(crate) fn announce_stirred(&self, stirred: Stirred) {
        if stirred.ready {
            self.announce();
        }
        if stirred.events {
            self.announce_events();
        }
    }

    fn notify_soon(&self, announced: &Announced, channel: &'static str) {
        if announced.0.swap(true, Ordering::AcqRel) {
            return;
        }
        let (engine, announced) = (self.clone(), Arc::clone(&announced.0));
        tokio::spawn(async move {
            tokio::time::sleep(DEBOUNCE).await;
            announced.store(false, Ordering::Release);
            // A lost announcement costs a poll's time, nothing else.
            if let Err(error) = crate::store::notify(engine.pool(), channel).await {
                tracing::debug!(%error, channel, "an announcement could not be sent");
            }
        });
    }
}
