//! The answer for a line: ranked candidates, a band, and what stood in the way.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::allocation::{Allocation, Cause};
use super::evidence::Evidence;
use crate::ids::TransactionId;
use crate::money::Money;

/// What is done with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Band {
    /// Posted without a person: identified, and no alternative explains the line.
    Auto,
    /// A person chooses between ranked candidates.
    Suggest,
    /// A person looks: nothing on file explains the line better than the unknown.
    Manual,
    /// A pending line: its booked line will decide it.
    Wait,
}

/// One explanation of a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Candidate {
    /// What would be posted; adds up to the line's amount.
    pub allocations: Vec<Allocation>,
    /// Probability of being exactly right, 0 to 1.
    pub confidence: f64,
    /// Why, strongest first.
    pub evidence: Vec<Evidence>,
}

impl Candidate {
    /// Whether it says that nothing explains the line.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.allocations.iter().all(|a| a.cause == Cause::Unknown)
    }
}

/// The decision for one line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    /// What is done.
    pub band: Band,
    /// Explanations, most probable first; the unknown is one of them where it counts.
    pub candidates: Vec<Candidate>,
    /// Lines in review whose end may change the answer.
    pub blocked_by: Vec<TransactionId>,
}

impl Decision {
    /// The most probable explanation.
    #[must_use]
    pub fn first(&self) -> Option<&Candidate> {
        self.candidates.first()
    }

    /// What a review of this line holds: everything it may reasonably end with.
    ///
    /// Best first; an ending that takes nothing (the unknown) is empty.
    #[must_use]
    pub fn held(&self) -> Vec<Vec<Allocation>> {
        let likely = self.candidates.iter().filter(|c| c.confidence >= HELD);
        let mut endings: Vec<Vec<Allocation>> = likely
            .map(|c| {
                if c.is_unknown() {
                    Vec::new()
                } else {
                    c.allocations.clone()
                }
            })
            .collect();
        let first_takes_nothing = self.first().is_some_and(Candidate::is_unknown);
        if first_takes_nothing && endings.first().is_none_or(|e| !e.is_empty()) {
            endings.insert(0, Vec::new());
        }
        endings
    }

    /// A single explanation that leaves no doubt.
    pub(super) fn sure(scored: Scored) -> Self {
        let Scored {
            allocations,
            reliability,
            evidence,
            ..
        } = scored;
        let candidate = Candidate {
            allocations,
            confidence: reliability,
            evidence,
        };
        Self {
            band: Band::Auto,
            candidates: vec![candidate],
            blocked_by: Vec::new(),
        }
    }

    pub(super) fn wait() -> Self {
        Self {
            band: Band::Wait,
            candidates: Vec::new(),
            blocked_by: Vec::new(),
        }
    }
}

/// Candidates below this probability hold nothing.
const HELD: f64 = 0.08;

/// An explanation before probabilities are shared out.
#[derive(Clone, Debug)]
pub(super) struct Scored {
    pub allocations: Vec<Allocation>,
    /// Log-odds that this is what the line is about.
    pub score: f64,
    /// Probability that the allocations are exact if it is.
    pub reliability: f64,
    /// Identified by more than its amount: may be posted without a person.
    pub identified: bool,
    /// Something besides the amount points to it.
    pub claimed: bool,
    pub evidence: Vec<Evidence>,
    /// Whose items it takes.
    pub holder: Holder,
}

/// Whose open items an explanation takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    Owner(usize),
    Supplier(usize),
    Other,
}

impl Scored {
    /// An explanation by a single cause.
    pub fn single(cause: Cause, amount: Money, score: f64, evidence: Vec<Evidence>) -> Self {
        Self::of(vec![Allocation::new(cause, amount)], score, evidence)
    }

    /// An explanation by several causes.
    pub fn of(allocations: Vec<Allocation>, score: f64, evidence: Vec<Evidence>) -> Self {
        Self {
            allocations,
            score,
            reliability: 0.998,
            identified: true,
            claimed: true,
            evidence,
            holder: Holder::Other,
        }
    }

    /// Not sure enough to be posted without a person.
    pub fn for_a_person(mut self) -> Self {
        self.identified = false;
        self
    }
}
