//! Entries of bank lines and of payments known before the bank knows them.

use std::collections::HashMap;

use super::Account;
use super::entry::{Cause as EntryCause, Entry, EntryLine, Item, Party};
use super::items::Items;
use crate::ids::{
    BankAccountId, BatchEntryId, BatchId, ChargeId, ChequeId, InvoiceId, MatchId, OwnerId,
    PayoutId, ReceivableId, SupplierId,
};
use crate::matching::{
    AccountKind, Allocation, Batch, BatchKind, Cause, Cheque, EntryParty, Fact, Line, Snapshot,
};
use crate::money::Money;

/// Why allocations have no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// An allocation points outside the condominium.
    #[error("the allocation points to nothing this condominium has")]
    UnknownTarget,
    /// The line stands on an account of another condominium.
    #[error("the bank account is none of this condominium's")]
    UnknownAccount,
    /// The part for a SEPA file is not its total.
    #[error("the part for a SEPA file of suppliers must be its total")]
    NotTheTotal,
}

/// A card payment: whether the ledger has it, and for what.
#[derive(Clone, Copy, Debug)]
struct Paid {
    receivable: Option<ReceivableId>,
    gross: Money,
    posted: bool,
}

/// Makes entries, in the order in which things happen.
///
/// Keeps what is open of each item: the same item is never settled twice.
#[derive(Clone, Debug)]
pub struct Ledger {
    items: Items,
    banks: HashMap<BankAccountId, AccountKind>,
    batches: HashMap<BatchId, Batch>,
    entries: HashMap<BatchEntryId, BatchId>,
    cheques: HashMap<ChequeId, Cheque>,
    payouts: HashMap<PayoutId, Vec<ChargeId>>,
    charges: HashMap<ChargeId, Paid>,
}

impl Ledger {
    /// The ledger of a condominium as it stands.
    #[must_use]
    pub fn new(data: &Snapshot) -> Self {
        let banks = data
            .condominium
            .accounts
            .iter()
            .map(|account| (account.id, account.kind))
            .collect();
        let entries = data
            .batches
            .iter()
            .flat_map(|b| b.entries.iter().map(|entry| (entry.id, b.id)))
            .collect();
        let cheques = data
            .slips
            .iter()
            .flat_map(|slip| &slip.cheques)
            .map(|cheque| (cheque.id, cheque.clone()));
        let charges = data
            .payouts
            .iter()
            .flat_map(|payout| &payout.charges)
            .map(|charge| {
                let paid = Paid {
                    receivable: charge.receivable,
                    gross: charge.gross,
                    posted: charge.posted,
                };
                (charge.id, paid)
            });
        Self {
            items: Items::new(&data.receivables, &data.invoices),
            banks,
            batches: data
                .batches
                .iter()
                .map(|batch| (batch.id, batch.clone()))
                .collect(),
            entries,
            cheques: cheques.collect(),
            payouts: data
                .payouts
                .iter()
                .map(|p| (p.id, p.charges.iter().map(|c| c.id).collect()))
                .collect(),
            charges: charges.collect(),
        }
    }

    /// The items with what is open of each.
    #[must_use]
    pub fn items(&self) -> &Items {
        &self.items
    }

    /// The items, to take an entry back.
    pub fn items_mut(&mut self) -> &mut Items {
        &mut self.items
    }

    /// The entry of a payment that our books know before the bank does; none
    /// when it moves nothing.
    pub fn fact(&mut self, fact: &Fact) -> Option<Entry> {
        let mut lines = Vec::new();
        let (cause, posted_on) = match fact {
            Fact::ChequeReceived { cheque, on, .. } => {
                lines = self.cheque(*cheque, -1)?;
                lines.insert(0, in_transit(Account::Cheques, -total(&lines)));
                (EntryCause::Cheque(*cheque), *on)
            }
            Fact::CardPaid {
                charge,
                on,
                receivable,
                amount,
            } => {
                lines.push(in_transit(Account::CardPayments, *amount));
                lines.extend(self.receivable(*receivable, -*amount).ok()?);
                let gross = *amount;
                self.charges.insert(
                    *charge,
                    Paid {
                        receivable: Some(*receivable),
                        gross,
                        posted: true,
                    },
                );
                (EntryCause::Charge(*charge), *on)
            }
            Fact::DebitsCollected { batch, on, .. } => {
                let entries = self.batches.get(batch)?.entries.clone();
                for entry in &entries {
                    lines.extend(self.debit(&entry.party, -entry.amount).ok()?);
                }
                lines.insert(0, in_transit(Account::DirectDebits, -total(&lines)));
                (EntryCause::Batch(*batch), *on)
            }
        };
        lines.retain(|line| !line.amount.is_zero());
        (!lines.is_empty()).then_some(Entry {
            cause,
            posted_on,
            lines,
        })
    }

    /// The entry of a decided line; none when it moves nothing, as a duplicate.
    ///
    /// `payout` is the card payout that the line pays out, if it is one.
    ///
    /// # Errors
    /// When an allocation points outside the condominium, or breaks a SEPA file apart.
    pub fn line(
        &mut self,
        id: MatchId,
        line: &Line,
        allocations: &[Allocation],
        payout: Option<PayoutId>,
    ) -> Result<Option<Entry>, LedgerError> {
        let kind = *self
            .banks
            .get(&line.account)
            .ok_or(LedgerError::UnknownAccount)?;
        let before = self.items.clone();
        let mut lines = Vec::new();
        let mut paid_out = payout
            .map(|payout| self.paid_out(payout))
            .unwrap_or_default();
        for allocation in allocations {
            match self.other_side(*allocation, &mut paid_out) {
                Ok(other) => lines.extend(other),
                Err(error) => {
                    self.items = before;
                    return Err(error);
                }
            }
        }
        let bank = EntryLine {
            account: Account::of_bank(kind),
            party: Some(Party::Bank(line.account)),
            item: None,
            amount: -total(&lines),
        };
        lines.insert(0, bank);
        lines.retain(|line| !line.amount.is_zero());
        let entry = Entry {
            cause: EntryCause::Match(id),
            posted_on: line.date,
            lines,
        };
        Ok((!entry.lines.is_empty()).then_some(entry))
    }

    /// The side of an allocation that is not the bank's.
    fn other_side(
        &mut self,
        Allocation { cause, amount }: Allocation,
        paid_out: &mut HashMap<ReceivableId, Money>,
    ) -> Result<Vec<EntryLine>, LedgerError> {
        let plain = |account, amount| Ok(vec![in_transit(account, amount)]);
        match cause {
            Cause::Receivable(id) => {
                let known = paid_out.remove(&id).unwrap_or_default().min(amount);
                let mut lines = vec![in_transit(Account::CardPayments, -known)];
                lines.extend(self.receivable(id, -(amount - known))?);
                Ok(lines)
            }
            Cause::OwnerAdvance(id) | Cause::OwnerRefund(id) => Ok(vec![of_party(
                Account::OwnerBudget,
                Party::Owner(id),
                -amount,
            )]),
            Cause::SupplierInvoice(id) => self.invoice(id, -amount),
            Cause::SupplierAdvance(id) => Ok(vec![of_party(
                Account::SupplierAdvances,
                Party::Supplier(id),
                -amount,
            )]),
            Cause::SepaBatch(id) => match self
                .batches
                .get(&id)
                .ok_or(LedgerError::UnknownTarget)?
                .kind
            {
                BatchKind::DirectDebit => plain(Account::DirectDebits, -amount),
                BatchKind::CreditTransfer => self.transfers(id, amount),
            },
            Cause::SepaReject(id) => {
                let batch = self
                    .entries
                    .get(&id)
                    .and_then(|batch| self.batches.get(batch));
                let entry =
                    batch.and_then(|batch| batch.entries.iter().find(|entry| entry.id == id));
                let party = entry.ok_or(LedgerError::UnknownTarget)?.party.clone();
                self.debit(&party, -amount)
            }
            Cause::ChequeDeposit(_) => plain(Account::Cheques, -amount),
            Cause::ChequeReject(id) => self.returned_cheque(id, -amount),
            Cause::BankFee if amount < Money::ZERO => plain(Account::BankFees, -amount),
            Cause::BankFee => plain(Account::Interest, -amount),
            Cause::InternalTransfer(_) => plain(Account::InternalTransfers, -amount),
            Cause::DuplicateImport(_) => Ok(Vec::new()),
            Cause::Unknown if amount < Money::ZERO => plain(Account::SuspenseDebit, -amount),
            Cause::Unknown => plain(Account::SuspenseCredit, -amount),
        }
    }

    /// What the payout's card payments put on 461-PSP, by receivable.
    fn paid_out(&self, payout: PayoutId) -> HashMap<ReceivableId, Money> {
        let mut sums: HashMap<ReceivableId, Money> = HashMap::new();
        let charges = self
            .payouts
            .get(&payout)
            .into_iter()
            .flatten()
            .filter_map(|id| self.charges.get(id));
        for paid in charges.filter(|paid| paid.posted) {
            if let Some(receivable) = paid.receivable {
                *sums.entry(receivable).or_default() += paid.gross;
            }
        }
        sums
    }

    fn receivable(
        &mut self,
        id: ReceivableId,
        amount: Money,
    ) -> Result<Vec<EntryLine>, LedgerError> {
        self.items.owner(id).ok_or(LedgerError::UnknownTarget)?;
        Ok(self
            .items
            .settle(Item::Receivable(id), amount, Account::OwnerBudget))
    }

    fn invoice(&mut self, id: InvoiceId, amount: Money) -> Result<Vec<EntryLine>, LedgerError> {
        let account = self
            .items
            .account(Item::Invoice(id))
            .ok_or(LedgerError::UnknownTarget)?;
        Ok(self.items.settle(Item::Invoice(id), amount, account))
    }

    /// A direct debit on the account of its debtor: collected (credit) or returned (debit).
    fn debit(&mut self, party: &EntryParty, amount: Money) -> Result<Vec<EntryLine>, LedgerError> {
        match *party {
            EntryParty::Owner {
                receivable: Some(receivable),
                ..
            } => self.receivable(receivable, amount),
            EntryParty::Owner {
                owner,
                receivable: None,
                ..
            } => Ok(vec![owed(owner, amount)]),
            EntryParty::Supplier { .. } => Err(LedgerError::UnknownTarget),
        }
    }

    /// The suppliers of a file that the bank booked in one line.
    fn transfers(&mut self, batch: BatchId, amount: Money) -> Result<Vec<EntryLine>, LedgerError> {
        let entries = self
            .batches
            .get(&batch)
            .map(|batch| batch.entries.clone())
            .unwrap_or_default();
        if entries.iter().map(|entry| entry.amount).sum::<Money>() != -amount {
            return Err(LedgerError::NotTheTotal);
        }
        let mut lines = Vec::new();
        for entry in entries {
            match entry.party {
                EntryParty::Supplier {
                    invoice: Some(invoice),
                    ..
                } => lines.extend(self.invoice(invoice, entry.amount)?),
                EntryParty::Supplier {
                    supplier,
                    invoice: None,
                } => lines.push(advance(supplier, entry.amount)),
                EntryParty::Owner { .. } => return Err(LedgerError::UnknownTarget),
            }
        }
        Ok(lines)
    }

    /// What a cheque pays, as one side of its entry; `sign` is -1 when it comes in, 1 when it comes back.
    fn cheque(&mut self, id: ChequeId, sign: i64) -> Option<Vec<EntryLine>> {
        let cheque = self.cheques.get(&id)?.clone();
        let signed = |amount: Money| Money::from_cents(amount.cents() * sign);
        let mut lines = Vec::new();
        for &(receivable, amount) in &cheque.allocations {
            lines.extend(self.receivable(receivable, signed(amount)).ok()?);
        }
        let rest = signed(cheque.amount) - total(&lines);
        lines.push(owed(cheque.owner, rest));
        Some(lines)
    }

    /// A returned cheque: what it paid is open again, by as much as the bank took back.
    fn returned_cheque(
        &mut self,
        id: ChequeId,
        amount: Money,
    ) -> Result<Vec<EntryLine>, LedgerError> {
        let owner = self
            .cheques
            .get(&id)
            .ok_or(LedgerError::UnknownTarget)?
            .owner;
        let mut lines = self.cheque(id, 1).ok_or(LedgerError::UnknownTarget)?;
        lines.push(owed(owner, amount - total(&lines)));
        Ok(lines)
    }
}

fn total(lines: &[EntryLine]) -> Money {
    lines.iter().map(|line| line.amount).sum()
}

fn in_transit(account: Account, amount: Money) -> EntryLine {
    EntryLine {
        account,
        party: None,
        item: None,
        amount,
    }
}

fn of_party(account: Account, party: Party, amount: Money) -> EntryLine {
    EntryLine {
        account,
        party: Some(party),
        item: None,
        amount,
    }
}

fn owed(owner: OwnerId, amount: Money) -> EntryLine {
    of_party(Account::OwnerBudget, Party::Owner(owner), amount)
}

fn advance(supplier: SupplierId, amount: Money) -> EntryLine {
    of_party(Account::SupplierAdvances, Party::Supplier(supplier), amount)
}
