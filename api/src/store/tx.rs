//! The transaction of sign-in.

use sqlx::{AssertSqlSafe, PgConnection, PgPool, Postgres, Transaction};
use thiserror::Error;

/// Role and bounds are set by the round trip that begins: no session keeps them.
const BEGIN: &str = "begin; select set_config('role', 'copro_identity', true), \
                     set_config('idle_in_transaction_session_timeout', '10000', true), \
                     set_config('statement_timeout', '5000', true)";

/// Where identities are kept.
#[derive(Clone, Debug)]
pub struct Identities(PgPool);

impl Identities {
    /// In this database.
    #[must_use]
    pub fn new(pool: PgPool) -> Self {
        Self(pool)
    }

    /// Begins a transaction; dropped without a commit, nothing has happened.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn begin(&self) -> Result<IdentityTx, StoreError> {
        let begun = self.0.begin_with(AssertSqlSafe(BEGIN)).await;
        begun.map(IdentityTx).map_err(during("begin"))
    }
}

/// A transaction that sees who signs in, and nothing of what tenants have.
pub struct IdentityTx(Transaction<'static, Postgres>);

impl IdentityTx {
    /// The connection, for statements of this module.
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.0
    }

    /// Commits.
    ///
    /// # Errors
    /// When the database did not.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.0.commit().await.map_err(during("commit"))
    }
}

/// Why a statement about identities did not do its work.
#[derive(Debug, Error)]
#[error("cannot {during}")]
pub struct StoreError {
    during: &'static str,
    source: sqlx::Error,
}

impl StoreError {
    /// Whether trying again later may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match &self.source {
            sqlx::Error::Database(error) => matches!(
                error.code().as_deref(),
                Some("40001" | "40P01" | "55P03" | "57014" | "57P01" | "57P02" | "57P03")
            ),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolClosed
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::WorkerCrashed => true,
            _ => false,
        }
    }
}

/// Says what was being done when the server answered with an error.
pub(super) fn during(during: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |source| StoreError { during, source }
}
