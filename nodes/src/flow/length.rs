//! How long a step waits, as a workflow says it.

use std::borrow::Cow;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Europe::Paris;
use domain::calendar;
use engine::node::NodeError;
use engine::text;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// A length of time: `60d`, `1h30m`, or `5 working_days`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// By the clock.
    Time(Duration),
    /// By a calendar: the same time of day, so many working days later.
    WorkingDays(u32),
}

/// Whose holidays count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Calendar {
    /// France: Monday to Friday, less the public holidays; days begin at midnight in Paris.
    Fr,
}

/// The word after a number of working days.
const WORKING_DAYS: &str = "working_days";
/// More working days than that are no length of a wait: forty years.
const MOST_WORKING_DAYS: u32 = 10_000;

/// The end of a wait is past the end of time.
pub(crate) fn too_long() -> NodeError {
    NodeError::fail("wait.too_long", text!("no instant is so far away"))
}

impl Length {
    /// Reads it; none when it is no length.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let Some(days) = text.trim().strip_suffix(WORKING_DAYS) else {
            return engine::language::duration(text).map(Self::Time);
        };
        let days = days.strip_suffix(' ')?.trim().parse().ok()?;
        (1..=MOST_WORKING_DAYS)
            .contains(&days)
            .then_some(Self::WorkingDays(days))
    }

    /// The instant that comes so long after this one; none past the end of time.
    #[must_use]
    pub fn after(self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Time(length) => at.checked_add_signed(TimeDelta::from_std(length).ok()?),
            Self::WorkingDays(days) => {
                let local = at.with_timezone(&Paris);
                let day = calendar::after_working_days(local.date_naive(), days)?;
                let wanted = day.and_time(local.time());
                // A time that the change to summer skips is the first one after it.
                let found = Paris.from_local_datetime(&wanted).earliest().or_else(|| {
                    let later = wanted.checked_add_signed(TimeDelta::hours(1))?;
                    Paris.from_local_datetime(&later).earliest()
                })?;
                Some(found.with_timezone(&Utc))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format_args!(
                "`{text}` is no length of time: write 30m, 60d or 5 working_days"
            ))
        })
    }
}

impl JsonSchema for Length {
    fn schema_name() -> Cow<'static, str> {
        "Length".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^\\s*(([0-9]+(ms|s|m|h|d))+|[0-9]+ +working_days)\\s*$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("an instant")
    }

    #[test]
    fn lengths_are_read() {
        assert_eq!(
            Length::parse("5 working_days"),
            Some(Length::WorkingDays(5))
        );
        let time = Length::Time(Duration::from_secs(5400));
        assert_eq!(Length::parse("1h30m"), Some(time));
        for text in [
            "",
            "5",
            "working_days",
            "0 working_days",
            "5working_days",
            "-1 working_days",
        ] {
            assert_eq!(Length::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_working_day_ends_at_the_same_time_in_paris() {
        // From winter to summer time: ten in the morning stays ten in the morning.
        let after = Length::WorkingDays(1).after(at("2026-03-27T09:00:00Z"));
        assert_eq!(after, Some(at("2026-03-30T08:00:00Z")));
        // 23:30 UTC is the next day in Paris already.
        let after = Length::WorkingDays(1).after(at("2026-07-13T22:30:00Z"));
        assert_eq!(after, Some(at("2026-07-14T22:30:00Z")));
    }
}
