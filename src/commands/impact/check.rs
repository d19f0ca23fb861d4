//! `--check`: the version of a check in the ledger against another text, over past cycles as they are computed now. Writes
//! nothing. Cases hold no checks, so none is looked at.

use std::path::Path;

use serde_json::{Value as Json, json};

use crate::checks::{CheckRow, Definition};
use crate::commands::checking::deciding;
use crate::commands::checks::examine::examined;
use crate::commands::checks::trial::{Judged, from_file, judged, rate};
use crate::commands::{Failure, output, table};
use crate::exit::Exit;
use crate::ledger::{CheckResult, Ledger};
use crate::report::Format;
use crate::report::verification::Check;

use super::Work;
use super::chosen::Chosen;

/// One cycle: what judged it then, and what both versions say now.
struct Held {
    cycle: String,
    run: String,
    then: Option<CheckResult>,
    /// `None` where the ledger holds no such check.
    current: Option<Result<Check, String>>,
    changed: Result<Check, String>,
    population: Option<u64>,
}

/// Runs it.
///
/// # Errors
/// The file is no check of this reconciliation, or the ledger fails.
pub(super) fn run(
    work: &Work<'_>,
    ledger: Option<&mut Ledger>,
    chosen: Chosen,
    file: &Path,
    format: Format,
) -> Result<Exit, Failure> {
    let (row, from) = from_file(file)?;
    let row = row.content();
    examined(work.project, &row)?;
    let definition = Definition::of(&row).map_err(|malformed| Failure::usage(format!("{from}: {malformed}")))?;
    let name = &work.reconciliation.name;
    if let Some(other) = definition.reconciliation.as_ref().filter(|other| *other != name) {
        return Err(Failure::usage(format!("{from}: the check `{}` belongs to `{other}`, not to `{name}`", row.name)));
    }
    for (given, option) in [(work.args.by.is_some(), "--by"), (work.args.cases.is_some(), "--cases")] {
        if given {
            return Err(Failure::usage(format!(
                "`{option}` does not go with `--check`: a check changes no record and no case"
            )));
        }
    }
    let mut held = Vec::new();
    let (mut known, mut waits) = (None, None);
    if let Some(ledger) = ledger {
        if let Some(noted) = ledger.check(&row.name)? {
            let newest = noted.current.version;
            known = deciding(ledger, work.project, noted)?;
            waits = known.as_ref().is_none_or(|known| known.version != newest).then_some(newest);
        }
        let current: Option<CheckRow> = known.as_ref().map(|version| version.row.content());
        let versions: Vec<&CheckRow> = current.iter().chain([&row]).collect();
        for past in &chosen.cycles {
            let run = past.run.holder.run;
            let then = ledger.check_results(run)?.into_iter().find(|one| one.name == row.name && one.role == "decides");
            let (global, read) = (work.global, &work.args.read);
            let Judged { said, population } =
                judged(global, read, work.project, ledger, work.settings, &versions, &past.cycle)?;
            let mut said = said.into_iter();
            let current = if current.is_some() { said.next() } else { None };
            let changed = said.next().unwrap_or_else(|| Err("it was not judged".to_owned()));
            held.push(Held {
                cycle: past.cycle.key.to_string(),
                run: run.to_string(),
                then,
                current,
                changed,
                population,
            });
        }
    }
    let version = known.map(|version| version.version);
    let waits = waits.filter(|_| work.project.checks.approval);
    let reasons = reasons(&held);
    let others = held.iter().filter(|held| held.changes()).count();
    let verdict = match (reasons.is_empty(), others) {
        (false, _) => "incomplete",
        (_, 0) => "same",
        _ => "changes",
    };
    let subject = Subject { name: &row.name, from: &from, version, waits, verdict, reasons: &reasons };
    let text = match format {
        Format::Json => format!("{:#}\n", document(name, &subject, &held, &chosen.left_out)),
        _ => told(&subject, &held, others, &chosen.left_out),
    };
    output::text(&text, work.args.output.as_deref())?;
    Ok(match verdict {
        "incomplete" => Exit::Incomplete,
        "same" => Exit::Success,
        _ => Exit::Discrepancies,
    })
}

struct Subject<'a> {
    name: &'a str,
    from: &'a str,
    /// The version that decides.
    version: Option<u64>,
    /// A newer one, which decides nothing as long as nobody has approved it.
    waits: Option<u64>,
    verdict: &'a str,
    reasons: &'a [String],
}

impl Held {
    /// Whether the run would be judged otherwise; a check that is not there yet says nothing.
    fn changes(&self) -> bool {
        let said = |check: &Result<Check, String>| match check {
            Ok(check) => (check.outcome, check.severity, check.violations),
            Err(_) => ("unknown", "", 0),
        };
        match &self.current {
            Some(current) => said(current) != said(&self.changed),
            None => said(&self.changed).0 != "pass",
        }
    }
}

fn reasons(held: &[Held]) -> Vec<String> {
    if held.is_empty() {
        return vec!["there was nothing to look at: no verified cycle (`recon verify` makes them)".to_owned()];
    }
    let unknown = |check: &Result<Check, String>| check.as_ref().map_or(true, |check| check.outcome == "unknown");
    let mut all = Vec::new();
    for one in held {
        let current = one.current.as_ref().is_some_and(unknown);
        if current || unknown(&one.changed) {
            let which = if unknown(&one.changed) { "the changed version" } else { "the version in the ledger" };
            all.push(format!("{}: what {which} says is unknown", one.cycle));
        }
    }
    all
}

fn document(name: &str, subject: &Subject<'_>, held: &[Held], left_out: &[(String, String)]) -> Json {
    let cycles = held.iter().map(|one| {
        let then = one.then.as_ref().map(|then| {
            json!({ "version": then.version, "outcome": then.outcome, "violations": then.violations, "message": then.message })
        });
        let said = |check: &Result<Check, String>| match check {
            Ok(check) => json!({
                "outcome": check.outcome, "severity": check.severity, "violations": check.violations,
                "message": check.message, "flag_rate": rate(check, one.population),
            }),
            Err(why) => {
                json!({ "outcome": "unknown", "severity": null, "violations": null, "message": why, "flag_rate": null })
            }
        };
        json!({
            "cycle": one.cycle, "run": one.run, "then": then, "current": one.current.as_ref().map(said),
            "changed": said(&one.changed), "changes": one.changes(),
        })
    });
    json!({
        "schema": "recon.impact/1",
        "verdict": subject.verdict,
        "reasons": subject.reasons,
        "notices": [],
        "name": name,
        "check": { "name": subject.name, "from": subject.from, "version": subject.version, "waits": subject.waits },
        "judged": cycles.collect::<Vec<Json>>(),
        "left_out": left_out.iter().map(|(cycle, why)| json!({ "cycle": cycle, "why": why })).collect::<Vec<Json>>(),
    })
}

fn told(subject: &Subject<'_>, held: &[Held], others: usize, left_out: &[(String, String)]) -> String {
    let count = held.len();
    let cycles = if count == 1 { "cycle" } else { "cycles" };
    let sentence = match subject.verdict {
        "same" => format!("it would judge {count} {cycles} as it does now"),
        _ => format!("it would judge {others} of {count} {cycles} otherwise"),
    };
    let mut lines = vec![format!("{}  the check `{}`: {sentence}", subject.verdict.to_uppercase(), subject.name)];
    lines.extend(subject.reasons.iter().map(|reason| format!("  {reason}")));
    let version = match (subject.version, subject.waits) {
        (None, None) => "no version yet".to_owned(),
        (None, Some(waits)) => format!("no version that decides (version {waits} waits for approval)"),
        (Some(version), None) => format!("version {version}"),
        (Some(version), Some(waits)) => {
            format!("version {version}, which decides (version {waits} waits for approval),")
        }
    };
    lines.push(format!("  {} against {version} in the ledger; nothing was written", subject.from));
    if !held.is_empty() {
        let said = |check: &Result<Check, String>| match check {
            Ok(check) => format!("{} {}", check.outcome, check.violations),
            Err(_) => "unknown".to_owned(),
        };
        let rows: Vec<Vec<String>> = held
            .iter()
            .map(|one| {
                let mark = if one.changes() { "*" } else { "" };
                let then = one.then.as_ref();
                let then =
                    then.map_or("did not run".to_owned(), |then| format!("{} {}", then.outcome, then.violations));
                let (flags, message) = match &one.changed {
                    Ok(check) => (rate(check, one.population), check.message.clone()),
                    Err(why) => (None, why.clone()),
                };
                vec![
                    mark.to_owned(),
                    one.cycle.clone(),
                    one.run.clone(),
                    then,
                    one.current.as_ref().map_or_else(|| "-".to_owned(), said),
                    said(&one.changed),
                    flags.unwrap_or_else(|| "-".to_owned()),
                    message,
                ]
            })
            .collect();
        lines.push(String::new());
        lines.extend(table::lines(&["", "cycle", "run", "judged then", "current", "changed", "flags", ""], &rows));
    }
    lines.extend(
        left_out.iter().map(|(cycle, why)| format!("left out: {} ({})", table::plain(cycle), table::plain(why))),
    );
    lines.iter().map(|line| format!("{line}\n")).collect()
}
