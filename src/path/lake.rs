//! Parquet inputs of SQL: scanned by polars, which reads only what the SQL needs, instead of being read into memory.
//! What the scan would not take exactly as the reader of Parquet files does is left to that reader.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use polars::prelude::{DataType, LazyFrame, PlRefPath, ScanArgsParquet, Schema, col};
use sha2::{Digest, Sha256};

use crate::domain::Value;
use crate::stores::{Snapshot, StoreError, Wish};

use super::exact::{SqlType, TableSchema, compile};
use super::identifiers::Identifiers;
use super::input::ReadyInput;

/// Bytes at a Parquet file's end that hold its statistics: they tell one version of a file from another.
const FOOTER: u64 = 64 << 10;

/// Parquet files that are scanned.
pub(super) struct Scan {
    pub frame: LazyFrame,
    pub schema: TableSchema,
    pub records: u64,
    pub snapshot: Snapshot,
    /// What tells these files from others.
    pub fingerprint: String,
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
    let mut source = (input.make)().map_err(|error| super::gather::of_input(input, error))?;
    let opened = source.open(&Wish::default()).map_err(|error| super::gather::of_input(input, error))?;
    let failed = |error: &dyn std::fmt::Display| StoreError::failed(format!("input `{}`: {error}", input.name));
    let files: Vec<PlRefPath> = paths.iter().filter_map(|path| path.to_str()).map(PlRefPath::new).collect();
    // Names are names here: a pattern was resolved already.
    let arguments = ScanArgsParquet { glob: false, ..ScanArgsParquet::default() };
    let mut frame = LazyFrame::scan_parquet_files(files.into(), arguments).map_err(|error| failed(&error))?;
    let schema = frame.collect_schema().map_err(|error| failed(&error))?;
    let local = schema.iter().any(|(_, kind)| matches!(kind, DataType::Datetime(_, None)));
    if local && input.shape.rules.zone != TimeZone::UTC {
        return Ok(None);
    }
    if schema.iter().any(|(name, kind)| !readable(kind) && used(input, named, name)) {
        return Ok(None);
    }
    let frame = in_utc(frame, &schema);
    let frame = shaped(input, named, frame, params)?;
    let mut seen = frame.clone();
    let schema = TableSchema::of(&*input.name, seen.collect_schema().map_err(|error| failed(&error))?.as_ref());
    let records = opened.estimated_records.unwrap_or(0);
    let fingerprint = fingerprint(paths).map_err(|error| failed(&error))?;
    Ok(Some(Scan { frame, schema, records, snapshot: opened.snapshot, fingerprint }))
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

/// `fields` and `filter` as SQL, proved exact like any other.
fn shaped(
    input: &ReadyInput,
    named: &Identifiers,
    mut frame: LazyFrame,
    params: &[(String, Value)],
) -> Result<LazyFrame, StoreError> {
    if input.shape.is_plain() {
        return Ok(frame);
    }
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
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
    let condition = input.condition.as_ref().map(|text| format!("\nWHERE {text}")).unwrap_or_default();
    let sql = format!("SELECT {} FROM {}{condition}", list.join(", "), quoted(&input.name));
    let table = TableSchema::of(&*input.name, schema.as_ref());
    let program = compile(&sql, params, &[table]).map_err(|refusal| {
        let mut error = StoreError::from(refusal);
        error.what = format!("`fields` and `filter` of input `{}`: {}", input.name, error.what);
        error
    })?;
    program.lazy(vec![(input.name.clone(), frame)])
}

/// The hash of the files' names, sizes and footers.
fn fingerprint(paths: &[PathBuf]) -> std::io::Result<String> {
    use std::io::{Read, Seek, SeekFrom};
    let mut hash = Sha256::new();
    for path in paths {
        let mut file = std::fs::File::open(path)?;
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(size.saturating_sub(FOOTER)))?;
        let mut footer = Vec::new();
        file.read_to_end(&mut footer)?;
        hash.update(path.file_name().unwrap_or(Path::new("").as_os_str()).as_encoded_bytes());
        hash.update(size.to_le_bytes());
        hash.update(&footer);
    }
    let digits = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    Ok(digits)
}
