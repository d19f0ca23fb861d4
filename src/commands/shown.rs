//! Records of the ledger as JSON and as lines for people, the same in every command. Must not read the ledger.

use serde_json::{Map, Value as Json, json};

use crate::ledger::{CycleKey, Decided, Holder, Logged, RunRecord, Step};
use crate::report::count;

use super::table::plain;

/// Name and value of a line.
pub(super) type Line = (&'static str, String);

/// Lines with their names in one column; a name that is empty goes on with the line before.
pub(super) fn aligned(lines: &[Line]) -> Vec<String> {
    lines.iter().map(|(name, text)| format!("{name:12}{}", plain(text)).trim_end().to_owned()).collect()
}

/// The cycle's name, reconciliation and parameters.
pub(super) fn cycle_json(key: &CycleKey) -> Map<String, Json> {
    let params: Map<String, Json> = key.params().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let mut all = Map::new();
    all.insert("cycle".into(), key.to_string().into());
    all.insert("reconciliation".into(), key.reconciliation().into());
    all.insert("params".into(), params.into());
    all
}

/// A run, without its figures.
pub(super) fn run_json(run: &RunRecord) -> Json {
    let attempt = |attempt: Option<i64>| attempt.map(|attempt| format!("{}-{attempt}", run.holder.run.cycle));
    json!({
        "run": run.holder.run.to_string(),
        "by": run.holder.by,
        "host": run.holder.host,
        "pid": run.holder.pid,
        "started_at": run.holder.since,
        "ended_at": run.ended_at,
        "verdict": run.verdict.map(crate::ledger::RunVerdict::name),
        "reasons": run.reasons,
        "discrepancies": run.discrepancies,
        "discrepancies_hash": run.discrepancies_hash,
        "continues": attempt(run.continues),
        "superseded_by": attempt(run.superseded_by),
        "recon_version": run.recon_version,
    })
}

/// Who holds a cycle.
pub(super) fn holder_json(holder: &Holder) -> Json {
    json!({"run": holder.run.to_string(), "by": holder.by, "host": holder.host, "pid": holder.pid, "since": holder.since})
}

/// What was decided, in sum.
pub(super) fn decisions_json(decided: &Decided) -> Json {
    let summary = &decided.summary;
    json!({
        "run": decided.run.to_string(),
        "at": decided.at,
        "candidate": summary.candidate,
        "legacy": summary.legacy,
        "held": summary.held,
        "total": summary.totals,
        "hash": summary.hash,
        "place": summary.place,
    })
}

/// A step.
pub(super) fn step_json(step: &Step) -> Json {
    json!({
        "step": step.number,
        "attempt": step.attempt,
        "from": step.from.as_ref().map(ToString::to_string),
        "to": step.to.to_string(),
        "at": step.at,
        "by": step.by,
        "detail": step.detail,
    })
}

/// A logged discrepancy; the key is an object where it is stored as one.
pub(super) fn logged_json(logged: &Logged) -> Json {
    json!({
        "key": serde_json::from_str::<Json>(&logged.key).unwrap_or_else(|_| logged.key.clone().into()),
        "kind": logged.kind,
        "column": logged.column,
        "legacy": logged.legacy,
        "candidate": logged.candidate,
        "difference": logged.difference,
        "reason": logged.reason,
    })
}

/// `id=17, currency=KRW`
pub(super) fn key_words(key: &str) -> String {
    let Ok(Json::Object(columns)) = serde_json::from_str::<Json>(key) else { return key.to_owned() };
    let word = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    columns.iter().map(|(name, value)| format!("{name}={}", word(value))).collect::<Vec<_>>().join(",")
}

/// Verdict and reasons of a run.
pub(super) fn verdict_lines(run: &RunRecord) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(verdict) = run.verdict {
        lines.push(("verdict", verdict.name().to_owned()));
    }
    lines.extend(run.reasons.iter().map(|reason| ("", format!("- {reason}"))));
    lines
}

/// What was decided, in sum.
pub(super) fn decision_lines(decided: &Decided) -> Vec<Line> {
    let summary = &decided.summary;
    let mut lines = vec![(
        "decisions",
        format!(
            "{} candidate, {} legacy, {} held, by run {} at {}",
            count(summary.candidate),
            count(summary.legacy),
            count(summary.held),
            decided.run,
            decided.at
        ),
    )];
    lines.extend(summary.totals.iter().map(|(column, total)| ("total", format!("{column} {total}"))));
    lines.push(("written to", summary.place.clone()));
    lines.push(("hash", summary.hash.clone()));
    lines
}

/// Who approved, when.
pub(super) fn approval_lines(given: &[(String, String)], needed: u32) -> Vec<Line> {
    let mut lines = vec![("approvals", format!("{} of {needed}", given.len()))];
    lines.extend(given.iter().map(|(by, at)| ("", format!("- {by} at {at}"))));
    lines
}

/// Approvals still missing.
pub(super) fn missing(given: usize, needed: u32) -> u32 {
    needed.saturating_sub(u32::try_from(given).unwrap_or(u32::MAX))
}
