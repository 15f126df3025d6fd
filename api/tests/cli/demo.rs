//! `copro demo`: shown, stored, shown again.

use database::testing::TestDb;

use crate::support::Copro;

/// What the demo shows of its result.
fn result(out: &str) -> Vec<&str> {
    let from = out.lines().skip_while(|line| !line.starts_with("Résultat"));
    from.take_while(|line| !line.starts_with("copro "))
        .collect()
}

async fn count(db: &TestDb, what: &str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {what}")))
        .fetch_one(&db.owner_pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_second_demo_loads_nothing_twice_and_shows_the_stored_result() {
    let db = TestDb::new().await;
    let copro = Copro::on(&db);
    let first = copro.call(&["demo"]).well();
    assert!(first.contains("858 opérations"), "{first}");
    for key in ["evidence.", "demo.", "target.", "{{"] {
        assert!(!first.contains(key), "{key} has no words in:\n{first}");
    }
    for example in ["sûre", "ambiguë", "sans piste"] {
        assert!(first.contains(example), "{example} is not in:\n{first}");
    }
    let tables = [
        "copro.bank_transactions",
        "copro.journal_entries",
        "engine.run_history",
    ];
    let mut before = vec![];
    for table in tables {
        before.push(count(&db, table).await);
    }
    assert_eq!(before[0], 858);

    let second = copro.call(&["demo"]).well();
    assert_eq!(result(&second), result(&first));
    for (table, before) in tables.into_iter().zip(before) {
        assert_eq!(count(&db, table).await, before, "{table}");
    }

    let again = copro.call(&["demo", "--again"]).well();
    assert_eq!(count(&db, "copro.tenants").await, 2, "with its neighbour");
    assert_eq!(count(&db, "copro.bank_transactions").await, 858);
    let same = |out: &str| {
        result(out)
            .into_iter()
            .filter(|line| !line.contains("par seconde"))
            .count()
    };
    assert_eq!(same(&again), same(&first));
}
