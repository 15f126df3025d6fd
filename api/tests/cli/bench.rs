//! `copro bench`: what it measures, and beside what.

use std::fs;

use serde_json::Value;

use crate::support::Copro;

#[test]
fn each_workload_is_measured_beside_its_floor() {
    let copro = Copro::alone();
    let files = [
        "examples/bench/five-pure.yaml",
        "examples/bench/five-external.yaml",
        "examples/bench/five-transaction.yaml",
    ];
    let options = ["--clients", "2", "--seconds", "1", "--json"];
    let said = copro
        .call(&[&["bench"], files.as_slice(), options.as_slice()].concat())
        .well();
    let measured: Vec<Value> = serde_json::from_str(&said).unwrap();
    let names: Vec<_> = measured.iter().map(|it| it["workload"].as_str()).collect();
    let wanted = ["five-pure", "five-external", "five-transaction"];
    assert_eq!(names, wanted.map(Some));
    for it in &measured {
        assert_eq!(it["clients"], 2);
        let keys = [
            "runs_per_s",
            "steps_per_s",
            "p50_ms",
            "p95_ms",
            "p99_ms",
            "floor_runs_per_s",
            "ratio",
            "peak_rss_mib",
        ];
        for key in keys {
            assert!(it[key].as_f64().unwrap() > 0.0, "{key}: {it}");
        }
    }
}

#[test]
fn a_workload_without_a_floor_has_no_ratio_and_a_bad_one_is_told() {
    let copro = Copro::alone();
    let folder = tempfile::tempdir().unwrap();
    let alone = folder.path().join("alone.yaml");
    let source = "name: alone\ninputs: { n: { type: integer } }\nsteps: { a: { uses: set, with: { n: 1 } } }\n";
    fs::write(&alone, source).unwrap();
    let alone = alone.to_str().unwrap();
    let options = [
        "--door",
        "process",
        "--clients",
        "1",
        "--seconds",
        "1",
        "--json",
    ];
    let said = copro
        .call(&[&["bench", alone], options.as_slice()].concat())
        .well();
    let measured: Vec<Value> = serde_json::from_str(&said).unwrap();
    assert_eq!(measured[0]["ratio"], Value::Null);

    let fails = source.replace(
        "uses: set, with: { n: 1 }",
        "uses: script, with: { code: 'throw 1' }",
    );
    fs::write(alone, fails).unwrap();
    let told = copro
        .call(&[&["bench", alone], options.as_slice()].concat())
        .badly(1);
    assert!(told.contains("n'a pas réussi"), "{told}");
    // Over HTTP it has no address.
    let nobody = copro
        .call(&[&["bench", alone], &options[2..]].concat())
        .badly(1);
    assert!(
        nobody.contains("/alone") && nobody.contains("404"),
        "{nobody}"
    );
    copro.call(&["bench"]).badly(2);
}
