//! YAML with a position on every value; the only module that knows the parser.
//!
//! YAML 1.2 core schema, strict: `yes` is a text, `010` is a text, a number
//! that would lose digits is a text; duplicate keys, several documents and what
//! unfolds without end are refused.

mod compose;
mod heal;
#[cfg(test)]
mod tests;

use serde_json::{Map, Number, Value};

use self::compose::Composer;
pub(crate) use self::heal::cut;
use self::heal::heal;
use crate::text;
use crate::text::Text;

/// The longest file.
const MAX_BYTES: usize = 1 << 20;
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
    pub message: Text,
    pub fix: Text,
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
            text!("the file is larger than 1 MiB"),
            text!("keep large values in tables and files, and pass their ids"),
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

fn fault(code: &'static str, at: Mark, message: impl Into<Text>, fix: impl Into<Text>) -> Fault {
    Fault {
        code,
        at,
        message: message.into(),
        fix: fix.into(),
    }
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
    pub fn kind(&self) -> Text {
        match &self.value {
            Yaml::Null => text!("nothing"),
            Yaml::Bool(_) => text!("a boolean"),
            Yaml::Number(_) => text!("a number"),
            Yaml::Text(_) => text!("a text"),
            Yaml::List(_) => text!("a list"),
            Yaml::Map(_) => text!("a map"),
            Yaml::Cut => text!("an expression"),
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
