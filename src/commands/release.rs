//! `recon release`: approves a cycle's decisions with four eyes and lets the payer read them. The ledger is asked
//! first, because it decides; what is published after it can be published again. Must not change a decision.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::checks::Stage;
use crate::cli::{Global, ListFormat, ReleaseArgs};
use crate::decisions::{Place, ReadBack, Ticket};
use crate::domain::{State, StateError};
use crate::exit::Exit;
use crate::ledger::{Cycle, Decided, Ledger, LedgerError, Released, RunId};
use crate::report::Look;
use crate::report::verification::{Check, check_object, render_checks};
use crate::stores::Settings;

use super::checking::Checking;
use super::cycle::Named;
use super::shown::{self, aligned, cycle_json, decisions_json, missing};
use super::who::who;
use super::{Failure, print_lines};

/// The name under which a verification keeps the columns of its decisions.
const COLUMNS: &str = "decision columns";

/// What was done.
struct Done {
    run: RunId,
    released: bool,
    /// The cycle was released before, and the payer did not see it yet.
    finished: bool,
    cycle: Cycle,
    /// Those that follow the release.
    checks: Vec<Check>,
}

/// Runs the command.
///
/// # Errors
/// What was asked for is wrong; the decisions cannot be read or published, or the ledger fails; or it is refused.
pub fn run(global: &Global, args: &ReleaseArgs) -> Result<Exit, Failure> {
    let by = who(Some(&args.by))?;
    let named = Named::load(global, &args.cycle)?;
    let mut ledger = named.ledger()?;
    let cycle = named.found(global, &mut ledger)?;
    let needed = needed(&named, &mut ledger, Some(&cycle))?;
    let decided = decided(global, &named, &cycle)?;
    seen(args, &named, global, &decided)?;
    let mut open = Open::of(&named, &mut ledger, &cycle, &decided)?;
    let (run, finished) = match cycle.state.is_released() {
        true => {
            // A payment step was made, or the payer was shown them once: a file's marker that is gone was taken by the payer.
            let paying = !matches!(cycle.state, State::Released);
            if paying || ledger.was_published(decided.run)? || open.place.is_published(&open.ticket(decided.run))? {
                return Err(again(&named, &mut ledger, &cycle, &decided)?);
            }
            // Between the two steps of the release somebody may have changed what was released.
            let read = open.read(decided.run)?;
            if read.hash != decided.summary.hash {
                return Err(changed(&named, &decided, &read));
            }
            (decided.run, true)
        }
        false => {
            let read = open.read(decided.run)?;
            if read.hash != decided.summary.hash {
                return Err(changed(&named, &decided, &read));
            }
            match ledger.release(&named.key, &by, &read.hash, needed)? {
                Released::NotYet(approved) => {
                    let cycle = named.found(global, &mut ledger)?;
                    let checks = Vec::new();
                    let done = Done { run: approved.run, released: false, finished: false, cycle, checks };
                    return Ok(print(&done, &by, needed, args.format));
                }
                Released::Now(run) => (run, false),
            }
        }
    };
    open.place.publish(&open.ticket(run), &decided.summary.hash, &open.key, &open.columns).map_err(|error| {
        let mut failure = Failure::from(error);
        failure.what = format!(
            "{} is released in the ledger, and the payer does not see its decisions yet: {}",
            named.key, failure.what
        );
        let before = failure.hint.map(|hint| format!("{hint}; ")).unwrap_or_default();
        failure.hint = Some(format!("{before}the same command again finishes it"));
        failure
    })?;
    ledger.published(run, &by, &decided.summary.hash)?;
    let cycle = named.found(global, &mut ledger)?;
    let (checks, exit) = checked(&named, &mut ledger, run, &decided)?;
    print(&Done { run, released: true, finished, cycle, checks }, &by, needed, args.format);
    Ok(exit)
}

/// Refuses decisions of another run than the one that the approver has seen: between the look and the release somebody may
/// have verified anew. What is written of that run may not change either, and the ledger compares its hash when it releases.
fn seen(args: &ReleaseArgs, named: &Named, global: &Global, decided: &Decided) -> Result<(), Failure> {
    let Some(text) = &args.run else { return Ok(()) };
    let run = RunId::parse(text).ok_or_else(|| {
        Failure::usage(format!("`--run {text}` is no run"))
            .hint("12-3 is the third run of cycle 12, as `recon status` shows it")
    })?;
    if run == decided.run {
        return Ok(());
    }
    Err(Failure {
        exit: Exit::Refused,
        what: format!(
            "{}: run {} decides, and run {run} is to be released; nothing was approved",
            named.key, decided.run
        ),
        hint: Some(format!("look at what it decided: `{}`", named.command(global, "status"))),
    })
}

/// The checks that follow the release. What they find cannot take it back: it is told, and it is in the exit code.
fn checked(named: &Named, ledger: &mut Ledger, run: RunId, decided: &Decided) -> Result<(Vec<Check>, Exit), Failure> {
    let (cycle, id, settings) = (named.key.to_string(), run.to_string(), Settings::default());
    let names = [("recon_cycle", cycle.as_str()), ("recon_run", id.as_str())];
    let name = &named.reconciliation.name;
    let params = &named.params;
    let mut checking = Checking::load(ledger, &named.project, name, params, &names, &settings, Arc::default())?;
    checking.only(Stage::Released);
    if checking.is_empty() {
        return Ok((Vec::new(), Exit::Success));
    }
    let summary = &decided.summary;
    let population = summary.candidate + summary.legacy + summary.held;
    checking.run(&[Stage::Released], None, Some(population));
    checking.keep_released(ledger, run)?;
    Ok((checking.report(), checking.exit()))
}

/// Approvals that are needed: as many as the project file says now, or as it said when the decisions were verified,
/// whichever are more. Four eyes are not switched off after the fact.
pub(super) fn needed(named: &Named, ledger: &mut Ledger, cycle: Option<&Cycle>) -> Result<u32, Failure> {
    let now = named.reconciliation.release.map_or(0, |release| release.approvals);
    let Some(run) = cycle.and_then(Cycle::decided_run) else { return Ok(now) };
    let then = settings(ledger, run)?.and_then(|settings| settings["reconciliation"]["release"]["approvals"].as_u64());
    Ok(now.max(then.and_then(|then| u32::try_from(then).ok()).unwrap_or(0)))
}

/// The settings that a run kept.
pub(super) fn settings(ledger: &mut Ledger, run: RunId) -> Result<Option<Json>, Failure> {
    let kept = ledger.snapshots(run)?.into_iter().find(|(name, _)| name == "settings");
    let text = match kept {
        Some((_, hash)) => ledger.snapshot(&hash)?,
        None => None,
    };
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Where the decisions are, and what is needed to read them.
struct Open {
    place: Place,
    cycle: String,
    origin: String,
    key: Vec<String>,
    columns: Vec<String>,
    /// Where the run wrote them, as the ledger says it.
    written_to: String,
}

impl Open {
    fn of(named: &Named, ledger: &mut Ledger, cycle: &Cycle, decided: &Decided) -> Result<Open, Failure> {
        let name = &named.reconciliation.name;
        let Some(decisions) = &named.reconciliation.decisions else {
            return Err(Failure::usage(format!("`{name}` does not say where its decisions are"))
                .hint(format!("add [reconciliation.{name}.decisions] with `store` and `table`, or `file`")));
        };
        let (key, columns) = columns(ledger, decided.run)?;
        let place = Place::of(&named.project, decisions, &named.params, &Settings::default())?;
        let (cycle, origin) = (named.key.to_string(), ledger.cycle_origin(cycle.id)?);
        Ok(Open { place, cycle, origin, key, columns, written_to: decided.summary.place.clone() })
    }

    fn ticket(&self, run: RunId) -> Ticket {
        Ticket {
            cycle: self.cycle.clone(),
            origin: self.origin.clone(),
            run: run.to_string(),
            attempt: run.attempt,
            snapshot: String::new(),
        }
    }

    fn read(&mut self, run: RunId) -> Result<ReadBack, Failure> {
        let read = self.place.read(&run.to_string(), &self.key, &self.columns);
        read.map_err(|error| {
            // Nothing that was typed is wrong: what was there is gone, or cannot be reached.
            let mut failure = Failure { exit: Exit::Incomplete, ..Failure::from(error) };
            failure.what = format!("the decisions of {} cannot be read again: {}", self.cycle, failure.what);
            let hint = format!("run {run} wrote them to {}; see that they are there and can be read", self.written_to);
            failure.hint.get_or_insert(hint);
            failure
        })
    }
}

/// The columns of a run's decisions, as the run kept them: key columns and compared columns.
pub(super) fn columns(ledger: &mut Ledger, run: RunId) -> Result<(Vec<String>, Vec<String>), Failure> {
    let kept = ledger.snapshots(run)?.into_iter().find(|(name, _)| name == COLUMNS);
    let text = match kept {
        Some((_, hash)) => ledger.snapshot(&hash)?,
        None => None,
    };
    let names = |value: &Json| -> Option<Vec<String>> {
        value.as_array()?.iter().map(|name| name.as_str().map(str::to_owned)).collect()
    };
    let all = text.and_then(|text| serde_json::from_str::<Json>(&text).ok());
    let both = all.and_then(|all| Some((names(&all["key"])?, names(&all["columns"])?)));
    both.ok_or_else(|| {
        Failure::incomplete(format!("the ledger does not hold which columns the decisions of run {run} have"))
            .hint("they are kept by `recon verify`; verify again with `--again`")
    })
}

/// The decisions that stand, or why there are none.
fn decided(global: &Global, named: &Named, cycle: &Cycle) -> Result<Decided, Failure> {
    if let (true, Some(decided)) = (cycle.state.is_decided(), &cycle.decisions) {
        return Ok(decided.clone());
    }
    let error = StateError::NotAllowed {
        from: cycle.state.clone(),
        to: crate::domain::State::Released,
        allowed: named.reconciliation.machine.allowed(&cycle.state),
    };
    let mut failure = Failure::from(LedgerError::NotAllowed { cycle: named.key.to_string(), error });
    let reasons = cycle.run.as_ref().map(|run| run.reasons.join("; ")).filter(|reasons| !reasons.is_empty());
    if let Some(reasons) = reasons {
        failure.what.push_str(&format!(" (its last run: {reasons})"));
    }
    failure.hint = Some(match cycle.held {
        true => format!("a run works on it: wait with `{} --wait decided`", named.command(global, "status")),
        false if cycle.state == crate::domain::State::Aborted => {
            format!("it was given up for good: `{}` shows by whom", named.command(global, "status"))
        }
        false => format!("only decisions are released: `{}` verifies", named.command(global, "verify")),
    });
    Err(failure)
}

/// Released and published before.
fn again(named: &Named, ledger: &mut Ledger, cycle: &Cycle, decided: &Decided) -> Result<Failure, Failure> {
    let steps = ledger.steps(cycle.id)?;
    let by = steps.iter().rev().find(|step| step.to == crate::domain::State::Released);
    let by = by.map(|step| format!(", by {} at {}", step.by, step.at)).unwrap_or_default();
    Ok(Failure {
        exit: Exit::Refused,
        what: format!("{} is released already{by}: the payer reads the decisions of run {}", named.key, decided.run),
        hint: Some(match named.reconciliation.machine.allowed(&cycle.state).as_slice() {
            [] => "there is nothing more to do".to_owned(),
            [next, ..] => format!("the next step is one of payment: `recon stage … --to {next}`"),
        }),
    })
}

fn changed(named: &Named, decided: &Decided, read: &ReadBack) -> Failure {
    let summary = &decided.summary;
    let counted = [summary.candidate, summary.legacy, summary.held];
    let difference = match read.taken == counted {
        true => "as many as were verified, with other values".to_owned(),
        false => format!(
            "{} candidate, {} legacy and {} held are there; {}, {} and {} were verified",
            read.taken[0], read.taken[1], read.taken[2], counted[0], counted[1], counted[2]
        ),
    };
    Failure {
        exit: Exit::Refused,
        what: format!(
            "the decisions of {} in {} are not those that run {} verified: {difference} (hash {}, it was {})",
            named.key, summary.place, decided.run, read.hash, summary.hash
        ),
        hint: Some("find out who changed them; `recon verify` with `--again` decides anew".to_owned()),
    }
}

fn print(done: &Done, by: &str, needed: u32, format: ListFormat) -> Exit {
    let cycle = &done.cycle;
    let given = cycle.approvals.len();
    if format == ListFormat::Json {
        let mut all = serde_json::Map::new();
        all.insert("schema".into(), "recon.release/1".into());
        all.extend(cycle_json(&cycle.key));
        all.insert("run".into(), done.run.to_string().into());
        all.insert("state".into(), cycle.state.to_string().into());
        all.insert("released".into(), done.released.into());
        all.insert("finished_an_earlier_release".into(), done.finished.into());
        all.insert("by".into(), by.into());
        let approvals: Vec<Json> = cycle.approvals.iter().map(|(by, at)| json!({"by": by, "at": at})).collect();
        all.insert(
            "approvals".into(),
            json!({"given": approvals, "needed": needed, "missing": missing(given, needed)}),
        );
        all.insert("decisions".into(), cycle.decisions.as_ref().map_or(Json::Null, decisions_json));
        all.insert("checks".into(), done.checks.iter().map(check_object).collect());
        print_lines(&[Json::from(all).to_string()]);
        return Exit::Success;
    }
    let mut lines = vec![match (done.released, done.finished) {
        (true, false) => format!("{} is released: the payer reads the decisions of run {}", cycle.key, done.run),
        (true, true) => format!(
            "{} was released before, and the payer did not see it yet; now the payer reads the decisions of run {}",
            cycle.key, done.run
        ),
        (false, _) => format!(
            "{} is not released yet: {given} of {needed} approvals; it stays {}, and needs {} more by others",
            cycle.key,
            cycle.state,
            missing(given, needed)
        ),
    }];
    let mut more = cycle.decisions.as_ref().map(shown::decision_lines).unwrap_or_default();
    more.extend(shown::approval_lines(&cycle.approvals, needed));
    lines.extend(aligned(&more));
    if !done.checks.is_empty() {
        let look = Look { width: 100, ..Look::default() };
        lines.extend(render_checks(&done.checks, &look).lines().map(str::to_owned));
    }
    print_lines(&lines);
    Exit::Success
}
