//! Which two values agree, which agree with drift, and which differ. The table in
//! `docs/comparison.md` is this file in words; a test holds the two together cell by cell.

use jiff::tz::TimeZone;

use super::amount::{Amount, compare_small};
use super::batch::{Cell, CellRef, NumberForm};
use super::decode::is_plain_literal;
use super::json;
use super::temporal::{parse_date, parse_instant, parse_time, resolve_local};
use super::value::{Value, hex, parse_uuid, unhex};

/// Whether an absent document field equals SQL NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Missing {
    /// Absent equals NULL; counted as drift.
    #[default]
    Null,
    /// Absent and NULL differ.
    Distinct,
}

/// Whether the same value in another type agrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Types {
    /// By value; counted as drift.
    #[default]
    Lenient,
    /// Another type is a difference.
    Strict,
}

/// The rules of one comparison.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Absent against NULL.
    pub missing: Missing,
    /// Same value, other type.
    pub types: Types,
    /// Zone of instants that are written without one.
    pub zone: TimeZone,
}

impl Default for Rules {
    fn default() -> Self {
        Rules { missing: Missing::default(), types: Types::default(), zone: TimeZone::UTC }
    }
}

/// One way in which equal values were held differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Drift {
    /// A binary float stands for an exact number.
    Double,
    /// Text stands for a number, date, instant, …
    Text,
    /// An absent field stands for NULL.
    Missing,
    /// Digits behind the second were lost on one side.
    Precision,
    /// 0 or 1 stands for a truth value.
    Boolean,
    /// An instant at midnight stands for a date.
    Date,
    /// Bytes stand for a UUID.
    Bytes,
}

impl Drift {
    /// Every drift, in the order of reports.
    pub const ALL: [Drift; 7] =
        [Drift::Double, Drift::Text, Drift::Missing, Drift::Precision, Drift::Boolean, Drift::Date, Drift::Bytes];

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Drift::Double => "double",
            Drift::Text => "text",
            Drift::Missing => "missing",
            Drift::Precision => "precision",
            Drift::Boolean => "boolean",
            Drift::Date => "date",
            Drift::Bytes => "bytes",
        }
    }
}

/// The drifts of one pair of values (a document can have several).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct DriftSet(u8);

impl DriftSet {
    /// No drift.
    pub const NONE: DriftSet = DriftSet(0);

    /// Only this one.
    pub fn only(drift: Drift) -> DriftSet {
        DriftSet(1 << drift as u8)
    }

    /// Whether it holds a drift.
    pub fn has(self, drift: Drift) -> bool {
        self.0 & (1 << drift as u8) != 0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// The outcome for two values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Equality {
    /// They agree; how they were held may differ.
    Equal(DriftSet),
    /// They differ.
    Different,
    /// One of them could not be decoded: why.
    Unknown(String),
}

impl Equality {
    const SAME: Equality = Equality::Equal(DriftSet::NONE);

    fn of(equal: bool) -> Equality {
        if equal { Equality::SAME } else { Equality::Different }
    }
}

/// Whether two cells are held in the same way and hold the same: then [`compare_cells`] finds them equal without
/// drift, under any rules. `false` says nothing.
#[inline(always)]
pub fn same_cells(legacy: &Cell, legacy_arena: &[u8], candidate: &Cell, candidate_arena: &[u8]) -> bool {
    match (legacy, candidate) {
        (
            Cell::Number { coefficient: a, scale: sa, form: fa },
            Cell::Number { coefficient: b, scale: sb, form: fb },
        ) => a == b && sa == sb && fa == fb,
        (Cell::Text(a), Cell::Text(b)) => a.of(legacy_arena) == b.of(candidate_arena),
        (Cell::Instant { nanos: a, .. }, Cell::Instant { nanos: b, .. }) => a == b,
        (Cell::Null, Cell::Null) => true,
        _ => false,
    }
}

/// Compares two cells; the common cases without decoding anything.
#[inline]
pub fn compare_cells(legacy: CellRef<'_>, candidate: CellRef<'_>, rules: &Rules) -> Equality {
    use NumberForm::{Double, Untyped};
    match (legacy.cell, candidate.cell) {
        (
            Cell::Number { coefficient: a, scale: sa, form: fa },
            Cell::Number { coefficient: b, scale: sb, form: fb },
        ) if (fa == Double) == (fb == Double) || fa == Untyped || fb == Untyped => {
            if sa == sb {
                return Equality::of(a == b);
            }
            match compare_small(a, sa.into(), b, sb.into()) {
                Some(order) => Equality::of(order.is_eq()),
                None => Equality::of(Amount::new(a, sa.into()).same_value(&Amount::new(b, sb.into()))),
            }
        }
        (Cell::Text(a) | Cell::Untyped(a), Cell::Text(b) | Cell::Untyped(b)) => {
            Equality::of(legacy.bytes(a) == candidate.bytes(b))
        }
        (Cell::Null, Cell::Null) | (Cell::Absent, Cell::Absent) => Equality::SAME,
        (Cell::Null, Cell::Absent) | (Cell::Absent, Cell::Null) if rules.missing == Missing::Null => {
            Equality::Equal(DriftSet::only(Drift::Missing))
        }
        (Cell::Instant { nanos: a, .. }, Cell::Instant { nanos: b, .. }) if a == b => Equality::SAME,
        (Cell::Wide { text: a, form: fa }, Cell::Wide { text: b, form: fb })
            if fa == fb && legacy.bytes(a) == candidate.bytes(b) =>
        {
            Equality::SAME
        }
        (Cell::Bool(a), Cell::Bool(b)) => Equality::of(a == b),
        (Cell::Date(a), Cell::Date(b)) => Equality::of(a == b),
        (Cell::Bson { at: a, array: x }, Cell::Bson { at: b, array: y })
            if x == y && legacy.bytes(a) == candidate.bytes(b) && rules.types == Types::Lenient =>
        {
            // Equal bytes are equal values, unless something in them cannot be decoded.
            match contains_unknown(&Value::of(legacy)) {
                Some(reason) => Equality::Unknown(reason),
                None => Equality::SAME,
            }
        }
        _ => compare_values(&Value::of(legacy), &Value::of(candidate), rules),
    }
}

fn contains_unknown(value: &Value) -> Option<String> {
    match value {
        Value::Unknown(reason) => Some(reason.clone()),
        Value::Document(fields) => fields.iter().find_map(|(_, v)| contains_unknown(v)),
        Value::Array(items) => items.iter().find_map(contains_unknown),
        _ => None,
    }
}

/// Compares two decoded values.
pub fn compare_values(legacy: &Value, candidate: &Value, rules: &Rules) -> Equality {
    use Value as V;
    // Every pair is judged the same from both sides: the rules are written once, in this order of types.
    match (legacy, candidate) {
        (V::Unknown(reason), _) | (_, V::Unknown(reason)) => return Equality::Unknown(reason.clone()),
        (V::Document(_) | V::Array(_), _) | (_, V::Document(_) | V::Array(_)) => {
            if let Some(reason) = contains_unknown(legacy).or_else(|| contains_unknown(candidate)) {
                return Equality::Unknown(reason);
            }
        }
        _ => {}
    }
    one_way(legacy, candidate, rules).or_else(|| one_way(candidate, legacy, rules)).unwrap_or(Equality::Different)
}

/// Equal only under lenient types, and then with drift.
fn drifted(equal: bool, drift: Drift, rules: &Rules) -> Equality {
    match (equal, rules.types) {
        (true, Types::Lenient) => Equality::Equal(DriftSet::only(drift)),
        _ => Equality::Different,
    }
}

/// As [`drifted`], unless the text comes from a file without types: then there is nothing to drift from.
fn from_text(equal: bool, untyped: bool, rules: &Rules) -> Equality {
    if untyped { Equality::of(equal) } else { drifted(equal, Drift::Text, rules) }
}

/// The rules for an ordered pair of types; `None` where the pair is judged the other way round, or differs.
fn one_way(left: &Value, right: &Value, rules: &Rules) -> Option<Equality> {
    use NumberForm::{Double, Untyped};
    use Value as V;
    Some(match (left, right) {
        (V::Null, V::Null) | (V::Absent, V::Absent) => Equality::SAME,
        (V::Null, V::Absent) | (V::Absent, V::Null) => match rules.missing {
            Missing::Null => Equality::Equal(DriftSet::only(Drift::Missing)),
            Missing::Distinct => Equality::Different,
        },
        (V::Null | V::Absent, _) => Equality::Different,
        (V::Number { amount: a, form: fa }, V::Number { amount: b, form: fb }) => {
            let equal = a.same_value(b);
            let same_kind = (*fa == Double) == (*fb == Double) || *fa == Untyped || *fb == Untyped;
            if same_kind { Equality::of(equal) } else { drifted(equal, Drift::Double, rules) }
        }
        (V::Number { amount, form }, V::Text { text, untyped }) => {
            if *form == Untyped && amount.to_string() == *text {
                Equality::SAME
            } else if is_plain_literal(text.as_bytes()) {
                from_text(Amount::parse(text).is_ok_and(|b| b.same_value(amount)), *untyped, rules)
            } else {
                // A store's NaN or infinity, as a file without types writes it.
                Equality::of(*untyped && !amount.is_finite() && Amount::parse(text).is_ok_and(|b| b.same_value(amount)))
            }
        }
        (V::Bool(a), V::Bool(b)) => Equality::of(a == b),
        (V::Bool(a), V::Number { amount, form }) => {
            let equal = amount.same_value(&Amount::new(i128::from(*a), 0));
            if *form == Untyped { Equality::of(equal) } else { drifted(equal, Drift::Boolean, rules) }
        }
        (V::Bool(a), V::Text { text, untyped }) => {
            from_text(text == if *a { "true" } else { "false" }, *untyped, rules)
        }
        (V::Text { text: a, .. }, V::Text { text: b, .. }) => Equality::of(a == b),
        (V::Bytes(a), V::Bytes(b)) => Equality::of(a == b),
        (V::Bytes(a), V::Text { text, untyped }) => {
            let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("\\x")).unwrap_or(text);
            let equal = a == text.as_bytes() || (*untyped && unhex(digits).is_some_and(|b| b == *a));
            from_text(equal, *untyped, rules)
        }
        (V::Date(a), V::Date(b)) => Equality::of(a == b),
        (V::Date(a), V::Instant { nanos, .. }) => drifted(midnight(*a, rules) == Some(*nanos), Drift::Date, rules),
        (V::Date(a), V::Text { text, untyped }) => match (parse_date(text), parse_instant(text, &rules.zone)) {
            (Some(b), _) => from_text(*a == b, *untyped, rules),
            (None, Some(b)) => from_text(midnight(*a, rules) == Some(b.nanos), *untyped, rules),
            _ => Equality::Different,
        },
        (V::Instant { nanos: a, digits: da }, V::Instant { nanos: b, digits: db }) => {
            to_precision(*a, *da, *b, *db, rules)
        }
        (V::Instant { nanos, digits }, V::Text { text, untyped }) => {
            match (parse_instant(text, &rules.zone), parse_date(text)) {
                (Some(b), _) => match to_precision(*nanos, *digits, b.nanos, b.digits, rules) {
                    Equality::Equal(drift) if drift.is_empty() => from_text(true, *untyped, rules),
                    other => other,
                },
                (None, Some(b)) => from_text(midnight(b, rules) == Some(*nanos), *untyped, rules),
                _ => Equality::Different,
            }
        }
        (V::Time { nanos: a, digits: da }, V::Time { nanos: b, digits: db }) => {
            to_precision(i128::from(*a), *da, i128::from(*b), *db, rules)
        }
        (V::Time { nanos, digits }, V::Text { text, untyped }) => match parse_time(text) {
            Some((b, db)) => match to_precision(i128::from(*nanos), *digits, i128::from(b), db, rules) {
                Equality::Equal(drift) if drift.is_empty() => from_text(true, *untyped, rules),
                other => other,
            },
            None => Equality::Different,
        },
        (V::Uuid(a), V::Uuid(b)) => Equality::of(a == b),
        (V::Uuid(a), V::Bytes(b)) => drifted(a.as_slice() == b.as_slice(), Drift::Bytes, rules),
        (V::Uuid(a), V::Text { text, untyped }) => from_text(parse_uuid(text) == Some(*a), *untyped, rules),
        (V::ObjectId(a), V::ObjectId(b)) => Equality::of(a == b),
        (V::ObjectId(a), V::Text { text, untyped }) => from_text(text.eq_ignore_ascii_case(&hex(a)), *untyped, rules),
        // A file without types: digits alone may be an identifier as well as a number.
        (V::Uuid(_) | V::ObjectId(_) | V::Bytes(_), V::Number { amount, form: Untyped }) => {
            return one_way(left, &V::Text { text: amount.to_string(), untyped: true }, rules);
        }
        (V::Document(a), V::Document(b)) => documents(a, b, rules),
        (V::Array(a), V::Array(b)) if a.len() == b.len() => every(a.iter().zip(b), rules),
        (V::Document(_) | V::Array(_), V::Text { text, untyped }) => match json::json_value(text) {
            parsed @ (V::Document(_) | V::Array(_)) => match compare_values(left, &parsed, rules) {
                Equality::Equal(drift) if drift.is_empty() => from_text(true, *untyped, rules),
                other => other,
            },
            _ => Equality::Different,
        },
        _ => return None,
    })
}

/// Midnight of a date in the zone of the comparison.
fn midnight(days: i32, rules: &Rules) -> Option<i128> {
    resolve_local(i128::from(days) * 86_400_000_000_000, &rules.zone)
}

/// Equal, or equal as far as the side with fewer digits behind the second can tell.
fn to_precision(a: i128, digits_a: u8, b: i128, digits_b: u8, rules: &Rules) -> Equality {
    if a == b {
        return Equality::SAME;
    }
    let (fine, coarse, digits) = if digits_a > digits_b { (a, b, digits_b) } else { (b, a, digits_a) };
    let unit = 10i128.pow(9 - u32::from(digits.min(9)));
    drifted(digits_a != digits_b && fine.div_euclid(unit) * unit == coarse, Drift::Precision, rules)
}

fn documents(a: &[(String, Value)], b: &[(String, Value)], rules: &Rules) -> Equality {
    let find = |fields: &[(String, Value)], name: &str| {
        fields.iter().find(|(n, _)| n == name).map_or(Value::Absent, |(_, v)| v.clone())
    };
    let pairs: Vec<(Value, Value)> = a
        .iter()
        .map(|(name, value)| (value.clone(), find(b, name)))
        .chain(
            b.iter()
                .filter(|(name, _)| !a.iter().any(|(n, _)| n == name))
                .map(|(_, value)| (Value::Absent, value.clone())),
        )
        .collect();
    every(pairs.iter().map(|(x, y)| (x, y)), rules)
}

fn every<'a>(pairs: impl Iterator<Item = (&'a Value, &'a Value)>, rules: &Rules) -> Equality {
    let mut drift = DriftSet::NONE;
    for (a, b) in pairs {
        match compare_values(a, b, rules) {
            Equality::Equal(inner) => drift.0 |= inner.0,
            other => return other,
        }
    }
    Equality::Equal(drift)
}

#[cfg(test)]
mod tests {
    use super::super::batch::Batch;
    use super::*;

    #[test]
    fn what_is_the_same_at_a_glance_is_equal_under_every_rule() {
        use NumberForm::{Decimal, Double, Integer, Untyped};
        let mut batch = Batch::new(1);
        let number = |coefficient, scale, form| Cell::Number { coefficient, scale, form };
        let mut cells = vec![Cell::Absent, Cell::Null, Cell::Bool(true), Cell::Date(1), Cell::Uuid([7; 16])];
        cells.extend([Integer, Decimal, Double, Untyped].map(|form| number(150, 2, form)));
        cells.extend([number(15, 1, Decimal), number(-150, 2, Decimal), number(0, 2, Decimal), number(0, 0, Decimal)]);
        cells.extend([3, 6].map(|digits| Cell::Instant { nanos: 86_400_000_000_000, digits }));
        cells.push(Cell::Time { nanos: 5, digits: 3 });
        for text in ["", "NULL", "1.50", "po_2", "po_2 ", "po_2"] {
            let span = batch.store(text.as_bytes());
            cells.extend([Cell::Text(span), Cell::Untyped(span), Cell::Bytes(span), Cell::Unknown(span)]);
            cells.extend([Cell::Wide { text: span, form: Decimal }, Cell::Json(span)]);
        }
        let arena = batch.arena();
        let mut same = 0;
        for missing in [Missing::Null, Missing::Distinct] {
            for types in [Types::Lenient, Types::Strict] {
                let rules = Rules { missing, types, zone: TimeZone::UTC };
                for (a, b) in cells.iter().flat_map(|a| cells.iter().map(move |b| (a, b))) {
                    if same_cells(a, arena, b, arena) {
                        let (left, right) = (CellRef { cell: *a, arena }, CellRef { cell: *b, arena });
                        assert_eq!(compare_cells(left, right, &rules), Equality::SAME, "{a:?} {b:?} {rules:?}");
                        same += 1;
                    }
                }
            }
        }
        assert_eq!(same, 4 * (8 + 4 + 8 + 1), "numbers, instants, texts, NULL");
    }
}
