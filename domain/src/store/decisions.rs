//! What follows from decisions, written at once.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::bank_transactions::{self, State};
use super::matches::Match;
use super::{StoreError, TenantTx, holds, journal, matches};
use crate::ids::{CondominiumId, ProposalId, TransactionId};
use crate::ledger::Followed;

/// Writes decisions: allocations and entries of the sure lines, entries of
/// payments known by then, holds of the lines for a person.
///
/// A few statements, whatever the number of lines; all rules of the database
/// are checked before it returns.
///
/// # Errors
/// The rule that refuses, or that the database does not answer.
pub async fn write(
    tx: &mut TenantTx<'_>,
    condominium: CondominiumId,
    followed: &Followed,
    proposals: &HashMap<TransactionId, ProposalId>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let matches: Vec<Match> = followed
        .posted
        .iter()
        .map(|posted| Match {
            id: posted.id,
            line: posted.line,
            proposal: proposals.get(&posted.line).copied(),
            payout: posted.payout,
            actor: None,
            allocations: posted.allocations.clone(),
        })
        .collect();
    matches::insert(tx, condominium, &matches, now).await?;
    journal::insert(tx, condominium, &followed.entries, now).await?;
    let held = followed
        .reviews
        .iter()
        .flat_map(|review| review.held.iter().map(|cause| (review.line, *cause)));
    holds::hold(tx, &held.collect::<Vec<_>>(), now).await?;
    let posted = followed
        .posted
        .iter()
        .map(|posted| (posted.line, State::Posted));
    let reviews = followed
        .reviews
        .iter()
        .map(|review| (review.line, State::Review));
    let waiting = followed.waiting.iter().map(|line| (*line, State::Waiting));
    bank_transactions::set_states(
        tx,
        &posted.chain(reviews).chain(waiting).collect::<Vec<_>>(),
    )
    .await?;
    tx.check().await
}
