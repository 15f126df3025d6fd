//! Taking an entry back.

use chrono::NaiveDate;

use super::entry::Entry;
use super::items::Items;

/// The entry that takes `entry` back on a day: every account moves the other
/// way, what was settled is open again.
///
/// When an item moved since (it was paid by another line meanwhile), only what
/// can be opened or settled is; the rest stands on the same account. Last line
/// first, so that an entry taken back at once leaves everything as before.
#[must_use]
pub fn reversal(items: &mut Items, entry: &Entry, on: NaiveDate) -> Entry {
    let lines = entry
        .lines
        .iter()
        .rev()
        .flat_map(|line| items.reverse(line))
        .collect();
    Entry {
        cause: entry.cause,
        posted_on: on,
        lines,
    }
}
