//! Items held by lines in review.
//!
//! A later line that touches a held item is posted without a person only if
//! its answer is the same whichever way the review ends.

use std::collections::HashMap;

use super::allocation::{Allocation, Cause};
use super::decide::Reading;
use super::decision::{Holder, Scored};
use super::state::Book;
use crate::ids::{InvoiceId, OwnerId, ReceivableId, TransactionId};
use crate::money::Money;

/// More ways to end than this are not tried out: a person decides.
const MOST_ENDINGS: usize = 256;

/// What is taken from items: by a review's ending, or by all of them together.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken {
    receivables: HashMap<ReceivableId, Money>,
    invoices: HashMap<InvoiceId, Money>,
    advances: HashMap<OwnerId, Money>,
}

impl Taken {
    /// What lines in review will most probably have taken.
    ///
    /// Each review is expected to end with its first candidate: suggestions
    /// are spread over what would then be left.
    pub fn expected(book: &Book, line: TransactionId) -> Self {
        let mut taken = Self::default();
        for (reviewed, candidates) in book.past.reviews() {
            if reviewed.id != line
                && let Some(first) = candidates.first()
            {
                taken.add(book, first);
            }
        }
        taken
    }

    fn add(&mut self, book: &Book, allocations: &[Allocation]) {
        for allocation in allocations {
            for (receivable, amount) in book.taken(*allocation) {
                *self.receivables.entry(receivable).or_default() += amount;
            }
            if let Cause::SupplierInvoice(invoice) = allocation.cause {
                *self.invoices.entry(invoice).or_default() += allocation.amount;
            }
            if let Cause::OwnerAdvance(owner) | Cause::OwnerRefund(owner) = allocation.cause {
                *self.advances.entry(owner).or_default() += allocation.amount;
            }
        }
    }

    /// What of a receivable stays open.
    pub fn receivable(&self, book: &Book, receivable: usize) -> Money {
        let taken = self
            .receivables
            .get(&book.data.receivables[receivable].id)
            .copied()
            .unwrap_or_default();
        book.left(receivable, taken)
    }

    /// What stands on an owner's account as advance.
    pub fn advance(&self, book: &Book, owner: usize) -> Money {
        let data = &book.data.owners[owner];
        data.advance + self.advances.get(&data.id).copied().unwrap_or_default()
    }

    /// What of an invoice stays open.
    pub fn invoice(&self, book: &Book, invoice: usize) -> Money {
        let item = &book.data.invoices[invoice];
        let left = item.open + self.invoices.get(&item.id).copied().unwrap_or_default();
        if item.amount < Money::ZERO {
            left.min(Money::ZERO)
        } else {
            left.max(Money::ZERO)
        }
    }
}

/// The reviews that may change this answer.
pub(super) fn blocking(book: &Book, reading: &Reading<'_>, best: &Scored) -> Vec<TransactionId> {
    let mut touching: Vec<(TransactionId, Vec<Vec<Allocation>>)> = Vec::new();
    for (line, candidates) in book.past.reviews() {
        if line.id == reading.line.id {
            continue;
        }
        let ends: Vec<Vec<Allocation>> = candidates
            .iter()
            .filter(|c| touches(book, c, best))
            .cloned()
            .collect();
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
        Holder::Owner(owner) => all_endings(book, &touching, |taken| {
            let (spread, items) = book.spread_over(reading.line, owner, &reading.marks, &|r| {
                taken.receivable(book, r)
            });
            book.payment(owner, &spread, &items) == best.allocations
        }),
        Holder::Supplier(supplier) => all_endings(book, &touching, |taken| {
            let (spread, items) = book.spread_bills(reading.line, supplier, &reading.label, &|i| {
                taken.invoice(book, i)
            });
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
        Holder::Other => best
            .allocations
            .iter()
            .any(|b| b.cause == a.cause && is_consumed(a.cause)),
    })
}

/// Targets that can be taken only once.
fn is_consumed(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::SepaBatch(_)
            | Cause::SepaReject(_)
            | Cause::ChequeDeposit(_)
            | Cause::ChequeReject(_)
            | Cause::OwnerRefund(_)
    )
}

/// Whether `same` is true for each combination of endings, "none of them" included.
fn all_endings(
    book: &Book,
    touching: &[(TransactionId, Vec<Vec<Allocation>>)],
    same: impl Fn(&Taken) -> bool,
) -> bool {
    let mut chosen = vec![0; touching.len()];
    loop {
        let mut taken = Taken::default();
        for ((_, ends), &choice) in touching.iter().zip(&chosen) {
            if choice > 0 {
                taken.add(book, &ends[choice - 1]);
            }
        }
        if !same(&taken) {
            return false;
        }
        let Some(at) = (0..chosen.len()).find(|&i| chosen[i] < touching[i].1.len()) else {
            return true;
        };
        chosen[at] += 1;
        chosen[..at].fill(0);
    }
}
