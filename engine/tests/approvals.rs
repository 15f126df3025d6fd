//! A step may wait for people: distinct ones are counted, of two answers that
//! come at once each is judged after the other, and what waits can be listed.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{Counts, Outside, registry};
use chrono::{DateTime, Utc};
use engine::ids::RunId;
use engine::node::{Decision, Person, Refusal};
use engine::testing::{FakeClock, RunTest};
use engine::{
    Answer, EngineError, Pending, PendingFilter, RunStatus, StepStatus, Verdict, WorkerOptions,
};
use serde_json::{Value, json};

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

fn person(name: &str, roles: &[&str]) -> Person {
    Person {
        name: name.to_owned(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
    }
}

fn says(approved: bool) -> Decision {
    Decision {
        approved,
        form: Value::Null,
    }
}

/// So many questions, once they are asked.
async fn pending(test: &RunTest, count: usize, roles: &[&str]) -> Vec<Pending> {
    let filter = PendingFilter {
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        ..PendingFilter::default()
    };
    let found = async {
        loop {
            let found = test
                .engine
                .pending_approvals(test.tenant, &filter)
                .await
                .unwrap();
            if found.len() == count {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), found)
        .await
        .unwrap()
}

async fn decide(
    test: &RunTest,
    run: RunId,
    step: &str,
    who: &Person,
    approved: bool,
) -> Result<Verdict, EngineError> {
    test.engine
        .decide(test.tenant, run, step, who, says(approved))
        .await
}

fn refusal(result: Result<Verdict, EngineError>) -> Refusal {
    match result {
        Err(EngineError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_decide_and_the_workflow_branches_on_it() {
    let it = setup().await;
    let yaml = r"
name: pay
steps:
  ok: { uses: test.approve, with: { title: Pay, count: 2, exclude: [Ada], roles: [council] } }
  paid: { uses: test.same, if: steps.ok.approved, with: { value: paid } }
outputs: { approved: '${{ steps.ok.approved }}', by: '${{ steps.ok.by.map(|it| it.by) }}' }
";
    let workflow = it.test.publish(yaml).await;
    let run = it.test.start(&workflow, json!({})).await.unwrap();
    let asked = pending(&it.test, 1, &["council"]).await;
    assert_eq!((asked[0].run, asked[0].step.as_str()), (run, "ok"));
    assert_eq!(asked[0].question.as_ref().unwrap().title, "Pay");
    assert_eq!(pending(&it.test, 0, &["owner"]).await, []);

    let council = ["council"];
    let excluded = decide(&it.test, run, "ok", &person("ada", &council), true).await;
    assert!(matches!(refusal(excluded), Refusal::Excluded(_)));
    let other = decide(&it.test, run, "ok", &person("Bob", &["owner"]), true).await;
    assert!(matches!(refusal(other), Refusal::MissingRole { .. }));
    let first = decide(&it.test, run, "ok", &person("Bob", &council), true).await;
    assert_eq!(first.unwrap(), Verdict::More(1));
    let again = decide(&it.test, run, "ok", &person("Bob", &council), true).await;
    assert!(matches!(refusal(again), Refusal::AlreadyAnswered(_)));
    assert_eq!(pending(&it.test, 1, &[]).await[0].heard[0].by, "Bob");
    let second = decide(&it.test, run, "ok", &person("Eve", &council), true).await;
    assert_eq!(second.unwrap(), Verdict::Approved);

    let view = it.test.finished(run).await;
    assert_eq!(
        view.outputs,
        Some(json!({ "approved": true, "by": ["Bob", "Eve"] }))
    );
    assert_eq!(view.step("paid").unwrap().status, StepStatus::Succeeded);
    let late = decide(&it.test, run, "ok", &person("Max", &council), true).await;
    assert!(matches!(late, Err(EngineError::Ended(_))), "{late:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_answers_that_come_at_once_one_decides_and_the_others_are_told() {
    let mut it = setup().await;
    let yaml = "name: race\nsteps:\n  ok: { uses: test.approve, with: { count: 1 } }\n";
    let workflow = it.test.publish(yaml).await;
    let run = it.test.start(&workflow, json!({})).await.unwrap();
    pending(&it.test, 1, &[]).await;
    // Nobody works the answers in meanwhile.
    it.test.stop_worker().await;
    let answers = (0..8).map(|n| {
        let (engine, tenant) = (it.test.engine.clone(), it.test.tenant);
        tokio::spawn(async move {
            let who = person(&format!("person {n}"), &[]);
            engine
                .decide(tenant, run, "ok", &who, says(n % 2 == 0))
                .await
        })
    });
    let mut counted = 0;
    for answer in futures::future::join_all(answers).await {
        match answer.unwrap() {
            Ok(_) => counted += 1,
            Err(error) => assert_eq!(error.code(), "approval.decided"),
        }
    }
    assert_eq!(counted, 1);
    assert_eq!(pending(&it.test, 0, &[]).await, []);
    it.test.start_worker(WorkerOptions::default()).await;
    let view = it.test.finished(run).await;
    assert_eq!(view.status, RunStatus::Succeeded);
    let by = &view.step("ok").unwrap().attempts[0]
        .output
        .as_ref()
        .unwrap()["by"];
    assert_eq!(by.as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_widens_keeps_what_was_said() {
    let it = setup().await;
    let yaml = "name: slow\nsteps:\n  ok: { uses: test.approve, with: { count: 2, roles: [council], widens: 3600 } }\n";
    let workflow = it.test.publish(yaml).await;
    let run = it.test.start(&workflow, json!({})).await.unwrap();
    pending(&it.test, 1, &[]).await;
    let bob = person("Bob", &["council"]);
    decide(&it.test, run, "ok", &bob, true).await.unwrap();
    let max = person("Max", &[]);
    let narrow = decide(&it.test, run, "ok", &max, true).await;
    assert!(matches!(refusal(narrow), Refusal::MissingRole { .. }));
    it.clock.advance(Duration::from_secs(7200));
    let widened = async {
        while !pending(&it.test, 1, &[]).await[0]
            .question
            .as_ref()
            .unwrap()
            .roles
            .is_empty()
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), widened)
        .await
        .unwrap();
    let again = decide(&it.test, run, "ok", &person("Bob", &[]), true).await;
    assert!(matches!(refusal(again), Refusal::AlreadyAnswered(_)));
    assert_eq!(
        decide(&it.test, run, "ok", &max, true).await.unwrap(),
        Verdict::Approved
    );
    assert_eq!(it.test.finished(run).await.status, RunStatus::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_waits_for_a_person_is_listed_page_by_page() {
    let it = setup().await;
    let yaml = r"
name: many
steps:
  each:
    uses: test.approve
    for_each: [1, 2, 3, 4, 5]
    concurrency: 5
    with: { title: 'item ${{ item }}', count: 1 }
  sent: { uses: test.ask, with: { lost: 1 } }
";
    let workflow = it.test.publish(yaml).await;
    let run = it.test.start(&workflow, json!({})).await.unwrap();
    let all = pending(&it.test, 6, &[]).await;
    let mut paged = Vec::new();
    let mut filter = PendingFilter {
        limit: 2,
        ..PendingFilter::default()
    };
    loop {
        let page = it
            .test
            .engine
            .pending_approvals(it.test.tenant, &filter)
            .await
            .unwrap();
        let Some(last) = page.last() else { break };
        filter.after = Some(last.cursor.clone());
        paged.extend(page);
    }
    assert_eq!(paged, all);
    let unknown: Vec<_> = all.iter().filter(|it| it.question.is_none()).collect();
    assert_eq!(unknown.len(), 1);
    assert_eq!(unknown[0].step, "sent");
    for item in 0..5 {
        let step = format!("each[{item}]");
        let verdict = decide(&it.test, run, &step, &person("Ada", &[]), true).await;
        assert_eq!(verdict.unwrap(), Verdict::Approved);
    }
    let done = || Answer::Done(json!({ "key": "k" }));
    let (engine, tenant) = (&it.test.engine, it.test.tenant);
    engine.answer(tenant, run, "sent", done()).await.unwrap();
    let view = it.test.finished(run).await;
    assert_eq!(view.status, RunStatus::Succeeded, "{view:#?}");
    let left: i64 = sqlx::query_scalar("select count(*) from engine.waits")
        .fetch_one(&it.test.db().owner_pool())
        .await
        .unwrap();
    assert_eq!(left, 0);
}
