//! What the manager's software already knows before the bank says so.

use chrono::NaiveDate;

use super::book::{BatchKind, Charge, EntryParty};
use super::references::normal;
use super::state::Book;
use crate::ids::{BatchEntryId, BatchId, ChargeId, ChequeId, ReceivableId};
use crate::money::Money;

/// Something the manager's software knew on a day and that is now in the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A cheque came in and settled receivables.
    ChequeReceived {
        /// The cheque.
        cheque: ChequeId,
        /// Day it came in.
        on: NaiveDate,
        /// What it paid.
        allocations: Vec<(ReceivableId, Money)>,
    },
    /// A card payment settled a receivable.
    CardPaid {
        /// The charge.
        charge: ChargeId,
        /// Day of payment.
        on: NaiveDate,
        /// What it paid.
        receivable: ReceivableId,
        /// Gross amount.
        amount: Money,
    },
    /// The entries of a direct debit file settled their receivables.
    DebitsCollected {
        /// The file.
        batch: BatchId,
        /// Day of collection.
        on: NaiveDate,
        /// Each entry and what it paid.
        entries: Vec<(BatchEntryId, ReceivableId, Money)>,
    },
}

impl Book {
    /// Applies what the manager's software knows for days up to `date`.
    ///
    /// Cheques settle at `received_on`, card payments at `created_on`, direct
    /// debits at `collection_on`. Each fact is applied once; what was applied
    /// is returned so that the ledger can post it. A card payment whose
    /// receivable cannot be told stays open until its payout is decided.
    pub fn advance(&mut self, date: NaiveDate) -> Vec<Fact> {
        let mut facts = Vec::new();
        for s in 0..self.data.slips.len() {
            for c in 0..self.data.slips[s].cheques.len() {
                let cheque = &mut self.data.slips[s].cheques[c];
                if cheque.posted || cheque.received_on > date {
                    continue;
                }
                cheque.posted = true;
                let cheque = cheque.clone();
                for &(receivable, amount) in &cheque.allocations {
                    self.settle_receivable(receivable, amount);
                }
                facts.push(Fact::ChequeReceived {
                    cheque: cheque.id,
                    on: cheque.received_on,
                    allocations: cheque.allocations,
                });
            }
        }
        for p in 0..self.data.payouts.len() {
            for c in 0..self.data.payouts[p].charges.len() {
                let charge = self.data.payouts[p].charges[c].clone();
                if charge.posted || charge.created_on > date {
                    continue;
                }
                let Some(receivable) = self.receivable_of_charge(&charge) else {
                    continue;
                };
                self.settle_receivable(receivable, charge.gross);
                let known = &mut self.data.payouts[p].charges[c];
                known.posted = true;
                known.receivable = Some(receivable);
                facts.push(Fact::CardPaid {
                    charge: charge.id,
                    on: charge.created_on,
                    receivable,
                    amount: charge.gross,
                });
            }
        }
        for b in 0..self.data.batches.len() {
            let batch = &mut self.data.batches[b];
            if batch.kind != BatchKind::DirectDebit || batch.collected || batch.collection_on > date
            {
                continue;
            }
            batch.collected = true;
            let batch = batch.clone();
            let mut entries = Vec::new();
            for entry in &batch.entries {
                if let EntryParty::Owner {
                    receivable: Some(receivable),
                    ..
                } = entry.party
                {
                    self.settle_receivable(receivable, entry.amount);
                    entries.push((entry.id, receivable, entry.amount));
                }
            }
            facts.push(Fact::DebitsCollected {
                batch: batch.id,
                on: batch.collection_on,
                entries,
            });
        }
        facts
    }

    /// The receivable a card payment is for: told by the processor, or the only
    /// open one of that amount for the reference or e-mail address.
    pub(super) fn receivable_of_charge(&self, charge: &Charge) -> Option<ReceivableId> {
        if charge.receivable.is_some() {
            return charge.receivable;
        }
        let mut owners: Vec<usize> = Vec::new();
        let description = normal(&charge.description);
        for (i, owner) in self.data.owners.iter().enumerate() {
            let mail = owner.email.is_some() && owner.email == charge.customer_email;
            let reference = !description.is_empty()
                && self.receivables_of[i]
                    .iter()
                    .any(|&r| normal(&self.data.receivables[r].payment_reference) == description);
            if mail || reference {
                owners.push(i);
            }
        }
        let open = |r: usize| {
            let item = &self.data.receivables[r];
            item.open == charge.gross && item.issued_on <= charge.created_on
        };
        let referenced =
            |r: usize| normal(&self.data.receivables[r].payment_reference) == description;
        let mut fitting: Vec<usize> = owners
            .iter()
            .flat_map(|&o| self.receivables_of[o].iter().copied().filter(|&r| open(r)))
            .collect();
        if fitting.iter().any(|&r| referenced(r)) {
            fitting.retain(|&r| referenced(r));
        }
        let first = *fitting.first()?;
        let same_owner = fitting
            .iter()
            .all(|&r| self.data.receivables[r].owner == self.data.receivables[first].owner);
        same_owner.then(|| self.data.receivables[first].id)
    }
}
