//! The transaction of one step, bound to its tenant.

use sqlx::PgConnection;

use crate::ids::TenantId;

/// A transaction in which a step writes; the role and the tenant are set.
///
/// The engine fences and commits it together with the step's outcome.
pub struct Tx<'a> {
    connection: &'a mut PgConnection,
    tenant: TenantId,
}

impl<'a> Tx<'a> {
    /// Wraps a connection whose transaction has its role and tenant set.
    pub(crate) fn new(connection: &'a mut PgConnection, tenant: TenantId) -> Self {
        Self { connection, tenant }
    }

    /// The connection, for statements of a `store` module.
    pub fn connection(&mut self) -> &mut PgConnection {
        self.connection
    }

    /// Whose transaction it is.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }
}
