//! SEPA files booked in one line, and direct debits that come back.
#![expect(
    clippy::float_arithmetic,
    reason = "a weight of evidence is a log-odds, not money"
)]

use super::allocation::{Allocation, Cause};
use super::book::{Batch, BatchEntry, BatchKind, EntryParty, LineKind};
use super::decide::Reading;
use super::decision::Scored;
use super::evidence::{Evidence, EvidenceCode};
use super::names::Grade;
use super::references::normal;
use super::state::Book;
use crate::money::Money;

/// A bank's fee for a returned debit or cheque is at most this.
pub(super) const HIGHEST_RETURN_FEE: Money = Money::from_cents(3_500);

/// Explains a line as a file, or as a return.
pub(super) fn explain(book: &Book, reading: &Reading<'_>) -> Vec<Scored> {
    let mut scored = files(book, reading);
    if reading.line.amount < Money::ZERO {
        scored.extend(returns(book, reading));
    }
    scored
}

fn files(book: &Book, reading: &Reading<'_>) -> Vec<Scored> {
    let line = reading.line;
    let text: String = reading
        .label
        .words
        .iter()
        .map(|w| w.text.as_str())
        .collect();
    let credit = line.amount > Money::ZERO;
    let remittance = reading.label.has_stem(&["REMISE", "REM", "FICHIER", "LOT"])
        || reading.label.has_any(&["NB", "NBRE"]);
    let kind_words = if credit {
        (remittance || line.kind == LineKind::Order)
            && reading.label.has_stem(&["PREL", "PRLV", "PRV", "SDD"])
    } else {
        remittance
    };
    let named_supplier = !credit && reading.suppliers.iter().flatten().any(|m| m.weight >= 5.0);
    let mut scored = Vec::new();
    for batch in &book.data.batches {
        if (batch.kind == BatchKind::DirectDebit) != credit || batch.booked {
            continue;
        }
        let days = (line.date - batch.collection_on).num_days();
        if !(-3..=15).contains(&days) {
            continue;
        }
        let message = normal(&batch.message_id);
        let cited = message.len() >= 6 && text.contains(&message);
        let near = if days.abs() <= 4 { 1.0 } else { -1.5 };
        let equal = batch.total == line.amount.abs();
        if equal {
            let mut evidence = vec![
                Evidence::new(EvidenceCode::BatchTotal, 7.0)
                    .with("amount", batch.total)
                    .about([batch.id.0]),
            ];
            let mut score = 7.0 + near;
            if cited {
                score += 8.0;
                evidence.push(
                    Evidence::new(EvidenceCode::BatchMessage, 8.0)
                        .with("message", &batch.message_id),
                );
            } else if kind_words || counted(reading, batch) {
                score += 3.0;
            } else {
                score -= 2.0;
            }
            if named_supplier && !cited {
                score -= 6.0;
            }
            scored.push(Scored::single(
                Cause::SepaBatch(batch.id),
                line.amount,
                score,
                evidence,
            ));
        } else if credit && (cited || kind_words) {
            scored.extend(net_of_returns(batch, line.amount, cited, near));
        } else if cited {
            let evidence = vec![
                Evidence::new(EvidenceCode::BatchMessage, 8.0).with("message", &batch.message_id),
            ];
            scored.push(
                Scored::single(Cause::SepaBatch(batch.id), line.amount, 7.0, evidence)
                    .for_a_person(),
            );
        }
    }
    scored
}

/// The label gives the number of entries, in a word of its own.
fn counted(reading: &Reading<'_>, batch: &Batch) -> bool {
    let count = batch.entries.len().to_string();
    let numbers: Vec<&str> = reading
        .label
        .words
        .iter()
        .filter(|w| w.is_number())
        .map(|w| w.text.trim_start_matches('0'))
        .collect();
    batch.entries.len() > 1 && numbers == [count.as_str()]
}

/// A file credited less one or two of its entries: never without a person, any
/// entry of that amount could be the one.
fn net_of_returns(batch: &Batch, amount: Money, cited: bool, near: f64) -> Vec<Scored> {
    let missing = batch.total - amount;
    if missing <= Money::ZERO {
        return Vec::new();
    }
    let open: Vec<&BatchEntry> = batch.entries.iter().filter(|e| !e.returned).collect();
    let mut sets: Vec<Vec<&BatchEntry>> = Vec::new();
    for (i, first) in open.iter().enumerate() {
        if first.amount == missing {
            sets.push(vec![first]);
        }
        for second in &open[i + 1..] {
            if first.amount + second.amount == missing {
                sets.push(vec![first, second]);
            }
        }
    }
    sets.into_iter()
        .map(|set| {
            let alone = set.len() == 1;
            let score = 4.0 + near + if cited { 7.0 } else { 1.5 } + if alone { 2.0 } else { 0.0 };
            let mut allocations = vec![Allocation::new(Cause::SepaBatch(batch.id), batch.total)];
            allocations.extend(
                set.iter()
                    .map(|e| Allocation::new(Cause::SepaReject(e.id), -e.amount)),
            );
            let evidence = vec![
                Evidence::new(EvidenceCode::BatchNet, score)
                    .with("amount", batch.total)
                    .with("returned", missing)
                    .about([batch.id.0]),
            ];
            Scored::of(allocations, score, evidence).for_a_person()
        })
        .collect()
}

/// A direct debit that came back, with or without the bank's fee.
fn returns(book: &Book, reading: &Reading<'_>) -> Vec<Scored> {
    let line = reading.line;
    let label = &reading.label;
    let returned = label.has_stem(&["REJET", "REJ", "IMPAY", "RETOUR", "ANNUL"]);
    let cheque = label.has_stem(&["CHEQUE", "CHQ"]);
    let first_is_fee = label
        .words
        .first()
        .is_some_and(|w| w.text.starts_with("FRAIS") || w.text.starts_with("COM"));
    let order = line.kind == LineKind::Order;
    if !(returned || order) || cheque || first_is_fee {
        return Vec::new();
    }
    let text: String = label.words.iter().map(|w| w.text.as_str()).collect();
    let mut scored = Vec::new();
    for batch in book
        .data
        .batches
        .iter()
        .filter(|b| b.kind == BatchKind::DirectDebit && b.collected)
    {
        let days = (line.date - batch.collection_on).num_days();
        if !(0..=70).contains(&days) {
            continue;
        }
        for entry in batch.entries.iter().filter(|e| !e.returned) {
            let fee = line.amount.abs() - entry.amount;
            if fee < Money::ZERO || fee > HIGHEST_RETURN_FEE {
                continue;
            }
            scored.extend(
                returned_entry(book, reading, &text, entry, fee, days)
                    .filter(|_| returned || is_named(book, reading, &text, entry)),
            );
        }
    }
    scored
}

/// The label cites the entry or names its debtor: enough for a return that no word announces.
fn is_named(book: &Book, reading: &Reading<'_>, text: &str, entry: &BatchEntry) -> bool {
    let id = normal(&entry.end_to_end_id);
    let debtor = book.names.resembles(&entry.name, &reading.label);
    id.len() >= 6 && text.contains(&id) || debtor.is_some_and(|m| m.grade >= Grade::Initial)
}

fn returned_entry(
    book: &Book,
    reading: &Reading<'_>,
    text: &str,
    entry: &BatchEntry,
    fee: Money,
    days: i64,
) -> Option<Scored> {
    let EntryParty::Owner { owner, mandate, .. } = &entry.party else {
        return None;
    };
    let id = normal(&entry.end_to_end_id);
    let mut evidence = Vec::new();
    let mut score = if fee.is_zero() { 1.5 } else { 0.0 };
    let cited = id.len() >= 6 && text.contains(&id);
    let mandate = normal(mandate);
    if cited {
        score += 15.0;
        evidence.push(
            Evidence::new(EvidenceCode::EndToEnd, 15.0).with("reference", &entry.end_to_end_id),
        );
    } else if mandate.len() >= 6 && text.contains(&mandate) {
        score += 9.0;
        evidence.push(Evidence::new(EvidenceCode::DebitReturned, 9.0).with("name", &entry.name));
    } else {
        let by_debtor = book
            .names
            .resembles(&entry.name, &reading.label)
            .map_or(0.0, |m| m.weight);
        let by_owner = book
            .by_id
            .owners
            .get(owner)
            .and_then(|&o| reading.owners[o])
            .map_or(0.0, |m| m.weight);
        let name = f64::max(by_debtor, by_owner);
        if name > 0.0 {
            score += f64::min(name, 8.0);
            evidence
                .push(Evidence::new(EvidenceCode::DebitReturned, name).with("name", &entry.name));
        } else {
            score -= 3.0;
        }
        if has_foreign_id(reading, &id) {
            score -= 2.0;
        }
    }
    score += match days {
        0..=10 => 4.0,
        11..=20 => 2.0,
        21..=40 => 0.0,
        _ => -1.0,
    };
    evidence.push(
        Evidence::new(EvidenceCode::AmountExact, 1.5)
            .with("amount", entry.amount)
            .with("count", 1),
    );
    let mut sure = true;
    let mut allocations = vec![Allocation::new(Cause::SepaReject(entry.id), -entry.amount)];
    if !fee.is_zero() {
        let usual = book.usual_return_fee() == Some(fee);
        sure = cited || usual || fee.cents() % 50 == 0;
        score += if usual {
            2.0
        } else if fee.cents() % 50 == 0 {
            0.5
        } else {
            -3.0
        };
        evidence.push(Evidence::new(EvidenceCode::ReturnFee, 0.0).with("amount", fee));
        allocations.push(Allocation::new(Cause::BankFee, -fee));
    }
    let found = Scored::of(allocations, score, evidence);
    Some(if sure { found } else { found.for_a_person() })
}

/// The label carries an id of the same shape that is another one.
fn has_foreign_id(reading: &Reading<'_>, id: &str) -> bool {
    reading
        .label
        .words
        .iter()
        .any(|w| w.text.len() == id.len() && w.text.len() >= 8 && w.text != id)
}
