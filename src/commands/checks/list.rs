//! `recon checks list`.

use serde_json::{Map, Value as Json, json};

use crate::checks::Definition;
use crate::cli::ListFormat;
use crate::config::Project;
use crate::exit::Exit;
use crate::ledger::{CheckResult, CycleKey, Ledger, NotedCheck, RunId};

use super::super::{Failure, print_lines, table};
use super::approval;
use super::state::{deciding, result_json, states};

type Last = Option<(RunId, CycleKey, CheckResult)>;

/// Runs the command.
///
/// # Errors
/// The ledger cannot be read.
pub(super) fn run(
    project: &Project,
    ledger: &mut Ledger,
    reconciliation: Option<&str>,
    format: ListFormat,
) -> Result<Exit, Failure> {
    let approval = approval(project);
    let runs_for = |check: &NotedCheck| match (reconciliation, check.row.reconciliation.as_deref().map(str::trim)) {
        (None, _) | (_, None | Some("")) => true,
        (Some(wanted), Some(said)) => wanted == said,
    };
    // What was deleted is listed for as long as that waits for approval.
    let there = |check: &NotedCheck| !check.current.deleted || (approval && check.approved.is_some());
    let mut last = ledger.last_check_results()?;
    let listed = ledger.checks()?.into_iter().filter(|check| runs_for(check) && there(check));
    let all: Vec<(NotedCheck, Last)> = listed
        .map(|check| {
            let last = last.remove(&check.current.name);
            (check, last)
        })
        .collect();
    match format {
        ListFormat::Json => {
            let all: Vec<Json> = all.iter().map(|(check, last)| one_json(check, last, approval)).collect();
            print_lines(&[json!({"schema": "recon.checks/1", "approval": approval, "checks": all}).to_string()]);
        }
        ListFormat::Table if all.is_empty() => {
            print_lines(&[
                "no check yet: `recon checks new NAME` begins one, `recon checks push` takes those in checks/",
            ]);
        }
        ListFormat::Table => {
            let heading = ["check", "stage", "kind", "store", "severity", "state", "version", "last outcome", "of run"];
            let rows: Vec<Vec<String>> = all.iter().map(|(check, last)| one(check, last, approval)).collect();
            print_lines(&table::lines(&heading, &rows));
        }
    }
    Ok(Exit::Success)
}

fn one(check: &NotedCheck, last: &Last, approval: bool) -> Vec<String> {
    let said = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let version = match deciding(check, approval) {
        Some(version) if version == check.current.version => version.to_string(),
        Some(version) => format!("{} ({version} decides)", check.current.version),
        None => format!("{} (none decides)", check.current.version),
    };
    vec![
        check.row.name.clone(),
        said(&check.row.stage),
        said(&check.row.kind),
        said(&check.row.store),
        said(&check.row.severity),
        states(check, approval).join(", "),
        version,
        last.as_ref().map_or_else(|| "-".to_owned(), |(_, _, result)| result.outcome.clone()),
        last.as_ref().map_or_else(|| "-".to_owned(), |(run, ..)| run.to_string()),
    ]
}

fn one_json(check: &NotedCheck, last: &Last, approval: bool) -> Json {
    let mut all: Map<String, Json> = Map::new();
    for (column, text) in check.row.columns().into_iter().filter(|(column, _)| !matches!(*column, "query" | "examines"))
    {
        all.insert(column.to_owned(), json!(text));
    }
    all.insert("updated_by".into(), json!(check.row.updated_by));
    all.insert("updated_at".into(), json!(check.row.updated_at));
    all.insert("version".into(), json!(check.current.version));
    all.insert("hash".into(), json!(check.current.hash));
    all.insert("noticed".into(), json!(!check.is_new));
    all.insert("deleted".into(), json!(check.current.deleted));
    all.insert("state".into(), json!(states(check, approval)));
    all.insert("decides".into(), json!(deciding(check, approval)));
    all.insert("malformed".into(), json!(Definition::of(&check.row).err().map(|malformed| malformed.0)));
    all.insert("tripped".into(), json!(check.tripped.as_ref().map(|trip| &trip.message)));
    let mut shown = last.as_ref().map_or(Json::Null, |(run, key, result)| result_json(*run, key, result));
    // They are for `show`.
    shown.as_object_mut().map(|shown| shown.remove("samples"));
    all.insert("last".into(), shown);
    Json::from(all)
}
