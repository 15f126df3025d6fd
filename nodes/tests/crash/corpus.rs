//! The workflows, the scenes that they play in, and the words that they must have.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;

/// A scene: what is published, and what begins it.
pub struct Scene {
    /// Its workflow.
    pub name: &'static str,
    /// Others that are published too.
    pub with: &'static [&'static str],
    /// How often it is started.
    pub starts: u32,
    /// Runs there are in the end.
    pub runs: usize,
}

const fn scene(name: &'static str) -> Scene {
    Scene {
        name,
        with: &[],
        starts: 1,
        runs: 1,
    }
}

/// Every workflow plays in one.
pub const SCENES: &[Scene] = &[
    scene("approval"),
    scene("branches"),
    Scene {
        with: &["called"],
        runs: 4,
        ..scene("calls")
    },
    scene("errors"),
    Scene {
        with: &["heard"],
        runs: 2,
        ..scene("events")
    },
    scene("hook"),
    scene("loops"),
    scene("ordered"),
    Scene {
        starts: 2,
        runs: 2,
        ..scene("paced")
    },
    Scene {
        starts: 3,
        runs: 3,
        ..scene("quiet")
    },
    scene("requests"),
    scene("turns"),
    Scene {
        with: &["alarm"],
        runs: 2,
        ..scene("undone")
    },
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/crash/corpus")
}

/// The text of a workflow.
pub fn yaml(name: &str) -> String {
    std::fs::read_to_string(folder().join(format!("{name}.yaml"))).unwrap()
}

/// Keys of all mappings under a value.
fn words_in(value: &Value, words: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (word, inside) in fields {
                words.insert(word.clone());
                if word == "uses" {
                    let node = inside.as_str().unwrap().split('@').next().unwrap();
                    words.insert(format!("uses: {node}"));
                }
                words_in(inside, words);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| words_in(item, words)),
        _ => {}
    }
}

#[test]
fn the_corpus_has_every_word_of_the_language_and_plays_whole() {
    let mut used = BTreeSet::new();
    let mut files = BTreeSet::new();
    for file in std::fs::read_dir(folder()).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let value: Value = serde_saphyr::from_str(&text).unwrap();
        words_in(&value, &mut used);
        files.insert(path.file_stem().unwrap().to_str().unwrap().to_owned());
    }
    let registry = nodes::catalogue().unwrap();
    let schema = engine::language::schema(&registry);
    let mut wanted = BTreeSet::new();
    let properties = |of: &Value| {
        let names = of["properties"].as_object().into_iter().flatten();
        names.map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    wanted.extend(properties(&schema));
    for inside in ["budget", "cancel_on", "concurrency", "rate_limit"] {
        wanted.extend(properties(&schema["properties"][inside]));
    }
    for part in ["compensate", "repeat", "retry", "step"] {
        let words = properties(&schema["$defs"][part]);
        assert!(!words.is_empty(), "{part}");
        wanted.extend(words);
    }
    let of_books = |name: &str| name.starts_with("reconcile.");
    let nodes = registry.iter().map(|node| node.spec.name);
    wanted.extend(
        nodes
            .filter(|it| !of_books(it))
            .map(|it| format!("uses: {it}")),
    );
    let missing: Vec<_> = wanted.difference(&used).collect();
    assert!(
        missing.is_empty(),
        "in no workflow of the corpus: {missing:?}"
    );

    assert!(files.len() >= 12, "{files:?}");
    let played = SCENES
        .iter()
        .flat_map(|it| it.with.iter().chain([&it.name]));
    let played: BTreeSet<_> = played.map(|name| (*name).to_owned()).collect();
    assert_eq!(played, files);
}
