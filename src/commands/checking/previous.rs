//! Which cycle came before, and where its decisions are.

use std::sync::Arc;

use crate::checks::Previous;
use crate::commands::Failure;
use crate::commands::cycle::Named;
use crate::commands::named::params;
use crate::decisions::Place;
use crate::ledger::Ledger;
use crate::stores::{MakeSource, Settings};

/// Cycles that are looked at at once.
const PAGE: u32 = 100;

/// The decisions of the cycle of this reconciliation that was released last among those registered before this one.
///
/// # Errors
/// The ledger cannot be read; where they are cannot be named any more.
pub(in crate::commands) fn previous(
    named: &Named,
    ledger: &mut Ledger,
    cycle: i64,
    settings: &Settings,
) -> Result<Option<Previous>, Failure> {
    let Some(decisions) = &named.reconciliation.decisions else { return Ok(None) };
    let mut before = cycle;
    loop {
        let page = ledger.history(Some(&named.reconciliation.name), Some(before), PAGE)?;
        let Some(last) = page.last().map(|cycle| cycle.id) else { return Ok(None) };
        let released = page.iter().find(|cycle| cycle.state.is_released());
        let Some((run, cycle)) = released.and_then(|cycle| Some((cycle.decided_run()?, cycle))) else {
            before = last;
            continue;
        };
        let given: Vec<String> = cycle.key.params().map(|(name, value)| format!("{name}={value}")).collect();
        // Parameters of other names belong to an earlier project file: only a file's name needs them.
        let params = params(&named.reconciliation, &given).unwrap_or_default();
        let place = Place::of(&named.project, decisions, &params, settings)?;
        let (locator, filter) = place.records(&run.to_string())?;
        let settings = settings.clone();
        let make: MakeSource = Arc::new(move || locator.source(&settings));
        return Ok(Some(Previous { make, filter, run: run.to_string() }));
    }
}
