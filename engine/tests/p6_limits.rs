//! P6: limits hold, whoever works and whoever dies.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{Counts, Gate, Outside, registry, registry_with};
use chrono::{DateTime, Utc};
use engine::clock::SystemClock;
use engine::ids::RunId;
use engine::testing::{FakeClock, RunTest};
use engine::{RunStatus, StartRun, TenantSettings, Worker, WorkerOptions};
use serde_json::json;
use sqlx::AssertSqlSafe;

/// A workflow of one step that waits at the door.
fn gated(name: &str, concurrency: &str) -> String {
    format!(
        "name: {name}\ninputs: {{ key: {{ type: string, default: k }} }}\nconcurrency: {concurrency}\n\
         steps:\n  a: {{ uses: test.gate, with: {{ value: 1 }} }}\n"
    )
}

/// A workflow of one step that comes back at once.
fn quick(name: &str, concurrency: &str) -> String {
    gated(name, concurrency).replace("test.gate", "test.same")
}

const BY_KEY: &str = "{ key: '${{ inputs.key }}' }";

struct Setup {
    _folder: tempfile::TempDir,
    gate: Gate,
    test: RunTest,
}

async fn setup() -> Setup {
    let (folder, outside) = Outside::in_temp();
    let gate = Gate::default();
    let registry = registry_with(&outside, &Counts::default(), &gate);
    Setup {
        _folder: folder,
        gate,
        test: RunTest::new(registry).await,
    }
}

impl Setup {
    async fn start(&self, workflow: &str) -> RunId {
        self.test.start(workflow, json!({})).await.unwrap()
    }

    /// Nothing of a limit is left once all runs have ended.
    async fn nothing_is_left(&self) {
        for table in ["runs", "ready", "limits", "slots", "lines", "inbox"] {
            let statement = format!("select count(*) from engine.{table}");
            let left: i64 = sqlx::query_scalar(AssertSqlSafe(statement))
                .fetch_one(&self.test.db().owner_pool())
                .await
                .unwrap();
            assert_eq!(left, 0, "rows left in {table}");
        }
    }

    /// Waits until so many runs stand in line.
    async fn in_line(&self, runs: i64) {
        loop {
            let waiting: i64 = sqlx::query_scalar("select count(*) from engine.lines")
                .fetch_one(&self.test.db().owner_pool())
                .await
                .unwrap();
            if waiting == runs {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// The most intervals that overlap.
fn most_at_once(intervals: &[(DateTime<Utc>, DateTime<Utc>)]) -> usize {
    let begun = intervals.iter().map(|it| it.0);
    let at = |instant| {
        intervals
            .iter()
            .filter(|it| it.0 <= instant && instant < it.1)
            .count()
    };
    begun.map(at).max().unwrap_or(0)
}

async fn intervals(test: &RunTest, workflow: &str) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    sqlx::query_as(
        "select s.started_at, s.ended_at from engine.step_history s \
         join engine.run_history r on r.tenant_id = s.tenant_id and r.id = s.run_id \
         where r.workflow = $1",
    )
    .bind(workflow)
    .fetch_all(&test.db().owner_pool())
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_of_keys_workflows_and_tenants_hold_under_four_workers() {
    let (_folder, outside) = Outside::in_temp();
    let registry = registry(&outside, &Counts::default());
    let test = RunTest::without_worker(registry, Arc::new(SystemClock)).await;
    let read = |name: &str, concurrency: &str| {
        format!(
            "name: {name}\n{concurrency}\nsteps:\n  a: {{ uses: test.slow, with: {{ value: 1 }} }}\n"
        )
    };
    for yaml in [
        read("keyed", "concurrency: { key: one, limit: 3 }"),
        read("alone", "concurrency: { limit: 1 }"),
        read("free", ""),
    ] {
        test.publish(&yaml).await;
    }
    let most = NonZeroU32::new(6);
    let settings = TenantSettings {
        max_running: most,
        ..TenantSettings::default()
    };
    test.engine
        .set_settings(test.tenant, settings)
        .await
        .unwrap();
    let mut runs = Vec::new();
    for _ in 0..40 {
        for workflow in ["keyed", "alone", "free"] {
            runs.push(test.start(workflow, json!({})).await.unwrap());
        }
    }
    let mut workers = Vec::new();
    for _ in 0..4 {
        let worker = Worker::start(test.another_engine(), WorkerOptions::default());
        workers.push(worker.await.unwrap());
    }
    for run in runs {
        let view = test.engine.finished(test.tenant, run).await.unwrap();
        assert_eq!(view.status, RunStatus::Succeeded, "{view:#?}");
    }
    for worker in &mut workers {
        worker.stop().await;
    }
    let mut all = Vec::new();
    for (workflow, limit) in [("keyed", 3), ("alone", 1), ("free", 6)] {
        let of_it = intervals(&test, workflow).await;
        assert_eq!(of_it.len(), 40);
        assert!(
            most_at_once(&of_it) <= limit,
            "{workflow}: {}",
            most_at_once(&of_it)
        );
        all.extend(of_it);
    }
    assert!(most_at_once(&all) <= 6, "all: {}", most_at_once(&all));
    assert!(most_at_once(&all) > 1, "they do run together");
}

#[tokio::test(flavor = "multi_thread")]
async fn those_in_line_are_called_in_order() {
    let it = setup().await;
    it.test.publish(&gated("one", BY_KEY)).await;
    let mut runs = Vec::new();
    for _ in 0..4 {
        runs.push(it.start("one").await);
    }
    it.gate.let_in(4);
    let mut started = Vec::new();
    for run in &runs {
        let view = it.test.finished(*run).await;
        assert_eq!(view.status, RunStatus::Succeeded, "{view:#?}");
        started.push((view.started_at, view.ended_at));
    }
    assert!(started.is_sorted(), "{started:?}");
    for pair in started.windows(2) {
        assert!(pair[0].1 <= pair[1].0, "one after the other: {started:?}");
    }
    it.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drop_refuses_the_new_one() {
    let it = setup().await;
    it.test
        .publish(&gated("dropping", "{ key: k, policy: drop }"))
        .await;
    let first = it.start("dropping").await;
    it.gate.someone_came().await;
    let told = it.test.start("dropping", json!({})).await.unwrap_err();
    assert_eq!(told.code(), "run.dropped");
    // What has happened is not refused: it is recorded.
    let mut inside = it.test.engine.begin(it.test.tenant).await.unwrap();
    let event = inside
        .tx()
        .start(&StartRun::new("dropping", json!({})))
        .await
        .unwrap();
    inside.commit().await.unwrap();
    let view = it.test.finished(event.run).await;
    assert_eq!(view.status, RunStatus::Cancelled);
    assert_eq!(view.error.unwrap().code, "run.dropped");
    assert!(view.steps.is_empty(), "nothing of it ran");
    it.gate.let_in(1);
    assert_eq!(it.test.finished(first).await.status, RunStatus::Succeeded);
    it.nothing_is_left().await;
    it.gate.let_in(1);
    let next = it.start("dropping").await;
    assert_eq!(it.test.finished(next).await.status, RunStatus::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn latest_keeps_the_newest_of_those_in_line() {
    let it = setup().await;
    it.test
        .publish(&gated("latest", "{ key: k, policy: latest }"))
        .await;
    let first = it.start("latest").await;
    it.gate.someone_came().await;
    let mut late = Vec::new();
    for _ in 0..3 {
        late.push(it.start("latest").await);
    }
    for older in &late[..2] {
        let view = it.test.finished(*older).await;
        assert_eq!(view.status, RunStatus::Cancelled);
        assert_eq!(view.error.unwrap().code, "run.superseded");
    }
    it.gate.let_in(2);
    for run in [first, late[2]] {
        assert_eq!(it.test.finished(run).await.status, RunStatus::Succeeded);
    }
    it.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replace_cancels_the_one_at_work() {
    let it = setup().await;
    it.test
        .publish(&gated("replacing", "{ key: k, policy: replace }"))
        .await;
    let first = it.start("replacing").await;
    it.gate.someone_came().await;
    let second = it.start("replacing").await;
    let view = it.test.finished(first).await;
    assert_eq!(view.status, RunStatus::Cancelled);
    assert_eq!(view.error.unwrap().code, "run.replaced");
    it.gate.let_in(2);
    assert_eq!(it.test.finished(second).await.status, RunStatus::Succeeded);
    it.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_in_line_can_be_cancelled() {
    let it = setup().await;
    it.test.publish(&gated("one", BY_KEY)).await;
    let first = it.start("one").await;
    it.gate.someone_came().await;
    let second = it.start("one").await;
    it.in_line(1).await;
    it.test.engine.cancel(it.test.tenant, second).await.unwrap();
    assert_eq!(it.test.finished(second).await.status, RunStatus::Cancelled);
    it.gate.let_in(1);
    assert_eq!(it.test.finished(first).await.status, RunStatus::Succeeded);
    it.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_with_its_parents_key_is_under_its_slot() {
    let it = setup().await;
    let call = |name: &str, workflow: &str| {
        let step = format!("test.child, with: {{ name: {workflow}, inputs: {{}} }}");
        quick(name, BY_KEY).replace("test.same, with: { value: 1 }", &step)
    };
    it.test.publish(&gated("grandchild", BY_KEY)).await;
    it.test.publish(&call("child", "grandchild")).await;
    it.test.publish(&call("parent", "child")).await;
    let parent = it.start("parent").await;
    it.gate.someone_came().await;
    let stranger = it.start("grandchild").await;
    it.in_line(1).await;
    let view = it.test.engine.run(it.test.tenant, stranger).await.unwrap();
    assert!(!view.status.is_final(), "who is no child waits");
    it.gate.let_in(2);
    for run in [parent, stranger] {
        assert_eq!(it.test.finished(run).await.status, RunStatus::Succeeded);
    }
    it.nothing_is_left().await;
}

/// A run that tries again in an hour waits without its slot, unless it holds it.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waits_gives_its_slot_back_and_is_first_in_line_again() {
    let (_folder, outside) = Outside::in_temp();
    let clock = Arc::new(FakeClock::at(DateTime::UNIX_EPOCH));
    let gate = Gate::default();
    let registry = registry_with(&outside, &Counts::default(), &gate);
    let test = RunTest::with_clock(registry, Arc::clone(&clock) as _).await;
    for (name, hold) in [("gives", false), ("holds", true)] {
        let waits = format!(
            "name: {name}\nconcurrency: {{ key: {name}, hold: {hold} }}\nsteps:\n  a:\n    uses: test.read\n    \
             with: {{ value: 1, failures: 1 }}\n    retry: {{ delay: 1h, max_delay: 1h, jitter: false }}\n"
        );
        test.publish(&waits).await;
        test.publish(&gated(
            &format!("{name}_too"),
            &format!("{{ key: {name} }}"),
        ))
        .await;
        let waiting = test.start(name, json!({})).await.unwrap();
        loop {
            let view = test.engine.run(test.tenant, waiting).await.unwrap();
            if view.status == RunStatus::Waiting {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let other = test.start(&format!("{name}_too"), json!({})).await.unwrap();
        let third = test.start(&format!("{name}_too"), json!({})).await.unwrap();
        if hold {
            clock.advance(Duration::from_secs(3600));
            let view = test.finished(waiting).await;
            assert_eq!(view.status, RunStatus::Succeeded, "{view:#?}");
            gate.let_in(2);
        } else {
            gate.someone_came().await;
            clock.advance(Duration::from_secs(3600));
            loop {
                let back: bool =
                    sqlx::query_scalar("select exists (select from engine.lines where back)")
                        .fetch_one(&test.db().owner_pool())
                        .await
                        .unwrap();
                if back {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            gate.let_in(1);
            let view = test.finished(waiting).await;
            assert_eq!(view.status, RunStatus::Succeeded, "{view:#?}");
            let view = test.engine.run(test.tenant, third).await.unwrap();
            assert!(
                !view.status.is_final(),
                "it came back before who was never there"
            );
            gate.let_in(1);
        }
        for run in [other, third] {
            assert_eq!(test.finished(run).await.status, RunStatus::Succeeded);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_stays_with_its_run_when_the_owner_dies() {
    let it = setup().await;
    it.test.publish(&gated("one", BY_KEY)).await;
    let first = it.start("one").await;
    it.gate.someone_came().await;
    let second = it.start("one").await;
    it.in_line(1).await;
    // As the rescue of another worker does.
    for statement in [
        "update engine.runs set owner = null, epoch = epoch + 1 where owner is not null",
        "insert into engine.ready (tenant_id, run_id, version_id) select tenant_id, id, version_id \
         from engine.runs where id not in (select run_id from engine.lines)",
    ] {
        let owner = it.test.db().owner_pool();
        sqlx::query(statement).execute(&owner).await.unwrap();
    }
    it.gate.someone_came().await;
    it.in_line(1).await;
    it.gate.let_in(3);
    for run in [first, second] {
        assert_eq!(it.test.finished(run).await.status, RunStatus::Succeeded);
    }
    it.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn starts_keep_their_pace() {
    let (_folder, outside) = Outside::in_temp();
    let clock = Arc::new(FakeClock::at(DateTime::UNIX_EPOCH));
    let registry = registry(&outside, &Counts::default());
    let test = RunTest::with_clock(registry, Arc::clone(&clock) as _).await;
    let yaml = "name: paced\nrate_limit: { limit: 2, per: 1m }\nsteps:\n  a: { uses: test.same, with: { value: 1 } }\n";
    test.publish(yaml).await;
    let mut runs = Vec::new();
    for _ in 0..5 {
        runs.push(test.start("paced", json!({})).await.unwrap());
    }
    let mut started = Vec::new();
    for pair in runs.chunks(2) {
        for run in pair {
            let view = test.finished(*run).await;
            assert_eq!(view.status, RunStatus::Succeeded, "{view:#?}");
            started.push(view.started_at.unwrap().timestamp());
        }
        clock.advance(Duration::from_secs(60));
    }
    assert_eq!(started, [0, 0, 60, 60, 120]);
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_of_a_step_keep_their_pace() {
    let (_folder, outside) = Outside::in_temp();
    let clock = Arc::new(FakeClock::at(DateTime::UNIX_EPOCH));
    let counts = Counts::default();
    let test = RunTest::with_clock(registry(&outside, &counts), Arc::clone(&clock) as _).await;
    let yaml = "name: paced\nsteps:\n  list: { uses: test.same, with: { value: [1, 2, 3] } }\n  each:\n    \
                uses: test.read\n    for_each: '${{ steps.list.value }}'\n    concurrency: 3\n    \
                rate_limit: { key: '${{ item > 0 }}', limit: 1, per: 1h }\n    with: { value: '${{ item }}' }\n";
    let workflow = test.publish(yaml).await;
    let run = test.start(&workflow, json!({})).await.unwrap();
    for made in 1..=3 {
        while counts.of("test.read") < made {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(counts.of("test.read"), made, "one an hour");
        clock.advance(Duration::from_secs(3600));
    }
    assert_eq!(test.finished(run).await.status, RunStatus::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_debounced_starts_the_last_one_runs() {
    let (_folder, outside) = Outside::in_temp();
    let clock = Arc::new(FakeClock::at(DateTime::UNIX_EPOCH));
    let registry = registry(&outside, &Counts::default());
    let test = RunTest::with_clock(registry, Arc::clone(&clock) as _).await;
    let yaml = "name: quiet\ninputs: { key: { type: string, required: true } }\n\
                debounce: { key: '${{ inputs.key }}', for: 1m }\n\
                steps:\n  a: { uses: test.same, with: { value: 1 } }\n";
    test.publish(yaml).await;
    let mut runs = Vec::new();
    for key in ["a", "a", "b", "a"] {
        runs.push(test.start("quiet", json!({ "key": key })).await.unwrap());
        clock.advance(Duration::from_secs(20));
    }
    for superseded in &runs[..2] {
        let view = test.finished(*superseded).await;
        assert_eq!(view.status, RunStatus::Cancelled);
        assert_eq!(view.error.unwrap().code, "run.superseded");
    }
    clock.advance(Duration::from_secs(60));
    for (run, due) in [(runs[2], 100), (runs[3], 120)] {
        let view = test.finished(run).await;
        assert_eq!(view.status, RunStatus::Succeeded, "{view:#?}");
        assert!(view.started_at.unwrap().timestamp() >= due, "{view:#?}");
    }
    let next = test.start("quiet", json!({ "key": "a" })).await.unwrap();
    clock.advance(Duration::from_secs(60));
    assert_eq!(test.finished(next).await.status, RunStatus::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_at_the_door_and_never_what_has_happened() {
    let (_folder, outside) = Outside::in_temp();
    let registry = registry(&outside, &Counts::default());
    let test = RunTest::without_worker(registry, Arc::new(SystemClock)).await;
    let settings = TenantSettings {
        max_ready: NonZeroU32::new(3),
        ..TenantSettings::default()
    };
    test.engine
        .set_settings(test.tenant, settings)
        .await
        .unwrap();
    let yaml = "name: one\nsteps:\n  a: { uses: test.same, with: { value: 1 } }\n";
    test.publish(yaml).await;
    for _ in 0..3 {
        test.start("one", json!({})).await.unwrap();
    }
    let refused = test.start("one", json!({})).await.unwrap_err();
    assert_eq!(refused.code(), "engine.queue_full");
    let mut inside = test.engine.begin(test.tenant).await.unwrap();
    let event = StartRun::new("one", json!({}));
    inside.tx().start(&event).await.unwrap();
    inside.commit().await.unwrap();
}
