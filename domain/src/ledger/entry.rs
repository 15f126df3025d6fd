//! A journal entry (*écriture*): lines whose debits equal their credits.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::Account;
use crate::ids::{
    BankAccountId, BatchId, ChargeId, ChequeId, InvoiceId, MatchId, OwnerId, ReceivableId,
    SupplierId,
};
use crate::money::Money;

/// What an entry comes from; each thing is in the ledger once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// A decided bank line.
    Match(MatchId),
    /// A cheque that came in.
    Cheque(ChequeId),
    /// A card payment.
    Charge(ChargeId),
    /// A direct debit file that was collected.
    Batch(BatchId),
}

/// Whose account it is: the auxiliary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// An owner account.
    Owner(OwnerId),
    /// A supplier.
    Supplier(SupplierId),
    /// A bank account.
    Bank(BankAccountId),
}

/// What a line settles, or opens again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item {
    /// A receivable: a credit settles it.
    Receivable(ReceivableId),
    /// A supplier document: a debit settles it.
    Invoice(InvoiceId),
}

/// One line of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryLine {
    /// The account.
    pub account: Account,
    /// Its auxiliary, where it has one.
    pub party: Option<Party>,
    /// What it settles.
    pub item: Option<Item>,
    /// Debit when positive, credit when negative; never zero.
    pub amount: Money,
}

impl EntryLine {
    /// Debit, zero for a credit.
    #[must_use]
    pub fn debit(&self) -> Money {
        self.amount.max(Money::ZERO)
    }

    /// Credit, zero for a debit.
    #[must_use]
    pub fn credit(&self) -> Money {
        (-self.amount).max(Money::ZERO)
    }
}

/// A journal entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it comes from.
    pub cause: Cause,
    /// Its day in the ledger.
    pub posted_on: NaiveDate,
    /// Its lines.
    pub lines: Vec<EntryLine>,
}

impl Entry {
    /// Debits less credits: zero, or the entry is none.
    #[must_use]
    pub fn difference(&self) -> Money {
        self.lines.iter().map(|line| line.amount).sum()
    }

    /// What each account moves by, with its auxiliary.
    #[must_use]
    pub fn movements(&self) -> BTreeMap<(Account, Option<Party>), Money> {
        let mut movements = BTreeMap::new();
        for line in &self.lines {
            *movements.entry((line.account, line.party)).or_default() += line.amount;
        }
        movements
    }
}
