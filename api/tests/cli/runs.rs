//! `copro run` and `copro runs`: executed, and found again.

use database::testing::TestDb;

use crate::support::{Called, Copro};

#[tokio::test]
async fn a_run_shows_its_outputs_and_is_found_again() {
    let db = TestDb::new().await;
    let copro = Copro::on(&db);
    assert_eq!(
        copro.call(&["runs", "list"]).well().trim(),
        "aucune exécution"
    );
    let out = copro
        .call(&[
            "run",
            "examples/hello.yaml",
            "--input",
            r#"{"name": "Camille"}"#,
        ])
        .well();
    assert!(out.contains("✓ greeting"), "{out}");
    assert!(out.contains(r#""greeting": "Bonjour Camille""#), "{out}");

    let list = copro.call(&["runs", "list"]).well();
    let line = list.lines().nth(1).unwrap();
    assert!(line.contains("hello") && line.contains("réussi"), "{list}");
    let id = line.split_whitespace().next().unwrap();
    let show = copro.call(&["runs", "show", id]).well();
    for part in ["greeting", r#"{"name":"Camille"}"#, "› Bonjour Camille"] {
        assert!(show.contains(part), "{part} is not in:\n{show}");
    }
}

#[tokio::test]
async fn a_run_that_fails_ends_with_1_and_says_where_to_look() {
    let db = TestDb::new().await;
    let copro = Copro::on(&db);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fails.yaml");
    let text = "name: fails\nsteps:\n  stop:\n    uses: fail\n    with: { code: test.stop, message: as asked }\n";
    std::fs::write(&file, text).unwrap();
    let complaint = copro.call(&["run", file.to_str().unwrap()]).badly(1);
    assert!(
        complaint.contains("stop : as asked (test.stop)"),
        "{complaint}"
    );
    assert!(
        complaint.contains("→ détails : copro runs show "),
        "{complaint}"
    );
    let id = complaint.trim().rsplit(' ').next().unwrap();
    let show = copro.call(&["runs", "show", id]).well();
    assert!(
        show.contains("échoué") && show.contains("as asked (test.stop)"),
        "{show}"
    );
}

#[tokio::test]
async fn inputs_that_do_not_fit_and_unknown_runs_are_refused() {
    let db = TestDb::new().await;
    let copro = Copro::on(&db);
    let complaint = copro.call(&["run", "bank-reconciliation"]).badly(1);
    assert!(complaint.contains("condominium_id"), "{complaint}");
    let complaint = copro
        .call(&["runs", "show", "0190a3e4-0000-7000-8000-000000000001"])
        .badly(1);
    assert!(
        complaint.contains("aucune exécution 0190a3e4"),
        "{complaint}"
    );
}

/// A workflow that waits for an hour.
fn long_workflow(copro: &Copro) -> String {
    let file = copro.data.path().join("long.yaml");
    let text = "name: long\nsteps:\n  first: { uses: set, with: { n: 1 } }\n  pause: { uses: wait, needs: [first], with: { for: 1h } }\n";
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

/// The first run that waits, once there is one.
fn waiting_run(copro: &Copro) -> String {
    loop {
        let list = copro.call(&["runs", "list"]).well();
        if let Some(line) = list.lines().find(|line| line.contains("en attente")) {
            return line.split_whitespace().next().unwrap().to_owned();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_watched_until_a_person_cancels_it_by_name() {
    let db = TestDb::new().await;
    let copro = Copro::on(&db);
    let file = long_workflow(&copro);
    let runner = copro.command(&["run", &file]).spawn().unwrap();
    let id = waiting_run(&copro);
    let watcher = copro.command(&["runs", "watch", &id]).spawn().unwrap();
    let said = copro
        .call(&["runs", "cancel", &id, "--as", "Camille"])
        .well();
    assert!(said.contains("arrêt demandé"), "{said}");
    for ended in [runner, watcher] {
        let ended = Called::from(ended.wait_with_output().unwrap());
        assert!(ended.out.contains("✓ first"), "{}", ended.out);
        let complaint = ended.badly(1);
        assert!(complaint.contains("Camille l'a arrêtée"), "{complaint}");
    }
    let show = copro.call(&["runs", "show", &id]).well();
    assert!(show.contains("Camille l'a arrêtée"), "{show}");
    let complaint = copro
        .call(&["runs", "cancel", &id, "--as", "Camille"])
        .badly(1);
    assert!(complaint.contains("est terminée"), "{complaint}");
    // What has ended is shown as it went.
    let watched = copro.call(&["runs", "watch", &id]);
    assert!(watched.out.contains("✓ first"), "{}", watched.out);
    assert_eq!(watched.code, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_run_again_with_an_edited_output_and_in_bulk() {
    let db = TestDb::new().await;
    let copro = Copro::on(&db);
    let file = copro.data.path().join("again.yaml");
    let text = "name: again\nsteps:\n  load: { uses: set, with: { n: 1 } }\n  stop: { uses: fail, if: steps.load.n == 1, with: { code: test.stop, message: as asked } }\noutputs: { n: '${{ steps.load.n }}' }\n";
    std::fs::write(&file, text).unwrap();
    let complaint = copro.call(&["run", file.to_str().unwrap()]).badly(1);
    let origin = complaint.trim().rsplit(' ').next().unwrap().to_owned();
    let out = copro
        .call(&[
            "runs",
            "rerun",
            &origin,
            "--set",
            r#"load={"n": 2}"#,
            "--as",
            "Camille",
        ])
        .well();
    assert!(out.contains(r#""n": 2"#), "{out}");
    let again = out.split_whitespace().nth(1).unwrap();
    let show = copro.call(&["runs", "show", again]).well();
    for part in [origin.as_str(), "refait", "donné à la main"] {
        assert!(show.contains(part), "{part} is not in:\n{show}");
    }
    let complaint = copro
        .call(&["runs", "rerun", &origin, "--from", "nowhere"])
        .badly(1);
    assert!(
        complaint.contains("n'a pas d'étape « nowhere »"),
        "{complaint}"
    );

    let many = ["runs", "retry", "--workflow", "again", "--since", "1h"];
    let counted = copro.call(&many).well();
    assert!(counted.contains("1  again  échoué"), "{counted}");
    assert!(counted.contains("ajoutez --yes"), "{counted}");
    let done = copro.call(&[many.as_slice(), &["--yes"]].concat()).well();
    assert!(done.contains("1 exécution traitée"), "{done}");
    let operation = done
        .split("--resume ")
        .nth(1)
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap();
    let listed = |copro: &Copro| {
        let list = copro.call(&["runs", "list", "--workflow", "again"]).well();
        list.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(listed(&copro).len(), 3);
    // The same operation again: the first run has been run again already.
    let resumed = [many.as_slice(), &["--yes", "--resume", operation]].concat();
    copro.call(&resumed).well();
    let lines = listed(&copro);
    let failed = lines.iter().filter(|line| line.contains(&origin)).count();
    assert_eq!(failed, 1, "{lines:#?}");
    assert!(lines.len() <= 4, "{lines:#?}");
}
