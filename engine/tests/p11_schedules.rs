//! P11, schedules: each instant makes one run, whoever looks, whatever was missed.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{Counts, Gate, Outside, registry_with};
use chrono::{DateTime, TimeDelta, Utc};
use engine::testing::{FakeClock, RunTest};
use engine::{RunFilter, RunStatus, Worker, WorkerOptions};

const PATIENCE: Duration = Duration::from_secs(30);

struct Scene {
    _folder: tempfile::TempDir,
    clock: Arc<FakeClock>,
    gate: Gate,
    test: RunTest,
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

async fn scene(now: &str) -> Scene {
    let (folder, outside) = Outside::in_temp();
    let (clock, gate) = (Arc::new(FakeClock::at(at(now))), Gate::default());
    let nodes = registry_with(&outside, &Counts::default(), &gate);
    let test = RunTest::without_worker(nodes, clock.clone()).await;
    Scene {
        _folder: folder,
        clock,
        gate,
        test,
    }
}

impl Scene {
    async fn publish(&self, schedule: &str, node: &str) {
        let yaml = format!(
            "name: timed\ntriggers:\n  tick: {{ schedule: {schedule}, start: {{ local: '${{{{ event.local }}}}' }} }}\n\
             inputs: {{ local: {{ type: string, required: true }} }}\nsteps:\n  a: {{ uses: {node} }}\n"
        );
        self.test.publish(&yaml).await;
    }

    async fn move_to(&self, instant: &str) {
        let by = at(instant) - engine::clock::Clock::now(&*self.clock);
        self.clock.advance(by.to_std().unwrap());
        self.looked_at().await;
    }

    /// Waits until every schedule has been looked at.
    async fn looked_at(&self) {
        let due = async {
            loop {
                let left: i64 =
                    sqlx::query_scalar("select count(*) from engine.schedules where look_at <= $1")
                        .bind(engine::clock::Clock::now(&*self.clock))
                        .fetch_one(&self.test.db().owner_pool())
                        .await
                        .unwrap();
                if left == 0 {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, due).await.unwrap();
    }

    /// For which local times there is a run, oldest first.
    async fn ticks(&self) -> Vec<String> {
        let (engine, tenant) = (&self.test.engine, self.test.tenant);
        let mut ticks = Vec::new();
        for run in engine.runs(tenant, &RunFilter::default()).await.unwrap() {
            let view = engine.run(tenant, run.id).await.unwrap();
            ticks.push(view.inputs["local"].as_str().unwrap().to_owned());
        }
        ticks.sort();
        ticks
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_make_one_run_a_day_across_both_changes_of_the_clocks() {
    let it = scene("2026-03-27T12:00:00Z").await;
    it.publish(
        "{ cron: '30 2 * * *', timezone: Europe/Paris }",
        "test.same",
    )
    .await;
    let mut workers = Vec::new();
    for _ in 0..2 {
        let worker = Worker::start(it.test.engine.clone(), WorkerOptions::default());
        workers.push(worker.await.unwrap());
    }
    for day in ["28", "29", "30"] {
        it.move_to(&format!("2026-03-{day}T01:35:00Z")).await;
    }
    let spring = [
        "2026-03-28T02:30:00+01:00",
        "2026-03-29T03:00:00+02:00",
        "2026-03-30T02:30:00+02:00",
    ];
    assert_eq!(it.ticks().await, spring);
    it.move_to("2026-10-24T23:00:00Z").await;
    let before = it.ticks().await.len();
    for hour in ["00:35", "01:35", "12:00"] {
        it.move_to(&format!("2026-10-25T{hour}:00Z")).await;
    }
    let ticks = it.ticks().await;
    assert_eq!(ticks.len(), before + 1, "once on the long day: {ticks:?}");
    assert_eq!(ticks.last().unwrap(), "2026-10-25T02:30:00+02:00");
    for worker in &mut workers {
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_long_outage_a_schedule_does_what_it_says() {
    for (missed, expected) in [("skip", 0), ("run_once", 1), ("catch_up", 4)] {
        let mut it = scene("2026-11-24T05:59:00Z").await;
        it.publish(
            &format!("{{ cron: '0 6 * * *', missed: {missed} }}"),
            "test.same",
        )
        .await;
        it.clock
            .advance(TimeDelta::hours(3 * 24 + 3).to_std().unwrap());
        it.test.start_worker(WorkerOptions::default()).await;
        it.looked_at().await;
        let ticks = it.ticks().await;
        assert_eq!(ticks.len(), expected, "{missed}: {ticks:?}");
        if expected > 0 {
            assert_eq!(ticks.last().unwrap(), "2026-11-27T06:00:00+00:00");
        }
        it.move_to("2026-11-28T06:00:10Z").await;
        assert_eq!(it.ticks().await.len(), expected + 1, "{missed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_very_long_outage_is_caught_up_within_bounds_and_people_are_told() {
    let mut it = scene("2026-01-01T00:00:30Z").await;
    it.publish("{ cron: '* * * * *', missed: catch_up }", "test.same")
        .await;
    it.clock.advance(TimeDelta::days(300).to_std().unwrap());
    it.test.start_worker(WorkerOptions::default()).await;
    it.looked_at().await;
    let filter = RunFilter {
        limit: 500,
        ..RunFilter::default()
    };
    let runs = it.test.engine.runs(it.test.tenant, &filter).await.unwrap();
    assert_eq!(runs.len(), 100);
    let faults = it.test.engine.trigger_faults(it.test.tenant, 5).await;
    assert_eq!(faults.unwrap()[0].code, "schedule.gave_up");
}

#[tokio::test(flavor = "multi_thread")]
async fn overlapping_instants_wait_their_turn_or_replace_the_run_before() {
    for (overlap, after) in [("queue", 2), ("latest", 2), ("drop", 1), ("replace", 2)] {
        let mut it = scene("2026-11-24T05:59:00Z").await;
        it.publish(
            &format!("{{ cron: '*/10 * * * *', overlap: {overlap} }}"),
            "test.gate",
        )
        .await;
        it.test.start_worker(WorkerOptions::default()).await;
        it.move_to("2026-11-24T06:00:00Z").await;
        it.gate.someone_came().await;
        it.move_to("2026-11-24T06:10:00Z").await;
        let filter = RunFilter::default();
        let first = it.test.engine.runs(it.test.tenant, &filter).await.unwrap();
        assert_eq!(first.len(), 1, "{overlap}: the second instant waits");
        if overlap == "replace" {
            let ended = it.test.finished(first[0].id).await;
            assert_eq!(ended.status, RunStatus::Cancelled);
        } else {
            it.gate.let_in(1);
            it.test.finished(first[0].id).await;
        }
        it.move_to("2026-11-24T06:10:02Z").await;
        assert_eq!(it.ticks().await.len(), after, "{overlap}");
        it.gate.let_in(10);
        for run in it
            .test
            .engine
            .runs(it.test.tenant, &RunFilter::default())
            .await
            .unwrap()
        {
            it.test.finished(run.id).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_again_keeps_what_is_due_and_another_calendar_does_not() {
    let it = scene("2026-11-24T05:00:00Z").await;
    it.publish("'0 6 * * *'", "test.same").await;
    it.clock.advance(Duration::from_secs(7200));
    // Due for an hour, and no worker has looked: the new version does it.
    it.publish("'0 6 * * *'", "test.bad, with: { how: fail }")
        .await;
    let due = async || {
        let triggers = it.test.engine.triggers(it.test.tenant).await.unwrap();
        triggers[0].due_at.unwrap()
    };
    assert_eq!(due().await, at("2026-11-24T06:00:00Z"));
    it.publish("'0 8 * * *'", "test.same").await;
    assert_eq!(due().await, at("2026-11-24T08:00:00Z"));
    it.test
        .publish("name: timed\nsteps:\n  a: { uses: test.same }\n")
        .await;
    let left = it.test.engine.triggers(it.test.tenant).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
}
