//! P2 for every word of the language: workflows that together use them all are
//! killed on their way, and end as if nothing had happened.
//!
//! A first life that nobody kills tells which failpoints a scene passes; then
//! its worker is killed (SIGKILL) at some of them, spread over its way, and
//! another one goes on. `SCENE_KILLS` says at how many, `SCENE_ONLY` of which scene.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod corpus;
mod play;
#[path = "../server/mod.rs"]
#[expect(dead_code, reason = "each test file uses a part of it")]
mod server;
#[path = "../../../engine/tests/support/mod.rs"]
#[expect(dead_code, reason = "each test file uses a part of it")]
mod support;

use std::collections::{BTreeMap, BTreeSet};

use engine::RunFilter;
use futures::StreamExt;
use nix::sys::signal::Signal;

use crate::corpus::{SCENES, Scene};
use crate::server::{Reply, Server};
use crate::support::scene::{declare_dead, recorded, stage, told};
use crate::support::{Outside, notes};

/// So many kills of each scene.
const KILLS: usize = 5;

/// What a scene comes to, whoever was killed.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    /// Of each run: workflow, status, outputs, error, and how each step ended.
    runs: Vec<String>,
    /// What transactions wrote.
    written: Vec<(String, String)>,
    /// Of each external step: how many keys the outside saw.
    keys: BTreeMap<String, usize>,
}

/// One way through a scene.
struct Played {
    outcome: Outcome,
    /// What was passed on the way, when nobody was to be killed.
    passed: Vec<String>,
    killed: bool,
}

/// Plays a scene, with a kill at the nth hit of a point.
async fn play(scene: &Scene, kill: Option<(&str, u32)>) -> Played {
    let case = format!("{}, {kill:?}", scene.name);
    let stage = stage().await;
    let server = Server::start(vec![Reply::json("{}"); 20]).await;
    let engine = play::prepare(&stage.scene, scene, &server.url("/")).await;
    let tenant = stage.scene.tenant;
    let mut killed = false;
    let mut before = BTreeSet::new();
    if let Some((point, hit)) = kill {
        let at = Some((point, hit, Signal::SIGKILL));
        let first = stage.scene.spawn("play::plays", scene.name, "1", at);
        killed = !first.ended().await.success();
        for run in engine.runs(tenant, &RunFilter::default()).await.unwrap() {
            let view = engine.run(tenant, run.id).await.unwrap();
            before.extend(recorded(&view).into_iter().map(|it| (run.id, it)));
        }
        declare_dead(&stage.db).await;
    }
    let last = stage.scene.spawn("play::plays", scene.name, "2", None);
    assert!(last.ended().await.success(), "{case}: the last life fails");

    let mut runs = Vec::new();
    let mut names = BTreeMap::new();
    for run in engine.runs(tenant, &RunFilter::default()).await.unwrap() {
        let view = engine.run(tenant, run.id).await.unwrap();
        let steps = view.steps.iter().map(|it| (&it.path, it.status));
        let steps: BTreeMap<_, _> = steps.collect();
        let error = view.error.as_ref().map(|error| &error.code);
        let (status, outputs) = (view.status, &view.outputs);
        runs.push(format!(
            "{}: {status} {outputs:?} {error:?} {steps:?}",
            run.workflow
        ));
        names.insert(run.id, run.workflow);
    }
    runs.sort();
    let mut keys: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for call in Outside::at(&stage.scene.outside, "").calls() {
        let again = before.contains(&(call.run, (call.step.clone(), call.attempt)));
        assert!(
            call.life != "2" || !again,
            "{case}: a recorded step ran again: {call:?}"
        );
        if call.what == "send" {
            let step = format!("{}/{}", names[&call.run], call.step);
            let run = call.run.to_string();
            keys.entry((step, run)).or_default().insert(call.key);
        }
    }
    for asked in server.asked().await {
        if let Some(key) = asked.header("idempotency-key") {
            let method = asked.line.split(' ').next().unwrap().to_owned();
            let keys = keys.entry((method, String::new())).or_default();
            keys.insert(key.to_owned());
        }
    }
    let mut counted = BTreeMap::new();
    for ((step, _), keys) in keys {
        assert_eq!(keys.len(), 1, "{case}: `{step}` kept its key: {keys:?}");
        *counted.entry(step).or_default() += 1;
    }
    let mut written = notes(&stage.db.owner_pool()).await;
    written.sort();
    nothing_is_left(&case, &stage.db.owner_pool()).await;
    let passed = std::fs::read_to_string(stage.scene.outside.with_extension("passed"));
    Played {
        outcome: Outcome {
            runs,
            written,
            keys: counted,
        },
        passed: passed.unwrap().lines().map(str::to_owned).collect(),
        killed,
    }
}

async fn nothing_is_left(case: &str, owner: &sqlx::PgPool) {
    for table in [
        "runs", "steps", "items", "labels", "ready", "timers", "waits", "inbox", "slots", "lines",
        "outbox",
    ] {
        let statement = format!("select count(*) from engine.{table}");
        let left: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
            .fetch_one(owner)
            .await
            .unwrap();
        assert_eq!(left, 0, "{case}: {left} rows left in {table}");
    }
}

/// Points to be killed at, spread over the way: each with its hit.
fn spread(passed: &[String], kills: usize) -> Vec<(String, u32)> {
    let mut chosen = BTreeSet::new();
    for part in 0..kills {
        let at = (2 * part + 1) * passed.len() / (2 * kills);
        let hit = passed[..=at].iter().filter(|it| **it == passed[at]).count();
        chosen.insert((passed[at].clone(), u32::try_from(hit).unwrap()));
    }
    chosen.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_word_of_the_language_outlives_its_worker() {
    let kills = told("SCENE_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let scenes = SCENES
        .iter()
        .filter(|scene| told("SCENE_ONLY").is_none_or(|only| only == scene.name));
    let of_scenes = futures::stream::iter(scenes).map(|scene| async move {
        let calm = play(scene, None).await;
        let mut killed = 0;
        for (point, hit) in spread(&calm.passed, kills) {
            let played = play(scene, Some((&point, hit))).await;
            assert_eq!(
                played.outcome, calm.outcome,
                "{}: {point} {hit}",
                scene.name
            );
            killed += usize::from(played.killed);
        }
        // A heartbeat or a fair turn may pass less often the next time.
        assert!(killed > 0, "{}: never killed", scene.name);
        killed
    });
    let killed: Vec<usize> = of_scenes.buffer_unordered(3).collect().await;
    let (scenes, killed) = (killed.len(), killed.iter().sum::<usize>());
    assert!(
        2 * killed > scenes * kills,
        "{killed} kills of {scenes} scenes"
    );
    println!("{killed} crashes in {scenes} scenes");
}
