//! `--recheck`: what differed is read again after a while, because a store that moves while it is read shows
//! differences that are none. Only what still differs counts. Totals are corrected exactly: the key's first
//! reading is taken out of the tally, its last one put in.

use std::cmp::Ordering;
use std::io;
use std::sync::mpsc::Receiver;

use crate::domain::{Batch, Value, cmp_keys};
use crate::stores::{KeyRange, Received, StoreError};

use super::judge::{Copies, Outcome};
use super::merge::{SideName, keep, outcome_of};
use super::plan::Plan;
use super::spill::{Entry, Spill, SpillReader};
use super::tally::Tally;
use crate::stores::Reader;

/// Keys that are read again in one query.
const KEYS_A_QUERY: usize = 500;

/// Why discrepant keys could not be read again.
#[derive(Debug)]
pub(super) enum RecheckError {
    Side(SideName, StoreError),
    Spill(io::Error),
}

impl From<io::Error> for RecheckError {
    fn from(error: io::Error) -> Self {
        RecheckError::Spill(error)
    }
}

/// Reads every discrepant key again and returns what still differs, and how many keys no longer do; those are added to
/// `settled`.
pub(super) fn recheck(
    sides: (&Reader, &Reader),
    seeks: (bool, bool),
    plan: &Plan,
    tally: &mut Tally,
    readers: &mut [SpillReader],
    settled: &mut Spill,
) -> Result<(SpillReader, u64), RecheckError> {
    let mut spill = Spill::new(plan.judge.key + plan.columns.len());
    let mut transient = 0;
    let mut fresh = true;
    for reader in readers {
        reader.rewind()?;
        loop {
            let mut entries = Vec::new();
            while entries.len() < KEYS_A_QUERY
                && let Some(entry) = reader.next_entry()?
            {
                entries.push(entry);
            }
            if entries.is_empty() {
                break;
            }
            transient += again(sides, seeks, plan, tally, &entries, fresh, (&mut spill, settled))?;
            fresh = false;
        }
    }
    Ok((spill.into_reader()?, transient))
}

fn again(
    sides: (&Reader, &Reader),
    seeks: (bool, bool),
    plan: &Plan,
    tally: &mut Tally,
    entries: &[Entry],
    fresh: bool,
    (spill, settled): (&mut Spill, &mut Spill),
) -> Result<u64, RecheckError> {
    let keys: Vec<Vec<Value>> = entries
        .iter()
        .filter_map(|entry| entry.legacy_copies().or(entry.candidate_copies()))
        .map(|copies| (0..plan.judge.key).map(|column| Value::of(copies.at(column))).collect())
        .collect();
    // A file does not move: its side of each discrepancy stays as it was read.
    let legacy = match seeks.0 {
        true => Some(read(sides.0, plan, &keys, fresh, SideName::Legacy)?),
        false => None,
    };
    let candidate = match seeks.1 {
        true => Some(read(sides.1, plan, &keys, fresh, SideName::Candidate)?),
        false => None,
    };
    let (mut before, mut now) = (Vec::new(), Vec::new());
    let mut transient = 0;
    for entry in entries {
        let old = (entry.legacy_copies(), entry.candidate_copies());
        let Some(some) = old.0.or(old.1) else { continue };
        let new = (
            legacy.as_ref().map_or(old.0, |batch| find(batch, some, plan.judge.key)),
            candidate.as_ref().map_or(old.1, |batch| find(batch, some, plan.judge.key)),
        );
        plan.judge.judge(old.0, old.1, &mut before);
        tally.apply(&plan.judge, old.0, old.1, outcome_of(entry.outcome_code), &before, -1);
        let mut new = new;
        let mut outcome = plan.judge.judge(new.0, new.1, &mut now);
        if outcome == Outcome::Gone || outcome_of(entry.outcome_code) == Outcome::Unknown {
            // Not finding a record proves nothing (a key that the store cannot be asked for looks the same), so only
            // records that were found and agree clear a discrepancy.
            new = old;
            outcome = outcome_of(entry.outcome_code);
            plan.judge.judge(old.0, old.1, &mut now);
        }
        tally.apply(&plan.judge, new.0, new.1, outcome, &now, 1);
        if outcome.agrees() {
            transient += 1;
            keep(settled, outcome, new.0, new.1, &now)?;
        } else {
            spill.push(outcome, new.0, new.1)?;
        }
    }
    Ok(transient)
}

/// Reads the records of some keys, in key order.
fn read(side: &Reader, plan: &Plan, keys: &[Vec<Value>], fresh: bool, name: SideName) -> Result<Batch, RecheckError> {
    let side_plan = if name == SideName::Legacy { &plan.legacy } else { &plan.candidate };
    let mut request = side_plan.request(plan.judge.key, KeyRange::default(), fresh);
    request.keys = Some(keys.to_vec());
    let (receiver, _give_back) = side.begin(vec![request], &plan.judge.rules, side_plan.filter_here.as_ref(), None);
    let gathered = gather(&receiver, side_plan.wanted.len()).map_err(|error| RecheckError::Side(name, error))?;
    let mut order: Vec<usize> = (0..gathered.rows()).collect();
    order.sort_by(|a, b| cmp_keys(&gathered, *a, &gathered, *b, plan.judge.key));
    let mut sorted = Batch::new(side_plan.wanted.len());
    order.into_iter().for_each(|row| sorted.copy_row(&gathered, row));
    Ok(sorted)
}

fn gather(receiver: &Receiver<Received>, width: usize) -> Result<Batch, StoreError> {
    let mut gathered = Batch::new(width);
    loop {
        match receiver.recv() {
            Ok(Received::Batch(batch)) => (0..batch.rows()).for_each(|row| gathered.copy_row(&batch, row)),
            Ok(Received::End(Ok(_))) => return Ok(gathered),
            Ok(Received::End(Err(error))) => return Err(error),
            Err(_) => return Err(StoreError::failed("the reader ended without a word")),
        }
    }
}

/// The records of a key in a sorted batch. Exactly that key: a store may find texts equal that are not.
fn find<'a>(batch: &'a Batch, key_of: Copies<'_>, key: usize) -> Option<Copies<'a>> {
    let order = |row: usize| cmp_keys(batch, row, key_of.batch, key_of.first, key);
    let (mut low, mut high) = (0, batch.rows());
    while low < high {
        let middle = (low + high) / 2;
        if order(middle) == Ordering::Less { low = middle + 1 } else { high = middle }
    }
    let count = (low..batch.rows()).take_while(|row| order(*row) == Ordering::Equal).count();
    (count > 0).then_some(Copies { batch, first: low, count })
}
