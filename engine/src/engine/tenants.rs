//! What an operator sets for a tenant: its share of the workers.

use super::{Engine, EngineError};
use crate::ids::TenantId;
use crate::store::tenants::TenantRow;
use crate::store::{self, Role};

/// What is set for a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TenantSettings {
    /// Its share when several tenants have ready runs: one of weight 2 has two
    /// turns when one of weight 1 has one. From 1, the default, to 1,000.
    pub weight: u16,
}

impl Default for TenantSettings {
    fn default() -> Self {
        Self { weight: 1 }
    }
}

impl TenantSettings {
    /// The heaviest a tenant may be.
    pub const HEAVIEST: u16 = 1000;
}

impl Engine {
    /// What is set for a tenant.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn settings(&self, tenant: TenantId) -> Result<TenantSettings, EngineError> {
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        let row = store::tenants::get(&mut tx, tenant).await?;
        Ok(
            row.map_or_else(TenantSettings::default, |row| TenantSettings {
                weight: u16::try_from(row.weight).unwrap_or(TenantSettings::HEAVIEST),
            }),
        )
    }

    /// Sets what is set for a tenant; a weight out of bounds is brought inside.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn set_settings(
        &self,
        tenant: TenantId,
        settings: TenantSettings,
    ) -> Result<(), EngineError> {
        let row = TenantRow {
            weight: i32::from(settings.weight.clamp(1, TenantSettings::HEAVIEST)),
        };
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        store::tenants::set(&mut tx, tenant, row, self.clock().now()).await?;
        store::commit!("tenants.set.commit", tx)?;
        self.announce();
        Ok(())
    }
}
