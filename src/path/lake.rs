//! Parquet inputs of SQL: scanned by polars, which reads only what the SQL needs, instead of being read into memory.
//! What the scan would not take exactly as the reader of Parquet files does is left to that reader.

use std::path::PathBuf;

use jiff::tz::TimeZone;
use polars::prelude::{DataType, HiveOptions, LazyFrame, PlRefPath, ScanArgsParquet, Schema, col};
use sha2::{Digest, Sha256};

use crate::domain::{Filter, Literal, Operator, Value, format_date, parse_date};
use crate::stores::{FileStamp, Snapshot, StoreError, Wish};

use super::exact::{SqlType, TableSchema, compile};
use super::identifiers::Identifiers;
use super::input::ReadyInput;

/// Bytes that are hashed at once.
const PIECE: usize = 1 << 20;

/// Parquet files that are scanned.
pub(super) struct Scan {
    pub frame: LazyFrame,
    pub schema: TableSchema,
    pub records: u64,
    pub snapshot: Snapshot,
    /// What tells these files from others.
    pub fingerprint: String,
    /// The files as they were: nothing is read of them before the SQL runs.
    pub files: Vec<(PathBuf, FileStamp)>,
}

/// Scans an input's files; `None` where they have to be read record by record.
///
/// # Errors
/// The files cannot be read, or a field is not there.
pub(super) fn scan(
    input: &ReadyInput,
    named: &Identifiers,
    params: &[(String, Value)],
) -> Result<Option<Scan>, StoreError> {
    let Some(paths) = &input.parquet else { return Ok(None) };
    let plain = |path: &String| !path.contains('.');
    let typed = input.shape.fields.iter().any(|field| field.column_type.is_some() || !plain(&field.path));
    if typed || paths.iter().any(|path| path.to_str().is_none()) {
        return Ok(None);
    }
    // The reader of Parquet files looks at them first: what is damaged or ambiguous is refused there, in its words.
    if paths.len() > 1 {
        same_schemas(input, paths)?;
    }
    let stamps = paths.iter().map(|path| Ok((path.clone(), FileStamp::of(path)?)));
    let stamps = stamps.collect::<Result<_, StoreError>>().map_err(|error| super::gather::of_input(input, error))?;
    let mut source = (input.make)().map_err(|error| super::gather::of_input(input, error))?;
    let opened = source.open(&Wish::default()).map_err(|error| super::gather::of_input(input, error))?;
    let failed = |error: &dyn std::fmt::Display| StoreError::failed(format!("input `{}`: {error}", input.name));
    let files: Vec<PlRefPath> = paths.iter().filter_map(|path| path.to_str()).map(PlRefPath::new).collect();
    // Names are names here: a pattern was resolved already, and a folder `net=999` is no column.
    let arguments =
        ScanArgsParquet { glob: false, hive_options: HiveOptions::new_disabled(), ..ScanArgsParquet::default() };
    let mut frame = LazyFrame::scan_parquet_files(files.into(), arguments).map_err(|error| failed(&error))?;
    let schema = frame.collect_schema().map_err(|error| failed(&error))?;
    let local = schema.iter().any(|(_, kind)| matches!(kind, DataType::Datetime(_, None)));
    if local && input.shape.rules.zone != TimeZone::UTC {
        return Ok(None);
    }
    if schema.iter().any(|(name, kind)| !readable(kind) && used(input, named, name)) {
        return Ok(None);
    }
    let Some(condition) = condition(input, &schema) else { return Ok(None) };
    let frame = in_utc(frame, &schema);
    let frame = shaped(input, named, frame, &condition, params)?;
    let mut seen = frame.clone();
    let schema = TableSchema::of(&*input.name, seen.collect_schema().map_err(|error| failed(&error))?.as_ref());
    let records = opened.estimated_records.unwrap_or(0);
    let fingerprint = fingerprint(paths).map_err(|error| failed(&error))?;
    Ok(Some(Scan { frame, schema, records, snapshot: opened.snapshot, fingerprint, files: stamps }))
}

/// Whether polars, as it is built here, reads columns of this type, and as what SQL knows. The reader of Parquet files
/// reads the others too: narrow integers, texts kept as a dictionary.
fn readable(kind: &DataType) -> bool {
    match kind {
        DataType::Int8 | DataType::Int16 | DataType::UInt8 | DataType::UInt16 => false,
        DataType::Datetime(..) => true,
        kind => !matches!(SqlType::of(kind), SqlType::Other(_)),
    }
}

/// Whether the SQL or the input's filter may name a column of the files.
fn used(input: &ReadyInput, named: &Identifiers, column: &str) -> bool {
    let filtered = input.condition.as_ref().is_some_and(|text| Identifiers::of(text).may_name(&input.name, column));
    let taken = match input.shape.fields.as_slice() {
        [] => named.may_name(&input.name, column),
        fields => fields.iter().any(|field| field.path == column && named.may_name(&input.name, &field.name)),
    };
    filtered || taken
}

/// Instants with a zone are instants in UTC; SQL knows them without.
fn in_utc(frame: LazyFrame, schema: &Schema) -> LazyFrame {
    let zoned = schema.iter().filter_map(|(name, kind)| match kind {
        DataType::Datetime(unit, Some(_)) => Some(col(name.clone()).cast(DataType::Datetime(*unit, None))),
        _ => None,
    });
    let zoned: Vec<_> = zoned.collect();
    if zoned.is_empty() { frame } else { frame.with_columns(zoned) }
}

/// The filter as SQL, where it means in SQL what it means to the readers of files; `None` where it would not.
fn condition(input: &ReadyInput, schema: &Schema) -> Option<String> {
    let Some(filter) = &input.shape.filter else { return Some(String::new()) };
    sql(filter, schema).map(|condition| format!("\nWHERE {condition}"))
}

fn sql(filter: &Filter, schema: &Schema) -> Option<String> {
    let joined = |parts: &[Filter], word: &str| {
        let parts: Option<Vec<String>> = parts.iter().map(|part| sql(part, schema)).collect();
        parts.filter(|parts| !parts.is_empty()).map(|parts| format!("({})", parts.join(word)))
    };
    match filter {
        Filter::Compare { column, operator, literal } => {
            let operator = match operator {
                Operator::Equal => "=",
                Operator::NotEqual => "<>",
                Operator::Less => "<",
                Operator::LessOrEqual => "<=",
                Operator::Greater => ">",
                Operator::GreaterOrEqual => ">=",
            };
            Some(format!("{} {operator} {}", quoted(column), sql_literal(schema.get(column)?, literal)?))
        }
        Filter::In { column, literals } => {
            let kind = schema.get(column)?;
            let list: Option<Vec<String>> = literals.iter().map(|literal| sql_literal(kind, literal)).collect();
            Some(format!("{} IN ({})", quoted(column), list?.join(", ")))
        }
        Filter::IsNull { column } => schema.get(column).map(|_| format!("{} IS NULL", quoted(column))),
        Filter::Not(inner) => Some(format!("NOT ({})", sql(inner, schema)?)),
        Filter::All(parts) => joined(parts, " AND "),
        Filter::Any(parts) => joined(parts, " OR "),
    }
}

/// A literal of the column's own type; anything that would have to be converted is judged record by record.
fn sql_literal(kind: &DataType, literal: &Literal) -> Option<String> {
    let exact = kind.is_integer() || matches!(kind, DataType::Decimal(..));
    match (kind, literal) {
        (_, Literal::Number(amount)) if exact => Some(amount.to_string()),
        (DataType::String, Literal::Text(text)) => Some(format!("'{}'", text.replace('\'', "''"))),
        (DataType::Boolean, Literal::Bool(b)) => Some(if *b { "TRUE" } else { "FALSE" }.to_owned()),
        (DataType::Date, Literal::Text(text) | Literal::Moment(text)) => {
            parse_date(text).map(|days| format!("DATE '{}'", format_date(days)))
        }
        _ => None,
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `fields` and `filter` as SQL, proved exact like any other.
fn shaped(
    input: &ReadyInput,
    named: &Identifiers,
    mut frame: LazyFrame,
    condition: &str,
    params: &[(String, Value)],
) -> Result<LazyFrame, StoreError> {
    if input.shape.is_plain() {
        return Ok(frame);
    }
    let schema =
        frame.collect_schema().map_err(|error| StoreError::failed(format!("input `{}`: {error}", input.name)))?;
    // Only what the SQL may name: a column that SQL cannot hold does no harm where nobody asks for it.
    let columns: Vec<(&str, &str)> = match input.shape.fields.as_slice() {
        [] => schema.iter_names().map(|name| (name.as_str(), name.as_str())).collect(),
        fields => fields.iter().map(|field| (field.path.as_str(), field.name.as_str())).collect(),
    };
    let named: Vec<_> = columns.iter().filter(|(_, name)| named.may_name(&input.name, name)).copied().collect();
    // Rows can be counted by any column, but a table has one.
    let usable = |path: &str| {
        schema.get(path).is_none_or(|kind| !matches!(SqlType::of(kind), SqlType::Float | SqlType::Other(_)))
    };
    let list =
        if named.is_empty() { columns.into_iter().filter(|(path, _)| usable(path)).take(1).collect() } else { named };
    let list: Vec<String> =
        list.into_iter().map(|(path, name)| format!("{} AS {}", quoted(path), quoted(name))).collect();
    let sql = format!("SELECT {} FROM {}{condition}", list.join(", "), quoted(&input.name));
    let table = TableSchema::of(&*input.name, schema.as_ref());
    let program = compile(&sql, params, &[table]).map_err(|refusal| {
        let mut error = StoreError::from(refusal);
        error.what = format!("`fields` and `filter` of input `{}`: {}", input.name, error.what);
        error
    })?;
    program.lazy(vec![(input.name.clone(), frame)])
}

/// The hash of the files' contents, one after the other.
fn fingerprint(paths: &[PathBuf]) -> std::io::Result<String> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE];
    for path in paths {
        let mut file = std::fs::File::open(path)?;
        loop {
            let read = std::io::Read::read(&mut file, &mut piece)?;
            if read == 0 {
                break;
            }
            hash.update(&piece[..read]);
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Several files are one table only when they hold the same columns of the same types.
fn same_schemas(input: &ReadyInput, paths: &[PathBuf]) -> Result<(), StoreError> {
    let mut first: Option<Schema> = None;
    for path in paths {
        let failed = |error: &dyn std::fmt::Display| StoreError::failed(format!("input `{}`: {error}", input.name));
        let name = PlRefPath::new(path.to_str().unwrap_or_default());
        let arguments =
            ScanArgsParquet { glob: false, hive_options: HiveOptions::new_disabled(), ..ScanArgsParquet::default() };
        let schema = LazyFrame::scan_parquet(name, arguments)
            .and_then(|mut frame| frame.collect_schema())
            .map_err(|error| failed(&error))?;
        let Some(first) = &first else {
            first = Some(schema.as_ref().clone());
            continue;
        };
        let columns = |schema: &Schema| schema.iter().map(|(n, k)| format!("{n} {k}")).collect::<Vec<_>>();
        let (mut wanted, mut found) = (columns(first), columns(&schema));
        wanted.sort();
        found.sort();
        let other = found.iter().find(|column| !wanted.contains(column));
        let missing = wanted.iter().find(|column| !found.contains(column));
        if let Some(column) = other.or(missing) {
            let word = if other.is_some() { "has" } else { "lacks" };
            return Err(StoreError::usage(format!(
                "input `{}`: {} {word} the column `{column}`, unlike {}",
                input.name,
                path.display(),
                paths[0].display()
            ))
            .hint("files of one input need the same columns of the same types: convert them, or take them as two inputs and UNION ALL"));
        }
    }
    Ok(())
}
