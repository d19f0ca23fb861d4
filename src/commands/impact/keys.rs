//! Discrepancies and decisions of a cycle, before the change and after it, key by key.

use std::cmp::Ordering;
use std::io;

use crate::commands::recomputed::Recomputed;
use crate::compare::{Copies, Outcome, Record, SideName};
use crate::decide::{Ruling, amounts, used};
use crate::domain::{Equality, Rules, Value, cmp_keys, compare_values};
use crate::report::impact::Keys;

use super::cycle::values;
use super::versions::same_copies;

/// Keys that are kept to be named.
const KEPT: usize = 1_000;

/// What stands on one side of the walk for a key.
struct Found<'a> {
    record: Record<'a>,
    ruling: Option<Ruling>,
}

/// Walks both comparisons key by key.
///
/// # Errors
/// A temporary file cannot be read.
pub(super) fn keys(before: &mut Recomputed, after: &mut Recomputed, side: SideName) -> io::Result<Keys> {
    let decided = before.survey.is_some() && after.survey.is_some();
    let rules = (before.rule, after.rule);
    let amount = (amounts(&before.compared.report), amounts(&after.compared.report));
    let (mut first, mut second) = (before.compared.records()?, after.compared.records()?);
    let (plan, other) = (first.plan(), second.plan());
    let key = plan.judge.key;
    // Columns that both comparisons have, by legacy's name.
    let place = |name: &String| other.columns.iter().position(|column| column.legacy == *name);
    let pairs: Vec<(usize, usize)> = plan
        .columns
        .iter()
        .enumerate()
        .filter_map(|(at, column)| Some((key + at, key + place(&column.legacy)?)))
        .collect();
    let (mine, theirs): (Vec<usize>, Vec<usize>) = pairs.into_iter().unzip();
    let walk = Walk { side, rules: &plan.judge.rules, mine: &mine, theirs: &theirs };
    let mut keys = Keys { decisions: decided.then_some(0), ..Keys::default() };
    let mut before = first.next_record()?;
    let mut after = second.next_record()?;
    loop {
        let order = match (before.and_then(|one| one.any()), after.and_then(|one| one.any())) {
            (None, None) => return Ok(keys),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(two)) => cmp_keys(one.batch, one.first, two.batch, two.first, key),
        };
        let one = before
            .filter(|_| order.is_le())
            .map(|record| Found { ruling: decided.then(|| rules.0.decide(&record, key, &amount.0)), record });
        let two = after
            .filter(|_| order.is_ge())
            .map(|record| Found { ruling: decided.then(|| rules.1.decide(&record, key, &amount.1)), record });
        if let Some(kind) = walk.note(one.as_ref(), two.as_ref(), &mut keys)
            && keys.first.len() < KEPT
        {
            let any = one.as_ref().or(two.as_ref()).and_then(|found| found.record.any());
            let names = plan.key.iter().enumerate();
            let key = any.map(|any| names.map(|(at, name)| (name.clone(), Value::of(any.at(at)))).collect());
            keys.first.push((kind, key.unwrap_or_default()));
        }
        if order.is_le() {
            before = first.next_record()?;
        }
        if order.is_ge() {
            after = second.next_record()?;
        }
    }
}

struct Walk<'a> {
    side: SideName,
    rules: &'a Rules,
    mine: &'a [usize],
    theirs: &'a [usize],
}

impl Walk<'_> {
    /// Counts a key; the kind of what becomes of its comparison, where that is another than before.
    fn note(&self, one: Option<&Found<'_>>, two: Option<&Found<'_>>, keys: &mut Keys) -> Option<&'static str> {
        if let Some(decisions) = &mut keys.decisions
            && self.decides_otherwise(one, two)
        {
            *decisions += 1;
        }
        let agrees = |found: Option<&Found<'_>>| found.map(|found| found.record.outcome.agrees());
        let (counted, kind) = match (agrees(one), agrees(two)) {
            (Some(false), Some(true)) => (&mut keys.newly_agree, Some("newly_agrees")),
            (Some(true) | None, Some(false)) => (&mut keys.newly_disagree, Some("newly_disagrees")),
            (Some(false), None) => (&mut keys.gone, Some("gone")),
            (Some(false), Some(false)) => match (one, two) {
                (Some(one), Some(two)) if self.differs(&one.record, &two.record) => {
                    (&mut keys.otherwise, Some("disagrees_otherwise"))
                }
                _ => (&mut keys.still, None),
            },
            _ => return None,
        };
        *counted += 1;
        kind
    }

    /// Whether a key disagrees in another way than before: the other path has not moved.
    fn differs(&self, one: &Record<'_>, two: &Record<'_>) -> bool {
        let own = |record: &Record<'_>, columns: &[usize]| match self.side {
            SideName::Legacy => values(record.legacy, columns),
            SideName::Candidate => values(record.candidate, columns),
        };
        if one.outcome != two.outcome {
            return true;
        }
        let (current, changed) = (own(one, self.mine), own(two, self.theirs));
        match same_copies(&current, &changed, self.rules) {
            Some(same) => !same,
            // What is unknown before and after is no other discrepancy, as far as anybody can tell.
            None => one.outcome != Outcome::Unknown,
        }
    }

    /// Whether another value is to be used for a key, or nothing where something was.
    fn decides_otherwise(&self, one: Option<&Found<'_>>, two: Option<&Found<'_>>) -> bool {
        fn taken<'a>(found: Option<&Found<'a>>) -> Option<Option<Copies<'a>>> {
            found.map(|found| found.ruling.as_ref().and_then(|ruling| used(&found.record, ruling)))
        }
        match (taken(one), taken(two)) {
            (None, None) | (Some(None), Some(None)) => false,
            (Some(Some(one)), Some(Some(two))) => {
                let (one, two) = (values(Some(one), self.mine), values(Some(two), self.theirs));
                let mut pairs = one.iter().flatten().zip(two.iter().flatten());
                pairs.any(|(one, two)| !matches!(compare_values(one, two, self.rules), Equality::Equal(_)))
            }
            _ => true,
        }
    }
}
