//! `recon calendar holidays`: lists them with where they come from, and changes those of a table or CSV file.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::ToSpan;
use jiff::civil::Date;
use serde_json::{Value as Json, json};

use crate::cli::{CalendarHolidaysArgs, HolidayAction, HolidayKindName, ListFormat};
use crate::config::{Calendar, Project};
use crate::domain::calendar::{Holiday, HolidayKind, PayoutCalendar, ics};
use crate::exit::Exit;
use crate::path::{ReadyInput, Shape};
use crate::stores::{Locator, Settings};

use super::super::table;
use super::super::{Failure, print_lines};
use super::known::{self, Sourced};
use super::write::Target;

/// Largest .ics file that is read.
const LARGEST_ICS: u64 = 16 << 20;

impl From<HolidayKindName> for HolidayKind {
    fn from(name: HolidayKindName) -> Self {
        match name {
            HolidayKindName::Public => HolidayKind::Public,
            HolidayKindName::Temporary => HolidayKind::Temporary,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// As [`super::run`].
pub(super) fn run(project: &Project, calendar: &Calendar, args: &CalendarHolidaysArgs) -> Result<Exit, Failure> {
    let Some(action) = &args.action else { return list(project, calendar, args) };
    if args.year.is_some() {
        return Err(Failure::usage("`--year` goes with the list of holidays, not with a change of them"));
    }
    let target = Target::of(project, calendar, args.store.as_deref())?;
    let there = target.holidays(project, calendar)?;
    match action {
        HolidayAction::Import { file, kind, matching, dry_run } => {
            let wanted = one_a_day(imported(calendar, file, (*kind).into(), matching.as_deref())?);
            if wanted.is_empty() {
                return Err(Failure::usage(format!("no holiday is in {}", file.display())));
            }
            let is_there = |holiday: &Holiday| there.iter().any(|one| one.day == holiday.day);
            let (present, added): (Vec<Holiday>, Vec<Holiday>) = wanted.into_iter().partition(is_there);
            if !added.is_empty() && !dry_run {
                target.add(&there, &added)?;
            }
            report(&target, &added, present.len(), *dry_run, args.format);
        }
        HolidayAction::Add { day, title, kind } => {
            let holiday = Holiday { day: super::day("DAY", day)?, name: title.trim().to_owned(), kind: (*kind).into() };
            if let Some(one) = there.iter().find(|one| one.day == holiday.day) {
                if one.name != holiday.name || one.kind != holiday.kind {
                    return Err(Failure::usage(format!(
                        "{} is a holiday of {} already: {} ({})",
                        one.day, target.label, one.name, one.kind
                    ))
                    .hint("a day needs to be there only once; remove it first to name it otherwise"));
                }
                report(&target, &[], 1, false, args.format);
                return Ok(Exit::Success);
            }
            let before = known::read(project, calendar).ok();
            target.add(&there, std::slice::from_ref(&holiday))?;
            report(&target, std::slice::from_ref(&holiday), 0, false, args.format);
            moved(project, calendar, before, holiday.day);
        }
        HolidayAction::Remove { day } => {
            let day = super::day("DAY", day)?;
            match there.iter().find(|one| one.day == day) {
                None => {
                    return Err(Failure::usage(format!("{} has no holiday on {day}", target.label)).hint(format!(
                        "`recon calendar holidays {} --year {}` lists them",
                        calendar.name,
                        day.year()
                    )));
                }
                Some(one) if one.kind == HolidayKind::Public => {
                    return Err(Failure::usage(format!(
                        "{day} ({}) is a public holiday of {}",
                        one.name, target.label
                    ))
                    .hint("only temporary ones are removed here; change a public one where the table is kept"));
                }
                Some(_) => {}
            }
            let before = known::read(project, calendar).ok();
            target.remove(&there, day)?;
            match args.format {
                ListFormat::Json => {
                    print_lines(&[json!({"place": target.label, "removed": [day.to_string()]}).to_string()])
                }
                ListFormat::Table => print_lines(&[format!("{} is removed from {}", table::day(day), target.label)]),
            }
            moved(project, calendar, before, day);
        }
    }
    Ok(Exit::Success)
}

fn list(project: &Project, calendar: &Calendar, args: &CalendarHolidaysArgs) -> Result<Exit, Failure> {
    let mut all: Vec<Sourced> = known::all(project, calendar)?;
    all.retain(|one| args.year.is_none_or(|year| one.holiday.day.year() == year));
    // Stable: of one day, in the order of the sources.
    all.sort_by_key(|one| one.holiday.day);
    match args.format {
        ListFormat::Json => {
            let all: Vec<Json> = (all.iter())
                .map(|Sourced { holiday, source }| {
                    json!({
                        "day": holiday.day.to_string(),
                        "name": holiday.name,
                        "kind": holiday.kind.name(),
                        "weekend": calendar.days.is_weekend(holiday.day),
                        "source": source,
                    })
                })
                .collect();
            print_lines(&[Json::from(all).to_string()]);
        }
        ListFormat::Table => {
            let rows: Vec<Vec<String>> = (all.into_iter())
                .map(|Sourced { holiday, source }| {
                    vec![table::day(holiday.day), holiday.kind.name().to_owned(), source, holiday.name]
                })
                .collect();
            print_lines(&table::lines(&["day", "kind", "source", "name"], &rows));
        }
    }
    Ok(Exit::Success)
}

/// The holidays of a file, checked to its end.
fn imported(
    calendar: &Calendar,
    file: &Path,
    kind: HolidayKind,
    matching: Option<&str>,
) -> Result<Vec<Holiday>, Failure> {
    let shown = file.display();
    let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    match ending.as_str() {
        "ics" | "ical" => {
            let unreadable = |error: std::io::Error| Failure::usage(format!("cannot read {shown}: {error}"));
            if std::fs::metadata(file).map_err(unreadable)?.len() > LARGEST_ICS {
                return Err(Failure::usage(format!("{shown} is larger than {} MiB", LARGEST_ICS >> 20)));
            }
            let text = std::fs::read_to_string(file).map_err(unreadable)?;
            ics::holidays(&text, kind, matching).map_err(|error| {
                Failure::usage(format!("{shown}, {error}"))
                    .hint("nothing was added; holidays are all-day events, each written out")
            })
        }
        "csv" | "tsv" => {
            if matching.is_some() {
                return Err(Failure::usage("`--matching` goes with an .ics file"));
            }
            let locator = Locator::parse(&file.display().to_string())?;
            locator.check()?;
            let settings = Settings { zone: calendar.rule.zone.clone(), ..Settings::default() };
            let input = ReadyInput {
                name: "holidays".to_owned(),
                kept: None,
                label: locator.label(),
                shape: Shape::default(),
                make: Arc::new(move || locator.source(&settings)),
                condition: None,
                files: vec![file.to_owned()],
                parquet: None,
            };
            known::of_records(&input, &calendar.rule.zone, Some(kind))
        }
        _ => Err(Failure::usage(format!("{shown} is neither .csv nor .ics"))
            .hint("CSV: a header `day,name,kind`, days as 2026-11-05; ICS: all-day events")),
    }
}

/// A day that is two holidays is one row with both names; it is public if one of them is.
fn one_a_day(holidays: Vec<Holiday>) -> Vec<Holiday> {
    let mut days: BTreeMap<Date, Holiday> = BTreeMap::new();
    for holiday in holidays {
        match days.get_mut(&holiday.day) {
            None => {
                days.insert(holiday.day, holiday);
            }
            Some(one) => {
                if !one.name.split("; ").any(|name| name == holiday.name) {
                    one.name = format!("{}; {}", one.name, holiday.name);
                }
                if holiday.kind == HolidayKind::Public {
                    one.kind = HolidayKind::Public;
                }
            }
        }
    }
    days.into_values().collect()
}

fn report(target: &Target, added: &[Holiday], present: usize, dry_run: bool, format: ListFormat) {
    match format {
        ListFormat::Json => {
            let days: Vec<Json> = (added.iter())
                .map(|one| json!({"day": one.day.to_string(), "name": one.name, "kind": one.kind.name()}))
                .collect();
            let said = json!({"place": target.label, "added": days, "present": present, "dry_run": dry_run});
            print_lines(&[said.to_string()]);
        }
        ListFormat::Table => {
            let rows: Vec<Vec<String>> = (added.iter())
                .map(|one| vec![table::day(one.day), one.kind.name().to_owned(), one.name.clone()])
                .collect();
            if !rows.is_empty() {
                print_lines(&table::lines(&["day", "kind", "name"], &rows));
            }
            let would = if dry_run { "would be added" } else { "added" };
            print_lines(&[format!("{} {would} to {}, {present} there already", added.len(), target.label)]);
        }
    }
}

/// Tells on stderr which payouts a change of one day moved: somebody may have announced them.
fn moved(project: &Project, calendar: &Calendar, before: Option<PayoutCalendar>, day: Date) {
    let around = |days: &PayoutCalendar| days.by_base_day(day.checked_sub(200.days()).ok()?, day).ok();
    let (Some(before), Ok(after)) = (before, known::read(project, calendar)) else { return };
    let (Some(before), Some(after)) = (around(&before), around(&after)) else { return };
    for (old, new) in before.iter().zip(&after).filter(|(old, new)| old.payout_day != new.payout_day) {
        let (base, was, is) = (table::day(old.base_day), table::day(old.payout_day), table::day(new.payout_day));
        eprintln!("the payout of base day {base} moves from {was} to {is}");
    }
}
