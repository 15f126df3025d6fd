//! What goes wrong between the rules and the database.

use thiserror::Error;

/// A rule that the database holds; named as its constraint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Debits equal credits.
    EntryBalanced,
    /// An entry is never changed; it is reversed.
    EntryNeverChanges,
    /// An entry is reversed at most once.
    EntryReversedOnce,
    /// A line, or a known payment, is in the ledger once.
    PostedOnce,
    /// The parts of a line add up to its amount.
    AllocationsAddUp,
    /// What is open stays between nothing and the amount.
    OpenWithinAmount,
    /// A bank line is as the bank gave it.
    RawLineNeverChanges,
    /// An id of the source is used once.
    ExternalRefOnce,
    /// What an allocation is for exists.
    TargetExists,
}

impl Rule {
    fn of_constraint(name: &str) -> Option<Self> {
        Some(match name {
            "journal_entries_balanced" => Self::EntryBalanced,
            "journal_entries_never_change" => Self::EntryNeverChanges,
            "journal_entries_reversed_once" => Self::EntryReversedOnce,
            "matches_line_posted_once"
            | "matches_payout_booked_once"
            | "journal_entries_match_posted_once"
            | "journal_entries_cheque_posted_once"
            | "journal_entries_charge_posted_once"
            | "journal_entries_batch_posted_once" => Self::PostedOnce,
            "allocations_add_up_to_the_line" => Self::AllocationsAddUp,
            "receivables_open_never_below_zero"
            | "receivables_open_never_above_amount"
            | "supplier_invoices_open_keeps_its_sign"
            | "supplier_invoices_open_never_above_amount" => Self::OpenWithinAmount,
            "bank_transactions_raw_line_never_changes" => Self::RawLineNeverChanges,
            "allocations_receivable"
            | "allocations_owner"
            | "allocations_invoice"
            | "allocations_supplier"
            | "allocations_batch"
            | "allocations_sepa_entry"
            | "allocations_slip"
            | "allocations_cheque"
            | "allocations_bank_account"
            | "allocations_duplicate_of" => Self::TargetExists,
            name if name.ends_with("_external_ref_once") => Self::ExternalRefOnce,
            _ => return None,
        })
    }
}

/// Why a statement did not do its work.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A rule of the database refused it.
    #[error("cannot {during}: refused by rule {rule:?}")]
    Refused {
        /// The rule.
        rule: Rule,
        /// What was being done.
        during: &'static str,
        /// What the server answered.
        source: sqlx::Error,
    },
    /// Another transaction was in the way: trying again helps.
    #[error("cannot {during}: another transaction was in the way")]
    Conflict {
        /// What was being done.
        during: &'static str,
        /// What the server answered.
        source: sqlx::Error,
    },
    /// The database does not answer.
    #[error("cannot {during}: the database does not answer")]
    Unreachable {
        /// What was being done.
        during: &'static str,
        /// What happened.
        source: sqlx::Error,
    },
    /// Anything else the server refused.
    #[error("cannot {during}")]
    Database {
        /// What was being done.
        during: &'static str,
        /// What the server answered.
        source: sqlx::Error,
    },
    /// What is stored is not what this version writes.
    #[error("cannot {during}: what is stored there cannot be read")]
    Unreadable {
        /// What was being done.
        during: &'static str,
        /// Why it cannot be read.
        source: serde_json::Error,
    },
}

impl StoreError {
    /// Says what was being done when the server answered with an error.
    pub(super) fn during(during: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| {
            if let sqlx::Error::Database(error) = &source {
                if let Some(rule) = error.constraint().and_then(Rule::of_constraint) {
                    return Self::Refused {
                        rule,
                        during,
                        source,
                    };
                }
                // serialization_failure, deadlock_detected, lock_not_available
                if matches!(error.code().as_deref(), Some("40001" | "40P01" | "55P03")) {
                    return Self::Conflict { during, source };
                }
                // The server shuts down, or cut this session.
                if matches!(error.code().as_deref(), Some("57P01" | "57P02" | "57P03")) {
                    return Self::Unreachable { during, source };
                }
                return Self::Database { during, source };
            }
            match source {
                sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::Protocol(_)
                | sqlx::Error::PoolClosed
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::WorkerCrashed => Self::Unreachable { during, source },
                source => Self::Database { during, source },
            }
        }
    }

    /// Says that a lock was waited for, which ends like any statement that
    /// takes too long: the other transaction is at fault, not ours.
    pub(super) fn waiting(during: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| match source.as_database_error().and_then(|error| error.code()) {
            Some(code) if code == "57014" => Self::Conflict { during, source },
            _ => Self::during(during)(source),
        }
    }

    /// The rule that refused, if one did.
    #[must_use]
    pub fn rule(&self) -> Option<Rule> {
        match self {
            Self::Refused { rule, .. } => Some(*rule),
            _ => None,
        }
    }
}
