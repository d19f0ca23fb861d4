//! The files of checks: a check that is not in the database guards nothing.

use crate::commands::checks::unpushed::unpushed;
use crate::config::Project;
use crate::ledger::{Ledger, Process};

use super::finding::Finding;

pub(super) fn look(project: &Project) -> Vec<Finding> {
    let place = "checks";
    if !project.folder().join("checks").is_dir() {
        return Vec::new();
    }
    // A ledger that cannot be read is told for itself.
    let Ok(mut ledger) = Ledger::look(&project.ledger, Process::current()) else { return Vec::new() };
    match unpushed(project, ledger.as_mut(), None) {
        Ok(None) => Vec::new(),
        Ok(Some(found)) => {
            vec![Finding::note(place, found, "`recon checks push`: a check runs from the database alone")]
        }
        Err(failure) => vec![Finding::of(place, failure)],
    }
}
