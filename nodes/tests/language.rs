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

const JOIN: &str = "name: w
steps:
  a: { uses: set, with: { x: 1 } }
  b: { uses: set, with: { x: 2 } }
  c:
    uses: set
    needs: [a, b]
    join: any
    with: { x: '${{ steps.a?.x ?? 0 }}' }
";

#[test]
fn a_join_counts_no_more_than_its_needs() {
    assert_eq!(told(JOIN), [""; 0]);
    let join = |join: &str| told(&JOIN.replace("join: any", join));
    assert_eq!(join("join: 2"), [""; 0]);
    assert_eq!(join("join: 3"), ["8:11 workflow.join_unreachable"]);
    assert_eq!(join("join: 0"), ["8:11 workflow.unknown_value"]);
    assert_eq!(join("join: some"), ["8:11 workflow.unknown_value"]);
    assert_eq!(join("cancel_rest: true"), ["8:5 workflow.conflict"]);
}

#[test]
fn what_a_join_reads_may_not_have_ended() {
    let unguarded = JOIN.replace("steps.a?.x ?? 0", "steps.a.x");
    assert_eq!(told(&unguarded), ["9:29 expression.unguarded"]);
}

#[test]
fn what_a_join_may_cancel_may_be_nothing() {
    let cancels = JOIN.replace("join: any", "join: any\n    cancel_rest: true");
    let reads = format!("{cancels}outputs: {{ b: '${{{{ steps.b.x }}}}' }}\n");
    assert_eq!(told(&reads), ["11:28 expression.unguarded"]);
}

const REPEAT: &str = "name: w
steps:
  poll:
    uses: set
    repeat: { until: steps.poll.done, max_iterations: 9, delay: 1s }
    with: { done: '${{ index > 1 && steps.poll?.done != () }}' }
";

#[test]
fn a_repeated_step_reads_what_it_gave_before() {
    assert_eq!(told(REPEAT), [""; 0]);
    let own = REPEAT.replace("steps.poll?.done", "steps.poll.done");
    assert_eq!(told(&own), ["6:48 expression.unguarded"]);
    let never = REPEAT.replace("    with", "    if: steps.poll.done\n    with");
    assert_eq!(told(&never), ["6:9 workflow.self_reference"]);
}

#[test]
fn a_repeat_says_until_when_and_how_often_at_most() {
    let repeat =
        |repeat: &str| told(&REPEAT.replace("until: steps.poll.done, max_iterations: 9", repeat));
    assert_eq!(repeat("max_iterations: 9"), ["5:13 workflow.missing_field"]);
    assert_eq!(repeat("until: 'true'"), ["5:13 workflow.missing_field"]);
    assert_eq!(
        repeat("until: 'true', max_iterations: 10001"),
        ["5:46 workflow.unknown_value"]
    );
    assert_eq!(
        repeat("until: index, max_iterations: 2"),
        ["5:22 expression.not_boolean"]
    );
    assert_eq!(
        repeat("until: steps.poll.dnoe, max_iterations: 2"),
        ["5:33 expression.unknown_field"]
    );
    let both = REPEAT.replace("    with", "    for_each: '${{ [1] }}'\n    with");
    assert_eq!(told(&both), ["5:5 workflow.conflict"]);
}

const CLEANUP: &str = "name: w
steps:
  pay:
    uses: set
    with: { x: 1 }
    compensate: { uses: log, with: { message: '${{ steps.pay.x }} ${{ error.code }}' } }
  rest: { uses: set, with: { x: 2 } }
on_failure:
  report: { uses: set, with: { x: '${{ steps.pay?.x }} ${{ error.code }}' } }
finally:
  close: { uses: set, needs: [shut], with: { x: '${{ error?.code ?? 0 }}' } }
  shut: { uses: set, with: { x: '${{ steps.rest?.x }}' } }
";

#[test]
fn what_runs_after_the_steps_is_checked_like_them() {
    assert_eq!(told(CLEANUP), [""; 0]);
    let with = |from: &str, to: &str| told(&CLEANUP.replace(from, to));
    assert_eq!(
        with("steps.pay.x", "steps.pay.y"),
        ["6:62 expression.unknown_field"]
    );
    assert_eq!(
        with("steps.pay.x", "steps.rest.x"),
        ["6:63 expression.unguarded"]
    );
    assert_eq!(
        with("steps.pay?.x", "steps.pay.x"),
        ["9:50 expression.unguarded"]
    );
    assert_eq!(
        with("error?.code ?? 0", "error.code"),
        ["11:60 expression.unguarded"]
    );
    assert_eq!(with("[shut]", "[shout]"), ["11:31 workflow.unknown_step"]);
    assert_eq!(with("[shut]", "[pay]"), ["11:31 workflow.conflict"]);
    assert_eq!(with("[shut]", "[report]"), ["11:31 workflow.nested_step"]);
    assert_eq!(
        with("with: { x: 2 }", "with: { x: '${{ steps.shut.x }}' }"),
        ["7:38 workflow.nested_step"]
    );
    assert_eq!(
        with(
            "  rest:",
            "  pay2: { uses: set, compensate: { with: {} } }\n  rest:"
        ),
        ["7:22 workflow.missing_field"]
    );
    assert_eq!(
        with("uses: log, with", "uses: log, if: x, with"),
        ["6:30 workflow.unknown_field"]
    );
    assert_eq!(
        with("shut:", "pay:")[1..],
        ["11:31 workflow.unknown_step", "12:3 workflow.duplicate_id"]
    );
}

#[test]
fn a_loop_of_steps_is_undone_by_its_steps() {
    let source = "name: w
steps:
  each:
    for_each: '${{ [1] }}'
    compensate: { uses: log, with: { message: x } }
    steps: { a: { uses: set } }
";
    assert_eq!(told(source), ["5:5 workflow.conflict"]);
}

const TYPES: &str = "name: w
inputs: { n: { type: integer, required: true } }
steps:
  load: { uses: set, with: { list: [1], n: '${{ inputs.n }}', amount: '12.50' } }
  each: { uses: set, for_each: '${{ steps.load.list }}', with: { x: '${{ item }}' } }
  say: { uses: log, with: { message: '${{ steps.load.amount }}' } }
";

#[test]
fn a_value_of_a_wrong_type_is_found_before_the_first_run() {
    assert_eq!(told(TYPES), [""; 0]);
    let message = |value: &str| told(&TYPES.replace("steps.load.amount", value));
    assert_eq!(message("steps.load.n"), ["6:38 config.wrong_type"]);
    assert_eq!(message("steps.load.list"), ["6:38 config.wrong_type"]);
    assert_eq!(message("steps.each"), ["6:38 config.wrong_type"]);
    assert_eq!(message("steps.each[0].x"), ["6:38 config.wrong_type"]);
    assert_eq!(message("inputs.n"), ["6:38 config.wrong_type"]);
    assert_eq!(message("inputs.n }} lots ${{ inputs.n"), [""; 0]);
    assert_eq!(
        message("steps.load.lits"),
        ["6:54 expression.unknown_field"]
    );
    assert_eq!(
        message("steps.each[0].y"),
        ["6:57 expression.unknown_field"]
    );
    let key = TYPES.replace(
        "uses: log,",
        "uses: log, idempotency_key: '${{ steps.load.list }}',",
    );
    assert_eq!(told(&key), ["6:38 config.wrong_type"]);
}

#[test]
fn what_is_wrong_with_an_event_or_a_time_is_told_where_it_stands() {
    let top = |field: &str| {
        told(&format!(
            "name: w\n{field}\nsteps: {{ a: {{ uses: set }} }}\n"
        ))
    };
    assert_eq!(top("cancel_on: { event: a.b, key: x }"), [""; 0]);
    assert_eq!(top("cancel_on: { key: x }"), ["2:1 workflow.missing_field"]);
    assert_eq!(top("cancel_on: { event: A }"), ["2:21 workflow.bad_id"]);
    assert_eq!(top("timeout: 10m"), [""; 0]);
    assert_eq!(top("timeout: soon"), ["2:10 workflow.bad_duration"]);
    let step = |with: &str| {
        told(&format!(
            "name: w\nsteps:\n  a: {{ uses: wait.event, with: {{ event: x.y, {with} }} }}\n"
        ))
    };
    assert_eq!(step("filter: event.amount > 10, timeout: 5d"), [""; 0]);
    assert_eq!(
        step("filter: inputs.nope == 1"),
        ["3:61 expression.unknown_field"]
    );
    assert_eq!(
        step("filter: event.amount > 10, timeout: soon"),
        ["3:82 config.invalid"]
    );
}

#[test]
fn a_credential_is_given_to_a_node_that_takes_one() {
    let step = |rest: &str| {
        told(&format!(
            "name: w\nsteps:\n  a: {{ credential: bank, {rest} }}\n"
        ))
    };
    assert_eq!(
        step("uses: http.request, with: { url: 'https://x.example' }"),
        [""; 0]
    );
    assert_eq!(step("uses: set"), ["3:20 workflow.conflict"]);
    let nested = "for_each: '${{ [1] }}', steps: { b: { uses: set } }";
    assert_eq!(step(nested), ["3:20 workflow.conflict"]);
    let named = told(
        "name: w\nsteps:\n  a: { credential: My-Bank, uses: http.request, with: { url: 'https://x.example' } }\n",
    );
    assert_eq!(named, ["3:20 workflow.bad_id"]);
}

#[test]
fn the_schema_that_the_screens_read_is_the_language_s() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../api/workflow.schema.json");
    let kept: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(
        kept == engine::language::schema(&catalogue().unwrap()),
        "run `copro workflow schema > api/workflow.schema.json`"
    );
}
