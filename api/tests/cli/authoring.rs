//! `copro workflow dry-run|replay|move|test --coverage`: a change is looked at before it is lived with.

use std::fs;

use database::testing::TestDb;

use crate::support::Copro;

const PAY: &str = "name: pay
inputs: { n: { type: integer, default: 1 } }
steps:
  sum: { uses: set, with: { n: '${{ inputs.n + 1 }}' } }
  ask: { uses: http.request, with: { url: 'http://127.0.0.1:1/${{ steps.sum.n }}' } }
  send: { uses: http.request, needs: [ask], with: { method: POST, url: 'http://127.0.0.1:1/', body: { n: '${{ steps.ask.status }}' } } }
";

fn write(copro: &Copro, name: &str, text: &str) -> String {
    let file = copro.data.path().join(name);
    fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn a_dry_run_needs_no_database_and_tells_what_would_be_done() {
    let copro = Copro::alone();
    let file = write(&copro, "pay.yaml", PAY);
    let out = copro.call(&["workflow", "dry-run", &file]).well();
    for part in [
        "✓ sum set",
        r#"donne {"n":2}"#,
        "? ask http.request lirait (--read pour le faire)",
        "! send http.request agirait à l'extérieur",
        "⟨inconnu⟩",
        "1 effet, non exécuté",
    ] {
        assert!(out.contains(part), "{part} is not in:\n{out}");
    }
    let stubs = write(&copro, "stubs.yaml", "nowhere: { output: 1 }\n");
    let complaint = copro
        .call(&["workflow", "dry-run", &file, "--stubs", &stubs])
        .badly(1);
    assert!(complaint.contains("nowhere"), "{complaint}");
    let complaint = copro
        .call(&["workflow", "dry-run", &file, "--input", r#"{"n": "x"}"#])
        .badly(1);
    assert!(complaint.contains('n'), "{complaint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_runs_are_replayed_on_a_file_and_what_differs_is_told() {
    let db = TestDb::new().await;
    let copro = Copro::on(&db);
    let text = "name: sum\ninputs: { n: { type: integer, default: 1 } }\nsteps:\n  sum: { uses: set, with: { n: '${{ inputs.n + 1 }}' } }\noutputs: { n: '${{ steps.sum.n }}' }\n";
    let file = write(&copro, "sum.yaml", text);
    copro.call(&["run", &file]).well();
    let same = copro.call(&["workflow", "replay", &file]).well();
    assert!(same.contains("0 sur 1"), "{same}");
    write(&copro, "sum.yaml", &text.replace("+ 1", "+ 2"));
    let other = copro.call(&["workflow", "replay", &file, "--since", "1h"]);
    assert_eq!(other.code, Some(1), "{}", other.err);
    for part in ["≠ ", r#"outputs : valait {"n":2}, vaut {"n":3}"#, "1 sur 1"] {
        assert!(other.out.contains(part), "{part} is not in:\n{}", other.out);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn moving_tells_when_nothing_waits_and_coverage_what_no_case_goes() {
    let db = TestDb::new().await;
    let copro = Copro::on(&db);
    let file = write(&copro, "pay.yaml", PAY);
    copro.call(&["workflow", "push", &file]).well();
    let none = copro
        .call(&["workflow", "move", "pay", "--to", "published"])
        .well();
    assert!(none.contains("aucune exécution n'attend"), "{none}");
    let out = copro
        .call(&[
            "workflow",
            "test",
            "--coverage",
            "examples/language/switch.test.yaml",
        ])
        .well();
    assert!(out.contains("chemins pris : "), "{out}");
}
