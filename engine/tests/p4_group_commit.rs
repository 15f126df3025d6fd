//! P4: checkpoints of all runs are flushed together; one bad value fails its own step.

mod support;

use engine::RunStatus;
use engine::testing::RunTest;
use serde_json::json;
use support::{Counts, Outside, registry};

const FIVE: &str = r"
name: five
inputs:
  n: { type: integer, required: true }
steps:
  a: { uses: test.echo, with: { value: '${{ inputs.n + 1 }}' } }
  b: { uses: test.echo, with: { value: '${{ steps.a.value + 1 }}' } }
  c: { uses: test.echo, with: { value: '${{ steps.b.value + 1 }}' } }
  d: { uses: test.echo, with: { value: '${{ steps.c.value + 1 }}' } }
  e: { uses: test.echo, with: { value: '${{ steps.d.value + 1 }}' } }
outputs: { last: '${{ steps.e.value }}' }
";

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_pure_steps_is_one_write() {
    let (_folder, outside) = Outside::in_temp();
    let test = RunTest::new(registry(&outside, &Counts::default())).await;
    let view = test.run(FIVE, json!({ "n": 1 })).await;
    assert_eq!(view.status, RunStatus::Succeeded, "{view:#?}");
    assert_eq!(view.outputs, Some(json!({ "last": 6 })));
    assert_eq!(view.steps.len(), 5);
}
