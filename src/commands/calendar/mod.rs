//! `recon calendar`: payout days, holidays, and which verification is due when. Reads the clock when no time is given.

mod holidays;
mod known;
mod write;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};

use crate::cli::{CalendarArgs, CalendarCommand, DueFormat, Global, ListBy, ListFormat};
use crate::config::{Calendar, Project};
use crate::domain::calendar::{CalendarError, Near, Payout, PayoutCalendar, Verification, verifications};
use crate::domain::{State, parse_date, parse_instant};
use crate::exit::Exit;
use crate::ledger::CycleKey;

use super::cycle::{self, command};
use super::named::params;
use super::who::who;
use super::{Failure, print_lines, table};

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
        CalendarCommand::Due { name, at, dry_run, by, format } => {
            let (project, calendar) = calendar(global, name)?;
            let at = moment(at.as_deref(), &calendar.rule.zone, false)?;
            let by = (!dry_run).then(|| who(by.as_deref())).transpose()?;
            due(global, &project, &calendar, at, by.as_deref(), *format)
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

/// A verification that is near, and whether it is in the ledger.
struct Due {
    one: Verification,
    /// Whether it is in the ledger, and whether it was put there just now; `None` when the ledger was not asked.
    registered: Option<bool>,
    /// Where its cycle stands, as far as the ledger was asked.
    cycle: Option<State>,
}

impl Due {
    /// Whether its cycle was released: there is nothing more to verify, until its day is over.
    fn released(&self) -> bool {
        self.cycle.as_ref().is_some_and(State::is_released)
    }
}

fn due(
    global: &Global,
    project: &Project,
    calendar: &Calendar,
    at: Timestamp,
    by: Option<&str>,
    format: DueFormat,
) -> Result<Exit, Failure> {
    let days = known::read(project, calendar)?;
    let near = days.near(at).map_err(|error| unknown(calendar, error))?;
    let verifications = match &calendar.feed {
        Some(feed) => verifications(&near, feed),
        None => near.iter().map(of_nobody).collect(),
    };
    let due = match (&calendar.feed, by) {
        (Some(_), Some(by)) => register(project, verifications, by)?,
        _ => verifications.into_iter().map(|one| Due { one, registered: None, cycle: None }).collect(),
    };
    let fed = calendar.feed.is_some();
    match format {
        DueFormat::Json => {
            let all: Vec<Json> = due
                .iter()
                .map(|due| {
                    let Due { one, registered, cycle } = due;
                    json!({
                        "id": fed.then_some(&one.id),
                        "reconciliation": fed.then_some(&one.reconciliation),
                        "params": one.params.iter().map(|(n, d)| (n.clone(), d.to_string().into())).collect::<serde_json::Map<_, _>>(),
                        "base_days": one.base_days.iter().map(Date::to_string).collect::<Vec<_>>(),
                        "payout_day": one.payout_day.to_string(),
                        "register_at": table::iso(&one.register_at),
                        "verify_at": table::iso(&one.verify_at),
                        "state": state(one, at),
                        "registered": registered.is_some(),
                        "new": *registered == Some(true),
                        "cycle": cycle.as_ref().map(State::to_string),
                        "released": due.released(),
                        "command": fed.then(|| verify(global, one)),
                    })
                })
                .collect();
            print_lines(&[Json::from(all).to_string()]);
            if !fed && !global.quiet {
                eprintln!("{}", nobody(calendar));
            }
        }
        DueFormat::Commands => {
            if !fed {
                // A shell that is handed nothing would end green without having verified anything.
                return Err(Failure::usage(nobody(calendar)));
            }
            let due = due.iter().filter(|due| is_due(&due.one, at) && !due.released());
            print_lines(&due.map(|Due { one, .. }| verify(global, one)).collect::<Vec<_>>());
        }
        DueFormat::Table if due.is_empty() => {
            let shown = table::moment(&at.to_zoned(calendar.rule.zone.clone()));
            print_lines(&[format!("nothing is due at {shown}")]);
            let next = days.next(at).map_err(|error| unknown(calendar, error))?;
            if let Some(payout) = next.first() {
                let look = table::moment(&payout.register_at);
                let day = table::day(payout.payout_day);
                print_lines(&[format!("the next payout day is {day}; the evening job first sees it at {look}")]);
            }
        }
        DueFormat::Table => {
            let mut lines = Vec::new();
            for Due { one, registered, cycle } in &due {
                let base: Vec<String> = one.base_days.iter().map(|day| table::day(*day)).collect();
                lines.push(format!("{}  ({})", one.id, state(one, at)));
                lines.push(format!("  payout day   {}", table::day(one.payout_day)));
                lines.push(format!("  base day     {}", base.join(", ")));
                lines.push(format!("  verify at    {}  {}", table::moment(&one.verify_at), why(calendar, one)));
                if calendar.feed.is_some() {
                    lines.push(format!("  run          {}", verify(global, one)));
                    let said = match registered {
                        Some(true) => "now",
                        Some(false) => "already",
                        None => "no: a dry run registers nothing",
                    };
                    lines.push(format!("  registered   {said}"));
                    let further = cycle.iter().filter(|state| **state != State::Registered);
                    lines.extend(further.map(|state| format!("  cycle        {state}")));
                }
            }
            if calendar.feed.is_none() {
                lines.push(nobody(calendar));
            }
            print_lines(&lines);
        }
    }
    Ok(Exit::Success)
}

/// A payout that no reconciliation verifies.
fn of_nobody(payout: &Payout) -> Verification {
    Verification {
        id: format!("payout of {}", payout.payout_day),
        reconciliation: String::new(),
        params: Vec::new(),
        base_days: vec![payout.base_day],
        payout_day: payout.payout_day,
        register_at: payout.register_at.clone(),
        verify_at: payout.verify_at.clone(),
    }
}

fn nobody(calendar: &Calendar) -> String {
    format!(
        "nothing is registered: calendar `{}` says of no reconciliation (reconciliation = \"payout\" and param = \"payout_date\")",
        calendar.name
    )
}

/// Registers each in the ledger, once however often it is asked. Without any the ledger is not opened.
fn register(project: &Project, all: Vec<Verification>, by: &str) -> Result<Vec<Due>, Failure> {
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let mut ledger = cycle::ledger(project)?;
    all.into_iter()
        .map(|one| {
            let given: Vec<String> = one.params.iter().map(|(name, day)| format!("{name}={day}")).collect();
            let reconciliation = project.reconciliation(&one.reconciliation)?;
            let key = CycleKey::new(&reconciliation.name, &params(reconciliation, &given)?)?;
            let registered = Some(ledger.register(&key, by)?);
            let cycle = ledger.status(&key)?.map(|cycle| cycle.state);
            Ok(Due { one, registered, cycle })
        })
        .collect()
}

/// The command that verifies, as it is typed into a shell.
fn verify(global: &Global, one: &Verification) -> String {
    let params: Vec<(&str, String)> = one.params.iter().map(|(name, day)| (name.as_str(), day.to_string())).collect();
    command(global, "verify", &one.reconciliation, params.iter().map(|(name, day)| (*name, day.as_str())))
}

/// Whether a verification waits for its time or is to run now.
fn state(one: &Verification, at: Timestamp) -> &'static str {
    if is_due(one, at) { "due" } else { "waiting" }
}

fn is_due(one: &Verification, at: Timestamp) -> bool {
    one.verify_at.timestamp() <= at
}

fn why(calendar: &Calendar, one: &Verification) -> &'static str {
    let same_evening = one.verify_at.date() == one.register_at.date();
    match (same_evening, calendar.rule.near) {
        (true, _) => "the evening before the payout day",
        (false, Near::BusinessDay) => "the morning after the last business day before the payout day",
        (false, Near::Day) => "the morning after the base day",
    }
}
