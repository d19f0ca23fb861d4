//! `recon checks enable|disable`.

use crate::config::Project;
use crate::exit::Exit;
use crate::ledger::Ledger;

use super::super::who::who;
use super::super::{Failure, print_lines};
use super::{approval, found};

/// Switches a check on.
///
/// # Errors
/// There is no such check, or no reason where one is needed (exit 2); or the ledger fails.
pub(super) fn enable(
    project: &Project,
    ledger: &mut Ledger,
    name: &str,
    reason: Option<&str>,
    by: Option<&str>,
) -> Result<Exit, Failure> {
    let by = who(by)?;
    found(ledger, name)?;
    let switched = ledger.enable_check(name, &by, reason)?;
    let mut lines = Vec::new();
    if let Some(trip) = switched.cleared {
        lines.push(format!("{name}: on again; it was switched off at {} ({})", trip.at, trip.message));
    }
    lines.extend(switched.version.map(|version| format!("{name}: on, version {version}{}", waits(project))));
    if lines.is_empty() {
        lines.push(format!("{name} is on already"));
    }
    print_lines(&lines);
    Ok(Exit::Success)
}

/// Switches a check off.
///
/// # Errors
/// There is no such check, or no reason (exit 2); or the ledger fails.
pub(super) fn disable(
    project: &Project,
    ledger: &mut Ledger,
    name: &str,
    reason: &str,
    by: Option<&str>,
) -> Result<Exit, Failure> {
    let by = who(by)?;
    found(ledger, name)?;
    let switched = ledger.disable_check(name, &by, reason)?;
    print_lines(&[match switched.version {
        Some(version) => format!("{name}: off, version {version}{}", waits(project)),
        None => format!("{name} is off already"),
    }]);
    Ok(Exit::Success)
}

/// A switch is an edit like any other.
fn waits(project: &Project) -> &'static str {
    if approval(project) { "; until somebody else approves that, what was approved before decides" } else { "" }
}
