//! The inputs that every counterpart is tried with, written for a store and for recon.

use std::fmt::Write as _;

use crate::page::{Counterpart, Store};

/// Digits behind the point of every number of the grids.
pub const SCALE: u32 = 4;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Number,
    Integer,
    Date,
    Instant,
    Text,
}

/// Rows of inputs; the row's number is the key.
pub struct Grid {
    columns: Vec<(String, Kind)>,
    pub rows: Vec<Vec<Option<String>>>,
}

/// How SQLite's integers stand for numbers: `n` units of the input, `d` of them in one unit of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Units {
    /// `d` of the input make one unit of the result, which has this scale.
    Divisor(i128, u32),
    /// `n` is x times this, `d` is y; the result has this scale.
    Division(i128, u32),
    /// `n` and `m` are x and y.
    Plain,
}

impl Units {
    /// Of a function of numbers; `None` for another one.
    pub fn of(function: &str) -> Option<Units> {
        let (name, rest) = function.split_once('(')?;
        let second = || rest.split([',', ')']).nth(1)?.trim().parse::<u32>().ok();
        let third = || rest.split([',', ')']).nth(2)?.trim().parse::<u32>().ok();
        let ten = |exponent: u32| 10i128.pow(exponent);
        match name {
            "floor" | "ceil" => Some(Units::Divisor(ten(SCALE), 0)),
            "truncate_to_unit" => Some(Units::Divisor(i128::from(second()?) * ten(SCALE), 0)),
            "divide" => Some(Units::Division(ten(third()?), third()?)),
            "abs" | "greatest" | "least" => Some(Units::Plain),
            name if name.starts_with("round_") => Some(Units::Divisor(ten(SCALE - second()?), second()?)),
            _ => None,
        }
    }

    /// The scale of SQLite's result.
    pub fn result(self) -> u32 {
        match self {
            Units::Divisor(_, scale) | Units::Division(_, scale) => scale,
            Units::Plain => SCALE,
        }
    }

    /// The integers `n`, `m`, `d` of a row.
    fn integers(self, row: &[Option<String>]) -> [Option<i128>; 3] {
        let number = |at: usize| row.get(at).and_then(Option::as_deref).map(coefficient);
        let (x, y) = (number(0), number(1));
        match self {
            Units::Divisor(d, _) => [x, None, Some(d)],
            Units::Division(times, _) => {
                let sign = if y.is_some_and(|y| y < 0) { -1 } else { 1 };
                [x.map(|x| x * times * sign), None, y.map(|y| y * sign)]
            }
            Units::Plain => [x, y, None],
        }
    }
}

/// A decimal text in units of 10^-SCALE.
fn coefficient(text: &str) -> i128 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{fraction:0<width$}", width = SCALE as usize).parse().expect("at most 38 digits")
}

fn owned<const N: usize>(values: [&str; N]) -> Vec<Option<String>> {
    values.iter().map(|value| Some((*value).to_owned())).chain([None]).collect()
}

fn product(left: &[Option<String>], right: &[Option<String>]) -> Vec<Vec<Option<String>>> {
    left.iter().flat_map(|l| right.iter().map(move |r| vec![l.clone(), r.clone()])).collect()
}

/// Around every tie of two digits, of whole numbers and of tens, on both sides of zero, and at the ends of 64 bits and
/// of 38 digits.
fn numbers() -> Vec<Option<String>> {
    let mut units: Vec<i128> = Vec::new();
    let ends = [i128::from(i64::MAX), i128::from(i64::MAX) / 100, 10i128.pow(18), 10i128.pow(37), 10i128.pow(38) - 1];
    for around in [0, 50, 100, 150, 250, 350, 9_950, 5_000, 10_000, 15_000, 25_000, 50_000, 100_000, 12_345_650] {
        units.extend((-2..=2).map(|beside| around + beside));
    }
    units.extend(ends.iter().flat_map(|end| [*end - 50, *end - 1, *end]));
    units.extend(units.clone().iter().map(|unit| -unit));
    units.push(i128::from(i64::MIN));
    units.sort_unstable();
    units.dedup();
    units.into_iter().map(|unit| Some(decimal(unit))).chain([None]).collect()
}

fn decimal(units: i128) -> String {
    let ten = 10u128.pow(SCALE);
    let (sign, units) = (if units < 0 { "-" } else { "" }, units.unsigned_abs());
    format!("{sign}{}.{:04}", units / ten, units % ten)
}

/// Dividends and divisors whose quotients have ties at two digits, never end, or lie beside a tie by less than what
/// MySQL's and PostgreSQL's own division keep; no divisor of zero.
fn quotients() -> Vec<Vec<Option<String>>> {
    let x = owned([
        "0",
        "0.0001",
        "0.005",
        "0.015",
        "0.025",
        "0.0049",
        "0.0051",
        "1",
        "1.005",
        "1.015",
        "2",
        "10",
        "100.125",
        "99999.9999",
        "33333.33",
        "-0.0001",
        "-0.005",
        "-0.015",
        "-0.025",
        "-1",
        "-1.005",
        "-2",
        "-10",
        "-100.125",
        "92233720368547.7580",
        "-92233720368547.7580",
        "1234567890123456789012345678.9012",
        "-9999999999999999999999999999.9999",
        "4999999999999999999999999999.9999",
        "1000000",
        "100000000000000",
        "-100000000000000",
    ]);
    let y = owned([
        "1",
        "2",
        "3",
        "7",
        "8",
        "-1",
        "-2",
        "-3",
        "-8",
        "200",
        "0.25",
        "-0.25",
        "100000",
        "0.0008",
        "-0.0003",
        "99999999.9999",
        "9999999999999999999999999999.9999",
        // A hair below a tie with the dividends of 10^6 and 10^14: a quotient that is rounded before lands on it.
        "200000000.0001",
        "20000000000000000.0001",
    ]);
    product(&x, &y)
}

/// The ends of months, leap years, weekends and the calendar.
fn dates() -> Vec<Option<String>> {
    owned([
        "1970-01-01",
        "1969-12-31",
        "1900-02-28",
        "1900-03-01",
        "2000-02-29",
        "2024-02-28",
        "2024-02-29",
        "2024-03-01",
        "2023-02-28",
        "2023-12-31",
        "2024-01-01",
        "2024-01-31",
        "2024-04-30",
        "2024-11-01",
        "2024-12-31",
        "1582-10-10",
        "1600-02-29",
        "2100-02-28",
        "0001-01-01",
        "0004-02-29",
        "2262-04-11",
        "2262-04-12",
        "9998-12-31",
        "9999-11-30",
    ])
}

fn business_days() -> Vec<Vec<Option<String>>> {
    // Around new year, a long weekend of holidays, a closed leap day, and a Christmas.
    let days: Vec<Option<String>> = ["2023-12", "2024-02", "2024-03", "2024-12"]
        .iter()
        .flat_map(|month| (1..=29).map(move |day| Some(format!("{month}-{day:02}"))))
        .chain([None])
        .collect();
    product(&days, &owned(["0", "1", "-1", "2", "-2", "5", "-6", "20", "-21", "150"]))
}

/// What a counterpart is tried with on a store.
pub fn of(counterpart: &Counterpart, store: Store) -> Grid {
    let columns = counterpart.columns();
    let one = |values: Vec<Option<String>>| values.into_iter().map(|value| vec![value]).collect::<Vec<_>>();
    let texts = owned([
        "",
        " ",
        "  a",
        "a  ",
        " a b ",
        "a",
        "A",
        "abc",
        "aXc",
        "a_c",
        "a%c",
        "ABC",
        "abcd",
        "Abc",
        "aéc",
        "가나다라",
        "a가c나",
        "😀bc😀",
        "a\tb",
        "\ta",
        "a\\c",
        "z",
        "Z",
        "a*c",
        "a?c",
        "[a]",
    ]);
    let mut grid = match columns.as_slice() {
        ["x"] => Grid::new(&[("x", Kind::Number)], one(numbers())),
        ["x", "y"] if counterpart.function.starts_with("divide(") => {
            Grid::new(&[("x", Kind::Number), ("y", Kind::Number)], quotients())
        }
        ["x", "y"] => {
            let few: Vec<_> = numbers().into_iter().step_by(9).chain([None]).collect();
            Grid::new(&[("x", Kind::Number), ("y", Kind::Number)], product(&few, &few))
        }
        ["t"] => {
            let days = dates();
            let moments = days.iter().flatten().filter(|day| day.as_str() > "1600" && day.as_str() < "2262");
            let times = ["00:00:00", "12:30:00", "14:59:59", "15:00:00", "23:59:59"];
            let all = moments.flat_map(|day| times.map(|time| Some(format!("{day} {time}")))).chain([None]);
            Grid::new(&[("t", Kind::Instant)], one(all.collect()))
        }
        ["d"] => {
            let mut days = dates();
            // SQLite alone has no end of the last month.
            if store != Store::Sqlite {
                days.push(Some("9999-12-15".into()));
            }
            Grid::new(&[("d", Kind::Date)], one(days))
        }
        ["d", "e"] => Grid::new(&[("d", Kind::Date), ("e", Kind::Date)], product(&dates(), &dates())),
        ["d", "n"] if counterpart.function.contains("holidays") => {
            Grid::new(&[("d", Kind::Date), ("n", Kind::Integer)], business_days())
        }
        ["d", "n"] => {
            let inside = |day: &Option<String>| day.as_ref().is_none_or(|day| day.as_str() > "0004");
            let days: Vec<_> = dates().into_iter().filter(inside).collect();
            let steps = owned(["0", "1", "-1", "28", "29", "31", "-31", "-365", "-366", "-1000"]);
            Grid::new(&[("d", Kind::Date), ("n", Kind::Integer)], product(&days, &steps))
        }
        ["s"] => Grid::new(&[("s", Kind::Text)], one(texts)),
        ["s", "u"] => Grid::new(&[("s", Kind::Text), ("u", Kind::Text)], product(&texts, &texts)),
        other => panic!("no inputs for {other:?} of {}", counterpart.function),
    };
    if counterpart.function.starts_with("UPPER") || counterpart.function.starts_with("LOWER") {
        // As the page says: other letters differ by store.
        grid.rows.retain(|row| row[0].as_ref().is_none_or(|text| !text.contains('é')));
    }
    if store == Store::Sqlite
        && let Some(units) = Units::of(&counterpart.function)
    {
        // As the page says: integers of 64 bits.
        let least = if counterpart.function.starts_with("abs") { i64::MIN + 1 } else { i64::MIN };
        let fits = |n: &i128| i64::try_from(*n).is_ok_and(|n| n >= least);
        grid.rows.retain(|row| units.integers(row).iter().flatten().all(fits));
    }
    if let Some(Units::Division(times, _)) = Units::of(&counterpart.function) {
        // As the page says: results of up to 38 digits.
        grid.rows.retain(|row| match row.as_slice() {
            [Some(x), Some(y)] => {
                (coefficient(x).abs() / coefficient(y).abs()).checked_mul(times).is_some_and(|q| q < 10i128.pow(37))
            }
            _ => true,
        });
    }
    grid
}

impl Grid {
    pub fn new(columns: &[(&str, Kind)], rows: Vec<Vec<Option<String>>>) -> Grid {
        Grid { columns: columns.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect(), rows }
    }

    /// The inputs of a discrepancy, for its reader.
    pub fn row_of(&self, discrepancy: &serde_json::Value) -> String {
        let id = &discrepancy["key"]["id"];
        let id = id.as_str().and_then(|id| id.parse().ok()).or(id.as_u64().map(|id| id as usize));
        let row = id.and_then(|id: usize| self.rows.get(id));
        let names = self.columns.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        format!("{names} = {:?}", row.unwrap_or(&Vec::new()))
    }

    /// `fields` of the input in recon.toml.
    pub fn fields(&self) -> String {
        let kind = |kind: Kind| match kind {
            Kind::Number => "decimal",
            Kind::Integer => "integer",
            Kind::Date => "date",
            Kind::Instant => "instant",
            Kind::Text => "text",
        };
        let mut fields = "id = 'id'".to_owned();
        for (name, of) in &self.columns {
            write!(fields, ", {name} = {{ path = '{name}', type = '{}' }}", kind(*of)).expect("written");
        }
        fields
    }

    /// The rows as recon's input.
    pub fn ndjson(&self) -> String {
        let mut out = String::new();
        for (id, row) in self.rows.iter().enumerate() {
            let mut document = serde_json::json!({ "id": id });
            for ((name, kind), value) in self.columns.iter().zip(row) {
                let value = value.clone().map(|v| if *kind == Kind::Instant { v.replace(' ', "T") + "Z" } else { v });
                document[name] = value.into();
            }
            writeln!(out, "{document}").expect("written");
        }
        out
    }

    /// `grid` made anew in a store, with the same rows.
    pub fn script(&self, store: Store, units: Option<Units>) -> String {
        if let (Store::Sqlite, Some(units)) = (store, units) {
            return self.integers(units);
        }
        let columns: Vec<String> =
            self.columns.iter().map(|(name, kind)| format!("{name} {}", sql_type(store, *kind))).collect();
        let rows = self.rows.iter().map(|row| {
            let values = self.columns.iter().zip(row);
            values.map(|((_, kind), value)| literal(store, *kind, value.as_deref())).collect::<Vec<_>>().join(",")
        });
        create(&columns.join(", "), rows)
    }

    fn integers(&self, units: Units) -> String {
        let show = |n: Option<i128>| match n {
            None => "NULL".to_owned(),
            // The least integer has no literal of its own.
            Some(n) if n == i128::from(i64::MIN) => "(-9223372036854775807 - 1)".to_owned(),
            Some(n) => n.to_string(),
        };
        let rows = self.rows.iter().map(|row| units.integers(row).map(show).join(","));
        create("n INTEGER, m INTEGER, d INTEGER", rows)
    }
}

fn create(columns: &str, rows: impl Iterator<Item = String>) -> String {
    let rows: Vec<String> = rows.enumerate().map(|(id, row)| format!("({id},{row})")).collect();
    format!(
        "DROP TABLE IF EXISTS grid; CREATE TABLE grid (id INTEGER, {columns}); INSERT INTO grid VALUES {};",
        rows.join(",\n")
    )
}

fn sql_type(store: Store, kind: Kind) -> &'static str {
    match (kind, store) {
        (Kind::Number, Store::MySql) => "DECIMAL(38,4)",
        (Kind::Number, _) => "NUMERIC(38,4)",
        (Kind::Integer, Store::Sqlite) => "INTEGER",
        (Kind::Integer, _) => "BIGINT",
        (_, Store::Sqlite) => "TEXT",
        (Kind::Date, _) => "DATE",
        (Kind::Instant, Store::MySql) => "DATETIME",
        (Kind::Instant, Store::Postgres) => "TIMESTAMPTZ",
        // The collation that an old server gives by itself: case and blanks at the end do not matter.
        (Kind::Text, Store::MySql) => "VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
        (Kind::Text, Store::Postgres) => "TEXT",
    }
}

fn literal(store: Store, kind: Kind, value: Option<&str>) -> String {
    match (kind, value) {
        (_, None) => "NULL".to_owned(),
        (Kind::Number | Kind::Integer, Some(value)) => value.to_owned(),
        (Kind::Instant, Some(value)) if store == Store::Postgres => format!("'{value}+00'"),
        (_, Some(value)) if store == Store::MySql => format!("'{}'", value.replace('\\', "\\\\")),
        (_, Some(value)) => format!("'{value}'"),
    }
}

/// The table `calendar` as the page describes it, around the days of [`business_days`].
pub fn calendar(store: Store, holidays: &[&str]) -> String {
    let day = |text: &str| recon::domain::parse_date(text).expect("a date");
    let closed: Vec<i32> = holidays.iter().map(|text| day(text)).collect();
    let mut number = 0;
    let rows: Vec<String> = (day("2023-01-01")..=day("2026-01-31"))
        .map(|day| {
            // 1970-01-01 was a Thursday.
            let business = !matches!((day + 4).rem_euclid(7), 0 | 6) && !closed.contains(&day);
            number += i32::from(business);
            format!("('{}',{},{number})", recon::domain::format_date(day), i32::from(business))
        })
        .collect();
    let day = sql_type(store, Kind::Date);
    format!(
        "DROP TABLE IF EXISTS calendar; CREATE TABLE calendar (day {day} PRIMARY KEY, is_business INTEGER, business_no INTEGER);
         CREATE INDEX by_number ON calendar (is_business, business_no); INSERT INTO calendar VALUES {};",
        rows.join(",")
    )
}
