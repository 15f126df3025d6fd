//! How the store's refusals read in a run.

use domain::ids::{CondominiumId, TransactionId};
use domain::ledger::{AnswerError, LedgerError};
use domain::matching::AllocationKind;
use domain::store::{Rule, StoreError};
use engine::node::NodeError;
use engine::text;
use engine::text::Text;

/// What a step answers when the store does not do its work.
///
/// What passes is tried again without counting; what a rule refused is final,
/// and nothing of the step is kept.
pub(super) fn store(error: StoreError) -> NodeError {
    match error {
        StoreError::Conflict { .. } | StoreError::Unreachable { .. } => {
            NodeError::conflict(not_done(&error))
        }
        StoreError::Refused {
            rule: Rule::TargetExists,
            ..
        } => NodeError::fail(
            "reconcile.unknown_target",
            text!("an allocation points at nothing that exists"),
        ),
        StoreError::Refused {
            rule: Rule::PostedOnce,
            ..
        } => NodeError::fail(
            "reconcile.posted_already",
            text!("this is in the ledger already"),
        ),
        StoreError::Refused { rule, .. } => NodeError::fail(
            "reconcile.refused_by_the_books",
            text!(
                "the books refuse it: {rule}; nothing was written",
                rule = held(rule)
            ),
        ),
        StoreError::Database { ref source, .. } => {
            tracing::error!(error = %source, "a statement of reconciliation failed");
            NodeError::fail("reconcile.store_failed", not_done(&error))
        }
        StoreError::Unreadable { .. } => {
            NodeError::fail("reconcile.store_failed", not_done(&error))
        }
    }
}

pub(super) fn unknown_condominium(id: CondominiumId) -> NodeError {
    NodeError::fail(
        "reconcile.unknown_condominium",
        text!("there is no condominium {id}", id = id.to_string()),
    )
}

pub(super) fn unknown_transaction(id: TransactionId) -> NodeError {
    NodeError::fail(
        "reconcile.unknown_transaction",
        text!("there is no bank transaction {id}", id = id.to_string()),
    )
}

/// What a person is told about an answer that cannot be posted.
pub(super) fn answer(error: AnswerError) -> NodeError {
    let (code, message) = match error {
        AnswerError::DoNotAddUp { found, line } => (
            "reconcile.amounts_do_not_add_up",
            text!(
                "the parts add up to {found}, the line is of {amount}",
                found = found.to_string(),
                amount = line.to_string()
            ),
        ),
        AnswerError::NothingInIt => (
            "reconcile.nothing_in_it",
            text!("a part of 0.00 says nothing: leave it out"),
        ),
        AnswerError::UnknownTarget(kind) => (
            "reconcile.unknown_target",
            text!(
                "this condominium does not have this: {kind}",
                kind = named(kind)
            ),
        ),
        AnswerError::WrongSign { kind, amount } => (
            "reconcile.wrong_sign",
            text!(
                "{amount} cannot be for {kind}: money goes the other way",
                amount = amount.to_string(),
                kind = named(kind)
            ),
        ),
        AnswerError::MoreThanOpen { amount, open } => (
            "reconcile.more_than_open",
            text!(
                "{amount} is more than the {open} still open; give the rest as an advance",
                amount = amount.to_string(),
                open = open.to_string()
            ),
        ),
        AnswerError::NotIssuedYet => (
            "reconcile.not_issued_yet",
            text!("it was issued after the day of the line; give the money as an advance"),
        ),
        AnswerError::NotWhole {
            kind,
            amount,
            whole,
        } => (
            "reconcile.not_whole",
            text!(
                "{kind}: {whole} goes whole, not {amount}",
                kind = named(kind),
                whole = whole.to_string(),
                amount = amount.to_string()
            ),
        ),
        AnswerError::TakenAlready(kind) => (
            "reconcile.taken_already",
            text!(
                "{kind}: posted with another line already",
                kind = named(kind)
            ),
        ),
    };
    NodeError::fail(code, message)
}

/// Why a line has no entry.
pub(super) fn no_entry(error: LedgerError) -> NodeError {
    let message = match error {
        LedgerError::UnknownTarget => {
            text!("an allocation points at nothing that this condominium has")
        }
        LedgerError::UnknownAccount => text!("the bank account is none of this condominium's"),
        LedgerError::NotTheTotal => {
            text!("the part for a SEPA file of suppliers must be its total")
        }
    };
    NodeError::fail("reconcile.no_entry", message)
}

fn not_done(error: &StoreError) -> Text {
    text!(
        "the books could not be read or written: {reason}",
        reason = error.to_string()
    )
}

fn held(rule: Rule) -> Text {
    match rule {
        Rule::EntryBalanced => text!("an entry is balanced"),
        Rule::EntryNeverChanges => text!("an entry is reversed, never changed"),
        Rule::EntryReversedOnce => text!("an entry is reversed once"),
        Rule::PostedOnce => text!("a line is posted once"),
        Rule::AllocationsAddUp => text!("the parts add up to the line"),
        Rule::OpenWithinAmount => text!("what is open stays between nothing and the amount"),
        Rule::RawLineNeverChanges => text!("a bank line stays as the bank gave it"),
        Rule::ExternalRefOnce => text!("an id of the source is used once"),
        Rule::TargetExists => text!("what an allocation points at exists"),
    }
}

fn named(kind: AllocationKind) -> Text {
    match kind {
        AllocationKind::Receivable => text!("a receivable"),
        AllocationKind::OwnerAdvance => text!("an owner's advance"),
        AllocationKind::OwnerRefund => text!("a refund to an owner"),
        AllocationKind::SupplierInvoice => text!("a supplier's invoice"),
        AllocationKind::SupplierAdvance => text!("an advance to a supplier"),
        AllocationKind::SepaBatch => text!("a SEPA file"),
        AllocationKind::SepaReject => text!("a returned debit"),
        AllocationKind::ChequeDeposit => text!("a deposit slip"),
        AllocationKind::ChequeReject => text!("a returned cheque"),
        AllocationKind::BankFee => text!("a bank fee"),
        AllocationKind::InternalTransfer => text!("an internal transfer"),
        AllocationKind::DuplicateImport => text!("a line imported twice"),
        AllocationKind::Unknown => text!("an unknown target"),
    }
}
