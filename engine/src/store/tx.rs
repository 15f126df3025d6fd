//! The transaction of one step or of one request, bound to its tenant.

use sqlx::PgConnection;

use uuid::Uuid;

use crate::engine::{Engine, EngineError, Event, StartRun, Started};
use crate::ids::{RunId, TenantId};

/// A transaction in which a step writes; the role and the tenant are set.
///
/// The engine fences and commits it together with the step's outcome.
pub struct Tx<'a> {
    connection: &'a mut PgConnection,
    tenant: TenantId,
    engine: Engine,
    /// The run whose step writes, if it is one's.
    origin: Option<RunId>,
    stirred: Stirred,
}

/// Who is to be told once the transaction has committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stirred {
    /// Workers: a run was started.
    pub ready: bool,
    /// The outbox: an event was published.
    pub events: bool,
}

impl<'a> Tx<'a> {
    /// Wraps a connection whose transaction has its role and tenant set.
    pub(crate) fn new(
        connection: &'a mut PgConnection,
        tenant: TenantId,
        engine: Engine,
        origin: Option<RunId>,
    ) -> Self {
        Self {
            connection,
            tenant,
            engine,
            origin,
            stirred: Stirred::default(),
        }
    }

    /// Who is to be told once it has committed.
    pub(crate) fn stirred(&self) -> Stirred {
        self.stirred
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
        self.stirred.ready = true;
        engine.start_on(self.connection, self.tenant, run).await
    }

    /// Publishes an event that is heard if and only if this transaction commits. Gives its id.
    ///
    /// # Errors
    /// [`EngineError::BadEvent`].
    pub async fn emit(&mut self, event: &Event) -> Result<Uuid, EngineError> {
        let engine = self.engine.clone();
        self.stirred.events = true;
        engine
            .emit_on(self.connection, self.tenant, event, self.origin)
            .await
    }
}
