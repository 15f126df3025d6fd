//! What people read: the catalogue in `i18n/`, in the syntax of i18next.
//!
//! `{{name}}` is a placeholder; a key with the value `count` has the forms
//! `_one` and `_other`. A key that is missing is shown as it is.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use chrono::NaiveDate;
use domain::money::Money;
use engine::text::{Said, Text};
use serde_json::Value;

const FRENCH: &str = include_str!("../../i18n/fr.json");
const ENGLISH: &str = include_str!("../../i18n/en.json");

/// No line break between a number and what belongs to it.
const NARROW: char = '\u{202f}';
const WIDE: char = '\u{a0}';

/// What the engine and its nodes say: English sentences and their translations.
const SAID: &str = "said.";

/// A language of the screens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    /// French, the first.
    #[default]
    #[value(name = "fr")]
    French,
    /// English.
    #[value(name = "en")]
    English,
}

impl Language {
    /// English for `en…`, French for anything else.
    #[must_use]
    pub fn of_locale(locale: &str) -> Self {
        if locale.to_ascii_lowercase().starts_with("en") {
            Self::English
        } else {
            Self::French
        }
    }
}

/// The catalogue in one language.
#[derive(Clone)]
pub struct Words {
    language: Language,
    texts: Arc<HashMap<String, String>>,
}

impl Words {
    /// The catalogue in this language.
    #[must_use]
    pub fn of(language: Language) -> Self {
        static IN_FRENCH: LazyLock<Words> = LazyLock::new(|| Words::read(Language::French, FRENCH));
        static IN_ENGLISH: LazyLock<Words> =
            LazyLock::new(|| Words::read(Language::English, ENGLISH));
        match language {
            Language::French => IN_FRENCH.clone(),
            Language::English => IN_ENGLISH.clone(),
        }
    }

    fn read(language: Language, source: &str) -> Self {
        let tree: Value = serde_json::from_str(source).expect("the catalogue is checked by a test");
        let mut texts = HashMap::new();
        flatten(&tree, &mut String::new(), &mut texts);
        Self {
            language,
            texts: Arc::new(texts),
        }
    }

    /// The text of a key with its values; the key itself when there is none.
    #[must_use]
    pub fn text(&self, key: &str, values: &[(&str, &str)]) -> String {
        self.find(key, values).unwrap_or_else(|| key.to_owned())
    }

    /// The text of a key without values.
    #[must_use]
    pub fn say(&self, key: &str) -> String {
        self.text(key, &[])
    }

    /// The text of a key with its values, if there is one.
    #[must_use]
    pub fn find(&self, key: &str, values: &[(&str, &str)]) -> Option<String> {
        let plural = || {
            let (_, count) = values.iter().find(|(name, _)| *name == "count")?;
            let form = if self.is_one(count) { "one" } else { "other" };
            self.texts.get(&format!("{key}_{form}"))
        };
        let pattern = self.texts.get(key).or_else(plural)?;
        Some(fill(pattern, values))
    }

    /// What the engine or a node says, in this language: a sentence stands in
    /// the catalogue under itself; one that does not, such as the message of an
    /// outside service, is shown as it was given.
    #[must_use]
    pub fn told(&self, text: &Text) -> String {
        let Some(pattern) = self.texts.get(&format!("{SAID}{}", text.pattern())) else {
            return text.to_string();
        };
        let values: Vec<(&str, String)> = text
            .values()
            .map(|(name, said)| (name, self.said(said)))
            .collect();
        let values: Vec<(&str, &str)> = values
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        fill(pattern, &values)
    }

    fn said(&self, said: &Said) -> String {
        match said {
            Said::Word(word) => word.clone(),
            Said::Text(text) => self.told(text),
            Said::List(texts) => {
                let texts: Vec<String> = texts.iter().map(|text| self.told(text)).collect();
                texts.join(self.separator())
            }
        }
    }

    /// `12 345,60 €`, or `€12,345.60`.
    #[must_use]
    pub fn money(&self, amount: Money) -> String {
        let cents = amount.cents().unsigned_abs();
        let sign = if amount.cents() < 0 { "-" } else { "" };
        let euros = self.grouped(cents / 100);
        match self.language {
            Language::French => format!("{sign}{euros},{:02}{WIDE}€", cents % 100),
            Language::English => format!("{sign}€{euros}.{:02}", cents % 100),
        }
    }

    /// `12 345`, or `12,345`.
    #[must_use]
    pub fn count(&self, number: usize) -> String {
        self.grouped(number as u64)
    }

    /// `86,4 %`, or `86.4%`; a dash when there is no whole.
    #[must_use]
    pub fn share(&self, part: u64, whole: u64) -> String {
        if whole == 0 {
            return "–".to_owned();
        }
        let permille = (u128::from(part) * 1000 + u128::from(whole) / 2) / u128::from(whole);
        let (units, tenth) = (permille / 10, permille % 10);
        match self.language {
            Language::French => format!("{units},{tenth}{WIDE}%"),
            Language::English => format!("{units}.{tenth}%"),
        }
    }

    /// `3,42 s`, or `3.42 s`; milliseconds below one second.
    #[must_use]
    pub fn duration(&self, duration: Duration) -> String {
        let millis = duration.as_millis();
        if millis < 1000 {
            return format!("{millis}{WIDE}ms");
        }
        let (seconds, hundredths) = (millis / 1000, millis % 1000 / 10);
        format!("{seconds}{}{hundredths:02}{WIDE}s", self.decimal_mark())
    }

    /// `31/01/2025`, or `2025-01-31`.
    #[must_use]
    pub fn day(&self, day: NaiveDate) -> String {
        match self.language {
            Language::French => day.format("%d/%m/%Y").to_string(),
            Language::English => day.format("%Y-%m-%d").to_string(),
        }
    }

    fn separator(&self) -> &'static str {
        match self.language {
            Language::French => "\u{a0}; ",
            Language::English => "; ",
        }
    }

    fn decimal_mark(&self) -> char {
        match self.language {
            Language::French => ',',
            Language::English => '.',
        }
    }

    fn grouped(&self, number: u64) -> String {
        let mark = match self.language {
            Language::French => NARROW,
            Language::English => ',',
        };
        let digits = number.to_string();
        let mut grouped = String::with_capacity(digits.len() * 2);
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                grouped.push(mark);
            }
            grouped.push(digit);
        }
        grouped
    }

    /// French: 0 and 1 are singular. English: 1 is.
    fn is_one(&self, count: &str) -> bool {
        match self.language {
            Language::French => matches!(count, "0" | "1"),
            Language::English => count == "1",
        }
    }
}

fn flatten(tree: &Value, path: &mut String, texts: &mut HashMap<String, String>) {
    match tree {
        Value::Object(fields) => {
            for (name, below) in fields {
                let length = path.len();
                if length > 0 {
                    path.push('.');
                }
                path.push_str(name);
                flatten(below, path, texts);
                path.truncate(length);
            }
        }
        Value::String(text) => {
            texts.insert(path.clone(), text.clone());
        }
        other => {
            texts.insert(path.clone(), other.to_string());
        }
    }
}

fn fill(pattern: &str, values: &[(&str, &str)]) -> String {
    let mut text = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once("{{") {
        text.push_str(before);
        let Some((name, after)) = after.split_once("}}") else {
            rest = "";
            break;
        };
        match values.iter().find(|(known, _)| *known == name.trim()) {
            Some((_, value)) => text.push_str(value),
            None => {
                let _ = write!(text, "{{{{{name}}}}}");
            }
        }
        rest = after;
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn placeholders(text: &str) -> BTreeSet<String> {
        text.split("{{")
            .skip(1)
            .filter_map(|rest| rest.split_once("}}"))
            .map(|(name, _)| name.to_owned())
            .collect()
    }

    #[test]
    fn both_languages_have_the_same_keys_and_placeholders() {
        let keys = |language| -> BTreeMap<String, BTreeSet<String>> {
            Words::of(language)
                .texts
                .iter()
                .filter(|(key, _)| !key.starts_with(SAID))
                .map(|(key, text)| (key.clone(), placeholders(text)))
                .collect()
        };
        assert_eq!(keys(Language::French), keys(Language::English));
    }

    #[test]
    fn placeholders_and_plurals_are_filled() {
        let words = Words {
            language: Language::French,
            texts: Arc::new(HashMap::from([
                ("lines_one".to_owned(), "{{count}} ligne".to_owned()),
                (
                    "lines_other".to_owned(),
                    "{{count}} lignes de {{ who }}".to_owned(),
                ),
            ])),
        };
        assert_eq!(words.text("lines", &[("count", "0")]), "0 ligne");
        assert_eq!(
            words.text("lines", &[("count", "2"), ("who", "A")]),
            "2 lignes de A"
        );
        assert_eq!(
            words.text("lines", &[("count", "2")]),
            "2 lignes de {{ who }}"
        );
        assert_eq!(words.say("absent.key"), "absent.key");
    }

    #[test]
    fn numbers_are_written_as_each_language_writes_them() {
        let (french, english) = (Words::of(Language::French), Words::of(Language::English));
        let amount = Money::from_cents(-123_456_789);
        assert_eq!(french.money(amount), "-1\u{202f}234\u{202f}567,89\u{a0}€");
        assert_eq!(english.money(amount), "-€1,234,567.89");
        assert_eq!(french.share(867, 1000), "86,7\u{a0}%");
        assert_eq!(english.share(2, 3), "66.7%");
        assert_eq!(french.duration(Duration::from_millis(3429)), "3,42\u{a0}s");
        assert_eq!(english.duration(Duration::from_millis(42)), "42\u{a0}ms");
    }

    #[test]
    fn english_is_chosen_by_its_locale_only() {
        assert_eq!(Language::of_locale("en_GB.UTF-8"), Language::English);
        assert_eq!(Language::of_locale("C.UTF-8"), Language::French);
    }
}
