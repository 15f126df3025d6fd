//! Money sent back to an owner.
#![expect(
    clippy::float_arithmetic,
    reason = "a weight of evidence is a log-odds, not money"
)]

use super::allocation::Cause;
use super::book::LineKind;
use super::decide::Reading;
use super::decision::{Holder, Scored};
use super::evidence::{Evidence, EvidenceCode};
use super::names::Grade;
use super::state::Book;

/// Explains a debit as the refund of an owner's advance.
pub(super) fn explain(book: &Book, reading: &Reading<'_>) -> Vec<Scored> {
    let amount = reading.line.amount.abs();
    let label = &reading.label;
    let refund = label.has_stem(&["REMB", "RESTIT", "RETROC"]) || label.has_any(&["TROP", "PERCU"]);
    let debit_return = reading.line.kind == LineKind::Order
        || label.has_stem(&["REJET", "REJ", "IMPAY", "PRLV", "PREL", "CHEQUE", "CHQ"]);
    if debit_return {
        return Vec::new();
    }
    let names = &reading.owners;
    let mut scored = Vec::new();
    for (owner, name) in names.iter().enumerate() {
        let Some(name) = name else { continue };
        let data = &book.data.owners[owner];
        let mut score = name.weight - 2.0;
        let mut evidence = vec![
            Evidence::new(EvidenceCode::NameWhole, name.weight).with("owner", &data.display_name),
        ];
        let advance = reading.expected.advance(book, owner);
        let covered = advance >= amount;
        if advance == amount {
            score += 6.0;
        } else if covered {
            score += 3.0;
        } else {
            score -= 1.0;
        }
        if covered {
            evidence.push(
                Evidence::new(EvidenceCode::AdvanceRefunded, 3.0)
                    .with("amount", amount)
                    .with("advance", advance),
            );
        }
        if refund {
            score += 4.0;
        }
        let found = Scored {
            holder: Holder::Owner(owner),
            ..Scored::single(
                Cause::OwnerRefund(data.id),
                reading.line.amount,
                score,
                evidence,
            )
        };
        let sure = name.grade >= Grade::Surname && (covered || refund);
        scored.push(if sure { found } else { found.for_a_person() });
    }
    scored
}
