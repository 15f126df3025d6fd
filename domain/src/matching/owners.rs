//! Payments by owners: who pays, and what.

use super::allocation::{Allocation, Cause};
use super::book::Line;
use super::label::Label;
use super::marks::Marks;
use super::spread::{Item, Spread, spread};
use super::state::Book;
use crate::ids::OwnerId;
use crate::money::Money;

impl Book {
    /// How the convention spreads a credit over what an owner owes on that day.
    ///
    /// For a person who picks the owner: the same answer as an automatic posting.
    #[must_use]
    pub fn spread_payment(&self, line: &Line, owner: OwnerId) -> Option<Vec<Allocation>> {
        let owner = *self.by_id.owners.get(&owner)?;
        let marks = Marks::read(self, &Label::read(&line.original_wording));
        let (spread, items) =
            self.spread_over(line, owner, &marks, &|r| self.data.receivables[r].open);
        Some(self.payment(owner, &spread, &items))
    }

    /// Spreads a line over an owner's open items, with open amounts given by `open`.
    pub(super) fn spread_over(
        &self,
        line: &Line,
        owner: usize,
        marks: &Marks,
        open: &dyn Fn(usize) -> Money,
    ) -> (Spread, Vec<usize>) {
        let items: Vec<usize> = self.receivables_of[owner]
            .iter()
            .copied()
            .filter(|&r| open(r) > Money::ZERO && self.data.receivables[r].issued_on <= line.date)
            .collect();
        let named = marks.named(self, &items);
        let list: Vec<Item> = items
            .iter()
            .zip(named)
            .map(|(&r, named)| Item {
                open: open(r),
                named,
            })
            .collect();
        (spread(&list, line.amount), items)
    }

    /// The allocations of a spread.
    pub(super) fn payment(
        &self,
        owner: usize,
        spread: &Spread,
        items: &[usize],
    ) -> Vec<Allocation> {
        let mut allocations: Vec<Allocation> = spread
            .parts
            .iter()
            .map(|&(i, part)| {
                Allocation::new(Cause::Receivable(self.data.receivables[items[i]].id), part)
            })
            .collect();
        if spread.rest > Money::ZERO {
            allocations.push(Allocation::new(
                Cause::OwnerAdvance(self.data.owners[owner].id),
                spread.rest,
            ));
        }
        allocations
    }
}
