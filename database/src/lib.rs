//! The PostgreSQL below everything.
//!
//! - [`local`]: the private server of a single machine, started from the
//!   installed programs, shared by all `copro` processes of one user.
//! - [`migrate`]: the roles and the migrations, embedded in the binary.
//! - `testing` (feature `testing`): a database per test, cloned from a
//!   migrated template.
//!
//! This crate knows neither workflows nor condominiums; its SQL is about
//! roles, databases and migrations only.

pub mod local;
pub mod migrate;
mod name;
#[cfg(feature = "testing")]
pub mod testing;
