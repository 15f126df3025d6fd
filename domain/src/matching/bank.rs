//! The bank's own operations, and transfers between the condominium's accounts.
#![expect(
    clippy::float_arithmetic,
    reason = "a weight of evidence is a log-odds, not money"
)]

use super::allocation::Cause;
use super::book::{LineKind, Outcome, PastLine};
use super::decide::Reading;
use super::decision::Scored;
use super::evidence::{Evidence, EvidenceCode};
use super::names::{Grade, NameMatch};
use super::state::Book;
use super::vocabulary::{is_motif, is_operator};
use crate::money::Money;

/// Fees above this are not believed.
const HIGHEST_FEE: Money = Money::from_cents(25_000);

/// Explains a line as the bank's own, or as internal.
pub(super) fn explain(book: &Book, reading: &Reading<'_>) -> Vec<Scored> {
    [
        fee(book, reading),
        interest(book, reading),
        internal(book, reading),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The stems of words banks use for their fees.
const FEES: [&str; 16] = [
    "FRAIS",
    "COMM",
    "COTIS",
    "ABON",
    "AGIO",
    "TENUE",
    "TRAIT",
    "FORFAIT",
    "PRESTA",
    "ARRETE",
    "FACTURATION",
    "PENALIT",
    "REDEVANCE",
    "TARIF",
    "SERVICE",
    "COM",
];

fn fee(book: &Book, reading: &Reading<'_>) -> Option<Scored> {
    let line = reading.line;
    if line.amount >= Money::ZERO || line.amount.abs() > HIGHEST_FEE {
        return None;
    }
    let first = reading.label.words.iter().find(|w| w.is_alphabetic())?;
    let leads = FEES.iter().any(|stem| {
        if *stem == "COM" {
            first.text == *stem
        } else {
            first.text.starts_with(stem)
        }
    });
    let mut score = 0.0;
    let mut evidence = Vec::new();
    let own_operation = line.kind == LineKind::Bank && names_nobody(reading);
    if leads || line.kind == LineKind::Bank {
        let weight = if own_operation { 11.0 } else { 9.0 };
        score += weight;
        evidence.push(Evidence::new(EvidenceCode::BankOperation, weight).with("word", &first.text));
    } else if reading.label.has_stem(&FEES[..6]) && !is_operator(&first.text) {
        score += 4.0;
        evidence.push(Evidence::new(EvidenceCode::BankOperation, 4.0).with("word", &first.text));
    }
    if leads && line.kind == LineKind::Bank && !own_operation {
        score += 2.0;
    }
    let before = same_shape(book, reading, |cause| cause == Cause::BankFee);
    if before > 0 {
        score += 7.5;
        evidence.push(Evidence::new(EvidenceCode::BankRecurrent, 7.5).with("count", before));
    }
    (score > 0.0).then(|| Scored::single(Cause::BankFee, line.amount, score, evidence))
}

/// No owner stands in the label, and no supplier by more than a part of the name.
fn names_nobody(reading: &Reading<'_>) -> bool {
    let below =
        |names: &[Option<NameMatch>], grade| names.iter().flatten().all(|m| m.grade < grade);
    below(&reading.owners, Grade::Surname) && below(&reading.suppliers, Grade::Initial)
}

fn interest(book: &Book, reading: &Reading<'_>) -> Option<Scored> {
    let line = reading.line;
    if line.amount <= Money::ZERO
        || !reading
            .label
            .has_stem(&["INTERET", "REMUNER", "AGIOS", "INT"])
    {
        return None;
    }
    let first = reading.label.words.iter().find(|w| w.is_alphabetic())?;
    let leads = ["INTERET", "REMUN"]
        .iter()
        .any(|s| first.text.starts_with(s));
    let whole = reading.label.has_stem(&["INTERET", "REMUNER"]);
    let score = if book.is_savings(line.account) {
        5.0
    } else {
        0.0
    } + if leads {
        6.0
    } else if whole {
        3.0
    } else {
        0.0
    } + match (line.kind, names_nobody(reading)) {
        (LineKind::Bank, true) if book.is_savings(line.account) => 5.0,
        (LineKind::Bank, _) => 2.0,
        _ => 0.0,
    };
    let evidence =
        vec![Evidence::new(EvidenceCode::BankOperation, score).with("word", &first.text)];
    (score > 4.0).then(|| Scored::single(Cause::BankFee, line.amount, score, evidence))
}

/// How many past lines with the same words (numbers apart) were posted to such a cause.
fn same_shape(book: &Book, reading: &Reading<'_>, wanted: impl Fn(Cause) -> bool) -> usize {
    let shape = |wording: &str| {
        wording
            .split(' ')
            .filter(|w| w.bytes().all(|b| b.is_ascii_alphabetic()))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let mine = shape(&reading.label.joined());
    book.past
        .iter()
        .filter(|(past, key)| {
            (past.line.amount.cents() > 0) == (reading.line.amount.cents() > 0)
                && matches!(&past.outcome, Outcome::Posted { allocations, .. } if allocations.iter().any(|a| wanted(a.cause)))
                && shape(&key.wording) == mine
        })
        .count()
}

/// Words for the savings account.
const SAVINGS: [&str; 5] = ["LIVRET", "EPARGNE", "ALUR", "PLACEMENT", "INTERNE"];

fn internal(book: &Book, reading: &Reading<'_>) -> Option<Scored> {
    let line = reading.line;
    let other = book.other_account(line.account)?;
    let label = &reading.label;
    let own = own_name(book, reading);
    let strangers = strangers(book, reading);
    let mut score = 0.0;
    let mut evidence = Vec::new();
    if own {
        score += 8.0;
        evidence.push(
            Evidence::new(EvidenceCode::OwnName, 8.0)
                .with("name", &book.data.condominium.legal_name),
        );
    }
    let accounts = label
        .words
        .iter()
        .filter(|w| matches!(w.text.as_str(), "CPTE" | "COMPTE"))
        .count();
    let words = label.has_any(&SAVINGS)
        || label.has_any(&["FONDS"]) && label.has_any(&["TRAVAUX"])
        || accounts > 1
        || accounts == 1 && label.has_any(&["TRAVAUX"]);
    let words = words && line.kind != LineKind::Bank;
    let debit_or_savings = line.amount < Money::ZERO || book.is_savings(line.account);
    if words && strangers <= 3 && (debit_or_savings || own) {
        let weight = match strangers {
            0 => 8.5,
            1 => 7.5,
            _ => 5.5,
        };
        score += weight;
        evidence.push(Evidence::new(EvidenceCode::SavingsWords, weight));
    }
    if let Some(pair) = pair(book, reading) {
        score += if strangers == 0 || pair.2 { 8.0 } else { 4.0 };
        evidence.push(
            Evidence::new(EvidenceCode::TransferPair, 8.0)
                .with("date", pair.1)
                .about([pair.0]),
        );
    }
    if book.is_savings(line.account)
        && line.kind != LineKind::Bank
        && !label.has_stem(&["INTERET", "REMUNER", "FRAIS"])
    {
        score += 4.0;
        evidence.push(Evidence::new(EvidenceCode::SavingsAccount, 4.0));
    }
    let before = same_shape(book, reading, |cause| {
        matches!(cause, Cause::InternalTransfer(_))
    });
    if before > 0 && score > 0.0 {
        score += 3.0;
        evidence.push(Evidence::new(EvidenceCode::BankRecurrent, 3.0).with("count", before));
    }
    (score > 2.0).then(|| {
        Scored::single(
            Cause::InternalTransfer(other.id),
            line.amount,
            score,
            evidence,
        )
    })
}

/// The other half on the other account, within three days, and whether it is
/// posted and still waits for its counterpart.
fn pair(book: &Book, reading: &Reading<'_>) -> Option<(uuid::Uuid, chrono::NaiveDate, bool)> {
    let line = reading.line;
    let internal = |past: &PastLine| {
        matches!(&past.outcome, Outcome::Posted { allocations, .. }
            if allocations.iter().any(|a| matches!(a.cause, Cause::InternalTransfer(_))))
    };
    let halves = |amount: Money, here: bool, since: chrono::NaiveDate| {
        book.past
            .iter()
            .filter(|(past, _)| {
                (past.line.account == line.account) == here
                    && past.line.amount == amount
                    && past.line.date >= since
                    && internal(past)
            })
            .count()
    };
    book.past.iter().rev().find_map(|(past, _)| {
        let days = (line.date - past.line.date).num_days();
        let fits = past.line.account != line.account
            && past.line.amount == -line.amount
            && (0..=3).contains(&days)
            && !past.line.pending
            && !past.line.deleted
            && match &past.outcome {
                Outcome::Posted { allocations, .. } => allocations
                    .iter()
                    .any(|a| matches!(a.cause, Cause::InternalTransfer(_))),
                _ => true,
            };
        let alone = fits && internal(past) && {
            let since = past.line.date - chrono::Days::new(3);
            halves(past.line.amount, false, since) > halves(line.amount, true, since)
        };
        fits.then_some((past.line.id.0, past.line.date, alone))
    })
}

/// The party is the condominium itself: its name, whole or cut off, and nothing else.
///
/// One word of an operation not met before is let pass on the savings account:
/// only the condominium itself pays there.
fn own_name(book: &Book, reading: &Reading<'_>) -> bool {
    let words = &reading.label.words;
    let savings = book.is_savings(reading.line.account);
    book.names.own.iter().any(|name| {
        (0..words.len()).any(|at| {
            let run = words[at..]
                .iter()
                .zip(name)
                .take_while(|(w, n)| w.text == **n)
                .count();
            if run == 0 {
                return false;
            }
            let next = words.get(at + run);
            let cut = run < name.len()
                && next.is_none_or(|w| {
                    name[run].starts_with(w.text.as_str())
                        || !w.is_alphabetic()
                        || w.field != words[at].field
                });
            let letters: usize = name[..run].iter().map(String::len).sum();
            let unread = words[..at]
                .iter()
                .filter(|w| {
                    !is_operator(&w.text)
                        && !is_motif(&w.text)
                        && !book.names.is_common(&w.text)
                        && w.is_alphabetic()
                        && !SAVINGS.contains(&w.text.as_str())
                })
                .count();
            unread <= usize::from(savings) && (run == name.len() || cut && letters >= 3)
        })
    })
}

/// Words that belong neither to the operation, nor to our own names, nor to savings.
fn strangers(book: &Book, reading: &Reading<'_>) -> usize {
    let own = |text: &str| book.names.own.iter().flatten().any(|n| n.starts_with(text));
    reading
        .label
        .words
        .iter()
        .filter(|w| w.is_alphabetic() && w.text.len() > 2)
        .filter(|w| {
            !is_operator(&w.text)
                && !is_motif(&w.text)
                && !book.names.is_common(&w.text)
                && !own(&w.text)
                && !SAVINGS.contains(&w.text.as_str())
                && w.text != "SDC"
        })
        .count()
}
