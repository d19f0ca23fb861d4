//! Why a case is not written: messages that name fields, files and columns, and keys and numbers only where they may be shown.
//! Must not decide anything but what is said.

use std::collections::BTreeMap;

use crate::capture::Masker;
use crate::cases::Actual;
use crate::commands::Failure;
use crate::commands::verify::keys;
use crate::ledger::RunVerdict;

use super::NAMED;
use super::case::Capture;
use super::looked::told;
use super::of_run::{Came, OfRun};
use super::prove;
use super::rows::Fetched;

impl Capture<'_> {
    /// The rows do not lead to what the run logged, or the inputs are others by now.
    pub(super) fn not_reproduced(
        &self,
        of_run: &OfRun,
        came: &BTreeMap<String, Came>,
        other: &BTreeMap<String, String>,
        along: usize,
        fetched: &[Fetched],
    ) -> Failure {
        let id = of_run.id();
        let moved = prove::moved(of_run, came, self.telling).filter(|moved| !moved.is_empty());
        if let Some(moved) = moved {
            let named = self.named(came, &moved);
            return Failure::incomplete(format!(
                "the inputs have moved since run {id}: computed again from the stores, {named}; nothing was written"
            ))
            .hint("verify the cycle again and capture that run, or capture against stores as they were then");
        }
        let taken: Vec<String> = fetched
            .iter()
            .map(|one| format!("{} {} ({})", one.readable.label(), one.picked.rows.len(), one.how))
            .collect();
        let what = match other.is_empty() {
            false => {
                format!("the rows that were found do not lead to what run {id} logged: {}", self.named(came, other))
            }
            true => format!("the rows that were found lead to {along} more keys, and always to further ones"),
        };
        let name = &of_run.named.reconciliation.name;
        Failure::incomplete(format!("{what}; nothing was written")).hint(format!(
            "taken were {}. Say which rows a key needs where the query does not show it: \
             [reconciliation.{name}.capture.tables] \"STORE.TABLE\" = [\"{}\"], or \"whole\"",
            taken.join(", "),
            of_run.key.join("\", \"")
        ))
    }

    /// A mask changes what comes out.
    pub(super) fn masked_otherwise(&self, of_run: &OfRun, how: &str, masker: &Masker<'_>) -> Failure {
        let searcher = masker.searcher().ok();
        let name =
            |field: &str| searcher.as_ref().map_or_else(|| "a field".to_owned(), |searcher| told(field, searcher));
        let used: Vec<String> =
            masker.used().keys().map(|(field, mask)| format!("{} ({})", name(field), mask.name())).collect();
        Failure::incomplete(format!(
            "with its values the case comes out as run {} logged it, masked it does not: {how}; nothing was written",
            of_run.id()
        ))
        .hint(format!("one of the masks changes what a path computes with: {}", used.join(", ")))
    }

    /// Keys by their names, where those may be shown, and how they came out.
    fn named(&self, came: &BTreeMap<String, Came>, other: &BTreeMap<String, String>) -> String {
        let one = |(name, how): (&String, &String)| match came.get(name) {
            Some(came) if self.telling.shows(&came.key) => format!("key {}: {how}", keys::shown(&came.key)),
            _ => format!("a key: {how}"),
        };
        let more = other.len().saturating_sub(NAMED);
        let mut lines: Vec<String> = other.iter().take(NAMED).map(one).collect();
        lines.extend((more > 0).then(|| format!("and {more} more")));
        lines.join("; ")
    }
}

/// The verdict of the few keys must not be worse than that of the whole run.
pub(super) fn verdict(of_run: &OfRun, actual: &Actual) -> Result<(), Failure> {
    let run = of_run.listed.run.verdict;
    let settled = matches!(run, Some(RunVerdict::Clean | RunVerdict::Warned));
    let worse = match actual.verdict {
        RunVerdict::Incomplete => run != Some(RunVerdict::Incomplete),
        RunVerdict::Blocked => settled,
        RunVerdict::Clean | RunVerdict::Warned => false,
    };
    if !worse {
        return Ok(());
    }
    Err(Failure::incomplete(format!(
        "each key comes out as run {} logged it, but the case as a whole is {}: {}; nothing was written",
        of_run.id(),
        actual.verdict.name(),
        actual.reasons.join("; ")
    ))
    .hint("the population must count the case's own records: see docs/testing.md, Capturing"))
}
