//! What a part of a bank transaction is for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::{
    BankAccountId, BatchEntryId, BatchId, ChequeId, InvoiceId, OwnerId, ReceivableId, SlipId,
    SupplierId, TransactionId,
};
use crate::money::Money;

/// A part of a bank transaction and what it is for.
///
/// `amount` has the sign of the line's movement; the allocations of a line
/// always add up to its amount.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct Allocation {
    /// What it is for.
    #[serde(flatten)]
    pub cause: Cause,
    /// Signed amount.
    pub amount: Money,
}

impl Allocation {
    /// So much of a line for `cause`.
    #[must_use]
    pub const fn new(cause: Cause, amount: Money) -> Self {
        Self { cause, amount }
    }
}

/// What a part of a bank transaction is for, with its target.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(tag = "kind", content = "target_id", rename_all = "snake_case")]
pub enum Cause {
    /// An owner's payment of a receivable.
    Receivable(ReceivableId),
    /// What is left of an owner's payment when nothing is open.
    OwnerAdvance(OwnerId),
    /// Money sent back to an owner.
    OwnerRefund(OwnerId),
    /// Payment of a bill, or refund of a credit note.
    SupplierInvoice(InvoiceId),
    /// Paid to a supplier without an open bill.
    SupplierAdvance(SupplierId),
    /// One line for a whole SEPA file.
    SepaBatch(BatchId),
    /// A direct debit that came back.
    SepaReject(BatchEntryId),
    /// Amount credited for a deposit slip.
    ChequeDeposit(SlipId),
    /// A cheque that came back.
    ChequeReject(ChequeId),
    /// Fees (negative), interest (positive), fees of the card processor.
    BankFee,
    /// To or from the other account of the condominium.
    InternalTransfer(BankAccountId),
    /// The same bank line a second time.
    DuplicateImport(TransactionId),
    /// Nothing explains it: a person has to look.
    Unknown,
}

/// The kinds of allocation, without target.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is documented on `Cause`")]
pub enum AllocationKind {
    Receivable,
    OwnerAdvance,
    OwnerRefund,
    SupplierInvoice,
    SupplierAdvance,
    SepaBatch,
    SepaReject,
    ChequeDeposit,
    ChequeReject,
    BankFee,
    InternalTransfer,
    DuplicateImport,
    Unknown,
}

impl AllocationKind {
    /// Every kind.
    pub const ALL: [Self; 13] = [
        Self::Receivable,
        Self::OwnerAdvance,
        Self::OwnerRefund,
        Self::SupplierInvoice,
        Self::SupplierAdvance,
        Self::SepaBatch,
        Self::SepaReject,
        Self::ChequeDeposit,
        Self::ChequeReject,
        Self::BankFee,
        Self::InternalTransfer,
        Self::DuplicateImport,
        Self::Unknown,
    ];

    /// The name in data and database: `supplier_invoice`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Receivable => "receivable",
            Self::OwnerAdvance => "owner_advance",
            Self::OwnerRefund => "owner_refund",
            Self::SupplierInvoice => "supplier_invoice",
            Self::SupplierAdvance => "supplier_advance",
            Self::SepaBatch => "sepa_batch",
            Self::SepaReject => "sepa_reject",
            Self::ChequeDeposit => "cheque_deposit",
            Self::ChequeReject => "cheque_reject",
            Self::BankFee => "bank_fee",
            Self::InternalTransfer => "internal_transfer",
            Self::DuplicateImport => "duplicate_import",
            Self::Unknown => "unknown",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl Cause {
    /// The kind, without target.
    #[must_use]
    pub const fn kind(self) -> AllocationKind {
        match self {
            Self::Receivable(_) => AllocationKind::Receivable,
            Self::OwnerAdvance(_) => AllocationKind::OwnerAdvance,
            Self::OwnerRefund(_) => AllocationKind::OwnerRefund,
            Self::SupplierInvoice(_) => AllocationKind::SupplierInvoice,
            Self::SupplierAdvance(_) => AllocationKind::SupplierAdvance,
            Self::SepaBatch(_) => AllocationKind::SepaBatch,
            Self::SepaReject(_) => AllocationKind::SepaReject,
            Self::ChequeDeposit(_) => AllocationKind::ChequeDeposit,
            Self::ChequeReject(_) => AllocationKind::ChequeReject,
            Self::BankFee => AllocationKind::BankFee,
            Self::InternalTransfer(_) => AllocationKind::InternalTransfer,
            Self::DuplicateImport(_) => AllocationKind::DuplicateImport,
            Self::Unknown => AllocationKind::Unknown,
        }
    }

    /// The target's id, none for fees and the unknown.
    #[must_use]
    pub const fn target(self) -> Option<Uuid> {
        Some(match self {
            Self::Receivable(id) => id.0,
            Self::OwnerAdvance(id) | Self::OwnerRefund(id) => id.0,
            Self::SupplierInvoice(id) => id.0,
            Self::SupplierAdvance(id) => id.0,
            Self::SepaBatch(id) => id.0,
            Self::SepaReject(id) => id.0,
            Self::ChequeDeposit(id) => id.0,
            Self::ChequeReject(id) => id.0,
            Self::InternalTransfer(id) => id.0,
            Self::DuplicateImport(id) => id.0,
            Self::BankFee | Self::Unknown => return None,
        })
    }

    /// The cause of a kind and a target, if they fit together.
    #[must_use]
    pub fn from_parts(kind: AllocationKind, target: Option<Uuid>) -> Option<Self> {
        Some(match (kind, target) {
            (AllocationKind::BankFee, None) => Self::BankFee,
            (AllocationKind::Unknown, None) => Self::Unknown,
            (AllocationKind::Receivable, Some(id)) => Self::Receivable(ReceivableId(id)),
            (AllocationKind::OwnerAdvance, Some(id)) => Self::OwnerAdvance(OwnerId(id)),
            (AllocationKind::OwnerRefund, Some(id)) => Self::OwnerRefund(OwnerId(id)),
            (AllocationKind::SupplierInvoice, Some(id)) => Self::SupplierInvoice(InvoiceId(id)),
            (AllocationKind::SupplierAdvance, Some(id)) => Self::SupplierAdvance(SupplierId(id)),
            (AllocationKind::SepaBatch, Some(id)) => Self::SepaBatch(BatchId(id)),
            (AllocationKind::SepaReject, Some(id)) => Self::SepaReject(BatchEntryId(id)),
            (AllocationKind::ChequeDeposit, Some(id)) => Self::ChequeDeposit(SlipId(id)),
            (AllocationKind::ChequeReject, Some(id)) => Self::ChequeReject(ChequeId(id)),
            (AllocationKind::InternalTransfer, Some(id)) => {
                Self::InternalTransfer(BankAccountId(id))
            }
            (AllocationKind::DuplicateImport, Some(id)) => Self::DuplicateImport(TransactionId(id)),
            _ => return None,
        })
    }
}
