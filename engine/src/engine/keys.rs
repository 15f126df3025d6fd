//! Data keys: made with a tenant's first value, opened once per process.

use std::sync::{Arc, PoisonError};

use super::{Engine, EngineError};
use crate::crypto::DataKey;
use crate::ids::TenantId;
use crate::store::{self, Role};

impl Engine {
    /// The data key of a tenant; made when there is none yet.
    ///
    /// In a transaction of its own: a key must outlive whatever the caller
    /// rolls back.
    pub(crate) async fn data_key(&self, tenant: TenantId) -> Result<Arc<DataKey>, EngineError> {
        if let Some(key) = self.known_key(tenant) {
            return Ok(key);
        }
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        let stored = store::keys::sealed(&mut tx, tenant).await?;
        let sealed = match stored {
            Some(sealed) => sealed,
            None => {
                let (_, sealed) = self.0.master.new_data_key(tenant);
                store::keys::insert(&mut tx, tenant, &sealed).await?;
                // Another process may have been first: its key is the one.
                store::keys::sealed(&mut tx, tenant)
                    .await?
                    .unwrap_or(sealed)
            }
        };
        store::commit!("keys.commit", tx)?;
        let key = Arc::new(self.0.master.open_data_key(tenant, &sealed)?);
        let mut known = self.0.keys.write().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(known.entry(tenant).or_insert(key)))
    }

    /// The data key of a tenant, if this process has opened it.
    pub(super) fn known_key(&self, tenant: TenantId) -> Option<Arc<DataKey>> {
        let known = self.0.keys.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&tenant).cloned()
    }
}
