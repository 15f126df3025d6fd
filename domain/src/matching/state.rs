//! The working state: a snapshot plus what is decided on top of it.

use std::collections::HashMap;

use super::allocation::{Allocation, Cause};
use super::book::{
    Account, AccountKind, Alias, BatchEntry, EntryParty, Line, Outcome, PastLine, ReceivableKind,
    Snapshot,
};
use super::history::{History, PastKey};
use super::label::Label;
use super::names::NameIndex;
use super::references::ReferenceIndex;
use crate::ids::{
    AliasId, BankAccountId, BatchEntryId, BatchId, ChequeId, InvoiceId, OwnerId, ReceivableId,
    SlipId, SupplierId,
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

impl Book {
    /// Opens a snapshot.
    #[must_use]
    pub fn open(data: Snapshot) -> Self {
        let mut by_id = ById::default();
        by_id
            .owners
            .extend(data.owners.iter().enumerate().map(|(i, o)| (o.id, i)));
        by_id
            .receivables
            .extend(data.receivables.iter().enumerate().map(|(i, r)| (r.id, i)));
        by_id
            .suppliers
            .extend(data.suppliers.iter().enumerate().map(|(i, s)| (s.id, i)));
        by_id
            .invoices
            .extend(data.invoices.iter().enumerate().map(|(i, v)| (v.id, i)));
        for (i, batch) in data.batches.iter().enumerate() {
            by_id.batches.insert(batch.id, i);
            by_id.entries.extend(
                batch
                    .entries
                    .iter()
                    .enumerate()
                    .map(|(k, e)| (e.id, (i, k))),
            );
        }
        for (i, slip) in data.slips.iter().enumerate() {
            by_id.slips.insert(slip.id, i);
            by_id
                .cheques
                .extend(slip.cheques.iter().enumerate().map(|(k, c)| (c.id, (i, k))));
        }
        let mut receivables_of = vec![Vec::new(); data.owners.len()];
        for (i, receivable) in data.receivables.iter().enumerate() {
            if let Some(&owner) = by_id.owners.get(&receivable.owner) {
                receivables_of[owner].push(i);
            }
        }
        for list in &mut receivables_of {
            list.sort_by_key(|&i| {
                (
                    data.receivables[i].due_on,
                    &data.receivables[i].external_ref,
                )
            });
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
            data: Snapshot {
                history: Vec::new(),
                ..data.clone()
            },
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

    /// Applies what became of a line and remembers it.
    ///
    /// Posted allocations settle, reopen and move advances; a line in review
    /// holds the items of its candidates; a review that ends replaces what was
    /// remembered of the line.
    pub fn record(&mut self, line: &Line, outcome: Outcome) {
        if let Outcome::Posted { allocations, .. } = &outcome {
            self.apply(line, allocations);
        }
        self.remember(PastLine {
            line: line.clone(),
            outcome,
        });
    }

    fn remember(&mut self, past: PastLine) {
        if !self.past.knows(past.line.id) {
            self.names.learn(
                &Label::read(&past.line.original_wording),
                past.line.amount > Money::ZERO,
            );
        }
        self.past.push(past);
    }

    /// Learns that a payer pays for an owner.
    pub fn learn(&mut self, alias: Alias) {
        if !self
            .data
            .aliases
            .iter()
            .any(|known| known.payer == alias.payer && known.owner == alias.owner)
        {
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
        self.account(id)
            .is_some_and(|a| a.kind == AccountKind::Savings)
    }

    /// The fee this bank kept on an earlier return, if it was always the same.
    pub(super) fn usual_return_fee(&self) -> Option<Money> {
        let mut usual = None;
        for past in self.past.lines() {
            let Outcome::Posted { allocations, .. } = &past.outcome else {
                continue;
            };
            if !allocations
                .iter()
                .any(|a| matches!(a.cause, Cause::SepaReject(_)))
            {
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
                self.by_id
                    .suppliers
                    .get(&self.data.invoices[i].supplier)
                    .copied()
            }
            Cause::SupplierAdvance(id) => self.by_id.suppliers.get(&id).copied(),
            _ => None,
        }
    }

    /// What an allocation takes from receivables; a return gives back.
    pub(super) fn taken(&self, allocation: Allocation) -> Vec<(ReceivableId, Money)> {
        match allocation.cause {
            Cause::Receivable(id) => vec![(id, allocation.amount)],
            Cause::SepaReject(id) => match self
                .by_id
                .entries
                .get(&id)
                .map(|&(b, e)| &self.data.batches[b].entries[e])
            {
                Some(BatchEntry {
                    party:
                        EntryParty::Owner {
                            receivable: Some(r),
                            ..
                        },
                    amount,
                    ..
                }) => {
                    vec![(*r, -*amount)]
                }
                _ => Vec::new(),
            },
            Cause::ChequeReject(id) => match self
                .by_id
                .cheques
                .get(&id)
                .map(|&(s, c)| &self.data.slips[s].cheques[c])
            {
                Some(cheque) => cheque
                    .allocations
                    .iter()
                    .map(|(r, amount)| (*r, -*amount))
                    .collect(),
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
