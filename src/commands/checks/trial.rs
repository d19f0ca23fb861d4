//! `recon checks try`: how an edited check would have judged past cycles, beside what did judge them, before it counts.
//! Past cycles are computed again from the stores as they are now. Writes nothing.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::checks::{CheckRow, Definition, FileForm, Stage};
use crate::cli::{ChecksTryArgs, Global, ListFormat, ReadArgs};
use crate::commands::checking::Checking;
use crate::commands::cycle::{Named, ledger};
use crate::commands::diff::settings;
use crate::commands::named::params;
use crate::commands::{Failure, output, table};
use crate::config::Project;
use crate::domain::Amount;
use crate::exit::Exit;
use crate::ledger::{CheckResult, Cycle, Ledger};
use crate::report::verification::Check;
use crate::stores::Settings;

use super::again::Again;
use super::files::{Files, parsed};

/// One past cycle: what judged it, and how the edited check judges it.
struct Tried {
    cycle: String,
    run: String,
    before: Option<CheckResult>,
    now: Result<Check, String>,
    population: Option<u64>,
}

/// Runs the command.
///
/// # Errors
/// There is no such check, it cannot be understood, or the ledger fails.
pub(super) fn run(global: &Global, project: &Project, args: &ChecksTryArgs) -> Result<Exit, Failure> {
    let settings = settings(&args.read)?;
    let mut ledger = ledger(project)?;
    let (row, from) = edited(project, &mut ledger, &args.name, args.file.as_deref())?;
    super::examine::examined(project, &row)?;
    let definition = Definition::of(&row).map_err(|malformed| Failure::usage(format!("{from}: {malformed}")))?;
    let asked = args.reconciliation.as_deref().or(definition.reconciliation.as_deref());
    let reconciliation = super::reconciliation(project, asked)?;
    let mut cycles: Vec<Cycle> = ledger.history(Some(&reconciliation), None, 1_000)?;
    // One that was run before the reconciliation had the parameters that it has now cannot be computed again.
    let of = project.reconciliation(&reconciliation)?;
    let fits = |cycle: &Cycle| {
        let given: Vec<String> = cycle.key.params().map(|(name, value)| format!("{name}={value}")).collect();
        params(of, &given).is_ok()
    };
    cycles.retain(|cycle| cycle.run.is_some() && fits(cycle));
    cycles.truncate(args.cycles as usize);
    if cycles.is_empty() {
        return Err(Failure::incomplete(format!(
            "no cycle of `{reconciliation}` was ever run: there is nothing to try it on"
        ))
        .hint("`recon checks run` runs checks on a cycle that was not verified"));
    }
    let mut tried = Vec::new();
    for cycle in cycles {
        tried.push(one(global, &args.read, project, &mut ledger, &settings, &row, cycle)?);
    }
    let text = match args.format {
        ListFormat::Json => format!("{}\n", document(&args.name, &from, &tried)),
        ListFormat::Table => told(&args.name, &from, &tried),
    };
    output::text(&text, None)?;
    let unknown = tried.iter().any(|one| one.now.as_ref().map_or(true, |now| now.outcome == "unknown"));
    Ok(if unknown { Exit::Incomplete } else { Exit::Success })
}

/// How a check that is being edited judges the last cycle that was run; `None` where there is none yet.
///
/// # Errors
/// The ledger fails.
pub(super) fn last(
    global: &Global,
    project: &Project,
    ledger: &mut Ledger,
    row: &CheckRow,
) -> Result<Option<(String, Check)>, Failure> {
    let definition = Definition::of(row).map_err(|malformed| Failure::usage(malformed.to_string()))?;
    let Ok(reconciliation) = super::reconciliation(project, definition.reconciliation.as_deref()) else {
        return Ok(None);
    };
    let read = ReadArgs::of_nothing_said();
    let settings = settings(&read)?;
    let cycles = ledger.history(Some(&reconciliation), None, 100)?;
    let Some(cycle) = cycles.into_iter().find(|cycle| cycle.run.is_some()) else { return Ok(None) };
    let tried = one(global, &read, project, ledger, &settings, row, cycle)?;
    let now = tried.now.map_err(|why| Failure::incomplete(format!("it cannot be tried on {}: {why}", tried.cycle)))?;
    Ok(Some((tried.cycle, now)))
}

/// The text to try, and where it is from: the file that is named, the check's file in `checks/`, or its row.
fn edited(
    project: &Project,
    ledger: &mut Ledger,
    name: &str,
    file: Option<&Path>,
) -> Result<(CheckRow, String), Failure> {
    let (row, from) = match file {
        Some(path) => from_file(path)?,
        None => match Files::read(project)?.of(name) {
            Some(found) => (found.file.row.clone(), found.shown.clone()),
            None => (super::found(ledger, name)?.row, "the database".to_owned()),
        },
    };
    if row.name != name {
        return Err(Failure::usage(format!("{from} is of the check `{}`, and `{name}` is asked for", row.name)));
    }
    Ok((row.content(), from))
}

/// The check of a file, and the file's name.
///
/// # Errors
/// It cannot be read, or is no file of a check.
pub(in crate::commands) fn from_file(path: &Path) -> Result<(CheckRow, String), Failure> {
    let shown = path.display().to_string();
    let form = path.extension().and_then(|ending| FileForm::of_ending(ending.to_str()?));
    let form = form
        .ok_or_else(|| Failure::usage(format!("{shown} is no file of a check")).hint("its ending is .sql or .json"))?;
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::incomplete(format!("{shown} cannot be read: {error}")))?;
    Ok((parsed(&shown, form, &text)?.row, shown))
}

/// How a check judges a past cycle, and distinct keys where they are known.
pub(in crate::commands) struct Judged {
    /// What each version says, or why it cannot be told.
    pub(in crate::commands) said: Vec<Result<Check, String>>,
    pub(in crate::commands) population: Option<u64>,
}

/// What several versions of a check say of a past cycle, which is computed once, from the stores as they are now.
///
/// # Errors
/// The ledger fails, or the project does not know the reconciliation any more.
pub(in crate::commands) fn judged(
    global: &Global,
    read: &ReadArgs,
    project: &Project,
    ledger: &mut Ledger,
    settings: &Settings,
    versions: &[&CheckRow],
    cycle: &Cycle,
) -> Result<Judged, Failure> {
    let for_all =
        |why: String| Ok(Judged { said: versions.iter().map(|_| Err(why.clone())).collect(), population: None });
    let reconciliation = project.reconciliation(cycle.key.reconciliation())?.clone();
    let given: Vec<String> = cycle.key.params().map(|(name, value)| format!("{name}={value}")).collect();
    let values = match params(&reconciliation, &given) {
        Ok(values) => values,
        Err(failure) => return for_all(failure.what),
    };
    let named = Named { project: project.clone(), reconciliation, params: values, key: cycle.key.clone() };
    let (text, run) = (cycle.key.to_string(), cycle.run.as_ref().map(|run| run.holder.run.to_string()));
    let names = [("recon_cycle", text.as_str()), ("recon_run", run.as_deref().unwrap_or_default())];
    let all: Vec<Checking<'_>> = versions
        .iter()
        .map(|row| Checking::of_row(row, &named.project, &named.params, &names, settings, Arc::default()))
        .collect();
    let mut again = match all.iter().any(Checking::needs_records) {
        false => None,
        true => match Again::compute(global, &named, read, settings, ledger) {
            Ok(again) => Some(again),
            Err(failure) => return for_all(failure.what),
        },
    };
    let population = match &again {
        Some(again) => again.population(),
        None => super::run::population(ledger, Some(cycle))?,
    };
    let mut said = Vec::new();
    for mut checking in all {
        checking.run(&Stage::ALL, again.as_mut().and_then(Again::material), population);
        said.push(checking.report().into_iter().next().ok_or_else(|| "it is turned off".to_owned()));
    }
    Ok(Judged { said, population })
}

fn one(
    global: &Global,
    read: &ReadArgs,
    project: &Project,
    ledger: &mut Ledger,
    settings: &Settings,
    row: &CheckRow,
    cycle: Cycle,
) -> Result<Tried, Failure> {
    let run = cycle.run.as_ref().map(|run| run.holder.run);
    let before = match run {
        Some(run) => ledger.check_results(run)?.into_iter().find(|r| r.name == row.name && r.role == "decides"),
        None => None,
    };
    let Judged { said, population } = judged(global, read, project, ledger, settings, &[row], &cycle)?;
    let now = said.into_iter().next().unwrap_or_else(|| Err("it was not judged".to_owned()));
    let run = run.map_or_else(String::new, |run| run.to_string());
    Ok(Tried { cycle: cycle.key.to_string(), run, before, now, population })
}

/// The share of the population that it flags, in percent to two decimals, cut off.
pub(in crate::commands) fn rate(check: &Check, population: Option<u64>) -> Option<String> {
    let all = check.examined.or(population).filter(|all| *all > 0)?;
    let hundredths = u128::from(check.violations) * 10_000 / u128::from(all);
    Some(format!("{}%", Amount::new(i128::try_from(hundredths).ok()?, 2)))
}

fn changed(tried: &Tried) -> bool {
    let before = tried.before.as_ref().map(|before| before.outcome.as_str());
    let now = tried.now.as_ref().map_or("unknown", |now| now.outcome);
    before != Some(now)
}

fn document(name: &str, from: &str, tried: &[Tried]) -> Json {
    let cycles: Vec<Json> = tried
        .iter()
        .map(|one| {
            let before = one.before.as_ref().map(|before| {
                json!({ "version": before.version, "outcome": before.outcome, "violations": before.violations, "message": before.message })
            });
            let now = match &one.now {
                Ok(now) => json!({
                    "outcome": now.outcome, "violations": now.violations, "message": now.message,
                    "flag_rate": rate(now, one.population), "samples": now.samples,
                }),
                Err(why) => json!({ "outcome": "unknown", "violations": null, "message": why, "flag_rate": null, "samples": [] }),
            };
            json!({ "cycle": one.cycle, "run": one.run, "before": before, "now": now, "changed": changed(one) })
        })
        .collect();
    json!({ "schema": "recon.checks_try/1", "name": name, "text": from, "cycles": cycles })
}

fn told(name: &str, from: &str, tried: &[Tried]) -> String {
    let rows: Vec<Vec<String>> = tried
        .iter()
        .map(|one| {
            let (was, version) = one.before.as_ref().map_or_else(
                || ("did not run".to_owned(), "-".to_owned()),
                |before| (format!("{} {}", before.outcome, before.violations), before.version.to_string()),
            );
            let (now, rate, message) = match &one.now {
                Ok(now) => (
                    format!("{} {}", now.outcome, now.violations),
                    rate(now, one.population).unwrap_or_else(|| "-".to_owned()),
                    now.message.clone(),
                ),
                Err(why) => ("unknown".to_owned(), "-".to_owned(), why.clone()),
            };
            let mark = if changed(one) { "*" } else { "" };
            vec![mark.to_owned(), one.cycle.clone(), one.run.clone(), was, version, now, rate, message]
        })
        .collect();
    let heading = ["", "cycle", "run", "judged", "version", "would be", "flags", ""];
    let mut lines = vec![format!("`{name}` from {from}, on the stores as they are now")];
    lines.extend(table::lines(&heading, &rows));
    let judged = tried.iter().filter(|one| one.before.is_some());
    let (judged, others) = (judged.clone().count(), judged.filter(|one| changed(one)).count());
    let never = match tried.len() - judged {
        0 => String::new(),
        1 => "; it did not run in 1".to_owned(),
        never => format!("; it did not run in {never}"),
    };
    lines.push(match others {
        _ if judged == 0 => "no check of that name judged any of them".to_owned(),
        0 => format!("it would judge every one of them as they were judged{never}"),
        others => format!("* {others} of {judged} judged cycles would be judged otherwise{never}"),
    });
    lines.iter().map(|line| format!("{line}\n")).collect()
}
