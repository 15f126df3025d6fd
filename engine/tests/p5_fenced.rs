//! P5: a write with an old epoch changes nothing.

use crate::support::{Counts, Gate, Outside, make_notes, notes, registry_with};
use engine::testing::RunTest;
use engine::{RunStatus, StartRun, StepStatus};
use serde_json::json;
use sqlx::PgPool;

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

/// As the rescue of another worker does.
async fn take_over(owner: &PgPool) {
    for statement in [
        "update engine.runs set owner = null, epoch = epoch + 1",
        "insert into engine.ready (tenant_id, run_id, version_id) select tenant_id, id, version_id from engine.runs",
    ] {
        sqlx::query(statement).execute(owner).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_of_an_old_epoch_records_nothing() {
    let it = setup().await;
    let yaml = "name: gate\nsteps:\n  a: { uses: test.gate, with: { value: 1 } }\n  b: { uses: test.echo, with: { value: '${{ steps.a.value }}' } }\n";
    let workflow = it.test.publish(yaml).await;
    let run = it.test.start(&workflow, json!({})).await.unwrap();
    it.gate.someone_came().await;
    take_over(&it.test.db().owner_pool()).await;
    // The same worker claims it again under a new epoch; both lives go on.
    it.gate.someone_came().await;
    it.gate.let_in(2);
    let view = it.test.finished(run).await;
    assert_eq!(view.status, RunStatus::Succeeded, "{view:#?}");
    assert_eq!(it.counts.of("test.gate"), 2);
    assert_eq!(
        view.steps
            .iter()
            .map(|step| step.attempts.len())
            .sum::<usize>(),
        2
    );
    let epoch: i32 = sqlx::query_scalar("select epoch from engine.run_history")
        .fetch_one(&it.test.db().owner_pool())
        .await
        .unwrap();
    assert_eq!(epoch, 3, "claimed, taken over, claimed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_of_an_old_epoch_is_rolled_back() {
    let it = setup().await;
    let yaml = "name: gate\nsteps:\n  a: { uses: test.gated_write, with: { value: once } }\n";
    let workflow = it.test.publish(yaml).await;
    let run = it.test.start(&workflow, json!({})).await.unwrap();
    it.gate.someone_came().await;
    take_over(&it.test.db().owner_pool()).await;
    it.gate.someone_came().await;
    it.gate.let_in(2);
    let view = it.test.finished(run).await;
    assert_eq!(view.status, RunStatus::Succeeded, "{view:#?}");
    assert_eq!(it.counts.of("test.write"), 2);
    assert_eq!(notes(&it.test.db().owner_pool()).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_effect_of_an_old_epoch_does_not_start() {
    let it = setup().await;
    let yaml = r"
name: gate
steps:
  a: { uses: test.gate, with: { value: 1 } }
  b: { uses: test.gated_send, with: { value: '${{ steps.a.value }}' } }
";
    let workflow = it.test.publish(yaml).await;
    let run = it.test.start(&workflow, json!({})).await.unwrap();
    it.gate.someone_came().await;
    take_over(&it.test.db().owner_pool()).await;
    it.gate.someone_came().await;
    it.gate.let_in(2);
    it.gate.someone_came().await;
    it.gate.let_in(1);
    let view = it.test.finished(run).await;
    assert_eq!(view.step("b").unwrap().status, StepStatus::Succeeded);
    assert_eq!(it.counts.of("test.gated_send"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_a_crash_of_the_database_lost_is_made_again_for_the_same_task() {
    let it = setup().await;
    let yaml = "name: gate\nsteps:\n  a: { uses: test.gate, with: { value: 1 } }\n";
    let workflow = it.test.publish(yaml).await;
    // Queued by another process: born here, it would be durable with its owner.
    let start = StartRun::new(&workflow, json!({}));
    let elsewhere = it.test.another_engine();
    let run = elsewhere.start(it.test.tenant, &start).await.unwrap().run;
    it.gate.someone_came().await;
    let owner = it.test.db().owner_pool();
    for statement in [
        "update engine.runs set owner = null, epoch = epoch - 1, status = 'queued'",
        "insert into engine.ready (tenant_id, run_id, version_id) select tenant_id, id, version_id from engine.runs",
    ] {
        sqlx::query(statement).execute(&owner).await.unwrap();
    }
    let claimed = "select exists (select from engine.runs where owner is not null)";
    while !sqlx::query_scalar::<_, bool>(claimed)
        .fetch_one(&owner)
        .await
        .unwrap()
    {}
    it.gate.let_in(2);
    let view = it.test.finished(run).await;
    assert_eq!(view.status, RunStatus::Succeeded, "{view:#?}");
    assert_eq!(it.counts.of("test.gate"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_has_one_heartbeat_row_however_many_runs_it_has() {
    let it = setup().await;
    let yaml = "name: gate\nsteps:\n  a: { uses: test.gate, with: { value: 1 } }\n";
    let workflow = it.test.publish(yaml).await;
    for _ in 0..5 {
        it.test.start(&workflow, json!({})).await.unwrap();
    }
    for _ in 0..5 {
        it.gate.someone_came().await;
    }
    let rows: i64 = sqlx::query_scalar("select count(*) from engine.workers")
        .fetch_one(&it.test.db().owner_pool())
        .await
        .unwrap();
    assert_eq!(rows, 1);
    it.gate.let_in(5);
}
