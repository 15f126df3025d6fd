//! Tenants that queue runs of one step, and workers that take them.

use std::sync::Arc;

use engine::clock::SystemClock;
use engine::ids::{RunId, TenantId};
use engine::testing::RunTest;
use engine::{StartRun, Worker, WorkerOptions};
use serde_json::json;

use super::{Counts, Outside, registry};

const ONE: &str = "name: one\nsteps:\n  a: { uses: test.same, with: { value: 1 } }\n";

pub async fn without_worker() -> (tempfile::TempDir, RunTest) {
    let (folder, outside) = Outside::in_temp();
    let registry = registry(&outside, &Counts::default());
    let test = RunTest::without_worker(registry, Arc::new(SystemClock)).await;
    (folder, test)
}

pub async fn tenant(test: &RunTest) -> TenantId {
    let tenant = TenantId::new(test.engine.clock().now());
    let saved = test.engine.save(tenant, ONE).await.unwrap();
    test.engine.publish(tenant, saved.id).await.unwrap();
    tenant
}

pub async fn queue(test: &RunTest, tenant: TenantId, runs: usize) -> Vec<RunId> {
    let mut transaction = test.engine.begin(tenant).await.unwrap();
    let mut queued = Vec::with_capacity(runs);
    for _ in 0..runs {
        let run = StartRun::new("one", json!({}));
        queued.push(transaction.tx().start(&run).await.unwrap().run);
    }
    transaction.commit().await.unwrap();
    queued
}

pub async fn workers(test: &RunTest, count: usize, options: &WorkerOptions) -> Vec<Worker> {
    let mut workers = Vec::new();
    for _ in 0..count {
        let worker = Worker::start(test.another_engine(), options.clone());
        workers.push(worker.await.unwrap());
    }
    workers
}
