//! A budget ends the run before its next paid step begins; what was used is
//! counted once, with the record that says it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use engine::graph::Budget;
use engine::node::{Ctx, Effect, Node, NodeResult, NodeSpec, Registry, TransactionNode};
use engine::store::Tx;
use engine::testing::{FakeClock, RunTest};
use engine::{Rerun, RunStatus, RunView, TenantSettings};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::support::{Counts, Pause, Same};

const DAY: Duration = Duration::from_secs(24 * 3600);

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PayConfig {
    #[serde(default)]
    cost: Decimal,
    #[serde(default)]
    tokens: u64,
    #[serde(default)]
    seconds: u64,
}

/// Uses what it is told to, and takes its time.
struct Pay(Arc<FakeClock>, Counts);

impl Node for Pay {
    const SPEC: NodeSpec = NodeSpec::new("test.pay", Effect::Read).paid();
    type Config = PayConfig;
    type Output = u64;

    async fn run(&self, ctx: &Ctx, config: PayConfig) -> NodeResult<u64> {
        self.1.add("test.pay");
        self.0.advance(Duration::from_secs(config.seconds));
        ctx.spend(config.cost, config.tokens);
        Ok(config.tokens)
    }
}

/// The same in a transaction.
struct PayIn(Counts);

impl TransactionNode for PayIn {
    const SPEC: NodeSpec = NodeSpec::new("test.pay_in", Effect::Transaction).paid();
    type Config = PayConfig;
    type Output = u64;

    async fn run(&self, ctx: &Ctx, _tx: &mut Tx<'_>, config: PayConfig) -> NodeResult<u64> {
        self.0.add("test.pay");
        ctx.spend(config.cost, config.tokens);
        Ok(config.tokens)
    }
}

struct Setup {
    counts: Counts,
    clock: Arc<FakeClock>,
    test: RunTest,
}

async fn setup() -> Setup {
    let counts = Counts::default();
    let now: DateTime<Utc> = "2026-03-01T12:00:00Z".parse().unwrap();
    let clock = Arc::new(FakeClock::at(now));
    let registry = Registry::builder()
        .node(Pay(Arc::clone(&clock), counts.clone()))
        .transaction(PayIn(counts.clone()))
        .node(Same)
        .waiting(Pause(counts.clone()))
        .build();
    let test = RunTest::with_clock(registry.unwrap(), Arc::clone(&clock) as _).await;
    Setup {
        counts,
        clock,
        test,
    }
}

fn code(view: &RunView) -> &str {
    view.error.as_ref().map_or("", |error| &error.code)
}

impl Setup {
    /// What is counted of the tenant, over all months: cost and tokens.
    async fn counted(&self) -> (Decimal, i64) {
        let sum =
            "select coalesce(sum(cost), 0), coalesce(sum(tokens), 0)::bigint from engine.spending";
        sqlx::query_as(sum)
            .fetch_one(&self.test.db().owner_pool())
            .await
            .unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_budget_ends_the_run_before_its_next_paid_step() {
    for (budget, usage) in [
        ("{ max_cost: '1.00' }", "{ cost: '0.60' }"),
        ("{ max_tokens: 1000 }", "{ tokens: 600 }"),
        ("{ max_time: 10m }", "{ seconds: 360 }"),
    ] {
        let setup = setup().await;
        let yaml = format!(
            "name: pays\nbudget: {budget}\nsteps:\n  \
             a: {{ uses: test.pay, with: {usage} }}\n  \
             b: {{ uses: test.pay, needs: [a], with: {usage} }}\n  \
             free: {{ uses: test.same, needs: [b], with: {{ value: 1 }} }}\n  \
             c: {{ uses: test.pay, needs: [free], on_error: continue, with: {usage} }}\n  \
             d: {{ uses: test.same, needs: [c], with: {{ value: 1 }} }}\n\
             finally:\n  last: {{ uses: test.same, with: {{ value: '${{{{ error?.code }}}}' }} }}\n"
        );
        let view = setup.test.run(&yaml, json!({})).await;
        assert_eq!(view.status, RunStatus::Failed, "{budget}: {view:#?}");
        assert_eq!(code(&view), "engine.budget_spent", "{budget}");
        assert_eq!(view.error.as_ref().unwrap().step.as_deref(), Some("c"));
        assert_eq!(setup.counts.of("test.pay"), 2, "{budget}");
        let status = |path: &str| view.step(path).map(|step| step.status.as_str());
        assert_eq!(status("free"), Some("succeeded"));
        assert_eq!(status("d"), None, "nothing lets it pass");
        let last = &view.step("last").unwrap().attempts[0];
        assert_eq!(last.output, Some(json!({ "value": "engine.budget_spent" })));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_used_is_known_after_a_wait_and_in_items() {
    let setup = setup().await;
    let yaml = r"
name: waits
budget: { max_cost: '1.00' }
steps:
  a: { uses: test.pay, with: { cost: '0.50' } }
  pause: { uses: test.wait, needs: [a], with: { seconds: 60 } }
  each:
    uses: test.pay_in
    for_each: '${{ [1, 2, 3, 4] }}'
    needs: [pause]
    on_item_error: collect
    with: { cost: '0.25', tokens: 7 }
";
    let workflow = setup.test.publish(yaml).await;
    let run = setup.test.start(&workflow, json!({})).await.unwrap();
    let mut watch = setup.test.engine.watch(setup.test.tenant, run);
    let status = RunStatus::Waiting;
    while watch.next().await.unwrap() != Some(engine::RunEvent::Run { status }) {}
    setup.clock.advance(DAY);
    let view = setup.test.finished(run).await;
    assert_eq!(code(&view), "engine.budget_spent", "{view:#?}");
    assert_eq!(setup.counts.of("test.pay"), 3);
    assert_eq!(setup.counted().await, (Decimal::ONE, 14));
    let used = view.step("each[1]").unwrap().attempts[0].usage;
    assert_eq!((used.cost, used.tokens), (Decimal::new(25, 2), 7));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_budget_of_a_manager_is_that_of_all_its_runs_in_a_month() {
    let setup = setup().await;
    let settings = TenantSettings {
        budget: Budget {
            max_cost: Some(Decimal::new(200, 2)),
            ..Budget::default()
        },
        ..TenantSettings::default()
    };
    let (tenant, engine) = (setup.test.tenant, &setup.test.engine);
    engine.set_settings(tenant, settings).await.unwrap();
    assert_eq!(engine.settings(tenant).await.unwrap(), settings);
    let yaml = "name: pays\nsteps:\n  a: { uses: test.pay, with: { cost: '0.75' } }\n  \
                b: { uses: test.pay_in, needs: [a], with: { cost: '0.75' } }\n";
    let first = setup.test.run(yaml, json!({})).await;
    assert_eq!(first.status, RunStatus::Succeeded, "{first:#?}");
    let second = setup.test.start("pays", json!({})).await.unwrap();
    let second = setup.test.finished(second).await;
    assert_eq!(code(&second), "engine.tenant_budget_spent", "{second:#?}");
    assert_eq!(second.error.unwrap().step.as_deref(), Some("b"));
    assert_eq!(setup.counted().await.0, Decimal::new(225, 2));
    // Another month, another budget; and what is taken over costs nothing again.
    setup.clock.advance(DAY * 31);
    let again = engine
        .rerun(tenant, second.id, &Rerun::failed())
        .await
        .unwrap();
    let again = setup.test.finished(again.run).await;
    assert_eq!(again.status, RunStatus::Succeeded, "{again:#?}");
    assert_eq!(setup.counted().await.0, Decimal::new(300, 2));
}
