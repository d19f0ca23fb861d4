//! Rows into a Parquet file: integers, decimals, text, dates and instants, exactly.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Date32Builder, Decimal128Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use crate::domain::{Value, power_of_ten};
use crate::stores::StoreError;

use super::{Written, make_folder_of, whole_file};

/// Rows that are encoded at once.
const ROWS: usize = 65_536;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParquetKind {
    /// A 64-bit integer.
    Integer,
    /// `DECIMAL(digits, scale)`.
    Decimal { digits: u8, scale: u8 },
    /// UTF-8 text.
    Text,
    /// A date.
    Date,
    /// A moment in UTC, in microseconds.
    Instant,
    /// A truth value.
    Boolean,
}

/// A column of the file.
#[derive(Clone, Debug)]
pub struct ParquetColumn {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: ParquetKind,
}

enum Builder {
    Integer(Int64Builder),
    Decimal(Decimal128Builder, u8, u8),
    Text(StringBuilder),
    Date(Date32Builder),
    Instant(TimestampMicrosecondBuilder),
    Boolean(BooleanBuilder),
}

/// Writes rows, compressed with zstd. Says how many there were.
///
/// # Errors
/// The file cannot be written, or a value does not fit its column exactly. Nothing is left behind then.
pub fn write_parquet(
    path: &Path,
    columns: &[ParquetColumn],
    rows: &mut dyn Iterator<Item = Vec<Value>>,
    written: Written<'_>,
) -> Result<u64, StoreError> {
    make_folder_of(path)?;
    let mut rows = rows.map(Ok);
    let mut written = |count| {
        written(count);
        Ok(())
    };
    whole_file(path, |out| parquet_into(out, path, columns, &mut rows, &mut written))
}

/// Writes rows as a Parquet file into `out`; `written` may stop it. Says how many there were.
///
/// # Errors
/// A row's own, what `written` says, `out` cannot be written, or a value does not fit its column exactly.
pub fn parquet_into(
    out: &mut (dyn Write + Send),
    path: &Path,
    columns: &[ParquetColumn],
    rows: &mut dyn Iterator<Item = Result<Vec<Value>, StoreError>>,
    written: &mut dyn FnMut(u64) -> Result<(), StoreError>,
) -> Result<u64, StoreError> {
    let failed =
        |error: &dyn std::fmt::Display| StoreError::failed(format!("{} could not be written: {error}", path.display()));
    let unwritten = |error: ParquetError| match &error {
        ParquetError::External(cause) => failed(cause).hint("check that the folder exists, is writable and has room"),
        _ => failed(&error),
    };
    let fields: Vec<Field> = columns.iter().map(|c| Field::new(&c.name, arrow_type(c.kind), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let properties =
        WriterProperties::builder().set_compression(Compression::ZSTD(parquet::basic::ZstdLevel::default())).build();
    let mut writer = ArrowWriter::try_new(out, Arc::clone(&schema), Some(properties)).map_err(unwritten)?;
    let mut count = 0u64;
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        let mut builders = columns.iter().map(|c| Builder::new(c.kind)).collect::<Result<Vec<_>, _>>()?;
        for row in rows.by_ref().take(ROWS) {
            count += 1;
            for ((value, builder), column) in row?.iter().zip(&mut builders).zip(columns) {
                builder.push(value).map_err(|why| failed(&format!("row {count}, `{}`: {why}", column.name)))?;
            }
        }
        let arrays = builders.into_iter().map(Builder::finish).collect();
        let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).map_err(|e| failed(&e))?;
        writer.write(&batch).map_err(unwritten)?;
        written(count)?;
    }
    writer.close().map_err(unwritten)?;
    Ok(count)
}

fn arrow_type(kind: ParquetKind) -> DataType {
    match kind {
        ParquetKind::Integer => DataType::Int64,
        ParquetKind::Decimal { digits, scale } => DataType::Decimal128(digits, scale.cast_signed()),
        ParquetKind::Text => DataType::Utf8,
        ParquetKind::Date => DataType::Date32,
        ParquetKind::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ParquetKind::Boolean => DataType::Boolean,
    }
}

impl Builder {
    fn new(kind: ParquetKind) -> Result<Builder, StoreError> {
        Ok(match kind {
            ParquetKind::Integer => Builder::Integer(Int64Builder::new()),
            ParquetKind::Decimal { digits, scale } => {
                let builder = Decimal128Builder::new().with_precision_and_scale(digits, scale.cast_signed());
                let refuse = |_| StoreError::usage(format!("DECIMAL({digits}, {scale}) does not exist in Parquet"));
                Builder::Decimal(builder.map_err(refuse)?, digits, scale)
            }
            ParquetKind::Text => Builder::Text(StringBuilder::new()),
            ParquetKind::Date => Builder::Date(Date32Builder::new()),
            ParquetKind::Instant => Builder::Instant(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            ParquetKind::Boolean => Builder::Boolean(BooleanBuilder::new()),
        })
    }

    fn push(&mut self, value: &Value) -> Result<(), String> {
        let unfit = || format!("{} `{value}` does not fit", value.type_name());
        match (self, value) {
            (Builder::Integer(b), Value::Null | Value::Absent) => b.append_null(),
            (Builder::Decimal(b, ..), Value::Null | Value::Absent) => b.append_null(),
            (Builder::Text(b), Value::Null | Value::Absent) => b.append_null(),
            (Builder::Date(b), Value::Null | Value::Absent) => b.append_null(),
            (Builder::Instant(b), Value::Null | Value::Absent) => b.append_null(),
            (Builder::Boolean(b), Value::Null | Value::Absent) => b.append_null(),
            (Builder::Boolean(b), Value::Bool(truth)) => b.append_value(*truth),
            (Builder::Integer(b), Value::Number { amount, .. }) => {
                let (coefficient, scale) = amount.small().ok_or_else(unfit)?;
                let whole = (scale == 0).then_some(coefficient).and_then(|n| i64::try_from(n).ok());
                b.append_value(whole.ok_or_else(unfit)?);
            }
            (Builder::Decimal(b, digits, scale), Value::Number { amount, .. }) => {
                let (coefficient, own) = amount.small().ok_or_else(unfit)?;
                let missing = i32::from(*scale) - own;
                let ten = power_of_ten(missing.abs()).ok_or_else(unfit)?;
                let units = match missing >= 0 {
                    true => coefficient.checked_mul(ten),
                    false => (coefficient % ten == 0).then_some(coefficient / ten),
                };
                let limit = power_of_ten(i32::from(*digits)).ok_or_else(unfit)?;
                b.append_value(units.filter(|units| units.unsigned_abs() < limit.unsigned_abs()).ok_or_else(unfit)?);
            }
            (Builder::Text(b), Value::Text { text, .. }) => b.append_value(text),
            (Builder::Date(b), Value::Date(days)) => b.append_value(*days),
            (Builder::Instant(b), Value::Instant { nanos, .. }) if nanos % 1_000 == 0 => {
                b.append_value(i64::try_from(nanos / 1_000).map_err(|_| unfit())?);
            }
            _ => return Err(unfit()),
        }
        Ok(())
    }

    fn finish(self) -> ArrayRef {
        match self {
            Builder::Integer(mut b) => Arc::new(b.finish()),
            Builder::Decimal(mut b, ..) => Arc::new(b.finish()),
            Builder::Text(mut b) => Arc::new(b.finish()),
            Builder::Date(mut b) => Arc::new(b.finish()),
            Builder::Instant(mut b) => Arc::new(b.finish()),
            Builder::Boolean(mut b) => Arc::new(b.finish()),
        }
    }
}
