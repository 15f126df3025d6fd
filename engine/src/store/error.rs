//! How the store fails.

use crate::crypto::CryptoError;
use crate::node::NodeError;
use crate::text;
use crate::text::Text;

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("{}", Text::from(self))]
pub enum StoreError {
    /// The database did not answer, or refused.
    Database(#[from] sqlx::Error),
    /// What is stored does not open.
    Crypto(#[from] CryptoError),
    /// What is stored is not what this program writes.
    Unreadable(#[from] serde_json::Error),
}

impl StoreError {
    /// Whether the same statement may well work when sent again: a conflict
    /// with others, or a database that was away.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database(error) => is_transient(error),
            Self::Crypto(_) | Self::Unreadable(_) => false,
        }
    }
}

impl StoreError {
    /// Whether others were in the way and nothing was written.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        let Self::Database(sqlx::Error::Database(error)) = self else {
            return false;
        };
        let code = error.code();
        code.is_some_and(|code| matches!(&*code, "40001" | "40P01"))
    }

    /// Whether it is this constraint that refused.
    #[must_use]
    pub fn breaks(&self, constraint: &str) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(error)) if error.constraint() == Some(constraint))
    }
}

fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            // serialization_failure, deadlock_detected, lock_not_available,
            // idle_in_transaction_session_timeout, read_only_sql_transaction of
            // a standby that is about to be promoted; connections that are cut,
            // a disk or a memory that is full, a shutdown, a failing disk.
            matches!(&*code, "40001" | "40P01" | "55P03" | "25P03" | "25006")
                || ["08", "53", "57P", "58"]
                    .iter()
                    .any(|class| code.starts_with(class))
        }),
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => true,
        _ => false,
    }
}

/// What a statement of a `transaction` node's error means for its step:
/// serialization failures, deadlocks and lost connections are made again
/// without counting, all else is final.
impl From<sqlx::Error> for NodeError {
    fn from(error: sqlx::Error) -> Self {
        if is_transient(&error) {
            Self::conflict(database(&error))
        } else {
            Self::fail("engine.statement_failed", database(&error))
        }
    }
}

impl From<&StoreError> for Text {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Database(error) => database(error),
            StoreError::Crypto(error) => error.into(),
            StoreError::Unreadable(error) => text!(
                "stored data cannot be read: {reason}",
                reason = error.to_string()
            ),
        }
    }
}

fn database(error: &sqlx::Error) -> Text {
    text!(
        "the database did not do it: {reason}",
        reason = error.to_string()
    )
}
