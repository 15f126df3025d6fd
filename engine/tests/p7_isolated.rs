//! P7: no request and no step reaches another tenant.

use std::sync::Arc;

use crate::support::{Counts, Outside, registry};
use engine::clock::SystemClock;
use engine::ids::TenantId;
use engine::testing::RunTest;
use engine::{EngineError, RunFilter};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool, Postgres, Transaction};

/// Tables without a tenant, each with its reason.
const TENANTLESS: &[&str] = &[
    // One row a worker process; workers serve all tenants.
    "workers",
];

const LABELLED: &str = r"
name: labelled
inputs: { n: { type: integer, required: true } }
labels: { n: '${{ inputs.n }}' }
steps:
  list: { uses: test.echo, with: { value: [1, 2] } }
  each: { uses: test.echo, for_each: '${{ steps.list.value }}', with: { value: '${{ item }}' } }
";

async fn setup() -> (tempfile::TempDir, RunTest) {
    let (folder, outside) = Outside::in_temp();
    let registry = registry(&outside, &Counts::default());
    let test = RunTest::without_worker(registry, Arc::new(SystemClock)).await;
    (folder, test)
}

async fn become_role(pool: &PgPool, role: &str, tenant: &str) -> Transaction<'static, Postgres> {
    let mut tx = pool.begin().await.unwrap();
    sqlx::query("select set_config('role', $1, true), set_config('app.tenant', $2, true)")
        .bind(role)
        .bind(tenant)
        .execute(&mut *tx)
        .await
        .unwrap();
    tx
}

async fn tables(test: &RunTest) -> Vec<String> {
    sqlx::query_scalar(
        "select c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace \
         where n.nspname = 'engine' and c.relkind in ('r', 'p') order by 1",
    )
    .fetch_all(&test.db().owner_pool())
    .await
    .unwrap()
}

/// Those that are reached by their own name, not as a partition.
async fn parents(test: &RunTest) -> Vec<String> {
    sqlx::query_scalar(
        "select c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace \
         where n.nspname = 'engine' and c.relkind in ('r', 'p') and not c.relispartition order by 1",
    )
    .fetch_all(&test.db().owner_pool())
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_table_escapes_isolation() {
    let (_folder, test) = setup().await;
    let owner = test.db().owner_pool();
    let known = tables(&test).await;
    assert!(known.len() > 20, "the catalogue is read: {known:?}");
    for table in known.iter().filter(|it| !TENANTLESS.contains(&it.as_str())) {
        let (enabled, forced): (bool, bool) = sqlx::query_as(
            "select relrowsecurity, relforcerowsecurity from pg_class where oid = ('engine.' || $1)::regclass",
        )
        .bind(table)
        .fetch_one(&owner)
        .await
        .unwrap();
        assert!(enabled && forced, "row-level security of {table}");
        let first: Option<String> = sqlx::query_scalar(
            "select a.attname::text from pg_index i \
             join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0] \
             where i.indrelid = ('engine.' || $1)::regclass and i.indisprimary",
        )
        .bind(table)
        .fetch_optional(&owner)
        .await
        .unwrap();
        assert_eq!(first.as_deref(), Some("tenant_id"), "the key of {table}");
        let open: Vec<String> = sqlx::query_scalar(
            "select policyname || ': ' || coalesce(qual, '') from pg_policies \
             where schemaname = 'engine' and tablename = $1 \
             and roles && array['copro_app', 'public']::name[] and qual not like '%app.tenant%'",
        )
        .bind(table)
        .fetch_all(&owner)
        .await
        .unwrap();
        assert!(open.is_empty(), "policies of {table}: {open:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_is_reached_through_its_parent_only() {
    let (_folder, test) = setup().await;
    let granted: Vec<String> = sqlx::query_scalar(
        "select c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace \
         where n.nspname = 'engine' and c.relispartition and c.relkind = 'r' and c.relacl is not null \
         and (has_table_privilege('copro_app', c.oid, 'select, insert, update, delete') \
           or has_table_privilege('copro_engine', c.oid, 'select, insert, update, delete'))",
    )
    .fetch_all(&test.db().owner_pool())
    .await
    .unwrap();
    assert!(granted.is_empty(), "{granted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_sees_its_own_rows_only_and_nobody_sees_any_without_a_tenant() {
    let (_folder, mut test) = setup().await;
    let workflow = test.publish(LABELLED).await;
    let ended = test.start(&workflow, json!({ "n": 1 })).await.unwrap();
    test.start_worker(engine::WorkerOptions::default()).await;
    test.finished(ended).await;
    test.stop_worker().await;
    let open = test.start(&workflow, json!({ "n": 2 })).await.unwrap();
    test.engine.cancel(test.tenant, open).await.unwrap();
    let pool = test.db().pool();
    let (mine, other) = (test.tenant.to_string(), uuid::Uuid::max().to_string());
    for table in parents(&test).await {
        if TENANTLESS.contains(&table.as_str()) {
            continue;
        }
        let count = format!("select count(*) from engine.{table}");
        for (tenant, sees) in [(other.as_str(), false), ("", false), (mine.as_str(), true)] {
            let mut tx = become_role(&pool, "copro_app", tenant).await;
            let rows: i64 = sqlx::query_scalar(AssertSqlSafe(count.clone()))
                .fetch_one(&mut *tx)
                .await
                .unwrap();
            let filled = !matches!(
                table.as_str(),
                "steps"
                    | "items"
                    | "tenants"
                    | "timers"
                    | "triggers"
                    | "outbox"
                    | "payloads"
                    | "spending"
                    | "payload_history"
                    | "events"
                    | "dedup"
                    | "trigger_faults"
                    | "schedules"
                    | "credentials"
                    | "tokens"
                    | "waits"
                    | "limits"
                    | "slots"
                    | "lines"
                    | "rates"
                    | "paced"
                    | "debounced"
            );
            assert_eq!(rows > 0, sees && filled, "{table} as `{tenant}`: {rows}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_cannot_write_for_another() {
    let (_folder, test) = setup().await;
    let workflow = test.publish(LABELLED).await;
    let run = test.start(&workflow, json!({ "n": 1 })).await.unwrap();
    let pool = test.db().pool();
    let other = uuid::Uuid::max().to_string();
    let mine = test.tenant;
    for statement in [
        format!(
            "insert into engine.ready (tenant_id, run_id, version_id) values ('{mine}', gen_random_uuid(), gen_random_uuid())"
        ),
        format!(
            "insert into engine.inbox (tenant_id, run_id, kind, sent_at, data) values ('{mine}', '{run}', 'cancel', now(), '')"
        ),
        format!(
            "insert into engine.workflows (tenant_id, name, created_at) values ('{mine}', 'x', now())"
        ),
        format!("insert into engine.data_keys (tenant_id, sealed) values ('{mine}', '')"),
    ] {
        let mut tx = become_role(&pool, "copro_app", &other).await;
        let refused = sqlx::query(AssertSqlSafe(statement.clone()))
            .execute(&mut *tx)
            .await;
        let error = refused.expect_err(&statement).to_string();
        assert!(error.contains("row-level security"), "{statement}: {error}");
    }
    let mut tx = become_role(&pool, "copro_app", &other).await;
    let touched = sqlx::query("update engine.runs set status = 'waiting'")
        .execute(&mut *tx)
        .await
        .unwrap();
    assert_eq!(touched.rows_affected(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_flush_reaches_queue_and_checkpoints_and_no_definition_nor_key() {
    let (_folder, test) = setup().await;
    test.publish(LABELLED).await;
    // Which version is published is all that it may know of a definition.
    for statement in [
        "select count(*) from engine.versions",
        "select count(*) from engine.data_keys",
        "select created_at from engine.workflows",
        "update engine.workflows set published = null",
    ] {
        let mut tx = become_role(&test.db().pool(), "copro_engine", "").await;
        let refused = sqlx::query(statement).execute(&mut *tx).await;
        let error = refused.expect_err(statement).to_string();
        assert!(error.contains("permission denied"), "{statement}: {error}");
    }
    let mut tx = become_role(&test.db().pool(), "copro_engine", "").await;
    let refused = sqlx::query("create table copro.x ()")
        .execute(&mut *tx)
        .await;
    assert!(refused.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_facade_finds_nothing_of_another_tenant() {
    let (_folder, test) = setup().await;
    let workflow = test.publish(LABELLED).await;
    let run = test.start(&workflow, json!({ "n": 1 })).await.unwrap();
    let other = TenantId(uuid::Uuid::max());
    let engine = &test.engine;
    let unknown = |error| matches!(error, EngineError::UnknownRun(_));
    assert!(unknown(engine.run(other, run).await.unwrap_err()));
    assert!(unknown(engine.cancel(other, run).await.unwrap_err()));
    let list = engine.runs(other, &RunFilter::default()).await.unwrap();
    assert!(list.is_empty());
    let start = engine::StartRun::new(workflow, json!({ "n": 1 }));
    let refused = engine.start(other, &start).await;
    assert!(matches!(refused, Err(EngineError::UnknownWorkflow(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_carries_is_sealed_with_its_tenants_key() {
    let (_folder, mut test) = setup().await;
    let yaml = r"
name: secret
inputs: { who: { type: string, required: true } }
steps:
  a: { uses: test.echo, with: { value: '${{ inputs.who }}' } }
outputs: { who: '${{ steps.a.value }}' }
";
    let workflow = test.publish(yaml).await;
    let who = "Madame Lefebvre-Dubois";
    let run = test.start(&workflow, json!({ "who": who })).await.unwrap();
    test.start_worker(engine::WorkerOptions::default()).await;
    assert_eq!(
        test.finished(run).await.outputs,
        Some(json!({ "who": who }))
    );
    let stored: Vec<Vec<u8>> = sqlx::query_scalar(
        "select data from engine.run_history union all select result from engine.run_history \
         union all select data from engine.step_history",
    )
    .fetch_all(&test.db().owner_pool())
    .await
    .unwrap();
    assert_eq!(stored.len(), 3);
    for bytes in stored {
        assert!(!bytes.windows(8).any(|it| it == &who.as_bytes()[..8]));
    }
    // Destroying the key erases the tenant for whoever opens it anew.
    sqlx::query("delete from engine.data_keys")
        .execute(&test.db().owner_pool())
        .await
        .unwrap();
    let (_folder, outside) = Outside::in_temp();
    let registry = registry(&outside, &Counts::default());
    let master = engine::crypto::MasterKey::generate();
    let again = engine::Engine::new(test.db().pool(), registry, master, Arc::new(SystemClock));
    let refused = again.run(test.tenant, run).await;
    assert!(matches!(refused, Err(EngineError::Store(_))));
}
