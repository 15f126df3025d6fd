//! Where a name stands in a label, and what stands around it.

use std::collections::HashSet;

use super::super::label::{Field, Word};
use super::super::vocabulary::{is_civility, is_motif, is_operator, is_particle};
use super::known::{Civility, Known};

/// How a surname stands in the label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Found {
    Cut,
    Typo,
    Exact,
}

/// How a first name stands next to a surname.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum First {
    None,
    Initial,
    Near,
    Exact,
}

/// The words around a surname, up to the end of the name.
pub(super) struct Around<'a> {
    before: Vec<&'a Word>,
    after: Vec<&'a Word>,
    pub as_party: bool,
}

impl<'a> Around<'a> {
    pub fn read(words: &'a [Word], at: usize, len: usize, common: &HashSet<String>) -> Self {
        let field = words[at].field;
        let name = |w: &&Word| {
            w.field == field && w.is_alphabetic() && !is_motif(&w.text) && !common.contains(&w.text)
        };
        let before: Vec<&Word> = words[..at]
            .iter()
            .rev()
            .take_while(name)
            .take_while(|w| !is_operator(&w.text) || is_particle(&w.text) && w.text != "DE")
            .take(6)
            .collect();
        let after: Vec<&Word> = words[at + len..].iter().take_while(name).take(6).collect();
        let as_party = match field {
            Field::Party => true,
            Field::Head => {
                let start = at - before.len();
                words[..start]
                    .iter()
                    .all(|w| is_operator(&w.text) || !w.is_alphabetic() || common.contains(&w.text))
            }
            Field::Motif | Field::Reference => false,
        };
        Self {
            before,
            after,
            as_party,
        }
    }

    pub fn near(&self) -> impl Iterator<Item = &&'a Word> {
        self.before.iter().chain(&self.after)
    }

    pub fn first_name(&self, first: &[String]) -> First {
        let Some(lead) = first.first() else {
            return First::None;
        };
        let joined = first.concat();
        let mut best = First::None;
        let texts = |list: &[&Word]| list.iter().map(|w| w.text.clone()).collect::<Vec<_>>();
        let mut before = texts(&self.before);
        before.reverse();
        for list in [texts(&self.after), before] {
            for i in 0..list.len() {
                let run = &list[i..list.len().min(i + first.len())];
                let text = &list[i];
                if run == first || *text == joined {
                    return First::Exact;
                }
                let cut = text.len() >= 3 && lead.starts_with(text.as_str())
                    || text.len() >= 5 && joined.starts_with(text.as_str());
                let near = if cut
                    || similar(text, lead)
                    || text.len() >= 7 && lead.len() >= 7 && strsim::osa_distance(text, lead) <= 2
                {
                    First::Near
                } else if text.len() == 1
                    && !(i == 0 && is_sir_here(&list, i))
                    && lead.starts_with(text.as_str())
                    || text.len() == first.len()
                        && text.len() > 1
                        && first
                            .iter()
                            .zip(text.chars())
                            .all(|(f, c)| f.starts_with(c))
                {
                    First::Initial
                } else {
                    First::None
                };
                best = best.max(near);
            }
        }
        best
    }

    /// The words on this side of `OU MME`: the other side is another person.
    fn own_side(&self) -> impl Iterator<Item = &&'a Word> {
        let title = |w: &Word| {
            matches!(
                w.text.as_str(),
                "MME" | "M" | "MR" | "MLLE" | "MONSIEUR" | "MADAME"
            )
        };
        let joins = |i: usize, list: &[&Word]| {
            matches!(list[i].text.as_str(), "OU" | "ET")
                && list.get(i + 1).is_some_and(|w| title(w))
        };
        let after = (0..self.after.len())
            .find(|&i| joins(i, &self.after))
            .unwrap_or(self.after.len());
        let before = (1..self.before.len())
            .find(|&i| {
                matches!(self.before[i].text.as_str(), "OU" | "ET") && title(self.before[i - 1])
            })
            .unwrap_or(self.before.len());
        self.before[..before].iter().chain(&self.after[..after])
    }

    /// Words next to the surname that no person of the account explains.
    pub fn strangers(&self, account: &[Known], common: &dyn Fn(&str) -> bool) -> Vec<&'a str> {
        self.own_side()
            .map(|w| w.text.as_str())
            .filter(|w| !is_civility(w) && !is_particle(w) && !is_operator(w) && !common(w))
            .filter(|w| {
                !account.iter().any(|k| {
                    k.surname
                        .iter()
                        .chain(&k.first)
                        .any(|p| p == w || similar(p, w) || w.len() == 1 && p.starts_with(*w))
                })
            })
            .collect()
    }

    pub fn civility(&self) -> Option<Civility> {
        let sir = self
            .near()
            .any(|w| matches!(w.text.as_str(), "M" | "MR" | "MONSIEUR"));
        let madam = self
            .near()
            .any(|w| matches!(w.text.as_str(), "MME" | "MLLE" | "MLE" | "MADAME"));
        match (sir, madam) {
            (true, true) => Some(Civility::Couple),
            (true, false) => Some(Civility::Sir),
            (false, true) => Some(Civility::Madam),
            (false, false) => None,
        }
    }
}

/// A lone `M` in front is a civility before it is an initial.
fn is_sir_here(list: &[String], at: usize) -> bool {
    list[at] == "M"
}

pub(super) fn civility_fit(known: &Known, around: &Around<'_>) -> f64 {
    match (known.civility, around.civility()) {
        (Some(a), Some(b)) if a == b => 0.5,
        (Some(Civility::Couple), Some(_)) => 0.0,
        (Some(_), Some(_)) => -1.5,
        _ => 0.0,
    }
}

/// Finds name pieces at a position; how many words they take and how well they fit.
pub(super) fn align(
    name: &[String],
    words: &[Word],
    at: usize,
    fuzzy: bool,
) -> Option<(usize, Found)> {
    let text = words[at].text.as_str();
    if name.len() > 1 && *text == name.concat() {
        return Some((1, Found::Exact));
    }
    let mut found = Found::Exact;
    for (k, piece) in name.iter().enumerate() {
        let Some(word) = words.get(at + k) else {
            return (k > 0 && name[..k].concat().len() >= 5).then_some((k, Found::Cut));
        };
        if word.text == *piece {
            continue;
        }
        if !fuzzy {
            return None;
        }
        let ends = words.get(at + k + 1).is_none_or(|next| {
            next.field != word.field || is_motif(&next.text) || !next.is_alphabetic()
        });
        let seen: usize = name[..k].iter().map(String::len).sum::<usize>() + word.text.len();
        if ends
            && piece.starts_with(word.text.as_str())
            && seen >= 4
            && (k > 0 || word.text.len() >= 4)
        {
            return Some((k + 1, Found::Cut));
        }
        if similar(piece, &word.text) {
            found = Found::Typo;
            continue;
        }
        return (k > 1 && ends_field(words, at + k) && name[..k].concat().len() >= 8)
            .then_some((k, Found::Cut));
    }
    Some((name.len(), found))
}

fn ends_field(words: &[Word], at: usize) -> bool {
    words
        .get(at)
        .is_none_or(|w| is_motif(&w.text) || !w.is_alphabetic() || words[at - 1].field != w.field)
}

/// One typing error apart.
pub(in super::super) fn similar(a: &str, b: &str) -> bool {
    if a.len().min(b.len()) < 4 || a.len().max(b.len()) < 5 || a.len().abs_diff(b.len()) > 1 {
        return false;
    }
    let (x, y) = (a.as_bytes(), b.as_bytes());
    if x[0] != y[0] && x[x.len() - 1] != y[y.len() - 1] {
        return false;
    }
    strsim::osa_distance(a, b) == 1
}
