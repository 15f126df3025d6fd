//! P11: whatever a trigger hears makes one run, whoever hears it, how often ever.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{Counts, Outside, make_notes, registry};
use engine::clock::SystemClock;
use engine::crypto::MasterKey;
use engine::testing::RunTest;
use engine::{
    Engine, EngineError, Event, Once, RunFilter, RunSummary, StartRun, Worker, WorkerOptions,
};
use serde_json::json;

const LISTENER: &str = r"
name: listener
triggers:
  synced:
    event: bank.synced
    filter: event.count > 3
    start: { account: '${{ event.account }}', count: '${{ event.count }}' }
inputs:
  account: { type: string, required: true }
  count: { type: integer, required: true }
steps:
  a: { uses: test.same, with: { value: '${{ inputs.account }}' } }
";

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

async fn test() -> (tempfile::TempDir, RunTest) {
    let (folder, outside) = Outside::in_temp();
    let registry = registry(&outside, &Counts::default());
    let test = RunTest::without_worker(registry, Arc::new(SystemClock)).await;
    (folder, test)
}

fn synced(account: &str, count: i64) -> Event {
    Event::new("bank.synced")
        .with("account", account)
        .with("count", count)
}

async fn runs_of(test: &RunTest, workflow: &str) -> Vec<RunSummary> {
    let filter = RunFilter {
        workflow: Some(workflow.to_owned()),
        limit: 500,
        ..RunFilter::default()
    };
    test.engine.runs(test.tenant, &filter).await.unwrap()
}

async fn count(test: &RunTest, table: &str) -> i64 {
    let statement = format!("select count(*) from engine.{table}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
        .fetch_one(&test.db().owner_pool())
        .await
        .unwrap()
}

/// Waits until every event has been dispatched.
async fn dispatched(test: &RunTest) {
    let empty = async {
        while count(test, "outbox").await > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, empty).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_starts_a_run_of_each_that_listens_and_a_filter_is_asked_before_there_is_one() {
    let (_folder, mut test) = test().await;
    test.publish(LISTENER).await;
    let other = LISTENER
        .replace("name: listener", "name: other")
        .replace("    filter: event.count > 3\n", "");
    test.publish(&other).await;
    test.publish(
        &LISTENER
            .replace("name: listener", "name: deaf")
            .replace("bank.synced", "bank.closed"),
    )
    .await;
    test.start_worker(WorkerOptions::default()).await;
    for count in [1, 7] {
        test.engine
            .emit(test.tenant, &synced("FR76", count))
            .await
            .unwrap();
    }
    dispatched(&test).await;
    let listener = runs_of(&test, "listener").await;
    assert_eq!(listener.len(), 1, "the filter refused the first");
    let view = test.finished(listener[0].id).await;
    assert_eq!(view.inputs, json!({ "account": "FR76", "count": 7 }));
    assert_eq!(runs_of(&test, "other").await.len(), 2);
    assert_eq!(runs_of(&test, "deaf").await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn four_workers_dispatch_each_event_once() {
    let (_folder, test) = test().await;
    test.publish(LISTENER).await;
    for n in 0..200 {
        let event = synced(&format!("account {n}"), 4);
        test.engine.emit(test.tenant, &event).await.unwrap();
    }
    let mut workers = Vec::new();
    for _ in 0..4 {
        let worker = Worker::start(test.engine.clone(), WorkerOptions::default());
        workers.push(worker.await.unwrap());
    }
    dispatched(&test).await;
    for worker in &mut workers {
        worker.stop().await;
    }
    assert_eq!(runs_of(&test, "listener").await.len(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_a_transaction_is_heard_if_and_only_if_it_commits() {
    let (_folder, mut test) = test().await;
    test.publish(LISTENER).await;
    test.start_worker(WorkerOptions::default()).await;
    let mut dropped = test.engine.begin(test.tenant).await.unwrap();
    dropped.tx().emit(&synced("dropped", 4)).await.unwrap();
    drop(dropped);
    let mut kept = test.engine.begin(test.tenant).await.unwrap();
    kept.tx().emit(&synced("kept", 4)).await.unwrap();
    assert_eq!(
        count(&test, "outbox").await,
        0,
        "not there before the commit"
    );
    kept.commit().await.unwrap();
    dispatched(&test).await;
    let runs = runs_of(&test, "listener").await;
    assert_eq!(runs.len(), 1);
    assert_eq!(test.finished(runs[0].id).await.inputs["account"], "kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_publishes_with_its_own_commit() {
    let (_folder, mut test) = test().await;
    make_notes(&test.db().owner_pool()).await;
    test.publish(LISTENER).await;
    let emitter = r"
name: emitter
steps:
  a:
    uses: test.write
    with: { value: hello, emit: bank.synced, failures: 1 }
    retry: { max_attempts: 2, delay: 1ms }
";
    test.start_worker(WorkerOptions::default()).await;
    test.run(emitter, json!({})).await;
    dispatched(&test).await;
    assert_eq!(runs_of(&test, "listener").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_makes_one_run_whatever_the_version_and_is_forgotten_in_time() {
    let (_folder, mut test) = test().await;
    let keyed = LISTENER.replace(
        "    filter: event.count > 3\n",
        "    dedup: event.account\n    dedup_for: 1h\n",
    );
    test.publish(&keyed).await;
    test.start_worker(WorkerOptions::default()).await;
    let emit = async |account: &str| {
        test.engine
            .emit(test.tenant, &synced(account, 1))
            .await
            .unwrap();
        dispatched(&test).await;
    };
    emit("one").await;
    emit("one").await;
    emit("two").await;
    assert_eq!(runs_of(&test, "listener").await.len(), 2);
    test.publish(&format!("{keyed}  b: {{ uses: test.same }}\n"))
        .await;
    emit("one").await;
    assert_eq!(
        runs_of(&test, "listener").await.len(),
        2,
        "a new version knows the key"
    );
    sqlx::query("update engine.dedup set kept_until = now() - interval '1 second'")
        .execute(&test.db().owner_pool())
        .await
        .unwrap();
    emit("one").await;
    assert_eq!(runs_of(&test, "listener").await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_a_hundred_times_in_parallel_starts_one_run() {
    let (_folder, test) = test().await;
    test.publish("name: once\nsteps:\n  a: { uses: test.same }\n")
        .await;
    let start = StartRun::new("once", json!({})).once(Once {
        trigger: "api".to_owned(),
        key: "order 7".to_owned(),
        kept_for: Duration::from_secs(60),
    });
    let starts = (0..100).map(|_| test.engine.start(test.tenant, &start));
    let started: Vec<_> = futures::future::try_join_all(starts).await.unwrap();
    assert_eq!(started.iter().filter(|one| one.new).count(), 1);
    let first = started[0].run;
    assert!(started.iter().all(|one| one.run == first));
    assert_eq!(runs_of(&test, "once").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_trigger_cannot_do_is_shown_and_stops_nobody() {
    let (_folder, mut test) = test().await;
    test.publish(LISTENER).await;
    let sound = LISTENER
        .replace("name: listener", "name: sound")
        .replace("    filter: event.count > 3\n", "");
    test.publish(&sound).await;
    test.start_worker(WorkerOptions::default()).await;
    // The filter compares a text with a number; then an input is refused.
    let event = Event::new("bank.synced")
        .with("account", "a")
        .with("count", "many");
    test.engine.emit(test.tenant, &event).await.unwrap();
    let event = Event::new("bank.synced")
        .with("account", 1)
        .with("count", 9);
    test.engine.emit(test.tenant, &event).await.unwrap();
    test.engine
        .emit(test.tenant, &synced("good", 9))
        .await
        .unwrap();
    dispatched(&test).await;
    assert_eq!(runs_of(&test, "listener").await.len(), 1);
    assert_eq!(runs_of(&test, "sound").await.len(), 1);
    let faults = test.engine.trigger_faults(test.tenant, 10).await.unwrap();
    let mut told: Vec<_> = faults
        .iter()
        .map(|fault| format!("{} {} {}", fault.workflow, fault.trigger, fault.code))
        .collect();
    told.sort();
    assert_eq!(
        told,
        [
            "listener synced expression.failed",
            "listener synced run.bad_inputs",
            "sound synced run.bad_inputs",
            "sound synced run.bad_inputs",
        ]
    );
    assert!(faults.iter().any(|fault| fault.event["count"] == "many"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_nobody_can_read_is_set_aside_and_the_others_go_on() {
    let (_folder, mut test) = test().await;
    test.publish(LISTENER).await;
    test.engine
        .emit(test.tenant, &synced("first", 4))
        .await
        .unwrap();
    sqlx::query("update engine.outbox set data = '\\x00'")
        .execute(&test.db().owner_pool())
        .await
        .unwrap();
    for n in 0..3 {
        let event = synced(&format!("{n}"), 4);
        test.engine.emit(test.tenant, &event).await.unwrap();
    }
    test.start_worker(WorkerOptions::default()).await;
    dispatched(&test).await;
    assert_eq!(runs_of(&test, "listener").await.len(), 3);
    let faults = test.engine.trigger_faults(test.tenant, 10).await.unwrap();
    assert_eq!(faults.len(), 1);
    assert!(
        faults[0]
            .message
            .to_string()
            .contains("`bank.synced` was set aside")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_waits_for_a_worker_that_has_the_nodes_of_its_listener() {
    let key = MasterKey::generate().to_hex();
    let (_folder, outside) = Outside::in_temp();
    let nodes = registry(&outside, &Counts::default());
    let db = database::testing::TestDb::new().await;
    let engine = |nodes| {
        let master = MasterKey::from_hex(&key).unwrap();
        Engine::new(db.pool(), nodes, master, Arc::new(SystemClock))
    };
    let new = engine(nodes);
    let old = engine(engine::node::Registry::builder().build().unwrap());
    let tenant = engine::ids::TenantId(uuid::Uuid::from_u128(7));
    let saved = new.save(tenant, LISTENER).await.unwrap();
    new.publish(tenant, saved.id).await.unwrap();
    let mut worker = Worker::start(old.clone(), WorkerOptions::default())
        .await
        .unwrap();
    old.emit(tenant, &synced("a", 4)).await.unwrap();
    // Nobody listens to this one: once it is gone, the other was looked at.
    old.emit(tenant, &Event::new("bank.closed")).await.unwrap();
    let outbox = async || -> Vec<String> {
        sqlx::query_scalar("select name from engine.outbox")
            .fetch_all(&db.owner_pool())
            .await
            .unwrap()
    };
    while outbox().await != ["bank.synced"] {
        tokio::task::yield_now().await;
    }
    worker.stop().await;
    let mut worker = Worker::start(new.clone(), WorkerOptions::default())
        .await
        .unwrap();
    while !outbox().await.is_empty() {
        tokio::task::yield_now().await;
    }
    worker.stop().await;
    assert_eq!(
        new.runs(tenant, &RunFilter::default()).await.unwrap().len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_without_a_name_is_refused() {
    let (_folder, test) = test().await;
    for event in [
        Event::new("Bank synced"),
        Event::new("bank.synced").key("x".repeat(300)),
    ] {
        let refused = test.engine.emit(test.tenant, &event).await;
        assert!(matches!(refused, Err(EngineError::BadEvent(_))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_version_listens_in_place_of_the_one_before() {
    let (_folder, mut test) = test().await;
    test.publish(LISTENER).await;
    let saved = LISTENER.replace("bank.synced", "bank.renamed");
    test.engine.save(test.tenant, &saved).await.unwrap();
    let triggers = test.engine.triggers(test.tenant).await.unwrap();
    assert_eq!(
        triggers[0].subject, "bank.synced",
        "a draft does not listen"
    );
    test.publish(&saved).await;
    let triggers = test.engine.triggers(test.tenant).await.unwrap();
    assert_eq!(triggers.len(), 1);
    assert_eq!(triggers[0].subject, "bank.renamed");
    test.start_worker(WorkerOptions::default()).await;
    test.engine
        .emit(test.tenant, &synced("a", 4))
        .await
        .unwrap();
    dispatched(&test).await;
    assert_eq!(runs_of(&test, "listener").await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_starts_who_listens_for_it_and_a_cancelled_run_is_none() {
    let (_folder, mut test) = test().await;
    let watcher = r"
name: watcher
triggers:
  broken:
    failure_of: [fragile, other]
    start: { workflow: '${{ event.workflow }}', code: '${{ event.error.code }}', n: '${{ event.inputs.n }}' }
inputs:
  workflow: { type: string, required: true }
  code: { type: string, required: true }
  n: { type: integer, required: true }
steps:
  a: { uses: test.same }
";
    let fragile = r"
name: fragile
inputs: { n: { type: integer, required: true } }
steps:
  a: { uses: test.bad, with: { how: fail } }
";
    test.publish(watcher).await;
    test.publish(fragile).await;
    test.publish(&fragile.replace("fragile", "unwatched")).await;
    let cancelled = test.start("fragile", json!({ "n": 1 })).await.unwrap();
    test.engine.cancel(test.tenant, cancelled).await.unwrap();
    test.start_worker(WorkerOptions::default()).await;
    for workflow in ["fragile", "unwatched"] {
        let run = test.start(workflow, json!({ "n": 2 })).await.unwrap();
        test.finished(run).await;
    }
    test.finished(cancelled).await;
    dispatched(&test).await;
    let runs = runs_of(&test, "watcher").await;
    assert_eq!(runs.len(), 1);
    let expected = json!({ "workflow": "fragile", "code": "test.failed", "n": 2 });
    assert_eq!(test.finished(runs[0].id).await.inputs, expected);
}
