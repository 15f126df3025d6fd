//! Payouts of the card processor, net of its fees.
#![expect(
    clippy::float_arithmetic,
    reason = "a weight of evidence is a log-odds, not money"
)]

use super::allocation::{Allocation, Cause};
use super::book::PastLine;
use super::decide::Reading;
use super::decision::Scored;
use super::evidence::{Evidence, EvidenceCode};
use super::label::same_party;
use super::references::normal;
use super::state::Book;
use crate::ids::ReceivableId;
use crate::money::Money;

/// Card processors that pay out in France.
const PROCESSORS: [&str; 12] = [
    "STRIPE",
    "GOCARDLESS",
    "SUMUP",
    "PAYPLUG",
    "MOLLIE",
    "ADYEN",
    "LEMONWAY",
    "WORLDLINE",
    "PAYPAL",
    "MONETICO",
    "SYSTEMPAY",
    "MANGOPAY",
];

/// So many earlier lines of one payer that equal payouts to the cent make a processor of it.
const PAYOUTS_SEEN: usize = 2;

/// Earlier lines of this payer were each a payout to the cent.
fn pays_out(book: &Book, reading: &Reading<'_>) -> bool {
    let common: &dyn Fn(&str) -> bool = &|word| book.names.is_common(word);
    let equals = |past: &PastLine| {
        book.data.payouts.iter().any(|p| {
            p.net == past.line.amount
                && (-2..=5).contains(&(past.line.date - p.arrives_on).num_days())
        })
    };
    let mut same = 0;
    for (past, key) in book.past.iter() {
        if past.line.amount > Money::ZERO && same_party(&key.party, &reading.party, common) {
            if !equals(past) {
                return false;
            }
            same += 1;
        }
    }
    same >= PAYOUTS_SEEN && !reading.party.is_empty()
}

/// Explains a credit as a payout.
pub(super) fn explain(book: &Book, reading: &Reading<'_>) -> Vec<Scored> {
    let line = reading.line;
    if book.data.payouts.iter().all(|p| p.net != line.amount) {
        return Vec::new();
    }
    let processor = reading.label.has_any(&PROCESSORS) || pays_out(book, reading);
    let text: String = reading
        .label
        .words
        .iter()
        .map(|w| w.text.as_str())
        .collect();
    let mut scored = Vec::new();
    for payout in book
        .data
        .payouts
        .iter()
        .filter(|p| !p.booked && p.net == line.amount)
    {
        let days = (line.date - payout.arrives_on).num_days();
        if !(-2..=12).contains(&days) {
            continue;
        }
        let mut score = 5.0 + if days.abs() <= 5 { 3.0 } else { -1.0 };
        if processor {
            score += 5.0;
        }
        let id = normal(&payout.external_ref);
        let tail = reading
            .label
            .words
            .iter()
            .any(|w| w.text.len() >= 5 && id.contains(w.text.as_str()));
        if tail || text.contains(&id) {
            score += 4.0;
        }
        let evidence = vec![
            Evidence::new(EvidenceCode::PayoutNet, score)
                .with("gross", payout.gross)
                .with("fee", payout.fee)
                .with("net", payout.net)
                .about([payout.id.0]),
        ];
        let mut known = true;
        let mut parts: Vec<(ReceivableId, Money)> = Vec::new();
        for charge in &payout.charges {
            let Some(receivable) = book.receivable_of_charge(charge) else {
                known = false;
                continue;
            };
            match parts.iter_mut().find(|(id, _)| *id == receivable) {
                Some((_, amount)) => *amount += charge.gross,
                None => parts.push((receivable, charge.gross)),
            }
        }
        let mut allocations: Vec<Allocation> = parts
            .into_iter()
            .map(|(id, amount)| Allocation::new(Cause::Receivable(id), amount))
            .collect();
        let unexplained: Money =
            line.amount + payout.fee - allocations.iter().map(|a| a.amount).sum();
        if !unexplained.is_zero() {
            known = false;
            allocations.push(Allocation::new(Cause::Unknown, unexplained));
        }
        if !payout.fee.is_zero() {
            allocations.push(Allocation::new(Cause::BankFee, -payout.fee));
        }
        let found = Scored::of(allocations, score, evidence);
        scored.push(if known && processor {
            found
        } else {
            found.for_a_person()
        });
    }
    scored
}
