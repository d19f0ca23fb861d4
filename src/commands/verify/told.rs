//! What a run says of itself while it works (`--json-log`). Must not decide.

use serde_json::{Value as Json, json};

use crate::commands::log::{self, Level};
use crate::domain::State;
use crate::exit::Exit;
use crate::ledger::{LedgerError, Run};
use crate::report::verification::Verification;

/// From here on every line names the run.
pub(super) fn begun(cycle: &str, run: &Run, by: &str) {
    log::keep("cycle", cycle);
    log::keep("run", &run.id().to_string());
    log::event(Level::Info, "run", json!({ "by": by }));
}

/// Takes the next step in the ledger, and says so.
///
/// # Errors
/// As [`Run::advance`].
pub(super) fn advance(run: &mut Run, to: &State, detail: Option<&str>) -> Result<(), LedgerError> {
    run.advance(to, detail)?;
    log::event(Level::Info, "stage", json!({ "stage": to.name(), "message": detail }));
    Ok(())
}

/// What came of it: checks, notices, the verdict with its figures.
pub(super) fn ended(verification: &Verification, exit: Exit) {
    if !log::is_on() {
        return;
    }
    for check in &verification.checks {
        let level = match check.outcome {
            "pass" => Level::Info,
            "warn" | "skipped" => Level::Warning,
            _ if check.severity == "warn" => Level::Warning,
            _ => Level::Error,
        };
        let fields = json!({
            "check": check.name, "outcome": check.outcome, "severity": check.severity, "violations": check.violations,
            "message": check.message,
        });
        log::event(level, "check", fields);
    }
    for notice in &verification.notices {
        log::event(Level::Info, "notice", json!({ "message": notice }));
    }
    log::event(level(verification.verdict), "verdict", verdict(verification, exit));
}

fn verdict(verification: &Verification, exit: Exit) -> Json {
    let decisions = verification
        .decisions
        .as_ref()
        .map(|decided| json!({ "candidate": decided.candidate, "legacy": decided.legacy, "held": decided.held }));
    json!({
        "verdict": verification.verdict, "exit": i32::from(exit), "stage": verification.state,
        "counts": verification.diff.as_ref().map(|_| verification.counts().object()), "decisions": decisions, "reasons": verification.reasons,
    })
}

/// A cycle that is verified already.
pub(super) fn found(cycle: &str, run: &str, verdict: &str, state: &str, reasons: &[String], exit: Exit) {
    log::keep("cycle", cycle);
    log::keep("run", run);
    let fields = json!({
        "verdict": verdict, "exit": i32::from(exit), "stage": state, "reasons": reasons, "found": true,
    });
    log::event(level(verdict), "verdict", fields);
}

fn level(verdict: &str) -> Level {
    match verdict {
        "clean" => Level::Info,
        "warned" => Level::Warning,
        _ => Level::Error,
    }
}
