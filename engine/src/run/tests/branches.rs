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
