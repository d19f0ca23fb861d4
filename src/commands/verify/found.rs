//! A cycle that is verified already: its report once more, from what the ledger keeps.

use serde_json::{Map, Value as Json, json};

use crate::cli::{Global, VerifyArgs};
use crate::commands::Failure;
use crate::commands::{log, output};
use crate::exit::Exit;
use crate::ledger::{Cycle, Ledger, Logged, RunRecord, RunVerdict};
use crate::report::Format;
use crate::report::verification::junit;

use super::told;

/// Rows of discrepancies that are read at once.
const PAGE: u32 = 1_000;

/// Reports the run whose decisions stand.
pub(super) fn report(
    global: &Global,
    args: &VerifyArgs,
    format: Format,
    ledger: &mut Ledger,
    cycle: &Cycle,
) -> Result<Exit, Failure> {
    let id = cycle.decided_run();
    let runs = ledger.runs(cycle.id)?;
    let run = runs.into_iter().find(|run| Some(run.holder.run) == id).ok_or_else(|| {
        Failure::incomplete(format!("{} is {}, but the ledger does not know by which run", cycle.key, cycle.state))
            .hint("`recon ledger status` checks the ledger; `recon verify … --again` decides anew")
    })?;
    let verdict = run.verdict.unwrap_or(RunVerdict::Incomplete);
    let laxly = args.strict && run.discrepancies.is_some_and(|rows| rows > 0) && verdict == RunVerdict::Warned;
    let exit = if laxly { Exit::Discrepancies } else { super::exit_of(verdict) };
    let (key, id) = (cycle.key.to_string(), run.holder.run.to_string());
    told::found(&key, &id, verdict.name(), cycle.state.name(), &run.reasons, exit);
    match format {
        Format::Json => {
            let mut object = document(ledger, cycle, &run, args.limit.unwrap_or(1_000))?;
            if laxly {
                stricter(&mut object, cycle);
            }
            output::text(&format!("{object}\n"), args.output.as_deref())?;
        }
        Format::Junit => {
            let mut object = document(ledger, cycle, &run, args.limit.unwrap_or(junit::LIMIT))?;
            if laxly {
                stricter(&mut object, cycle);
            }
            output::stream(args.output.as_deref(), &mut |out| junit::render(&object, out))?;
        }
        _ => output::text(&table(cycle, &run, verdict), args.output.as_deref())?,
    }
    if let (Some(path), false) = (&args.output, global.quiet) {
        let run = run.holder.run;
        let what = format!("{}: {} already, by run {run} (report in {})", cycle.key, cycle.state, path.display());
        log::say(log::Level::Info, "report", &what);
    }
    if laxly {
        let what = format!("{} was verified without --strict, and has discrepancies", cycle.key);
        return Err(Failure { exit: Exit::Discrepancies, what, hint: Some(again(cycle)) });
    }
    Ok(exit)
}

/// What is asked for now is stricter than what was decided: the report says so as the exit code does.
fn stricter(object: &mut Json, cycle: &Cycle) {
    object["verdict"] = json!("blocked");
    object["reasons"] = json!([format!("{} was verified without --strict, and has discrepancies", cycle.key)]);
}

fn again(cycle: &Cycle) -> String {
    match cycle.state.is_released() {
        true => "it is released already: `recon discrepancies list` shows them".to_owned(),
        false => "`--again --strict` verifies it anew".to_owned(),
    }
}

/// The document of the run, with the state that the cycle has now.
fn document(ledger: &mut Ledger, cycle: &Cycle, run: &RunRecord, limit: u64) -> Result<Json, Failure> {
    let figures: Option<Json> = run.figures.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let Some(Json::Object(mut object)) = figures else {
        return Err(Failure::incomplete(format!("the ledger does not hold the figures of run {}", run.holder.run)));
    };
    object.insert("state".into(), json!(cycle.state.name()));
    object.insert("found".into(), json!(true));
    if let Some(Json::Object(diff)) = object.get_mut("diff") {
        let (all, more) = discrepancies(ledger, run, limit)?;
        diff.insert("discrepancies".into(), Json::Array(all));
        diff.insert("truncated".into(), json!(more));
    }
    Ok(Json::Object(object))
}

/// Discrepancies as reports show them, put together again from the rows of the ledger; and whether there are more.
fn discrepancies(ledger: &mut Ledger, run: &RunRecord, limit: u64) -> Result<(Vec<Json>, bool), Failure> {
    let mut all: Vec<Map<String, Json>> = Vec::new();
    let mut last: Option<(String, String)> = None;
    let mut from = 0;
    loop {
        let rows = ledger.discrepancies(run.holder.run, from, PAGE)?;
        let ended = rows.len() < PAGE as usize;
        from += rows.len() as u64;
        for row in rows.into_iter().filter(|row| row.kind != "tolerated") {
            let name = (row.key.clone(), row.kind.clone());
            if last.as_ref() != Some(&name) {
                if all.len() as u64 == limit {
                    return Ok((all.into_iter().map(Json::Object).collect(), true));
                }
                let key: Json = serde_json::from_str(&row.key).unwrap_or(Json::Null);
                let mut one = Map::new();
                one.insert("key".into(), key);
                one.insert("kind".into(), json!(row.kind));
                one.insert("fields".into(), json!([]));
                if let Some(reason) = &row.reason {
                    one.insert("reason".into(), json!(reason));
                }
                all.push(one);
                last = Some(name);
            }
            add(all.last_mut(), &row);
        }
        if ended {
            return Ok((all.into_iter().map(Json::Object).collect(), false));
        }
    }
}

fn add(one: Option<&mut Map<String, Json>>, row: &Logged) {
    let Some(one) = one else { return };
    match &row.column {
        Some(column) => {
            if let Some(Json::Array(fields)) = one.get_mut("fields") {
                fields.push(json!({
                    "column": column, "legacy": row.legacy, "candidate": row.candidate, "difference": row.difference,
                }));
            }
        }
        None if row.kind == "duplicate_key" => {
            let copies = |text: &Option<String>| -> Json {
                text.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_else(|| json!([]))
            };
            one.insert("copies".into(), json!({ "legacy": copies(&row.legacy), "candidate": copies(&row.candidate) }));
        }
        None => {}
    }
}

fn table(cycle: &Cycle, run: &RunRecord, verdict: RunVerdict) -> String {
    let mut lines = vec![format!(
        "{}  {}: verified already by run {} of {}; the cycle is {} since {}",
        verdict.name().to_uppercase(),
        cycle.key,
        run.holder.run,
        run.holder.by,
        cycle.state,
        cycle.since
    )];
    lines.extend(run.reasons.iter().map(|reason| format!("  {reason}")));
    if let Some(decided) = &cycle.decisions {
        let summary = &decided.summary;
        lines.push(format!(
            "decisions  {} candidate, {} legacy, {} held",
            crate::report::count(summary.candidate),
            crate::report::count(summary.legacy),
            crate::report::count(summary.held)
        ));
        lines.extend(summary.totals.iter().map(|(column, total)| format!("total      {column} {total}")));
        if !summary.place.is_empty() {
            lines.push(format!("written to {}", summary.place));
        }
    }
    let next = if cycle.state.is_released() { "" } else { "; `--again` verifies it anew" };
    lines.push(format!("Nothing was computed: `recon status` and `recon release` go on from here{next}."));
    lines.iter().map(|line| format!("{line}\n")).collect()
}
