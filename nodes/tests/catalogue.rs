//! Every node of the catalogue keeps the contract: bad config, replay, cancel,
//! timeout, redaction.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeMap;
use std::future::Future;
use std::task::{Context, Waker};
use std::time::Duration;

use domain::ids::TenantId;
use domain::store::testing::{TILLEULS, condominium, load, small};
use domain::store::{TenantTx, condominiums, results};
use engine::node::{Effect, Registered, Runner, Token};
use engine::testing::{NodeTest, RunTest};
use nodes::catalogue;
use serde_json::{Value, json};

/// A value that no log line and no error may repeat.
const SECRET: &str = "s3cr3t-of-the-config";
/// A node that takes longer has hung.
const PATIENCE: Duration = Duration::from_secs(30);

/// A portfolio, and a valid config for each node of the catalogue.
struct Suite {
    test: RunTest,
    configs: BTreeMap<&'static str, Value>,
}

impl Suite {
    async fn new() -> Self {
        let test = RunTest::new(catalogue().unwrap()).await;
        let tenant = TenantId(test.tenant.0);
        load(&test.db().pool(), tenant, &small()).await.unwrap();
        let mut transaction = test.db().pool().begin().await.unwrap();
        let mut tx = TenantTx::enter(&mut transaction, tenant).await.unwrap();
        let condominium = condominium(&mut tx, TILLEULS).await.unwrap();
        condominiums::set_automatic_posting(&mut tx, condominium, true)
            .await
            .unwrap();
        let line = results::lines(&mut tx).await.unwrap().remove(0).id;
        transaction.commit().await.unwrap();
        let unknown = json!([{ "kind": "unknown", "amount": "250.00" }]);
        let configs = BTreeMap::from([
            ("token", json!({})),
            ("wait.event", json!({ "event": "test.done" })),
            (
                "wait.webhook",
                json!({ "token": Token::new(engine::ids::TenantId(uuid::Uuid::nil())).to_string() }),
            ),
            ("approval", json!({ "title": "May it pass?" })),
            ("emit", json!({ "event": "test.done" })),
            (
                "fail",
                json!({ "code": "test.failed", "message": "The test wants it." }),
            ),
            (
                "http.request",
                json!({
                    "url": format!("http://127.0.0.1:9/{SECRET}"),
                    "method": "POST",
                    "query": { "token": SECRET },
                    "headers": { "authorization": SECRET },
                    "body": { "json": { "card": SECRET } },
                }),
            ),
            ("log", json!({ "message": "The test says it." })),
            (
                "reconcile.confirm",
                json!({ "transaction_id": line, "allocations": unknown, "by": "Camille" }),
            ),
            ("reconcile.post", json!({ "condominium_id": condominium })),
            (
                "reconcile.propose",
                json!({ "condominium_id": condominium }),
            ),
            (
                "reconcile.undo",
                json!({ "transaction_id": line, "by": "Camille" }),
            ),
            ("respond", json!({ "status": 201, "body": { "n": 1 } })),
            ("script", json!({ "code": "1 + 1" })),
            ("set", json!({ "answer": 42 })),
            (
                "switch",
                json!({ "cases": { "big": "2 > 1" }, "default": "small" }),
            ),
            ("workflow", json!({ "name": "called" })),
            ("wait", json!({ "for": "5 working_days", "calendar": "fr" })),
        ]);
        Self { test, configs }
    }

    fn nodes(&self) -> Vec<(Registered, Value)> {
        let registry = catalogue().unwrap();
        let case = |node: &Registered| {
            let config = self.configs.get(node.spec.name);
            (
                node.clone(),
                config
                    .unwrap_or_else(|| panic!("no config for `{}` here", node.spec.name))
                    .clone(),
            )
        };
        registry.iter().map(case).collect()
    }

    /// Runs a node to its end and keeps what it wrote.
    async fn run(&self, test: &NodeTest) -> Result<Value, engine::node::NodeError> {
        let mut transaction = self.test.engine.begin(self.test.tenant).await.unwrap();
        let result = tokio::time::timeout(PATIENCE, test.run_in(&mut transaction.tx()))
            .await
            .unwrap();
        if result.is_ok() {
            transaction.commit().await.unwrap();
        }
        result
    }

    /// Rows of every table of the books.
    async fn rows(&self) -> Vec<(String, i64)> {
        let pool = self.test.db().owner_pool();
        let tables: Vec<String> = sqlx::query_scalar(
            "select tablename::text from pg_tables where schemaname = 'copro' order by 1",
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        let mut rows = Vec::new();
        for table in tables {
            let count = sqlx::AssertSqlSafe(format!("select count(*) from copro.{table}"));
            rows.push((
                table,
                sqlx::query_scalar(count).fetch_one(&pool).await.unwrap(),
            ));
        }
        rows
    }
}

fn is_flow(name: &str) -> bool {
    !name.contains('.')
}

#[test]
fn names_are_of_a_subject_and_a_verb_or_one_word_for_flow() {
    for node in catalogue().unwrap().iter() {
        let name = node.spec.name;
        let words: Vec<&str> = name.split('.').collect();
        assert!(words.len() <= 2, "{name}");
        let is_word = |word: &&str| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        };
        assert!(words.iter().all(is_word), "{name}");
    }
}

#[test]
fn every_config_is_an_object_with_documented_fields_and_no_others() {
    for node in catalogue().unwrap().iter() {
        let (name, schema) = (node.spec.name, &node.config);
        assert_eq!(schema["type"], json!("object"), "{name}");
        if name == "set" {
            // Its fields are the workflow's own.
            continue;
        }
        assert_eq!(
            schema["additionalProperties"],
            json!(false),
            "`{name}` takes fields it does not know"
        );
        // A node that takes nothing has no properties.
        for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
            assert!(
                schema["description"].is_string(),
                "`{name}`: the field `{field}` is not documented"
            );
        }
    }
}

#[tokio::test]
async fn a_bad_config_is_refused_before_anything_happens() {
    let suite = Suite::new().await;
    let before = suite.rows().await;
    for (node, config) in suite.nodes() {
        let name = node.spec.name;
        if name == "set" {
            continue;
        }
        let mut unknown = config;
        unknown["not_a_field"] = json!(SECRET);
        for bad in [unknown, json!(7), json!({ "not_a_field": SECRET })] {
            let test = NodeTest::of(node.clone()).with_value(bad.clone());
            let error = suite.run(&test).await.expect_err(name);
            assert_eq!(error.code, "node.bad_config", "{name} with {bad}: {error}");
            assert!(
                !error.is_retryable(),
                "{name}: trying again does not mend a config"
            );
        }
    }
    assert_eq!(suite.rows().await, before);
}

#[tokio::test]
async fn a_replayed_node_does_its_work_once() {
    let suite = Suite::new().await;
    for (node, config) in suite.nodes() {
        let (name, effect) = (node.spec.name, node.spec.effect);
        let test = NodeTest::of(node).with_value(config);
        let first = suite.run(&test).await;
        let rows = suite.rows().await;
        let second = suite.run(&test).await;
        assert_eq!(
            suite.rows().await,
            rows,
            "`{name}` writes again what it wrote"
        );
        // A secret that is made again is another one.
        if matches!(effect, Effect::Pure | Effect::Read) && name != "token" {
            assert_eq!(second, first, "`{name}` answers otherwise the second time");
        }
    }
}

#[tokio::test]
async fn a_cancelled_node_ends() {
    let suite = Suite::new().await;
    for (node, config) in suite.nodes() {
        let test = NodeTest::of(node).with_value(config);
        test.cancel();
        // Ends within the suite's patience; what it answers is its own affair.
        let _ = suite.run(&test).await;
    }
}

/// A node cut off at any moment: its future is dropped after each number of polls.
#[tokio::test]
async fn a_node_whose_time_is_over_leaves_nothing_behind() {
    let suite = Suite::new().await;
    let before = suite.rows().await;
    for (node, config) in suite.nodes() {
        let writes = matches!(node.runner, Runner::Transaction(_));
        let test = NodeTest::of(node).with_value(config);
        for polls in [1, 2, 5, 20] {
            let mut transaction = suite.test.engine.begin(suite.test.tenant).await.unwrap();
            let mut tx = transaction.tx();
            let mut run = Box::pin(test.run_in(&mut tx));
            for _ in 0..polls {
                let mut context = Context::from_waker(Waker::noop());
                if run.as_mut().poll(&mut context).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        if writes {
            assert_eq!(suite.rows().await, before);
        }
    }
}

#[tokio::test]
async fn no_error_and_no_log_repeats_what_a_node_was_given() {
    let suite = Suite::new().await;
    for (node, config) in suite
        .nodes()
        .into_iter()
        .filter(|(node, _)| !is_flow(node.spec.name))
    {
        let name = node.spec.name;
        let mut marked = config;
        if marked.get("by").is_some() {
            marked["by"] = json!(SECRET);
        }
        let mut bad = marked.clone();
        bad["not_a_field"] = json!(SECRET);
        for config in [marked, bad] {
            let test = NodeTest::of(node.clone()).with_value(config);
            if let Err(error) = suite.run(&test).await {
                assert!(!error.to_string().contains(SECRET), "{name}: {error}");
            }
            assert!(
                test.logs()
                    .iter()
                    .all(|line| !line.message.contains(SECRET)),
                "{name}"
            );
        }
    }
}
