//! Ranges of the key: read one after the other into one stream, or by several pairs of connections at once.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::domain::Value;
use crate::stores::{KeyRange, ReadEnd, ReadRequest};

use super::cursor::Cursor;
use super::merge::{Merge, MergeError, SideName};
use super::plan::Plan;
use super::side::SideInput;
use super::spill::Spill;
use super::tally::Tally;
use crate::stores::Reader;

/// What the merge of one range of keys (or of everything) gave.
pub(super) struct Merged {
    pub tally: Tally,
    pub spill: Spill,
    /// What agrees, where it is kept.
    pub kept: Option<Spill>,
    pub failure: Option<MergeError>,
    /// Fields met but not read, legacy and candidate.
    pub found: (Vec<String>, Vec<String>),
    /// Whether a side had more such fields than can be remembered.
    pub found_cut: (bool, bool),
}

/// Memory and handling that both sides of a merge are read with.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    /// Bytes for sorting one side.
    pub memory: usize,
    /// Whether a side's records must be sorted first.
    pub sort: (bool, bool),
    /// Whether a side may send its records as they lie ([`crate::stores::ReadRequest::natural`]).
    pub natural: (bool, bool),
    /// Whether what agrees is kept too.
    pub keep: bool,
}

/// Ranges between ascending cut points; everything, when there are none.
pub(super) fn ranges(mut cuts: Vec<Value>) -> Vec<KeyRange> {
    cuts.dedup_by(|a, b| a.to_string() == b.to_string());
    let mut ranges = Vec::new();
    let mut from = None;
    for cut in cuts {
        ranges.push(KeyRange { from: from.take(), below: Some(cut.clone()) });
        from = Some(cut);
    }
    ranges.push(KeyRange { from, below: None });
    ranges
}

/// Merges the given ranges: a side with several ranges reads them one after the other.
pub(super) fn merge(
    sides: (&Reader, &Reader),
    plan: &Plan,
    reading: Reading,
    ranges: (&[KeyRange], &[KeyRange]),
    fresh: bool,
) -> Merged {
    let mut merged = Merged {
        tally: Tally::new(plan.columns.len()),
        spill: Spill::new(plan.judge.key + plan.columns.len()),
        kept: reading.keep.then(|| Spill::new(plan.judge.key + plan.columns.len())),
        failure: None,
        found: (Vec::new(), Vec::new()),
        found_cut: (false, false),
    };
    let requests = |ranges: &[KeyRange], of_legacy: bool| {
        let side = if of_legacy { &plan.legacy } else { &plan.candidate };
        let natural = ranges.len() == 1 && if of_legacy { reading.natural.0 } else { reading.natural.1 };
        let request = |(at, range): (usize, &KeyRange)| {
            let request = side.request(plan.judge.key, range.clone(), fresh || at > 0);
            ReadRequest { natural, ..request }
        };
        ranges.iter().enumerate().map(request).collect::<Vec<_>>()
    };
    let memory = |sort: bool| sort.then_some(reading.memory);
    let rules = &plan.judge.rules;
    // Both sides are asked before either is waited for: they read at the same time.
    let legacy =
        sides.0.begin(requests(ranges.0, true), rules, plan.legacy.filter_here.as_ref(), memory(reading.sort.0));
    let candidate =
        sides.1.begin(requests(ranges.1, false), rules, plan.candidate.filter_here.as_ref(), memory(reading.sort.1));
    let legacy = Cursor::start(legacy.0, legacy.1, plan.judge.key);
    let candidate = Cursor::start(candidate.0, candidate.1, plan.judge.key);
    match (legacy, candidate) {
        (Ok(mut legacy), Ok(mut candidate)) => {
            let mut merge = Merge::new(&plan.judge, &mut merged.tally, &mut merged.spill, merged.kept.as_mut());
            merged.failure = merge.run(&mut legacy, &mut candidate).err();
            if merged.failure.is_none() {
                let end = |cursor: Cursor| match cursor.into_end() {
                    Some(Ok(end)) => end,
                    _ => ReadEnd::default(),
                };
                let (legacy, candidate) = (end(legacy), end(candidate));
                merged.found_cut = (legacy.other_fields_cut, candidate.other_fields_cut);
                merged.found = (legacy.other_fields, candidate.other_fields);
            }
        }
        (Err(halt), _) => merged.failure = Some(MergeError::Side(SideName::Legacy, halt)),
        (_, Err(halt)) => merged.failure = Some(MergeError::Side(SideName::Candidate, halt)),
    }
    merged
}

/// Merges ranges with several pairs of connections at once; the results come back in the order of the ranges.
pub(super) fn merge_in_parallel(
    first: (&Reader, &Reader),
    inputs: (&SideInput, &SideInput),
    plan: &Plan,
    reading: Reading,
    ranges: &[KeyRange],
) -> Vec<Merged> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(ranges.len());
    let next = AtomicUsize::new(0);
    let work = |sides: Option<(&Reader, &Reader)>| {
        let own;
        let mut fresh = false;
        let sides = match sides {
            Some(sides) => sides,
            None => {
                own = (inputs.0.start(), inputs.1.start());
                for (side, name) in [(&own.0, SideName::Legacy), (&own.1, SideName::Candidate)] {
                    if let Err(error) = side.opened() {
                        return vec![(next.fetch_add(1, Ordering::SeqCst), failed(plan, name, error))];
                    }
                }
                (&own.0, &own.1)
            }
        };
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::SeqCst);
            let Some(range) = ranges.get(at) else { return done };
            let one = std::slice::from_ref(range);
            let merged = merge(sides, plan, reading, (one, one), fresh);
            fresh = true;
            let ended = merged.failure.is_some();
            done.push((at, merged));
            if ended {
                // The verdict is `incomplete` already: the ranges that are left are not read for nothing.
                next.store(ranges.len(), Ordering::SeqCst);
                return done;
            }
        }
    };
    let mut merged = std::thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(|| work(None))).collect();
        let mut merged = work(Some(first));
        for other in others {
            merged.extend(other.join().unwrap_or_default());
        }
        merged
    });
    merged.sort_by_key(|(at, _)| *at);
    let complete = merged.iter().enumerate().all(|(want, (at, _))| want == *at) && merged.len() >= ranges.len();
    let mut merged: Vec<Merged> = merged.into_iter().map(|(_, m)| m).collect();
    if !complete && merged.iter().all(|m| m.failure.is_none()) {
        let lost = crate::stores::StoreError::failed("a range of keys was not read; this is a fault of recon");
        merged.push(failed(plan, SideName::Legacy, lost));
    }
    merged
}

fn failed(plan: &Plan, side: SideName, error: crate::stores::StoreError) -> Merged {
    Merged {
        tally: Tally::new(plan.columns.len()),
        spill: Spill::new(plan.judge.key + plan.columns.len()),
        kept: None,
        failure: Some(MergeError::Side(side, super::cursor::Halt::Failed(error))),
        found: (Vec::new(), Vec::new()),
        found_cut: (false, false),
    }
}
