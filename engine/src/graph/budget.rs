//! `budget`: what paid steps may use.

use std::time::Duration;

use rust_decimal::Decimal;

use crate::node::Usage;

/// What paid steps may use in all; without a limit, as much as they do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// `max_cost`.
    pub max_cost: Option<Decimal>,
    /// `max_tokens`.
    pub max_tokens: Option<u64>,
    /// `max_time`: of paid steps.
    pub max_time: Option<Duration>,
}

/// A limit that is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    /// Which: `max_cost`.
    pub limit: &'static str,
    /// How much is spent.
    pub spent: String,
    /// How much may be.
    pub most: String,
}

impl Budget {
    /// The limit that this reaches; nothing paid begins then.
    #[must_use]
    pub fn reached(&self, usage: &Usage) -> Option<Spent> {
        let told = |limit, spent: String, most: String| Spent { limit, spent, most };
        let time = Duration::from_millis(usage.millis);
        let cost = (self.max_cost)
            .filter(|most| usage.cost >= *most)
            .map(|most| told("max_cost", usage.cost.to_string(), most.to_string()));
        let tokens = || {
            (self.max_tokens)
                .filter(|most| usage.tokens >= *most)
                .map(|most| told("max_tokens", usage.tokens.to_string(), most.to_string()))
        };
        let time = || {
            (self.max_time)
                .filter(|most| time >= *most)
                .map(|most| told("max_time", format!("{time:?}"), format!("{most:?}")))
        };
        cost.or_else(tokens).or_else(time)
    }
}
