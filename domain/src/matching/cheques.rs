//! Cheques: slips deposited, cheques returned, cheques we signed.
#![expect(
    clippy::float_arithmetic,
    reason = "a weight of evidence is a log-odds, not money"
)]

use super::allocation::{Allocation, Cause};
use super::book::{LineKind, PaymentMode, Slip};
use super::decide::Reading;
use super::decision::{Holder, Scored};
use super::evidence::{Evidence, EvidenceCode};
use super::references::normal;
use super::sepa::HIGHEST_RETURN_FEE;
use super::state::Book;
use crate::money::Money;

/// Explains a line as cheques.
pub(super) fn explain(book: &Book, reading: &Reading<'_>) -> Vec<Scored> {
    let cheque = reading.label.has_stem(&["CHEQUE", "CHQ", "CHQS"])
        || matches!(reading.line.kind, LineKind::Check | LineKind::Deposit);
    if reading.line.amount > Money::ZERO {
        deposits(book, reading, cheque)
    } else if cheque && reading.label.has_stem(&["REJET", "REJ", "IMPAY", "RETOUR"]) {
        returns(book, reading)
    } else if cheque {
        signed(book, reading)
    } else {
        Vec::new()
    }
}

/// A number as written, without the zeros in front.
fn number(text: &str) -> String {
    normal(text).trim_start_matches('0').to_owned()
}

fn cites(reading: &Reading<'_>, wanted: &str) -> bool {
    let wanted = number(wanted);
    wanted.len() >= 4
        && reading
            .label
            .words
            .iter()
            .any(|w| number(&w.text) == wanted)
}

fn deposits(book: &Book, reading: &Reading<'_>, cheque: bool) -> Vec<Scored> {
    let line = reading.line;
    let numbered = reading
        .label
        .words
        .iter()
        .any(|w| w.is_number() && (6..=8).contains(&w.text.len()));
    let mut scored = Vec::new();
    for slip in book.data.slips.iter().filter(|s| !s.booked) {
        let days = (line.date - slip.deposited_on).num_days();
        if !(-2..=30).contains(&days) {
            continue;
        }
        let cited = cites(reading, &slip.number);
        let equal = slip.total == line.amount;
        let mut evidence = Vec::new();
        let mut score = 0.0;
        if cited {
            score += 9.0;
            evidence.push(
                Evidence::new(EvidenceCode::SlipNumber, 9.0)
                    .with("number", &slip.number)
                    .about([slip.id.0]),
            );
        }
        if equal {
            score += 5.5;
            evidence.push(
                Evidence::new(EvidenceCode::SlipTotal, 5.5)
                    .with("amount", slip.total)
                    .about([slip.id.0]),
            );
        } else if cited {
            evidence.push(
                Evidence::new(EvidenceCode::SlipDiffers, -4.0)
                    .with("amount", slip.total)
                    .with("credited", line.amount),
            );
        }
        if cheque {
            score += 2.0;
        }
        if days <= 12 {
            score += 1.0;
        }
        if cited && equal {
            scored.push(Scored::single(
                Cause::ChequeDeposit(slip.id),
                line.amount,
                score,
                evidence,
            ));
        } else if equal && cheque {
            let doubt = if numbered { 0.5 } else { 0.0 };
            scored.push(Scored::single(
                Cause::ChequeDeposit(slip.id),
                line.amount,
                score - doubt,
                evidence,
            ));
        } else if cited {
            scored.push(
                Scored::single(
                    Cause::ChequeDeposit(slip.id),
                    line.amount,
                    score - 5.0,
                    evidence,
                )
                .for_a_person(),
            );
        }
    }
    scored.extend(two_slips(book, reading, cheque));
    scored
}

/// Two slips credited together, one of them cited.
fn two_slips(book: &Book, reading: &Reading<'_>, cheque: bool) -> Vec<Scored> {
    let line = reading.line;
    let near = |slip: &&Slip| {
        !slip.booked && (-2..=30).contains(&(line.date - slip.deposited_on).num_days())
    };
    let slips: Vec<&Slip> = book.data.slips.iter().filter(near).collect();
    let mut scored = Vec::new();
    for (i, first) in slips.iter().enumerate() {
        for second in &slips[i + 1..] {
            let cited = cites(reading, &first.number) || cites(reading, &second.number);
            if !(cited || cheque) || first.total + second.total != line.amount {
                continue;
            }
            let allocations = [first, second]
                .map(|s| Allocation::new(Cause::ChequeDeposit(s.id), s.total))
                .to_vec();
            let evidence = vec![
                Evidence::new(EvidenceCode::SlipNumber, 9.0)
                    .with("number", &first.number)
                    .about([first.id.0]),
                Evidence::new(EvidenceCode::SlipTotal, 4.0)
                    .with("amount", line.amount)
                    .about([second.id.0]),
            ];
            let found = Scored::of(allocations, if cited { 14.0 } else { 6.0 }, evidence);
            scored.push(if cited { found } else { found.for_a_person() });
        }
    }
    scored
}

fn returns(book: &Book, reading: &Reading<'_>) -> Vec<Scored> {
    let line = reading.line;
    let mut scored = Vec::new();
    for slip in &book.data.slips {
        for cheque in slip.cheques.iter().filter(|c| c.posted && !c.returned) {
            let fee = line.amount.abs() - cheque.amount;
            let days = (line.date - slip.deposited_on).num_days();
            if fee < Money::ZERO || fee > HIGHEST_RETURN_FEE || !(0..=120).contains(&days) {
                continue;
            }
            let cited = cites(reading, &cheque.number);
            let name = book
                .names
                .resembles(&cheque.drawer, &reading.label)
                .map_or(0.0, |m| m.weight);
            let mut score = if fee.is_zero() { 3.0 } else { 0.0 };
            let mut evidence = Vec::new();
            if cited {
                score += 10.0;
                evidence.push(
                    Evidence::new(EvidenceCode::ChequeNumber, 10.0).with("number", &cheque.number),
                );
            }
            if name > 0.0 {
                score += f64::min(name, 5.0);
                evidence.push(
                    Evidence::new(EvidenceCode::DebitReturned, name).with("name", &cheque.drawer),
                );
            }
            let mut allocations = vec![Allocation::new(
                Cause::ChequeReject(cheque.id),
                -cheque.amount,
            )];
            if !fee.is_zero() {
                allocations.push(Allocation::new(Cause::BankFee, -fee));
                evidence.push(Evidence::new(EvidenceCode::ReturnFee, 0.0).with("amount", fee));
            }
            if cited || name > 0.0 || fee.is_zero() {
                let found = Scored::of(allocations, score, evidence);
                scored.push(if cited { found } else { found.for_a_person() });
            }
        }
    }
    scored
}

/// A cheque we signed: its number if it was noted, else its amount, which is a guess.
fn signed(book: &Book, reading: &Reading<'_>) -> Vec<Scored> {
    let line = reading.line;
    let mut scored = Vec::new();
    for invoice in &book.data.invoices {
        if invoice.open <= Money::ZERO || invoice.issued_on > line.date {
            continue;
        }
        let cited = invoice
            .cheque_number
            .as_deref()
            .is_some_and(|n| cites(reading, n));
        let equal = invoice.open == line.amount.abs();
        let other_number = invoice.cheque_number.is_some() && !cited;
        if !cited && (!equal || other_number) {
            continue;
        }
        let Some(&supplier) = book.by_id.suppliers.get(&invoice.supplier) else {
            continue;
        };
        let mut evidence = Vec::new();
        let mut score = 0.0;
        if cited {
            score += 10.0;
            evidence.push(Evidence::new(EvidenceCode::ChequeNumber, 10.0).with(
                "number",
                invoice.cheque_number.as_deref().unwrap_or_default(),
            ));
        }
        if equal {
            score += 4.0;
            evidence.push(
                Evidence::new(EvidenceCode::BillAmount, 4.0)
                    .with("amount", invoice.open)
                    .with("count", 1),
            );
        }
        if invoice.mode == PaymentMode::Cheque {
            score += 2.0;
        }
        let found = Scored {
            holder: Holder::Supplier(supplier),
            ..Scored::single(
                Cause::SupplierInvoice(invoice.id),
                line.amount,
                score,
                evidence,
            )
        };
        scored.push(if cited && equal {
            found
        } else {
            found.for_a_person()
        });
    }
    scored
}
