use std::sync::Arc;

use serde_json::{Value, json};

use super::*;

fn scope() -> Scope {
    let facts = RunFacts {
        id: "r1".into(),
        workflow: "w".into(),
        tenant: "t1".into(),
        now: "2026-11-24T08:00:00Z".parse().unwrap(),
    };
    let shape = Shape::of_schema(&json!({
        "type": "object",
        "properties": {
            "total": { "type": "string", "format": "decimal" },
            "paid": { "type": "string", "format": "decimal" },
            "note": { "type": "string" },
            "lines": { "type": "array", "items": {
                "type": "object",
                "properties": { "amount": { "type": "string", "format": "decimal" }, "lot": { "type": "integer" } },
                "required": ["amount", "lot"],
            } },
        },
        "required": ["total", "paid", "lines"],
    }));
    let mut scope = Scope::new(
        &facts,
        Typed::any(json!({ "name": "Anne", "count": 3, "free": { "deep": [1, 2] }, "private": 5 })),
    );
    let output = json!({
        "total": "12.50", "paid": "2.50",
        "lines": [{ "amount": "10.00", "lot": 1 }, { "amount": "2.50", "lot": 2 }],
    });
    scope.set_step(
        "sums",
        Ended {
            status: "succeeded",
            output: Some(Typed::new(output, shape)),
            error: None,
        },
    );
    scope.set_step(
        "skipped",
        Ended {
            status: "skipped",
            output: None,
            error: None,
        },
    );
    let error = Failure {
        code: "mail.down".into(),
        message: "no answer".into(),
    };
    scope.set_step(
        "broken",
        Ended {
            status: "failed",
            output: Some(Typed::any(json!({ "error": error.to_value() }))),
            error: Some(error),
        },
    );
    let mut inner = Scope::inside(&Arc::new(scope));
    inner.set_item("lot", Typed::any(json!({ "default": "x", "id": 7 })), 1);
    inner
}

fn eval(source: &str) -> Result<Value, String> {
    let sandbox = Sandbox::default();
    let expression = Expression::compile(&sandbox, source, &["lot".into()])
        .map_err(|error| format!("compile: {} at {}", error.message, error.offset))?;
    expression
        .eval(&sandbox, &scope())
        .map_err(|error| format!("{}: {}", error.code, error.message))
}

#[test]
fn decimals_are_exact_and_keep_their_scale() {
    assert_eq!(eval("steps.sums.total"), Ok(json!("12.50")));
    assert_eq!(
        eval("steps.sums.total - steps.sums.paid"),
        Ok(json!("10.00"))
    );
    assert_eq!(eval("0.1 + 0.2 == 0.3"), Ok(json!(true)));
    assert_eq!(eval("10 / 4"), Ok(json!("2.5")));
    assert_eq!(eval("steps.sums.total / 2"), Ok(json!("6.25")));
    assert_eq!(eval("decimal(\"1.10\") * 3"), Ok(json!("3.30")));
    assert_eq!(eval("round(2.345, 2)"), Ok(json!("2.35")));
    assert_eq!(eval("(-2.345).round(2)"), Ok(json!("-2.35")));
    assert_eq!(
        eval("steps.sums.lines.map(|line| line.amount).reduce(|sum, amount| sum + amount, 0)"),
        Ok(json!("12.50"))
    );
    assert_eq!(
        eval("steps.sums.lines.map(|line| line.amount).sum()"),
        Ok(json!("12.50"))
    );
    assert_eq!(eval("[1, 2, 3].sum()"), Ok(json!(6)));
    assert_eq!(eval("[].sum()"), Ok(json!(0)));
    assert!(eval("[1, \"2\"].sum()").is_err());
}

#[test]
fn comparing_different_types_is_an_error() {
    assert_eq!(eval("1 == 1.0"), Ok(json!(true)));
    assert_eq!(eval("steps.sums.total > 12"), Ok(json!(true)));
    assert_eq!(eval("inputs.name == \"Anne\""), Ok(json!(true)));
    assert_eq!(eval("inputs.name == ()"), Ok(json!(false)));
    assert_eq!(eval("[1, 2] == inputs.free.deep"), Ok(json!(true)));
    assert_eq!(eval("2 in inputs.free.deep"), Ok(json!(true)));
    for source in [
        "inputs.name == 3",
        "inputs.count > \"2\"",
        "true < 1",
        "[1] == [\"1\"]",
        "\"1\" != 1",
        "#{a: 1} == #{a: \"1\"}",
        "inputs.name in [1, 2]",
    ] {
        let told = eval(source).unwrap_err();
        assert!(told.contains("compares"), "{source}: {told}");
    }
}

#[test]
fn reading_what_is_missing_is_an_error_unless_guarded() {
    assert!(
        eval("inputs.nom")
            .unwrap_err()
            .starts_with("expression.missing")
    );
    assert!(
        eval("inputs.free.deep[2] + 1")
            .unwrap_err()
            .starts_with("expression.missing")
    );
    assert!(
        eval("steps.sums.lines.map(|l| l.nope)")
            .unwrap_err()
            .contains("nope")
    );
    assert!(
        eval("steps.broken.total")
            .unwrap_err()
            .starts_with("expression.missing")
    );
    assert_eq!(eval("inputs.nom ?? \"?\""), Ok(json!("?")));
    assert_eq!(eval("steps.skipped ?? 1"), Ok(json!(1)));
    assert_eq!(eval("steps.skipped?.total"), Ok(json!(null)));
    assert_eq!(eval("steps.skipped?.lines.len() ?? 0"), Ok(json!(0)));
    assert_eq!(eval("steps.sums?.lines.len() ?? 0"), Ok(json!(2)));
    assert_eq!(eval("steps.sums.note"), Ok(json!(null)));
    assert_eq!(eval("run.steps.broken.error.code"), Ok(json!("mail.down")));
    assert_eq!(
        eval("run.steps.sums.error?.code ?? \"none\""),
        Ok(json!("none"))
    );
    assert_eq!(
        eval("run.steps.skipped.status == \"skipped\""),
        Ok(json!(true))
    );
    assert_eq!(eval("false && inputs.nom"), Ok(json!(false)));
    assert!(
        eval("true && inputs.nom")
            .unwrap_err()
            .starts_with("expression.missing")
    );
}

#[test]
fn after_a_dot_every_word_is_a_name() {
    assert_eq!(eval("inputs.private + 1"), Ok(json!(6)));
    assert_eq!(eval("lot.default"), Ok(json!("x")));
    assert_eq!(eval("lot?.default + \"y\""), Ok(json!("xy")));
    assert_eq!(eval("(#{private: 1}).private"), Ok(json!(1)));
    assert_eq!(eval("[#{match: 4}].map(|m| m.match)"), Ok(json!([4])));
    for word in [
        "switch", "if", "in", "is", "fn", "while", "return", "this", "new", "case", "module",
        "static", "yield", "void", "async", "await", "true", "import", "export", "shared", "go",
        "eval", "print", "debug", "type_of", "call", "exit", "with", "default", "thread", "global",
    ] {
        let source = format!("#{{ {word}: 2 }}.{word} + 1");
        assert_eq!(eval(&source), Ok(json!(3)), "{source}");
    }
}

#[test]
fn places_and_texts() {
    assert_eq!(eval("steps.sums.lines[-1].lot"), Ok(json!(2)));
    assert_eq!(eval("steps.sums.lines[index].amount"), Ok(json!("2.50")));
    assert_eq!(eval("inputs[\"name\"]"), Ok(json!("Anne")));
    assert_eq!(
        eval("`${inputs.name} owes ${steps.sums.total}`"),
        Ok(json!("Anne owes 12.50"))
    );
    assert_eq!(
        eval("inputs.free.deep.filter(|x| x > index)"),
        Ok(json!([2]))
    );
    assert_eq!(
        eval("steps.sums.lines.filter(|l| l.lot == lot.id - 5)[0].amount"),
        Ok(json!("2.50"))
    );
    assert_eq!(
        eval("#{ a: inputs.count, inputs: 2 }"),
        Ok(json!({ "a": 3, "inputs": 2 }))
    );
    assert_eq!(
        eval("if inputs.count > 2 { \"many\" } else { \"few\" }"),
        Ok(json!("many"))
    );
}

#[test]
fn what_does_not_compile_says_where() {
    let told = |source: &str| eval(source).unwrap_err();
    assert!(
        told("inputs.name + nom").contains("there is no `nom` here at 14"),
        "{}",
        told("inputs.name + nom")
    );
    assert!(told("inputs.name.to_uper()").contains("no function `to_uper`"));
    assert!(told("1 +").contains("compile"));
    assert!(told("steps").contains("followed by the name"));
    assert!(told("steps[inputs.name].x").contains("followed by the name"));
    assert!(told("inputs.free.deep.map(|item| item)").contains("already has a meaning"));
    for source in [
        "eval(\"1\")",
        "print(1)",
        "sleep(1)",
        "exit()",
        "timestamp()",
        "let x = 1",
        "import \"a\"",
        "while true {}",
        "__a0",
    ] {
        assert!(
            told(source).starts_with("compile"),
            "{source}: {}",
            told(source)
        );
    }
}

#[test]
fn limits_end_what_would_not_end() {
    let sandbox = Sandbox::default();
    let none = serde_json::Map::new();
    for code in [
        "loop { }",
        "fn f(x) { f(x + 1) } f(0)",
        "let s = \"x\"; loop { s += s; }",
        "let a = [0]; loop { a += a; }",
        "let m = #{}; let i = 0; loop { m[i.to_string()] = m; i += 1; }",
    ] {
        let script = Script::compile(&sandbox, code, []).unwrap();
        let told = script.run(&sandbox, &none).unwrap_err();
        assert_eq!(told.code, "expression.limit", "{code}: {told}");
    }
    let deep = format!("{}1{}", "(".repeat(200), ")".repeat(200));
    assert!(Expression::compile(&sandbox, &deep, &[]).is_err());
    for (open, middle, close) in [
        ("item[", "0", "]"),
        ("[", "0", "]"),
        ("#{a:", "0", "}"),
        ("|x| ", "x", ""),
        ("-", "1", ""),
        ("!", "true", ""),
        ("`${", "1", "}`"),
        ("if true { ", "1", " } else { 2 }"),
        ("1 + ", "1", ""),
        ("item?.a ?? ", "1", ""),
        ("/* ", "", " */"),
    ] {
        let deep = format!("{}{middle}{}", open.repeat(20_000), close.repeat(20_000));
        assert!(Expression::compile(&sandbox, &deep, &[]).is_err(), "{open}");
        let _ = Script::compile(&sandbox, &deep, ["x", "item"]);
    }
}

#[test]
fn a_script_sees_only_its_values() {
    let sandbox = Sandbox::default();
    let run = |code: &str, values: Value| {
        let values = values.as_object().unwrap().clone();
        Script::compile(&sandbox, code, values.keys().map(String::as_str))
            .map_err(|error| error.message.to_string())?
            .run(&sandbox, &values)
            .map_err(|error| error.to_string())
    };
    let code = "let sum = decimal(0);\nfor line in lines { sum += decimal(line.amount); }\n#{ sum: sum, half: sum / 2 }";
    assert_eq!(
        run(
            code,
            json!({ "lines": [{ "amount": "1.10" }, { "amount": "2.20" }] })
        ),
        Ok(json!({ "sum": "3.30", "half": "1.65" }))
    );
    assert_eq!(run("let a = 7; a /= 2; a", json!({})), Ok(json!("3.5")));
    assert!(
        run("steps.x", json!({}))
            .unwrap_err()
            .contains("there is no `steps`")
    );
    assert!(
        run(
            "let x = #{ private: #{ a: 1 } }; x.private.a = 2; x.private.a",
            json!({})
        ) == Ok(json!(2))
    );
    assert!(
        run("\n throw \"no lot\"", json!({}))
            .unwrap_err()
            .contains("no lot (line 2")
    );
    assert_eq!(run("if true { if true { 1 }}", json!({})), Ok(json!(1)));
}

#[test]
fn a_text_is_split_at_its_expressions() {
    assert_eq!(pieces("plain").unwrap(), [Piece::Text("plain".into())]);
    assert_eq!(pieces("").unwrap(), [Piece::Text(String::new())]);
    assert_eq!(
        pieces("a ${{ b }} c$${{ d }}").unwrap(),
        [
            Piece::Text("a ".into()),
            Piece::Expression(" b ", 5),
            Piece::Text(" c${{ d }}".into())
        ]
    );
    assert_eq!(pieces("x ${{ a").unwrap_err().offset, 2);
    assert!(pieces("${{ \"a }}").unwrap_err().error.is_some());
}

#[test]
fn evaluating_does_not_copy_what_is_not_read() {
    let sandbox = Sandbox::default();
    let lots: Vec<_> = (0..50_000)
        .map(|lot| json!({ "lot": lot, "owner": "someone" }))
        .collect();
    let mut outer = scope();
    outer.set_step(
        "big",
        Ended {
            status: "succeeded",
            output: Some(Typed::any(json!({ "lots": lots }))),
            error: None,
        },
    );
    let outer = Arc::new(outer);
    let expression = Expression::compile(&sandbox, "steps.big.lots[index].lot + 1", &[]).unwrap();
    let start = std::time::Instant::now();
    for index in 0..20_000 {
        let mut inner = Scope::inside(&outer);
        inner.set_item("item", Typed::any(json!(index)), index);
        assert_eq!(expression.eval(&sandbox, &inner).unwrap(), json!(index + 1));
    }
    assert!(start.elapsed().as_secs() < 5, "took {:?}", start.elapsed());
}

#[test]
fn values_nested_without_end_are_refused_and_harm_nobody() {
    let sandbox = Sandbox::default();
    let none = serde_json::Map::new();
    for code in [
        "let a = []; for i in 0..1000000 { a = [a]; } a",
        "let a = [0]; for i in 0..150 { a = [a]; } a",
    ] {
        let script = Script::compile(&sandbox, code, []).unwrap();
        let told = script.run(&sandbox, &none).unwrap_err();
        assert_eq!(told.code, "expression.limit", "{code}: {told}");
    }
    let mut scope = scope();
    scope.set_item("item", Typed::any(json!(vec![0; 100_000])), 0);
    for source in [
        "item.reduce(|all, x| [all], [])",
        "item.reduce(|all, x| #{ a: all }, [])",
        "item.filter(|x| inputs.free.deep.push(inputs.free.deep) == ())",
        "item.map(|x| inputs.free.deep.insert(0, inputs.free.deep))",
    ] {
        let expression = Expression::compile(&sandbox, source, &[]).unwrap();
        if let Err(told) = expression.eval(&sandbox, &scope) {
            assert_eq!(told.code, "expression.limit", "{source}: {told}");
        }
    }
}
