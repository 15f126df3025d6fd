//! A breaking change of a node is a new version; what runs keeps the one that it was written for.
use engine::RunStatus;
use engine::language::check;
use engine::node::{Ctx, Effect, Node, NodeResult, NodeSpec, Registry};
use engine::testing::RunTest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OldConfig {
    name: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewConfig {
    names: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
struct Greeting {
    text: String,
}

struct Old;

impl Node for Old {
    const SPEC: NodeSpec = NodeSpec::new("greet", Effect::Pure);
    type Config = OldConfig;
    type Output = Greeting;

    async fn run(&self, _: &Ctx, config: OldConfig) -> NodeResult<Greeting> {
        let text = format!("Hello {}", config.name);
        Ok(Greeting { text })
    }
}

struct New;

impl Node for New {
    const SPEC: NodeSpec = NodeSpec::new("greet", Effect::Pure).version(2);
    type Config = NewConfig;
    type Output = Greeting;

    async fn run(&self, _: &Ctx, config: NewConfig) -> NodeResult<Greeting> {
        let text = format!("Hello {}", config.names.join(" and "));
        Ok(Greeting { text })
    }
}

const OLD: &str = "name: greet
steps: { a: { uses: greet, with: { name: Ada } } }
outputs: { text: '${{ steps.a.text }}' }
";
const NEW: &str = "name: greet
steps: { a: { uses: greet@2, with: { names: [Ada, Bob] } } }
outputs: { text: '${{ steps.a.text }}' }
";

fn registry() -> Registry {
    Registry::builder().node(Old).node(New).build().unwrap()
}

#[test]
fn a_version_that_there_is_not_is_told_with_those_there_are() {
    let told = |source: &str| {
        let diagnostics = check(source, &registry()).diagnostics;
        (diagnostics[0].code, diagnostics[0].fix.to_string())
    };
    assert_eq!(
        told(&NEW.replace("greet@2", "greet@3")),
        (
            "workflow.unknown_node",
            "its versions are 1, 2: write `greet@2` for the last one".to_owned()
        )
    );
    // Each version is checked against its own config.
    assert_eq!(told(&OLD.replace("greet,", "greet@2,")).0, "config.missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_keeps_the_version_that_it_names() {
    let mut test =
        RunTest::without_worker(registry(), std::sync::Arc::new(engine::clock::SystemClock)).await;
    let workflow = test.publish(OLD).await;
    let waiting = test.start(&workflow, json!({})).await.unwrap();
    test.publish(NEW).await;
    let new = test.start(&workflow, json!({})).await.unwrap();
    test.start_worker(engine::WorkerOptions::default()).await;
    let (old, new) = (test.finished(waiting).await, test.finished(new).await);
    assert_eq!(
        (old.status, new.status),
        (RunStatus::Succeeded, RunStatus::Succeeded)
    );
    assert_eq!(old.outputs, Some(json!({ "text": "Hello Ada" })));
    assert_eq!(new.outputs, Some(json!({ "text": "Hello Ada and Bob" })));
}
