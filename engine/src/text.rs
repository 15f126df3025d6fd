//! What the engine and its nodes say to people: a sentence with named holes,
//! and what fills them.
//!
//! The sentence is English and is written once, where it is said. A catalogue
//! of another language is asked for it by that very sentence, so a sentence
//! that changes asks for a new translation; one that is in no catalogue, such
//! as the message of an outside service, is shown as it was given.
//!
//! ```
//! use engine::text;
//!
//! let step = "load";
//! let told = text!("there is no step `{step}`", step);
//! assert_eq!(told.to_string(), "there is no step `load`");
//! assert_eq!(told.pattern(), "there is no step `{step}`");
//! ```

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A [`Text`](struct@crate::text::Text): `text!("there is no step `{step}`", step = id)`.
///
/// A name alone is a variable of that name; a name without a hole, or a hole
/// without a name, does not compile.
#[macro_export]
macro_rules! text {
    (@said $name:ident) => { $crate::text::Said::from($name) };
    (@said $name:ident = $value:expr) => { $crate::text::Said::from($value) };
    ($pattern:literal $(, $name:ident $(= $value:expr)?)* $(,)?) => {{
        const _: () = $crate::text::check($pattern, &[$(stringify!($name)),*]);
        $crate::text::Text::new($pattern, [
            $((stringify!($name), $crate::text!(@said $name $(= $value)?))),*
        ])
    }};
}

/// A sentence with named holes and what fills them; its `Display` is English.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct Text {
    #[serde(rename = "text")]
    pattern: Cow<'static, str>,
    #[serde(rename = "with", skip_serializing_if = "BTreeMap::is_empty")]
    values: BTreeMap<Cow<'static, str>, Said>,
}

/// What fills a hole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Said {
    /// The same in every language: a name, a number, what someone wrote.
    Word(String),
    /// Words of ours.
    Text(Text),
    /// Several, one after another.
    List(Vec<Text>),
}

impl Text {
    /// See [`text!`](crate::text!), which checks that names and holes agree.
    #[doc(hidden)]
    pub fn new<const N: usize>(pattern: &'static str, values: [(&'static str, Said); N]) -> Self {
        Self {
            pattern: Cow::Borrowed(pattern),
            values: values
                .into_iter()
                .map(|(name, said)| (Cow::Borrowed(name), said))
                .collect(),
        }
    }

    /// What someone else wrote: a workflow, an outside service, the database.
    pub fn verbatim(text: impl fmt::Display) -> Self {
        Self {
            pattern: Cow::Owned(text.to_string()),
            values: BTreeMap::new(),
        }
    }

    /// A name of the language, as it is written in a file.
    pub fn name(name: impl fmt::Display) -> Self {
        text!("`{name}`", name = name.to_string())
    }

    /// The sentence with its holes, by which a catalogue knows it.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// What fills the holes, by name.
    pub fn values(&self) -> impl Iterator<Item = (&str, &Said)> {
        self.values.iter().map(|(name, said)| (&**name, said))
    }

    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pattern.is_empty()
    }

    /// The same text while it is at most so many characters, else its beginning.
    #[must_use]
    pub fn at_most(self, characters: usize) -> Self {
        let whole = self.to_string();
        match whole.char_indices().nth(characters) {
            Some((end, _)) => Self::verbatim(&whole[..end]),
            None => self,
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in parts(&self.pattern) {
            match part {
                Part::Words(words) => f.write_str(words)?,
                Part::Hole(name) => match self.values.get(name) {
                    Some(said) => said.fmt(f)?,
                    None => write!(f, "{{{name}}}")?,
                },
            }
        }
        Ok(())
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => f.write_str(word),
            Self::Text(text) => text.fmt(f),
            Self::List(texts) => {
                for (place, text) in texts.iter().enumerate() {
                    f.write_str(if place == 0 { "" } else { "; " })?;
                    text.fmt(f)?;
                }
                Ok(())
            }
        }
    }
}

enum Part<'p> {
    Words(&'p str),
    Hole(&'p str),
}

/// A pattern cut at its holes. A brace that opens no hole is a brace.
fn parts(pattern: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = pattern;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some(length) = hole(rest.as_bytes(), 0) {
            let (name, after) = rest[1..].split_at(length);
            rest = &after[1..];
            return Some(Part::Hole(name));
        }
        let bytes = rest.as_bytes();
        let end = (1..bytes.len())
            .find(|at| hole(bytes, *at).is_some())
            .unwrap_or(bytes.len());
        let (words, after) = rest.split_at(end);
        rest = after;
        Some(Part::Words(words))
    })
}

/// The length of the name of the hole `{name}` that opens at this byte.
const fn hole(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes[at] != b'{' {
        return None;
    }
    let mut end = at + 1;
    while end < bytes.len() && matches!(bytes[end], b'a'..=b'z' | b'0'..=b'9' | b'_') {
        end += 1;
    }
    if end == at + 1 || end == bytes.len() || bytes[end] != b'}' {
        return None;
    }
    Some(end - at - 1)
}

/// Whether names and holes agree; at compile time, for [`text!`](crate::text!).
#[doc(hidden)]
pub const fn check(pattern: &str, names: &[&str]) {
    let bytes = pattern.as_bytes();
    let mut used = 0;
    let mut name = 0;
    while name < names.len() {
        assert!(
            has_hole(bytes, names[name].as_bytes()),
            "a value has no hole in the text"
        );
        name += 1;
    }
    let mut at = 0;
    while at < bytes.len() {
        if let Some(length) = hole(bytes, at) {
            assert!(
                is_named(bytes, at + 1, length, names),
                "a hole of the text has no value"
            );
            used += 1;
        }
        at += 1;
    }
    assert!(used >= names.len(), "a value is given twice");
}

const fn has_hole(bytes: &[u8], name: &[u8]) -> bool {
    let mut at = 0;
    while at < bytes.len() {
        if let Some(length) = hole(bytes, at)
            && same(bytes, at + 1, length, name)
        {
            return true;
        }
        at += 1;
    }
    false
}

const fn is_named(bytes: &[u8], at: usize, length: usize, names: &[&str]) -> bool {
    let mut name = 0;
    while name < names.len() {
        if same(bytes, at, length, names[name].as_bytes()) {
            return true;
        }
        name += 1;
    }
    false
}

const fn same(bytes: &[u8], at: usize, length: usize, name: &[u8]) -> bool {
    if length != name.len() {
        return false;
    }
    let mut byte = 0;
    while byte < length {
        if bytes[at + byte] != name[byte] {
            return false;
        }
        byte += 1;
    }
    true
}

/// As texts are read back: those of old are their words.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Words(String),
    Text {
        text: Cow<'static, str>,
        #[serde(default)]
        with: BTreeMap<Cow<'static, str>, Said>,
    },
}

impl From<Stored> for Text {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Words(words) => Self::verbatim(words),
            Stored::Text { text, with } => Self {
                pattern: text,
                values: with,
            },
        }
    }
}

impl From<Text> for Said {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}

impl From<&Text> for Said {
    fn from(text: &Text) -> Self {
        Self::Text(text.clone())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::verbatim(text)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::verbatim(text)
    }
}

impl From<&String> for Text {
    fn from(text: &String) -> Self {
        Self::verbatim(text)
    }
}

impl From<fmt::Arguments<'_>> for Text {
    fn from(text: fmt::Arguments<'_>) -> Self {
        Self::verbatim(text)
    }
}

impl From<Vec<Text>> for Said {
    fn from(texts: Vec<Text>) -> Self {
        Self::List(texts)
    }
}

macro_rules! words {
    ($($of:ty),* $(,)?) => {$(
        impl From<$of> for Said {
            fn from(word: $of) -> Self {
                Self::Word(word.to_string())
            }
        }
    )*};
}

words!(
    &str,
    &&str,
    String,
    &String,
    &&String,
    &Arc<str>,
    char,
    i16,
    i32,
    i64,
    u16,
    u32,
    u64,
    usize
);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn holes_are_filled_and_other_braces_stay() {
        let (step, kind) = ("load", text!("a list"));
        let told = text!(
            "{step} is {kind}, not { step: x } nor ${{ step }} nor {}",
            step,
            kind
        );
        assert_eq!(
            told.to_string(),
            "load is a list, not { step: x } nor ${{ step }} nor {}"
        );
        assert_eq!(Text::verbatim("{step}").to_string(), "{step}");
    }

    #[test]
    fn what_is_stored_is_read_back_and_so_is_what_was_stored_before() {
        let several = vec![text!("a list"), Text::verbatim("a {brace}")];
        let told = text!("{step}: {several}", step = "pay", several);
        let stored = serde_json::to_value(&told).unwrap();
        assert_eq!(serde_json::from_value::<Text>(stored).unwrap(), told);
        let old: Text = serde_json::from_value(json!("it broke")).unwrap();
        assert_eq!(old.to_string(), "it broke");
    }

    #[test]
    fn a_long_text_keeps_its_beginning() {
        let name = "é".repeat(10);
        let told = text!("no {name}", name);
        assert_eq!(told.clone().at_most(13), told);
        assert_eq!(told.at_most(4).to_string(), "no é");
    }
}
