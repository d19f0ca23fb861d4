//! Files of checks that the database does not hold as they are: whoever wrote one believes that it guards. Must not change
//! either.

use crate::checks::{CheckRow, Drift};
use crate::commands::Failure;
use crate::config::Project;
use crate::ledger::Ledger;

use super::files::Files;
use super::push::drift_of;

/// What is to be told of the files in checks/: how many are not in the database, or were changed since they were pushed;
/// `None` when all of them are. Of one reconciliation, or of all.
///
/// # Errors
/// A file is no check, or the ledger cannot be read.
pub(in crate::commands) fn unpushed(
    project: &Project,
    ledger: Option<&mut Ledger>,
    reconciliation: Option<&str>,
) -> Result<Option<String>, Failure> {
    let files = Files::read(project)?;
    let (mut missing, mut changed) = (Vec::new(), Vec::new());
    let mut ledger = ledger;
    for found in files.chosen(&[])? {
        let row = &found.file.row;
        if reconciliation.is_some_and(|wanted| of(row).is_some_and(|of| of != wanted)) {
            continue;
        }
        let drift = match &mut ledger {
            Some(ledger) => drift_of(ledger, found)?,
            None => Drift::OnlyFile,
        };
        match drift {
            Drift::OnlyFile => missing.push(row.name.as_str()),
            Drift::File | Drift::Both(_) => changed.push(row.name.as_str()),
            Drift::Same | Drift::OnlyDatabase | Drift::Deleted(_) | Drift::Database(_) => {}
        }
    }
    let is = |count: usize| if count == 1 { "is" } else { "are" };
    let was = |count: usize| if count == 1 { "was" } else { "were" };
    let mut parts = Vec::new();
    if !missing.is_empty() {
        let count = missing.len();
        parts.push(format!("{count} that {} not in the database ({})", is(count), missing.join(", ")));
    }
    if !changed.is_empty() {
        let count = changed.len();
        parts.push(format!("{count} that {} changed since the last push ({})", was(count), changed.join(", ")));
    }
    Ok((!parts.is_empty()).then(|| format!("{}/ holds {}", files.folder_shown(), parts.join(" and "))))
}

/// The reconciliation that a check belongs to; `None`: to all.
fn of(row: &CheckRow) -> Option<&str> {
    row.reconciliation.as_deref().map(str::trim).filter(|of| !of.is_empty())
}

/// The same for a run of a reconciliation; what cannot be told keeps nobody from verifying.
pub(in crate::commands) fn notice(project: &Project, ledger: &mut Ledger, reconciliation: &str) -> Option<String> {
    let rows = ledger.check_rows().unwrap_or_default();
    let runs = rows.iter().any(|row| of(row).is_none_or(|of| of == reconciliation));
    let none = if runs { "" } else { "no check runs; " };
    match unpushed(project, Some(ledger), Some(reconciliation)) {
        Ok(found) => Some(format!("{none}{}: `recon checks push`", found?)),
        Err(failure) => {
            Some(format!("{none}whether the files of checks are in the database is not known: {}", failure.what))
        }
    }
}
