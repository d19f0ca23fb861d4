//! `[calendar.NAME]`: a payout calendar, from what is written to what it means. Must not read holidays.

use std::collections::BTreeMap;

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use toml::Spanned;

use super::error::{did_you_mean, listed};
use super::inputs;
use super::raw::{ParamType, RawInput};
use super::reconciliation::{Input, Reconciliation};
use super::validate::{Result, Text, Validator};
use crate::domain::calendar::{BusinessDays, Clock, DayOf, Feed, Near, PayoutRule};

/// The name of the shipped holidays.
const KOREA: &str = "korea";
/// Days of the week as they are written, from Monday.
const WEEK: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
/// The largest `business_day`.
const MOST_BUSINESS_DAYS: i64 = 100;

/// A payout calendar of the project file.
#[derive(Clone, Debug)]
pub struct Calendar {
    /// Its name.
    pub name: String,
    /// How payout days and verifications follow from business days.
    pub rule: PayoutRule,
    /// The weekends; holidays are yet to be read into it.
    pub days: BusinessDays,
    /// Where holidays come from, in the order written.
    pub holidays: Vec<HolidaySource>,
    /// The reconciliation that verifies its payouts.
    pub feed: Option<Feed>,
}

/// Where holidays come from.
#[derive(Clone, Debug)]
pub enum HolidaySource {
    /// The shipped public holidays of Korea.
    Korea,
    /// Records with a field `day`, and perhaps `name` and `kind`.
    Input(Box<Input>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCalendar {
    base_days: Spanned<Vec<Spanned<i64>>>,
    business_day: Spanned<i64>,
    weekend: Option<Spanned<Vec<Text>>>,
    timezone: Text,
    holidays: Vec<Spanned<RawHolidays>>,
    register_at: Option<Text>,
    near: Option<Near>,
    verify_at: Option<RawVerifyAt>,
    reconciliation: Option<Text>,
    param: Option<Text>,
    params: Option<BTreeMap<Text, Text>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawVerifyAt {
    tomorrow: Option<Text>,
    later: Option<Text>,
}

#[derive(Debug)]
enum RawHolidays {
    Shipped(String),
    Input(Box<RawInput>),
}

impl<'de> Deserialize<'de> for RawHolidays {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        struct ShippedOrInput;
        impl<'de> Visitor<'de> for ShippedOrInput {
            type Value = RawHolidays;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("\"korea\", or a table such as { store = \"core\", table = \"holiday\" }")
            }

            fn visit_str<E: Error>(self, text: &str) -> std::result::Result<RawHolidays, E> {
                Ok(RawHolidays::Shipped(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> std::result::Result<RawHolidays, A::Error> {
                RawInput::deserialize(MapAccessDeserializer::new(map)).map(|input| RawHolidays::Input(Box::new(input)))
            }
        }
        from.deserialize_any(ShippedOrInput)
    }
}

/// Validates a calendar.
///
/// # Errors
/// What is wrong, and where.
pub(super) fn calendar(
    check: &Validator<'_>,
    name: String,
    raw: RawCalendar,
    reconciliations: &BTreeMap<String, Reconciliation>,
) -> Result<Calendar> {
    let business_day = (u16::try_from(*raw.business_day.get_ref()).ok())
        .filter(|n| (1..=MOST_BUSINESS_DAYS).contains(&i64::from(*n)))
        .ok_or_else(|| {
            check.error(raw.business_day.span(), format!("`business_day` is from 1 to {MOST_BUSINESS_DAYS}"))
        })?;
    let zone = TimeZone::get(raw.timezone.get_ref()).map_err(|_| {
        check
            .error(raw.timezone.span(), format!("`{}` is not a time zone", raw.timezone.get_ref()))
            .hint("zones are named as in the IANA database: Asia/Seoul")
    })?;
    let rule = PayoutRule {
        base_days: base_days(check, &raw.base_days)?,
        business_day,
        zone,
        clock: clock(check, raw.register_at.as_ref(), raw.verify_at.unwrap_or_default())?,
        near: raw.near.unwrap_or_default(),
    };
    let mut sources = Vec::new();
    for source in raw.holidays {
        let span = source.span();
        sources.push(match source.into_inner() {
            RawHolidays::Shipped(name) if name == KOREA => HolidaySource::Korea,
            RawHolidays::Shipped(name) => {
                let error = check.error(span, format!("no holidays of `{name}` are shipped; there are: `{KOREA}`"));
                let hint = did_you_mean(&name, [KOREA]);
                return Err(error.hint(hint.unwrap_or_else(|| {
                    "others come from a store: { store = \"core\", table = \"holiday\" }".to_owned()
                })));
            }
            RawHolidays::Input(input) => {
                let input = inputs::input(check, "holidays", &Spanned::new(span, *input), &[])?;
                HolidaySource::Input(Box::new(input))
            }
        });
    }
    let feed = feed(check, raw.reconciliation, raw.param, raw.params, reconciliations)?;
    Ok(Calendar { name, days: weekend(check, raw.weekend)?, rule, holidays: sources, feed })
}

fn base_days(check: &Validator<'_>, raw: &Spanned<Vec<Spanned<i64>>>) -> Result<Vec<i8>> {
    let mut days: Vec<i8> = Vec::new();
    for raw in raw.get_ref() {
        let day = i8::try_from(*raw.get_ref()).ok().filter(|day| (1..=31).contains(day));
        let day = day.ok_or_else(|| {
            check
                .error(raw.span(), format!("{} is no day of the month", raw.get_ref()))
                .hint("days are from 1 to 31; a month without it has its last day instead")
        })?;
        if days.contains(&day) {
            return Err(check.error(raw.span(), format!("the base day {day} is named twice")));
        }
        days.push(day);
    }
    if days.is_empty() {
        return Err(check.error(raw.span(), "no base day, no payout").hint("e.g. base_days = [5, 15, 25]"));
    }
    days.sort_unstable();
    Ok(days)
}

fn weekend(check: &Validator<'_>, raw: Option<Spanned<Vec<Text>>>) -> Result<BusinessDays> {
    let Some(raw) = raw else {
        let days = BusinessDays::new(&[Weekday::Saturday, Weekday::Sunday]);
        return days.ok_or_else(|| check.error(0..0, "no day of the week is left"));
    };
    let mut days = Vec::new();
    for text in raw.get_ref() {
        let at = WEEK.iter().position(|day| day == text.get_ref());
        let day = at.and_then(|at| i8::try_from(at).ok()).and_then(|at| Weekday::from_monday_zero_offset(at).ok());
        days.push(day.ok_or_else(|| {
            let what = format!("`{}` is no day of the week, expected one of {}", text.get_ref(), listed(WEEK));
            let mut error = check.error(text.span(), what);
            error.hint = did_you_mean(text.get_ref(), WEEK);
            error
        })?);
    }
    BusinessDays::new(&days).ok_or_else(|| check.error(raw.span(), "the weekend leaves no day for business"))
}

fn clock(check: &Validator<'_>, register_at: Option<&Text>, verify_at: RawVerifyAt) -> Result<Clock> {
    let time = |text: Option<&Text>, hour: i8| match text {
        None => Ok(Time::constant(hour, 0, 0, 0)),
        Some(text) => time(text.get_ref()).ok_or_else(|| {
            check.error(text.span(), format!("`{}` is not a time of day; write e.g. \"{hour:02}:00\"", text.get_ref()))
        }),
    };
    let clock = Clock {
        register_at: time(register_at, 18)?,
        tomorrow: time(verify_at.tomorrow.as_ref(), 22)?,
        later: time(verify_at.later.as_ref(), 2)?,
    };
    if clock.tomorrow < clock.register_at {
        let at = verify_at.tomorrow.as_ref().or(register_at).map_or(0..0, Spanned::span);
        let what = format!(
            "verification the same evening at {} would be before the evening job at {}",
            clock.tomorrow.strftime("%H:%M"),
            clock.register_at.strftime("%H:%M")
        );
        return Err(check.error(at, what).hint("give `verify_at = { tomorrow = \"…\" }` a time after `register_at`"));
    }
    Ok(clock)
}

/// `HH:MM`.
fn time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let two = |text: &str| {
        (text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse::<i8>().ok()).flatten()
    };
    Time::new(two(hour)?, two(minute)?, 0, 0).ok()
}

fn feed(
    check: &Validator<'_>,
    name: Option<Text>,
    param: Option<Text>,
    params: Option<BTreeMap<Text, Text>>,
    reconciliations: &BTreeMap<String, Reconciliation>,
) -> Result<Option<Feed>> {
    let Some(name) = name else {
        let first = params.as_ref().and_then(|params| params.keys().next());
        return match param.as_ref().or(first) {
            Some(given) => Err(check
                .error(given.span(), "a parameter of which reconciliation?")
                .hint("name it: reconciliation = \"payout\"")),
            None => Ok(None),
        };
    };
    let Some(reconciliation) = reconciliations.get(name.get_ref()) else {
        let known = || reconciliations.keys().map(String::as_str);
        let what = format!("there is no reconciliation `{}`; there are: {}", name.get_ref(), listed(known()));
        let mut error = check.error(name.span(), what);
        error.hint = did_you_mean(name.get_ref(), known());
        return Err(error);
    };
    let mut given: Vec<(Text, DayOf)> = Vec::new();
    match (param, params) {
        (Some(param), Some(_)) => return Err(check.error(param.span(), "`param` and `params` exclude each other")),
        (Some(param), None) => given.push((param, DayOf::Payout)),
        (None, Some(params)) => {
            for (param, day) in params {
                let names = || DayOf::ALL.into_iter().map(DayOf::name);
                let Some(known) = DayOf::ALL.into_iter().find(|known| known.name() == day.get_ref()) else {
                    let what =
                        format!("`{}` is no day of a payout, expected one of {}", day.get_ref(), listed(names()));
                    let mut error = check.error(day.span(), what);
                    error.hint = did_you_mean(day.get_ref(), names());
                    return Err(error);
                };
                given.push((param, known));
            }
        }
        (None, None) => {
            return Err(check
                .error(name.span(), format!("which parameter of `{}` takes the payout day?", name.get_ref()))
                .hint("name it: param = \"payout_date\""));
        }
    }
    for (param, _) in &given {
        let kind = reconciliation.params.iter().find(|(known, _)| known == param.get_ref()).map(|(_, kind)| *kind);
        if kind == Some(ParamType::Date) {
            continue;
        }
        let known = || reconciliation.params.iter().map(|(known, _)| known.as_str());
        let what = match kind {
            Some(_) => format!("the parameter `{}` of `{}` is no date", param.get_ref(), reconciliation.name),
            None => format!(
                "`{}` has no parameter `{}`; there are: {}",
                reconciliation.name,
                param.get_ref(),
                listed(known())
            ),
        };
        let mut error = check.error(param.span(), what);
        error.hint = kind.is_none().then(|| did_you_mean(param.get_ref(), known())).flatten();
        return Err(error);
    }
    // In the reconciliation's own order, and every one of them: a verification that lacks one could not start.
    let mut params = Vec::new();
    for (param, _) in &reconciliation.params {
        let Some((_, day)) = given.iter().find(|(text, _)| text.get_ref() == param) else {
            return Err(check
                .error(
                    name.span(),
                    format!("`{}` has also the parameter `{param}`, which takes no day", reconciliation.name),
                )
                .hint(format!(
                    "give each its day: params = {{ {param} = \"payout_day\", … }}; or base_day, previous_base_day"
                )));
        };
        params.push((param.clone(), *day));
    }
    Ok(Some(Feed { reconciliation: reconciliation.name.clone(), params }))
}
