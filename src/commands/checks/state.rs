//! How a check stands, in words and as JSON. Must not read the ledger.

use serde_json::{Value as Json, json};

use crate::checks::Definition;
use crate::ledger::{CheckResult, CheckVersion, CycleKey, NotedCheck, RunId, Trip};

/// How a check stands. More than one thing may keep it from deciding.
pub(super) fn states(check: &NotedCheck, approval: bool) -> Vec<&'static str> {
    let mut states = Vec::new();
    if check.current.deleted {
        states.push("deleted");
    } else if Definition::of(&check.row).is_err() {
        states.push("malformed");
    }
    if check.tripped.is_some() {
        states.push("tripped");
    }
    if !check.current.deleted && check.row.enabled.as_deref() == Some("false") {
        states.push("off");
    }
    if approval && deciding(check, approval) != Some(check.current.version) {
        states.push("waits for approval");
    }
    if states.is_empty() {
        states.push("on");
    }
    states
}

/// The version that decides; `None`: none does.
pub(super) fn deciding(check: &NotedCheck, approval: bool) -> Option<u64> {
    let version = if approval { check.approved.as_ref()? } else { &check.current };
    Some(version.version)
}

/// A version, without its text.
pub(super) fn version_json(version: &CheckVersion) -> Json {
    let approvals: Vec<Json> = version.approvals.iter().map(|(by, at)| json!({"by": by, "at": at})).collect();
    json!({
        "version": version.version,
        "hash": version.hash,
        "author": version.author,
        "time": version.time,
        "noticed_at": version.noticed_at,
        "how": version.how,
        "reason": version.reason,
        "deleted": version.deleted,
        "approvals": approvals,
        "approvals_needed": version.needed,
        "approved": version.approved,
    })
}

/// A result, with its sample rows.
pub(super) fn result_json(run: RunId, key: &CycleKey, result: &CheckResult) -> Json {
    json!({
        "run": run.to_string(),
        "cycle": key.to_string(),
        "version": result.version,
        "role": result.role,
        "stage": result.stage,
        "outcome": result.outcome,
        "severity": result.severity,
        "violations": result.violations,
        "examined": result.examined,
        "unknown": result.unknown,
        "value": result.value,
        "message": result.message,
        "samples": serde_json::from_str::<Json>(&result.samples).unwrap_or_else(|_| result.samples.clone().into()),
        "started_at": result.started_at,
        "duration_ms": result.duration_ms,
    })
}

/// What switched a check off.
pub(super) fn trip_json(trip: &Trip) -> Json {
    json!({
        "number": trip.number,
        "version": trip.version,
        "run": trip.run.map(|run| run.to_string()),
        "at": trip.at,
        "message": trip.message,
        "cleared": trip.cleared.as_ref().map(|cleared| json!({"at": cleared.at, "by": cleared.by, "reason": cleared.reason})),
    })
}
