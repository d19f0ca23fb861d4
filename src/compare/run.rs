//! A whole comparison: open both sides, plan, merge (again, when reading showed that the plan was too small),
//! read discrepant keys again, check that everything adds up, and say so in a [`Report`].

use std::time::Duration;

use crate::domain::Value;
use crate::report::{ColumnReport, Report, Side, Verdict};
use crate::stores::{Fix, KeyRange, Opened, StoreError};

use super::cursor::Halt;
use super::merge::{MergeError, SideName};
use super::partition::{Merged, Reading, merge, merge_in_parallel, ranges};
use super::plan::{Definition, Plan, PlanError, PlannedColumn, SidePlan};
use super::recheck::{RecheckError, recheck};
use super::records::Records;
use super::show::Discrepancies;
use super::side::SideInput;
use super::spill::{Spill, SpillReader};
use super::tally::{ColumnTally, Tally};
use super::verdict::{Doubts, explain, judge};
use crate::stores::Reader;

/// Reading discrepant keys again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Recheck {
    /// How often at most.
    pub rounds: u32,
    /// How long to wait before each.
    pub delay: Duration,
}

/// A comparison to be run.
pub struct Comparison {
    /// What is compared with what.
    pub definition: Definition,
    /// The legacy side.
    pub legacy: SideInput,
    /// The candidate side.
    pub candidate: SideInput,
    /// Ranges of the key to read by; 1: everything at once.
    pub partitions: usize,
    /// Reading discrepant keys again.
    pub recheck: Recheck,
    /// Bytes of memory for sorting one side's records.
    pub memory: usize,
    /// Whether a side without records is fine.
    pub allow_empty: bool,
    /// Whether every key's records are kept to be gone through again ([`Compared::records`]): where decisions follow.
    pub keep: bool,
    /// The reconciliation's name, for the report.
    pub name: Option<String>,
    /// Called with each side's estimated number of records once both are open.
    pub on_open: Box<dyn Fn(Option<u64>, Option<u64>) + Send>,
}

/// Why there is no comparison at all.
#[derive(Debug)]
pub enum CompareError {
    /// A side could not be opened.
    Side(SideName, StoreError),
    /// The definition does not fit the sides.
    Plan(PlanError),
    /// A temporary file could not be written or read.
    Temporary(std::io::Error),
    /// The figures do not add up: nothing is reported.
    DoesNotAddUp(String),
}

impl From<std::io::Error> for CompareError {
    fn from(error: std::io::Error) -> Self {
        CompareError::Temporary(error)
    }
}

/// A finished comparison.
pub struct Compared {
    /// Everything but the discrepancies.
    pub report: Report,
    /// Why the comparison may be less than it looks, but for records that could not be judged: a side cut short, nothing
    /// compared, … Empty: every record of both sides was seen and judged.
    pub doubts: Vec<String>,
    plan: Plan,
    readers: Vec<SpillReader>,
    /// What agrees, where it was kept; each list in key order.
    kept: Vec<Vec<SpillReader>>,
}

impl Compared {
    /// Every discrepancy, in key order; can be asked for again.
    pub fn discrepancies(&mut self) -> Discrepancies<'_> {
        Discrepancies::new(&mut self.readers, &self.plan)
    }

    /// Every key with its records, in key order, where the comparison was told to keep them, else every key that does not
    /// agree; can be asked for again.
    ///
    /// # Errors
    /// When a temporary file cannot be read.
    pub fn records(&mut self) -> std::io::Result<Records<'_>> {
        let mut lists: Vec<&mut [SpillReader]> = vec![&mut self.readers];
        lists.extend(self.kept.iter_mut().map(Vec::as_mut_slice));
        Records::new(lists, &self.plan)
    }

    /// How the comparison was made: its columns, and which sides they come from.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }
}

/// Runs a comparison.
///
/// # Errors
/// [`CompareError`] when nothing could be compared. A side that fails in the middle is no error: what was
/// compared until then is reported, with the verdict `incomplete`.
pub fn compare(comparison: &Comparison) -> Result<Compared, CompareError> {
    let sides = (comparison.legacy.start(), comparison.candidate.start());
    let opened = open(comparison, (&sides.0, &sides.1));
    let (mut legacy, mut candidate) = match opened {
        (Ok(legacy), Ok(candidate)) => (legacy, candidate),
        (Err(error), _) => return Err(CompareError::Side(SideName::Legacy, error)),
        (_, Err(error)) => return Err(CompareError::Side(SideName::Candidate, error)),
    };
    (comparison.on_open)(legacy.estimated_records, candidate.estimated_records);
    let mut run = Run { comparison, sides, sort: (false, false), in_order: (false, false), notices: Vec::new() };
    // Each turn widens the plan (a column, a sort) or ends; there are not many things to widen.
    for attempt in 0.. {
        let plan = comparison.definition.plan(&legacy, &candidate).map_err(CompareError::Plan)?;
        run.check_recheck(&plan, (&legacy, &candidate))?;
        let merged = run.merge_all(&plan, (&legacy, &candidate))?;
        if attempt < 8 && run.must_sort(&merged, (&legacy, &candidate)) {
            run.open_again((&mut legacy, &mut candidate))?;
            continue;
        }
        let found = |of_legacy: bool| {
            merged.iter().flat_map(|m| if of_legacy { &m.found.0 } else { &m.found.1 }).cloned().collect::<Vec<_>>()
        };
        let grew =
            (SidePlan::with_found(&mut legacy, &found(true)), SidePlan::with_found(&mut candidate, &found(false)));
        if attempt < 8 && (grew.0 || grew.1) {
            let wider = comparison.definition.plan(&legacy, &candidate).map_err(CompareError::Plan)?;
            if wider.columns.len() > plan.columns.len() {
                continue;
            }
            return run.finish(wider, merged, (&legacy, &candidate));
        }
        return run.finish(plan, merged, (&legacy, &candidate));
    }
    Err(CompareError::DoesNotAddUp("planning did not come to an end".into()))
}

/// Looks whether a comparison can be made, by opening the sides that are told and nothing more: their columns and, where
/// both are opened, the plan.
///
/// # Errors
/// As [`compare`], before it reads a record.
pub fn look(comparison: &Comparison, legacy: bool, candidate: bool) -> Result<(), CompareError> {
    let started = (legacy.then(|| comparison.legacy.start()), candidate.then(|| comparison.candidate.start()));
    let open = |side: &Option<Reader>, name| {
        side.as_ref().map(Reader::opened).transpose().map_err(|error| CompareError::Side(name, error))
    };
    let (legacy, candidate) = (open(&started.0, SideName::Legacy)?, open(&started.1, SideName::Candidate)?);
    match (legacy, candidate) {
        (Some(legacy), Some(candidate)) => {
            comparison.definition.plan(&legacy, &candidate).map(drop).map_err(CompareError::Plan)
        }
        (Some(opened), None) => comparison.definition.look(&opened, SideName::Legacy).map_err(CompareError::Plan),
        (None, Some(opened)) => comparison.definition.look(&opened, SideName::Candidate).map_err(CompareError::Plan),
        (None, None) => Ok(()),
    }
}

/// Waits for both sides; when one cannot be opened the other need not go on, which may be asking a service for money.
fn open(
    comparison: &Comparison,
    sides: (&Reader, &Reader),
) -> (Result<Opened, StoreError>, Result<Opened, StoreError>) {
    use std::sync::atomic::Ordering;
    let stop = |side: &SideInput| side.progress.stop.store(true, Ordering::Relaxed);
    let legacy = sides.0.opened().inspect_err(|_| stop(&comparison.candidate));
    (legacy, sides.1.opened().inspect_err(|_| stop(&comparison.legacy)))
}

struct Run<'a> {
    comparison: &'a Comparison,
    sides: (Reader, Reader),
    sort: (bool, bool),
    /// Sides that must send their records in key order, because as they lie they are not.
    in_order: (bool, bool),
    notices: Vec<String>,
}

impl Run<'_> {
    fn merge_all(&mut self, plan: &Plan, opened: (&Opened, &Opened)) -> Result<Vec<Merged>, CompareError> {
        let reading = Reading {
            memory: self.comparison.memory,
            sort: (plan.legacy.sort || self.sort.0, plan.candidate.sort || self.sort.1),
            natural: (opened.0.natural && !self.in_order.0, opened.1.natural && !self.in_order.1),
            keep: self.comparison.keep,
        };
        let whole = [KeyRange::default()];
        let cuts = self.cut_points(plan, opened, reading)?;
        let seeks = (opened.0.seeks, opened.1.seeks);
        if cuts.len() == 1 {
            return Ok(vec![merge((&self.sides.0, &self.sides.1), plan, reading, (&whole, &whole), false)]);
        }
        match seeks {
            (true, true) => {
                let inputs = (&self.comparison.legacy, &self.comparison.candidate);
                Ok(merge_in_parallel((&self.sides.0, &self.sides.1), inputs, plan, reading, &cuts))
            }
            (true, false) => Ok(vec![merge((&self.sides.0, &self.sides.1), plan, reading, (&cuts, &whole), false)]),
            _ => Ok(vec![merge((&self.sides.0, &self.sides.1), plan, reading, (&whole, &cuts), false)]),
        }
    }

    /// A key that `--type` converts cannot be asked for in its store: better said before hours of reading.
    fn check_recheck(&self, plan: &Plan, opened: (&Opened, &Opened)) -> Result<(), CompareError> {
        let converted = |side: &SidePlan, opened: &Opened| {
            opened.seeks && side.wanted[..plan.judge.key].iter().any(|w| matches!(w.fix, Some(Fix::Type(_))))
        };
        let any = converted(&plan.legacy, opened.0) || converted(&plan.candidate, opened.1);
        if self.comparison.recheck.rounds == 0 || !any {
            return Ok(());
        }
        Err(CompareError::Plan(PlanError {
            what: "`--recheck` cannot look up keys in a database that `--type` converts".into(),
            hint: Some(
                "convert the key in a query (`--legacy-query`, `--candidate-query`) instead of with `--type`".into(),
            ),
        }))
    }

    /// The ranges to read by: one, unless partitions are wanted and can be had.
    fn cut_points(
        &mut self,
        plan: &Plan,
        opened: (&Opened, &Opened),
        reading: Reading,
    ) -> Result<Vec<KeyRange>, CompareError> {
        let parts = self.comparison.partitions;
        if parts <= 1 {
            return Ok(ranges(Vec::new()));
        }
        let fixed = plan.legacy.wanted[0].fix.is_some() || plan.candidate.wanted[0].fix.is_some();
        let sorted = (reading.sort.0 && opened.0.seeks) || (reading.sort.1 && opened.1.seeks);
        if !(opened.0.seeks || opened.1.seeks) || fixed || sorted {
            let why = if opened.0.seeks || opened.1.seeks { "the key is converted" } else { "files are read whole" };
            self.notices.push(format!("`--partitions` had no effect: {why}"));
            return Ok(ranges(Vec::new()));
        }
        let (side, side_plan, name) = match opened.0.seeks {
            true => (&self.sides.0, &plan.legacy, SideName::Legacy),
            false => (&self.sides.1, &plan.candidate, SideName::Candidate),
        };
        let cuts: Vec<Value> = side
            .boundaries(&side_plan.wanted[0].name, side_plan.filter.as_ref(), parts)
            .map_err(|error| CompareError::Side(name, error))?;
        let ranges = ranges(cuts);
        if ranges.len() > 1 {
            self.notices.push(format!("read in {} ranges of the key, each at a snapshot of its own", ranges.len()));
        }
        Ok(ranges)
    }

    /// What turns out to lie in another order is read again: a file sorted here, a store's records in key order.
    fn must_sort(&mut self, merged: &[Merged], opened: (&Opened, &Opened)) -> bool {
        let [Merged { failure: Some(MergeError::Side(side, Halt::OutOfOrder { .. })), .. }] = merged else {
            return false;
        };
        let (sorted, in_order, opened) = match side {
            SideName::Legacy => (&mut self.sort.0, &mut self.in_order.0, opened.0),
            SideName::Candidate => (&mut self.sort.1, &mut self.in_order.1, opened.1),
        };
        if opened.natural && !*in_order {
            *in_order = true;
            return true;
        }
        if opened.ordered || *sorted {
            return false;
        }
        *sorted = true;
        true
    }

    /// Databases are opened anew, at a new moment: one whose records were not taken to their end cannot always go on in
    /// its snapshot. What is computed or lies in files stays as it was read.
    fn open_again(&mut self, opened: (&mut Opened, &mut Opened)) -> Result<(), CompareError> {
        let again = |input: &SideInput, side: &mut Reader, opened: &mut Opened, name| {
            if opened.seeks {
                *side = input.start();
                *opened = side.opened().map_err(|error| CompareError::Side(name, error))?;
            }
            Ok(())
        };
        again(&self.comparison.legacy, &mut self.sides.0, opened.0, SideName::Legacy)?;
        again(&self.comparison.candidate, &mut self.sides.1, opened.1, SideName::Candidate)
    }

    fn finish(self, plan: Plan, merged: Vec<Merged>, opened: (&Opened, &Opened)) -> Result<Compared, CompareError> {
        let mut tally = Tally::new(plan.columns.len());
        let mut readers = Vec::new();
        let mut agreeing = Vec::new();
        let mut failure = None;
        let mut cut = (false, false);
        for part in merged {
            cut = (cut.0 || part.found_cut.0, cut.1 || part.found_cut.1);
            tally.merge(&part.tally);
            readers.push(part.spill.into_reader()?);
            agreeing.extend(part.kept.map(Spill::into_reader).transpose()?);
            failure = failure.or(part.failure);
        }
        let mut errors: [Option<String>; 2] = [None, None];
        if let Some(error) = failure {
            let (side, text) = explain(error, &plan)?;
            errors[side as usize] = Some(text);
        }
        let mut kept = vec![agreeing];
        let (mut transient, mut rechecks) = (0, 0);
        while errors == [None, None]
            && rechecks < self.comparison.recheck.rounds
            && readers.iter().any(|r| r.entries() > 0)
            && (opened.0.seeks || opened.1.seeks)
        {
            std::thread::sleep(self.comparison.recheck.delay);
            let mut settled = Spill::new(plan.judge.key + plan.columns.len());
            let seeks = (opened.0.seeks, opened.1.seeks);
            match recheck((&self.sides.0, &self.sides.1), seeks, &plan, &mut tally, &mut readers, &mut settled) {
                Ok((left, gone)) => {
                    readers = vec![left];
                    kept.push(vec![settled.into_reader()?]);
                    transient += gone;
                    rechecks += 1;
                }
                Err(RecheckError::Spill(error)) => return Err(error.into()),
                Err(RecheckError::Side(side, error)) => {
                    // The tally may hold half of a recheck: what it says would be neither then nor now.
                    return Err(CompareError::Side(side, error));
                }
            }
        }
        let counts = tally.counts().map_err(CompareError::DoesNotAddUp)?;
        let entries: u64 = readers.iter().map(SpillReader::entries).sum();
        if entries != counts.discrepancies() {
            let text = format!("{} keys disagree, but {entries} discrepancies were kept", counts.discrepancies());
            return Err(CompareError::DoesNotAddUp(text));
        }
        let mut columns = Vec::new();
        for (column, tally) in plan.columns.iter().zip(&tally.columns) {
            let totals = tally
                .totals()
                .map_err(|why| CompareError::DoesNotAddUp(format!("column `{}`: {why}", column.legacy)))?;
            columns.push(ColumnReport {
                name: column.legacy.clone(),
                candidate_name: (column.candidate != column.legacy).then(|| column.candidate.clone()),
                kind: tally.kind(),
                tolerance: column.tolerance.as_ref().map(ToString::to_string),
                mismatched: tally.mismatched.max(0) as u64,
                tolerated: tally.tolerated.max(0) as u64,
                drift: tally.drift(),
                totals,
            });
        }
        let side = |name: SideName| {
            let (opened, input, side_plan, rows) = match name {
                SideName::Legacy => (opened.0, &self.comparison.legacy, &plan.legacy, tally.legacy),
                SideName::Candidate => (opened.1, &self.comparison.candidate, &plan.candidate, tally.candidate),
            };
            let mut notices = opened.notices.clone();
            if (name == SideName::Legacy && self.sort.0) || (name == SideName::Candidate && self.sort.1) {
                notices.push("its records were not in key order and were sorted on disk".into());
            }
            Side {
                label: input.label.clone(),
                rows: rows.read.max(0) as u64,
                in_duplicates: rows.in_duplicates.max(0) as u64,
                in_unknown: rows.in_unknown.max(0) as u64,
                snapshot: Some(opened.snapshot.clone()),
                not_compared: side_plan.not_compared.clone(),
                notices,
                inputs: opened.inputs.clone(),
                error: errors[name as usize].clone(),
            }
        };
        let mut report = Report {
            verdict: Verdict::Agree,
            reasons: Vec::new(),
            name: self.comparison.name.clone(),
            key: plan.key.clone(),
            legacy: side(SideName::Legacy),
            candidate: side(SideName::Candidate),
            counts,
            transient,
            rechecks,
            columns,
            elapsed: Duration::ZERO,
        };
        let (of_candidate, others): (Vec<_>, Vec<_>) =
            plan.notices.iter().cloned().partition(|notice| notice.starts_with("of the candidate field"));
        report.candidate.notices.extend(of_candidate);
        report.legacy.notices.extend(others);
        for (column, tally) in plan.columns.iter().zip(&tally.columns) {
            let there = (tally.legacy_kinds.is_present(), tally.candidate_kinds.is_present());
            let (side, name) = match there {
                (true, false) => (&mut report.candidate, &column.candidate),
                (false, true) => (&mut report.legacy, &column.legacy),
                _ => continue,
            };
            if side.rows > 0 {
                side.notices.push(format!("no record has the field `{name}`: is it spelt right?"));
            }
        }
        report.legacy.notices.extend(self.notices.iter().cloned());
        let nowhere = |(_, tally): &(&PlannedColumn, &ColumnTally)| {
            !tally.legacy_kinds.is_present() && !tally.candidate_kinds.is_present()
        };
        let absent = plan.columns.iter().zip(&tally.columns).filter(nowhere);
        let absent: Vec<String> = absent.map(|(column, _)| format!("`{}`", column.legacy)).collect();
        let cut = if self.comparison.definition.only.is_some() { (false, false) } else { cut };
        let keys = self.comparison.definition.key.iter().cloned().unzip();
        let doubts = Doubts { absent, cut, allow_empty: self.comparison.allow_empty, keys };
        let doubts = judge(&mut report, &counts, &doubts);
        if self.comparison.keep && doubts.is_empty() {
            let agreeing: u64 = kept.iter().flatten().map(SpillReader::entries).sum();
            if agreeing != counts.matched {
                let text = format!("{} keys agree, but {agreeing} were kept", counts.matched);
                return Err(CompareError::DoesNotAddUp(text));
            }
        }
        Ok(Compared { report, doubts, plan, readers, kept })
    }
}
