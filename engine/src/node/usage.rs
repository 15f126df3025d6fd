//! What an attempt of a paid node has used.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// What was used: counted against `budget`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// In the currency of the manager's accounts.
    #[serde(with = "rust_decimal::serde::str")]
    pub cost: Decimal,
    /// Of a model.
    pub tokens: u64,
    /// How long it took, in milliseconds.
    pub millis: u64,
}

impl Usage {
    /// Whether there is nothing to count.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            cost: self.cost.saturating_add(other.cost),
            tokens: self.tokens.saturating_add(other.tokens),
            millis: self.millis.saturating_add(other.millis),
        }
    }
}
