//! Every key of a comparison decided: once to know what the decisions will hold and add up to, and again, as often as
//! is wanted, as a stream of decisions. Nothing is written here.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use crate::compare::{Compared, Copies, Outcome, Record, Records, amount_of};
use crate::decisions::{Layout, Seen};
use crate::domain::{Amount, Cell, CellRef, ColumnType, NumberForm, Total, Value, is_plain_literal};
use crate::report::Report;

use super::{Decision, Reason, Rule, Ruling, Taken};

/// How a column's decisions follow from legacy's control total:
/// `decided = legacy + candidate_taken + tolerated - held`. Exact; what is no amount counts as nothing.
#[derive(Clone, Debug)]
pub struct Bridge {
    /// The column's legacy name.
    pub column: String,
    /// Legacy's control total: every legacy record that was read.
    pub legacy: Amount,
    /// Candidate minus legacy, over agreeing records that take the candidate's value.
    pub candidate_taken: Amount,
    /// Candidate minus legacy, over records that agree within a tolerance and take the candidate's value.
    pub tolerated: Amount,
    /// Legacy's amounts of what is held, every copy of a duplicate.
    pub held: Amount,
    /// What the decisions add up to before any is written.
    pub decided: Amount,
}

impl Bridge {
    /// What the decisions must add up to.
    pub fn expected(&self) -> Option<Amount> {
        self.legacy.plus(&self.candidate_taken)?.plus(&self.tolerated)?.minus(&self.held)
    }

    /// What is left over when `found` is the sum of the decisions where they were written; nothing, when all is well.
    pub fn residual(&self, found: &Amount) -> Option<Amount> {
        found.minus(&self.expected()?)
    }
}

/// What the decisions of a run will be, before any is written.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Decisions by their source, in the order of [`Taken::ALL`].
    pub taken: [u64; 3],
    /// Decisions by their reason.
    pub reasons: BTreeMap<Reason, u64>,
    /// One for each compared column that holds numbers.
    pub bridges: Vec<Bridge>,
    /// Of each of those columns, the sum of the values that are the candidate's: the money that trusts it.
    pub covered: Vec<Amount>,
    /// Values of the segment columns: of any record, and of those that take the candidate's value. At most
    /// a thousand of each.
    pub segments: (BTreeSet<String>, BTreeSet<String>),
    /// What the columns hold.
    pub layout: Layout,
    /// Distinct keys that the legacy side has.
    pub legacy_keys: u64,
    /// Keys of which a legacy value could not be determined or cannot be paid.
    pub legacy_unknown: u64,
    /// Keys of which a candidate's value could not be determined, and legacy's could.
    pub candidate_unknown: u64,
    /// Keys that a policy does not let pass, by the policy's name.
    pub blocks: BTreeMap<&'static str, u64>,
}

/// Segments that are remembered.
const SEGMENTS: usize = 1_000;

#[derive(Clone, Default)]
struct Sums {
    covered: Total,
    legacy: Total,
    candidate_taken: Total,
    tolerated: Total,
    held: Total,
    decided: Total,
}

/// Decides every key and gathers what is to be known before the decisions are written.
///
/// # Errors
/// A temporary file cannot be read; or the figures do not tie to the comparison's.
pub fn survey(
    compared: &mut Compared,
    rule: &Rule,
    configured: &dyn Fn(&str) -> Option<ColumnType>,
    segments: &[String],
) -> io::Result<Survey> {
    let report = compared.report.clone();
    let mut records = compared.records()?;
    let plan = records.plan();
    let (key, width) = (plan.judge.key, plan.columns.len());
    let names = || plan.key.iter().chain(plan.columns.iter().map(|column| &column.legacy));
    let segments: Vec<usize> = segments.iter().filter_map(|segment| names().position(|name| name == segment)).collect();
    let seen =
        |name: &String| Seen { name: name.clone(), configured: configured(name), integers: true, ..Seen::default() };
    let mut survey = Survey {
        layout: Layout {
            key: plan.key.iter().map(seen).collect(),
            columns: plan.columns.iter().map(|column| seen(&column.legacy)).collect(),
        },
        ..Survey::default()
    };
    let amounts = amounts(&report);
    let mut sums = vec![Sums::default(); width];
    while let Some(record) = records.next_record()? {
        let ruling = rule.decide(&record, key, &amounts);
        survey.note(&ruling);
        survey.legacy_keys += u64::from(record.legacy.is_some());
        if let Some(any) = record.any() {
            (0..key).for_each(|at| observe(&mut survey.layout.key[at], any.at(at), true));
        }
        let used = used(&record, &ruling);
        survey.segment(&record, &ruling, &segments);
        for (column, sums) in sums.iter_mut().enumerate() {
            if let Some(copies) = used {
                observe(&mut survey.layout.columns[column], copies.at(key + column), false);
            }
            sums.add(&record, &ruling, used, key + column);
        }
    }
    survey.layout.key.iter_mut().chain(&mut survey.layout.columns).for_each(fold);
    survey.bridges = bridges(&report, &sums).map_err(io::Error::other)?;
    let numeric = report.columns.iter().zip(&sums).filter(|(column, _)| column.totals.is_some());
    survey.covered = numeric.map(|(_, sums)| sums.covered.amount()).collect();
    let decided: u64 = survey.taken.iter().sum();
    if decided != report.counts.keys {
        let what = format!("{} distinct keys were compared, but {decided} were decided", report.counts.keys);
        return Err(io::Error::other(what));
    }
    Ok(survey)
}

impl Survey {
    /// Decisions of one source.
    pub fn of(&self, taken: Taken) -> u64 {
        self.taken[taken as usize]
    }

    fn segment(&mut self, record: &Record<'_>, ruling: &Ruling, columns: &[usize]) {
        let Some(copies) = record.any().filter(|_| !columns.is_empty()) else { return };
        let parts: Vec<String> = columns.iter().map(|at| Value::of(copies.at(*at)).to_string()).collect();
        let segment = parts.join("/");
        let sets = [(true, &mut self.segments.0), (ruling.taken == Taken::Candidate, &mut self.segments.1)];
        for (_, set) in sets.into_iter().filter(|(counts, _)| *counts) {
            if set.len() < SEGMENTS && !set.contains(&segment) {
                set.insert(segment.clone());
            }
        }
    }

    fn note(&mut self, ruling: &Ruling) {
        self.taken[ruling.taken as usize] += 1;
        *self.reasons.entry(ruling.reason).or_default() += 1;
        self.legacy_unknown += u64::from(ruling.legacy_unknown);
        self.candidate_unknown += u64::from(ruling.candidate_unknown);
        if let Some(name) = ruling.blocks {
            *self.blocks.entry(name).or_default() += 1;
        }
    }
}

impl Sums {
    fn add(&mut self, record: &Record<'_>, ruling: &Ruling, used: Option<Copies<'_>>, column: usize) {
        let amount = |copies: Copies<'_>| amount_of(copies.at(column)).unwrap_or(Amount::ZERO);
        let held = ruling.taken == Taken::Held;
        if let Some(legacy) = record.legacy {
            for row in legacy.rows() {
                let Some(amount) = amount_of(legacy.batch.at(row, column)) else { continue };
                self.legacy.add(&amount);
                if held {
                    self.held.add(&amount);
                }
            }
        }
        let Some(used) = used else { return };
        self.decided.add(&amount(used));
        if ruling.taken == Taken::Candidate {
            self.covered.add(&amount(used));
        }
        if let (Taken::Candidate, Some(legacy), Some(candidate)) = (ruling.taken, record.legacy, record.candidate) {
            let total = match record.outcome {
                Outcome::Tolerated => &mut self.tolerated,
                _ => &mut self.candidate_taken,
            };
            total.add(&amount(candidate));
            total.subtract(&amount(legacy));
        }
    }
}

/// The record whose values are used.
pub(crate) fn used<'a>(record: &Record<'a>, ruling: &Ruling) -> Option<Copies<'a>> {
    match ruling.taken {
        Taken::Candidate => record.candidate.or(record.legacy),
        Taken::Legacy => record.legacy,
        Taken::Held => None,
    }
}

/// Puts the sums beside the comparison's own control totals, which were made another way.
fn bridges(report: &Report, sums: &[Sums]) -> Result<Vec<Bridge>, String> {
    let numeric =
        report.columns.iter().zip(sums).filter_map(|(column, sums)| Some((column, sums, column.totals.as_ref()?)));
    numeric
        .map(|(column, sums, totals)| {
            let bridge = Bridge {
                column: column.name.clone(),
                legacy: totals.legacy.clone(),
                candidate_taken: sums.candidate_taken.amount(),
                tolerated: sums.tolerated.amount(),
                held: sums.held.amount(),
                decided: sums.decided.amount(),
            };
            let again = sums.legacy.amount();
            if !again.same_value(&totals.legacy) {
                let name = &column.name;
                return Err(format!(
                    "column `{name}`: legacy's total is {}, its records add up to {again}",
                    totals.legacy
                ));
            }
            match bridge.residual(&bridge.decided) {
                Some(rest) if rest.is_zero() => Ok(bridge),
                _ => Err(format!(
                    "column `{}`: the decisions add up to {}, which does not follow from legacy's total",
                    column.name, bridge.decided
                )),
            }
        })
        .collect()
}

/// Every decision, in key order.
///
/// # Errors
/// A temporary file cannot be read.
pub fn decisions<'a>(compared: &'a mut Compared, rule: Rule, layout: &Layout) -> io::Result<Decisions<'a>> {
    let key = layout.key.iter().map(holds_numbers).collect();
    let columns = layout.columns.iter().map(holds_numbers).collect();
    let amounts = amounts(&compared.report);
    Ok(Decisions { records: compared.records()?, rule, key, columns, amounts })
}

/// A stream of decisions, in key order.
pub struct Decisions<'a> {
    records: Records<'a>,
    rule: Rule,
    /// Columns that hold numbers: what stands for a number becomes one.
    key: Vec<bool>,
    columns: Vec<bool>,
    /// Columns that hold amounts.
    amounts: Vec<bool>,
}

/// Which compared columns hold amounts: those with control totals.
pub(crate) fn amounts(report: &Report) -> Vec<bool> {
    report.columns.iter().map(|column| column.totals.is_some()).collect()
}

impl Iterator for Decisions<'_> {
    type Item = io::Result<Decision>;

    fn next(&mut self) -> Option<Self::Item> {
        let (key, width) = (self.key.len(), self.columns.len());
        let record = match self.records.next_record() {
            Ok(record) => record?,
            Err(error) => return Some(Err(error)),
        };
        let ruling = self.rule.decide(&record, key, &self.amounts);
        let value = |copies: Copies<'_>, at: usize, number: bool| as_held(Value::of(copies.at(at)), number);
        let keys = record.any().map_or_else(Vec::new, |copies| {
            self.key.iter().enumerate().map(|(at, number)| value(copies, at, *number)).collect()
        });
        let values = match used(&record, &ruling) {
            Some(copies) => {
                self.columns.iter().enumerate().map(|(at, number)| value(copies, key + at, *number)).collect()
            }
            None => vec![Value::Null; width],
        };
        Some(Ok(Decision { key: keys, values, taken: ruling.taken, reason: ruling.reason }))
    }
}

/// Whether a column holds numbers and nothing else.
pub(crate) fn holds_numbers(seen: &Seen) -> bool {
    seen.numbers > 0 && seen.literals + seen.booleans == 0 && others(seen) == 0
}

/// A value as decisions hold it: nothing is absent, and in a column of numbers what stands for a number is one.
pub(crate) fn as_held(value: Value, number: bool) -> Value {
    match value {
        Value::Absent => Value::Null,
        // `-0` is `0`, and not every place has another one.
        Value::Number { ref amount, form } if amount.is_zero() => {
            Value::Number { amount: Amount::new(0, amount.small().map_or(0, |(_, scale)| scale)), form }
        }
        Value::Bool(truth) if number => {
            Value::Number { amount: Amount::new(i128::from(truth), 0), form: NumberForm::Integer }
        }
        Value::Text { ref text, .. } if number && is_plain_literal(text.as_bytes()) => match Amount::parse(text) {
            Ok(amount) => Value::Number { amount, form: NumberForm::Decimal },
            Err(_) => value,
        },
        value => value,
    }
}

fn others(seen: &Seen) -> u64 {
    seen.texts + seen.dates + seen.instants + seen.others
}

/// Counts what stands for a number as one, where nothing else is in the column.
pub fn fold(seen: &mut Seen) {
    if seen.numbers > 0 && others(seen) == 0 && seen.literals + seen.booleans > 0 {
        seen.integers &= seen.literals == 0;
        seen.numbers += seen.literals + seen.booleans;
        seen.whole_digits = seen.whole_digits.max(1);
        (seen.literals, seen.booleans) = (0, 0);
    }
}

/// Notes what a value is, for the column that it will be written to. A whole number of a file without types is an
/// integer in a key; an amount may have decimals another time.
fn observe(seen: &mut Seen, at: CellRef<'_>, is_key: bool) {
    match at.cell {
        Cell::Absent | Cell::Null => {}
        Cell::Number { coefficient, scale, form } => {
            seen.integers &= form == NumberForm::Integer || (is_key && form == NumberForm::Untyped && scale <= 0);
            seen.digits(coefficient, scale.into());
            seen.numbers += 1;
            seen.characters = seen.characters.max(44);
        }
        _ => seen.note(&Value::of(at)),
    }
}

impl Seen {
    /// A column of which nothing is seen yet.
    pub fn of(name: &str, configured: Option<ColumnType>) -> Seen {
        Seen { name: name.to_owned(), configured, integers: true, ..Seen::default() }
    }

    /// Notes what a value is.
    pub fn note(&mut self, value: &Value) {
        match value {
            Value::Absent | Value::Null => return,
            Value::Number { amount, form } => {
                self.integers &= *form == NumberForm::Integer;
                self.wide(&amount.to_string());
                self.numbers += 1;
            }
            Value::Bool(_) => self.booleans += 1,
            Value::Text { text, .. } if is_plain_literal(text.as_bytes()) => {
                self.wide(text);
                self.literals += 1;
            }
            Value::Text { .. } => self.texts += 1,
            Value::Date(_) => self.dates += 1,
            Value::Instant { .. } => self.instants += 1,
            _ => self.others += 1,
        }
        self.characters = self.characters.max(value.to_string().chars().count() as u64);
    }

    /// Notes the digits of `coefficient × 10^-scale`.
    fn digits(&mut self, coefficient: i128, scale: i32) {
        let digits = coefficient.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1);
        let behind = scale.max(0).unsigned_abs();
        let whole = match scale {
            ..0 => digits + scale.unsigned_abs(),
            _ => digits.saturating_sub(behind),
        };
        self.whole_digits = self.whole_digits.max(whole);
        self.scale = self.scale.max(behind);
    }

    /// Notes the digits of a number that is written out.
    fn wide(&mut self, text: &str) {
        let Ok(amount) = Amount::parse(text) else { return };
        if !amount.is_finite() {
            self.not_finite += 1;
        } else if let Some((coefficient, scale)) = amount.small() {
            self.digits(coefficient, scale);
        } else {
            let text = amount.to_string();
            let (whole, behind) = text.split_once('.').unwrap_or((&text, ""));
            self.whole_digits = self.whole_digits.max(whole.trim_start_matches('-').len() as u32);
            self.scale = self.scale.max(behind.len() as u32);
        }
    }
}
