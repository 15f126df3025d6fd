//! `copro backtest reconciliation`: what it writes, and what it leaves behind.

use std::fs;
use std::path::Path;

use database::testing::TestDb;
use serde_json::Value;

use crate::support::{Called, Copro, small_world};

fn backtest(copro: &Copro, world: &Path, out: &Path, more: &[&str]) -> Called {
    let (world, out) = (world.to_str().unwrap(), out.to_str().unwrap());
    let arguments = ["backtest", "reconciliation", world, "--out", out];
    copro.call(&[arguments.as_slice(), more].concat())
}

fn rows(out: &Path) -> Vec<Value> {
    serde_json::from_str(&fs::read_to_string(out).unwrap()).unwrap()
}

async fn left_behind(db: &TestDb) -> i64 {
    let tables = [
        "copro.tenants",
        "copro.bank_transactions",
        "engine.data_keys",
        "engine.runs",
        "engine.run_history",
    ];
    let mut rows = 0;
    for table in tables {
        let count: i64 =
            sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {table}")))
                .fetch_one(&db.owner_pool())
                .await
                .unwrap();
        rows += count;
    }
    rows
}

#[tokio::test]
async fn a_cold_run_writes_a_row_for_every_line_and_leaves_nothing_behind() {
    let db = TestDb::new().await;
    let copro = Copro::on(&db);
    let world = small_world();
    // Nobody opens it: it is not even JSON.
    fs::write(world.path().join("truth.json"), "not for you").unwrap();
    let out = world.path().join("decisions.json");
    let said = backtest(&copro, world.path(), &out, &[]).well();
    assert!(
        said.contains("par seconde") && said.contains("mémoire au plus haut"),
        "{said}"
    );

    let rows = rows(&out);
    let ids: Vec<i64> = rows
        .iter()
        .map(|row| row["transaction_id"].as_i64().unwrap())
        .collect();
    assert_eq!(ids, (1001..=1008).collect::<Vec<i64>>());
    assert_eq!(rows[0]["decision"], "auto");
    let text = fs::read_to_string(&out).unwrap();
    assert!(
        text.contains(r#"[{"kind":"receivable","target_id":"rec_11","amount":412.37}]"#),
        "{text}"
    );
    assert!(
        text.contains(r#"[{"kind":"supplier_invoice","target_id":"inv_1","amount":-240.00}]"#),
        "{text}"
    );
    assert!(
        text.contains(r#"[{"kind":"internal_transfer","target_id":"11","amount":500.00}]"#),
        "{text}"
    );
    // The payer of 1004 is unknown to everybody.
    assert_eq!(rows[3]["decision"], "review");
    for row in &rows {
        let parts = row["allocations"].as_array().unwrap();
        assert!(
            !parts.is_empty() && matches!(row["decision"].as_str(), Some("auto" | "review")),
            "{row}"
        );
    }
    assert_eq!(left_behind(&db).await, 0);
}

#[tokio::test]
async fn an_answer_teaches_the_payer_for_the_lines_after_it() {
    let db = TestDb::new().await;
    let copro = Copro::on(&db);
    let world = small_world();
    let out = world.path().join("decisions.json");
    backtest(&copro, world.path(), &out, &[]).well();
    let cold = rows(&out);
    assert_eq!(cold[7]["decision"], "review", "{}", cold[7]);

    let answers = world.path().join("answers.json");
    let said = backtest(
        &copro,
        world.path(),
        &out,
        &["--answers", answers.to_str().unwrap()],
    )
    .well();
    let learnt = rows(&out);
    // The first suggestion stays as it was before the answer.
    assert_eq!(learnt[3]["decision"], "review");
    assert_ne!(learnt[7]["allocations"], cold[7]["allocations"], "{said}");
    assert_eq!(learnt[7]["allocations"][0]["target_id"], "rec_22");
    assert_eq!(learnt[7]["decision"], "auto");
    assert!(!said.contains("refusée"), "{said}");
    assert_eq!(left_behind(&db).await, 0);
}

#[tokio::test]
async fn an_answer_that_the_books_refuse_is_told_and_the_replay_goes_on() {
    let db = TestDb::new().await;
    let copro = Copro::on(&db);
    let world = small_world();
    let out = world.path().join("decisions.json");
    let answers = world.path().join("answers.json");
    let wrong = r#"[{"transaction_id": 1004, "allocations": [{"kind": "receivable", "target_id": "rec_21", "amount": 999}]}]"#;
    fs::write(&answers, wrong).unwrap();
    let said = backtest(
        &copro,
        world.path(),
        &out,
        &["--answers", answers.to_str().unwrap()],
    )
    .well();
    assert!(said.contains("opération 1004 : réponse refusée"), "{said}");
    assert_eq!(rows(&out).len(), 8);
}

#[tokio::test]
async fn a_malformed_world_is_refused_as_a_whole_with_every_problem() {
    let db = TestDb::new().await;
    let copro = Copro::on(&db);
    let world = small_world();
    let out = world.path().join("decisions.json");
    let change = |file: &str, from: &str, to: &str| {
        let path = world.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from} is not in {file}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    };
    change("receivables.json", "412.37", "412.375");
    change(
        "transactions.json",
        "\"id_account\": 12",
        "\"id_account\": 99",
    );
    change("lots.json", "own_2", "own_9");
    change("suppliers.json", "]", "");
    let complaint = backtest(&copro, world.path(), &out, &[]).badly(1);
    for part in [
        "receivables.json:2:",
        "412.375 a plus de deux décimales",
        "transactions.json:6:",
        "99 : pas de « compte bancaire » de ce nom",
        "own_9 : pas de « copropriétaire » de ce nom",
        "suppliers.json:4:",
        "JSON mal formé",
        "4 problèmes, rien n'a été chargé",
    ] {
        assert!(complaint.contains(part), "{part} is not in:\n{complaint}");
    }
    assert!(!out.exists());
    assert_eq!(left_behind(&db).await, 0);
    let nowhere = backtest(&copro, Path::new("nowhere"), &out, &[]).badly(1);
    assert!(
        nowhere.contains("nowhere n'est pas un dossier de portefeuille"),
        "{nowhere}"
    );
}
