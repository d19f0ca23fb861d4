//! Whether the paths as they stand still give what a run decided: a cycle whose inputs have moved since says what the
//! change does to other records than those that were paid.

use serde_json::Value as Json;

use crate::commands::Failure;
use crate::commands::cycle::Named;
use crate::commands::recomputed::{Recomputed, gone};
use crate::commands::release::columns;
use crate::commands::verify::snapshot::texts;
use crate::config::Reconciliation;
use crate::decide::{Taken, decisions};
use crate::decisions::{Place, Ticket};
use crate::domain::Amount;
use crate::ledger::{Ledger, RunRecord};
use crate::report::impact::Then;
use crate::stores::{Settings, StoreError};

use super::chosen::Past;

/// Differences that are told.
const SAID: usize = 4;

fn figures(run: &RunRecord) -> Option<Json> {
    run.figures.as_deref().and_then(|text| serde_json::from_str(text).ok())
}

/// The share that the candidate had in a run; where the ledger does not say, what the project file says now.
pub(super) fn percent(run: &RunRecord, of: &Reconciliation) -> u8 {
    let percent = figures(run).and_then(|figures| u8::try_from(figures["canary"]["percent"].as_u64()?).ok());
    percent.filter(|percent| *percent <= 100).unwrap_or(of.canary.percent)
}

/// Holds what is computed now against what a run decided.
///
/// # Errors
/// The ledger, or a temporary file, cannot be read.
pub(super) fn then(
    ledger: &mut Ledger,
    past: &Past,
    named: &Named,
    settings: &Settings,
    now: &mut Recomputed,
) -> Result<Then, Failure> {
    let Some(figures) = figures(&past.run) else {
        return Ok(Then::Unknown("the ledger does not hold its figures".into()));
    };
    if !figures["decisions"]["total"].is_object() {
        return Ok(Then::Unknown("it decided nothing".into()));
    }
    let mut moved = otherwise(&figures, now);
    let mut every = false;
    let mut doubt = None;
    if moved.is_empty() {
        match every_decision(ledger, past, named, settings, now)? {
            Every::Same => every = true,
            Every::NotKept => {}
            Every::Other(why) => moved.push(why),
            Every::Gone(why) => doubt = Some(why),
        }
    }
    if let Some(why) = doubt {
        return Ok(Then::Unknown(why));
    }
    if moved.is_empty() {
        return Ok(Then::Same { every });
    }
    if let Some(more) = moved.len().checked_sub(SAID).filter(|more| *more > 0) {
        moved.truncate(SAID);
        moved.push(format!("and {more} more"));
    }
    moved.push(edited(ledger, past, named)?);
    Ok(Then::Moved(moved))
}

/// What counts and totals say.
fn otherwise(figures: &Json, now: &Recomputed) -> Vec<String> {
    let mut all = Vec::new();
    let Some(survey) = &now.survey else {
        return vec![format!("nothing can be decided now: {}", now.compared.doubts.join("; "))];
    };
    let counts = &now.compared.report.counts;
    let keys = figures["coverage"]["read"].as_u64();
    if keys != Some(counts.keys) {
        let then = keys.map_or_else(|| "unknown".to_owned(), |keys| keys.to_string());
        all.push(format!("{then} keys then, {} now", counts.keys));
    }
    let decided = &figures["decisions"];
    for taken in Taken::ALL {
        let then = decided[taken.name()].as_u64();
        if let Some(then) = then.filter(|then| *then != survey.of(taken)) {
            all.push(format!("{then} decisions by `{}` then, {} now", taken.name(), survey.of(taken)));
        }
    }
    for bridge in &survey.bridges {
        let then = decided["total"][&bridge.column].as_str();
        let same = then.and_then(|then| Amount::parse(then).ok()).is_some_and(|then| then.same_value(&bridge.decided));
        if !same {
            all.push(format!("`{}` {} then, {} now", bridge.column, then.unwrap_or("not decided"), bridge.decided));
        }
    }
    // A retry compares some records: its totals are not those of the cycle. What shows in the decisions is said once.
    if all.is_empty() && figures["retry"].is_null() {
        for column in &now.compared.report.columns {
            let Some(totals) = &column.totals else { continue };
            let then = figures["diff"]["columns"].as_array().into_iter().flatten();
            let Some(then) = then.into_iter().find(|then| then["name"] == column.name) else { continue };
            for (word, amount) in [("legacy", &totals.legacy), ("candidate", &totals.candidate)] {
                let text = then[format!("{word}_total")].as_str();
                let was = text.and_then(|text| Amount::parse(text).ok());
                if let Some(was) = was.filter(|was| !was.same_value(amount)) {
                    all.push(format!("the {word} total of `{}` was {was} then and is {amount} now", column.name));
                }
            }
        }
    }
    all
}

enum Every {
    Same,
    /// They are written nowhere where they could be read.
    NotKept,
    Other(String),
    /// They should be there, and cannot be read or are not those that were verified.
    Gone(String),
}

/// What every single decision says, where they were written.
fn every_decision(
    ledger: &mut Ledger,
    past: &Past,
    named: &Named,
    settings: &Settings,
    now: &mut Recomputed,
) -> Result<Every, Failure> {
    let run = past.run.holder.run;
    let decided = past.cycle.decisions.as_ref().filter(|decided| decided.run == run);
    let (Some(to), Some(decided)) = (&named.reconciliation.decisions, decided) else { return Ok(Every::NotKept) };
    if decided.summary.place.is_empty() {
        return Ok(Every::NotKept);
    }
    let Some(layout) = now.survey.as_ref().map(|survey| survey.layout.clone()) else { return Ok(Every::NotKept) };
    let mut place = Place::of(&named.project, to, &named.params, settings)?;
    let (key, names) = columns(ledger, run)?;
    let gone_there = |error: StoreError| Every::Gone(format!("its decisions cannot be read: {}", error.what));
    match place.read(&run.to_string(), &key, &names) {
        Err(error) => return Ok(gone_there(error)),
        Ok(found) if found.hash != decided.summary.hash => {
            let label = place.label();
            return Ok(Every::Gone(format!("the decisions in {label} are not those that it verified")));
        }
        Ok(_) => {}
    }
    let ticket = Ticket {
        cycle: past.cycle.key.to_string(),
        origin: String::new(),
        run: run.to_string(),
        attempt: run.attempt,
        snapshot: String::new(),
    };
    let mut stream = decisions(&mut now.compared, now.rule, &layout).map_err(|error| gone(&error))?;
    Ok(match place.verify(&ticket, &layout, &mut stream) {
        Ok(_) => Every::Same,
        Err(_) => Every::Other("the totals are the same, single decisions are not".to_owned()),
    })
}

/// What was edited since: if nothing was, the inputs have moved.
fn edited(ledger: &mut Ledger, past: &Past, named: &Named) -> Result<String, Failure> {
    let kept = ledger.snapshots(past.run.holder.run)?;
    let mut edited = Vec::new();
    for text in texts(named)? {
        let hash = kept.iter().find(|(name, _)| *name == text.name).map(|(_, hash)| hash);
        let then = match hash {
            Some(hash) => ledger.snapshot(hash)?,
            None => None,
        };
        if then.is_some_and(|then| then != text.text) {
            edited.push(format!("`{}`", text.name));
        }
    }
    Ok(match edited.as_slice() {
        [] => "no query was edited since, so inputs or settings have moved".to_owned(),
        edited => format!("edited since: {}", edited.join(", ")),
    })
}
