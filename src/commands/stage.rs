//! `recon stage`: payment steps that other programs make, and blocking or aborting by hand. Must not pay or decide.

use serde_json::Value as Json;

use crate::cli::{Global, ListFormat, StageArgs};
use crate::domain::{Machine, State};
use crate::exit::Exit;
use crate::ledger::{Cycle, LedgerError};

use super::cycle::{Named, state};
use super::shown::cycle_json;
use super::who::who;
use super::{Failure, print_lines};

/// Runs the command.
///
/// # Errors
/// What was asked for is wrong, the ledger fails, or the step is refused.
pub fn run(global: &Global, args: &StageArgs) -> Result<Exit, Failure> {
    let by = who(args.by.as_deref())?;
    let named = Named::load(global, &args.cycle)?;
    let to = state(&named, "--to", &args.to)?;
    let note = args.note.as_deref().map(str::trim).filter(|note| !note.is_empty());
    let machine = &named.reconciliation.machine;
    let mut ledger = named.ledger()?;
    let before = named.found(global, &mut ledger)?;
    let from = match &to {
        State::Blocked | State::Aborted => {
            let note = note.ok_or_else(|| {
                Failure::usage(format!("`--to {to}` needs a note: why it is {to}"))
                    .hint(format!("add `--note 'why it is {to}'`: it is kept with the step"))
            })?;
            let stopped = ledger.stop(&named.key, &to, &by, note, args.lock_timeout);
            stopped.map_err(|error| refused(global, &named, machine, &before, &to, error))?;
            // What it was when it was stopped, not when it was looked at before.
            let steps = ledger.steps(before.id)?;
            let step = steps.iter().rev().find(|step| step.to == to).and_then(|step| step.from.clone());
            step.unwrap_or(before.state)
        }
        State::Payment(_) => {
            let made = ledger.stage(&named.key, machine, &to, &by, note);
            made.map_err(|error| refused(global, &named, machine, &before, &to, error))?
        }
        other => return Err(not_recorded(global, &named, machine, &before, other)),
    };
    if args.format == ListFormat::Json {
        let mut all = serde_json::Map::new();
        all.insert("schema".into(), "recon.stage/1".into());
        all.extend(cycle_json(&named.key));
        all.insert("from".into(), from.to_string().into());
        all.insert("state".into(), to.to_string().into());
        all.insert("by".into(), by.into());
        all.insert("note".into(), note.map_or(Json::Null, Json::from));
        all.insert("allowed".into(), names(machine, &to).into());
        print_lines(&[Json::from(all).to_string()]);
    } else {
        print_lines(&[format!("{}: {from} -> {to}", named.key)]);
    }
    Ok(Exit::Success)
}

fn names(machine: &Machine, from: &State) -> Vec<String> {
    machine.allowed(from).iter().map(ToString::to_string).collect()
}

/// A refusal with the next step that fits it.
fn refused(
    global: &Global,
    named: &Named,
    machine: &Machine,
    before: &Cycle,
    to: &State,
    error: LedgerError,
) -> Failure {
    let LedgerError::NotAllowed { error: step, cycle } = error else { return error.into() };
    // The ledger knows only the fixed steps when it stops a cycle: those of the project belong to the answer.
    let from = match &step {
        crate::domain::StateError::NotAllowed { from, .. } => from.clone(),
        _ => before.state.clone(),
    };
    let step = machine.check(&from, to).err().unwrap_or(step);
    let mut failure = Failure::from(LedgerError::NotAllowed { cycle, error: step });
    let status = named.command(global, "status");
    failure.hint = Some(match (&from == to, to) {
        (true, State::Payment(_)) => {
            format!("the step is made already, and not by this command: do not pay again; `{status}` shows by whom")
        }
        (true, _) => format!("it is {to} already; `{status}` shows by whom"),
        (false, State::Payment(_)) if !from.is_released() => {
            format!("payment steps follow a release: `{} --by WHO`", named.command(global, "release"))
        }
        _ => format!("`{status}` shows how it came there"),
    });
    failure
}

/// A state that recon itself sets.
fn not_recorded(global: &Global, named: &Named, machine: &Machine, before: &Cycle, to: &State) -> Failure {
    let by_hand = |state: &State| matches!(state, State::Blocked | State::Aborted | State::Payment(_));
    let allowed: Vec<String> = machine
        .allowed(&before.state)
        .iter()
        .filter(|state| by_hand(state))
        .map(|state| format!("`{state}`"))
        .collect();
    let allowed = match allowed.as_slice() {
        [] => "no step".to_owned(),
        some => some.join(", "),
    };
    let verb = match to {
        State::Approved | State::Released => "release",
        _ => "verify",
    };
    Failure {
        exit: Exit::Refused,
        what: format!(
            "{}: `{to}` is not a step that is recorded by hand; it stands at `{}`, from where {allowed} can be recorded",
            named.key, before.state
        ),
        hint: Some(format!("`{}` leads there", named.command(global, verb))),
    }
}
