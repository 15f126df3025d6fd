//! Tools of who authors: coverage of cases, the plan of effects of a run,
//! recorded runs on another version. None does anything outside.

use std::sync::Arc;

use crate::support::{Counts, Gate, Outside, make_notes, registry_with};
use database::testing::TestDb;
use engine::case::{self, Coverage, DryRun, Fate, UNKNOWN};
use engine::clock::{Clock, SystemClock};
use engine::graph::Plan;
use engine::language::check;
use engine::node::Registry;
use engine::testing::RunTest;
use engine::{RunStatus, RunView};
use serde_json::{Value, json};

fn registry() -> (tempfile::TempDir, Outside, Registry) {
    let (folder, outside) = Outside::in_temp();
    let registry = registry_with(&outside, &Counts::default(), &Gate::default());
    (folder, outside, registry)
}

fn plan(yaml: &str, registry: &Registry) -> Arc<Plan> {
    let checked = check(yaml, registry);
    checked
        .plan
        .unwrap_or_else(|| panic!("{:?}", checked.diagnostics))
}

const EFFECTS: &str = r"
name: effects
inputs: { n: { type: integer, default: 1 } }
steps:
  sum: { uses: test.same, with: { value: '${{ inputs.n + 1 }}' } }
  read: { uses: test.read, with: { value: '${{ steps.sum.value }}' } }
  write: { uses: test.write, with: { value: '${{ `n ${steps.read.value}` }}' } }
  off: { uses: test.write, if: 'inputs.n > 5', with: { value: never } }
  send:
    uses: test.send
    for_each: '${{ [1, 2] }}'
    needs: [write]
    with: { value: '${{ item + steps.sum.value }}' }
  maybe: { uses: test.same, if: 'steps.read.value > 3', with: { value: 1 } }
outputs: { read: '${{ steps.read.value }}', sum: '${{ steps.sum.value }}' }
";

type Lines = Vec<(String, &'static str, Value, bool)>;

async fn dry(yaml: &str, asked: DryRun) -> (Lines, Value, usize) {
    let (_folder, outside, registry) = registry();
    let plan = plan(yaml, &registry);
    let found = case::dry_run(&plan, &asked, SystemClock.now()).await;
    let (planned, outputs) = found.unwrap();
    let word = |fate: &Fate| match fate {
        Fate::Gives(_) => "gives",
        Fate::WouldAct => "acts",
        Fate::WouldRead => "reads",
        Fate::Unknown => "unknown",
        Fate::Skipped => "skipped",
        Fate::Fails(_) => "fails",
        Fate::More(_) => "more",
    };
    let lines = planned.into_iter();
    let lines = lines.map(|it| (it.path, word(&it.fate), it.input["value"].clone(), it.sure));
    (lines.collect(), outputs, outside.calls().len())
}

fn line(
    path: &str,
    fate: &'static str,
    value: Value,
    sure: bool,
) -> (String, &'static str, Value, bool) {
    (path.to_owned(), fate, value, sure)
}

#[tokio::test]
async fn a_dry_run_lists_effects_with_their_inputs_and_does_none() {
    let (lines, outputs, calls) = dry(EFFECTS, DryRun::default()).await;
    assert_eq!(
        lines,
        [
            line("sum", "gives", json!(2), true),
            line("read", "reads", json!(2), true),
            line("write", "acts", json!(UNKNOWN), true),
            line("off", "skipped", Value::Null, true),
            line("send", "unknown", Value::Null, true),
            line("send[0]", "acts", json!(3), true),
            line("send[1]", "acts", json!(4), true),
            line("maybe", "gives", json!(1), false),
        ]
    );
    assert_eq!(outputs, json!({ "read": UNKNOWN, "sum": 2 }));
    assert_eq!(calls, 0);
}

#[tokio::test]
async fn reads_are_stubbed_or_done_when_asked_and_what_follows_is_known() {
    let (_folder, _, registry) = registry();
    let checked = plan(EFFECTS, &registry);
    let stubs = case::read_stubs("read: { output: { value: 9 } }\n", &checked, &registry);
    assert!(stubs.diagnostics.is_empty());
    let stubbed = DryRun {
        stubs: stubs.stubs,
        ..DryRun::default()
    };
    let (lines, outputs, calls) = dry(EFFECTS, stubbed).await;
    assert!(
        lines.contains(&line("write", "acts", json!("n 9"), true)),
        "{lines:#?}"
    );
    assert!(
        lines.contains(&line("maybe", "gives", json!(1), true)),
        "{lines:#?}"
    );
    assert_eq!((outputs, calls), (json!({ "read": 9, "sum": 2 }), 0));
    let read = DryRun {
        read: true,
        ..DryRun::default()
    };
    let (lines, _, calls) = dry(EFFECTS, read).await;
    assert!(
        lines.contains(&line("write", "acts", json!("n 2"), true)),
        "{lines:#?}"
    );
    assert!(
        lines.contains(&line("maybe", "skipped", Value::Null, true)),
        "{lines:#?}"
    );
    assert_eq!(calls, 1, "only the read");
    let wrong = case::read_stubs("nowhere: { output: 1 }\n", &checked, &registry);
    assert!(!wrong.diagnostics.is_empty() && wrong.stubs.is_empty());
}

#[tokio::test]
async fn a_dry_run_ends_where_the_run_would_fail_and_refuses_bad_inputs() {
    let yaml = "name: f\nsteps:\n  bad: { uses: test.bad, with: { how: fail } }\n  after: { uses: test.same, needs: [bad], with: { value: 1 } }\n";
    let (lines, ..) = dry(yaml, DryRun::default()).await;
    assert_eq!(lines, [line("bad", "fails", Value::Null, true)]);
    let (_folder, _, registry) = registry();
    let asked = DryRun {
        inputs: json!({ "n": "no number" }),
        ..DryRun::default()
    };
    let refused = case::dry_run(&plan(EFFECTS, &registry), &asked, SystemClock.now()).await;
    assert!(refused.is_err());
}

async fn recorded(yaml: &str, inputs: Value) -> (RunView, Outside, tempfile::TempDir) {
    let (folder, outside, registry) = registry();
    let test = RunTest::new(registry).await;
    make_notes(&test.db().owner_pool()).await;
    let run = test.run(yaml, inputs).await;
    assert_eq!(run.status, RunStatus::Succeeded, "{run:#?}");
    (run, outside, folder)
}

async fn replayed(new: &str, run: &RunView) -> Vec<String> {
    let (_folder, outside, registry) = registry();
    let db = TestDb::new().await;
    let clock = Arc::new(SystemClock);
    let found = case::replay(db.pool(), &registry, clock, new, run).await;
    let acted: Vec<_> = outside
        .calls()
        .into_iter()
        .filter(|it| it.what != "echo")
        .collect();
    assert!(acted.is_empty(), "{acted:#?}");
    let told = found.unwrap();
    told.iter()
        .map(|it| engine::text::Text::from(it).to_string())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_run_is_replayed_without_effects_and_differences_are_told() {
    let (run, ..) = recorded(EFFECTS, json!({})).await;
    assert_eq!(replayed(EFFECTS, &run).await, [""; 0]);
    let new = EFFECTS
        .replace("inputs.n + 1", "inputs.n + 2")
        .replace("needs: [write]", "needs: [write, last]")
        .replace(
            "  off:",
            "  last: { uses: test.write, needs: [read], with: { value: more } }\n  off:",
        );
    let told = replayed(&new, &run).await;
    for expected in [
        "status: was succeeded, is failed (replay.unrecorded)",
        "steps.sum.output: was {\"value\":2}, is {\"value\":3}",
        "steps.read.input: was {\"value\":2}, is {\"value\":3}",
        "steps.last: was none, is failed",
        "steps.send: was succeeded, is none",
    ] {
        assert!(
            told.iter().any(|it| it == expected),
            "{expected}: {told:#?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn coverage_names_the_steps_conditions_and_failures_that_no_case_goes_through() {
    let (_folder, _, registry) = registry();
    let yaml = r"
name: ways
inputs: { n: { type: integer, default: 1 } }
steps:
  a: { uses: test.same, if: 'inputs.n > 0', with: { value: 1 } }
  b: { uses: test.same, if: 'inputs.n > 5', with: { value: 1 } }
  c: { uses: test.same, on_error: continue, with: { value: 1 } }
";
    let mut coverage = Coverage::of(&plan(yaml, &registry));
    assert_eq!(coverage.share(), (0, 6));
    let source = "- name: as it is\n- name: nothing\n  inputs: { n: 0 }\n";
    let cases = case::read(source, &plan(yaml, &registry), &registry);
    let db = TestDb::new().await;
    let told = |coverage: &Coverage| {
        let missing = coverage.missing();
        missing.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let mut steps = Vec::new();
    for it in &cases.cases {
        let clock = Arc::new(SystemClock);
        let played = case::play(db.pool(), &registry, clock, yaml, it)
            .await
            .unwrap();
        coverage.add(&played.run);
        steps.push(told(&coverage));
    }
    let left = [
        "step `b` never runs",
        "step `c` never fails, and its failure would be let pass",
    ];
    assert_eq!(
        steps[0],
        ["the `if` of step `a` is never false", left[0], left[1]]
    );
    assert_eq!(steps[1], left);
    assert_eq!(coverage.share(), (4, 6));
}
