//! What the checker and the nodes say, in the language of the screen.

use database::testing::TestDb;

use crate::support::Copro;

const MISTAKES: &str = "api/tests/fixtures/many-mistakes.yaml";

#[test]
fn the_checker_speaks_the_language_of_the_screen() {
    let copro = Copro::alone();
    let french = copro.call(&["workflow", "check", MISTAKES]);
    insta::assert_snapshot!("mistakes_in_french", french.out);
    let english = copro.call(&["--lang", "en", "workflow", "check", MISTAKES]);
    insta::assert_snapshot!("mistakes_in_english", english.out);
    for (french, english) in french.out.lines().zip(english.out.lines()) {
        let told = french.starts_with(MISTAKES) || french.contains("→ ");
        assert!(!told || french != english, "the same in both: {english}");
    }
}

#[tokio::test]
async fn a_nodes_error_speaks_the_language_of_the_screen() {
    let db = TestDb::new().await;
    let copro = Copro::on(&db);
    let nobody = r#"{
        "transaction_id": "0190a3e4-0000-7000-8000-000000000001",
        "allocations": [{ "kind": "unknown", "amount": "1.00" }],
        "by": "Camille"
    }"#;
    let complaint = copro
        .call(&["run", "reconciliation-decide", "--input", nobody])
        .badly(1);
    let told = "l'opération bancaire 0190a3e4-0000-7000-8000-000000000001 n'existe pas \
                (reconcile.unknown_transaction)";
    assert!(complaint.contains(told), "{complaint}");
    let id = complaint.trim().rsplit(' ').next().unwrap();
    let show = copro.call(&["runs", "show", id]).well();
    assert!(show.contains(&format!("erreur {told}")), "{show}");
    let show = copro.call(&["--lang", "en", "runs", "show", id]).well();
    assert!(
        show.contains("error there is no bank transaction 0190a3e4-0000-7000-8000-000000000001"),
        "{show}"
    );
}

#[tokio::test]
async fn refused_inputs_and_a_failed_expression_speak_the_language_of_the_screen() {
    let db = TestDb::new().await;
    let copro = Copro::on(&db);
    let complaint = copro.call(&["run", "bank-reconciliation"]).badly(1);
    assert!(
        complaint.contains("le champ « condominium_id » manque"),
        "{complaint}"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("divides.yaml");
    let text = "name: divides\ninputs: { by: { type: integer } }\nsteps:\n  part:\n    uses: set\n    with: { x: '${{ 1 / inputs.by }}' }\n";
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    let complaint = copro
        .call(&["run", file, "--input", r#"{"by": 0}"#])
        .badly(1);
    assert!(
        complaint.contains("part : division par zéro, dans « 1 / inputs.by » (expression.failed)"),
        "{complaint}"
    );
}
