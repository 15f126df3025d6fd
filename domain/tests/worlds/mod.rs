//! Reconciliation worlds for tests: loaded from JSON, run in memory, scored as
//! the scorer scores, and turned into unseen ones.

pub mod backtest;
pub mod grammar;
pub mod load;
pub mod mutate;
pub mod score;
