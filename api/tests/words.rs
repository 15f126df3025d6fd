//! The catalogue: French and English say the same, and nothing that is shown
//! is without words.
//!
//! What the engine and its nodes say is English where it is said (`text!`), and
//! French in `said` of `i18n/fr.json`, under that very sentence.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use domain::matching::EvidenceCode;
use regex::Regex;
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every key of a catalogue, with its path.
fn keys(text: &str) -> BTreeSet<String> {
    fn walk(value: &Value, path: &str, found: &mut BTreeSet<String>) {
        let Value::Object(entries) = value else {
            found.insert(path.to_owned());
            return;
        };
        for (name, value) in entries {
            let dot = if path.is_empty() { "" } else { "." };
            walk(value, &format!("{path}{dot}{name}"), found);
        }
    }
    let value = serde_json::from_str(text).expect("a catalogue is JSON");
    let mut found = BTreeSet::new();
    walk(&value, "", &mut found);
    found
}

/// Keys that only one of two catalogues has.
fn differ(one: &str, other: &str) -> Vec<String> {
    let (one, other) = (keys(one), keys(other));
    one.symmetric_difference(&other)
        .filter(|key| !key.starts_with("said."))
        .cloned()
        .collect()
}

/// True when the catalogue has a text, or its forms for one and for several.
fn has(catalogue: &BTreeSet<String>, key: &str) -> bool {
    catalogue.contains(key)
        || ["one", "other"]
            .iter()
            .all(|form| catalogue.contains(&format!("{key}_{form}")))
}

/// Keys that the source asks for and the catalogue lacks.
fn missing(source: &str, catalogue: &BTreeSet<String>) -> Vec<String> {
    let asked = [
        (r#"\.(?:say|text|find)\(\s*"([a-z0-9_.]+)""#, ""),
        (r#"Failure::new\(\s*"([a-z0-9_]+)""#, "error."),
    ];
    let code = source
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    let mut found = Vec::new();
    for (pattern, prefix) in asked {
        let pattern = Regex::new(pattern).expect("a pattern of this file");
        for call in pattern.captures_iter(code) {
            let key = format!("{prefix}{}", &call[1]);
            if !has(catalogue, &key) {
                found.push(key);
            }
        }
    }
    found
}

/// The source without its comments and its tests.
fn code_of(source: &str) -> String {
    let code = source.split("#[cfg(test)]\nmod tests {").next();
    let lines = code.unwrap_or_default().lines();
    let lines = lines.filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The sentences that a source says by `text!`.
fn sentences(source: &str) -> Vec<String> {
    let told = Regex::new(r#"text!\(\s*"((?:[^"\\]|\\(?s:.))*)""#).expect("a pattern of this file");
    let continued = Regex::new(r"\\\n\s*").expect("a pattern of this file");
    told.captures_iter(&code_of(source))
        .map(|call| {
            let text = continued.replace_all(&call[1], "");
            text.replace("\\\"", "\"").replace("\\\\", "\\")
        })
        .collect()
}

/// The names of the holes that a pattern finds in a text.
fn holes(text: &str, pattern: &str) -> BTreeSet<String> {
    let pattern = Regex::new(pattern).expect("a pattern of this file");
    let found = pattern.captures_iter(text);
    found.map(|hole| hole[1].to_owned()).collect()
}

/// What stands in the way of saying these sentences in French.
fn unsaid(sentences: &BTreeSet<String>, said: &BTreeMap<String, String>) -> Vec<String> {
    let mut found = Vec::new();
    for sentence in sentences {
        let wanted = holes(sentence, r"\{([a-z0-9_]+)\}");
        match said.get(sentence) {
            None => found.push(format!("add, with its French: {sentence:?}: \"…\",")),
            Some(french) if holes(french, r"\{\{([a-z0-9_]+)\}\}") != wanted => {
                found.push(format!(
                    "its holes are not {wanted:?}, each as {{{{name}}}}: {sentence:?}: {french:?}"
                ))
            }
            Some(_) => {}
        }
    }
    for sentence in said.keys().filter(|said| !sentences.contains(*said)) {
        found.push(format!("take away, nobody says it: {sentence:?}"));
    }
    found
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the project") {
        let path = entry.expect("a folder of the project").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn both_languages_have_the_same_keys() {
    let sample = differ(r#"{"a":{"b":"x","c":"y"}}"#, r#"{"a":{"b":"x"}}"#);
    assert_eq!(sample, ["a.c"]);
    let difference = differ(&read("i18n/fr.json"), &read("i18n/en.json"));
    assert!(
        difference.is_empty(),
        "in one language only: {difference:?}"
    );
}

#[test]
fn every_key_that_the_code_asks_for_has_a_text() {
    let sample = keys(r#"{"known":"x","lines_one":"x","lines_other":"x"}"#);
    let code =
        r#"words.say("known"); words.text("lines", &[]); words.say("absent"); Failure::new("odd")"#;
    assert_eq!(missing(code, &sample), ["absent", "error.odd"]);

    let catalogue = keys(&read("i18n/fr.json"));
    let mut files = Vec::new();
    rust_files(&root().join("api/src"), &mut files);
    let missing: Vec<_> = files
        .iter()
        .flat_map(|file| missing(&read(file), &catalogue))
        .collect();
    assert!(missing.is_empty(), "no text for: {missing:?}");
}

#[test]
fn every_kind_of_evidence_has_a_sentence() {
    let catalogue = keys(&read("i18n/fr.json"));
    let codes = EvidenceCode::ALL
        .iter()
        .map(|code| format!("evidence.{}", code.as_str()));
    let missing: Vec<_> = codes.filter(|key| !has(&catalogue, key)).collect();
    assert!(missing.is_empty(), "no text for: {missing:?}");
}

#[test]
fn every_sentence_of_the_engine_and_the_nodes_is_said_in_french() {
    let code = "text!(\n \"no `{x}`\", x); text!(\"a \\\n   \\\"b\\\"\"); \n// text!(\"c\")";
    assert_eq!(sentences(code), ["no `{x}`", "a \"b\""]);
    let told = BTreeSet::from(["no {x}".to_owned(), "yes".to_owned(), "new".to_owned()]);
    let said = BTreeMap::from(
        [("no {x}", "pas de {{y}}"), ("yes", "oui"), ("old", "vieux")]
            .map(|(one, other)| (one.to_owned(), other.to_owned())),
    );
    let problems = unsaid(&told, &said);
    let starts = [
        "add, with its French: \"new\"",
        "its holes are not {\"x\"}",
        "take away",
    ];
    assert_eq!(problems.len(), starts.len());
    for (problem, start) in problems.iter().zip(starts) {
        assert!(problem.starts_with(start), "{problem}");
    }

    let mut files = Vec::new();
    rust_files(&root().join("engine/src"), &mut files);
    rust_files(&root().join("nodes/src"), &mut files);
    let tests = |path: &PathBuf| path.components().any(|part| part.as_os_str() == "tests");
    files.retain(|path| !path.ends_with("tests.rs") && !tests(path));
    let told: BTreeSet<String> = files
        .iter()
        .flat_map(|file| sentences(&read(file)))
        .collect();
    let catalogue: Value =
        serde_json::from_str(&read("i18n/fr.json")).expect("a catalogue is JSON");
    let said: BTreeMap<String, String> =
        serde_json::from_value(catalogue["said"].clone()).expect("`said` holds sentences");
    let problems = unsaid(&told, &said);
    assert!(
        problems.is_empty(),
        "in `said` of i18n/fr.json, sorted:\n{}",
        problems.join("\n")
    );
}
