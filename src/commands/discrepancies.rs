//! `recon discrepancies`: what runs logged. Reads the ledger and nothing else.

use serde_json::{Value as Json, json};

use crate::cli::{DiscrepanciesArgs, DiscrepanciesCommand, Global, ListFormat};
use crate::config::{did_you_mean, listed};
use crate::exit::Exit;
use crate::ledger::{CycleKey, Ledger, Logged, RunId};

use super::cycle::{ledger, project};
use super::runs::{found_run, named_run};
use super::shown::{Line, aligned, key_words, logged_json};
use super::{Failure, print_lines, table};

/// Cycles that are looked at in one go.
const PAGE: u32 = 100;
/// The kinds that verifications log.
const KINDS: [&str; 6] = ["mismatch", "legacy_only", "candidate_only", "duplicate_key", "unknown", "tolerated"];

/// A discrepancy and whose it is.
struct Found {
    run: RunId,
    key: CycleKey,
    logged: Logged,
}

/// Runs the command.
///
/// # Errors
/// What was asked for is wrong, or the ledger cannot be read.
pub fn run(global: &Global, args: &DiscrepanciesArgs) -> Result<Exit, Failure> {
    let project = project(global)?;
    match &args.command {
        DiscrepanciesCommand::List { name, run, kind, limit, format } => {
            if let Some(name) = name {
                project.reconciliation(name)?;
            }
            let run = run.as_deref().map(named_run).transpose()?;
            let mut ledger = ledger(&project)?;
            // One more than is shown, to know whether there are more.
            let most = limit.saturating_add(1);
            let mut found = match run {
                Some(run) => {
                    let key = found_run(&mut ledger, run)?.key;
                    of_run(&mut ledger, run, &key, kind.as_deref(), most)?
                }
                None => of_cycles(&mut ledger, name.as_deref(), kind.as_deref(), most)?,
            };
            let truncated = found.len() > *limit as usize;
            found.truncate(*limit as usize);
            if let (true, Some(kind)) = (found.is_empty(), kind.as_deref()) {
                known(kind)?;
            }
            print(&found, truncated, *limit, *format);
            Ok(Exit::Success)
        }
        DiscrepanciesCommand::Show { run, key, format } => {
            let run = named_run(run)?;
            let mut ledger = ledger(&project)?;
            let cycle = found_run(&mut ledger, run)?.key;
            let all = of_record(&mut ledger, run, key)?;
            show(run, &cycle, &all, *format);
            Ok(Exit::Success)
        }
    }
}

/// A kind is data of the ledger, so one that this recon does not know may be there. Where none is, it is a slip of the pen, and
/// "no discrepancy" would be no answer to it.
fn known(kind: &str) -> Result<(), Failure> {
    if KINDS.contains(&kind) {
        return Ok(());
    }
    let hint = did_you_mean(kind, KINDS).unwrap_or_else(|| format!("known kinds are {}", listed(KINDS)));
    Err(Failure::usage(format!("`--kind {kind}`: no discrepancy is of that kind")).hint(hint))
}

fn of_run(
    ledger: &mut Ledger,
    run: RunId,
    key: &CycleKey,
    kind: Option<&str>,
    limit: u32,
) -> Result<Vec<Found>, Failure> {
    let all = ledger.discrepancies_where(run, kind, None, limit)?;
    Ok(all.into_iter().map(|logged| Found { run, key: key.clone(), logged }).collect())
}

/// Those of the last run of each cycle, until there are enough.
fn of_cycles(ledger: &mut Ledger, name: Option<&str>, kind: Option<&str>, limit: u32) -> Result<Vec<Found>, Failure> {
    let mut found: Vec<Found> = Vec::new();
    let mut before = None;
    loop {
        let cycles = ledger.history(name, before, PAGE)?;
        let Some(last) = cycles.last() else { return Ok(found) };
        before = Some(last.id);
        for cycle in &cycles {
            let Some(run) = cycle.run.as_ref().filter(|run| run.discrepancies != Some(0)) else { continue };
            let left = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
            if left == 0 {
                return Ok(found);
            }
            found.extend(of_run(ledger, run.holder.run, &cycle.key, kind, left)?);
        }
    }
}

/// What a run logged about a record, whose key is JSON or as it is shown.
fn of_record(ledger: &mut Ledger, run: RunId, key: &str) -> Result<Vec<Logged>, Failure> {
    let exact = ledger.discrepancies_where(run, None, Some(key), u32::MAX)?;
    if !exact.is_empty() {
        return Ok(exact);
    }
    // Types are not typed: `id=17` is {"id":"17"} or {"id":17}, and only the record itself knows which.
    let (mut from, mut all) = (0_u64, Vec::new());
    loop {
        let page = ledger.discrepancies(run, from, 10_000)?;
        if page.is_empty() {
            break;
        }
        from += page.len() as u64;
        all.extend(page.into_iter().filter(|logged| key_words(&logged.key) == key));
    }
    match all.is_empty() {
        false => Ok(all),
        true => Err(Failure::usage(format!("run {run} logged no discrepancy of the record `{key}`")).hint(format!(
            "write the key as `recon discrepancies list --run {run}` prints it; what agrees is not logged"
        ))),
    }
}

fn print(found: &[Found], truncated: bool, limit: u32, format: ListFormat) {
    if format == ListFormat::Json {
        let all: Vec<Json> = found
            .iter()
            .map(|one| {
                let mut json = serde_json::Map::new();
                json.insert("run".into(), one.run.to_string().into());
                json.insert("cycle".into(), one.key.to_string().into());
                if let Json::Object(logged) = logged_json(&one.logged) {
                    json.extend(logged);
                }
                Json::from(json)
            })
            .collect();
        let all = json!({"schema": "recon.discrepancies/1", "discrepancies": all, "truncated": truncated});
        print_lines(&[all.to_string()]);
        return;
    }
    if found.is_empty() {
        print_lines(&["no discrepancy is logged"]);
        return;
    }
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|one| {
            vec![
                one.run.to_string(),
                one.key.to_string(),
                key_words(&one.logged.key),
                one.logged.kind.clone(),
                or_dash(&one.logged.column),
                or_dash(&one.logged.legacy),
                or_dash(&one.logged.candidate),
                or_dash(&one.logged.difference),
                one.logged.reason.clone().unwrap_or_default(),
            ]
        })
        .collect();
    let heading = ["run", "cycle", "key", "kind", "column", "legacy", "candidate", "difference", "reason"];
    let mut lines = table::lines(&heading, &rows);
    if truncated {
        lines.push(format!("… there are more than {limit}: `--limit N` shows more"));
    }
    print_lines(&lines);
}

fn show(run: RunId, cycle: &CycleKey, all: &[Logged], format: ListFormat) {
    if format == ListFormat::Json {
        let logged: Vec<Json> = all.iter().map(logged_json).collect();
        let json = json!({"schema": "recon.discrepancy/1", "run": run.to_string(), "cycle": cycle.to_string(), "discrepancies": logged});
        print_lines(&[json.to_string()]);
        return;
    }
    let mut lines: Vec<Line> = vec![("run", run.to_string()), ("cycle", cycle.to_string())];
    for logged in all {
        lines.push(("key", key_words(&logged.key)));
        lines.push(("kind", logged.kind.clone()));
        let more = [
            ("column", &logged.column),
            ("legacy", &logged.legacy),
            ("candidate", &logged.candidate),
            ("difference", &logged.difference),
            ("reason", &logged.reason),
        ];
        lines.extend(more.into_iter().filter_map(|(name, text)| Some((name, text.clone()?))));
    }
    print_lines(&aligned(&lines));
}
