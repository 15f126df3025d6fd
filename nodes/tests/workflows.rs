//! Every shipped workflow is sound, its cases pass, and the guide's examples
//! are what the guide says of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use database::testing::TestDb;
use engine::case;
use engine::clock::SystemClock;
use engine::language::{Severity, check};
use nodes::catalogue;
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate stands in the workspace")
}

/// Every workflow that ships, and every example of the language.
fn shipped() -> Vec<PathBuf> {
    [in_folder("workflows"), in_folder("examples/language")].concat()
}

/// `FOLDER/*.yaml`, without their cases.
fn in_folder(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(root().join(folder))
        .expect("the folder is there")
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.to_string_lossy().ends_with(".yaml"))
        .filter(|path| !path.to_string_lossy().ends_with(".test.yaml"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

#[test]
fn every_shipped_workflow_is_sound_and_has_cases() {
    let registry = catalogue().unwrap();
    for path in shipped() {
        let checked = check(&fs::read_to_string(&path).unwrap(), &registry);
        let told: Vec<_> = checked
            .diagnostics
            .iter()
            .map(ToString::to_string)
            .collect();
        let plan = checked
            .plan
            .unwrap_or_else(|| panic!("{}: {told:#?}", path.display()));
        assert_eq!(path.file_stem().unwrap().to_str(), Some(plan.name.as_str()));
        assert!(
            path.with_extension("test.yaml").exists(),
            "{} has no cases",
            path.display()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cases_of_every_shipped_workflow_pass() {
    let registry = catalogue().unwrap();
    let db = TestDb::new().await;
    let mut failed = Vec::new();
    for path in shipped() {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let workflow = fs::read_to_string(&path).unwrap();
        let plan = check(&workflow, &registry).plan.unwrap();
        let source = fs::read_to_string(path.with_extension("test.yaml")).unwrap();
        let cases = case::read(&source, &plan, &registry);
        failed.extend(
            cases
                .diagnostics
                .iter()
                .map(|d| format!("{name}.test.yaml: {d}")),
        );
        for case in &cases.cases {
            let clock = Arc::new(SystemClock);
            match case::run(db.pool(), &registry, clock, &workflow, case).await {
                Ok(mismatches) => failed.extend(
                    mismatches
                        .iter()
                        .map(|m| format!("{name}: {} (line {}): {m}", case.name, case.line)),
                ),
                Err(error) => failed.push(format!("{name}: {}: {error}", case.name)),
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// The sound examples of the guide.
fn guide() -> Vec<String> {
    let guide = fs::read_to_string(root().join("docs/workflows.md")).expect("the guide is there");
    guide
        .split("```yaml\n")
        .skip(1)
        .filter_map(|block| block.split("\n```").next())
        .filter(|source| !source.starts_with("- name:") && !source.starts_with("# refusé"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_schema_of_the_language_takes_every_workflow() {
    let schema = engine::language::schema(&catalogue().unwrap());
    let validator = jsonschema::validator_for(&schema).unwrap();
    let files = shipped().into_iter().chain(in_folder("examples"));
    let files = files.map(|path| fs::read_to_string(path).unwrap());
    for source in files.chain(guide()) {
        let value: Value = serde_saphyr::from_str(&source).unwrap();
        let errors: Vec<_> = validator
            .iter_errors(&value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{source}\n{errors:#?}");
    }
}

/// The value with an unknown field in each of its objects that has known ones, in turn.
fn spoiled(value: &Value) -> Vec<Value> {
    const CLOSED: [&str; 8] = [
        "",
        "steps/*",
        "on_failure/*",
        "finally/*",
        "retry",
        "repeat",
        "compensate",
        "on_error",
    ];
    let mut found = Vec::new();
    let mut pointers = vec![String::new()];
    while let Some(pointer) = pointers.pop() {
        let Some(Value::Object(fields)) = value.pointer(&pointer) else {
            continue;
        };
        pointers.extend(fields.keys().map(|name| format!("{pointer}/{name}")));
        let parts: Vec<_> = pointer.split('/').collect();
        let last = parts[parts.len() - 1];
        let of_map = parts.iter().rev().nth(1).map(|map| format!("{map}/*"));
        let inside = parts.contains(&"with");
        let is_closed = CLOSED.contains(&last)
            || of_map.is_some_and(|of_map| CLOSED.contains(&of_map.as_str()));
        if is_closed && !inside {
            let mut spoiled = value.clone();
            spoiled.pointer_mut(&pointer).expect("it was found there")["zzz"] = Value::Bool(true);
            found.push(spoiled);
        }
    }
    found
}

#[test]
fn a_field_that_there_is_not_is_refused_by_schema_and_checker() {
    let registry = catalogue().unwrap();
    let schema = engine::language::schema(&registry);
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut count = 0;
    for path in shipped() {
        let source = fs::read_to_string(&path).unwrap();
        let value: Value = serde_saphyr::from_str(&source).unwrap();
        for spoiled in spoiled(&value) {
            count += 1;
            assert!(!validator.is_valid(&spoiled), "{spoiled:#}");
            let checked = check(&format!("{spoiled:#}"), &registry);
            let told = checked.diagnostics.iter();
            let told = told.filter(|it| it.code == "workflow.unknown_field");
            assert!(told.count() > 0, "{spoiled:#}\n{:#?}", checked.diagnostics);
        }
    }
    assert!(count > 20, "{count}");
}

#[test]
fn the_examples_of_the_guide_are_what_it_says() {
    let registry = catalogue().unwrap();
    let guide = fs::read_to_string(root().join("docs/workflows.md")).unwrap();
    let mut seen = 0;
    for block in guide.split("```yaml\n").skip(1) {
        let source = block.split("\n```").next().unwrap();
        if source.starts_with("- name:") {
            continue;
        }
        seen += 1;
        let errors: Vec<_> = check(source, &registry)
            .diagnostics
            .into_iter()
            .filter(|diagnostic| diagnostic.severity == Severity::Error)
            .collect();
        match source.strip_prefix("# refusé : ") {
            Some(rest) => {
                let code = rest.lines().next().unwrap();
                assert!(errors.iter().any(|e| e.code == code), "{code}: {errors:#?}");
            }
            None => assert!(errors.is_empty(), "{source}\n{errors:#?}"),
        }
    }
    assert!(seen >= 6, "the guide has lost its examples");
}
