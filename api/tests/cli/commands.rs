//! What can be typed, and what is said when it is typed wrongly.

use crate::support::{Called, Copro};

#[test]
fn help_is_in_the_language_of_the_screen() {
    let copro = Copro::alone();
    let french = copro.call(&["--help"]).well();
    assert!(french.contains("Commandes :"), "{french}");
    assert!(
        french.contains("Met la base de données au dernier schéma"),
        "{french}"
    );
    let english = copro
        .call(&["--lang", "en", "backtest", "reconciliation", "--help"])
        .well();
    assert!(english.contains("Arguments:"), "{english}");
    assert!(english.contains("Folder of the portfolio"), "{english}");
    for text in [french, english] {
        assert!(!text.contains("cli."), "a key without words: {text}");
    }
}

#[test]
fn a_command_that_is_not_understood_ends_with_2_and_says_what_was_meant() {
    let copro = Copro::alone();
    let complaint = copro.call(&["dmeo"]).badly(2);
    assert!(
        complaint.contains("commande inconnue : dmeo"),
        "{complaint}"
    );
    assert!(
        complaint.contains("vouliez-vous dire demo ?"),
        "{complaint}"
    );
    let complaint = copro.call(&["--lang=en", "workflow", "check"]).badly(2);
    assert!(complaint.contains("missing: "), "{complaint}");
}

#[test]
fn what_cannot_be_used_is_said_with_what_to_do() {
    let copro = Copro::alone();
    let complaint = copro.call(&["run", "nowhere"]).badly(1);
    assert!(
        complaint.contains("« nowhere » n'est ni un fichier ni un flux livré"),
        "{complaint}"
    );
    assert!(
        complaint.contains("→ flux livrés : bank-reconciliation"),
        "{complaint}"
    );
    let complaint = copro
        .call(&["run", "examples/hello.yaml", "--input", "{\"name\": }"])
        .badly(1);
    assert!(
        complaint.contains("--input n'est pas du JSON (ligne 1, colonne 10)"),
        "{complaint}"
    );
    let mut command = copro.command(&["migrate"]);
    let output = command
        .env("COPRO_MASTER_KEY", "short")
        .env("DATABASE_URL", "nonsense")
        .output()
        .unwrap();
    let complaint = Called::from(output).badly(1);
    assert!(complaint.contains("DATABASE_URL"), "{complaint}");
}

#[test]
fn a_database_that_does_not_answer_is_said_to_be_the_matter() {
    let copro = Copro::alone();
    let mut command = copro.command(&["runs", "list"]);
    command.env("DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing");
    let complaint = Called::from(command.output().unwrap()).badly(1);
    assert!(
        complaint.contains("la base de données ne peut pas être mise à jour"),
        "{complaint}"
    );
    assert!(complaint.contains("→ vérifiez DATABASE_URL"), "{complaint}");
}

#[test]
fn ten_mistakes_are_reported_in_one_pass_each_with_place_and_fix() {
    let copro = Copro::alone();
    let file = "api/tests/fixtures/ten-mistakes.yaml";
    let checked = copro.call(&["workflow", "check", file]);
    assert_eq!(checked.code, Some(1), "{}", checked.err);
    let found: Vec<&str> = checked
        .out
        .lines()
        .filter(|line| line.starts_with(file))
        .collect();
    let on_line = |line: usize| {
        found
            .iter()
            .any(|found| found.starts_with(&format!("{file}:{line}:")))
    };
    for line in [2, 7, 11, 12, 15, 18, 19, 29, 33, 37] {
        assert!(on_line(line), "nothing on line {line}:\n{}", checked.out);
    }
    assert_eq!(found.len(), 10, "{}", checked.out);
    assert!(checked.out.contains(" │     uses: sett"), "{}", checked.out);
    assert!(checked.out.matches("→ ").count() >= 10, "{}", checked.out);
}

#[test]
fn shipped_workflows_and_examples_are_sound() {
    let copro = Copro::alone();
    let files = [
        "workflows/bank-reconciliation.yaml",
        "workflows/reconciliation-decide.yaml",
        "examples/hello.yaml",
    ];
    let out = copro
        .call(&[["workflow", "check"].as_slice(), &files].concat())
        .well();
    assert!(out.contains("examples/hello.yaml est correct"), "{out}");
}
