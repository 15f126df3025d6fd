//! What this room keeps in the database: who signs in, and our own measures.
//!
//! Identities stand above the tenants. They are reached in an [`IdentityTx`],
//! which sees neither books nor runs; what a tenant owns is reached in its own
//! transaction, as everywhere.

pub mod attempts;
pub mod bench;
pub mod identities;
pub mod memberships;
pub mod sessions;
mod tx;

pub use tx::{Identities, IdentityTx, StoreError};
