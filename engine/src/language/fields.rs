//! Reading typed values out of YAML: every problem is told, and reading goes on.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::diagnostic::Report;
use super::yaml::{Entry, Mark, Node, Yaml};
use crate::text;
use crate::text::Text;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct At<T> {
    pub value: T,
    pub at: Mark,
}

/// The fields of a map, taken one by one.
pub(crate) struct Fields<'n> {
    entries: &'n [Entry],
    place: Text,
    known: &'static [&'static str],
}

impl<'n> Fields<'n> {
    /// The map's fields; those not in `known` are told, and so are those in
    /// `planned`, which are of the language but not built yet.
    pub fn read(
        report: &mut Report<'_>,
        node: &'n Node,
        place: impl Into<Text>,
        known: &'static [&'static str],
        planned: &[&str],
    ) -> Option<Self> {
        let place = place.into();
        let entries = map(report, node, place.clone())?;
        for entry in entries {
            if planned.contains(&entry.key.as_str()) {
                unsupported(report, Text::name(&entry.key), entry.at);
            } else if !known.contains(&entry.key.as_str()) {
                report.unknown_field(&entry.key, entry.at, known, place.clone());
            }
        }
        Some(Self {
            entries,
            place,
            known,
        })
    }

    pub fn entry(&self, name: &'static str) -> Option<&'n Entry> {
        debug_assert!(self.known.contains(&name), "`{name}` is read but not known");
        self.entries.iter().find(|entry| entry.key == name)
    }

    pub fn get(&self, name: &'static str) -> Option<&'n Node> {
        self.entry(name).map(|entry| &entry.value)
    }

    /// A field that must be there.
    pub fn need(&self, report: &mut Report<'_>, at: Mark, name: &'static str) -> Option<&'n Node> {
        let found = self.get(name);
        if found.is_none() {
            report.error(
                "workflow.missing_field",
                at,
                text!(
                    "{place} has no `{field}`",
                    place = &self.place,
                    field = name
                ),
                text!("add `{field}`", field = name),
            );
        }
        found
    }

    pub fn text(&self, report: &mut Report<'_>, name: &'static str) -> Option<At<&'n str>> {
        text(report, self.get(name)?, Text::name(name))
    }

    pub fn duration(&self, report: &mut Report<'_>, name: &'static str) -> Option<Duration> {
        let text = self.text(report, name)?;
        let parsed = duration(text.value);
        if parsed.is_none() {
            report.error(
                "workflow.bad_duration",
                text.at,
                text!(
                    "`{field}`: `{value}` is no duration",
                    field = name,
                    value = text.value
                ),
                text!("write a number and a unit: 500ms, 30s, 5m, 2h, 1d"),
            );
        }
        parsed
    }

    pub fn boolean(&self, report: &mut Report<'_>, name: &'static str) -> Option<bool> {
        let node = self.get(name)?;
        match node.value {
            Yaml::Bool(value) => Some(value),
            _ => {
                report.wrong_type(
                    node.at,
                    Text::name(name),
                    node.kind(),
                    text!("true or false"),
                );
                None
            }
        }
    }

    pub fn count(&self, report: &mut Report<'_>, name: &'static str) -> Option<NonZeroUsize> {
        let node = self.get(name)?;
        let count = match &node.value {
            Yaml::Number(number) => number.as_u64().and_then(|n| usize::try_from(n).ok()),
            _ => None,
        };
        let count = count.and_then(NonZeroUsize::new);
        if count.is_none() {
            report.wrong_type(
                node.at,
                Text::name(name),
                node.kind(),
                text!("a whole number, 1 or more"),
            );
        }
        count
    }

    /// One word of several.
    pub fn choice<T: Copy>(
        &self,
        report: &mut Report<'_>,
        name: &'static str,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let text = self.text(report, name)?;
        let found = choices.iter().find(|(word, _)| *word == text.value);
        if found.is_none() {
            let words = || choices.iter().map(|(word, _)| *word);
            let fix = match crate::nearest::nearest(text.value, words()) {
                Some(near) => text!("did you mean `{near}`?", near),
                None => one_of(words()),
            };
            let message = text!(
                "`{field}` cannot be `{value}`",
                field = name,
                value = text.value
            );
            report.error("workflow.unknown_value", text.at, message, fix);
        }
        found.map(|(_, value)| *value)
    }
}

/// The fix of a word that is none of these.
pub(crate) fn one_of<'w>(words: impl Iterator<Item = &'w str>) -> Text {
    text!(
        "write one of: {words}",
        words = words.collect::<Vec<_>>().join(", ")
    )
}

/// The entries of a map; anything else is told.
pub(crate) fn map<'n>(
    report: &mut Report<'_>,
    node: &'n Node,
    place: impl Into<Text>,
) -> Option<&'n [Entry]> {
    match &node.value {
        Yaml::Map(entries) => Some(entries),
        Yaml::Cut => None,
        _ => {
            report.wrong_type(
                node.at,
                place,
                node.kind(),
                text!("a map: `name: value` on lines of their own"),
            );
            None
        }
    }
}

/// A text; anything else is told.
pub(crate) fn text<'n>(
    report: &mut Report<'_>,
    node: &'n Node,
    what: impl Into<Text>,
) -> Option<At<&'n str>> {
    match &node.value {
        Yaml::Text(text) => Some(At {
            value: text,
            at: node.at,
        }),
        Yaml::Cut => None,
        _ => {
            let must_be = text!("a text, in quotes if need be");
            report.wrong_type(node.at, what, node.kind(), must_be);
            None
        }
    }
}

/// One text, or a list of texts.
pub(crate) fn texts<'n>(
    report: &mut Report<'_>,
    node: &'n Node,
    what: impl Into<Text>,
) -> Vec<At<&'n str>> {
    let what = what.into();
    match &node.value {
        Yaml::List(items) => items
            .iter()
            .filter_map(|item| text(report, item, what.clone()))
            .collect(),
        _ => text(report, node, what).into_iter().collect(),
    }
}

/// A length of time as people write it: `500ms`, `30s`, `5m`, `2h`, `1d`, and several together: `1h30m`.
pub fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut millis = 0_u64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let factor = match &rest[..unit] {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        rest = &rest[unit..];
        millis = millis.checked_add(number.checked_mul(factor)?)?;
    }
    (millis > 0).then(|| Duration::from_millis(millis))
}

/// A word of the language that is not built yet.
pub(crate) fn unsupported(report: &mut Report<'_>, word: impl Into<Text>, at: Mark) {
    report.error(
        "workflow.unsupported",
        at,
        text!("{word} is not supported yet", word = word.into()),
        text!("take it away for now"),
    );
}

/// An id: `[a-z][a-z0-9_]*`.
pub(crate) fn is_id(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Tells an id that is not one.
pub(crate) fn check_id(report: &mut Report<'_>, id: &str, at: Mark, what: impl Into<Text>) {
    if !is_id(id) {
        let mut better: String = id
            .to_lowercase()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .collect();
        if !better.starts_with(|c: char| c.is_ascii_lowercase()) {
            better.insert_str(0, "x_");
        }
        report.error(
            "workflow.bad_id",
            at,
            text!(
                "`{id}` is no name for {what}: only a-z, 0-9 and _, a letter first",
                id,
                what = what.into()
            ),
            text!("write `{word}`", word = better),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("1h30m"), Some(Duration::from_secs(5400)));
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        for text in [
            "",
            "5",
            "s",
            "5 s",
            "1w",
            "0s",
            "99999999999999999999d",
            "-1s",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
