//! P2: after any crash of any process at any moment, each run goes on and ends.
//!
//! A worker process is killed (SIGKILL) at every failpoint of a workflow that
//! has all four effects, a loop and retries. What must hold is read from the
//! outside: from a file that nodes append to, and from a table that they write.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod cleanup;
mod fire;
mod scene;
#[expect(dead_code, reason = "each test file uses a part of it")]
#[path = "../support/mod.rs"]
mod support;
mod writes;

use std::collections::{BTreeMap, BTreeSet};

use database::testing::TestDb;
use engine::ids::RunId;
use engine::testing::{RunTest, faults};
use engine::{Engine, RunEvent, RunStatus, RunView, StartRun, Worker, WorkerOptions};
use scene::{RIVAL, WRITTEN, accepted, child};
use serde_json::json;
use support::scene::{Stage, declare_dead, recorded, stage, told};
use support::{Call, Counts, Gate, Outside, notes, registry_with};

/// Killed more often than this at one point, a scenario is not finite.
const MOST_HITS: u32 = 60;
/// Points of which every hit is tried: what is durable changes there. A crash
/// between two statements of a transaction is the same crash each time.
const EVERY_HIT: [&str; 5] = [
    "checkpoint.commit",
    "external.act",
    "inbox.answer.commit",
    "steps.commit",
    "waits.decide.commit",
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
    // As `inbox.answer.commit`, for what is no answer.
    "inbox.commit",
    // As `waits.decide.commit`, for what no person decides.
    "waits.deliver.commit",
    "waits.take_delivery",
    // A request of a person: one transaction, there or not.
    "payloads.adopt",
    "rerun.adopt",
    "rerun.commit",
    "runs.move.commit",
    "runs.set_version",
    // Events and triggers: `an_event_is_heard_once_whoever_dies_on_the_way`.
    "dedup.take",
    "events.keep",
    "events.lock_names",
    "events.lock_waiting",
    "events.tell",
    "outbox.dispatch.commit",
    "outbox.emit.commit",
    "outbox.insert",
    "outbox.remove",
    "outbox.set_aside.commit",
    "outbox.take",
    "trigger_faults.insert",
    "triggers.clear",
    "triggers.insert",
    // Waits for events: `a_wait_hears_its_event_once_whoever_dies_on_the_way`.
    "waits.look_back",
    "waits.share_names",
    // Schedules: `an_instant_makes_one_run_whoever_dies_on_the_way`.
    "schedules.commit",
    "schedules.keep_only",
    "schedules.lock_due",
    "schedules.move_on",
    "schedules.postpone.commit",
    "schedules.upsert",
    // One statement and its commit each: there, or not.
    "credentials.put",
    "credentials.put.commit",
    "credentials.remove",
    "credentials.remove.commit",
    "tokens.insert",
    "tokens.insert.commit",
    "tokens.revoke",
    "tokens.revoke.commit",
    // Requests: `a_request_is_accepted_whole_or_not_at_all`.
    "hooks.commit",
    // A caller's own transaction, an operator's setting: a rollback like any other.
    "keys.erase_tenant",
    "tenants.call.commit",
    "tenants.set",
    "tenants.set.commit",
    "transaction.commit",
    "pace.lock_debounced",
    "pace.supersede",
    // A run whose nodes the worker lacks is given back as it was.
    "claim.give_back",
    "claim.give_back.commit",
    // After a claim whose answer was lost: a rollback like any other.
    "rescue.disown.commit",
    // After a COMMIT whose answer was lost, or a lost lease; it writes nothing.
    "steps.lock",
];

/// One crash: killed at the nth hit of a point, then worked to the end.
/// False when the point was not hit so often.
async fn crash(point: &str, hit: u32) -> bool {
    let stage = stage().await;
    let (engine, run) = accepted(&stage).await;
    prelude(&stage, &engine, point).await;
    let killed = !child(&stage.scene, "work", "1", Some((point, hit)))
        .await
        .success();
    let tenant = stage.scene.tenant;
    let before = recorded(&engine.run(tenant, run).await.unwrap());
    if killed {
        declare_dead(&stage.db).await;
        let ended = child(&stage.scene, "work", "2", None).await;
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
    check_spending(&case, &stage.db, &view).await;
    check_store(&case, &stage.db, 1).await;
    killed
}

/// What a scenario needs so that the point is passed at all.
async fn prelude(stage: &Stage, engine: &Engine, point: &str) {
    if point.starts_with("slots.") || point.starts_with("pace.") {
        let tenant = stage.scene.tenant;
        // Of two runs of one rate, one waits for its time.
        let paced = "rate_limit: { key: starts, limit: 1, per: 5s }\nsteps:";
        let yaml = match point.starts_with("pace.") {
            true => RIVAL.replace("steps:", paced),
            false => RIVAL.to_owned(),
        };
        let saved = engine.save(tenant, &yaml).await.unwrap();
        engine.publish(tenant, saved.id).await.unwrap();
        let rival = StartRun::new("rival", json!({}));
        engine.start(tenant, &rival).await.unwrap();
    }
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

/// What each recorded attempt has used is counted once.
async fn check_spending(case: &str, db: &TestDb, view: &RunView) {
    let attempts = view.steps.iter().flat_map(|step| &step.attempts);
    let used: u64 = attempts.map(|attempt| attempt.usage.tokens).sum();
    let counted: i64 = sqlx::query_scalar("select sum(tokens)::bigint from engine.spending")
        .fetch_one(&db.owner_pool())
        .await
        .unwrap();
    assert!(used >= 5, "{case}: {used}");
    assert_eq!(counted, i64::try_from(used).unwrap(), "{case}");
}

/// Nothing is left in the open tables, and nothing was recorded twice.
async fn check_store(case: &str, db: &TestDb, labelled: i64) {
    for table in [
        "runs", "steps", "items", "payloads", "labels", "ready", "timers", "waits", "inbox",
        "limits", "slots", "lines",
    ] {
        let statement = format!("select count(*) from engine.{table}");
        let left: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
            .fetch_one(&db.owner_pool())
            .await
            .unwrap();
        assert_eq!(left, 0, "{case}: {left} rows left in {table}");
    }
    let labels: i64 = sqlx::query_scalar("select count(*) from engine.label_history")
        .fetch_one(&db.owner_pool())
        .await
        .unwrap();
    assert_eq!(labels, labelled, "{case}");
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
        .filter(|point| told("SCENE_ONLY").is_none_or(|only| point.starts_with(&only)))
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
            [
                "keys.insert",
                "keys.commit",
                "runs.insert",
                "runs.start.",
                "workflows.",
            ]
            .iter()
            .any(|of| point.starts_with(of))
        })
        .collect();
    for point in points {
        let stage = stage().await;
        let killed = child(&stage.scene, "accept", "1", Some((&point, 1))).await;
        assert!(!killed.success(), "{point} is passed");
        let told = std::fs::read_to_string(stage.scene.outside.with_extension("accepted"));
        assert!(told.is_err(), "{point}: nobody was told so");
        assert!(
            child(&stage.scene, "accept", "2", None).await.success(),
            "{point}"
        );
        let accepted = stage.scene.outside.with_extension("accepted");
        let run: RunId = std::fs::read_to_string(accepted).unwrap().parse().unwrap();
        assert!(
            child(&stage.scene, "work", "3", None).await.success(),
            "{point}"
        );
        let engine = stage.scene.engine("4");
        let view = engine.run(stage.scene.tenant, run).await.unwrap();
        assert_eq!(view.status, RunStatus::Succeeded, "{point}");
        // One run, or two when the first was committed and its caller died.
        let filter = engine::RunFilter {
            workflow: Some("crash".to_owned()),
            ..engine::RunFilter::default()
        };
        let runs = engine.runs(stage.scene.tenant, &filter).await.unwrap();
        assert!(runs.len() <= 2);
        assert!(
            runs.iter().all(|run| run.status == RunStatus::Succeeded),
            "{point}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_of_its_accepting_process_is_there_once_that_is_said() {
    for point in ["checkpoint.commit:before", "checkpoint.commit:after"] {
        for hit in 1..MOST_HITS {
            let stage = stage().await;
            let killed = !child(&stage.scene, "admit", "1", Some((point, hit)))
                .await
                .success();
            let told = std::fs::read_to_string(stage.scene.outside.with_extension("accepted"));
            let told = told.unwrap_or_default();
            declare_dead(&stage.db).await;
            assert!(child(&stage.scene, "work", "2", None).await.success());
            let case = format!("{point}, hit {hit}");
            let engine = stage.scene.engine("3");
            for run in told.lines() {
                let view = engine.run(stage.scene.tenant, run.parse().unwrap()).await;
                assert_eq!(view.unwrap().status, RunStatus::Succeeded, "{case}");
            }
            // Of each run that is there, told or not, all happened once.
            let filter = engine::RunFilter::default();
            let runs = engine.runs(stage.scene.tenant, &filter).await.unwrap();
            assert!(runs.iter().all(|run| run.status == RunStatus::Succeeded));
            let written = notes(&stage.db.owner_pool()).await.len();
            assert_eq!(written, runs.len(), "{case}");
            check_store(&case, &stage.db, runs.len().try_into().unwrap()).await;
            if !killed {
                break;
            }
        }
    }
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
    assert!(child(&stage.scene, "work", "2", None).await.success());
    let view = engine.run(stage.scene.tenant, run).await.unwrap();
    assert_eq!(view.status, RunStatus::Succeeded, "{view:#?}");
    assert_eq!(notes(&stage.db.owner_pool()).await.len(), WRITTEN.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_meets_the_end_of_its_run_leaves_nothing() {
    let (_folder, outside) = Outside::in_temp();
    let gate = Gate::default();
    let test = RunTest::new(registry_with(&outside, &Counts::default(), &gate)).await;
    let workflow = test
        .publish("name: brief\nsteps:\n  a: { uses: test.gate, with: { value: 1 } }\n")
        .await;
    let run = test.start(&workflow, json!({})).await.unwrap();
    gate.someone_came().await;
    // A message whose sender has not committed yet holds the run's row.
    let owner = test.db().owner_pool();
    let mut message = owner.begin().await.unwrap();
    for statement in [
        "update engine.runs set mail = true",
        "insert into engine.inbox (tenant_id, run_id, kind, sent_at, data) \
         select tenant_id, id, 'cancel', now(), '' from engine.runs",
    ] {
        sqlx::query(statement).execute(&mut *message).await.unwrap();
    }
    gate.let_in(1);
    let waits = "select exists (select from pg_stat_activity \
                 where datname = current_database() and wait_event_type = 'Lock')";
    while !sqlx::query_scalar::<_, bool>(waits)
        .fetch_one(&owner)
        .await
        .unwrap()
    {}
    message.commit().await.unwrap();
    let view = test.finished(run).await;
    assert_eq!(view.status, RunStatus::Succeeded, "{view:#?}");
    check_store("a message that meets the end", test.db(), 0).await;
}

/// A run whose step kills its worker each time; others beside it end meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_kills_its_worker_each_time_ends_poisoned_and_delays_nobody() {
    let stage = stage().await;
    let engine = stage.scene.engine("0");
    let tenant = stage.scene.tenant;
    let yaml = "name: killer\nsteps:\n  deadly: { uses: test.kill, with: { value: 1 } }\n  \
                last: { uses: test.same, needs: [deadly], with: { value: 1 } }\n";
    for yaml in [yaml, RIVAL] {
        let saved = engine.save(tenant, yaml).await.unwrap();
        engine.publish(tenant, saved.id).await.unwrap();
    }
    let killer = StartRun::new("killer", json!({}));
    let killer = engine.start(tenant, &killer).await.unwrap().run;
    let mut others = Vec::new();
    let mut deaths = 0;
    loop {
        let start = StartRun::new("rival", json!({}));
        others.push(engine.start(tenant, &start).await.unwrap().run);
        if child(&stage.scene, "work", "1", None).await.success() {
            break;
        }
        deaths += 1;
        declare_dead(&stage.db).await;
        assert!(deaths <= 4, "it kills without end");
    }
    assert_eq!(deaths, 4, "three takeovers, and one alone");
    let view = engine.run(tenant, killer).await.unwrap();
    assert_eq!(view.status, RunStatus::Failed, "{view:#?}");
    let error = view.error.unwrap();
    assert_eq!(error.code, "engine.poisoned");
    assert_eq!(error.step.as_deref(), Some("deadly"));
    for run in others {
        let view = engine.run(tenant, run).await.unwrap();
        assert_eq!(view.status, RunStatus::Succeeded, "{view:#?}");
    }
}
