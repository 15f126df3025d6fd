//! Where a step or an item stands in a run.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::cleanup::{FINALLY, ON_FAILURE};
use crate::graph::{Body, Level, Plan};

/// The way to an attempt: step, item, step, item… by index.
///
/// Of odd length it leads to a step; of even length to an item of a loop whose
/// body is one node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub(super) Box<[u32]>);

impl Key {
    /// Whether this leads to `inner`, or to something around it.
    #[must_use]
    pub fn holds(&self, inner: &Self) -> bool {
        inner.0.starts_with(&self.0)
    }

    /// The whole run.
    #[must_use]
    pub fn root() -> Self {
        Self(Box::default())
    }
}

/// The same for people and for the store: the step, and the items around it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The step; ids are unique in a workflow.
    pub step: String,
    /// The index of the item of each loop around it, outermost first; with the
    /// item itself for an item of a loop whose body is one node.
    pub items: Vec<u32>,
}

impl Place {
    /// The run itself: of what is decided of the whole of it.
    pub(super) fn run() -> Self {
        Self::of_step("")
    }

    /// A step outside of loops.
    pub fn of_step(step: impl Into<String>) -> Self {
        Self {
            step: step.into(),
            items: Vec::new(),
        }
    }
}

/// Indexes of the steps on the way to a step: the loops around it, then itself.
fn way_to(level: &Level, id: &str) -> Option<Vec<u32>> {
    let all = level.steps.iter().chain(&level.compensations);
    for (index, step) in all.enumerate() {
        let here = u32::try_from(index).unwrap_or(u32::MAX);
        if &*step.id == id {
            return Some(vec![here]);
        }
        if let Body::Steps(inner) = &step.body
            && let Some(mut rest) = way_to(inner, id)
        {
            rest.insert(0, here);
            return Some(rest);
        }
    }
    None
}

/// The levels of a plan, with what the keys of their steps begin with.
fn levels(plan: &Plan) -> impl Iterator<Item = (&[u32], &Arc<Level>)> {
    let after = [(&ON_FAILURE, &plan.on_failure), (&FINALLY, &plan.finally)];
    let after = after
        .into_iter()
        .filter_map(|(at, level)| Some((at.as_slice(), level.as_ref()?)));
    [([].as_slice(), &plan.steps)].into_iter().chain(after)
}

/// The level that a key begins in, and the rest of the way.
fn level_of<'p, 'k>(plan: &'p Plan, key: &'k [u32]) -> (&'p Arc<Level>, &'k [u32]) {
    levels(plan)
        .filter(|(at, _)| !at.is_empty())
        .find_map(|(at, level)| Some((level, key.strip_prefix(at)?)))
        .unwrap_or((&plan.steps, key))
}

/// The step that a key leads to, or to an item of which: its level, and its index in it.
pub(super) fn step_of(plan: &Plan, key: &[u32]) -> Option<(Arc<Level>, usize)> {
    let (mut level, way) = level_of(plan, key);
    let mut pairs = way.chunks(2).peekable();
    while let Some(pair) = pairs.next() {
        let index = pair[0] as usize;
        match (&level.step(index)?.body, pairs.peek()) {
            (Body::Steps(inner), Some(_)) => level = inner,
            _ => return Some((Arc::clone(level), index)),
        }
    }
    None
}

/// The steps around a key and its own, outermost first: the level of each, and its index in it.
pub(super) fn levels_to(plan: &Plan, key: &Key) -> Vec<(Arc<Level>, usize)> {
    let (mut level, way) = level_of(plan, &key.0);
    let mut found = Vec::new();
    for pair in way.chunks(2) {
        let index = pair[0] as usize;
        found.push((Arc::clone(level), index));
        match level.step(index).map(|step| &step.body) {
            Some(Body::Steps(inner)) => level = inner,
            _ => break,
        }
    }
    found
}

/// The id of the outermost step that a key leads into.
pub(crate) fn outermost(plan: &Plan, key: &Key) -> Option<Arc<str>> {
    let (level, way) = level_of(plan, &key.0);
    let step = level.step(*way.first()? as usize)?;
    Some(Arc::clone(&step.id))
}

/// The key of a place in a plan; none when the plan has no such place.
pub(super) fn key_of(plan: &Plan, place: &Place) -> Option<Key> {
    let (at, way) = levels(plan).find_map(|(at, level)| Some((at, way_to(level, &place.step)?)))?;
    let mut items = place.items.iter();
    let mut key = at.to_vec();
    for (depth, step) in way.iter().enumerate() {
        if depth > 0 {
            key.push(*items.next()?);
        }
        key.push(*step);
    }
    key.extend(items.next());
    items.next().is_none().then(|| Key(key.into()))
}

/// The place of a key, and how people read it: `pay[3].send`.
pub(super) fn place_of(plan: &Plan, key: &[u32]) -> (Place, String) {
    let (mut level, way) = level_of(plan, key);
    let mut place = Place::of_step("");
    let mut path = String::new();
    for pair in way.chunks(2) {
        let Some(step) = level.step(pair[0] as usize) else {
            break;
        };
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(&step.id);
        place.step = step.id.to_string();
        if let Some(item) = pair.get(1) {
            place.items.push(*item);
            path.push_str(&format!("[{item}]"));
        }
        if let Body::Steps(inner) = &step.body {
            level = inner;
        }
    }
    (place, path)
}

/// The place of a key in a plan.
pub(crate) fn place_of_key(plan: &Plan, key: &Key) -> Place {
    place_of(plan, &key.0).0
}

/// Where a place stands in file order, those inside a loop after it.
pub(crate) fn order_of(plan: &Plan, place: &Place) -> Option<Vec<u32>> {
    key_of(plan, place).map(|key| key.0.into())
}

/// How people read a place in a plan: `pay[3].send`.
pub(crate) fn path_of(plan: &Plan, place: &Place) -> String {
    match key_of(plan, place) {
        Some(key) => place_of(plan, &key.0).1,
        None => place.to_string(),
    }
}

/// The place of a path as people write it: `pay[3].send`.
pub(crate) fn place_of_path(path: &str) -> Option<Place> {
    let mut place = Place::of_step("");
    let mut in_item = true;
    for part in path.split('.') {
        let (step, rest) = part
            .split_once('[')
            .map_or((part, None), |(s, r)| (s, Some(r)));
        // What follows a step outside of its items is its compensation.
        place.step = match in_item {
            true => step.to_owned(),
            false => format!("{}.{step}", place.step),
        };
        in_item = rest.is_some();
        if let Some(rest) = rest {
            place.items.push(rest.strip_suffix(']')?.parse().ok()?);
        }
    }
    (!place.step.is_empty()).then_some(place)
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.step)?;
        self.items.iter().try_for_each(|item| write!(f, "[{item}]"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_back() {
        let place = place_of_path("pay[3].send").unwrap();
        assert_eq!((place.step.as_str(), &*place.items), ("send", &[3][..]));
        assert_eq!(place_of_path("load"), Some(Place::of_step("load")));
        assert_eq!(place_of_path("pay[x]"), None);
        let undo = place_of_path("pay[3].send.compensate").unwrap();
        assert_eq!(
            (undo.step.as_str(), &*undo.items),
            ("send.compensate", &[3][..])
        );
    }
}
