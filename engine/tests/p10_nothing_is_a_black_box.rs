//! P10: input, output, error, timing and logs of each attempt; a run can be cancelled.

use crate::support::{Counts, Gate, Outside, make_notes, registry_with};
use engine::testing::RunTest;
use engine::{EngineError, RunEvent, RunFilter, RunStatus, StepStatus};
use serde_json::json;

struct Setup {
    _folder: tempfile::TempDir,
    gate: Gate,
    counts: Counts,
    test: RunTest,
}

async fn setup() -> Setup {
    let (folder, outside) = Outside::in_temp();
    let (counts, gate) = (Counts::default(), Gate::default());
    let test = RunTest::new(registry_with(&outside, &counts, &gate)).await;
    make_notes(&test.db().owner_pool()).await;
    Setup {
        _folder: folder,
        gate,
        counts,
        test,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_attempt_shows_input_output_error_timing_and_logs() {
    let it = setup().await;
    let yaml = r"
name: shown
inputs: { n: { type: integer, default: 5 } }
labels: { n: '${{ inputs.n }}' }
steps:
  a: { uses: test.echo, with: { value: '${{ inputs.n }}' } }
  b:
    uses: test.read
    with: { value: '${{ steps.a.value }}', failures: 1 }
    retry: { max_attempts: 2, delay: 1ms }
  off: { uses: test.echo, if: 'inputs.n > 10', with: { value: 1 } }
  each: { uses: test.echo, for_each: '${{ [1, 2] }}', with: { value: '${{ item * steps.b.value }}' } }
outputs: { all: '${{ steps.each }}' }
";
    let view = it.test.run(yaml, json!({})).await;
    assert_eq!(view.status, RunStatus::Succeeded, "{view:#?}");
    assert_eq!(view.inputs, json!({ "n": 5 }));
    assert_eq!(
        view.outputs,
        Some(json!({ "all": [{ "value": 5 }, { "value": 10 }] }))
    );
    assert_eq!(view.labels["n"], "5");
    let paths: Vec<_> = view.steps.iter().map(|step| step.path.as_str()).collect();
    assert_eq!(paths, ["a", "b", "off", "each", "each[0]", "each[1]"]);
    let first = &view.step("a").unwrap().attempts[0];
    assert_eq!(first.input, Some(json!({ "value": 5 })));
    assert_eq!(first.output, Some(json!({ "value": 5 })));
    assert_eq!(first.logs[0].message, "echoed");
    assert!(first.ended_at.unwrap() >= first.started_at);
    let again = &view.step("b").unwrap().attempts;
    assert_eq!(again[0].error.as_ref().unwrap().code, "test.busy");
    assert!(again[0].retry_at.is_some());
    assert_eq!(again[1].output, Some(json!({ "value": 5 })));
    assert_eq!(view.step("off").unwrap().status, StepStatus::Skipped);
    let item = &view.step("each[1]").unwrap().attempts[0];
    assert_eq!(item.output, Some(json!({ "value": 10 })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_run_names_its_step_and_why() {
    let it = setup().await;
    let yaml = r"
name: broken
steps:
  a: { uses: test.bad, with: { how: fail } }
  b: { uses: test.echo, needs: [a], with: { value: 1 } }
";
    let view = it.test.run(yaml, json!({})).await;
    assert_eq!(view.status, RunStatus::Failed);
    let error = view.error.unwrap();
    assert_eq!(
        (error.code.as_str(), error.step.as_deref()),
        ("test.failed", Some("a"))
    );
    assert_eq!(view.steps.len(), 1, "nothing starts after a failure");
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_found_by_status_workflow_label_and_page() {
    let it = setup().await;
    let yaml = r#"
name: found
inputs: { n: { type: integer, required: true } }
labels: { parity: '${{ if inputs.n % 2 == 0 { "even" } else { "odd" } }}' }
steps:
  a: { uses: test.echo, with: { value: '${{ inputs.n }}' } }
"#;
    let workflow = it.test.publish(yaml).await;
    let mut runs = Vec::new();
    for n in 0..6 {
        runs.push(it.test.start(&workflow, json!({ "n": n })).await.unwrap());
    }
    for run in &runs {
        it.test.finished(*run).await;
    }
    let list = async |filter: RunFilter| {
        let list = it.test.engine.runs(it.test.tenant, &filter).await.unwrap();
        list.into_iter().map(|run| run.id).collect::<Vec<_>>()
    };
    let newest: Vec<_> = runs.iter().rev().copied().collect();
    assert_eq!(list(RunFilter::default()).await, newest);
    let even = RunFilter {
        label: Some(("parity".to_owned(), "even".to_owned())),
        status: Some(RunStatus::Succeeded),
        workflow: Some("found".to_owned()),
        ..RunFilter::default()
    };
    assert_eq!(list(even).await, [newest[1], newest[3], newest[5]]);
    let page = RunFilter {
        before: Some(newest[1]),
        limit: 2,
        ..RunFilter::default()
    };
    assert_eq!(list(page).await, newest[2..4]);
    let none = RunFilter {
        status: Some(RunStatus::Failed),
        ..RunFilter::default()
    };
    assert!(list(none).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_aborts_its_reads_and_starts_nothing_else() {
    let it = setup().await;
    let yaml = "name: gate\nsteps:\n  a: { uses: test.gate, with: { value: 1 } }\n  b: { uses: test.write, needs: [a], with: { value: never } }\n";
    let workflow = it.test.publish(yaml).await;
    let run = it.test.start(&workflow, json!({})).await.unwrap();
    it.gate.someone_came().await;
    it.test.engine.cancel(it.test.tenant, run).await.unwrap();
    let view = it.test.finished(run).await;
    assert_eq!(view.status, RunStatus::Cancelled);
    assert_eq!(view.step("a").unwrap().status, StepStatus::Cancelled);
    assert_eq!(it.counts.of("test.write"), 0);
    let again = it.test.engine.cancel(it.test.tenant, run).await;
    assert!(matches!(again, Err(EngineError::Ended(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_lets_an_effect_finish() {
    let it = setup().await;
    let yaml = "name: gate\nsteps:\n  a: { uses: test.gated_send, with: { value: 1 } }\n  b: { uses: test.write, needs: [a], with: { value: never } }\n";
    let workflow = it.test.publish(yaml).await;
    let run = it.test.start(&workflow, json!({})).await.unwrap();
    it.gate.someone_came().await;
    it.test.engine.cancel(it.test.tenant, run).await.unwrap();
    it.gate.let_in(1);
    let view = it.test.finished(run).await;
    // The message and the effect's end race; the effect is recorded either way.
    assert_eq!(view.step("a").unwrap().status, StepStatus::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_cancelled_before_it_began_does_nothing() {
    let mut it = setup().await;
    it.test.stop_worker().await;
    let yaml = "name: w\nsteps:\n  a: { uses: test.write, with: { value: never } }\n";
    let workflow = it.test.publish(yaml).await;
    let run = it.test.start(&workflow, json!({})).await.unwrap();
    it.test.engine.cancel(it.test.tenant, run).await.unwrap();
    it.test.start_worker(engine::WorkerOptions::default()).await;
    let view = it.test.finished(run).await;
    assert_eq!(view.status, RunStatus::Cancelled);
    assert_eq!(it.counts.of("test.write"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_sees_what_is_flushed_in_order() {
    let it = setup().await;
    let yaml = "name: gate\nsteps:\n  a: { uses: test.echo, with: { value: 1 } }\n  b: { uses: test.gate, with: { value: '${{ steps.a.value }}' } }\n";
    let workflow = it.test.publish(yaml).await;
    let run = it.test.start(&workflow, json!({})).await.unwrap();
    let mut watch = it.test.engine.watch(it.test.tenant, run);
    let mut steps = Vec::new();
    let mut statuses = Vec::new();
    while let Some(event) = watch.next().await.unwrap() {
        match event {
            RunEvent::Run { status } => statuses.push(status),
            RunEvent::Step { step, status, .. } => {
                if step == "a" {
                    it.gate.let_in(1);
                }
                steps.push((step, status));
            }
        }
    }
    let done = StepStatus::Succeeded;
    assert_eq!(steps, [("a".to_owned(), done), ("b".to_owned(), done)]);
    assert_eq!(statuses.last(), Some(&RunStatus::Succeeded));
}
