//! Who pays: names, references, lots and history weighed for each owner.
#![expect(
    clippy::float_arithmetic,
    reason = "a weight of evidence is a log-odds, not money"
)]

use super::book::{OwnerKind, PersonRole};
use super::decide::{Explained, Reading, plus};
use super::decision::{Holder, Scored};
use super::evidence::{Evidence, EvidenceCode};
use super::history::PartyPast;
use super::names::{Grade, NameMatch};
use super::spread::{Rule, Spread};
use super::state::Book;
use crate::money::Money;

/// What identifies one owner in a label.
struct Claim {
    weight: f64,
    /// Identified by something other than the amount.
    identified: bool,
    evidence: Vec<Evidence>,
}

/// Explains a credit as an owner's payment.
pub(super) fn explain(book: &Book, reading: &Reading<'_>) -> Explained {
    if book.is_savings(reading.line.account) {
        return Explained {
            scored: Vec::new(),
            unknown: f64::NEG_INFINITY,
            against: Vec::new(),
        };
    }
    let of = reading.owners.clone();
    let best = of
        .iter()
        .flatten()
        .filter(|m| m.owner_self)
        .map(|m| m.weight)
        .fold(0.0, f64::max);
    let names = Names { of, best };
    let claims: Vec<Claim> = (0..book.data.owners.len())
        .map(|o| claim(book, reading, o, &names.of))
        .collect();
    let references = &reading.marks.references;
    let mut scored = Vec::new();
    let mut unknown = f64::NEG_INFINITY;
    let mut by_amount_only = 0;
    let mut against = Vec::new();
    for (owner, claim) in claims.into_iter().enumerate() {
        let (spread, items) = book.spread_over(reading.line, owner, &reading.marks, &|r| {
            reading.expected.receivable(book, r)
        });
        let exact = fits(spread.rule) && spread.rest.is_zero() && !spread.parts.is_empty();
        let (amount_weight, amount) = weigh_amount(reading, owner, &spread);
        let hidden = hidden_identity(book, reading, owner, &names, amount_weight);
        if !claim.identified && claim.weight < 0.5 && !exact {
            unknown = plus(unknown, hidden.unwrap_or(f64::NEG_INFINITY));
            continue;
        }
        let mut evidence = claim.evidence;
        evidence.push(amount);
        if reading.past.same_amount.contains(&owner) && !exact {
            evidence.push(
                Evidence::new(EvidenceCode::Rhythm, RHYTHM).with("amount", reading.line.amount),
            );
        }
        if items_named(&spread) {
            evidence.push(Evidence::new(EvidenceCode::NamedItems, 1.0));
        }
        by_amount_only += usize::from(claim.weight <= 0.0);
        let allocations = book.payment(owner, &spread, &items);
        let identified =
            claim.identified || exact && names.of[owner].is_some_and(|m| m.weight >= 1.5);
        let base = if claim.weight > 0.0 {
            claim.weight
        } else {
            STRANGER
        };
        scored.push(Scored {
            score: f64::max(base + amount_weight, hidden.unwrap_or(f64::NEG_INFINITY)),
            reliability: reliability(&spread),
            identified,
            claimed: claim.weight > 0.0,
            holder: Holder::Owner(owner),
            allocations,
            evidence,
        });
    }
    if by_amount_only > CROWD {
        scored.retain(|s: &Scored| s.claimed);
    }
    let cited = !references.owners.is_empty();
    let cited_and_named = references
        .owners
        .iter()
        .any(|&o| names.of[o].is_some_and(|m| m.weight >= names.best - 0.1))
        || references.owners.iter().any(|&o| known_payer(reading, o));
    if cited && !cited_and_named {
        unknown = plus(unknown, WRONG_REFERENCE);
    }
    if let Some((_, elsewhere)) = book.names.neighbour(&reading.label)
        && elsewhere.grade >= Grade::Initial
        && elsewhere.as_party
    {
        let here = names
            .of
            .iter()
            .flatten()
            .any(|m| m.weight >= elsewhere.weight - 0.5);
        let weight = elsewhere.weight - if here { 5.0 } else { 2.5 };
        unknown = plus(unknown, weight);
        against.push(Evidence::new(EvidenceCode::OtherCondominium, weight));
    }
    Explained {
        scored,
        unknown,
        against,
    }
}

/// The same amount came from this owner before.
const RHYTHM: f64 = 2.0;

/// An owner that only the amount points to.
const STRANGER: f64 = -1.5;

/// An amount that more owners owe than this points to none of them.
const CROWD: usize = 3;

/// Log-odds that a reference was mistyped, when its payer is nobody of that owner.
const WRONG_REFERENCE: f64 = 6.0;

fn fits(rule: Rule) -> bool {
    matches!(rule, Rule::Named | Rule::Single | Rule::All | Rule::Oldest)
}

fn items_named(spread: &Spread) -> bool {
    matches!(spread.rule, Rule::Named | Rule::NamedFirst)
}

fn reliability(spread: &Spread) -> f64 {
    if spread.contested {
        return 0.6;
    }
    match spread.rule {
        Rule::Named | Rule::Single | Rule::All | Rule::Oldest => 0.998,
        Rule::Near | Rule::InOrder => 0.995,
        Rule::NamedFirst | Rule::Subset => 0.993,
    }
}

/// Everything in the label that points to one owner.
fn claim(book: &Book, reading: &Reading<'_>, owner: usize, names: &[Option<NameMatch>]) -> Claim {
    let references = &reading.marks.references;
    let mut weight = 0.0;
    let mut evidence = Vec::new();
    let mut identified = false;
    let name = names[owner];
    if let Some(m) = name {
        weight += m.weight;
        identified |= m.grade >= Grade::Surname;
        let code = match m.grade {
            Grade::Whole => EvidenceCode::NameWhole,
            Grade::NearlyWhole | Grade::Initial => EvidenceCode::NameNear,
            Grade::Surname | Grade::Doubtful => EvidenceCode::NameSurname,
            Grade::OtherFirstName => EvidenceCode::NameOther,
        };
        evidence.push(
            Evidence::new(code, m.weight).with("owner", &book.data.owners[owner].display_name),
        );
        let alike = names
            .iter()
            .enumerate()
            .any(|(o, n)| o != owner && n.is_some_and(|n| n.weight >= m.weight - 1.5));
        if alike {
            evidence.push(Evidence::new(EvidenceCode::Homonym, -1.0));
        }
    }
    if let Some(at) = references.owners.iter().position(|o| *o == owner) {
        weight += 10.0;
        identified = true;
        evidence.push(
            Evidence::new(EvidenceCode::Reference, 10.0).with("reference", &references.texts[at]),
        );
        if names
            .iter()
            .enumerate()
            .any(|(o, n)| o != owner && n.is_some_and(|n| n.grade >= Grade::Surname))
            && name.is_none()
        {
            evidence.push(Evidence::new(EvidenceCode::Conflict, -2.0));
        }
    } else if references.accounts.contains(&owner) {
        weight += 9.5;
        identified = true;
        evidence.push(
            Evidence::new(EvidenceCode::AccountCode, 9.5)
                .with("code", &book.data.owners[owner].account_code),
        );
    } else if name.is_some() && book.references.nearly(&reading.label.words, owner) {
        weight += 4.0;
        evidence.push(Evidence::new(EvidenceCode::ReferenceRemains, 4.0));
    } else if references.remains.contains(&owner) {
        #[expect(clippy::cast_precision_loss, reason = "a handful of owners")]
        let weight_of_remains = (book.data.owners.len() as f64 / references.remains.len() as f64)
            .ln()
            .clamp(0.0, 5.0);
        if weight_of_remains > 0.5 && (weight > 0.0 || references.remains.len() == 1) {
            weight += weight_of_remains;
            evidence.push(Evidence::new(
                EvidenceCode::ReferenceRemains,
                weight_of_remains,
            ));
        }
    }
    let lots = owned_lots(book, reading, owner);
    if lots > 0 && lots == references.lots.len() {
        weight += 9.0;
        identified = true;
        let lots = references.lots.iter().map(|&l| &book.data.lots[l]);
        let numbers: Vec<&str> = lots.clone().map(|l| l.number.as_str()).collect();
        evidence.push(
            Evidence::new(EvidenceCode::LotNumber, 9.0)
                .with("lots", numbers.join(", "))
                .about(lots.map(|l| l.id.0)),
        );
    }
    let (past, known, history) = history_weight(reading, owner, names);
    weight += past;
    identified |= known;
    evidence.extend(history);
    Claim {
        weight,
        identified,
        evidence,
    }
}

/// How many of the label's lots belong to the owner, on the day or for something open.
fn owned_lots(book: &Book, reading: &Reading<'_>, owner: usize) -> usize {
    let id = book.data.owners[owner].id;
    let date = reading.line.date;
    reading
        .marks
        .references
        .lots
        .iter()
        .filter(|&&lot| {
            book.data.lots[lot].ownership.iter().any(|o| {
                o.owner == id && o.from.is_none_or(|d| d <= date) && o.to.is_none_or(|d| d >= date)
            }) || book.receivables_of[owner].iter().any(|&r| {
                let item = &book.data.receivables[r];
                item.open > Money::ZERO
                    && item.issued_on <= date
                    && item.lots.contains(&book.data.lots[lot].id)
            })
        })
        .count()
}

/// Whether this payer was seen before for this owner.
fn known_payer(reading: &Reading<'_>, owner: usize) -> bool {
    PartyPast::count(&reading.past.owners, owner).0 > 0
}

/// What earlier lines of this payer say.
fn history_weight(
    reading: &Reading<'_>,
    owner: usize,
    names: &[Option<NameMatch>],
) -> (f64, bool, Option<Evidence>) {
    let (here, there, person) = PartyPast::count(&reading.past.owners, owner);
    if here == 0 {
        return (
            if there > 0 { -2.5 } else { 0.0 },
            false,
            (there > 0).then(|| Evidence::new(EvidenceCode::PayerElsewhere, -2.5)),
        );
    }
    let homonyms = names[owner].is_some_and(|mine| {
        names
            .iter()
            .enumerate()
            .any(|(o, n)| o != owner && n.is_some_and(|n| n.weight >= mine.weight - 1.5))
    });
    let base = match (person, there > 0, homonyms) {
        (_, _, true) => 1.0,
        (true, false, _) => 12.0,
        (false, false, _) => 6.0,
        (true, true, _) => 4.0,
        (false, true, _) => 3.0,
    };
    #[expect(clippy::cast_precision_loss, reason = "a handful of lines")]
    let more = (here as f64 - 1.0).min(3.0) * 0.7;
    let weight = if homonyms { base } else { base + more };
    let code = if person {
        EvidenceCode::AliasLearnt
    } else {
        EvidenceCode::PayerHistory
    };
    let aliases = reading
        .past
        .aliases
        .iter()
        .filter(|(of, _)| *of == owner)
        .map(|(_, alias)| alias.0);
    let evidence = Evidence::new(code, weight)
        .with("count", here)
        .with("payer", &reading.party)
        .about(aliases);
    (weight, true, Some(evidence))
}

/// What the amount says, given the owner.
fn weigh_amount(reading: &Reading<'_>, owner: usize, spread: &Spread) -> (f64, Evidence) {
    let line = reading.line;
    let seen = reading.past.same_amount.contains(&owner);
    let rhythm = if seen { RHYTHM } else { 0.0 };
    let round = line.amount.cents() % 500 == 0;
    let (code, weight) = match spread.rule {
        Rule::Named | Rule::Single | Rule::All | Rule::Oldest if spread.rest.is_zero() => {
            (EvidenceCode::AmountExact, 5.5)
        }
        Rule::Near => (EvidenceCode::AmountNear, 3.0),
        Rule::Subset => (EvidenceCode::AmountSubset, 3.5),
        _ if spread.rest.is_zero() => (
            EvidenceCode::AmountPartial,
            rhythm + if round { 0.0 } else { -0.5 },
        ),
        _ if spread.parts.is_empty() => (EvidenceCode::AmountAbove, rhythm - 1.5),
        _ => (EvidenceCode::AmountAbove, rhythm - 1.0),
    };
    let items = spread.parts.len();
    (
        weight,
        Evidence::new(code, weight)
            .with("amount", line.amount)
            .with("count", items),
    )
}

/// A person who owns may also stand behind a company whose representative is
/// not recorded: what that possibility weighs.
fn hidden_identity(
    book: &Book,
    reading: &Reading<'_>,
    owner: usize,
    names: &Names,
    amount_weight: f64,
) -> Option<f64> {
    let data = &book.data.owners[owner];
    let faceless = data.kind == OwnerKind::Sci
        && data.email.is_none()
        && !data
            .persons
            .iter()
            .any(|p| p.role == PersonRole::Representative);
    let cited = !reading.marks.references.owners.is_empty();
    (faceless && names.of[owner].is_none() && names.best >= 6.0 && !cited)
        .then_some(names.best - 4.0 + amount_weight)
}

/// How the label names each owner, and the best of it.
struct Names {
    of: Vec<Option<NameMatch>>,
    best: f64,
}
