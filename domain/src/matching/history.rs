//! Lines seen before: who paid like this, and for whom.

use std::collections::HashSet;

use super::allocation::{Allocation, Cause};
use super::book::{Decider, Line, Outcome, PastLine};
use super::label::{Label, same_party};
use super::state::Book;
use crate::ids::{AliasId, TransactionId};

/// Lines seen so far, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    lines: Vec<PastLine>,
    keys: Vec<PastKey>,
    seen: HashSet<TransactionId>,
}

/// What later lines are compared with.
#[derive(Clone, Debug)]
pub(super) struct PastKey {
    /// The words that name the payer.
    pub party: String,
    /// The whole label, words only.
    pub wording: String,
}

impl PastKey {
    /// Reads a line.
    pub fn of(line: &Line) -> Self {
        let label = Label::read(&line.original_wording);
        Self {
            party: label.party_key(),
            wording: label.joined(),
        }
    }
}

impl History {
    /// Remembers a line; a second outcome of the same line replaces the first.
    pub fn push(&mut self, past: PastLine) {
        if self.knows(past.line.id)
            && let Some(at) = self.lines.iter().rposition(|p| p.line.id == past.line.id)
        {
            self.lines[at] = past;
            return;
        }
        self.seen.insert(past.line.id);
        self.keys.push(PastKey::of(&past.line));
        self.lines.push(past);
    }

    /// The lines, oldest first.
    pub fn lines(&self) -> &[PastLine] {
        &self.lines
    }

    /// Lines with their keys, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&PastLine, &PastKey)> {
        self.lines.iter().zip(&self.keys)
    }

    /// Posted lines of the same payer and direction, oldest first.
    pub fn of_party<'a>(
        &'a self,
        party: &'a str,
        credit: bool,
        common: &'a dyn Fn(&str) -> bool,
    ) -> impl Iterator<Item = (&'a PastLine, &'a [Allocation])> {
        self.iter().filter_map(move |(past, key)| {
            let Outcome::Posted { allocations, .. } = &past.outcome else {
                return None;
            };
            let same =
                (past.line.amount.cents() > 0) == credit && same_party(&key.party, party, common);
            (same
                && !allocations
                    .iter()
                    .all(|a| matches!(a.cause, Cause::DuplicateImport(_))))
            .then_some((past, allocations.as_slice()))
        })
    }

    /// Lines in review with what each may end with.
    pub fn reviews(&self) -> impl Iterator<Item = (&Line, &[Vec<Allocation>])> {
        self.lines.iter().filter_map(|past| match &past.outcome {
            Outcome::InReview { candidates } => Some((&past.line, candidates.as_slice())),
            _ => None,
        })
    }

    /// Whether a line was seen before.
    pub fn knows(&self, id: TransactionId) -> bool {
        self.seen.contains(&id)
    }
}

/// Whom a payer or beneficiary was posted to before, and who owed this amount before.
#[derive(Clone, Debug, Default)]
pub(super) struct PartyPast {
    /// Owner of each alias or earlier line of the party, and whether a person said so.
    pub owners: Vec<(usize, bool)>,
    /// The same for suppliers.
    pub suppliers: Vec<(usize, bool)>,
    /// Owner of each learnt alias of the party, and the alias.
    pub aliases: Vec<(usize, AliasId)>,
    /// An earlier line of the party still waits for a person: an unknown payer who comes back is somebody's.
    pub in_review: bool,
    /// Owners to whom the same amount was posted before.
    pub same_amount: Vec<usize>,
}

impl PartyPast {
    /// Looks up a party; an empty one was never seen.
    pub fn of(book: &Book, line: &Line, party: &str) -> Self {
        let mut past = Self::default();
        for (known, _) in book.past.iter() {
            let Outcome::Posted { allocations, .. } = &known.outcome else {
                continue;
            };
            if known.line.amount == line.amount
                && let Some(owner) = allocations.iter().find_map(|a| book.owner_of(a.cause))
            {
                past.same_amount.push(owner);
            }
        }
        if party.is_empty() {
            return past;
        }
        let common: &dyn Fn(&str) -> bool = &|word| book.names.is_common(word);
        for alias in &book.data.aliases {
            if same_party(&alias.payer, party, common)
                && let Some(&owner) = book.by_id.owners.get(&alias.owner)
            {
                past.owners.push((owner, true));
                past.aliases.push((owner, alias.id));
            }
        }
        past.in_review = book.past.iter().any(|(known, key)| {
            matches!(known.outcome, Outcome::InReview { .. })
                && known.line.id != line.id
                && (known.line.amount.cents() > 0) == (line.amount.cents() > 0)
                && same_party(&key.party, party, common)
        });
        for (known, allocations) in book.past.of_party(party, line.amount.cents() > 0, common) {
            let person = matches!(
                known.outcome,
                Outcome::Posted {
                    by: Decider::Person,
                    ..
                }
            );
            if let Some(owner) = allocations.iter().find_map(|a| book.owner_of(a.cause)) {
                past.owners.push((owner, person));
            } else if let Some(supplier) =
                allocations.iter().find_map(|a| book.supplier_of(a.cause))
            {
                past.suppliers.push((supplier, person));
            }
        }
        past
    }

    /// How often here, how often elsewhere, and whether a person said so.
    pub fn count(list: &[(usize, bool)], wanted: usize) -> (usize, usize, bool) {
        let here = list.iter().filter(|(id, _)| *id == wanted).count();
        (
            here,
            list.len() - here,
            list.iter().any(|(id, person)| *id == wanted && *person),
        )
    }
}
