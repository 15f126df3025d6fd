//! Processes that a test starts, kills, freezes and starts again, and what they leave behind.
//!
//! A child is the test's own binary once more: its test `child` plays a part
//! of a [`Scene`], and does nothing when nobody gave it one.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use database::testing::TestDb;
use engine::clock::{Clock, SystemClock};
use engine::crypto::MasterKey;
use engine::ids::TenantId;
use engine::node::Registry;
use engine::{Engine, RunView, Worker, WorkerOptions};
use futures::future::BoxFuture;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use sqlx::postgres::PgPoolOptions;
use tokio::signal::unix::{SignalKind, signal};

use super::{Counts, Outside, make_notes, registry};

/// A clock some times as fast as the machine's.
#[derive(Debug)]
pub struct Hurried {
    since: DateTime<Utc>,
    times: i32,
}

impl Clock for Hurried {
    fn now(&self) -> DateTime<Utc> {
        let now = SystemClock.now();
        now + (now - self.since) * (self.times - 1)
    }

    fn sleep_until(&self, at: DateTime<Utc>) -> BoxFuture<'static, ()> {
        let left = (at - self.now()) / self.times;
        SystemClock.sleep_until(SystemClock.now() + left.max(TimeDelta::zero()))
    }
}

/// What every process of a test knows.
#[derive(Clone)]
pub struct Scene {
    pub url: String,
    pub key: String,
    pub tenant: TenantId,
    pub outside: PathBuf,
    pub epoch: DateTime<Utc>,
    /// How many times as fast as the machine's the clock of all processes is.
    pub hurry: i32,
}

impl Scene {
    /// On this database, with what its processes leave in this folder.
    pub fn new(url: String, folder: &std::path::Path) -> Self {
        let now = SystemClock.now();
        Self {
            url,
            key: MasterKey::generate().to_hex().to_string(),
            tenant: TenantId::new(now),
            outside: folder.join("outside"),
            epoch: now,
            hurry: 1,
        }
    }

    /// An engine as the process of this life has it.
    pub fn engine(&self, life: &str) -> Engine {
        let outside = Outside::at(&self.outside, life);
        self.engine_with(registry(&outside, &Counts::default()))
    }

    /// An engine with these nodes.
    pub fn engine_with(&self, nodes: Registry) -> Engine {
        let pool = PgPoolOptions::new()
            .max_connections(5)
            .connect_lazy(&self.url)
            .unwrap();
        let master = MasterKey::from_hex(&self.key).unwrap();
        let clock = Hurried {
            since: self.epoch,
            times: self.hurry,
        };
        Engine::new(pool, nodes, master, Arc::new(clock))
    }

    /// Starts this binary again, as a child that plays one part; `entry` is its
    /// test. At the nth hit of a point it sends itself the signal.
    pub fn spawn(
        &self,
        entry: &str,
        part: &str,
        life: &str,
        at: Option<(&str, u32, Signal)>,
    ) -> Process {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args([entry, "--exact", "--nocapture", "--test-threads=1"])
            .env("SCENE_PART", part)
            .env("SCENE_LIFE", life)
            .env("SCENE_URL", &self.url)
            .env("SCENE_KEY", &self.key)
            .env("SCENE_TENANT", self.tenant.to_string())
            .env("SCENE_OUTSIDE", &self.outside)
            .env("SCENE_EPOCH", self.epoch.to_rfc3339())
            .env("SCENE_HURRY", self.hurry.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        if told("SCENE_SAYS").is_none() {
            command.stderr(Stdio::null());
        }
        if let Some((point, hit, signal)) = at {
            command
                .env("SCENE_POINT", point)
                .env("SCENE_HIT", hit.to_string())
                .env("SCENE_SIGNAL", signal.as_str());
        }
        Process(command.spawn().unwrap())
    }

    /// The part that this process was told to play, with its life.
    pub fn played() -> Option<(Self, String, String)> {
        let part = told("SCENE_PART")?;
        let scene = Self {
            url: told("SCENE_URL").unwrap(),
            key: told("SCENE_KEY").unwrap(),
            tenant: told("SCENE_TENANT").unwrap().parse().unwrap(),
            outside: told("SCENE_OUTSIDE").unwrap().into(),
            epoch: told("SCENE_EPOCH").unwrap().parse().unwrap(),
            hurry: told("SCENE_HURRY").unwrap().parse().unwrap(),
        };
        if let Some(point) = told("SCENE_POINT") {
            let hit: u32 = told("SCENE_HIT").unwrap().parse().unwrap();
            let signal: Signal = told("SCENE_SIGNAL").unwrap().parse().unwrap();
            let count = AtomicU32::new(0);
            let send = move || {
                if count.fetch_add(1, Ordering::SeqCst) + 1 == hit {
                    kill(Pid::this(), signal).unwrap();
                }
            };
            fail::cfg_callback(point, send).unwrap();
        }
        Some((scene, part, told("SCENE_LIFE").unwrap()))
    }
}

/// A worker that works until it is told to stop (SIGTERM).
pub async fn work(engine: Engine, options: WorkerOptions) {
    let mut told = signal(SignalKind::terminate()).unwrap();
    let mut worker = Worker::start(engine, options).await.unwrap();
    told.recv().await.unwrap();
    worker.stop().await;
}

/// Plays a part to its end.
pub fn play(part: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.unwrap().block_on(part);
}

#[expect(
    clippy::disallowed_methods,
    reason = "the parent tells its child what to do"
)]
pub fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A child; killed when the test lets go of it.
pub struct Process(Child);

impl Process {
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.0.id().try_into().unwrap())
    }

    /// Whether it was stopped since the last look (SIGSTOP).
    pub fn was_stopped(&self) -> bool {
        let flags = WaitPidFlag::WUNTRACED | WaitPidFlag::WNOHANG;
        match waitpid(self.pid(), Some(flags)).unwrap() {
            WaitStatus::Stopped(..) => true,
            WaitStatus::StillAlive => false,
            other => panic!("{other:?}"),
        }
    }

    /// Lets it stop by itself (SIGTERM), and waits for its good end.
    pub async fn drained(self) {
        self.signal(Signal::SIGTERM);
        let ended = self.ended().await;
        assert!(ended.success(), "it does not stop well: {ended}");
    }

    /// Kills it; it is gone when this returns.
    pub fn kill(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// Waits for its end.
    pub async fn ended(mut self) -> ExitStatus {
        let ended = tokio::task::spawn_blocking(move || self.0.wait());
        ended.await.unwrap().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A scene on a database of its own.
pub struct Stage {
    pub folder: tempfile::TempDir,
    pub scene: Scene,
    pub db: TestDb,
}

/// With a clock fifty times as fast as the machine's.
pub async fn stage() -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let db = TestDb::new().await;
    make_notes(&db.owner_pool()).await;
    let scene = Scene {
        hurry: 50,
        ..Scene::new(db.url(), folder.path())
    };
    Stage { folder, scene, db }
}

/// The database's clock says that every worker has been silent for long.
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
