//! Working days: Monday to Friday, less the public holidays of metropolitan
//! France (article L. 3133-1 of the labour code).

use chrono::{Datelike, Days, NaiveDate, Weekday};

/// Whether people work on this day.
#[must_use]
pub fn is_working_day(day: NaiveDate) -> bool {
    !matches!(day.weekday(), Weekday::Sat | Weekday::Sun) && !is_public_holiday(day)
}

/// The day that comes so many working days after this one; the day itself does
/// not count. None past the end of the calendar.
#[must_use]
pub fn after_working_days(day: NaiveDate, count: u32) -> Option<NaiveDate> {
    let mut day = day;
    let mut left = count;
    while left > 0 {
        day = day.checked_add_days(Days::new(1))?;
        left -= u32::from(is_working_day(day));
    }
    Some(day)
}

/// Whether this day is one of the eleven public holidays.
#[must_use]
pub fn is_public_holiday(day: NaiveDate) -> bool {
    let fixed = matches!(
        (day.month(), day.day()),
        (1 | 5 | 11, 1) | (5, 8) | (7, 14) | (8, 15) | (11, 11) | (12, 25)
    );
    // Easter Monday, Ascension, Whit Monday.
    fixed
        || easter(day.year()).is_some_and(|easter| matches!((day - easter).num_days(), 1 | 39 | 50))
}

/// Easter Sunday of a year of the Gregorian calendar (Meeus, Jones and Butcher).
fn easter(year: i32) -> Option<NaiveDate> {
    let golden = year.rem_euclid(19);
    let (century, rest) = (year.div_euclid(100), year.rem_euclid(100));
    let correction = (century - (century + 8) / 25 + 1) / 3;
    let epact = (19 * golden + century - century / 4 - correction + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (rest / 4) - epact - rest % 4) % 7;
    let shift = (golden + 11 * epact + 22 * weekday) / 451;
    let days = epact + weekday - 7 * shift + 114;
    let (month, day) = (days / 31, days % 31 + 1);
    NaiveDate::from_ymd_opt(year, u32::try_from(month).ok()?, u32::try_from(day).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a day")
    }

    #[test]
    fn easter_falls_where_the_almanac_says() {
        for sunday in [
            "1961-04-02",
            "2000-04-23",
            "2008-03-23",
            "2011-04-24",
            "2024-03-31",
            "2026-04-05",
            "2038-04-25",
        ] {
            assert_eq!(easter(day(sunday).year()), Some(day(sunday)));
        }
    }

    #[test]
    fn a_year_has_eleven_public_holidays() {
        let holidays: Vec<_> = day("2026-01-01")
            .iter_days()
            .take_while(|day| day.year() == 2026)
            .filter(|day| is_public_holiday(*day))
            .map(|day| day.format("%m-%d").to_string())
            .collect();
        let known = [
            "01-01", "04-06", "05-01", "05-08", "05-14", "05-25", "07-14", "08-15", "11-01",
            "11-11", "12-25",
        ];
        assert_eq!(holidays, known);
    }

    #[test]
    fn working_days_skip_week_ends_and_holidays() {
        let after = |text, count| after_working_days(day(text), count).expect("a day");
        // Thursday before Easter: Friday works, Easter Monday does not.
        assert_eq!(after("2026-04-02", 1), day("2026-04-03"));
        assert_eq!(after("2026-04-02", 2), day("2026-04-07"));
        // From a Saturday, the first working day is Monday.
        assert_eq!(after("2026-03-07", 1), day("2026-03-09"));
        assert_eq!(after("2026-04-30", 5), day("2026-05-11"));
        assert_eq!(after("2026-03-07", 0), day("2026-03-07"));
    }
}
