//! The run that a retry completes: its decisions, which must still be what it wrote, under settings that still hold, and
//! what of it is computed again.

use std::collections::HashMap;

use serde_json::Value as Json;

use crate::cli::VerifyArgs;
use crate::commands::cycle::Named;
use crate::commands::{Failure, canary, release};
use crate::decide::Reason;
use crate::decisions::{Kept, Place, ReadBack};
use crate::domain::{Amount, State, Value};
use crate::exit::Exit;
use crate::ledger::{Cycle, Ledger, Logged, RunRecord};

use super::keys::{is_amount, name, names, shown};
use super::snapshot;
use super::work::temporary;

/// A key that is computed again.
pub(super) struct Unsettled {
    pub(super) key: Vec<Value>,
    pub(super) reason: Reason,
}

/// The run that is completed.
pub(super) struct Base {
    pub(super) run: RunRecord,
    pub(super) kept: Kept,
    pub(super) found: ReadBack,
    pub(super) columns: (Vec<String>, Vec<String>),
    /// What is computed again: each key's name as it was stored, and why it was not settled.
    pub(super) retried: HashMap<String, Unsettled>,
    /// Discrepancies of that run that stay as they are.
    pub(super) left: Vec<Logged>,
}

/// Decisions that were made under other rules are not mixed: what decides must be as it was. Queries may be mended.
pub(super) fn same_settings(ledger: &mut Ledger, named: &Named, args: &VerifyArgs, base: &Base) -> Result<(), Failure> {
    let run = base.run.holder.run;
    let percent = canary::in_force(ledger, &named.reconciliation)?;
    let now: Option<Json> = serde_json::from_str(&snapshot::settings(named, args, &[], percent)).ok();
    let (Some(now), Some(then)) = (now, release::settings(ledger, run)?) else {
        return Err(Failure::incomplete(format!("the ledger does not hold the settings of run {run}"))
            .hint("`recon verify … --again` computes the whole cycle"));
    };
    // Another profile means other stores: their records do not complete these.
    let paths =
        ["/profile", "/stores", "/reconciliation/key", "/reconciliation/columns", "/reconciliation/policy", "/percent"];
    let flags = ["/flags/timezone", "/flags/types", "/flags/missing"];
    let other = paths.iter().chain(&flags).find(|path| now.pointer(path) != then.pointer(path));
    let Some(path) = other else { return Ok(()) };
    let text = |settings: &Json| settings.pointer(path).map_or_else(|| "unset".to_owned(), Json::to_string);
    let name = path.trim_start_matches("/flags/").trim_start_matches("/reconciliation/").trim_start_matches('/');
    Err(Failure::usage(format!(
        "`{name}` is {} now and was {} in run {run}: its decisions cannot be completed",
        text(&now),
        text(&then)
    ))
    .hint("retry with the settings that it was run with, or `recon verify … --again` for the whole cycle"))
}

/// The run whose decisions are completed, with those decisions, which must still be what it wrote.
pub(super) fn base(ledger: &mut Ledger, cycle: &Cycle, place: &mut Place) -> Result<Base, Failure> {
    let verify = "`recon verify` computes the whole cycle";
    let refused = |what: String| Failure { exit: Exit::Refused, what, hint: Some(verify.into()) };
    if cycle.state.is_released() {
        let what = format!("{} is {}: what was released is not changed", cycle.key, cycle.state);
        return Err(Failure { exit: Exit::Refused, what, hint: None });
    }
    if cycle.state == State::Aborted {
        let what = format!("{} is aborted: nothing of it is computed any more", cycle.key);
        return Err(Failure { exit: Exit::Refused, what, hint: None });
    }
    // A retry that failed leaves the decisions before it, so it is the last run that has some which counts.
    let hash_of = |run: &RunRecord| {
        let figures: Json = serde_json::from_str(run.figures.as_deref()?).ok()?;
        Some(figures["decisions"]["hash"].as_str()?.to_owned())
    };
    let runs = ledger.runs(cycle.id)?;
    if runs.is_empty() {
        return Err(refused(format!("{} was never verified: there is nothing to retry", cycle.key)));
    }
    let found = runs.into_iter().rev().find_map(|run| hash_of(&run).map(|hash| (run, hash)));
    let (run, hash) = found
        .ok_or_else(|| refused(format!("no run of {} wrote decisions: there is nothing to complete", cycle.key)))?;
    let id = run.holder.run;
    let columns = release::columns(ledger, id)?;
    let found = place.read(&id.to_string(), &columns.0, &columns.1)?;
    if found.hash != hash {
        let what = format!("the decisions of run {id} in {} are not those that it wrote", place.label());
        return Err(refused(what));
    }
    let kept = place.keep(&id.to_string(), &columns.0, &columns.1)?;
    Ok(Base { run, kept, found, columns, retried: HashMap::new(), left: Vec::new() })
}

/// What the run before logged of keys that are not computed again.
pub(super) fn left(ledger: &mut Ledger, base: &Base) -> Result<Vec<Logged>, Failure> {
    let mut left = Vec::new();
    let mut from = 0;
    loop {
        let rows = ledger.discrepancies(base.run.holder.run, from, 1_000)?;
        if rows.is_empty() {
            return Ok(left);
        }
        from += rows.len() as u64;
        left.extend(rows.into_iter().filter(|row| !is_retried(row, base)));
    }
}

/// Whether a logged key is one of those that are computed again. The log holds texts: an amount may have other zeros.
pub(super) fn is_retried(row: &Logged, base: &Base) -> bool {
    let key: Option<serde_json::Map<String, Json>> = serde_json::from_str(&row.key).ok();
    let parts = key.unwrap_or_default();
    let same = |(logged, stored): (&Json, &Value)| match (logged.as_str(), stored) {
        (None, stored) => stored.is_missing(),
        (Some(text), Value::Number { amount, .. }) => Amount::parse(text).is_ok_and(|logged| logged.same_value(amount)),
        (Some(text), Value::Bool(truth)) => text == truth.to_string() || text == u8::from(*truth).to_string(),
        (Some(text), stored) => names(std::slice::from_ref(&Value::Text { text: text.to_owned(), untyped: false }))
            .iter()
            .any(|name| names(std::slice::from_ref(stored)).contains(name)),
    };
    base.retried.values().any(|one| parts.len() == one.key.len() && parts.values().zip(&one.key).all(same))
}

/// The keys that are computed again: every one that was not settled, or those of them that were asked for.
pub(super) fn chosen(base: &mut Base, asked: &[String]) -> Result<Vec<Vec<Value>>, Failure> {
    let mut wanted: Vec<&String> = asked.iter().collect();
    let mut keys = Vec::new();
    for decision in base.kept.decisions().map_err(|error| temporary(&error))? {
        let decision = decision.map_err(|error| temporary(&error))?;
        let Reason::Discrepancy(_) = decision.reason else { continue };
        let is_meant = |text: &&String| **text == shown(&decision.key) || is_amount(text, &decision.key);
        if asked.is_empty() || wanted.iter().any(is_meant) {
            wanted.retain(|text| !is_meant(text));
            keys.push(decision.key.clone());
            base.retried.insert(name(&decision.key), Unsettled { key: decision.key, reason: decision.reason });
        }
    }
    if let Some(unknown) = wanted.first() {
        let run = base.run.holder.run;
        let what = format!("`--keys {unknown}`: run {run} has no unknown or discrepant record of that key");
        return Err(Failure::usage(what).hint(format!(
            "`recon discrepancies list --run {run}` shows them; several keys are separated by commas, their parts by `/`, and \
             a key with such characters is written as JSON: --keys '[[\"a/b\",\"KRW\"]]'"
        )));
    }
    Ok(keys)
}
