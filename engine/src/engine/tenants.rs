//! What an operator sets for a tenant: its share of the workers, its limits.

use std::num::NonZeroU32;
use std::time::Duration;

use rust_decimal::Decimal;

use super::{Engine, EngineError};
use crate::graph::{Budget, Spent};
use crate::ids::TenantId;
use crate::node::Usage;
use crate::store::tenants::TenantRow;
use crate::store::{self, Role};

/// What is set for a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TenantSettings {
    /// Its share when several tenants have ready runs: one of weight 2 has two
    /// turns when one of weight 1 has one. From 1, the default, to 1,000.
    pub weight: u16,
    /// Its runs at work at once, over all its workflows and all workers.
    pub max_running: Option<NonZeroU32>,
    /// Its runs that may be ready; beyond, its doors refuse more. A million
    /// when not set.
    pub max_ready: Option<NonZeroU32>,
    /// What all its paid steps may use in a month (UTC).
    pub budget: Budget,
}

impl Default for TenantSettings {
    fn default() -> Self {
        Self {
            weight: 1,
            max_running: None,
            max_ready: None,
            budget: Budget::default(),
        }
    }
}

impl TenantSettings {
    /// The heaviest a tenant may be.
    pub const HEAVIEST: u16 = 1000;
    /// Runs that may be ready when nothing is set.
    pub const MAX_READY: u32 = 1_000_000;
}

fn positive(stored: i32) -> Option<NonZeroU32> {
    u32::try_from(stored).ok().and_then(NonZeroU32::new)
}

fn stored(number: NonZeroU32) -> i32 {
    i32::try_from(number.get()).unwrap_or(i32::MAX)
}

fn budget(cost: Option<Decimal>, tokens: Option<i64>, millis: Option<i64>) -> Budget {
    Budget {
        max_cost: cost,
        max_tokens: tokens.map(whole),
        max_time: millis.map(whole).map(Duration::from_millis),
    }
}

fn whole(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or_default()
}

impl Engine {
    /// The limit of a tenant's budget that is reached this month.
    pub(crate) async fn budget_reached(
        &self,
        tenant: TenantId,
    ) -> Result<Option<Spent>, EngineError> {
        let month = store::spending::month_of(self.clock().now().date_naive());
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        let Some(row) = store::spending::standing(&mut tx, tenant, month).await? else {
            return Ok(None);
        };
        let used = Usage {
            cost: row.cost,
            tokens: whole(row.tokens),
            millis: whole(row.millis),
        };
        Ok(budget(row.max_cost, row.max_tokens, row.max_millis).reached(&used))
    }

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
                max_running: row.max_running.and_then(positive),
                max_ready: row.max_ready.and_then(positive),
                budget: budget(row.max_cost, row.max_tokens, row.max_millis),
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
            max_running: settings.max_running.map(stored),
            max_ready: settings.max_ready.map(stored),
            max_cost: settings.budget.max_cost,
            max_tokens: (settings.budget.max_tokens)
                .map(|most| i64::try_from(most).unwrap_or(i64::MAX)),
            max_millis: (settings.budget.max_time)
                .map(|most| i64::try_from(most.as_millis()).unwrap_or(i64::MAX)),
        };
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        store::tenants::set(&mut tx, tenant, row, self.clock().now()).await?;
        store::commit!("tenants.set.commit", tx)?;
        // Those who wait because of the old limit: a crash before this leaves
        // them to the next run that ends.
        let mut tx = store::begin(self.pool(), Role::Engine).await?;
        crate::service::slots::call_tenant(&mut tx, tenant).await?;
        store::commit!("tenants.call.commit", tx)?;
        self.forget_bound(tenant);
        self.announce();
        Ok(())
    }
}
