//! Discrepancies as reports show them: decoded from the spill one at a time, with the differing columns judged
//! again by the same rules.

use std::io;

use crate::domain::{Amount, Value};
use crate::report::{Discrepancy, DiscrepancyKind, FieldDifference};

use super::judge::{ColumnOutcome, Copies, Outcome};
use super::merge::outcome_of;
use super::plan::Plan;
use super::spill::{Entry, SpillReader};

/// Every discrepancy of a comparison, in key order.
pub struct Discrepancies<'a> {
    readers: &'a mut [SpillReader],
    plan: &'a Plan,
    at: usize,
    fresh: bool,
}

impl<'a> Discrepancies<'a> {
    pub(super) fn new(readers: &'a mut [SpillReader], plan: &'a Plan) -> Self {
        Discrepancies { readers, plan, at: 0, fresh: true }
    }
}

impl Iterator for Discrepancies<'_> {
    type Item = io::Result<Discrepancy>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let reader = self.readers.get_mut(self.at)?;
            if std::mem::take(&mut self.fresh)
                && let Err(error) = reader.rewind()
            {
                return Some(Err(error));
            }
            match reader.next_entry() {
                Ok(Some(entry)) => return Some(Ok(decode(&entry, self.plan))),
                Ok(None) => {
                    self.at += 1;
                    self.fresh = true;
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

fn decode(entry: &Entry, plan: &Plan) -> Discrepancy {
    let (legacy, candidate) = (entry.legacy_copies(), entry.candidate_copies());
    let outcome = outcome_of(entry.outcome_code);
    let mut outcomes = Vec::new();
    plan.judge.judge(legacy, candidate, &mut outcomes);
    let key = legacy.or(candidate).map_or_else(Vec::new, |copies| {
        plan.key.iter().enumerate().map(|(at, name)| (name.clone(), Value::of(copies.at(at)))).collect()
    });
    let kind = match outcome {
        Outcome::LegacyOnly => DiscrepancyKind::LegacyOnly,
        Outcome::CandidateOnly => DiscrepancyKind::CandidateOnly,
        Outcome::Duplicate => DiscrepancyKind::DuplicateKey,
        Outcome::Unknown => DiscrepancyKind::Unknown,
        _ => DiscrepancyKind::Mismatch,
    };
    let field = |column: usize| field(plan, column, legacy, candidate);
    let all = 0..plan.columns.len();
    let fields = match kind {
        DiscrepancyKind::Mismatch => {
            all.filter(|c| outcomes.get(*c) == Some(&ColumnOutcome::Differs)).map(field).collect()
        }
        DiscrepancyKind::LegacyOnly | DiscrepancyKind::CandidateOnly => all.map(field).collect(),
        DiscrepancyKind::DuplicateKey => Vec::new(),
        DiscrepancyKind::Unknown => {
            all.filter(|c| undecodable(plan, *c, legacy, candidate).is_some()).map(field).collect()
        }
    };
    let duplicate = kind == DiscrepancyKind::DuplicateKey;
    Discrepancy {
        reason: (kind == DiscrepancyKind::Unknown).then(|| reason(plan, &key, legacy, candidate)),
        key,
        kind,
        fields,
        legacy_copies: if duplicate { copies(plan, legacy) } else { Vec::new() },
        candidate_copies: if duplicate { copies(plan, candidate) } else { Vec::new() },
    }
}

fn field(plan: &Plan, column: usize, legacy: Option<Copies<'_>>, candidate: Option<Copies<'_>>) -> FieldDifference {
    let value = |side: Option<Copies<'_>>| side.map(|s| Value::of(s.at(plan.judge.key + column)));
    let (legacy, candidate) = (value(legacy), value(candidate));
    let amount = |value: &Option<Value>| match value {
        None | Some(Value::Null | Value::Absent) => Some(Amount::ZERO),
        Some(value) => value.amount(),
    };
    let number = |value: &Option<Value>| matches!(value, Some(Value::Number { .. }));
    let difference = match (amount(&legacy), amount(&candidate)) {
        (Some(l), Some(c)) if number(&legacy) || number(&candidate) => c.minus(&l),
        _ => None,
    };
    FieldDifference { column: plan.columns[column].legacy.clone(), legacy, candidate, difference }
}

/// Why a column's value is unknown, if it is.
fn undecodable<'a>(
    plan: &'a Plan,
    column: usize,
    legacy: Option<Copies<'_>>,
    candidate: Option<Copies<'_>>,
) -> Option<(&'static str, &'a str, String)> {
    let sides = [("legacy", legacy), ("candidate", candidate)];
    let name = &plan.columns[column].legacy;
    sides.into_iter().find_map(|(side, copies)| {
        let copies = copies?;
        let why = copies
            .rows()
            .find_map(|row| Value::of(copies.batch.at(row, plan.judge.key + column)).unknown().map(str::to_owned))?;
        Some((side, name.as_str(), why))
    })
}

fn reason(plan: &Plan, key: &[(String, Value)], legacy: Option<Copies<'_>>, candidate: Option<Copies<'_>>) -> String {
    for (name, value) in key {
        match value {
            Value::Unknown(why) => return format!("key column `{name}`: {why}"),
            value if value.is_missing() => {
                let count = |side: Option<Copies<'_>>| side.map_or(0, |s| s.count);
                let word = if matches!(value, Value::Null) { "NULL" } else { "absent" };
                return format!(
                    "the key column `{name}` is {word} ({} legacy and {} candidate records): such records cannot be told apart",
                    count(legacy),
                    count(candidate)
                );
            }
            _ => {}
        }
    }
    // A record without an answer has the same reason in every column: it is said once.
    let unknown: Vec<(&str, &str, String)> =
        (0..plan.columns.len()).filter_map(|column| undecodable(plan, column, legacy, candidate)).collect();
    match unknown.as_slice() {
        [(side, _, why), rest @ ..] if !rest.is_empty() && rest.iter().all(|(s, _, w)| s == side && w == why) => {
            format!("{side}: {why}")
        }
        several => several
            .iter()
            .map(|(side, name, why)| format!("{side} column `{name}`: {why}"))
            .collect::<Vec<_>>()
            .join("; "),
    }
}

fn copies(plan: &Plan, side: Option<Copies<'_>>) -> Vec<Vec<Value>> {
    let Some(side) = side else { return Vec::new() };
    let row = |row: usize| {
        (0..plan.columns.len()).map(|column| Value::of(side.batch.at(row, plan.judge.key + column))).collect()
    };
    side.rows().map(row).collect()
}
