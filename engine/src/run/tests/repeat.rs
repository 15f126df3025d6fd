//! `repeat` and `deadline`.

use chrono::TimeDelta;
use serde_json::json;

use super::*;

const POLL: &str = r"
name: w
steps:
  poll:
    uses: do
    repeat: { until: steps.poll.value >= 3, max_iterations: 5, delay: 1m }
    with: { value: '${{ (steps.poll?.value ?? 0) + 1 }}' }
  last: { uses: do, with: { value: '${{ steps.poll.value }}' } }
";

#[test]
fn a_step_is_repeated_until_its_condition_holds() {
    let told = tell(POLL, &same);
    assert_eq!(told.outlook, Outlook::Succeeded);
    assert_eq!(told.started, ["poll[0]", "poll[1]", "poll[2]", "last"]);
    assert_eq!(told.output("last"), Some(json!({ "value": 3 })));
}

#[test]
fn an_iteration_waits_for_its_delay() {
    let inputs = Typed::any(json!({}));
    let mut run = Run::new(plan(POLL), Sandbox::default(), &facts(), inputs);
    run.begin(now());
    let start = run.next_start().unwrap();
    run.apply(attempted(&start, Ok(json!({ "value": 1 }))), now());
    assert!(run.next_start().is_none());
    let due = now() + TimeDelta::minutes(1);
    assert_eq!(run.outlook(), Outlook::Delayed(due));
    run.apply(Event::Due(due), due);
    assert_eq!(run.next_start().unwrap().path, "poll[1]");
}

#[test]
fn a_step_whose_condition_never_holds_fails_after_its_last_iteration() {
    let told = tell(
        &POLL.replace("max_iterations: 5", "max_iterations: 2"),
        &same,
    );
    let Outlook::Failed { error, .. } = &told.outlook else {
        panic!("{:?}", told.outlook)
    };
    assert_eq!(error.code, "engine.repeat_exhausted");
    assert_eq!(told.started.len(), 2);
}

const PAGES: &str = r"
name: w
steps:
  pages:
    repeat: { until: steps.check.value, max_iterations: 9 }
    steps:
      fetch: { uses: do, with: { value: '${{ index }}' } }
      each: { uses: do, for_each: '${{ [1, 2] }}', as: cell, with: { value: '${{ cell * steps.fetch.value }}' } }
      check: { uses: do, with: { value: '${{ steps.fetch.value == 2 }}' } }
  last: { uses: do, with: { value: '${{ steps.pages.each[1].value }}' } }
";

#[test]
fn nested_steps_are_repeated_and_the_last_iteration_is_the_output() {
    let told = tell(PAGES, &same);
    assert_eq!(told.outlook, Outlook::Succeeded);
    assert_eq!(told.output("last"), Some(json!({ "value": 4 })));
    assert!(told.started.contains(&"pages[2].each[1]".to_owned()));
}

#[test]
fn a_repeated_step_goes_on_wherever_the_log_is_cut() {
    cut_anywhere(POLL);
    cut_anywhere(PAGES);
}

#[test]
fn the_delay_of_an_iteration_counts_from_its_recorded_end() {
    let whole = tell(POLL, &same);
    let first = whole
        .records
        .iter()
        .position(|record| record.status.is_final())
        .unwrap();
    let inputs = Typed::any(json!({}));
    let later = now() + TimeDelta::seconds(50);
    let (run, _) = Run::recover(
        plan(POLL),
        Sandbox::default(),
        &facts(),
        inputs,
        stored(&whole.records[..=first]),
        later,
    );
    assert_eq!(
        run.outlook(),
        Outlook::Delayed(now() + TimeDelta::minutes(1))
    );
}

const LATE: &str = r"
name: w
steps:
  slow:
    uses: do
    deadline: 10m
    retry: { max_attempts: 100, delay: 4m, backoff: fixed, jitter: false }
    on_error: continue
    with: { value: '${{ attempt }}' }
  after: { uses: do, needs: [slow], with: { value: '${{ run.steps.slow.status }}' } }
";

fn busy(start: &Start, input: &Value) -> NodeResult<Value> {
    match &*start.step.id {
        "slow" => Err(NodeError::retry("a.busy", "later")),
        _ => Ok(input.clone()),
    }
}

#[test]
fn a_deadline_counts_retries_and_waiting() {
    let told = tell(LATE, &busy);
    assert_eq!(told.outlook, Outlook::Succeeded);
    assert_eq!(told.started, ["slow", "slow", "slow", "after"]);
    assert_eq!(told.statuses()["slow"], StepStatus::TimedOut);
}

#[test]
fn a_deadline_is_the_same_after_a_crash() {
    let whole = tell(LATE, &busy);
    for cut in 1..whole.records.len() {
        let told = recovered(LATE, &whole.records[..cut], &busy);
        let late = whole
            .records
            .iter()
            .find(|r| r.status == StepStatus::TimedOut)
            .unwrap();
        if let Some(again) = told
            .records
            .iter()
            .find(|r| r.status == StepStatus::TimedOut)
        {
            assert_eq!(again.ended_at, late.ended_at, "cut at {cut}");
        }
        assert_eq!(told.outlook, Outlook::Succeeded, "cut at {cut}");
    }
}

#[test]
fn what_runs_when_its_deadline_passes_is_aborted() {
    let inputs = Typed::any(json!({}));
    let mut run = Run::new(plan(LATE), Sandbox::default(), &facts(), inputs);
    run.begin(now());
    let start = run.next_start().unwrap();
    assert_eq!(run.next_due(), Some(now() + TimeDelta::minutes(10)));
    let late = now() + TimeDelta::minutes(10);
    let applied = run.apply(Event::Due(late), late);
    assert_eq!(applied.abort, std::slice::from_ref(&start.key));
    let applied = run.apply(Event::Aborted(start.key, late), late);
    assert_eq!(applied.records[0].status, StepStatus::TimedOut);
    let error = applied.records[0].body.error.as_ref().unwrap();
    assert_eq!(error.code, "engine.deadline_passed");
}
