//! What changed between two versions of a workflow is told in words.

use crate::support::{Counts, Gate, Outside, registry_with};
use engine::language::{Side, check, diff};

const OLD: &str = "name: pay
triggers:
  daily: { schedule: '0 6 * * *', timezone: Europe/Paris }
inputs: { n: { type: integer, default: 1 } }
steps:
  load: { uses: test.echo, with: { value: '${{ inputs.n }}' } }
  send: { uses: test.echo, timeout: 5s, with: { value: '${{ steps.load.value }}' } }
  note: { uses: test.echo, with: { value: done } }
outputs: { n: '${{ steps.send.value }}' }
";

fn told(new: &str) -> Vec<String> {
    let (_folder, outside) = Outside::in_temp();
    let registry = registry_with(&outside, &Counts::default(), &Gate::default());
    let plan = |source: &str| {
        let checked = check(source, &registry);
        checked
            .plan
            .unwrap_or_else(|| panic!("{:?}", checked.diagnostics))
    };
    let (old_plan, new_plan) = (plan(OLD), plan(new));
    let old = Side {
        source: OLD,
        plan: &old_plan,
    };
    let new = Side {
        source: new,
        plan: &new_plan,
    };
    diff(old, new)
        .iter()
        .map(|it| it.text.to_string())
        .collect()
}

#[test]
fn the_same_workflow_has_no_difference_whatever_its_layout() {
    assert!(told(&format!("# a comment\n{OLD}")).is_empty());
}

#[test]
fn keywords_triggers_and_steps_are_told_with_what_they_were() {
    let new = OLD
        .replace("default: 1", "default: 2")
        .replace("0 6 * * *", "0 7 * * *")
        .replace("timeout: 5s", "timeout: 10s")
        .replace(
            "  note: { uses: test.echo, with: { value: done } }\n",
            "  sum: { uses: test.echo, needs: [send], with: { value: 3 } }\n",
        );
    assert_eq!(
        told(&new),
        [
            "`inputs.n.default` was 1, and is 2",
            "trigger `daily`: `schedule` was 0 6 * * *, and is 0 7 * * *",
            "step `send`: `timeout` was 5s, and is 10s",
            "step `note` is gone",
            "step `sum` is new, and uses test.echo",
        ]
    );
}

#[test]
fn a_renamed_step_is_one_change_and_those_that_read_it_are_the_same() {
    let new = OLD
        .replace("  load:", "  fetch:")
        .replace("steps.load.", "steps.fetch.");
    assert_eq!(told(&new), ["step `load` is now called `fetch`"]);
}

#[test]
fn what_a_step_waits_for_is_told_with_the_expression_that_says_so() {
    let new = OLD.replace("{ value: done }", "{ value: '${{ steps.load.value }}' }");
    assert_eq!(
        told(&new),
        [
            "step `note`: `with.value` was done, and is ${{ steps.load.value }}",
            "step `note` now waits for `load`",
        ]
    );
}
