//! `Judge`: what becomes of one key, given its records on both sides. Counts nothing.

use crate::domain::{
    Batch, Cell, CellRef, DriftSet, Equality, Rules, Tolerance, Types, Value, compare_cells, same_cells,
};

/// What became of one column of a pair of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnOutcome {
    /// They agree; how they were held may differ.
    Agrees(DriftSet),
    /// They agree within the column's tolerance.
    Tolerated,
    /// They differ.
    Differs,
    /// One of them could not be decoded.
    Unknown,
}

/// What became of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every compared column agrees.
    Matched,
    /// Every compared column agrees, some only within a tolerance.
    Tolerated,
    /// A column differs.
    Mismatched,
    /// No candidate record.
    LegacyOnly,
    /// No legacy record.
    CandidateOnly,
    /// Several records on a side.
    Duplicate,
    /// A value could not be decoded, or the key is NULL.
    Unknown,
    /// The key is on neither side (any more).
    Gone,
}

impl Outcome {
    /// Whether the key agrees.
    pub fn agrees(self) -> bool {
        matches!(self, Outcome::Matched | Outcome::Tolerated | Outcome::Gone)
    }
}

/// The records of one key on one side: usually one.
#[derive(Clone, Copy, Debug)]
pub struct Copies<'a> {
    /// The batch they lie in.
    pub batch: &'a Batch,
    /// The first of them.
    pub first: usize,
    /// How many there are, one after the other.
    pub count: usize,
}

impl<'a> Copies<'a> {
    /// The rows.
    pub fn rows(&self) -> impl Iterator<Item = usize> + use<> {
        self.first..self.first + self.count
    }

    /// A cell of the first copy.
    #[inline]
    pub fn at(&self, column: usize) -> CellRef<'a> {
        self.batch.at(self.first, column)
    }
}

/// How the columns of a comparison are judged.
#[derive(Clone, Debug)]
pub struct Judge {
    /// Leading key cells of each record.
    pub key: usize,
    /// Tolerance per compared column.
    pub tolerances: Vec<Option<Tolerance>>,
    /// Rules of equality.
    pub rules: Rules,
}

impl Judge {
    /// Judges one key; `outcomes` receives the outcome of each compared column when both sides have one record.
    pub fn judge(
        &self,
        legacy: Option<Copies<'_>>,
        candidate: Option<Copies<'_>>,
        outcomes: &mut Vec<ColumnOutcome>,
    ) -> Outcome {
        outcomes.clear();
        let Some(some) = legacy.or(candidate) else { return Outcome::Gone };
        if (0..self.key).any(|k| {
            let cell = some.at(k).cell;
            cell.is_missing() || matches!(cell, Cell::Unknown(_))
        }) {
            return Outcome::Unknown;
        }
        let count = |side: &Option<Copies<'_>>| side.map_or(0, |s| s.count);
        if count(&legacy) > 1 || count(&candidate) > 1 {
            return Outcome::Duplicate;
        }
        match (legacy, candidate) {
            (Some(legacy), Some(candidate)) => self.pair(legacy, candidate, outcomes),
            (side, other) => {
                let Some(record) = side.or(other) else { return Outcome::Gone };
                let unknown =
                    (0..self.tolerances.len()).any(|c| matches!(record.at(self.key + c).cell, Cell::Unknown(_)));
                match (unknown, side.is_some()) {
                    (true, _) => Outcome::Unknown,
                    (false, true) => Outcome::LegacyOnly,
                    (false, false) => Outcome::CandidateOnly,
                }
            }
        }
    }

    fn pair(&self, legacy: Copies<'_>, candidate: Copies<'_>, outcomes: &mut Vec<ColumnOutcome>) -> Outcome {
        let (mut unknown, mut differs, mut tolerated) = (false, false, false);
        for (column, tolerance) in self.tolerances.iter().enumerate() {
            if same(&legacy, &candidate, self.key + column) {
                outcomes.push(ColumnOutcome::Agrees(DriftSet::NONE));
                continue;
            }
            let (l, c) = (legacy.at(self.key + column), candidate.at(self.key + column));
            let outcome = match compare_cells(l, c, &self.rules) {
                Equality::Equal(drift) => ColumnOutcome::Agrees(drift),
                Equality::Different => match tolerance {
                    Some(tolerance) if within(tolerance, l, c, &self.rules) => {
                        tolerated = true;
                        ColumnOutcome::Tolerated
                    }
                    _ => {
                        differs = true;
                        ColumnOutcome::Differs
                    }
                },
                Equality::Unknown(_) => {
                    unknown = true;
                    ColumnOutcome::Unknown
                }
            };
            outcomes.push(outcome);
        }
        match (unknown, differs, tolerated) {
            (true, ..) => Outcome::Unknown,
            (_, true, _) => Outcome::Mismatched,
            (_, _, true) => Outcome::Tolerated,
            _ => Outcome::Matched,
        }
    }
}

/// Whether two cells are the same at a glance: what most pairs of most runs are. [`compare_cells`] knows the rest,
/// and would say the same.
#[inline(always)]
fn same(legacy: &Copies<'_>, candidate: &Copies<'_>, column: usize) -> bool {
    let (l, c) = (legacy.batch, candidate.batch);
    same_cells(&l.row(legacy.first)[column], l.arena(), &c.row(candidate.first)[column], c.arena())
}

fn within(tolerance: &Tolerance, legacy: CellRef<'_>, candidate: CellRef<'_>, rules: &Rules) -> bool {
    let amount = |at: CellRef<'_>| match (at.cell, rules.types) {
        (Cell::Text(_), Types::Strict) => None,
        _ => Value::of(at).amount(),
    };
    match (amount(legacy), amount(candidate)) {
        (Some(l), Some(c)) => tolerance.allows(&l, &c),
        _ => false,
    }
}
