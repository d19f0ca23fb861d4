//! What became of the checks of a run, as reports show it. Decides nothing.

use serde_json::{Map, Value as Json, json};

use crate::domain::shorten;
use crate::report::Look;
use crate::report::layout::{Align, Grid, GridCell, Paint, Style};
use crate::report::visible::visible;
use crate::report::words;

/// Characters of a check's message in the table; the reasons have all of it.
const MESSAGE: usize = 110;
/// Violations of a check in the table.
const SAMPLES: usize = 3;

/// A check and what became of it.
#[derive(Clone, Debug)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u64,
    /// `pass`, `warn`, `fail`, `unknown`, `tripped` or `skipped`.
    pub outcome: &'static str,
    /// `error` or `warn`.
    pub severity: &'static str,
    /// Records that violate it.
    pub violations: u64,
    /// What it says.
    pub message: String,
    /// The stage after which it runs.
    pub stage: Option<&'static str>,
    /// `sql`, `pipeline`, `run` or `rule`.
    pub kind: String,
    /// Records that it looked at, where that is known.
    pub examined: Option<u64>,
    /// Records of which it could not be said.
    pub unknown: u64,
    /// The value that its query gives, for a check that expects something of it.
    pub value: Option<String>,
    /// Some of its violations.
    pub samples: Vec<Map<String, Json>>,
    /// How long it took.
    pub milliseconds: u64,
    /// The edited version that ran beside it and does not decide.
    pub shadow: Option<Shadow>,
}

/// An edited version of a check, which nobody approved yet.
#[derive(Clone, Debug)]
pub struct Shadow {
    /// Its version.
    pub version: u64,
    /// What would have become of the check.
    pub outcome: &'static str,
    /// Records that violate it.
    pub violations: u64,
    /// What it says.
    pub message: String,
}

/// A check as reports show it in JSON.
pub(crate) fn check_object(check: &Check) -> Json {
    let shadow = check.shadow.as_ref().map(|shadow| {
        json!({
            "version": shadow.version, "outcome": shadow.outcome, "violations": shadow.violations,
            "message": shadow.message,
        })
    });
    json!({
        "name": check.name, "version": check.version, "outcome": check.outcome, "severity": check.severity,
        "violations": check.violations, "message": check.message, "stage": check.stage, "kind": check.kind,
        "examined": check.examined, "unknown": check.unknown, "value": check.value, "samples": check.samples,
        "shadow": shadow,
    })
}

/// Checks as a table for people.
pub(crate) fn render_checks(all: &[Check], look: &Look) -> String {
    let mut out = Vec::new();
    // Writing into memory does not fail.
    let _ = checks(all).write(Paint(look.color), &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

pub(super) fn checks(checks: &[Check]) -> Grid {
    let heads =
        [("check", Align::Left), ("outcome", Align::Left), ("violations", Align::Right), ("examined", Align::Right)];
    let mut grid = Grid::new(0, &[heads.as_slice(), &[("", Align::Left)]].concat());
    let style = |outcome: &str| match outcome {
        "pass" => Style::Good,
        "warn" | "skipped" => Style::Warning,
        _ => Style::Bad,
    };
    let text = |text: &str| GridCell::text(visible(&shorten(text, MESSAGE)).to_string(), Style::Plain);
    for check in checks {
        let examined = match check.examined {
            None => GridCell::text("-", Style::Dim),
            // A pass that has looked at nothing is shown as one.
            Some(0) => GridCell::text("0", Style::Warning),
            Some(count) => GridCell::text(words::count(count), Style::Plain),
        };
        grid.row(vec![
            GridCell::text(visible(&check.name).to_string(), Style::Bold),
            GridCell::text(check.outcome, style(check.outcome)),
            GridCell::text(words::count(check.violations), Style::Plain),
            examined,
            text(&check.message),
        ]);
        let blank = || GridCell::text("", Style::Plain);
        let mut below = |name: GridCell, cell: GridCell, count: GridCell, said: &str| {
            grid.row(vec![name, cell, count, blank(), text(said)]);
        };
        if matches!(check.outcome, "warn" | "fail" | "tripped") {
            for sample in check.samples.iter().take(SAMPLES) {
                let part = |(name, value): (&String, &Json)| match value {
                    Json::String(text) => format!("{name}={text}"),
                    other => format!("{name}={other}"),
                };
                let parts: Vec<String> = sample.iter().map(part).collect();
                below(blank(), blank(), blank(), &parts.join("  "));
            }
            if check.violations > SAMPLES as u64 && !check.samples.is_empty() {
                below(blank(), blank(), blank(), &format!("… `recon checks show {}` has more", check.name));
            }
        }
        if let Some(shadow) = &check.shadow {
            let name = GridCell::text(format!("  version {}, not approved", shadow.version), Style::Dim);
            let count = GridCell::text(words::count(shadow.violations), Style::Plain);
            below(name, GridCell::text(shadow.outcome, Style::Dim), count, &shadow.message);
        }
    }
    grid
}
