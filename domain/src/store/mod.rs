//! Every statement on `copro.*` tables, one file per table family.
//!
//! A statement runs inside a [`TenantTx`]: the tenant is no argument, the
//! transaction carries it, and row-level security refuses any other. Writes
//! are idempotent by unique keys; what a rule refuses comes back with the
//! name of the rule ([`StoreError::Refused`]).

pub mod bank_transactions;
pub mod book;
mod cards;
mod cheques;
mod column;
pub mod condominiums;
pub mod decisions;
mod error;
pub mod holds;
pub mod journal;
pub mod matches;
mod owners;
pub mod payer_aliases;
pub mod proposals;
mod receivables;
pub mod results;
pub mod reviews;
mod sepa;
mod standing;
mod suppliers;
pub mod tenants;
#[cfg(feature = "testing")]
pub mod testing;
mod tx;
mod types;
pub mod world;

pub use error::{Rule, StoreError};
pub use tx::TenantTx;
