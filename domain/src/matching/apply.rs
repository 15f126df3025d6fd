//! What a posting does to the items of the book.

use super::allocation::{Allocation, Cause};
use super::book::{BatchKind, EntryParty, Line, Payout};
use super::state::Book;
use crate::ids::{BatchEntryId, BatchId, ChequeId, InvoiceId, ReceivableId};
use crate::money::Money;

impl Book {
    pub(super) fn apply(&mut self, line: &Line, allocations: &[Allocation]) {
        if let Some(payout) = self.payout_of(line, allocations) {
            self.book_payout(payout, allocations);
            return;
        }
        for allocation in allocations {
            self.apply_one(*allocation);
        }
    }

    fn apply_one(&mut self, Allocation { cause, amount }: Allocation) {
        match cause {
            Cause::Receivable(id) => self.settle_receivable(id, amount),
            Cause::OwnerAdvance(id) | Cause::OwnerRefund(id) => {
                if let Some(&owner) = self.by_id.owners.get(&id) {
                    self.data.owners[owner].advance += amount;
                }
            }
            Cause::SupplierInvoice(id) => {
                self.settle_invoice(id, -amount);
                self.book_entry(id, amount);
            }
            Cause::SepaBatch(id) => self.book_batch(id),
            Cause::SepaReject(id) => self.return_entry(id),
            Cause::ChequeDeposit(id) => {
                if let Some(&slip) = self.by_id.slips.get(&id) {
                    self.data.slips[slip].booked = true;
                }
            }
            Cause::ChequeReject(id) => self.return_cheque(id),
            Cause::SupplierAdvance(_)
            | Cause::BankFee
            | Cause::InternalTransfer(_)
            | Cause::DuplicateImport(_)
            | Cause::Unknown => {}
        }
    }

    pub(super) fn settle_receivable(&mut self, id: ReceivableId, amount: Money) {
        if let Some(&i) = self.by_id.receivables.get(&id) {
            let receivable = &mut self.data.receivables[i];
            receivable.open = (receivable.open - amount)
                .max(Money::ZERO)
                .min(receivable.amount);
        }
    }

    /// Lowers what is open on an invoice; a credit note moves the other way.
    fn settle_invoice(&mut self, id: InvoiceId, amount: Money) {
        if let Some(&i) = self.by_id.invoices.get(&id) {
            let invoice = &mut self.data.invoices[i];
            let left = invoice.open - amount;
            invoice.open = if invoice.amount < Money::ZERO {
                left.min(Money::ZERO)
            } else {
                left.max(Money::ZERO)
            };
        }
    }

    /// A bill paid on its own line: its entry of a transfer file is booked.
    fn book_entry(&mut self, id: InvoiceId, amount: Money) {
        for batch in &mut self.data.batches {
            for entry in &mut batch.entries {
                if let EntryParty::Supplier {
                    invoice: Some(invoice),
                    ..
                } = entry.party
                    && invoice == id
                    && entry.amount == amount.abs()
                    && !entry.booked
                {
                    entry.booked = true;
                    return;
                }
            }
        }
    }

    fn book_batch(&mut self, id: BatchId) {
        let Some(&b) = self.by_id.batches.get(&id) else {
            return;
        };
        if self.data.batches[b].booked {
            return;
        }
        self.data.batches[b].booked = true;
        if self.data.batches[b].kind == BatchKind::CreditTransfer {
            for entry in self.data.batches[b].entries.clone() {
                if let EntryParty::Supplier {
                    invoice: Some(invoice),
                    ..
                } = entry.party
                {
                    self.settle_invoice(invoice, entry.amount);
                }
            }
        }
    }

    fn return_entry(&mut self, id: BatchEntryId) {
        let Some(&(b, e)) = self.by_id.entries.get(&id) else {
            return;
        };
        let entry = &mut self.data.batches[b].entries[e];
        if entry.returned {
            return;
        }
        entry.returned = true;
        let (party, amount) = (entry.party.clone(), entry.amount);
        if let EntryParty::Owner {
            receivable: Some(receivable),
            ..
        } = party
        {
            self.settle_receivable(receivable, -amount);
        }
    }

    fn return_cheque(&mut self, id: ChequeId) {
        let Some(&(s, c)) = self.by_id.cheques.get(&id) else {
            return;
        };
        let cheque = &mut self.data.slips[s].cheques[c];
        if cheque.returned {
            return;
        }
        cheque.returned = true;
        for (receivable, amount) in cheque.allocations.clone() {
            self.settle_receivable(receivable, -amount);
        }
    }

    /// The payout that a posting books: its net amount, at least one of its receivables, and fees.
    fn payout_of(&self, line: &Line, allocations: &[Allocation]) -> Option<usize> {
        if !allocations
            .iter()
            .any(|a| a.cause == Cause::BankFee && a.amount < Money::ZERO)
        {
            return None;
        }
        let paid = |id: ReceivableId| allocations.iter().any(|a| a.cause == Cause::Receivable(id));
        let fits = |p: &Payout| {
            !p.booked
                && p.net == line.amount
                && p.charges.iter().all(|c| c.receivable.is_none_or(paid))
                && (p.arrives_on - line.date).num_days().abs() <= 20
        };
        (0..self.data.payouts.len())
            .filter(|&i| fits(&self.data.payouts[i]))
            .min_by_key(|&i| {
                (self.data.payouts[i].arrives_on - line.date)
                    .num_days()
                    .abs()
            })
    }

    /// Books a payout: its charges were settled when they were made, except those not known then.
    fn book_payout(&mut self, payout: usize, allocations: &[Allocation]) {
        self.data.payouts[payout].booked = true;
        for c in 0..self.data.payouts[payout].charges.len() {
            let charge = &self.data.payouts[payout].charges[c];
            if charge.posted {
                continue;
            }
            let gross = charge.gross;
            let target = charge.receivable.or_else(|| {
                allocations.iter().find_map(|a| match a.cause {
                    Cause::Receivable(id) if a.amount == gross => Some(id),
                    _ => None,
                })
            });
            if let Some(receivable) = target {
                self.settle_receivable(receivable, gross);
                let charge = &mut self.data.payouts[payout].charges[c];
                charge.receivable = Some(receivable);
                charge.posted = true;
            }
        }
    }
}
