//! The matcher against reconciliation worlds: what it promises on data it has
//! seen, and on data made unseen by other names, references and banks.
//!
//! One world ships with the project. More are read from `reconciliation/` in
//! the folder that `COPRO_FIXTURES` names; without it those tests say so.

mod worlds;

use std::path::{Path, PathBuf};

use domain::ledger::check_answer;
use domain::matching::{Band, Book, decide};

use worlds::backtest::{cold, with_answers};
use worlds::load::{Files, World};
use worlds::mutate::{Grammar, Mutation, mutate};
use worlds::score::{BANDS, Score};

/// A world's folder and the file with its truth.
struct Place {
    folder: PathBuf,
    truth: PathBuf,
}

fn shipped() -> Place {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/demo");
    Place {
        truth: folder.join("answers.json"),
        folder,
    }
}

/// The worlds of `COPRO_FIXTURES`.
fn fixtures() -> Option<Vec<Place>> {
    let Some(root) = std::env::var_os("COPRO_FIXTURES") else {
        println!("skipped: COPRO_FIXTURES names no folder with more worlds");
        return None;
    };
    let entries = std::fs::read_dir(Path::new(&root).join("reconciliation"))
        .expect("reconciliation in COPRO_FIXTURES");
    let mut folders: Vec<PathBuf> = entries
        .filter_map(|e| e.ok().map(|e| e.path()))
        .filter(|p| p.join("truth.json").exists())
        .collect();
    folders.sort();
    Some(
        folders
            .into_iter()
            .map(|folder| Place {
                truth: folder.join("truth.json"),
                folder,
            })
            .collect(),
    )
}

const UNCHANGED: Mutation = Mutation {
    grammar: None,
    names: false,
    references: false,
    motifs: false,
};

/// The figures of a cold run and of a run with answers.
fn run(places: &[Place], mutation: Mutation) -> (Score, Score) {
    let (mut cold_score, mut answers_score) = (Score::default(), Score::default());
    for place in places {
        let mut files = Files::read(&place.folder);
        mutate(&mut files, mutation);
        let mut world = World::of(&files);
        let truth = world.truths(&place.truth);
        cold_score.add(&cold(&world), &truth);
        answers_score.add(&with_answers(&world, &truth), &truth);
    }
    println!(
        "{mutation:?}\n  cold    {}\n  answers {}",
        cold_score.line(),
        answers_score.line()
    );
    (cold_score, answers_score)
}

/// The bars the product sets itself, for several worlds together.
fn assert_bars(cold: &Score, answers: &Score) {
    assert!(cold.auto_share() >= 8_600, "cold: {}", cold.line());
    assert!(cold.auto_exact() >= 9_950, "cold: {}", cold.line());
    assert!(answers.auto_share() >= 9_200, "answers: {}", answers.line());
    assert!(answers.auto_exact() >= 9_970, "answers: {}", answers.line());
    assert!(
        answers.share(answers.suggestion_exact) >= 9_650,
        "answers: {}",
        answers.line()
    );
    assert_eq!(
        cold.unsafe_auto + answers.unsafe_auto,
        0,
        "wrong where only a person can decide"
    );
    assert!(
        answers.money_wrong.cents() * 2_000 <= answers.money_total.cents(),
        "answers: {}",
        answers.line()
    );
}

/// In each band with fifty lines or more the exact share is within three points.
fn assert_honest(score: &Score) {
    for (&band, &(lines, exact)) in score.bands.iter().filter(|(_, (lines, _))| *lines >= 50) {
        let share = exact * 1000 / lines;
        let top = BANDS.get(band + 1).copied().unwrap_or(1000);
        assert!(
            share + 30 >= BANDS[band] && share <= top + 30,
            "confidence {} to {top}: {share} of 1000 exact over {lines} lines",
            BANDS[band],
        );
    }
}

#[test]
fn the_shipped_world_is_posted_without_a_mistake() {
    let (cold, answers) = run(&[shipped()], UNCHANGED);
    assert_eq!((cold.auto_wrong, answers.auto_wrong), (0, 0));
    assert!(cold.auto_share() >= 8_000 && answers.auto_share() >= 9_000);
}

#[test]
fn the_bars_hold_on_the_worlds_at_hand() {
    let Some(places) = fixtures() else { return };
    let (cold, answers) = run(&places, UNCHANGED);
    assert_bars(&cold, &answers);
    assert_honest(&cold);
    assert_honest(&answers);
}

#[test]
fn the_bars_hold_for_other_names_references_motifs_and_banks() {
    let Some(places) = fixtures() else { return };
    for grammar in [
        Grammar::Words,
        Grammar::Short,
        Grammar::Tags,
        Grammar::Alien,
    ] {
        let unseen = Mutation {
            grammar: Some(grammar),
            names: true,
            references: true,
            motifs: true,
        };
        let (cold, answers) = run(&places, unseen);
        assert_bars(&cold, &answers);
        assert_honest(&cold);
        assert_honest(&answers);
    }
}

#[test]
fn every_candidate_says_why() {
    let world = World::of(&Files::read(&shipped().folder));
    for prediction in cold(&world) {
        for candidate in &prediction.decision.candidates {
            assert!(
                !candidate.evidence.is_empty(),
                "line {}: {candidate:?}",
                prediction.line
            );
            assert!((0.0..1.0).contains(&candidate.confidence));
        }
    }
}

#[test]
fn the_same_lines_are_decided_the_same_way_twice() {
    let world = World::of(&Files::read(&shipped().folder));
    let summary = |run: Vec<worlds::backtest::Prediction>| -> Vec<_> {
        run.into_iter()
            .map(|p| (p.line, p.allocations, p.auto, p.thousandths))
            .collect()
    };
    assert_eq!(summary(cold(&world)), summary(cold(&world)));
}

#[test]
fn allocations_of_each_candidate_add_up_to_the_line() {
    let world = World::of(&Files::read(&shipped().folder));
    let mut books: Vec<Book> = world.snapshots.iter().cloned().map(Book::open).collect();
    for (condominium, line) in &world.lines {
        let book = &mut books[*condominium];
        book.advance(line.date);
        let decision = decide(book, line);
        for candidate in &decision.candidates {
            assert_eq!(
                candidate
                    .allocations
                    .iter()
                    .map(|a| a.amount)
                    .sum::<domain::money::Money>(),
                line.amount
            );
        }
        book.record_decision(line, &decision);
    }
}

#[test]
fn what_is_posted_without_a_person_would_be_accepted_from_one() {
    let world = World::of(&Files::read(&shipped().folder));
    let mut books: Vec<Book> = world.snapshots.iter().cloned().map(Book::open).collect();
    for (condominium, line) in &world.lines {
        let book = &mut books[*condominium];
        book.advance(line.date);
        let decision = decide(book, line);
        if decision.band == Band::Auto {
            let allocations = &decision.candidates[0].allocations;
            let accepted = check_answer(book.data(), line, allocations);
            assert!(accepted.is_ok(), "{}: {accepted:?}", line.original_wording);
        }
        book.record_decision(line, &decision);
    }
}
