//! How many runs of a tenant may be ready: beyond, its doors refuse more.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Engine, EngineError, TenantSettings};
use crate::ids::TenantId;
use crate::store::{self, Connection, Role};

/// How long a full queue is taken to be full.
const FULL_FOR: Duration = Duration::from_secs(1);

/// How long what is known is taken to be so.
const KNOWN_FOR: Duration = Duration::from_secs(10);

/// What this process knows of the queues of tenants. A queue is counted again
/// once so many runs were accepted that it might be full: an eighth of the room
/// that it had, so that several processes together stay near the bound.
#[derive(Default)]
pub(super) struct Bounds(Mutex<HashMap<TenantId, Measured>>);

struct Measured {
    room: i64,
    accepted: i64,
    most: i64,
    /// Its runs at work are counted: none is born outside of the queue.
    limited: bool,
    at: Instant,
}

enum Known {
    Room,
    Full(i64),
    Unknown,
}

impl Bounds {
    fn known(&self, tenant: TenantId) -> Known {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(measured) = all
            .get_mut(&tenant)
            .filter(|it| it.at.elapsed() < KNOWN_FOR)
        else {
            return Known::Unknown;
        };
        if measured.room == 0 {
            return match measured.at.elapsed() < FULL_FOR && measured.most > 1000 {
                true => Known::Full(measured.most),
                false => Known::Unknown,
            };
        }
        measured.accepted += 1;
        if measured.accepted * 8 <= measured.room {
            Known::Room
        } else {
            Known::Unknown
        }
    }

    fn measured(&self, tenant: TenantId, ready: i64, most: i64, limited: bool) {
        let measured = Measured {
            limited,
            room: (most - ready).max(0),
            accepted: 1,
            most,
            at: Instant::now(),
        };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(tenant, measured);
    }
}

impl Engine {
    /// Refuses a run at the door of a tenant whose queue is full.
    pub(super) async fn refuse_when_full(&self, tenant: TenantId) -> Result<(), EngineError> {
        if let Some(known) = self.known_bound(tenant) {
            return known;
        }
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        self.count_ready(&mut tx, tenant).await
    }

    /// The same for a caller that has a transaction of the tenant.
    pub(super) async fn refuse_when_full_on(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
    ) -> Result<(), EngineError> {
        match self.known_bound(tenant) {
            Some(known) => known,
            None => self.count_ready(connection, tenant).await,
        }
    }

    fn known_bound(&self, tenant: TenantId) -> Option<Result<(), EngineError>> {
        match self.0.bounds.known(tenant) {
            Known::Room => Some(Ok(())),
            Known::Full(most) => Some(Err(EngineError::QueueFull { most })),
            Known::Unknown => None,
        }
    }

    async fn count_ready(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
    ) -> Result<(), EngineError> {
        let row = store::tenants::get(connection, tenant).await?;
        let limited = row.as_ref().is_some_and(|row| row.max_running.is_some());
        let most = row
            .and_then(|row| row.max_ready)
            .map_or_else(|| i64::from(TenantSettings::MAX_READY), i64::from);
        let ready = store::pace::ready(connection, tenant, most).await?;
        self.0.bounds.measured(tenant, ready, most, limited);
        match ready < most {
            true => Ok(()),
            false => Err(EngineError::QueueFull { most }),
        }
    }

    /// Whether the runs of a tenant that are at work are counted.
    pub(super) fn is_limited(&self, tenant: TenantId) -> bool {
        let all = self
            .0
            .bounds
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.get(&tenant).is_none_or(|it| it.limited)
    }

    /// What is set for a tenant has changed.
    pub(super) fn forget_bound(&self, tenant: TenantId) {
        let mut all = self
            .0
            .bounds
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.remove(&tenant);
    }
}
