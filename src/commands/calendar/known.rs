//! The holidays of a calendar, read from where it says. What is no plain day is refused: a holiday left out pays early.

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::config::{Calendar, HolidaySource, Input, Project, What};
use crate::domain::Value;
use crate::domain::calendar::{Holiday, HolidayKind, PayoutCalendar, ics};
use crate::path::{ReadyInput, documents, ready};
use crate::stores::Settings;

use super::super::Failure;

/// A holiday and where it comes from.
pub(super) struct Sourced {
    pub(super) holiday: Holiday,
    pub(super) source: String,
}

/// Reads every holiday of a calendar into its business days.
pub(super) fn read(project: &Project, calendar: &Calendar) -> Result<PayoutCalendar, Failure> {
    let mut days = calendar.days.clone();
    if !calendar.holidays.is_empty() {
        days.require_holidays();
    }
    for one in all(project, calendar)? {
        days.add(one.holiday);
    }
    Ok(PayoutCalendar { rule: calendar.rule.clone(), days })
}

/// Every holiday of a calendar, source by source.
pub(super) fn all(project: &Project, calendar: &Calendar) -> Result<Vec<Sourced>, Failure> {
    let mut found = Vec::new();
    for source in &calendar.holidays {
        match source {
            HolidaySource::Korea => {
                let mut days = calendar.days.clone();
                days.add_korea();
                let shipped = days.holidays().cloned();
                found.extend(shipped.map(|holiday| Sourced { holiday, source: "korea".to_owned() }));
            }
            HolidaySource::Input(input) => {
                let source = label(input);
                let holidays = of_input(project, input, &calendar.rule.zone)?;
                found.extend(holidays.into_iter().map(|holiday| Sourced { holiday, source: source.clone() }));
            }
        }
    }
    Ok(found)
}

/// `core.holiday`
pub(super) fn label(input: &Input) -> String {
    match &input.what {
        What::Table(name) | What::Pipeline { collection: name, .. } => format!("{}.{name}", input.store),
        What::Query(_) => format!("{} (query)", input.store),
    }
}

/// The holidays of one source.
pub(super) fn of_input(project: &Project, input: &Input, zone: &TimeZone) -> Result<Vec<Holiday>, Failure> {
    let settings = Settings { zone: zone.clone(), ..Settings::default() };
    let read = ready(project, input, &[], &settings)?;
    of_records(&read, zone, None)
}

/// The holidays of records with `day` (or `date`), and perhaps `name` and `kind`.
///
/// `kind`: of those that say none; public when it is not given.
pub(super) fn of_records(
    input: &ReadyInput,
    zone: &TimeZone,
    kind: Option<HolidayKind>,
) -> Result<Vec<Holiday>, Failure> {
    let (records, _) = documents(input)?;
    let mut holidays = Vec::with_capacity(records.len());
    for (at, record) in records.iter().enumerate() {
        let wrong = |what: String| {
            Failure::usage(format!("holidays in {}, record {}: {what}", input.label, at + 1))
                .hint("a record has the field `day` (2026-11-05), and perhaps `name` and `kind` (public, temporary)")
        };
        let Value::Document(fields) = record else { continue };
        let field = |name: &str| fields.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        let Some(value) = field("day").or_else(|| field("date")) else {
            let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
            return Err(wrong(format!("there is no field `day`; there are: {}", names.join(", "))));
        };
        let day = day_of(value, zone).ok_or_else(|| wrong(format!("`{value}` ({}) is no day", value.type_name())))?;
        let name = match field("name") {
            None => String::new(),
            Some(value) if value.is_missing() => String::new(),
            Some(Value::Text { text, .. }) => text.clone(),
            Some(Value::Unknown(why)) => return Err(wrong(format!("the name cannot be read: {why}"))),
            Some(other) => other.to_string(),
        };
        let kind = match field("kind") {
            None => kind.unwrap_or(HolidayKind::Public),
            Some(value) if value.is_missing() => kind.unwrap_or(HolidayKind::Public),
            Some(value) => value.to_string().parse().map_err(wrong)?,
        };
        holidays.push(Holiday { day, name, kind });
    }
    Ok(holidays)
}

/// A date; its text; or the instant at which it begins, in UTC (as dates without a zone are kept) or in the zone.
fn day_of(value: &Value, zone: &TimeZone) -> Option<Date> {
    const DAY: i128 = 86_400_000_000_000;
    let of_days = |days: i64| date(1970, 1, 1).checked_add(Span::new().try_days(days).ok()?).ok();
    match value {
        Value::Date(days) => of_days(i64::from(*days)),
        Value::Text { text, .. } => {
            let text = text.trim();
            let plain = crate::domain::parse_date(text).and_then(|days| of_days(i64::from(days)));
            plain.or_else(|| ics::compact(text))
        }
        Value::Instant { nanos, .. } if nanos.rem_euclid(DAY) == 0 => of_days(i64::try_from(nanos / DAY).ok()?),
        Value::Instant { nanos, .. } => {
            let local = Timestamp::from_nanosecond(*nanos).ok()?.to_zoned(zone.clone());
            let begins = local.start_of_day().ok()?;
            (begins.timestamp() == local.timestamp()).then(|| local.date())
        }
        Value::Number { .. } => ics::compact(&value.to_string()),
        _ => None,
    }
}
