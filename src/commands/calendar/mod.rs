//! `recon calendar`: payout days, holidays, and which verification is due when. Reads the clock when no time is given.

mod holidays;
mod known;
mod table;
mod write;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};

use crate::cli::{CalendarArgs, CalendarCommand, Global, ListBy, ListFormat};
use crate::config::{Calendar, Project};
use crate::domain::calendar::{CalendarError, Near, Payout, PayoutCalendar, Verification, verifications};
use crate::domain::{parse_date, parse_instant};
use crate::exit::Exit;

use super::{Failure, print_lines};

/// Runs the command.
///
/// # Errors
/// The project file or the calendar is not there or not valid, a time or day is none, the holidays cannot be read or
/// do not reach far enough, or cannot be written.
pub fn run(global: &Global, args: &CalendarArgs) -> Result<Exit, Failure> {
    match &args.command {
        CalendarCommand::List { name, from, to, by, format } => {
            let (project, calendar) = calendar(global, name)?;
            let (from, to) = (day("--from", from)?, day("--to", to)?);
            if to < from {
                return Err(Failure::usage(format!("`--to {to}` lies before `--from {from}`")));
            }
            let days = known::read(&project, &calendar)?;
            let payouts = match by {
                ListBy::BaseDay => days.by_base_day(from, to),
                ListBy::PayoutDay => days.by_payout_day(from, to),
            };
            print(&days, &payouts.map_err(|error| unknown(&calendar, error))?, *format)
        }
        CalendarCommand::Next { name, at, format } => {
            let (project, calendar) = calendar(global, name)?;
            let at = moment(at.as_deref(), &calendar.rule.zone, true)?;
            let days = known::read(&project, &calendar)?;
            print(&days, &days.next(at).map_err(|error| unknown(&calendar, error))?, *format)
        }
        CalendarCommand::Due { name, at, format } => {
            let (project, calendar) = calendar(global, name)?;
            let at = moment(at.as_deref(), &calendar.rule.zone, false)?;
            due(global, &project, &calendar, at, *format)
        }
        CalendarCommand::Holidays(args) => {
            let (project, calendar) = calendar(global, &args.name)?;
            holidays::run(&project, &calendar, args)
        }
    }
}

fn calendar(global: &Global, name: &str) -> Result<(Project, Calendar), Failure> {
    let project = Project::load(&global.config, global.profile.as_deref(), &|name| std::env::var(name).ok())?;
    let calendar = project.calendar(name)?.clone();
    Ok((project, calendar))
}

/// A day that cannot be worked out, with what to do.
fn unknown(calendar: &Calendar, error: CalendarError) -> Failure {
    let failure = Failure::usage(format!("calendar `{}`: {error}", calendar.name));
    match error {
        CalendarError::Unknown { .. } => failure.hint(format!(
            "add that year's: `recon calendar holidays {} import FILE` (a payout day counted without them would be wrong); the shipped ones are of 2020 to 2030",
            calendar.name
        )),
        _ => failure,
    }
}

fn day(option: &str, text: &str) -> Result<Date, Failure> {
    let day = parse_date(text).and_then(|_| text.parse::<Date>().ok());
    day.ok_or_else(|| Failure::usage(format!("`{option} {text}` is no day")).hint("days are written 2026-11-05"))
}

/// A time as it is given: with its offset, or local to the calendar's zone; now when none is given.
fn moment(text: Option<&str>, zone: &TimeZone, days_too: bool) -> Result<Timestamp, Failure> {
    let Some(text) = text else { return Ok(Timestamp::now()) };
    let wrong = |why: &str| {
        Failure::usage(format!("`--at {text}` {why}"))
            .hint("write 2026-11-12T18:00 (in the calendar's zone), or 2026-11-12T18:00+09:00")
    };
    if parse_date(text).is_some() {
        if !days_too {
            return Err(wrong("says no time of day"));
        }
        let day: Date = text.parse().map_err(|_| wrong("is no time"))?;
        return day.to_zoned(zone.clone()).map(|at| at.timestamp()).map_err(|_| wrong("is no time"));
    }
    let instant = parse_instant(text, zone).ok_or_else(|| wrong("is no time"))?;
    Timestamp::from_nanosecond(instant.nanos).map_err(|_| wrong("is no time"))
}

fn print(days: &PayoutCalendar, payouts: &[Payout], format: ListFormat) -> Result<Exit, Failure> {
    match format {
        ListFormat::Json => {
            let all: Vec<Json> = payouts
                .iter()
                .map(|payout| {
                    json!({
                        "base_day": payout.base_day.to_string(),
                        "payout_day": payout.payout_day.to_string(),
                        "verify_at": table::iso(&payout.verify_at),
                    })
                })
                .collect();
            print_lines(&[Json::from(all).to_string()]);
        }
        ListFormat::Table => {
            let rows: Vec<Vec<String>> = payouts
                .iter()
                .map(|payout| {
                    vec![
                        table::day(payout.base_day),
                        table::day(payout.payout_day),
                        table::moment(&payout.verify_at),
                        skipped(days, payout),
                    ]
                })
                .collect();
            print_lines(&table::lines(&["base day", "payout day", "verify at", "holidays between"], &rows));
        }
    }
    Ok(Exit::Success)
}

/// The holidays that put a payout off: those between base day and payout day that are no weekend.
fn skipped(days: &PayoutCalendar, payout: &Payout) -> String {
    let mut all: Vec<String> = (days.days.holidays().map(|holiday| holiday.day))
        .filter(|day| *day > payout.base_day && *day < payout.payout_day && !days.days.is_weekend(*day))
        .map(|day| day.strftime("%m-%d").to_string())
        .collect();
    all.dedup();
    if all.is_empty() { "-".to_owned() } else { all.join(", ") }
}

fn due(
    global: &Global,
    project: &Project,
    calendar: &Calendar,
    at: Timestamp,
    format: ListFormat,
) -> Result<Exit, Failure> {
    let Some(feed) = &calendar.feed else {
        return Err(Failure::usage(format!("calendar `{}` says of no reconciliation", calendar.name))
            .hint("name what verifies its payouts: reconciliation = \"payout\" and param = \"payout_date\""));
    };
    let days = known::read(project, calendar)?;
    let due = verifications(&days.near(at).map_err(|error| unknown(calendar, error))?, feed);
    match format {
        ListFormat::Json => {
            let all: Vec<Json> = due
                .iter()
                .map(|one| {
                    json!({
                        "id": one.id,
                        "reconciliation": one.reconciliation,
                        "params": one.params.iter().map(|(n, d)| (n.clone(), d.to_string().into())).collect::<serde_json::Map<_, _>>(),
                        "base_days": one.base_days.iter().map(Date::to_string).collect::<Vec<_>>(),
                        "payout_day": one.payout_day.to_string(),
                        "register_at": table::iso(&one.register_at),
                        "verify_at": table::iso(&one.verify_at),
                        "state": state(one, at),
                        "registered": false,
                        "command": command(global, one),
                    })
                })
                .collect();
            print_lines(&[Json::from(all).to_string()]);
        }
        ListFormat::Table if due.is_empty() => {
            let shown = table::moment(&at.to_zoned(calendar.rule.zone.clone()));
            print_lines(&[format!("nothing is due at {shown}")]);
            let next = days.next(at).map_err(|error| unknown(calendar, error))?;
            if let Some(payout) = next.first() {
                let look = table::moment(&payout.register_at);
                let day = table::day(payout.payout_day);
                print_lines(&[format!("the next payout day is {day}; the evening job first sees it at {look}")]);
            }
        }
        ListFormat::Table => {
            let mut lines = Vec::new();
            for one in &due {
                let base: Vec<String> = one.base_days.iter().map(|day| table::day(*day)).collect();
                lines.push(format!("{}  ({})", one.id, state(one, at)));
                lines.push(format!("  payout day   {}", table::day(one.payout_day)));
                lines.push(format!("  base day     {}", base.join(", ")));
                lines.push(format!("  verify at    {}  {}", table::moment(&one.verify_at), why(calendar, one)));
                lines.push(format!("  run          {}", command(global, one)));
            }
            print_lines(&lines);
        }
    }
    Ok(Exit::Success)
}

/// Whether a verification waits for its time or is to run now.
fn state(one: &Verification, at: Timestamp) -> &'static str {
    if one.verify_at.timestamp() <= at { "due" } else { "waiting" }
}

fn why(calendar: &Calendar, one: &Verification) -> &'static str {
    let same_evening = one.verify_at.date() == one.register_at.date();
    match (same_evening, calendar.rule.near) {
        (true, _) => "the evening before the payout day",
        (false, Near::BusinessDay) => "the morning after the last business day before the payout day",
        (false, Near::Day) => "the morning after the base day",
    }
}

/// The command that verifies, as it is typed into a shell.
fn command(global: &Global, one: &Verification) -> String {
    let mut words = vec!["recon".to_owned()];
    if global.config != std::path::Path::new("recon.toml") {
        words.extend(["--config".to_owned(), global.config.display().to_string()]);
    }
    if let Some(profile) = &global.profile {
        words.extend(["--profile".to_owned(), profile.clone()]);
    }
    words.extend(["verify".to_owned(), one.reconciliation.clone()]);
    for (name, day) in &one.params {
        words.extend(["--param".to_owned(), format!("{name}={day}")]);
    }
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// A word for a POSIX shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
