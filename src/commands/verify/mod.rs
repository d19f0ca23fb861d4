//! `recon verify`: the step before a payout. Takes the cycle, computes both paths, compares, decides, writes the
//! decisions, proves that they tie, and says whether the payout may go on.

mod base;
mod found;
pub(super) mod keys;
mod logged;
mod retry;
pub(super) mod snapshot;
mod told;
mod watch;
mod work;
mod written;

use crate::cli::{Global, VerifyArgs};
use std::sync::Arc;

use crate::compare::{Definition, look};
use crate::config::{Origin, PathDefinition};
use crate::decisions::{Place, Ticket};
use crate::exit::Exit;
use crate::ledger::{Begin, Begun, RunVerdict};
use crate::report::Format;

use super::cycle::Named;
use super::diff::{comparison, files, rules, settings};
use super::named::{both, definition};
use super::ours::not_ours;
use super::who::who;
use super::{Failure, output};

pub use retry::run as retry;
use work::Work;

/// The exit code of a verdict.
pub(super) fn exit_of(verdict: RunVerdict) -> Exit {
    match verdict {
        RunVerdict::Clean | RunVerdict::Warned => Exit::Success,
        RunVerdict::Blocked => Exit::Discrepancies,
        RunVerdict::Incomplete => Exit::Incomplete,
    }
}

/// Runs the command.
///
/// # Errors
/// What is asked for is wrong, another run holds the cycle, or the verification could not come to a verdict.
pub fn run(global: &Global, args: &VerifyArgs) -> Result<Exit, Failure> {
    let format = format_of(args)?;
    let named = Named::load(global, &args.cycle)?;
    let who = who(args.by.as_deref())?;
    let settings = settings(&args.read)?;
    let definition = Definition { rules: rules(&args.read, Default::default())?, ..definition(&named.reconciliation) };
    let request = both(&named.project, &named.reconciliation, &named.params, &settings, definition, &args.read, false)?;
    let decisions = named.reconciliation.decisions.as_ref();
    let mut place = decisions.map(|to| Place::of(&named.project, to, &named.params, &settings)).transpose()?;
    if let Some(path) = &args.output {
        let own = place.iter().flat_map(Place::files);
        not_ours(path, Some(&named.project), files(&request).chain(own))?;
    }
    let texts = snapshot::texts(&named)?;
    let mut ledger = named.ledger()?;
    let percent = super::canary::in_force(&mut ledger, &named.reconciliation)?;
    let cycle = ledger.status(&named.key)?;
    // What is decided is only reported, and what is released is refused by the ledger in its own words.
    let stands = cycle.as_ref().is_some_and(|cycle| match args.again {
        true => cycle.state.is_released(),
        false => cycle.state.is_decided(),
    });
    if let Some(place) = place.as_mut().filter(|_| !stands) {
        // Better said before hours of computing than after.
        let ticket = Ticket {
            cycle: named.key.to_string(),
            origin: cycle.as_ref().map_or(Ok(String::new()), |cycle| ledger.cycle_origin(cycle.id))?,
            run: String::new(),
            // Which attempt it will be is not known yet: a later one than any that is there.
            attempt: i64::MAX,
            snapshot: String::new(),
        };
        let key: Vec<String> = named.reconciliation.key.iter().map(|key| key.legacy.clone()).collect();
        let columns = named.reconciliation.columns.iter().filter(|column| column.compare);
        let columns: Vec<String> =
            columns.map(|column| column.name.legacy.clone()).filter(|name| !key.contains(name)).collect();
        place.check(&ticket, &key, &columns)?;
    }
    if !stands {
        // A query that cannot run, a column that is not there: said before the cycle is touched.
        let read = |path: &PathDefinition| matches!(path.origin, Origin::Store { .. });
        let (legacy, candidate) = (read(&named.reconciliation.legacy), read(&named.reconciliation.candidate));
        look(&comparison(&args.read, request.clone(), Arc::default()), legacy, candidate)?;
    }
    let begin = Begin { lock_timeout: args.lock_timeout, lease: args.lease, again: args.again, ..Begin::by(&who) };
    match ledger.begin_run(&named.key, &begin)? {
        Begun::Found(cycle) => found::report(global, args, format, &mut ledger, &cycle),
        Begun::Started(run) => {
            let work = Work { global, args, format, named: &named, settings: &settings, who: &who, texts, percent };
            work.run(&mut ledger, *run, request, place, None)
        }
    }
}

fn format_of(args: &VerifyArgs) -> Result<Format, Failure> {
    let format = output::format_of(args.format.map(Format::from), args.output.as_deref())?;
    match format {
        Format::Table | Format::Json | Format::Junit => Ok(format),
        other => Err(Failure::usage(format!("a verification is not written as {}", other.name()))
            .hint("use `--format table`, `--format json` or `--format junit`")),
    }
}
