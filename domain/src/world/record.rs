//! The records of a world.
//!
//! References are ids of the export; days and amounts are read already.

use chrono::{NaiveDate, NaiveDateTime};

use crate::matching::{BatchKind, DocumentKind, LineKind, OwnerKind, PaymentMode, ReceivableKind};
use crate::money::Money;

/// A condominium (*copropriété*).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condominium {
    /// Its id.
    pub id: String,
    /// Usual name.
    pub name: String,
    /// Name on the bank account.
    pub legal_name: String,
    /// Street address.
    pub address: String,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Town.
    pub city: Option<String>,
    /// Number of lots.
    pub lots_count: Option<i64>,
    /// Shares of all lots (*tantièmes*).
    pub total_shares: Option<i64>,
    /// First day of the financial year.
    pub fiscal_year_start: Option<NaiveDate>,
    /// SEPA creditor identifier of its direct debits.
    pub creditor_identifier: Option<String>,
    /// Its bank accounts.
    pub bank: Bank,
}

/// The two bank accounts of a condominium.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bank {
    /// Bank, as the aggregator names it.
    pub family: Option<String>,
    /// The aggregator's id of the current account.
    pub current: i64,
    /// The aggregator's id of the savings account (*fonds travaux*).
    pub savings: i64,
    /// IBAN of the current account.
    pub iban: Option<String>,
    /// BIC of the bank.
    pub bic: Option<String>,
}

/// An owner's account in one condominium.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its id.
    pub id: String,
    /// The condominium.
    pub condominium: String,
    /// Ledger account, unique inside the condominium.
    pub account_code: String,
    /// What kind of account.
    pub kind: OwnerKind,
    /// `M` or `MME`.
    pub civility: Option<String>,
    /// Surname.
    pub last_name: Option<String>,
    /// First name.
    pub first_name: Option<String>,
    /// Spouse or partner, if recorded.
    pub spouse: Option<Spouse>,
    /// Name of a company.
    pub company_name: Option<String>,
    /// Who represents the company.
    pub legal_representative: Option<String>,
    /// Known co-holders, as written.
    pub co_holders: Vec<String>,
    /// Known tenants, as written.
    pub known_tenants: Vec<String>,
    /// Name as shown.
    pub display_name: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Direct debit mandate.
    pub mandate: Option<Mandate>,
}

/// A recorded spouse or partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spouse {
    /// First name.
    pub first_name: Option<String>,
    /// Surname.
    pub last_name: Option<String>,
    /// Birth name.
    pub birth_name: Option<String>,
}

/// A SEPA direct debit mandate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mandate {
    /// Unique mandate reference (*RUM*).
    pub reference: String,
    /// Last four characters of the debtor's IBAN.
    pub iban_last4: Option<String>,
    /// Day of signature.
    pub signed_on: Option<NaiveDate>,
}

/// A lot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lot {
    /// Its id.
    pub id: String,
    /// The condominium.
    pub condominium: String,
    /// Number in the co-ownership rules.
    pub number: String,
    /// What it is: `T3`, `cave`, `parking`.
    pub kind: Option<String>,
    /// Floor.
    pub floor: Option<i64>,
    /// Shares (*tantièmes*).
    pub shares: Option<i64>,
    /// The lot it belongs with.
    pub annex_of: Option<String>,
    /// Who owned it when.
    pub ownership: Vec<Ownership>,
}

/// One owner of a lot during a span of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// The owner account.
    pub owner: String,
    /// First day.
    pub from: Option<NaiveDate>,
    /// Last day, open when none.
    pub to: Option<NaiveDate>,
}

/// What an owner owes: one line of a call (*créance*).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receivable {
    /// Its id.
    pub id: String,
    /// The condominium.
    pub condominium: String,
    /// The owner account that owes it.
    pub owner: String,
    /// Lots it is called for.
    pub lots: Vec<String>,
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
    /// Reference printed on the call.
    pub payment_reference: String,
}

/// A supplier (*fournisseur*).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supplier {
    /// Its id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Trade.
    pub category: String,
    /// SIRET number.
    pub siret: Option<String>,
    /// VAT number.
    pub vat_number: Option<String>,
    /// IBAN.
    pub iban: Option<String>,
    /// BIC.
    pub bic: Option<String>,
    /// SEPA creditor identifier of those who draw direct debits.
    pub creditor_identifier: Option<String>,
}

/// A bill, credit note, payslip or social charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    /// Its id.
    pub id: String,
    /// The condominium.
    pub condominium: String,
    /// The supplier.
    pub supplier: String,
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
    /// Day it came in.
    pub received_on: Option<NaiveDate>,
    /// What it is for.
    pub description: String,
    /// Amount before tax.
    pub net: Money,
    /// Tax.
    pub vat: Money,
    /// Amount with tax.
    pub gross: Money,
    /// Amount due, negative for a credit note.
    pub amount: Money,
    /// How it is paid.
    pub mode: PaymentMode,
    /// IBAN written on it.
    pub iban: Option<String>,
    /// Number of the cheque that pays it, if noted.
    pub cheque_number: Option<String>,
}

/// A SEPA file sent to the bank (*remise*).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Its id.
    pub id: String,
    /// The condominium.
    pub condominium: String,
    /// Direction.
    pub kind: BatchKind,
    /// `CORE`, `B2B`, `SCT`.
    pub scheme: Option<String>,
    /// Message id of the file.
    pub message_id: String,
    /// Day of collection or execution.
    pub collection_on: NaiveDate,
    /// Number of entries stated in the file.
    pub count: i64,
    /// Sum stated in the file.
    pub total: Money,
    /// The entries.
    pub entries: Vec<BatchEntry>,
}

/// One entry of a SEPA file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchEntry {
    /// End-to-end id given to the bank.
    pub end_to_end_id: String,
    /// Amount, positive.
    pub amount: Money,
    /// Whom it concerns.
    pub party: BatchParty,
}

/// Whom an entry of a SEPA file concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchParty {
    /// An owner is debited.
    Owner {
        /// The owner account.
        owner: String,
        /// The receivable collected.
        receivable: Option<String>,
        /// Mandate reference.
        mandate: String,
        /// Name as sent.
        name: String,
    },
    /// A supplier is paid.
    Supplier {
        /// The supplier.
        supplier: String,
        /// The invoice paid.
        invoice: Option<String>,
        /// Name as sent.
        name: String,
        /// IBAN as sent.
        iban: Option<String>,
    },
}

/// A cheque deposit slip (*bordereau*).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slip {
    /// Its id.
    pub id: String,
    /// The condominium.
    pub condominium: String,
    /// Number printed on it.
    pub number: String,
    /// Day of deposit.
    pub deposited_on: NaiveDate,
    /// Sum stated on it.
    pub total: Money,
    /// The cheques.
    pub cheques: Vec<Cheque>,
}

/// A cheque received from an owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cheque {
    /// Its id.
    pub id: String,
    /// Number printed on it.
    pub number: String,
    /// Who signed it.
    pub drawer_name: String,
    /// The drawer's bank.
    pub drawer_bank: Option<String>,
    /// Amount.
    pub amount: Money,
    /// Day it came in.
    pub received_on: NaiveDate,
    /// The owner account it pays for.
    pub owner: String,
    /// What it pays, as posted by the agent.
    pub allocations: Vec<ChequePart>,
}

/// A part of a cheque and the receivable it pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChequePart {
    /// The receivable.
    pub receivable: String,
    /// The part.
    pub amount: Money,
}

/// A payout of the card processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payout {
    /// Its id.
    pub id: String,
    /// The condominium.
    pub condominium: String,
    /// Day it should arrive.
    pub arrives_on: NaiveDate,
    /// Sum of the charges.
    pub gross: Money,
    /// Fees kept by the processor.
    pub fee: Money,
    /// What reaches the bank account.
    pub net: Money,
    /// The charges.
    pub charges: Vec<Charge>,
}

/// A card payment by an owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Its id.
    pub id: String,
    /// Day of payment.
    pub created_on: NaiveDate,
    /// Amount paid.
    pub gross: Money,
    /// Fee kept by the processor.
    pub fee: Money,
    /// The receivable paid, when the processor was told.
    pub receivable: Option<String>,
    /// E-mail address of the payer.
    pub customer_email: Option<String>,
    /// Description, usually a payment reference.
    pub description: Option<String>,
}

/// A line of a bank statement (*opération bancaire*), as the aggregator gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// The aggregator's id.
    pub id: i64,
    /// The aggregator's id of the account.
    pub account: i64,
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
    /// Label cleaned by the aggregator.
    pub wording: String,
    /// Type given by the aggregator.
    pub kind: LineKind,
    /// Not booked yet.
    pub coming: bool,
    /// When the feed deleted it.
    pub deleted: Option<NaiveDateTime>,
}
