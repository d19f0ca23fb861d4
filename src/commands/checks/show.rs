//! `recon checks show`: one check in full.

use serde_json::{Map, Value as Json, json};

use crate::checks::Definition;
use crate::cli::ListFormat;
use crate::config::Project;
use crate::exit::Exit;
use crate::ledger::{CheckResult, CycleKey, Ledger, NotedCheck, RunId};

use super::super::shown::{Line, aligned};
use super::super::table::plain;
use super::super::{Failure, print_lines};
use super::state::{deciding, result_json, states, trip_json, version_json};
use super::{approval, edited, found};

/// Sample rows shown of one result.
const SAMPLES: usize = 5;

/// Runs the command.
///
/// # Errors
/// There is no such check, or the ledger cannot be read.
pub(super) fn run(
    project: &Project,
    ledger: &mut Ledger,
    name: &str,
    results: u32,
    format: ListFormat,
) -> Result<Exit, Failure> {
    let check = found(ledger, name)?;
    let results = match results {
        0 => Vec::new(),
        most => ledger.check_history(&check.current.name, most)?,
    };
    let approval = approval(project);
    match format {
        ListFormat::Json => print_lines(&[json(ledger, &check, &results, approval)?.to_string()]),
        ListFormat::Table => print_lines(&lines(&check, &results, approval)),
    }
    Ok(Exit::Success)
}

fn json(
    ledger: &mut Ledger,
    check: &NotedCheck,
    results: &[(RunId, CycleKey, CheckResult)],
    approval: bool,
) -> Result<Json, Failure> {
    let mut all: Map<String, Json> = Map::new();
    all.insert("schema".into(), "recon.check/1".into());
    all.extend(check.row.columns().into_iter().map(|(column, text)| (column.to_owned(), json!(text))));
    all.insert("updated_by".into(), json!(check.row.updated_by));
    all.insert("updated_at".into(), json!(check.row.updated_at));
    all.insert("noticed".into(), json!(!check.is_new));
    all.insert("state".into(), json!(states(check, approval)));
    all.insert("decides".into(), json!(deciding(check, approval)));
    all.insert("malformed".into(), json!(Definition::of(&check.row).err().map(|malformed| malformed.0)));
    all.insert("current".into(), version_json(&check.current));
    all.insert("approved".into(), check.approved.as_ref().map_or(Json::Null, version_json));
    let trips: Vec<Json> = ledger.check_trips(&check.current.name)?.iter().map(trip_json).collect();
    all.insert("trips".into(), trips.into());
    let results: Vec<Json> = results.iter().map(|(run, key, result)| result_json(*run, key, result)).collect();
    all.insert("results".into(), results.into());
    Ok(Json::from(all))
}

fn lines(check: &NotedCheck, results: &[(RunId, CycleKey, CheckResult)], approval: bool) -> Vec<String> {
    let row = &check.row;
    let mut head: Vec<Line> = vec![("check", row.name.clone()), ("state", states(check, approval).join(", "))];
    let unseen = if check.is_new { ", not noticed by a run yet" } else { "" };
    head.push(("version", format!("{}{unseen}", edited(&check.current).trim_start_matches("version "))));
    if let Err(malformed) = Definition::of(row)
        && !check.current.deleted
    {
        head.extend(
            malformed
                .0
                .into_iter()
                .enumerate()
                .map(|(n, why)| (if n == 0 { "malformed" } else { "" }, format!("- {why}"))),
        );
    }
    for (by, at) in &check.current.approvals {
        head.push(("approved", format!("by {by} at {at}")));
    }
    if approval && deciding(check, approval) != Some(check.current.version) {
        let given = check.current.approvals.len();
        let which = match deciding(check, approval) {
            Some(version) => format!("version {version} decides until then"),
            None => "nothing decides until then".to_owned(),
        };
        head.push(("approval", format!("{given} of {} so far; {which}", check.current.needed)));
    }
    if let Some(trip) = &check.tripped {
        let run = trip.run.map_or_else(String::new, |run| format!(" in run {run}"));
        head.push(("tripped", format!("at {}{run}, version {}: {}", trip.at, trip.version, trip.message)));
    }
    let names = [
        ("of", &row.reconciliation),
        ("stage", &row.stage),
        ("kind", &row.kind),
        ("store", &row.store),
        ("severity", &row.severity),
        ("expect", &row.expect),
        ("warn if", &row.warn_if),
        ("error if", &row.error_if),
        ("flag rate", &row.max_flag_rate),
        ("time limit", &row.timeout_ms),
        ("owner", &row.owner),
    ];
    for (name, text) in names {
        let unit = if name == "time limit" { " ms" } else { "" };
        head.extend(text.as_ref().map(|text| (name, format!("{text}{unit}"))));
    }
    let mut all = aligned(&head);
    for (name, text) in [("description", &row.description), ("query", &row.query), ("examines", &row.examines)] {
        let Some(text) = text.as_deref().filter(|text| !text.is_empty()) else { continue };
        all.push(String::new());
        all.push(name.to_owned());
        all.extend(text.lines().map(|line| format!("  {}", super::diff::line(line)).trim_end().to_owned()));
    }
    for (run, key, result) in results {
        all.push(String::new());
        all.extend(result_lines(*run, key, result));
    }
    all
}

fn result_lines(run: RunId, key: &CycleKey, result: &CheckResult) -> Vec<String> {
    let shadow = if result.role == "shadow" { ", in the shadow" } else { "" };
    let message = if result.message.is_empty() { String::new() } else { format!(": {}", result.message) };
    let what = format!("run {run} ({key}), version {}{shadow}: {}{message}", result.version, result.outcome);
    let mut lines = vec![plain(&what)];
    let samples: Vec<Json> = serde_json::from_str(&result.samples).unwrap_or_default();
    lines.extend(samples.iter().take(SAMPLES).map(|sample| format!("  {}", plain(&sample_text(sample)))));
    if samples.len() > SAMPLES {
        lines.push(format!("  … {} more are kept: `--format json` shows them", samples.len() - SAMPLES));
    }
    lines
}

/// `investor_id=17, net=-0.10`
fn sample_text(sample: &Json) -> String {
    let Json::Object(columns) = sample else { return sample.to_string() };
    let word = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    columns.iter().map(|(name, value)| format!("{name}={}", word(value))).collect::<Vec<_>>().join(", ")
}
