//! `Tally`: counts and control totals of a comparison. Every key enters it through [`Tally::apply`], which can
//! also take a key out again exactly; so the figures always tie to the discrepancies.

use crate::domain::{Amount, Cell, CellRef, Drift, DriftSet, KindSet, Total, is_plain_literal, plain_literal};
use crate::report::{Counts, Totals};

use super::judge::{ColumnOutcome, Copies, Judge, Outcome};

/// Which rows of a key enter which bucket of the totals.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bucket {
    Compared,
    Duplicates,
    Unknown,
}

/// Sums of one kind of value in one column.
#[derive(Clone, Debug, Default)]
struct Sums {
    legacy: Total,
    candidate: Total,
    over: Total,
    under: Total,
    legacy_in_duplicates: Total,
    candidate_in_duplicates: Total,
    legacy_in_unknown: Total,
    candidate_in_unknown: Total,
}

impl Sums {
    fn merge(&mut self, other: &Sums) {
        self.legacy.merge(&other.legacy);
        self.candidate.merge(&other.candidate);
        self.over.merge(&other.over);
        self.under.merge(&other.under);
        self.legacy_in_duplicates.merge(&other.legacy_in_duplicates);
        self.candidate_in_duplicates.merge(&other.candidate_in_duplicates);
        self.legacy_in_unknown.merge(&other.legacy_in_unknown);
        self.candidate_in_unknown.merge(&other.candidate_in_unknown);
    }
}

/// Statistics of one compared column.
#[derive(Clone, Debug, Default)]
pub struct ColumnTally {
    /// Kinds seen on the legacy side.
    pub legacy_kinds: KindSet,
    /// Kinds seen on the candidate side.
    pub candidate_kinds: KindSet,
    /// Keys in which the column differs.
    pub mismatched: i64,
    /// Keys in which it agrees only within the tolerance.
    pub tolerated: i64,
    drift: [i64; Drift::ALL.len()],
    /// Sum of numbers that agree without drift in records that match: part of both sides' totals, added once.
    agreed: Total,
    /// Sums of numbers.
    numbers: Sums,
    /// Sums of what counts only if the column turns out to hold numbers: text that is a plain decimal literal,
    /// and truth values.
    others: Sums,
    not_totalled: i64,
}

/// Which side a value is on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OnSide {
    Legacy,
    Candidate,
}

impl ColumnTally {
    /// Adds a pair of values that agree without drift. Most values of most runs come this way.
    #[inline]
    fn agree(&mut self, legacy: CellRef<'_>, candidate: CellRef<'_>, sign: i128) {
        match (legacy.cell, candidate.cell) {
            (Cell::Number { coefficient, scale, .. }, Cell::Number { .. }) if coefficient != i128::MIN => {
                self.legacy_kinds.note(&legacy.cell);
                self.candidate_kinds.note(&candidate.cell);
                self.agreed.add_small(coefficient * sign, scale.into());
            }
            // Texts that do not begin as an amount does, and times: neither side has anything to total.
            (Cell::Text(span), Cell::Text(_)) if !matches!(legacy.bytes(span).first(), Some(b'-' | b'0'..=b'9')) => {
                self.agree_untotalled(&legacy.cell, &candidate.cell, sign);
            }
            (Cell::Instant { .. }, Cell::Instant { .. }) => self.agree_untotalled(&legacy.cell, &candidate.cell, sign),
            (Cell::Null | Cell::Absent, _) => {
                self.legacy_kinds.note(&legacy.cell);
                self.candidate_kinds.note(&candidate.cell);
            }
            _ => {
                self.total(legacy, OnSide::Legacy, Bucket::Compared, sign);
                self.total(candidate, OnSide::Candidate, Bucket::Compared, sign);
            }
        }
    }

    #[inline]
    fn agree_untotalled(&mut self, legacy: &Cell, candidate: &Cell, sign: i128) {
        self.legacy_kinds.note(legacy);
        self.candidate_kinds.note(candidate);
        self.not_totalled += 2 * sign as i64;
    }

    /// Adds a value to its side's totals and returns its amount where it is one that needs more than a glance.
    #[inline]
    fn total(&mut self, at: CellRef<'_>, side: OnSide, bucket: Bucket, sign: i128) {
        match side {
            OnSide::Legacy => self.legacy_kinds.note(&at.cell),
            OnSide::Candidate => self.candidate_kinds.note(&at.cell),
        }
        if let Cell::Number { coefficient, scale, .. } = at.cell
            && bucket == Bucket::Compared
            && coefficient != i128::MIN
        {
            let total = if side == OnSide::Legacy { &mut self.numbers.legacy } else { &mut self.numbers.candidate };
            total.add_small(coefficient * sign, scale.into());
            return;
        }
        if !at.cell.is_missing() {
            self.total_slowly(at, side, bucket, sign);
        }
    }

    fn total_slowly(&mut self, at: CellRef<'_>, side: OnSide, bucket: Bucket, sign: i128) {
        let (amount, is_number) = match at.cell {
            Cell::Number { .. } | Cell::Wide { .. } => (amount_of(at), true),
            _ => (amount_of(at), false),
        };
        let Some(amount) = amount else {
            if !matches!(at.cell, Cell::Json(_) | Cell::Bson { .. }) {
                self.not_totalled += sign as i64;
            }
            return;
        };
        let amount = if sign < 0 { amount.negated() } else { amount };
        let sums = if is_number { &mut self.numbers } else { &mut self.others };
        let (total, within) = match (side, bucket) {
            (OnSide::Legacy, Bucket::Compared) => (&mut sums.legacy, None),
            (OnSide::Candidate, Bucket::Compared) => (&mut sums.candidate, None),
            (OnSide::Legacy, Bucket::Duplicates) => (&mut sums.legacy, Some(&mut sums.legacy_in_duplicates)),
            (OnSide::Candidate, Bucket::Duplicates) => (&mut sums.candidate, Some(&mut sums.candidate_in_duplicates)),
            (OnSide::Legacy, Bucket::Unknown) => (&mut sums.legacy, Some(&mut sums.legacy_in_unknown)),
            (OnSide::Candidate, Bucket::Unknown) => (&mut sums.candidate, Some(&mut sums.candidate_in_unknown)),
        };
        total.add(&amount);
        if let Some(within) = within {
            within.add(&amount);
        }
    }

    /// Adds the difference of two values that do not agree exactly; what is no amount counts as nothing.
    fn difference(&mut self, legacy: Option<CellRef<'_>>, candidate: Option<CellRef<'_>>, sign: i128) {
        let is_number =
            |at: &Option<CellRef<'_>>| matches!(at.map(|a| a.cell), Some(Cell::Number { .. } | Cell::Wide { .. }));
        let number = is_number(&legacy) || is_number(&candidate);
        let amount = |at: Option<CellRef<'_>>| at.and_then(amount_of).unwrap_or(Amount::ZERO);
        let Some(difference) = amount(candidate).minus(&amount(legacy)) else { return };
        if difference.is_zero() {
            return;
        }
        let sums = if number { &mut self.numbers } else { &mut self.others };
        let total = if difference.is_negative() { &mut sums.under } else { &mut sums.over };
        let size = difference.magnitude();
        total.add(&if sign < 0 { size.negated() } else { size });
    }

    fn drifted(&mut self, drift: DriftSet, one: i64) {
        for kind in Drift::ALL.into_iter().filter(|kind| drift.has(*kind)) {
            self.drift[kind as usize] += one;
        }
    }

    /// How often equal values were held differently, where it happened.
    pub fn drift(&self) -> Vec<(Drift, u64)> {
        let counted = Drift::ALL.into_iter().zip(self.drift);
        counted.filter(|(_, n)| *n > 0).map(|(drift, n)| (drift, n as u64)).collect()
    }

    /// Whether the column holds numbers on a side.
    pub fn is_numeric(&self) -> bool {
        self.legacy_kinds.union(self.candidate_kinds).has_numbers()
    }

    /// The kind's name: the legacy side's, or the candidate's where the legacy side has none.
    pub fn kind(&self) -> &'static str {
        if self.legacy_kinds.is_empty() { self.candidate_kinds.name() } else { self.legacy_kinds.name() }
    }

    /// The control totals; `None` when the column holds no numbers, an error text when they do not tie.
    pub fn totals(&self) -> Result<Option<Totals>, String> {
        if !self.is_numeric() {
            return Ok(None);
        }
        let mut sums = self.numbers.clone();
        sums.merge(&self.others);
        sums.legacy.merge(&self.agreed);
        sums.candidate.merge(&self.agreed);
        let gap = |a: &Amount, b: &Amount| a.minus(b).unwrap_or(Amount::NAN);
        let (over, under) = (sums.over.amount(), sums.under.amount());
        let totals = Totals {
            net_difference: gap(&sums.candidate.amount(), &sums.legacy.amount()),
            gross_difference: over.plus(&under).unwrap_or(Amount::NAN),
            legacy: sums.legacy.amount(),
            candidate: sums.candidate.amount(),
            overpaid: over,
            underpaid: under,
            legacy_in_duplicates: sums.legacy_in_duplicates.amount(),
            candidate_in_duplicates: sums.candidate_in_duplicates.amount(),
            legacy_in_unknown: sums.legacy_in_unknown.amount(),
            candidate_in_unknown: sums.candidate_in_unknown.amount(),
            not_totalled: self.not_totalled.max(0) as u64,
        };
        let explained = gap(&totals.overpaid, &totals.underpaid)
            .plus(&gap(&totals.candidate_in_duplicates, &totals.legacy_in_duplicates))
            .and_then(|sum| sum.plus(&gap(&totals.candidate_in_unknown, &totals.legacy_in_unknown)));
        match explained {
            Some(sum) if sum.same_value(&totals.net_difference) => Ok(Some(totals)),
            _ => Err(format!("net difference {} is not explained by its parts", totals.net_difference)),
        }
    }

    fn merge(&mut self, other: &ColumnTally) {
        self.legacy_kinds = self.legacy_kinds.union(other.legacy_kinds);
        self.candidate_kinds = self.candidate_kinds.union(other.candidate_kinds);
        self.mismatched += other.mismatched;
        self.tolerated += other.tolerated;
        self.drift.iter_mut().zip(other.drift).for_each(|(a, b)| *a += b);
        self.agreed.merge(&other.agreed);
        self.numbers.merge(&other.numbers);
        self.others.merge(&other.others);
        self.not_totalled += other.not_totalled;
    }
}

fn cell<'a>(side: Option<Copies<'a>>, column: usize) -> Option<CellRef<'a>> {
    side.map(|copies| copies.at(column))
}

/// The amount that a value counts with in totals.
pub(crate) fn amount_of(at: CellRef<'_>) -> Option<Amount> {
    match at.cell {
        Cell::Number { coefficient, scale, .. } => Some(Amount::new(coefficient, scale.into())),
        Cell::Wide { text, .. } => Amount::parse(at.text(text)).ok().filter(Amount::is_finite),
        Cell::Bool(b) => Some(Amount::new(i128::from(b), 0)),
        Cell::Text(span) | Cell::Untyped(span) if !matches!(at.bytes(span).first(), Some(b'-' | b'0'..=b'9')) => None,
        Cell::Text(span) | Cell::Untyped(span) => match plain_literal(at.bytes(span)) {
            Some((coefficient, scale)) => Some(Amount::new(coefficient, scale.into())),
            None if is_plain_literal(at.bytes(span)) => Amount::parse(at.text(span)).ok(),
            None => None,
        },
        _ => None,
    }
}

/// Records of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// Records that entered the comparison.
    pub read: i64,
    /// Of duplicate keys.
    pub in_duplicates: i64,
    /// Of unknown keys.
    pub in_unknown: i64,
}

/// Counts, records and column statistics.
#[derive(Clone, Debug)]
pub struct Tally {
    matched: i64,
    tolerated: i64,
    mismatched: i64,
    legacy_only: i64,
    candidate_only: i64,
    duplicate: i64,
    unknown: i64,
    /// Distinct keys, counted by themselves.
    keys: i64,
    /// Records of the legacy side.
    pub legacy: Rows,
    /// Records of the candidate side.
    pub candidate: Rows,
    /// One for each compared column.
    pub columns: Vec<ColumnTally>,
}

impl Tally {
    /// Nothing counted yet.
    pub fn new(columns: usize) -> Self {
        Tally {
            matched: 0,
            tolerated: 0,
            mismatched: 0,
            legacy_only: 0,
            candidate_only: 0,
            duplicate: 0,
            unknown: 0,
            keys: 0,
            legacy: Rows::default(),
            candidate: Rows::default(),
            columns: vec![ColumnTally::default(); columns],
        }
    }

    /// Counts one key in (`sign` 1) or out again (`sign` -1).
    pub fn apply(
        &mut self,
        judge: &Judge,
        legacy: Option<Copies<'_>>,
        candidate: Option<Copies<'_>>,
        outcome: Outcome,
        columns: &[ColumnOutcome],
        sign: i8,
    ) {
        let one = i64::from(sign);
        let sign = i128::from(sign);
        let bucket = match outcome {
            Outcome::Duplicate => Bucket::Duplicates,
            Outcome::Unknown => Bucket::Unknown,
            Outcome::Gone => return,
            _ => Bucket::Compared,
        };
        self.keys += one;
        if outcome == Outcome::Matched
            && let (Some(legacy), Some(candidate)) = (legacy, candidate)
        {
            self.matched += one;
            self.legacy.read += one;
            self.candidate.read += one;
            for (column, (tally, outcome)) in self.columns.iter_mut().zip(columns).enumerate() {
                let (l, c) = (legacy.at(judge.key + column), candidate.at(judge.key + column));
                match outcome {
                    ColumnOutcome::Agrees(drift) if drift.is_empty() => tally.agree(l, c, sign),
                    ColumnOutcome::Agrees(drift) => {
                        tally.total(l, OnSide::Legacy, bucket, sign);
                        tally.total(c, OnSide::Candidate, bucket, sign);
                        tally.drifted(*drift, one);
                    }
                    _ => {}
                }
            }
            return;
        }
        match outcome {
            Outcome::Matched => self.matched += one,
            Outcome::Tolerated => {
                self.matched += one;
                self.tolerated += one;
            }
            Outcome::Mismatched => self.mismatched += one,
            Outcome::LegacyOnly => self.legacy_only += one,
            Outcome::CandidateOnly => self.candidate_only += one,
            Outcome::Duplicate => self.duplicate += one,
            Outcome::Unknown => self.unknown += one,
            Outcome::Gone => {}
        }
        for (side, copies) in [(OnSide::Legacy, legacy), (OnSide::Candidate, candidate)] {
            let Some(copies) = copies else { continue };
            let rows = if side == OnSide::Legacy { &mut self.legacy } else { &mut self.candidate };
            let count = copies.count as i64 * one;
            rows.read += count;
            match bucket {
                Bucket::Duplicates => rows.in_duplicates += count,
                Bucket::Unknown => rows.in_unknown += count,
                Bucket::Compared => {}
            }
            for row in copies.rows() {
                for (column, tally) in self.columns.iter_mut().enumerate() {
                    tally.total(copies.batch.at(row, judge.key + column), side, bucket, sign);
                }
            }
        }
        match outcome {
            Outcome::Matched | Outcome::Tolerated | Outcome::Mismatched => {
                for (column, outcome) in columns.iter().enumerate() {
                    let tally = &mut self.columns[column];
                    let (l, c) = (cell(legacy, judge.key + column), cell(candidate, judge.key + column));
                    match outcome {
                        ColumnOutcome::Agrees(drift) if drift.is_empty() => {}
                        ColumnOutcome::Agrees(drift) => tally.drifted(*drift, one),
                        ColumnOutcome::Tolerated => {
                            tally.tolerated += one;
                            tally.difference(l, c, sign);
                        }
                        ColumnOutcome::Differs => {
                            tally.mismatched += one;
                            tally.difference(l, c, sign);
                        }
                        ColumnOutcome::Unknown => {}
                    }
                }
            }
            Outcome::LegacyOnly | Outcome::CandidateOnly => {
                for (column, tally) in self.columns.iter_mut().enumerate() {
                    let (l, c) = (cell(legacy, judge.key + column), cell(candidate, judge.key + column));
                    tally.difference(l, c, sign);
                }
            }
            Outcome::Duplicate | Outcome::Unknown | Outcome::Gone => {}
        }
    }

    /// Adds the tally of another range of keys.
    pub fn merge(&mut self, other: &Tally) {
        self.matched += other.matched;
        self.tolerated += other.tolerated;
        self.mismatched += other.mismatched;
        self.legacy_only += other.legacy_only;
        self.candidate_only += other.candidate_only;
        self.duplicate += other.duplicate;
        self.unknown += other.unknown;
        self.keys += other.keys;
        for (mine, theirs) in [(&mut self.legacy, &other.legacy), (&mut self.candidate, &other.candidate)] {
            mine.read += theirs.read;
            mine.in_duplicates += theirs.in_duplicates;
            mine.in_unknown += theirs.in_unknown;
        }
        self.columns.iter_mut().zip(&other.columns).for_each(|(a, b)| a.merge(b));
    }

    /// The counts, after checking that they add up.
    ///
    /// # Errors
    /// Which sum does not hold; nothing may be reported then.
    pub fn counts(&self) -> Result<Counts, String> {
        let parts = [
            self.keys,
            self.matched,
            self.tolerated,
            self.mismatched,
            self.legacy_only,
            self.candidate_only,
            self.duplicate,
            self.unknown,
        ];
        if parts.iter().any(|n| *n < 0) || self.tolerated > self.matched {
            return Err("a count is out of range".into());
        }
        let sum = parts[1] + parts[3..].iter().sum::<i64>();
        if self.keys != sum {
            return Err(format!("{} keys were seen, but their kinds sum to {sum}", self.keys));
        }
        let paired = self.matched + self.mismatched;
        for (side, rows, only) in
            [("legacy", self.legacy, self.legacy_only), ("candidate", self.candidate, self.candidate_only)]
        {
            let explained = paired + only + rows.in_duplicates + rows.in_unknown;
            if rows.read != explained {
                return Err(format!("{} {side} records were read, but {explained} are accounted for", rows.read));
            }
        }
        Ok(Counts {
            keys: parts[0] as u64,
            matched: parts[1] as u64,
            tolerated: parts[2] as u64,
            mismatched: parts[3] as u64,
            legacy_only: parts[4] as u64,
            candidate_only: parts[5] as u64,
            duplicate: parts[6] as u64,
            unknown: parts[7] as u64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Batch, NumberForm};

    #[test]
    fn what_agrees_is_totalled_as_both_sides_would_be() {
        let mut batch = Batch::new(1);
        let mut cells = vec![Cell::Null, Cell::Absent, Cell::Bool(true), Cell::Date(9), Cell::Uuid([1; 16])];
        cells.push(Cell::Instant { nanos: 5, digits: 3 });
        cells.push(Cell::Number { coefficient: -125, scale: 2, form: NumberForm::Decimal });
        for text in ["", "NULL", "1.50", "-7", "-x", "007", "paid"] {
            let span = batch.store(text.as_bytes());
            cells.extend([Cell::Text(span), Cell::Untyped(span), Cell::Bytes(span)]);
        }
        for cell in cells {
            for sign in [1, -1] {
                let at = CellRef { cell, arena: batch.arena() };
                let (mut agreed, mut added) = (ColumnTally::default(), ColumnTally::default());
                agreed.agree(at, at, sign);
                added.total(at, OnSide::Legacy, Bucket::Compared, sign);
                added.total(at, OnSide::Candidate, Bucket::Compared, sign);
                assert_eq!(agreed.not_totalled, added.not_totalled, "{cell:?}");
                assert_eq!(agreed.legacy_kinds, added.legacy_kinds, "{cell:?}");
                assert_eq!(agreed.candidate_kinds, added.candidate_kinds, "{cell:?}");
                let sums = |tally: &ColumnTally| {
                    let mut both = [tally.numbers.clone(), tally.others.clone()];
                    both[0].legacy.merge(&tally.agreed);
                    both[0].candidate.merge(&tally.agreed);
                    both.map(|sums| (sums.legacy.amount().to_string(), sums.candidate.amount().to_string()))
                };
                assert_eq!(sums(&agreed), sums(&added), "{cell:?}");
            }
        }
    }
}
