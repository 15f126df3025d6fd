//! Which open items a label names: by reference, quarter, works, lot or bill number.

use super::label::{Field, Label};
use super::names::pieces;
use super::periods::{Quarter, quarters};
use super::references::References;
use super::state::Book;

/// The marks of one label, for whichever owner.
#[derive(Clone, Debug)]
pub(super) struct Marks {
    pub references: References,
    pub quarters: Vec<Quarter>,
    /// Words that may name works, in order.
    words: Vec<String>,
    /// A word for works in general.
    pub works: bool,
}

impl Marks {
    /// Reads the marks of a label.
    pub fn read(book: &Book, label: &Label) -> Self {
        let references = book.references.read(&label.words);
        let readable: Vec<bool> = label
            .words
            .iter()
            .zip(&references.taken)
            .map(|(w, taken)| *taken || w.field == Field::Reference && w.text.len() > 6)
            .collect();
        let quarters = quarters(&label.words, &readable);
        let words: Vec<String> = label
            .words
            .iter()
            .filter(|w| w.is_alphabetic() && w.text.len() >= 4)
            .map(|w| w.text.clone())
            .collect();
        let works = label.has_any(&["TRAVAUX", "TVX"]);
        Self {
            references,
            quarters,
            words,
            works,
        }
    }

    /// Which of these receivables of one owner the label names.
    pub fn named(&self, book: &Book, items: &[usize]) -> Vec<bool> {
        let mut named = vec![false; items.len()];
        let mut narrowed: Option<Vec<bool>> = None;
        let by_reference: Vec<bool> = items
            .iter()
            .map(|r| self.references.named.contains(r))
            .collect();
        let by_quarter: Vec<bool> = items
            .iter()
            .map(|&r| {
                self.quarters
                    .iter()
                    .any(|q| q.covers(&book.data.receivables[r].period))
            })
            .collect();
        let by_works: Vec<bool> = items
            .iter()
            .map(|&r| book.is_works(r) && self.names_works(book, r))
            .collect();
        let lots: Vec<_> = self
            .references
            .lots
            .iter()
            .map(|&l| book.data.lots[l].id)
            .collect();
        let by_lot: Vec<bool> = items
            .iter()
            .map(|&r| {
                book.data.receivables[r]
                    .lots
                    .iter()
                    .any(|l| lots.contains(l))
            })
            .collect();
        for class in [by_reference, by_quarter, by_works, by_lot] {
            if !class.contains(&true) {
                continue;
            }
            narrowed = Some(match narrowed {
                None => class,
                Some(so_far) => {
                    let both: Vec<bool> =
                        so_far.iter().zip(&class).map(|(a, b)| *a && *b).collect();
                    if both.contains(&true) { both } else { so_far }
                }
            });
        }
        if let Some(narrowed) = narrowed {
            named = narrowed;
        }
        named
    }

    /// The general word, or a word of the topic: `Interphone 1/3`.
    fn names_works(&self, book: &Book, receivable: usize) -> bool {
        let topic = pieces(&book.data.receivables[receivable].period);
        let specific = |p: &String| p.len() >= 4 && p.bytes().all(|b| b.is_ascii_alphabetic());
        if topic
            .iter()
            .filter(|p| specific(p))
            .any(|p| self.words.contains(p))
        {
            return true;
        }
        self.works
    }
}
