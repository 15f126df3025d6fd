//! Instants of a calendar: five fields of cron in a time zone.
//!
//! The one place that knows the crate `cron`, of which three habits are kept
//! from everybody: it wants seconds, it counts weekdays from Sunday = 1, and in
//! a zone with summer time it skips and repeats instants. So it is asked in
//! local time only, and this file turns local time into instants:
//!
//! - a local time that a change of the clocks skips happens when they have
//!   changed (02:30 at 03:00), unless the schedule is one of every hour;
//! - a local time that comes twice happens once, the first time, unless the
//!   schedule is one of every hour: then every hour has its instants.
//!
//! As in every cron, a day must fit both day fields, or one of them when both
//! are given.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use crate::text;
use crate::text::Text;

/// Longer than any change of clocks: islands have skipped a day.
const CHANGE: TimeDelta = TimeDelta::hours(25);
/// Local times looked at for one answer: bounds the work near a change.
const MOST_LOOKED_AT: usize = 10_000;

/// Instants of a calendar.
#[derive(Clone)]
pub struct Cron {
    text: String,
    /// One, or two when a day fits either day field.
    fields: Vec<::cron::Schedule>,
    every_hour: bool,
    zone: Tz,
}

/// Why a text is no schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronError(pub Text);

impl Cron {
    /// Reads five fields: minute, hour, day, month, weekday.
    ///
    /// # Errors
    /// When there are not five, or one of them is not what it should be.
    pub fn parse(text: &str, zone: Tz) -> Result<Self, CronError> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let &[minute, hour, day, month, weekday] = fields.as_slice() else {
            return Err(CronError(text!(
                "it has {count} fields, not five",
                count = fields.len()
            )));
        };
        let weekdays = weekdays(weekday)?;
        let schedule = |day: &str, weekdays: &str| {
            let text = format!("0 {minute} {hour} {day} {month} {weekdays}");
            ::cron::Schedule::from_str(&text)
                .map_err(|error| CronError(Text::verbatim(error.to_string().replace('\n', " "))))
        };
        let both = !day.starts_with('*') && !weekday.starts_with('*');
        let fields = if both {
            vec![schedule(day, "*")?, schedule("*", &weekdays)?]
        } else {
            vec![schedule(day, &weekdays)?]
        };
        let cron = Self {
            text: fields_joined(&[minute, hour, day, month, weekday]),
            fields,
            every_hour: hour == "*",
            zone,
        };
        // The 30th of February never comes.
        match cron.local_after(NaiveDateTime::MIN.max(SOME_DAY)) {
            Some(_) => Ok(cron),
            None => Err(CronError(text!("no day fits it"))),
        }
    }

    /// The first instant after this one.
    #[must_use]
    pub fn next(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut local = self.local(after) - self.slack(after, after + CHANGE);
        let mut best: Option<DateTime<Utc>> = None;
        for _ in 0..MOST_LOOKED_AT {
            let Some(tick) = self.local_after(local) else {
                break;
            };
            let (first, second) = self.instants(tick);
            if let (Some(best), Some(first)) = (best, first)
                && first > best
            {
                break;
            }
            for instant in [first, second].into_iter().flatten() {
                if instant > after && best.is_none_or(|best| instant < best) {
                    best = Some(instant);
                }
            }
            local = tick;
        }
        best
    }

    /// The last instant that is not after this one.
    #[must_use]
    pub fn last(&self, until: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let slack = self.slack(until - CHANGE, until);
        let mut local = self.local(until) + slack + TimeDelta::seconds(1);
        let mut best: Option<DateTime<Utc>> = None;
        for _ in 0..MOST_LOOKED_AT {
            let Some(tick) = self.local_before(local) else {
                break;
            };
            let (first, second) = self.instants(tick);
            if let (Some(best), Some(latest)) = (best, second.or(first))
                && latest < best
            {
                break;
            }
            for instant in [first, second].into_iter().flatten() {
                if instant <= until && best.is_none_or(|best| instant > best) {
                    best = Some(instant);
                }
            }
            local = tick;
        }
        best
    }

    /// The newest instants from `from` to `until`, at most so many, oldest
    /// first; and whether there were more.
    #[must_use]
    pub fn between(
        &self,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
        most: usize,
    ) -> (Vec<DateTime<Utc>>, bool) {
        let mut found = Vec::new();
        let mut at = self.last(until);
        while let Some(instant) = at.filter(|instant| *instant >= from) {
            if found.len() == most {
                found.reverse();
                return (found, true);
            }
            found.push(instant);
            at = self.last(instant - TimeDelta::seconds(1));
        }
        found.reverse();
        (found, false)
    }

    /// An instant in local time, with its offset.
    #[must_use]
    pub fn local_text(&self, instant: DateTime<Utc>) -> String {
        instant.with_timezone(&self.zone).to_rfc3339()
    }

    fn local(&self, instant: DateTime<Utc>) -> NaiveDateTime {
        instant.with_timezone(&self.zone).naive_local()
    }

    /// How far from its local time an instant's neighbours may stand: only a
    /// schedule of every hour sees local time go back.
    fn slack(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> TimeDelta {
        let offset = |at: DateTime<Utc>| self.local(at) - at.naive_utc();
        if self.every_hour && offset(from) != offset(to) {
            CHANGE
        } else {
            TimeDelta::zero()
        }
    }

    /// When a local time is: once, twice, or when the clocks have changed.
    fn instants(&self, tick: NaiveDateTime) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        let utc = |at: DateTime<Tz>| at.with_timezone(&Utc);
        match self.zone.from_local_datetime(&tick) {
            chrono::LocalResult::Single(at) => (Some(utc(at)), None),
            chrono::LocalResult::Ambiguous(first, second) if self.every_hour => {
                (Some(utc(first)), Some(utc(second)))
            }
            chrono::LocalResult::Ambiguous(first, _) => (Some(utc(first)), None),
            chrono::LocalResult::None if self.every_hour => (None, None),
            chrono::LocalResult::None => {
                let minutes = (1..=CHANGE.num_minutes()).map(TimeDelta::minutes);
                let after = minutes
                    .filter_map(|later| tick.checked_add_signed(later))
                    .find_map(|local| self.zone.from_local_datetime(&local).earliest());
                (after.map(utc), None)
            }
        }
    }

    fn local_after(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        let next = |fields: &::cron::Schedule| fields.after(&local.and_utc()).next();
        self.fields
            .iter()
            .filter_map(next)
            .map(|at| at.naive_utc())
            .min()
    }

    fn local_before(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        let before = |fields: &::cron::Schedule| fields.after(&local.and_utc()).next_back();
        self.fields
            .iter()
            .filter_map(before)
            .map(|at| at.naive_utc())
            .max()
    }
}

/// Any day from which four years hold every day there is.
const SOME_DAY: NaiveDateTime = DateTime::UNIX_EPOCH.naive_utc();

fn fields_joined(fields: &[&str]) -> String {
    fields.join(" ")
}

/// Weekdays as the crate counts them, Sunday being 1.
fn weekdays(field: &str) -> Result<String, CronError> {
    const NAMES: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    let refused = || {
        CronError(text!(
            "`{field}` is no weekday: 0 or sun, 1 or mon, … 6 or sat",
            field
        ))
    };
    let day = |text: &str| -> Result<usize, CronError> {
        let text = text.to_ascii_lowercase();
        match text.parse::<usize>() {
            Ok(number) if number <= 7 => Ok(number),
            Ok(_) => Err(refused()),
            Err(_) => NAMES
                .iter()
                .position(|name| *name == text)
                .ok_or_else(refused),
        }
    };
    let mut days = [false; 7];
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse::<usize>().map_err(|_| refused())?),
            None => (part, 1),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (0, 6),
            Some((from, to)) => (day(from)?, day(to)?),
            None if step > 1 => (day(range)?, 6),
            None => (day(range)?, day(range)?),
        };
        // fri-mon goes over the end of the week.
        let to = if to < from { to + 7 } else { to };
        if step == 0 {
            return Err(refused());
        }
        for at in (from..=to).step_by(step) {
            days[at % 7] = true;
        }
    }
    if days.iter().all(|day| *day) {
        return Ok("*".to_owned());
    }
    let numbers = (1..=7).filter(|at| days[at - 1]).map(|at| at.to_string());
    Ok(numbers.collect::<Vec<_>>().join(","))
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.text, self.zone.name())
    }
}

impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cron({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paris(text: &str) -> Cron {
        Cron::parse(text, chrono_tz::Europe::Paris).unwrap()
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// The instants after this one, in local time with its offset.
    fn after(cron: &Cron, start: &str, count: usize) -> Vec<String> {
        let ticks = std::iter::successors(cron.next(at(start)), |tick| cron.next(*tick));
        ticks
            .take(count)
            .map(|tick| {
                tick.with_timezone(&cron.zone)
                    .format("%m-%d %H:%M %z")
                    .to_string()
            })
            .collect()
    }

    #[test]
    fn a_time_that_is_skipped_happens_when_the_clocks_have_changed() {
        assert_eq!(
            after(&paris("30 2 * * *"), "2026-03-27T12:00:00Z", 3),
            [
                "03-28 02:30 +0100",
                "03-29 03:00 +0200",
                "03-30 02:30 +0200"
            ]
        );
        // All that is skipped happens at once, and once.
        assert_eq!(
            after(&paris("0,20,40 2,3 * * *"), "2026-03-29T00:30:00Z", 3),
            [
                "03-29 03:00 +0200",
                "03-29 03:20 +0200",
                "03-29 03:40 +0200"
            ]
        );
    }

    #[test]
    fn a_time_that_comes_twice_happens_once() {
        assert_eq!(
            after(&paris("30 2 * * *"), "2026-10-24T12:00:00Z", 2),
            ["10-25 02:30 +0200", "10-26 02:30 +0100"]
        );
        assert_eq!(
            after(&paris("0 */2 * * *"), "2026-10-24T22:30:00Z", 2),
            ["10-25 02:00 +0200", "10-25 04:00 +0100"]
        );
    }

    #[test]
    fn every_hour_has_its_instants_whatever_the_clocks_do() {
        assert_eq!(
            after(&paris("*/30 * * * *"), "2026-10-24T23:59:00Z", 6),
            [
                "10-25 02:00 +0200",
                "10-25 02:30 +0200",
                "10-25 02:00 +0100",
                "10-25 02:30 +0100",
                "10-25 03:00 +0100",
                "10-25 03:30 +0100",
            ]
        );
        assert_eq!(
            after(&paris("*/30 * * * *"), "2026-03-29T00:29:00Z", 3),
            [
                "03-29 01:30 +0100",
                "03-29 03:00 +0200",
                "03-29 03:30 +0200"
            ]
        );
    }

    #[test]
    fn looking_back_finds_what_looking_forward_does() {
        for text in [
            "*/20 * * * *",
            "30 2 * * *",
            "0 */2 * * 1-5",
            "15 3 1 * 0",
            "0 0 29 2 *",
        ] {
            for zone in [
                chrono_tz::Europe::Paris,
                chrono_tz::Australia::Lord_Howe,
                chrono_tz::America::Santiago,
                chrono_tz::UTC,
            ] {
                let cron = Cron::parse(text, zone).unwrap();
                for start in [
                    "2026-03-27T22:00:00Z",
                    "2026-10-23T22:00:00Z",
                    "2026-04-03T00:00:00Z",
                ] {
                    let mut tick = at(start);
                    for _ in 0..200 {
                        // The crate's calendar ends with the century.
                        let Some(next) = cron.next(tick) else { break };
                        assert!(next > tick, "{cron}: {next} after {tick}");
                        assert_eq!(cron.last(next), Some(next), "{cron}");
                        let before = cron.last(next - TimeDelta::seconds(1)).unwrap();
                        assert!(before <= tick, "{cron}: {before} between {tick} and {next}");
                        tick = next;
                    }
                }
            }
        }
    }

    #[test]
    fn weekdays_and_days_are_those_of_every_cron() {
        assert_eq!(weekdays("1-5").unwrap(), "2,3,4,5,6");
        assert_eq!(weekdays("0").unwrap(), weekdays("7").unwrap());
        assert_eq!(weekdays("fri-mon").unwrap(), "1,2,6,7");
        assert_eq!(weekdays("*/2").unwrap(), "1,3,5,7");
        assert_eq!(weekdays("*").unwrap(), "*");
        // The first of the month, and every Monday.
        assert_eq!(
            after(&paris("0 6 1 * mon"), "2026-05-26T12:00:00Z", 3),
            [
                "06-01 06:00 +0200",
                "06-08 06:00 +0200",
                "06-15 06:00 +0200"
            ]
        );
        assert_eq!(
            after(&paris("0 6 2 * 1"), "2026-05-29T12:00:00Z", 3),
            [
                "06-01 06:00 +0200",
                "06-02 06:00 +0200",
                "06-08 06:00 +0200"
            ]
        );
    }

    #[test]
    fn what_never_comes_or_is_no_field_is_refused() {
        for text in [
            "0 6 * *",
            "0 6 * * 8",
            "0 6 * * x",
            "61 6 * * *",
            "0 6 30 2 *",
            "0 6 * * 1/0",
            "? * * * *",
        ] {
            assert!(Cron::parse(text, chrono_tz::UTC).is_err(), "{text}");
        }
    }

    #[test]
    fn the_newest_instants_of_a_long_time_are_found_at_once() {
        let cron = paris("* * * * *");
        let (ticks, more) =
            cron.between(at("2025-01-01T00:00:00Z"), at("2026-11-01T00:00:30Z"), 100);
        assert_eq!((ticks.len(), more), (100, true));
        assert_eq!(ticks[99], at("2026-11-01T00:00:00Z"));
        assert_eq!(ticks[0], at("2026-10-31T22:21:00Z"));
    }
}
