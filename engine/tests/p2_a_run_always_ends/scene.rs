//! A worker process that a test kills, and what it leaves behind.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use database::testing::TestDb;
use engine::clock::{Clock, SystemClock};
use engine::crypto::MasterKey;
use engine::ids::{RunId, TenantId};
use engine::node::{Decision, Person};
use engine::{Answer, Engine, EngineError, RunEvent, RunView, StartRun, StepStatus};
use engine::{Worker, WorkerOptions};
use futures::future::BoxFuture;
use serde_json::json;
use sqlx::postgres::PgPoolOptions;

use crate::support::{Counts, Outside, make_notes, registry};

/// The workflow that the other one calls.
pub const CALLED: &str = r"
name: crash-child
inputs: { n: { type: integer, required: true } }
steps:
  entry: { uses: test.write, with: { value: 'child ${{ inputs.n }}' } }
outputs: { n: '${{ inputs.n }}' }
";

/// All four effects, two waits, a call, a loop with nested steps, retries short and long, a question.
pub const WORKFLOW: &str = r"
name: crash
inputs: { n: { type: integer, required: true } }
labels: { n: '${{ inputs.n }}' }
concurrency: { key: '${{ inputs.n }}' }
rate_limit: { key: starts, limit: 1, per: 5s }
steps:
  base: { uses: test.echo, with: { value: '${{ inputs.n }}' } }
  look:
    uses: test.read
    with: { value: [1, 2, 3], failures: 1 }
    retry: { max_attempts: 3, delay: 10ms }
  book: { uses: test.write, with: { value: 'base ${{ steps.base.value }}' } }
  tell: { uses: test.send, rate_limit: { limit: 100, per: 1s }, needs: [book], with: { value: '${{ steps.base.value }}' } }
  each:
    for_each: '${{ steps.look.value }}'
    concurrency: 2
    steps:
      note: { uses: test.write, with: { value: 'item ${{ item }}' } }
      ship: { uses: test.send, with: { value: '${{ steps.note.value }}' } }
  found: { uses: test.find, needs: [each, tell], with: { value: 1 } }
  later:
    uses: test.write
    needs: [found]
    with: { value: later, failures: 1 }
    retry: { max_attempts: 2, delay: 5s, jitter: false }
  pause: { uses: test.wait, needs: [later], with: { seconds: 5, again: 1 } }
  called: { uses: test.child, needs: [pause], with: { name: crash-child, inputs: { n: '${{ inputs.n }}' } } }
  ok: { uses: test.approve, needs: [called], with: { count: 1 } }
  asked: { uses: test.ask, needs: [ok], with: { lost: 1 } }
  last: { uses: test.echo, needs: [asked], with: { value: '${{ steps.each.len() }}' } }
outputs: { items: '${{ steps.last.value }}' }
";

/// All effects, and nothing to wait for.
pub const BRIEF: &str = r"
name: brief
inputs: { n: { type: integer, required: true } }
labels: { n: '${{ inputs.n }}' }
steps:
  base: { uses: test.echo, with: { value: '${{ inputs.n }}' } }
  tell: { uses: test.send, with: { value: '${{ steps.base.value }}' } }
  book: { uses: test.write, needs: [tell], with: { value: 'brief ${{ inputs.n }}' } }
";

/// A run that stands in line behind the other.
pub const RIVAL: &str = r"
name: rival
concurrency: { key: '7' }
steps:
  a: { uses: test.same, with: { value: 1 } }
";

/// What transactions must have written, once each.
pub const WRITTEN: [&str; 6] = ["base 7", "child 7", "item 1", "item 2", "item 3", "later"];

/// A clock fifty times as fast as the machine's.
#[derive(Debug)]
pub struct Hurried(DateTime<Utc>);

impl Clock for Hurried {
    fn now(&self) -> DateTime<Utc> {
        let now = SystemClock.now();
        now + (now - self.0) * 49
    }

    fn sleep_until(&self, at: DateTime<Utc>) -> BoxFuture<'static, ()> {
        let left = (at - self.now()) / 50;
        SystemClock.sleep_until(SystemClock.now() + left.max(TimeDelta::zero()))
    }
}

#[derive(Clone)]
pub struct Scene {
    pub url: String,
    pub key: String,
    pub tenant: TenantId,
    pub outside: PathBuf,
    pub epoch: DateTime<Utc>,
}

impl Scene {
    pub fn engine(&self, life: &str) -> Engine {
        let pool = PgPoolOptions::new()
            .max_connections(10)
            .connect_lazy(&self.url)
            .unwrap();
        let nodes = registry(&Outside::at(&self.outside, life), &Counts::default());
        let master = MasterKey::from_hex(&self.key).unwrap();
        Engine::new(pool, nodes, master, Arc::new(Hurried(self.epoch)))
    }

    /// Runs this process again, as a child that plays one part.
    pub async fn child(
        &self,
        part: &str,
        life: &str,
        kill: Option<(&str, u32)>,
    ) -> std::process::ExitStatus {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["scene::child", "--exact", "--nocapture", "--test-threads=1"])
            .env("CRASH_PART", part)
            .env("CRASH_LIFE", life)
            .env("CRASH_URL", &self.url)
            .env("CRASH_KEY", &self.key)
            .env("CRASH_TENANT", self.tenant.to_string())
            .env("CRASH_OUTSIDE", &self.outside)
            .env("CRASH_EPOCH", self.epoch.to_rfc3339())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Some((point, hit)) = kill {
            command
                .env("CRASH_AT", point)
                .env("CRASH_HIT", hit.to_string());
        }
        let child = tokio::task::spawn_blocking(move || command.status());
        child.await.unwrap().unwrap()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the parent tells its child what to do"
)]
pub fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Not a test of its own: the process that is killed.
#[test]
fn child() {
    let Some(part) = told("CRASH_PART") else {
        return;
    };
    let scene = Scene {
        url: told("CRASH_URL").unwrap(),
        key: told("CRASH_KEY").unwrap(),
        tenant: told("CRASH_TENANT").unwrap().parse().unwrap(),
        outside: told("CRASH_OUTSIDE").unwrap().into(),
        epoch: told("CRASH_EPOCH").unwrap().parse().unwrap(),
    };
    if let Some(point) = told("CRASH_AT") {
        let hit: u32 = told("CRASH_HIT").unwrap().parse().unwrap();
        let count = AtomicU32::new(0);
        let kill = move || {
            if count.fetch_add(1, Ordering::SeqCst) + 1 == hit {
                let me = nix::unistd::Pid::this();
                nix::sys::signal::kill(me, nix::sys::signal::Signal::SIGKILL).unwrap();
            }
        };
        fail::cfg_callback(point, kill).unwrap();
    }
    let life = told("CRASH_LIFE").unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    match part.as_str() {
        "work" => runtime.block_on(work(&scene, &life)),
        "accept" => runtime.block_on(accept(&scene, &life)),
        "admit" => runtime.block_on(admit(&scene, &life)),
        "deliver" => runtime.block_on(crate::fire::deliver(&scene, &life)),
        "tick" => runtime.block_on(crate::fire::tick(&scene, &life)),
        "fire" => runtime.block_on(crate::fire::fire(&scene, &life)),
        _ => unreachable!("no such part"),
    }
}

async fn approve(engine: &Engine, tenant: TenantId, run: RunId) -> Result<(), EngineError> {
    let person = Person {
        name: "Ada".to_owned(),
        roles: Vec::new(),
    };
    let decision = Decision {
        approved: true,
        form: json!(null),
    };
    engine.decide(tenant, run, "ok", &person, decision).await?;
    Ok(())
}

/// Works until no run is open, and answers the questions that come up.
pub async fn work(scene: &Scene, life: &str) {
    let engine = scene.engine(life);
    let mut worker = Worker::start(engine.clone(), WorkerOptions::default())
        .await
        .unwrap();
    let filter = engine::RunFilter::default();
    for run in engine.runs(scene.tenant, &filter).await.unwrap() {
        let mut watch = engine.watch(scene.tenant, run.id);
        while let Some(event) = watch.next().await.unwrap() {
            let RunEvent::Step {
                step,
                status: StepStatus::Waiting,
                ..
            } = event
            else {
                continue;
            };
            let answered = match step.as_str() {
                "asked" => {
                    let key = json!({ "key": "looked up by a person" });
                    let answer = Answer::Done(key);
                    engine.answer(scene.tenant, run.id, "asked", answer).await
                }
                "ok" => approve(&engine, scene.tenant, run.id).await,
                _ => continue,
            };
            assert!(
                matches!(
                    answered,
                    Ok(())
                        | Err(EngineError::NoQuestion(_)
                            | EngineError::Ended(_)
                            | EngineError::Refused(_))
                ),
                "{answered:?}"
            );
        }
    }
    worker.stop().await;
}

/// Starts runs in a process that executes them; says on the outside which were accepted.
async fn admit(scene: &Scene, life: &str) {
    let engine = scene.engine(life);
    let mut worker = Worker::start(engine.clone(), WorkerOptions::default())
        .await
        .unwrap();
    let saved = engine.save(scene.tenant, BRIEF).await.unwrap();
    engine.publish(scene.tenant, saved.id).await.unwrap();
    let accepted = scene.outside.with_extension("accepted");
    let mut told = String::new();
    for n in 0..4 {
        let start = StartRun::new("brief", json!({ "n": n }));
        let run = engine.start(scene.tenant, &start).await.unwrap().run;
        told.push_str(&format!("{run}\n"));
        std::fs::write(&accepted, &told).unwrap();
        engine.finished(scene.tenant, run).await.unwrap();
    }
    worker.stop().await;
}

async fn publish(engine: &Engine, tenant: TenantId) {
    for source in [CALLED, WORKFLOW] {
        let saved = engine.save(tenant, source).await.unwrap();
        engine.publish(tenant, saved.id).await.unwrap();
    }
}

/// Saves, publishes and starts; says on the outside what was accepted.
pub async fn accept(scene: &Scene, life: &str) {
    let engine = scene.engine(life);
    publish(&engine, scene.tenant).await;
    let start = StartRun::new("crash", json!({ "n": 7 }));
    let run = engine.start(scene.tenant, &start).await.unwrap().run;
    let accepted = scene.outside.with_extension("accepted");
    std::fs::write(accepted, run.to_string()).unwrap();
}

pub struct Stage {
    _folder: tempfile::TempDir,
    pub scene: Scene,
    pub db: TestDb,
}

pub async fn stage() -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let db = TestDb::new().await;
    make_notes(&db.owner_pool()).await;
    let now = SystemClock.now();
    let scene = Scene {
        url: db.url(),
        key: MasterKey::generate().to_hex().to_string(),
        tenant: TenantId::new(now),
        outside: folder.path().join("outside"),
        epoch: now,
    };
    Stage {
        _folder: folder,
        scene,
        db,
    }
}

/// A run that is accepted and not begun.
pub async fn accepted(stage: &Stage) -> (Engine, RunId) {
    let engine = stage.scene.engine("0");
    publish(&engine, stage.scene.tenant).await;
    let start = StartRun::new("crash", json!({ "n": 7 }));
    let run = engine.start(stage.scene.tenant, &start).await.unwrap().run;
    (engine, run)
}

/// The database's clock says that the killed worker has been silent for long.
pub async fn declare_dead(db: &TestDb) {
    sqlx::query("update engine.workers set beat_at = beat_at - interval '1 hour'")
        .execute(&db.owner_pool())
        .await
        .unwrap();
}

/// Attempts whose outcome is recorded: step path and number.
pub fn recorded(view: &RunView) -> BTreeSet<(String, u32)> {
    let mut recorded = BTreeSet::new();
    for step in &view.steps {
        for attempt in step.attempts.iter().filter(|it| it.status.is_final()) {
            recorded.insert((step.path.clone(), attempt.number));
        }
    }
    recorded
}
