//! The proof: a case is run as `recon test` runs it, and must come out as the run did. Where it does not, the cycle's keys are
//! computed once more from the stores themselves: then it can be said whether the inputs have moved.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use clap::Parser;

use crate::cases::{Actual, Walk};
use crate::cli::{Global, ReadArgs};
use crate::commands::Failure;
use crate::commands::diff::{comparison, rules, settings};
use crate::commands::named::{both, definition};
use crate::commands::test::{Stopped, Worker, actual};
use crate::commands::verify::keys;
use crate::compare::{Comparison, Definition, compare};
use crate::config::Secret;
use crate::decide::{Decision, Rule, decisions, survey};
use crate::domain::Value;
use crate::ledger::RunVerdict;

use super::held::{Against, held};
use super::of_run::{Came, OfRun};
use super::telling::Telling;

/// How sides are read when nothing is said.
#[derive(Parser)]
struct Plain {
    #[command(flatten)]
    read: ReadArgs,
}

/// What comes out of the one case below a folder.
///
/// # Errors
/// It cannot be run.
pub(super) fn outcome(global: &Global, servers: &[(String, Secret)], folder: &Path) -> Result<Actual, Failure> {
    let found = Walk::new(folder)?.next();
    let found =
        found.ok_or_else(|| Failure::incomplete("the captured case is not there; this is a fault of recon"))??;
    let mut worker = Worker::new(global, servers);
    match worker.outcome(&found) {
        Ok(Ok(actual)) => Ok(actual),
        Ok(Err(failure)) | Err(Stopped::Failure(failure)) => Err(Failure {
            exit: crate::exit::Exit::Incomplete,
            what: format!("the captured case cannot be run: {}; nothing was written", failure.what),
            hint: failure.hint,
        }),
        Err(Stopped::Case(error)) => Err(Failure {
            exit: crate::exit::Exit::Incomplete,
            what: format!("the captured case cannot be run: {}; nothing was written", error.what),
            hint: error.hint,
        }),
    }
}

/// Whether the same keys, computed from the stores as they are now, come out otherwise than the run logged them. `None` where
/// that cannot be told.
pub(super) fn moved(
    of_run: &OfRun,
    came: &BTreeMap<String, Came>,
    telling: &Telling,
) -> Option<BTreeMap<String, String>> {
    let named = &of_run.named;
    let mut words = vec!["capture".to_owned()];
    words.extend(of_run.timezone.iter().map(|zone| format!("--timezone={zone}")));
    let mut read = Plain::try_parse_from(words).ok()?.read;
    read.allow_empty = true;
    let all: Vec<Vec<Value>> = came.values().map(|came| came.key.clone()).collect();
    let filter = Some(keys::condition(&of_run.key, &all).ok()?);
    let rules = rules(&read, Default::default()).ok()?;
    let definition = Definition { rules, filter, ..definition(&named.reconciliation) };
    let settings = settings(&read).ok()?;
    let of = &named.reconciliation;
    let request = both(&named.project, of, &named.params, &settings, definition, &read, true).ok()?;
    let comparison = Comparison { keep: true, ..comparison(&read, request, Arc::default()) };
    let mut compared = compare(&comparison).ok()?;
    let percent = of_run.percent.unwrap_or(of.canary.percent);
    let rule = Rule { percent, policy: of.policy, fallback: false };
    let kind = |name: &str| of.column(name).and_then(|column| column.column_type);
    let surveyed = survey(&mut compared, &rule, &kind, &[]).ok()?;
    let decided: Vec<Decision> =
        decisions(&mut compared, rule, &surveyed.layout).ok()?.collect::<Result<_, _>>().ok()?;
    let now = actual(&mut compared, RunVerdict::Clean, Vec::new(), decided).ok()?;
    let mut same = |_: &str, text: &str| Ok(text.to_owned());
    let against = Against { names: &of_run.key, columns: &of_run.columns, amounts: telling.amounts(), reason: None };
    held(came, &now, &against, &mut same).ok().map(|held| held.other)
}
