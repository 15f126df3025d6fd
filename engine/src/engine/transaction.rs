//! A transaction of one tenant, for callers outside of a run.

use super::{Engine, EngineError};
use crate::ids::TenantId;
use crate::store::{self, Role, Tx};

/// A transaction of one tenant: what is written and started in it commits together.
///
/// Dropped without [`Self::commit`], nothing of it has happened.
pub struct Transaction {
    inner: store::Db,
    tenant: TenantId,
    engine: Engine,
}

impl Transaction {
    /// What steps are given too: `nodes` bridges it to domain functions.
    pub fn tx(&mut self) -> Tx<'_> {
        Tx::new(&mut self.inner, self.tenant, self.engine.clone(), None)
    }

    /// Commits; runs started and events published in it are announced.
    ///
    /// # Errors
    /// When the database did not commit.
    pub async fn commit(self) -> Result<(), EngineError> {
        store::commit!("transaction.commit", self.inner)?;
        self.engine.announce();
        self.engine.announce_events();
        Ok(())
    }
}

impl Engine {
    /// Begins a transaction of this tenant.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn begin(&self, tenant: TenantId) -> Result<Transaction, EngineError> {
        let inner = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        Ok(Transaction {
            inner,
            tenant,
            engine: self.clone(),
        })
    }
}
