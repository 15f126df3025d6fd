//! An old and a new binary side by side: each executes what it knows.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{Counts, Echo, Given, Hook, Outside};
use engine::clock::SystemClock;
use engine::node::{Ctx, Effect, Node, NodeResult, NodeSpec, Registry, Token};
use engine::testing::RunTest;
use engine::{Engine, RunStatus, StartRun, Worker, WorkerOptions};
use serde_json::json;

/// What only the new binary has: the second version of a node.
struct Echo2(Outside);

impl Node for Echo2 {
    const SPEC: NodeSpec = NodeSpec::new("test.echo", Effect::Pure).version(2);
    type Config = Given;
    type Output = Given;

    async fn run(&self, ctx: &Ctx, _config: Given) -> NodeResult<Given> {
        self.0.call("echo2", ctx);
        Ok(Given { value: json!(2) })
    }
}

fn old(outside: &Outside) -> Registry {
    Registry::builder()
        .node(Echo(outside.clone(), Counts::default()))
        .waiting(Hook)
        .build()
        .unwrap()
}

fn new(outside: &Outside) -> Registry {
    Registry::builder()
        .node(Echo(outside.clone(), Counts::default()))
        .node(Echo2(outside.clone()))
        .waiting(Hook)
        .build()
        .unwrap()
}

const OLD: &str = "name: old\nsteps:\n  a: { uses: test.echo, with: { value: 1 } }\noutputs: { n: '${{ steps.a.value }}' }\n";
const NEW: &str = "name: new\nsteps:\n  a: { uses: test.echo@2, with: { value: 1 } }\noutputs: { n: '${{ steps.a.value }}' }\n";

async fn publish(engine: &Engine, test: &RunTest, source: &str) {
    let saved = engine.save(test.tenant, source).await.unwrap();
    engine.publish(test.tenant, saved.id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_version_that_only_one_binary_has_is_executed_by_it_alone() {
    let folder = tempfile::tempdir().unwrap();
    let at = |life: &str| Outside::at(&folder.path().join("outside"), life);
    let test = RunTest::without_worker(new(&at("door")), Arc::new(SystemClock)).await;
    // The door is new already, and executes nothing.
    let door = &test.engine;
    for source in [OLD, NEW] {
        publish(door, &test, source).await;
    }
    let start = async |workflow: &str| {
        let start = StartRun::new(workflow, json!({}));
        door.start(test.tenant, &start).await.unwrap().run
    };
    let mut news = vec![start("new").await];
    let mut worker = Worker::start(
        test.another_engine_with(old(&at("old"))),
        WorkerOptions::default(),
    )
    .await
    .unwrap();
    // What it knows it executes, whatever stands in line before.
    for _ in 0..20 {
        news.push(start("new").await);
        let known = start("old").await;
        assert_eq!(test.finished(known).await.outputs, Some(json!({ "n": 1 })));
    }
    for run in &news {
        let view = door.run(test.tenant, *run).await.unwrap();
        assert_eq!(view.status, RunStatus::Queued, "{view:#?}");
        assert!(view.steps.is_empty(), "{view:#?}");
    }
    let mut other = Worker::start(
        test.another_engine_with(new(&at("new"))),
        WorkerOptions::default(),
    )
    .await
    .unwrap();
    for run in news {
        let view = test.finished(run).await;
        assert_eq!(view.outputs, Some(json!({ "n": 2 })), "{view:#?}");
    }
    worker.stop().await;
    other.stop().await;
    let calls = at("-").calls();
    let mut by_version = calls.iter().filter(|call| call.what == "echo2");
    assert!(by_version.all(|call| call.life == "new"), "{calls:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_that_is_republished_under_waiting_runs_keeps_their_version() {
    let folder = tempfile::tempdir().unwrap();
    let outside = Outside::at(&folder.path().join("outside"), "1");
    let test = RunTest::new(new(&outside)).await;
    let token = Token::new(test.tenant);
    let source = |node: &str| {
        format!(
            "name: changed\nsteps:\n  got: {{ uses: test.hook, with: {{ token: '{token}' }} }}\n  a: {{ uses: {node}, needs: [got], with: {{ value: 1 }} }}\noutputs: {{ n: '${{{{ steps.a.value }}}}' }}\n"
        )
    };
    let workflow = test.publish(&source("test.echo")).await;
    let waits = test.start(&workflow, json!({})).await.unwrap();
    let waiting = async {
        while test.engine.run(test.tenant, waits).await.unwrap().status != RunStatus::Waiting {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting)
        .await
        .unwrap();
    test.publish(&source("test.echo@2")).await;
    test.engine
        .deliver(&token.to_string(), json!({}))
        .await
        .unwrap();
    let view = test.finished(waits).await;
    assert_eq!(view.outputs, Some(json!({ "n": 1 })), "{view:#?}");
}
