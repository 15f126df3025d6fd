//! From parser events to values, counted and bounded.

use std::collections::HashMap;

use serde_json::Number;
use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};

use super::{CUT, Entry, Fault, Mark, Node, Yaml, fault};
use crate::text;

/// How deep values may stand in one another.
const MAX_DEPTH: usize = 48;
/// Values of a file, aliases unfolded.
const MAX_NODES: usize = 50_000;
pub(super) struct Composer<'a> {
    source: &'a str,
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    pub faults: Vec<Fault>,
}

impl<'a> Composer<'a> {
    pub fn new(source: &'a str) -> Self {
        Self {
            source,
            parser: Parser::new_from_str(source),
            anchors: HashMap::new(),
            nodes: 0,
            faults: Vec::new(),
        }
    }

    pub fn document(&mut self) -> Result<Node, Fault> {
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
                        text!("a file holds one document"),
                        text!("put each workflow in a file of its own"),
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
                        text!(
                            "this is no YAML: {reason}",
                            reason = error.kind().to_string()
                        ),
                        text!("correct the YAML"),
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
                text!(
                    "values stand more than {most} deep in one another",
                    most = MAX_DEPTH
                ),
                text!("flatten the value"),
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
                        text!("the alias stands inside its own anchor"),
                        text!("write the value out"),
                    ));
                };
                self.count(target.size(), span)?;
                return Ok(target);
            }
            _ => {
                return Err(fault(
                    "yaml.syntax",
                    mark(span),
                    text!("a value is missing here"),
                    text!("correct the YAML"),
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
                        text!("a key is a text"),
                        text!("write the key as one word or in quotes"),
                    ));
                    continue;
                }
            };
            if let Some(first) = entries.iter().find(|entry| entry.key == key) {
                self.faults.push(fault(
                    "yaml.duplicate_key",
                    at,
                    text!(
                        "`{key}` stands here a second time, first in line {line}",
                        key = &key,
                        line = first.at.line
                    ),
                    text!("keep one of them"),
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
                    text!("the tag `{tag}` is not known", tag),
                    text!("take the tag away"),
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
                text!(
                    "the file unfolds to more than {most} values",
                    most = MAX_NODES
                ),
                text!("use fewer aliases, or split the workflow"),
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

pub(super) fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
