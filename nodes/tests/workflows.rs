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
