//! How each record is read from its fields: the names of the export, in one place.

use super::reader::Fields;
use super::record::{
    Bank, Batch, BatchEntry, BatchParty, Charge, Cheque, ChequePart, Condominium, Invoice, Lot,
    Mandate, Owner, Ownership, Payout, Receivable, Slip, Spouse, Supplier, Transaction,
};
use crate::matching::{BatchKind, DocumentKind, LineKind, OwnerKind, PaymentMode, ReceivableKind};

const OWNER_KINDS: [(&str, OwnerKind); 5] = [
    ("individual", OwnerKind::Individual),
    ("couple", OwnerKind::Couple),
    ("sci", OwnerKind::Sci),
    ("company", OwnerKind::Company),
    ("indivision", OwnerKind::Indivision),
];

const RECEIVABLE_KINDS: [(&str, ReceivableKind); 5] = [
    ("charges", ReceivableKind::Charges),
    ("works", ReceivableKind::Works),
    ("reminder_fee", ReceivableKind::ReminderFee),
    ("state_dated_fee", ReceivableKind::StateDatedFee),
    ("carry_over", ReceivableKind::CarryOver),
];

const DOCUMENT_KINDS: [(&str, DocumentKind); 4] = [
    ("invoice", DocumentKind::Invoice),
    ("credit_note", DocumentKind::CreditNote),
    ("payroll", DocumentKind::Payroll),
    ("social_charges", DocumentKind::SocialCharges),
];

const PAYMENT_MODES: [(&str, PaymentMode); 3] = [
    ("transfer", PaymentMode::Transfer),
    ("prlv", PaymentMode::DirectDebit),
    ("cheque", PaymentMode::Cheque),
];

const BATCH_KINDS: [(&str, BatchKind); 2] = [
    ("direct_debit", BatchKind::DirectDebit),
    ("credit_transfer", BatchKind::CreditTransfer),
];

const LINE_KINDS: [(&str, LineKind); 6] = [
    ("transfer", LineKind::Transfer),
    ("order", LineKind::Order),
    ("check", LineKind::Check),
    ("deposit", LineKind::Deposit),
    ("bank", LineKind::Bank),
    ("payback", LineKind::Payback),
];

pub(super) fn condominium(f: &mut Fields<'_>) -> Condominium {
    Condominium {
        id: f.text("id"),
        name: f.text("name"),
        legal_name: f.text("legal_name"),
        address: f.text("address"),
        postal_code: f.optional_text("postal_code"),
        city: f.optional_text("city"),
        lots_count: f.optional_integer("lots_count"),
        total_shares: f.optional_integer("total_shares"),
        fiscal_year_start: f.optional_day("fiscal_year_start"),
        creditor_identifier: f.optional_text("creditor_identifier"),
        bank: f.object("bank", |f| Bank {
            family: f.optional_text("family"),
            current: f.integer("id_account_current"),
            savings: f.integer("id_account_savings"),
            iban: f.optional_text("iban"),
            bic: f.optional_text("bic"),
        }),
    }
}

pub(super) fn owner(f: &mut Fields<'_>) -> Owner {
    Owner {
        id: f.text("id"),
        condominium: f.text("condo_id"),
        account_code: f.text("account_code"),
        kind: f.one_of_or("kind", &OWNER_KINDS, OwnerKind::Other),
        civility: f.optional_text("civility"),
        last_name: f.optional_text("last_name"),
        first_name: f.optional_text("first_name"),
        spouse: f.optional_object("spouse", |f| Spouse {
            first_name: f.optional_text("first_name"),
            last_name: f.optional_text("last_name"),
            birth_name: f.optional_text("birth_name"),
        }),
        company_name: f.optional_text("company_name"),
        legal_representative: f.optional_text("legal_representative"),
        co_holders: f.texts("co_holders"),
        known_tenants: f.texts("known_tenants"),
        display_name: f.text("display_name"),
        email: f.optional_text("email"),
        mandate: f.optional_object("sepa_mandate", |f| Mandate {
            reference: f.text("rum"),
            iban_last4: f.optional_text("iban_last4"),
            signed_on: f.optional_day("signed_on"),
        }),
    }
}

pub(super) fn lot(f: &mut Fields<'_>) -> Lot {
    Lot {
        id: f.text("id"),
        condominium: f.text("condo_id"),
        number: f.text("number"),
        kind: f.optional_text("type"),
        floor: f.optional_integer("floor"),
        shares: f.optional_integer("shares"),
        annex_of: f.optional_text("annex_of"),
        ownership: f.objects("ownership", |f| Ownership {
            owner: f.text("owner_id"),
            from: f.optional_day("from"),
            to: f.optional_day("to"),
        }),
    }
}

pub(super) fn receivable(f: &mut Fields<'_>) -> Receivable {
    Receivable {
        id: f.text("id"),
        condominium: f.text("condo_id"),
        owner: f.text("owner_id"),
        lots: f.texts("lot_ids"),
        kind: f.one_of("kind", &RECEIVABLE_KINDS),
        period: f.optional_text("period").unwrap_or_default(),
        label: f.optional_text("label").unwrap_or_default(),
        issued_on: f.day("issue_date"),
        due_on: f.day("due_date"),
        amount: f.money("amount"),
        payment_reference: f.optional_text("payment_reference").unwrap_or_default(),
    }
}

pub(super) fn supplier(f: &mut Fields<'_>) -> Supplier {
    Supplier {
        id: f.text("id"),
        name: f.text("name"),
        category: f.optional_text("category").unwrap_or_default(),
        siret: f.optional_text("siret"),
        vat_number: f.optional_text("vat_number"),
        iban: f.optional_text("iban"),
        bic: f.optional_text("bic"),
        creditor_identifier: f.optional_text("creditor_identifier"),
    }
}

pub(super) fn invoice(f: &mut Fields<'_>) -> Invoice {
    Invoice {
        id: f.text("id"),
        condominium: f.text("condo_id"),
        supplier: f.text("supplier_id"),
        supplier_name: f.text("supplier_name"),
        document: f.one_of("document_type", &DOCUMENT_KINDS),
        number: f.text("number"),
        issued_on: f.day("issue_date"),
        due_on: f.day("due_date"),
        received_on: f.optional_day("received_on"),
        description: f.optional_text("description").unwrap_or_default(),
        net: f.money("total_net"),
        vat: f.money("total_vat"),
        gross: f.money("total_gross"),
        amount: f.money("amount_due"),
        mode: f.one_of_or("payment_mode", &PAYMENT_MODES, PaymentMode::Other),
        iban: f.optional_text("iban"),
        cheque_number: f.optional_text("cheque_number"),
    }
}

pub(super) fn batch(f: &mut Fields<'_>) -> Batch {
    let kind = f.one_of("type", &BATCH_KINDS);
    Batch {
        id: f.text("id"),
        condominium: f.text("condo_id"),
        kind,
        scheme: f.optional_text("scheme"),
        message_id: f.text("message_id"),
        collection_on: f.day("collection_date"),
        count: f.integer("count"),
        total: f.money("total"),
        entries: f.objects("entries", |f| batch_entry(f, kind)),
    }
}

fn batch_entry(f: &mut Fields<'_>, kind: BatchKind) -> BatchEntry {
    BatchEntry {
        end_to_end_id: f.text("end_to_end_id"),
        amount: f.money("amount"),
        party: match kind {
            BatchKind::DirectDebit => BatchParty::Owner {
                owner: f.text("owner_id"),
                receivable: f.optional_text("receivable_id"),
                mandate: f.text("mandate"),
                name: f.text("debtor_name"),
            },
            BatchKind::CreditTransfer => BatchParty::Supplier {
                supplier: f.text("supplier_id"),
                invoice: f.optional_text("supplier_invoice_id"),
                name: f.text("creditor_name"),
                iban: f.optional_text("creditor_iban"),
            },
        },
    }
}

pub(super) fn slip(f: &mut Fields<'_>) -> Slip {
    Slip {
        id: f.text("id"),
        condominium: f.text("condo_id"),
        number: f.text("slip_number"),
        deposited_on: f.day("date"),
        total: f.money("total"),
        cheques: f.objects("cheques", |f| Cheque {
            id: f.text("id"),
            number: f.text("cheque_number"),
            drawer_name: f.text("drawer_name"),
            drawer_bank: f.optional_text("drawer_bank"),
            amount: f.money("amount"),
            received_on: f.day("received_on"),
            owner: f.text("owner_id"),
            allocations: f.objects("allocations", |f| ChequePart {
                receivable: f.text("receivable_id"),
                amount: f.money("amount"),
            }),
        }),
    }
}

pub(super) fn payout(f: &mut Fields<'_>) -> Payout {
    Payout {
        id: f.text("id"),
        condominium: f.text("condo_id"),
        arrives_on: f.day("arrival_date"),
        gross: f.money("gross"),
        fee: f.money("fee"),
        net: f.money("net"),
        charges: f.objects("charges", |f| Charge {
            id: f.text("id"),
            created_on: f.day("created"),
            gross: f.money("gross"),
            fee: f.money("fee"),
            receivable: f.optional_text("receivable_id"),
            customer_email: f.optional_text("customer_email"),
            description: f.optional_text("description"),
        }),
    }
}

pub(super) fn transaction(f: &mut Fields<'_>) -> Transaction {
    let original_wording = f.text("original_wording");
    Transaction {
        id: f.integer("id"),
        account: f.integer("id_account"),
        date: f.day("date"),
        real_date: f.optional_day("rdate"),
        value_date: f.optional_day("vdate"),
        amount: f.money("value"),
        wording: f
            .optional_text("wording")
            .unwrap_or_else(|| original_wording.clone()),
        original_wording,
        kind: f.one_of_or("type", &LINE_KINDS, LineKind::Unknown),
        coming: f.flag("coming"),
        deleted: f.optional_moment("deleted"),
    }
}
