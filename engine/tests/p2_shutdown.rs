//! P2 when a worker is told to stop under load: it drains within its limit, and
//! what is left is another's at once.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::Outside;
use crate::support::scene::{Scene, play, stage, work};
use engine::{RunStatus, StartRun, WorkerOptions};
use nix::sys::signal::Signal;
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(60);

const BUSY: &str = r"
name: busy
steps:
  look: { uses: test.read, with: { value: [1, 2, 3, 4, 5, 6, 7, 8] } }
  each:
    for_each: '${{ steps.look.value }}'
    steps:
      slow: { uses: test.slow, with: { value: '${{ item }}' } }
      note: { uses: test.write, with: { value: 'item ${{ item }}' } }
      ship: { uses: test.send, needs: [note, slow] }
";

/// An effect that does not end: nobody can drain it.
const STUCK: &str = r"
name: stuck
steps:
  hangs: { uses: test.send, with: { hangs: true } }
";

#[test]
fn plays() {
    if let Some((scene, _, life)) = Scene::played() {
        let options = WorkerOptions {
            name: life.clone(),
            grace: Duration::from_secs(1),
            ..WorkerOptions::default()
        };
        play(async { work(scene.engine(&life), options).await });
    }
}

/// Waits until the nodes of a life have called so often.
async fn called(outside: &Outside, what: &str, life: &str, times: usize) {
    let waited = async {
        loop {
            let calls = outside.calls();
            let of_it = calls.iter().filter(|it| it.life == life && it.what == what);
            if of_it.count() >= times {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waited).await;
    assert!(waited.is_ok(), "{life} does not {what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_told_to_stop_drains_and_leaves_the_rest_to_another() {
    let mut stage = stage().await;
    stage.scene.hurry = 1;
    let (scene, owner) = (&stage.scene, stage.db.owner_pool());
    let engine = scene.engine("0");
    for source in [BUSY, STUCK] {
        let saved = engine.save(scene.tenant, source).await.unwrap();
        engine.publish(scene.tenant, saved.id).await.unwrap();
    }
    let start = async |workflow: &str| {
        engine
            .start(scene.tenant, &StartRun::new(workflow, json!({})))
            .await
    };
    let outside = Outside::at(&scene.outside, "");
    let first = scene.spawn("p2_shutdown::plays", "work", "1", None);
    let stuck = start("stuck").await.unwrap().run;
    called(&outside, "send", "1", 1).await;
    let mut busy = Vec::new();
    for _ in 0..40 {
        busy.push(start("busy").await.unwrap().run);
    }
    called(&outside, "write", "1", 20).await;
    // Another is there before: nobody has to be found dead.
    let second = scene.spawn("p2_shutdown::plays", "work", "2", None);
    let there = async {
        let there = "select exists (select from engine.workers where name = '2')";
        while !sqlx::query_scalar::<_, bool>(there)
            .fetch_one(&owner)
            .await
            .unwrap()
        {}
    };
    tokio::time::timeout(PATIENCE, there).await.unwrap();

    first.signal(Signal::SIGTERM);
    let ended = tokio::time::timeout(PATIENCE, first.ended()).await;
    assert!(ended.expect("it does not stop").success());
    let rows: Vec<String> = sqlx::query_scalar("select name from engine.workers where name = '1'")
        .fetch_all(&owner)
        .await
        .unwrap();
    assert!(rows.is_empty(), "it leaves no row behind");
    for run in busy {
        let view = tokio::time::timeout(PATIENCE, engine.finished(scene.tenant, run)).await;
        let view = view.expect("a run does not end").unwrap();
        assert_eq!(view.status, RunStatus::Succeeded, "{view:#?}");
    }
    // What could not be drained is executed by the other, under its key.
    called(&outside, "send", "2", 1).await;
    let again = async {
        loop {
            let calls = outside.calls();
            let of_it: Vec<_> = calls.into_iter().filter(|it| it.run == stuck).collect();
            if of_it.iter().any(|it| it.life == "2") {
                return of_it;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let calls = tokio::time::timeout(Duration::from_secs(30), again).await;
    let calls = calls.expect("nobody took over what could not be drained");
    let keys: BTreeSet<_> = calls.iter().map(|call| &call.key).collect();
    assert_eq!(keys.len(), 1, "{calls:?}");

    let doubled: i64 = sqlx::query_scalar(
        "select count(*) from (select run_id, step from outside.notes group by 1, 2 having count(*) > 1) d",
    )
    .fetch_one(&owner)
    .await
    .unwrap();
    let written: i64 = sqlx::query_scalar("select count(*) from outside.notes")
        .fetch_one(&owner)
        .await
        .unwrap();
    assert_eq!((doubled, written), (0, 40 * 8));
    drop(second);
}
