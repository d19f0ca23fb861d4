//! Small tables written as text, and results as text: one line a row, sorted unless the query sorts.
#![allow(dead_code, clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use polars::prelude::*;
use recon::domain::{Amount, Value, format_date, parse_date, parse_instant};
use recon::path::exact::{Program, TableSchema, compile};

/// Tables by name.
#[derive(Clone, Default)]
pub struct Tables {
    pub frames: Vec<(String, DataFrame)>,
    pub params: Vec<(String, Value)>,
}

impl Tables {
    pub fn new() -> Tables {
        Tables::default()
    }

    /// `columns` is `name type, …`; `rows` holds blank-separated fields, `NULL` for NULL.
    pub fn table(mut self, name: &str, columns: &str, rows: &str) -> Tables {
        let fields: Vec<Vec<&str>> = rows
            .lines()
            .map(|line| line.split_whitespace().collect())
            .filter(|row: &Vec<&str>| !row.is_empty())
            .collect();
        let mut series = Vec::new();
        let mut rest = columns;
        let mut index = 0;
        while !rest.trim().is_empty() {
            // A comma inside of decimal(p,s) is no end of a column.
            let mut depth = 0;
            let end = rest
                .char_indices()
                .find(|(_, c)| {
                    depth += i32::from(*c == '(') - i32::from(*c == ')');
                    *c == ',' && depth == 0
                })
                .map_or(rest.len(), |(at, _)| at);
            let (name, ty) = rest[..end].trim().split_once(' ').expect("name type");
            let values: Vec<Option<&str>> =
                fields.iter().map(|row| Some(row[index]).filter(|v| *v != "NULL")).collect();
            series.push(column(name, ty, &values));
            rest = rest.get(end + 1..).unwrap_or("");
            index += 1;
        }
        let frame = DataFrame::new(fields.len(), series).expect("columns of one length");
        self.frames.push((name.into(), frame));
        self
    }

    pub fn param(mut self, name: &str, value: Value) -> Tables {
        self.params.push((name.into(), value));
        self
    }

    pub fn schemas(&self) -> Vec<TableSchema> {
        self.frames.iter().map(|(name, frame)| TableSchema::of(name.clone(), frame.schema())).collect()
    }

    pub fn lazy(&self) -> Vec<(String, LazyFrame)> {
        self.frames.iter().map(|(name, frame)| (name.clone(), frame.clone().lazy())).collect()
    }

    pub fn compile(&self, sql: &str) -> Result<Program, recon::path::exact::Refusal> {
        compile(sql, &self.params, &self.schemas())
    }
}

pub fn decimal(name: &str, precision: usize, scale: usize, values: &[Option<i128>]) -> Column {
    Int128Chunked::from_slice_options(name.into(), values).into_decimal_unchecked(precision, scale).into_column()
}

pub fn column(name: &str, ty: &str, values: &[Option<&str>]) -> Column {
    let (kind, size) = ty.split_once('(').unwrap_or((ty, ""));
    let name: PlSmallStr = name.into();
    match kind {
        "decimal" => {
            let (precision, scale) = size.trim_end_matches(')').split_once(',').expect("p,s");
            let (precision, scale): (usize, usize) = (precision.parse().expect("p"), scale.trim().parse().expect("s"));
            let parsed: Vec<Option<i128>> = values
                .iter()
                .map(|v| {
                    v.map(|v| {
                        let (c, s) = Amount::parse(v).expect("a number").small().expect("38 digits");
                        c * 10i128.pow(scale as u32 - s as u32)
                    })
                })
                .collect();
            decimal(&name, precision, scale, &parsed)
        }
        "integer" => {
            Column::new(name, values.iter().map(|v| v.map(|v| v.parse::<i64>().expect("i64"))).collect::<Vec<_>>())
        }
        "float" => {
            Column::new(name, values.iter().map(|v| v.map(|v| v.parse::<f64>().expect("f64"))).collect::<Vec<_>>())
        }
        "boolean" => Column::new(name, values.iter().map(|v| v.map(|v| v == "true")).collect::<Vec<_>>()),
        "text" => Column::new(name, values.to_vec()),
        "date" => {
            let days: Vec<Option<i32>> = values.iter().map(|v| v.map(|v| parse_date(v).expect("a date"))).collect();
            Int32Chunked::from_slice_options(name, &days).into_date().into_column()
        }
        "timestamp" => {
            let utc = jiff::tz::TimeZone::UTC;
            let micros: Vec<Option<i64>> = values
                .iter()
                .map(|v| v.map(|v| (parse_instant(v, &utc).expect("an instant").nanos / 1000) as i64))
                .collect();
            Int64Chunked::from_slice_options(name, &micros).into_datetime(TimeUnit::Microseconds, None).into_column()
        }
        other => panic!("no type {other}"),
    }
}

/// One value as text.
pub fn show(value: &AnyValue<'_>) -> String {
    match value {
        AnyValue::Null => "NULL".into(),
        AnyValue::Decimal(v, _, scale) => Amount::new(*v, *scale as i32).to_string(),
        AnyValue::Date(day) => format_date(*day),
        AnyValue::String(text) => (*text).to_owned(),
        AnyValue::StringOwned(text) => text.to_string(),
        other => other.to_string(),
    }
}

pub fn rows(frame: &DataFrame) -> Vec<Vec<String>> {
    (0..frame.height())
        .map(|row| frame.columns().iter().map(|c| show(&c.get(row).expect("a value"))).collect())
        .collect()
}

fn text(frame: &DataFrame, sorted: bool) -> String {
    let mut lines: Vec<String> = rows(frame).into_iter().map(|row| row.join("|")).collect();
    if sorted {
        lines.sort();
    }
    let names: Vec<&str> = frame.columns().iter().map(|c| c.name().as_str()).collect();
    std::iter::once(names.join("|")).chain(lines).collect::<Vec<_>>().join("\n")
}

/// Runs on both engines, which must agree.
pub fn run(tables: &Tables, sql: &str) -> String {
    let program = tables.compile(sql).unwrap_or_else(|refusal| panic!("{sql}: {refusal}\n{:?}", refusal.instead));
    let sorted = !sql.contains("ORDER BY");
    let streaming = program.run(tables.lazy()).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let memory = program.run_on(tables.lazy(), Engine::InMemory).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let (streaming, memory) = (text(&streaming, sorted), text(&memory, sorted));
    assert_eq!(streaming, memory, "the engines differ: {sql}");
    streaming
}

/// The error of running, the same on both engines.
pub fn run_err(tables: &Tables, sql: &str) -> String {
    let program = tables.compile(sql).unwrap_or_else(|refusal| panic!("{sql}: {refusal}"));
    let streaming = program.run(tables.lazy()).expect_err(sql);
    let memory = program.run_on(tables.lazy(), Engine::InMemory).expect_err(sql);
    assert_eq!(streaming.what, memory.what, "the engines differ: {sql}");
    streaming.what
}
