//! An event is heard once, whenever the process that brings it dies.

use std::collections::BTreeSet;

use engine::testing::faults;
use engine::{Delivered, Delivery, Event, RunFilter, StartRun, Worker, WorkerOptions};

use crate::scene::child;
use crate::support::scene::{Scene, declare_dead, stage};

const LISTENER: &str = r"
name: listener
triggers:
  heard: { event: order.placed, dedup: event.order, start: { order: '${{ event.order + 0 }}' } }
inputs: { order: { type: integer, required: true } }
steps:
  a: { uses: test.same }
";

/// Listens, publishes three events, and works until all have been heard.
pub async fn fire(scene: &Scene, life: &str) {
    let engine = scene.engine(life);
    let tenant = scene.tenant;
    let saved = engine.save(tenant, LISTENER).await.unwrap();
    engine.publish(tenant, saved.id).await.unwrap();
    for order in [1.into(), 2.into(), serde_json::json!("no number")] {
        let event = Event::new("order.placed").with("order", order);
        engine.emit(tenant, &event).await.unwrap();
    }
    let mut worker = Worker::start(engine.clone(), WorkerOptions::default())
        .await
        .unwrap();
    loop {
        let runs = engine.runs(tenant, &RunFilter::default()).await.unwrap();
        let faults = engine.trigger_faults(tenant, 10).await.unwrap();
        let told: BTreeSet<_> = faults.iter().map(|fault| fault.code.as_str()).collect();
        if runs.len() == 2 && told.len() == 2 {
            break;
        }
        tokio::task::yield_now().await;
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_heard_once_whoever_dies_on_the_way() {
    let points = faults::failpoints().filter(|point| {
        [
            "dedup.",
            "events.",
            "outbox.",
            "trigger_faults.",
            "triggers.",
        ]
        .iter()
        .any(|of| point.starts_with(of))
    });
    for point in points {
        let stage = stage().await;
        let (engine, tenant) = (stage.scene.engine("0"), stage.scene.tenant);
        // One that nobody can read: it is set aside.
        let unreadable = Event::new("order.placed");
        let saved = engine.save(tenant, LISTENER).await.unwrap();
        engine.publish(tenant, saved.id).await.unwrap();
        engine.emit(tenant, &unreadable).await.unwrap();
        let owner = stage.db.owner_pool();
        sqlx::query("update engine.outbox set data = '\\x00'")
            .execute(&owner)
            .await
            .unwrap();
        let killed = child(&stage.scene, "fire", "1", Some((&point, 1))).await;
        assert!(!killed.success(), "{point} is passed");
        declare_dead(&stage.db).await;
        assert!(
            child(&stage.scene, "fire", "2", None).await.success(),
            "{point}"
        );
        let runs = engine.runs(tenant, &RunFilter::default()).await.unwrap();
        assert_eq!(runs.len(), 2, "{point}");
        let faults = engine.trigger_faults(tenant, 10).await.unwrap();
        let aside = faults.iter().filter(|it| it.code == "event.set_aside");
        assert_eq!(aside.count(), 1, "{point}: {faults:#?}");
        assert!(faults.len() <= 3, "{point}: {faults:#?}");
    }
}

/// Two waits of which the second begins when the event of both has come.
const HEARER: &str = r"
name: hearer
steps:
  first: { uses: wait.event, with: { event: order.placed } }
  then: { uses: test.wait, needs: [first], with: { seconds: 1 } }
  second: { uses: wait.event, needs: [then], with: { event: order.shipped } }
outputs: { orders: '${{ [steps.first.data.order, steps.second.data.order] }}' }
";

/// Starts a run that waits, publishes what it waits for, and works until it has ended.
pub async fn hear(scene: &Scene, life: &str) {
    let engine = scene.engine(life);
    let tenant = scene.tenant;
    let mut worker = Worker::start(engine.clone(), WorkerOptions::default())
        .await
        .unwrap();
    if engine
        .runs(tenant, &RunFilter::default())
        .await
        .unwrap()
        .is_empty()
    {
        let start = StartRun::new("hearer", serde_json::json!({}));
        let run = engine.start(tenant, &start).await.unwrap().run;
        let placed = Event::new("order.placed").with("order", 1);
        let shipped = Event::new("order.shipped").with("order", 2);
        for event in [shipped, placed] {
            engine.emit(tenant, &event).await.unwrap();
        }
        engine.run(tenant, run).await.unwrap();
    }
    loop {
        let runs = engine.runs(tenant, &RunFilter::default()).await.unwrap();
        if runs.iter().all(|run| run.status.is_final()) {
            break;
        }
        tokio::task::yield_now().await;
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_hears_its_event_once_whoever_dies_on_the_way() {
    let points = faults::failpoints().filter(|point| {
        [
            "events.",
            "outbox.dispatch",
            "waits.look_back",
            "waits.share_names",
            "checkpoint.commit",
        ]
        .iter()
        .any(|of| point.starts_with(of))
    });
    for point in points {
        let mut hit = 1;
        loop {
            let stage = stage().await;
            let (engine, tenant) = (stage.scene.engine("0"), stage.scene.tenant);
            let saved = engine.save(tenant, HEARER).await.unwrap();
            engine.publish(tenant, saved.id).await.unwrap();
            let killed = child(&stage.scene, "hear", "1", Some((&point, hit))).await;
            let runs = engine.runs(tenant, &RunFilter::default()).await.unwrap();
            let left: i64 = sqlx::query_scalar(
                "select (select count(*) from engine.outbox) + (select count(*) from engine.events)",
            )
            .fetch_one(&stage.db.owner_pool())
            .await
            .unwrap();
            if !killed.success() {
                declare_dead(&stage.db).await;
                if runs.is_empty() || left < 2 {
                    // It died before it had published all.
                    hit += 1;
                    continue;
                }
                let case = format!("{point}, hit {hit}");
                assert!(
                    child(&stage.scene, "hear", "2", None).await.success(),
                    "{case}"
                );
            }
            let run = engine.runs(tenant, &RunFilter::default()).await.unwrap()[0].id;
            let view = engine.run(tenant, run).await.unwrap();
            let orders = serde_json::json!({ "orders": [1, 2] });
            assert_eq!(view.outputs, Some(orders), "{point}, hit {hit}: {view:#?}");
            let left: i64 = sqlx::query_scalar(
                "select (select count(*) from engine.inbox) + (select count(*) from engine.waits)",
            )
            .fetch_one(&stage.db.owner_pool())
            .await
            .unwrap();
            assert_eq!(left, 0, "{point}, hit {hit}");
            if killed.success() {
                break;
            }
            hit += 1;
            assert!(hit < crate::MOST_HITS, "{point} is hit without end");
        }
    }
}

const TIMED: &str = r"
name: timed
triggers:
  minute: { schedule: { cron: '* * * * *', missed: catch_up }, start: { at: '${{ event.at }}' } }
inputs: { at: { type: string, required: true } }
steps:
  a: { uses: test.same }
";

/// Publishes a schedule of every minute, and works until two have come.
pub async fn tick(scene: &Scene, life: &str) {
    let engine = scene.engine(life);
    let tenant = scene.tenant;
    let saved = engine.save(tenant, TIMED).await.unwrap();
    engine.publish(tenant, saved.id).await.unwrap();
    let mut worker = Worker::start(engine.clone(), WorkerOptions::default())
        .await
        .unwrap();
    loop {
        let runs = engine.runs(tenant, &RunFilter::default()).await.unwrap();
        let faults = engine.trigger_faults(tenant, 10).await.unwrap();
        if runs.len() >= 2 && !faults.is_empty() {
            break;
        }
        tokio::task::yield_now().await;
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instant_makes_one_run_whoever_dies_on_the_way() {
    let points = faults::failpoints().filter(|point| point.starts_with("schedules."));
    for point in points {
        let stage = stage().await;
        let (engine, tenant) = (stage.scene.engine("0"), stage.scene.tenant);
        // One whose trigger is gone: it is left for a while, and told.
        let lost = TIMED.replace("name: timed", "name: lost");
        let saved = engine.save(tenant, &lost).await.unwrap();
        engine.publish(tenant, saved.id).await.unwrap();
        sqlx::query(
            "update engine.schedules set name = 'gone', due_at = '2020-01-01', look_at = '2020-01-01'",
        )
        .execute(&stage.db.owner_pool())
        .await
        .unwrap();
        let killed = child(&stage.scene, "tick", "1", Some((&point, 1))).await;
        assert!(!killed.success(), "{point} is passed");
        declare_dead(&stage.db).await;
        assert!(
            child(&stage.scene, "tick", "2", None).await.success(),
            "{point}"
        );
        let mut instants = BTreeSet::new();
        let runs = engine.runs(tenant, &RunFilter::default()).await.unwrap();
        for run in &runs {
            let view = engine.run(tenant, run.id).await.unwrap();
            instants.insert(view.inputs["at"].to_string());
        }
        assert_eq!(instants.len(), runs.len(), "{point}: {instants:?}");
    }
}

const ADDRESS: &str = r"
name: address
triggers:
  called: { webhook: { path: /orders } }
steps:
  a: { uses: test.same }
";

/// Takes one request; says on the outside that its sender was told so.
pub async fn deliver(scene: &Scene, life: &str) {
    let engine = scene.engine(life);
    let saved = engine.save(scene.tenant, ADDRESS).await.unwrap();
    engine.publish(scene.tenant, saved.id).await.unwrap();
    let delivery = Delivery {
        method: "POST".to_owned(),
        path: "/orders".to_owned(),
        query: String::new(),
        headers: vec![("idempotency-key".to_owned(), "order 7".to_owned())],
        body: b"{}".to_vec(),
        test: false,
    };
    let Ok(Delivered::Run(accepted)) = engine.receive(scene.tenant, &delivery).await else {
        unreachable!("the address takes it");
    };
    let told = scene.outside.with_extension("accepted");
    std::fs::write(told, accepted.run.to_string()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_accepted_whole_or_not_at_all() {
    for point in faults::failpoints().filter(|point| point.starts_with("hooks.")) {
        let stage = stage().await;
        let told = stage.scene.outside.with_extension("accepted");
        let killed = child(&stage.scene, "deliver", "1", Some((&point, 1))).await;
        assert!(!killed.success(), "{point} is passed");
        assert!(!told.exists(), "{point}: nobody was told so");
        // Its sender tries again, with the same key.
        assert!(
            child(&stage.scene, "deliver", "2", None).await.success(),
            "{point}"
        );
        let engine = stage.scene.engine("3");
        let runs = engine.runs(stage.scene.tenant, &RunFilter::default()).await;
        let runs = runs.unwrap();
        assert_eq!(runs.len(), 1, "{point}");
        let told = std::fs::read_to_string(told).unwrap();
        assert_eq!(runs[0].id.to_string(), told, "{point}");
    }
}
