//! A whole comparison: open both sides, plan, merge (again, when reading showed that the plan was too small),
//! read discrepant keys again, check that everything adds up, and say so in a [`Report`].

use std::time::Duration;

use crate::domain::Value;
use crate::report::{ColumnReport, Counts, Report, Side, Verdict};
use crate::stores::{ErrorClass, Fix, KeyRange, Opened, StoreError};

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

    /// Every key with its records, in key order, where the comparison was told to keep them; can be asked for again.
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
    let mut run = Run { comparison, sides: (&sides.0, &sides.1), sort: (false, false), notices: Vec::new() };
    // Each turn widens the plan (a column, a sort) or ends; there are not many things to widen.
    for attempt in 0.. {
        let plan = comparison.definition.plan(&legacy, &candidate).map_err(CompareError::Plan)?;
        run.check_recheck(&plan, (&legacy, &candidate))?;
        let merged = run.merge_all(&plan, (&legacy, &candidate))?;
        if attempt < 8 && run.must_sort(&merged, (&legacy, &candidate)) {
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
    sides: (&'a Reader, &'a Reader),
    sort: (bool, bool),
    notices: Vec<String>,
}

impl Run<'_> {
    fn merge_all(&mut self, plan: &Plan, opened: (&Opened, &Opened)) -> Result<Vec<Merged>, CompareError> {
        let reading = Reading {
            memory: self.comparison.memory,
            sort: (plan.legacy.sort || self.sort.0, plan.candidate.sort || self.sort.1),
            keep: self.comparison.keep,
        };
        let whole = [KeyRange::default()];
        let cuts = self.cut_points(plan, opened, reading)?;
        let seeks = (opened.0.seeks, opened.1.seeks);
        if cuts.len() == 1 {
            return Ok(vec![merge(self.sides, plan, reading, (&whole, &whole), false)]);
        }
        match seeks {
            (true, true) => {
                let inputs = (&self.comparison.legacy, &self.comparison.candidate);
                Ok(merge_in_parallel(self.sides, inputs, plan, reading, &cuts))
            }
            (true, false) => Ok(vec![merge(self.sides, plan, reading, (&cuts, &whole), false)]),
            _ => Ok(vec![merge(self.sides, plan, reading, (&whole, &cuts), false)]),
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
            true => (self.sides.0, &plan.legacy, SideName::Legacy),
            false => (self.sides.1, &plan.candidate, SideName::Candidate),
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

    /// A file that turns out to lie in another order is read again, sorted.
    fn must_sort(&mut self, merged: &[Merged], opened: (&Opened, &Opened)) -> bool {
        let [Merged { failure: Some(MergeError::Side(side, Halt::OutOfOrder { .. })), .. }] = merged else {
            return false;
        };
        let (sorted, ordered) = match side {
            SideName::Legacy => (&mut self.sort.0, opened.0.ordered),
            SideName::Candidate => (&mut self.sort.1, opened.1.ordered),
        };
        if ordered || *sorted {
            return false;
        }
        *sorted = true;
        true
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
            match recheck(self.sides, seeks, &plan, &mut tally, &mut readers, &mut settled) {
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

/// What may make a comparison less than it looks.
struct Doubts {
    /// Compared columns that no record of either side has.
    absent: Vec<String>,
    /// Sides with more fields than could be remembered.
    cut: (bool, bool),
    /// Whether a side without records is fine.
    allow_empty: bool,
    /// Names of the key columns, legacy and candidate.
    keys: (Vec<String>, Vec<String>),
}

/// Sets verdict and reasons. Gives the reasons for `incomplete` other than records that could not be judged.
fn judge(report: &mut Report, counts: &Counts, doubts: &Doubts) -> Vec<String> {
    let mut incomplete = Vec::new();
    let allow_empty = doubts.allow_empty;
    if !doubts.absent.is_empty() && counts.keys > 0 {
        incomplete.push(format!("no record on either side has {}: is it spelt right?", doubts.absent.join(", ")));
    }
    for (name, cut) in [("legacy", doubts.cut.0), ("candidate", doubts.cut.1)] {
        if cut {
            incomplete.push(format!(
                "the records of the {name} side have more than 1,000 different fields, and those met later were not looked at \
                 (name the columns to compare with `--columns`)"
            ));
        }
    }
    for (name, side) in [("legacy", &report.legacy), ("candidate", &report.candidate)] {
        if let Some(error) = &side.error {
            incomplete.push(format!("the {name} side could not be read to its end: {error}"));
        }
    }
    let unknown = (counts.unknown > 0).then(|| {
        let (noun, verb) = if counts.unknown == 1 { ("key", "has") } else { ("keys", "have") };
        format!("{} {noun} {verb} values that could not be judged (unknown)", counts.unknown)
    });
    if incomplete.is_empty() && !allow_empty {
        let empty = |side: &Side| side.rows == 0;
        let which = match (empty(&report.legacy), empty(&report.candidate)) {
            (true, true) => Some("both sides are"),
            (true, false) => Some("the legacy side is"),
            (false, true) => Some("the candidate side is"),
            _ => None,
        };
        if let Some(which) = which {
            incomplete
                .push(format!("nothing was compared: {which} empty (say `--allow-empty` if that is as it should be)"));
        }
    }
    let left_out = !report.legacy.not_compared.is_empty() || !report.candidate.not_compared.is_empty();
    if report.columns.is_empty() && left_out && counts.keys > 0 {
        incomplete.push(
            "no column was compared, only keys: the sides share no other column name (pair them with `--map legacy=candidate`)"
                .into(),
        );
    }
    for (side, names) in
        [(&mut report.legacy, doubts.keys.0.join(", ")), (&mut report.candidate, doubts.keys.1.join(", "))]
    {
        // Keys that are NULL or absent are one group; unknown values of other columns are a key each.
        if side.rows > 1 && side.in_unknown == side.rows && counts.unknown == 1 {
            side.notices.push(format!("no record has a key that can be used: is ({names}) spelt right?"));
        }
    }
    let key = report.key.join(", ");
    if counts.matched + counts.mismatched == 0 && counts.legacy_only > 0 && counts.candidate_only > 0 {
        report.legacy.notices.push(format!(
            "no key of one side is on the other: is ({key}) the key of both? Keys of another type or spelling (`007` and `7`) \
             meet with `--type {}=integer` or `=text`",
            report.key.first().map_or("key", String::as_str)
        ));
    }
    if counts.duplicate > counts.keys / 2 {
        report.legacy.notices.push(format!("most keys stand more than once: is ({key}) really the key of a record?"));
    }
    let doubts = incomplete.clone();
    incomplete.extend(unknown);
    let differing = counts.discrepancies();
    report.verdict = match (incomplete.is_empty(), differing) {
        (false, _) => Verdict::Incomplete,
        (true, 0) => Verdict::Agree,
        _ => Verdict::Differ,
    };
    report.reasons = incomplete;
    if differing > 0 {
        let kinds = [
            (counts.mismatched, "mismatched"),
            (counts.legacy_only, "only on the legacy side"),
            (counts.candidate_only, "only on the candidate side"),
            (counts.duplicate, "duplicated"),
            (counts.unknown, "unknown"),
        ];
        let parts: Vec<String> =
            kinds.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        report.reasons.push(format!("{differing} of {} keys do not agree: {}", counts.keys, parts.join(", ")));
    }
    doubts
}

/// A side's failure as a sentence for the report; a usage error is not a failure but a refusal.
fn explain(error: MergeError, plan: &Plan) -> Result<(SideName, String), CompareError> {
    let (side, halt) = match error {
        MergeError::Spill(error) => return Err(error.into()),
        MergeError::Side(side, halt) => (side, halt),
    };
    let text = match halt {
        Halt::Failed(error) if error.class == ErrorClass::Usage => return Err(CompareError::Side(side, error)),
        Halt::Failed(error) => match error.hint {
            Some(hint) => format!("{} ({hint})", error.what),
            None => error.what,
        },
        Halt::OutOfOrder { record, previous, key } => format!(
            "its records are out of key order: record {record} with key {key} came after key {previous}; the order of \
             ({}) in this store is not the order that keys are compared in",
            plan.key.join(", ")
        ),
        Halt::TooManyCopies { key } => format!(
            "the key {key} stands more than {} times; is ({}) really the key?",
            super::cursor::MAX_COPIES,
            plan.key.join(", ")
        ),
    };
    Ok((side, text))
}
