//! `NAME.test.yaml`: a file of cases is checked against its workflow, and a
//! case that does not hold says where.

use std::sync::Arc;

use database::testing::TestDb;
use engine::case;
use engine::clock::SystemClock;
use engine::language::check;
use engine::node::{Ctx, Effect, Node, NodeError, NodeResult, NodeSpec, Registry, UnknownOutcome};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Pays; in a test of a workflow it must never run.
struct Pay;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it never pays")]
struct PayConfig {
    amount: String,
}

#[derive(Serialize, JsonSchema)]
struct Paid {
    receipt: String,
}

impl Node for Pay {
    const SPEC: NodeSpec = NodeSpec::new("bank.pay", Effect::External(UnknownOutcome::Repeat));
    type Config = PayConfig;
    type Output = Paid;

    async fn run(&self, _: &Ctx, _: PayConfig) -> NodeResult<Paid> {
        Err(NodeError::fail("bank.real", "this would have paid"))
    }
}

const WORKFLOW: &str = "
name: pay-all
inputs: { amounts: { type: array, items: { type: string }, required: true } }
steps:
  pay:
    for_each: '${{ inputs.amounts }}'
    uses: bank.pay
    with: { amount: '${{ item }}' }
    retry: { max_attempts: 2, delay: 1ms }
outputs: { receipts: '${{ steps.pay.map(|paid| paid.receipt) }}' }
";

fn registry() -> Registry {
    let nodes = Registry::builder().node(Pay).build();
    nodes.expect("one node is a sorted list")
}

#[test]
fn a_file_of_cases_is_checked_against_its_workflow() {
    let plan = check(WORKFLOW, &registry()).plan.unwrap();
    let source = "
- name: wrong
  inputs: { amounts: 3 }
  stubs:
    pya: { output: {} }
    pay: [{ output: { recipt: x } }, { error: { message: m } }, {}]
  status: suceeded
  steps: { pay: done, 'pai[0]': succeeded }
- inputs: { amounts: [] }
  setps: {}
";
    let read = case::read(source, &plan, &registry());
    assert!(read.cases.is_empty());
    let told: Vec<_> = read
        .diagnostics
        .iter()
        .map(|d| format!("{}:{} {}", d.line, d.column, d.code))
        .collect();
    assert_eq!(
        told,
        [
            "3:22 case.inputs",
            "5:5 case.unknown_stub",
            "6:21 case.stub_output",
            "6:47 workflow.missing_field",
            "6:65 case.stub",
            "7:11 workflow.unknown_value",
            "8:17 workflow.unknown_value",
            "8:23 workflow.unknown_step",
            "9:3 workflow.missing_field",
            "10:3 workflow.unknown_field",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_runs_its_stubs_and_says_what_does_not_hold() {
    let plan = check(WORKFLOW, &registry()).plan.unwrap();
    let source = "
- name: the second payment is tried again
  inputs: { amounts: ['1.00', '2.00'] }
  stubs:
    pay:
      - output: { receipt: a }
      - error: { code: bank.busy, message: busy, kind: retry }
      - output: { receipt: b }
  steps:
    pay: succeeded
    pay[1]: { attempts: 2, output: { receipt: b } }
  outputs: { receipts: [a, b] }
- name: wrong expectations
  inputs: { amounts: ['1.00'] }
  stubs: { bank.pay: { output: { receipt: a } } }
  steps: { 'pay[0]': { status: failed, output: { receipt: z } } }
  outputs: { receipts: [a, a] }
- name: what is not stubbed runs
  inputs: { amounts: ['1.00'] }
  error: bank.real
";
    let registry = registry();
    let read = case::read(source, &plan, &registry);
    assert!(read.diagnostics.is_empty(), "{:?}", read.diagnostics);
    let db = TestDb::new().await;
    let mut told = Vec::new();
    for case in &read.cases {
        let clock = Arc::new(SystemClock);
        let mismatches = case::run(db.pool(), &registry, clock, WORKFLOW, case).await;
        told.push(
            mismatches
                .unwrap()
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(told[0], [""; 0]);
    assert_eq!(
        told[1],
        [
            "steps.pay[0].status: expected failed, found succeeded",
            "steps.pay[0].output.receipt: expected \"z\", found \"a\"",
            "outputs.receipts: expected 2 items, found 1 items",
        ]
    );
    assert_eq!(told[2], [""; 0]);
}
