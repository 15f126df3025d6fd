//! `compensate`, `on_failure`, `finally`, and the deadline of a run.

use chrono::TimeDelta;
use serde_json::json;

use super::*;

const UNDO: &str = r"
name: w
deadline: 1h
steps:
  a: { uses: do, with: { value: 1 }, compensate: { uses: do, with: { value: '${{ steps.a.value }}' } } }
  each:
    uses: do
    for_each: '${{ [10, 20] }}'
    needs: [a]
    with: { value: '${{ item }}' }
    compensate: { uses: do, with: { value: '${{ [item, index, steps.each.value] }}' } }
  nested:
    for_each: '${{ [1, 2] }}'
    as: row
    needs: [each]
    steps:
      inner:
        for_each: '${{ [1] }}'
        as: cell
        steps:
          pay: { uses: do, with: { value: '${{ row }}' }, compensate: { uses: do, with: { value: '${{ [row, steps.pay.value] }}' } } }
  never: { uses: do, needs: [nested], if: 'false', with: { value: 1 }, compensate: { uses: do } }
  last: { uses: do, needs: [nested], with: { value: 1 } }
on_failure:
  report: { uses: do, with: { value: '${{ error.code }}' } }
  told: { uses: do, with: { value: '${{ steps.report.value }}' } }
finally:
  close: { uses: do, with: { value: '${{ [steps.a?.value, steps.last?.value, error?.code] }}' } }
";

/// As `failing`, each attempt a second later than the one before.
fn tell_in_time(yaml: &str, script: &Script<'_>) -> Told {
    let inputs = Typed::any(json!({}));
    let mut run = Run::new(plan(yaml), Sandbox::default(), &facts(), inputs);
    let begun = run.begin(now());
    let ticks = std::cell::Cell::new(0);
    drive_with(run, begun.records, script, &|| {
        ticks.set(ticks.get() + 1);
        now() + TimeDelta::seconds(ticks.get())
    })
}

fn inputs_of(told: &Told, step: &str) -> Vec<Value> {
    let of = |record: &&Record| record.place.step == step && record.attempt == 1;
    let value = |record: &Record| {
        record
            .body
            .input
            .as_ref()
            .map(|input| input["value"].clone())
    };
    told.records.iter().filter(of).filter_map(value).collect()
}

const AFTER_FAILURE: [&str; 12] = [
    "a",
    "each[0]",
    "each[1]",
    "nested[0].inner[0].pay",
    "nested[1].inner[0].pay",
    "last",
    "nested[1].inner[0].pay.compensate",
    "nested[0].inner[0].pay.compensate",
    "each.compensate[1]",
    "each.compensate[0]",
    "a.compensate",
    "report",
];

#[test]
fn what_succeeded_is_undone_last_first_when_the_run_fails() {
    let told = tell_in_time(UNDO, &failing("last"));
    assert!(matches!(&told.outlook, Outlook::Failed { step, .. } if step == "last"));
    assert_eq!(told.started[..12], AFTER_FAILURE);
    assert_eq!(told.started[12..], ["told", "close"]);
    assert_eq!(
        inputs_of(&told, "each.compensate"),
        [json!([20, 1, 20]), json!([10, 0, 10])]
    );
    assert_eq!(
        inputs_of(&told, "pay.compensate"),
        [json!([2, 2]), json!([1, 1])]
    );
    assert_eq!(inputs_of(&told, "told"), [json!("a.broke")]);
    assert_eq!(inputs_of(&told, "close"), [json!([1, null, "a.broke"])]);
    assert!(told.run.cleanup_errors().is_empty());
}

#[test]
fn only_finally_runs_when_the_run_succeeds() {
    let told = tell(UNDO, &same);
    assert_eq!(told.outlook, Outlook::Succeeded);
    assert_eq!(told.started.last().unwrap(), "close");
    assert_eq!(told.started.len(), 7);
    assert_eq!(inputs_of(&told, "close"), [json!([1, 1, null])]);
}

#[test]
fn a_cancelled_run_is_undone_and_not_reported_as_failed() {
    let inputs = Typed::any(json!({}));
    let mut run = Run::new(plan(UNDO), Sandbox::default(), &facts(), inputs);
    run.begin(now());
    let start = run.next_start().unwrap();
    run.apply(attempted(&start, Ok(json!({ "value": 1 }))), now());
    let applied = run.apply(Event::Cancelled, now());
    let told = drive(run, applied.records, &same);
    assert_eq!(told.outlook, Outlook::Cancelled);
    assert_eq!(told.started, ["a.compensate", "close"]);
}

#[test]
fn a_run_whose_deadline_passes_is_undone_and_timed_out() {
    let inputs = Typed::any(json!({}));
    let mut run = Run::new(plan(UNDO), Sandbox::default(), &facts(), inputs);
    run.begin(now());
    let start = run.next_start().unwrap();
    let late = now() + TimeDelta::hours(1);
    assert_eq!(run.next_due(), Some(late));
    let applied = run.apply(Event::Due(late), late);
    assert!(!applied.abort.is_empty());
    let applied = run.apply(attempted(&start, Ok(json!({ "value": 1 }))), late);
    let told = drive(run, applied.records, &same);
    assert!(
        matches!(&told.outlook, Outlook::TimedOut(error) if error.code == "engine.deadline_passed")
    );
    assert_eq!(told.started, ["a.compensate", "report", "told", "close"]);
}

#[test]
fn errors_of_the_cleanup_are_added_and_stop_nothing_else() {
    let told = tell_in_time(UNDO, &|start, input| match start.path.as_str() {
        "last" | "each.compensate[1]" | "report" | "close" => {
            Err(NodeError::fail("a.broke", start.path.clone()))
        }
        _ => Ok(input.clone()),
    });
    assert!(matches!(&told.outlook, Outlook::Failed { step, .. } if step == "last"));
    let steps: Vec<_> = (told.run.cleanup_errors().into_iter())
        .filter_map(|error| error.step)
        .collect();
    assert_eq!(steps, ["each.compensate[1]", "report", "close"]);
    assert!(told.started.contains(&"a.compensate".to_owned()));
}

#[test]
fn a_run_that_succeeded_fails_when_its_end_does() {
    let told = tell(UNDO, &failing("close"));
    assert!(matches!(&told.outlook, Outlook::Failed { step, .. } if step == "close"));
}

#[test]
fn a_run_whose_outputs_cannot_be_made_is_undone() {
    let yaml = format!("{UNDO}outputs: {{ x: '${{{{ steps.a.value > \"x\" }}}}' }}\n");
    let told = tell(&yaml, &same);
    assert!(matches!(&told.outlook, Outlook::Failed { step, .. } if step.is_empty()));
    assert!(told.started.contains(&"a.compensate".to_owned()));
    assert!(told.started.contains(&"report".to_owned()));
}

#[test]
fn the_cleanup_has_ten_minutes_of_its_own() {
    let yaml = "name: w\nsteps:\n  a: { uses: do, with: { value: 1 } }\nfinally:\n  slow: { uses: do, with: { value: 2 } }\n  more: { uses: do, needs: [slow], with: { value: 3 } }\n";
    let inputs = Typed::any(json!({}));
    let mut run = Run::new(plan(yaml), Sandbox::default(), &facts(), inputs);
    run.begin(now());
    let start = run.next_start().unwrap();
    run.apply(attempted(&start, Ok(json!({ "value": 1 }))), now());
    let slow = run.next_start().unwrap();
    let late = now() + TimeDelta::minutes(10);
    assert_eq!(run.next_due(), Some(late));
    let applied = run.apply(Event::Due(late), late);
    assert!(!applied.abort.is_empty());
    run.apply(Event::Aborted(slow.key, late), late);
    assert!(run.next_start().is_none());
    let Outlook::Failed { error, .. } = run.outlook() else {
        panic!("{:?}", run.outlook())
    };
    assert_eq!(error.code, "engine.cleanup_timed_out");
}

#[test]
fn an_effect_whose_outcome_is_unknown_is_undone_too() {
    let yaml = r"
name: w
steps:
  pay: { uses: send, with: { value: 1 }, compensate: { uses: do, with: { value: '${{ steps.pay?.value }}' } } }
";
    let inputs = Typed::any(json!({}));
    let mut run = Run::new(plan(yaml), Sandbox::default(), &facts(), inputs);
    run.begin(now());
    let start = run.next_start().unwrap();
    let mut lost = attempted(&start, Err(NodeError::unknown("a.lost", "")));
    if let Event::Attempted(attempted) = &mut lost {
        attempted.effect = Effect::External(UnknownOutcome::Ask);
        attempted.input = Some(Arc::new(json!({ "value": 1 })));
    }
    run.apply(lost, now());
    assert_eq!(run.outlook(), Outlook::Waiting);
    let applied = run.apply(Event::Cancelled, now());
    let told = drive(run, applied.records, &same);
    assert_eq!(told.started, ["pay.compensate"]);
    assert_eq!(told.outlook, Outlook::Cancelled);
}

#[test]
fn the_cleanup_goes_on_where_it_stood_wherever_the_log_is_cut() {
    let script = failing("last");
    let whole = tell_in_time(UNDO, &script);
    for cut in 0..=whole.records.len() {
        let kept = &whole.records[..cut];
        let told = recovered(UNDO, kept, &script);
        assert!(
            matches!(told.outlook, Outlook::Failed { .. }),
            "cut at {cut}"
        );
        let done: Vec<_> = (kept.iter())
            .filter(|record| record.status.is_final() && record.attempt > 0)
            .map(|record| &record.key)
            .collect();
        let all: std::collections::BTreeSet<_> = (kept.iter().chain(&told.records))
            .filter(|record| record.status.is_final() && record.attempt > 0)
            .map(|record| record.place.to_string())
            .collect();
        for record in told.records.iter().filter(|record| record.attempt > 0) {
            assert!(
                !done.contains(&&record.key),
                "{} again, cut at {cut}",
                record.place
            );
        }
        let whole: std::collections::BTreeSet<_> = (whole.records.iter())
            .filter(|record| record.status.is_final() && record.attempt > 0)
            .map(|record| record.place.to_string())
            .collect();
        assert_eq!(all, whole, "cut at {cut}");
    }
}

#[test]
fn a_cancellation_that_is_recorded_holds_after_a_crash() {
    let inputs = Typed::any(json!({}));
    let mut run = Run::new(plan(UNDO), Sandbox::default(), &facts(), inputs);
    run.begin(now());
    let start = run.next_start().unwrap();
    let mut records = run.apply(Event::Cancelled, now()).records;
    records.extend(
        run.apply(attempted(&start, Ok(json!({ "value": 1 }))), now())
            .records,
    );
    for cut in 1..=records.len() {
        let told = recovered(UNDO, &records[..cut], &same);
        assert_eq!(told.outlook, Outlook::Cancelled, "cut at {cut}");
    }
}
