//! Waiting costs what it costs itself: not the reading of all that waits beside it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use engine::ids::RunId;
use engine::node::{Decision, Person};
use engine::testing::{FakeClock, RunTest};
use engine::{RunStatus, WorkerOptions};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use support::{Counts, Outside, registry};

const LOOP: &str = r"
name: many
inputs: { items: { type: array, items: { type: integer }, required: true } }
steps:
  each:
    uses: test.approve
    for_each: '${{ inputs.items }}'
    concurrency: 10000
    with: { count: 1 }
outputs: { count: '${{ steps.each.len() }}' }
";

struct Setup {
    _folder: tempfile::TempDir,
    clock: Arc<FakeClock>,
    test: RunTest,
}

async fn setup() -> Setup {
    let (folder, outside) = Outside::in_temp();
    let noon: DateTime<Utc> = "2026-03-01T12:00:00Z".parse().unwrap();
    let clock = Arc::new(FakeClock::at(noon));
    let registry = registry(&outside, &Counts::default());
    Setup {
        _folder: folder,
        test: RunTest::with_clock(registry, clock.clone()).await,
        clock,
    }
}

async fn count(test: &RunTest, from: &str) -> i64 {
    let statement = format!("select count(*) from engine.{from}");
    sqlx::query_scalar(AssertSqlSafe(statement))
        .fetch_one(&test.db().owner_pool())
        .await
        .unwrap()
}

/// Ends once this many rows are there.
async fn until(test: &RunTest, from: &str, wanted: i64) {
    let seen = async {
        while count(test, from).await != wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), seen)
        .await
        .unwrap_or_else(|_| panic!("never {wanted} of {from}"));
}

/// A run whose loop asks so many people at once.
async fn asking(test: &RunTest, items: usize) -> RunId {
    test.publish(LOOP).await;
    let items: Vec<_> = (0..items).collect();
    let run = test.start("many", json!({ "items": items })).await.unwrap();
    until(test, "waits", i64::try_from(items.len()).unwrap()).await;
    run
}

async fn approve(test: &RunTest, run: RunId, item: usize) {
    let person = Person {
        name: "Ada".to_owned(),
        roles: Vec::new(),
    };
    let decision = Decision {
        approved: true,
        form: Value::Null,
    };
    let step = format!("each[{item}]");
    test.engine
        .decide(test.tenant, run, &step, &person, decision)
        .await
        .unwrap();
}

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

/// Prints what an answer costs among 10,000 questions of one loop.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measure, not a check: run it alone"]
async fn figures_of_answers() {
    const ITEMS: usize = 10_000;
    const TENTH: usize = ITEMS / 10;
    let it = setup().await;
    let begun = Instant::now();
    let run = asking(&it.test, ITEMS).await;
    println!("{ITEMS} asked after {} ms", begun.elapsed().as_millis());
    let mut tenths = Vec::new();
    for tenth in 0..10 {
        let begun = Instant::now();
        for item in tenth * TENTH..(tenth + 1) * TENTH {
            approve(&it.test, run, item).await;
        }
        let left = i64::try_from(ITEMS - (tenth + 1) * TENTH).unwrap();
        if left > 0 {
            until(&it.test, "waits", left).await;
        }
        tenths.push(begun.elapsed());
        println!(
            "tenth {tenth}: {} µs an answer",
            begun.elapsed().as_micros() / TENTH as u128
        );
    }
    let view = it.test.finished(run).await;
    assert_eq!(view.status, RunStatus::Succeeded);
    assert!(tenths[9] < tenths[0] * 3 / 2, "{tenths:?}");
}

/// Prints how long 10,000 runs take that are due in one second, until all have ended.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measure, not a check: run it alone"]
async fn figures_of_timers() {
    const RUNS: i64 = 10_000;
    let it = setup().await;
    let yaml = "name: due\nsteps:\n  a: { uses: test.wait, with: { seconds: 3600 } }\n";
    it.test.publish(yaml).await;
    let starts = (0..RUNS).map(|_| it.test.start("due", json!({})));
    let started = futures::stream::StreamExt::buffer_unordered(futures::stream::iter(starts), 64);
    let started: Vec<_> = futures::stream::StreamExt::collect(started).await;
    assert!(started.iter().all(Result::is_ok));
    until(&it.test, "runs where status = 'waiting'", RUNS).await;
    it.clock.advance(Duration::from_secs(3600));
    let begun = Instant::now();
    until(&it.test, "timers", 0).await;
    until(&it.test, "ready", 0).await;
    println!(
        "{RUNS} due runs: all started after {} ms",
        begun.elapsed().as_millis()
    );
    until(&it.test, "runs", 0).await;
    println!("all ended after {} ms", begun.elapsed().as_millis());
    assert!(begun.elapsed() < Duration::from_secs(60));
}
