//! The same bank line a second time.

use super::allocation::Cause;
use super::book::{Line, Outcome};
use super::decide::Reading;
use super::decision::Scored;
use super::evidence::{Evidence, EvidenceCode};
use super::label::Label;
use super::state::Book;

/// Explains a line that repeats one already seen.
///
/// Account, amount, booking date and every word of the label are the same. A
/// label without any reference of its own may also be two real payments: then
/// a person decides.
pub(super) fn explain(book: &Book, reading: &Reading<'_>) -> Option<Scored> {
    let line = reading.line;
    let wording = reading.label.joined();
    let (kept, _) = book.past.iter().rev().find(|(past, key)| {
        let known = &past.line;
        !known.deleted
            && !known.pending
            && known.id != line.id
            && known.account == line.account
            && known.amount == line.amount
            && known.date == line.date
            && key.wording == wording
            && !is_duplicate(&past.outcome)
    })?;
    let evidence = vec![
        Evidence::new(EvidenceCode::SameLine, 12.0)
            .with("date", kept.line.date)
            .about([kept.line.id.0]),
    ];
    let twin = Scored::single(
        Cause::DuplicateImport(kept.line.id),
        line.amount,
        12.0,
        evidence,
    );
    let sure =
        line.deleted || has_own_reference(&reading.label) || !could_be_real(book, reading, kept);
    Some(if sure {
        twin
    } else {
        Scored {
            score: 6.0,
            ..twin.for_a_person()
        }
    })
}

/// A second real payment would find something to pay: an item of the same amount is still open.
fn could_be_real(book: &Book, reading: &Reading<'_>, kept: &super::book::PastLine) -> bool {
    let amount = reading.line.amount.abs();
    let allocations = match &kept.outcome {
        Outcome::Posted { allocations, .. } => allocations.as_slice(),
        _ => return false,
    };
    let owner = allocations.iter().find_map(|a| book.owner_of(a.cause));
    let supplier = allocations.iter().find_map(|a| book.supplier_of(a.cause));
    let due = owner.is_some_and(|o| {
        book.receivables_of[o].iter().any(|&r| {
            let item = &book.data.receivables[r];
            item.open == amount && item.issued_on <= reading.line.date
        })
    });
    let billed = supplier.is_some_and(|s| {
        book.invoices_of[s].iter().any(|&i| {
            let item = &book.data.invoices[i];
            item.open == amount && item.issued_on <= reading.line.date
        })
    });
    due || billed
}

fn is_duplicate(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Posted { allocations, .. }
        if allocations.iter().any(|a| matches!(a.cause, Cause::DuplicateImport(_))))
}

/// A long word with digits: banks number each operation.
fn has_own_reference(label: &Label) -> bool {
    label
        .words
        .iter()
        .any(|w| w.text.len() >= 9 && w.text.bytes().filter(u8::is_ascii_digit).count() >= 6)
}

/// Whether a booked line is the one a pending line announced.
///
/// Same account and amount, booked at most ten days later, and the shorter
/// label begins the longer one.
pub(super) fn announces(pending: &Line, booked: &Line) -> bool {
    let days = (booked.date - pending.date).num_days();
    if pending.account != booked.account
        || pending.amount != booked.amount
        || !(-1..=10).contains(&days)
        || booked.pending
    {
        return false;
    }
    let words = |line: &Line| {
        Label::read(&line.original_wording)
            .words
            .into_iter()
            .map(|w| w.text)
            .collect::<Vec<_>>()
    };
    let (a, b) = (words(pending), words(booked));
    let same = a
        .iter()
        .zip(&b)
        .take_while(|(x, y)| x == y || y.starts_with(x.as_str()) || x.starts_with(y.as_str()))
        .count();
    same > 0 && same == a.len().min(b.len())
}
