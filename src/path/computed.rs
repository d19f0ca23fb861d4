//! A path computed by exact SQL over inputs: every input is read once, polars computes over them, and the result comes
//! out in key order. Holds the inputs in memory, but for Parquet files, which are scanned. Must not compare.

use std::path::PathBuf;
use std::sync::Arc;

use polars::prelude::{AnyValue, DataFrame, IntoLazy, LazyFrame, SortMultipleOptions, TimeUnit};

use crate::config::FileRef;
use crate::domain::{Batch, Cell, NumberForm, Value};
use crate::stores::{
    Column, ColumnKind, FileStamp, InputRead, Opened, Outlet, ReadEnd, ReadRequest, Snapshot, Source, StoreError, Wish,
};

use super::build::{Context, Path};
use super::exact::{Program, SqlType, TableSchema, compile};
use super::gather;
use super::identifiers::Identifiers;
use super::input::ReadyInput;
use super::lake;

/// Builds the path.
///
/// # Errors
/// The SQL file cannot be read.
pub(super) fn path(file: &FileRef, inputs: Vec<ReadyInput>, context: &Context<'_>) -> Result<Path, StoreError> {
    let sql = file.read()?;
    let name = file.path.display().to_string();
    let files = inputs.iter().flat_map(|input| input.files.clone()).collect();
    let label =
        format!("{name} over {}", inputs.iter().map(|input| input.name.as_str()).collect::<Vec<_>>().join(", "));
    let params = context.params.to_vec();
    let make = move || {
        Ok(Box::new(SqlSource {
            sql: sql.clone(),
            name: name.clone(),
            inputs: inputs.clone(),
            params: params.clone(),
            ready: None,
        }) as Box<dyn Source>)
    };
    Ok(Path { label, make: Arc::new(make), files, ranges: 1, progress: Arc::default(), asking: None })
}

struct SqlSource {
    sql: String,
    name: String,
    inputs: Vec<ReadyInput>,
    params: Vec<(String, Value)>,
    ready: Option<Ready>,
}

/// The inputs are read, the SQL is proved.
struct Ready {
    program: Program,
    frames: Vec<(String, LazyFrame)>,
    /// Files that are scanned while the SQL runs, as they were when their fingerprint was taken.
    files: Vec<(PathBuf, FileStamp)>,
    /// Computed once; reading again with other columns reads it again.
    result: Option<DataFrame>,
    /// Why it could not be computed: the reason stays the same however often it is asked for.
    broken: Option<StoreError>,
}

/// An input as SQL sees it.
struct Table {
    schema: TableSchema,
    frame: LazyFrame,
    snapshot: Snapshot,
    notices: Vec<String>,
    read: InputRead,
    files: Vec<(PathBuf, FileStamp)>,
}

impl SqlSource {
    fn tables(&self) -> Result<Vec<Table>, StoreError> {
        let named = Identifiers::of(&self.sql);
        let read: Vec<Result<Table, StoreError>> = std::thread::scope(|scope| {
            let (named, params) = (&named, &self.params);
            let readers: Vec<_> =
                self.inputs.iter().map(|input| scope.spawn(move || table(input, named, params))).collect();
            let vanished = || StoreError::failed("reading an input ended unexpectedly; this is a fault of recon");
            readers.into_iter().map(|reader| reader.join().unwrap_or_else(|_| Err(vanished()))).collect()
        });
        read.into_iter().collect()
    }
}

fn table(input: &ReadyInput, named: &Identifiers, params: &[(String, Value)]) -> Result<Table, StoreError> {
    let read =
        |records, fingerprint| InputRead { name: input.name.clone(), label: input.label.clone(), records, fingerprint };
    if let Some(scan) = lake::scan(input, named, params)? {
        let lake::Scan { frame, schema, records, snapshot, fingerprint, files } = scan;
        let mut read = read(records, fingerprint);
        if input.condition.is_some() {
            read.label.push_str(" (before its filter)");
        }
        return Ok(Table { schema, frame, snapshot, notices: Vec::new(), read, files });
    }
    let (gathered, opened) = gather::frame(input, named)?;
    let schema = TableSchema::of(&*input.name, gathered.frame.schema());
    let notices = opened.notices.iter().map(|notice| format!("input `{}`: {notice}", input.name)).collect();
    let read = read(gathered.records, gathered.hash);
    Ok(Table { schema, frame: gathered.frame.lazy(), snapshot: opened.snapshot, notices, read, files: Vec::new() })
}

impl Source for SqlSource {
    fn open(&mut self, _wish: &Wish) -> Result<Opened, StoreError> {
        let tables = self.tables()?;
        let schemas: Vec<TableSchema> = tables.iter().map(|table| table.schema.clone()).collect();
        let program = compile(&self.sql, &self.params, &schemas).map_err(|refusal| refusal.in_file(&self.name))?;
        let column = |(name, kind): (String, SqlType)| Column { name, kind: column_kind(&kind) };
        let columns = program.columns().into_iter().map(column).collect();
        let moments = tables.iter().map(|table| table.snapshot.taken_at);
        let snapshot = Snapshot {
            taken_at: moments.min().flatten(),
            how: "computed from inputs".into(),
            consistent: tables.len() == 1 && tables.iter().all(|table| table.snapshot.consistent),
        };
        let notices = tables.iter().flat_map(|table| table.notices.clone()).collect();
        let inputs = tables.iter().map(|table| table.read.clone()).collect();
        let files = tables.iter().flat_map(|table| table.files.clone()).collect();
        let frames = tables.into_iter().map(|table| (table.schema.name, table.frame)).collect();
        self.ready = Some(Ready { program, frames, files, result: None, broken: None });
        Ok(Opened {
            columns,
            fixed_columns: true,
            ordered: true,
            natural: false,
            filters: false,
            seeks: false,
            snapshot,
            estimated_records: None,
            notices,
            inputs,
        })
    }

    fn read(&mut self, request: &ReadRequest, out: &mut Outlet) -> Result<ReadEnd, StoreError> {
        let ready =
            self.ready.as_mut().ok_or_else(|| StoreError::failed("the SQL was run before its inputs were read"))?;
        let result = match &ready.result {
            Some(result) => result,
            None => {
                if let Some(error) = &ready.broken {
                    return Err(error.clone());
                }
                let unchanged = |result| {
                    ready.files.iter().try_for_each(|(path, stamp)| stamp.check_unchanged(path)).map(|()| result)
                };
                let run = ready.program.run(std::mem::take(&mut ready.frames)).and_then(unchanged);
                let result = run.map_err(|mut error| {
                    error.what = format!("{}: {}", self.name, error.what);
                    ready.broken.insert(error).clone()
                })?;
                ready.result.insert(result)
            }
        };
        send(result, request, out)?;
        Ok(ReadEnd::default())
    }
}

fn column_kind(kind: &SqlType) -> ColumnKind {
    match kind {
        SqlType::Decimal { .. } | SqlType::Integer => ColumnKind::Number,
        SqlType::Text => ColumnKind::Text,
        SqlType::Boolean => ColumnKind::Bool,
        SqlType::Date | SqlType::Instant(_) => ColumnKind::Instant,
        _ => ColumnKind::Mixed,
    }
}

/// Sends the records of a frame in key order, NULL first: the order that every store sends.
fn send(result: &DataFrame, request: &ReadRequest, out: &mut Outlet) -> Result<(), StoreError> {
    let failed =
        |error: polars::prelude::PolarsError| StoreError::failed(format!("the result cannot be sorted: {error}"));
    let key: Vec<&str> = request.columns[..request.key].iter().map(|wanted| wanted.name.as_str()).collect();
    let wanted: Vec<&str> = request.columns.iter().map(|wanted| wanted.name.as_str()).collect();
    let mut names = wanted.clone();
    names.sort_unstable();
    names.dedup();
    let mut frame = result.select(names).map_err(failed)?;
    // By the last key column first, each time keeping what stands in order: one column at a time is more than twice as
    // fast as polars' comparison of several.
    for column in key.into_iter().rev() {
        let options = SortMultipleOptions::default().with_nulls_last(false).with_maintain_order(true);
        frame = frame.sort([column], options).map_err(failed)?;
    }
    let columns: Vec<_> = wanted
        .iter()
        .map(|name| frame.column(name).map(|c| c.as_materialized_series().rechunk()))
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    for row in 0..frame.height() {
        let batch = out.batch();
        let at = batch.start_row();
        for (place, column) in columns.iter().enumerate() {
            let value = column.get(row).map_err(failed)?;
            let cell = cell(value, batch);
            batch.set(at, place, cell);
        }
        out.end_row()?;
    }
    Ok(())
}

/// The cell of a value of a frame.
pub(crate) fn cell(value: AnyValue<'_>, batch: &mut Batch) -> Cell {
    let integer = |value: i128| Cell::Number { coefficient: value, scale: 0, form: NumberForm::Integer };
    match value {
        AnyValue::Null => Cell::Null,
        AnyValue::Boolean(b) => Cell::Bool(b),
        AnyValue::Decimal(coefficient, _, scale) => match i16::try_from(scale) {
            Ok(scale) => Cell::Number { coefficient, scale, form: NumberForm::Decimal },
            Err(_) => batch.unknown("a scale out of range"),
        },
        AnyValue::Int8(n) => integer(n.into()),
        AnyValue::Int16(n) => integer(n.into()),
        AnyValue::Int32(n) => integer(n.into()),
        AnyValue::Int64(n) => integer(n.into()),
        AnyValue::Int128(n) => integer(n),
        AnyValue::UInt8(n) => integer(n.into()),
        AnyValue::UInt16(n) => integer(n.into()),
        AnyValue::UInt32(n) => integer(n.into()),
        AnyValue::UInt64(n) => integer(n.into()),
        AnyValue::Date(days) => Cell::Date(days),
        AnyValue::Datetime(count, unit, _) => {
            let (nanos, digits) = match unit {
                TimeUnit::Milliseconds => (1_000_000, 3),
                TimeUnit::Microseconds => (1_000, 6),
                TimeUnit::Nanoseconds => (1, 9),
            };
            Cell::Instant { nanos: i128::from(count) * nanos, digits }
        }
        AnyValue::String(text) => Cell::Text(batch.store(text.as_bytes())),
        AnyValue::StringOwned(text) => Cell::Text(batch.store(text.as_bytes())),
        other => batch.unknown(&format!("a result of type {} cannot be compared", other.dtype())),
    }
}
