//! `recon canary status|set`: how far the new path is trusted (T12). The runs say how it did; people, or a breach,
//! set the share.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::cli::{CanaryArgs, CanaryCommand, Global, ListFormat};
use crate::config::Reconciliation;
use crate::decide::{Advice, Trial, advise};
use crate::domain::{Amount, Total};
use crate::exit::Exit;
use crate::ledger::{CanaryChange, Ledger, Listed, RunVerdict};
use crate::report::verification::Verification;

use super::cycle::{ledger, project};
use super::who::who;
use super::{Failure, print_lines, table};

/// Runs the command.
///
/// # Errors
/// There is no such reconciliation, or the ledger cannot be reached.
pub fn run(global: &Global, args: &CanaryArgs) -> Result<Exit, Failure> {
    let project = project(global)?;
    match &args.command {
        CanaryCommand::Status { name, runs, format } => {
            let reconciliation = project.reconciliation(name)?;
            let mut ledger = ledger(&project)?;
            status(&mut ledger, reconciliation, *runs, *format)?;
        }
        CanaryCommand::Set { name, percent, why, by, format } => {
            let by = who(by.as_deref())?;
            let reconciliation = project.reconciliation(name)?;
            let mut ledger = ledger(&project)?;
            let before = in_force(&mut ledger, reconciliation)?;
            ledger.set_canary(name, *percent, &by, why)?;
            print_lines(&[match format {
                ListFormat::Json => {
                    json!({"schema": "recon.canary/1", "reconciliation": name, "percent": percent, "before": before, "by": by})
                        .to_string()
                }
                ListFormat::Table => format!("{name}: {before}% -> {percent}% of agreeing records take the candidate's value, from the next run on"),
            }]);
        }
    }
    Ok(Exit::Success)
}

/// The share in force: what was set last, or else what the project file says.
pub(super) fn in_force(ledger: &mut Ledger, reconciliation: &Reconciliation) -> Result<u8, Failure> {
    let changes = ledger.canary_changes(&reconciliation.name)?;
    Ok(changes.first().map_or(reconciliation.canary.percent, |change| change.percent))
}

/// Cuts the share back by itself after a breach, where the project file says so. Says what it did.
pub(super) fn cut_back(
    ledger: &mut Ledger,
    reconciliation: &Reconciliation,
    verification: &Verification,
) -> Result<Option<String>, Failure> {
    let Some(to) = reconciliation.canary.cut_back_to.filter(|_| verification.canary.fallback) else { return Ok(None) };
    if to >= in_force(ledger, reconciliation)? {
        return Ok(None);
    }
    let why = format!("run {} had more discrepancies than max_discrepancy_rate allows", verification.run);
    let before = ledger.set_canary(&reconciliation.name, to, "recon", &why)?.unwrap_or(reconciliation.canary.percent);
    Ok(Some(format!("canary of {} cut back from {before}% to {to}%: {why}", reconciliation.name)))
}

/// A run with what its figures say of the canary.
struct Seen {
    trial: Trial,
    cycle: String,
    ended_at: String,
    verdict: &'static str,
    keys: u64,
    discrepancies: u64,
    covered: Vec<(String, Amount)>,
}

/// What an ended run's figures say; `None` for a run without a comparison.
fn seen(listed: &Listed) -> Option<Seen> {
    // What could not be verified says nothing of the candidate.
    listed.run.verdict.filter(|verdict| *verdict != RunVerdict::Incomplete)?;
    let figures: Json = serde_json::from_str(listed.run.figures.as_deref()?).ok()?;
    let (canary, counts) = (figures.get("canary")?, figures.get("diff")?.get("counts")?);
    let number = |name: &str| counts.get(name).and_then(Json::as_u64);
    let texts = |list: &Json| -> BTreeSet<String> {
        list.as_array().into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect()
    };
    let (keys, matched) = (number("keys")?, number("matched")?);
    let amounts = canary.get("covered")?.as_object()?;
    Some(Seen {
        cycle: listed.key.to_string(),
        ended_at: listed.run.ended_at.clone()?,
        verdict: listed.run.verdict.map(RunVerdict::name)?,
        keys,
        discrepancies: keys.saturating_sub(matched),
        covered: amounts
            .iter()
            .filter_map(|(name, text)| Some((name.clone(), Amount::parse(text.as_str()?).ok()?)))
            .collect(),
        trial: Trial {
            run: listed.run.holder.run.to_string(),
            percent: u8::try_from(canary.get("percent")?.as_u64()?).ok()?,
            clean: listed.run.verdict == Some(RunVerdict::Clean),
            breached: canary.get("fallback")?.as_bool()?,
            seen: texts(&canary["segments"]["seen"]),
            covered: texts(&canary["segments"]["covered"]),
        },
    })
}

fn status(ledger: &mut Ledger, reconciliation: &Reconciliation, runs: u32, format: ListFormat) -> Result<(), Failure> {
    let changes = ledger.canary_changes(&reconciliation.name)?;
    let percent = changes.first().map_or(reconciliation.canary.percent, |change| change.percent);
    let seen: Vec<Seen> = ledger.latest_runs(Some(&reconciliation.name), runs)?.iter().filter_map(seen).collect();
    let trials: Vec<Trial> = seen.iter().map(|seen| seen.trial.clone()).collect();
    let canary = &reconciliation.canary;
    let (advice, why) = advise(percent, &trials, canary.raise_after, canary.cut_back_to);
    let at_it: Vec<&Seen> = seen.iter().take_while(|seen| seen.trial.percent == percent).collect();
    let covered = covered(&at_it);
    let segments: BTreeSet<&String> = at_it.iter().flat_map(|seen| &seen.trial.covered).collect();
    if format == ListFormat::Json {
        let (word, to) = match &advice {
            Advice::Raise(to) => ("raise", Some(to)),
            Advice::Keep => ("keep", None),
            Advice::CutBack(to) => ("cut_back", Some(to)),
        };
        let run = |seen: &Seen| {
            json!({
                "run": seen.trial.run, "cycle": seen.cycle, "ended_at": seen.ended_at, "percent": seen.trial.percent,
                "verdict": seen.verdict, "keys": seen.keys, "discrepancies": seen.discrepancies,
                "breached": seen.trial.breached,
                "covered": seen.covered.iter().map(|(name, amount)| (name.clone(), json!(amount.to_string()))).collect::<serde_json::Map<_, _>>(),
            })
        };
        let change = |change: &CanaryChange| json!({"percent": change.percent, "at": change.at, "by": change.by, "why": change.why});
        let all = json!({
            "schema": "recon.canary/1",
            "reconciliation": reconciliation.name,
            "percent": percent,
            "configured": canary.percent,
            "changes": changes.iter().map(change).collect::<Vec<_>>(),
            "runs": seen.iter().map(run).collect::<Vec<_>>(),
            "covered": covered.iter().map(|(name, amount)| (name.clone(), json!(amount.to_string()))).collect::<serde_json::Map<_, _>>(),
            "segments": segments,
            "recommendation": {"advice": word, "to": to, "why": why},
        });
        print_lines(&[all.to_string()]);
        return Ok(());
    }
    let set = match changes.first() {
        Some(change) => format!("set by {} at {}{}", change.by, change.at, because(&change.why)),
        None => "from recon.toml".to_owned(),
    };
    let mut lines =
        vec![format!("{}: {percent}% of agreeing records take the candidate's value ({set})", reconciliation.name)];
    let clean = at_it.iter().filter(|seen| seen.trial.clean).count();
    lines.push(format!("runs at {percent}%: {}, {clean} of them clean", at_it.len()));
    if !covered.is_empty() {
        let amounts: Vec<String> = covered.iter().map(|(name, amount)| format!("{name} {amount}")).collect();
        lines.push(format!("money covered: {}", amounts.join(", ")));
    }
    if !canary.segments.is_empty() {
        lines.push(format!("segments covered ({}): {}", canary.segments.join("/"), segments.len()));
    }
    lines.push(match advice {
        Advice::Raise(to) => format!("recommended: raise to {to}%: {why}"),
        Advice::Keep => format!("recommended: keep {percent}%: {why}"),
        Advice::CutBack(to) => format!("recommended: cut back to {to}%: {why}"),
    });
    if !seen.is_empty() {
        lines.push(String::new());
        let rows: Vec<Vec<String>> = seen
            .iter()
            .take(20)
            .map(|seen| {
                vec![
                    seen.trial.run.clone(),
                    seen.cycle.clone(),
                    format!("{}%", seen.trial.percent),
                    seen.verdict.to_owned(),
                    seen.keys.to_string(),
                    seen.discrepancies.to_string(),
                    seen.ended_at.clone(),
                ]
            })
            .collect();
        lines.extend(table::lines(&["run", "cycle", "share", "verdict", "keys", "discrepancies", "ended"], &rows));
    }
    print_lines(&lines);
    Ok(())
}

fn because(why: &str) -> String {
    if why.trim().is_empty() { String::new() } else { format!(": {why}") }
}

/// The money that took the candidate's value, over several runs.
fn covered(runs: &[&Seen]) -> Vec<(String, Amount)> {
    let mut totals: Vec<(String, Total)> = Vec::new();
    for (name, amount) in runs.iter().flat_map(|seen| &seen.covered) {
        let at = totals.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            totals.push((name.clone(), Total::default()));
            totals.len() - 1
        });
        totals[at].1.add(amount);
    }
    totals.into_iter().map(|(name, total)| (name, total.amount())).collect()
}
