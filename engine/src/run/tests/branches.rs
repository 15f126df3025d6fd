//! Switches and joins.

use serde_json::json;

use super::*;

/// Chooses the case that the step's `value` names.
pub(super) fn choosing(start: &Start, input: &Value) -> NodeResult<Value> {
    Ok(match &*start.step.id {
        "route" => json!({ "case": input["chosen"] }),
        _ => input.clone(),
    })
}

const SWITCH: &str = r#"
name: w
steps:
  which: { uses: do, with: { value: late } }
  route:
    uses: choose
    with: { cases: { paid: 'false', late: 'steps.which.value == "late"' }, chosen: '${{ steps.which.value }}' }
  paid: { uses: do, needs: [route.paid], with: { value: 1 } }
  data: { uses: do, needs: [route.paid], with: { value: '${{ steps.which.value }}' } }
  late: { uses: do, needs: [route.late], with: { value: 2 } }
  either: { uses: do, needs: [route.late, route.paid], with: { value: 3 } }
  after: { uses: do, needs: [paid], with: { value: 4 } }
  merged: { uses: do, needs: [paid, late], with: { value: '${{ steps.paid?.value ?? steps.late?.value }}' } }
"#;

#[test]
fn a_step_runs_only_when_a_case_that_it_needs_was_chosen() {
    let told = tell(SWITCH, &choosing);
    assert_eq!(told.outlook, Outlook::Succeeded);
    let statuses = told.statuses();
    for step in ["paid", "data", "after"] {
        assert_eq!(statuses[step], StepStatus::Skipped, "{step}");
    }
    for step in ["late", "either", "merged"] {
        assert_eq!(statuses[step], StepStatus::Succeeded, "{step}");
    }
    assert_eq!(told.output("merged"), Some(json!({ "value": 2 })));
}

#[test]
fn without_a_case_all_that_follow_one_are_skipped() {
    let none = SWITCH.replace("value: late }", "value: }");
    let told = tell(&none, &choosing);
    for step in ["paid", "late", "either", "merged"] {
        assert_eq!(told.statuses()[step], StepStatus::Skipped, "{step}");
    }
}

#[test]
fn a_chosen_case_is_chosen_again_wherever_the_log_is_cut() {
    cut_anywhere_with(SWITCH, &choosing);
}

const ANY: &str = r"
name: w
steps:
  a: { uses: do, with: { value: 1 } }
  b: { uses: do, with: { value: 2 } }
  c: { uses: do, on_error: continue, with: { value: 3 } }
  first:
    uses: do
    needs: [a, b, c]
    join: JOIN
    with: { value: '${{ [steps.a?.value, steps.b?.value, steps.c?.value ?? ()] }}' }
  after_b: { uses: do, needs: [b], with: { value: 9 } }
";

#[test]
fn a_join_starts_with_the_first_successes_and_sees_no_others() {
    let told = tell(&ANY.replace("JOIN", "any"), &same);
    assert_eq!(told.outlook, Outlook::Succeeded);
    assert_eq!(
        told.output("first"),
        Some(json!({ "value": [1, null, null] }))
    );
    // The losers go on.
    assert_eq!(told.statuses()["after_b"], StepStatus::Succeeded);
    let two = tell(&ANY.replace("JOIN", "2"), &failing("a"));
    assert!(matches!(two.outlook, Outlook::Failed { .. }));
    let two = tell(&ANY.replace("JOIN", "2"), &same);
    assert_eq!(two.output("first"), Some(json!({ "value": [1, 2, null] })));
}

#[test]
fn a_join_that_cannot_be_reached_fails_its_step() {
    let told = tell(&ANY.replace("JOIN", "3"), &failing("c"));
    let Outlook::Failed { step, error } = &told.outlook else {
        panic!("{:?}", told.outlook)
    };
    assert_eq!(
        (step.as_str(), error.code.as_str()),
        ("first", "engine.join_unreachable")
    );
}

#[test]
fn a_join_whose_needs_were_all_skipped_is_skipped() {
    let off = "{ uses: do, if: 'false',";
    let yaml = ANY.replace("JOIN", "any").replace("{ uses: do,", off);
    assert_eq!(tell(&yaml, &same).statuses()["first"], StepStatus::Skipped);
}

#[test]
fn the_rest_of_a_join_is_cancelled_on_demand() {
    let yaml = ANY.replace("JOIN", "any, cancel_rest: true");
    let yaml = yaml.replace(
        "join: any, cancel_rest: true",
        "join: any\n    cancel_rest: true",
    );
    let inputs = Typed::any(json!({}));
    let mut run = Run::new(plan(&yaml), Sandbox::default(), &facts(), inputs);
    run.begin(now());
    let starts: Vec<_> = std::iter::from_fn(|| run.next_start()).collect();
    let applied = run.apply(attempted(&starts[0], Ok(json!({ "value": 1 }))), now());
    let aborted: Vec<_> = applied.abort.iter().collect();
    assert_eq!(aborted, [&starts[1].key, &starts[2].key]);
    // One is aborted; the other was an effect, and finished.
    let abort = Event::Aborted(starts[1].key.clone(), now());
    let mut records = run.apply(abort, now()).records;
    let last = attempted(&starts[2], Ok(json!({ "value": 3 })));
    records.extend(run.apply(last, now()).records);
    let told = drive(run, records, &same);
    assert_eq!(told.outlook, Outlook::Succeeded);
    assert_eq!(told.statuses()["after_b"], StepStatus::Skipped);
    assert_eq!(
        told.output("first"),
        Some(json!({ "value": [1, null, null] }))
    );
}

#[test]
fn a_join_is_decided_once_wherever_the_log_is_cut() {
    for join in ["any", "2", "3"] {
        let yaml = ANY.replace("JOIN", join);
        let whole = tell(&yaml, &same);
        let decided = whole
            .records
            .iter()
            .position(|record| record.attempt == 0)
            .unwrap();
        let won = whole.records[decided].body.joined.clone();
        for cut in decided + 1..=whole.records.len() {
            let told = recovered(&yaml, &whole.records[..cut], &same);
            assert_eq!(told.outlook, Outlook::Succeeded, "{join}, cut at {cut}");
            assert_eq!(
                told.output("first"),
                whole.output("first"),
                "{join}, cut at {cut}"
            );
            assert!(
                told.records.iter().all(|record| record.attempt > 0),
                "decided again"
            );
        }
        assert_eq!(
            won.len(),
            whole.output("first").unwrap()["value"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|value| !value.is_null())
                .count()
        );
    }
}
