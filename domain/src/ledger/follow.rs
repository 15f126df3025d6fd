//! From decisions, in the order in which they were made, to what is written.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::entry::Entry;
use super::line::{Ledger, LedgerError};
use crate::ids::{AliasId, MatchId, PayoutId, TransactionId};
use crate::matching::{Allocation, Band, Book, Cause, Decision, Line};

/// A line whose decision goes into the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// The decision's id.
    pub id: MatchId,
    /// The line.
    pub line: TransactionId,
    /// The card payout that the line pays out, if it is one.
    pub payout: Option<PayoutId>,
    /// What the line is for.
    pub allocations: Vec<Allocation>,
}

/// A line that a person has to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// The line.
    pub line: TransactionId,
    /// What it may turn out to be, and so holds.
    pub held: Vec<Cause>,
}

/// What follows from decisions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// Entries in the order in which things happened.
    pub entries: Vec<Entry>,
    /// Lines that go into the ledger.
    pub posted: Vec<Posted>,
    /// Lines for a person.
    pub reviews: Vec<Review>,
    /// Pending lines that wait for their booked line.
    pub waiting: Vec<TransactionId>,
}

/// A sure line that has no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} has no entry: {source}")]
pub struct FollowError {
    /// The line.
    pub line: TransactionId,
    /// Why.
    pub source: LedgerError,
}

/// Makes the entries of decisions and of the payments known by then.
///
/// `book` and `ledger` stand where they stood before the first decision; the
/// payments that the manager's software knew are posted as their days come, up
/// to `as_of`.
///
/// # Errors
/// When a line that was decided without a person cannot be posted.
pub fn follow(
    mut book: Book,
    ledger: &mut Ledger,
    decisions: &[(Line, Decision)],
    as_of: NaiveDate,
    mut new_id: impl FnMut() -> MatchId,
) -> Result<Followed, FollowError> {
    let mut followed = Followed::default();
    for (line, decision) in decisions {
        let facts = book.advance(line.date);
        followed
            .entries
            .extend(facts.iter().filter_map(|fact| ledger.fact(fact)));
        let payout = record(&mut book, line, decision);
        match (decision.band, decision.first()) {
            (Band::Auto, Some(best)) => {
                let id = new_id();
                let entry = ledger
                    .line(id, line, &best.allocations, payout)
                    .map_err(|source| FollowError {
                        line: line.id,
                        source,
                    })?;
                followed.entries.extend(entry);
                let allocations = best.allocations.clone();
                followed.posted.push(Posted {
                    id,
                    line: line.id,
                    payout,
                    allocations,
                });
            }
            (Band::Wait, _) => followed.waiting.push(line.id),
            _ => followed.reviews.push(Review {
                line: line.id,
                held: held(decision),
            }),
        }
    }
    let facts = book.advance(as_of);
    followed
        .entries
        .extend(facts.iter().filter_map(|fact| ledger.fact(fact)));
    Ok(followed)
}

/// What a line in review may turn out to be, each thing once.
#[must_use]
pub fn held(decision: &Decision) -> Vec<Cause> {
    let causes: BTreeSet<Cause> = decision
        .held()
        .into_iter()
        .flatten()
        .map(|part| part.cause)
        .collect();
    causes
        .into_iter()
        .filter(|cause| cause.target().is_some())
        .collect()
}

/// Records a decision; the card payout that it books, if it does.
fn record(book: &mut Book, line: &Line, decision: &Decision) -> Option<PayoutId> {
    let before = open_payouts(book);
    book.record_decision(line, decision);
    let after = open_payouts(book);
    before.difference(&after).next().copied()
}

/// Records a person's answer like [`Book::confirm`]; the card payout that it books, if it does.
pub fn confirm(
    book: &mut Book,
    line: &Line,
    allocations: Vec<Allocation>,
    alias: AliasId,
) -> Option<PayoutId> {
    let before = open_payouts(book);
    book.confirm(line, allocations, alias);
    let after = open_payouts(book);
    before.difference(&after).next().copied()
}

fn open_payouts(book: &Book) -> BTreeSet<PayoutId> {
    book.data()
        .payouts
        .iter()
        .filter(|payout| !payout.booked)
        .map(|payout| payout.id)
        .collect()
}
