//! The transaction of one tenant.

use std::fmt;

use sqlx::PgConnection;

use super::StoreError;
use crate::ids::TenantId;

/// An open transaction that sees one tenant and nothing else.
///
/// Who opens the transaction commits it; dropping it rolls everything back.
pub struct TenantTx<'a> {
    connection: &'a mut PgConnection,
    tenant: TenantId,
}

impl fmt::Debug for TenantTx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantTx")
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

impl<'a> TenantTx<'a> {
    /// Takes the role of requests and steps, for one tenant, until the transaction ends.
    ///
    /// `connection` is inside a transaction: nothing is set on the session.
    ///
    /// # Errors
    /// When the login may not take the role, or the database does not answer.
    pub async fn enter(
        connection: &'a mut PgConnection,
        tenant: TenantId,
    ) -> Result<Self, StoreError> {
        sqlx::query!(
            "select set_config('role', 'copro_app', true) as role, set_config('app.tenant', $1, true) as tenant",
            tenant.to_string(),
        )
        .fetch_one(&mut *connection)
        .await
        .map_err(StoreError::during("enter the tenant's transaction"))?;
        Ok(Self { connection, tenant })
    }

    /// Wraps a transaction whose role and tenant are set already.
    ///
    /// With another role, or another tenant, every statement is refused.
    #[must_use]
    pub fn within(connection: &'a mut PgConnection, tenant: TenantId) -> Self {
        Self { connection, tenant }
    }

    /// The connection, for statements of this module.
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        self.connection
    }

    /// Whose transaction it is.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Checks now what the database would check at commit, so that a refusal
    /// has a place to go. What is written later is checked at commit again.
    ///
    /// # Errors
    /// The rule that refuses what was written.
    pub async fn check(&mut self) -> Result<(), StoreError> {
        let during = "check what was written";
        sqlx::query!("set constraints all immediate")
            .execute(self.connection())
            .await
            .map_err(StoreError::during(during))?;
        sqlx::query!("set constraints all deferred")
            .execute(self.connection())
            .await
            .map_err(StoreError::during(during))?;
        Ok(())
    }
}
