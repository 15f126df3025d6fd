//! `rate_limit` of starts: who of the claimed runs may begin now.

use std::collections::BTreeMap;

use super::slots::ids;
use crate::engine::{Engine, EngineError};
use crate::graph::next_start;
use crate::ids::TenantId;
use crate::store::cross_tenant::claim::Claimed;
use crate::store::cross_tenant::pace;
use crate::store::{self, Connection};

/// Of claimed runs, those whose time has come; the others wait for their timer by then.
pub(super) async fn begin(
    engine: &Engine,
    tx: &mut Connection,
    mut asking: Vec<Claimed>,
) -> Result<Vec<Claimed>, EngineError> {
    let (tenants, runs) = ids(&asking);
    let paced = pace::take(tx, &tenants, &runs).await?;
    if paced.is_empty() {
        return Ok(asking);
    }
    asking.sort_by_key(|run| (std::cmp::Reverse(run.priority), run.position));
    // Keys in one order: two that lock take turns.
    let mut by_key: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for run in &asking {
        if let Some(paced) = paced.iter().find(|it| it.run == run.run.0) {
            by_key
                .entry((paced.tenant, paced.key))
                .or_default()
                .push(paced);
        }
    }
    let now = engine.clock().now();
    let (mut tenants, mut runs, mut due_at) = (Vec::new(), Vec::new(), Vec::new());
    for ((tenant, key), paced) in by_key {
        let mut starts = store::pace::lock_rate(tx, TenantId(tenant), key).await?;
        for run in paced {
            let most = usize::try_from(run.most).unwrap_or(1);
            let (at, rest) = next_start(starts, most, run.per_us, now.timestamp_micros());
            starts = rest;
            if let Some(at) = chrono::DateTime::from_timestamp_micros(at).filter(|at| *at > now) {
                tenants.push(run.tenant);
                runs.push(run.run);
                due_at.push(at);
            }
        }
        store::pace::set_rate(tx, TenantId(tenant), key, &starts).await?;
    }
    if !runs.is_empty() {
        pace::postpone(tx, &tenants, &runs, &due_at).await?;
        asking.retain(|run| !runs.contains(&run.run.0));
    }
    Ok(asking)
}
