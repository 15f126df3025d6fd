//! Which answers of a person can be posted.

use uuid::Uuid;

use super::super::*;
use super::*;
use crate::matching::{AllocationKind, Cause as For};

/// What is said of an answer for a line of the current account, of the sum of its parts.
fn checked(data: &Snapshot, allocations: &[Allocation]) -> Result<(), AnswerError> {
    check_answer(data, &line_on(CURRENT, allocations), allocations)
}

#[test]
fn what_makes_sense_can_be_posted() {
    let data = condominium();
    let answers: [&[Allocation]; 8] = [
        &[
            part(For::Receivable(CHARGES), 100),
            part(For::Receivable(WORKS), 10),
        ],
        &[
            part(For::SupplierInvoice(BILL), -200),
            part(For::SupplierInvoice(CREDIT_NOTE), 50),
        ],
        &[
            part(For::SepaBatch(DEBITS), 105),
            part(For::SepaReject(DEBIT), -100),
        ],
        &[part(For::SepaBatch(TRANSFERS), -240)],
        &[part(For::ChequeDeposit(SLIP), 100)],
        &[part(For::InternalTransfer(SAVINGS), -500)],
        &[part(For::DuplicateImport(OTHER_LINE), 30)],
        &[part(For::Unknown, -30)],
    ];
    // A credit note is netted in its own sign: money that would have come in.
    for answer in answers {
        assert_eq!(checked(&data, answer), Ok(()), "{answer:?}");
    }
}

#[test]
fn what_cannot_be_posted_is_refused_with_the_reason() {
    let mut data = condominium();
    data.slips[0].booked = true;
    data.receivables[1].issued_on = day().succ_opt().expect("a day after");
    let nobody = OwnerId(Uuid::nil());
    let wrong_sign = |kind, amount| AnswerError::WrongSign {
        kind,
        amount: euros(amount),
    };
    let cases: [(Allocation, AnswerError); 11] = [
        (
            part(For::OwnerAdvance(nobody), 10),
            AnswerError::UnknownTarget(AllocationKind::OwnerAdvance),
        ),
        (
            part(For::InternalTransfer(CURRENT), 10),
            AnswerError::UnknownTarget(AllocationKind::InternalTransfer),
        ),
        (
            part(For::OwnerRefund(OWNER), 10),
            wrong_sign(AllocationKind::OwnerRefund, 10),
        ),
        (
            part(For::Receivable(CHARGES), -10),
            wrong_sign(AllocationKind::Receivable, -10),
        ),
        (
            part(For::SupplierInvoice(BILL), 10),
            wrong_sign(AllocationKind::SupplierInvoice, 10),
        ),
        (
            part(For::SepaBatch(DEBITS), -105),
            wrong_sign(AllocationKind::SepaBatch, -105),
        ),
        (
            part(For::Receivable(CHARGES), 101),
            AnswerError::MoreThanOpen {
                amount: euros(101),
                open: euros(100),
            },
        ),
        (
            part(For::SupplierInvoice(BILL), -201),
            AnswerError::MoreThanOpen {
                amount: euros(201),
                open: euros(200),
            },
        ),
        (part(For::Receivable(WORKS), 10), AnswerError::NotIssuedYet),
        (
            part(For::SepaBatch(TRANSFERS), -200),
            AnswerError::NotWhole {
                kind: AllocationKind::SepaBatch,
                amount: euros(-200),
                whole: euros(240),
            },
        ),
        (
            part(For::ChequeDeposit(SLIP), 100),
            AnswerError::TakenAlready(AllocationKind::ChequeDeposit),
        ),
    ];
    for (allocation, error) in cases {
        assert_eq!(checked(&data, &[allocation]), Err(error), "{allocation:?}");
    }
}

#[test]
fn parts_that_do_not_make_up_the_line_are_refused() {
    let data = condominium();
    let parts = [part(For::Receivable(CHARGES), 100)];
    let mut line = line_on(CURRENT, &parts);
    line.amount = euros(99);
    let error = AnswerError::DoNotAddUp {
        found: euros(100),
        line: euros(99),
    };
    assert_eq!(check_answer(&data, &line, &parts), Err(error));
    line.amount = Money::ZERO;
    assert_eq!(
        check_answer(&data, &line, &[]),
        Err(AnswerError::NothingInIt)
    );
}

#[test]
fn two_parts_for_one_item_count_together() {
    let parts = [
        part(For::Receivable(CHARGES), 60),
        part(For::Receivable(CHARGES), 60),
    ];
    let error = AnswerError::MoreThanOpen {
        amount: euros(120),
        open: euros(100),
    };
    assert_eq!(checked(&condominium(), &parts), Err(error));
}

#[test]
fn a_card_payout_pays_what_was_settled_when_the_card_was_used() {
    let mut data = condominium();
    data.receivables[0].open = Money::ZERO;
    data.payouts[0].charges[0].posted = true;
    let payout = [
        part(For::Receivable(CHARGES), 30),
        part(For::Receivable(WORKS), 30),
        part(For::BankFee, -1),
    ];
    assert_eq!(checked(&data, &payout), Ok(()));
}
