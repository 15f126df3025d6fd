//! A step that waits is a row: its run holds no worker, and goes on where it stood.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{Counts, Outside, registry};
use chrono::{DateTime, TimeDelta, Utc};
use engine::ids::RunId;
use engine::testing::{FakeClock, RunTest};
use engine::{RunEvent, RunStatus, StepStatus};
use serde_json::json;

const DAY: u64 = 24 * 3600;

fn noon() -> DateTime<Utc> {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

struct Setup {
    _folder: tempfile::TempDir,
    counts: Counts,
    clock: Arc<FakeClock>,
    test: RunTest,
}

async fn setup() -> Setup {
    let (folder, outside) = Outside::in_temp();
    let counts = Counts::default();
    let clock = Arc::new(FakeClock::at(noon()));
    let test = RunTest::with_clock(registry(&outside, &counts), clock.clone()).await;
    Setup {
        _folder: folder,
        counts,
        clock,
        test,
    }
}

/// Waits until nobody has the run and it waits.
async fn waiting(test: &RunTest, run: RunId) {
    let mut watch = test.engine.watch(test.tenant, run);
    while let Some(event) = watch.next().await.unwrap() {
        if matches!(
            event,
            RunEvent::Run {
                status: RunStatus::Waiting
            }
        ) {
            return;
        }
    }
    panic!("it never waited");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_of_sixty_days_holds_no_worker_and_other_branches_go_on() {
    let it = setup().await;
    let yaml = r"
name: patient
steps:
  pause: { uses: test.wait, with: { seconds: 5184000 } }
  other: { uses: test.echo, with: { value: '${{ now }}' } }
  after: { uses: test.same, needs: [pause], with: { value: '${{ now }}' } }
outputs: { other: '${{ steps.other.value }}', woken: '${{ steps.pause.value }}', after: '${{ steps.after.value }}' }
";
    let workflow = it.test.publish(yaml).await;
    let run = it.test.start(&workflow, json!({})).await.unwrap();
    waiting(&it.test, run).await;
    let owned: i64 = sqlx::query_scalar("select count(*) from engine.runs where owner is not null")
        .fetch_one(&it.test.db().owner_pool())
        .await
        .unwrap();
    assert_eq!(owned, 0);
    let view = it.test.engine.run(it.test.tenant, run).await.unwrap();
    assert_eq!(view.step("other").unwrap().status, StepStatus::Succeeded);
    assert_eq!(view.step("pause").unwrap().status, StepStatus::Waiting);
    it.clock.advance(Duration::from_secs(60 * DAY));
    let view = it.test.finished(run).await;
    let end = (noon() + TimeDelta::days(60)).to_rfc3339();
    assert_eq!(
        view.outputs,
        Some(json!({ "other": noon().to_rfc3339(), "woken": end, "after": end })),
        "{view:#?}"
    );
    let pause = &view.step("pause").unwrap().attempts[0];
    assert_eq!(pause.ended_at, Some(noon() + TimeDelta::days(60)));
    let said: Vec<_> = pause
        .logs
        .iter()
        .map(|line| line.message.as_str())
        .collect();
    assert_eq!(said, ["begun", "woken"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn items_wait_each_for_its_own_time() {
    let it = setup().await;
    let yaml = r"
name: items
steps:
  list: { uses: test.echo, with: { value: [3, 1, 2] } }
  each:
    for_each: '${{ steps.list.value }}'
    concurrency: 2
    steps:
      pause: { uses: test.wait, with: { seconds: '${{ item * 86400 }}' } }
      after: { uses: test.same, needs: [pause], with: { value: '${{ now }}' } }
  flat:
    uses: test.wait
    for_each: '${{ steps.list.value }}'
    concurrency: 3
    with: { seconds: '${{ item * 86400 }}' }
outputs: { each: '${{ steps.each.map(|it| it.after.value) }}', flat: '${{ steps.flat.map(|it| it.value) }}' }
";
    let workflow = it.test.publish(yaml).await;
    let run = it.test.start(&workflow, json!({})).await.unwrap();
    waiting(&it.test, run).await;
    for day in 1..=3 {
        it.clock.advance(Duration::from_secs(DAY));
        let ended = async {
            // All that begins at this hour has begun, all that ends has ended.
            while it.counts.of("woken") < [2, 3, 6][day - 1] || it.counts.of("test.wait") < 6 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), ended)
            .await
            .unwrap();
    }
    let view = it.test.finished(run).await;
    let day = |days| (noon() + TimeDelta::days(days)).to_rfc3339();
    // The third item begins when the second has ended, after a day.
    assert_eq!(
        view.outputs,
        Some(json!({ "each": [day(3), day(1), day(3)], "flat": [day(3), day(1), day(2)] })),
        "{view:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fails_or_is_cancelled_waits_no_more() {
    let it = setup().await;
    let failing = r"
name: failing
steps:
  pause: { uses: test.wait, with: { seconds: 86400 } }
  bad: { uses: test.bad, with: { how: fail } }
";
    let view = it.test.run(failing, json!({})).await;
    assert_eq!(view.status, RunStatus::Failed);
    assert_eq!(view.step("pause").unwrap().status, StepStatus::Cancelled);
    let patient = r"
name: patient
steps:
  each:
    for_each: [1, 2]
    concurrency: 2
    steps:
      pause: { uses: test.wait, with: { seconds: 86400 } }
";
    let workflow = it.test.publish(patient).await;
    let run = it.test.start(&workflow, json!({})).await.unwrap();
    waiting(&it.test, run).await;
    it.test.engine.cancel(it.test.tenant, run).await.unwrap();
    let view = it.test.finished(run).await;
    assert_eq!(view.status, RunStatus::Cancelled);
    assert_eq!(
        view.step("each[1].pause").unwrap().status,
        StepStatus::Cancelled
    );
    let left: i64 = sqlx::query_scalar("select count(*) from engine.timers")
        .fetch_one(&it.test.db().owner_pool())
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_item_ends_the_waits_of_the_others() {
    let it = setup().await;
    let yaml = r"
name: mixed
steps:
  each:
    for_each: [0, 1]
    concurrency: 2
    on_error: continue
    steps:
      pause: { uses: test.wait, if: '${{ item == 0 }}', with: { seconds: 86400 } }
      bad: { uses: test.bad, if: '${{ item == 1 }}', with: { how: fail } }
";
    let view = it.test.run(yaml, json!({})).await;
    assert_eq!(view.status, RunStatus::Succeeded, "{view:#?}");
    assert_eq!(
        view.step("each[0].pause").unwrap().status,
        StepStatus::Cancelled
    );
}
