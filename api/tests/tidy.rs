//! The walls of the house: rules that neither the compiler nor clippy holds.
//!
//! Each rule is a function from a file to what it breaks there, and is shown
//! to fail on a bad sample.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

/// One file of the project, by its path from the root.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn sample(path: &str, text: &str) -> Self {
        Self {
            path: path.into(),
            text: text.into(),
        }
    }

    fn is_below(&self, folders: &[&str]) -> bool {
        folders.iter().any(|folder| self.path.starts_with(folder))
    }

    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// True inside a room's `store` module.
    fn is_store(&self) -> bool {
        self.path.contains("/src/store/") || self.path.ends_with("/src/store.rs")
    }

    /// True for tests that stand beside the code they test.
    fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }

    /// Lines of code with their numbers: no comments, and nothing from the
    /// test module at the bottom of a file on.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let end = self.text.find("#[cfg(test)]\nmod tests {");
        let code = &self.text[..end.unwrap_or(self.text.len())];
        let lines = code.lines().enumerate();
        lines.map(|(index, line)| (index + 1, without_comment(line)))
    }

    /// Each line of code that `pattern` matches.
    fn find(&self, pattern: &Regex, why: &str) -> Vec<String> {
        self.code()
            .filter(|(_, line)| pattern.is_match(line))
            .map(|(number, line)| format!("{}:{number}: {why}: {}", self.path, line.trim()))
            .collect()
    }
}

/// Cuts a comment off; `//` after a colon is part of an address.
fn without_comment(line: &str) -> &str {
    let mut from = 0;
    while let Some(found) = line[from..].find("//") {
        let at = from + found;
        if !line[..at].ends_with(':') {
            return &line[..at];
        }
        from = at + 2;
    }
    line
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every file that is ours and is text, but for data and what is generated.
static PROJECT: LazyLock<Vec<Source>> = LazyLock::new(|| {
    const SKIPPED: [&str; 6] = [
        "target",
        "examples",
        "docs",
        "Cargo.lock",
        "node_modules",
        "dist",
    ];
    fn walk(folder: &Path, found: &mut Vec<Source>) {
        for entry in fs::read_dir(folder).expect("a folder of the project") {
            let path = entry.expect("a folder of the project").path();
            let name = path.file_name().and_then(|name| name.to_str());
            let name = name.expect("names are text");
            let hidden = name.starts_with('.') && name != ".ci";
            if hidden || SKIPPED.contains(&name) {
                continue;
            }
            if path.is_dir() {
                walk(&path, found);
            } else if let Ok(text) = fs::read_to_string(&path) {
                let path = path.strip_prefix(root()).expect("below the root");
                found.push(Source {
                    path: path.to_str().expect("names are text").into(),
                    text,
                });
            }
        }
    }
    let mut found = Vec::new();
    walk(&root(), &mut found);
    found
});

/// Holds all files of the project to one rule.
#[track_caller]
fn hold(rule: impl Fn(&Source) -> Vec<String>) {
    let broken: Vec<_> = PROJECT.iter().flat_map(rule).collect();
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

/// Shows that a rule sees what is wrong, and leaves alone what is right.
#[track_caller]
fn shows(rule: impl Fn(&Source) -> Vec<String>, bad: Source, good: Source) {
    assert_eq!(rule(&bad).len(), 1, "the bad sample passes");
    assert_eq!(rule(&good), Vec::<String>::new());
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern of this file")
}

// ── Rust modules ────────────────────────────────────────────────────────────

/// Where `sqlx` is named outside a `store/`, and why.
const SQLX_ELSEWHERE: [(&str, &str); 2] = [
    ("api/src/app.rs", "opens the pools"),
    ("nodes/src/tx.rs", "joins the two stores on one connection"),
];

fn sqlx_stays_in_stores(source: &Source) -> Vec<String> {
    static SQLX: LazyLock<Regex> = LazyLock::new(|| pattern(r"\bsqlx\b"));
    let rooms = ["engine/src/", "domain/src/", "nodes/src/", "api/src/"];
    let excepted = SQLX_ELSEWHERE.iter().any(|(path, _)| *path == source.path);
    let own_tests = source.is_test() || source.path.starts_with("engine/src/testing/");
    if !source.is_rust() || !source.is_below(&rooms) || source.is_store() || excepted || own_tests {
        return Vec::new();
    }
    source.find(&SQLX, "`sqlx` outside a store")
}

#[test]
fn statements_live_in_stores() {
    shows(
        sqlx_stays_in_stores,
        Source::sample("nodes/src/bank/sync.rs", "use sqlx::query;"),
        Source::sample("domain/src/store/lots.rs", "use sqlx::query;"),
    );
    hold(sqlx_stays_in_stores);
}

/// Modules that compute: the language and the rules.
fn is_pure(source: &Source) -> bool {
    let pure = [
        "engine/src/language/",
        "engine/src/graph/",
        "engine/src/expr/",
        "engine/src/run/",
        "domain/src/",
    ];
    source.is_rust() && source.is_below(&pure) && !source.is_store() && !source.is_test()
}

fn rules_do_no_io(source: &Source) -> Vec<String> {
    static IO: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"\basync\s+(fn|move|\{|\|)|\.await\b|\btokio\b|\bsqlx\b|\bstd::(fs|net|process|env)\b|\bstd(in|out|err)\(\)|\bSystemTime\b|\bFile::",
        )
    });
    if is_pure(source) {
        source.find(&IO, "a rule waits or does I/O")
    } else {
        Vec::new()
    }
}

#[test]
fn rules_and_language_are_pure() {
    shows(
        rules_do_no_io,
        Source::sample("domain/src/matching/x.rs", "async fn load() {}"),
        Source::sample(
            "domain/src/matching/x.rs",
            "fn load() {} // async is elsewhere",
        ),
    );
    shows(
        rules_do_no_io,
        Source::sample(
            "engine/src/language/x.rs",
            "let text = std::fs::read(path);",
        ),
        Source::sample("engine/src/executor/x.rs", "tokio::spawn(work);"),
    );
    hold(rules_do_no_io);
}

/// The one file where the engine's transaction becomes the domain's.
const BRIDGE: &str = "nodes/src/tx.rs";

fn one_file_bridges(source: &Source) -> Vec<String> {
    static TX: LazyLock<Regex> = LazyLock::new(|| pattern(r"\bengine::store\b|\bTenantTx::\w+\("));
    let rooms = ["nodes/src/", "api/src/"];
    if !source.is_rust() || !source.is_below(&rooms) || source.path == BRIDGE || source.is_test() {
        return Vec::new();
    }
    source.find(&TX, "only nodes/src/tx.rs joins the two stores")
}

#[test]
fn one_file_joins_the_two_stores() {
    shows(
        one_file_bridges,
        Source::sample("nodes/src/bank/x.rs", "use engine::store::Tx;"),
        Source::sample(BRIDGE, "use engine::store::Tx;"),
    );
    hold(one_file_bridges);
}

// ── SQL ─────────────────────────────────────────────────────────────────────

/// The schema that a room must not name.
fn foreign_schema(source: &Source) -> Option<&'static Regex> {
    static ENGINE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r"(?i)\b(from|join|into|update|table|on|references|only)\s+engine\.\w+")
    });
    static COPRO: LazyLock<Regex> = LazyLock::new(|| pattern(r"\bcopro\.[a-z_]+"));
    if source.path.starts_with("engine/src/") || source.path.ends_with("_engine.sql") {
        Some(&COPRO)
    } else if source.path.starts_with("domain/src/") || source.path.ends_with("_copro.sql") {
        Some(&ENGINE)
    } else {
        None
    }
}

fn sql_stays_in_its_schema(source: &Source) -> Vec<String> {
    foreign_schema(source).map_or_else(Vec::new, |schema| {
        source.find(schema, "names a table of the other schema")
    })
}

#[test]
fn engine_and_domain_name_only_their_own_tables() {
    shows(
        sql_stays_in_its_schema,
        Source::sample("engine/src/store/runs.rs", "select 1 from copro.lots"),
        Source::sample("engine/src/store/runs.rs", "select 1 from engine.runs"),
    );
    shows(
        sql_stays_in_its_schema,
        Source::sample("domain/src/store/lots.rs", "join engine.runs using (id)"),
        Source::sample("domain/src/store/lots.rs", "select 1 from copro.lots"),
    );
    hold(sql_stays_in_its_schema);
}

// ── Crates ──────────────────────────────────────────────────────────────────

/// What each room must not depend on; an arrow that is not here is allowed.
const WALLS: [(&str, &[&str]); 4] = [
    ("database/Cargo.toml", &["engine", "domain", "nodes", "api"]),
    ("engine/Cargo.toml", &["domain", "nodes", "api"]),
    ("domain/Cargo.toml", &["engine", "nodes", "api"]),
    ("nodes/Cargo.toml", &["api"]),
];

fn crates_point_down(source: &Source) -> Vec<String> {
    let walls = WALLS.iter().find(|(path, _)| *path == source.path);
    walls.map_or_else(Vec::new, |(_, forbidden)| {
        let names = pattern(&format!(r#"^({})(\.|\s*=\s*)"#, forbidden.join("|")));
        source.find(&names, "an arrow that points up")
    })
}

#[test]
fn dependencies_point_down() {
    shows(
        crates_point_down,
        Source::sample("engine/Cargo.toml", "domain.workspace = true"),
        Source::sample("nodes/Cargo.toml", "domain.workspace = true"),
    );
    hold(crates_point_down);
}

// ── Files ───────────────────────────────────────────────────────────────────

const LONGEST_FILE: usize = 600;

fn files_are_short(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    if source.is_rust() && lines > LONGEST_FILE {
        vec![format!("{}: {lines} lines: split it", source.path)]
    } else {
        Vec::new()
    }
}

#[test]
fn no_file_is_too_long() {
    shows(
        files_are_short,
        Source::sample("domain/src/x.rs", &"\n".repeat(LONGEST_FILE + 1)),
        Source::sample("domain/src/x.rs", &"\n".repeat(LONGEST_FILE)),
    );
    hold(files_are_short);
}

fn paths_are_relative(source: &Source) -> Vec<String> {
    // Spelled apart, as this file is one of those it reads.
    static MACHINE: LazyLock<Regex> =
        LazyLock::new(|| pattern(&["(/wo", "rk/|/ro", r"ot/\.?\w|/Us", "ers/)"].concat()));
    source
        .text
        .lines()
        .enumerate()
        .filter(|(_, line)| MACHINE.is_match(line))
        .map(|(index, line)| {
            let number = index + 1;
            format!("{}:{number}: a path of one machine: {line}", source.path)
        })
        .collect()
}

#[test]
fn no_file_names_a_path_of_one_machine() {
    let bad = ["cd /ro", "ot/.cache"].concat();
    shows(
        paths_are_relative,
        Source::sample("scripts/run", &bad),
        Source::sample("scripts/run", "cd \"$HOME/.cache\""),
    );
    hold(paths_are_relative);
}
