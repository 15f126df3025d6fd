//! The state machine, driven by a script instead of an executor.

mod branches;
mod cleanup;
mod repeat;
mod times;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Attempted, Event, Outlook, Place, Record, Run, Start, StepStatus, Stored};
use crate::expr::{RunFacts, Sandbox, Typed};
use crate::graph::{Body as StepBody, Plan};
use crate::language::check;
use crate::node::{
    Cases, Ctx, Effect, Node, NodeError, NodeResult, NodeSpec, Registry, UnknownOutcome, Waited,
};

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Given {
    #[serde(default)]
    value: Value,
}

struct Pure;
impl Node for Pure {
    const SPEC: NodeSpec = NodeSpec::new("do", Effect::Pure);
    type Config = Given;
    type Output = Given;
    async fn run(&self, _ctx: &Ctx, config: Given) -> NodeResult<Given> {
        Ok(config)
    }
}

struct External;
impl Node for External {
    const SPEC: NodeSpec = NodeSpec::new("send", Effect::External(UnknownOutcome::Ask));
    type Config = Given;
    type Output = Given;
    async fn run(&self, _ctx: &Ctx, config: Given) -> NodeResult<Given> {
        Ok(config)
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the script of a test chooses")]
struct Choice {
    cases: Cases,
    chosen: Value,
}

struct Choose;
impl Node for Choose {
    const SPEC: NodeSpec = NodeSpec::new("choose", Effect::Pure);
    type Config = Choice;
    type Output = Value;
    async fn run(&self, _ctx: &Ctx, _config: Choice) -> NodeResult<Value> {
        unreachable!("the script of a test chooses")
    }
}

fn plan(yaml: &str) -> Arc<Plan> {
    let registry = Registry::builder()
        .node(Choose)
        .node(Pure)
        .node(External)
        .build()
        .unwrap();
    let checked = check(yaml, &registry);
    let said: Vec<_> = checked
        .diagnostics
        .iter()
        .map(ToString::to_string)
        .collect();
    checked
        .plan
        .unwrap_or_else(|| panic!("{}", said.join("\n")))
}

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
}

fn facts() -> RunFacts {
    RunFacts {
        id: "run".to_owned(),
        workflow: "w".to_owned(),
        tenant: "t".to_owned(),
        now: now(),
    }
}

type Script<'a> = dyn Fn(&Start, &Value) -> NodeResult<Value> + 'a;

/// What came of a run.
struct Told {
    run: Run,
    records: Vec<Record>,
    /// Paths in the order they started.
    started: Vec<String>,
    /// Most attempts that ran at once.
    most: usize,
    outlook: Outlook,
}

impl Told {
    fn statuses(&self) -> BTreeMap<String, StepStatus> {
        self.records
            .iter()
            .map(|record| (record.place.to_string(), record.status))
            .collect()
    }

    fn output(&self, step: &str) -> Option<Value> {
        let ended = self.run.scope().step(step)?;
        ended.output.as_ref().map(|it| Value::clone(&it.value))
    }
}

/// Starts all that may start, then lets attempts end, first come first served.
fn drive(run: Run, records: Vec<Record>, script: &Script<'_>) -> Told {
    drive_with(run, records, script, &now)
}

/// The same, with a clock that tells when each attempt ends.
fn drive_with(
    mut run: Run,
    mut records: Vec<Record>,
    script: &Script<'_>,
    clock: &dyn Fn() -> DateTime<Utc>,
) -> Told {
    let sandbox = Sandbox::default();
    let (mut started, mut running, mut most) = (Vec::new(), Vec::new(), 0);
    let mut at = now();
    loop {
        while let Some(start) = run.next_start() {
            started.push(start.path.clone());
            running.push(start);
        }
        most = most.max(running.len());
        if running.is_empty() {
            match run.outlook() {
                Outlook::Delayed(due) => {
                    at = due;
                    records.extend(run.apply(Event::Due(due), due).records);
                    continue;
                }
                outlook => {
                    return Told {
                        run,
                        records,
                        started,
                        most,
                        outlook,
                    };
                }
            }
        }
        let start = running.remove(0);
        at = at.max(clock());
        let StepBody::Node { node, with } = &start.step.body else {
            unreachable!("only nodes are attempted")
        };
        let input = start.input.clone().map_or_else(
            || {
                with.render(&sandbox, &start.scope)
                    .map_err(|error| NodeError::fail(error.code, error))
            },
            |input| Ok(Value::clone(&input)),
        );
        let result = input.clone().and_then(|input| script(&start, &input));
        let attempted = Attempted {
            key: start.key.clone(),
            effect: node.spec.effect,
            input: input.ok().map(Arc::new),
            idempotency: None,
            started_at: at,
            ended_at: at,
            logs: Vec::new(),
            result: result.map(Waited::Done),
            dice: 0,
            usage: crate::node::Usage::default(),
        };
        records.extend(run.apply(Event::Attempted(Box::new(attempted)), at).records);
    }
}

fn tell(yaml: &str, script: &Script<'_>) -> Told {
    let inputs = Typed::any(json!({}));
    let mut run = Run::new(plan(yaml), Sandbox::default(), &facts(), inputs);
    let begun = run.begin(now());
    drive(run, begun.records, script)
}

fn same(_: &Start, input: &Value) -> NodeResult<Value> {
    Ok(input.clone())
}

fn failing(step: &'static str) -> impl Fn(&Start, &Value) -> NodeResult<Value> {
    move |start, input| {
        if start.path == step {
            return Err(NodeError::fail("a.broke", "it broke"));
        }
        Ok(input.clone())
    }
}

fn stored(records: &[Record]) -> Vec<Stored> {
    let of = |record: &Record| Stored {
        place: record.place.clone(),
        attempt: record.attempt,
        status: record.status,
        started_at: record.started_at,
        ended_at: record.ended_at,
        body: record.body.clone(),
    };
    records.iter().map(of).collect()
}

const SKIPS: &str = r"
name: w
steps:
  off: { uses: do, if: 'false', with: { value: 1 } }
  after: { uses: do, needs: [off], with: { value: 2 } }
  on: { uses: do, with: { value: 3 } }
  both: { uses: do, needs: [off, on], with: { value: 4 } }
  reads: { uses: do, with: { value: '${{ steps.off?.value ?? 9 }}' }, needs: [on] }
";

#[test]
fn a_step_is_skipped_when_all_it_needs_was_skipped_and_not_when_some_was() {
    let told = tell(SKIPS, &same);
    assert_eq!(told.outlook, Outlook::Succeeded);
    let statuses = told.statuses();
    assert_eq!(statuses["off"], StepStatus::Skipped);
    assert_eq!(statuses["after"], StepStatus::Skipped);
    assert_eq!(statuses["both"], StepStatus::Succeeded);
    assert_eq!(told.output("reads"), Some(json!({ "value": 9 })));
}

#[test]
fn nothing_starts_after_a_failure_that_nothing_handles() {
    let yaml = "name: w\nsteps:\n  a: { uses: do, with: { value: 1 } }\n  b: { uses: do, needs: [a], with: { value: 1 } }\n";
    let told = tell(yaml, &failing("a"));
    assert!(matches!(&told.outlook, Outlook::Failed { step, .. } if step == "a"));
    assert_eq!(told.started, ["a"]);
}

#[test]
fn a_failure_may_pass_with_its_error_as_value() {
    let yaml = r"
name: w
steps:
  a: { uses: do, on_error: continue, with: { value: 1 } }
  b: { uses: do, with: { value: '${{ run.steps.a.error?.code ?? 0 }}' }, needs: [a] }
";
    let told = tell(yaml, &failing("a"));
    assert_eq!(told.outlook, Outlook::Succeeded);
    assert_eq!(told.statuses()["a"], StepStatus::Failed);
    assert_eq!(told.output("b"), Some(json!({ "value": "a.broke" })));
}

const STAND_IN: &str = r"
name: w
steps:
  a: { uses: do, on_error: { step: spare }, with: { value: 1 } }
  spare: { uses: do, with: { value: '${{ error.code }}' } }
  b: { uses: do, with: { value: '${{ steps.a.value }}' } }
";

#[test]
fn a_step_stands_in_for_one_that_failed() {
    let told = tell(STAND_IN, &failing("a"));
    assert_eq!(told.outlook, Outlook::Succeeded, "{:?}", told.started);
    assert_eq!(told.started, ["a", "spare", "b"]);
    assert_eq!(told.output("b"), Some(json!({ "value": "a.broke" })));
}

#[test]
fn a_step_that_stands_in_is_skipped_when_nothing_failed() {
    let told = tell(STAND_IN, &same);
    assert_eq!(told.started, ["a", "b"]);
    assert_eq!(told.statuses()["spare"], StepStatus::Skipped);
    assert_eq!(told.output("b"), Some(json!({ "value": 1 })));
}

const LOOP: &str = r"
name: w
steps:
  each:
    uses: do
    for_each: '${{ [1, 2, 3, 4, 5] }}'
    concurrency: 2
    on_item_error: POLICY
    with: { value: '${{ item * 10 + index }}' }
";

#[test]
fn results_line_up_with_the_items_and_few_run_at_once() {
    let told = tell(&LOOP.replace("POLICY", "fail"), &same);
    let values: Vec<_> = [10, 21, 32, 43, 54]
        .iter()
        .map(|value| json!({ "value": value }))
        .collect();
    assert_eq!(told.output("each"), Some(Value::Array(values)));
    assert_eq!(told.most, 2);
}

#[test]
fn a_failed_item_is_what_the_loop_says() {
    let skip = tell(&LOOP.replace("POLICY", "skip"), &failing("each[2]"));
    assert_eq!(skip.outlook, Outlook::Succeeded);
    assert_eq!(skip.output("each").unwrap()[2], Value::Null);
    let collect = tell(&LOOP.replace("POLICY", "collect"), &failing("each[2]"));
    let list = collect.output("each").unwrap();
    assert_eq!(list[1], json!({ "output": { "value": 21 }, "error": null }));
    assert_eq!(list[2]["error"]["code"], "a.broke");
    let fail = tell(&LOOP.replace("POLICY", "fail"), &failing("each[2]"));
    assert!(matches!(fail.outlook, Outlook::Failed { .. }));
    assert!(!fail.started.contains(&"each[4]".to_owned()));
}

const NESTED: &str = r"
name: w
steps:
  outer:
    for_each: '${{ [1, 2] }}'
    as: row
    steps:
      first: { uses: do, with: { value: '${{ row }}' } }
      inner:
        uses: do
        for_each: '${{ [10, 20] }}'
        as: cell
        with: { value: '${{ cell * steps.first.value }}' }
      off: { uses: do, if: 'row > 1', with: { value: 1 } }
";

#[test]
fn an_item_of_nested_steps_gives_their_outputs_by_id() {
    let told = tell(NESTED, &same);
    assert_eq!(told.outlook, Outlook::Succeeded);
    assert_eq!(
        told.output("outer"),
        Some(json!([
            { "first": { "value": 1 }, "inner": [{ "value": 10 }, { "value": 20 }], "off": null },
            { "first": { "value": 2 }, "inner": [{ "value": 20 }, { "value": 40 }], "off": { "value": 1 } },
        ]))
    );
    assert!(told.started.contains(&"outer[1].inner[0]".to_owned()));
}

#[test]
fn an_empty_loop_ends_at_once() {
    let yaml = "name: w\nsteps:\n  each: { uses: do, for_each: '${{ [] }}', with: { value: '${{ item }}' } }\n";
    let told = tell(yaml, &same);
    assert_eq!(told.outlook, Outlook::Succeeded);
    assert_eq!(told.output("each"), Some(json!([])));
}

#[test]
fn items_come_in_batches() {
    let yaml = "name: w\nsteps:\n  each: { uses: do, batch: 2, for_each: '${{ [1, 2, 3] }}', with: { value: '${{ item.len() }}' } }\n";
    let told = tell(yaml, &same);
    assert_eq!(
        told.output("each"),
        Some(json!([{ "value": 2 }, { "value": 1 }]))
    );
}

#[test]
fn each_item_is_retried_by_itself() {
    let yaml = r"
name: w
steps:
  each:
    uses: do
    for_each: '${{ [1, 2] }}'
    retry: { max_attempts: 3, delay: 1s }
    with: { value: '${{ attempt }}' }
";
    let told = tell(yaml, &|start, input| {
        if start.path == "each[1]" && start.attempt < 3 {
            return Err(NodeError::retry("a.busy", "later"));
        }
        Ok(input.clone())
    });
    assert_eq!(
        told.output("each"),
        Some(json!([{ "value": 1 }, { "value": 3 }]))
    );
}

/// The log may be cut anywhere: what is recorded is taken, the rest is done again.
fn cut_anywhere(yaml: &str) {
    cut_anywhere_with(yaml, &same);
}

/// Takes a run up where its records end.
fn recovered(yaml: &str, records: &[Record], script: &Script<'_>) -> Told {
    let (run, applied) = Run::recover(
        plan(yaml),
        Sandbox::default(),
        &facts(),
        Typed::any(json!({})),
        stored(records),
        now(),
    );
    drive(run, applied.records, script)
}

/// What the executor says when an attempt has ended.
fn attempted(start: &Start, result: NodeResult<Value>) -> Event {
    Event::Attempted(Box::new(Attempted {
        key: start.key.clone(),
        effect: Effect::Pure,
        input: None,
        idempotency: None,
        started_at: now(),
        ended_at: now(),
        logs: Vec::new(),
        result: result.map(Waited::Done),
        dice: 0,
        usage: crate::node::Usage::default(),
    }))
}

fn cut_anywhere_with(yaml: &str, script: &Script<'_>) {
    let whole = tell(yaml, script);
    let expected = whole.run.scope().clone();
    for cut in 0..=whole.records.len() {
        let kept = &whole.records[..cut];
        let told = recovered(yaml, kept, script);
        assert_eq!(told.outlook, Outlook::Succeeded, "cut at {cut}");
        let done: Vec<_> = kept
            .iter()
            .filter(|record| record.status.is_final())
            .map(|record| record.key.clone())
            .collect();
        for record in &told.records {
            assert!(
                !done.contains(&record.key),
                "{} again, cut at {cut}",
                record.place
            );
        }
        for step in &whole.run.plan().steps.steps {
            let output = |run: &crate::expr::Scope| {
                run.step(&step.id)
                    .and_then(|ended| ended.output.as_ref().map(|it| Value::clone(&it.value)))
            };
            assert_eq!(
                output(told.run.scope()),
                output(&expected),
                "{}, cut at {cut}",
                step.id
            );
        }
    }
}

#[test]
fn a_run_whose_log_is_cut_anywhere_ends_the_same() {
    cut_anywhere(SKIPS);
    cut_anywhere(STAND_IN);
    cut_anywhere(NESTED);
    cut_anywhere(&LOOP.replace("POLICY", "collect"));
}

#[test]
fn a_recorded_intent_is_never_evaluated_again() {
    let yaml = "name: w\nsteps:\n  a: { uses: send, with: { value: '${{ now }}' } }\n";
    let inputs = Typed::any(json!({}));
    let mut run = Run::new(plan(yaml), Sandbox::default(), &facts(), inputs.clone());
    run.begin(now());
    let start = run.next_start().unwrap();
    let key = crate::node::IdempotencyKey("k".to_owned());
    let intent = run.intent(&start, Arc::new(json!({ "value": "then" })), key, now());
    let later = now() + Duration::from_secs(60);
    let (mut again, applied) = Run::recover(
        plan(yaml),
        Sandbox::default(),
        &facts(),
        inputs,
        stored(&[intent]),
        later,
    );
    // Nobody knows what became of it: a person is asked.
    assert_eq!(applied.records[0].status, StepStatus::Waiting);
    assert_eq!(again.outlook(), Outlook::Waiting);
    let answer = super::Answer::TryAgain;
    again.apply(Event::Answered(Place::of_step("a"), answer, later), later);
    let start = again.next_start().unwrap();
    assert_eq!(start.input.as_deref(), Some(&json!({ "value": "then" })));
    assert_eq!((start.attempt, start.generation), (2, 0));
}

#[test]
fn a_cancelled_run_starts_nothing() {
    let yaml = "name: w\nsteps:\n  a: { uses: do, with: { value: 1 } }\n";
    let inputs = Typed::any(json!({}));
    let mut run = Run::new(plan(yaml), Sandbox::default(), &facts(), inputs);
    run.begin(now());
    let applied = run.apply(Event::Cancelled, now());
    assert!(!applied.abort.is_empty());
    assert!(run.next_start().is_none());
    assert_eq!(run.outlook(), Outlook::Cancelled);
}
