//! A step may run another workflow and wait for its end: exactly one run an
//! attempt (its crashes are among those of P2), linked both ways.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{Counts, Outside, registry};
use chrono::{DateTime, Utc};
use engine::ids::RunId;
use engine::node::On;
use engine::testing::{FakeClock, RunTest};
use engine::{RunFilter, RunStatus, RunView, StepStatus};
use serde_json::json;

const HOUR: Duration = Duration::from_secs(3600);

struct Setup {
    _folder: tempfile::TempDir,
    clock: Arc<FakeClock>,
    test: RunTest,
}

async fn setup() -> Setup {
    let (folder, outside) = Outside::in_temp();
    let noon: DateTime<Utc> = "2026-03-01T12:00:00Z".parse().unwrap();
    let clock = Arc::new(FakeClock::at(noon));
    let registry = registry(&outside, &Counts::default());
    Setup {
        _folder: folder,
        test: RunTest::with_clock(registry, clock.clone()).await,
        clock,
    }
}

fn child_of(view: &RunView, step: &str) -> RunId {
    match &view.step(step).unwrap().attempts[0]
        .wait
        .as_ref()
        .unwrap()
        .on
    {
        On::Child(run) => *run,
        other => panic!("it waits for {other:?}"),
    }
}

/// The one run of a workflow, once it is there and stands so.
async fn run_of(test: &RunTest, workflow: &str, status: RunStatus) -> RunId {
    let filter = RunFilter {
        workflow: Some(workflow.to_owned()),
        status: Some(status),
        ..RunFilter::default()
    };
    let found = async {
        loop {
            if let [run] = &*test.engine.runs(test.tenant, &filter).await.unwrap() {
                return run.id;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), found)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_called_run_gave_is_the_step_s_output() {
    let it = setup().await;
    it.test
        .publish("name: double\ninputs: { n: { type: integer, required: true } }\nsteps:\n  a: { uses: test.same, with: { value: '${{ inputs.n * 2 }}' } }\noutputs: { n: '${{ steps.a.value }}' }\n")
        .await;
    let view = it
        .test
        .run(
            r"
name: caller
steps:
  one: { uses: test.child, with: { name: double, inputs: { n: 4 } } }
  many:
    uses: test.child
    for_each: [1, 2, 3]
    concurrency: 3
    with: { name: double, inputs: { n: '${{ item }}' } }
outputs: { one: '${{ steps.one.n }}', many: '${{ steps.many.map(|it| it.n) }}' }
",
            json!({}),
        )
        .await;
    assert_eq!(
        view.outputs,
        Some(json!({ "one": 8, "many": [2, 4, 6] })),
        "{view:#?}"
    );
    let child = it
        .test
        .engine
        .run(it.test.tenant, child_of(&view, "one"))
        .await
        .unwrap();
    assert_eq!(
        (child.parent, child.workflow.as_str()),
        (Some(view.id), "double")
    );
    let runs = it
        .test
        .engine
        .runs(it.test.tenant, &RunFilter::default())
        .await
        .unwrap();
    assert_eq!(runs.len(), 5, "one run a call");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_called_run_that_fails_fails_its_step() {
    let it = setup().await;
    it.test
        .publish("name: bad\nsteps:\n  a: { uses: test.bad, with: { how: fail } }\n")
        .await;
    let view = it
        .test
        .run(
            "name: caller\nsteps:\n  a: { uses: test.child, with: { name: bad, inputs: {} } }\n",
            json!({}),
        )
        .await;
    assert_eq!(view.status, RunStatus::Failed);
    let error = view.error.unwrap();
    assert_eq!(error.code, "test.child");
    assert!(
        error.message.to_string().contains("test.failed"),
        "{}",
        error.message
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_called_fails_its_step() {
    let it = setup().await;
    it.test
        .publish("name: strict\ninputs: { n: { type: integer, required: true } }\nsteps:\n  a: { uses: test.same }\n")
        .await;
    for (with, code) in [
        ("{ name: nobody }", "workflow.unknown"),
        (
            "{ name: strict, version: 7, inputs: { n: 1 } }",
            "workflow.unknown",
        ),
        ("{ name: strict, inputs: { n: text } }", "run.bad_inputs"),
    ] {
        let yaml = format!("name: caller\nsteps:\n  a: {{ uses: test.child, with: {with} }}\n");
        let view = it.test.run(&yaml, json!({})).await;
        assert_eq!(view.error.unwrap().code, code, "{with}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_version_is_the_one_of_the_start() {
    let it = setup().await;
    let version = |text: &str| {
        format!(
            "name: called\nsteps:\n  a: {{ uses: test.same, with: {{ value: {text} }} }}\noutputs: {{ v: '${{{{ steps.a.value }}}}' }}\n"
        )
    };
    it.test.publish(&version("first")).await;
    let caller = it
        .test
        .publish(
            r"
name: caller
steps:
  pause: { uses: test.wait, with: { seconds: 3600 } }
  a: { uses: test.child, needs: [pause], with: { name: called, inputs: {} } }
outputs: { a: '${{ steps.a.v }}' }
",
        )
        .await;
    let run = it.test.start(&caller, json!({})).await.unwrap();
    run_of(&it.test, "caller", RunStatus::Waiting).await;
    it.test.publish(&version("second")).await;
    it.clock.advance(HOUR);
    let view = it.test.finished(run).await;
    assert_eq!(view.outputs, Some(json!({ "a": "first" })), "{view:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_a_run_cancels_those_it_waits_for() {
    let it = setup().await;
    for (name, step) in [
        ("inner", "{ uses: test.wait, with: { seconds: 3600 } }"),
        (
            "middle",
            "{ uses: test.child, with: { name: inner, inputs: {} } }",
        ),
        (
            "outer",
            "{ uses: test.child, with: { name: middle, inputs: {} } }",
        ),
    ] {
        it.test
            .publish(&format!("name: {name}\nsteps:\n  a: {step}\n"))
            .await;
    }
    let outer = it.test.start("outer", json!({})).await.unwrap();
    let inner = run_of(&it.test, "inner", RunStatus::Waiting).await;
    let middle = run_of(&it.test, "middle", RunStatus::Waiting).await;
    run_of(&it.test, "outer", RunStatus::Waiting).await;
    it.test.engine.cancel(it.test.tenant, outer).await.unwrap();
    for run in [outer, middle, inner] {
        let view = it.test.finished(run).await;
        assert_eq!(view.status, RunStatus::Cancelled);
        assert_eq!(view.step("a").unwrap().status, StepStatus::Cancelled);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_that_calls_itself_without_end_ends() {
    let it = setup().await;
    let yaml =
        "name: endless\nsteps:\n  a: { uses: test.child, with: { name: endless, inputs: {} } }\n";
    it.test.publish(yaml).await;
    let run = it.test.start("endless", json!({})).await.unwrap();
    let view = it.test.finished(run).await;
    assert_eq!(view.status, RunStatus::Failed);
    let message = view.error.unwrap().message.to_string();
    assert!(message.contains("workflow.too_deep"), "{message}");
    let runs = it
        .test
        .engine
        .runs(it.test.tenant, &RunFilter::default())
        .await
        .unwrap();
    assert_eq!(runs.len(), 17);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_ends_as_poisoned_cancels_what_it_called() {
    let mut it = setup().await;
    it.test
        .publish("name: sleeper\nsteps:\n  a: { uses: test.wait, with: { seconds: 3600 } }\n")
        .await;
    let caller = it
        .test
        .publish("name: caller\nsteps:\n  one: { uses: test.child, with: { name: sleeper } }\n  two: { uses: test.same, needs: [one], with: { value: 1 } }\n")
        .await;
    let run = it.test.start(&caller, json!({})).await.unwrap();
    let child = run_of(&it.test, "sleeper", RunStatus::Waiting).await;
    run_of(&it.test, "caller", RunStatus::Waiting).await;
    it.test.stop_worker().await;
    // As after four workers that died with it.
    let owner = it.test.db().owner_pool();
    for statement in [
        "update engine.runs set takeovers = 4, status = 'queued' where workflow = 'caller'",
        "insert into engine.ready (tenant_id, run_id, version_id, alone) \
         select tenant_id, id, version_id, true from engine.runs where workflow = 'caller'",
    ] {
        sqlx::query(statement).execute(&owner).await.unwrap();
    }
    it.test.start_worker(engine::WorkerOptions::default()).await;
    let view = it.test.finished(run).await;
    assert_eq!(view.error.unwrap().code, "engine.poisoned");
    let view = it.test.finished(child).await;
    assert_eq!(view.status, RunStatus::Cancelled, "{view:#?}");
}
