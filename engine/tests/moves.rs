//! Waiting runs move to a new version when all that is recorded of them fits it.

use crate::support::{Counts, Gate, Outside, make_notes, registry_with};
use engine::ids::RunId;
use engine::testing::RunTest;
use engine::{Answer, RunEvent, RunStatus, StepStatus};
use serde_json::json;

const OLD: &str = r"
name: moved
steps:
  first: { uses: test.read, with: { value: 1 } }
  pay: { uses: test.ask, needs: [first], with: { value: 1, lost: 1 } }
  last: { uses: test.write, needs: [pay], with: { value: old } }
";

/// Until the run waits for a person.
async fn waits(test: &RunTest, run: RunId) {
    let mut watch = test.engine.watch(test.tenant, run);
    let mut asked = false;
    while let Some(event) = watch.next().await.unwrap() {
        match event {
            RunEvent::Step {
                status: StepStatus::Waiting,
                ..
            } => asked = true,
            RunEvent::Run {
                status: RunStatus::Waiting,
            } if asked => return,
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_run_goes_on_with_the_version_that_it_fits() {
    let (_folder, outside) = Outside::in_temp();
    let registry = registry_with(&outside, &Counts::default(), &Gate::default());
    let test = RunTest::new(registry).await;
    let owner = test.db().owner_pool();
    make_notes(&owner).await;
    let (engine, tenant) = (&test.engine, test.tenant);
    let workflow = test.publish(OLD).await;
    let run = test.start(&workflow, json!({})).await.unwrap();
    waits(&test, run).await;

    // What has begun does something else: it stays, and why is told.
    let other = OLD.replace("first: { uses: test.read", "first: { uses: test.same");
    let saved = engine.save(tenant, &other).await.unwrap();
    let found = engine.movable(tenant, saved.id).await.unwrap();
    let why = found[0].why_not.as_ref().unwrap().to_string();
    assert_eq!(
        why,
        "step `first` has begun, and does something else in the version"
    );
    assert!(!engine.move_run(tenant, &found[0], saved.id).await.unwrap());
    let gone = OLD
        .replace("  first: { uses: test.read, with: { value: 1 } }\n", "")
        .replace("needs: [first], ", "");
    let saved = engine.save(tenant, &gone).await.unwrap();
    let found = engine.movable(tenant, saved.id).await.unwrap();
    let why = found[0].why_not.as_ref().unwrap().to_string();
    assert_eq!(why, "step `first` has begun, and is not in the version");

    let new = OLD.replace("value: old", "value: new");
    let saved = engine.save(tenant, &new).await.unwrap();
    let found = engine.movable(tenant, saved.id).await.unwrap();
    assert_eq!(
        (found.len(), found[0].run, &found[0].why_not),
        (1, run, &None)
    );
    assert!(engine.move_run(tenant, &found[0], saved.id).await.unwrap());
    // As it was found, it is there no more.
    assert!(!engine.move_run(tenant, &found[0], saved.id).await.unwrap());
    assert!(engine.movable(tenant, saved.id).await.unwrap().is_empty());
    engine
        .answer(tenant, run, "pay", Answer::TryAgain)
        .await
        .unwrap();
    let view = test.finished(run).await;
    assert_eq!(view.status, RunStatus::Succeeded, "{view:#?}");
    assert_eq!(view.version, saved.id);
    let last = view.step("last").unwrap().attempts[0].output.clone();
    assert_eq!(last, Some(json!({ "value": "new" })));
}
