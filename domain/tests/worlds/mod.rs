//! Loads a reconciliation world from its JSON files, without a database.

pub mod backtest;
pub mod load;
pub mod mutate;
