//! Items held by lines in review.
//!
//! A later line that touches a held item is posted without a person only if
//! its answer is the same whichever way the review ends.

use std::collections::HashMap;

use super::allocation::{Allocation, Cause};
use super::decide::Reading;
use super::decision::{Holder, Scored};
use super::state::Book;
use crate::ids::TransactionId;
use crate::money::Money;

/// More ways to end than this are not tried out: a person decides.
const MOST_ENDINGS: usize = 256;

/// What lines in review will most probably have taken, by cause.
///
/// Each review is expected to end with its first candidate: suggestions are
/// spread over what would then be left.
#[derive(Clone, Debug, Default)]
pub(super) struct Expected(HashMap<Cause, Money>);

impl Expected {
    /// Expectations of all reviews but that of `line`.
    pub fn of(book: &Book, line: TransactionId) -> Self {
        let mut taken: HashMap<Cause, Money> = HashMap::new();
        for (reviewed, candidates) in book.past.reviews() {
            for allocation in candidates.first().into_iter().flatten().filter(|_| reviewed.id != line) {
                let so_far = taken.entry(allocation.cause).or_default();
                *so_far += allocation.amount;
            }
        }
        Self(taken)
    }

    /// What of a receivable is expected to stay open.
    pub fn receivable(&self, book: &Book, receivable: usize) -> Money {
        let item = &book.data.receivables[receivable];
        (item.open - self.taken(Cause::Receivable(item.id))).max(Money::ZERO)
    }

    /// What of an invoice is expected to stay open.
    pub fn invoice(&self, book: &Book, invoice: usize) -> Money {
        let item = &book.data.invoices[invoice];
        let left = item.open + self.taken(Cause::SupplierInvoice(item.id));
        if item.amount < Money::ZERO { left.min(Money::ZERO) } else { left.max(Money::ZERO) }
    }

    fn taken(&self, cause: Cause) -> Money {
        self.0.get(&cause).copied().unwrap_or_default()
    }
}

/// The reviews that may change this answer.
pub(super) fn blocking(book: &Book, reading: &Reading<'_>, best: &Scored) -> Vec<TransactionId> {
    let mut touching: Vec<(TransactionId, Vec<Vec<Allocation>>)> = Vec::new();
    for (line, candidates) in book.past.reviews() {
        if line.id == reading.line.id {
            continue;
        }
        let ends: Vec<Vec<Allocation>> =
            candidates.iter().filter(|c| touches(book, c, best)).cloned().collect();
        if !ends.is_empty() {
            touching.push((line.id, ends));
        }
    }
    if touching.is_empty() {
        return Vec::new();
    }
    let ids: Vec<TransactionId> = touching.iter().map(|(id, _)| *id).collect();
    let endings: usize = touching.iter().map(|(_, ends)| ends.len() + 1).product();
    let same = match best.holder {
        _ if endings > MOST_ENDINGS => false,
        Holder::Owner(owner) => all_endings(&touching, |ended| {
            let taken = |r: usize| taken_of(ended, Cause::Receivable(book.data.receivables[r].id));
            let open = |r: usize| (book.data.receivables[r].open - taken(r)).max(Money::ZERO);
            let (spread, items) = book.spread_over(reading.line, owner, &reading.marks, &open);
            book.payment(owner, &spread, &items) == best.allocations
        }),
        Holder::Supplier(supplier) => all_endings(&touching, |ended| {
            let taken = |i: usize| taken_of(ended, Cause::SupplierInvoice(book.data.invoices[i].id));
            let open = |i: usize| book.data.invoices[i].open + taken(i);
            let (spread, items) = book.spread_bills(reading.line, supplier, &reading.label, &open);
            book.settlement(supplier, &spread, &items, reading.line.amount) == best.allocations
        }),
        Holder::Other => false,
    };
    if same { Vec::new() } else { ids }
}

/// Whether an ending of a review takes from whom this answer takes.
fn touches(book: &Book, ending: &[Allocation], best: &Scored) -> bool {
    ending.iter().any(|a| match best.holder {
        Holder::Owner(owner) => book.owner_of(a.cause) == Some(owner),
        Holder::Supplier(supplier) => book.supplier_of(a.cause) == Some(supplier),
        Holder::Other => best.allocations.iter().any(|b| b.cause == a.cause && is_consumed(a.cause)),
    })
}

/// Targets that can be taken only once.
fn is_consumed(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::SepaBatch(_) | Cause::SepaReject(_) | Cause::ChequeDeposit(_) | Cause::ChequeReject(_) | Cause::OwnerRefund(_)
    )
}

fn taken_of(ended: &[&[Allocation]], cause: Cause) -> Money {
    ended.iter().flat_map(|list| list.iter()).filter(|a| a.cause == cause).map(|a| a.amount).sum()
}

/// Whether `holds` is true for each combination of endings, "none of them" included.
fn all_endings(
    touching: &[(TransactionId, Vec<Vec<Allocation>>)],
    holds: impl Fn(&[&[Allocation]]) -> bool,
) -> bool {
    fn walk<'a>(
        rest: &'a [(TransactionId, Vec<Vec<Allocation>>)],
        ended: &mut Vec<&'a [Allocation]>,
        holds: &impl Fn(&[&[Allocation]]) -> bool,
    ) -> bool {
        let Some(((_, ends), rest)) = rest.split_first() else { return holds(ended) };
        if !walk(rest, ended, holds) {
            return false;
        }
        ends.iter().all(|end| {
            ended.push(end);
            let same = walk(rest, ended, holds);
            ended.pop();
            same
        })
    }
    walk(touching, &mut Vec::new(), &holds)
}
