//! A step may wait for a delivery to a token: one counts, whoever has the token.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{Counts, Outside, registry};
use chrono::{DateTime, Utc};
use engine::EngineError;
use engine::ids::{RunId, TenantId};
use engine::node::Token;
use engine::testing::{FakeClock, RunTest};
use serde_json::{Value, json};

const WORKFLOW: &str = r"
name: hooked
inputs: { token: { type: string, required: true } }
steps:
  hook: { uses: test.hook, with: { token: '${{ inputs.token }}', timeout: 3600 } }
outputs: { got: '${{ steps.hook }}' }
";

struct Setup {
    _folder: tempfile::TempDir,
    clock: Arc<FakeClock>,
    test: RunTest,
}

async fn setup() -> Setup {
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

/// A run that waits for a delivery to this token.
async fn waiting(it: &Setup, token: &Token) -> RunId {
    it.test.publish(WORKFLOW).await;
    let inputs = json!({ "token": token.to_string() });
    let run = it.test.start("hooked", inputs).await.unwrap();
    let pool = it.test.db().owner_pool();
    let written = async {
        let count = "select count(*) from engine.waits where kind = 'webhook'";
        while sqlx::query_scalar::<_, i64>(count)
            .fetch_one(&pool)
            .await
            .unwrap()
            == 0
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), written)
        .await
        .unwrap();
    run
}

#[tokio::test(flavor = "multi_thread")]
async fn one_delivery_counts_of_many_at_once() {
    let it = setup().await;
    let token = Token::new(it.test.tenant);
    let run = waiting(&it, &token).await;
    let deliveries = (0..6).map(|n| {
        let (engine, token) = (it.test.engine.clone(), token.to_string());
        tokio::spawn(async move { engine.deliver(&token, json!({ "n": n })).await })
    });
    let mut counted = 0;
    for done in futures::future::join_all(deliveries).await {
        match done.unwrap() {
            Ok(()) => counted += 1,
            Err(error) => assert!(matches!(error, EngineError::UnknownToken), "{error}"),
        }
    }
    assert_eq!(counted, 1);
    let view = it.test.finished(run).await;
    assert!(view.outputs.unwrap()["got"]["n"].is_number());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_nobody_or_of_another_tenant_delivers_nothing() {
    let it = setup().await;
    let token = Token::new(it.test.tenant);
    let run = waiting(&it, &token).await;
    let stranger = Token::new(TenantId::new(it.test.engine.clock().now()));
    for wrong in [
        String::new(),
        stranger.to_string(),
        Token::new(it.test.tenant).to_string(),
    ] {
        let told = it.test.engine.deliver(&wrong, Value::Null).await;
        assert!(matches!(told, Err(EngineError::UnknownToken)), "{told:?}");
    }
    it.clock.advance(Duration::from_secs(3600));
    let view = it.test.finished(run).await;
    assert_eq!(view.error.unwrap().code, "test.hook");
    let late = it
        .test
        .engine
        .deliver(&token.to_string(), Value::Null)
        .await;
    assert!(matches!(late, Err(EngineError::UnknownToken)), "{late:?}");
}
