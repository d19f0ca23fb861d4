//! The ordered merge of two cursors: every key of either side is judged once, counted once, and kept when it
//! does not agree.

use std::cmp::Ordering;
use std::io;

use crate::domain::Batch;

use super::cursor::{Cursor, Halt};
use super::judge::{ColumnOutcome, Copies, Judge, Outcome};
use super::spill::Spill;
use super::tally::Tally;

/// Which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SideName {
    /// The path in force.
    Legacy,
    /// The path on trial.
    Candidate,
}

impl SideName {
    /// `legacy` or `candidate`.
    pub fn name(self) -> &'static str {
        match self {
            SideName::Legacy => "legacy",
            SideName::Candidate => "candidate",
        }
    }
}

/// Why a merge ended before both sides did.
#[derive(Debug)]
pub enum MergeError {
    /// A side cannot go on.
    Side(SideName, Halt),
    /// A temporary file could not be written.
    Spill(io::Error),
}

impl From<io::Error> for MergeError {
    fn from(error: io::Error) -> Self {
        MergeError::Spill(error)
    }
}

/// The two sides of a merge under way, with what it has found so far.
pub struct Merge<'a> {
    /// How keys are judged.
    pub judge: &'a Judge,
    /// Counts and totals so far.
    pub tally: &'a mut Tally,
    /// Discrepancies so far.
    pub spill: &'a mut Spill,
    /// What agrees, so far; where nothing will be decided it need not be kept.
    pub kept: Option<&'a mut Spill>,
    outcomes: Vec<ColumnOutcome>,
}

impl<'a> Merge<'a> {
    /// A merge that adds to a tally and spills.
    pub fn new(judge: &'a Judge, tally: &'a mut Tally, spill: &'a mut Spill, kept: Option<&'a mut Spill>) -> Self {
        Merge { judge, tally, spill, kept, outcomes: Vec::new() }
    }

    /// Walks both sides to their ends.
    ///
    /// # Errors
    /// When a side fails or is out of order: everything before that point has been counted, nothing after it.
    pub fn run(&mut self, legacy: &mut Cursor, candidate: &mut Cursor) -> Result<(), MergeError> {
        let on_legacy = |halt| MergeError::Side(SideName::Legacy, halt);
        let on_candidate = |halt| MergeError::Side(SideName::Candidate, halt);
        loop {
            let order = match (legacy.live(), candidate.live()) {
                (false, false) => return Ok(()),
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
                (true, true) => legacy.cmp(candidate),
            };
            let (with_legacy, with_candidate) = (order.is_le(), order.is_ge());
            if (with_legacy && legacy.repeats()) || (with_candidate && candidate.repeats()) {
                let left = if with_legacy { Some(legacy.take_group().map_err(on_legacy)?) } else { None };
                let right = if with_candidate { Some(candidate.take_group().map_err(on_candidate)?) } else { None };
                self.key(left.as_ref().map(whole), right.as_ref().map(whole))?;
                // A side that failed right behind its group has said so to its cursor.
                check(legacy, SideName::Legacy)?;
                check(candidate, SideName::Candidate)?;
                continue;
            }
            self.key(with_legacy.then(|| legacy.current()), with_candidate.then(|| candidate.current()))?;
            if with_legacy {
                legacy.advance().map_err(on_legacy)?;
            }
            if with_candidate {
                candidate.advance().map_err(on_candidate)?;
            }
        }
    }

    #[inline]
    fn key(&mut self, legacy: Option<Copies<'_>>, candidate: Option<Copies<'_>>) -> Result<(), MergeError> {
        let outcome = self.judge.judge(legacy, candidate, &mut self.outcomes);
        self.tally.apply(self.judge, legacy, candidate, outcome, &self.outcomes, 1);
        if !outcome.agrees() {
            self.spill.push(outcome, legacy, candidate)?;
        } else if let Some(kept) = &mut self.kept {
            keep(kept, outcome, legacy, candidate, &self.outcomes)?;
        }
        Ok(())
    }
}

/// Keeps a key that agrees: both records where they may be told apart, one where nothing tells them apart.
pub(super) fn keep(
    kept: &mut Spill,
    outcome: Outcome,
    legacy: Option<Copies<'_>>,
    candidate: Option<Copies<'_>>,
    outcomes: &[ColumnOutcome],
) -> io::Result<()> {
    let alike = |outcome: &ColumnOutcome| matches!(outcome, ColumnOutcome::Agrees(drift) if drift.is_empty());
    let candidate = if outcomes.iter().all(alike) { None } else { candidate };
    kept.push(outcome, legacy, candidate)
}

fn whole(batch: &Batch) -> Copies<'_> {
    Copies { batch, first: 0, count: batch.rows() }
}

fn check(cursor: &Cursor, side: SideName) -> Result<(), MergeError> {
    match cursor.halted() {
        Some(halt) => Err(MergeError::Side(side, halt)),
        None => Ok(()),
    }
}

/// The outcome whose code an entry carries.
pub fn outcome_of(code: u8) -> Outcome {
    [
        Outcome::Matched,
        Outcome::Tolerated,
        Outcome::Mismatched,
        Outcome::LegacyOnly,
        Outcome::CandidateOnly,
        Outcome::Duplicate,
        Outcome::Unknown,
        Outcome::Gone,
    ]
    .into_iter()
    .find(|outcome| *outcome as u8 == code)
    .unwrap_or(Outcome::Unknown)
}
