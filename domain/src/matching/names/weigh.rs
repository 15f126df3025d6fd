//! Weighs a name found in a label.
#![expect(
    clippy::float_arithmetic,
    reason = "a weight of evidence is a log-odds, not money"
)]

use super::super::label::{Label, Word};
use super::super::vocabulary::is_legal_form;
use super::known::Known;
use super::place::{Around, First, Found, align, civility_fit};
use super::{Grade, NameIndex, NameMatch};

impl NameIndex {
    /// Looks for one person.
    pub(super) fn person(
        &self,
        known: &Known,
        account: &[Known],
        label: &Label,
        fuzzy: bool,
    ) -> Option<NameMatch> {
        let words = &label.words;
        let mut best: Option<NameMatch> = None;
        for at in 0..words.len() {
            let Some((len, found)) = align(&known.surname, words, at, fuzzy) else {
                continue;
            };
            let mut candidate = self.weigh(known, account, words, at, len, found);
            let Some(candidate) = &mut candidate else {
                continue;
            };
            candidate.weight -= known.discount;
            if !candidate.as_party {
                candidate.weight -= 1.0;
            }
            if best.is_none_or(|b| candidate.weight > b.weight) {
                best = Some(*candidate);
            }
        }
        best.filter(|b| b.weight > 0.0)
    }

    /// Weighs a surname found at `at..at + len` with what stands around it.
    fn weigh(
        &self,
        known: &Known,
        account: &[Known],
        words: &[Word],
        at: usize,
        len: usize,
        found: Found,
    ) -> Option<NameMatch> {
        let around = Around::read(words, at, len, &self.common);
        let as_party = around.as_party;
        let whole = |weight, grade| {
            Some(NameMatch {
                weight,
                grade,
                as_party,
                owner_self: !known.stands_in,
            })
        };
        if let Some(form) = &known.form {
            let same_form = around.near().any(|w| w.text == *form);
            let letters: usize = known.surname.iter().map(String::len).sum();
            let base = match (found, same_form) {
                (Found::Exact, true) => 9.0,
                (Found::Exact, false) if letters >= 8 => 5.5,
                (Found::Exact, false) => 3.0,
                (Found::Typo, true) => 6.0,
                (Found::Cut, true) => 5.5,
                (Found::Typo | Found::Cut, false) => 1.5,
            };
            let grade = if found == Found::Exact && same_form {
                Grade::Whole
            } else {
                Grade::Doubtful
            };
            return whole(base, grade);
        }
        if around.near().any(|w| is_legal_form(&w.text)) {
            return None;
        }
        let first = around.first_name(&known.first);
        let plain = match (found, first) {
            (Found::Exact, First::Exact) => return whole(9.0, Grade::Whole),
            (Found::Exact, First::Near) => return whole(8.8, Grade::NearlyWhole),
            (Found::Typo, First::Exact) => return whole(8.0, Grade::NearlyWhole),
            (Found::Cut, First::Exact) => return whole(7.5, Grade::NearlyWhole),
            (Found::Typo | Found::Cut, First::Near) => return whole(4.0, Grade::Doubtful),
            (Found::Exact, First::Initial) => {
                return whole(8.3 + civility_fit(known, &around), Grade::Initial);
            }
            (Found::Typo, First::Initial) => return whole(3.5, Grade::Doubtful),
            (Found::Cut, First::Initial) => return whole(3.0, Grade::Doubtful),
            (Found::Exact, First::None) => 4.5,
            (Found::Typo, First::None) => 3.0,
            (Found::Cut, First::None) => 1.5,
        };
        let strangers = around.strangers(account, &|w| self.common.contains(w));
        if let Some(worst) = strangers.iter().map(|w| self.strangeness(w)).max() {
            let weight = match worst {
                _ if known.group => 5.0,
                _ if known.incomplete => 3.5,
                Strange::FirstName => 1.8,
                Strange::Word => 2.2,
            };
            return whole(f64::min(weight, plain), Grade::OtherFirstName);
        }
        if known.surname.iter().map(String::len).sum::<usize>() < 3 {
            return None;
        }
        let role = if known.stands_in { 2.0 } else { 0.0 };
        let grade = if found == Found::Exact {
            Grade::Surname
        } else {
            Grade::Doubtful
        };
        whole(plain - role + civility_fit(known, &around), grade)
    }

    fn strangeness(&self, word: &str) -> Strange {
        if word.len() == 1 || self.first_names.contains(word) {
            Strange::FirstName
        } else {
            Strange::Word
        }
    }
}

/// What kind of unexplained word stands next to a surname.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strange {
    Word,
    FirstName,
}
