//! Payments of supplier invoices, and refunds of credit notes.

use super::allocation::{Allocation, Cause};
use super::book::Line;
use super::label::Label;
use super::spread::{Item, Spread, spread};
use super::state::Book;
use crate::ids::SupplierId;
use crate::money::Money;

impl Book {
    /// How the convention spreads a debit over the open bills of a supplier.
    #[must_use]
    pub fn spread_bill(&self, line: &Line, supplier: SupplierId) -> Option<Vec<Allocation>> {
        let supplier = *self.by_id.suppliers.get(&supplier)?;
        let label = Label::read(&line.original_wording);
        let (spread, items) = self.spread_bills(line, supplier, &label);
        Some(self.settlement(supplier, &spread, &items, line.amount))
    }

    /// Spreads a line over a supplier's open documents; amounts as positive when we pay.
    pub(super) fn spread_bills(&self, line: &Line, supplier: usize, label: &Label) -> (Spread, Vec<usize>) {
        let pays = line.amount < Money::ZERO;
        let items: Vec<usize> = self.invoices_of[supplier]
            .iter()
            .copied()
            .filter(|&i| !self.data.invoices[i].open.is_zero() && self.data.invoices[i].issued_on <= line.date)
            .filter(|&i| pays || self.data.invoices[i].open < Money::ZERO)
            .collect();
        let mut list: Vec<Item> = items
            .iter()
            .map(|&i| {
                let open = self.data.invoices[i].open;
                Item { open: if pays { open } else { -open }, named: self.names_bill(label, i) }
            })
            .collect();
        let named: Money = list.iter().filter(|i| i.named).map(|i| i.open).sum();
        let credit: Money = list.iter().filter(|i| !i.named && i.open < Money::ZERO).map(|i| i.open).sum();
        if credit < Money::ZERO && named + credit == line.amount.abs() {
            for item in list.iter_mut().filter(|i| i.open < Money::ZERO) {
                item.named = true;
            }
        }
        (spread(&list, line.amount.abs()), items)
    }

    /// The allocations of a spread over bills, with the sign of the line.
    pub(super) fn settlement(&self, supplier: usize, spread: &Spread, items: &[usize], amount: Money) -> Vec<Allocation> {
        let signed = |part: Money| if amount < Money::ZERO { -part } else { part };
        let mut allocations: Vec<Allocation> = spread
            .parts
            .iter()
            .map(|&(i, part)| Allocation::new(Cause::SupplierInvoice(self.data.invoices[items[i]].id), signed(part)))
            .collect();
        if spread.rest > Money::ZERO {
            allocations.push(Allocation::new(Cause::SupplierAdvance(self.data.suppliers[supplier].id), signed(spread.rest)));
        }
        allocations
    }

    /// Whether the label holds the bill's number, whole.
    pub(super) fn names_bill(&self, label: &Label, invoice: usize) -> bool {
        let number = super::references::normal(&self.data.invoices[invoice].number);
        if number.len() < 4 {
            return false;
        }
        let words = &label.words;
        (0..words.len()).any(|at| {
            let mut text = String::new();
            words[at..].iter().any(|word| {
                text.push_str(&word.text);
                text == number
            })
        })
    }
}
