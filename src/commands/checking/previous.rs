//! Which cycle came before, and where its decisions are.

use std::sync::Arc;

use crate::checks::Previous;
use crate::commands::cycle::Named;
use crate::commands::named::params;
use crate::commands::{Failure, release};
use crate::decisions::Place;
use crate::domain::State;
use crate::ledger::{Cycle, Ledger, RunId};
use crate::stores::{MakeSource, Settings};

/// Cycles that are looked at at once.
const PAGE: u32 = 100;
/// Pages of them: the last thousand cycles.
const PAGES: usize = 10;

/// The decisions of the cycle of this reconciliation that was released last, this one left out.
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
    let (mut before, mut last) = (None, None);
    // In the order of their release, whichever was registered first.
    for _ in 0..PAGES {
        let page = ledger.history(Some(&named.reconciliation.name), before, PAGE)?;
        let Some(oldest) = page.last().map(|cycle| cycle.id) else { break };
        before = Some(oldest);
        for one in page.into_iter().filter(|one| one.id != cycle && one.state.is_released()) {
            let steps = ledger.steps(one.id)?;
            let released = steps.iter().rev().find(|step| step.to == State::Released).map(|step| step.at.clone());
            if last.as_ref().is_none_or(|(at, _)| released > *at) {
                last = Some((released, one));
            }
        }
    }
    let Some((run, cycle)) = last.and_then(|(_, cycle)| Some((cycle.decided_run()?, cycle))) else { return Ok(None) };
    let given: Vec<String> = cycle.key.params().map(|(name, value)| format!("{name}={value}")).collect();
    // Parameters of other names belong to an earlier project file: only a file's name needs them.
    let params = params(&named.reconciliation, &given).unwrap_or_default();
    let mut place = Place::of(&named.project, decisions, &params, settings)?;
    let (locator, filter) = place.records(&run.to_string())?;
    let doubt = changed(&mut place, ledger, &cycle, run)?;
    let settings = settings.clone();
    let make: MakeSource = Arc::new(move || locator.source(&settings));
    Ok(Some(Previous { make, filter, run: run.to_string(), doubt }))
}

/// Why the decisions are not those that were released, if they are not.
fn changed(place: &mut Place, ledger: &mut Ledger, cycle: &Cycle, run: RunId) -> Result<Option<String>, Failure> {
    let (key, columns) = release::columns(ledger, run)?;
    let released = cycle.decisions.as_ref().map(|decided| decided.summary.hash.clone()).unwrap_or_default();
    Ok(match place.read(&run.to_string(), &key, &columns) {
        Ok(found) if found.hash == released => None,
        Ok(_) => Some(format!("the decisions of {} in {} are not those that were released", cycle.key, place.label())),
        Err(error) => Some(format!("the decisions of {} cannot be read: {}", cycle.key, error.what)),
    })
}
