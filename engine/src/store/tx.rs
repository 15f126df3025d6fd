//! The transaction of one step or of one request, bound to its tenant.

use sqlx::PgConnection;

use crate::engine::{Engine, EngineError, StartRun, Started};
use crate::ids::TenantId;

/// A transaction in which a step writes; the role and the tenant are set.
///
/// The engine fences and commits it together with the step's outcome.
pub struct Tx<'a> {
    connection: &'a mut PgConnection,
    tenant: TenantId,
    engine: Engine,
}

impl<'a> Tx<'a> {
    /// Wraps a connection whose transaction has its role and tenant set.
    pub(crate) fn new(connection: &'a mut PgConnection, tenant: TenantId, engine: Engine) -> Self {
        Self {
            connection,
            tenant,
            engine,
        }
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

    /// Starts a run that exists if and only if this transaction commits.
    ///
    /// # Errors
    /// When there is no such published workflow, or it refuses the inputs.
    pub async fn start(&mut self, run: &StartRun) -> Result<Started, EngineError> {
        let engine = self.engine.clone();
        engine.start_on(self.connection, self.tenant, run).await
    }
}
