//! P11, webhooks: a delivery makes one run, however often it comes, and each of its senders the same answer.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{Bad, Counts, Gate, Gated, Same};
use engine::clock::SystemClock;
use engine::node::{Ctx, Effect, Node, NodeResult, NodeSpec, Registry};
use engine::testing::RunTest;
use engine::{
    Accepted, Delivered, Delivery, EngineError, HookError, Reply, RunFilter, RunStatus, StartRun,
    TenantSettings, WorkerOptions,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// What `respond` of the nodes is: its output is its config.
struct Respond;

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Said {
    body: Value,
}

impl Node for Respond {
    const SPEC: NodeSpec = NodeSpec::new("respond", Effect::Pure);
    type Config = Said;
    type Output = Said;

    async fn run(&self, _: &Ctx, config: Said) -> NodeResult<Said> {
        Ok(config)
    }
}

async fn test(gate: &Gate) -> RunTest {
    let nodes = Registry::builder()
        .node(Respond)
        .node(Bad)
        .node(Gated(gate.clone(), Counts::default()))
        .node(Same)
        .build();
    RunTest::without_worker(nodes.unwrap(), Arc::new(SystemClock)).await
}

fn workflow(webhook: &str, steps: &str) -> String {
    format!(
        "name: called\ntriggers:\n  call: {{ webhook: {webhook}, start: {{ n: '${{{{ event.body.n }}}}' }} }}\n\
         inputs: {{ n: {{ type: integer, required: true }} }}\nsteps:\n{steps}outputs: {{ n: '${{{{ inputs.n }}}}' }}\n"
    )
}

const STEP: &str = "  a: { uses: test.same, with: { value: '${{ inputs.n }}' } }\n";

fn post(key: Option<&str>, body: &Value) -> Delivery {
    Delivery {
        method: "POST".to_owned(),
        path: "/orders".to_owned(),
        query: String::new(),
        headers: key
            .map(|key| ("idempotency-key".to_owned(), key.to_owned()))
            .into_iter()
            .collect(),
        body: body.to_string().into_bytes(),
        test: false,
    }
}

async fn taken(test: &RunTest, delivery: &Delivery) -> Accepted {
    match test.engine.receive(test.tenant, delivery).await.unwrap() {
        Delivered::Run(accepted) => accepted,
        Delivered::Filtered => panic!("it was filtered"),
    }
}

async fn runs(test: &RunTest) -> usize {
    let runs = test.engine.runs(test.tenant, &RunFilter::default()).await;
    runs.unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_delivery_a_hundred_times_in_parallel_makes_one_run_and_all_get_its_answer() {
    let mut test = test(&Gate::default()).await;
    test.publish(&workflow("{ path: /orders, answer: outputs }", STEP))
        .await;
    test.start_worker(WorkerOptions::default()).await;
    let delivery = post(Some("order 7"), &json!({ "n": 7 }));
    let calls = (0..100).map(|_| async {
        let accepted = taken(&test, &delivery).await;
        let reply = test.engine.reply(&accepted, PATIENCE).await.unwrap();
        (accepted, reply)
    });
    let answers = futures::future::join_all(calls).await;
    assert_eq!(runs(&test).await, 1);
    assert_eq!(answers.iter().filter(|(one, _)| one.new).count(), 1);
    for (_, reply) in answers {
        let Reply::Ended {
            status, outputs, ..
        } = reply
        else {
            panic!("{reply:?}");
        };
        assert_eq!(status, RunStatus::Succeeded);
        assert_eq!(outputs, Some(json!({ "n": 7 })));
    }
    // Another key is another run, and so is each request without one.
    for key in [Some("order 8"), None, None] {
        assert!(taken(&test, &post(key, &json!({ "n": 8 }))).await.new);
    }
    assert_eq!(runs(&test).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_respond_step_answers_before_the_run_ends_and_a_failure_is_told() {
    let gate = Gate::default();
    let mut test = test(&gate).await;
    let steps = "  hello: { uses: respond, with: { body: '${{ inputs.n + 1 }}' } }\n  \
                 later: { uses: test.gate, needs: [hello] }\n";
    test.publish(&workflow("{ path: /orders, answer: respond }", steps))
        .await;
    test.start_worker(WorkerOptions::default()).await;
    let accepted = taken(&test, &post(None, &json!({ "n": 1 }))).await;
    let reply = test.engine.reply(&accepted, PATIENCE).await.unwrap();
    assert_eq!(reply, Reply::Said(json!({ "body": 2 })));
    gate.let_in(1);
    test.finished(accepted.run).await;
    let late = test.engine.reply(&accepted, PATIENCE).await.unwrap();
    assert_eq!(late, reply, "from history too");

    let failing = "  a: { uses: test.bad, with: { how: fail } }\n";
    test.publish(&workflow("{ path: /orders, answer: outputs }", failing))
        .await;
    let accepted = taken(&test, &post(None, &json!({ "n": 1 }))).await;
    let reply = test.engine.reply(&accepted, PATIENCE).await.unwrap();
    let Reply::Ended { status, error, .. } = reply else {
        panic!("{reply:?}");
    };
    assert_eq!(status, RunStatus::Failed);
    assert_eq!(error.unwrap().code, "test.failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_takes_long_is_answered_by_its_address() {
    let gate = Gate::default();
    let mut test = test(&gate).await;
    test.publish(&workflow(
        "{ path: /orders, answer: outputs }",
        "  a: { uses: test.gate }\n",
    ))
    .await;
    test.start_worker(WorkerOptions::default()).await;
    let accepted = taken(&test, &post(None, &json!({ "n": 1 }))).await;
    gate.someone_came().await;
    let reply = test.engine.reply(&accepted, Duration::from_millis(1)).await;
    assert_eq!(reply.unwrap(), Reply::Later);
    gate.let_in(1);
    test.finished(accepted.run).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_publishes_at_an_address_is_what_it_starts() {
    let mut test = test(&Gate::default()).await;
    let first = workflow("{ path: /orders, answer: outputs }", STEP);
    test.publish(&first).await;
    test.start_worker(WorkerOptions::default()).await;
    let call = post(None, &json!({ "n": 1 }));
    let outputs = async || {
        let accepted = taken(&test, &call).await;
        match test.engine.reply(&accepted, PATIENCE).await.unwrap() {
            Reply::Ended { outputs, .. } => outputs,
            reply => panic!("{reply:?}"),
        }
    };
    for _ in 0..3 {
        assert_eq!(outputs().await, Some(json!({ "n": 1 })));
    }
    let elsewhere = test.another_engine();
    let publish = async |yaml: &str| {
        let saved = elsewhere.save(test.tenant, yaml).await.unwrap();
        elsewhere.publish(test.tenant, saved.id).await.unwrap();
    };
    publish(&first.replace("event.body.n", "event.body.n + 1")).await;
    assert_eq!(outputs().await, Some(json!({ "n": 2 })));
    publish(&first.replace("/orders", "/elsewhere")).await;
    let nobody = test.engine.receive(test.tenant, &call).await;
    assert!(matches!(nobody, Err(HookError::Unknown)), "{nobody:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_call_starts_nothing() {
    let test = test(&Gate::default()).await;
    let webhook =
        "{ path: /orders, methods: [POST, PUT], auth: { scheme: bearer, credential: key } }";
    test.publish(&workflow(webhook, STEP)).await;
    let (engine, tenant) = (&test.engine, test.tenant);
    let mut call = post(None, &json!({ "n": 1 }));
    let refused = engine.receive(tenant, &call).await;
    assert!(matches!(refused, Err(HookError::Unauthorized)));
    call.headers
        .push(("authorization".to_owned(), "Bearer s3cret".to_owned()));
    let refused = engine.receive(tenant, &call).await;
    assert!(
        matches!(refused, Err(HookError::Unauthorized)),
        "no credential is no key"
    );
    engine
        .set_credential(tenant, "key", "s3cret")
        .await
        .unwrap();
    taken(&test, &call).await;
    let other = engine::ids::TenantId(uuid::Uuid::from_u128(9));
    let refused = engine.receive(other, &call).await;
    assert!(matches!(refused, Err(HookError::Unknown)));
    call.method = "GET".to_owned();
    let refused = engine.receive(tenant, &call).await;
    assert!(matches!(&refused, Err(HookError::Method(methods)) if methods == &["POST", "PUT"]));
    call.path = "/other".to_owned();
    let refused = engine.receive(tenant, &call).await;
    assert!(matches!(refused, Err(HookError::Unknown)));
    assert_eq!(runs(&test).await, 1);
    let keys: i64 =
        sqlx::query_scalar("select count(*) from engine.data_keys where tenant_id = $1")
            .bind(other.0)
            .fetch_one(&test.db().owner_pool())
            .await
            .unwrap();
    assert_eq!(keys, 0, "a stranger's address leaves nothing behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_workflow_cannot_take_is_refused_and_shown() {
    let test = test(&Gate::default()).await;
    test.publish(&workflow("{ path: /orders }", STEP)).await;
    let call = post(None, &json!({ "n": "many" }));
    let refused = test.engine.receive(test.tenant, &call).await;
    assert!(matches!(refused, Err(HookError::Refused)));
    let faults = test.engine.trigger_faults(test.tenant, 5).await.unwrap();
    assert_eq!(faults[0].code, "run.bad_inputs");
    assert_eq!(faults[0].event["body"]["n"], "many");
    assert_eq!(runs(&test).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_requests_and_nothing_else() {
    let test = test(&Gate::default()).await;
    test.publish(&workflow("{ path: /orders }", STEP)).await;
    let settings = TenantSettings {
        max_ready: NonZeroU32::new(2),
        ..TenantSettings::default()
    };
    test.engine
        .set_settings(test.tenant, settings)
        .await
        .unwrap();
    for _ in 0..2 {
        test.start("called", json!({ "n": 1 })).await.unwrap();
    }
    let refused = test
        .engine
        .receive(test.tenant, &post(None, &json!({ "n": 1 })))
        .await;
    assert!(matches!(
        refused,
        Err(HookError::Engine(EngineError::QueueFull { most: 2 }))
    ));
    let mut inside = test.engine.begin(test.tenant).await.unwrap();
    let start = StartRun::new("called", json!({ "n": 1 }));
    inside.tx().start(&start).await.unwrap();
    inside.commit().await.unwrap();
    assert_eq!(runs(&test).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_test_address_runs_what_was_saved_last_and_remembers_nothing() {
    let test = test(&Gate::default()).await;
    test.publish(&workflow("{ path: /orders }", STEP)).await;
    let draft = format!("# a draft\n{}", workflow("{ path: /orders }", STEP));
    let saved = test.engine.save(test.tenant, &draft).await.unwrap();
    let mut call = post(Some("order 7"), &json!({ "n": 1 }));
    call.test = true;
    for _ in 0..2 {
        let accepted = taken(&test, &call).await;
        assert!(accepted.new, "the key is not remembered");
        let view = test.engine.run(test.tenant, accepted.run).await.unwrap();
        assert_eq!(view.version, saved.id);
    }
    call.test = false;
    let accepted = taken(&test, &call).await;
    let view = test.engine.run(test.tenant, accepted.run).await.unwrap();
    assert_ne!(view.version, saved.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_one_owner() {
    let test = test(&Gate::default()).await;
    let first = workflow("{ path: /orders }", STEP);
    test.publish(&first).await;
    test.publish(&first.replace("path: /orders", "path: /orders, methods: [PUT]"))
        .await;
    test.publish(&first).await;
    let second = first.replace("name: called", "name: second");
    let saved = test.engine.save(test.tenant, &second).await.unwrap();
    let refused = test.engine.publish(test.tenant, saved.id).await;
    assert!(
        matches!(&refused, Err(EngineError::AddressTaken(taken)) if taken == &["POST /orders"]),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_speaks_for_its_tenant_until_it_is_taken_back() {
    let test = test(&Gate::default()).await;
    let (engine, tenant) = (&test.engine, test.tenant);
    let token = engine.create_token(tenant, "erp").await.unwrap();
    let bearer = engine.bearer(&token).await.unwrap().unwrap();
    assert_eq!((bearer.tenant, bearer.name.as_str()), (tenant, "erp"));
    for other in [
        "",
        "copro_",
        &token[..token.len() - 1],
        &token.replace('a', "b"),
    ] {
        if other != token.as_str() {
            assert_eq!(engine.bearer(other).await.unwrap(), None, "{other}");
        }
    }
    let stored: Vec<u8> = sqlx::query_scalar("select digest from engine.tokens")
        .fetch_one(&test.db().owner_pool())
        .await
        .unwrap();
    assert_eq!(stored.len(), 32, "only a digest is stored");
    let id = engine.tokens(tenant).await.unwrap()[0].id;
    assert!(engine.revoke_token(tenant, id).await.unwrap());
    assert!(!engine.revoke_token(tenant, id).await.unwrap());
    assert_eq!(engine.bearer(&token).await.unwrap(), None);
}
