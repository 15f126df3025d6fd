//! Dispatched events, brought to the runs that wait for them and kept for those that will.

use crate::engine::{Engine, EngineError};
use crate::ids::TenantId;
use crate::node::{key_digest, topics};
use crate::store::Connection;
use crate::store::cross_tenant::outbox::Taken;
use crate::store::events::{self, Dispatched};

use super::dispatch::is_failure;

/// Keeps a tenant's events and tells the runs that wait for them; gives how many runs.
pub(super) async fn hear(
    engine: &Engine,
    connection: &mut Connection,
    tenant: TenantId,
    taken: &[&Taken],
) -> Result<usize, EngineError> {
    let taken = taken.iter().filter(|event| !is_failure(event));
    let kept: Vec<_> = taken
        .map(|event| Dispatched {
            id: event.id,
            name: &event.name,
            key: event.key.as_deref().map(key_digest),
            emitted_at: event.emitted_at,
            data: &event.data,
        })
        .collect();
    if kept.is_empty() {
        return Ok(0);
    }
    let heard: Vec<String> = kept
        .iter()
        .flat_map(|event| topics(event.name, event.key.as_deref()))
        .collect();
    let names: Vec<&str> = kept.iter().map(|event| event.name).collect();
    events::lock_waiting(connection, tenant, &heard).await?;
    events::lock_names(connection, tenant, &names).await?;
    events::keep(connection, tenant, &kept).await?;
    let now = engine.clock().now();
    let told = events::tell(connection, tenant, &kept, now).await?;
    Ok(usize::try_from(told).unwrap_or_default())
}
