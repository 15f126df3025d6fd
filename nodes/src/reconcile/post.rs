//! `reconcile.post` — posts the sure bank transactions, sends the others to a person.
//!
//! Effect: `transaction`. Decides again on the books as they stand under a lock
//! of the condominium: what was proposed earlier is a hint. Sure lines get
//! their allocations and journal entries; payments that the manager's software
//! knew by then are posted too; a line for a person holds what it may turn out
//! to be. A line is posted once by a unique key, whatever runs twice or at once.
//!
//! Errors: `reconcile.unknown_condominium`, `reconcile.no_entry` (final).

use domain::ids::MatchId;
use domain::ledger::follow;
use domain::matching::{Band, Decision, Line};
use domain::money::Money;
use domain::store::decisions;
use engine::node::{Ctx, Effect, NodeResult, NodeSpec, TransactionNode};
use schemars::JsonSchema;
use serde::Serialize;

pub use super::decide::Which as ReconcilePostConfig;

use super::decide::decide;
use super::error::{no_entry, store};
use crate::tx::{Tx, tenant};

/// Posts the sure bank transactions, sends the others to a person.
pub struct ReconcilePost;

/// What was done with the lines.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PostOutput {
    /// Lines in the ledger.
    pub posted: usize,
    /// Sum of their amounts, without sign.
    pub posted_amount: Money,
    /// Lines for a person.
    pub to_review: usize,
    /// Sum of their amounts, without sign.
    pub review_amount: Money,
    /// Pending lines that wait for their booked line.
    pub waiting: usize,
    /// Journal entries, those of payments known before the bank knows them included.
    pub entries: usize,
}

impl TransactionNode for ReconcilePost {
    const SPEC: NodeSpec = NodeSpec::new("reconcile.post", Effect::Transaction);
    type Config = ReconcilePostConfig;
    type Output = PostOutput;

    async fn run(
        &self,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
        config: ReconcilePostConfig,
    ) -> NodeResult<PostOutput> {
        let mut tx = tenant(tx);
        let mut decided = decide(ctx, &mut tx, &config).await?;
        let next = || MatchId::new(ctx.now);
        let followed = follow(
            decided.before,
            &mut decided.ledger,
            &decided.decisions,
            decided.as_of,
            next,
        )
        .map_err(|error| no_entry(error.source))?;
        decisions::write(
            &mut tx,
            config.condominium_id,
            &followed,
            &decided.proposals,
            ctx.now,
        )
        .await
        .map_err(store)?;
        Ok(PostOutput {
            posted: followed.posted.len(),
            posted_amount: sum(&decided.decisions, |band| band == Band::Auto),
            to_review: followed.reviews.len(),
            review_amount: sum(&decided.decisions, |band| {
                matches!(band, Band::Suggest | Band::Manual)
            }),
            waiting: followed.waiting.len(),
            entries: followed.entries.len(),
        })
    }
}

fn sum(decisions: &[(Line, Decision)], wanted: impl Fn(Band) -> bool) -> Money {
    decisions
        .iter()
        .filter(|(_, decision)| wanted(decision.band))
        .map(|(line, _)| line.amount.abs())
        .sum()
}
