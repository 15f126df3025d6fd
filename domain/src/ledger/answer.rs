//! Whether a person's answer for a line can be posted.

use std::collections::BTreeMap;

use crate::matching::{Allocation, AllocationKind, BatchKind, Cause, EntryParty, Line, Snapshot};
use crate::money::Money;

/// Why an answer is refused; nothing of it is kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The parts do not make up the line.
    #[error("the parts add up to {found}, the line is of {line}")]
    DoNotAddUp {
        /// Sum of the parts.
        found: Money,
        /// Amount of the line.
        line: Money,
    },
    /// A part is of nothing.
    #[error("a part of 0.00 says nothing: leave it out")]
    NothingInIt,
    /// A target is none of this condominium's.
    #[error("this condominium has no such {}", .0.as_str())]
    UnknownTarget(AllocationKind),
    /// A part has the wrong sign for its kind.
    #[error("{amount} cannot be a {}: money goes the other way", .kind.as_str())]
    WrongSign {
        /// Kind of the part.
        kind: AllocationKind,
        /// Its amount.
        amount: Money,
    },
    /// More than what is open.
    #[error("{amount} is more than the {open} still open; give the rest as an advance")]
    MoreThanOpen {
        /// The part.
        amount: Money,
        /// What is open, without sign.
        open: Money,
    },
    /// Not payable yet on the day of the line.
    #[error("it was issued after the day of the line; give the money as an advance")]
    NotIssuedYet,
    /// Part of something that only goes whole: a SEPA file, a duplicate.
    #[error("a {} of {whole} goes whole, not {amount}", .kind.as_str())]
    NotWhole {
        /// Kind of the part.
        kind: AllocationKind,
        /// The part.
        amount: Money,
        /// The whole.
        whole: Money,
    },
    /// It was posted with another line.
    #[error("this {} was posted with another line", .0.as_str())]
    TakenAlready(AllocationKind),
}

/// Checks a person's answer for a line against the condominium as it stands.
///
/// # Errors
/// The first reason for which it cannot be posted.
pub fn check_answer(
    data: &Snapshot,
    line: &Line,
    allocations: &[Allocation],
) -> Result<(), AnswerError> {
    let found = allocations.iter().map(|part| part.amount).sum();
    if found != line.amount {
        return Err(AnswerError::DoNotAddUp {
            found,
            line: line.amount,
        });
    }
    if allocations.is_empty() || allocations.iter().any(|part| part.amount.is_zero()) {
        return Err(AnswerError::NothingInIt);
    }
    // Two parts for one target are checked as one.
    let mut sums: BTreeMap<Cause, Money> = BTreeMap::new();
    for part in allocations {
        *sums.entry(part.cause).or_default() += part.amount;
    }
    let paid_by_card = card_payments(data, line, &sums);
    sums.into_iter().try_for_each(|(cause, amount)| {
        check_sign(data, cause, amount)?;
        check_target(data, line, cause, amount, paid_by_card.contains_key(&cause))
    })
}

/// Which way money goes for a kind of part; none when both happen.
fn check_sign(data: &Snapshot, cause: Cause, amount: Money) -> Result<(), AnswerError> {
    let incoming = match cause {
        Cause::Receivable(_) | Cause::OwnerAdvance(_) | Cause::ChequeDeposit(_) => Some(true),
        Cause::OwnerRefund(_) | Cause::SepaReject(_) | Cause::ChequeReject(_) => Some(false),
        Cause::SepaBatch(id) => data
            .batches
            .iter()
            .find(|batch| batch.id == id)
            .map(|batch| batch.kind == BatchKind::DirectDebit),
        Cause::SupplierInvoice(id) => data
            .invoices
            .iter()
            .find(|invoice| invoice.id == id)
            .map(|invoice| invoice.amount < Money::ZERO),
        Cause::SupplierAdvance(_)
        | Cause::BankFee
        | Cause::InternalTransfer(_)
        | Cause::DuplicateImport(_)
        | Cause::Unknown => None,
    };
    match incoming {
        Some(incoming) if incoming != (amount > Money::ZERO) => Err(AnswerError::WrongSign {
            kind: cause.kind(),
            amount,
        }),
        _ => Ok(()),
    }
}

fn check_target(
    data: &Snapshot,
    line: &Line,
    cause: Cause,
    amount: Money,
    paid_by_card: bool,
) -> Result<(), AnswerError> {
    let unknown = AnswerError::UnknownTarget(cause.kind());
    let known = |there: bool| if there { Ok(()) } else { Err(unknown.clone()) };
    match cause {
        Cause::Receivable(id) => {
            let item = data
                .receivables
                .iter()
                .find(|item| item.id == id)
                .ok_or(unknown)?;
            if paid_by_card {
                return Ok(());
            }
            payable(item.issued_on <= line.date, amount, item.open)
        }
        Cause::SupplierInvoice(id) => {
            let item = data
                .invoices
                .iter()
                .find(|item| item.id == id)
                .ok_or(unknown)?;
            payable(item.issued_on <= line.date, amount.abs(), item.open.abs())
        }
        Cause::OwnerAdvance(id) | Cause::OwnerRefund(id) => {
            known(data.owners.iter().any(|owner| owner.id == id))
        }
        Cause::SupplierAdvance(id) => {
            known(data.suppliers.iter().any(|supplier| supplier.id == id))
        }
        Cause::SepaBatch(id) => {
            let batch = data
                .batches
                .iter()
                .find(|batch| batch.id == id)
                .ok_or(unknown)?;
            whole(cause, amount, batch.total)?;
            free(cause, batch.booked)
        }
        Cause::SepaReject(id) => {
            let mut entries = data.batches.iter().flat_map(|batch| &batch.entries);
            let entry = entries
                .find(|entry| entry.id == id)
                .ok_or(unknown.clone())?;
            known(matches!(entry.party, EntryParty::Owner { .. }))?;
            free(cause, entry.returned)
        }
        Cause::ChequeDeposit(id) => {
            let slip = data
                .slips
                .iter()
                .find(|slip| slip.id == id)
                .ok_or(unknown)?;
            free(cause, slip.booked)
        }
        Cause::ChequeReject(id) => {
            let cheque = data
                .slips
                .iter()
                .flat_map(|slip| &slip.cheques)
                .find(|cheque| cheque.id == id);
            free(cause, cheque.ok_or(unknown)?.returned)
        }
        Cause::InternalTransfer(id) => known(
            id != line.account
                && data
                    .condominium
                    .accounts
                    .iter()
                    .any(|account| account.id == id),
        ),
        Cause::DuplicateImport(id) => {
            known(id != line.id)?;
            whole(cause, amount, line.amount)
        }
        Cause::BankFee | Cause::Unknown => Ok(()),
    }
}

fn payable(issued: bool, amount: Money, open: Money) -> Result<(), AnswerError> {
    if !issued {
        return Err(AnswerError::NotIssuedYet);
    }
    if amount > open {
        Err(AnswerError::MoreThanOpen { amount, open })
    } else {
        Ok(())
    }
}

fn whole(cause: Cause, amount: Money, whole: Money) -> Result<(), AnswerError> {
    if amount.abs() == whole.abs() {
        return Ok(());
    }
    Err(AnswerError::NotWhole {
        kind: cause.kind(),
        amount,
        whole,
    })
}

fn free(cause: Cause, taken: bool) -> Result<(), AnswerError> {
    if taken {
        Err(AnswerError::TakenAlready(cause.kind()))
    } else {
        Ok(())
    }
}

/// Receivables of the card payout that the line pays out: they were settled
/// when the card was used, so nothing is open of them any more.
fn card_payments(
    data: &Snapshot,
    line: &Line,
    sums: &BTreeMap<Cause, Money>,
) -> BTreeMap<Cause, Money> {
    let mut paid = BTreeMap::new();
    if sums
        .get(&Cause::BankFee)
        .is_none_or(|fee| *fee >= Money::ZERO)
    {
        return paid;
    }
    let payouts = data
        .payouts
        .iter()
        .filter(|payout| !payout.booked && payout.net == line.amount);
    for charge in payouts
        .flat_map(|payout| &payout.charges)
        .filter(|charge| charge.posted)
    {
        if let Some(receivable) = charge.receivable {
            *paid.entry(Cause::Receivable(receivable)).or_default() += charge.gross;
        }
    }
    paid
}
