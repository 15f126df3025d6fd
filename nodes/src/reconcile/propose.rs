//! `reconcile.propose` — answers for the bank transactions nobody has decided,
//! each with ranked candidates and their evidence.
//!
//! Effect: `transaction`. Answers are stored, nothing is posted. An answer that
//! stands already is not stored again, so a second run adds nothing.
//!
//! Errors: `reconcile.unknown_condominium` (final).

use chrono::NaiveDate;
use domain::ids::TransactionId;
use domain::matching::{Allocation, Band, Candidate, Decision, Line};
use domain::money::Money;
use engine::node::{Ctx, Effect, NodeResult, NodeSpec, TransactionNode};
use schemars::JsonSchema;
use serde::Serialize;

pub use super::decide::Which as ReconcileProposeConfig;

use super::decide::decide;
use crate::tx::{Tx, tenant};

/// At most so many ambiguous lines travel with the run; all stand in the database.
const MOST_AMBIGUOUS: usize = 100;

/// Answers for the bank transactions nobody has decided.
pub struct ReconcilePropose;

/// How many lines got which answer, and those that stay ambiguous.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Proposed {
    /// Sure: posted without a person where the condominium wants it.
    pub auto: usize,
    /// Ranked candidates for a person.
    pub suggest: usize,
    /// Nothing on file explains the line.
    pub manual: usize,
    /// Pending lines that wait for their booked line.
    pub waiting: usize,
    /// Lines with several candidates, oldest first, a hundred at most.
    pub ambiguous: Vec<Ambiguous>,
}

/// A line with several candidates.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Ambiguous {
    /// The line.
    pub transaction_id: TransactionId,
    /// What is asked about it.
    pub question: Question,
    /// Candidates, most probable first.
    pub candidates: Vec<Choice>,
}

/// A line, as far as needed to choose.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Question {
    /// Booking date.
    pub booked_on: NaiveDate,
    /// Signed amount.
    pub amount: Money,
    /// The bank's label.
    pub label: String,
}

/// One candidate of a line.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Choice {
    /// What would be posted.
    pub allocations: Vec<Allocation>,
    /// Probability of being exactly right, 0 to 1.
    pub confidence: f64,
}

impl TransactionNode for ReconcilePropose {
    const SPEC: NodeSpec = NodeSpec::new("reconcile.propose", Effect::Transaction);
    type Config = ReconcileProposeConfig;
    type Output = Proposed;

    async fn run(
        &self,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
        config: ReconcileProposeConfig,
    ) -> NodeResult<Proposed> {
        let decided = decide(ctx, &mut tenant(tx), &config).await?;
        let mut proposed = Proposed::default();
        for (line, decision) in &decided.decisions {
            match decision.band {
                Band::Auto => proposed.auto += 1,
                Band::Suggest => proposed.suggest += 1,
                Band::Manual => proposed.manual += 1,
                Band::Wait => proposed.waiting += 1,
            }
            if is_ambiguous(decision) && proposed.ambiguous.len() < MOST_AMBIGUOUS {
                proposed.ambiguous.push(ambiguous(line, decision));
            }
        }
        Ok(proposed)
    }
}

fn is_ambiguous(decision: &Decision) -> bool {
    decision.band == Band::Suggest
        && decision
            .candidates
            .iter()
            .filter(|c| !c.is_unknown())
            .count()
            > 1
}

fn ambiguous(line: &Line, decision: &Decision) -> Ambiguous {
    let choice = |candidate: &Candidate| Choice {
        allocations: candidate.allocations.clone(),
        confidence: candidate.confidence,
    };
    Ambiguous {
        transaction_id: line.id,
        question: Question {
            booked_on: line.date,
            amount: line.amount,
            label: line.original_wording.clone(),
        },
        candidates: decision
            .candidates
            .iter()
            .filter(|c| !c.is_unknown())
            .map(choice)
            .collect(),
    }
}
