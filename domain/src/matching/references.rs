//! Payment references, account codes and lot numbers in a label.

use std::collections::{BTreeSet, HashMap};

use super::book::{ReceivableKind, Snapshot};
use super::label::Word;
use crate::ids::OwnerId;

/// Letters and digits only, upper case.
pub(super) fn normal(text: &str) -> String {
    deunicode::deunicode(text)
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_uppercase()
}

/// A payment reference shorter than this is too weak to look for.
const SHORTEST_REFERENCE: usize = 6;

/// The references of a condominium.
#[derive(Clone, Debug, Default)]
pub(super) struct ReferenceIndex {
    /// Each reference once, in order.
    entries: Vec<Entry>,
    /// Account codes of owners.
    accounts: Vec<(String, usize)>,
    /// Lot numbers with the lot's position.
    lots: HashMap<String, usize>,
}

#[derive(Clone, Debug)]
struct Entry {
    text: String,
    /// As printed on the call.
    printed: String,
    owner: usize,
    /// The same for the owner all year: names no call.
    constant: bool,
    receivables: Vec<usize>,
}

/// What the references in a label say.
#[derive(Clone, Debug, Default)]
pub(super) struct References {
    /// Owners whose whole payment reference stands in the label, with the reference.
    pub owners: Vec<usize>,
    /// The references found, as printed on the calls, one for each owner.
    pub texts: Vec<String>,
    /// Receivables named by a whole reference.
    pub named: BTreeSet<usize>,
    /// Owners whose account code stands in the label.
    pub accounts: Vec<usize>,
    /// Positions of lots listed in the label.
    pub lots: Vec<usize>,
    /// Owners compatible with a reference that the bank cut off; empty when there is none.
    pub remains: Vec<usize>,
    /// Words that belong to a reference, account or lot list.
    pub taken: Vec<bool>,
}

impl ReferenceIndex {
    /// Indexes a condominium.
    pub fn of(data: &Snapshot, owners: &HashMap<OwnerId, usize>) -> Self {
        let mut by_text: HashMap<(String, usize), usize> = HashMap::new();
        let mut entries: Vec<Entry> = Vec::new();
        for (i, receivable) in data.receivables.iter().enumerate() {
            let text = normal(&receivable.payment_reference);
            let Some(&owner) = owners.get(&receivable.owner) else {
                continue;
            };
            if text.len() < SHORTEST_REFERENCE {
                continue;
            }
            let at = *by_text.entry((text.clone(), owner)).or_insert_with(|| {
                entries.push(Entry {
                    text,
                    printed: receivable.payment_reference.clone(),
                    owner,
                    constant: false,
                    receivables: Vec::new(),
                });
                entries.len() - 1
            });
            entries[at].receivables.push(i);
        }
        let calls = |entry: &Entry| -> BTreeSet<&str> {
            entry
                .receivables
                .iter()
                .map(|&r| &data.receivables[r])
                .filter(|r| {
                    matches!(
                        r.kind,
                        ReceivableKind::Charges | ReceivableKind::Works | ReceivableKind::CarryOver
                    )
                })
                .map(|r| r.period.as_str())
                .collect()
        };
        let repeated = entries.iter().filter(|e| calls(e).len() > 1).count();
        let whole_book = repeated * 2 > entries.len();
        let constant: Vec<bool> = entries
            .iter()
            .map(|e| whole_book || calls(e).len() > 1)
            .collect();
        for (entry, constant) in entries.iter_mut().zip(constant) {
            entry.constant = constant;
        }
        entries.sort_by(|a, b| {
            (a.text.len(), &a.text, a.owner)
                .cmp(&(b.text.len(), &b.text, b.owner))
                .reverse()
        });
        let accounts = data
            .owners
            .iter()
            .enumerate()
            .map(|(i, o)| (normal(&o.account_code), i))
            .filter(|(code, _)| code.len() >= 4)
            .collect();
        let lots = data
            .lots
            .iter()
            .enumerate()
            .map(|(i, l)| (normal(&l.number), i))
            .collect();
        Self {
            entries,
            accounts,
            lots,
        }
    }

    /// Reads the references in a label.
    pub fn read(&self, words: &[Word]) -> References {
        let mut found = References {
            taken: vec![false; words.len()],
            ..References::default()
        };
        let text: String = words.iter().map(|w| w.text.as_str()).collect();
        let starts: Vec<usize> = words
            .iter()
            .scan(0, |at, w| {
                let start = *at;
                *at += w.text.len();
                Some(start)
            })
            .collect();
        let take = |found: &mut References, from: usize, len: usize| -> bool {
            let end = from + len;
            let Some(first) = starts.iter().position(|&s| s == from) else {
                return false;
            };
            let last = starts
                .iter()
                .zip(words)
                .position(|(&s, w)| s + w.text.len() == end);
            let Some(last) = last else { return false };
            found.taken[first..=last].fill(true);
            true
        };
        for entry in &self.entries {
            for (at, _) in text.match_indices(entry.text.as_str()) {
                if take(&mut found, at, entry.text.len()) {
                    if !found.owners.contains(&entry.owner) {
                        found.owners.push(entry.owner);
                        found.texts.push(entry.printed.clone());
                    }
                    if !entry.constant {
                        found.named.extend(&entry.receivables);
                    }
                }
            }
        }
        for (code, owner) in &self.accounts {
            for (at, _) in text.match_indices(code.as_str()) {
                let first = starts.iter().position(|&s| s == at);
                if first.is_some_and(|f| !found.taken[f]) && take(&mut found, at, code.len()) {
                    push(&mut found.accounts, *owner);
                }
            }
        }
        self.read_lots(words, &mut found);
        self.read_remains(words, &mut found);
        found
    }

    /// Whether the label holds a reference of the owner with one typing error.
    pub fn nearly(&self, words: &[Word], owner: usize) -> bool {
        (0..words.len()).any(|at| {
            let mut text = String::new();
            words[at..words.len().min(at + 4)].iter().any(|word| {
                text.push_str(&word.text);
                text.len() >= 8
                    && self.entries.iter().any(|e| {
                        e.owner == owner
                            && e.text.len().abs_diff(text.len()) <= 1
                            && strsim::osa_distance(&e.text, &text) == 1
                    })
            })
        })
    }

    /// `LOT 22 23`, `LOT N 5`, `LOTS 12 ET 13`, `LOT33`.
    fn read_lots(&self, words: &[Word], found: &mut References) {
        for i in 0..words.len() {
            let text = words[i].text.as_str();
            if found.taken[i] {
                continue;
            }
            let digits = text
                .trim_start_matches("LOTS")
                .trim_start_matches("LOT")
                .trim_start_matches("LT");
            if digits.len() == text.len()
                || !(digits.is_empty() || digits.bytes().all(|b| b.is_ascii_digit()))
            {
                continue;
            }
            found.taken[i] = true;
            if let Some(&lot) = self.lots.get(digits) {
                push(&mut found.lots, lot);
            }
            let mut k = i + 1;
            while k < words.len() {
                let next = words[k].text.as_str();
                let joiner = matches!(
                    next,
                    "N" | "NO" | "NUM" | "NUMERO" | "NR" | "ET" | "LOT" | "NS"
                );
                if joiner {
                    k += 1;
                } else if let Some(&lot) = self.lots.get(next) {
                    found.taken[i..=k].fill(true);
                    push(&mut found.lots, lot);
                    k += 1;
                } else {
                    break;
                }
            }
        }
    }

    /// A reference cut off by the bank: the words from some point to the end of
    /// a field begin a known reference.
    fn read_remains(&self, words: &[Word], found: &mut References) {
        for i in 0..words.len() {
            if found.taken[i] {
                continue;
            }
            let mut text = String::new();
            for word in &words[i..words.len().min(i + 5)] {
                text.push_str(&word.text);
                if text.len() < SHORTEST_REFERENCE || !text.bytes().any(|b| b.is_ascii_digit()) {
                    continue;
                }
                let mut owners: Vec<usize> = Vec::new();
                for entry in self
                    .entries
                    .iter()
                    .filter(|e| e.text.len() > text.len() && e.text.starts_with(&text))
                {
                    push(&mut owners, entry.owner);
                }
                if !owners.is_empty()
                    && (found.remains.is_empty() || owners.len() < found.remains.len())
                {
                    owners.sort_unstable();
                    found.remains = owners;
                }
            }
        }
    }
}

fn push<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}
