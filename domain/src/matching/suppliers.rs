//! Payments of supplier invoices, and refunds of credit notes.
#![expect(
    clippy::float_arithmetic,
    reason = "a weight of evidence is a log-odds, not money"
)]

use super::allocation::{Allocation, Cause};
use super::book::{Line, LineKind, PaymentMode};
use super::decide::{Explained, Reading};
use super::decision::{Holder, Scored};
use super::evidence::{Evidence, EvidenceCode};
use super::history::PartyPast;
use super::label::Label;
use super::names::Grade;
use super::references::normal;
use super::spread::{Item, Rule, Spread, spread};
use super::state::Book;
use crate::ids::SupplierId;
use crate::money::Money;

impl Book {
    /// How the convention spreads a debit over the open bills of a supplier.
    #[must_use]
    pub fn spread_bill(&self, line: &Line, supplier: SupplierId) -> Option<Vec<Allocation>> {
        let supplier = *self.by_id.suppliers.get(&supplier)?;
        let label = Label::read(&line.original_wording);
        let (spread, items) =
            self.spread_bills(line, supplier, &label, &|i| self.data.invoices[i].open);
        Some(self.settlement(supplier, &spread, &items, line.amount))
    }

    /// Spreads a line over a supplier's open documents; amounts as positive when we pay.
    pub(super) fn spread_bills(
        &self,
        line: &Line,
        supplier: usize,
        label: &Label,
        open: &dyn Fn(usize) -> Money,
    ) -> (Spread, Vec<usize>) {
        let pays = line.amount < Money::ZERO;
        let items: Vec<usize> = self.invoices_of[supplier]
            .iter()
            .copied()
            .filter(|&i| !open(i).is_zero() && self.data.invoices[i].issued_on <= line.date)
            .filter(|&i| pays || open(i) < Money::ZERO)
            .collect();
        let mut list: Vec<Item> = items
            .iter()
            .map(|&i| {
                let open = open(i);
                Item {
                    open: if pays { open } else { -open },
                    named: self.names_bill(label, i),
                }
            })
            .collect();
        let named: Money = list.iter().filter(|i| i.named).map(|i| i.open).sum();
        let credit: Money = list
            .iter()
            .filter(|i| !i.named && i.open < Money::ZERO)
            .map(|i| i.open)
            .sum();
        if credit < Money::ZERO && named + credit == line.amount.abs() {
            for item in list.iter_mut().filter(|i| i.open < Money::ZERO) {
                item.named = true;
            }
        }
        (spread(&list, line.amount.abs()), items)
    }

    /// The allocations of a spread over bills, with the sign of the line.
    pub(super) fn settlement(
        &self,
        supplier: usize,
        spread: &Spread,
        items: &[usize],
        amount: Money,
    ) -> Vec<Allocation> {
        let signed = |part: Money| if amount < Money::ZERO { -part } else { part };
        let mut allocations: Vec<Allocation> = spread
            .parts
            .iter()
            .map(|&(i, part)| {
                Allocation::new(
                    Cause::SupplierInvoice(self.data.invoices[items[i]].id),
                    signed(part),
                )
            })
            .collect();
        if spread.rest > Money::ZERO {
            allocations.push(Allocation::new(
                Cause::SupplierAdvance(self.data.suppliers[supplier].id),
                signed(spread.rest),
            ));
        }
        allocations
    }

    /// Whether the label holds the bill's number, whole.
    pub(super) fn names_bill(&self, label: &Label, invoice: usize) -> bool {
        let number = normal(&self.data.invoices[invoice].number);
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

/// Explains a line as the payment of bills, or the refund of a credit note.
pub(super) fn explain(book: &Book, reading: &Reading<'_>) -> Explained {
    let line = reading.line;
    let names = &reading.suppliers;
    let text: String = reading
        .label
        .words
        .iter()
        .map(|w| w.text.as_str())
        .collect();
    let pays = line.amount < Money::ZERO;
    let mut scored = Vec::new();
    let mut best_fit = f64::NEG_INFINITY;
    let mut named_best: Option<(usize, f64)> = None;
    for (supplier, name) in names.iter().enumerate() {
        let data = &book.data.suppliers[supplier];
        let mut evidence = Vec::new();
        let mut weight = 0.0;
        let mut identified = false;
        if let Some(name) = name {
            weight += name.weight;
            identified |= name.grade >= Grade::Surname;
            evidence.push(
                Evidence::new(EvidenceCode::SupplierName, name.weight).with("supplier", &data.name),
            );
        }
        let creditor = data
            .creditor_identifier
            .as_deref()
            .map(normal)
            .unwrap_or_default();
        if creditor.len() >= 8 && text.contains(&creditor) {
            weight += 10.0;
            identified = true;
            evidence.push(
                Evidence::new(EvidenceCode::CreditorIdentifier, 10.0).with("identifier", &creditor),
            );
        }
        let (past, count) = past_supplier(reading, supplier);
        if past.abs() > 0.0 {
            weight += past;
            identified |= past > 0.0;
            if count > 0 {
                evidence.push(
                    Evidence::new(EvidenceCode::PayerHistory, past)
                        .with("count", count)
                        .with("payer", &reading.party),
                );
            }
        }
        let (spread, items) = book.spread_bills(line, supplier, &reading.label, &|i| {
            reading.expected.invoice(book, i)
        });
        let cited = items.iter().any(|&i| book.names_bill(&reading.label, i));
        if cited {
            weight += 6.0;
            identified |= name.is_some();
            evidence.push(Evidence::new(EvidenceCode::BillNumber, 6.0));
        }
        let exact = spread.rest.is_zero()
            && matches!(
                spread.rule,
                Rule::Named | Rule::Single | Rule::All | Rule::Oldest
            );
        if weight <= 0.0 && !(exact && spread.rule == Rule::Single) {
            continue;
        }
        if !pays && items.is_empty() {
            continue;
        }
        if named_best.is_none_or(|(_, w)| weight > w) {
            named_best = Some((supplier, weight));
        }
        let (mut amount, code) = bill_weight(book, line, &spread, &items);
        let debit = is_debit(reading);
        if code == EvidenceCode::NoOpenBill && debit && !creditor.is_empty() && identified {
            amount += 3.0;
        }
        evidence.push(
            Evidence::new(code, amount)
                .with("amount", line.amount.abs())
                .with("count", spread.parts.len()),
        );
        identified |= exact && (name.is_some() || cited);
        let base = if weight > 0.0 { weight } else { STRANGER };
        let score = base + amount + mode_weight(book, reading, &spread, &items);
        best_fit = best_fit.max(if exact { score } else { f64::NEG_INFINITY });
        scored.push(Scored {
            allocations: book.settlement(supplier, &spread, &items, line.amount),
            score,
            reliability: if spread.contested {
                0.6
            } else if exact {
                0.998
            } else {
                0.99
            },
            identified,
            claimed: weight > 0.0,
            evidence,
            holder: Holder::Supplier(supplier),
        });
    }
    let unknown = match named_best {
        Some((supplier, weight)) if pays && best_fit == f64::NEG_INFINITY => {
            elsewhere(book, line, supplier, weight)
        }
        _ => f64::NEG_INFINITY,
    };
    let against = if unknown.is_finite() {
        vec![
            Evidence::new(EvidenceCode::OtherCondominium, unknown)
                .with("amount", line.amount.abs()),
        ]
    } else {
        Vec::new()
    };
    Explained {
        scored,
        unknown,
        against,
    }
}

/// A supplier that only the amount points to.
const STRANGER: f64 = -1.5;

/// The supplier's bill of exactly that amount in another condominium.
fn elsewhere(book: &Book, line: &Line, supplier: usize, weight: f64) -> f64 {
    let id = book.data.suppliers[supplier].id;
    let found = book
        .data
        .neighbours
        .iter()
        .flat_map(|n| &n.invoices)
        .any(|i| {
            i.supplier == id
                && i.amount == line.amount.abs()
                && i.issued_on <= line.date
                && (line.date - i.issued_on).num_days() < 150
        });
    if found {
        weight + 3.0
    } else {
        f64::NEG_INFINITY
    }
}

/// What the amount says, given the supplier.
fn bill_weight(book: &Book, line: &Line, spread: &Spread, items: &[usize]) -> (f64, EvidenceCode) {
    let whole = spread.rest.is_zero();
    match spread.rule {
        Rule::Named | Rule::Single | Rule::All | Rule::Oldest
            if whole && !spread.parts.is_empty() =>
        {
            (5.5, EvidenceCode::BillAmount)
        }
        Rule::Near => (2.0, EvidenceCode::AmountNear),
        Rule::Subset => (3.0, EvidenceCode::AmountSubset),
        _ if items.is_empty() => (-0.5, EvidenceCode::NoOpenBill),
        _ if whole && retention(book, line, spread, items) => (4.5, EvidenceCode::AmountPartial),
        _ => (-2.0, EvidenceCode::AmountPartial),
    }
}

/// One bill less the five per cent that are kept on works.
fn retention(book: &Book, line: &Line, spread: &Spread, items: &[usize]) -> bool {
    let paid = line.amount.abs().cents();
    spread.parts.iter().any(|&(i, _)| {
        let gross = book.data.invoices[items[i]].amount.cents();
        (gross * 95 - paid * 100).abs() <= 150
    })
}

/// The line is a direct debit, by its words or by its kind.
fn is_debit(reading: &Reading<'_>) -> bool {
    let label = &reading.label;
    label.has_stem(&["PRLV", "PREL", "PRV", "SDD"])
        || reading.line.kind == LineKind::Order && !label.has_stem(&["VIR", "VRT"])
}

/// A bill that the supplier debits is not paid by our transfer, and the reverse.
fn mode_weight(book: &Book, reading: &Reading<'_>, spread: &Spread, items: &[usize]) -> f64 {
    let debit = is_debit(reading);
    let Some(&(first, _)) = spread.parts.first() else {
        return 0.0;
    };
    match (book.data.invoices[items[first]].mode, debit) {
        (PaymentMode::DirectDebit, true) | (PaymentMode::Transfer, false) => 0.5,
        (PaymentMode::DirectDebit, false) | (PaymentMode::Transfer, true) => -1.5,
        _ => 0.0,
    }
}

/// What earlier lines to this beneficiary say.
fn past_supplier(reading: &Reading<'_>, supplier: usize) -> (f64, usize) {
    let (here, there, person) = PartyPast::count(&reading.past.suppliers, supplier);
    match (here, there) {
        (0, 0) => (0.0, 0),
        (0, _) => (-2.0, 0),
        (n, 0) => (if person { 6.0 } else { 4.0 }, n),
        (n, _) => (1.5, n),
    }
}
