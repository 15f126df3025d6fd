//! What is open while entries are made, so that nothing is settled twice.

use std::collections::HashMap;

use super::Account;
use super::entry::{EntryLine, Item, Party};
use crate::ids::{OwnerId, ReceivableId};
use crate::matching::{Invoice, Receivable};
use crate::money::Money;

/// An item as the ledger sees it.
#[derive(Clone, Copy, Debug)]
struct State {
    account: Account,
    party: Party,
    /// Owed in all, negative for a credit note.
    amount: Money,
    /// Still owed, between nothing and `amount`.
    open: Money,
}

/// Receivables and supplier documents with what is open of each.
#[derive(Clone, Debug, Default)]
pub struct Items {
    states: HashMap<Item, State>,
}

impl Items {
    /// The items as they stand.
    #[must_use]
    pub fn new(receivables: &[Receivable], invoices: &[Invoice]) -> Self {
        let receivables = receivables.iter().map(|r| {
            let account = Account::of_receivable(r.kind);
            let state = State {
                account,
                party: Party::Owner(r.owner),
                amount: r.amount,
                open: r.open,
            };
            (Item::Receivable(r.id), state)
        });
        let invoices = invoices.iter().map(|i| {
            let account = Account::of_document(i.document);
            let state = State {
                account,
                party: Party::Supplier(i.supplier),
                amount: i.amount,
                open: i.open,
            };
            (Item::Invoice(i.id), state)
        });
        Self {
            states: receivables.chain(invoices).collect(),
        }
    }

    /// What is open of an item; none when it is not known.
    #[must_use]
    pub fn open(&self, item: Item) -> Option<Money> {
        self.states.get(&item).map(|state| state.open)
    }

    /// The owner who owes a receivable.
    pub(super) fn owner(&self, receivable: ReceivableId) -> Option<OwnerId> {
        match self.states.get(&Item::Receivable(receivable))?.party {
            Party::Owner(owner) => Some(owner),
            _ => None,
        }
    }

    /// The account on which an item is owed.
    pub(super) fn account(&self, item: Item) -> Option<Account> {
        self.states.get(&item).map(|state| state.account)
    }

    /// Lines that move `amount` (debit when positive) on the account of `item`.
    ///
    /// Only as much as is open is settled, only as much as was settled is
    /// opened again; what is beyond stands on `rest`, without the item.
    pub(super) fn settle(&mut self, item: Item, amount: Money, rest: Account) -> Vec<EntryLine> {
        let Some(state) = self.states.get_mut(&item) else {
            return Vec::new();
        };
        // In the direction in which the item is owed: a credit settles a
        // receivable, a debit a supplier document.
        let settling = match item {
            Item::Receivable(_) => -amount,
            Item::Invoice(_) => amount,
        };
        let (low, high) = (state.amount.min(Money::ZERO), state.amount.max(Money::ZERO));
        let after = (state.open - settling).clamp(low, high);
        let settled = state.open - after;
        state.open = after;
        let with_item = match item {
            Item::Receivable(_) => -settled,
            Item::Invoice(_) => settled,
        };
        let line = |account, item, amount| EntryLine {
            account,
            party: Some(state.party),
            item,
            amount,
        };
        [
            line(state.account, Some(item), with_item),
            line(rest, None, amount - with_item),
        ]
        .into_iter()
        .filter(|line| !line.amount.is_zero())
        .collect()
    }

    /// The lines that take `line` back.
    pub(super) fn reverse(&mut self, line: &EntryLine) -> Vec<EntryLine> {
        match line.item {
            Some(item) if self.states.contains_key(&item) => {
                self.settle(item, -line.amount, line.account)
            }
            _ => vec![EntryLine {
                amount: -line.amount,
                ..*line
            }],
        }
    }
}
