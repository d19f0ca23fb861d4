//! `recon runs`: history, one run in full, the audit trail. Reads the ledger and nothing else.

use serde_json::{Value as Json, json};

use crate::cli::{Global, ListFormat, RunsArgs, RunsCommand};
use crate::exit::Exit;
use crate::ledger::{Chain, Cycle, Ledger, Listed, RunId, Step};
use crate::report::count;

use super::cycle::{ledger, project};
use super::shown::{Line, aligned, cycle_json, decision_lines, decisions_json, run_json, step_json, verdict_lines};
use super::{Failure, print_lines, table};

/// Runs the command.
///
/// # Errors
/// What was asked for is wrong, or the ledger cannot be read.
pub fn run(global: &Global, args: &RunsArgs) -> Result<Exit, Failure> {
    let project = project(global)?;
    match &args.command {
        RunsCommand::List { name, limit, format } => {
            if let Some(name) = name {
                project.reconciliation(name)?;
            }
            let mut ledger = ledger(&project)?;
            list(&ledger.latest_runs(name.as_deref(), *limit)?, *format);
            Ok(Exit::Success)
        }
        RunsCommand::Show { run, snapshot, format } => {
            let id = named_run(run)?;
            let mut ledger = ledger(&project)?;
            let found = found_run(&mut ledger, id)?;
            match snapshot {
                Some(name) => text(&mut ledger, id, name)?,
                None => show(&mut ledger, &found, *format)?,
            }
            Ok(Exit::Success)
        }
        RunsCommand::VerifyAudit { format } => {
            // A ledger that is not there must not look like one that is intact.
            if Ledger::inspect(&project.ledger)?.version == 0 {
                let mut failure = Failure::incomplete("there is no ledger yet, so there is no audit trail to verify");
                failure.hint = Some("`recon ledger status` shows where it is looked for".to_owned());
                return Err(failure);
            }
            let mut ledger = ledger(&project)?;
            let chain = ledger.verify_audit()?;
            Ok(audit(&ledger, &chain, *format))
        }
    }
}

/// A run by the name that was typed.
///
/// # Errors
/// It is none (exit 2).
pub(super) fn named_run(text: &str) -> Result<RunId, Failure> {
    RunId::parse(text).ok_or_else(|| {
        Failure::usage(format!("`{text}` is no run")).hint("runs are written 12-3: `recon runs list` shows them")
    })
}

/// A run that there is.
///
/// # Errors
/// There is none (exit 2), or the ledger cannot be read.
pub(super) fn found_run(ledger: &mut Ledger, id: RunId) -> Result<Listed, Failure> {
    let found = ledger.run(id)?;
    found.ok_or_else(|| {
        Failure::usage(format!("there is no run {id} in the ledger {}", ledger.place()))
            .hint("`recon runs list` shows those there are")
    })
}

/// How a run stands, in a word.
fn verdict(listed: &Listed) -> &'static str {
    match (listed.run.verdict, listed.held) {
        (Some(verdict), _) => verdict.name(),
        (None, true) => "at work",
        (None, false) => "lost",
    }
}

fn listed_json(listed: &Listed) -> Json {
    let mut all = match run_json(&listed.run) {
        Json::Object(run) => run,
        _ => serde_json::Map::new(),
    };
    all.extend(cycle_json(&listed.key));
    all.insert("cycle_state".into(), listed.state.to_string().into());
    all.insert("at_work".into(), listed.held.into());
    Json::from(all)
}

fn list(runs: &[Listed], format: ListFormat) {
    if format == ListFormat::Json {
        let all: Vec<Json> = runs.iter().map(listed_json).collect();
        print_lines(&[json!({"schema": "recon.runs/1", "runs": all}).to_string()]);
        return;
    }
    if runs.is_empty() {
        print_lines(&["no run yet: `recon verify NAME …` makes one"]);
        return;
    }
    let number = |n: Option<i64>| n.map_or("-".to_owned(), |n| count(u64::try_from(n).unwrap_or(0)));
    let rows: Vec<Vec<String>> = runs
        .iter()
        .map(|one| {
            vec![
                one.run.holder.run.to_string(),
                one.key.to_string(),
                one.run.holder.since.clone(),
                one.run.holder.by.clone(),
                verdict(one).to_owned(),
                number(one.run.discrepancies),
                one.state.to_string(),
            ]
        })
        .collect();
    print_lines(&table::lines(&["run", "cycle", "started", "by", "verdict", "discrepancies", "cycle is"], &rows));
}

/// The steps made in a run's time; the registration goes with the first run.
fn steps_of(steps: Vec<Step>, attempt: i64) -> Vec<Step> {
    let belongs = |step: &Step| step.attempt == attempt || (attempt == 1 && step.attempt == 0);
    steps.into_iter().filter(belongs).collect()
}

fn show(ledger: &mut Ledger, listed: &Listed, format: ListFormat) -> Result<(), Failure> {
    let id = listed.run.holder.run;
    let steps = steps_of(ledger.steps(id.cycle)?, id.attempt);
    let snapshots = ledger.snapshots(id)?;
    let decided = ledger.cycle(id.cycle)?.as_ref().and_then(Cycle::decided_run).filter(|run| *run == id);
    let decisions = match decided {
        Some(_) => ledger.cycle(id.cycle)?.and_then(|cycle| cycle.decisions),
        None => None,
    };
    if format == ListFormat::Json {
        let figures = listed
            .run
            .figures
            .as_deref()
            .map(|text| serde_json::from_str::<Json>(text).unwrap_or_else(|_| text.into()));
        let mut all = serde_json::Map::new();
        all.insert("schema".into(), "recon.run/1".into());
        if let Json::Object(run) = listed_json(listed) {
            all.extend(run);
        }
        all.insert("decisions".into(), decisions.as_ref().map_or(Json::Null, decisions_json));
        all.insert("figures".into(), figures.unwrap_or(Json::Null));
        all.insert("steps".into(), steps.iter().map(step_json).collect::<Vec<_>>().into());
        let kept: Vec<Json> = snapshots.iter().map(|(name, hash)| json!({"name": name, "hash": hash})).collect();
        all.insert("snapshots".into(), kept.into());
        print_lines(&[Json::from(all).to_string()]);
        return Ok(());
    }
    let run = &listed.run;
    let mut lines: Vec<Line> = vec![
        ("run", format!("{id}, recon {}", run.recon_version)),
        ("cycle", format!("{}, now {}", listed.key, listed.state)),
        ("by", format!("{}, process {} on {}", run.holder.by, run.holder.pid, run.holder.host)),
        ("started", run.holder.since.clone()),
    ];
    match &run.ended_at {
        Some(at) => lines.push(("ended", at.clone())),
        None => lines.push(("ended", verdict(listed).to_owned())),
    }
    lines.extend(run.continues.map(|attempt| ("continues", format!("run {}-{attempt}", id.cycle))));
    lines.extend(run.superseded_by.map(|attempt| ("superseded", format!("by run {}-{attempt}", id.cycle))));
    lines.extend(verdict_lines(run));
    if let Some(logged) = run.discrepancies {
        lines.push(("logged", format!("{} discrepancies", count(u64::try_from(logged).unwrap_or(0)))));
    }
    lines.extend(decisions.iter().flat_map(decision_lines));
    lines.extend(figure_lines(run.figures.as_deref()));
    let mut printed = aligned(&lines);
    let rows: Vec<Vec<String>> = steps
        .iter()
        .map(|step| {
            let from = step.from.as_ref().map_or("-".to_owned(), ToString::to_string);
            let detail = step.detail.clone().unwrap_or_default();
            vec![step.at.clone(), from, step.to.to_string(), step.by.clone(), detail]
        })
        .collect();
    printed.push(String::new());
    printed.extend(table::lines(&["at", "from", "to", "by", "note"], &rows));
    if !snapshots.is_empty() {
        let rows: Vec<Vec<String>> = snapshots.into_iter().map(|(name, hash)| vec![name, hash]).collect();
        printed.push(String::new());
        printed.extend(table::lines(&["kept with it", "hash"], &rows));
    }
    print_lines(&printed);
    Ok(())
}

/// Figures that are plain, a line each; what is nested is for `--format json`.
fn figure_lines(figures: Option<&str>) -> Vec<Line> {
    let Some(Json::Object(figures)) = figures.and_then(|text| serde_json::from_str(text).ok()) else {
        return Vec::new();
    };
    let mut lines: Vec<Line> = Vec::new();
    for (name, value) in &figures {
        let text = match value {
            Json::Object(inner) => inner
                .iter()
                .filter(|(_, value)| !value.is_object() && !value.is_array())
                .map(|(name, value)| format!("{name} {}", plain_json(value)))
                .collect::<Vec<_>>()
                .join(", "),
            Json::Array(_) | Json::Null => continue,
            plain => plain_json(plain),
        };
        if !text.is_empty() {
            lines.push((if lines.is_empty() { "figures" } else { "" }, format!("{name}: {text}")));
        }
    }
    lines
}

fn plain_json(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Prints a text that was kept with a run, as it was kept.
fn text(ledger: &mut Ledger, id: RunId, name: &str) -> Result<(), Failure> {
    let snapshots = ledger.snapshots(id)?;
    let Some((_, hash)) = snapshots.iter().find(|(kept, _)| kept == name) else {
        let names = crate::config::listed(snapshots.iter().map(|(name, _)| name.as_str()));
        return Err(Failure::usage(format!("run {id} keeps no text `{name}`")).hint(format!("it keeps: {names}")));
    };
    let text = ledger.snapshot(hash)?;
    let text =
        text.ok_or_else(|| Failure::incomplete(format!("the text `{name}` of run {id} is not in the ledger")))?;
    print_lines(&[text]);
    Ok(())
}

fn audit(ledger: &Ledger, chain: &Chain, format: ListFormat) -> Exit {
    let (exit, line, json) = match chain {
        Chain::Intact { entries, head } => {
            let number = count(u64::try_from(*entries).unwrap_or(0));
            let line = match entries {
                0 => "audit trail empty".to_owned(),
                _ => format!("audit trail intact: {number} entries, newest {head}"),
            };
            (Exit::Success, line, json!({"intact": true, "entries": entries, "head": head}))
        }
        Chain::Broken { sequence, why } => (
            Exit::Discrepancies,
            format!("audit trail BROKEN at entry {sequence}: {why}"),
            json!({"intact": false, "entry": sequence, "why": why}),
        ),
    };
    if format == ListFormat::Json {
        let mut all = serde_json::Map::new();
        all.insert("schema".into(), "recon.audit/1".into());
        all.insert("ledger".into(), ledger.place().into());
        if let Json::Object(json) = json {
            all.extend(json);
        }
        print_lines(&[Json::from(all).to_string()]);
    } else {
        print_lines(&[ledger.place().to_owned(), line]);
        if exit == Exit::Discrepancies {
            eprintln!("  hint: keep a copy of the ledger as it is, and compare the entry with a backup");
        }
    }
    exit
}
