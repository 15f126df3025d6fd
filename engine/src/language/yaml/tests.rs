use proptest::prelude::*;
use serde_json::json;

use super::*;

fn value(source: &str) -> Value {
    let parsed = parse(source);
    assert!(parsed.faults.is_empty(), "{:?}", parsed.faults);
    parsed.root.unwrap().to_json()
}

fn codes(source: &str) -> Vec<(&'static str, u32, u32)> {
    let faults = parse(source).faults;
    faults
        .iter()
        .map(|f| (f.code, f.at.line, f.at.column))
        .collect()
}

#[test]
fn scalars_are_strict() {
    let source = "[yes, 010, 0.5, -3, 1e3, 12345678901234567890123, true, ~, 1.10, .5, 0x1f]";
    assert_eq!(
        value(source),
        json!([
            "yes",
            "010",
            0.5,
            -3,
            "1e3",
            "12345678901234567890123",
            true,
            null,
            1.1,
            ".5",
            "0x1f"
        ])
    );
    assert_eq!(
        value("a: !!str 10\nb: '10'\non: 1"),
        json!({ "a": "10", "b": "10", "on": 1 })
    );
}

#[test]
fn duplicate_keys_and_several_documents_are_refused() {
    assert_eq!(codes("a: 1\nb: 2\na: 3\n"), [("yaml.duplicate_key", 3, 1)]);
    assert_eq!(
        codes("a: 1\n---\nb: 2\n"),
        [("yaml.several_documents", 3, 1)]
    );
}

#[test]
fn a_bomb_is_refused() {
    let mut source = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let items = vec![format!("*a{}", level - 1); 10].join(", ");
        source.push_str(&format!("a{level}: &a{level} [{items}]\n"));
    }
    assert_eq!(codes(&source)[0].0, "yaml.too_large");
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    assert_eq!(codes(&deep)[0].0, "yaml.too_deep");
    assert_eq!(codes("a: &a [*a]")[0].0, "yaml.alias");
}

#[test]
fn what_yaml_cuts_is_told_and_the_rest_is_read() {
    let source = "\
a: '${{ x == 'y' }}'
b: \"${{ x == \"y\" }}\"
c: ${{ if a { #{b: 1} } }}
d: { e: ${{ x }}, f: 1 }
g: 1
";
    let parsed = parse(source);
    let lines: Vec<_> = parsed.faults.iter().map(|f| (f.code, f.at.line)).collect();
    assert!(lines.contains(&("expression.cut", 1)), "{lines:?}");
    assert!(lines.contains(&("expression.cut", 2)), "{lines:?}");
    let root = parsed.root.unwrap_or_else(|| panic!("{:?}", parsed.faults));
    assert_eq!(root.nearest("/g").to_json(), json!(1));
}

#[test]
fn a_place_in_a_text_is_found_in_the_file() {
    let source = "a: 'x ${{ y }}'\nb: >-\n  one\n  two ${{ z }}\n";
    let root = parse(source).root.unwrap();
    let find = |pointer: &str, what: &str| {
        let node = root.nearest(pointer);
        let mark = node.position(source, node.text().unwrap().find(what).unwrap());
        (mark.line, mark.column)
    };
    assert_eq!(find("/a", "y"), (1, 11));
    assert_eq!(find("/b", "two"), (4, 3));
    assert_eq!(find("/b", "z"), (4, 11));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(source in "[ a-z:#{}\\[\\]'\"$&*!|>\n-]{0,80}") {
        let parsed = parse(&source);
        if let Some(root) = parsed.root {
            let _ = root.to_json();
        }
    }
}
