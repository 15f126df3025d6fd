//! The rules of a condominium: pure functions without I/O, and in `store` their SQL.

pub mod calendar;
pub mod ids;
pub mod ledger;
pub mod matching;
pub mod money;
pub mod store;
pub mod world;
