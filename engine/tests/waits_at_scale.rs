//! Waiting costs what it costs itself: not the reading of all that waits beside it.

use crate::support::people::{approve, asking, count, setup, until};
use engine::WorkerOptions;
use serde_json::json;
use sqlx::AssertSqlSafe;

#[tokio::test(flavor = "multi_thread")]
async fn a_large_loop_that_waits_is_read_once_for_many_answers() {
    let it = setup().await;
    let run = asking(&it.test, 400).await;
    for item in 0..50 {
        approve(&it.test, run, item).await;
        until(&it.test, "waits", 399 - i64::try_from(item).unwrap()).await;
    }
    let epoch: i32 = sqlx::query_scalar("select epoch from engine.runs")
        .fetch_one(&it.test.db().owner_pool())
        .await
        .unwrap();
    assert_eq!(epoch, 1, "it was claimed once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_run_is_given_back_with_its_worker_and_goes_on_elsewhere() {
    let mut it = setup().await;
    let run = asking(&it.test, 300).await;
    approve(&it.test, run, 0).await;
    it.test.stop_worker().await;
    assert_eq!(count(&it.test, "runs where owner is not null").await, 0);
    it.test.start_worker(WorkerOptions::default()).await;
    for item in 1..300 {
        approve(&it.test, run, item).await;
    }
    let view = it.test.finished(run).await;
    assert_eq!(
        view.outputs,
        Some(json!({ "count": 300 })),
        "{:?}",
        view.error
    );
}

/// The statement of a store function, its arguments filled in.
fn statement(source: &str, function: &str, arguments: &[&str]) -> String {
    let body = source.split(&format!("fn {function}(")).nth(1).unwrap();
    let text = body
        .split("r#\"")
        .nth(1)
        .unwrap()
        .split("\"#")
        .next()
        .unwrap();
    let mut text = text.to_owned();
    for (index, argument) in arguments.iter().enumerate().rev() {
        text = text.replace(&format!("${}", index + 1), argument);
    }
    text.split(" as \"")
        .enumerate()
        .map(|(index, part)| match part.split_once('"') {
            Some((_, rest)) if index > 0 => rest.to_owned(),
            _ => part.to_owned(),
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_found_by_index_among_very_many() {
    let it = setup().await;
    let pool = it.test.db().owner_pool();
    let tenant = it.test.tenant.0;
    let fill = [
        "select set_config('app.maintenance', 'on', false)",
        "insert into engine.runs (tenant_id, id, version_id, workflow, status, created_at, data) \
         select 'TENANT', gen_random_uuid(), 'TENANT', 'w', 'waiting', now(), '' from generate_series(1, 20000)",
        "insert into engine.timers (tenant_id, run_id, due_at) \
         select tenant_id, id, '2026-04-01'::timestamptz + random() * interval '300 days' from engine.runs",
        "insert into engine.waits (tenant_id, run_id, place, attempt, kind, topic, since, data) \
         select tenant_id, id, 'a', 1, case when random() < 0.5 then 'approval' else 'webhook' end, \
         md5(random()::text), now() - random() * interval '300 days', '' from engine.runs",
        "analyze engine.runs, engine.timers, engine.waits",
    ];
    let mut connection = pool.acquire().await.unwrap();
    for step in fill {
        let step = step.replace("TENANT", &tenant.to_string());
        sqlx::query(AssertSqlSafe(step))
            .execute(&mut *connection)
            .await
            .unwrap();
    }
    let quoted = format!("'{tenant}'::uuid");
    let (timers, waits) = (
        include_str!("../src/store/cross_tenant/timers.rs"),
        include_str!("../src/store/waits.rs"),
    );
    let since = "'1970-01-01'::timestamptz";
    // As the engine's own transactions are set: see `store::session`.
    let engine = "select set_config('enable_seqscan', 'off', false), \
                  set_config('enable_hashjoin', 'off', false), set_config('enable_mergejoin', 'off', false)";
    sqlx::query(engine).execute(&mut *connection).await.unwrap();
    let cases = [
        (
            statement(timers, "fire", &["'2026-03-01'::timestamptz", "500"]),
            "timers_due_idx",
        ),
        (
            statement(waits, "delivery", &[&quoted, "'topic'"]),
            "waits_topic_idx",
        ),
        (
            statement(waits, "asked", &[&quoted, since, &quoted, "''", "50"]),
            "waits_people_idx",
        ),
    ];
    for (statement, index) in cases {
        let explain = format!("explain {statement}");
        let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(explain.clone()))
            .fetch_all(&mut *connection)
            .await
            .unwrap_or_else(|error| panic!("{error}: {explain}"));
        let plan = plan.join("\n");
        assert!(plan.contains(index), "{index} in\n{plan}");
        assert!(!plan.contains("Seq Scan"), "{plan}");
    }
}
