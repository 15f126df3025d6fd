//! What grows with the number of runs: prints figures, asserts nothing of time.
//!
//! Part of `make bench`; by itself `cargo test --workspace --bench scale`, in the
//! build that all the rest has. A name after `--` (`drain`, `answers`, `timers`)
//! measures only that.

#![expect(clippy::unwrap_used, reason = "a measure that cannot go on ends")]

#[expect(dead_code, reason = "each file uses a part of it")]
#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use engine::{RunStatus, WorkerOptions};
use serde_json::json;
use support::people::{approve, asking, setup, until};
use support::queue::{queue, tenant, without_worker, workers};

#[tokio::main]
async fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let named = wanted.iter().any(|it| !it.starts_with('-'));
    let is_wanted = |name: &str| !named || wanted.iter().any(|it| it == name);
    if is_wanted("drain") {
        drains().await;
    }
    if is_wanted("answers") {
        answers().await;
    }
    if is_wanted("timers") {
        timers().await;
    }
}

/// How fast ready runs of one step are drained, by tenants and workers.
async fn drains() {
    const RUNS: usize = 20_000;
    for tenants in [1, 50] {
        for count in [1, 2, 4, 8] {
            let took = drain(RUNS, tenants, count).await;
            let rate = RUNS as u128 * 1000 / took.as_millis();
            println!("drain: {tenants} tenants, {count} workers: {rate} runs/s");
        }
    }
}

async fn drain(runs: usize, tenants: usize, count: usize) -> Duration {
    let (_folder, test) = without_worker().await;
    for _ in 0..tenants {
        let tenant = tenant(&test).await;
        queue(&test, tenant, runs / tenants).await;
    }
    let begun = Instant::now();
    let mut working = workers(&test, count, &WorkerOptions::default()).await;
    until(&test, "runs", 0).await;
    let took = begun.elapsed();
    for worker in &mut working {
        worker.stop().await;
    }
    took
}

/// What an answer costs among 10,000 questions of one loop, tenth by tenth.
async fn answers() {
    const ITEMS: usize = 10_000;
    const TENTH: usize = ITEMS / 10;
    let it = setup().await;
    let begun = Instant::now();
    let run = asking(&it.test, ITEMS).await;
    println!(
        "answers: {ITEMS} asked after {} ms",
        begun.elapsed().as_millis()
    );
    for tenth in 0..10 {
        let begun = Instant::now();
        for item in tenth * TENTH..(tenth + 1) * TENTH {
            approve(&it.test, run, item).await;
        }
        let left = i64::try_from(ITEMS - (tenth + 1) * TENTH).unwrap();
        if left > 0 {
            until(&it.test, "waits", left).await;
        }
        let each = begun.elapsed().as_micros() / TENTH as u128;
        println!("answers: tenth {tenth}: {each} µs an answer");
    }
    let view = it.test.finished(run).await;
    assert_eq!(view.status, RunStatus::Succeeded);
}

/// How long 10,000 runs take that are due in one second, until all have started, and ended.
async fn timers() {
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
        "timers: {RUNS} due, all started after {} ms",
        begun.elapsed().as_millis()
    );
    until(&it.test, "runs", 0).await;
    println!("timers: all ended after {} ms", begun.elapsed().as_millis());
}
