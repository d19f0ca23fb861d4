//! The report of `recon impact`: what a changed path would change over past cycles and over recorded cases. Schema
//! `recon.impact/1`. Opens nothing, reads no clock, compares nothing; records are streamed beside it.

mod csv;
mod json;
mod markdown;
mod table;
mod words;

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::{Discrepancy, Format, Look, Report};
use crate::cases::Difference;
use crate::domain::{Amount, Total, Value};

/// Everything that is known, but for the records, which are streamed beside it.
#[derive(Clone, Debug)]
pub struct Impact {
    /// The reconciliation.
    pub name: String,
    /// What is tried.
    pub change: Change,
    /// Why not everything could be looked at; none, when all was.
    pub reasons: Vec<String>,
    /// What the user should know besides.
    pub notices: Vec<String>,
    /// The cycles that were computed, the newest first.
    pub cycles: Vec<Cycle>,
    /// Cycles that were not, and why.
    pub left_out: Vec<(String, String)>,
    /// The change by the values of a column, over all cycles.
    pub by: Option<By>,
    /// The recorded cases; `None` where none were looked for or found.
    pub cases: Option<Cases>,
    /// Currencies by the path's own column name.
    pub currencies: BTreeMap<String, String>,
}

/// What is tried in place of what.
#[derive(Clone, Debug)]
pub struct Change {
    /// `the legacy query`, `the candidate SQL`.
    pub what: String,
    /// Where the new text is from.
    pub from: String,
    /// The path that is changed: `legacy` or `candidate`.
    pub side: &'static str,
    /// The other one.
    pub other: &'static str,
}

/// One past cycle.
#[derive(Clone, Debug)]
pub struct Cycle {
    /// `payout payout_date=2026-11-13`
    pub cycle: String,
    /// The run whose decisions stand.
    pub run: String,
    /// Where the cycle stands.
    pub state: String,
    /// Whether the path as it stands still gives what was decided then; `None` where nothing could be computed.
    pub then: Option<Then>,
    /// What the change would do, or why that is not known.
    pub effect: Result<Box<Effect>, String>,
}

/// Whether the paths as they stand still give what a run decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// They do.
    Same {
        /// Every decision was compared with what was written then; else counts and totals.
        every: bool,
    },
    /// They do not: in what, in sentences.
    Moved(Vec<String>),
    /// It cannot be told, and why.
    Unknown(String),
}

/// What the change would do to a cycle.
#[derive(Clone, Debug)]
pub struct Effect {
    /// The path as it stands (as `legacy`) against the changed one (as `candidate`), exactly.
    pub report: Report,
    /// Its keys, by what becomes of them.
    pub counts: Counts,
    /// The verification of the cycle with the path as it stands.
    pub before: Stand,
    /// With the change; a text where it would be refused.
    pub after: Result<Stand, String>,
    /// Discrepancies and decisions before and after, key by key; `None` where there is no after.
    pub keys: Option<Keys>,
}

/// Distinct keys of both versions of a path. `keys = equal + changed + added + removed + unknown`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All of them.
    pub keys: u64,
    /// The same in every column, also keys that stand several times with the same copies.
    pub equal: u64,
    /// With other values, or other copies.
    pub changed: u64,
    /// Of the changed path alone.
    pub added: u64,
    /// Of the path as it stands alone.
    pub removed: u64,
    /// With a value that could not be determined, or without a key.
    pub unknown: u64,
}

impl Counts {
    /// Records that would change.
    pub fn touched(&self) -> u64 {
        self.changed + self.added + self.removed
    }

    fn add(&mut self, other: &Counts) {
        self.keys += other.keys;
        self.equal += other.equal;
        self.changed += other.changed;
        self.added += other.added;
        self.removed += other.removed;
        self.unknown += other.unknown;
    }
}

/// How a verification of a cycle would end, by its records alone: without checks.
#[derive(Clone, Debug)]
pub struct Stand {
    /// `clean`, `warned`, `blocked` or `incomplete`.
    pub verdict: &'static str,
    /// Why.
    pub reasons: Vec<String>,
    /// Keys that do not agree with the other path.
    pub discrepancies: u64,
    /// What would be paid, per amount column by its legacy name; `None` where nothing could be decided.
    pub paid: Option<Vec<(String, Amount)>>,
}

/// Keys of a cycle whose comparison with the other path, or whose decision, is another one.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// They disagree now and would agree.
    pub newly_agree: u64,
    /// They agree now, or are not there, and would disagree.
    pub newly_disagree: u64,
    /// They disagree now and would, in another way.
    pub otherwise: u64,
    /// They disagree now, and neither path would have them.
    pub gone: u64,
    /// They disagree now and would in the same way.
    pub still: u64,
    /// Other decisions: another value to use, another record.
    pub decisions: Option<u64>,
    /// The first of the keys above but `still`, each with the name of its kind.
    pub first: Vec<(&'static str, Vec<(String, Value)>)>,
}

impl Keys {
    fn moved(&self) -> u64 {
        self.newly_agree + self.newly_disagree + self.otherwise + self.gone
    }
}

/// The change by the values of a column. Everything adds up: groups and rest to the total.
#[derive(Clone, Debug)]
pub struct By {
    /// The column.
    pub column: String,
    /// The amount columns that change.
    pub columns: Vec<String>,
    /// The greatest changes first.
    pub groups: Vec<Group>,
    /// How many values there are.
    pub values: u64,
    /// All together.
    pub total: Group,
    /// Records whose value of the column itself changes: their amounts leave one group and come to another.
    pub moved: u64,
}

impl By {
    /// What is left behind the first `shown` groups: how many values, and their sums, so that everything adds up.
    pub fn rest(&self, shown: usize) -> Option<(u64, Group)> {
        let shown = self.groups.get(..shown).unwrap_or(&self.groups);
        let values = self.values.saturating_sub(shown.len() as u64);
        if values == 0 {
            return None;
        }
        let mut records = self.total.records;
        let mut net = vec![Total::default(); self.total.net.len()];
        for (rest, amount) in net.iter_mut().zip(&self.total.net) {
            rest.add(amount);
        }
        for group in shown {
            records = records.saturating_sub(group.records);
            for (rest, amount) in net.iter_mut().zip(&group.net) {
                rest.subtract(amount);
            }
        }
        Some((values, Group { value: Value::Null, records, net: net.iter().map(Total::amount).collect() }))
    }
}

/// Records of one value.
#[derive(Clone, Debug)]
pub struct Group {
    /// The value; of the total nothing.
    pub value: Value,
    /// Records that would change, or are unknown.
    pub records: u64,
    /// Changed minus current, for each of the amount columns.
    pub net: Vec<Amount>,
}

/// The recorded cases.
#[derive(Clone, Debug, Default)]
pub struct Cases {
    /// Their folder.
    pub folder: String,
    /// How many of this reconciliation were run.
    pub run: u64,
    /// How many of those come out as they do now.
    pub same: u64,
    /// How many come out otherwise, or cannot be run any more.
    pub changed: u64,
    /// How many cannot be run as the project stands.
    pub broken: u64,
    /// How many end incomplete in both versions and decide nothing: what the change would do to them cannot be told.
    pub undecided: u64,
    /// Cases of other reconciliations.
    pub others: u64,
    /// Cases that were not run, and why.
    pub not_run: Option<(u64, String)>,
    /// The first that change or are broken.
    pub first: Vec<Case>,
}

/// A case that does not come out as it does now.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name, after its suite's.
    pub name: String,
    /// File and line.
    pub place: String,
    /// Why it exists.
    pub why: String,
    /// What becomes of it.
    pub ends: CaseEnd,
}

/// What becomes of a case.
#[derive(Clone, Debug)]
pub enum CaseEnd {
    /// It comes out otherwise.
    Changes(Vec<Difference>),
    /// The changed path cannot be run on it.
    BrokenByChange(String),
    /// It cannot be run as the project stands.
    Broken(String),
}

/// What it comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImpactVerdict {
    /// Everything comes out as it does now.
    Same,
    /// Something would change.
    Changes,
    /// Not everything could be looked at, or there was nothing.
    Incomplete,
}

impl ImpactVerdict {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            ImpactVerdict::Same => "same",
            ImpactVerdict::Changes => "changes",
            ImpactVerdict::Incomplete => "incomplete",
        }
    }
}

impl Effect {
    /// Columns that the changed path does not have any more, and those that it has besides.
    pub fn columns(&self) -> (&[String], &[String]) {
        (&self.report.legacy.not_compared, &self.report.candidate.not_compared)
    }

    /// Whether anything would change.
    pub fn changes(&self) -> bool {
        let (gone, new) = self.columns();
        let stands = match &self.after {
            Err(_) => true,
            Ok(after) => after.verdict != self.before.verdict || after.discrepancies != self.before.discrepancies,
        };
        let keys = self.keys.as_ref().is_some_and(|keys| keys.moved() > 0 || keys.decisions.unwrap_or(0) > 0);
        self.counts.touched() > 0 || !gone.is_empty() || !new.is_empty() || stands || keys
    }
}

impl Impact {
    /// What it comes to.
    pub fn verdict(&self) -> ImpactVerdict {
        if !self.reasons.is_empty() {
            return ImpactVerdict::Incomplete;
        }
        let cycles = self.effects().any(Effect::changes);
        match cycles || self.cases.as_ref().is_some_and(|cases| cases.changed > 0) {
            true => ImpactVerdict::Changes,
            false => ImpactVerdict::Same,
        }
    }

    /// What is known of the cycles that could be computed.
    pub fn effects(&self) -> impl Iterator<Item = &Effect> {
        self.cycles.iter().filter_map(|cycle| cycle.effect.as_deref().ok())
    }

    /// Keys over all cycles.
    pub fn counts(&self) -> Counts {
        let mut all = Counts::default();
        self.effects().for_each(|effect| all.add(&effect.counts));
        all
    }

    /// Amount columns that change, summed over all cycles; in the order in which they turn up.
    pub fn money(&self) -> Vec<Money> {
        let mut all: Vec<Money> = Vec::new();
        for column in self.effects().flat_map(|effect| &effect.report.columns) {
            let Some(totals) = &column.totals else { continue };
            let at = all.iter().position(|money| money.column == column.name).unwrap_or_else(|| {
                all.push(Money { column: column.name.clone(), ..Money::default() });
                all.len() - 1
            });
            let Some(money) = all.get_mut(at) else { continue };
            money.records += column.mismatched;
            for (sum, amount) in [
                (&mut money.current, &totals.legacy),
                (&mut money.changed, &totals.candidate),
                (&mut money.net, &totals.net_difference),
                (&mut money.gross, &totals.gross_difference),
                (&mut money.over, &totals.overpaid),
                (&mut money.under, &totals.underpaid),
            ] {
                sum.add(amount);
            }
        }
        all.retain(Money::changes);
        all
    }

    /// What would be paid per amount column, before and after, over the cycles of which both are known; only what changes.
    pub fn paid(&self) -> Vec<(String, Amount, Amount)> {
        let mut all: Vec<(String, Total, Total)> = Vec::new();
        for effect in self.effects() {
            let (Some(before), Ok(Some(after))) = (&effect.before.paid, effect.after.as_ref().map(|one| &one.paid))
            else {
                continue;
            };
            for (column, amount) in before {
                // A column that goes is told as such, not as money.
                let Some((_, paid)) = after.iter().find(|(name, _)| name == column) else { continue };
                let at = all.iter().position(|(name, ..)| name == column).unwrap_or_else(|| {
                    all.push((column.clone(), Total::default(), Total::default()));
                    all.len() - 1
                });
                if let Some((_, before, after)) = all.get_mut(at) {
                    before.add(amount);
                    after.add(paid);
                }
            }
        }
        let all = all.into_iter().map(|(column, before, after)| (column, before.amount(), after.amount()));
        all.filter(|(_, before, after)| !before.same_value(after)).collect()
    }

    /// Verdict and the weightiest figures, in one line.
    pub fn summary(&self) -> String {
        format!("{}: {}", self.verdict().name(), words::sentence(self))
    }
}

/// An amount column, over all cycles.
#[derive(Clone, Debug, Default)]
pub struct Money {
    /// Its name.
    pub column: String,
    /// Records in both versions in which it differs.
    pub records: u64,
    /// Control total of the path as it stands.
    pub current: Total,
    /// Control total of the changed path.
    pub changed: Total,
    /// Changed minus current.
    pub net: Total,
    /// Sum of the sizes of all differences.
    pub gross: Total,
    /// Where the changed path gives more.
    pub over: Total,
    /// Where it gives less, as a positive amount.
    pub under: Total,
}

impl Money {
    fn changes(&self) -> bool {
        self.records > 0 || !self.net.amount().is_zero() || !self.gross.amount().is_zero()
    }
}

/// The records of the cycles that would change or are unknown.
pub trait Touched {
    /// Those of a cycle by its place in [`Impact::cycles`], in key order.
    fn of(&mut self, cycle: usize) -> Box<dyn Iterator<Item = io::Result<Discrepancy>> + '_>;
}

/// Formats that it is written in.
pub const FORMATS: [Format; 4] = [Format::Table, Format::Json, Format::Csv, Format::Markdown];

/// Writes the report.
///
/// # Errors
/// Writing or reading failed, or the records are not as many as are counted.
pub fn render(
    impact: &Impact,
    records: &mut dyn Touched,
    format: Format,
    look: &Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Json => json::render(impact, records, look, out),
        Format::Csv => csv::render(impact, records, look, out),
        Format::Markdown => markdown::render(impact, records, look, out),
        _ => table::render(impact, records, look, out),
    }
}
