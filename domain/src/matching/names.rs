//! Who a label names: every person and company of the condominium, weighed.
//!
//! A surname alone may be a homonym, a surname with its first name hardly ever
//! is, a surname with another first name is somebody else. Banks cut names
//! short, payers mistype them.
#![expect(clippy::float_arithmetic, reason = "a weight of evidence is a log-odds, not money")]

use std::collections::{HashMap, HashSet};

use super::book::{Owner, OwnerKind, Person, PersonRole, ReceivableKind, Snapshot};
use super::label::{Field, Label, Word};
use super::vocabulary::{is_civility, is_generic, is_legal_form, is_motif, is_operator, is_particle};

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

/// A person or company, ready to be looked for.
#[derive(Clone, Debug)]
struct Known {
    surname: Vec<String>,
    first: Vec<String>,
    /// A company or group: `surname` is its whole name without the legal form.
    form: Option<String>,
    /// Heirs or co-buyers: anyone of that surname may be one of them.
    group: bool,
    /// A person of the account is not recorded, so another first name is no contradiction.
    incomplete: bool,
    discount: f64,
    /// Represents a company or rents from it: a surname alone says little.
    stands_in: bool,
    civility: Option<Civility>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Civility {
    Sir,
    Madam,
    Couple,
}

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
                for invoice in data.invoices.iter().filter(|i| i.supplier == s.id && i.supplier_name != s.name).take(1) {
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
        let topics = data.receivables.iter().filter(|r| r.kind == ReceivableKind::Works).flat_map(|r| pieces(&r.period));
        let common = topics.filter(|word| word.len() >= 4).collect();
        Self { owners, neighbours, suppliers, first_names, common, seen_with: HashMap::new(), own }
    }

    /// How the label names each owner, best match only.
    pub fn owners(&self, label: &Label) -> Vec<Option<NameMatch>> {
        let mut names: Vec<Option<NameMatch>> =
            self.owners.iter().map(|persons| self.best(persons, label, true)).collect();
        if names.iter().flatten().any(|m| m.grade >= Grade::NearlyWhole && m.as_party) {
            for other in names.iter_mut().flatten().filter(|m| m.grade == Grade::OtherFirstName) {
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
        let names = if credit { self.owners(label) } else { self.suppliers(label) };
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
        let known = if credit { &self.owners[party] } else { &self.suppliers[party] };
        let party = (credit, party);
        for word in label.words.iter().filter(|w| w.is_alphabetic() && w.text.len() > 1) {
            let text = &word.text;
            let of_party = known.iter().any(|k| {
                k.surname.iter().chain(&k.first).any(|p| p == text || similar(p, text) || p.starts_with(text.as_str()))
            });
            let part_of_names = is_civility(text) || is_particle(text) || is_legal_form(text) || self.first_names.contains(text);
            if of_party || part_of_names || self.common.contains(text) || is_operator(text) || is_motif(text) {
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
                    .filter_map(|known| supplier(known, label))
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

    /// Looks for one person.
    fn person(&self, known: &Known, account: &[Known], label: &Label, fuzzy: bool) -> Option<NameMatch> {
        let words = &label.words;
        let mut best: Option<NameMatch> = None;
        for at in 0..words.len() {
            let Some((len, found)) = align(&known.surname, words, at, fuzzy) else { continue };
            let mut candidate = self.weigh(known, account, words, at, len, found);
            let Some(candidate) = &mut candidate else { continue };
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
        let whole = |weight, grade| Some(NameMatch { weight, grade, as_party, owner_self: !known.stands_in });
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
            let grade = if found == Found::Exact && same_form { Grade::Whole } else { Grade::Doubtful };
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
            (Found::Exact, First::Initial) => return whole(8.3 + civility_fit(known, &around), Grade::Initial),
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
        let grade = if found == Found::Exact { Grade::Surname } else { Grade::Doubtful };
        whole(plain - role + civility_fit(known, &around), grade)
    }

    fn strangeness(&self, word: &str) -> Strange {
        if word.len() == 1 || self.first_names.contains(word) { Strange::FirstName } else { Strange::Word }
    }
}

/// What kind of unexplained word stands next to a surname.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strange {
    Word,
    FirstName,
}

/// How a surname stands in the label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    Cut,
    Typo,
    Exact,
}

/// How a first name stands next to a surname.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum First {
    None,
    Initial,
    Near,
    Exact,
}

/// The words around a surname, up to the end of the name.
struct Around<'a> {
    before: Vec<&'a Word>,
    after: Vec<&'a Word>,
    as_party: bool,
}

impl<'a> Around<'a> {
    fn read(words: &'a [Word], at: usize, len: usize, common: &HashSet<String>) -> Self {
        let field = words[at].field;
        let name = |w: &&Word| w.field == field && w.is_alphabetic() && !is_motif(&w.text) && !common.contains(&w.text);
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
                words[..start].iter().all(|w| is_operator(&w.text) || !w.is_alphabetic() || common.contains(&w.text))
            }
            Field::Motif | Field::Reference => false,
        };
        Self { before, after, as_party }
    }

    fn near(&self) -> impl Iterator<Item = &&'a Word> {
        self.before.iter().chain(&self.after)
    }

    fn first_name(&self, first: &[String]) -> First {
        let Some(lead) = first.first() else { return First::None };
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
                let cut = text.len() >= 3 && lead.starts_with(text.as_str()) || text.len() >= 5 && joined.starts_with(text.as_str());
                let near = if cut || similar(text, lead) || text.len() >= 7 && lead.len() >= 7 && strsim::osa_distance(text, lead) <= 2 {
                    First::Near
                } else if text.len() == 1 && !(i == 0 && is_sir_here(&list, i)) && lead.starts_with(text.as_str())
                    || text.len() == first.len() && text.len() > 1 && first.iter().zip(text.chars()).all(|(f, c)| f.starts_with(c))
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
        let title = |w: &Word| matches!(w.text.as_str(), "MME" | "M" | "MR" | "MLLE" | "MONSIEUR" | "MADAME");
        let joins = |i: usize, list: &[&Word]| {
            matches!(list[i].text.as_str(), "OU" | "ET") && list.get(i + 1).is_some_and(|w| title(w))
        };
        let after = (0..self.after.len()).find(|&i| joins(i, &self.after)).unwrap_or(self.after.len());
        let before = (1..self.before.len())
            .find(|&i| matches!(self.before[i].text.as_str(), "OU" | "ET") && title(self.before[i - 1]))
            .unwrap_or(self.before.len());
        self.before[..before].iter().chain(&self.after[..after])
    }

    /// Words next to the surname that no person of the account explains.
    fn strangers(&self, account: &[Known], common: &dyn Fn(&str) -> bool) -> Vec<&'a str> {
        self.own_side()
            .map(|w| w.text.as_str())
            .filter(|w| !is_civility(w) && !is_particle(w) && !is_operator(w) && !common(w))
            .filter(|w| {
                !account.iter().any(|k| {
                    k.surname.iter().chain(&k.first).any(|p| p == w || similar(p, w) || w.len() == 1 && p.starts_with(*w))
                })
            })
            .collect()
    }

    fn civility(&self) -> Option<Civility> {
        let sir = self.near().any(|w| matches!(w.text.as_str(), "M" | "MR" | "MONSIEUR"));
        let madam = self.near().any(|w| matches!(w.text.as_str(), "MME" | "MLLE" | "MLE" | "MADAME"));
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

fn civility_fit(known: &Known, around: &Around<'_>) -> f64 {
    match (known.civility, around.civility()) {
        (Some(a), Some(b)) if a == b => 0.5,
        (Some(Civility::Couple), Some(_)) => 0.0,
        (Some(_), Some(_)) => -1.5,
        _ => 0.0,
    }
}

/// Finds name pieces at a position; how many words they take and how well they fit.
fn align(name: &[String], words: &[Word], at: usize, fuzzy: bool) -> Option<(usize, Found)> {
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
        if ends && piece.starts_with(word.text.as_str()) && seen >= 4 && (k > 0 || word.text.len() >= 4) {
            return Some((k + 1, Found::Cut));
        }
        if similar(piece, &word.text) {
            found = Found::Typo;
            continue;
        }
        return (k > 1 && ends_field(words, at + k) && name[..k].concat().len() >= 8).then_some((k, Found::Cut));
    }
    Some((name.len(), found))
}

fn ends_field(words: &[Word], at: usize) -> bool {
    words.get(at).is_none_or(|w| is_motif(&w.text) || !w.is_alphabetic() || words[at - 1].field != w.field)
}

/// One typing error apart.
pub(super) fn similar(a: &str, b: &str) -> bool {
    if a.len().min(b.len()) < 4 || a.len().max(b.len()) < 5 || a.len().abs_diff(b.len()) > 1 {
        return false;
    }
    let (x, y) = (a.as_bytes(), b.as_bytes());
    if x[0] != y[0] && x[x.len() - 1] != y[y.len() - 1] {
        return false;
    }
    strsim::osa_distance(a, b) == 1
}

/// Upper-case ASCII pieces of a name.
pub(super) fn pieces(name: &str) -> Vec<String> {
    deunicode::deunicode(name)
        .to_uppercase()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|p| !p.is_empty())
        .map(str::to_owned)
        .collect()
}

fn known_of_owner(owner: &Owner) -> Vec<Known> {
    let couple = owner.kind == OwnerKind::Couple || owner.persons.iter().any(|p| p.role == PersonRole::Spouse);
    let spouse_missing = couple && !owner.persons.iter().any(|p| p.role == PersonRole::Spouse);
    let group = owner.kind == OwnerKind::Indivision;
    let mut known: Vec<Known> = Vec::new();
    for person in &owner.persons {
        known.extend(known_of_person(person, group, spouse_missing));
    }
    if couple {
        for k in &mut known {
            if k.form.is_none() && k.discount == 0.0 {
                k.civility = Some(Civility::Couple);
            }
        }
    }
    if let Some(mail) = owner.email.as_deref().and_then(|m| m.split('@').next())
        && let Some((first, last)) = mail.split_once('.')
    {
        let (first, last) = (pieces(first), pieces(last));
        let joined = last.concat();
        let listed = known.iter().any(|k| k.surname.concat() == joined && k.first.concat() == first.concat());
        if !listed && joined.len() > 2 && first.concat().len() > 1 {
            known.push(Known { surname: last, first, form: None, group: false, incomplete: false, discount: 1.5, stands_in: true, civility: None });
        }
    }
    known
}

fn known_of_person(person: &Person, group: bool, incomplete: bool) -> Vec<Known> {
    let discount = match person.role {
        PersonRole::Holder | PersonRole::Spouse | PersonRole::Company | PersonRole::CoHolder => 0.0,
        PersonRole::Representative => 0.5,
        PersonRole::Tenant => 0.3,
    };
    if person.role == PersonRole::Company {
        return vec![known_of_company(&person.name)];
    }
    let Some(last) = &person.last_name else {
        let known = known_of_name(&person.name);
        return vec![Known { discount, stands_in: matches!(person.role, PersonRole::Representative | PersonRole::Tenant), ..known }];
    };
    let first = person.first_name.as_deref().map(pieces).unwrap_or_default();
    let civility = match person.civility.as_deref() {
        Some("M" | "MR") => Some(Civility::Sir),
        Some("MME" | "MLLE") => Some(Civility::Madam),
        _ => None,
    };
    let mut all = vec![Known { surname: pieces(last), first: first.clone(), form: None, group, incomplete, discount, stands_in: false, civility }];
    if let Some(birth) = person.birth_name.as_deref().filter(|b| b != last) {
        all.push(Known { surname: pieces(birth), first: first.clone(), form: None, group: false, incomplete: false, discount: discount + 0.3, stands_in: false, civility: None });
    }
    if person.first_name.is_none() {
        let whole = pieces(&person.name);
        if whole.iter().any(|w| is_legal_form(w)) {
            all.push(known_of_company(&person.name));
        }
    }
    all
}

/// A person written in one go: `LECLERC Chloé`, `M. DUPONT Jean`, or a company.
fn known_of_name(name: &str) -> Known {
    let all = pieces(name);
    if all.iter().any(|w| is_legal_form(w)) {
        return known_of_company(name);
    }
    let upper = |w: &str| w.chars().any(char::is_uppercase) && !w.chars().any(char::is_lowercase);
    let mut surname = Vec::new();
    let mut first = Vec::new();
    let any_lower = name.split_whitespace().any(|w| !upper(w));
    for word in name.split_whitespace() {
        let parts = pieces(word);
        if parts.iter().all(|p| is_civility(p)) {
            continue;
        }
        if any_lower && !upper(word) { first.extend(parts) } else { surname.extend(parts) }
    }
    if surname.is_empty() {
        std::mem::swap(&mut surname, &mut first);
    }
    if first.is_empty() && surname.len() > 1 && !any_lower {
        first = surname.split_off(surname.len() - 1);
    }
    Known { surname, first, form: None, group: false, incomplete: false, discount: 0.0, stands_in: false, civility: None }
}

fn known_of_company(name: &str) -> Known {
    let all = pieces(name);
    let form = all.iter().find(|w| is_legal_form(w)).cloned();
    let surname: Vec<String> = all.into_iter().filter(|w| Some(w) != form.as_ref()).collect();
    Known {
        surname,
        first: Vec::new(),
        form: Some(form.unwrap_or_default()),
        group: false,
        incomplete: false,
        discount: 0.0,
        stands_in: false,
        civility: None,
    }
}

/// How a label names a supplier: its words in any order, its acronym, or a part of it.
fn supplier(known: &Known, label: &Label) -> Option<NameMatch> {
    let strong: Vec<&String> =
        known.surname.iter().filter(|w| w.len() > 2 && !is_particle(w) && !is_generic(w) && !is_civility(w)).collect();
    let words: Vec<&Word> = label.words.iter().filter(|w| w.field != Field::Reference).collect();
    let has = |piece: &str| {
        words.iter().any(|w| {
            w.text == piece
                || w.text.strip_suffix(['S', 'X']) == Some(piece)
                || similar(piece, &w.text) || w.text.len() >= 4 && piece.starts_with(w.text.as_str())
        })
    };
    let whole = |weight, grade| Some(NameMatch { weight, grade, as_party: true, owner_self: true });
    if !strong.is_empty() {
        let hits = strong.iter().filter(|p| has(p)).count();
        let lead = has(strong[0]);
        if hits == strong.len() {
            let letters: usize = strong.iter().map(|p| p.len()).sum();
            return if letters >= 4 { whole(7.0, Grade::Whole) } else { whole(6.0, Grade::Whole) };
        }
        if hits > 0 && (lead || strong.len() > 2 && hits > 1) {
            return whole(5.0, Grade::Surname);
        }
        if hits > 0 {
            return whole(3.0, Grade::Doubtful);
        }
    }
    let party = label.party();
    let initials: String = party.iter().filter(|w| !is_legal_form(&w.text)).map(|w| &w.text[..1]).collect();
    let acronym = known.surname.iter().any(|a| (3..=5).contains(&a.len()) && initials.contains(a.as_str()));
    let own: String = known.surname.iter().map(|w| &w[..1]).collect();
    let shortened = own.len() >= 3 && party.iter().any(|w| w.text == own);
    (acronym || shortened).then_some(NameMatch { weight: 3.0, grade: Grade::Doubtful, as_party: true, owner_self: true })
}
