//! A version of a check and what came of it: as the ledger keeps it and as reports show it. Must not run anything.

use std::time::SystemTime;

use serde_json::{Map, Value as Json};

use crate::checks::{Definition, Found, Judged, Outcome, Ran, Severity, Stage, judge};
use crate::ledger::CheckResult;
use crate::report::verification::{Check, Shadow};

use super::{Content, Version};

/// A version and what came of it.
pub(super) struct Done {
    pub(super) name: String,
    pub(super) number: u64,
    pub(super) decides: bool,
    pub(super) stage: Option<Stage>,
    kind: String,
    pub(super) severity: Severity,
    pub(super) outcome: Outcome,
    violations: u64,
    pub(super) message: String,
    found: Found,
    samples: Vec<Map<String, Json>>,
    started_at: String,
    took_ms: u64,
    /// Whether it ran now; else it came to its outcome without.
    ran: bool,
    /// Whether it waits for its first approval.
    pub(super) waits: bool,
}

impl Done {
    pub(super) fn settled(version: &Version) -> Option<Done> {
        let Content::Settled { severity, outcome, message, stage, kind, waits, .. } = &version.content else {
            return None;
        };
        Some(Done {
            name: version.name.clone(),
            number: version.number,
            decides: version.decides,
            stage: *stage,
            kind: kind.clone(),
            severity: *severity,
            outcome: *outcome,
            violations: 0,
            message: message.clone(),
            found: Found::default(),
            samples: Vec::new(),
            started_at: format!("{:.3}", jiff::Timestamp::now()),
            took_ms: 0,
            ran: false,
            waits: *waits,
        })
    }

    pub(super) fn of(
        version: &Version,
        definition: &Definition,
        ran: Ran,
        population: Option<u64>,
        began: SystemTime,
    ) -> Done {
        let (found, judged) = match ran.found {
            Ok(found) => {
                let judged = judge(definition, &found, population);
                (found, judged)
            }
            Err(why) => {
                let judged = Judged { outcome: Outcome::Unknown, message: why, violations: 0 };
                (Found::default(), judged)
            }
        };
        let started = began.checked_add(ran.after).and_then(|at| jiff::Timestamp::try_from(at).ok());
        Done {
            name: version.name.clone(),
            number: version.number,
            decides: version.decides,
            stage: Some(definition.stage),
            kind: definition.kind.name().to_owned(),
            severity: definition.severity,
            outcome: judged.outcome,
            violations: judged.violations,
            message: judged.message,
            found,
            samples: ran.samples,
            started_at: started.map_or_else(String::new, |at| format!("{at:.3}")),
            ran: true,
            waits: false,
            took_ms: u64::try_from(ran.took.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// The value that its query gave, where it may be shown.
    fn value(&self) -> Option<String> {
        self.found.value.as_ref().map(|value| if self.found.hidden { "***".to_owned() } else { value.to_string() })
    }

    /// A version that decides, ran now and flagged more than is plausible.
    pub(super) fn has_just_tripped(&self) -> bool {
        self.decides && self.outcome == Outcome::Tripped && self.ran
    }

    pub(super) fn result(&self) -> CheckResult {
        CheckResult {
            name: self.name.clone(),
            role: if self.decides { "decides" } else { "shadow" }.to_owned(),
            stage: self.stage.map_or_else(String::new, |stage| stage.name().to_owned()),
            version: self.number,
            outcome: self.outcome.name().to_owned(),
            severity: self.severity.name().to_owned(),
            violations: self.violations,
            examined: self.found.examined,
            unknown: self.found.unknown,
            value: self.value(),
            message: self.message.clone(),
            samples: Json::from(self.samples.iter().cloned().map(Json::Object).collect::<Vec<_>>()).to_string(),
            started_at: self.started_at.clone(),
            duration_ms: self.took_ms,
        }
    }

    pub(super) fn report(&self, shadow: Option<&Done>) -> Check {
        Check {
            name: self.name.clone(),
            version: self.number,
            outcome: self.outcome.name(),
            severity: self.severity.name(),
            violations: self.violations,
            message: self.message.clone(),
            stage: self.stage.map(Stage::name),
            kind: self.kind.clone(),
            examined: self.found.examined,
            unknown: self.found.unknown,
            value: self.value(),
            samples: self.samples.clone(),
            milliseconds: self.took_ms,
            shadow: shadow.map(|shadow| Shadow {
                version: shadow.number,
                outcome: shadow.outcome.name(),
                violations: shadow.violations,
                message: shadow.message.clone(),
            }),
        }
    }
}
