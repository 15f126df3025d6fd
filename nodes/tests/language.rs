//! What the checker says of files that use the language's words wrongly, with the nodes that ship.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use engine::language::check;
use nodes::catalogue;

/// `line:column code`, of all that is told.
fn told(source: &str) -> Vec<String> {
    let registry = catalogue().unwrap();
    check(source, &registry)
        .diagnostics
        .iter()
        .map(|d| format!("{}:{} {}", d.line, d.column, d.code))
        .collect()
}

/// The advice that goes with the only problem of a file.
fn advice(source: &str) -> String {
    let registry = catalogue().unwrap();
    let diagnostics = check(source, &registry).diagnostics;
    assert_eq!(diagnostics.len(), 1, "{diagnostics:#?}");
    diagnostics[0].fix.to_string()
}

const SWITCH: &str = "name: w
steps:
  load: { uses: set, with: { paid: true } }
  route:
    uses: switch
    with:
      cases:
        paid: steps.load.paid
        late: '${{ 2 > 1 }}'
      default: rest
  after:
    uses: log
    needs: [route.paid]
    with: { message: 'x' }
";

#[test]
fn a_condition_of_a_case_is_checked_as_an_expression() {
    assert_eq!(told(SWITCH), [""; 0]);
    let with = |condition: &str| told(&SWITCH.replace("steps.load.paid", condition));
    assert_eq!(with("steps.laod.paid"), ["8:15 workflow.unknown_step"]);
    assert_eq!(with("steps.load.piad"), ["8:26 expression.unknown_field"]);
    assert_eq!(with("steps.load"), ["8:15 expression.not_boolean"]);
    assert_eq!(with("steps.load.paid &&"), ["8:33 expression.syntax"]);
    assert_eq!(with("event.paid"), ["8:15 expression.not_in_scope"]);
    assert_eq!(with("12"), ["8:15 config.invalid"]);
}

#[test]
fn a_case_that_is_none_is_told_with_the_nearest() {
    let needs = |need: &str| SWITCH.replace("route.paid]", &format!("{need}]"));
    assert_eq!(told(&needs("route.rest")), [""; 0]);
    assert_eq!(told(&needs("route.paied")), ["13:13 workflow.unknown_case"]);
    assert_eq!(advice(&needs("route.paied")), "did you mean `route.paid`?");
    assert_eq!(told(&needs("load.paid")), ["13:13 workflow.unknown_case"]);
    assert_eq!(told(&needs("raute.paid")), ["13:13 workflow.unknown_step"]);
}

#[test]
fn a_step_that_follows_a_case_may_be_skipped() {
    let reads = format!("{SWITCH}outputs: {{ after: '${{{{ steps.after }}}}' }}\n");
    assert_eq!(told(&reads), ["15:24 expression.unguarded"]);
}
