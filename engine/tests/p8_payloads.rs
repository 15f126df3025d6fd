//! P8: a value above 256 KiB is stored apart, and nobody who reads it notices.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{Counts, Outside, Pause, Same, Send, Write_, make_notes};
use chrono::{DateTime, Utc};
use engine::ids::{RunId, TenantId};
use engine::node::{Ctx, Effect, Node, NodeResult, NodeSpec, Registry};
use engine::testing::{FakeClock, RunTest};
use engine::{EngineError, Rerun, RunEvent, RunStatus, RunView, WorkerOptions};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

const MIB: u64 = 1 << 20;
const DAY: Duration = Duration::from_secs(24 * 3600);
/// What a text is longer by as a step's `value`.
const AROUND: u64 = r#"{"value":""}"#.len() as u64;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TextConfig {
    bytes: usize,
}

/// Gives a text of so many bytes.
struct Text;

impl Node for Text {
    const SPEC: NodeSpec = NodeSpec::new("test.text", Effect::Read);
    type Config = TextConfig;
    type Output = String;

    async fn run(&self, _ctx: &Ctx, config: TextConfig) -> NodeResult<String> {
        Ok("x".repeat(config.bytes))
    }
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
    let registry = Registry::builder()
        .node(Same)
        .node(Send(outside.clone(), counts.clone()))
        .node(Text)
        .waiting(Pause(counts.clone()))
        .transaction(Write_(outside, counts.clone()))
        .build();
    let now: DateTime<Utc> = "2026-03-01T12:00:00Z".parse().unwrap();
    let clock = Arc::new(FakeClock::at(now));
    let test = RunTest::with_clock(registry.unwrap(), Arc::clone(&clock) as _).await;
    make_notes(&test.db().owner_pool()).await;
    Setup {
        _folder: folder,
        counts,
        clock,
        test,
    }
}

impl Setup {
    /// Publishes and starts, and waits until nobody has the run.
    async fn waiting(&self, yaml: &str, inputs: Value) -> RunId {
        let workflow = self.test.publish(yaml).await;
        let run = self.test.start(&workflow, inputs).await.unwrap();
        let mut watch = self.test.engine.watch(self.test.tenant, run);
        while let Some(event) = watch.next().await.unwrap() {
            let status = RunStatus::Waiting;
            if event == (RunEvent::Run { status }) {
                return run;
            }
        }
        panic!("it never waited");
    }

    /// The same, then its time has come.
    async fn woken(&self, yaml: &str, inputs: Value) -> RunView {
        let run = self.waiting(yaml, inputs).await;
        self.clock.advance(DAY);
        self.test.finished(run).await
    }

    async fn code_of(&self, yaml: &str) -> String {
        let view = self.test.run(yaml, json!({})).await;
        assert_eq!(view.status, RunStatus::Failed);
        view.error.unwrap().code
    }

    async fn is_forgotten(&self, run: RunId) -> bool {
        let gone = self.test.engine.run(self.test.tenant, run).await;
        matches!(gone, Err(EngineError::UnknownRun(_)))
    }

    async fn count(&self, table: &str) -> i64 {
        let statement = format!("select count(*) from engine.{table}");
        sqlx::query_scalar(AssertSqlSafe(statement))
            .fetch_one(&self.test.db().owner_pool())
            .await
            .unwrap()
    }
}

const LARGE: &str = r"
name: large
inputs: { bytes: { type: integer, default: 1048576 }, seconds: { type: integer, default: 60 } }
steps:
  text: { uses: test.text, with: { bytes: '${{ inputs.bytes }}' } }
  same: { uses: test.same, with: { value: '${{ steps.text }}' } }
  pause: { uses: test.wait, needs: [same], with: { seconds: '${{ inputs.seconds }}' } }
  size: { uses: test.same, needs: [pause], with: { value: '${{ steps.same.value.len() + steps.text.len() }}' } }
outputs: { size: '${{ steps.size.value }}' }
";

#[tokio::test(flavor = "multi_thread")]
async fn a_large_value_is_read_like_any_other_up_to_16_mib() {
    let setup = setup().await;
    for bytes in [MIB, 16 * MIB - AROUND] {
        let view = setup.woken(LARGE, json!({ "bytes": bytes })).await;
        assert_eq!(
            view.outputs,
            Some(json!({ "size": 2 * bytes })),
            "{:?}",
            view.error
        );
        let attempt = &view.step("same").unwrap().attempts[0];
        assert_eq!((&attempt.input, &attempt.output), (&None, &None));
        let (tenant, engine) = (setup.test.tenant, &setup.test.engine);
        let output = attempt.apart.output.unwrap();
        assert_eq!(output.bytes as u64, bytes + AROUND);
        let value = engine.value(tenant, view.id, output.id).await.unwrap();
        assert_eq!(value["value"].as_str().unwrap().len() as u64, bytes);
        let whole = engine.whole_run(tenant, view.id).await.unwrap();
        let attempt = &whole.step("same").unwrap().attempts[0];
        assert!(attempt.input.is_some() && attempt.apart.is_empty());
    }
    // The records themselves stay small, and what is large left the open tables.
    let owner = setup.test.db().owner_pool();
    let longest = "select max(length(data)) from engine.step_history";
    let longest: i32 = sqlx::query_scalar(longest).fetch_one(&owner).await.unwrap();
    assert!(longest < 1000, "{longest}");
    assert_eq!(setup.count("payloads").await, 0);
    assert_eq!(setup.count("payload_history").await, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_larger_than_16_mib_is_refused_and_never_stored() {
    let setup = setup().await;
    let output = "name: a\nsteps:\n  a: { uses: test.text, with: { bytes: 52428800 } }\n";
    assert_eq!(setup.code_of(output).await, "engine.output_too_large");
    let input = "name: b\nsteps:\n  a: { uses: test.text, with: { bytes: 10000000 } }\n  \
                 b: { uses: test.same, with: { value: '${{ steps.a }} ${{ steps.a }}' } }\n";
    assert_eq!(setup.code_of(input).await, "engine.input_too_large");
    let outputs = "name: c\nsteps:\n  a: { uses: test.text, with: { bytes: 1000000 } }\n\
                   outputs: { a: '${{ steps.a }}' }\n";
    assert_eq!(setup.code_of(outputs).await, "engine.output_too_large");
    // One each of the last two: what they gave before.
    assert_eq!(setup.count("payload_history").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn effects_and_items_have_large_values_too_each_stored_once() {
    let yaml = r"
name: effects
steps:
  text: { uses: test.text, with: { bytes: 300000 } }
  book: { uses: test.write, with: { value: '${{ steps.text }}' } }
  tell: { uses: test.send, with: { value: '${{ steps.text }}' } }
  each:
    for_each: '${{ [1, 2, 3] }}'
    concurrency: 2
    steps:
      own: { uses: test.text, with: { bytes: '${{ 300000 + item }}' } }
      pause: { uses: test.wait, needs: [own], with: { seconds: 60 } }
      size: { uses: test.same, needs: [pause], with: { value: '${{ steps.own.len() }}' } }
  sizes: { uses: test.same, with: { value: '${{ steps.each.map(|it| it.size.value + it.own.len()) }}' } }
outputs: { sizes: '${{ steps.sizes.value }}', book: '${{ steps.book.value.len() }}' }
";
    let setup = setup().await;
    let run = setup.waiting(yaml, json!({})).await;
    for _ in 0..2 {
        setup.clock.advance(DAY);
    }
    let view = loop {
        let view = setup.test.engine.run(setup.test.tenant, run).await.unwrap();
        match view.status.is_final() {
            true => break view,
            false => setup.clock.advance(DAY),
        }
        tokio::task::yield_now().await;
    };
    let expected = json!({ "sizes": [600_002, 600_004, 600_006], "book": 300_000 });
    assert_eq!(view.outputs, Some(expected), "{:?}", view.error);
    // The text; input and output of `book`; the input of `tell`, which intent
    // and outcome share; three of the items.
    assert_eq!(setup.count("payload_history").await, 7);
    assert_eq!(setup.counts.of("test.send"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_does_not_need_a_large_value_does_not_read_it() {
    let yaml = r"
name: lazy
steps:
  text: { uses: test.text, with: { bytes: 300000 } }
  size: { uses: test.same, with: { value: '${{ steps.text.len() }}' } }
  pause: { uses: test.wait, needs: [size], with: { seconds: 60 } }
  last: { uses: test.same, needs: [pause], with: { value: '${{ steps.size.value }}' } }
outputs: { size: '${{ steps.last.value }}' }
";
    let setup = setup().await;
    let run = setup.waiting(yaml, json!({})).await;
    // Whoever reads it now fails.
    let spoil = "update engine.payloads set data = ''";
    let owner = setup.test.db().owner_pool();
    sqlx::query(spoil).execute(&owner).await.unwrap();
    setup.clock.advance(DAY);
    let view = setup.test.finished(run).await;
    assert_eq!(
        view.outputs,
        Some(json!({ "size": 300_000 })),
        "{:?}",
        view.error
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn large_values_are_their_tenants_and_go_with_it() {
    let mut setup = setup().await;
    let view = setup.woken(LARGE, json!({})).await;
    let open = setup.waiting(LARGE, json!({})).await;
    let (tenant, engine) = (setup.test.tenant, setup.test.engine.clone());
    let other = TenantId::new(engine.clock().now());
    let id = view.step("text").unwrap().attempts[0]
        .apart
        .output
        .unwrap()
        .id;
    let refused = engine.value(other, view.id, id).await;
    assert!(
        matches!(refused, Err(EngineError::UnknownRun(_))),
        "{refused:?}"
    );
    let refused = engine.value(tenant, open, id).await;
    assert!(
        matches!(refused, Err(EngineError::UnknownValue(_))),
        "{refused:?}"
    );
    let owner = setup.test.db().owner_pool();
    for (seen_by, most) in [(tenant, 6), (other, 0)] {
        let mut tx = owner.begin().await.unwrap();
        let role =
            "select set_config('role', 'copro_app', true), set_config('app.tenant', $1, true)";
        sqlx::query(role)
            .bind(seen_by.to_string())
            .execute(&mut *tx)
            .await
            .unwrap();
        let seen = "select (select count(*) from engine.payloads) + (select count(*) from engine.payload_history)";
        let seen: i64 = sqlx::query_scalar(seen).fetch_one(&mut *tx).await.unwrap();
        assert_eq!(seen, most);
    }
    setup.test.stop_worker().await;
    let mut erasing = setup.test.engine.begin(tenant).await.unwrap();
    erasing.erase_tenant().await.unwrap();
    erasing.commit().await.unwrap();
    assert_eq!(
        (
            setup.count("payloads").await,
            setup.count("payload_history").await
        ),
        (0, 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn large_values_are_dropped_with_their_run() {
    let mut setup = setup().await;
    let brief = format!("{LARGE}\nretention: brief\n");
    let run = setup.woken(&brief, json!({})).await.id;
    let long = DAY.as_secs() * 100;
    let open = setup.waiting(&brief, json!({ "seconds": long })).await;
    assert_eq!(setup.count("payload_history").await, 3);
    // A worker looks after history when it starts.
    setup.clock.advance(DAY * 10);
    setup.test.start_worker(WorkerOptions::default()).await;
    while !setup.is_forgotten(run).await {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(setup.count("payload_history").await, 0);
    assert_eq!(setup.count("payloads").await, 3);
    setup.clock.advance(DAY * 100);
    let view = setup.test.finished(open).await;
    assert_eq!(
        view.outputs,
        Some(json!({ "size": 2 * MIB })),
        "{:?}",
        view.error
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_again_has_large_values_of_its_own() {
    let setup = setup().await;
    let first = setup.woken(LARGE, json!({})).await;
    let (tenant, engine) = (setup.test.tenant, &setup.test.engine);
    let again = engine
        .rerun(tenant, first.id, &Rerun::from_steps(["size"]))
        .await
        .unwrap();
    let again = setup.test.finished(again.run).await;
    assert_eq!(again.outputs, first.outputs, "{:?}", again.error);
    let payload = again.step("text").unwrap().attempts[0]
        .apart
        .output
        .unwrap();
    let value = engine.value(tenant, again.id, payload.id).await.unwrap();
    assert_eq!(value.as_str().unwrap().len() as u64, MIB);
    assert_eq!(setup.count("payload_history").await, 6);
}
