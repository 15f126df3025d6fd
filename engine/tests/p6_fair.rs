//! P6: tenants take turns; within a tenant the more urgent run is first.

use crate::support::queue::{queue, tenant, without_worker, workers};
use chrono::{DateTime, Utc};
use engine::ids::TenantId;
use engine::testing::RunTest;
use engine::{RunStatus, TenantSettings, WorkerOptions};
use serde_json::json;
use sqlx::{AssertSqlSafe, Executor, PgPool, Row};

const BACKLOG: usize = 100_000;
const LATE: usize = 10;
const SLOTS: usize = 8;
const BATCH: usize = 4;

/// When the runs of a tenant that started since this instant did.
async fn starts(owner: &PgPool, tenant: TenantId, since: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    sqlx::query_scalar(
        "select started_at from (
            select tenant_id, started_at from engine.run_history
            union all select tenant_id, started_at from engine.runs
         ) r where tenant_id = $1 and started_at > $2 order by started_at",
    )
    .bind(tenant.0)
    .bind(since)
    .fetch_all(owner)
    .await
    .unwrap()
}

/// B queues behind A's backlog; each of its runs starts within its bound.
async fn late_runs_start_in_turn(
    test: &RunTest,
    (a, a_weight): (TenantId, u16),
    (b, b_weight): (TenantId, u16),
    count: usize,
) {
    for (tenant, weight) in [(a, a_weight), (b, b_weight)] {
        let settings = TenantSettings {
            weight,
            ..TenantSettings::default()
        };
        test.engine.set_settings(tenant, settings).await.unwrap();
    }
    let options = WorkerOptions {
        slots: SLOTS,
        batch: BATCH,
        ..WorkerOptions::default()
    };
    let mut working = workers(test, count, &options).await;
    let late = queue(test, b, LATE).await;
    let queued = test.engine.clock().now();
    // The last one first: the others have ended by then.
    for run in late.into_iter().rev() {
        let view = test.engine.finished(b, run).await.unwrap();
        assert_eq!(view.status, RunStatus::Succeeded, "{view:#?}");
    }
    for worker in &mut working {
        worker.stop().await;
    }
    let owner = test.db().owner_pool();
    let left: i64 = sqlx::query_scalar("select count(*) from engine.ready")
        .fetch_one(&owner)
        .await
        .unwrap();
    assert!(left > 1000, "A has still a backlog: {left}");
    let others = starts(&owner, a, queued).await;
    for (n, at) in (1..).zip(starts(&owner, b, queued).await) {
        let before = others.iter().filter(|other| **other <= at).count();
        let turns = n * usize::from(a_weight).div_ceil(usize::from(b_weight));
        let bound = turns + SLOTS * count + BATCH;
        assert!(
            before <= bound,
            "{count} workers, weights {a_weight} to {b_weight}: run {n} of B started after {before} \
             of A's, and {bound} is the bound"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_of_100_000_runs_holds_nobody_up() {
    let (_folder, test) = without_worker().await;
    let mut tenants = [
        tenant(&test).await,
        tenant(&test).await,
        tenant(&test).await,
    ];
    // In the index, one comes before the one with the backlog, and one after it.
    tenants.sort_unstable();
    let [before, a, after] = tenants;
    tokio::join!(queue(&test, a, BACKLOG / 2), queue(&test, a, BACKLOG / 2));
    for count in [1, 2, 4] {
        late_runs_start_in_turn(&test, (a, 1), (after, 1), count).await;
    }
    late_runs_start_in_turn(&test, (a, 3), (after, 1), 2).await;
    late_runs_start_in_turn(&test, (a, 1), (after, 4), 4).await;
    late_runs_start_in_turn(&test, (a, 1), (before, 1), 2).await;
}

/// The text of the claim's statement.
fn statement() -> String {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/store/cross_tenant/claim.rs"
    );
    let source = std::fs::read_to_string(path).unwrap();
    let begin = source.find("with recursive tenants").unwrap();
    let end = begin + source[begin..].find("\"#").unwrap();
    source[begin..end].to_owned()
}

/// Rows that each part of a plan read from the queue, and how.
fn reads(plan: &serde_json::Value, found: &mut Vec<(String, u64)>) {
    let text = |name: &str| plan[name].as_str().unwrap_or_default().to_owned();
    if matches!(text("Relation Name").as_str(), "ready" | "runs" | "tenants") {
        let rows = |name: &str| plan[name].as_u64().unwrap_or_default();
        let read = (rows("Actual Rows") + rows("Rows Removed by Filter")) * rows("Actual Loops");
        found.push((text("Node Type"), read));
    }
    for inner in plan["Plans"].as_array().into_iter().flatten() {
        reads(inner, found);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_reads_what_it_takes_and_no_backlog() {
    let (_folder, test) = without_worker().await;
    let owner = test.db().owner_pool();
    let mut connection = owner.acquire().await.unwrap();
    let claim = format!(
        "prepare claim (uuid, bigint, uuid[], timestamptz, uuid[], bigint[], bigint, uuid, bigint, bigint) as {}",
        statement()
    );
    connection.execute(AssertSqlSafe(claim)).await.unwrap();
    let fill = "insert into engine.ready (tenant_id, run_id, version_id) \
                select $1, gen_random_uuid(), gen_random_uuid() from generate_series(1, $2)";
    for round in ["empty", "full"] {
        if round == "full" {
            for (tenant, rows) in [(1, 100_000), (2, 10), (3, 1000)] {
                sqlx::query(fill)
                    .bind(uuid::Uuid::from_u128(tenant))
                    .bind(rows)
                    .execute(&mut *connection)
                    .await
                    .unwrap();
            }
        }
        // The plan that a worker keeps: made once, for whatever comes.
        let mut tx = sqlx::Connection::begin(&mut *connection).await.unwrap();
        sqlx::query(
            "select set_config('role', 'copro_engine', true), set_config('enable_seqscan', 'off', true), \
             set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true), \
             set_config('plan_cache_mode', 'force_generic_plan', true)",
        )
        .execute(&mut *tx)
        .await
        .unwrap();
        let explained = tx
            .fetch_one(
                "explain (analyze, format json) execute claim (gen_random_uuid(), 64, '{}', now(), '{}', '{}', 0, \
                 '00000000-0000-0000-0000-000000000000', 64, 1000000)",
            )
            .await
            .unwrap();
        tx.rollback().await.unwrap();
        let plan: serde_json::Value = explained.get(0);
        let mut found = Vec::new();
        reads(&plan[0]["Plan"], &mut found);
        assert!(found.len() >= 5, "{found:?}");
        for (how, rows) in found {
            let by_index = how.starts_with("Index") || how == "ModifyTable";
            assert!(
                by_index && rows <= 70,
                "{round}: {how} reads {rows} rows: {plan:#}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_more_urgent_run_of_a_tenant_is_first() {
    let (_folder, mut test) = without_worker().await;
    let yaml = "name: urgent\ninputs: { n: { type: integer, required: true } }\n\
                priority: '${{ inputs.n }}'\nsteps:\n  a: { uses: test.same, with: { value: 1 } }\n";
    let workflow = test.publish(yaml).await;
    let mut queued = Vec::new();
    for n in [0, 5, -3, 9, 5] {
        queued.push((n, test.start(&workflow, json!({ "n": n })).await.unwrap()));
    }
    let options = WorkerOptions {
        slots: 1,
        ..WorkerOptions::default()
    };
    test.start_worker(options).await;
    let mut order = Vec::new();
    for (n, run) in queued {
        order.push((test.finished(run).await.started_at, n));
    }
    order.sort_unstable();
    let order: Vec<_> = order.into_iter().map(|(_, n)| n).collect();
    assert_eq!(order, [9, 5, 5, 0, -3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_priority_out_of_bounds_is_refused_at_the_start() {
    let (_folder, test) = without_worker().await;
    let yaml = "name: urgent\ninputs: { n: { type: integer, required: true } }\n\
                priority: '${{ inputs.n }}'\nsteps:\n  a: { uses: test.same, with: { value: 1 } }\n";
    let workflow = test.publish(yaml).await;
    let refused = test
        .start(&workflow, json!({ "n": 1001 }))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), "run.bad_keyword");
    assert!(
        refused.to_string().contains("from -1000 to 1000"),
        "{refused}"
    );
}
