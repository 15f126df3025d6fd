//! What is wrong with a world, and where.

use std::collections::BTreeMap;
use std::fmt;

use super::path::FieldPath;
use crate::money::{Money, MoneyError};

/// One problem of a world, with its place.
///
/// `Display` is the English line for logs; people read the catalogue's text of
/// [`WorldProblem::code`] with [`WorldProblem::values`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{problem}", place(self), field_of(.field))]
pub struct WorldError {
    /// File of the folder.
    pub file: &'static str,
    /// Line in the file, from 1; none when the file is missing.
    pub line: Option<usize>,
    /// Column in the line, from 1.
    pub column: Option<usize>,
    /// The record, when the file is a list at all.
    pub record: Option<RecordId>,
    /// The field inside the record.
    pub field: FieldPath,
    /// What is wrong.
    pub problem: WorldProblem,
}

/// Which record of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordId {
    /// Place in the list, from 1.
    pub number: usize,
    /// Its `id`, when it has one.
    pub id: Option<String>,
}

/// What is wrong with a value of a world.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorldProblem {
    /// The file is not in the folder.
    #[error("the file is missing; write `[]` when there is nothing of the kind")]
    MissingFile,
    /// The file is not JSON.
    #[error("not valid JSON: {0}")]
    Json(String),
    /// The file is JSON but no list of records.
    #[error("expected a list of records")]
    NotAList,
    /// A required field is absent or null.
    #[error("required, and absent or null")]
    Missing,
    /// A value of another type.
    #[error("expected {expected}, found `{found}`")]
    WrongType {
        /// What it should be.
        expected: Expected,
        /// What stands there.
        found: String,
    },
    /// A number that is no amount.
    #[error("{0}")]
    Amount(MoneyError),
    /// A value outside a closed set.
    #[error("`{found}` is none of {allowed}")]
    NotOneOf {
        /// What stands there.
        found: String,
        /// What may stand there.
        allowed: String,
    },
    /// Text that no database stores.
    #[error("contains the character U+0000")]
    NulCharacter,
    /// The id, or another value that must be unique, was seen before.
    #[error("`{value}` was used before, by record {first}")]
    Duplicate {
        /// The value.
        value: String,
        /// Number of the record that has it, from 1.
        first: usize,
    },
    /// A reference to a record that is not there.
    #[error("`{id}` is no {} of this world", .kind.replace('_', " "))]
    UnknownReference {
        /// What is referred to.
        kind: &'static str,
        /// The id that leads nowhere.
        id: String,
    },
    /// A reference to a record of another condominium.
    #[error("{kind} `{id}` belongs to another condominium")]
    OtherCondominium {
        /// What is referred to.
        kind: &'static str,
        /// Its id.
        id: String,
    },
    /// A total that its parts do not give.
    #[error("{stated} is stated, the parts add up to {computed}")]
    DoesNotAddUp {
        /// The amount written.
        stated: Money,
        /// What the parts give.
        computed: Money,
    },
    /// An amount that must be more than nothing.
    #[error("`{found}` must be more than zero")]
    NotPositive {
        /// The amount written.
        found: Money,
    },
    /// A span of time that ends before it starts.
    #[error("ends before it starts")]
    EndsBeforeStart,
    /// A count that differs from the number of parts.
    #[error("{stated} is stated, there are {counted}")]
    WrongCount {
        /// The count written.
        stated: i64,
        /// The number of parts.
        counted: usize,
    },
}

/// What a value should have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// A record with fields.
    Object,
    /// A list.
    List,
    /// Text between quotes.
    Text,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// A day.
    Day,
    /// A moment.
    Moment,
}

impl Expected {
    /// The word in data and catalogue: `day`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::List => "list",
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::Day => "day",
            Self::Moment => "moment",
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Object => "a record `{…}`",
            Self::List => "a list `[…]`",
            Self::Text => "text",
            Self::Integer => "a whole number",
            Self::Boolean => "`true` or `false`",
            Self::Day => "a day such as `2025-01-31`",
            Self::Moment => "a moment such as `2025-01-31 08:30:00`",
        })
    }
}

impl WorldProblem {
    /// The stable code, which is also the key in the catalogue.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MissingFile => "missing_file",
            Self::Json(_) => "not_json",
            Self::NotAList => "not_a_list",
            Self::Missing => "missing",
            Self::WrongType { expected, .. } => match expected {
                Expected::Object => "not_object",
                Expected::List => "not_list",
                Expected::Text => "not_text",
                Expected::Integer => "not_integer",
                Expected::Boolean => "not_boolean",
                Expected::Day => "not_day",
                Expected::Moment => "not_moment",
            },
            Self::Amount(MoneyError::TooManyDecimals(_)) => "too_many_decimals",
            Self::Amount(MoneyError::TooLarge(_)) => "too_large",
            Self::Amount(MoneyError::NotANumber(_)) => "not_amount",
            Self::NotOneOf { .. } => "not_one_of",
            Self::NulCharacter => "nul_character",
            Self::Duplicate { .. } => "duplicate",
            Self::UnknownReference { .. } => "unknown_reference",
            Self::OtherCondominium { .. } => "other_condominium",
            Self::DoesNotAddUp { .. } => "does_not_add_up",
            Self::NotPositive { .. } => "not_positive",
            Self::EndsBeforeStart => "ends_before_start",
            Self::WrongCount { .. } => "wrong_count",
        }
    }

    /// The values that the catalogue's text names.
    #[must_use]
    pub fn values(&self) -> BTreeMap<&'static str, String> {
        let pairs = match self {
            Self::MissingFile
            | Self::NotAList
            | Self::Missing
            | Self::NulCharacter
            | Self::EndsBeforeStart => vec![],
            Self::NotPositive { found } => vec![("found", found.to_string())],
            Self::Json(reason) => vec![("reason", reason.clone())],
            Self::WrongType { found, .. } => vec![("found", found.clone())],
            Self::Amount(MoneyError::TooManyDecimals(found) | MoneyError::TooLarge(found)) => {
                vec![("found", found.to_string())]
            }
            Self::Amount(MoneyError::NotANumber(found)) => vec![("found", found.clone())],
            Self::NotOneOf { found, allowed } => {
                vec![("found", found.clone()), ("allowed", allowed.clone())]
            }
            Self::Duplicate { value, first } => {
                vec![("value", value.clone()), ("first", first.to_string())]
            }
            Self::UnknownReference { kind, id } | Self::OtherCondominium { kind, id } => {
                vec![("kind", (*kind).to_owned()), ("id", id.clone())]
            }
            Self::DoesNotAddUp { stated, computed } => {
                vec![
                    ("stated", stated.to_string()),
                    ("computed", computed.to_string()),
                ]
            }
            Self::WrongCount { stated, counted } => {
                vec![
                    ("stated", stated.to_string()),
                    ("counted", counted.to_string()),
                ]
            }
        };
        pairs.into_iter().collect()
    }
}

fn place(error: &WorldError) -> String {
    let mut place = error.file.to_owned();
    for number in [error.line, error.column].into_iter().flatten() {
        place.push_str(&format!(":{number}"));
    }
    place.push_str(": ");
    if let Some(record) = &error.record {
        place.push_str(&match &record.id {
            Some(id) => format!("record {} ({id}): ", record.number),
            None => format!("record {}: ", record.number),
        });
    }
    place
}

fn field_of(field: &FieldPath) -> String {
    if field.is_record() {
        String::new()
    } else {
        format!("`{field}`: ")
    }
}
