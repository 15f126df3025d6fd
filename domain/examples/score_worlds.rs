//! Decides worlds in memory and writes predictions for the scorer.
//!
//! ```text
//! cargo run -p domain --example score_worlds -- FOLDER_OF_WORLDS OUT_FOLDER [CHANGES]
//! ```
//!
//! Writes `cold.json` and `answers.json`, and prints the figures. CHANGES makes
//! unseen worlds: a first letter for the grammar (`W`ords, `S`hort, `T`ags,
//! `A`lien, anything else leaves it), then `n`ames, `r`eferences, `m`otifs.

#[path = "../tests/worlds/mod.rs"]
mod worlds;

use std::path::{Path, PathBuf};

use domain::matching::Candidate;
use serde_json::{Value, json};

use worlds::backtest::{Prediction, cold, with_answers};
use worlds::load::{Files, World};
use worlds::mutate::{Grammar, Mutation, mutate};
use worlds::score::Score;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, out, changes @ ..] = arguments.as_slice() else {
        eprintln!("usage: score_worlds FOLDER_OF_WORLDS OUT_FOLDER [CHANGES]");
        std::process::exit(2);
    };
    let changes = changes.first().map_or("", String::as_str);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let (mut cold_score, mut answers_score) = (Score::default(), Score::default());
    for folder in worlds_below(Path::new(folder)) {
        let mut files = Files::read(&folder);
        mutate(&mut files, mutation(changes));
        let mut world = World::of(&files);
        let predictions = cold(&world);
        first.extend(predictions.iter().map(|p| row(&world, p)));
        let truth = world.truths(&folder.join("truth.json"));
        cold_score.add(&predictions, &truth);
        let predictions = with_answers(&world, &truth);
        second.extend(predictions.iter().map(|p| row(&world, p)));
        answers_score.add(&predictions, &truth);
    }
    println!("cold     {}", cold_score.line());
    println!("answers  {}", answers_score.line());
    std::fs::create_dir_all(out).expect("an output folder");
    for (name, rows) in [("cold.json", first), ("answers.json", second)] {
        std::fs::write(Path::new(out).join(name), Value::Array(rows).to_string())
            .expect("a file in the output folder");
    }
}

fn worlds_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder of worlds");
    let mut worlds: Vec<PathBuf> = entries
        .filter_map(|e| e.ok().map(|e| e.path()))
        .filter(|p| p.join("truth.json").exists())
        .collect();
    worlds.sort();
    worlds
}

fn mutation(changes: &str) -> Mutation {
    Mutation {
        grammar: match changes.chars().next() {
            Some('W') => Some(Grammar::Words),
            Some('S') => Some(Grammar::Short),
            Some('T') => Some(Grammar::Tags),
            Some('A') => Some(Grammar::Alien),
            _ => None,
        },
        names: changes.contains('n'),
        references: changes.contains('r'),
        motifs: changes.contains('m'),
    }
}

/// A candidate with its evidence on one line, to read beside the truth.
fn because(candidate: &Candidate) -> String {
    let parts: Vec<String> = candidate
        .allocations
        .iter()
        .map(|a| format!("{} {}", a.cause.kind().as_str(), a.amount))
        .collect();
    let evidence: Vec<String> = candidate
        .evidence
        .iter()
        .map(|e| format!("{} {:+.1}", e.code.as_str(), e.weight))
        .collect();
    format!(
        "{:.3} {}: {}",
        candidate.confidence,
        parts.join(", "),
        evidence.join(", ")
    )
}

/// A prediction as the scorer reads it, with its reasons.
fn row(world: &World, prediction: &Prediction) -> Value {
    let allocations: Vec<Value> = prediction
        .allocations
        .iter()
        .map(|a| {
            json!({
                "kind": a.cause.kind().as_str(),
                "target_id": a.cause.target().map(|id| world.sources[&id].clone()),
                "amount": a.amount.to_string().parse::<f64>().expect("a number"),
            })
        })
        .collect();
    json!({
        "transaction_id": prediction.line.parse::<i64>().expect("an integer id"),
        "allocations": allocations,
        "confidence": format!("0.{:03}", prediction.thousandths.min(999)).parse::<f64>().expect("a number"),
        "decision": if prediction.auto { "auto" } else { "review" },
        "because": prediction.decision.candidates.iter().map(because).collect::<Vec<_>>(),
        "blocked": prediction.decision.blocked_by.iter().map(|id| &world.sources[&id.0]).collect::<Vec<_>>(),
    })
}
