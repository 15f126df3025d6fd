//! How the store's refusals read in a run.

use domain::ids::{CondominiumId, TransactionId};
use domain::ledger::AnswerError;
use domain::store::{Rule, StoreError};
use engine::node::NodeError;

/// What a step answers when the store does not do its work.
///
/// What passes is tried again without counting; what a rule refused is final,
/// and nothing of the step is kept.
pub(super) fn store(error: StoreError) -> NodeError {
    match error {
        StoreError::Conflict { .. } | StoreError::Unreachable { .. } => NodeError::conflict(error),
        StoreError::Refused {
            rule: Rule::TargetExists,
            ..
        } => NodeError::fail(
            "reconcile.unknown_target",
            "an allocation points at nothing that exists",
        ),
        StoreError::Refused {
            rule: Rule::PostedOnce,
            ..
        } => NodeError::fail("reconcile.posted_already", "this is in the ledger already"),
        StoreError::Refused { rule, .. } => NodeError::fail(
            "reconcile.refused_by_the_books",
            format_args!("the books refuse it by rule {rule:?}; nothing was written"),
        ),
        StoreError::Database { ref source, .. } => {
            tracing::error!(error = %source, "a statement of reconciliation failed");
            NodeError::fail("reconcile.store_failed", error)
        }
        StoreError::Unreadable { .. } => NodeError::fail("reconcile.store_failed", error),
    }
}

pub(super) fn unknown_condominium(id: CondominiumId) -> NodeError {
    NodeError::fail(
        "reconcile.unknown_condominium",
        format_args!("there is no condominium {id}"),
    )
}

pub(super) fn unknown_transaction(id: TransactionId) -> NodeError {
    NodeError::fail(
        "reconcile.unknown_transaction",
        format_args!("there is no bank transaction {id}"),
    )
}

/// What a person is told about an answer that cannot be posted.
pub(super) fn answer(error: AnswerError) -> NodeError {
    let code = match error {
        AnswerError::DoNotAddUp { .. } => "reconcile.amounts_do_not_add_up",
        AnswerError::NothingInIt => "reconcile.nothing_in_it",
        AnswerError::UnknownTarget(_) => "reconcile.unknown_target",
        AnswerError::WrongSign { .. } => "reconcile.wrong_sign",
        AnswerError::MoreThanOpen { .. } => "reconcile.more_than_open",
        AnswerError::NotIssuedYet => "reconcile.not_issued_yet",
        AnswerError::NotWhole { .. } => "reconcile.not_whole",
        AnswerError::TakenAlready(_) => "reconcile.taken_already",
    };
    NodeError::fail(code, error)
}
