//! Random queries, evaluated by polars under the exactness layer and by a plain interpreter over big integers: the
//! same values cell by cell, or both without a result.

mod exact_tables;

use std::cmp::Ordering;
use std::collections::BTreeMap;

use exact_tables::{Tables, decimal, rows};
use num_bigint::BigInt;
use num_traits::{Signed, Zero};
use polars::prelude::{Column, DataFrame};
use proptest::prelude::*;

const MODES: [&str; 5] = ["half_up", "half_even", "down", "floor", "ceiling"];

#[derive(Clone, Debug)]
enum E {
    Column(usize),
    /// Digits and scale; an integer literal when the scale is 0.
    Literal(i64, u32),
    Add(Box<E>, Box<E>),
    Subtract(Box<E>, Box<E>),
    Multiply(Box<E>, Box<E>),
    Negate(Box<E>),
    Abs(Box<E>),
    Round(Box<E>, u32, usize),
    Divide(Box<E>, Box<E>, u32, usize),
    Truncate(Box<E>, i64, u32),
    Extreme(bool, Box<E>, Box<E>),
    Coalesce(Box<E>, Box<E>),
    NullIf(Box<E>, Box<E>),
    Case(Box<C>, Box<E>, Option<Box<E>>),
}

#[derive(Clone, Debug)]
enum C {
    Compare(usize, E, E),
    IsNull(E),
    And(Box<C>, Box<C>),
    Or(Box<C>, Box<C>),
    Not(Box<C>),
}

const OPERATORS: [&str; 6] = ["=", "<>", "<", "<=", ">", ">="];
/// Name, precision, scale; precision 0 for a 64-bit integer.
const COLUMNS: [(&str, usize, u32); 5] = [("a", 9, 2), ("b", 38, 10), ("c", 18, 4), ("i", 0, 0), ("d", 38, 0)];

#[derive(Debug, PartialEq)]
struct Fault;
type Cell = Option<BigInt>;

fn ten(n: u32) -> BigInt {
    BigInt::from(10).pow(n)
}

fn fit(value: BigInt) -> Result<BigInt, Fault> {
    if value.abs() < ten(38) { Ok(value) } else { Err(Fault) }
}

fn scale(e: &E) -> u32 {
    match e {
        E::Column(at) => COLUMNS[*at].2,
        E::Literal(_, scale) | E::Round(_, scale, _) | E::Divide(_, _, scale, _) | E::Truncate(_, _, scale) => *scale,
        E::Add(a, b) | E::Subtract(a, b) | E::Extreme(_, a, b) | E::Coalesce(a, b) => scale(a).max(scale(b)),
        E::Multiply(a, b) => scale(a) + scale(b),
        E::Negate(a) | E::Abs(a) | E::NullIf(a, _) => scale(a),
        E::Case(_, a, b) => scale(a).max(b.as_ref().map_or(0, |b| scale(b))),
    }
}

fn rounded(n: &BigInt, d: &BigInt, mode: usize) -> BigInt {
    // Floor first, then up by the rule: another way than the kernels'.
    let (n, d) = if d.is_negative() { (-n, -d) } else { (n.clone(), d.clone()) };
    let mut floor = &n / &d;
    let mut rest = &n % &d;
    if rest.is_negative() {
        floor -= 1;
        rest += &d;
    }
    if rest.is_zero() {
        return floor;
    }
    let half = (&rest * BigInt::from(2)).cmp(&d);
    let up = match MODES[mode] {
        "floor" => false,
        "ceiling" => true,
        "down" => n.is_negative(),
        "half_up" => half == Ordering::Greater || (half == Ordering::Equal && !n.is_negative()),
        _ => half == Ordering::Greater || (half == Ordering::Equal && floor.bit(0)),
    };
    if up { floor + 1 } else { floor }
}

/// The coefficient of a value at its scale.
fn value(e: &E, row: &[Cell]) -> Result<Cell, Fault> {
    let raise = |cell: Cell, from: u32, to: u32| cell.map(|v| fit(v * ten(to - from))).transpose();
    let two = |a: &E, b: &E| -> Result<Option<(BigInt, BigInt)>, Fault> { Ok(value(a, row)?.zip(value(b, row)?)) };
    match e {
        E::Column(at) => Ok(row[*at].clone()),
        E::Literal(n, _) => Ok(Some((*n).into())),
        E::Add(a, b) | E::Subtract(a, b) => {
            let to = scale(e);
            let sign = if matches!(e, E::Add(..)) { 1 } else { -1 };
            let sum = |(x, y): (BigInt, BigInt)| fit(x * ten(to - scale(a)) + y * ten(to - scale(b)) * sign);
            two(a, b)?.map(sum).transpose()
        }
        E::Multiply(a, b) => two(a, b)?.map(|(x, y)| fit(x * y)).transpose(),
        E::Negate(a) => Ok(value(a, row)?.map(|v| -v)),
        E::Abs(a) => Ok(value(a, row)?.map(|v| v.abs())),
        E::Round(a, to, mode) => {
            let from = scale(a);
            let cell = value(a, row)?;
            if from <= *to {
                raise(cell, from, *to)
            } else {
                cell.map(|v| fit(rounded(&v, &ten(from - to), *mode))).transpose()
            }
        }
        E::Divide(a, b, to, mode) => match two(a, b)? {
            None => Ok(None),
            Some((_, y)) if y.is_zero() => Err(Fault),
            Some((x, y)) => fit(rounded(&(x * ten(to + scale(b))), &(y * ten(scale(a))), *mode)).map(Some),
        },
        E::Truncate(a, unit, to) => {
            let cut = |v: BigInt| fit(rounded(&(v * ten(*to)), &(BigInt::from(*unit) * ten(scale(a))), 2) * *unit);
            value(a, row)?.map(cut).transpose()
        }
        E::Extreme(greatest, a, b) => {
            let to = scale(e);
            let (x, y) = (value(a, row)?, value(b, row)?);
            let pair = raise(x, scale(a), to)?.zip(raise(y, scale(b), to)?);
            Ok(pair.map(|(x, y)| if *greatest { x.max(y) } else { x.min(y) }))
        }
        E::Coalesce(a, b) => match value(a, row)? {
            Some(v) => raise(Some(v), scale(a), scale(e)),
            None => raise(value(b, row)?, scale(b), scale(e)),
        },
        E::NullIf(a, b) => match two(a, b)? {
            Some((x, y)) if x.clone() * ten(scale(b)) == y.clone() * ten(scale(a)) => Ok(None),
            _ => value(a, row),
        },
        E::Case(c, a, b) => match (truth(c, row)?, b) {
            (Some(true), _) => raise(value(a, row)?, scale(a), scale(e)),
            (_, Some(b)) => raise(value(b, row)?, scale(b), scale(e)),
            (_, None) => Ok(None),
        },
    }
}

thread_local! {
    /// Whether a side of AND or OR that faults is excused when the other side decides: an engine may look at either
    /// first.
    static EXCUSED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

fn excused<T>(ask: impl FnOnce() -> T) -> T {
    EXCUSED.set(true);
    let answer = ask();
    EXCUSED.set(false);
    answer
}

fn truth(c: &C, row: &[Cell]) -> Result<Option<bool>, Fault> {
    if EXCUSED.get()
        && let C::And(a, b) | C::Or(a, b) = c
        && truth(a, row).is_err()
        && let Ok(Some(decided)) = truth(b, row)
        && decided == matches!(c, C::Or(..))
    {
        return Ok(Some(decided));
    }
    Ok(match c {
        C::Compare(op, a, b) => value(a, row)?.zip(value(b, row)?).map(|(x, y)| {
            let order = (x * ten(scale(b))).cmp(&(y * ten(scale(a))));
            match OPERATORS[*op] {
                "=" => order.is_eq(),
                "<>" => order.is_ne(),
                "<" => order.is_lt(),
                "<=" => order.is_le(),
                ">" => order.is_gt(),
                _ => order.is_ge(),
            }
        }),
        C::IsNull(a) => Some(value(a, row)?.is_none()),
        C::And(a, b) => match truth(a, row)? {
            Some(false) => Some(false),
            left => match (left, truth(b, row)?) {
                (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
        },
        C::Or(a, b) => match truth(a, row)? {
            Some(true) => Some(true),
            left => match (left, truth(b, row)?) {
                (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
        },
        C::Not(a) => truth(a, row)?.map(|t| !t),
    })
}

/// Whether every scale can exist.
fn possible(e: &E) -> bool {
    let below = match e {
        E::Column(_) | E::Literal(..) => true,
        E::Add(a, b)
        | E::Subtract(a, b)
        | E::Multiply(a, b)
        | E::Extreme(_, a, b)
        | E::Coalesce(a, b)
        | E::NullIf(a, b)
        | E::Divide(a, b, ..) => possible(a) && possible(b),
        E::Negate(a) | E::Abs(a) | E::Round(a, ..) | E::Truncate(a, ..) => possible(a),
        E::Case(c, a, b) => possible_condition(c) && possible(a) && b.as_ref().is_none_or(|b| possible(b)),
    };
    below && scale(e) <= 38
}

fn possible_condition(c: &C) -> bool {
    match c {
        C::Compare(_, a, b) => possible(a) && possible(b),
        C::IsNull(a) => possible(a),
        C::And(a, b) | C::Or(a, b) => possible_condition(a) && possible_condition(b),
        C::Not(a) => possible_condition(a),
    }
}

fn literal(n: i64, scale: u32) -> String {
    recon::domain::Amount::new(n.into(), scale as i32).to_string()
}

fn sql(e: &E) -> String {
    match e {
        E::Column(at) => COLUMNS[*at].0.into(),
        E::Literal(n, scale) if *n < 0 => format!("({})", literal(*n, *scale)),
        E::Literal(n, scale) => literal(*n, *scale),
        E::Add(a, b) => format!("({} + {})", sql(a), sql(b)),
        E::Subtract(a, b) => format!("({} - {})", sql(a), sql(b)),
        E::Multiply(a, b) => format!("({} * {})", sql(a), sql(b)),
        E::Negate(a) => format!("(- {})", sql(a)),
        E::Abs(a) => format!("abs({})", sql(a)),
        E::Round(a, to, mode) => format!("round_{}({}, {to})", MODES[*mode], sql(a)),
        E::Divide(a, b, to, mode) => format!("divide({}, {}, {to}, '{}')", sql(a), sql(b), MODES[*mode]),
        E::Truncate(a, unit, scale) => format!("truncate_to_unit({}, {})", sql(a), literal(*unit, *scale)),
        E::Extreme(greatest, a, b) => {
            format!("{}({}, {})", if *greatest { "greatest" } else { "least" }, sql(a), sql(b))
        }
        E::Coalesce(a, b) => format!("COALESCE({}, {})", sql(a), sql(b)),
        E::NullIf(a, b) => format!("NULLIF({}, {})", sql(a), sql(b)),
        E::Case(c, a, None) => format!("CASE WHEN {} THEN {} END", sql_condition(c), sql(a)),
        E::Case(c, a, Some(b)) => format!("CASE WHEN {} THEN {} ELSE {} END", sql_condition(c), sql(a), sql(b)),
    }
}

fn sql_condition(c: &C) -> String {
    match c {
        C::Compare(op, a, b) => format!("{} {} {}", sql(a), OPERATORS[*op], sql(b)),
        C::IsNull(a) => format!("{} IS NULL", sql(a)),
        C::And(a, b) => format!("({} AND {})", sql_condition(a), sql_condition(b)),
        C::Or(a, b) => format!("({} OR {})", sql_condition(a), sql_condition(b)),
        C::Not(a) => format!("(NOT {})", sql_condition(a)),
    }
}

fn leaf() -> impl Strategy<Value = E> {
    prop_oneof![
        4 => (0..COLUMNS.len()).prop_map(E::Column),
        1 => (prop_oneof![Just(0i64), Just(1), Just(-1), Just(5), -20_000i64..20_000], 0u32..7).prop_map(|(n, s)| E::Literal(n, s)),
    ]
}

fn expression() -> impl Strategy<Value = E> {
    leaf().prop_recursive(4, 24, 3, |inner| {
        let e = inner.clone().prop_map(Box::new).boxed();
        let condition = condition_over(inner).prop_map(Box::new);
        prop_oneof![
            3 => (e.clone(), e.clone()).prop_map(|(a, b)| E::Add(a, b)),
            3 => (e.clone(), e.clone()).prop_map(|(a, b)| E::Subtract(a, b)),
            3 => (e.clone(), e.clone()).prop_map(|(a, b)| E::Multiply(a, b)),
            1 => e.clone().prop_map(E::Negate),
            1 => e.clone().prop_map(E::Abs),
            3 => (e.clone(), 0u32..12, 0..MODES.len()).prop_map(|(a, s, m)| E::Round(a, s, m)),
            3 => (e.clone(), e.clone(), 0u32..12, 0..MODES.len()).prop_map(|(a, b, s, m)| E::Divide(a, b, s, m)),
            1 => (e.clone(), prop_oneof![Just(10i64), Just(1), Just(25), 1i64..5000], 0u32..4).prop_map(|(a, u, s)| E::Truncate(a, u, s)),
            1 => (any::<bool>(), e.clone(), e.clone()).prop_map(|(g, a, b)| E::Extreme(g, a, b)),
            1 => (e.clone(), e.clone()).prop_map(|(a, b)| E::Coalesce(a, b)),
            1 => (e.clone(), e.clone()).prop_map(|(a, b)| E::NullIf(a, b)),
            2 => (condition, e.clone(), prop::option::of(e.clone())).prop_map(|(c, a, b)| E::Case(c, a, b)),
        ]
    })
}

fn condition_over(e: impl Strategy<Value = E> + Clone + 'static) -> impl Strategy<Value = C> {
    let leaf = prop_oneof![
        4 => (0..OPERATORS.len(), e.clone(), e.clone()).prop_map(|(op, a, b)| C::Compare(op, a, b)),
        1 => e.prop_map(C::IsNull),
    ];
    leaf.prop_recursive(2, 4, 2, |inner| {
        let c = inner.prop_map(Box::new).boxed();
        prop_oneof![
            (c.clone(), c.clone()).prop_map(|(a, b)| C::And(a, b)),
            (c.clone(), c.clone()).prop_map(|(a, b)| C::Or(a, b)),
            c.prop_map(C::Not),
        ]
    })
}

/// A coefficient of so many digits: often an edge.
fn coefficient(digits: usize) -> impl Strategy<Value = Option<i128>> {
    let max = if digits == 0 { i128::from(i64::MAX) } else { 10i128.pow(digits as u32) - 1 };
    prop_oneof![
        1 => Just(None),
        2 => prop_oneof![Just(0i128), Just(1), Just(-1), Just(5), Just(-5), Just(50), Just(15), Just(-25)].prop_map(Some),
        1 => prop_oneof![Just(max), Just(-max), Just(max / 2), Just(max / 2 + 1)].prop_map(Some),
        2 => (-max..=max).prop_map(Some),
        4 => (-1_000_000i128..=1_000_000).prop_map(move |n| Some(n.clamp(-max, max))),
    ]
}

type Row = (Vec<Option<i128>>, Option<i128>, u8);

fn table() -> impl Strategy<Value = Vec<Row>> {
    let columns: Vec<_> = COLUMNS.iter().map(|(_, digits, _)| coefficient(*digits).boxed()).collect();
    // The join key k has scale 1, the group g is small.
    prop::collection::vec((columns, prop::option::of(-3i128..4), 0u8..3), 0..12)
}

fn frame(rows: &[Row]) -> DataFrame {
    let mut columns = vec![Column::new("id".into(), (0..rows.len() as i64).collect::<Vec<_>>())];
    for (at, (name, precision, scale)) in COLUMNS.iter().enumerate() {
        let values: Vec<Option<i128>> = rows.iter().map(|row| row.0[at]).collect();
        columns.push(if *precision == 0 {
            Column::new((*name).into(), values.iter().map(|v| v.map(|v| v as i64)).collect::<Vec<_>>())
        } else {
            decimal(name, *precision, *scale as usize, &values)
        });
    }
    columns.push(decimal("k", 5, 1, &rows.iter().map(|row| row.1.map(|k| k * 5)).collect::<Vec<_>>()));
    columns.push(decimal("k4", 30, 4, &rows.iter().map(|row| row.1.map(|k| k * 5000)).collect::<Vec<_>>()));
    columns.push(Column::new("g".into(), rows.iter().map(|row| i64::from(row.2)).collect::<Vec<_>>()));
    DataFrame::new(rows.len(), columns).unwrap_or_default()
}

fn cells(row: &Row) -> Vec<Cell> {
    row.0.iter().map(|v| v.map(BigInt::from)).collect()
}

fn show(cell: &Cell, scale: u32) -> String {
    match cell {
        None => "NULL".into(),
        Some(v) => recon::domain::Amount::from_big(v.clone(), scale as i32).to_string(),
    }
}

/// Runs; `Err(refused)` when there is no result, with whether it was refused beforehand.
fn polars(rows_: &[Row], query: &str) -> Result<Vec<Vec<String>>, (bool, String)> {
    let tables = Tables { frames: vec![("t".into(), frame(rows_))], params: Vec::new() };
    let program = tables.compile(query).map_err(|refusal| (true, refusal.to_string()))?;
    let frame = program.run(tables.lazy()).map_err(|error| (false, error.what))?;
    Ok(rows(&frame))
}

/// Both have the same rows, or neither has a result. A constant part that faults is refused before any row is seen.
fn agree(
    query: &str,
    ours: Result<Vec<Vec<String>>, Fault>,
    theirs: Result<Vec<Vec<String>>, (bool, String)>,
) -> Result<(), TestCaseError> {
    let faults = |what: &str| what.contains("more than 38 digits") || what.contains("division by zero");
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => prop_assert_eq!(ours, theirs, "{}", query),
        (Err(Fault), Err((_, what))) => prop_assert!(faults(&what), "{}: {}", query, what),
        (Ok(_), Err((true, what))) if faults(&what) => {}
        (Ok(ours), Err((_, what))) => prop_assert!(false, "{}: {} instead of {:?}", query, what, ours),
        (Err(Fault), Ok(theirs)) => prop_assert!(false, "{}: no result is exact, but got {:?}", query, theirs),
    }
    Ok(())
}

fn kept<'r>(rows: &'r [Row], filter: &C) -> Result<Vec<(usize, &'r Row)>, Fault> {
    let mut kept = Vec::new();
    for (id, row) in rows.iter().enumerate() {
        if truth(filter, &cells(row))? == Some(true) {
            kept.push((id, row));
        }
    }
    Ok(kept)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 400, max_global_rejects: 1_000_000, ..ProptestConfig::default() })]

    #[test]
    fn expressions_are_exact(table in table(), e in expression(), filter in condition_over(expression().boxed())) {
        prop_assume!(possible(&e) && possible_condition(&filter));
        let query = format!("SELECT id, {} AS x FROM t WHERE {} ORDER BY id", sql(&e), sql_condition(&filter));
        let ours = || {
            kept(&table, &filter).and_then(|rows| {
                rows.into_iter()
                    .map(|(id, row)| Ok(vec![id.to_string(), show(&value(&e, &cells(row))?, scale(&e))]))
                    .collect::<Result<Vec<_>, Fault>>()
            })
        };
        let theirs = polars(&table, &query);
        let ours = match ours() {
            Err(Fault) if theirs.is_ok() => excused(ours),
            ours => ours,
        };
        agree(&query, ours, theirs)?;
    }

    #[test]
    fn groups_are_exact(table in table(), e in expression(), key in leaf()) {
        prop_assume!(possible(&e) && !matches!(key, E::Literal(..)));
        let query = format!(
            "SELECT {0} AS k, SUM({1}) AS s, MIN({1}) AS lo, MAX({1}) AS hi, COUNT({1}) AS n, COUNT(*) AS m, COUNT(DISTINCT {1}) AS u FROM t GROUP BY {0} ORDER BY k",
            sql(&key), sql(&e)
        );
        let ours = (|| {
            let mut groups: BTreeMap<(bool, Cell), Vec<Cell>> = BTreeMap::new();
            for row in &table {
                let row = cells(row);
                let key = value(&key, &row)?;
                groups.entry((key.is_none(), key)).or_default().push(value(&e, &row)?);
            }
            groups.into_iter().map(|((_, k), all)| {
                let mut values: Vec<BigInt> = all.iter().flatten().cloned().collect();
                values.sort();
                let sum = if values.is_empty() { None } else { Some(fit(values.iter().sum())?) };
                let (n, s) = (values.len(), scale(&e));
                let (lo, hi) = (values.first().cloned(), values.last().cloned());
                values.dedup();
                Ok(vec![show(&k, scale(&key)), show(&sum, s), show(&lo, s), show(&hi, s), n.to_string(), all.len().to_string(), values.len().to_string()])
            }).collect()
        })();
        agree(&query, ours, polars(&table, &query))?;
    }

    #[test]
    fn joins_and_unions_are_exact(table in table(), e in expression(), left in any::<bool>(), other in expression()) {
        prop_assume!(possible(&e) && possible(&other));
        let (join, kind) = if left { ("LEFT JOIN", 1) } else { ("JOIN", 0) };
        let query = format!(
            "WITH v AS (SELECT k4, g, {} AS x FROM t) SELECT l.id, SUM(r.x) AS s, COUNT(r.g) AS n FROM t AS l {join} v AS r ON l.k = r.k4 AND r.g <> 2 GROUP BY l.id ORDER BY l.id",
            sql(&e)
        );
        let ours = (|| {
            let right: Vec<(&Row, Cell)> = table.iter().map(|row| Ok((row, value(&e, &cells(row))?))).collect::<Result<_, Fault>>()?;
            let mut out = Vec::new();
            for (id, row) in table.iter().enumerate() {
                let matched: Vec<&Cell> = right.iter().filter(|(r, _)| r.1.is_some() && r.1 == row.1 && r.2 != 2).map(|(_, x)| x).collect();
                if matched.is_empty() && kind == 0 {
                    continue;
                }
                let values: Vec<&BigInt> = matched.iter().filter_map(|x| x.as_ref()).collect();
                let sum = if values.is_empty() { None } else { Some(fit(values.into_iter().sum())?) };
                out.push(vec![id.to_string(), show(&sum, scale(&e)), matched.len().to_string()]);
            }
            Ok(out)
        })();
        // Rows of `v` that join nothing need not be computed by an engine, so a fault there may or may not show.
        if ours.is_ok() {
            agree(&query, ours, polars(&table, &query))?;
        }

        let query = format!("SELECT id, {} AS x FROM t UNION ALL SELECT id + 100, {} FROM t ORDER BY id", sql(&e), sql(&other));
        let to = scale(&e).max(scale(&other));
        let ours = (|| {
            let mut out = Vec::new();
            for (offset, side) in [(0, &e), (100, &other)] {
                for (id, row) in table.iter().enumerate() {
                    let cell = value(side, &cells(row))?.map(|v| fit(v * ten(to - scale(side)))).transpose()?;
                    out.push(vec![(id + offset).to_string(), show(&cell, to)]);
                }
            }
            Ok(out)
        })();
        agree(&query, ours, polars(&table, &query))?;
    }
}

/// More with `PROPTEST_CASES`.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(200)
}
