//! `recon status`: where a cycle stands, and waiting until it stands somewhere. Reads the ledger and nothing else.

use serde_json::{Value as Json, json};

use crate::cli::{Global, ListFormat, StatusArgs};
use crate::domain::State;
use crate::exit::Exit;
use crate::ledger::{Cycle, Ledger, Step, Waited};

use super::cycle::{Named, state};
use super::shown::{
    Line, aligned, approval_lines, cycle_json, decision_lines, decisions_json, holder_json, missing, run_json,
    step_json, verdict_lines,
};
use super::{Failure, print_lines};

/// Runs the command.
///
/// # Errors
/// What was asked for is wrong, there is no such cycle and it is not waited for, or the ledger cannot be read.
pub fn run(global: &Global, args: &StatusArgs) -> Result<Exit, Failure> {
    let named = Named::load(global, &args.cycle)?;
    let target = args.wait.as_deref().map(|text| state(&named, "--wait", text)).transpose()?;
    let mut ledger = named.ledger()?;
    let Some(target) = target else {
        let cycle = named.found(global, &mut ledger)?;
        show(global, &named, &mut ledger, Some(&cycle), args.format, None)?;
        return Ok(Exit::Success);
    };
    let waited = ledger.wait(&named.key, &named.reconciliation.machine, &target, args.timeout)?;
    let (cycle, outcome, exit) = match &waited {
        Waited::Reached(cycle) => (Some(&**cycle), "reached", Exit::Success),
        Waited::Failed(cycle) => (Some(&**cycle), "failed", Exit::Discrepancies),
        Waited::TimedOut(cycle) => (cycle.as_deref(), "timed_out", Exit::Incomplete),
    };
    show(global, &named, &mut ledger, cycle, args.format, Some((&target, outcome)))?;
    if !global.quiet {
        match (&waited, cycle) {
            (Waited::Failed(cycle), _) => {
                eprintln!("{} is {}: it will not reach `{target}` by itself", named.key, cycle.state);
            }
            (Waited::TimedOut(_), Some(cycle)) => {
                eprintln!("timed out after {}: {} stands at `{}`", words(args.timeout), named.key, cycle.state);
            }
            (Waited::TimedOut(_), None) => {
                eprintln!("timed out after {}: {} is not registered", words(args.timeout), named.key);
            }
            _ => {}
        }
    }
    Ok(exit)
}

/// A length of time as it is typed.
fn words(time: std::time::Duration) -> String {
    match (time.as_millis(), time.as_secs()) {
        (millis, _) if millis % 1000 != 0 => format!("{millis}ms"),
        (_, seconds) if seconds >= 3600 && seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        (_, seconds) if seconds >= 60 && seconds % 60 == 0 => format!("{}m", seconds / 60),
        (_, seconds) => format!("{seconds}s"),
    }
}

fn show(
    global: &Global,
    named: &Named,
    ledger: &mut Ledger,
    cycle: Option<&Cycle>,
    format: ListFormat,
    wait: Option<(&State, &str)>,
) -> Result<(), Failure> {
    let last = match cycle {
        Some(cycle) => ledger.steps(cycle.id)?.pop(),
        None => None,
    };
    let needed = super::release::needed(named, ledger, cycle)?;
    let next = next(global, named, cycle, needed);
    if format == ListFormat::Json {
        let mut all = serde_json::Map::new();
        all.insert("schema".into(), "recon.status/1".into());
        all.extend(cycle_json(&named.key));
        let run = cycle.and_then(|cycle| cycle.run.as_ref());
        let (given, allowed) = match cycle {
            Some(cycle) => (cycle.approvals.as_slice(), named.reconciliation.machine.allowed(&cycle.state)),
            None => (&[][..], Vec::new()),
        };
        let approvals: Vec<Json> = given.iter().map(|(by, at)| json!({"by": by, "at": at})).collect();
        let more = json!({
            "state": cycle.map(|cycle| cycle.state.to_string()),
            "since": cycle.map(|cycle| cycle.since.clone()),
            "registered_at": cycle.map(|cycle| cycle.created_at.clone()),
            "last_step": last.as_ref().map(step_json),
            "verdict": run.and_then(|run| run.verdict).map(crate::ledger::RunVerdict::name),
            "reasons": run.map(|run| run.reasons.clone()).unwrap_or_default(),
            "run": run.map(run_json),
            "held_by": run.filter(|_| cycle.is_some_and(|cycle| cycle.held)).map(|run| holder_json(&run.holder)),
            "decisions": cycle.and_then(|cycle| cycle.decisions.as_ref()).map(decisions_json),
            "approvals": {"given": approvals, "needed": needed, "missing": missing(given.len(), needed)},
            "allowed": allowed.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "next": next,
            "ledger": ledger.place(),
            "wait": wait.map(|(target, outcome)| json!({"for": target.to_string(), "outcome": outcome})),
        });
        if let Json::Object(more) = more {
            all.extend(more);
        }
        print_lines(&[Json::from(all).to_string()]);
        return Ok(());
    }
    let mut lines: Vec<Line> = vec![("cycle", named.key.to_string())];
    match cycle {
        None => lines.push(("state", "not registered".to_owned())),
        Some(cycle) => lines.extend(cycle_lines(cycle, last.as_ref(), needed)),
    }
    lines.push(("next", next));
    print_lines(&aligned(&lines));
    Ok(())
}

fn cycle_lines(cycle: &Cycle, last: Option<&Step>, needed: u32) -> Vec<Line> {
    let by = last.map(|step| format!(", by {}", step.by)).unwrap_or_default();
    let mut lines: Vec<Line> = vec![("state", format!("{} since {}{by}", cycle.state, cycle.since))];
    if let Some(run) = &cycle.run {
        let end = match &run.ended_at {
            Some(at) => format!("ended {at}"),
            None if cycle.held => "at work".to_owned(),
            None => "lost: it ended without a word".to_owned(),
        };
        let holder = &run.holder;
        lines.push((
            "run",
            format!("{} by {} on {}, started {}, {end}", holder.run, holder.by, holder.host, holder.since),
        ));
        if cycle.held {
            lines.push(("held by", holder.to_string()));
        }
        lines.extend(verdict_lines(run));
        // Who stopped it by hand says why in the step; a run says it in its reasons.
        if let Some(detail) = last.and_then(|step| step.detail.as_ref())
            && *detail != run.reasons.join("; ")
        {
            lines.push(("note", detail.clone()));
        }
        if let Some(count) = run.discrepancies.filter(|count| *count > 0) {
            lines.push(("logged", format!("{count} discrepancies: `recon discrepancies list --run {}`", holder.run)));
        }
    } else if let Some(detail) = last.and_then(|step| step.detail.clone()) {
        lines.push(("note", detail));
    }
    if let Some(decided) = &cycle.decisions {
        lines.extend(decision_lines(decided));
        lines.extend(approval_lines(&cycle.approvals, needed));
    }
    lines
}

/// What is to be done next, in words.
pub(super) fn next(global: &Global, named: &Named, cycle: Option<&Cycle>, needed: u32) -> String {
    let command = |verb: &str| named.command(global, verb);
    let Some(cycle) = cycle else { return format!("`{}` registers and verifies it", command("verify")) };
    match &cycle.state {
        _ if cycle.held => format!("wait for the run: `{} --wait decided`", command("status")),
        State::Registered => format!("verify it: `{}`", command("verify")),
        State::Computed | State::Compared | State::Checked => {
            format!("its run was lost: `{}` starts again", command("verify"))
        }
        State::Decided | State::Approved if named.reconciliation.decisions.is_none() => {
            let name = &named.reconciliation.name;
            let again = command("verify");
            format!("its decisions are written nowhere: add [reconciliation.{name}.decisions], then `{again} --again`")
        }
        State::Decided | State::Approved => {
            let release = format!("`{} --by WHO`", command("release"));
            match missing(cycle.approvals.len(), needed) {
                0 => format!("release it: {release}"),
                more => {
                    let ran = cycle.run.as_ref().map(|run| run.holder.by.as_str()).unwrap_or_default();
                    let approvals = if more == 1 { "1 approval" } else { "approvals" };
                    let count = if more == 1 { String::new() } else { format!("{more} ") };
                    format!("{count}{approvals} by somebody other than {ran}: {release}")
                }
            }
        }
        State::Blocked => format!("settle the reasons, then verify again: `{}`", command("verify")),
        State::Aborted => "nothing: it is given up for good".to_owned(),
        State::Released | State::Payment(_) => {
            let steps = named.reconciliation.machine.allowed(&cycle.state);
            match steps.as_slice() {
                [] => "nothing: it is done".to_owned(),
                steps => {
                    let names: Vec<String> = steps.iter().map(ToString::to_string).collect();
                    format!(
                        "whoever makes it records the payment step: `{} --to {}`",
                        command("stage"),
                        names.join("|")
                    )
                }
            }
        }
    }
}
