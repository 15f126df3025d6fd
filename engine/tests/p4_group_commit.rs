//! P4: checkpoints of all runs are flushed together; one bad value fails its own step.

use crate::support::{Counts, Outside, registry};
use engine::RunStatus;
use engine::testing::RunTest;
use serde_json::json;

const FIVE: &str = r"
name: five
inputs:
  n: { type: integer, required: true }
steps:
  a: { uses: test.echo, with: { value: '${{ inputs.n + 1 }}' } }
  b: { uses: test.echo, with: { value: '${{ steps.a.value + 1 }}' } }
  c: { uses: test.echo, with: { value: '${{ steps.b.value + 1 }}' } }
  d: { uses: test.echo, with: { value: '${{ steps.c.value + 1 }}' } }
  e: { uses: test.echo, with: { value: '${{ steps.d.value + 1 }}' } }
outputs: { last: '${{ steps.e.value }}' }
";

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_pure_steps_is_one_write() {
    let (_folder, outside) = Outside::in_temp();
    let test = RunTest::new(registry(&outside, &Counts::default())).await;
    let view = test.run(FIVE, json!({ "n": 1 })).await;
    assert_eq!(view.status, RunStatus::Succeeded, "{view:#?}");
    assert_eq!(view.outputs, Some(json!({ "last": 6 })));
    assert_eq!(view.steps.len(), 5);
    let writers: Vec<String> = sqlx::query_scalar(
        "select xmin::text from engine.step_history union select xmin::text from engine.run_history",
    )
    .fetch_all(&test.db().owner_pool())
    .await
    .unwrap();
    assert_eq!(writers.len(), 1, "all rows are of one transaction");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_value_fails_its_own_step_and_not_the_batch() {
    let (_folder, outside) = Outside::in_temp();
    let test = RunTest::new(registry(&outside, &Counts::default())).await;
    // A row that the database refuses, whatever the reason.
    for statement in [
        "create function engine.refuse() returns trigger language plpgsql as $$ \
         begin if new.step = 'poison' and new.status = 'succeeded' then \
         raise exception 'refused' using errcode = '22000'; end if; return new; end $$",
        "grant execute on function engine.refuse() to public",
        "create trigger refuse before insert or update on engine.steps \
         for each row execute function engine.refuse()",
        "create trigger refuse before insert on engine.step_history \
         for each row execute function engine.refuse()",
    ] {
        sqlx::query(statement)
            .execute(&test.db().owner_pool())
            .await
            .unwrap();
    }
    let bad = FIVE
        .replace("name: five", "name: bad")
        .replace(" c: {", " poison: {");
    let bad = bad.replace("steps.c.", "steps.poison.");
    let (five, bad) = (test.publish(FIVE).await, test.publish(&bad).await);
    let mut runs = Vec::new();
    for n in 0..20 {
        let workflow = if n % 4 == 0 { &bad } else { &five };
        runs.push((n, test.start(workflow, json!({ "n": n })).await.unwrap()));
    }
    for (n, run) in runs {
        let view = test.finished(run).await;
        if n % 4 == 0 {
            assert_eq!(view.status, RunStatus::Failed);
            assert_eq!(view.error.unwrap().code, "engine.unstorable");
            assert_eq!(view.steps.len(), 3, "those before it are kept");
        } else {
            assert_eq!(view.outputs, Some(json!({ "last": n + 5 })));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_runs_share_few_commits() {
    let (_folder, outside) = Outside::in_temp();
    let mut test = RunTest::without_worker(
        registry(&outside, &Counts::default()),
        std::sync::Arc::new(engine::clock::SystemClock),
    )
    .await;
    let workflow = test.publish(FIVE).await;
    let mut runs = Vec::new();
    for n in 0..200 {
        runs.push(test.start(&workflow, json!({ "n": n })).await.unwrap());
    }
    test.start_worker(engine::WorkerOptions::default()).await;
    for run in &runs {
        assert_eq!(test.finished(*run).await.status, RunStatus::Succeeded);
    }
    let commits: i64 =
        sqlx::query_scalar("select count(distinct xmin::text) from engine.run_history")
            .fetch_one(&test.db().owner_pool())
            .await
            .unwrap();
    assert!(commits < 100, "{commits} commits for 200 runs");
}
