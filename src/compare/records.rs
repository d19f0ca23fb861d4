//! `Records`: every key of a comparison once more, in key order, from the lists it was kept in. For whoever decides.

use std::cmp::Ordering;
use std::io;

use crate::domain::{Batch, cmp_keys};

use super::judge::{ColumnOutcome, Copies, Outcome};
use super::merge::outcome_of;
use super::plan::Plan;
use super::spill::{Entry, SpillReader};

/// A walk over every key, in key order.
pub struct Records<'a> {
    lists: Vec<List<'a>>,
    plan: &'a Plan,
    at: Option<usize>,
    outcomes: Vec<ColumnOutcome>,
}

/// One list that is in key order by itself: ranges of the key, one after the other.
struct List<'a> {
    readers: &'a mut [SpillReader],
    reader: usize,
    entry: Entry,
    live: bool,
}

/// One key with its records.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// What became of it.
    pub outcome: Outcome,
    /// Its legacy records.
    pub legacy: Option<Copies<'a>>,
    /// Its candidate records; `None` also where they are the same as legacy's in every compared value.
    pub candidate: Option<Copies<'a>>,
    /// What became of each compared column, where both sides have one record that is told apart.
    pub columns: &'a [ColumnOutcome],
}

impl<'a> Record<'a> {
    /// A record that has the key: legacy's where there is one.
    pub fn any(&self) -> Option<Copies<'a>> {
        self.legacy.or(self.candidate)
    }
}

impl List<'_> {
    fn next(&mut self) -> io::Result<()> {
        while let Some(reader) = self.readers.get_mut(self.reader) {
            if reader.read_into(&mut self.entry)? {
                self.live = true;
                return Ok(());
            }
            self.reader += 1;
        }
        self.live = false;
        Ok(())
    }

    fn keyed(&self) -> &Batch {
        if self.entry.legacy.rows() > 0 { &self.entry.legacy } else { &self.entry.candidate }
    }
}

impl<'a> Records<'a> {
    pub(super) fn new(lists: Vec<&'a mut [SpillReader]>, plan: &'a Plan) -> io::Result<Self> {
        let mut all = Vec::with_capacity(lists.len());
        for readers in lists {
            readers.iter_mut().try_for_each(SpillReader::rewind)?;
            let mut list = List { readers, reader: 0, entry: Entry::default(), live: false };
            list.next()?;
            all.push(list);
        }
        Ok(Records { lists: all, plan, at: None, outcomes: Vec::new() })
    }

    /// The next key; `None` after the last.
    ///
    /// # Errors
    /// When a temporary file cannot be read.
    pub fn next_record(&mut self) -> io::Result<Option<Record<'_>>> {
        if let Some(list) = self.at.and_then(|at| self.lists.get_mut(at)) {
            list.next()?;
        }
        let key = self.plan.judge.key;
        let live = self.lists.iter().enumerate().filter(|(_, list)| list.live);
        // Of equal keys (NULL keys are kept as one group, so there are none) the first list's comes first.
        self.at = live.min_by(|(_, a), (_, b)| order(a.keyed(), b.keyed(), key)).map(|(at, _)| at);
        let Some(list) = self.at.and_then(|at| self.lists.get(at)) else { return Ok(None) };
        let (legacy, candidate) = (list.entry.legacy_copies(), list.entry.candidate_copies());
        self.outcomes.clear();
        if legacy.is_some() && candidate.is_some() {
            self.plan.judge.judge(legacy, candidate, &mut self.outcomes);
        }
        let outcome = outcome_of(list.entry.outcome_code);
        Ok(Some(Record { outcome, legacy, candidate, columns: &self.outcomes }))
    }

    /// The comparison that they come from.
    pub fn plan(&self) -> &'a Plan {
        self.plan
    }
}

fn order(one: &Batch, other: &Batch, key: usize) -> Ordering {
    match (one.rows(), other.rows()) {
        (0, _) | (_, 0) => one.rows().cmp(&other.rows()),
        _ => cmp_keys(one, 0, other, 0, key),
    }
}
