//! Every statement on `engine.*` tables.

mod tx;

pub use tx::Tx;
