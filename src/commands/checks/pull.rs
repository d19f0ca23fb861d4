//! `recon checks pull`: the database into files. A change that only a file holds is never lost: either everything that
//! was asked for is pulled, or nothing.

use crate::checks::{Drift, FileVersion, drift, is_faithful, render};
use crate::cli::Global;
use crate::config::Project;
use crate::exit::Exit;
use crate::ledger::{CheckVersion, Ledger, NotedCheck};

use super::super::{Failure, print_lines};
use super::diff::{Difference, colored, text};
use super::files::{Files, together};
use super::{edited, found, past, versions};

/// A check of the database beside its file.
struct Planned {
    check: NotedCheck,
    versions: Vec<CheckVersion>,
    drift: Drift,
}

/// Runs the command.
///
/// # Errors
/// There is no such check, or a row that no file can hold; a change of a file would be lost (exit 4); or something fails.
pub(super) fn run(
    global: &Global,
    project: &Project,
    ledger: &mut Ledger,
    names: &[String],
    dry_run: bool,
    force: bool,
) -> Result<Exit, Failure> {
    let files = Files::read(project)?;
    if !dry_run {
        // What a file is made from is a version that stays known.
        ledger.note_checks()?;
    }
    let all = planned(ledger, &files, names)?;
    let taken = |one: &&Planned| match one.drift {
        Drift::OnlyDatabase | Drift::Database(_) => true,
        Drift::File | Drift::Both(_) => force,
        _ => false,
    };
    if let Some(failure) = together(all.iter().filter(taken).filter_map(unfit).collect()) {
        return Err(failure);
    }
    let conflicts: Vec<&Planned> = all.iter().filter(|one| matches!(one.drift, Drift::Both(_)) && !force).collect();
    if !conflicts.is_empty() {
        let mut lines = Vec::new();
        for one in conflicts {
            print_lines(&difference(&files, one).lines(colored(global)));
            let (_, shown) = files.place(&one.check.row);
            lines.push(format!("{shown} was changed, and so was the database: {}", edited(&one.check.current)));
        }
        let what = format!("{}; nothing was pulled", lines.join("\n       "));
        let hint =
            "put one into the other by hand; `pull NAME --force` overwrites the file, `push NAME --force` the database";
        return Err(Failure { exit: Exit::Refused, what, hint: Some(hint.to_owned()) });
    }
    let mut pulled = 0;
    for one in &all {
        let name = &one.check.current.name;
        if let Drift::Deleted(_) = one.drift {
            let (_, shown) = files.place(&one.check.row);
            print_lines(&[format!(
                "{name}: deleted in the database, {}; {shown} is left as it is",
                edited(&one.check.current)
            )]);
        }
        if one.drift == Drift::File && !force {
            print_lines(&[format!("{name}: the file is ahead (`recon checks push {name}`)")]);
        }
        let version = FileVersion::of(one.check.current.version, &one.check.row.content().hash());
        if !taken(&one) {
            if let (Drift::Same, false, Some(file)) =
                (one.drift, dry_run, files.of(name).filter(|file| file.file.version.is_some()))
            {
                file.note(&version)?;
            }
            continue;
        }
        pulled += 1;
        if one.drift != Drift::OnlyDatabase {
            print_lines(&difference(&files, one).lines(colored(global)));
        }
        let shown = match dry_run {
            true => files.place(&one.check.row).1,
            false => files.write(&one.check.row, &render(&one.check.row, Some(&version)))?,
        };
        print_lines(&[format!("{name}: version {} in {shown}", one.check.current.version)]);
    }
    let would = if dry_run { "would be " } else { "" };
    print_lines(&[format!("{pulled} {would}pulled, {} as they were", all.len() - pulled)]);
    Ok(Exit::Success)
}

fn planned(ledger: &mut Ledger, files: &Files, names: &[String]) -> Result<Vec<Planned>, Failure> {
    let checks = match names.is_empty() {
        true => ledger.checks()?,
        false => names.iter().map(|name| found(ledger, name)).collect::<Result<_, _>>()?,
    };
    let mut all = Vec::new();
    for check in checks {
        let file = files.of(&check.current.name).map(|found| &found.file);
        if check.current.deleted && file.is_none() {
            continue;
        }
        let versions = versions(ledger, &check)?;
        let row = (!check.current.deleted).then_some(&check.row);
        let drift = drift(file, row, &past(&versions));
        all.push(Planned { check, versions, drift });
    }
    Ok(all)
}

/// Why no file can hold a row.
fn unfit(one: &Planned) -> Option<Failure> {
    let row = &one.check.row;
    if is_faithful(row) {
        return None;
    }
    let why = match row.unreadable.is_empty() {
        true => "a carriage return ends a line of one of its columns, or its name is no name".to_owned(),
        false => row.unreadable.join("; "),
    };
    Some(
        Failure::usage(format!("`{}` cannot be written as a file: {why}", row.name))
            .hint("mend the row with plain SQL"),
    )
}

fn difference(files: &Files, one: &Planned) -> Difference {
    let file = files.of(&one.check.current.name);
    let shown = file.map_or_else(|| "no file".to_owned(), |file| file.shown.clone());
    let there = one.versions.last().map_or_else(String::new, |last| format!("database, {}", edited(last)));
    Difference { from: (shown, file.map(|file| text(&file.file.row))), to: (there, Some(text(&one.check.row))) }
}
