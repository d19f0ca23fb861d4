//! Dates: days added, business days, edges of months. Days count from 1970-01-01.

use jiff::civil::Date;

use super::number::Fault;

/// -9999-01-01 and 9999-12-31.
const CALENDAR: std::ops::RangeInclusive<i64> = -4_371_587..=2_932_896;
/// Most business days that one step may take.
const FARTHEST: i128 = 100_000;

fn in_calendar(day: i64) -> Result<i32, Fault> {
    if CALENDAR.contains(&day) { i32::try_from(day).map_err(|_| Fault::Calendar) } else { Err(Fault::Calendar) }
}

/// `date + n` calendar days.
pub(super) fn add(date: i32, n: i128) -> Result<i32, Fault> {
    let n = i64::try_from(n).map_err(|_| Fault::Calendar)?;
    in_calendar(i64::from(date).checked_add(n).ok_or(Fault::Calendar)?)
}

/// Whether no business is done: Saturday, Sunday, or a closed day. `closed` is sorted.
fn is_closed(day: i64, closed: &[i32]) -> bool {
    // 1970-01-01 was a Thursday.
    matches!((day + 4).rem_euclid(7), 0 | 6) || i32::try_from(day).is_ok_and(|day| closed.binary_search(&day).is_ok())
}

/// The n-th business day after a date (before it when negative); the date itself for 0, be it closed or not.
pub(super) fn add_business(date: i32, n: i128, closed: &[i32]) -> Result<i32, Fault> {
    if n.abs() > FARTHEST {
        return Err(Fault::Calendar);
    }
    let step = if n < 0 { -1 } else { 1 };
    let (mut day, mut left) = (i64::from(date), n.abs());
    while left > 0 {
        day += step;
        in_calendar(day)?;
        if !is_closed(day, closed) {
            left -= 1;
        }
    }
    in_calendar(day)
}

/// The first or last day of a date's month; `None` outside of the calendar.
pub(super) fn month_edge(date: i32, last: bool) -> Option<i32> {
    let epoch = Date::constant(1970, 1, 1);
    let day = epoch.checked_add(jiff::Span::new().try_days(i64::from(date)).ok()?).ok()?;
    let edge = if last { day.last_of_month() } else { day.first_of_month() };
    Some(date + i32::from(edge.day()) - i32::from(day.day()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{format_date, parse_date};

    fn day(text: &str) -> i32 {
        parse_date(text).expect("a date")
    }

    #[test]
    fn the_sixth_business_day_passes_over_weekends_and_holidays() {
        // 5 November 2026 is a Thursday: 6, 9, 10, 11, 12, 13.
        let base = day("2026-11-05");
        assert_eq!(add_business(base, 6, &[]).map(format_date), Ok("2026-11-13".into()));
        assert_eq!(add_business(base, 6, &[day("2026-11-10")]).map(format_date), Ok("2026-11-16".into()));
        assert_eq!(add_business(base, 6, &[day("2026-11-07")]).map(format_date), Ok("2026-11-13".into()), "a Saturday");
        assert_eq!(add_business(day("2026-11-08"), 0, &[]).map(format_date), Ok("2026-11-08".into()), "a Sunday stays");
        assert_eq!(add_business(day("2026-11-08"), 1, &[]).map(format_date), Ok("2026-11-09".into()));
        assert_eq!(add_business(day("2026-11-09"), -1, &[]).map(format_date), Ok("2026-11-06".into()));
        assert_eq!(add_business(day("1969-12-29"), 5, &[]).map(format_date), Ok("1970-01-05".into()));
        assert_eq!(add_business(day("9999-12-31"), 1, &[]), Err(Fault::Calendar));
        assert_eq!(add_business(base, i128::MAX, &[]), Err(Fault::Calendar));
    }

    #[test]
    fn edges_of_months() {
        let edge = |text, last| month_edge(day(text), last).map(format_date);
        assert_eq!(edge("2024-02-11", true), Some("2024-02-29".into()));
        assert_eq!(edge("2024-02-29", false), Some("2024-02-01".into()));
        assert_eq!(edge("1969-12-31", false), Some("1969-12-01".into()));
        assert_eq!(edge("9999-12-01", true), Some("9999-12-31".into()));
        assert_eq!(add(day("9999-12-31"), 1), Err(Fault::Calendar));
    }
}
