//! `copro workflow diff`: what changed, in words, between files and saved versions.

use std::fs;

use database::testing::TestDb;

use crate::support::Copro;

const OLD: &str = "name: pay\nsteps:\n  load: { uses: set, with: { n: 1 } }\n  note: { uses: log, timeout: 5s, with: { message: done } }\n";

fn write(copro: &Copro, name: &str, text: &str) -> String {
    let file = copro.data.path().join(name);
    fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn two_files_are_compared_without_a_database_in_the_language_of_the_screen() {
    let copro = Copro::alone();
    let old = write(&copro, "old.yaml", OLD);
    let new = OLD
        .replace("timeout: 5s", "timeout: 10s")
        .replace("message: done", "message: 'n ${{ steps.load.n }}'")
        + "  last: { uses: log, with: { message: bye } }\n";
    let new = write(&copro, "new.yaml", &new);
    let french = copro.call(&["workflow", "diff", &old, &new]).well();
    for line in [
        "~ étape « note » : « timeout » valait 5s, et vaut 10s",
        "~ l'étape « note » attend maintenant « load »",
        "+ l'étape « last » est nouvelle et utilise log",
    ] {
        assert!(french.lines().any(|it| it == line), "{line}\n{french}");
    }
    let english = copro
        .call(&["--lang", "en", "workflow", "diff", &old, &new])
        .well();
    assert!(
        english.contains("~ step `note`: `timeout` was 5s, and is 10s"),
        "{english}"
    );
    let same = copro.call(&["workflow", "diff", &old, &old]).well();
    assert_eq!(same.trim(), "aucune différence");
}

#[tokio::test(flavor = "multi_thread")]
async fn saved_versions_are_compared_by_number() {
    let db = TestDb::new().await;
    let copro = Copro::on(&db);
    let file = write(&copro, "pay.yaml", OLD);
    copro.call(&["workflow", "push", &file]).well();
    write(&copro, "pay.yaml", &OLD.replace("5s", "8s"));
    copro.call(&["workflow", "push", &file]).well();
    let out = copro
        .call(&["workflow", "diff", "pay@1", "pay@published"])
        .well();
    assert!(out.contains("« timeout » valait 5s, et vaut 8s"), "{out}");
    let complaint = copro.call(&["workflow", "diff", "pay@9", &file]).badly(1);
    assert!(complaint.contains("pay@9"), "{complaint}");
    let complaint = copro
        .call(&["workflow", "diff", "pay@last", &file])
        .badly(1);
    assert!(complaint.contains("ne nomme pas de version"), "{complaint}");
}
