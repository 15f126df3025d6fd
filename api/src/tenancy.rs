//! Whose data a command works on.

use engine::ids::TenantId;
use uuid::Uuid;

use crate::cli::Tenant;

/// The tenant of the demo, and of commands that name none.
pub const DEMO: TenantId = TenantId(Uuid::from_u128(0x0000_0000_0000_8000_8000_0000_0000_0001));

/// The demo's other tenant, which has nothing: what it sees of [`DEMO`] is a fault.
pub const NEIGHBOUR: TenantId =
    TenantId(Uuid::from_u128(0x0000_0000_0000_8000_8000_0000_0000_0002));

/// The tenant that the command line names.
#[must_use]
pub fn tenant_of(asked: &Tenant) -> TenantId {
    asked.id.map_or(DEMO, TenantId)
}
