//! Reconciliation of bank transactions.

pub mod confirm;
mod decide;
mod error;
pub mod post;
pub mod propose;
pub mod undo;
