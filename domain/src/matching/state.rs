//! The working state: a snapshot plus what is decided on top of it.

use std::collections::HashMap;

use chrono::NaiveDate;

use super::allocation::{Allocation, Cause};
use super::book::{
    Account, AccountKind, Alias, BatchEntry, BatchKind, Charge, EntryParty, Line, Outcome, PastLine, Payout,
    ReceivableKind, Snapshot,
};
use super::history::{History, PastKey};
use super::label::Label;
use super::names::NameIndex;
use super::references::ReferenceIndex;
use crate::ids::{
    AliasId, BankAccountId, BatchEntryId, BatchId, ChargeId, ChequeId, InvoiceId, OwnerId, ReceivableId, SlipId,
    SupplierId,
};
use crate::money::Money;

/// One condominium while its lines are decided.
///
/// [`Book::advance`] applies what the manager already knows up to a day,
/// [`decide`](super::decide) reads, [`Book::record`] applies an outcome. The
/// same calls in the same order give the same state.
#[derive(Clone, Debug)]
pub struct Book {
    pub(super) data: Snapshot,
    pub(super) by_id: ById,
    /// Receivables of each owner, oldest due date first, then smaller source id.
    pub(super) receivables_of: Vec<Vec<usize>>,
    /// Invoices of each supplier, in the same order.
    pub(super) invoices_of: Vec<Vec<usize>>,
    pub(super) references: ReferenceIndex,
    pub(super) names: NameIndex,
    pub(super) past: History,
}

/// Positions by id. Looked up, never iterated: order stays that of the data.
#[derive(Clone, Debug, Default)]
pub(super) struct ById {
    pub owners: HashMap<OwnerId, usize>,
    pub receivables: HashMap<ReceivableId, usize>,
    pub suppliers: HashMap<SupplierId, usize>,
    pub invoices: HashMap<InvoiceId, usize>,
    pub batches: HashMap<BatchId, usize>,
    pub entries: HashMap<BatchEntryId, (usize, usize)>,
    pub slips: HashMap<SlipId, usize>,
    pub cheques: HashMap<ChequeId, (usize, usize)>,
}

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
    /// Opens a snapshot.
    #[must_use]
    pub fn open(data: Snapshot) -> Self {
        let mut by_id = ById::default();
        by_id.owners.extend(data.owners.iter().enumerate().map(|(i, o)| (o.id, i)));
        by_id.receivables.extend(data.receivables.iter().enumerate().map(|(i, r)| (r.id, i)));
        by_id.suppliers.extend(data.suppliers.iter().enumerate().map(|(i, s)| (s.id, i)));
        by_id.invoices.extend(data.invoices.iter().enumerate().map(|(i, v)| (v.id, i)));
        for (i, batch) in data.batches.iter().enumerate() {
            by_id.batches.insert(batch.id, i);
            by_id.entries.extend(batch.entries.iter().enumerate().map(|(k, e)| (e.id, (i, k))));
        }
        for (i, slip) in data.slips.iter().enumerate() {
            by_id.slips.insert(slip.id, i);
            by_id.cheques.extend(slip.cheques.iter().enumerate().map(|(k, c)| (c.id, (i, k))));
        }
        let mut receivables_of = vec![Vec::new(); data.owners.len()];
        for (i, receivable) in data.receivables.iter().enumerate() {
            if let Some(&owner) = by_id.owners.get(&receivable.owner) {
                receivables_of[owner].push(i);
            }
        }
        for list in &mut receivables_of {
            list.sort_by_key(|&i| (data.receivables[i].due_on, &data.receivables[i].external_ref));
        }
        let mut invoices_of = vec![Vec::new(); data.suppliers.len()];
        for (i, invoice) in data.invoices.iter().enumerate() {
            if let Some(&supplier) = by_id.suppliers.get(&invoice.supplier) {
                invoices_of[supplier].push(i);
            }
        }
        for list in &mut invoices_of {
            list.sort_by_key(|&i| (data.invoices[i].due_on, &data.invoices[i].external_ref));
        }
        let references = ReferenceIndex::of(&data, &by_id.owners);
        let names = NameIndex::of(&data);
        let mut book = Self {
            by_id,
            receivables_of,
            invoices_of,
            references,
            names,
            past: History::default(),
            data: Snapshot { history: Vec::new(), ..data.clone() },
        };
        for past in data.history {
            book.remember(past);
        }
        book
    }

    /// The condominium's data as it stands now.
    #[must_use]
    pub fn data(&self) -> &Snapshot {
        &self.data
    }

    /// The lines seen so far with what became of them, oldest first.
    #[must_use]
    pub fn history(&self) -> &[PastLine] {
        self.past.lines()
    }

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
                let Some(receivable) = self.receivable_of_charge(&charge) else { continue };
                self.settle_receivable(receivable, charge.gross);
                let known = &mut self.data.payouts[p].charges[c];
                known.posted = true;
                known.receivable = Some(receivable);
                facts.push(Fact::CardPaid { charge: charge.id, on: charge.created_on, receivable, amount: charge.gross });
            }
        }
        for b in 0..self.data.batches.len() {
            let batch = &mut self.data.batches[b];
            if batch.kind != BatchKind::DirectDebit || batch.collected || batch.collection_on > date {
                continue;
            }
            batch.collected = true;
            let batch = batch.clone();
            let mut entries = Vec::new();
            for entry in &batch.entries {
                if let EntryParty::Owner { receivable: Some(receivable), .. } = entry.party {
                    self.settle_receivable(receivable, entry.amount);
                    entries.push((entry.id, receivable, entry.amount));
                }
            }
            facts.push(Fact::DebitsCollected { batch: batch.id, on: batch.collection_on, entries });
        }
        facts
    }

    /// Applies what became of a line and remembers it.
    ///
    /// Posted allocations settle, reopen and move advances; a line in review
    /// holds the items of its candidates; a review that ends replaces what was
    /// remembered of the line.
    pub fn record(&mut self, line: &Line, outcome: Outcome) {
        if let Outcome::Posted { allocations, .. } = &outcome {
            self.apply(line, allocations);
        }
        self.remember(PastLine { line: line.clone(), outcome });
    }

    fn remember(&mut self, past: PastLine) {
        if !self.past.knows(past.line.id) {
            self.names.learn(&Label::read(&past.line.original_wording), past.line.amount > Money::ZERO);
        }
        self.past.push(past);
    }

    /// Learns that a payer pays for an owner.
    pub fn learn(&mut self, alias: Alias) {
        if !self.data.aliases.iter().any(|known| known.payer == alias.payer && known.owner == alias.owner) {
            self.data.aliases.push(alias);
        }
    }

    /// Forgets what a confirmation taught.
    pub fn unlearn(&mut self, alias: AliasId) {
        self.data.aliases.retain(|known| known.id != alias);
    }

    /// The payer that a confirmation of this line would teach, if its label names one.
    #[must_use]
    pub fn payer_of(line: &Line) -> Option<String> {
        let key = PastKey::of(line);
        (key.party.len() > 3).then_some(key.party)
    }

    pub(super) fn account(&self, id: BankAccountId) -> Option<&Account> {
        self.data.condominium.accounts.iter().find(|a| a.id == id)
    }

    pub(super) fn other_account(&self, id: BankAccountId) -> Option<&Account> {
        self.data.condominium.accounts.iter().find(|a| a.id != id)
    }

    pub(super) fn is_savings(&self, id: BankAccountId) -> bool {
        self.account(id).is_some_and(|a| a.kind == AccountKind::Savings)
    }

    fn apply(&mut self, line: &Line, allocations: &[Allocation]) {
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

    fn settle_receivable(&mut self, id: ReceivableId, amount: Money) {
        if let Some(&i) = self.by_id.receivables.get(&id) {
            let receivable = &mut self.data.receivables[i];
            receivable.open = (receivable.open - amount).max(Money::ZERO).min(receivable.amount);
        }
    }

    /// Lowers what is open on an invoice; a credit note moves the other way.
    fn settle_invoice(&mut self, id: InvoiceId, amount: Money) {
        if let Some(&i) = self.by_id.invoices.get(&id) {
            let invoice = &mut self.data.invoices[i];
            let left = invoice.open - amount;
            invoice.open = if invoice.amount < Money::ZERO { left.min(Money::ZERO) } else { left.max(Money::ZERO) };
        }
    }

    /// A bill paid on its own line: its entry of a transfer file is booked.
    fn book_entry(&mut self, id: InvoiceId, amount: Money) {
        for batch in &mut self.data.batches {
            for entry in &mut batch.entries {
                if let EntryParty::Supplier { invoice: Some(invoice), .. } = entry.party
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
        let Some(&b) = self.by_id.batches.get(&id) else { return };
        if self.data.batches[b].booked {
            return;
        }
        self.data.batches[b].booked = true;
        if self.data.batches[b].kind == BatchKind::CreditTransfer {
            for entry in self.data.batches[b].entries.clone() {
                if let EntryParty::Supplier { invoice: Some(invoice), .. } = entry.party {
                    self.settle_invoice(invoice, entry.amount);
                }
            }
        }
    }

    fn return_entry(&mut self, id: BatchEntryId) {
        let Some(&(b, e)) = self.by_id.entries.get(&id) else { return };
        let entry = &mut self.data.batches[b].entries[e];
        if entry.returned {
            return;
        }
        entry.returned = true;
        let (party, amount) = (entry.party.clone(), entry.amount);
        if let EntryParty::Owner { receivable: Some(receivable), .. } = party {
            self.settle_receivable(receivable, -amount);
        }
    }

    fn return_cheque(&mut self, id: ChequeId) {
        let Some(&(s, c)) = self.by_id.cheques.get(&id) else { return };
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
        if !allocations.iter().any(|a| a.cause == Cause::BankFee && a.amount < Money::ZERO) {
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
            .min_by_key(|&i| (self.data.payouts[i].arrives_on - line.date).num_days().abs())
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

    /// The receivable a card payment is for: told by the processor, or the only
    /// open one of that amount for the reference or e-mail address.
    pub(super) fn receivable_of_charge(&self, charge: &Charge) -> Option<ReceivableId> {
        if charge.receivable.is_some() {
            return charge.receivable;
        }
        let mut owners: Vec<usize> = Vec::new();
        let description = super::references::normal(&charge.description);
        for (i, owner) in self.data.owners.iter().enumerate() {
            let mail = owner.email.is_some() && owner.email == charge.customer_email;
            let reference = !description.is_empty()
                && self.receivables_of[i]
                    .iter()
                    .any(|&r| super::references::normal(&self.data.receivables[r].payment_reference) == description);
            if mail || reference {
                owners.push(i);
            }
        }
        let open = |r: usize| {
            let item = &self.data.receivables[r];
            item.open == charge.gross && item.issued_on <= charge.created_on
        };
        let referenced = |r: usize| super::references::normal(&self.data.receivables[r].payment_reference) == description;
        let mut fitting: Vec<usize> =
            owners.iter().flat_map(|&o| self.receivables_of[o].iter().copied().filter(|&r| open(r))).collect();
        if fitting.iter().any(|&r| referenced(r)) {
            fitting.retain(|&r| referenced(r));
        }
        let first = *fitting.first()?;
        let same_owner = fitting.iter().all(|&r| self.data.receivables[r].owner == self.data.receivables[first].owner);
        same_owner.then(|| self.data.receivables[first].id)
    }

    /// The fee this bank kept on an earlier return, if it was always the same.
    pub(super) fn usual_return_fee(&self) -> Option<Money> {
        let mut usual = None;
        for past in self.past.lines() {
            let Outcome::Posted { allocations, .. } = &past.outcome else { continue };
            if !allocations.iter().any(|a| matches!(a.cause, Cause::SepaReject(_))) {
                continue;
            }
            if let Some(fee) = allocations.iter().find(|a| a.cause == Cause::BankFee) {
                match usual {
                    None => usual = Some(-fee.amount),
                    Some(known) if known == -fee.amount => {}
                    Some(_) => return None,
                }
            }
        }
        usual
    }

    /// The owner an allocation concerns, if any.
    pub(super) fn owner_of(&self, cause: Cause) -> Option<usize> {
        owner_of(&self.by_id, &self.data, cause)
    }

    /// The supplier an allocation concerns, if any.
    pub(super) fn supplier_of(&self, cause: Cause) -> Option<usize> {
        match cause {
            Cause::SupplierInvoice(id) => {
                let i = *self.by_id.invoices.get(&id)?;
                self.by_id.suppliers.get(&self.data.invoices[i].supplier).copied()
            }
            Cause::SupplierAdvance(id) => self.by_id.suppliers.get(&id).copied(),
            _ => None,
        }
    }

    /// What an allocation takes from receivables; a return gives back.
    pub(super) fn taken(&self, allocation: Allocation) -> Vec<(ReceivableId, Money)> {
        match allocation.cause {
            Cause::Receivable(id) => vec![(id, allocation.amount)],
            Cause::SepaReject(id) => match self.by_id.entries.get(&id).map(|&(b, e)| &self.data.batches[b].entries[e]) {
                Some(BatchEntry { party: EntryParty::Owner { receivable: Some(r), .. }, amount, .. }) => {
                    vec![(*r, -*amount)]
                }
                _ => Vec::new(),
            },
            Cause::ChequeReject(id) => match self.by_id.cheques.get(&id).map(|&(s, c)| &self.data.slips[s].cheques[c]) {
                Some(cheque) => cheque.allocations.iter().map(|(r, amount)| (*r, -*amount)).collect(),
                None => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    /// What would be open on a receivable if so much more were taken.
    pub(super) fn left(&self, receivable: usize, taken: Money) -> Money {
        let item = &self.data.receivables[receivable];
        (item.open - taken).max(Money::ZERO).min(item.amount)
    }

    /// Whether a receivable is for works.
    pub(super) fn is_works(&self, receivable: usize) -> bool {
        self.data.receivables[receivable].kind == ReceivableKind::Works
    }
}

fn owner_of(by_id: &ById, data: &Snapshot, cause: Cause) -> Option<usize> {
    match cause {
        Cause::Receivable(id) => {
            let i = *by_id.receivables.get(&id)?;
            by_id.owners.get(&data.receivables[i].owner).copied()
        }
        Cause::OwnerAdvance(id) | Cause::OwnerRefund(id) => by_id.owners.get(&id).copied(),
        Cause::SepaReject(id) => {
            let (b, e) = *by_id.entries.get(&id)?;
            match &data.batches[b].entries[e].party {
                EntryParty::Owner { owner, .. } => by_id.owners.get(owner).copied(),
                EntryParty::Supplier { .. } => None,
            }
        }
        Cause::ChequeReject(id) => {
            let (s, c) = *by_id.cheques.get(&id)?;
            by_id.owners.get(&data.slips[s].cheques[c].owner).copied()
        }
        _ => None,
    }
}
