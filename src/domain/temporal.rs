//! Dates, instants and times as plain integers, and their ISO 8601 texts.
//!
//! A naive instant (no zone written) is turned into an instant by the reader, with the zone that the
//! user gave (UTC unless told otherwise). Must not read the clock.

use jiff::civil;
use jiff::tz::{AmbiguousOffset, TimeZone};

/// An instant read from a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instant {
    /// Nanoseconds since 1970-01-01T00:00Z.
    pub nanos: i128,
    /// Digits behind the second that were written or that the type holds.
    pub digits: u8,
}

const NANOS_PER_SECOND: i128 = 1_000_000_000;
const NANOS_PER_DAY: i128 = 86_400 * NANOS_PER_SECOND;

/// Days since 1970-01-01 of a civil date.
pub(crate) fn days_of(date: civil::Date) -> i32 {
    let epoch = civil::date(1970, 1, 1);
    date.since(epoch).map(|span| span.get_days()).unwrap_or(0)
}

fn date_of(days: i64) -> Option<civil::Date> {
    civil::date(1970, 1, 1).checked_add(jiff::Span::new().try_days(days).ok()?).ok()
}

/// `2026-11-05`.
pub fn format_date(days: i32) -> String {
    match date_of(i64::from(days)) {
        Some(date) => date.to_string(),
        None => format!("{days} days since 1970-01-01"),
    }
}

/// `2026-11-05T10:00:00.123Z`, with as many digits behind the second as the type holds and at least those needed.
pub fn format_instant(nanos: i128, digits: u8) -> String {
    let days = nanos.div_euclid(NANOS_PER_DAY);
    let within = nanos.rem_euclid(NANOS_PER_DAY);
    let date = match i64::try_from(days).ok().and_then(date_of) {
        Some(date) => date.to_string(),
        None => return format!("{nanos} ns since 1970-01-01"),
    };
    format!("{date}T{}Z", clock(within, digits))
}

/// `22:00:00.5`, `-838:59:59`.
pub fn format_time(nanos: i64, digits: u8) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    format!("{sign}{}", clock(i128::from(nanos).abs(), digits))
}

fn clock(nanos: i128, digits: u8) -> String {
    let seconds = nanos / NANOS_PER_SECOND;
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let fraction = format!("{:09}", nanos % NANOS_PER_SECOND);
    let needed = fraction.trim_end_matches('0').len();
    let shown = needed.max(usize::from(digits.min(9)));
    // Trailing zeros say nothing to a reader; they are kept only down to milliseconds.
    let shown = if needed == 0 { 0 } else { shown };
    if shown == 0 { format!("{h:02}:{m:02}:{s:02}") } else { format!("{h:02}:{m:02}:{s:02}.{}", &fraction[..shown]) }
}

/// Reads `YYYY-MM-DD` as days since 1970-01-01.
pub fn parse_date(text: &str) -> Option<i32> {
    let shape = text.len() == 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-';
    if !shape {
        return None;
    }
    text.parse::<civil::Date>().ok().map(days_of)
}

/// Reads an ISO 8601 instant (`T` or a blank between date and time, up to 9 digits, `Z` or `±hh[:mm]` or
/// no zone). Without a zone it is taken in `zone`; `None` when it is not an instant, or does not exist
/// exactly once in that zone.
pub fn parse_instant(text: &str, zone: &TimeZone) -> Option<Instant> {
    let bytes = text.as_bytes();
    if bytes.len() < 16 || !bytes.is_ascii() || !matches!(bytes[10], b'T' | b't' | b' ') {
        return None;
    }
    let days = parse_date(&text[..10])?;
    let rest = &text[11..];
    let zone_at = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (clock, offset) = (rest[..zone_at].trim_end(), &rest[zone_at..]);
    let (nanos, digits) = parse_clock(clock, 24)?;
    let local = i128::from(days) * NANOS_PER_DAY + i128::from(nanos);
    let nanos = match offset {
        "" => resolve_local(local, zone)?,
        "Z" | "z" => local,
        _ => {
            let (sign, digits) = offset.split_at(1);
            let (h, m) = match digits.split_once(':') {
                Some(pair) => pair,
                None if digits.len() == 4 => digits.split_at(2),
                None => (digits, "00"),
            };
            let (h, m): (i128, i128) = (two(h)?.into(), two(m)?.into());
            if h > 18 || m > 59 {
                return None;
            }
            let shift = (h * 3600 + m * 60) * NANOS_PER_SECOND;
            if sign == "-" { local + shift } else { local - shift }
        }
    };
    Some(Instant { nanos, digits })
}

/// Turns local nanoseconds (civil time counted as if it were UTC) into an instant in `zone`; `None` when the
/// local time does not exist or exists twice there.
pub fn resolve_local(local: i128, zone: &TimeZone) -> Option<i128> {
    if *zone == TimeZone::UTC {
        return Some(local);
    }
    let stamp = jiff::Timestamp::from_nanosecond(local).ok()?;
    let civil = stamp.to_zoned(TimeZone::UTC).datetime();
    match zone.to_ambiguous_timestamp(civil).offset() {
        AmbiguousOffset::Unambiguous { offset } => Some(local - i128::from(offset.seconds()) * NANOS_PER_SECOND),
        _ => None,
    }
}

/// Reads `hh:mm[:ss[.fraction]]`, with a sign and up to 838 hours.
pub fn parse_time(text: &str) -> Option<(i64, u8)> {
    if !text.is_ascii() {
        return None;
    }
    match text.strip_prefix('-') {
        Some(rest) => parse_clock(rest, 839).map(|(n, d)| (-n, d)),
        None => parse_clock(text, 839),
    }
}

fn parse_clock(text: &str, hours_below: i64) -> Option<(i64, u8)> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 9 || (fraction.is_empty() && text.ends_with('.')) {
        return None;
    }
    let mut parts = clock.split(':');
    let (h, m) = (parts.next()?, parts.next()?);
    let s = parts.next();
    if parts.next().is_some() || (s.is_none() && !fraction.is_empty()) || !(2..=3).contains(&h.len()) {
        return None;
    }
    let h: i64 = h.bytes().all(|b| b.is_ascii_digit()).then(|| h.parse().ok())??;
    let (m, s) = (two(m)?, s.map_or(Some(0), two)?);
    if h >= hours_below || m > 59 || s > 59 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nanos = if fraction.is_empty() { 0 } else { format!("{fraction:0<9}").parse::<i64>().ok()? };
    Some(((h * 3600 + i64::from(m) * 60 + i64::from(s)) * 1_000_000_000 + nanos, fraction.len() as u8))
}

fn two(text: &str) -> Option<u8> {
    (text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_read_and_print() {
        let cases = [
            ("2026-11-05T10:00:00Z", "2026-11-05T10:00:00Z"),
            ("2026-11-05 10:00:00.123456", "2026-11-05T10:00:00.123456Z"),
            ("2026-11-05T10:00:00+09:00", "2026-11-05T01:00:00Z"),
            ("1969-12-31T23:59:59.5-0030", "1970-01-01T00:29:59.5Z"),
            ("0001-01-01T00:00Z", "0001-01-01T00:00:00Z"),
            ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"),
        ];
        for (text, shown) in cases {
            let read = parse_instant(text, &TimeZone::UTC).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(format_instant(read.nanos, read.digits), shown, "{text}");
        }
        for wrong in ["2026-11-05", "2026-02-30T00:00:00Z", "2026-11-05T24:00:00Z", "2026-11-05T10:00:00+9", "x"] {
            assert_eq!(parse_instant(wrong, &TimeZone::UTC), None, "{wrong}");
        }
    }

    #[test]
    fn a_local_time_that_does_not_exist_once_is_refused() {
        let zone = TimeZone::get("Europe/Berlin").expect("bundled zone");
        assert_eq!(parse_instant("2026-03-29T02:30:00", &zone), None);
        assert_eq!(parse_instant("2026-10-25T02:30:00", &zone), None);
        let read = parse_instant("2026-07-01T12:00:00", &zone).expect("exists once");
        assert_eq!(format_instant(read.nanos, 0), "2026-07-01T10:00:00Z");
    }

    #[test]
    fn times_go_beyond_a_day() {
        assert_eq!(parse_time("-838:59:59"), Some((-3_020_399_000_000_000, 0)));
        assert_eq!(format_time(-3_020_399_000_000_000, 0), "-838:59:59");
        assert_eq!(parse_time("12:60:00"), None);
    }
}
