//! Persons and companies, ready to be looked for in labels.
#![expect(
    clippy::float_arithmetic,
    reason = "a weight of evidence is a log-odds, not money"
)]

use super::super::book::{Owner, OwnerKind, Person, PersonRole};
use super::super::vocabulary::{is_civility, is_legal_form};

/// A person or company, ready to be looked for.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub surname: Vec<String>,
    pub first: Vec<String>,
    /// A company or group: `surname` is its whole name without the legal form.
    pub form: Option<String>,
    /// Heirs or co-buyers: anyone of that surname may be one of them.
    pub group: bool,
    /// A person of the account is not recorded, so another first name is no contradiction.
    pub incomplete: bool,
    pub discount: f64,
    /// Represents a company or rents from it: a surname alone says little.
    pub stands_in: bool,
    pub civility: Option<Civility>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Civility {
    Sir,
    Madam,
    Couple,
}

pub(super) fn known_of_owner(owner: &Owner) -> Vec<Known> {
    let couple = owner.kind == OwnerKind::Couple
        || owner.persons.iter().any(|p| p.role == PersonRole::Spouse);
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
        let listed = known
            .iter()
            .any(|k| k.surname.concat() == joined && k.first.concat() == first.concat());
        if !listed && joined.len() > 2 && first.concat().len() > 1 {
            known.push(Known {
                surname: last,
                first,
                form: None,
                group: false,
                incomplete: false,
                discount: 1.5,
                stands_in: true,
                civility: None,
            });
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
        return vec![Known {
            discount,
            stands_in: matches!(person.role, PersonRole::Representative | PersonRole::Tenant),
            ..known
        }];
    };
    let first = person.first_name.as_deref().map(pieces).unwrap_or_default();
    let civility = match person.civility.as_deref() {
        Some("M" | "MR") => Some(Civility::Sir),
        Some("MME" | "MLLE") => Some(Civility::Madam),
        _ => None,
    };
    let mut all = vec![Known {
        surname: pieces(last),
        first: first.clone(),
        form: None,
        group,
        incomplete,
        discount,
        stands_in: false,
        civility,
    }];
    if let Some(birth) = person.birth_name.as_deref().filter(|b| b != last) {
        all.push(Known {
            surname: pieces(birth),
            first: first.clone(),
            form: None,
            group: false,
            incomplete: false,
            discount: discount + 0.3,
            stands_in: false,
            civility: None,
        });
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
pub(super) fn known_of_name(name: &str) -> Known {
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
        if any_lower && !upper(word) {
            first.extend(parts)
        } else {
            surname.extend(parts)
        }
    }
    if surname.is_empty() {
        std::mem::swap(&mut surname, &mut first);
    }
    if first.is_empty() && surname.len() > 1 && !any_lower {
        first = surname.split_off(surname.len() - 1);
    }
    Known {
        surname,
        first,
        form: None,
        group: false,
        incomplete: false,
        discount: 0.0,
        stands_in: false,
        civility: None,
    }
}

pub(super) fn known_of_company(name: &str) -> Known {
    let all = pieces(name);
    let form = all.iter().find(|w| is_legal_form(w)).cloned();
    let surname: Vec<String> = all
        .into_iter()
        .filter(|w| Some(w) != form.as_ref())
        .collect();
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

/// Upper-case ASCII pieces of a name.
pub(in super::super) fn pieces(name: &str) -> Vec<String> {
    deunicode::deunicode(name)
        .to_uppercase()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|p| !p.is_empty())
        .map(str::to_owned)
        .collect()
}
