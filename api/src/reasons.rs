//! A decision in words: what a line is for, how sure, and why.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::ids::OwnerId;
use domain::matching::{AccountKind, Candidate, Cause, Evidence, Snapshot};
use domain::money::Money;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::words::Words;

/// What a part of a line is for, as a person would say it.
#[must_use]
pub fn target(cause: Cause, amount: Money, books: &Snapshot, words: &Words) -> String {
    let say = |key: &str, values: &[(&str, &str)]| words.text(&format!("target.{key}"), values);
    let nobody = || words.say("target.unknown");
    let known = match cause {
        Cause::Receivable(id) => books
            .receivables
            .iter()
            .find(|item| item.id == id)
            .map(|item| {
                let label = if item.label.is_empty() {
                    &item.period
                } else {
                    &item.label
                };
                say(
                    "receivable",
                    &[("label", label), ("owner", &owner(item.owner, books))],
                )
            }),
        Cause::OwnerAdvance(id) => Some(say("owner_advance", &[("owner", &owner(id, books))])),
        Cause::OwnerRefund(id) => Some(say("owner_refund", &[("owner", &owner(id, books))])),
        Cause::SupplierInvoice(id) => {
            books
                .invoices
                .iter()
                .find(|item| item.id == id)
                .map(|item| {
                    say(
                        "supplier_invoice",
                        &[("number", &item.number), ("supplier", &item.supplier_name)],
                    )
                })
        }
        Cause::SupplierAdvance(id) => books
            .suppliers
            .iter()
            .find(|supplier| supplier.id == id)
            .map(|supplier| say("supplier_advance", &[("supplier", &supplier.name)])),
        Cause::SepaBatch(id) => books
            .batches
            .iter()
            .find(|batch| batch.id == id)
            .map(|batch| {
                say(
                    "sepa_batch",
                    &[
                        ("message", &batch.message_id),
                        ("day", &words.day(batch.collection_on)),
                    ],
                )
            }),
        Cause::SepaReject(id) => books
            .batches
            .iter()
            .flat_map(|batch| &batch.entries)
            .find(|entry| entry.id == id)
            .map(|entry| say("sepa_reject", &[("name", &entry.name)])),
        Cause::ChequeDeposit(id) => books
            .slips
            .iter()
            .find(|slip| slip.id == id)
            .map(|slip| say("cheque_deposit", &[("number", &slip.number)])),
        Cause::ChequeReject(id) => books
            .slips
            .iter()
            .flat_map(|slip| &slip.cheques)
            .find(|cheque| cheque.id == id)
            .map(|cheque| {
                say(
                    "cheque_reject",
                    &[("number", &cheque.number), ("drawer", &cheque.drawer)],
                )
            }),
        Cause::BankFee if amount > Money::ZERO => Some(say("bank_interest", &[])),
        Cause::BankFee => Some(say("bank_fee", &[])),
        Cause::InternalTransfer(id) => books
            .condominium
            .accounts
            .iter()
            .find(|account| account.id == id)
            .map(|account| match account.kind {
                AccountKind::Current => say("transfer_current", &[]),
                AccountKind::Savings => say("transfer_savings", &[]),
            }),
        Cause::DuplicateImport(_) => Some(say("duplicate_import", &[])),
        Cause::Unknown => None,
    };
    known.unwrap_or_else(nobody)
}

fn owner(id: OwnerId, books: &Snapshot) -> String {
    books
        .owners
        .iter()
        .find(|owner| owner.id == id)
        .map(|owner| owner.display_name.clone())
        .unwrap_or_default()
}

/// The targets of a candidate, each once, with their amounts.
#[must_use]
pub fn parts(candidate: &Candidate, books: &Snapshot, words: &Words) -> Vec<(String, Money)> {
    let parts = candidate.allocations.iter();
    parts
        .map(|part| (target(part.cause, part.amount, books, words), part.amount))
        .collect()
}

/// A piece of evidence as a sentence; its values as the language writes them.
#[must_use]
pub fn sentence(evidence: &Evidence, words: &Words) -> String {
    let values: BTreeMap<&str, String> = evidence
        .values
        .iter()
        .map(|(name, value)| (name.as_str(), spoken(value, words)))
        .collect();
    let values: Vec<(&str, &str)> = values
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    words.text(&format!("evidence.{}", evidence.code.as_str()), &values)
}

/// Days and amounts as the language writes them; anything else as it is.
fn spoken(value: &str, words: &Words) -> String {
    if let Ok(day) = NaiveDate::parse_from_str(value, "%Y-%m-%d") {
        return words.day(day);
    }
    let has_cents = value
        .rsplit_once('.')
        .is_some_and(|(_, cents)| cents.len() == 2);
    match value.parse() {
        Ok(amount) if has_cents => words.money(amount),
        _ => value.to_owned(),
    }
}

/// `99,8 %`: the probability that a candidate is right, never rounded up to certainty.
#[must_use]
pub fn confidence(candidate: &Candidate, words: &Words) -> String {
    let share = Decimal::try_from(candidate.confidence.clamp(0.0, 1.0)).unwrap_or_default();
    let permille = (share * Decimal::ONE_THOUSAND)
        .trunc()
        .to_u64()
        .unwrap_or_default();
    words.share(permille, 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Language;

    #[test]
    fn values_are_spoken_as_the_language_writes_them() {
        let words = Words::of(Language::French);
        assert_eq!(spoken("2025-01-31", &words), "31/01/2025");
        assert_eq!(spoken("84.45", &words), "84,45\u{a0}€");
        assert_eq!(spoken("APF25T1-0002", &words), "APF25T1-0002");
        assert_eq!(spoken("35", &words), "35");
    }

    #[test]
    fn what_is_nearly_sure_is_not_called_certain() {
        let words = Words::of(Language::French);
        let candidate = |confidence| Candidate {
            allocations: vec![],
            confidence,
            evidence: vec![],
        };
        assert_eq!(confidence(&candidate(0.9999), &words), "99,9\u{a0}%");
        assert_eq!(confidence(&candidate(0.5), &words), "50,0\u{a0}%");
    }
}
