//! P9: time is a dependency; a wait is a row, not a sleep.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{Counts, Outside, registry};
use chrono::{DateTime, TimeDelta, Utc};
use engine::testing::{FakeClock, RunTest};
use engine::{RunEvent, RunStatus, StepStatus, WorkerOptions};
use serde_json::json;

fn noon() -> DateTime<Utc> {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

async fn until(test: &RunTest, run: engine::ids::RunId, wanted: impl Fn(&RunEvent) -> bool) {
    let mut watch = test.engine.watch(test.tenant, run);
    while let Some(event) = watch.next().await.unwrap() {
        if wanted(&event) {
            return;
        }
    }
    panic!("it never came");
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_days_between_two_attempts_take_no_time() {
    let (_folder, outside) = Outside::in_temp();
    let counts = Counts::default();
    let clock = Arc::new(FakeClock::at(noon()));
    let test = RunTest::with_clock(registry(&outside, &counts), clock.clone()).await;
    let yaml = r"
name: patient
steps:
  a:
    uses: test.read
    with: { value: paid, failures: 1 }
    retry: { max_attempts: 2, delay: 60d, max_delay: 90d, jitter: false }
outputs: { a: '${{ steps.a.value }}' }
";
    let workflow = test.publish(yaml).await;
    let run = test.start(&workflow, json!({})).await.unwrap();
    until(&test, run, |event| {
        *event
            == RunEvent::Run {
                status: RunStatus::Waiting,
            }
    })
    .await;
    let due: Vec<DateTime<Utc>> = sqlx::query_scalar("select due_at from engine.timers")
        .fetch_all(&test.db().owner_pool())
        .await
        .unwrap();
    assert_eq!(due, [noon() + TimeDelta::days(60)]);
    clock.advance(Duration::from_secs(60 * 24 * 3600));
    let view = test.finished(run).await;
    assert_eq!(view.outputs, Some(json!({ "a": "paid" })), "{view:#?}");
    assert_eq!(view.ended_at, Some(noon() + TimeDelta::days(60)));
    let left: i64 = sqlx::query_scalar("select count(*) from engine.timers")
        .fetch_one(&test.db().owner_pool())
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_outlives_the_worker_that_began_it() {
    let (_folder, outside) = Outside::in_temp();
    let clock = Arc::new(FakeClock::at(noon()));
    let registry = registry(&outside, &Counts::default());
    let mut test = RunTest::with_clock(registry, clock.clone()).await;
    let yaml = r"
name: patient
steps:
  a: { uses: test.read, with: { failures: 1 }, retry: { max_attempts: 2, delay: 1h, jitter: false } }
";
    let workflow = test.publish(yaml).await;
    let run = test.start(&workflow, json!({})).await.unwrap();
    until(&test, run, |event| {
        matches!(
            event,
            RunEvent::Run {
                status: RunStatus::Waiting
            }
        )
    })
    .await;
    test.stop_worker().await;
    clock.advance(Duration::from_secs(3600));
    test.start_worker(WorkerOptions::default()).await;
    let view = test.finished(run).await;
    assert_eq!(view.status, RunStatus::Succeeded);
    assert_eq!(view.steps[0].attempts.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_is_by_the_clock_of_the_engine() {
    let (_folder, outside) = Outside::in_temp();
    let counts = Counts::default();
    let clock = Arc::new(FakeClock::at(noon()));
    let test = RunTest::with_clock(registry(&outside, &counts), clock.clone()).await;
    let yaml = r"
name: slow
steps:
  a: { uses: test.read, with: { hangs: true }, timeout: 1h }
";
    let workflow = test.publish(yaml).await;
    let run = test.start(&workflow, json!({})).await.unwrap();
    until(&test, run, |event| {
        matches!(
            event,
            RunEvent::Run {
                status: RunStatus::Running
            }
        )
    })
    .await;
    // The attempt may begin a moment after its run: time goes on until it is over.
    let finished = test.finished(run);
    tokio::pin!(finished);
    let view = loop {
        tokio::select! {
            view = &mut finished => break view,
            () = tokio::time::sleep(Duration::from_millis(20)) => {
                clock.advance(Duration::from_secs(3600));
            }
        }
    };
    assert_eq!(view.status, RunStatus::Failed);
    assert_eq!(view.steps[0].status, StepStatus::TimedOut);
    assert_eq!(view.error.unwrap().code, "engine.timed_out");
}
