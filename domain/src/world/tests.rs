//! A small world, broken in one way at a time.

use std::collections::BTreeMap;

use super::*;
use crate::money::Money;

/// A world of one condominium in which everything is used once.
fn small() -> BTreeMap<String, String> {
    [
        (
            "condominiums.json",
            r#"[{"id": "cop_1", "name": "Les Tilleuls", "legal_name": "SDC Les Tilleuls", "address": "1 rue Neuve",
  "bank": {"id_account_current": 11, "id_account_savings": 12}}]"#,
        ),
        (
            "owners.json",
            r#"[{"id": "own_1", "condo_id": "cop_1", "account_code": "4500001", "kind": "couple",
  "last_name": "Martin", "display_name": "M. et Mme MARTIN",
  "spouse": {"first_name": "Anne", "last_name": "Martin", "birth_name": null}}]"#,
        ),
        (
            "lots.json",
            r#"[{"id": "lot_1", "condo_id": "cop_1", "number": "1", "ownership": [{"owner_id": "own_1", "from": "2020-01-01", "to": null}]}]"#,
        ),
        (
            "receivables.json",
            r#"[
 {"id": "rec_1", "condo_id": "cop_1", "owner_id": "own_1", "lot_ids": ["lot_1"], "kind": "charges",
  "period": "2025-T1", "label": "Appel", "issue_date": "2025-01-01", "due_date": "2025-01-15",
  "amount": 377.83, "payment_reference": "APF25T1-0001"}
]"#,
        ),
        ("suppliers.json", r#"[{"id": "sup_1", "name": "Ascenseurs du Lac", "category": "lift"}]"#),
        (
            "invoices.json",
            r#"[{"id": "inv_1", "condo_id": "cop_1", "supplier_id": "sup_1", "supplier_name": "Ascenseurs du Lac",
  "document_type": "invoice", "number": "F1", "issue_date": "2025-01-05", "due_date": "2025-02-05",
  "total_net": 100, "total_vat": 20.0, "total_gross": 120.00, "amount_due": "120.00", "payment_mode": "transfer"}]"#,
        ),
        (
            "sepa_batches.json",
            r#"[{"id": "bat_1", "condo_id": "cop_1", "type": "credit_transfer", "message_id": "M1",
  "collection_date": "2025-02-01", "count": 1, "total": 120.0, "entries": [
   {"end_to_end_id": "E1", "amount": 120, "supplier_id": "sup_1", "supplier_invoice_id": "inv_1", "creditor_name": "ADL"}]}]"#,
        ),
        (
            "cheque_deposits.json",
            r#"[{"id": "dep_1", "condo_id": "cop_1", "slip_number": "77", "date": "2025-01-20", "total": 77.83, "cheques": [
   {"id": "chq_1", "cheque_number": "1", "drawer_name": "MARTIN", "amount": 77.83, "received_on": "2025-01-18",
    "owner_id": "own_1", "allocations": [{"receivable_id": "rec_1", "amount": 77.83}]}]}]"#,
        ),
        (
            "card_payouts.json",
            r#"[{"id": "po_1", "condo_id": "cop_1", "arrival_date": "2025-01-25", "gross": 300.0, "fee": 4.5, "net": 295.5,
  "charges": [{"id": "ch_1", "created": "2025-01-22", "gross": 300.0, "fee": 4.5, "receivable_id": null}]}]"#,
        ),
        (
            "transactions.json",
            r#"[
 {"id": 9, "id_account": 11, "date": "2025-01-26", "value": 295.5, "original_wording": "VIR STRIPE"},
 {"id": 10, "id_account": 11, "date": "2025-02-01", "value": -120.0, "original_wording": "VIR SEPA",
  "deleted": "2025-02-02 08:00:00"}
]"#,
        ),
    ]
    .into_iter()
    .map(|(name, text)| (name.to_owned(), text.to_owned()))
    .collect()
}

/// The problems after `from` has become `to` in a file.
fn problems_after(file: &str, from: &str, to: &str) -> Vec<String> {
    let mut files = small();
    let text = files.get_mut(file).unwrap();
    assert!(text.contains(from), "`{from}` is not in {file}");
    *text = text.replace(from, to);
    World::parse(&files)
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn a_sound_world_is_read_to_the_cent() {
    let world = World::parse(&small()).unwrap();
    assert_eq!(world.receivables[0].amount, Money::from_cents(37783));
    assert_eq!(world.invoices[0].net, Money::from_cents(10000));
    assert_eq!(world.transactions[1].amount, Money::from_cents(-12000));
    assert_eq!(world.transactions[0].wording, "VIR STRIPE");
    assert!(world.transactions[1].deleted.is_some());
}

#[test]
fn an_amount_is_read_from_its_digits_and_no_float_comes_between() {
    for cents in (1..200_000_i64).step_by(97).chain([99_999_999_999_999]) {
        let mut files = small();
        let amount = format!("{}.{:02}", cents / 100, cents % 100);
        files.insert(
            "transactions.json".into(),
            format!(r#"[{{"id": 1, "id_account": 11, "date": "2025-01-26", "value": {amount}, "original_wording": "X"}}]"#),
        );
        assert_eq!(
            World::parse(&files).unwrap().transactions[0].amount,
            Money::from_cents(cents)
        );
    }
}

#[test]
fn an_amount_with_three_decimals_is_refused_with_its_place() {
    assert_eq!(
        problems_after("receivables.json", "377.83", "377.835"),
        [
            "receivables.json:4:13: record 1 (rec_1): `amount`: `377.835` has more than two decimals: an amount is exact to the cent"
        ]
    );
}

#[test]
fn an_unknown_account_is_refused_with_its_place() {
    assert_eq!(
        problems_after(
            "transactions.json",
            r#""id": 10, "id_account": 11"#,
            r#""id": 10, "id_account": 13"#
        ),
        [
            "transactions.json:3:27: record 2 (10): `id_account`: `13` is no bank account of this world"
        ]
    );
}

#[test]
fn malformed_json_is_reported_with_line_and_column() {
    assert_eq!(
        problems_after(
            "transactions.json",
            r#""value": -120.0,"#,
            r#""value": -120.0"#
        ),
        ["transactions.json:3:69: not valid JSON: expected `,` or `}`"]
    );
    assert_eq!(
        problems_after("suppliers.json", "[", "")[0],
        "suppliers.json:1:0: expected a list of records"
    );
}

#[test]
fn an_unreadable_file_does_not_make_references_into_it_unknown() {
    let problems = problems_after("owners.json", "own_1", "own\"_1");
    assert_eq!(problems.len(), 1, "{problems:?}");
}

#[test]
fn a_missing_file_says_what_to_write() {
    let mut files = small();
    files.remove("card_payouts.json");
    let errors = World::parse(&files).unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "card_payouts.json: the file is missing; write `[]` when there is nothing of the kind"
    );
}

#[test]
fn references_lead_to_a_record_of_the_same_condominium() {
    assert_eq!(
        problems_after("receivables.json", "own_1", "own_9"),
        ["receivables.json:2:51: record 1 (rec_1): `owner_id`: `own_9` is no owner of this world"]
    );
    assert_eq!(
        problems_after("sepa_batches.json", "inv_1", "inv_9"),
        [
            "sepa_batches.json:3:90: record 1 (bat_1): `entries[0].supplier_invoice_id`: `inv_9` is no invoice of this world"
        ]
    );
    let mut files = small();
    let more = r#", {"id": "cop_2", "name": "B", "legal_name": "B", "address": "B",
        "bank": {"id_account_current": 21, "id_account_savings": 22}}]"#;
    let condominiums = files.get_mut("condominiums.json").unwrap();
    condominiums.truncate(condominiums.len() - 1);
    condominiums.push_str(more);
    let receivables = files.get_mut("receivables.json").unwrap();
    *receivables = receivables.replace("cop_1", "cop_2");
    let errors = World::parse(&files).unwrap_err();
    assert!(
        errors
            .iter()
            .all(|error| error.problem.code() == "other_condominium"),
        "{errors:?}"
    );
    assert!(
        errors
            .iter()
            .any(|error| error.field == FieldPath::field("owner_id"))
    );
}

#[test]
fn totals_must_be_what_their_parts_give() {
    assert_eq!(
        problems_after("sepa_batches.json", "\"total\": 120.0", "\"total\": 121.0"),
        [
            "sepa_batches.json:2:57: record 1 (bat_1): `total`: 121.00 is stated, the parts add up to 120.00"
        ]
    );
    assert_eq!(
        problems_after("sepa_batches.json", "\"count\": 1", "\"count\": 2").len(),
        1
    );
    assert_eq!(
        problems_after(
            "cheque_deposits.json",
            "\"total\": 77.83",
            "\"total\": 77.84"
        )
        .len(),
        1
    );
    assert_eq!(
        problems_after("card_payouts.json", "\"net\": 295.5", "\"net\": 295.4").len(),
        1
    );
}

#[test]
fn ids_are_unique() {
    assert_eq!(
        problems_after("transactions.json", "\"id\": 10", "\"id\": 9"),
        ["transactions.json:3:9: record 2 (9): `id`: `9` was used before, by record 1"]
    );
}

#[test]
fn what_the_books_refuse_is_refused_here_with_its_place() {
    let codes = |file, from, to| -> Vec<&'static str> {
        let mut files = small();
        let text = files.get_mut(file).unwrap();
        *text = text.replace(from, to);
        let errors = World::parse(&files).unwrap_err();
        errors.iter().map(|error| error.problem.code()).collect()
    };
    assert_eq!(
        codes("receivables.json", "377.83", "0.00"),
        ["not_positive"]
    );
    assert_eq!(
        codes("lots.json", "\"to\": null", "\"to\": \"2019-12-31\""),
        ["ends_before_start"]
    );
    let again = r#", {"id": "lot_2", "condo_id": "cop_1", "number": "1", "ownership": []}]"#;
    let lots = small().remove("lots.json").unwrap();
    let longer = format!("{}{again}", &lots[..lots.len() - 1]);
    assert_eq!(codes("lots.json", &lots, &longer), ["duplicate"]);
}

#[test]
fn every_problem_of_every_file_is_found_in_one_pass() {
    let mut files = small();
    for (file, from, to) in [
        ("owners.json", "\"cop_1\"", "12"),
        ("lots.json", "2020-01-01", "2020-02-30"),
        ("receivables.json", "\"charges\"", "\"chargs\""),
        ("receivables.json", "377.83", "1e3"),
        ("receivables.json", "\"due_date\": \"2025-01-15\",", ""),
        ("transactions.json", "295.5", "\"many\""),
        ("transactions.json", "VIR SEPA", "VIR\\u0000"),
    ] {
        let text = files.get_mut(file).unwrap();
        *text = text.replace(from, to);
    }
    let errors = World::parse(&files).unwrap_err();
    let codes: Vec<_> = errors.iter().map(|error| error.problem.code()).collect();
    assert_eq!(
        codes,
        [
            "not_text",
            "not_day",
            "not_one_of",
            "missing",
            "not_amount",
            "not_amount",
            "nul_character"
        ],
        "{errors:#?}"
    );
}

#[test]
fn an_empty_record_lacks_every_required_field() {
    let mut files = small();
    files.insert("suppliers.json".into(), "[{}, 3]".into());
    let errors = World::parse(&files).unwrap_err();
    let of_suppliers: Vec<_> = errors
        .iter()
        .filter(|error| error.file == "suppliers.json")
        .map(|error| error.problem.code())
        .collect();
    assert_eq!(of_suppliers, ["missing", "missing", "not_object"]);
}

#[test]
fn what_an_export_says_beyond_what_we_read_is_ignored() {
    let mut files = small();
    let suppliers = files.get_mut("suppliers.json").unwrap();
    *suppliers = suppliers.replace("\"name\"", "\"rating\": 4.123, \"name\"");
    assert!(World::parse(&files).is_ok());
}

#[test]
fn the_given_worlds_are_sound() {
    let Some(folder) = std::env::var_os("COPRO_FIXTURES") else {
        eprintln!("COPRO_FIXTURES is not set: only the small world was read");
        return;
    };
    for world in ["world-1", "world-2", "world-3"] {
        let folder = std::path::Path::new(&folder)
            .join("reconciliation")
            .join(world);
        let files = World::FILES
            .into_iter()
            .map(|name| {
                (
                    name.to_owned(),
                    std::fs::read_to_string(folder.join(name)).unwrap(),
                )
            })
            .collect();
        let world = World::parse(&files).unwrap();
        assert!(world.transactions.len() > 800);
    }
}
