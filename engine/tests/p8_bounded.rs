//! P8: what a step gives is bounded, and refused clearly.

use crate::support::{Counts, Outside, registry};
use engine::testing::RunTest;
use engine::{RunStatus, RunView};
use serde_json::json;

async fn run(yaml: &str) -> RunView {
    let (_folder, outside) = Outside::in_temp();
    let test = RunTest::new(registry(&outside, &Counts::default())).await;
    test.run(yaml, json!({})).await
}

async fn code_of(how: &str) -> String {
    let yaml = format!("name: bad\nsteps:\n  a: {{ uses: test.bad, with: {{ how: {how} }} }}\n");
    let view = run(&yaml).await;
    assert_eq!(view.status, RunStatus::Failed, "{view:#?}");
    let error = view.error.unwrap();
    assert_eq!(error.step.as_deref(), Some("a"));
    error.code
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_that_could_not_be_read_back_fails_its_step() {
    assert_eq!(code_of("deep").await, "engine.output_too_deep");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_panics_fails_its_step_and_nothing_else() {
    assert_eq!(code_of("panic").await, "node.panicked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_null_character_cannot_poison_anything() {
    let view = run("name: nul\nsteps:\n  a: { uses: test.bad, with: { how: 'null' } }\n").await;
    assert_eq!(view.status, RunStatus::Succeeded, "{view:#?}");
    assert_eq!(view.steps[0].attempts[0].output, Some(json!("a\0b")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_is_that_of_an_item_not_of_its_loop() {
    let yaml = r"
name: items
steps:
  list: { uses: test.echo, with: { value: [1, 2, 3, 4, 5, 6, 7, 8] } }
  each:
    uses: test.echo
    for_each: '${{ steps.list.value }}'
    concurrency: 3
    with: { value: '${{ item }} TEXT' }
  count: { uses: test.echo, with: { value: '${{ steps.each.len() }}' } }
outputs: { count: '${{ steps.count.value }}' }
"
    .replace("TEXT", &"x".repeat(60 << 10));
    let view = run(&yaml).await;
    assert_eq!(
        view.outputs,
        Some(json!({ "count": 8 })),
        "{:?}",
        view.error
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_of_50_mib_is_refused_and_never_stored() {
    assert_eq!(code_of("huge").await, "engine.output_too_large");
}
