//! Decisions written, read back where they are, and proved to be those that were made.

use std::io;

use serde_json::json;

use crate::commands::{Failure, progress};
use crate::compare::Compared;
use crate::decide::{Decision, Rule, Survey, Taken, decisions};
use crate::decisions::{Layout, Place, ReadBack, Seen, Ticket};
use crate::ledger::Run;
use crate::stores::StoreError;

use super::work::temporary;

/// Decisions that can be gone through more than once, each time the same.
pub(super) trait Again {
    /// From the first.
    ///
    /// # Errors
    /// A temporary file cannot be read.
    fn again(&mut self) -> io::Result<Box<dyn Iterator<Item = io::Result<Decision>> + '_>>;
}

/// The decisions of a comparison.
pub(super) struct FromCompared<'a> {
    pub(super) compared: &'a mut Compared,
    pub(super) rule: Rule,
    pub(super) layout: &'a Layout,
}

impl Again for FromCompared<'_> {
    fn again(&mut self) -> io::Result<Box<dyn Iterator<Item = io::Result<Decision>> + '_>> {
        Ok(Box::new(decisions(self.compared, self.rule, self.layout)?))
    }
}

/// What was found where the decisions are.
pub(super) struct Found {
    pub(super) read_back: ReadBack,
    /// Why they are not what was decided; none, when all is well.
    pub(super) reasons: Vec<String>,
}

/// Writes decisions and reads them back, one by one the same; `taken` is how many there are by their source.
///
/// # Errors
/// They cannot be written or read, are not what was decided, or the cycle is another run's.
pub(super) fn written(
    run: &mut Run,
    place: &mut Place,
    (ticket, layout): (&Ticket, &Layout),
    taken: [u64; 3],
    decisions: &mut dyn Again,
    quiet: bool,
) -> Result<Found, Failure> {
    let names = |seen: &[Seen]| seen.iter().map(|seen| seen.name.clone()).collect::<Vec<_>>();
    let columns = json!({ "key": names(&layout.key), "columns": names(&layout.columns) });
    run.snapshot("decisions", "decision columns", &columns.to_string())?;
    run.confirm()?;
    let bar = progress::Bar::new(place.label(), quiet);
    let mut alive = |written: u64| {
        bar.at(written);
        run.check().map_err(|error| StoreError::failed(error.to_string()))
    };
    let count = {
        let mut stream = decisions.again().map_err(|error| temporary(&error))?;
        place.write(ticket, layout, &mut *stream, &mut alive)
    };
    drop(bar);
    run.check()?;
    let count = count?;
    let read_back = {
        let mut stream = decisions.again().map_err(|error| temporary(&error))?;
        place.verify(ticket, layout, &mut *stream)?
    };
    let mut reasons = Vec::new();
    let all: u64 = taken.iter().sum();
    if count != all {
        reasons.push(format!("{count} decisions were written of {all}"));
    }
    for (source, decided) in Taken::ALL.into_iter().zip(taken) {
        if decided != read_back.of(source) {
            let (word, there) = (source.name(), read_back.of(source));
            reasons.push(format!("{decided} records were decided as {word}, and {there} are written so"));
        }
    }
    Ok(Found { read_back, reasons })
}

/// What is left over when the decisions are summed again from where they were written.
pub(super) fn ties(survey: &Survey, found: &ReadBack) -> Vec<String> {
    let mut reasons = Vec::new();
    for bridge in &survey.bridges {
        let at = survey.layout.columns.iter().position(|seen| seen.name == bridge.column);
        let residual = at.and_then(|at| found.totals.get(at)).and_then(|total| bridge.residual(total));
        if residual.as_ref().is_none_or(|rest| !rest.is_zero()) {
            reasons.push(format!(
                "the decisions of `{}` do not tie to legacy's control total: residual {}",
                bridge.column,
                residual.map_or_else(|| "unknown".to_owned(), |rest| rest.to_string())
            ));
        }
    }
    reasons
}
