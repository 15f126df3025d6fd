//! The figures of the scorer, computed the same way.

use std::collections::{BTreeMap, HashMap};

use domain::matching::{Allocation, Cause};
use domain::money::Money;

use super::backtest::Prediction;

/// What a truth row says of a line.
pub struct Truth {
    /// The right allocations.
    pub allocations: Vec<Allocation>,
    /// The data do not identify the answer: a person has to decide.
    pub must_review: bool,
}

/// The figures of a run.
#[derive(Clone, Debug, Default)]
pub struct Score {
    /// Lines scored.
    pub lines: usize,
    /// Lines decided without a person.
    pub auto: usize,
    /// Of those, not exactly right.
    pub auto_wrong: usize,
    /// First suggestions that are exactly right, over all lines.
    pub suggestion_exact: usize,
    /// Wrong automatic decisions on lines that need a person.
    pub unsafe_auto: usize,
    /// Money put where it does not belong.
    pub money_wrong: Money,
    /// Money moved.
    pub money_total: Money,
    /// For each band of confidence the scorer prints: lines and exact ones.
    pub bands: BTreeMap<usize, (usize, usize)>,
}

/// Lower ends of the bands of confidence the scorer prints, in thousandths.
pub const BANDS: [usize; 7] = [0, 500, 700, 800, 900, 950, 980];

impl Score {
    /// Scores predictions and adds them to the figures.
    pub fn add(&mut self, predictions: &[Prediction], truth: &HashMap<String, Truth>) {
        for prediction in predictions {
            let truth = &truth[&prediction.line];
            let (found, right) = (fold(&prediction.allocations), fold(&truth.allocations));
            let exact = found == right;
            let unknown = found.keys().all(|cause| *cause == Cause::Unknown);
            let auto = prediction.auto && !unknown;
            self.lines += 1;
            self.suggestion_exact += usize::from(exact);
            self.money_total += truth
                .allocations
                .iter()
                .map(|a| a.amount)
                .sum::<Money>()
                .abs();
            if auto {
                self.auto += 1;
            }
            if auto && !exact {
                self.auto_wrong += 1;
                self.unsafe_auto += usize::from(truth.must_review);
                self.money_wrong += misplaced(&found, &right);
            }
            let band = BANDS
                .iter()
                .rposition(|from| prediction.thousandths >= *from)
                .unwrap_or(0);
            let counted = self.bands.entry(band).or_default();
            counted.0 += 1;
            counted.1 += usize::from(exact);
        }
    }

    /// A share of all lines, in hundredths of a per cent.
    pub fn share(&self, part: usize) -> usize {
        part * 10_000 / self.lines.max(1)
    }

    /// Lines decided without a person, in hundredths of a per cent.
    pub fn auto_share(&self) -> usize {
        self.share(self.auto)
    }

    /// Automatic decisions that are exactly right, in hundredths of a per cent.
    pub fn auto_exact(&self) -> usize {
        (self.auto - self.auto_wrong) * 10_000 / self.auto.max(1)
    }

    /// One line for a log.
    pub fn line(&self) -> String {
        let percent = |hundredths: usize| format!("{}.{:02} %", hundredths / 100, hundredths % 100);
        format!(
            "{} lines, auto {}, exact {} ({} wrong, {} unsafe), first suggestion {}, misplaced {} of {}",
            self.lines,
            percent(self.auto_share()),
            percent(self.auto_exact()),
            self.auto_wrong,
            self.unsafe_auto,
            percent(self.share(self.suggestion_exact)),
            self.money_wrong,
            self.money_total,
        )
    }
}

fn fold(allocations: &[Allocation]) -> BTreeMap<Cause, i64> {
    let mut folded = BTreeMap::new();
    for allocation in allocations {
        *folded.entry(allocation.cause).or_insert(0) += allocation.amount.cents();
    }
    folded.retain(|_, cents| *cents != 0);
    folded
}

/// For each target the part beyond the truth, same sign.
fn misplaced(found: &BTreeMap<Cause, i64>, right: &BTreeMap<Cause, i64>) -> Money {
    let cents = found.iter().map(|(cause, &cents)| {
        let truth = right.get(cause).copied().unwrap_or_default();
        if cents > 0 {
            (cents - truth.max(0)).max(0)
        } else {
            (-cents - (-truth).max(0)).max(0)
        }
    });
    Money::from_cents(cents.sum())
}
