//! Ended runs are kept as long as their workflow says, then dropped with their
//! partition; open runs are untouched.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{Counts, Outside, registry};
use chrono::DateTime;
use engine::testing::{FakeClock, RunTest};
use engine::{EngineError, RunStatus, WorkerOptions};
use serde_json::json;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn workflow(name: &str, retention: &str) -> String {
    format!(
        "name: {name}\n{retention}\ninputs: {{ failures: {{ type: integer, default: 0 }} }}\nsteps:\n  a:\n    \
         uses: test.read\n    with: {{ value: 1, failures: '${{{{ inputs.failures }}}}' }}\n    \
         retry: {{ delay: 100d, max_delay: 100d, jitter: false }}\n"
    )
}

/// An engine in 2023 that knows a workflow whose runs are kept briefly.
async fn engine() -> (tempfile::TempDir, Arc<FakeClock>, RunTest) {
    let (folder, outside) = Outside::in_temp();
    let clock = Arc::new(FakeClock::at(
        DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
    ));
    let registry = registry(&outside, &Counts::default());
    let test = RunTest::with_clock(registry, Arc::clone(&clock) as _).await;
    test.publish(&workflow("brief", "retention: brief")).await;
    (folder, clock, test)
}

#[tokio::test(flavor = "multi_thread")]
async fn ended_runs_are_kept_as_long_as_their_workflow_says() {
    let (_folder, clock, mut test) = engine().await;
    test.publish(&workflow("standard", "")).await;
    let brief = test.start("brief", json!({})).await.unwrap();
    let standard = test.start("standard", json!({})).await.unwrap();
    let open = test.start("brief", json!({ "failures": 1 })).await.unwrap();
    for run in [brief, standard] {
        assert_eq!(test.finished(run).await.status, RunStatus::Succeeded);
    }
    let gone = async |test: &RunTest, run| {
        let found = test.engine.run(test.tenant, run).await;
        matches!(found, Err(EngineError::UnknownRun(_)))
    };
    // A worker looks after history when it starts.
    for (days, brief_gone, standard_gone) in [(6, false, false), (3, true, false), (82, true, true)]
    {
        clock.advance(DAY * days);
        test.start_worker(WorkerOptions::default()).await;
        loop {
            let as_expected = gone(&test, brief).await == brief_gone
                && gone(&test, standard).await == standard_gone;
            if as_expected {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let view = test.engine.run(test.tenant, open).await.unwrap();
    assert_eq!(view.status, RunStatus::Waiting);
    clock.advance(DAY * 10);
    assert_eq!(test.finished(open).await.status, RunStatus::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_move_to_their_day_while_nobody_reads_and_none_is_missed() {
    let (_folder, outside) = Outside::in_temp();
    let registry = registry(&outside, &Counts::default());
    let clock = Arc::new(FakeClock::at(DateTime::UNIX_EPOCH));
    let test = RunTest::without_worker(registry, clock).await;
    let owner = test.db().owner_pool();
    let stray = "insert into engine.run_history (tenant_id, id, retention, ended_on, version_id, workflow, \
                 status, epoch, created_at, ended_at, data, result) \
                 values (gen_random_uuid(), gen_random_uuid(), 'standard', '1970-01-01', gen_random_uuid(), \
                 'w', 'succeeded', 1, now(), now(), '', '')";
    sqlx::query(stray).execute(&owner).await.unwrap();
    let count = "select count(*) from engine.run_history";
    let mut reader = owner.begin().await.unwrap();
    let seen: i64 = sqlx::query_scalar(count)
        .fetch_one(&mut *reader)
        .await
        .unwrap();
    assert_eq!(seen, 1);
    let pool = owner.clone();
    let kept = tokio::spawn(async move {
        let keep = "select made from engine.keep_history('1970-01-01', 0)";
        sqlx::query_scalar::<_, i32>(keep).fetch_one(&pool).await
    });
    let waits = "select exists (select from pg_locks where not granted and mode = 'AccessExclusiveLock' \
                 and relation in ('engine.run_history'::regclass, 'engine.run_history_default'::regclass) \
                 and database = (select oid from pg_database where datname = current_database()))";
    while !sqlx::query_scalar::<_, bool>(waits)
        .fetch_one(&owner)
        .await
        .unwrap()
    {
        assert!(!kept.is_finished(), "it waits for who reads");
    }
    reader.rollback().await.unwrap();
    assert!(kept.await.unwrap().unwrap() > 0);
    let parts = "select tableoid::regclass::text from engine.run_history";
    let parts: Vec<String> = sqlx::query_scalar(parts).fetch_all(&owner).await.unwrap();
    assert_eq!(parts, ["engine.run_history_standard_19700101"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn history_that_could_not_be_kept_is_kept_soon_after() {
    let (_folder, clock, mut test) = engine().await;
    let run = test.start("brief", json!({})).await.unwrap();
    test.finished(run).await;
    let owner = test.db().owner_pool();
    let mut reader = owner.begin().await.unwrap();
    sqlx::query("select from engine.run_history limit 1")
        .execute(&mut *reader)
        .await
        .unwrap();
    clock.advance(DAY * 9);
    test.start_worker(WorkerOptions::default()).await;
    let cancel = "select count(pg_cancel_backend(pid)) from pg_stat_activity \
                  where query like '%engine.keep_history(%' and wait_event_type = 'Lock' \
                  and datname = current_database()";
    while sqlx::query_scalar::<_, i64>(cancel)
        .fetch_one(&owner)
        .await
        .unwrap()
        == 0
    {}
    reader.rollback().await.unwrap();
    while !matches!(
        test.engine.run(test.tenant, run).await,
        Err(EngineError::UnknownRun(_))
    ) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
