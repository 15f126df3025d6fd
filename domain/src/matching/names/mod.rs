//! Who a label names: every person and company of the condominium, weighed.
//!
//! A surname alone may be a homonym, a surname with its first name hardly ever
//! is, a surname with another first name is somebody else. Banks cut names
//! short, payers mistype them.

mod known;
mod place;
mod supplier;
mod weigh;

use std::collections::{HashMap, HashSet};

pub(super) use self::known::pieces;
use self::known::{Known, known_of_company, known_of_name, known_of_owner};
pub(super) use self::place::similar;
use super::book::{ReceivableKind, Snapshot};
use super::label::Label;
use super::vocabulary::{is_civility, is_legal_form, is_motif, is_operator, is_particle};

/// The names of a condominium, of its neighbours and of its suppliers.
#[derive(Clone, Debug, Default)]
pub(super) struct NameIndex {
    owners: Vec<Vec<Known>>,
    neighbours: Vec<Vec<Known>>,
    suppliers: Vec<Vec<Known>>,
    first_names: HashSet<String>,
    /// Words of works called for, and words seen next to several owners' names: motifs, not names.
    common: HashSet<String>,
    /// Words seen next to the names of one or two owners (or suppliers, for debits).
    seen_with: HashMap<String, Vec<(bool, usize)>>,
    /// Words of the condominium's own names.
    pub own: Vec<Vec<String>>,
}

/// What a surname with another first name weighs when somebody else has both.
const EXPLAINED: f64 = 0.3;

/// A word next to the names of so many owners names none of them.
const SEVERAL: usize = 3;

/// How a label names someone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct NameMatch {
    /// Weight of evidence.
    pub weight: f64,
    /// What of the name was found.
    pub grade: Grade,
    /// It stands where the payer stands, not in the motif.
    pub as_party: bool,
    /// The person is an owner, not somebody who pays for one.
    pub owner_self: bool,
}

/// What of a name was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grade {
    /// Surname with another first name.
    OtherFirstName,
    /// Part of a name, or with a typing error.
    Doubtful,
    /// Surname alone.
    Surname,
    /// Surname and initial.
    Initial,
    /// Surname and first name, one of them mistyped or cut off.
    NearlyWhole,
    /// The whole name.
    Whole,
}

impl NameIndex {
    /// Indexes a condominium.
    pub fn of(data: &Snapshot) -> Self {
        let owners: Vec<Vec<Known>> = data.owners.iter().map(known_of_owner).collect();
        let mut first_names: HashSet<String> = HashSet::new();
        for known in owners.iter().flatten() {
            first_names.extend(known.first.iter().cloned());
        }
        let neighbours: Vec<Vec<Known>> = data
            .neighbours
            .iter()
            .flat_map(|n| &n.owners)
            .map(|o| o.names.iter().map(|name| known_of_name(name)).collect())
            .collect();
        for known in neighbours.iter().flatten() {
            first_names.extend(known.first.iter().cloned());
        }
        let suppliers = data
            .suppliers
            .iter()
            .map(|s| {
                let mut names = vec![known_of_company(&s.name)];
                for invoice in data
                    .invoices
                    .iter()
                    .filter(|i| i.supplier == s.id && i.supplier_name != s.name)
                    .take(1)
                {
                    names.push(known_of_company(&invoice.supplier_name));
                }
                names
            })
            .collect();
        let own = [&data.condominium.legal_name, &data.condominium.name]
            .into_iter()
            .map(|name| pieces(name))
            .filter(|p| !p.is_empty())
            .collect();
        let topics = data
            .receivables
            .iter()
            .filter(|r| r.kind == ReceivableKind::Works)
            .flat_map(|r| pieces(&r.period));
        let common = topics.filter(|word| word.len() >= 4).collect();
        Self {
            owners,
            neighbours,
            suppliers,
            first_names,
            common,
            seen_with: HashMap::new(),
            own,
        }
    }

    /// How the label names each owner, best match only.
    pub fn owners(&self, label: &Label) -> Vec<Option<NameMatch>> {
        let mut names: Vec<Option<NameMatch>> = self
            .owners
            .iter()
            .map(|persons| self.best(persons, label, true))
            .collect();
        if names
            .iter()
            .flatten()
            .any(|m| m.grade >= Grade::NearlyWhole && m.as_party)
        {
            for other in names
                .iter_mut()
                .flatten()
                .filter(|m| m.grade == Grade::OtherFirstName)
            {
                other.weight = f64::min(other.weight, EXPLAINED);
            }
        }
        names
    }

    /// Whether a word stands next to any name.
    pub fn is_common(&self, word: &str) -> bool {
        self.common.contains(word)
    }

    /// Learns from a label which words banks and payers put next to any name.
    ///
    /// A word that stood next to the names of three parties belongs to the
    /// operation or the motif, in whatever grammar the bank writes.
    pub fn learn(&mut self, label: &Label, credit: bool) {
        let names = if credit {
            self.owners(label)
        } else {
            self.suppliers(label)
        };
        let Some((party, best)) = names
            .iter()
            .enumerate()
            .filter_map(|(i, n)| n.map(|n| (i, n)))
            .max_by(|a, b| a.1.weight.total_cmp(&b.1.weight))
        else {
            return;
        };
        if best.grade < Grade::Surname {
            return;
        }
        let known = if credit {
            &self.owners[party]
        } else {
            &self.suppliers[party]
        };
        let party = (credit, party);
        for word in label
            .words
            .iter()
            .filter(|w| w.is_alphabetic() && w.text.len() > 1)
        {
            let text = &word.text;
            let of_party = known.iter().any(|k| {
                k.surname
                    .iter()
                    .chain(&k.first)
                    .any(|p| p == text || similar(p, text) || p.starts_with(text.as_str()))
            });
            let part_of_names = is_civility(text)
                || is_particle(text)
                || is_legal_form(text)
                || self.first_names.contains(text);
            if of_party
                || part_of_names
                || self.common.contains(text)
                || is_operator(text)
                || is_motif(text)
            {
                continue;
            }
            let parties = self.seen_with.entry(text.clone()).or_default();
            if !parties.contains(&party) {
                parties.push(party);
            }
            if parties.len() >= SEVERAL {
                self.common.insert(text.clone());
            }
        }
    }

    /// The best match among owners of other condominiums.
    pub fn neighbour(&self, label: &Label) -> Option<(usize, NameMatch)> {
        self.neighbours
            .iter()
            .enumerate()
            .filter_map(|(i, persons)| self.best(persons, label, false).map(|m| (i, m)))
            .max_by(|a, b| a.1.weight.total_cmp(&b.1.weight))
    }

    /// How the label names each supplier.
    pub fn suppliers(&self, label: &Label) -> Vec<Option<NameMatch>> {
        self.suppliers
            .iter()
            .map(|names| {
                names
                    .iter()
                    .filter_map(|known| supplier::weigh(known, label))
                    .max_by(|a, b| a.weight.total_cmp(&b.weight))
            })
            .collect()
    }

    /// How much a text such as a cheque's drawer or a debtor's name resembles the label's party.
    pub fn resembles(&self, name: &str, label: &Label) -> Option<NameMatch> {
        self.best(&[known_of_name(name)], label, true)
    }

    fn best(&self, persons: &[Known], label: &Label, fuzzy: bool) -> Option<NameMatch> {
        persons
            .iter()
            .filter_map(|known| self.person(known, persons, label, fuzzy))
            .max_by(|a, b| a.weight.total_cmp(&b.weight))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grade(name: &str, text: &str) -> Option<(Grade, bool)> {
        NameIndex::default()
            .resembles(name, &Label::read(text))
            .map(|m| (m.grade, m.as_party))
    }

    #[test]
    fn a_name_is_found_in_any_order_and_form() {
        assert_eq!(
            grade("LEROY Fatima", "VIR SEPA RECU /DE MME LEROY FATIMA"),
            Some((Grade::Whole, true))
        );
        assert_eq!(
            grade("LEROY Fatima", "VIREMENT DE FATIMA LEROY T2"),
            Some((Grade::Whole, true))
        );
        assert_eq!(
            grade("DE LA FONTAINE Christine", "VIR CHRISTINE DE LA FONTAINE"),
            Some((Grade::Whole, true))
        );
        assert_eq!(
            grade("NGUYEN-LACOMBE Loïc", "VIR NGUYEN LACOMBE LOIC"),
            Some((Grade::Whole, true))
        );
        assert_eq!(
            grade("GAUTIER Jacqueline", "VIR GAUTIER J"),
            Some((Grade::Initial, true))
        );
        assert_eq!(
            grade("DUBOIS Agnès", "VIR M OU MME DUBOIS"),
            Some((Grade::Surname, true))
        );
    }

    #[test]
    fn an_error_or_a_cut_lowers_the_grade() {
        assert_eq!(
            grade("ROY Véronique", "VIR MME ROY VERONIQRE"),
            Some((Grade::NearlyWhole, true))
        );
        assert_eq!(
            grade("PREVOST Marie-Claude", "VIR.PERMANENT PREVOST MARIE-CLA"),
            Some((Grade::NearlyWhole, true))
        );
        assert_eq!(
            grade("BAILLY Manuel", "VIR MR BAILLLY MANUEL"),
            Some((Grade::NearlyWhole, true))
        );
    }

    #[test]
    fn another_first_name_is_somebody_else() {
        assert_eq!(
            grade("GAUTIER Jacqueline", "VIR M JEAN-PIERRE GAUTIER"),
            Some((Grade::OtherFirstName, true))
        );
        assert_eq!(
            grade("GAUTIER Jacqueline", "VIR EURL OPTIQUE GAUTIER"),
            None
        );
    }

    #[test]
    fn a_company_needs_its_form_to_be_whole() {
        assert_eq!(
            grade("SCI Le Clos", "VIR SCI LE CLOS"),
            Some((Grade::Whole, true))
        );
        assert_eq!(
            grade("SCI Le Clos", "VIR LE CLOS"),
            Some((Grade::Doubtful, true))
        );
    }
}
