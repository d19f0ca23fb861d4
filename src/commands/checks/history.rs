//! `recon checks history`: every version, and which runs it judged how.

use serde_json::{Value as Json, json};

use crate::cli::ListFormat;
use crate::exit::Exit;
use crate::ledger::{CheckVersion, Ledger};

use super::super::{Failure, print_lines, table};
use super::state::{result_json, trip_json, version_json};
use super::{found, versions};

/// Runs the command.
///
/// # Errors
/// There is no such check, or the ledger cannot be read.
pub(super) fn run(ledger: &mut Ledger, name: &str, limit: u32, format: ListFormat) -> Result<Exit, Failure> {
    let check = found(ledger, name)?;
    let versions = versions(ledger, &check)?;
    let results = ledger.check_history(&check.current.name, limit)?;
    let trips = ledger.check_trips(&check.current.name)?;
    if format == ListFormat::Json {
        let one = |version: &CheckVersion| {
            let mut all = version_json(version);
            all["text"] = json!(version.row.query);
            all["definition"] =
                version.row.judged().into_iter().map(|(column, text)| (column.to_owned(), json!(text))).collect();
            let of = results.iter().filter(|(_, _, result)| result.version == version.version);
            all["results"] = of.map(|(run, key, result)| result_json(*run, key, result)).collect::<Vec<_>>().into();
            all
        };
        let all: Vec<Json> = versions.iter().rev().map(one).collect();
        let trips: Vec<Json> = trips.iter().map(trip_json).collect();
        let all =
            json!({"schema": "recon.check-history/1", "check": check.current.name, "versions": all, "trips": trips});
        print_lines(&[all.to_string()]);
        return Ok(Exit::Success);
    }
    let rows: Vec<Vec<String>> = versions
        .iter()
        .rev()
        .map(|one| {
            let approved: Vec<&str> = one.approvals.iter().map(|(by, _)| by.as_str()).collect();
            let approved = match (approved.is_empty(), one.approved) {
                (true, _) => "-".to_owned(),
                (false, true) => approved.join(", "),
                (false, false) => format!("{} ({} of {})", approved.join(", "), approved.len(), one.needed),
            };
            let note = match (&one.reason, one.deleted) {
                (Some(reason), _) => reason.clone(),
                (None, true) => "deleted".to_owned(),
                (None, false) => String::new(),
            };
            vec![
                one.version.to_string(),
                one.time.clone(),
                one.author.clone().unwrap_or_else(|| "(not known)".to_owned()),
                one.how.clone(),
                approved,
                one.hash.chars().take(12).collect(),
                note,
            ]
        })
        .collect();
    let mut lines = vec![check.current.name.clone()];
    lines.extend(table::lines(&["version", "edited", "by", "how", "approved by", "hash", "note"], &rows));
    if !results.is_empty() {
        let rows: Vec<Vec<String>> = results
            .iter()
            .map(|(run, key, result)| {
                let role = if result.role == "decides" { String::new() } else { format!(" ({})", result.role) };
                vec![
                    run.to_string(),
                    key.to_string(),
                    format!("{}{role}", result.version),
                    result.outcome.clone(),
                    result.violations.to_string(),
                    result.message.clone(),
                ]
            })
            .collect();
        lines.push(String::new());
        lines.extend(table::lines(&["run", "cycle", "version", "outcome", "violations", "message"], &rows));
    }
    if !trips.is_empty() {
        let rows: Vec<Vec<String>> = trips
            .iter()
            .rev()
            .map(|trip| {
                let on = trip.cleared.as_ref();
                vec![
                    trip.at.clone(),
                    trip.version.to_string(),
                    trip.message.clone(),
                    on.map_or_else(|| "still off".to_owned(), |on| format!("{} by {}", on.at, on.by)),
                    on.map_or_else(String::new, |on| on.reason.clone()),
                ]
            })
            .collect();
        lines.push(String::new());
        lines.extend(table::lines(&["switched off", "version", "because", "on again", "reason"], &rows));
    }
    print_lines(&lines);
    Ok(Exit::Success)
}
