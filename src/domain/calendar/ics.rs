//! All-day events of an iCalendar file (RFC 5545) as holidays. Only what is certain: an event that recurs, or has a
//! time of day, is refused with its line, for it cannot be told which days it takes off.

use jiff::civil::Date;

use super::{Holiday, HolidayKind};

/// Most days that one event may take.
const LONGEST: i32 = 31;

/// Why a file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct IcsError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

fn wrong<T>(line: usize, what: impl Into<String>) -> Result<T, IcsError> {
    Err(IcsError { line, what: what.into() })
}

/// One content line: `NAME;PARAM=x:VALUE`.
struct Line<'a> {
    at: usize,
    name: String,
    params: &'a str,
    value: &'a str,
}

/// The event being read.
#[derive(Default)]
struct Event {
    line: usize,
    start: Option<Date>,
    end: Option<Date>,
    days: Option<i32>,
    name: String,
    texts: String,
    cancelled: bool,
    refused: Option<IcsError>,
}

/// Reads the all-day events of a file, in their order; an event of several days gives one holiday a day.
///
/// `matching`: only events whose summary, description or categories contain this text. Cancelled events are left out.
///
/// # Errors
/// The file is no calendar or cut short, or an event that is taken has no plain days.
pub fn holidays(text: &str, kind: HolidayKind, matching: Option<&str>) -> Result<Vec<Holiday>, IcsError> {
    let lines = unfolded(text);
    let mut holidays = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let mut event: Option<Event> = None;
    let mut ended = false;
    for (at, text) in &lines {
        let line = content(*at, text)?;
        if ended && line.name != "BEGIN" {
            return wrong(*at, "something follows the end of the calendar");
        }
        let inside = open.last().map(String::as_str);
        match (line.name.as_str(), inside) {
            ("BEGIN", _) => {
                let component = line.value.trim().to_ascii_uppercase();
                if open.is_empty() && component != "VCALENDAR" {
                    return wrong(*at, "no iCalendar file: it must begin with BEGIN:VCALENDAR");
                }
                if component == "VEVENT" {
                    event = Some(Event { line: *at, ..Event::default() });
                }
                ended = false;
                open.push(component);
            }
            ("END", _) => {
                let component = line.value.trim().to_ascii_uppercase();
                if open.pop().as_deref() != Some(component.as_str()) {
                    return wrong(*at, format!("END:{component} without its beginning"));
                }
                if component == "VEVENT"
                    && let Some(event) = event.take()
                {
                    event.take(kind, matching, &mut holidays)?;
                }
                ended = open.is_empty();
            }
            (_, None) => return wrong(*at, "no iCalendar file: it must begin with BEGIN:VCALENDAR"),
            (_, Some("VEVENT")) => {
                if let Some(event) = &mut event {
                    event.read(&line)?;
                }
            }
            _ => {}
        }
    }
    if !ended {
        return wrong(lines.last().map_or(1, |(at, _)| *at), "the calendar is cut short: END:VCALENDAR is missing");
    }
    Ok(holidays)
}

impl Event {
    fn read(&mut self, line: &Line<'_>) -> Result<(), IcsError> {
        match line.name.as_str() {
            "DTSTART" => match all_day(line) {
                Ok(day) => self.start = Some(day),
                Err(error) => self.refused = Some(error),
            },
            "DTEND" => match all_day(line) {
                Ok(day) => self.end = Some(day),
                Err(error) => self.refused = Some(error),
            },
            "DURATION" => {
                let days = line.value.trim().strip_prefix('P').and_then(|rest| {
                    let (count, days) =
                        (rest.strip_suffix('D').map(|n| (n, 1))).or_else(|| rest.strip_suffix('W').map(|n| (n, 7)))?;
                    count.parse::<i32>().ok()?.checked_mul(days)
                });
                match days {
                    Some(days) => self.days = Some(days),
                    None => {
                        self.refused = wrong::<()>(line.at, format!("`{}` is no number of days", line.value)).err();
                    }
                }
            }
            "RRULE" | "RDATE" | "EXDATE" | "RECURRENCE-ID" => {
                self.refused =
                    wrong::<()>(line.at, format!("an event that recurs ({}): write out its days", line.name)).err();
            }
            "STATUS" => self.cancelled = line.value.trim().eq_ignore_ascii_case("CANCELLED"),
            "SUMMARY" => {
                self.name = unescaped(line.value);
                self.texts.push_str(&format!("{}\n", self.name));
            }
            "DESCRIPTION" | "CATEGORIES" => self.texts.push_str(&format!("{}\n", unescaped(line.value))),
            _ => {}
        }
        Ok(())
    }

    fn take(self, kind: HolidayKind, matching: Option<&str>, into: &mut Vec<Holiday>) -> Result<(), IcsError> {
        if self.cancelled || matching.is_some_and(|text| !self.texts.contains(text)) {
            return Ok(());
        }
        if let Some(error) = self.refused {
            return Err(error);
        }
        let Some(start) = self.start else { return wrong(self.line, "an event without DTSTART") };
        let days = match (self.end, self.days) {
            (Some(_), Some(_)) => return wrong(self.line, "an event with both DTEND and DURATION"),
            // The end is the first day after it.
            (Some(end), None) => start.until(end).map_or(0, |span| span.get_days()),
            (None, Some(days)) => days,
            (None, None) => 1,
        };
        if !(1..=LONGEST).contains(&days) {
            return wrong(self.line, format!("an event of {days} days; from 1 to {LONGEST} can be a holiday"));
        }
        let mut day = start;
        for count in 1..=days {
            into.push(Holiday { day, name: self.name.trim().to_owned(), kind });
            if count < days {
                day = day.tomorrow().map_err(|_| IcsError { line: self.line, what: "beyond the last day".into() })?;
            }
        }
        Ok(())
    }
}

/// `20261105` of a property that is a day and not a moment.
fn all_day(line: &Line<'_>) -> Result<Date, IcsError> {
    let value = line.value.trim();
    let typed = line.params.split(';').any(|param| param.eq_ignore_ascii_case("VALUE=DATE"));
    if value.contains('T') {
        return wrong(line.at, format!("{} `{value}` has a time of day: not an all-day event", line.name));
    }
    let digits = value.len() == 8 && value.bytes().all(|b| b.is_ascii_digit());
    let day = if digits { compact(value) } else { None };
    match day {
        Some(day) if typed || line.params.is_empty() => Ok(day),
        _ => wrong(line.at, format!("{} `{value}` is no day", line.name)),
    }
}

/// `20261105`.
pub fn compact(text: &str) -> Option<Date> {
    if text.len() != 8 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Date::new(text[..4].parse().ok()?, text[4..6].parse().ok()?, text[6..].parse().ok()?).ok()
}

/// Lines with their number, continued lines joined.
fn unfolded(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    for (at, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(rest), Some((_, last))) => last.push_str(rest),
            _ if line.trim().is_empty() => {}
            _ => lines.push((at + 1, line.to_owned())),
        }
    }
    lines
}

fn content(at: usize, text: &str) -> Result<Line<'_>, IcsError> {
    // A colon within a quoted parameter does not end the name.
    let mut quoted = false;
    let colon = text.char_indices().find(|(_, c)| {
        quoted ^= *c == '"';
        *c == ':' && !quoted
    });
    let Some((colon, _)) = colon else { return wrong(at, "no iCalendar line: a colon is missing") };
    let (head, value) = (&text[..colon], &text[colon + 1..]);
    let (name, params) = head.split_once(';').unwrap_or((head, ""));
    Ok(Line { at, name: name.trim().to_ascii_uppercase(), params, value })
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some('n' | 'N') => plain.push(' '),
                Some(other) => plain.push(other),
                None => {}
            },
            c => plain.push(c),
        }
    }
    plain
}
