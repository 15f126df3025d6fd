//! P3: every node declares its effect, and the engine keeps what it promises for it.

use crate::support::{Call, Counts, Outside, make_notes, notes, registry};
use engine::node::{Ctx, Effect, NodeResult, NodeSpec, Registry, TransactionNode};
use engine::store::Tx;
use engine::testing::RunTest;
use engine::{Answer, RunStatus, RunView, StepStatus};
use serde_json::json;

struct Setup {
    _folder: tempfile::TempDir,
    outside: Outside,
    counts: Counts,
    test: RunTest,
}

async fn setup() -> Setup {
    let (folder, outside) = Outside::in_temp();
    let counts = Counts::default();
    let test = RunTest::new(registry(&outside, &counts)).await;
    make_notes(&test.db().owner_pool()).await;
    Setup {
        _folder: folder,
        outside,
        counts,
        test,
    }
}

fn keys(outside: &Outside) -> Vec<String> {
    let calls = outside.calls().into_iter();
    calls
        .filter(|call| call.what == "send")
        .map(|call: Call| call.key)
        .collect()
}

fn statuses(view: &RunView, step: &str) -> Vec<StepStatus> {
    let step = view.step(step).unwrap();
    step.attempts.iter().map(|it| it.status).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_fails_leaves_nothing_but_its_attempt() {
    let it = setup().await;
    let yaml = r"
name: write
steps:
  a:
    uses: test.write
    with: { value: once, failures: 2 }
    retry: { max_attempts: 3, delay: 1ms }
";
    let view = it.test.run(yaml, json!({})).await;
    assert_eq!(view.status, RunStatus::Succeeded, "{view:#?}");
    assert_eq!(it.counts.of("test.write"), 3);
    let written = notes(&it.test.db().owner_pool()).await;
    assert_eq!(written, [("a".to_owned(), "once".to_owned())]);
    let failed = StepStatus::Failed;
    assert_eq!(
        statuses(&view, "a"),
        [failed, failed, StepStatus::Succeeded]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_commits_together_with_what_it_depends_on() {
    let it = setup().await;
    let yaml = r"
name: together
steps:
  seen: { uses: test.read, with: { value: 4 } }
  sum: { uses: test.echo, with: { value: '${{ steps.seen.value * 2 }}' } }
  book: { uses: test.write, with: { value: 'sum ${{ steps.sum.value }}' } }
  stop: { uses: test.ask, with: { lost: 1 }, needs: [book] }
";
    let workflow = it.test.publish(yaml).await;
    let run = it.test.start(&workflow, json!({})).await.unwrap();
    wait_for(&it.test, run, "stop", StepStatus::Waiting).await;
    // One transaction id on the node's write, its outcome and the outcomes before it.
    let ids: Vec<String> = sqlx::query_scalar(
        "select xmin::text from engine.steps where step in ('seen', 'sum', 'book') \
         union select xmin::text from outside.notes",
    )
    .fetch_all(&it.test.db().owner_pool())
    .await
    .unwrap();
    assert!(ids.len() <= 2, "seen may be durable before: {ids:?}");
    let same: bool = sqlx::query_scalar(
        "select (select xmin::text from engine.steps where step = 'book') \
         = (select xmin::text from outside.notes)",
    )
    .fetch_one(&it.test.db().owner_pool())
    .await
    .unwrap();
    assert!(same);
}

async fn wait_for(test: &RunTest, run: engine::ids::RunId, step: &str, wanted: StepStatus) {
    let mut watch = test.engine.watch(test.tenant, run);
    while let Some(event) = watch.next().await.unwrap() {
        if let engine::RunEvent::Step {
            step: seen, status, ..
        } = event
            && (seen.as_str(), status) == (step, wanted)
        {
            return;
        }
    }
    panic!("`{step}` never was {wanted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definite_failure_takes_the_next_generation_of_the_key() {
    let it = setup().await;
    let yaml = r"
name: refused
steps:
  a:
    uses: test.send
    with: { refused: 1 }
    retry: { max_attempts: 2, delay: 1ms }
";
    let view = it.test.run(yaml, json!({})).await;
    assert_eq!(view.status, RunStatus::Succeeded, "{view:#?}");
    let run = view.id;
    assert_eq!(
        keys(&it.outside),
        [format!("{run}/a/0"), format!("{run}/a/1")]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_outcome_is_repeated_with_the_same_key() {
    let it = setup().await;
    let yaml = "name: lost\nsteps:\n  a: { uses: test.send, with: { lost: 2 } }\n";
    let view = it.test.run(yaml, json!({})).await;
    assert_eq!(view.status, RunStatus::Succeeded, "{view:#?}");
    let key = format!("{}/a/0", view.id);
    assert_eq!(keys(&it.outside), [key.clone(), key.clone(), key]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_is_asked_by_key_and_the_effect_not_repeated() {
    let it = setup().await;
    let yaml = "name: found\nsteps:\n  a: { uses: test.find, with: { lost: 1 } }\n";
    let view = it.test.run(yaml, json!({})).await;
    assert_eq!(view.status, RunStatus::Succeeded, "{view:#?}");
    assert_eq!(it.counts.of("look_up"), 1);
    assert_eq!(keys(&it.outside).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_of_an_effect_is_an_unknown_outcome_that_a_person_settles() {
    let it = setup().await;
    let yaml = r"
name: asked
steps:
  a: { uses: test.ask, with: { hangs: true }, timeout: 50ms }
outputs: { key: '${{ steps.a.key }}' }
";
    let workflow = it.test.publish(yaml).await;
    let run = it.test.start(&workflow, json!({})).await.unwrap();
    wait_for(&it.test, run, "a", StepStatus::Waiting).await;
    let unasked = it
        .test
        .engine
        .answer(it.test.tenant, run, "b", Answer::TryAgain)
        .await;
    assert!(unasked.is_err());
    let done = Answer::Done(json!({ "key": "seen on the bank's page" }));
    it.test
        .engine
        .answer(it.test.tenant, run, "a", done)
        .await
        .unwrap();
    let view = it.test.finished(run).await;
    assert_eq!(view.status, RunStatus::Succeeded, "{view:#?}");
    assert_eq!(
        view.outputs,
        Some(json!({ "key": "seen on the bank's page" }))
    );
    assert_eq!(it.counts.of("test.ask"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_may_have_it_tried_again_or_say_that_it_failed() {
    let it = setup().await;
    let yaml = "name: asked\nsteps:\n  a: { uses: test.ask, with: { lost: 2 } }\n";
    let workflow = it.test.publish(yaml).await;
    let run = it.test.start(&workflow, json!({})).await.unwrap();
    for (attempt, answer) in [
        (1, Answer::TryAgain),
        (2, Answer::Failed("it never arrived".to_owned())),
    ] {
        let mut watch = it.test.engine.watch(it.test.tenant, run);
        loop {
            let event = watch.next().await.unwrap().unwrap();
            if matches!(event, engine::RunEvent::Step { attempt: at, status: StepStatus::Waiting, .. } if at == attempt)
            {
                break;
            }
        }
        it.test
            .engine
            .answer(it.test.tenant, run, "a", answer)
            .await
            .unwrap();
    }
    let view = it.test.finished(run).await;
    assert_eq!(view.status, RunStatus::Failed);
    assert_eq!(view.error.unwrap().code, "engine.answered_failed");
    let key = format!("{run}/a/0");
    assert_eq!(keys(&it.outside), [key.clone(), key]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_effect_waits_until_its_intent_is_durable() {
    let it = setup().await;
    let yaml = r"
name: intent
steps:
  a: { uses: test.echo, with: { value: 7 } }
  b: { uses: test.ask, with: { value: '${{ steps.a.value }}', hangs: true }, timeout: 10m }
";
    let workflow = it.test.publish(yaml).await;
    let run = it.test.start(&workflow, json!({})).await.unwrap();
    wait_for(&it.test, run, "b", StepStatus::Running).await;
    let view = it.test.engine.run(it.test.tenant, run).await.unwrap();
    assert_eq!(view.step("a").unwrap().status, StepStatus::Succeeded);
    let intent = &view.step("b").unwrap().attempts[0];
    assert_eq!(intent.input, Some(json!({ "value": 7, "hangs": true })));
    assert_eq!(intent.key, Some(format!("{run}/b/0")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_is_tried_again_as_its_step_says() {
    let it = setup().await;
    let yaml = r#"
name: again
steps:
  a:
    uses: test.read
    with: { value: ok, failures: 2 }
    retry: { max_attempts: 5, delay: 1ms, if: 'error.code == "test.busy" && attempt < 4' }
outputs: { a: '${{ steps.a.value }}' }
"#;
    let view = it.test.run(yaml, json!({})).await;
    assert_eq!(view.outputs, Some(json!({ "a": "ok" })), "{view:#?}");
    assert_eq!(it.counts.of("test.read"), 3);
}

/// A transaction that tells how long it may think between its statements.
struct Thinks;

impl TransactionNode for Thinks {
    const SPEC: NodeSpec = NodeSpec::new("test.thinks", Effect::Transaction);
    type Config = crate::support::Given;
    type Output = String;

    async fn run(&self, _: &Ctx, tx: &mut Tx<'_>, _: crate::support::Given) -> NodeResult<String> {
        let limit = sqlx::query_scalar("show idle_in_transaction_session_timeout");
        Ok(limit.fetch_one(tx.connection()).await?)
    }
}

/// A step that computes for long must not be cut off each time, without end;
/// what a frozen one holds back at its end, `p5_frozen` tests.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_may_think_for_longer_than_a_frozen_worker_is_waited_for() {
    let nodes = Registry::builder().transaction(Thinks).build().unwrap();
    let test = RunTest::new(nodes).await;
    let yaml =
        "name: t\nsteps: { a: { uses: test.thinks } }\noutputs: { limit: '${{ steps.a }}' }\n";
    let view = test.run(yaml, json!({})).await;
    assert_eq!(view.outputs, Some(json!({ "limit": "5min" })), "{view:#?}");
}
