//! A loop that asks very many people, and what they answer.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use engine::ids::RunId;
use engine::node::{Decision, Person};
use engine::testing::{FakeClock, RunTest};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::{Counts, Outside, registry};

const LOOP: &str = r"
name: many
inputs: { items: { type: array, items: { type: integer }, required: true } }
steps:
  each:
    uses: test.approve
    for_each: '${{ inputs.items }}'
    concurrency: 10000
    with: { count: 1 }
outputs: { count: '${{ steps.each.len() }}' }
";

pub struct Setup {
    _folder: tempfile::TempDir,
    pub clock: Arc<FakeClock>,
    pub test: RunTest,
}

pub async fn setup() -> Setup {
    let (folder, outside) = Outside::in_temp();
    let noon: DateTime<Utc> = "2026-03-01T12:00:00Z".parse().unwrap();
    let clock = Arc::new(FakeClock::at(noon));
    let registry = registry(&outside, &Counts::default());
    Setup {
        _folder: folder,
        test: RunTest::with_clock(registry, clock.clone()).await,
        clock,
    }
}

pub async fn count(test: &RunTest, from: &str) -> i64 {
    let statement = format!("select count(*) from engine.{from}");
    sqlx::query_scalar(AssertSqlSafe(statement))
        .fetch_one(&test.db().owner_pool())
        .await
        .unwrap()
}

/// Ends once this many rows are there.
pub async fn until(test: &RunTest, from: &str, wanted: i64) {
    let seen = async {
        while count(test, from).await != wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), seen)
        .await
        .unwrap_or_else(|_| panic!("never {wanted} of {from}"));
}

/// A run whose loop asks so many people at once.
pub async fn asking(test: &RunTest, items: usize) -> RunId {
    test.publish(LOOP).await;
    let items: Vec<_> = (0..items).collect();
    let run = test.start("many", json!({ "items": items })).await.unwrap();
    until(test, "waits", i64::try_from(items.len()).unwrap()).await;
    run
}

pub async fn approve(test: &RunTest, run: RunId, item: usize) {
    let person = Person {
        name: "Ada".to_owned(),
        roles: Vec::new(),
    };
    let decision = Decision {
        approved: true,
        form: Value::Null,
    };
    let step = format!("each[{item}]");
    test.engine
        .decide(test.tenant, run, &step, &person, decision)
        .await
        .unwrap();
}
