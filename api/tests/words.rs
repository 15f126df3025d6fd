//! The catalogue: French and English say the same, and nothing that is shown
//! is without words.

use std::collections::BTreeSet;
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
    one.symmetric_difference(&other).cloned().collect()
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
