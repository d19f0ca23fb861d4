//! Which version of a check decides. Must not run one.

use crate::commands::Failure;
use crate::config::Project;
use crate::ledger::{CheckResult, CheckVersion, Ledger, NotedCheck};

use super::PAGE;

/// The version that decides where its reconciliation is verified; `None`: none does.
///
/// # Errors
/// The ledger cannot be read.
pub(in crate::commands) fn deciding(
    ledger: &mut Ledger,
    project: &Project,
    noted: NotedCheck,
) -> Result<Option<CheckVersion>, Failure> {
    let decides = match project.checks.approval {
        false => Some(noted.current),
        true if noted.approved.is_some() => noted.approved,
        true => decided_before(ledger, &noted)?,
    };
    Ok(decides.filter(|version| !version.deleted))
}

/// The version that decided before approval was asked for, where nobody has approved any since.
pub(super) fn decided_before(ledger: &mut Ledger, noted: &NotedCheck) -> Result<Option<CheckVersion>, Failure> {
    let name = &noted.current.name;
    let history = ledger.check_history(name, PAGE)?;
    let decided = |(_, _, result): &(_, _, CheckResult)| {
        result.role == "decides" && ["pass", "warn", "fail", "tripped"].contains(&result.outcome.as_str())
    };
    let Some((_, _, result)) = history.into_iter().find(decided) else { return Ok(None) };
    let versions = ledger.check_versions(name)?;
    Ok(versions.into_iter().find(|version| version.version == result.version && !version.deleted))
}
