//! What the matcher reads: plain data of one condominium at one moment.
//!
//! A [`Snapshot`] is loaded by the store (or built by a test); the working
//! state that decides lines is [`Book`](super::Book), opened from a snapshot.
//! Amounts of items are positive when they are owed the usual way round (an
//! owner owes us, we owe a supplier) and negative for a credit note.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::allocation::Allocation;
use crate::ids::{
    AliasId, BankAccountId, BatchEntryId, BatchId, ChargeId, ChequeId, CondominiumId, InvoiceId,
    LotId, OwnerId, PayoutId, ReceivableId, SlipId, SupplierId, TransactionId,
};
use crate::money::Money;

/// Everything the matcher knows of one condominium.
///
/// Open amounts, `posted` and `collected` flags describe the same moment: what
/// the ledger holds when the snapshot is taken.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The condominium itself.
    pub condominium: Condominium,
    /// Whether sure postings are made without a person.
    pub automatic: bool,
    /// The other condominiums of the tenant, to recognise a payment meant for them.
    pub neighbours: Vec<Neighbour>,
    /// Owner accounts.
    pub owners: Vec<Owner>,
    /// Lots with their dated ownership.
    pub lots: Vec<Lot>,
    /// What owners owe, open or settled.
    pub receivables: Vec<Receivable>,
    /// Suppliers of the tenant.
    pub suppliers: Vec<Supplier>,
    /// Supplier invoices of this condominium, open or settled.
    pub invoices: Vec<Invoice>,
    /// Files sent to the bank.
    pub batches: Vec<Batch>,
    /// Cheque deposit slips.
    pub slips: Vec<Slip>,
    /// Payouts of the card processor.
    pub payouts: Vec<Payout>,
    /// Payers learnt from confirmations.
    pub aliases: Vec<Alias>,
    /// Lines seen before, oldest first, with what became of them.
    pub history: Vec<PastLine>,
}

/// The condominium whose lines are decided.
#[derive(Clone, Debug)]
pub struct Condominium {
    /// Its id.
    pub id: CondominiumId,
    /// Usual name.
    pub name: String,
    /// Name on the bank account.
    pub legal_name: String,
    /// Street address; often used as a name in labels.
    pub address: String,
    /// SEPA creditor identifier of its direct debits.
    pub creditor_identifier: Option<String>,
    /// Its bank accounts.
    pub accounts: Vec<Account>,
}

/// A bank account of the condominium.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its id.
    pub id: BankAccountId,
    /// Current or savings.
    pub kind: AccountKind,
    /// IBAN, if known.
    pub iban: Option<String>,
}

/// The two accounts a condominium must keep apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountKind {
    /// Day-to-day account.
    Current,
    /// Works fund (*fonds travaux*).
    Savings,
}

/// Another condominium of the same tenant, in a light form.
#[derive(Clone, Debug)]
pub struct Neighbour {
    /// Its id.
    pub id: CondominiumId,
    /// Usual name.
    pub name: String,
    /// Name on the bank account.
    pub legal_name: String,
    /// Its owner accounts.
    pub owners: Vec<NeighbourOwner>,
    /// Its supplier invoices.
    pub invoices: Vec<NeighbourInvoice>,
}

/// An owner account of another condominium.
#[derive(Clone, Debug)]
pub struct NeighbourOwner {
    /// Every person's name, as written.
    pub names: Vec<String>,
    /// Payment references of its calls.
    pub references: Vec<String>,
    /// Amounts of its receivables.
    pub amounts: Vec<Money>,
}

/// A supplier invoice of another condominium.
#[derive(Clone, Debug)]
pub struct NeighbourInvoice {
    /// The supplier.
    pub supplier: SupplierId,
    /// Invoice number.
    pub number: String,
    /// Issue date.
    pub issued_on: NaiveDate,
    /// Amount due.
    pub amount: Money,
}

/// An owner account (*compte copropriétaire*).
#[derive(Clone, Debug)]
pub struct Owner {
    /// Its id.
    pub id: OwnerId,
    /// Ledger account, unique inside the condominium.
    pub account_code: String,
    /// What kind of account it is.
    pub kind: OwnerKind,
    /// Name as shown.
    pub display_name: String,
    /// E-mail address, also known by the card processor.
    pub email: Option<String>,
    /// Payments kept on the account that no receivable took; refunds lower it.
    pub advance: Money,
    /// Everyone who may pay for the account.
    pub persons: Vec<Person>,
    /// Direct debit mandate, if any.
    pub mandate: Option<Mandate>,
}

/// What kind of owner account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerKind {
    /// One natural person.
    Individual,
    /// Two spouses or partners.
    Couple,
    /// A family property company (*SCI*).
    Sci,
    /// Another company or association.
    Company,
    /// Heirs or co-buyers (*indivision*).
    Indivision,
    /// Anything else.
    Other,
}

/// A person or company that stands behind an owner account.
#[derive(Clone, Debug)]
pub struct Person {
    /// Relation to the account.
    pub role: PersonRole,
    /// `M` or `MME`, when recorded.
    pub civility: Option<String>,
    /// Surname, when recorded apart.
    pub last_name: Option<String>,
    /// First name, when recorded apart.
    pub first_name: Option<String>,
    /// Birth name, when recorded.
    pub birth_name: Option<String>,
    /// Whole name as written: `LECLERC Chloé`, `SCI Azur Invest`.
    pub name: String,
}

/// How a person is tied to an owner account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonRole {
    /// The owner.
    Holder,
    /// The owner's spouse or partner.
    Spouse,
    /// A co-holder of an indivision or couple.
    CoHolder,
    /// A tenant who may pay for the owner.
    Tenant,
    /// The company that owns.
    Company,
    /// The person who represents the company.
    Representative,
}

/// A SEPA direct debit mandate.
#[derive(Clone, Debug)]
pub struct Mandate {
    /// Unique mandate reference (*RUM*).
    pub reference: String,
    /// Date of signature.
    pub signed_on: Option<NaiveDate>,
}

/// A lot of the condominium.
#[derive(Clone, Debug)]
pub struct Lot {
    /// Its id.
    pub id: LotId,
    /// Number in the co-ownership rules.
    pub number: String,
    /// Who owned it when.
    pub ownership: Vec<Ownership>,
}

/// One owner of a lot during a span of time.
#[derive(Clone, Debug)]
pub struct Ownership {
    /// The owner account.
    pub owner: OwnerId,
    /// First day.
    pub from: Option<NaiveDate>,
    /// Last day, open when none.
    pub to: Option<NaiveDate>,
}

/// What an owner owes: one line of a call (*créance*).
#[derive(Clone, Debug)]
pub struct Receivable {
    /// Its id.
    pub id: ReceivableId,
    /// Id in the source: breaks ties between equal due dates.
    pub external_ref: String,
    /// The owner account that owes it.
    pub owner: OwnerId,
    /// Lots it is called for; empty for fees.
    pub lots: Vec<LotId>,
    /// Why it is owed.
    pub kind: ReceivableKind,
    /// `2025-T2` for charges, topic and part for works.
    pub period: String,
    /// Label printed on the call.
    pub label: String,
    /// From this day on it can be settled.
    pub issued_on: NaiveDate,
    /// Day it should be paid.
    pub due_on: NaiveDate,
    /// Amount called.
    pub amount: Money,
    /// What is still to be paid.
    pub open: Money,
    /// Reference printed on the call, shared by its lines.
    pub payment_reference: String,
}

/// Why a receivable is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceivableKind {
    /// Quarterly charges.
    Charges,
    /// A call for works.
    Works,
    /// Reminder or formal notice fee.
    ReminderFee,
    /// Fee for a sale (*état daté*).
    StateDatedFee,
    /// Balance carried over.
    CarryOver,
}

/// A supplier (*fournisseur*).
#[derive(Clone, Debug)]
pub struct Supplier {
    /// Its id.
    pub id: SupplierId,
    /// Name.
    pub name: String,
    /// Trade.
    pub category: String,
    /// IBAN, if known.
    pub iban: Option<String>,
    /// SEPA creditor identifier of those who draw direct debits.
    pub creditor_identifier: Option<String>,
}

/// A supplier invoice, payslip or social charge.
#[derive(Clone, Debug)]
pub struct Invoice {
    /// Its id.
    pub id: InvoiceId,
    /// Id in the source: breaks ties between equal due dates.
    pub external_ref: String,
    /// The supplier.
    pub supplier: SupplierId,
    /// Supplier's name as written on the document.
    pub supplier_name: String,
    /// What kind of document.
    pub document: DocumentKind,
    /// Number printed on it.
    pub number: String,
    /// From this day on it can be settled.
    pub issued_on: NaiveDate,
    /// Day it should be paid.
    pub due_on: NaiveDate,
    /// What it is for.
    pub description: String,
    /// Whole amount, taxes included; negative for a credit note.
    pub gross: Money,
    /// Amount due on it (below `gross` when a retention is kept); negative for a credit note.
    pub amount: Money,
    /// What is still to be paid, negative for a credit note.
    pub open: Money,
    /// How it is paid.
    pub mode: PaymentMode,
    /// Number of the cheque that pays it, if noted.
    pub cheque_number: Option<String>,
}

/// What a supplier document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentKind {
    /// A bill.
    Invoice,
    /// A credit note (*avoir*).
    CreditNote,
    /// A payslip.
    Payroll,
    /// Social charges.
    SocialCharges,
}

/// How a supplier document is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentMode {
    /// We send a transfer.
    Transfer,
    /// The supplier debits us.
    DirectDebit,
    /// We sign a cheque.
    Cheque,
    /// Not known.
    Other,
}

/// A SEPA file sent to the bank (*remise*).
#[derive(Clone, Debug)]
pub struct Batch {
    /// Its id.
    pub id: BatchId,
    /// Direction.
    pub kind: BatchKind,
    /// Message id of the file.
    pub message_id: String,
    /// Day of collection or execution.
    pub collection_on: NaiveDate,
    /// Sum of the entries.
    pub total: Money,
    /// Direct debits: the entries have settled their receivables in our books.
    pub collected: bool,
    /// A bank line has been posted against it.
    pub booked: bool,
    /// The entries.
    pub entries: Vec<BatchEntry>,
}

/// Direction of a SEPA file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchKind {
    /// Owners are debited.
    DirectDebit,
    /// Suppliers are paid.
    CreditTransfer,
}

/// One entry of a SEPA file.
#[derive(Clone, Debug)]
pub struct BatchEntry {
    /// Its id.
    pub id: BatchEntryId,
    /// End-to-end id given to the bank.
    pub end_to_end_id: String,
    /// Amount, positive.
    pub amount: Money,
    /// Whom it concerns.
    pub party: EntryParty,
    /// Name of the debtor or creditor as sent.
    pub name: String,
    /// A bank line (or a later correction) says it was returned.
    pub returned: bool,
    /// The bank booked it on a line of its own.
    pub booked: bool,
}

/// Whom an entry of a SEPA file concerns.
#[derive(Clone, Debug)]
pub enum EntryParty {
    /// An owner is debited for a receivable.
    Owner {
        /// The owner account.
        owner: OwnerId,
        /// The receivable collected.
        receivable: Option<ReceivableId>,
        /// Mandate reference.
        mandate: String,
    },
    /// A supplier is paid for an invoice.
    Supplier {
        /// The supplier.
        supplier: SupplierId,
        /// The invoice paid.
        invoice: Option<InvoiceId>,
    },
}

/// A cheque deposit slip (*bordereau*).
#[derive(Clone, Debug)]
pub struct Slip {
    /// Its id.
    pub id: SlipId,
    /// Number printed on it.
    pub number: String,
    /// Day of deposit.
    pub deposited_on: NaiveDate,
    /// Sum of its cheques.
    pub total: Money,
    /// A bank line has been posted against it.
    pub booked: bool,
    /// The cheques.
    pub cheques: Vec<Cheque>,
}

/// A cheque received from an owner.
#[derive(Clone, Debug)]
pub struct Cheque {
    /// Its id.
    pub id: ChequeId,
    /// Number printed on it.
    pub number: String,
    /// Who signed it.
    pub drawer: String,
    /// Amount.
    pub amount: Money,
    /// Day it came in: it settles its receivables then.
    pub received_on: NaiveDate,
    /// The owner account it pays for.
    pub owner: OwnerId,
    /// What it pays, as posted when it came in.
    pub allocations: Vec<(ReceivableId, Money)>,
    /// It has settled its receivables in our books.
    pub posted: bool,
    /// It came back unpaid.
    pub returned: bool,
}

/// A payout of the card processor.
#[derive(Clone, Debug)]
pub struct Payout {
    /// Its id.
    pub id: PayoutId,
    /// Id given by the processor; labels may carry a part of it.
    pub external_ref: String,
    /// Day it should arrive.
    pub arrives_on: NaiveDate,
    /// Sum of the charges.
    pub gross: Money,
    /// Fees kept by the processor.
    pub fee: Money,
    /// What reaches the bank account.
    pub net: Money,
    /// A bank line has been posted against it.
    pub booked: bool,
    /// The charges.
    pub charges: Vec<Charge>,
}

/// A card payment by an owner.
#[derive(Clone, Debug)]
pub struct Charge {
    /// Its id.
    pub id: ChargeId,
    /// Day of payment: it settles its receivable then.
    pub created_on: NaiveDate,
    /// Amount paid.
    pub gross: Money,
    /// The receivable paid, when the processor was told.
    pub receivable: Option<ReceivableId>,
    /// E-mail address of the payer.
    pub customer_email: Option<String>,
    /// Description, usually a payment reference.
    pub description: String,
    /// It has settled its receivable in our books.
    pub posted: bool,
}

/// A payer name that a person tied to an owner account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// Its id.
    pub id: AliasId,
    /// The payer as the matcher reads it in a label (see `payer_key` of the label).
    pub payer: String,
    /// The owner account it pays for.
    pub owner: OwnerId,
}

/// A line of a bank statement (*opération bancaire*).
#[derive(Clone, Debug)]
pub struct Line {
    /// Its id.
    pub id: TransactionId,
    /// Account it stands on.
    pub account: BankAccountId,
    /// Booking date.
    pub date: NaiveDate,
    /// Date of the operation itself.
    pub real_date: Option<NaiveDate>,
    /// Value date.
    pub value_date: Option<NaiveDate>,
    /// Signed amount, negative when money leaves.
    pub amount: Money,
    /// The bank's label.
    pub original_wording: String,
    /// Label cleaned by the aggregator, sometimes badly.
    pub wording: String,
    /// Type given by the aggregator, sometimes wrong.
    pub kind: LineKind,
    /// Not booked yet.
    pub pending: bool,
    /// Deleted by the feed.
    pub deleted: bool,
}

/// Type of a line as the aggregator gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// A transfer.
    Transfer,
    /// A direct debit.
    Order,
    /// A cheque.
    Check,
    /// A deposit.
    Deposit,
    /// The bank's own operation.
    Bank,
    /// A refund.
    Payback,
    /// Anything else, or not known.
    #[serde(other)]
    Unknown,
}

/// A line seen before, with what became of it.
#[derive(Clone, Debug)]
pub struct PastLine {
    /// The line.
    pub line: Line,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a line.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Posted, by the matcher or by a person.
    Posted {
        /// What was posted.
        allocations: Vec<Allocation>,
        /// Who decided.
        by: Decider,
    },
    /// In review: the items of its candidates are held until a person answers.
    InReview {
        /// What the review may end with, best first.
        candidates: Vec<Vec<Allocation>>,
    },
    /// Pending: waits for its booked line.
    Waiting,
}

/// Who decided a posting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decider {
    /// The matcher, without a person.
    Auto,
    /// A person.
    Person,
}
