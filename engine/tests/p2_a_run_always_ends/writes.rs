//! Each write of the store has a failpoint: held against the source.

use std::collections::BTreeSet;
use std::path::Path;

use engine::testing::faults;

/// Names of the functions of `store/` whose statement writes or locks, and of
/// the commits anywhere: from the source.
fn writes_in(folder: &Path, found: &mut BTreeSet<String>, unguarded: &mut Vec<String>) {
    const WRITES: [&str; 7] = [
        "insert into",
        "update engine",
        "delete from",
        "for update",
        "for no key update",
        "engine.keep_history(",
        "engine.erase_tenant(",
    ];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            writes_in(&path, found, unguarded);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for name in names_after(code, "guarded!(").chain(names_after(code, "commit!(")) {
            assert!(found.insert(name.clone()), "two writes are called `{name}`");
        }
        for (function, body) in functions(code) {
            let writes = WRITES.iter().any(|word| body.contains(word));
            if writes && !body.contains("guarded!(") {
                unguarded.push(format!("{}: {function}", path.display()));
            }
            if body.contains(".commit()")
                && !body.contains("guarded!(")
                && !path.ends_with("mod.rs")
            {
                unguarded.push(format!("{}: {function} commits", path.display()));
            }
        }
    }
}

fn names_after<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = String> + 'a {
    code.split(word)
        .skip(1)
        .filter_map(|rest| rest.trim_start().strip_prefix('"'))
        .filter_map(|rest| rest.split('"').next())
        .map(str::to_owned)
}

fn functions(code: &str) -> Vec<(String, &str)> {
    code.split("fn ")
        .skip(1)
        .map(|rest| {
            let name = rest.split(['(', '<']).next().unwrap_or_default();
            (name.to_owned(), rest)
        })
        .collect()
}

#[test]
fn every_write_of_the_store_has_a_failpoint_that_is_listed() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut found, mut unguarded) = (BTreeSet::new(), Vec::new());
    for folder in ["store", "engine", "executor", "service", "trigger"] {
        writes_in(&source.join(folder), &mut found, &mut unguarded);
    }
    assert!(unguarded.is_empty(), "without failpoints: {unguarded:?}");
    // The moment of an external effect is no write, and a point to be killed at.
    found.insert("external.act".to_owned());
    let listed: BTreeSet<_> = faults::POINTS
        .iter()
        .map(|name| (*name).to_owned())
        .collect();
    assert_eq!(listed, found);
}
