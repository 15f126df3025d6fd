//! P1: a run is committed before its caller is told so.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{Counts, Outside, make_notes, notes, registry};
use engine::clock::SystemClock;
use engine::testing::RunTest;
use engine::{EngineError, RunStatus, StartRun};
use serde_json::json;

const ECHO: &str = r"
name: echo
inputs: { n: { type: integer, required: true } }
steps:
  a: { uses: test.echo, with: { value: '${{ inputs.n }}' } }
outputs: { n: '${{ steps.a.value }}' }
";

async fn test() -> (tempfile::TempDir, RunTest) {
    let (folder, outside) = Outside::in_temp();
    let registry = registry(&outside, &Counts::default());
    let test = RunTest::without_worker(registry, Arc::new(SystemClock)).await;
    (folder, test)
}

async fn open_runs(test: &RunTest) -> i64 {
    sqlx::query_scalar("select count(*) from engine.runs")
        .fetch_one(&test.db().owner_pool())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_started_run_is_there_before_any_worker_is() {
    let (_folder, mut test) = test().await;
    let workflow = test.publish(ECHO).await;
    let run = test.start(&workflow, json!({ "n": 3 })).await.unwrap();
    assert_eq!(open_runs(&test).await, 1);
    let view = test.engine.run(test.tenant, run).await.unwrap();
    assert_eq!(view.status, RunStatus::Queued);
    test.start_worker(engine::WorkerOptions::default()).await;
    let view = test.finished(run).await;
    assert_eq!(view.outputs, Some(json!({ "n": 3 })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_started_in_a_transaction_exists_if_and_only_if_it_commits() {
    let (_folder, mut test) = test().await;
    let workflow = test.publish(ECHO).await;
    let start = StartRun::new(workflow, json!({ "n": 1 }));
    let mut dropped = test.engine.begin(test.tenant).await.unwrap();
    dropped.tx().start(&start).await.unwrap();
    drop(dropped);
    assert_eq!(open_runs(&test).await, 0);
    let mut kept = test.engine.begin(test.tenant).await.unwrap();
    let run = kept.tx().start(&start).await.unwrap().run;
    assert_eq!(open_runs(&test).await, 0, "not visible before the commit");
    kept.commit().await.unwrap();
    test.start_worker(engine::WorkerOptions::default()).await;
    assert_eq!(test.finished(run).await.status, RunStatus::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_starts_a_run_with_its_own_commit() {
    let (_folder, mut test) = test().await;
    make_notes(&test.db().owner_pool()).await;
    test.publish("name: child\nsteps:\n  a: { uses: test.echo, with: { value: 1 } }\n")
        .await;
    let parent = r"
name: parent
steps:
  a:
    uses: test.write
    with: { value: hello, start: child, failures: 1 }
    retry: { max_attempts: 2, delay: 1ms }
";
    test.publish(parent).await;
    test.start_worker(engine::WorkerOptions::default()).await;
    let run = test.start("parent", json!({})).await.unwrap();
    assert_eq!(test.finished(run).await.status, RunStatus::Succeeded);
    assert_eq!(notes(&test.db().owner_pool()).await.len(), 1);
    let filter = engine::RunFilter {
        workflow: Some("child".to_owned()),
        ..engine::RunFilter::default()
    };
    let children = test.engine.runs(test.tenant, &filter).await.unwrap();
    assert_eq!(children.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_worker_takes_a_run_within_a_tenth_of_a_second() {
    let (_folder, mut test) = test().await;
    let workflow = test.publish(ECHO).await;
    test.start_worker(engine::WorkerOptions::default()).await;
    let warm = test.start(&workflow, json!({ "n": 0 })).await.unwrap();
    test.finished(warm).await;
    let mut best = [Duration::MAX; 2];
    for n in 0..8 {
        let start = StartRun::new(workflow.clone(), json!({ "n": n }));
        // Announced, and found by polling alone.
        for (way, best) in best.iter_mut().enumerate() {
            let run = if way == 0 {
                test.engine.start(test.tenant, &start).await.unwrap().run
            } else {
                silently(&test, &start).await
            };
            let view = test.finished(run).await;
            let waited = view.started_at.unwrap() - view.created_at;
            *best = (*best).min(waited.to_std().unwrap_or_default());
        }
    }
    for best in best {
        assert!(best < Duration::from_millis(100), "{best:?}");
    }
}

/// Starts a run without telling any worker: by an engine that this one does not know.
async fn silently(test: &RunTest, start: &StartRun) -> engine::ids::RunId {
    let mut transaction = test.engine.begin(test.tenant).await.unwrap();
    let run = transaction.tx().start(start).await.unwrap().run;
    let statement = "commit";
    sqlx::query(statement)
        .execute(transaction.tx().connection())
        .await
        .unwrap();
    run
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pure_run_of_an_idle_worker_s_own_process_is_one_commit() {
    let (_folder, mut test) = test().await;
    let workflow = test.publish(ECHO).await;
    test.start_worker(engine::WorkerOptions::default()).await;
    let owner = test.db().owner_pool();
    // Once the worker has seen its queue empty, and knows the version.
    loop {
        let run = test.start(&workflow, json!({ "n": 5 })).await.unwrap();
        test.finished(run).await;
        let commits: Vec<String> = sqlx::query_scalar(
            "select xmin::text from engine.run_history where id = $1 \
             union select xmin::text from engine.step_history where run_id = $1",
        )
        .bind(run.0)
        .fetch_all(&owner)
        .await
        .unwrap();
        // The commit of its acceptance is that of its end: no time between.
        let view = test.engine.run(test.tenant, run).await.unwrap();
        assert_eq!(view.outputs, Some(json!({ "n": 5 })));
        if commits.len() == 1 && view.started_at == Some(view.created_at) {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_published_by_another_process_is_the_one_that_starts() {
    let (_folder, mut test) = test().await;
    let workflow = test.publish(ECHO).await;
    test.start_worker(engine::WorkerOptions::default()).await;
    for _ in 0..3 {
        let run = test.start(&workflow, json!({ "n": 1 })).await.unwrap();
        test.finished(run).await;
    }
    // As another process does: this one's engine hears nothing of it.
    let other = ECHO.replace("${{ steps.a.value }}", "${{ steps.a.value + 100 }}");
    let saved = test.engine.save(test.tenant, &other).await.unwrap();
    sqlx::query("update engine.workflows set published = $1")
        .bind(saved.id.0)
        .execute(&test.db().owner_pool())
        .await
        .unwrap();
    let run = test.start(&workflow, json!({ "n": 1 })).await.unwrap();
    let view = test.finished(run).await;
    assert_eq!(view.outputs, Some(json!({ "n": 101 })));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_run_is_refused_before_it_is_stored() {
    let (_folder, test) = test().await;
    let workflow = test.publish(ECHO).await;
    let refused = test.start(&workflow, json!({ "n": "x" })).await;
    assert!(matches!(refused, Err(EngineError::BadInputs(_))));
    let unknown = test.start("nothing", json!({})).await;
    assert!(matches!(unknown, Err(EngineError::UnknownWorkflow(_))));
    let bad = test.engine.save(test.tenant, "name: x\nstepz: {}\n").await;
    assert!(matches!(bad, Err(EngineError::BadWorkflow(_))));
    assert_eq!(open_runs(&test).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_keeps_its_version_whatever_is_published_later() {
    let (_folder, mut test) = test().await;
    let workflow = test.publish(ECHO).await;
    let first = test.start(&workflow, json!({ "n": 1 })).await.unwrap();
    test.publish(&ECHO.replace("${{ steps.a.value }}", "${{ steps.a.value + 100 }}"))
        .await;
    let second = test.start(&workflow, json!({ "n": 1 })).await.unwrap();
    test.start_worker(engine::WorkerOptions::default()).await;
    assert_eq!(test.finished(first).await.outputs, Some(json!({ "n": 1 })));
    assert_eq!(
        test.finished(second).await.outputs,
        Some(json!({ "n": 101 }))
    );
    let again = test.engine.save(test.tenant, ECHO).await.unwrap();
    assert_eq!(again.number, 3, "an older text is a new version");
    let same = test.engine.save(test.tenant, ECHO).await.unwrap();
    assert_eq!((same.id, same.number), (again.id, 3));
}
