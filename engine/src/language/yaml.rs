//! YAML with a position on every value; the only module that knows the parser.
//!
//! YAML 1.2 core schema, strict: `yes` is a text, `010` is a text, a number
//! that would lose digits is a text; duplicate keys, several documents and what
//! unfolds without end are refused.

use std::collections::HashMap;

use serde_json::{Map, Number, Value};
use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span, Tag};

/// The longest file.
const MAX_BYTES: usize = 1 << 20;
/// Values of a file, aliases unfolded.
const MAX_NODES: usize = 50_000;
/// How deep values may stand in one another.
const MAX_DEPTH: usize = 48;
/// Expressions that YAML may cut in one file before we stop to look for more.
const MAX_CUTS: usize = 50;

/// Where something stands, both from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    pub line: u32,
    pub column: u32,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub value: Yaml,
    pub at: Mark,
    /// Bytes of the source.
    span: (usize, usize),
    plain: bool,
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub key: String,
    pub at: Mark,
    pub value: Node,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(crate) enum Yaml {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// An expression stood here and YAML cut it: told already, nothing is known.
    Cut,
}

/// What is wrong with a file's YAML.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub code: &'static str,
    pub at: Mark,
    pub message: String,
    pub fix: String,
}

/// A parsed file: its root, and every fault.
pub(crate) struct Parsed {
    pub root: Option<Node>,
    pub faults: Vec<Fault>,
}

/// Stands in for an expression that YAML cut, while the rest is read.
const CUT: &str = "\u{e0c7}cut";

/// Reads a file. An expression that YAML cuts is told, and the rest is read.
pub(crate) fn parse(source: &str) -> Parsed {
    let mut faults = Vec::new();
    if source.len() > MAX_BYTES {
        faults.push(fault(
            "yaml.too_large",
            Mark { line: 1, column: 1 },
            "the file is larger than 1 MiB",
            "keep large values in tables and files, and pass their ids",
        ));
        return Parsed { root: None, faults };
    }
    let mut text = source.to_owned();
    for _ in 0..MAX_CUTS {
        let mut composer = Composer::new(&text);
        match composer.document() {
            Ok(root) => {
                faults.append(&mut composer.faults);
                faults.sort_by_key(|fault| fault.at);
                return Parsed {
                    root: Some(root),
                    faults,
                };
            }
            Err(error) => match heal(&text, &error) {
                Some((healed, cut)) => {
                    text = healed;
                    faults.push(cut);
                }
                None => {
                    faults.push(error);
                    break;
                }
            },
        }
    }
    Parsed { root: None, faults }
}

/// When a line near a syntax error holds an expression, YAML may have cut it:
/// puts a place holder there, and says so if that moves the error on.
fn heal(text: &str, error: &Fault) -> Option<(String, Fault)> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let last = usize::try_from(error.at.line).ok()?.min(lines.len());
    // The parser may notice a line or two later.
    for number in (last.saturating_sub(3)..last).rev() {
        let line = lines[number];
        let Some(open) = line.find("${{") else {
            continue;
        };
        let (start, flow) = value_start(&line[..open]);
        let mut healed = lines[..number].concat();
        healed.push_str(&line[..start]);
        healed.push_str(CUT);
        healed.push_str(if flow { tail(&line[open..]) } else { "" });
        healed.push('\n');
        healed.push_str(&lines[number + 1..].concat());
        let moved = match Composer::new(&healed).document() {
            Ok(_) => true,
            Err(next) => next.at > error.at,
        };
        if moved {
            let column = line[..open].chars().count() + 1;
            let at = Mark {
                line: self::number(number + 1),
                column: self::number(column),
            };
            return Some((healed, cut(at)));
        }
    }
    None
}

/// Where the value that holds an expression starts in its line, and whether
/// it stands in brackets.
fn value_start(before: &str) -> (usize, bool) {
    let after = |pattern: &str| before.rfind(pattern).map(|at| at + pattern.len());
    let starts = [": ", "- ", "{ ", "[", ", ", "{"].map(after);
    let indent = before.len() - before.trim_start().len();
    let flow = [": {", ": [", "- {", "- ["]
        .iter()
        .any(|open| before.contains(open));
    let first = before.find(": ").map(|at| at + 2);
    match (flow, first) {
        // In a block, the value starts after the first `key: `.
        (false, Some(first)) => (first, false),
        _ => (starts.into_iter().flatten().max().unwrap_or(indent), flow),
    }
}

/// What follows the expression inside the brackets around it.
fn tail(line: &str) -> &str {
    let rest = line.find("}}").map_or("", |at| &line[at + 2..]);
    rest.trim_end().trim_start_matches(['\'', '"', '}'])
}

/// The fault of an expression that YAML cut.
pub(crate) fn cut(at: Mark) -> Fault {
    fault(
        "expression.cut",
        at,
        "YAML cuts this expression: ` #`, `: `, a quote or a bracket ends it",
        "put the whole value in single quotes ('${{ … }}', with '' for a quote inside) or in a block `>-`",
    )
}

fn fault(
    code: &'static str,
    at: Mark,
    message: impl Into<String>,
    fix: impl Into<String>,
) -> Fault {
    Fault {
        code,
        at,
        message: message.into(),
        fix: fix.into(),
    }
}

struct Composer<'a> {
    source: &'a str,
    parser: Parser<'a, serde_saphyr::granit_parser::StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    faults: Vec<Fault>,
}

impl<'a> Composer<'a> {
    fn new(source: &'a str) -> Self {
        Self {
            source,
            parser: Parser::new_from_str(source),
            anchors: HashMap::new(),
            nodes: 0,
            faults: Vec::new(),
        }
    }

    fn document(&mut self) -> Result<Node, Fault> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                event if root.is_none() => root = Some(self.node(event, span, 0)?),
                _ => {
                    return Err(fault(
                        "yaml.several_documents",
                        mark(span),
                        "a file holds one document",
                        "put each workflow in a file of its own",
                    ));
                }
            }
        }
        Ok(root.unwrap_or(Node {
            value: Yaml::Null,
            at: Mark { line: 1, column: 1 },
            span: (0, 0),
            plain: true,
        }))
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Fault> {
        loop {
            match self.parser.next() {
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok(event)) => return Ok(event),
                Some(Err(error)) => {
                    let at = error.marker();
                    return Err(fault(
                        "yaml.syntax",
                        Mark {
                            line: number(at.line()),
                            column: number(at.col() + 1),
                        },
                        error.kind().to_string(),
                        "correct the YAML",
                    ));
                }
                None => return Ok((Event::StreamEnd, Span::default())),
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Fault> {
        self.count(1, span)?;
        if depth > MAX_DEPTH {
            return Err(fault(
                "yaml.too_deep",
                mark(span),
                format!("values stand more than {MAX_DEPTH} deep in one another"),
                "flatten the value",
            ));
        }
        let start = span.start.byte_offset().unwrap_or_default();
        let mut node = Node {
            value: Yaml::Null,
            at: mark(span),
            span: (start, span.end.byte_offset().unwrap_or(start)),
            plain: false,
        };
        let anchor = match event {
            Event::Scalar(text, style, anchor, tag) => {
                node.plain = style == ScalarStyle::Plain;
                node.value = self.scalar(&text, node.plain, tag.as_deref(), node.at);
                anchor
            }
            Event::SequenceStart(_, anchor, _) => {
                let mut items = Vec::new();
                loop {
                    let (event, span) = self.next()?;
                    if matches!(event, Event::SequenceEnd) {
                        break;
                    }
                    items.push(self.node(event, span, depth + 1)?);
                }
                node.value = Yaml::List(items);
                anchor
            }
            Event::MappingStart(_, anchor, _) => {
                node.value = Yaml::Map(self.entries(depth)?);
                anchor
            }
            Event::Alias(anchor) => {
                let Some(target) = self.anchors.get(&anchor).cloned() else {
                    return Err(fault(
                        "yaml.alias",
                        mark(span),
                        "the alias stands inside its own anchor",
                        "write the value out",
                    ));
                };
                self.count(target.size(), span)?;
                return Ok(target);
            }
            _ => {
                return Err(fault(
                    "yaml.syntax",
                    mark(span),
                    "a value is missing here",
                    "correct the YAML",
                ));
            }
        };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<Entry>, Fault> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(entries);
            }
            let at = mark(span);
            let raw = span.slice(self.source).unwrap_or_default().to_owned();
            let key = self.node(event, span, depth + 1)?;
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            let key = match key.value {
                Yaml::Text(text) => text,
                // A key is a name, whatever it looks like.
                Yaml::Null | Yaml::Bool(_) | Yaml::Number(_) if !raw.is_empty() => raw,
                _ => {
                    self.faults.push(fault(
                        "yaml.key",
                        at,
                        "a key is a text",
                        "write the key as one word or in quotes",
                    ));
                    continue;
                }
            };
            if let Some(first) = entries.iter().find(|entry| entry.key == key) {
                self.faults.push(fault(
                    "yaml.duplicate_key",
                    at,
                    format!(
                        "`{key}` stands here a second time, first in line {}",
                        first.at.line
                    ),
                    "keep one of them",
                ));
                continue;
            }
            entries.push(Entry { key, at, value });
        }
    }

    fn scalar(&mut self, text: &str, plain: bool, tag: Option<&Tag>, at: Mark) -> Yaml {
        if text.starts_with(CUT) {
            return Yaml::Cut;
        }
        match tag.map(ToString::to_string).as_deref() {
            None if plain => resolve(text),
            None => Yaml::Text(text.to_owned()),
            Some(tag) if tag.ends_with("str") => Yaml::Text(text.to_owned()),
            Some(tag) => {
                self.faults.push(fault(
                    "yaml.tag",
                    at,
                    format!("the tag `{tag}` is not known"),
                    "take the tag away",
                ));
                Yaml::Text(text.to_owned())
            }
        }
    }

    fn count(&mut self, more: usize, span: Span) -> Result<(), Fault> {
        self.nodes += more;
        if self.nodes > MAX_NODES {
            return Err(fault(
                "yaml.too_large",
                mark(span),
                format!("the file unfolds to more than {MAX_NODES} values"),
                "use fewer aliases, or split the workflow",
            ));
        }
        Ok(())
    }
}

/// What a plain scalar is by the core schema, strictly.
fn resolve(text: &str) -> Yaml {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Yaml::Null,
        "true" | "True" | "TRUE" => return Yaml::Bool(true),
        "false" | "False" | "FALSE" => return Yaml::Bool(false),
        _ => {}
    }
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (unsigned, None),
    };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let leading_zero = whole.len() > 1 && whole.starts_with('0');
    if !digits(whole) || leading_zero || fraction.is_some_and(|part| !digits(part)) {
        return Yaml::Text(text.to_owned());
    }
    // Fifteen digits are what a binary float keeps.
    let exact = fraction.is_none() || whole.len() + fraction.map_or(0, str::len) <= 15;
    match text.parse::<Number>() {
        Ok(number) if exact && (fraction.is_some() || !number.is_f64()) => Yaml::Number(number),
        _ => Yaml::Text(text.to_owned()),
    }
}

fn mark(span: Span) -> Mark {
    Mark {
        line: number(span.start.line()),
        column: number(span.start.col() + 1),
    }
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

impl Node {
    /// The text, when it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Yaml::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What it is, in words.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Yaml::Null => "nothing",
            Yaml::Bool(_) => "a boolean",
            Yaml::Number(_) => "a number",
            Yaml::Text(_) => "a text",
            Yaml::List(_) => "a list",
            Yaml::Map(_) => "a map",
            Yaml::Cut => "an expression",
        }
    }

    /// A map without entries.
    pub fn empty_map(at: Mark) -> Self {
        Self {
            value: Yaml::Map(Vec::new()),
            at,
            span: (0, 0),
            plain: false,
        }
    }

    /// Where a key of this map stands.
    pub fn key(&self, name: &str) -> Option<Mark> {
        match &self.value {
            Yaml::Map(entries) => entries
                .iter()
                .find(|entry| entry.key == name)
                .map(|entry| entry.at),
            _ => None,
        }
    }

    /// The value as JSON; what YAML cut is null.
    pub fn to_json(&self) -> Value {
        match &self.value {
            Yaml::Null | Yaml::Cut => Value::Null,
            Yaml::Bool(value) => Value::Bool(*value),
            Yaml::Number(number) => Value::Number(number.clone()),
            Yaml::Text(text) => Value::String(text.clone()),
            Yaml::List(items) => items.iter().map(Self::to_json).collect(),
            Yaml::Map(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.value.to_json()))
                .collect::<Map<_, _>>()
                .into(),
        }
    }

    /// The value at a JSON pointer, or the nearest one around it.
    pub fn nearest(&self, pointer: &str) -> &Self {
        let mut node = self;
        for part in pointer.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            let next = match &node.value {
                Yaml::Map(entries) => entries
                    .iter()
                    .find(|entry| entry.key == part)
                    .map(|entry| &entry.value),
                Yaml::List(items) => part.parse::<usize>().ok().and_then(|at| items.get(at)),
                _ => None,
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node
    }

    /// Whether the text is plain and a comment follows it: YAML may have cut it.
    pub fn is_cut_by_comment(&self, source: &str) -> bool {
        let rest = source.get(self.span.1..).unwrap_or_default();
        self.plain && rest.trim_start_matches([' ', '\t']).starts_with('#')
    }

    /// Where a byte of the text stands in the file.
    pub fn position(&self, source: &str, offset: usize) -> Mark {
        let (Some(raw), Some(text)) = (source.get(self.span.0..self.span.1), self.text()) else {
            return self.at;
        };
        let before = text.get(..offset).unwrap_or(text);
        // The characters before it, without the white space that YAML folds.
        let mut wanted = before.chars().filter(|c| !c.is_whitespace()).count();
        let mut at = self.at;
        let skip = raw.len() - self.content(raw).len();
        for (byte, c) in raw.char_indices() {
            if byte >= skip {
                if wanted == 0
                    && !(c.is_whitespace()
                        && text[offset.min(text.len())..].starts_with(|t: char| !t.is_whitespace()))
                {
                    break;
                }
                if !c.is_whitespace() {
                    wanted = wanted.saturating_sub(1);
                }
            }
            if c == '\n' {
                at.line += 1;
                at.column = 1;
            } else {
                at.column += 1;
            }
        }
        at
    }

    /// The raw text without its opening quote or block header.
    fn content<'r>(&self, raw: &'r str) -> &'r str {
        if self.plain {
            return raw;
        }
        match raw.as_bytes().first() {
            Some(b'\'' | b'"') => &raw[1..],
            Some(b'|' | b'>') => raw.find('\n').map_or("", |at| &raw[at + 1..]),
            _ => raw,
        }
    }

    fn size(&self) -> usize {
        1 + match &self.value {
            Yaml::List(items) => items.iter().map(Self::size).sum(),
            Yaml::Map(entries) => entries.iter().map(|entry| 1 + entry.value.size()).sum(),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
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
        let root = parsed.root.expect(&format!("{:?}", parsed.faults));
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
}
