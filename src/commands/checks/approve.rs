//! `recon checks approve`: four eyes on a check.

use crate::checks::CheckRow;
use crate::cli::Global;
use crate::config::Project;
use crate::exit::Exit;
use crate::ledger::{CheckVersion, Ledger};

use super::super::who::who;
use super::super::{Failure, print_lines};
use super::diff::{between, colored};
use super::{approval, found};

/// Runs the command.
///
/// # Errors
/// There is no such check or version, or it is no check (exit 2); the approver edited it, or it changed meanwhile
/// (exit 4); or the ledger fails.
pub(super) fn run(
    global: &Global,
    project: &Project,
    ledger: &mut Ledger,
    name: &str,
    version: Option<u64>,
    by: &str,
) -> Result<Exit, Failure> {
    let by = who(Some(by))?;
    // What was edited with plain SQL gets its number first.
    ledger.note_checks()?;
    let check = found(ledger, name)?;
    let version = version.unwrap_or(check.current.version);
    let all = ledger.check_versions(name)?;
    let of = |number: u64| all.iter().find(|one| one.version == number);
    let wanted = of(version).ok_or_else(|| {
        Failure::usage(format!("there is no version {version} of `{name}`"))
            .hint(format!("`recon checks history {name}` shows those there are"))
    })?;
    // What is approved is seen.
    let before = all.iter().rev().find(|one| one.approved && one.version < version).cloned();
    let nothing = || CheckVersion {
        deleted: true,
        version: 0,
        row: CheckRow { name: name.to_owned(), ..CheckRow::default() },
        ..wanted.clone()
    };
    let mut difference = between(&before.clone().unwrap_or_else(nothing), wanted);
    if before.is_none() {
        difference.from.0 = "nothing approved yet".to_owned();
    }
    let lines = difference.lines(colored(global));
    let approved = ledger.approve_check(name, version, &wanted.hash, &by)?;
    print_lines(&lines);
    let given = approved.approvals.len();
    print_lines(&[match (approved.approved, approval(project)) {
        (true, true) if version == check.current.version => {
            format!(
                "version {version} of {name} is approved ({given} of {}); it decides from the next run on",
                approved.needed
            )
        }
        (true, true) => format!(
            "version {version} of {name} is approved ({given} of {}); version {} waits",
            approved.needed, check.current.version
        ),
        (true, false) => {
            format!("version {version} of {name} is approved; recon.toml does not ask for approval ([checks] approval)")
        }
        (false, _) => format!(
            "version {version} of {name} has {given} of {} approvals: nobody knows who edited it, so two people must approve it",
            approved.needed
        ),
    }]);
    Ok(Exit::Success)
}
