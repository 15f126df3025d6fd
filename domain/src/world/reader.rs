//! Reads records out of JSON text and keeps every problem with its place.
//!
//! A field is kept as its raw text until it is asked for, so that an amount is
//! read from the digits that were written.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, NaiveDateTime};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::error::{Expected, RecordId, WorldError, WorldProblem};
use super::path::{FieldPath, Segment};
use crate::money::Money;

/// One file of a world, with the problems found in it.
pub(super) struct Source<'a> {
    name: &'static str,
    text: &'a str,
    records: Vec<&'a RawValue>,
    whole: Option<WorldError>,
    found: Vec<Found>,
    broken: BTreeSet<usize>,
}

/// A problem in a record, not yet turned into line and column.
struct Found {
    index: usize,
    field: FieldPath,
    problem: WorldProblem,
}

impl<'a> Source<'a> {
    /// Cuts the text into records; none when it is no list.
    pub fn open(name: &'static str, text: Option<&'a str>) -> Self {
        let mut source = Self {
            name,
            text: text.unwrap_or_default(),
            records: vec![],
            whole: None,
            found: vec![],
            broken: BTreeSet::new(),
        };
        match text.map(serde_json::from_str::<Vec<&RawValue>>) {
            None => source.whole = Some(source.whole_file(None, WorldProblem::MissingFile)),
            Some(Ok(records)) => source.records = records,
            Some(Err(error)) => {
                let problem = if error.is_data() {
                    WorldProblem::NotAList
                } else {
                    WorldProblem::Json(without_place(&error.to_string()))
                };
                source.whole =
                    Some(source.whole_file(Some((error.line(), error.column())), problem));
            }
        }
        source
    }

    /// Every record, read by `read`; a problem leaves a placeholder and is kept.
    pub fn records<T>(&mut self, read: impl Fn(&mut Fields<'_>) -> T) -> Vec<T> {
        let mut found = std::mem::take(&mut self.found);
        let records = self
            .records
            .iter()
            .enumerate()
            .map(|(index, raw)| {
                read(&mut Fields::open(
                    raw,
                    FieldPath::default(),
                    index,
                    &mut found,
                ))
            })
            .collect();
        self.broken = found.iter().map(|found| found.index).collect();
        self.found = found;
        records
    }

    /// Whether a record has a problem already: what it says is no ground for another.
    pub fn is_broken(&self, index: usize) -> bool {
        self.broken.contains(&index)
    }

    /// Whether the file could not be read at all.
    pub fn is_unreadable(&self) -> bool {
        self.whole.is_some()
    }

    /// Keeps a problem of a record.
    pub fn report(&mut self, index: usize, field: FieldPath, problem: WorldProblem) {
        self.found.push(Found {
            index,
            field,
            problem,
        });
    }

    /// The problems with their places, in the order of the records.
    pub fn errors(mut self) -> Vec<WorldError> {
        self.found.sort_by_key(|found| found.index);
        let found = std::mem::take(&mut self.found);
        let placed = found
            .into_iter()
            .map(|found| self.placed(found))
            .collect::<Vec<_>>();
        self.whole.into_iter().chain(placed).collect()
    }

    fn placed(&self, found: Found) -> WorldError {
        let raw = self.records[found.index];
        let id = object(raw).and_then(|fields| {
            fields
                .get("id")
                .map(|id| id.get().trim_matches('"').to_owned())
        });
        let value = locate(raw, found.field.segments());
        let (line, column) = position(self.text, value.get());
        WorldError {
            file: self.name,
            line: Some(line),
            column: Some(column),
            record: Some(RecordId {
                number: found.index + 1,
                id,
            }),
            field: found.field,
            problem: found.problem,
        }
    }

    fn whole_file(&self, position: Option<(usize, usize)>, problem: WorldProblem) -> WorldError {
        WorldError {
            file: self.name,
            line: position.map(|(line, _)| line),
            column: position.map(|(_, column)| column),
            record: None,
            field: FieldPath::default(),
            problem,
        }
    }
}

/// The fields of one object; each getter keeps its problem and answers a placeholder.
pub(super) struct Fields<'r> {
    fields: Option<BTreeMap<String, &'r RawValue>>,
    path: FieldPath,
    index: usize,
    found: &'r mut Vec<Found>,
}

impl<'r> Fields<'r> {
    fn open(raw: &'r RawValue, path: FieldPath, index: usize, found: &'r mut Vec<Found>) -> Self {
        let fields = object(raw);
        if fields.is_none() {
            found.push(Found {
                index,
                field: path.clone(),
                problem: wrong_type(Expected::Object, raw),
            });
        }
        Self {
            fields,
            path,
            index,
            found,
        }
    }

    /// Text that must be there.
    pub fn text(&mut self, name: &'static str) -> String {
        self.required(name, Self::optional_text)
    }

    /// Text, if it is there.
    pub fn optional_text(&mut self, name: &'static str) -> Option<String> {
        let text: String = self.typed(name, Expected::Text)?;
        if text.contains('\0') {
            self.problem(name, WorldProblem::NulCharacter);
        }
        Some(text)
    }

    /// An amount that must be there, exact to the cent.
    pub fn money(&mut self, name: &'static str) -> Money {
        self.required(name, |fields, name| {
            let written = fields.raw(name)?.get().trim_matches('"');
            match written.parse() {
                Ok(amount) => Some(amount),
                Err(error) => {
                    fields.problem(name, WorldProblem::Amount(error));
                    None
                }
            }
        })
    }

    /// A day that must be there.
    pub fn day(&mut self, name: &'static str) -> NaiveDate {
        self.required(name, Self::optional_day)
    }

    /// A day, if it is there.
    pub fn optional_day(&mut self, name: &'static str) -> Option<NaiveDate> {
        self.typed(name, Expected::Day)
    }

    /// A moment, if it is there.
    pub fn optional_moment(&mut self, name: &'static str) -> Option<NaiveDateTime> {
        let written: String = self.typed(name, Expected::Moment)?;
        let moment = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"]
            .into_iter()
            .find_map(|format| NaiveDateTime::parse_from_str(&written, format).ok());
        if moment.is_none() {
            self.problem(
                name,
                WorldProblem::WrongType {
                    expected: Expected::Moment,
                    found: written,
                },
            );
        }
        moment
    }

    /// A whole number that must be there.
    pub fn integer(&mut self, name: &'static str) -> i64 {
        self.required(name, Self::optional_integer)
    }

    /// A whole number, if it is there.
    pub fn optional_integer(&mut self, name: &'static str) -> Option<i64> {
        self.typed(name, Expected::Integer)
    }

    /// A yes or no; absent is no.
    pub fn flag(&mut self, name: &'static str) -> bool {
        self.typed(name, Expected::Boolean).unwrap_or_default()
    }

    /// One of a closed set that must be there.
    pub fn one_of<T: Copy>(&mut self, name: &'static str, set: &[(&'static str, T)]) -> T {
        let written = self.text(name);
        let known = set.iter().find(|(word, _)| *word == written);
        if known.is_none() && self.raw(name).is_some() {
            let allowed = set
                .iter()
                .map(|(word, _)| format!("`{word}`"))
                .collect::<Vec<_>>()
                .join(", ");
            self.problem(
                name,
                WorldProblem::NotOneOf {
                    found: written,
                    allowed,
                },
            );
        }
        known.unwrap_or(&set[0]).1
    }

    /// One of an open set: absent or another word is `otherwise`.
    pub fn one_of_or<T: Copy>(
        &mut self,
        name: &'static str,
        set: &[(&'static str, T)],
        otherwise: T,
    ) -> T {
        let written = self.optional_text(name);
        set.iter()
            .find(|(word, _)| Some(*word) == written.as_deref())
            .map_or(otherwise, |(_, value)| *value)
    }

    /// A list of text; absent is empty.
    pub fn texts(&mut self, name: &'static str) -> Vec<String> {
        self.typed(name, Expected::List).unwrap_or_default()
    }

    /// An object below, if it is there.
    pub fn optional_object<T>(
        &mut self,
        name: &'static str,
        read: impl Fn(&mut Fields<'_>) -> T,
    ) -> Option<T> {
        let raw = self.raw(name)?;
        Some(read(&mut Fields::open(
            raw,
            self.path.then(name),
            self.index,
            self.found,
        )))
    }

    /// An object below that must be there.
    pub fn object<T: Default>(
        &mut self,
        name: &'static str,
        read: impl Fn(&mut Fields<'_>) -> T,
    ) -> T {
        self.required(name, |fields, name| fields.optional_object(name, &read))
    }

    /// A list of objects that must be there.
    pub fn objects<T>(
        &mut self,
        name: &'static str,
        read: impl Fn(&mut Fields<'_>) -> T,
    ) -> Vec<T> {
        let items = self.required(name, |fields, name| {
            let raw = fields.raw(name)?;
            let items = serde_json::from_str::<Vec<&RawValue>>(raw.get()).ok();
            if items.is_none() {
                fields.problem(name, wrong_type(Expected::List, raw));
            }
            items
        });
        let path = self.path.then(name);
        items
            .into_iter()
            .enumerate()
            .map(|(place, raw)| {
                read(&mut Fields::open(
                    raw,
                    path.at(place),
                    self.index,
                    self.found,
                ))
            })
            .collect()
    }

    fn required<T: Default>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Self, &'static str) -> Option<T>,
    ) -> T {
        if self.fields.is_some() && self.raw(name).is_none() {
            self.problem(name, WorldProblem::Missing);
        }
        read(self, name).unwrap_or_default()
    }

    fn typed<T: DeserializeOwned>(&mut self, name: &'static str, expected: Expected) -> Option<T> {
        let raw = self.raw(name)?;
        let value = serde_json::from_str(raw.get()).ok();
        if value.is_none() {
            self.problem(name, wrong_type(expected, raw));
        }
        value
    }

    /// The value's text, none when absent or null.
    fn raw(&self, name: &str) -> Option<&'r RawValue> {
        self.fields
            .as_ref()?
            .get(name)
            .copied()
            .filter(|raw| raw.get() != "null")
    }

    fn problem(&mut self, name: &'static str, problem: WorldProblem) {
        self.found.push(Found {
            index: self.index,
            field: self.path.then(name),
            problem,
        });
    }
}

fn object(raw: &RawValue) -> Option<BTreeMap<String, &RawValue>> {
    serde_json::from_str(raw.get()).ok()
}

fn wrong_type(expected: Expected, raw: &RawValue) -> WorldProblem {
    let text = raw.get();
    let mut found: String = text.chars().take(40).filter(|c| !c.is_control()).collect();
    if found.len() < text.len() {
        found.push('…');
    }
    WorldProblem::WrongType { expected, found }
}

/// The value at a path, or the nearest one around it.
fn locate<'a>(raw: &'a RawValue, segments: &[Segment]) -> &'a RawValue {
    let Some((first, rest)) = segments.split_first() else {
        return raw;
    };
    let below = match first {
        Segment::Field(name) => object(raw).and_then(|fields| fields.get(*name).copied()),
        Segment::Index(index) => serde_json::from_str::<Vec<&RawValue>>(raw.get())
            .ok()
            .and_then(|items| items.get(*index).copied()),
    };
    below.map_or(raw, |value| locate(value, rest))
}

/// Line and column, from 1, of a part of `text`.
fn position(text: &str, part: &str) -> (usize, usize) {
    let offset = part
        .as_ptr()
        .addr()
        .saturating_sub(text.as_ptr().addr())
        .min(text.len());
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (
        before.matches('\n').count() + 1,
        before[line_start..].chars().count() + 1,
    )
}

/// The parser's message without its own `at line … column …`.
fn without_place(message: &str) -> String {
    message
        .split(" at line ")
        .next()
        .unwrap_or(message)
        .to_owned()
}
