//! Forgetting a tenant.

use std::sync::PoisonError;

use super::{Engine, EngineError, Transaction};
use crate::ids::TenantId;
use crate::store;

impl Transaction {
    /// Forgets the tenant with this transaction's commit: its key, definitions,
    /// runs and history. The caller knows that none of its runs is under way,
    /// and tells each process by [`Engine::forget`].
    ///
    /// # Errors
    /// When the database does not do it.
    pub async fn erase_tenant(&mut self) -> Result<(), EngineError> {
        Ok(store::keys::erase_tenant(self.tx().connection()).await?)
    }
}

impl Engine {
    /// Forgets what this process remembers of an erased tenant.
    pub fn forget(&self, tenant: TenantId) {
        let inner = &self.0;
        let mut keys = inner.keys.write().unwrap_or_else(PoisonError::into_inner);
        keys.remove(&tenant);
        drop(keys);
        let mut versions = inner
            .versions
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        versions.retain(|(owner, _), _| *owner != tenant);
        drop(versions);
        let mut published = inner
            .published
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        published.retain(|(owner, _), _| *owner != tenant);
        drop(published);
        let listeners = inner.listeners.write();
        let mut listeners = listeners.unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|(owner, _), _| *owner != tenant);
    }
}
