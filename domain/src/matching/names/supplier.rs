//! How a label names a supplier.

use super::super::label::{Field, Label, Word};
use super::super::vocabulary::{is_civility, is_generic, is_legal_form, is_particle};
use super::known::Known;
use super::place::similar;
use super::{Grade, NameMatch};

/// How a label names a supplier: its words in any order, its acronym, or a part of it.
pub(super) fn weigh(known: &Known, label: &Label) -> Option<NameMatch> {
    let strong: Vec<&String> = known
        .surname
        .iter()
        .filter(|w| w.len() > 2 && !is_particle(w) && !is_generic(w) && !is_civility(w))
        .collect();
    let words: Vec<&Word> = label
        .words
        .iter()
        .filter(|w| w.field != Field::Reference)
        .collect();
    let has = |piece: &str| {
        words.iter().any(|w| {
            w.text == piece
                || w.text.strip_suffix(['S', 'X']) == Some(piece)
                || similar(piece, &w.text)
                || w.text.len() >= 4 && piece.starts_with(w.text.as_str())
        })
    };
    let whole = |weight, grade| {
        Some(NameMatch {
            weight,
            grade,
            as_party: true,
            owner_self: true,
        })
    };
    if !strong.is_empty() {
        let hits = strong.iter().filter(|p| has(p)).count();
        let lead = has(strong[0]);
        if hits == strong.len() {
            let letters: usize = strong.iter().map(|p| p.len()).sum();
            return if letters >= 4 {
                whole(7.0, Grade::Whole)
            } else {
                whole(6.0, Grade::Whole)
            };
        }
        if hits > 0 && (lead || strong.len() > 2 && hits > 1) {
            return whole(5.0, Grade::Surname);
        }
        if hits > 0 {
            return whole(3.0, Grade::Doubtful);
        }
    }
    let party = label.party();
    let initials: String = party
        .iter()
        .filter(|w| !is_legal_form(&w.text))
        .map(|w| &w.text[..1])
        .collect();
    let acronym = known
        .surname
        .iter()
        .any(|a| (3..=5).contains(&a.len()) && initials.contains(a.as_str()));
    let own: String = known.surname.iter().map(|w| &w[..1]).collect();
    let shortened = own.len() >= 3 && party.iter().any(|w| w.text == own);
    (acronym || shortened).then_some(NameMatch {
        weight: 3.0,
        grade: Grade::Doubtful,
        as_party: true,
        owner_self: true,
    })
}
