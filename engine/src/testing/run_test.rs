//! Runs workflows on a database of their own, with a real worker.

use std::sync::Arc;
use std::time::Duration;

use database::testing::TestDb;
use serde_json::Value;

use crate::clock::{SharedClock, SystemClock};
use crate::crypto::MasterKey;
use crate::engine::{Engine, EngineError, RunView, StartRun};
use crate::ids::{RunId, TenantId};
use crate::node::Registry;
use crate::service::{Worker, WorkerOptions};

/// A run that takes longer has hung.
const PATIENCE: Duration = Duration::from_secs(60);

/// An engine on a database of its own, a tenant, and a worker when it is started.
pub struct RunTest {
    /// The tenant that runs belong to.
    pub tenant: TenantId,
    /// The engine.
    pub engine: Engine,
    worker: Option<Worker>,
    master: MasterKey,
    // Last: the database goes when all that use it have gone.
    db: TestDb,
}

impl RunTest {
    /// With the clock of the machine and a worker.
    pub async fn new(registry: Registry) -> Self {
        Self::with_clock(registry, Arc::new(SystemClock)).await
    }

    /// With this clock and a worker.
    pub async fn with_clock(registry: Registry, clock: SharedClock) -> Self {
        let mut test = Self::without_worker(registry, clock).await;
        test.start_worker(WorkerOptions::default()).await;
        test
    }

    /// Without a worker: see [`Self::start_worker`].
    pub async fn without_worker(registry: Registry, clock: SharedClock) -> Self {
        let db = TestDb::new().await;
        let master = MasterKey::generate();
        let engine = Engine::new(db.pool(), registry, master.clone(), clock);
        Self {
            tenant: TenantId::new(engine.clock().now()),
            engine,
            worker: None,
            master,
            db,
        }
    }

    /// An engine as another process has it: the same database and keys,
    /// connections of its own.
    #[must_use]
    pub fn another_engine(&self) -> Engine {
        self.another_engine_with(self.engine.registry().clone())
    }

    /// An engine as a process of another version has it: other nodes.
    #[must_use]
    pub fn another_engine_with(&self, registry: Registry) -> Engine {
        let pool = self.engine.pool();
        let options = (*pool.connect_options()).clone();
        let pool = pool.options().clone().connect_lazy_with(options);
        let clock = Arc::clone(self.engine.clock());
        Engine::new(pool, registry, self.master.clone(), clock)
    }

    /// The database.
    #[must_use]
    pub fn db(&self) -> &TestDb {
        &self.db
    }

    /// Starts the worker, or another one in its place.
    ///
    /// # Panics
    /// When the database does not answer.
    pub async fn start_worker(&mut self, options: WorkerOptions) {
        self.stop_worker().await;
        let worker = Worker::start(self.engine.clone(), options).await;
        self.worker = Some(worker.expect("the test database answers"));
    }

    /// Stops the worker.
    pub async fn stop_worker(&mut self) {
        if let Some(mut worker) = self.worker.take() {
            worker.stop().await;
        }
    }

    /// Saves and publishes a workflow; gives its name.
    ///
    /// # Panics
    /// When it has errors.
    pub async fn publish(&self, yaml: &str) -> String {
        let saved = self.engine.save(self.tenant, yaml).await;
        let saved = saved.unwrap_or_else(|error| panic!("{error}"));
        let published = self.engine.publish(self.tenant, saved.id).await;
        published.unwrap_or_else(|error| panic!("{error}"));
        saved.workflow
    }

    /// Starts a run of a published workflow.
    ///
    /// # Errors
    /// As [`Engine::start`].
    pub async fn start(&self, workflow: &str, inputs: Value) -> Result<RunId, EngineError> {
        let run = StartRun::new(workflow, inputs);
        Ok(self.engine.start(self.tenant, &run).await?.run)
    }

    /// Waits for a run's end.
    ///
    /// # Panics
    /// When it does not end within a minute: a run that hangs is a failed test.
    pub async fn finished(&self, run: RunId) -> RunView {
        let finished = self.engine.finished(self.tenant, run);
        let finished = tokio::time::timeout(PATIENCE, finished).await;
        finished
            .unwrap_or_else(|_| panic!("the run {run} does not end"))
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Publishes a workflow, runs it to its end.
    ///
    /// # Panics
    /// When it has errors, or does not end.
    pub async fn run(&self, yaml: &str, inputs: Value) -> RunView {
        let workflow = self.publish(yaml).await;
        let run = self.start(&workflow, inputs).await;
        let run = run.unwrap_or_else(|error| panic!("{error}"));
        self.finished(run).await
    }
}
