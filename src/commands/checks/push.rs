//! `recon checks push`: files into the database. An edit made there is never lost: either everything that was asked for
//! is pushed, or nothing.

use crate::checks::{Drift, FileVersion, drift};
use crate::cli::Global;
use crate::config::Project;
use crate::exit::Exit;
use crate::ledger::{CheckVersion, Ledger, NotedCheck};

use super::super::who::who;
use super::super::{Failure, print_lines};
use super::diff::{Difference, colored, text};
use super::files::{Files, Found, together};
use super::{TryOut, edited, from_now_on, past, validated, versions};

/// What was asked for.
pub(super) struct Push<'a> {
    pub(super) names: &'a [String],
    pub(super) dry_run: bool,
    pub(super) force: bool,
    pub(super) by: Option<&'a str>,
}

/// A file beside what the database holds.
struct Planned<'a> {
    found: &'a Found,
    check: Option<NotedCheck>,
    versions: Vec<CheckVersion>,
    drift: Drift,
}

/// Runs the command.
///
/// # Errors
/// A file is no check, or there is none; an edit of the database would be lost (exit 4); or something fails.
pub(super) fn run(
    global: &Global,
    project: &Project,
    ledger: &mut Ledger,
    push: &Push<'_>,
    try_out: TryOut<'_>,
) -> Result<Exit, Failure> {
    let by = who(push.by)?;
    let files = Files::read(project)?;
    let chosen = files.chosen(push.names)?;
    if !push.dry_run {
        // What a file is held against is a version that stays known.
        ledger.note_checks()?;
    }
    let mut all = Vec::new();
    for found in chosen {
        all.push(planned(ledger, found)?);
    }
    let news: Vec<&Planned<'_>> = all.iter().filter(|one| one.drift != Drift::Same).collect();
    let tried = |one: &&Planned<'_>| {
        let row = &one.found.file.row;
        let tried = validated(project, row).and_then(|_| try_out(row));
        tried.err().map(|failure| Failure { what: format!("{}: {}", one.found.shown, failure.what), ..failure })
    };
    if let Some(failure) = together(news.iter().filter_map(tried).collect()) {
        return Err(failure);
    }
    if let Some(failure) = refused(global, push, &news) {
        return Err(failure);
    }
    for one in &news {
        print_lines(&told(global, one));
        if push.dry_run {
            continue;
        }
        let row = &one.found.file.row;
        let seen = one.check.as_ref().filter(|check| !check.current.deleted).map(|check| check.row.fingerprint());
        let version = ledger.push_check(row, &by, seen.as_deref())?;
        let saved = ledger.check_versions(&row.name)?;
        if let Some(saved) = saved.iter().find(|saved| saved.version == version) {
            one.found.note(&FileVersion::of(version, &saved.row.content().hash()))?;
        }
        let before = one.versions.last().map(|last| last.version);
        print_lines(&[match before == Some(version) {
            true => format!("{}: saved; what it does is version {version} as before", row.name),
            false => {
                format!("{}: saved as version {version}; {}", row.name, from_now_on(project, ledger, &row.name)?)
            }
        }]);
    }
    if !push.dry_run {
        for one in all.iter().filter(|one| one.drift == Drift::Same && one.found.file.version.is_some()) {
            if let Some(last) = one.versions.last() {
                one.found.note(&FileVersion::of(last.version, &last.row.content().hash()))?;
            }
        }
    }
    let (pushed, same) = (news.len(), all.len() - news.len());
    let would = if push.dry_run { "would be " } else { "" };
    print_lines(&[format!("{pushed} {would}pushed, {same} as they were")]);
    if push.names.is_empty() {
        let only: Vec<String> =
            ledger.check_rows()?.into_iter().map(|row| row.name).filter(|name| files.of(name).is_none()).collect();
        if !only.is_empty() {
            print_lines(&[format!("only in the database: {} (`recon checks pull`)", only.join(", "))]);
        }
    }
    Ok(Exit::Success)
}

fn planned<'a>(ledger: &mut Ledger, found: &'a Found) -> Result<Planned<'a>, Failure> {
    let check = ledger.check(&found.file.row.name)?;
    let versions = match &check {
        Some(check) => versions(ledger, check)?,
        // A deletion that was approved is no check any more, and still a version.
        None => ledger.check_versions(&found.file.row.name)?,
    };
    let row = check.as_ref().filter(|check| !check.current.deleted).map(|check| &check.row);
    let drift = drift(Some(&found.file), row, &past(&versions));
    Ok(Planned { found, check, versions, drift })
}

/// How a file and the database differ.
///
/// # Errors
/// The ledger cannot be read.
pub(super) fn drift_of(ledger: &mut Ledger, found: &Found) -> Result<Drift, Failure> {
    Ok(planned(ledger, found)?.drift)
}

/// What must not be pushed, and why; shown with what would be lost.
fn refused(global: &Global, push: &Push<'_>, news: &[&Planned<'_>]) -> Option<Failure> {
    let why = |one: &Planned<'_>| {
        let of = |number: u64| one.versions.iter().find(|version| version.version == number).map(edited);
        match one.drift {
            Drift::Both(number) => Some(format!("was edited in the database since: {}", of(number)?)),
            Drift::Deleted(number) => Some(format!("was deleted in the database: {}", of(number)?)),
            Drift::Database(number) => {
                let last = one.versions.last().map(edited)?;
                Some(format!("is behind: the file is version {number}, the database has {last}"))
            }
            _ => None,
        }
    };
    let mut lines = Vec::new();
    for one in news {
        let Some(why) = why(one) else { continue };
        let name = &one.found.file.row.name;
        if push.force {
            print_lines(&[format!("{name} {why}; overwritten as asked")]);
            continue;
        }
        print_lines(&difference(one).lines(colored(global)));
        lines.push(format!("{name} {why}"));
    }
    if lines.is_empty() {
        return None;
    }
    let what = format!("{}; nothing was pushed", lines.join("\n       "));
    let hint = "`recon checks pull NAME` takes the database's; put your change into that. `push NAME --force` overwrites it: it stays in the history";
    Some(Failure { exit: Exit::Refused, what, hint: Some(hint.to_owned()) })
}

fn difference(one: &Planned<'_>) -> Difference {
    let row = one.check.as_ref().filter(|check| !check.current.deleted).map(|check| &check.row);
    let there = match (&one.check, row) {
        (Some(check), _) => format!("database, {}", edited(&check.current)),
        (None, _) => "not in the database".to_owned(),
    };
    Difference { from: (there, row.map(text)), to: (one.found.shown.clone(), Some(text(&one.found.file.row))) }
}

fn told(global: &Global, one: &Planned<'_>) -> Vec<String> {
    match one.drift {
        Drift::OnlyFile | Drift::Deleted(_) => {
            vec![format!("{}: new, from {}", one.found.file.row.name, one.found.shown)]
        }
        _ => difference(one).lines(colored(global)),
    }
}
