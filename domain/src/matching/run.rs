//! Decides many lines in booking order.

use chrono::NaiveDate;

use super::allocation::{Allocation, Cause};
use super::book::{Alias, Decider, Line, Outcome};
use super::decide::{decide, decide_late};
use super::decision::{Band, Decision, Scored};
use super::duplicates::announces;
use super::evidence::{Evidence, EvidenceCode};
use super::state::Book;
use crate::ids::AliasId;

/// A pending line waits at most this long for its booked line.
const LONGEST_WAIT: i64 = 10;

/// Pending lines that wait for their booked line, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Waiting {
    lines: Vec<Line>,
}

impl Waiting {
    /// Keeps a pending line.
    pub fn keep(&mut self, line: Line) {
        self.lines.push(line);
    }

    /// The pending line that this booked line makes a duplicate, if one waits.
    pub fn take_announced(&mut self, booked: &Line) -> Option<Line> {
        let at = self
            .lines
            .iter()
            .position(|pending| announces(pending, booked))?;
        Some(self.lines.remove(at))
    }

    /// The pending lines that waited ten days by `date`.
    pub fn take_expired(&mut self, date: NaiveDate) -> Vec<Line> {
        let (expired, kept) = self
            .lines
            .drain(..)
            .partition(|line| (date - line.date).num_days() > LONGEST_WAIT);
        self.lines = kept;
        expired
    }
}

/// The decision for a pending line whose booked line came.
#[must_use]
pub fn announced_by(pending: &Line, booked: &Line) -> Decision {
    let evidence = vec![
        Evidence::new(EvidenceCode::BookedLine, 10.0)
            .with("date", booked.date)
            .about([booked.id.0]),
    ];
    let twin = Scored::single(
        Cause::DuplicateImport(booked.id),
        pending.amount,
        10.0,
        evidence,
    );
    Decision::sure(twin)
}

/// Decides lines in booking order and records each outcome in the book.
///
/// `lines` are sorted by booking date; equal dates keep the order given.
/// Pending lines wait for their booked line, ten days at most by the dates of
/// later lines or `as_of`; those that still wait come last, as
/// [`Band::Wait`]. What is sent to review holds its items.
pub fn decide_all(
    book: &mut Book,
    mut lines: Vec<Line>,
    as_of: NaiveDate,
) -> Vec<(Line, Decision)> {
    lines.sort_by_key(|line| line.date);
    let mut decided = Vec::with_capacity(lines.len());
    let mut waiting = Waiting::default();
    for line in lines {
        for late in waiting.take_expired(line.date) {
            decided.push(settle(book, late, decide_late));
        }
        book.advance(line.date);
        if line.pending && !line.deleted {
            waiting.keep(line);
            continue;
        }
        let announced = waiting.take_announced(&line);
        let (line, decision) = settle(book, line, decide);
        if let Some(pending) = announced {
            let twin = announced_by(&pending, &line);
            book.record_decision(&pending, &twin);
            decided.push((pending, twin));
        }
        decided.push((line, decision));
    }
    for late in waiting.take_expired(as_of) {
        decided.push(settle(book, late, decide_late));
    }
    decided.extend(
        waiting
            .lines
            .into_iter()
            .map(|line| (line, Decision::wait())),
    );
    decided
}

fn settle(
    book: &mut Book,
    line: Line,
    decide: impl Fn(&Book, &Line) -> Decision,
) -> (Line, Decision) {
    let decision = decide(book, &line);
    book.record_decision(&line, &decision);
    (line, decision)
}

impl Book {
    /// Records a person's answer and learns the payer from it.
    ///
    /// The payer is learnt when the answer is for one owner only; `alias` is
    /// the id it gets, to be unlearnt by.
    pub fn confirm(&mut self, line: &Line, allocations: Vec<Allocation>, alias: AliasId) {
        let mut owners = allocations.iter().filter_map(|a| self.owner_of(a.cause));
        let first = owners.next();
        let single = first.filter(|first| owners.all(|o| o == *first));
        if let (Some(owner), Some(payer)) = (single, Self::payer_of(line))
            && line.amount.cents() > 0
            && !allocations.iter().any(|a| a.cause == Cause::BankFee)
        {
            let owner = self.data.owners[owner].id;
            self.learn(Alias {
                id: alias,
                payer,
                owner,
            });
        }
        self.record(
            line,
            Outcome::Posted {
                allocations,
                by: Decider::Person,
            },
        );
    }

    /// Records what follows from a decision: posted when automatic, else held for review.
    pub fn record_decision(&mut self, line: &Line, decision: &Decision) {
        let outcome = match (decision.band, decision.first()) {
            (Band::Auto, Some(first)) => Outcome::Posted {
                allocations: first.allocations.clone(),
                by: Decider::Auto,
            },
            (Band::Wait, _) => Outcome::Waiting,
            _ => Outcome::InReview {
                candidates: decision.held(),
            },
        };
        self.record(line, outcome);
    }
}
