//! What all runs of a worker share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{FlushSender, Lease};
use crate::engine::Engine;
use crate::ids::{RunId, TenantId, VersionId, WorkerId};
use crate::store::cross_tenant::claim::Mail;

/// What all runs of a worker share.
pub(crate) struct Shop {
    pub engine: Engine,
    pub worker: WorkerId,
    pub lease: Lease,
    pub flush: FlushSender,
    /// Runs start nothing new once it is cancelled, and let go.
    pub drain: CancellationToken,
    /// A run let go of its slot.
    pub freed: Notify,
    /// Something may be in the inbox of a run.
    pub post: Notify,
    runs: Mutex<HashMap<(TenantId, RunId), Slot>>,
    refused: Mutex<Vec<Uuid>>,
}

/// A run that this worker has.
pub(crate) struct Slot {
    /// Where its messages go.
    pub mail: mpsc::UnboundedSender<Mail>,
}

impl Shop {
    pub(crate) fn new(
        engine: Engine,
        worker: WorkerId,
        lease: Lease,
        flush: FlushSender,
    ) -> Arc<Self> {
        Arc::new(Self {
            engine,
            worker,
            lease,
            flush,
            drain: CancellationToken::new(),
            freed: Notify::new(),
            post: Notify::new(),
            runs: Mutex::default(),
            refused: Mutex::default(),
        })
    }

    /// Runs this worker has, with where their messages go.
    pub(crate) fn runs(&self) -> MutexGuard<'_, HashMap<(TenantId, RunId), Slot>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Frees the slot of a run.
    pub(crate) fn forget(&self, tenant: TenantId, run: RunId) {
        self.runs().remove(&(tenant, run));
        self.freed.notify_waiters();
        self.freed.notify_one();
    }

    /// Versions that this worker has no nodes for.
    pub(crate) fn refused(&self) -> Vec<Uuid> {
        self.refused
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Claims no run of this version any more.
    pub(crate) fn refuse(&self, version: VersionId) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if !refused.contains(&version.0) {
            refused.push(version.0);
        }
    }
}
