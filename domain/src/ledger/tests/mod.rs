mod answers;
mod properties;

use chrono::NaiveDate;
use uuid::Uuid;

use super::*;
use crate::ids::*;
use crate::matching::{
    self, AccountKind, Allocation, Batch, BatchEntry, BatchKind, Charge, Cheque, Condominium,
    DocumentKind, EntryParty, Fact, Invoice, Line, LineKind, PaymentMode, Payout, Receivable,
    ReceivableKind, Slip, Snapshot,
};
use crate::money::Money;

const CURRENT: BankAccountId = BankAccountId(Uuid::from_u128(1));
const SAVINGS: BankAccountId = BankAccountId(Uuid::from_u128(2));
const OWNER: OwnerId = OwnerId(Uuid::from_u128(10));
const CHARGES: ReceivableId = ReceivableId(Uuid::from_u128(20));
const WORKS: ReceivableId = ReceivableId(Uuid::from_u128(21));
const SUPPLIER: SupplierId = SupplierId(Uuid::from_u128(30));
const BILL: InvoiceId = InvoiceId(Uuid::from_u128(40));
const CREDIT_NOTE: InvoiceId = InvoiceId(Uuid::from_u128(41));
const PAYSLIP: InvoiceId = InvoiceId(Uuid::from_u128(42));
const SOCIAL: InvoiceId = InvoiceId(Uuid::from_u128(43));
const DEBITS: BatchId = BatchId(Uuid::from_u128(50));
const TRANSFERS: BatchId = BatchId(Uuid::from_u128(51));
const DEBIT: BatchEntryId = BatchEntryId(Uuid::from_u128(60));
const SLIP: SlipId = SlipId(Uuid::from_u128(70));
const CHEQUE: ChequeId = ChequeId(Uuid::from_u128(80));
const PAYOUT: PayoutId = PayoutId(Uuid::from_u128(90));
const TOLD: ChargeId = ChargeId(Uuid::from_u128(91));
const UNTOLD: ChargeId = ChargeId(Uuid::from_u128(92));
const OTHER_LINE: TransactionId = TransactionId(Uuid::from_u128(99));

fn day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2025, 3, 10).unwrap()
}

fn euros(euros: i64) -> Money {
    Money::from_cents(euros * 100)
}

fn receivable(id: ReceivableId, kind: ReceivableKind, amount: i64) -> Receivable {
    Receivable {
        id,
        external_ref: String::new(),
        owner: OWNER,
        lots: Vec::new(),
        kind,
        period: String::new(),
        label: String::new(),
        issued_on: day(),
        due_on: day(),
        amount: euros(amount),
        open: euros(amount),
        payment_reference: String::new(),
    }
}

fn invoice(id: InvoiceId, document: DocumentKind, amount: i64) -> Invoice {
    Invoice {
        id,
        external_ref: String::new(),
        supplier: SUPPLIER,
        supplier_name: String::new(),
        document,
        number: String::new(),
        issued_on: day(),
        due_on: day(),
        description: String::new(),
        gross: euros(amount),
        amount: euros(amount),
        open: euros(amount),
        mode: PaymentMode::Transfer,
        cheque_number: None,
    }
}

fn batch(id: BatchId, kind: BatchKind, parties: Vec<(BatchEntryId, EntryParty, i64)>) -> Batch {
    let entry = |(id, party, amount): (_, _, i64)| BatchEntry {
        id,
        end_to_end_id: String::new(),
        amount: euros(amount),
        party,
        name: String::new(),
        returned: false,
        booked: false,
    };
    let total = euros(parties.iter().map(|(_, _, amount)| amount).sum());
    let entries = parties.into_iter().map(entry).collect();
    Batch {
        id,
        kind,
        message_id: String::new(),
        collection_on: day(),
        total,
        collected: false,
        booked: false,
        entries,
    }
}

/// One owner (charges 100, works 60), one supplier, and one of each means of payment.
fn condominium() -> Snapshot {
    let account = |id, kind| matching::Account {
        id,
        kind,
        iban: None,
    };
    let owed = |receivable| EntryParty::Owner {
        owner: OWNER,
        receivable,
        mandate: String::new(),
    };
    let billed = |invoice| EntryParty::Supplier {
        supplier: SUPPLIER,
        invoice,
    };
    let entry = |n| BatchEntryId(Uuid::from_u128(n));
    let charge = |id, receivable| Charge {
        id,
        created_on: day(),
        gross: euros(30),
        receivable,
        customer_email: None,
        description: String::new(),
        posted: false,
    };
    let cheque = Cheque {
        id: CHEQUE,
        number: String::new(),
        drawer: String::new(),
        amount: euros(100),
        received_on: day(),
        owner: OWNER,
        allocations: vec![(CHARGES, euros(70)), (WORKS, euros(30))],
        posted: false,
        returned: false,
    };
    Snapshot {
        condominium: Condominium {
            id: CondominiumId(Uuid::nil()),
            name: String::new(),
            legal_name: String::new(),
            address: String::new(),
            creditor_identifier: None,
            accounts: vec![
                account(CURRENT, AccountKind::Current),
                account(SAVINGS, AccountKind::Savings),
            ],
        },
        automatic: true,
        neighbours: Vec::new(),
        owners: Vec::new(),
        lots: Vec::new(),
        receivables: vec![
            receivable(CHARGES, ReceivableKind::Charges, 100),
            receivable(WORKS, ReceivableKind::Works, 60),
        ],
        suppliers: Vec::new(),
        invoices: vec![
            invoice(BILL, DocumentKind::Invoice, 200),
            invoice(CREDIT_NOTE, DocumentKind::CreditNote, -50),
            invoice(PAYSLIP, DocumentKind::Payroll, 900),
            invoice(SOCIAL, DocumentKind::SocialCharges, 300),
        ],
        batches: vec![
            batch(
                DEBITS,
                BatchKind::DirectDebit,
                vec![
                    (DEBIT, owed(Some(CHARGES)), 100),
                    (entry(61), owed(None), 5),
                ],
            ),
            batch(
                TRANSFERS,
                BatchKind::CreditTransfer,
                vec![
                    (entry(62), billed(Some(BILL)), 200),
                    (entry(63), billed(None), 40),
                ],
            ),
        ],
        slips: vec![Slip {
            id: SLIP,
            number: String::new(),
            deposited_on: day(),
            total: euros(100),
            booked: false,
            cheques: vec![cheque],
        }],
        payouts: vec![Payout {
            id: PAYOUT,
            external_ref: String::new(),
            arrives_on: day(),
            gross: euros(60),
            fee: euros(1),
            net: euros(59),
            booked: false,
            charges: vec![charge(TOLD, Some(CHARGES)), charge(UNTOLD, None)],
        }],
        aliases: Vec::new(),
        history: Vec::new(),
    }
}

fn line_on(account: BankAccountId, allocations: &[Allocation]) -> Line {
    Line {
        id: TransactionId(Uuid::from_u128(100)),
        account,
        date: day(),
        real_date: None,
        value_date: None,
        amount: allocations.iter().map(|a| a.amount).sum(),
        original_wording: String::new(),
        wording: String::new(),
        kind: LineKind::Transfer,
        pending: false,
        deleted: false,
    }
}

fn post(
    ledger: &mut Ledger,
    account: BankAccountId,
    allocations: &[Allocation],
    payout: Option<PayoutId>,
) -> Entry {
    let id = MatchId(Uuid::from_u128(1000));
    ledger
        .line(id, &line_on(account, allocations), allocations, payout)
        .unwrap()
        .unwrap()
}

fn shown(entry: &Entry) -> Vec<String> {
    let line = |line: &EntryLine| {
        let item = if line.item.is_some() { " settles" } else { "" };
        if line.amount > Money::ZERO {
            format!("{} D {}{item}", line.account.code(), line.debit())
        } else {
            format!("{} C {}{item}", line.account.code(), line.credit())
        }
    };
    entry.lines.iter().map(line).collect()
}

fn part(cause: matching::Cause, amount: i64) -> Allocation {
    Allocation::new(cause, euros(amount))
}

#[test]
fn each_allocation_has_the_entry_of_the_table() {
    use matching::Cause as For;
    let cases: [(&[Allocation], &[&str]); 17] = [
        (
            &[part(For::Receivable(CHARGES), 100)],
            &["512 D 100.00", "450-1 C 100.00 settles"],
        ),
        (
            &[part(For::Receivable(WORKS), 60)],
            &["512 D 60.00", "450-2 C 60.00 settles"],
        ),
        (
            &[part(For::OwnerAdvance(OWNER), 10)],
            &["512 D 10.00", "450-1 C 10.00"],
        ),
        (
            &[part(For::OwnerRefund(OWNER), -10)],
            &["512 C 10.00", "450-1 D 10.00"],
        ),
        (
            &[part(For::SupplierInvoice(BILL), -200)],
            &["512 C 200.00", "401 D 200.00 settles"],
        ),
        (
            &[part(For::SupplierInvoice(PAYSLIP), -900)],
            &["512 C 900.00", "421 D 900.00 settles"],
        ),
        (
            &[part(For::SupplierInvoice(SOCIAL), -300)],
            &["512 C 300.00", "431 D 300.00 settles"],
        ),
        (
            &[part(For::SupplierInvoice(CREDIT_NOTE), 50)],
            &["512 D 50.00", "401 C 50.00 settles"],
        ),
        (
            &[part(For::SupplierAdvance(SUPPLIER), -80)],
            &["512 C 80.00", "409 D 80.00"],
        ),
        (
            &[part(For::SepaBatch(DEBITS), 105)],
            &["512 D 105.00", "461-SDD C 105.00"],
        ),
        (
            &[part(For::SepaBatch(TRANSFERS), -240)],
            &["512 C 240.00", "401 D 200.00 settles", "409 D 40.00"],
        ),
        (
            &[part(For::ChequeDeposit(SLIP), 100)],
            &["512 D 100.00", "461-CHQ C 100.00"],
        ),
        (&[part(For::BankFee, -12)], &["512 C 12.00", "662 D 12.00"]),
        (&[part(For::BankFee, 45)], &["512 D 45.00", "716 C 45.00"]),
        (
            &[part(For::InternalTransfer(SAVINGS), -500)],
            &["512 C 500.00", "461-VIR D 500.00"],
        ),
        (
            &[part(For::Unknown, 450)],
            &["512 D 450.00", "472 C 450.00"],
        ),
        (
            &[part(For::Unknown, -450)],
            &["512 C 450.00", "471 D 450.00"],
        ),
    ];
    for (allocations, expected) in cases {
        let mut ledger = Ledger::new(&condominium());
        assert_eq!(
            shown(&post(&mut ledger, CURRENT, allocations, None)),
            expected,
            "{allocations:?}"
        );
    }
}

#[test]
fn the_savings_account_posts_its_own_half_of_a_transfer() {
    let mut ledger = Ledger::new(&condominium());
    let arrival = [part(matching::Cause::InternalTransfer(CURRENT), 500)];
    assert_eq!(
        shown(&post(&mut ledger, SAVINGS, &arrival, None)),
        ["502 D 500.00", "461-VIR C 500.00"]
    );
}

#[test]
fn a_duplicate_moves_nothing() {
    let mut ledger = Ledger::new(&condominium());
    let twice = [part(matching::Cause::DuplicateImport(OTHER_LINE), 100)];
    let entry = ledger
        .line(
            MatchId(Uuid::nil()),
            &line_on(CURRENT, &twice),
            &twice,
            None,
        )
        .unwrap();
    assert_eq!(entry, None);
}

#[test]
fn a_debit_is_collected_credited_and_returned() {
    let mut ledger = Ledger::new(&condominium());
    let collected = ledger
        .fact(&Fact::DebitsCollected {
            batch: DEBITS,
            on: day(),
            entries: Vec::new(),
        })
        .unwrap();
    assert_eq!(
        shown(&collected),
        ["461-SDD D 105.00", "450-1 C 100.00 settles", "450-1 C 5.00"]
    );
    let net = [
        part(matching::Cause::SepaBatch(DEBITS), 105),
        part(matching::Cause::SepaReject(DEBIT), -100),
    ];
    assert_eq!(
        shown(&post(&mut ledger, CURRENT, &net, None)),
        ["512 D 5.00", "461-SDD C 105.00", "450-1 D 100.00 settles"]
    );
    assert_eq!(
        ledger.items().open(Item::Receivable(CHARGES)),
        Some(euros(100))
    );
}

#[test]
fn a_cheque_is_received_and_returned() {
    let mut ledger = Ledger::new(&condominium());
    let received = Fact::ChequeReceived {
        cheque: CHEQUE,
        on: day(),
        allocations: Vec::new(),
    };
    let entry = ledger.fact(&received).unwrap();
    assert_eq!(
        shown(&entry),
        [
            "461-CHQ D 100.00",
            "450-1 C 70.00 settles",
            "450-2 C 30.00 settles"
        ]
    );
    let back = [part(matching::Cause::ChequeReject(CHEQUE), -100)];
    assert_eq!(
        shown(&post(&mut ledger, CURRENT, &back, None)),
        [
            "512 C 100.00",
            "450-1 D 70.00 settles",
            "450-2 D 30.00 settles"
        ]
    );
}

#[test]
fn a_payout_pays_out_what_was_known_and_settles_what_was_not() {
    let mut ledger = Ledger::new(&condominium());
    let paid = Fact::CardPaid {
        charge: TOLD,
        on: day(),
        receivable: CHARGES,
        amount: euros(30),
    };
    assert_eq!(
        shown(&ledger.fact(&paid).unwrap()),
        ["461-PSP D 30.00", "450-1 C 30.00 settles"]
    );
    let payout = [
        part(matching::Cause::Receivable(CHARGES), 30),
        part(matching::Cause::Receivable(WORKS), 30),
        part(matching::Cause::BankFee, -1),
    ];
    assert_eq!(
        shown(&post(&mut ledger, CURRENT, &payout, Some(PAYOUT))),
        [
            "512 D 59.00",
            "461-PSP C 30.00",
            "450-2 C 30.00 settles",
            "662 D 1.00"
        ]
    );
    assert_eq!(
        ledger.items().open(Item::Receivable(CHARGES)),
        Some(euros(70))
    );
}

#[test]
fn what_is_paid_beyond_what_is_open_stays_on_the_account() {
    let mut ledger = Ledger::new(&condominium());
    let too_much = [part(matching::Cause::Receivable(WORKS), 75)];
    assert_eq!(
        shown(&post(&mut ledger, CURRENT, &too_much, None)),
        ["512 D 75.00", "450-2 C 60.00 settles", "450-1 C 15.00"]
    );
}

#[test]
fn what_points_nowhere_is_refused_and_settles_nothing() {
    let mut ledger = Ledger::new(&condominium());
    let stray = [
        part(matching::Cause::Receivable(CHARGES), 10),
        part(matching::Cause::Receivable(ReceivableId(Uuid::nil())), 1),
    ];
    let refused = ledger.line(
        MatchId(Uuid::nil()),
        &line_on(CURRENT, &stray),
        &stray,
        None,
    );
    assert_eq!(refused, Err(LedgerError::UnknownTarget));
    assert_eq!(
        ledger.items().open(Item::Receivable(CHARGES)),
        Some(euros(100))
    );
    let elsewhere = line_on(BankAccountId(Uuid::nil()), &[]);
    assert_eq!(
        ledger.line(MatchId(Uuid::nil()), &elsewhere, &[], None),
        Err(LedgerError::UnknownAccount)
    );
}
