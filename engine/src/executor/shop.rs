//! What all runs of a worker share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::buffer::Born;
use super::flush::{Acks, Lost};
use super::{FlushSender, Lease, Opened, run_task};
use crate::engine::{Admission, Engine, Host, Newborn, RunEnd};
use crate::ids::{RunId, TenantId, VersionId, WorkerId};
use crate::store::cross_tenant::claim::{Claimed, Mail};

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
    /// Runs at once.
    pub slots: usize,
    /// Tasks of runs.
    pub tasks: TaskTracker,
    /// The last claim took all there was, with room left.
    idle: AtomicBool,
    this: Weak<Self>,
    /// Places for runs that wait and are kept all the same.
    pub kept: Arc<Semaphore>,
    runs: Mutex<HashMap<(TenantId, RunId), Slot>>,
    refused: Mutex<Vec<Uuid>>,
}

/// A run that this worker has.
pub(crate) struct Slot {
    /// Where its messages go.
    pub mail: mpsc::UnboundedSender<Mail>,
    epoch: i32,
}

impl Shop {
    pub(crate) fn new(
        engine: Engine,
        worker: WorkerId,
        lease: Lease,
        flush: FlushSender,
        slots: usize,
    ) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            engine,
            worker,
            lease,
            flush,
            drain: CancellationToken::new(),
            freed: Notify::new(),
            post: Notify::new(),
            kept: Arc::new(Semaphore::new(slots / 8)),
            slots,
            tasks: TaskTracker::new(),
            idle: AtomicBool::new(false),
            this: Weak::clone(this),
            runs: Mutex::default(),
            refused: Mutex::default(),
        })
    }

    /// Runs this worker has, with where their messages go.
    pub(crate) fn runs(&self) -> MutexGuard<'_, HashMap<(TenantId, RunId), Slot>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a run a slot and a task, unless it has them: a database that
    /// crashed forgot a claim, and the same worker claimed again.
    pub(crate) fn execute(
        shop: &Arc<Self>,
        run: Opened,
        mail: mpsc::UnboundedSender<Mail>,
        inbox: mpsc::UnboundedReceiver<Mail>,
    ) {
        let (key, epoch) = ((run.claimed.tenant, run.claimed.run), run.claimed.epoch);
        let mut runs = shop.runs();
        if runs.get(&key).is_some_and(|slot| slot.epoch == epoch) {
            return;
        }
        runs.insert(key, Slot { mail, epoch });
        drop(runs);
        shop.tasks.spawn(run_task(Arc::clone(shop), run, inbox));
    }

    /// Whether the queue was empty when it was looked at last, with room left here.
    pub(crate) fn set_idle(&self, idle: bool) {
        self.idle.store(idle, Ordering::Release);
    }

    /// Frees the slot of a run, if it is still that of this epoch.
    pub(crate) fn forget(&self, tenant: TenantId, run: RunId, epoch: i32) {
        let mut runs = self.runs();
        if runs.get(&(tenant, run)).is_some_and(|it| it.epoch == epoch) {
            runs.remove(&(tenant, run));
        }
        drop(runs);
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

impl Host for Shop {
    /// Takes a run from its birth while nobody waits in the queue: those who do come first.
    fn take(&self, run: Newborn) -> Option<BoxFuture<'static, Admission>> {
        let shop = self.this.upgrade()?;
        let room = self.idle.load(Ordering::Acquire) && self.runs().len() < self.slots;
        if !room || self.drain.is_cancelled() {
            return None;
        }
        let acks = Arc::new(watch::Sender::new(Acks::default()));
        let mut told = acks.subscribe();
        let claimed = Claimed {
            tenant: run.tenant,
            run: run.run,
            version: run.birth.version,
            epoch: 1,
            takeovers: 0,
            recorded: false,
            created_at: run.birth.created_at,
            data: run.birth.data.clone(),
            kin: None,
            mail: false,
            priority: run.birth.priority,
            position: 0,
            limited: false,
            refused: None,
            most_running: None,
        };
        let opened = Opened {
            claimed,
            steps: Vec::new(),
            items: Vec::new(),
            born: Some(Born {
                birth: run.birth,
                acks,
            }),
        };
        let (mail, inbox) = mpsc::unbounded_channel();
        Self::execute(&shop, opened, mail, inbox);
        let admission = async move {
            let born = told.wait_for(|acks| acks.flushed > 0 || acks.lost.is_some());
            match born.await.map(|acks| (acks.flushed, acks.lost.clone())) {
                Ok((1.., _)) => Admission::Born(end_of(told).boxed()),
                Ok((0, Some(Lost::Fenced | Lost::Unstorable { .. }))) => Admission::Refused,
                Ok((0, Some(Lost::Stopped) | None)) | Err(_) => Admission::Unknown,
            }
        };
        Some(admission.boxed())
    }
}

/// The run's end, if this worker brings it there.
async fn end_of(mut told: watch::Receiver<Acks>) -> Option<Arc<RunEnd>> {
    let acks = told
        .wait_for(|acks| acks.ended().is_some() || acks.lost.is_some())
        .await;
    acks.ok()?.ended().cloned()
}
