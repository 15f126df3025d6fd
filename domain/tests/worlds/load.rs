//! The files of a world, as snapshots: one for each condominium.

use std::collections::HashMap;
use std::path::Path;

use chrono::NaiveDate;
use serde_json::Value;
use uuid::Uuid;

use super::score::Truth;
use domain::ids::*;
use domain::matching::*;
use domain::money::Money;

/// A world: snapshots, lines and the ids of its files.
pub struct World {
    /// One snapshot for each condominium, in file order.
    pub snapshots: Vec<Snapshot>,
    /// Every line in file order, with the position of its condominium.
    pub lines: Vec<(usize, Line)>,
    /// The source id of each uuid.
    pub sources: HashMap<Uuid, String>,
    ids: HashMap<String, Uuid>,
}

/// The files of a world, parsed.
pub struct Files(HashMap<&'static str, Vec<Value>>);

const NAMES: [&str; 9] = [
    "condominiums",
    "owners",
    "lots",
    "receivables",
    "suppliers",
    "invoices",
    "sepa_batches",
    "cheque_deposits",
    "card_payouts",
];

impl Files {
    /// Reads a folder; `truth.json` is not opened.
    pub fn read(folder: &Path) -> Self {
        let mut files: HashMap<&'static str, Vec<Value>> = NAMES
            .iter()
            .map(|name| (*name, list(&folder.join(format!("{name}.json")))))
            .collect();
        files.insert("transactions", list(&folder.join("transactions.json")));
        Self(files)
    }

    /// The rows of a file.
    pub fn rows(&self, name: &str) -> &[Value] {
        &self.0[name]
    }

    /// The rows of a file, to change them.
    pub fn rows_mut(&mut self, name: &'static str) -> &mut Vec<Value> {
        self.0.get_mut(name).expect("a file of the world")
    }
}

/// A JSON list in a file.
pub fn list(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The amount of a JSON number.
pub fn money(value: &Value) -> Money {
    value
        .to_string()
        .parse()
        .expect("an amount of two decimals")
}

fn text(value: &Value) -> String {
    match value {
        Value::String(s) => s.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn maybe(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn day(value: &Value) -> Option<NaiveDate> {
    value
        .as_str()
        .and_then(|s| s.get(..10))
        .and_then(|s| s.parse().ok())
}

fn some_day(value: &Value) -> NaiveDate {
    day(value).expect("a date")
}

fn rows<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

impl World {
    /// Builds the snapshots.
    pub fn of(files: &Files) -> Self {
        let mut world = Self {
            snapshots: Vec::new(),
            lines: Vec::new(),
            sources: HashMap::new(),
            ids: HashMap::new(),
        };
        for condo in files.rows("condominiums") {
            let snapshot = world.snapshot(files, condo);
            world.snapshots.push(snapshot);
        }
        for row in files.rows("transactions") {
            let account = text(&row["id_account"]);
            let condo = files.rows("condominiums").iter().position(|c| {
                text(&c["bank"]["id_account_current"]) == account
                    || text(&c["bank"]["id_account_savings"]) == account
            });
            let line = world.line(row);
            world
                .lines
                .push((condo.expect("an account of a condominium"), line));
        }
        world
    }

    /// The uuid of a source id.
    pub fn id(&mut self, source: &Value) -> Uuid {
        let source = text(source);
        let next = Uuid::from_u128(0x1000 + self.ids.len() as u128);
        let id = *self.ids.entry(source.clone()).or_insert(next);
        self.sources.insert(id, source);
        id
    }

    fn line(&mut self, row: &Value) -> Line {
        Line {
            id: TransactionId(self.id(&row["id"])),
            account: BankAccountId(self.id(&row["id_account"])),
            date: some_day(&row["date"]),
            real_date: day(&row["rdate"]),
            value_date: day(&row["vdate"]),
            amount: money(&row["value"]),
            original_wording: text(&row["original_wording"]),
            wording: text(&row["wording"]),
            kind: serde_json::from_value(row["type"].clone()).expect("a type"),
            pending: row["coming"].as_bool().unwrap_or(false),
            deleted: !row["deleted"].is_null(),
        }
    }

    fn snapshot(&mut self, files: &Files, condo: &Value) -> Snapshot {
        let id = text(&condo["id"]);
        let here = |row: &&Value| text(&row["condo_id"]) == id;
        let bank = &condo["bank"];
        let condominium = Condominium {
            id: CondominiumId(self.id(&condo["id"])),
            name: text(&condo["name"]),
            legal_name: text(&condo["legal_name"]),
            address: text(&condo["address"]),
            creditor_identifier: maybe(&condo["creditor_identifier"]),
            accounts: vec![
                Account {
                    id: BankAccountId(self.id(&bank["id_account_current"])),
                    kind: AccountKind::Current,
                    iban: maybe(&bank["iban"]),
                },
                Account {
                    id: BankAccountId(self.id(&bank["id_account_savings"])),
                    kind: AccountKind::Savings,
                    iban: None,
                },
            ],
        };
        let neighbours = files
            .rows("condominiums")
            .iter()
            .filter(|c| text(&c["id"]) != id)
            .map(|c| self.neighbour(files, c))
            .collect();
        Snapshot {
            condominium,
            automatic: true,
            neighbours,
            owners: files
                .rows("owners")
                .iter()
                .filter(here)
                .map(|o| self.owner(o))
                .collect(),
            lots: files
                .rows("lots")
                .iter()
                .filter(here)
                .map(|l| self.lot(l))
                .collect(),
            receivables: files
                .rows("receivables")
                .iter()
                .filter(here)
                .map(|r| self.receivable(r))
                .collect(),
            suppliers: files
                .rows("suppliers")
                .iter()
                .map(|s| self.supplier(s))
                .collect(),
            invoices: files
                .rows("invoices")
                .iter()
                .filter(here)
                .map(|i| self.invoice(i))
                .collect(),
            batches: files
                .rows("sepa_batches")
                .iter()
                .filter(here)
                .map(|b| self.batch(b))
                .collect(),
            slips: files
                .rows("cheque_deposits")
                .iter()
                .filter(here)
                .map(|s| self.slip(s))
                .collect(),
            payouts: files
                .rows("card_payouts")
                .iter()
                .filter(here)
                .map(|p| self.payout(p))
                .collect(),
            aliases: Vec::new(),
            history: Vec::new(),
        }
    }

    fn neighbour(&mut self, files: &Files, condo: &Value) -> Neighbour {
        let id = text(&condo["id"]);
        let owners = files
            .rows("owners")
            .iter()
            .filter(|o| text(&o["condo_id"]) == id);
        Neighbour {
            id: CondominiumId(self.id(&condo["id"])),
            name: text(&condo["name"]),
            legal_name: text(&condo["legal_name"]),
            owners: owners
                .map(|o| {
                    let owner = self.owner(o);
                    let due = files
                        .rows("receivables")
                        .iter()
                        .filter(|r| r["owner_id"] == o["id"]);
                    let due: Vec<&Value> = due.collect();
                    NeighbourOwner {
                        names: owner.persons.iter().map(|p| p.name.clone()).collect(),
                        references: due.iter().map(|r| text(&r["payment_reference"])).collect(),
                        amounts: due.iter().map(|r| money(&r["amount"])).collect(),
                    }
                })
                .collect(),
            invoices: files
                .rows("invoices")
                .iter()
                .filter(|i| text(&i["condo_id"]) == id)
                .map(|i| NeighbourInvoice {
                    supplier: SupplierId(self.id(&i["supplier_id"])),
                    number: text(&i["number"]),
                    issued_on: some_day(&i["issue_date"]),
                    amount: money(&i["amount_due"]),
                })
                .collect(),
        }
    }

    fn owner(&mut self, row: &Value) -> Owner {
        let named = |role, source: &Value| Person {
            role,
            civility: maybe(&source["civility"]),
            last_name: maybe(&source["last_name"]),
            first_name: maybe(&source["first_name"]),
            birth_name: maybe(&source["birth_name"]),
            name: format!(
                "{} {}",
                text(&source["last_name"]).to_uppercase(),
                text(&source["first_name"])
            )
            .trim()
            .to_owned(),
        };
        let whole = |role, name: &Value| Person {
            role,
            civility: None,
            last_name: None,
            first_name: None,
            birth_name: None,
            name: text(name),
        };
        let mut persons = Vec::new();
        if !row["company_name"].is_null() {
            persons.push(whole(PersonRole::Company, &row["company_name"]));
        }
        if !row["last_name"].is_null() {
            persons.push(named(PersonRole::Holder, row));
            if row["first_name"].is_null() {
                persons.push(whole(PersonRole::Company, &row["display_name"]));
            }
        }
        if !row["spouse"].is_null() {
            persons.push(named(PersonRole::Spouse, &row["spouse"]));
        }
        if !row["legal_representative"].is_null() {
            persons.push(whole(
                PersonRole::Representative,
                &row["legal_representative"],
            ));
        }
        persons.extend(
            rows(row, "co_holders")
                .iter()
                .map(|n| whole(PersonRole::CoHolder, n)),
        );
        persons.extend(
            rows(row, "known_tenants")
                .iter()
                .map(|n| whole(PersonRole::Tenant, n)),
        );
        let mandate = &row["sepa_mandate"];
        Owner {
            id: OwnerId(self.id(&row["id"])),
            account_code: text(&row["account_code"]),
            kind: match row["kind"].as_str() {
                Some("individual") => OwnerKind::Individual,
                Some("couple") => OwnerKind::Couple,
                Some("sci") => OwnerKind::Sci,
                Some("company") => OwnerKind::Company,
                Some("indivision") => OwnerKind::Indivision,
                _ => OwnerKind::Other,
            },
            display_name: text(&row["display_name"]),
            email: maybe(&row["email"]),
            advance: Money::ZERO,
            persons,
            mandate: (!mandate.is_null()).then(|| Mandate {
                reference: text(&mandate["rum"]),
                signed_on: day(&mandate["signed_on"]),
            }),
        }
    }

    fn lot(&mut self, row: &Value) -> Lot {
        Lot {
            id: LotId(self.id(&row["id"])),
            number: text(&row["number"]),
            ownership: rows(row, "ownership")
                .iter()
                .map(|o| Ownership {
                    owner: OwnerId(self.id(&o["owner_id"])),
                    from: day(&o["from"]),
                    to: day(&o["to"]),
                })
                .collect(),
        }
    }

    fn receivable(&mut self, row: &Value) -> Receivable {
        Receivable {
            id: ReceivableId(self.id(&row["id"])),
            external_ref: text(&row["id"]),
            owner: OwnerId(self.id(&row["owner_id"])),
            lots: rows(row, "lot_ids")
                .iter()
                .map(|l| LotId(self.id(l)))
                .collect(),
            kind: match row["kind"].as_str() {
                Some("works") => ReceivableKind::Works,
                Some("reminder_fee") => ReceivableKind::ReminderFee,
                Some("state_dated_fee") => ReceivableKind::StateDatedFee,
                Some("carry_over") => ReceivableKind::CarryOver,
                _ => ReceivableKind::Charges,
            },
            period: text(&row["period"]),
            label: text(&row["label"]),
            issued_on: some_day(&row["issue_date"]),
            due_on: some_day(&row["due_date"]),
            amount: money(&row["amount"]),
            open: money(&row["amount"]),
            payment_reference: text(&row["payment_reference"]),
        }
    }

    fn supplier(&mut self, row: &Value) -> Supplier {
        Supplier {
            id: SupplierId(self.id(&row["id"])),
            name: text(&row["name"]),
            category: text(&row["category"]),
            iban: maybe(&row["iban"]),
            creditor_identifier: maybe(&row["creditor_identifier"]),
        }
    }

    fn invoice(&mut self, row: &Value) -> Invoice {
        Invoice {
            id: InvoiceId(self.id(&row["id"])),
            external_ref: text(&row["id"]),
            supplier: SupplierId(self.id(&row["supplier_id"])),
            supplier_name: text(&row["supplier_name"]),
            document: match row["document_type"].as_str() {
                Some("credit_note") => DocumentKind::CreditNote,
                Some("payroll") => DocumentKind::Payroll,
                Some("social_charges") => DocumentKind::SocialCharges,
                _ => DocumentKind::Invoice,
            },
            number: text(&row["number"]),
            issued_on: some_day(&row["issue_date"]),
            due_on: some_day(&row["due_date"]),
            description: text(&row["description"]),
            gross: money(&row["total_gross"]),
            amount: money(&row["amount_due"]),
            open: money(&row["amount_due"]),
            mode: match row["payment_mode"].as_str() {
                Some("transfer") => PaymentMode::Transfer,
                Some("prlv") => PaymentMode::DirectDebit,
                Some("cheque") => PaymentMode::Cheque,
                _ => PaymentMode::Other,
            },
            cheque_number: maybe(&row["cheque_number"]),
        }
    }

    fn batch(&mut self, row: &Value) -> Batch {
        let debit = row["type"] == "direct_debit";
        Batch {
            id: BatchId(self.id(&row["id"])),
            kind: if debit {
                BatchKind::DirectDebit
            } else {
                BatchKind::CreditTransfer
            },
            message_id: text(&row["message_id"]),
            collection_on: some_day(&row["collection_date"]),
            total: money(&row["total"]),
            collected: false,
            booked: false,
            entries: rows(row, "entries")
                .iter()
                .map(|e| BatchEntry {
                    id: BatchEntryId(self.id(&e["end_to_end_id"])),
                    end_to_end_id: text(&e["end_to_end_id"]),
                    amount: money(&e["amount"]),
                    party: if debit {
                        EntryParty::Owner {
                            owner: OwnerId(self.id(&e["owner_id"])),
                            receivable: maybe(&e["receivable_id"])
                                .map(|_| ReceivableId(self.id(&e["receivable_id"]))),
                            mandate: text(&e["mandate"]),
                        }
                    } else {
                        EntryParty::Supplier {
                            supplier: SupplierId(self.id(&e["supplier_id"])),
                            invoice: maybe(&e["supplier_invoice_id"])
                                .map(|_| InvoiceId(self.id(&e["supplier_invoice_id"]))),
                        }
                    },
                    name: text(if debit {
                        &e["debtor_name"]
                    } else {
                        &e["creditor_name"]
                    }),
                    returned: false,
                    booked: false,
                })
                .collect(),
        }
    }

    fn slip(&mut self, row: &Value) -> Slip {
        Slip {
            id: SlipId(self.id(&row["id"])),
            number: text(&row["slip_number"]),
            deposited_on: some_day(&row["date"]),
            total: money(&row["total"]),
            booked: false,
            cheques: rows(row, "cheques")
                .iter()
                .map(|c| Cheque {
                    id: ChequeId(self.id(&c["id"])),
                    number: text(&c["cheque_number"]),
                    drawer: text(&c["drawer_name"]),
                    amount: money(&c["amount"]),
                    received_on: some_day(&c["received_on"]),
                    owner: OwnerId(self.id(&c["owner_id"])),
                    allocations: rows(c, "allocations")
                        .iter()
                        .map(|a| {
                            (
                                ReceivableId(self.id(&a["receivable_id"])),
                                money(&a["amount"]),
                            )
                        })
                        .collect(),
                    posted: false,
                    returned: false,
                })
                .collect(),
        }
    }

    fn payout(&mut self, row: &Value) -> Payout {
        Payout {
            id: PayoutId(self.id(&row["id"])),
            external_ref: text(&row["id"]),
            arrives_on: some_day(&row["arrival_date"]),
            gross: money(&row["gross"]),
            fee: money(&row["fee"]),
            net: money(&row["net"]),
            booked: false,
            charges: rows(row, "charges")
                .iter()
                .map(|c| Charge {
                    id: ChargeId(self.id(&c["id"])),
                    created_on: some_day(&c["created"]),
                    gross: money(&c["gross"]),
                    receivable: maybe(&c["receivable_id"])
                        .map(|_| ReceivableId(self.id(&c["receivable_id"]))),
                    customer_email: maybe(&c["customer_email"]),
                    description: text(&c["description"]),
                    posted: false,
                })
                .collect(),
        }
    }

    /// The truth of every line in a file, by source id.
    pub fn truths(&mut self, file: &Path) -> HashMap<String, Truth> {
        let rows = list(file);
        rows.iter()
            .map(|row| {
                let must_review = row["must_review"].as_bool().unwrap_or(false);
                (
                    text(&row["transaction_id"]),
                    Truth {
                        allocations: self.truth(row),
                        must_review,
                    },
                )
            })
            .collect()
    }

    /// The allocations of a truth row.
    pub fn truth(&mut self, row: &Value) -> Vec<Allocation> {
        rows(row, "allocations")
            .iter()
            .map(|a| {
                let kind = AllocationKind::parse(&text(&a["kind"])).expect("a kind of allocation");
                let target = (!a["target_id"].is_null()).then(|| self.id(&a["target_id"]));
                let cause = Cause::from_parts(kind, target).expect("a kind with its target");
                Allocation::new(cause, money(&a["amount"]))
            })
            .collect()
    }
}
