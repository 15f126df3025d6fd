//! Every statement on `engine.*` tables.
//!
//! One function, one statement. Each function that writes stands between two
//! failpoints, and so does each commit: tests kill the process at every one.
//! All but `cross_tenant` see one tenant, the one that the transaction was
//! begun for.

/// Awaits a write between its two failpoints.
macro_rules! guarded {
    ($name:literal, $work:expr) => {{
        fail::fail_point!(concat!($name, ":before"));
        let done = $work.await;
        fail::fail_point!(concat!($name, ":after"));
        done
    }};
}

/// Commits between two failpoints.
macro_rules! commit {
    ($name:literal, $tx:expr) => {{
        fail::fail_point!(concat!($name, ":before"));
        let done = $tx.commit().await;
        fail::fail_point!(concat!($name, ":after"));
        done
    }};
}
pub(crate) use commit;

pub(crate) mod credentials;
pub(crate) mod cross_tenant;
pub(crate) mod dedup;
mod error;
pub(crate) mod events;
mod ids;
pub(crate) mod inbox;
pub(crate) mod keys;
pub(crate) mod labels;
pub(crate) mod outbox;
pub(crate) mod pace;
pub(crate) mod payloads;
pub(crate) mod rerun;
pub(crate) mod runs;
pub(crate) mod schedules;
mod session;
pub(crate) mod spending;
pub(crate) mod steps;
pub(crate) mod tenants;
pub(crate) mod tokens;
pub(crate) mod trigger_faults;
pub(crate) mod triggers;
mod tx;
pub(crate) mod waits;
pub(crate) mod workflows;

pub use error::StoreError;
pub(crate) use session::{
    ConnectOptions, Db, DbError, Ear, Held, Role, become_tenant, begin, begin_on, connect, notify,
};
pub use session::{Connection, Pool};
pub(crate) use tx::Stirred;
pub use tx::Tx;
