//! The cycles that are looked at: the last verified ones, or those of runs that were named. Must not compute.

use crate::cli::ImpactArgs;
use crate::commands::Failure;
use crate::commands::named::params;
use crate::config::Reconciliation;
use crate::domain::State;
use crate::ledger::{Cycle, Ledger, RunId, RunRecord};

/// Cycles that are looked through for verified ones.
const SEARCHED: u32 = 1_000;

/// Cycles to look at, and those that are not.
#[derive(Default)]
pub(super) struct Chosen {
    /// The newest first.
    pub(super) cycles: Vec<Past>,
    /// Newer than the last of them, each with why it is left out.
    pub(super) left_out: Vec<(String, String)>,
}

/// A past cycle, and the run that is meant.
pub(super) struct Past {
    pub(super) cycle: Cycle,
    pub(super) run: RunRecord,
}

/// The cycles that the flags ask for.
///
/// # Errors
/// A run that there is not, or that is of another reconciliation or never ended; the ledger cannot be read.
pub(super) fn chosen(args: &ImpactArgs, of: &Reconciliation, ledger: &mut Ledger) -> Result<Chosen, Failure> {
    if !args.run.is_empty() {
        return named(args, of, ledger);
    }
    let mut chosen = Chosen::default();
    if args.cycles == 0 {
        return Ok(chosen);
    }
    for cycle in ledger.history(Some(&of.name), None, SEARCHED)? {
        let decided = cycle.decided_run().filter(|_| cycle.state.is_decided());
        let Some(run) = decided else {
            chosen.left_out.push((cycle.key.to_string(), why_not(&cycle)));
            continue;
        };
        let run = ledger.run(run)?.map(|listed| listed.run);
        let Some(run) = run else {
            chosen
                .left_out
                .push((cycle.key.to_string(), "the ledger does not know by which run it was decided".into()));
            continue;
        };
        let given: Vec<String> = cycle.key.params().map(|(name, value)| format!("{name}={value}")).collect();
        if let Err(failure) = params(of, &given) {
            let why =
                format!("run {} had other parameters than the project file has now: {}", run.holder.run, failure.what);
            chosen.left_out.push((cycle.key.to_string(), why));
            continue;
        }
        chosen.cycles.push(Past { cycle, run });
        if chosen.cycles.len() >= args.cycles as usize {
            break;
        }
    }
    Ok(chosen)
}

fn why_not(cycle: &Cycle) -> String {
    match (&cycle.run, &cycle.state) {
        (None, _) => "never verified".to_owned(),
        (_, State::Aborted) => "aborted".to_owned(),
        (Some(run), _) if cycle.held => format!("run {} works on it", run.holder.run),
        (Some(run), state) => match run.verdict {
            Some(verdict) => format!("{state}, its last run {} is {}", run.holder.run, verdict.name()),
            None => state.to_string(),
        },
    }
}

fn named(args: &ImpactArgs, of: &Reconciliation, ledger: &mut Ledger) -> Result<Chosen, Failure> {
    let mut chosen = Chosen::default();
    for text in &args.run {
        let wrong = |what: String| {
            Failure::usage(format!("`--run {text}`: {what}"))
                .hint(format!("`recon runs list {}` shows them: 12-3 is the third run of cycle 12", of.name))
        };
        let id = RunId::parse(text).ok_or_else(|| wrong("that is no run".into()))?;
        let listed = ledger.run(id)?.ok_or_else(|| wrong("there is no such run".into()))?;
        if listed.key.reconciliation() != of.name {
            return Err(wrong(format!("it is of `{}`", listed.key.reconciliation())));
        }
        if listed.run.verdict.is_none() {
            return Err(wrong("it has not ended".into()));
        }
        if chosen.cycles.iter().any(|past: &Past| past.cycle.id == id.cycle) {
            return Err(wrong("its cycle is named twice".into()));
        }
        let cycle = ledger.cycle(id.cycle)?.ok_or_else(|| wrong("the ledger does not hold its cycle".into()))?;
        chosen.cycles.push(Past { cycle, run: listed.run });
    }
    Ok(chosen)
}
