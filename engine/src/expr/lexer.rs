//! The tokens of Rhai, enough of them to find where an expression ends, which
//! paths it reads and which words are names.
//!
//! Rhai parses the result and has the last word on syntax.

use crate::text;
use crate::text::Text;

/// A token and where it stands, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub kind: Kind,
    pub text: &'a str,
    pub start: usize,
}

impl Token<'_> {
    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }

    pub fn is(&self, text: &str) -> bool {
        self.kind == Kind::Symbol && self.text == text
    }
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Word,
    /// A number.
    Number,
    /// A whole text in quotes, or a part of one in backticks.
    Text,
    /// Anything else.
    Symbol,
}

/// What stops the lexer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LexError {
    pub message: Text,
    pub at: usize,
}

/// The tokens of a source, and where it ended.
#[derive(Debug)]
pub(super) struct Lexed<'a> {
    pub tokens: Vec<Token<'a>>,
    /// The byte of the closing `}}`; the length of the source when there is none.
    pub end: usize,
    /// Whether there was a closing `}}`.
    pub closed: bool,
}

/// Symbols of more than one character that must not be torn apart.
const SYMBOLS: [&str; 33] = [
    "..=", "**=", "<<=", ">>=", "?.", "?[", "??", "..", "#{", "::", "||", "&&", "==", "!=", "<=",
    ">=", "=>", "+=", "-=", "*=", "/=", "%=", "**", "<<", ">>", "&=", "|=", "^=", "->", "<-",
    "!in", "++", "--",
];

/// Reads an expression up to its end, or up to a `}}` outside all brackets.
pub(super) fn lex(source: &str) -> Result<Lexed<'_>, LexError> {
    let mut lexer = Lexer {
        source,
        at: 0,
        tokens: Vec::new(),
    };
    let closed = lexer.run(0, 0)?;
    Ok(Lexed {
        end: lexer.at,
        tokens: lexer.tokens,
        closed,
    })
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
    tokens: Vec<Token<'a>>,
}

/// How deep `${` may stand inside backticks.
const MAX_NESTING: usize = 16;

impl<'a> Lexer<'a> {
    /// Reads until a `}}` (at `nesting` 0) or a `}` (inside backticks) at depth 0,
    /// and stands on it. Says whether there was one.
    fn run(&mut self, nesting: usize, base: usize) -> Result<bool, LexError> {
        let mut depth = base;
        loop {
            let rest = self.rest();
            let Some(first) = rest.chars().next() else {
                return Ok(false);
            };
            if first.is_whitespace() {
                self.at += first.len_utf8();
            } else if rest.starts_with("//") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                self.comment()?;
            } else if first.is_alphabetic() || first == '_' {
                self.push(Kind::Word, word(rest));
            } else if first.is_ascii_digit() {
                self.push(Kind::Number, number(rest));
            } else if first == '"' || first == '\'' {
                let length = quoted(rest, first)
                    .ok_or_else(|| self.error(text!("the text is not closed")))?;
                self.push(Kind::Text, length);
            } else if rest.starts_with("#\"") || rest.starts_with("##") {
                let length =
                    raw(rest).ok_or_else(|| self.error(text!("the raw text is not closed")))?;
                self.push(Kind::Text, length);
            } else if first == '`' {
                self.backticks(nesting)?;
            } else {
                match first {
                    '}' if depth == 0 && (nesting > 0 || rest.starts_with("}}")) => {
                        return Ok(true);
                    }
                    '(' | '[' | '{' => depth += 1,
                    ')' | ']' | '}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                let symbol = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
                if symbol.is_some_and(|symbol| matches!(*symbol, "#{" | "?[")) {
                    depth += 1;
                }
                self.push(Kind::Symbol, symbol.map_or(first.len_utf8(), |s| s.len()));
            }
        }
    }

    /// A text in backticks: its parts are tokens, with what stands in `${}` between them.
    fn backticks(&mut self, nesting: usize) -> Result<(), LexError> {
        if nesting == MAX_NESTING {
            return Err(self.error(text!("texts are nested too deep")));
        }
        let mut from = 1;
        loop {
            let rest = self.rest();
            let tail = rest.get(from..).unwrap_or_default();
            let close = tail.find('`');
            match (tail.find("${"), close) {
                (Some(open), close) if close.is_none_or(|close| open < close) => {
                    self.push(Kind::Text, from + open + 2);
                    if !self.run(nesting + 1, 0)? {
                        return Err(self.error(text!("`${` is not closed")));
                    }
                    from = 1;
                }
                (_, Some(close)) => {
                    // Two backticks in a row stand for one.
                    if tail[close + 1..].starts_with('`') {
                        from += close + 2;
                        continue;
                    }
                    self.push(Kind::Text, from + close + 1);
                    return Ok(());
                }
                _ => return Err(self.error(text!("the text is not closed"))),
            }
        }
    }

    fn comment(&mut self) -> Result<(), LexError> {
        let mut depth = 0_usize;
        let start = self.at;
        loop {
            let rest = self.rest();
            if rest.starts_with("/*") {
                depth += 1;
                self.at += 2;
            } else if rest.starts_with("*/") {
                depth -= 1;
                self.at += 2;
                if depth == 0 {
                    return Ok(());
                }
            } else {
                let Some(next) = rest.chars().next() else {
                    return Err(LexError {
                        message: text!("the comment is not closed"),
                        at: start,
                    });
                };
                self.at += next.len_utf8();
            }
        }
    }

    fn rest(&self) -> &'a str {
        &self.source[self.at..]
    }

    fn push(&mut self, kind: Kind, length: usize) {
        self.tokens.push(Token {
            kind,
            text: &self.source[self.at..self.at + length],
            start: self.at,
        });
        self.at += length;
    }

    fn error(&self, message: Text) -> LexError {
        LexError {
            message,
            at: self.at,
        }
    }
}

fn word(rest: &str) -> usize {
    rest.find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(rest.len())
}

fn number(rest: &str) -> usize {
    let whole = word(rest);
    let fraction = &rest[whole..];
    match fraction.strip_prefix('.') {
        Some(digits) if digits.starts_with(|c: char| c.is_ascii_digit()) => {
            whole + 1 + word(digits)
        }
        _ => whole,
    }
}

/// The length of a text in quotes, escapes inside.
fn quoted(rest: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return Some(at + c.len_utf8()),
            _ => {}
        }
    }
    None
}

/// The length of `#"…"#`, with as many `#` on both sides.
fn raw(rest: &str) -> Option<usize> {
    let hashes = rest.find(|c| c != '#')?;
    let body = rest[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", &rest[..hashes]);
    body.find(&close).map(|at| hashes + 1 + at + close.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(source: &str) -> &str {
        let lexed = lex(source).unwrap();
        assert!(lexed.closed, "{source}");
        &source[..lexed.end]
    }

    fn texts(source: &str) -> Vec<&str> {
        lex(source).unwrap().tokens.iter().map(|t| t.text).collect()
    }

    #[test]
    fn an_expression_ends_at_the_braces_outside_all_brackets() {
        assert_eq!(end("a }} b"), "a ");
        assert_eq!(end("#{a: #{b: 1}}}}"), "#{a: #{b: 1}}");
        assert_eq!(end("\"}}\" + '}' }}"), "\"}}\" + '}' ");
        assert_eq!(end("`${#{a: 1}.a}}}` }}"), "`${#{a: 1}.a}}}` ");
        assert_eq!(end("x /* }} */ }}"), "x /* }} */ ");
        assert!(!lex("a } b").unwrap().closed);
    }

    #[test]
    fn operators_and_ranges_are_not_torn_apart() {
        assert_eq!(
            texts("a?.b ?? 1..5"),
            ["a", "?.", "b", "??", "1", "..", "5"]
        );
        assert_eq!(texts("1.5+x"), ["1.5", "+", "x"]);
        assert_eq!(texts("`a${b}c`"), ["`a${", "b", "}c`"]);
    }

    #[test]
    fn what_is_not_closed_is_told() {
        for source in ["\"a", "`a", "`${a", "/* a", "#\"a"] {
            assert!(lex(source).is_err(), "{source}");
        }
    }
}
