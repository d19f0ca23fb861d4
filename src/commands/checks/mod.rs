//! `recon checks`: validation queries and rules in the database. One file per command; here is what they share.

mod again;
mod approve;
mod diff;
mod edit;
pub(in crate::commands) mod examine;
mod files;
mod history;
mod list;
mod new;
mod pull;
mod push;
mod run;
mod show;
mod state;
mod switch;
pub(in crate::commands) mod trial;
pub(in crate::commands) mod unpushed;

use crate::checks::{CheckRow, Definition, Past};
use crate::cli::{ChecksArgs, ChecksCommand, Global};
use crate::config::Project;
use crate::exit::Exit;
use crate::ledger::{CheckVersion, Ledger, NotedCheck};

use super::Failure;
use super::cycle::{ledger, project};

/// What a check goes through before it is saved: examining and trying its query.
type TryOut<'a> = &'a dyn Fn(&CheckRow) -> Result<(), Failure>;

/// Runs the command.
///
/// # Errors
/// What was asked for is wrong, refused, or cannot be read or written.
pub fn run(global: &Global, args: &ChecksArgs) -> Result<Exit, Failure> {
    let project = project(global)?;
    let try_out = |row: &CheckRow| examine::examined(&project, row);
    match &args.command {
        ChecksCommand::List { reconciliation, format } => {
            if let Some(name) = reconciliation {
                project.reconciliation(name)?;
            }
            list::run(&project, &mut ledger(&project)?, reconciliation.as_deref(), *format)
        }
        ChecksCommand::Show { name, results, format } => {
            show::run(&project, &mut ledger(&project)?, name, *results, *format)
        }
        ChecksCommand::New(args) => new::run(&project, args),
        ChecksCommand::Edit { name, file, by } => {
            let edit = edit::Edit { name, file: file.as_deref(), by: by.as_deref() };
            edit::run(global, &project, &mut ledger(&project)?, &edit, &try_out)
        }
        ChecksCommand::Push { names, dry_run, force, by } => {
            let push = push::Push { names, dry_run: *dry_run, force: *force, by: by.as_deref() };
            push::run(global, &project, &mut ledger(&project)?, &push, &try_out)
        }
        ChecksCommand::Pull { names, dry_run, force } => {
            pull::run(global, &project, &mut ledger(&project)?, names, *dry_run, *force)
        }
        ChecksCommand::Run(args) => run::run(global, &project, args),
        ChecksCommand::Try(args) => trial::run(global, &project, args),
        ChecksCommand::History { name, limit, format } => history::run(&mut ledger(&project)?, name, *limit, *format),
        ChecksCommand::Diff { name, versions } => {
            diff::run(global, &project, &mut ledger(&project)?, name, versions.as_deref())
        }
        ChecksCommand::Approve { name, version, by } => {
            approve::run(global, &project, &mut ledger(&project)?, name, *version, by)
        }
        ChecksCommand::Enable { name, reason, by } => {
            switch::enable(&project, &mut ledger(&project)?, name, reason.as_deref(), by.as_deref())
        }
        ChecksCommand::Disable { name, reason, by } => {
            switch::disable(&project, &mut ledger(&project)?, name, reason, by.as_deref())
        }
    }
}

/// Whether an edit decides only after somebody else approved it.
fn approval(project: &Project) -> bool {
    project.checks.approval
}

/// A check that there is, or was.
///
/// # Errors
/// There never was one of this name (exit 2), or the ledger cannot be read.
fn found(ledger: &mut Ledger, name: &str) -> Result<NotedCheck, Failure> {
    if let Some(found) = ledger.check(name)? {
        return Ok(found);
    }
    let rows = ledger.check_rows()?;
    let near = crate::config::did_you_mean(name, rows.iter().map(|row| row.name.as_str()));
    let hint = near
        .unwrap_or_else(|| format!("`recon checks list` shows those there are; `recon checks new {name}` begins one"));
    Err(Failure::usage(format!("there is no check `{name}` in the ledger {}", ledger.place())).hint(hint))
}

/// Every version of a check, and at last an edit that nobody has noticed yet.
fn versions(ledger: &mut Ledger, check: &NotedCheck) -> Result<Vec<CheckVersion>, Failure> {
    let mut all = ledger.check_versions(&check.current.name)?;
    if all.last().is_none_or(|last| last.version < check.current.version) {
        all.push(check.current.clone());
    }
    Ok(all)
}

/// The reconciliation that is meant: the one that is named, or the only one.
///
/// # Errors
/// There is none of that name, or several and none is named (exit 2).
fn reconciliation(project: &Project, named: Option<&str>) -> Result<String, Failure> {
    if let Some(name) = named {
        return Ok(project.reconciliation(name)?.name.clone());
    }
    let names: Vec<&str> = project.reconciliations().map(|one| one.name.as_str()).collect();
    match names.as_slice() {
        [one] => Ok((*one).to_owned()),
        several => Err(Failure::usage("which reconciliation is meant is not clear")
            .hint(format!("add `--reconciliation NAME`: {}", several.join(", ")))),
    }
}

/// Versions, as files are held against them.
fn past(versions: &[CheckVersion]) -> Vec<Past> {
    let one = |version: &CheckVersion| Past {
        number: version.version,
        hash: version.row.content().hash(),
        pushed: version.how == "push",
        deleted: version.deleted,
    };
    versions.iter().map(one).collect()
}

/// What is wrong with a check that is to be saved: its columns, and the names of the project that it uses.
///
/// # Errors
/// It is no check, or names what recon.toml does not hold (exit 2).
fn validated(project: &Project, row: &CheckRow) -> Result<Definition, Failure> {
    let wrong = |what: String| Failure::usage(format!("the check `{}`: {what}", row.name));
    let definition = Definition::of(row).map_err(|malformed| wrong(malformed.0.join("; ")))?;
    if let Some(name) = &definition.reconciliation {
        project.reconciliation(name)?;
    }
    if let Some(store) = definition.store.as_deref().filter(|_| definition.kind.asks_a_store()) {
        super::asking::locator(project, definition.kind, store).map_err(wrong)?;
    }
    Ok(definition)
}

/// Who said it and how, in a few words: `version 4 by kim, with plain SQL, 2026-11-12T13:00:00.000Z`.
fn edited(version: &CheckVersion) -> String {
    let by = version.author.as_ref().map_or_else(|| "by somebody unknown".to_owned(), |author| format!("by {author}"));
    let how = match version.how.as_str() {
        "sql" => ", with plain SQL",
        "push" => ", from a file",
        _ => "",
    };
    let what = if version.deleted { ", the deletion," } else { "" };
    format!("version {}{what} {by}{how}, {}", version.version, version.time)
}

/// What is said after a check was saved.
///
/// # Errors
/// The ledger cannot be read.
fn from_now_on(project: &Project, ledger: &mut Ledger, name: &str) -> Result<String, Failure> {
    let check = ledger.check(name)?;
    let enabled = check.as_ref().and_then(|check| Definition::of(&check.row).ok()).is_none_or(|one| one.enabled);
    Ok(match (check.is_some_and(|check| check.tripped.is_some()), enabled, approval(project)) {
        (true, ..) => format!("still switched off by its guard: `recon checks enable {name} --reason …`"),
        (_, false, _) => format!("switched off: `recon checks enable {name}`"),
        (_, _, true) => "it decides when somebody else has approved it".to_owned(),
        (_, _, false) => "it decides from the next run on".to_owned(),
    })
}
