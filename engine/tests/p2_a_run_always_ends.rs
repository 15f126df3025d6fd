//! P2: after any crash of any process at any moment, each run goes on and ends.
//!
//! A worker process is killed (SIGKILL) at every failpoint of a workflow that
//! has all four effects, a loop and retries. What must hold is read from the
//! outside: from a file that nodes append to, and from a table that they write.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#[expect(dead_code, reason = "each test file uses a part of it")]
mod support;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use database::testing::TestDb;
use engine::clock::{Clock, SystemClock};
use engine::crypto::MasterKey;
use engine::ids::{RunId, TenantId};
use engine::testing::faults;
use engine::{Answer, Engine, EngineError, RunEvent, RunStatus, RunView, StartRun, StepStatus};
use engine::{Worker, WorkerOptions};
use futures::future::BoxFuture;
use serde_json::json;
use sqlx::postgres::PgPoolOptions;
use support::{Call, Counts, Outside, make_notes, notes, registry};

/// All four effects, a loop with nested steps, retries short and long, a question.
const WORKFLOW: &str = r"
name: crash
inputs: { n: { type: integer, required: true } }
labels: { n: '${{ inputs.n }}' }
steps:
  base: { uses: test.echo, with: { value: '${{ inputs.n }}' } }
  look:
    uses: test.read
    with: { value: [1, 2, 3], failures: 1 }
    retry: { max_attempts: 3, delay: 10ms }
  book: { uses: test.write, with: { value: 'base ${{ steps.base.value }}' } }
  tell: { uses: test.send, needs: [book], with: { value: '${{ steps.base.value }}' } }
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
  asked: { uses: test.ask, needs: [later], with: { lost: 1 } }
  last: { uses: test.echo, needs: [asked], with: { value: '${{ steps.each.len() }}' } }
outputs: { items: '${{ steps.last.value }}' }
";

/// What transactions must have written, once each.
const WRITTEN: [&str; 5] = ["base 7", "item 1", "item 2", "item 3", "later"];

const MOST_HITS: u32 = 60;
/// Points of which every hit is tried: what is durable changes there. A crash
/// between two statements of a transaction is the same crash each time.
const EVERY_HIT: [&str; 4] = [
    "checkpoint.commit",
    "external.act",
    "inbox.commit",
    "steps.commit",
];

/// Points that this workflow does not pass on its way, and why.
const ELSEWHERE: &[&str] = &[
    // Definitions and acceptance: `acceptance_is_all_or_nothing`.
    "keys.commit",
    "keys.insert",
    "runs.insert",
    "runs.start.commit",
    "workflows.insert_version",
    "workflows.publish",
    "workflows.publish.commit",
    "workflows.save.commit",
    "workflows.upsert",
    // A caller's own transaction: a rollback like any other.
    "keys.erase_tenant",
    "transaction.commit",
    // A run whose nodes the worker lacks is given back as it was.
    "claim.give_back",
    "claim.give_back.commit",
    "steps.lock",
];

/// A clock fifty times as fast as the machine's.
#[derive(Debug)]
struct Hurried(DateTime<Utc>);

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
struct Scene {
    url: String,
    key: String,
    tenant: TenantId,
    outside: PathBuf,
    epoch: DateTime<Utc>,
}

impl Scene {
    fn engine(&self, life: &str) -> Engine {
        let pool = PgPoolOptions::new()
            .max_connections(10)
            .connect_lazy(&self.url)
            .unwrap();
        let nodes = registry(&Outside::at(&self.outside, life), &Counts::default());
        let master = MasterKey::from_hex(&self.key).unwrap();
        Engine::new(pool, nodes, master, Arc::new(Hurried(self.epoch)))
    }

    /// Runs this process again, as a child that plays one part.
    async fn child(
        &self,
        part: &str,
        life: &str,
        kill: Option<(&str, u32)>,
    ) -> std::process::ExitStatus {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["child", "--exact", "--nocapture", "--test-threads=1"])
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
fn told(name: &str) -> Option<String> {
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
        _ => unreachable!("no such part"),
    }
}

/// Works until no run is open, and answers the question that comes up.
async fn work(scene: &Scene, life: &str) {
    let engine = scene.engine(life);
    let mut worker = Worker::start(engine.clone(), WorkerOptions::default())
        .await
        .unwrap();
    let filter = engine::RunFilter::default();
    for run in engine.runs(scene.tenant, &filter).await.unwrap() {
        let mut watch = engine.watch(scene.tenant, run.id);
        while let Some(event) = watch.next().await.unwrap() {
            let asks = matches!(
                &event,
                RunEvent::Step { step, status: StepStatus::Waiting, .. } if step == "asked"
            );
            if asks {
                let key = json!({ "key": "looked up by a person" });
                let answered = engine
                    .answer(scene.tenant, run.id, "asked", Answer::Done(key))
                    .await;
                assert!(matches!(
                    answered,
                    Ok(()) | Err(EngineError::NoQuestion(_) | EngineError::Ended(_))
                ));
            }
        }
    }
    worker.stop().await;
}

/// Saves, publishes and starts; says on the outside what was accepted.
async fn accept(scene: &Scene, life: &str) {
    let engine = scene.engine(life);
    let saved = engine.save(scene.tenant, WORKFLOW).await.unwrap();
    engine.publish(scene.tenant, saved.id).await.unwrap();
    let start = StartRun::new("crash", json!({ "n": 7 }));
    let run = engine.start(scene.tenant, &start).await.unwrap().run;
    let accepted = scene.outside.with_extension("accepted");
    std::fs::write(accepted, run.to_string()).unwrap();
}

struct Stage {
    _folder: tempfile::TempDir,
    scene: Scene,
    db: TestDb,
}

async fn stage() -> Stage {
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
async fn accepted(stage: &Stage) -> (Engine, RunId) {
    let engine = stage.scene.engine("0");
    let saved = engine.save(stage.scene.tenant, WORKFLOW).await.unwrap();
    engine.publish(stage.scene.tenant, saved.id).await.unwrap();
    let start = StartRun::new("crash", json!({ "n": 7 }));
    let run = engine.start(stage.scene.tenant, &start).await.unwrap().run;
    (engine, run)
}

/// The database's clock says that the killed worker has been silent for long.
async fn declare_dead(db: &TestDb) {
    sqlx::query("update engine.workers set beat_at = beat_at - interval '1 hour'")
        .execute(&db.owner_pool())
        .await
        .unwrap();
}

/// Attempts whose outcome is recorded: step path and number.
fn recorded(view: &RunView) -> BTreeSet<(String, u32)> {
    let mut recorded = BTreeSet::new();
    for step in &view.steps {
        for attempt in step.attempts.iter().filter(|it| it.status.is_final()) {
            recorded.insert((step.path.clone(), attempt.number));
        }
    }
    recorded
}

/// One crash: killed at the nth hit of a point, then worked to the end.
/// False when the point was not hit so often.
async fn crash(point: &str, hit: u32) -> bool {
    let stage = stage().await;
    let (engine, run) = accepted(&stage).await;
    prelude(&stage, point).await;
    let killed = !stage
        .scene
        .child("work", "1", Some((point, hit)))
        .await
        .success();
    let tenant = stage.scene.tenant;
    let before = recorded(&engine.run(tenant, run).await.unwrap());
    if killed {
        declare_dead(&stage.db).await;
        let ended = stage.scene.child("work", "2", None).await;
        assert!(ended.success(), "{point} {hit}: the second life fails");
    }
    let view = engine.run(tenant, run).await.unwrap();
    let outside = Outside::at(&stage.scene.outside, "");
    let case = format!("{point}, hit {hit}");
    assert_eq!(view.status, RunStatus::Succeeded, "{case}: {view:#?}");
    assert_eq!(view.outputs, Some(json!({ "items": 3 })), "{case}");
    check_outside(&case, &outside.calls(), &before);
    let mut written: Vec<_> = notes(&stage.db.owner_pool()).await;
    written.sort_by(|a, b| a.1.cmp(&b.1));
    let written: Vec<_> = written.into_iter().map(|(_, value)| value).collect();
    assert_eq!(written, WRITTEN, "{case}: each transaction happened once");
    check_store(&case, &stage.db).await;
    killed
}

/// What a scenario needs so that the point is passed at all.
async fn prelude(stage: &Stage, point: &str) {
    let owner = stage.db.owner_pool();
    let dead = "insert into engine.workers (id, name, beat_at) \
                values (gen_random_uuid(), 'dead', now() - interval '1 hour')";
    let own = "with gone as (delete from engine.ready) \
               update engine.runs set epoch = 1, owner = coalesce((select id from engine.workers), gen_random_uuid())";
    let alone = "update engine.ready set alone = true";
    let three = "update engine.runs set takeovers = 3";
    let statements: &[&'static str] = match point.split(':').next().unwrap() {
        "rescue.take_over" | "rescue.bury" | "rescue.commit" => &[dead, own],
        "rescue.adopt.commit" => &[own],
        "claim.claim_alone" => &[alone, three],
        _ => &[],
    };
    for statement in statements {
        sqlx::query(*statement).execute(&owner).await.unwrap();
    }
}

/// No recorded step ran again, and each external kept its key.
fn check_outside(case: &str, calls: &[Call], before: &BTreeSet<(String, u32)>) {
    let mut keys: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for call in calls {
        if call.life == "2" {
            let again = before.contains(&(call.step.clone(), call.attempt));
            assert!(!again, "{case}: a recorded step ran again: {call:?}");
        }
        if call.what == "send" {
            keys.entry(&call.step).or_default().insert(&call.key);
        }
    }
    // A person may have been asked before the effect began: then it never did.
    keys.entry("asked")
        .or_insert_with(|| BTreeSet::from(["never sent"]));
    assert_eq!(
        keys.len(),
        6,
        "{case}: tell, three times ship, found, asked: {keys:?}"
    );
    for (step, keys) in keys {
        assert_eq!(keys.len(), 1, "{case}: `{step}` kept its key: {keys:?}");
    }
}

/// Nothing is left in the open tables, and nothing was recorded twice.
async fn check_store(case: &str, db: &TestDb) {
    for table in [
        "runs", "steps", "items", "labels", "ready", "timers", "inbox",
    ] {
        let statement = format!("select count(*) from engine.{table}");
        let left: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
            .fetch_one(&db.owner_pool())
            .await
            .unwrap();
        // A message that commits while its run ends stays behind, unread.
        let unread = i64::from(table == "inbox" && case.starts_with("inbox.commit"));
        assert!(left <= unread, "{case}: {left} rows left in {table}");
    }
    let labels: i64 = sqlx::query_scalar("select count(*) from engine.label_history")
        .fetch_one(&db.owner_pool())
        .await
        .unwrap();
    assert_eq!(labels, 1, "{case}");
}

/// All hits of one point, until it is not hit so often any more.
async fn every_hit(point: String) -> u32 {
    let mut hit = 1;
    let mut kills = 0;
    while crash(&point, hit).await {
        kills += 1;
        if !EVERY_HIT.iter().any(|name| point.starts_with(name)) {
            break;
        }
        hit += 1;
        assert!(hit < MOST_HITS, "{point} is hit without end");
    }
    kills
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_killed_at_any_point_costs_nothing() {
    let points: Vec<String> = faults::failpoints()
        .filter(|point| !ELSEWHERE.contains(&point.split(':').next().unwrap()))
        .filter(|point| told("CRASH_ONLY").is_none_or(|only| point.starts_with(&only)))
        .collect();
    // Several at once: a crash is mostly waiting.
    let kills = futures::stream::StreamExt::collect::<Vec<_>>(
        futures::stream::StreamExt::buffer_unordered(
            futures::stream::iter(
                points
                    .into_iter()
                    .map(|point| async { (point.clone(), every_hit(point).await) }),
            ),
            4,
        ),
    )
    .await;
    let missed: Vec<_> = kills.iter().filter(|(_, kills)| *kills == 0).collect();
    assert!(missed.is_empty(), "never passed: {missed:?}");
    let total: u32 = kills.iter().map(|(_, kills)| kills).sum();
    println!("{total} crashes at {} points", kills.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acceptance_is_all_or_nothing() {
    let points: Vec<String> = faults::failpoints()
        .filter(|point| {
            ["keys.insert", "keys.commit", "runs.", "workflows."]
                .iter()
                .any(|of| point.starts_with(of))
        })
        .collect();
    for point in points {
        let stage = stage().await;
        let killed = stage.scene.child("accept", "1", Some((&point, 1))).await;
        assert!(!killed.success(), "{point} is passed");
        let told = std::fs::read_to_string(stage.scene.outside.with_extension("accepted"));
        assert!(told.is_err(), "{point}: nobody was told so");
        assert!(
            stage.scene.child("accept", "2", None).await.success(),
            "{point}"
        );
        let accepted = stage.scene.outside.with_extension("accepted");
        let run: RunId = std::fs::read_to_string(accepted).unwrap().parse().unwrap();
        assert!(
            stage.scene.child("work", "3", None).await.success(),
            "{point}"
        );
        let engine = stage.scene.engine("4");
        let view = engine.run(stage.scene.tenant, run).await.unwrap();
        assert_eq!(view.status, RunStatus::Succeeded, "{point}");
        // One run, or two when the first was committed and its caller died.
        let filter = engine::RunFilter::default();
        let runs = engine.runs(stage.scene.tenant, &filter).await.unwrap();
        assert!(runs.len() <= 2);
        assert!(
            runs.iter().all(|run| run.status == RunStatus::Succeeded),
            "{point}"
        );
    }
}

/// Names of the functions of `store/` whose statement writes or locks, and of
/// the commits anywhere: from the source.
fn writes_in(folder: &Path, found: &mut BTreeSet<String>, unguarded: &mut Vec<String>) {
    const WRITES: [&str; 7] = [
        "insert into",
        "update engine",
        "delete from",
        "for update",
        "for no key update",
        "engine.keep_history(",
        "engine.erase_tenant(",
    ];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            writes_in(&path, found, unguarded);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for name in names_after(code, "guarded!(").chain(names_after(code, "commit!(")) {
            assert!(found.insert(name.clone()), "two writes are called `{name}`");
        }
        for (function, body) in functions(code) {
            let writes = WRITES.iter().any(|word| body.contains(word));
            if writes && !body.contains("guarded!(") {
                unguarded.push(format!("{}: {function}", path.display()));
            }
            if body.contains(".commit()")
                && !body.contains("guarded!(")
                && !path.ends_with("mod.rs")
            {
                unguarded.push(format!("{}: {function} commits", path.display()));
            }
        }
    }
}

fn names_after<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = String> + 'a {
    code.split(word)
        .skip(1)
        .filter_map(|rest| rest.trim_start().strip_prefix('"'))
        .filter_map(|rest| rest.split('"').next())
        .map(str::to_owned)
}

fn functions(code: &str) -> Vec<(String, &str)> {
    code.split("fn ")
        .skip(1)
        .map(|rest| {
            let name = rest.split(['(', '<']).next().unwrap_or_default();
            (name.to_owned(), rest)
        })
        .collect()
}

#[test]
fn every_write_of_the_store_has_a_failpoint_that_is_listed() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut found, mut unguarded) = (BTreeSet::new(), Vec::new());
    for folder in ["store", "engine", "executor", "service"] {
        writes_in(&source.join(folder), &mut found, &mut unguarded);
    }
    assert!(unguarded.is_empty(), "without failpoints: {unguarded:?}");
    // The moment of an external effect is no write, and a point to be killed at.
    found.insert("external.act".to_owned());
    let listed: BTreeSet<_> = faults::POINTS
        .iter()
        .map(|name| (*name).to_owned())
        .collect();
    assert_eq!(listed, found);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_kills_every_worker_ends_and_names_its_step() {
    let stage = stage().await;
    let (engine, run) = accepted(&stage).await;
    for statement in [
        "update engine.runs set takeovers = 4",
        "update engine.ready set alone = true",
    ] {
        sqlx::query(statement)
            .execute(&stage.db.owner_pool())
            .await
            .unwrap();
    }
    let mut worker = Worker::start(engine.clone(), WorkerOptions::default())
        .await
        .unwrap();
    let view = engine.finished(stage.scene.tenant, run).await.unwrap();
    worker.stop().await;
    assert_eq!(view.status, RunStatus::Failed);
    let error = view.error.unwrap();
    assert_eq!(error.code, "engine.poisoned");
    assert_eq!(error.step.as_deref(), Some("base"));
    assert!(Outside::at(&stage.scene.outside, "").calls().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_worker_gives_its_runs_back_and_another_ends_them() {
    let stage = stage().await;
    let (engine, run) = accepted(&stage).await;
    let mut first = Worker::start(engine.clone(), WorkerOptions::default())
        .await
        .unwrap();
    let mut watch = engine.watch(stage.scene.tenant, run);
    while let Some(event) = watch.next().await.unwrap() {
        if matches!(event, RunEvent::Step { .. }) {
            break;
        }
    }
    first.stop().await;
    first.stop().await;
    let workers: i64 = sqlx::query_scalar("select count(*) from engine.workers")
        .fetch_one(&stage.db.owner_pool())
        .await
        .unwrap();
    assert_eq!(workers, 0, "a stopped worker leaves no row");
    let owned: i64 = sqlx::query_scalar("select count(*) from engine.runs where owner is not null")
        .fetch_one(&stage.db.owner_pool())
        .await
        .unwrap();
    assert_eq!(owned, 0, "a stopped worker owns nothing");
    assert!(stage.scene.child("work", "2", None).await.success());
    let view = engine.run(stage.scene.tenant, run).await.unwrap();
    assert_eq!(view.status, RunStatus::Succeeded, "{view:#?}");
    assert_eq!(notes(&stage.db.owner_pool()).await.len(), WRITTEN.len());
}
