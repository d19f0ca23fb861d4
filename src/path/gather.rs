//! Reading whole inputs into memory: as frames for SQL, as documents for reference tables. Each is read once in a run;
//! its hash says later what it was.

use std::sync::Arc;

use polars::prelude::ParquetWriter;

use crate::domain::{Batch, ColumnType, Filter, Value};
use crate::stores::bulk::{make_folder_of, whole_file, write_ndjson};
use crate::stores::{
    Column, ColumnKind, KeyRange, Locator, Opened, ReadEnd, ReadRequest, Reader, Received, Settings, StoreError,
    Wanted, Wish,
};

use super::frame::{FrameBuilder, Gathered};
use super::identifiers::Identifiers;
use super::input::ReadyInput;

/// Records that a reference table may have: it goes along with every call.
const MOST_REFERENCE: u64 = 1_000_000;

/// Reads an input into a frame: the columns that the SQL may name.
///
/// # Errors
/// As its store, or a value that a table cannot hold exactly. The message names the input.
pub(super) fn frame(input: &ReadyInput, named: &Identifiers) -> Result<(Gathered, Opened), StoreError> {
    let (reader, mut opened) = open(input)?;
    let known = |opened: &Opened| opened.columns.iter().map(|c| c.name.clone()).collect::<Vec<_>>();
    let mut columns: Vec<String> =
        known(&opened).into_iter().filter(|name| named.may_name(&input.name, name)).collect();
    loop {
        // `COUNT(*)` names no column, and a record needs one.
        if columns.is_empty() {
            columns.extend(known(&opened).into_iter().next());
        }
        if columns.is_empty() {
            return Err(StoreError::failed(format!(
                "input `{}` ({}) holds no record, and without one its columns are not known",
                input.name, input.label
            ))
            .hint("name the columns with `fields`, if it may be empty"));
        }
        let declared = |name: &str| {
            let field = input.shape.fields.iter().find(|field| field.name == name);
            field.is_some_and(|field| matches!(field.column_type, Some(ColumnType::Decimal | ColumnType::Integer)))
        };
        let mut builder = FrameBuilder::new(&input.name, &columns, &declared);
        let end = each(input, &reader, &columns, &mut |batch| builder.push(batch))?;
        let late: Vec<String> = (end.other_fields.into_iter())
            .filter(|field| named.may_name(&input.name, field) && !columns.contains(field))
            .collect();
        if late.is_empty() {
            if end.other_fields_cut {
                return Err(StoreError::failed(format!(
                    "the records of input `{}` have more than 1,000 different fields, and those met later were not looked at",
                    input.name
                ))
                .hint("name those that are needed with `fields`"));
            }
            let empty = builder.never_seen();
            let mut gathered = builder.finish()?;
            opened.notices.extend(suspicions(input, &gathered, &empty));
            keep_frame(input, &mut gathered)?;
            return Ok((gathered, opened));
        }
        // A field that the first records do not have: read again, with it.
        columns.extend(late);
    }
}

/// Reads a small input as documents, all its columns.
///
/// # Errors
/// As its store; more records than can go along with every call.
pub fn documents(input: &ReadyInput) -> Result<(Vec<Value>, String), StoreError> {
    let (reader, opened) = open(input)?;
    let mut columns: Vec<String> = opened.columns.iter().map(|c| c.name.clone()).collect();
    loop {
        let mut rows: Vec<Value> = Vec::new();
        let mut hash = super::frame::RecordsHash::default();
        let end = each(input, &reader, &columns, &mut |batch| {
            for row in 0..batch.rows() {
                let fields = columns.iter().enumerate().map(|(at, name)| (name.clone(), Value::of(batch.at(row, at))));
                rows.push(Value::Document(fields.filter(|(_, value)| !matches!(value, Value::Absent)).collect()));
                hash.add(batch, row);
            }
            if rows.len() as u64 > MOST_REFERENCE {
                return Err(StoreError::usage(format!(
                    "the reference table `{}` has more than {MOST_REFERENCE} records",
                    input.name
                ))
                .hint("it goes along with every call: make it smaller with `filter`, or name it in `records`"));
            }
            Ok(())
        })?;
        let late: Vec<String> = end.other_fields.into_iter().filter(|field| !columns.contains(field)).collect();
        if late.is_empty() {
            keep_documents(input, &rows)?;
            return Ok((rows, hash.shown()));
        }
        columns.extend(late);
    }
}

/// Every record of a file of a kind that recon reads, as documents.
///
/// # Errors
/// The file cannot be read, or holds more records than are meant for memory.
pub fn records_of(path: &std::path::Path, settings: &crate::stores::Settings) -> Result<Vec<Value>, StoreError> {
    let locator = crate::stores::Locator::parse(&path.display().to_string())?;
    let make = super::input::source(vec![locator.clone()], settings);
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let shape = super::Shape::default();
    let (kept, condition, parquet) = (None, None, None);
    let input = ReadyInput {
        name,
        label: locator.label(),
        shape,
        make,
        kept,
        condition,
        files: vec![path.to_owned()],
        parquet,
    };
    Ok(documents(&input)?.0)
}

/// Records of a table, collection or file that were picked out, and its columns as far as they are known.
#[derive(Clone, Debug, Default)]
pub struct Picked {
    /// The columns, in the store's order; those of documents as they turned up.
    pub columns: Vec<Column>,
    /// The records, in the order in which they were read.
    pub rows: Vec<Value>,
}

/// Reads what lies at some place as it is stored, and picks out records. `narrow` may say for the columns that there are
/// what the store need not send at all; every record that it does send goes through `wanted`.
///
/// # Errors
/// As its store; class `Usage` when more than `limit` are wanted.
pub fn picked(
    locators: &[Locator],
    settings: &Settings,
    narrow: &dyn Fn(&[Column]) -> Option<Filter>,
    wanted: &dyn Fn(&Value) -> bool,
    limit: u64,
) -> Result<Picked, StoreError> {
    for locator in locators {
        locator.check()?;
    }
    let label = locators.first().map(Locator::label).unwrap_or_default();
    let make = super::input::source(locators.to_vec(), settings);
    let reader = Reader::start(make, Wish::default(), Arc::default());
    let opened = reader.opened()?;
    let filter = if opened.filters { narrow(&opened.columns) } else { None };
    let mut columns = opened.columns;
    let rules = crate::domain::Rules { zone: settings.zone.clone(), ..crate::domain::Rules::default() };
    loop {
        if columns.is_empty() {
            return Ok(Picked::default());
        }
        let request = ReadRequest {
            columns: columns.iter().map(|column| Wanted { name: column.name.clone(), fix: None }).collect(),
            key: 0,
            filter: filter.clone(),
            range: KeyRange::default(),
            keys: None,
            fresh: false,
            natural: false,
        };
        let (batches, give_back) = reader.begin(vec![request], &rules, None, None);
        let mut rows: Vec<Value> = Vec::new();
        let end = loop {
            match batches.recv() {
                Ok(Received::Batch(batch)) => {
                    for row in 0..batch.rows() {
                        let cells = columns.iter().enumerate();
                        let fields = cells.map(|(at, column)| (column.name.clone(), Value::of(batch.at(row, at))));
                        let there = fields.filter(|(_, value)| !matches!(value, Value::Absent)).collect();
                        let record = Value::Document(there);
                        if wanted(&record) {
                            rows.push(record);
                        }
                    }
                    if rows.len() as u64 > limit {
                        return Err(StoreError::usage(format!("more than {limit} records of {label} are needed")));
                    }
                    let _ = give_back.send(batch);
                }
                Ok(Received::End(end)) => break end?,
                Err(_) => {
                    let what = format!("the reader of {label} ended unexpectedly; this is a fault of recon");
                    return Err(StoreError::failed(what));
                }
            }
        };
        let known = |name: &String| columns.iter().any(|column| column.name == *name);
        let late: Vec<String> = end.other_fields.into_iter().filter(|field| !known(field)).collect();
        if late.is_empty() && end.other_fields_cut {
            let what = format!("the records of {label} have more than 1,000 different fields");
            return Err(StoreError::failed(what));
        }
        if late.is_empty() {
            return Ok(Picked { columns, rows });
        }
        // Fields that the first records do not have: read again, with them.
        columns.extend(late.into_iter().map(|name| Column { name, kind: ColumnKind::Mixed }));
    }
}

/// What looks like a slip of the pen: nothing came through, or a field that no record has.
fn suspicions(input: &ReadyInput, gathered: &Gathered, empty: &[String]) -> Vec<String> {
    if gathered.records == 0 {
        let why = match &input.condition {
            Some(condition) => {
                format!("no record passed the filter `{condition}`: are its fields and values spelt right?")
            }
            None if input.shape.unwind.is_some() => "no record has an item in the array that is unwound".to_owned(),
            None => "it is empty".to_owned(),
        };
        return vec![why];
    }
    let path = |name: &String| {
        let field = input.shape.fields.iter().find(|field| field.name == *name);
        field.map_or_else(|| name.clone(), |field| field.path.clone())
    };
    empty.iter().map(|name| format!("no record has a value in `{}`: is it spelt right?", path(name))).collect()
}

/// Keeps a copy of a table as Parquet: what a result was computed from can be read again later.
fn keep_frame(input: &ReadyInput, gathered: &mut Gathered) -> Result<(), StoreError> {
    let Some(path) = &input.kept else { return Ok(()) };
    make_folder_of(path)?;
    whole_file(&path.with_extension("parquet"), |out| {
        let written = ParquetWriter::new(out).finish(&mut gathered.frame);
        written.map_err(|error| StoreError::failed(format!("input `{}` could not be kept: {error}", input.name)))
    })?;
    Ok(())
}

/// Keeps a copy of a reference table as lines of JSON.
fn keep_documents(input: &ReadyInput, rows: &[Value]) -> Result<(), StoreError> {
    let Some(path) = &input.kept else { return Ok(()) };
    write_ndjson(&path.with_extension("ndjson"), &mut rows.iter().cloned(), &mut |_| {})?;
    Ok(())
}

fn open(input: &ReadyInput) -> Result<(Reader, Opened), StoreError> {
    let reader = Reader::start(input.shaped(), Wish::default(), Arc::default());
    let opened = reader.opened().map_err(|error| of_input(input, error))?;
    Ok((reader, opened))
}

fn each(
    input: &ReadyInput,
    reader: &Reader,
    columns: &[String],
    take: &mut dyn FnMut(&Batch) -> Result<(), StoreError>,
) -> Result<ReadEnd, StoreError> {
    let request = ReadRequest {
        columns: columns.iter().map(|name| Wanted { name: name.clone(), fix: None }).collect(),
        key: 0,
        filter: None,
        range: KeyRange::default(),
        keys: None,
        fresh: false,
        natural: false,
    };
    let (batches, give_back) = reader.begin(vec![request], &input.shape.rules, None, None);
    loop {
        match batches.recv() {
            Ok(Received::Batch(batch)) => {
                take(&batch)?;
                let _ = give_back.send(batch);
            }
            Ok(Received::End(end)) => return end.map_err(|error| of_input(input, error)),
            Err(_) => {
                return Err(StoreError::failed(format!(
                    "the reader of input `{}` ended unexpectedly; this is a fault of recon",
                    input.name
                )));
            }
        }
    }
}

/// The same error, naming the input.
pub(super) fn of_input(input: &ReadyInput, mut error: StoreError) -> StoreError {
    error.what = format!("input `{}`: {}", input.name, error.what);
    error
}
