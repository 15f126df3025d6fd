//! Decides a line: every explanation is weighed against every other.
#![expect(
    clippy::float_arithmetic,
    reason = "confidence is a probability, not money"
)]

use std::collections::BTreeMap;

use super::allocation::{Allocation, Cause};
use super::book::Line;
use super::decision::{Band, Candidate, Decision, Scored};
use super::evidence::{Evidence, EvidenceCode};
use super::history::PartyPast;
use super::holds::Taken;
use super::label::Label;
use super::marks::Marks;
use super::names::NameMatch;
use super::state::Book;
use super::{bank, cards, cheques, duplicates, holds, payer, refunds, sepa, suppliers};

/// Confidence from which an identified candidate is posted without a person.
const AUTO: f64 = 0.985;

/// Candidates below this probability are not shown.
const SHOWN: f64 = 0.005;

/// How many candidates a person is shown at most.
const MOST: usize = 8;

/// Log-odds of "nothing on file explains it", the measure of every other score.
pub(super) const UNKNOWN: f64 = 3.0;

/// A line with everything its label says, read once.
pub(super) struct Reading<'a> {
    pub line: &'a Line,
    pub label: Label,
    pub marks: Marks,
    /// The payer or beneficiary, as a key.
    pub party: String,
    /// What reviews will most probably have taken.
    pub expected: Taken,
    /// How the label names each owner.
    pub owners: Vec<Option<NameMatch>>,
    /// How the label names each supplier.
    pub suppliers: Vec<Option<NameMatch>>,
    /// Whom this payer or beneficiary was posted to before.
    pub past: PartyPast,
}

impl<'a> Reading<'a> {
    pub fn of(book: &Book, line: &'a Line) -> Self {
        let label = Label::read(&line.original_wording);
        let marks = Marks::read(book, &label);
        let party = label.party_key();
        let expected = Taken::expected(book, line.id);
        let owners = book.names.owners(&label);
        let suppliers = book.names.suppliers(&label);
        let past = PartyPast::of(book, line, &party);
        Self {
            line,
            label,
            marks,
            party,
            expected,
            owners,
            suppliers,
            past,
        }
    }
}

/// Decides one line, given everything recorded before it.
///
/// Does not change the book: the caller applies the outcome with
/// [`Book::record`], after [`Book::advance`] to the line's date.
#[must_use]
pub fn decide(book: &Book, line: &Line) -> Decision {
    if line.pending && !line.deleted {
        return Decision::wait();
    }
    decide_late(book, line)
}

/// Decides a line even if it is pending: its booked line did not come in ten days.
#[must_use]
pub fn decide_late(book: &Book, line: &Line) -> Decision {
    let reading = Reading::of(book, line);
    if let Some(twin) = duplicates::explain(book, &reading) {
        return rank(book, &reading, vec![twin], (UNKNOWN, Vec::new()));
    }
    let mut scored = Vec::new();
    let mut unknown = UNKNOWN;
    let mut against = Vec::new();
    scored.extend(bank::explain(book, &reading));
    scored.extend(sepa::explain(book, &reading));
    scored.extend(cheques::explain(book, &reading));
    if line.amount.cents() > 0 {
        scored.extend(cards::explain(book, &reading));
        let payers = payer::explain(book, &reading);
        unknown = plus(unknown, payers.unknown);
        against.extend(payers.against);
        scored.extend(payers.scored);
    } else {
        scored.extend(refunds::explain(book, &reading));
    }
    let bills = suppliers::explain(book, &reading);
    unknown = plus(unknown, bills.unknown);
    against.extend(bills.against);
    scored.extend(bills.scored);
    let mut decision = rank(book, &reading, scored, (unknown, against));
    if line.deleted || line.pending {
        decision.band = decision.band.for_a_person();
    }
    decision
}

impl Band {
    fn for_a_person(self) -> Self {
        if self == Self::Auto {
            Self::Suggest
        } else {
            self
        }
    }
}

/// Explanations with the weight they add to the unknown.
pub(super) struct Explained {
    pub scored: Vec<Scored>,
    pub unknown: f64,
    /// Why the unknown weighs more.
    pub against: Vec<Evidence>,
}

/// The log-odds of one or the other.
pub(super) fn plus(a: f64, b: f64) -> f64 {
    if a == f64::NEG_INFINITY || b == f64::NEG_INFINITY {
        return f64::max(a, b);
    }
    let top = f64::max(a, b);
    top + ((a - top).exp() + (b - top).exp()).ln()
}

/// Shares out probability and chooses the band.
fn rank(
    book: &Book,
    reading: &Reading<'_>,
    scored: Vec<Scored>,
    (unknown, mut against): (f64, Vec<Evidence>),
) -> Decision {
    against.push(Evidence::new(EvidenceCode::Unexplained, UNKNOWN));
    let scored = merge(scored);
    let top = scored.iter().map(|s| s.score).fold(unknown, f64::max);
    let total: f64 =
        scored.iter().map(|s| (s.score - top).exp()).sum::<f64>() + (unknown - top).exp();
    let nothing = Scored {
        reliability: if reading.past.in_review { 0.15 } else { 0.97 },
        identified: false,
        ..Scored::single(Cause::Unknown, reading.line.amount, unknown, against)
    };
    let mut ranked: Vec<(f64, Scored)> = scored
        .into_iter()
        .chain([nothing])
        .map(|s| ((s.score - top).exp() / total * s.reliability, s))
        .collect();
    ranked.sort_by(|a, b| {
        b.0.total_cmp(&a.0)
            .then_with(|| a.1.allocations.cmp(&b.1.allocations))
    });

    let (confidence, best) = &ranked[0];
    let known = best.allocations.iter().any(|a| a.cause != Cause::Unknown);
    let blocked_by = if known && best.identified && *confidence >= AUTO {
        holds::blocking(book, reading, best)
    } else {
        Vec::new()
    };
    let band = if !known {
        Band::Manual
    } else if best.identified && *confidence >= AUTO && blocked_by.is_empty() && book.data.automatic
    {
        Band::Auto
    } else {
        Band::Suggest
    };
    let doubt = match (known, *confidence >= AUTO, blocked_by.is_empty()) {
        (true, true, false) => HELD_FACTOR,
        (true, false, _) => UNSURE_FACTOR,
        _ => 1.0,
    };
    let held = !blocked_by.is_empty();
    let candidates = ranked
        .into_iter()
        .enumerate()
        .filter(|(i, (confidence, _))| *i == 0 || *confidence >= SHOWN)
        .take(MOST)
        .map(|(i, (confidence, s))| {
            let first = i == 0;
            candidate(
                if first {
                    confidence * doubt
                } else {
                    confidence
                },
                s,
                held && first,
            )
        })
        .collect();
    Decision {
        band,
        candidates,
        blocked_by,
    }
}

fn candidate(confidence: f64, scored: Scored, held: bool) -> Candidate {
    let mut evidence = scored.evidence;
    let confidence = f64::min(confidence, 0.999);
    if held {
        evidence.push(Evidence::new(EvidenceCode::HeldItem, -3.0));
    }
    evidence.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
    Candidate {
        allocations: scored.allocations,
        confidence: (confidence * 10_000.0).round() / 10_000.0,
        evidence,
    }
}

/// What is left of a confidence that is not enough to post: measured, the doubt
/// is a little larger than the weights say.
const UNSURE_FACTOR: f64 = 0.86;

/// How often a sure answer is still exact when an open review may change it.
const HELD_FACTOR: f64 = 0.83;

/// Explanations with the same allocations are one, as strong as the strongest.
fn merge(scored: Vec<Scored>) -> Vec<Scored> {
    let mut merged: Vec<Scored> = Vec::new();
    let mut at: BTreeMap<Vec<Allocation>, usize> = BTreeMap::new();
    for s in scored {
        let mut key = s.allocations.clone();
        key.sort();
        match at.get(&key) {
            Some(&i) if merged[i].score < s.score => merged[i] = s,
            Some(_) => {}
            None => {
                at.insert(key, merged.len());
                merged.push(s);
            }
        }
    }
    merged
}
