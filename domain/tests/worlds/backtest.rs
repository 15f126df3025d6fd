//! Runs a world through the matcher, as `copro backtest` does, in memory.

use std::collections::HashMap;

use super::load::World;
use super::score::Truth;
use chrono::NaiveDate;
use domain::ids::AliasId;
use domain::matching::*;

/// What was decided for a line.
pub struct Prediction {
    /// The line's source id.
    pub line: String,
    /// First suggestion.
    pub allocations: Vec<Allocation>,
    /// Posted without a person.
    pub auto: bool,
    /// The confidence in thousandths, rounded down.
    pub thousandths: usize,
    /// The whole decision.
    pub decision: Decision,
}

fn predict(world: &World, line: &Line, decision: &Decision) -> Prediction {
    let (allocations, confidence) = match decision.first() {
        Some(first) => (first.allocations.clone(), first.confidence),
        None => (vec![Allocation::new(Cause::Unknown, line.amount)], 0.5),
    };
    #[expect(
        clippy::float_arithmetic,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share between 0 and 1"
    )]
    let thousandths = (confidence * 1000.0) as usize;
    Prediction {
        line: world.sources[&line.id.0].clone(),
        allocations,
        auto: decision.band == Band::Auto,
        thousandths,
        decision: decision.clone(),
    }
}

/// Cold: each condominium at once, no truth is read.
pub fn cold(world: &World) -> Vec<Prediction> {
    let as_of = NaiveDate::MAX;
    let mut predictions = Vec::new();
    for (condominium, snapshot) in world.snapshots.iter().enumerate() {
        let mut book = Book::open(snapshot.clone());
        let lines = world
            .lines
            .iter()
            .filter(|(c, _)| *c == condominium)
            .map(|(_, l)| l.clone())
            .collect();
        for (line, decision) in decide_all(&mut book, lines, as_of) {
            predictions.push(predict(world, &line, &decision));
        }
    }
    predictions
}

/// With answers: line by line in file order; a truth is read only for a line
/// just sent to review, and learnt before the next line.
pub fn with_answers(world: &World, truth: &HashMap<String, Truth>) -> Vec<Prediction> {
    let mut books: Vec<Book> = world.snapshots.iter().cloned().map(Book::open).collect();
    let mut waiting: Vec<Waiting> = books.iter().map(|_| Waiting::default()).collect();
    let mut predictions = Vec::new();
    let mut aliases = 0;
    for (condominium, line) in &world.lines {
        let book = &mut books[*condominium];
        let waiting = &mut waiting[*condominium];
        book.advance(line.date);
        if decide(book, line).band == Band::Wait {
            waiting.keep(line.clone());
            continue;
        }
        let announced = waiting.take_announced(line);
        let decision = decide(book, line);
        predictions.push(predict(world, line, &decision));
        if decision.band == Band::Auto {
            book.record_decision(line, &decision);
        } else {
            let answer = truth[&world.sources[&line.id.0]].allocations.clone();
            aliases += 1;
            book.confirm(line, answer, AliasId(uuid::Uuid::from_u128(aliases)));
        }
        if let Some(pending) = announced {
            let twin = announced_by(&pending, line);
            predictions.push(predict(world, &pending, &twin));
            book.record_decision(&pending, &twin);
        }
    }
    for (book, waiting) in books.iter().zip(&mut waiting) {
        for late in waiting.take_expired(NaiveDate::MAX) {
            predictions.push(predict(world, &late, &decide_late(book, &late)));
        }
    }
    predictions
}
