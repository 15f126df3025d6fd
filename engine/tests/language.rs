//! The checker: every problem of a file in one pass, each with its place and what to do.

use std::fmt::Write as _;

use engine::expr::{Ended, RunFacts, Sandbox, Scope, Typed};
use engine::graph::{Body, OnError};
use engine::language::{Checked, Severity, check};
use engine::node::{Ctx, Effect, Node, NodeResult, NodeSpec, Problem, Registry};
use proptest::prelude::*;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A decimal as text.
#[derive(Debug, Serialize, Deserialize)]
struct Amount(String);

impl JsonSchema for Amount {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Amount".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "string", "format": "decimal" })
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is looked at")]
struct FetchConfig {
    account: String,
    #[serde(default)]
    limit: Option<u32>,
    #[serde(default)]
    mode: Mode,
    #[serde(default)]
    filters: Vec<Filter>,
    #[serde(default)]
    floor: Option<Amount>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Mode {
    #[default]
    Booked,
    Pending,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is looked at")]
struct Filter {
    field: String,
    value: String,
}

#[derive(Serialize, JsonSchema)]
struct Fetched {
    total: Amount,
    lines: Vec<Line>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Line {
    id: i64,
    amount: Amount,
}

struct Fetch;

impl Node for Fetch {
    const SPEC: NodeSpec = NodeSpec::new("bank.fetch", Effect::Read);
    type Config = FetchConfig;
    type Output = Fetched;

    fn check(&self, config: &Value) -> Vec<Problem> {
        match config.get("account") {
            Some(Value::String(account)) if account.starts_with("XX") => vec![Problem {
                pointer: "/account".into(),
                offset: Some(2),
                message: "no country is XX".into(),
                fix: "write an IBAN".into(),
            }],
            _ => Vec::new(),
        }
    }

    async fn run(&self, _: &Ctx, _: FetchConfig) -> NodeResult<Fetched> {
        unreachable!("the checker runs nothing")
    }
}

/// Any fields, and the output is the config.
struct Set;

struct AsConfig;

impl JsonSchema for AsConfig {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AsConfig".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "x-output-is-config": true })
    }
}

impl Serialize for AsConfig {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl Node for Set {
    const SPEC: NodeSpec = NodeSpec::new("set", Effect::Pure);
    type Config = serde_json::Map<String, Value>;
    type Output = AsConfig;

    async fn run(&self, _: &Ctx, _: Self::Config) -> NodeResult<AsConfig> {
        unreachable!("the checker runs nothing")
    }
}

/// A second version.
struct Set2;

impl Node for Set2 {
    const SPEC: NodeSpec = NodeSpec::new("set", Effect::Pure).version(2);
    type Config = serde_json::Map<String, Value>;
    type Output = AsConfig;

    async fn run(&self, _: &Ctx, _: Self::Config) -> NodeResult<AsConfig> {
        unreachable!("the checker runs nothing")
    }
}

fn registry() -> Registry {
    Registry::builder()
        .node(Fetch)
        .node(Set)
        .node(Set2)
        .build()
        .expect("the list is sorted")
}

fn checked(source: &str) -> Checked {
    check(source, &registry())
}

fn told(source: &str) -> String {
    let mut text = String::new();
    for diagnostic in checked(source).diagnostics {
        writeln!(text, "{diagnostic}").expect("a text takes all");
    }
    text
}

/// The codes and places of a workflow whose steps are `steps`.
fn codes(steps: &str) -> Vec<String> {
    let source = format!("name: w\nsteps:\n{steps}");
    checked(&source)
        .diagnostics
        .iter()
        .map(|d| format!("{}:{} {}", d.line, d.column, d.code))
        .collect()
}

const TEN: &str = include_str!("ten_mistakes.yaml");

#[test]
fn a_workflow_with_ten_mistakes_has_all_ten_reported() {
    let errors = checked(TEN).diagnostics;
    let codes: Vec<_> = errors.iter().map(|d| d.code).collect();
    for expected in [
        "workflow.unknown_field",
        "workflow.unknown_node",
        "workflow.duplicate_id",
        "config.invalid",
        "workflow.cycle",
        "workflow.unknown_step",
        "expression.unguarded",
        "expression.unknown_field",
        "expression.syntax",
        "expression.cut",
    ] {
        assert!(codes.contains(&expected), "{expected} is not in {codes:?}");
    }
    assert!(
        errors
            .iter()
            .all(|d| d.line > 0 && d.column > 0 && !d.fix.is_empty())
    );
    insta::assert_snapshot!("ten_mistakes", told(TEN));
}

#[test]
fn a_sound_workflow_becomes_a_plan() {
    let source = include_str!("sound.yaml");
    let checked = checked(source);
    let errors: Vec<_> = checked
        .diagnostics
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .map(ToString::to_string)
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let plan = checked.plan.unwrap();
    let find = |id| plan.steps.find(id).unwrap();
    let at = |id| &plan.steps.steps[find(id)];
    assert_eq!(at("sum").needs, [find("fetch")]);
    assert_eq!(at("last").needs, [find("sum"), find("each")]);
    assert_eq!(
        plan.steps.ancestors(find("last")),
        [find("sum"), find("fetch"), find("each"), find("rescue")]
    );
    assert_eq!(at("each").on_error, OnError::Step(find("rescue")));
    assert_eq!(at("rescue").handles, Some(find("each")));
    assert!(at("rescue").may_be_skipped && at("sum").may_be_skipped && !at("each").may_be_skipped);
    let Body::Steps(body) = &at("each").body else {
        panic!("a loop of steps");
    };
    assert_eq!(body.steps[1].needs, [0]);
    assert_eq!(body.steps[0].reads_outside, ["fetch".into()]);
    insta::assert_snapshot!("sound_notes", told(source));
}

#[test]
fn a_plan_renders_its_values() {
    let plan = checked(include_str!("sound.yaml")).plan.unwrap();
    let sandbox = Sandbox::default();
    let inputs = plan
        .inputs
        .accept(json!({ "account": "FR76", "floor": "10.50" }))
        .unwrap();
    let facts = RunFacts {
        id: "r".into(),
        workflow: "sound".into(),
        tenant: "t".into(),
        now: "2026-01-01T00:00:00Z".parse().unwrap(),
    };
    let mut scope = Scope::new(&facts, inputs);
    assert_eq!(
        plan.labels[0].1.render(&sandbox, &scope).unwrap(),
        json!("FR76")
    );
    let fetch = &plan.steps.steps[plan.steps.find("fetch").unwrap()];
    let output = json!({ "total": "12.50", "lines": [{ "id": 1, "amount": "12.50" }] });
    scope.set_step(
        "fetch",
        Ended {
            status: "succeeded",
            output: Some(Typed::new(output, fetch.output.clone())),
            error: None,
        },
    );
    let sum = &plan.steps.steps[plan.steps.find("sum").unwrap()];
    assert!(
        sum.condition
            .as_ref()
            .unwrap()
            .test(&sandbox, &scope)
            .unwrap()
    );
    let Body::Node { with, .. } = &sum.body else {
        panic!("a node");
    };
    assert_eq!(
        with.render(&sandbox, &scope).unwrap(),
        json!({ "rest": "2.00", "text": "FR76: 12.50", "literal": "${{ no }}", "count": 1 })
    );
}

#[test]
fn inputs_are_checked_and_defaults_filled_in() {
    let plan = checked(include_str!("sound.yaml")).plan.unwrap();
    let problems = |given: Value| -> Vec<String> {
        let problems = plan.inputs.accept(given).unwrap_err();
        problems.iter().map(|p| p.pointer.clone()).collect()
    };
    assert_eq!(problems(json!({})), [""]);
    assert_eq!(
        problems(json!({ "account": 3, "floor": "x" })),
        ["/account", "/floor"]
    );
    assert_eq!(problems(json!({ "account": "a", "acount": "b" })), [""]);
    let given = plan
        .inputs
        .accept(json!({ "account": "a", "floor": null }))
        .unwrap();
    assert_eq!(*given.value, json!({ "account": "a", "floor": "0.00" }));
}

#[test]
fn a_budget_limits_something_and_says_it_well() {
    let budget = |budget: &str| {
        told(&format!(
            "name: w\nbudget: {budget}\nsteps:\n  c: {{ uses: set }}\n"
        ))
    };
    assert_eq!(
        budget("{ max_cost: '2.50', max_tokens: 1000, max_time: 10m }"),
        ""
    );
    assert!(budget("{ }").contains("`budget` limits nothing"));
    let wrong = budget("{ max_cost: free, max_tokens: 0, max_time: long, max: 1 }");
    for field in ["`max_cost`", "`max_tokens`", "`max_time`", "`max`"] {
        assert!(wrong.contains(field), "{wrong}");
    }
}

#[test]
fn triggers_and_concurrency_are_checked_whole() {
    let source = "
name: w
inputs: { account: { type: string, required: true } }
triggers:
  good: { event: bank.synced, start: { account: '${{ event.account }}' }, filter: event.count > 3, dedup: event.id }
  Bad: { webhook: { path: notify, methods: [FETCH], anwser: accepted }, schedule: '0 6 * *', start: { acount: x } }
  nightly: { schedule: { cron: '0 6 * * 1-5', timezone: Europe/Paris, missed: sometimes }, start: { account: '${{ steps.a.x }}' } }
concurrency: { key: '${{ inputs.acount }}', limit: 0, policy: que, hold: true }
steps:
  a: { uses: set, with: { x: '${{ event.id }}' } }
";
    insta::assert_snapshot!("triggers", told(source));
}

#[test]
fn a_config_is_checked_around_its_expressions() {
    let fetch = |with: &str| codes(&format!("  a: {{ uses: bank.fetch, with: {with} }}\n"));
    let none: [String; 0] = [];
    assert_eq!(
        fetch("{ account: '${{ run.id }}', limit: '${{ 1 + 1 }}' }"),
        none
    );
    assert_eq!(
        fetch("{ account: a, filters: ['${{ 1 }}', { field: f, value: '${{ 1 }}' }] }"),
        none
    );
    assert_eq!(fetch("{ limit: 3 }"), ["3:3 config.missing"]);
    assert_eq!(fetch("{ account: 010 }"), none);
    assert_eq!(fetch("{ account: 12 }"), ["3:43 config.invalid"]);
    assert_eq!(
        fetch("{ account: a, limit: lots }"),
        ["3:53 config.invalid"]
    );
    assert_eq!(
        fetch("{ account: a, mode: bokked }"),
        ["3:52 config.invalid"]
    );
    assert_eq!(
        fetch("{ account: a, floor: 12.50 }"),
        ["3:53 config.invalid"]
    );
    assert_eq!(
        fetch("{ account: a, floor: '12.x' }"),
        ["3:53 config.invalid"]
    );
    assert_eq!(
        fetch("{ acount: a, account: b }"),
        ["3:34 workflow.unknown_field"]
    );
    assert_eq!(
        fetch("{ account: a, filters: [{ field: f, vale: v }] }").len(),
        2
    );
    assert_eq!(fetch("{ account: XX12 }"), ["3:45 config.invalid"]);
}

#[test]
fn graphs_that_cannot_be_are_told() {
    assert_eq!(
        codes("  a: { uses: set, needs: [a] }\n"),
        ["3:27 workflow.self_reference"]
    );
    assert_eq!(
        codes(
            "  a: { uses: set, with: { x: '${{ steps.b.y }}' } }\n  b: { uses: set, with: { y: '${{ steps.a.x }}' } }\n"
        ),
        ["3:3 workflow.cycle"]
    );
    assert_eq!(
        codes(
            "  a: { uses: set, on_error: { step: b } }\n  b: { uses: set, with: { y: '${{ steps.c }}' } }\n  c: { uses: set, needs: [a] }\n"
        ),
        ["4:3 workflow.cycle"]
    );
    let nested = "  l:\n    for_each: [1]\n    steps:\n      x: { uses: set }\n      y: { uses: set, needs: [l] }\n";
    assert_eq!(
        codes(&format!("{nested}  a: {{ uses: set, needs: [x] }}\n")),
        ["7:31 workflow.self_reference", "8:27 workflow.nested_step"]
    );
    assert_eq!(
        codes(
            "  a: { uses: set }\n  l:\n    for_each: [[1]]\n    as: row\n    steps:\n      m: { for_each: '${{ row }}', uses: set }\n      a: { uses: set }\n"
        ),
        ["8:12 workflow.needs_as", "9:7 workflow.duplicate_id"]
    );
}

#[test]
fn reads_are_checked_against_what_steps_give() {
    let after = |read: &str| {
        codes(&format!(
            "  f: {{ uses: bank.fetch, with: {{ account: a }} }}\n  s: {{ uses: set, if: 'false', with: {{ v: {{ w: 1 }} }} }}\n  c: {{ uses: bank.fetch, with: {{ account: a }}, on_error: continue }}\n  e: {{ for_each: [1], uses: bank.fetch, with: {{ account: a }}, on_item_error: collect }}\n  r:\n    uses: set\n    with:\n      x: '${{{{ {read} }}}}'\n"
        ))
    };
    let none: [String; 0] = [];
    for sound in [
        "steps.f.lines[0].amount",
        "steps.f.note",
        "steps.s?.v.w",
        "steps.s.v.w ?? 1",
        "steps.s ?? ()",
        "steps.c.total ?? 0",
        "steps.c.error?.code",
        "steps.e[0].error?.code",
        "steps.e[0].output?.total",
        "run.steps.c.error?.code",
        "run.steps.s.status",
        "inputs == #{}",
        "steps.f.lines.map(|l| l.amount)",
    ] {
        assert_eq!(after(sound), none, "{sound}");
    }
    for (read, code) in [
        ("steps.f.totl", "10:23 expression.unknown_field"),
        ("steps.f.lines.amount", "10:29 expression.unknown_field"),
        ("steps.f.lines.len", "10:29 expression.unknown_field"),
        ("steps.f.note.x", "10:28 expression.unguarded"),
        ("steps.s.v", "10:23 expression.unguarded"),
        ("steps.s", "10:15 expression.unguarded"),
        ("steps.s?.x", "10:24 expression.unknown_field"),
        ("steps.c.total", "10:23 expression.unguarded"),
        ("steps.e[0].output.total", "10:33 expression.unguarded"),
        ("run.steps.c.error.code", "10:33 expression.unguarded"),
        ("run.steps.c.state", "10:27 expression.unknown_field"),
        ("inputs.x", "10:22 expression.unknown_field"),
        ("item.x", "10:15 expression.not_in_scope"),
        ("error.code", "10:15 expression.not_in_scope"),
        ("steps.g.x", "10:15 workflow.unknown_step"),
        ("nothing.x", "10:15 expression.syntax"),
        ("steps.f.total.to_uper()", "10:29 expression.syntax"),
    ] {
        let codes = after(read);
        assert!(codes.contains(&code.to_owned()), "{read}: {codes:?}");
    }
}

#[test]
fn a_condition_gives_true_or_false() {
    let when = |condition: &str| {
        codes(&format!(
            "  f: {{ uses: bank.fetch, with: {{ account: a }} }}\n  a:\n    uses: set\n    if: {condition}\n"
        ))
    };
    let none: [String; 0] = [];
    assert_eq!(when("steps.f.total > 3"), none);
    assert_eq!(when("'${{ steps.f.lines.len() > 0 }}'"), none);
    assert_eq!(when("true"), none);
    assert_eq!(when("steps.f.total"), ["6:9 expression.not_boolean"]);
    assert_eq!(
        when("'${{ steps.f.total }} > 3'"),
        ["6:9 expression.not_boolean"]
    );
    assert_eq!(when("3"), ["6:9 workflow.wrong_type"]);
}

#[test]
fn versions_of_a_node_are_named() {
    let plan = checked("name: w\nsteps: { a: { uses: set@2 } }")
        .plan
        .unwrap();
    let Body::Node { node, .. } = &plan.steps.steps[0].body else {
        panic!("a node");
    };
    assert_eq!(node.spec.version, 2);
    assert_eq!(
        codes("  a: { uses: set@3 }\n"),
        ["3:14 workflow.unknown_node"]
    );
}

#[test]
fn an_expression_cut_by_yaml_is_told_as_such() {
    for value in [
        "${{ #{ a: 1 } }}",
        "a ${{ x }} b: ${{ y }}",
        "'${{ inputs == 'a' }}'",
        "\"${{ inputs == \"a\" }}\"",
        "${{ if true { #{ a: 1 } } else { 2 } }}",
    ] {
        let codes = codes(&format!(
            "  a:\n    uses: set\n    with:\n      x: {value}\n  b: {{ uses: sat }}\n"
        ));
        assert!(
            codes.iter().any(|c| c.ends_with("expression.cut")),
            "{value}: {codes:?}"
        );
        assert!(
            codes.contains(&"7:14 workflow.unknown_node".to_owned()),
            "{value}: {codes:?}"
        );
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_checker_panic(source in "[ a-z:#{}\\[\\]'\"$&*!|>.\n-]{0,120}") {
        let _ = checked(&source);
    }

    #[test]
    fn no_damage_to_a_workflow_makes_the_checker_panic(cut in 0_usize..2000, put in "[ -~\n]{0,6}", length in 0_usize..30) {
        for source in [TEN, include_str!("sound.yaml")] {
            let boundary = |mut at: usize| { while !source.is_char_boundary(at) { at -= 1; } at };
            let from = boundary(cut.min(source.len()));
            let to = boundary((from + length).min(source.len())).max(from);
            let _ = checked(&format!("{}{put}{}", &source[..from], &source[to..]));
        }
    }

    #[test]
    fn no_expression_makes_the_compiler_panic(source in "[ -~\n]{0,60}") {
        let _ = engine::expr::Expression::compile(&Sandbox::default(), &source, &[]);
    }

    #[test]
    fn no_words_make_the_compiler_panic(words in prop::collection::vec(prop::sample::select(vec![
        "steps", "steps.a", ".", "?.", "[", "]", "{", "#{", "}", "|", "x", "item", "`${", "}`", "\"a\"", "1", "??", "(", ")", ",", ":", "if", "fn", "run.steps", "index", "-",
    ]), 0..14)) {
        let _ = engine::expr::Expression::compile(&Sandbox::default(), &words.concat(), &[]);
        let _ = engine::expr::Script::compile(&Sandbox::default(), &words.join(" "), []);
    }

    #[test]
    fn a_literal_value_comes_out_as_it_was_written(text in "[ -~éà]{0,40}") {
        let yaml = format!("name: w\nsteps: {{ a: {{ uses: set, with: {{ x: {} }} }} }}", json!(text.replace("${{", "$${{")));
        let plan = checked(&yaml).plan.unwrap();
        let Body::Node { with, .. } = &plan.steps.steps[0].body else { panic!("a node") };
        let scope = Scope::default();
        prop_assert_eq!(with.render(&Sandbox::default(), &scope).unwrap(), json!({ "x": text }));
    }
}
