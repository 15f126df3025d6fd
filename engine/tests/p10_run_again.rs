//! P10: a run is run again from any step with edited data, as a new run that
//! names its origin; also in bulk, by filter.

use std::collections::BTreeMap;

use crate::support::{Counts, Gate, Outside, make_notes, registry_with};
use engine::ids::RunId;
use engine::testing::RunTest;
use engine::{
    Answer, Bulk, BulkAction, EngineError, NotAgain, Rerun, RunEvent, RunFilter, RunStatus,
    RunView, StepStatus, Taken,
};
use serde_json::{Value, json};
use uuid::Uuid;

struct Setup {
    _folder: tempfile::TempDir,
    gate: Gate,
    outside: Outside,
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
        outside,
        test,
    }
}

impl Setup {
    async fn again(&self, run: RunId, how: Rerun) -> RunView {
        let started = self.test.engine.rerun(self.test.tenant, run, &how).await;
        let again = self.test.finished(started.unwrap().run).await;
        assert_eq!(again.origin, Some(run));
        again
    }

    async fn refusal(&self, run: RunId, how: Rerun) -> NotAgain {
        let refused = self.test.engine.rerun(self.test.tenant, run, &how).await;
        match refused {
            Err(EngineError::NotAgain(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    /// The steps that called outside, in order.
    fn calls(&self) -> Vec<String> {
        self.outside.calls().into_iter().map(|it| it.step).collect()
    }
}

/// A chain, and a step beside it.
const CHAIN: &str = r"
name: chain
inputs: { n: { type: integer, default: 1 } }
steps:
  first: { uses: test.read, with: { value: '${{ inputs.n }}' } }
  second: { uses: test.read, with: { value: '${{ steps.first.value }}' } }
  last: { uses: test.write, with: { value: '${{ `last ${steps.second.value}` }}' } }
  beside: { uses: test.write, with: { value: beside } }
outputs: { n: '${{ steps.second.value }}' }
";

fn taken(view: &RunView, step: &str) -> Option<Taken> {
    view.step(step).unwrap().attempts[0].taken
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_follow_the_step_stands_and_the_rest_runs() {
    let it = setup().await;
    let origin = it.test.run(CHAIN, json!({})).await;
    assert_eq!(origin.origin, None);
    let before = it.calls().len();
    let again = it.again(origin.id, Rerun::from_steps(["second"])).await;
    assert_eq!(again.status, RunStatus::Succeeded, "{again:#?}");
    assert_eq!(again.outputs, origin.outputs);
    assert_eq!(it.calls()[before..], ["second", "last"]);
    assert_eq!(taken(&again, "first"), Some(Taken::Origin));
    assert_eq!(taken(&again, "beside"), Some(Taken::Origin));
    assert_eq!(taken(&again, "second"), None);
    let found = RunFilter {
        workflow: Some("chain".to_owned()),
        ..RunFilter::default()
    };
    let runs = it.test.engine.runs(it.test.tenant, &found).await.unwrap();
    assert_eq!(runs.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_output_stands_and_what_follows_it_runs() {
    let it = setup().await;
    let origin = it.test.run(CHAIN, json!({})).await;
    let before = it.calls().len();
    let how = Rerun {
        outputs: BTreeMap::from([("first".to_owned(), json!({ "value": 7 }))]),
        ..Rerun::default()
    };
    let again = it.again(origin.id, how).await;
    assert_eq!(again.outputs, Some(json!({ "n": 7 })), "{again:#?}");
    assert_eq!(it.calls()[before..], ["second", "last"]);
    assert_eq!(taken(&again, "first"), Some(Taken::Edited));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_step_all_of_it_runs_with_the_inputs_that_are_given() {
    let it = setup().await;
    let origin = it.test.run(CHAIN, json!({})).await;
    let before = it.calls().len();
    let how = Rerun {
        inputs: Some(json!({ "n": 3 })),
        requester: Some("Camille".to_owned()),
        ..Rerun::default()
    };
    let again = it.again(origin.id, how).await;
    assert_eq!(again.inputs, json!({ "n": 3 }));
    assert_eq!(again.outputs, Some(json!({ "n": 3 })), "{again:#?}");
    assert_eq!(it.calls().len() - before, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_runs_what_failed_and_of_a_loop_the_items_that_did() {
    let it = setup().await;
    let yaml = r"
name: looped
steps:
  first: { uses: test.read, with: { value: 1 } }
  send:
    uses: test.send
    for_each: '${{ [1, 2, 3] }}'
    needs: [first]
    with: { value: '${{ item }}', refused: '${{ if item == 2 { 2 } else { 0 } }}' }
  last: { uses: test.write, needs: [send], with: { value: done } }
";
    let origin = it.test.run(yaml, json!({})).await;
    assert_eq!(origin.status, RunStatus::Failed, "{origin:#?}");
    let before = it.calls().len();
    let again = it.again(origin.id, Rerun::failed()).await;
    assert_eq!(again.status, RunStatus::Succeeded, "{again:#?}");
    let mut calls = it.calls()[before..].to_vec();
    calls.sort();
    assert_eq!(calls, ["last", "send[1]", "send[2]"], "{again:#?}");
    assert_eq!(taken(&again, "send[0]"), Some(Taken::Origin));
    let why = it.refusal(again.id, Rerun::failed()).await;
    assert_eq!(why, NotAgain::NothingFailed);
}

/// A run of one effect of which nobody knows what became, cancelled while a person is asked.
async fn cut_off(it: &Setup, yaml: &str) -> RunId {
    let workflow = it.test.publish(yaml).await;
    let run = it.test.start(&workflow, json!({})).await.unwrap();
    waits(it, run).await;
    it.test.engine.cancel(it.test.tenant, run).await.unwrap();
    let view = it.test.finished(run).await;
    assert_eq!(view.status, RunStatus::Cancelled, "{view:#?}");
    run
}

/// Until the run waits for a person.
async fn waits(it: &Setup, run: RunId) {
    let mut watch = it.test.engine.watch(it.test.tenant, run);
    while let Some(event) = watch.next().await.unwrap() {
        if matches!(
            event,
            RunEvent::Step {
                status: StepStatus::Waiting,
                ..
            }
        ) {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_effect_whose_outcome_is_unknown_keeps_its_key() {
    let it = setup().await;
    let yaml = "name: lost\nsteps:\n  send: { uses: test.send, with: { value: 1, lost: 5 } }\n";
    let origin = cut_off(&it, yaml).await;
    let again = it.again(origin, Rerun::failed()).await;
    assert_eq!(again.status, RunStatus::Succeeded, "{again:#?}");
    let calls = it.outside.calls();
    assert_eq!(calls.len(), 6);
    assert!(
        calls.iter().all(|call| call.key == calls[0].key),
        "{calls:#?}"
    );
    assert!(calls[0].key.starts_with(&origin.to_string()), "{calls:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_was_asked_is_asked_again_and_a_new_try_keeps_the_key() {
    let it = setup().await;
    let yaml = "name: ask\nsteps:\n  pay: { uses: test.ask, with: { value: 1, lost: 1 } }\n";
    let origin = cut_off(&it, yaml).await;
    let engine = &it.test.engine;
    let again = engine
        .rerun(it.test.tenant, origin, &Rerun::failed())
        .await
        .unwrap()
        .run;
    waits(&it, again).await;
    assert_eq!(it.calls(), ["pay"], "nothing is done before the answer");
    engine
        .answer(it.test.tenant, again, "pay", Answer::TryAgain)
        .await
        .unwrap();
    let view = it.test.finished(again).await;
    assert_eq!(view.status, RunStatus::Succeeded, "{view:#?}");
    let calls = it.outside.calls();
    assert_eq!(calls[0].key, calls[1].key);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_goes_into_a_loop_inside_a_loop() {
    let it = setup().await;
    let yaml = r"
name: nested
steps:
  each:
    for_each: '${{ [1, 2] }}'
    as: outer
    steps:
      read: { uses: test.read, with: { value: '${{ outer }}' } }
      send:
        uses: test.send
        for_each: '${{ [1, 2] }}'
        as: inner
        needs: [read]
        with: { value: '${{ inner }}', refused: '${{ if outer == 1 && inner == 2 { 2 } else { 0 } }}' }
";
    let origin = it.test.run(yaml, json!({})).await;
    assert_eq!(origin.status, RunStatus::Failed, "{origin:#?}");
    let before = it.calls();
    let again = it.again(origin.id, Rerun::failed()).await;
    assert_eq!(again.status, RunStatus::Succeeded, "{again:#?}");
    let after = it.calls()[before.len()..].to_vec();
    let failed = "each[0].send[1]".to_owned();
    assert!(after.contains(&failed), "{after:#?}");
    let done = before.iter().filter(|step| **step != failed);
    assert!(
        done.clone().all(|step| !after.contains(step)),
        "{before:#?}\n{after:#?}"
    );
    assert_eq!(before.len() + after.len(), 7, "each once, one twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_was_undone_is_done_again() {
    let it = setup().await;
    let yaml = r"
name: undone
steps:
  book:
    uses: test.write
    with: { value: booked }
    compensate: { uses: test.write, with: { value: undone } }
  send: { uses: test.send, needs: [book], with: { value: 1, refused: 1 } }
";
    let origin = it.test.run(yaml, json!({})).await;
    assert_eq!(origin.status, RunStatus::Failed, "{origin:#?}");
    let again = it.again(origin.id, Rerun::failed()).await;
    assert_eq!(again.status, RunStatus::Succeeded, "{again:#?}");
    let notes = crate::support::notes(&it.test.db().owner_pool()).await;
    let written: Vec<_> = notes.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(written, ["booked", "undone", "booked"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definite_failure_is_tried_with_a_key_of_the_new_run() {
    let it = setup().await;
    let yaml =
        "name: refused\nsteps:\n  send: { uses: test.send, with: { value: 1, refused: 1 } }\n";
    let origin = it.test.run(yaml, json!({})).await;
    let again = it.again(origin.id, Rerun::failed()).await;
    assert_eq!(again.status, RunStatus::Succeeded);
    let calls = it.outside.calls();
    assert_ne!(calls[0].key, calls[1].key);
    assert!(
        calls[1].key.starts_with(&again.id.to_string()),
        "{calls:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_run_goes_on_with_the_version_that_mends_it() {
    let it = setup().await;
    let broken = r"
name: mended
steps:
  first: { uses: test.read, with: { value: 2 } }
  second: { uses: test.bad, needs: [first], with: { how: fail } }
outputs: { n: '${{ steps.first.value }}' }
";
    let origin = it.test.run(broken, json!({})).await;
    assert_eq!(origin.status, RunStatus::Failed);
    let mended = broken.replace(
        "{ uses: test.bad, needs: [first], with: { how: fail } }",
        "{ uses: test.read, with: { value: '${{ steps.first.value + 1 }}' } }",
    );
    it.test.publish(&mended).await;
    let version = it
        .test
        .engine
        .version_of(it.test.tenant, "mended", None)
        .await
        .unwrap();
    let how = Rerun {
        version: Some(version.id),
        ..Rerun::failed()
    };
    let before = it.calls().len();
    let again = it.again(origin.id, how).await;
    assert_eq!(again.status, RunStatus::Succeeded, "{again:#?}");
    assert_eq!(it.calls()[before..], ["second"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_run_again_is_told() {
    let it = setup().await;
    let yaml = r"
name: told
steps:
  each:
    for_each: '${{ [1] }}'
    steps:
      inside: { uses: test.read, with: { value: 1 } }
  wait: { uses: test.gate, needs: [each], with: { value: 1 } }
";
    let workflow = it.test.publish(yaml).await;
    let run = it.test.start(&workflow, json!({})).await.unwrap();
    it.gate.someone_came().await;
    assert_eq!(it.refusal(run, Rerun::default()).await, NotAgain::Open);
    it.gate.let_in(1);
    it.test.finished(run).await;
    let why = it.refusal(run, Rerun::from_steps(["nowhere"])).await;
    assert_eq!(why, NotAgain::UnknownStep("nowhere".to_owned()));
    let why = it.refusal(run, Rerun::from_steps(["inside"])).await;
    let inside = NotAgain::Inside {
        step: "inside".to_owned(),
        around: "each".to_owned(),
    };
    assert_eq!(why, inside);
    let edited = Rerun {
        outputs: BTreeMap::from([("each".to_owned(), json!("no list"))]),
        ..Rerun::default()
    };
    assert!(matches!(
        it.refusal(run, edited).await,
        NotAgain::BadOutput { .. }
    ));
    let unknown = it
        .test
        .engine
        .rerun(it.test.tenant, RunId(Uuid::nil()), &Rerun::default())
        .await;
    assert!(matches!(unknown, Err(EngineError::UnknownRun(_))));
    sqlx::query("update engine.run_history set data = '\\x00'")
        .execute(&it.test.db().owner_pool())
        .await
        .unwrap();
    assert_eq!(it.refusal(run, Rerun::default()).await, NotAgain::Erased);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_skipped_step_and_a_handled_failure_stand_as_they_were() {
    let it = setup().await;
    let yaml = r"
name: handled
inputs: { n: { type: integer, default: 1 } }
steps:
  off: { uses: test.read, if: 'inputs.n > 5', with: { value: 1 } }
  bad: { uses: test.bad, on_error: continue, with: { how: fail } }
  last: { uses: test.read, needs: [off, bad], with: { value: 1 } }
";
    let origin = it.test.run(yaml, json!({})).await;
    assert_eq!(origin.status, RunStatus::Succeeded, "{origin:#?}");
    let again = it.again(origin.id, Rerun::from_steps(["last"])).await;
    assert_eq!(again.status, RunStatus::Succeeded, "{again:#?}");
    assert_eq!(again.step("off").unwrap().status, StepStatus::Skipped);
    assert_eq!(taken(&again, "bad"), Some(Taken::Origin));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_operation_runs_each_run_again_once_however_often_it_is_asked() {
    let it = setup().await;
    let yaml = "name: bulk\ninputs: { n: { type: integer, required: true } }\nsteps:\n  bad: { uses: test.bad, with: { how: fail } }\n";
    let workflow = it.test.publish(yaml).await;
    let mut origins = Vec::new();
    for n in 0..5 {
        let run = it.test.start(&workflow, json!({ "n": n })).await.unwrap();
        it.test.finished(run).await;
        origins.push(run);
    }
    let bulk = Bulk {
        action: BulkAction::Retry,
        filter: RunFilter {
            workflow: Some(workflow),
            status: Some(RunStatus::Failed),
            limit: 2,
            ..RunFilter::default()
        },
        operation: Uuid::now_v7(),
        by: Some("Camille".to_owned()),
    };
    // Cut short after a page, then asked again from that place.
    let mut again = BTreeMap::new();
    let mut before = None;
    for asked in [1, 9] {
        for _ in 0..asked {
            let page = it
                .test
                .engine
                .bulk_page(it.test.tenant, &bulk, before)
                .await
                .unwrap();
            for acted in page.acted {
                assert_eq!(acted.refused, None);
                if origins.contains(&acted.run) {
                    let new = again.insert(acted.run, acted.again);
                    assert!(new.is_none_or(|known| known == acted.again));
                }
            }
            match page.next {
                Some(next) => before = Some(next),
                None => break,
            }
        }
        before = origins
            .last()
            .map(|last| RunId(Uuid::from_u128(last.0.as_u128() + 1)));
    }
    assert_eq!(again.len(), 5);
    for (origin, new) in again {
        let new = it.test.finished(new.unwrap()).await;
        assert_eq!((new.origin, new.status), (Some(origin), RunStatus::Failed));
        assert_eq!(new.error.unwrap().code, "test.failed");
        assert_ne!(new.inputs, Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_runs_are_cancelled_by_filter() {
    let it = setup().await;
    let yaml = "name: held\nsteps:\n  a: { uses: test.gate, with: { value: 1 } }\n";
    let workflow = it.test.publish(yaml).await;
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(it.test.start(&workflow, json!({})).await.unwrap());
        it.gate.someone_came().await;
    }
    let bulk = Bulk {
        action: BulkAction::Cancel,
        filter: RunFilter {
            workflow: Some(workflow),
            status: Some(RunStatus::Running),
            ..RunFilter::default()
        },
        operation: Uuid::now_v7(),
        by: Some("Camille".to_owned()),
    };
    let page = it
        .test
        .engine
        .bulk_page(it.test.tenant, &bulk, None)
        .await
        .unwrap();
    assert_eq!(page.acted.len(), 3);
    for run in runs {
        let run = it.test.finished(run).await;
        assert_eq!(run.status, RunStatus::Cancelled);
        assert_eq!(
            run.error.unwrap().message.to_string(),
            "Camille cancelled it"
        );
    }
}
