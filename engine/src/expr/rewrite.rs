//! From an expression as written to what Rhai compiles.
//!
//! Paths become variables, so that only what is read is converted and a step's
//! id can be any word; after a `.`, and as a key of a map, reserved words
//! become quoted names.

use std::fmt::Write as _;
use std::sync::Arc;

use super::lexer::{Kind, Token};
use super::path::{Key, Path, Segment};
use crate::text;
use crate::text::Text;

/// The names that hold what an expression reads.
pub(crate) const ROOTS: [&str; 11] = [
    "inputs", "steps", "item", "index", "event", "trigger", "run", "attempt", "tenant", "now",
    "error",
];

/// Words of Rhai's syntax, which can be names after a dot.
const KEYWORDS: [&str; 29] = [
    "as", "break", "catch", "const", "continue", "do", "else", "export", "false", "fn", "for",
    "global", "if", "import", "in", "let", "loop", "private", "return", "static", "switch", "this",
    "throw", "true", "try", "until", "var", "void", "while",
];
/// Words that Rhai keeps for itself, which can be names after a dot.
const RESERVED: [&str; 32] = [
    "Fn",
    "async",
    "await",
    "call",
    "case",
    "curry",
    "debug",
    "default",
    "eval",
    "exit",
    "go",
    "goto",
    "is",
    "is_def_fn",
    "is_def_var",
    "is_shared",
    "match",
    "module",
    "new",
    "package",
    "print",
    "protected",
    "public",
    "shared",
    "spawn",
    "super",
    "sync",
    "thread",
    "type_of",
    "use",
    "with",
    "yield",
];

/// Functions that change nothing that they are given.
const TAME: [&str; 34] = [
    "abs",
    "all",
    "ceiling",
    "contains",
    "decimal",
    "ends_with",
    "filter",
    "find",
    "find_map",
    "floor",
    "index_of",
    "is_empty",
    "keys",
    "len",
    "map",
    "max",
    "min",
    "none",
    "parse_decimal",
    "parse_int",
    "reduce",
    "reduce_rev",
    "round",
    "some",
    "split",
    "starts_with",
    "sub_string",
    "sum",
    "to_decimal",
    "to_int",
    "to_lower",
    "to_string",
    "to_upper",
    "values",
];

/// The start of the variables that stand for paths; no name may start so.
const PREFIX: &str = "__a";

/// How deep a place may be read from another: `a[b[c]]` is two.
const MAX_DEPTH: usize = 8;

/// What Rhai compiles.
#[derive(Debug, Default)]
pub(super) struct Rewritten {
    pub text: String,
    pub paths: Vec<Path>,
    /// Names called as functions, and where.
    pub calls: Vec<(String, usize)>,
    /// Functions that the source itself defines.
    pub defines: Vec<String>,
    /// Whether it has functions of its own, named or not, or names of functions.
    has_functions: bool,
    /// Whether it makes lists or objects, or picks from them.
    has_brackets: bool,
    /// Whether it has blocks or assigns.
    has_statements: bool,
    /// Where the pieces of `text` come from: (byte in `text`, byte in the source).
    map: Vec<(usize, usize)>,
}

/// Why a source cannot be rewritten.
#[derive(Debug)]
pub(super) struct Refused {
    pub message: Text,
    pub fix: Text,
    pub at: usize,
}

impl Rewritten {
    /// Whether values could nest as deep as a loop is long: when a function is
    /// passed on and what it gives can come back to it.
    pub fn can_nest(&self) -> bool {
        let tame = |(name, _): &(String, usize)| TAME.contains(&name.as_str());
        let feeds_back = self
            .calls
            .iter()
            .any(|(name, _)| name.starts_with("reduce"));
        self.has_functions
            && (self.has_statements
                || !self.calls.iter().all(tame)
                || feeds_back && self.has_brackets)
    }

    /// The byte of the source that a byte of the text comes from.
    pub fn source_of(&self, byte: usize) -> usize {
        let after = self.map.partition_point(|(start, _)| *start <= byte);
        match after.checked_sub(1).map(|at| self.map[at]) {
            Some((start, source)) => source + (byte - start),
            None => 0,
        }
    }
}

/// The variable of the path at this place.
pub(super) fn variable(place: usize) -> String {
    format!("{PREFIX}{place}")
}

/// Puts the paths back where Rhai's message names their variables.
pub(super) fn unmask(message: &str, paths: &[Path]) -> String {
    let mut text = message.to_owned();
    for (place, path) in paths.iter().enumerate().rev() {
        text = text.replace(&variable(place), &path.to_string());
    }
    text
}

/// Rewrites an expression; `names` are the items of the loops around.
pub(super) fn rewrite(
    source: &str,
    tokens: &[Token<'_>],
    paths: Paths<'_>,
) -> Result<Rewritten, Refused> {
    let mut writer = Writer {
        source,
        tokens,
        paths,
        at: 0,
        copied: 0,
        brackets: Vec::new(),
        out: Rewritten::default(),
    };
    while writer.at < tokens.len() {
        writer.step()?;
    }
    writer.copy_to(source.len());
    Ok(writer.out)
}

/// Which words start a path.
#[derive(Clone, Copy)]
pub(super) enum Paths<'a> {
    /// The roots, and the names of the loops around.
    With(&'a [Arc<str>]),
    /// None: a script sees only its own values.
    None,
}

struct Writer<'a> {
    source: &'a str,
    tokens: &'a [Token<'a>],
    paths: Paths<'a>,
    at: usize,
    copied: usize,
    brackets: Vec<&'a str>,
    out: Rewritten,
}

impl<'a> Writer<'a> {
    fn step(&mut self) -> Result<(), Refused> {
        let token = self.tokens[self.at];
        match token.kind {
            Kind::Word => return self.word(token),
            Kind::Symbol => match token.text {
                "(" | "[" | "?[" | "{" | "#{" => {
                    self.out.has_statements |= token.text == "{";
                    self.out.has_brackets |= matches!(token.text, "[" | "?[" | "#{");
                    self.brackets.push(token.text);
                }
                ")" | "]" | "}" => {
                    self.brackets.pop();
                }
                "|" if self.starts_value() => self.closure()?,
                "||" if self.starts_value() => self.out.has_functions = true,
                "=" | "+=" | "-=" | "*=" | "/=" | ";" => self.out.has_statements = true,
                _ => {}
            },
            Kind::Number | Kind::Text => {}
        }
        self.at += 1;
        Ok(())
    }

    fn word(&mut self, word: Token<'a>) -> Result<(), Refused> {
        self.out.has_functions |= matches!(word.text, "Fn" | "fn");
        if word.text.starts_with("__") {
            return Err(refused(
                text!(
                    "`{name}`: names that start with `__` are taken",
                    name = word.text
                ),
                text!("choose another name"),
                word,
            ));
        }
        let after_dot = self.before().filter(|t| t.is(".") || t.is("?."));
        let called = self.peek(1).is_some_and(|next| next.is("("));
        if let Some(dot) = after_dot {
            if called {
                self.out.calls.push((word.text.to_owned(), word.start));
            } else if is_reserved(word.text) {
                let open = if dot.is("?.") { "?[" } else { "[" };
                self.replace(dot.start, word.end(), &format!("{open}\"{}\"]", word.text));
            }
            self.at += 1;
            return Ok(());
        }
        let is_key = self.brackets.last() == Some(&"#{")
            && self.before().is_some_and(|t| t.is("#{") || t.is(","))
            && self.peek(1).is_some_and(|next| next.is(":"));
        if is_key {
            if is_reserved(word.text) {
                self.replace(word.start, word.end(), &format!("\"{}\"", word.text));
            }
            self.at += 1;
            return Ok(());
        }
        if self
            .before()
            .is_some_and(|t| t.kind == Kind::Word && t.text == "fn")
        {
            self.out.defines.push(word.text.to_owned());
        } else if called && !KEYWORDS.contains(&word.text) {
            self.out.calls.push((word.text.to_owned(), word.start));
        } else if self.starts_path(word.text) {
            return self.path();
        }
        self.at += 1;
        Ok(())
    }

    fn path(&mut self) -> Result<(), Refused> {
        let root = self.tokens[self.at];
        let (mut path, next) = self.read_path(self.at, 0)?;
        path.defaulted = next.is_some_and(|next| self.tokens[next].is("??"));
        let end = self.tokens[next.unwrap_or(self.tokens.len()) - 1].end();
        let place = match self.out.paths.iter().position(|known| same(known, &path)) {
            Some(place) => place,
            None => {
                self.out.paths.push(path.clone());
                self.out.paths.len() - 1
            }
        };
        self.replace(root.start, end, &variable(place));
        self.at = next.unwrap_or(self.tokens.len());
        // Nothing of nothing is nothing, to the end of the chain.
        if path.segments.iter().any(|segment| segment.optional)
            && let Some(token) = self.peek(0)
        {
            let guarded = match token.text {
                "." => "?.",
                "[" => "?[",
                _ => return Ok(()),
            };
            self.replace(token.start, token.end(), guarded);
            if guarded == "?[" {
                self.out.has_brackets = true;
                self.brackets.push("?[");
            }
            self.at += 1;
            // The word after the dot is no path: it follows one.
            if let Some(name) = self
                .peek(0)
                .filter(|t| guarded == "?." && t.kind == Kind::Word)
            {
                self.out.calls.push((name.text.to_owned(), name.start));
                self.at += 1;
            }
        }
        Ok(())
    }

    /// The path that starts at a token, and the token after it.
    fn read_path(&self, start: usize, depth: usize) -> Result<(Path, Option<usize>), Refused> {
        let root = self.tokens[start];
        if depth > MAX_DEPTH {
            return Err(refused(
                text!("places are read from places too deep in one another"),
                text!("compute the place in a step of its own"),
                root,
            ));
        }
        let mut path = Path {
            root: root.text.into(),
            segments: Vec::new(),
            defaulted: false,
            offset: root.start,
        };
        let mut at = start + 1;
        while let Some((segment, next)) = self.segment(at, depth)? {
            path.segments.push(segment);
            at = next;
        }
        let by_name = match path.segments.as_slice() {
            _ if root.text != "steps" && root.text != "run" => true,
            [first, ..] if root.text == "steps" => matches!(first.key, Key::Field(_)),
            [first, rest @ ..] if matches!(&first.key, Key::Field(name) if &**name == "steps") => {
                matches!(
                    rest,
                    [
                        Segment {
                            key: Key::Field(_),
                            ..
                        },
                        ..
                    ]
                )
            }
            [_, ..] => true,
            [] => false,
        };
        if !by_name {
            return Err(refused(
                text!(
                    "`{name}` is followed by the name of what it reads",
                    name = root.text
                ),
                text!("write `steps.ID.field`: a step is named, never computed"),
                root,
            ));
        }
        Ok((path, (at < self.tokens.len()).then_some(at)))
    }

    fn segment(&self, at: usize, depth: usize) -> Result<Option<(Segment, usize)>, Refused> {
        let Some(open) = self.tokens.get(at) else {
            return Ok(None);
        };
        let optional = open.is("?.") || open.is("?[");
        if open.is(".") || open.is("?.") {
            let called = self.tokens.get(at + 2).is_some_and(|next| next.is("("));
            return Ok(self
                .tokens
                .get(at + 1)
                .filter(|name| name.kind == Kind::Word && !called)
                .map(|name| {
                    let key = Key::Field(name.text.into());
                    (
                        Segment {
                            key,
                            optional,
                            offset: name.start,
                        },
                        at + 2,
                    )
                }));
        }
        if !open.is("[") && !open.is("?[") {
            return Ok(None);
        }
        let Some((key, close)) = self.place(at + 1, depth)? else {
            return Ok(None);
        };
        let segment = Segment {
            key,
            optional,
            offset: open.start,
        };
        Ok(self
            .tokens
            .get(close)
            .filter(|token| token.is("]"))
            .map(|_| (segment, close + 1)))
    }

    /// What stands in brackets, when it is simple: a number, a text or a path.
    fn place(&self, at: usize, depth: usize) -> Result<Option<(Key, usize)>, Refused> {
        let Some(token) = self.tokens.get(at) else {
            return Ok(None);
        };
        Ok(match token.kind {
            Kind::Number => token
                .text
                .parse()
                .ok()
                .map(|place| (Key::At(place), at + 1)),
            Kind::Symbol if token.is("-") => self
                .tokens
                .get(at + 1)
                .and_then(|number| number.text.parse::<i64>().ok())
                .map(|place| (Key::At(-place), at + 2)),
            Kind::Text => token
                .text
                .strip_prefix('"')
                .and_then(|text| text.strip_suffix('"'))
                .filter(|text| !text.contains('\\'))
                .map(|name| (Key::Field(name.into()), at + 1)),
            Kind::Word if self.starts_path(token.text) => {
                let (path, next) = self.read_path(at, depth + 1)?;
                next.map(|next| (Key::By(Box::new(path)), next))
            }
            _ => None,
        })
    }

    /// Stands on the `|` that opens a closure's parameters; none may hide a root.
    fn closure(&mut self) -> Result<(), Refused> {
        self.out.has_functions = true;
        while let Some(token) = self.peek(1) {
            self.at += 1;
            if token.is("|") {
                break;
            }
            if token.kind == Kind::Word && self.starts_path(token.text) {
                return Err(refused(
                    text!(
                        "`{name}` already has a meaning in expressions",
                        name = token.text
                    ),
                    text!("give the closure's parameter another name"),
                    token,
                ));
            }
        }
        Ok(())
    }

    /// Whether a value, not an operator, is expected here.
    fn starts_value(&self) -> bool {
        self.before().is_none_or(|t| match t.kind {
            Kind::Word => matches!(t.text, "return" | "in" | "if" | "else" | "throw"),
            Kind::Number => false,
            Kind::Text => t.text.ends_with("${"),
            Kind::Symbol => !matches!(t.text, ")" | "]" | "}"),
        })
    }

    fn starts_path(&self, word: &str) -> bool {
        match self.paths {
            Paths::None => false,
            Paths::With(names) => ROOTS.contains(&word) || names.iter().any(|name| &**name == word),
        }
    }

    fn before(&self) -> Option<Token<'a>> {
        self.at.checked_sub(1).map(|at| self.tokens[at])
    }

    fn peek(&self, ahead: usize) -> Option<Token<'a>> {
        self.tokens.get(self.at + ahead).copied()
    }

    /// Copies the source up to `start`, then writes `text` in place of `start..end`.
    fn replace(&mut self, start: usize, end: usize, text: &str) {
        self.copy_to(start);
        self.out.map.push((self.out.text.len(), start));
        let _ = self.out.text.write_str(text);
        self.copied = end;
    }

    fn copy_to(&mut self, end: usize) {
        if self.copied < end {
            self.out.map.push((self.out.text.len(), self.copied));
            self.out.text.push_str(&self.source[self.copied..end]);
            self.copied = end;
        }
    }
}

fn is_reserved(word: &str) -> bool {
    KEYWORDS.contains(&word) || RESERVED.contains(&word)
}

fn refused(message: Text, fix: Text, token: Token<'_>) -> Refused {
    Refused {
        message,
        fix,
        at: token.start,
    }
}

/// Whether two paths read the same, wherever they stand.
fn same(a: &Path, b: &Path) -> bool {
    a.root == b.root
        && a.defaulted == b.defaulted
        && a.segments.len() == b.segments.len()
        && a.segments.iter().zip(&b.segments).all(|(a, b)| {
            a.optional == b.optional
                && match (&a.key, &b.key) {
                    (Key::By(a), Key::By(b)) => same(a, b),
                    (a, b) => a == b,
                }
        })
}
