//! P5: a worker process that was frozen past its lease, and woken, writes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::support::scene::{Scene, play, stage, work};
use crate::support::{Outside, notes};
use engine::{Engine, RunStatus, StartRun, WorkerOptions};
use futures::StreamExt;
use nix::sys::signal::Signal;
use serde_json::json;
use sqlx::PgPool;

/// A run that does not end within that hangs.
const PATIENCE: Duration = Duration::from_secs(60);

const WORKFLOW: &str = r"
name: frozen
steps:
  base: { uses: test.echo, with: { value: 1 } }
  tell: { uses: test.send, with: { value: '${{ steps.base.value }}' } }
  book: { uses: test.write, needs: [tell], with: { value: booked } }
  again: { uses: test.find, needs: [book] }
  last: { uses: test.echo, needs: [again], with: { value: 2 } }
";

/// Where a worker is frozen: with locks, before and after each of its commits.
const CASES: [(&str, u32); 10] = [
    ("claim.commit:before", 1),
    ("claim.commit:after", 1),
    ("heartbeat.beat.commit:before", 2),
    ("checkpoint.commit:before", 1),
    ("checkpoint.commit:after", 1),
    ("checkpoint.commit:before", 2),
    ("checkpoint.commit:after", 2),
    ("checkpoint.commit:after", 3),
    ("steps.commit:before", 1),
    ("steps.commit:after", 1),
];

fn options(life: &str) -> WorkerOptions {
    WorkerOptions {
        name: life.to_owned(),
        dead_after: Duration::from_secs(1),
        ..WorkerOptions::default()
    }
}

#[test]
fn plays() {
    if let Some((scene, _, life)) = Scene::played() {
        play(async { work(scene.engine(&life), options(&life)).await });
    }
}

/// All that the engine keeps.
async fn stored(owner: &PgPool) -> Vec<String> {
    let mut stored = Vec::new();
    for table in ["runs", "steps", "run_history", "step_history", "ready"] {
        let rows = format!(
            "select coalesce(md5(string_agg(t::text, ' ' order by t::text)), '') from engine.{table} t"
        );
        let digest: String = sqlx::query_scalar(sqlx::AssertSqlSafe(rows))
            .fetch_one(owner)
            .await
            .unwrap();
        stored.push(format!("{table} {digest}"));
    }
    stored
}

async fn freeze(point: &str, hit: u32) {
    let case = format!("{point}, hit {hit}");
    let mut stage = stage().await;
    stage.scene.hurry = 1;
    let (scene, owner) = (&stage.scene, stage.db.owner_pool());
    let engine: Engine = scene.engine("0");
    let saved = engine.save(scene.tenant, WORKFLOW).await.unwrap();
    engine.publish(scene.tenant, saved.id).await.unwrap();
    let start = StartRun::new("frozen", json!({}));
    let run = engine.start(scene.tenant, &start).await.unwrap().run;
    let first = scene.spawn(
        "p5_frozen::plays",
        "work",
        "1",
        Some((point, hit, Signal::SIGSTOP)),
    );
    let stopped = async {
        while !first.was_stopped() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let stopped = tokio::time::timeout(PATIENCE, stopped).await;
    assert!(stopped.is_ok(), "{case} is passed");

    // Another takes its runs over, and ends them.
    let second = scene.spawn("p5_frozen::plays", "work", "2", None);
    let view = tokio::time::timeout(PATIENCE, engine.finished(scene.tenant, run)).await;
    let view = view
        .unwrap_or_else(|_| panic!("{case}: the run does not end"))
        .unwrap();
    assert_eq!(view.status, RunStatus::Succeeded, "{case}: {view:#?}");
    let before = stored(&owner).await;
    let outside = Outside::at(&scene.outside, "");
    let called = outside.calls().len();

    // It wakes, holds a lease again, and goes on until it has nothing left to do.
    let since: chrono::DateTime<chrono::Utc> = sqlx::query_scalar("select clock_timestamp()")
        .fetch_one(&owner)
        .await
        .unwrap();
    first.signal(Signal::SIGCONT);
    let renewed = async {
        let renewed =
            "select exists (select from engine.workers where name = '1' and beat_at > $1)";
        while !sqlx::query_scalar::<_, bool>(renewed)
            .bind(since)
            .fetch_one(&owner)
            .await
            .unwrap()
        {}
    };
    let renewed = tokio::time::timeout(PATIENCE, renewed).await;
    assert!(renewed.is_ok(), "{case}: it does not come back");
    first.drained().await;
    second.drained().await;

    assert_eq!(stored(&owner).await, before, "{case}: it wrote");
    let written = notes(&owner).await;
    assert_eq!(
        written,
        [("book".to_owned(), "booked".to_owned())],
        "{case}"
    );
    let calls = outside.calls();
    let after: Vec<_> = calls[called..]
        .iter()
        .filter(|call| call.what == "send")
        .collect();
    assert!(
        after.is_empty(),
        "{case}: it acted on what is another's: {after:?}"
    );
    let mut keys: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for call in calls.iter().filter(|call| call.what == "send") {
        keys.entry(&call.step).or_default().insert(&call.key);
    }
    assert_eq!(keys.len(), 2, "{case}: {keys:?}");
    assert!(
        keys.values().all(|keys| keys.len() == 1),
        "{case}: {keys:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_was_frozen_past_its_lease_writes_nothing_when_it_wakes() {
    // All at once: it is mostly waiting.
    let cases = futures::stream::iter(CASES).map(|(point, hit)| freeze(point, hit));
    cases.buffer_unordered(CASES.len()).collect::<()>().await;
}
