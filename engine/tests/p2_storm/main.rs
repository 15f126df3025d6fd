//! P2 and P3 in a storm: workers under load are killed at random, all the time.
//!
//! Three worker processes, each with clients of its own beside those of the
//! test; one of them is killed (SIGKILL) at random again and again, and started
//! anew. Then everything must end, and what happened outside is counted: in a
//! file that nodes append to, in a table that they write, in what the clients
//! were told. `make storm` makes it long; `SEED=` repeats the choices of another.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod load;
#[expect(dead_code, reason = "each test file uses a part of it")]
#[path = "../support/mod.rs"]
mod support;
mod verdict;

use std::time::{Duration, Instant};

use load::Clients;
use sqlx::PgPool;
use support::scene::{Process, Scene, Stage, play, stage, told};
use verdict::Sightings;

const WORKERS: usize = 3;
/// How long everything may take to end after the storm.
const PATIENCE: Duration = Duration::from_secs(180);

/// Choices that a seed repeats (SplitMix64).
struct Choices(u64);

impl Choices {
    fn one_of(&mut self, count: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % count
    }
}

/// A worker process, under the name of its row.
struct Life {
    name: String,
    process: Process,
}

impl Life {
    fn start(scene: &Scene, worker: usize, life: u32) -> Self {
        let name = format!("worker-{worker}.{life}");
        let process = scene.spawn("plays", "work", &name, None);
        Self { name, process }
    }
}

#[test]
fn plays() {
    if let Some((scene, _, life)) = Scene::played() {
        play(load::work(&scene, &life));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_kills_loses_nothing_and_doubles_nothing() {
    let long = told("DURATION").map(|seconds| seconds.parse().unwrap());
    let seed = told("SEED").map(|seed| seed.parse().unwrap());
    let seed = seed.unwrap_or_else(rand::random);
    println!("seed {seed}");
    // A short one is as violent.
    let (length, calm) = match long {
        Some(seconds) => (Duration::from_secs(seconds), Duration::from_secs(1)),
        None => (Duration::from_secs(4), Duration::from_millis(400)),
    };
    let mut stage = stage().await;
    // What ends is compared with the instants of calls: the machine's clock.
    stage.scene.hurry = 1;
    let owner = stage.db.owner_pool();
    load::publish(&stage.scene).await;
    let clients = Clients::start(&stage.scene, &owner, 8);
    let onlooker = tokio::spawn(Sightings::watch(stage.scene.clone(), owner.clone()));
    let lives = blow(&stage, Choices(seed), length, calm).await;
    load::calm(&stage.scene);
    clients.join().await;
    let sightings = onlooker.await.unwrap();
    drain(&stage, &owner).await;
    for life in lives {
        life.process.drained().await;
    }
    let verdict = verdict::reach(&stage.scene, &owner, &sightings).await;
    for trouble in &verdict.troubles {
        println!("{trouble}");
    }
    println!("{verdict}");
    assert!(verdict.is_good(), "{verdict}");
}

/// Kills one of the workers at random, and starts it anew; until the time is over.
async fn blow(stage: &Stage, mut choices: Choices, length: Duration, calm: Duration) -> Vec<Life> {
    let owner = stage.db.owner_pool();
    let start = |worker, life| Life::start(&stage.scene, worker, life);
    let mut lives: Vec<_> = (0..WORKERS).map(|worker| start(worker, 0)).collect();
    let began = Instant::now();
    let mut kills = 0;
    while began.elapsed() < length {
        // Somewhere in its time, not on a beat.
        let half = u64::try_from(calm.as_millis() / 2).unwrap();
        let pause = Duration::from_millis(half + choices.one_of(2 * half));
        tokio::time::sleep(pause).await;
        let worker = usize::try_from(choices.one_of(WORKERS as u64)).unwrap();
        lives[worker].process.kill();
        kills += 1;
        // Every other one is found dead by its silence.
        if choices.one_of(2) == 0 || length < Duration::from_secs(10) {
            declare_dead(&owner, &lives[worker].name).await;
        }
        lives[worker] = start(worker, kills);
    }
    println!("{kills} kills");
    lives
}

/// This worker, which is gone, has been silent for long.
async fn declare_dead(owner: &PgPool, name: &str) {
    sqlx::query("update engine.workers set beat_at = beat_at - interval '1 hour' where name = $1")
        .bind(name)
        .execute(owner)
        .await
        .unwrap();
}

/// Waits until no run is open and no event on its way.
async fn drain(stage: &Stage, owner: &PgPool) {
    let began = Instant::now();
    loop {
        load::answer_all(&stage.scene, owner).await;
        let open: i64 = sqlx::query_scalar(
            "select (select count(*) from engine.runs) + (select count(*) from engine.outbox)",
        )
        .fetch_one(owner)
        .await
        .unwrap();
        if open == 0 {
            return;
        }
        // What is left then is counted as lost.
        if began.elapsed() > PATIENCE {
            println!("{open} runs and events are open after {PATIENCE:?}");
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
