//! The worker of this process, which may own a run from its birth.
//!
//! A run that is accepted where it is executed needs no queue: it is written
//! for the first time with its first checkpoint, and if it ends before that,
//! straight to history. Its caller is told after that commit, as ever.

use std::sync::{Arc, PoisonError, Weak};

use futures::future::BoxFuture;

use super::{Engine, RunEnd};
use crate::ids::{RunId, TenantId};
use crate::store::cross_tenant::checkpoint::Birth;

/// A run that nothing is stored of.
pub(crate) struct Newborn {
    pub tenant: TenantId,
    pub run: RunId,
    pub birth: Birth,
}

/// The end of a run, if the worker that took it from its birth brings it there.
pub(crate) type RunEnding = BoxFuture<'static, Option<Arc<RunEnd>>>;

/// What became of a run that a worker took from its birth.
pub(crate) enum Admission {
    /// It is durable.
    Born(RunEnding),
    /// It is not, and never will be.
    Refused,
    /// The worker ended before it heard from the database.
    Unknown,
}

/// A worker that takes runs of its own process.
pub(crate) trait Host: Send + Sync {
    /// Takes the run, and tells when it is durable; none when there is no room
    /// or when others come first.
    fn take(&self, run: Newborn) -> Option<BoxFuture<'static, Admission>>;
}

impl Engine {
    /// From now on this worker may take runs that are started here.
    pub(crate) fn host(&self, host: Weak<dyn Host>) {
        let mut known = self.0.host.write().unwrap_or_else(PoisonError::into_inner);
        *known = Some(host);
    }

    pub(super) fn the_host(&self) -> Option<Arc<dyn Host>> {
        let known = self.0.host.read().unwrap_or_else(PoisonError::into_inner);
        known.as_ref()?.upgrade()
    }
}
