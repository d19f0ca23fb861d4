//! Parquet files, through Arrow arrays: a page at a time, only the wanted columns, whatever the row groups' size.
//!
//! Decimals keep scale and digits, structs, lists and maps become documents. Must not round, sort or compare.

mod leaf;
mod nested;
mod shape;

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, TimeUnit};
use jiff::tz::TimeZone;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;

use crate::domain::{Batch, Cell, shorten};

use super::file::{FileStamp, missing_column, open_file};
use super::{Column, Opened, Outlet, ReadEnd, ReadRequest, Settings, Source, StoreError, Wish};
use leaf::Target;
use shape::{Leaf, Shape, reading_schema};

/// Records decoded at once, when they are of the usual size.
const ROWS: usize = 2_000;
/// Bytes of values decoded at once, about.
const BYTES: u64 = 2 << 20;

/// Reads one Parquet file.
pub struct ParquetSource {
    path: PathBuf,
    settings: Settings,
    opened: Option<Meta>,
}

/// What the file's footer says.
#[derive(Clone)]
struct Meta {
    stamp: FileStamp,
    /// For reading; 96-bit timestamps as nanoseconds.
    reader: ArrowReaderMetadata,
    shape: Arc<Shape>,
    records: u64,
}

impl ParquetSource {
    /// For the file at `path`.
    pub fn new(path: PathBuf, settings: Settings) -> Self {
        ParquetSource { path, settings, opened: None }
    }

    fn load(&self) -> Result<Meta, StoreError> {
        let stamp = FileStamp::of(&self.path)?;
        let file = open_file(&self.path)?;
        let (reader, shape) = self.guard(|| {
            let suggested = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(|e| self.broken(&e))?;
            let reader = read_as(&suggested, TimeUnit::Nanosecond).map_err(|e| self.broken(&e))?;
            let shape = Shape::of_file(reader.schema(), reader.parquet_schema()).map_err(|e| self.broken(&e))?;
            Ok((reader, shape))
        })?;
        let data = reader.metadata();
        // Both counts steer the reader: if they differ, one of them would end it early.
        let groups = data.row_groups().iter().try_fold(0i64, |sum, group| sum.checked_add(group.num_rows()));
        let records = Some(data.file_metadata().num_rows()).filter(|n| groups == Some(*n)).map(u64::try_from);
        let Some(Ok(records)) = records else {
            return Err(self.broken(&"its footer contradicts itself about the number of records"));
        };
        for (at, (name, _)) in shape.parts().iter().enumerate() {
            if shape.parts()[..at].iter().any(|(earlier, _)| earlier == name) {
                let (path, name) = (self.path.display(), shorten(name, 60));
                return Err(StoreError::usage(format!("`{path}`: two columns are named `{name}`"))
                    .hint("give each column its own name: nobody could tell which of the two is meant"));
            }
        }
        Ok(Meta { stamp, reader, shape: Arc::new(shape), records })
    }

    /// Runs Parquet code, which may panic on a damaged file.
    fn guard<T>(&self, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        catch_unwind(AssertUnwindSafe(work))
            .unwrap_or_else(|_| Err(self.broken(&"its content contradicts its own structure")))
    }

    fn broken(&self, error: &dyn std::fmt::Display) -> StoreError {
        StoreError::failed(format!(
            "`{}` is not a Parquet file, or is damaged or cut short: {error}",
            self.path.display()
        ))
        .hint("copy or export it again")
    }

    fn columns(&self, shape: &Shape, paths: &[String]) -> Vec<Column> {
        let column = |name: &str, shape: &Shape| Column { name: name.to_owned(), kind: shape.kind() };
        let mut columns: Vec<Column> = shape.parts().iter().map(|(name, part)| column(name, part)).collect();
        for path in paths {
            if let Some((_, part)) = shape.find(path)
                && columns.iter().all(|c| c.name != *path)
            {
                columns.push(column(path, part));
            }
        }
        columns
    }

    fn reader(
        &self,
        metadata: ArrowReaderMetadata,
        leaves: &[usize],
        rows: usize,
    ) -> Result<ParquetRecordBatchReader, StoreError> {
        let file: File = open_file(&self.path)?;
        let projection = ProjectionMask::leaves(metadata.parquet_schema(), leaves.iter().copied());
        self.guard(|| {
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
                .with_projection(projection)
                .with_batch_size(rows)
                .build()
                .map_err(|error| self.broken(&error))
        })
    }
}

impl Source for ParquetSource {
    fn open(&mut self, wish: &Wish) -> Result<Opened, StoreError> {
        let meta = self.load()?;
        let opened = Opened {
            columns: self.columns(&meta.shape, &wish.paths),
            fixed_columns: true,
            ordered: false,
            natural: false,
            filters: false,
            seeks: false,
            snapshot: meta.stamp.snapshot(),
            estimated_records: Some(meta.records),
            notices: Vec::new(),
            inputs: Vec::new(),
        };
        self.opened = Some(meta);
        Ok(opened)
    }

    fn read(&mut self, request: &ReadRequest, out: &mut Outlet) -> Result<ReadEnd, StoreError> {
        let meta = match self.opened.take() {
            Some(meta) if !request.fresh => meta,
            _ => self.load()?,
        };
        self.opened = Some(meta.clone());
        meta.stamp.check_unchanged(&self.path)?;
        let wanted = self.wanted(request, &meta)?;
        let mut leaves = Vec::new();
        wanted.iter().for_each(|w| w.shape.leaves(&mut |_, at| leaves.push(at)));
        let rows = rows_at_once(&meta, &leaves);
        let old_timestamps: Vec<usize> = wanted.iter().filter_map(Wanted::int96).collect();
        let mut millis = match old_timestamps.is_empty() {
            true => None,
            false => {
                let metadata = read_as(&meta.reader, TimeUnit::Millisecond).map_err(|e| self.broken(&e))?;
                Some(self.reader(metadata, &old_timestamps, rows)?)
            }
        };
        let mut reader = self.reader(meta.reader.clone(), &leaves, rows)?;
        let mut read = 0u64;
        while let Some(records) = self.next(&mut reader, read)? {
            let coarse = match &mut millis {
                Some(millis) => self.next(millis, read)?,
                None => None,
            };
            if coarse.as_ref().is_some_and(|coarse| coarse.num_rows() != records.num_rows()) {
                return Err(self.broken(&"a column ends before the others"));
            }
            self.send(&records, coarse.as_ref(), &wanted, out)?;
            read += records.num_rows() as u64;
        }
        if read != meta.records {
            let expected = meta.records;
            return Err(self.broken(&format!("it ended after {read} records, its footer says {expected}")));
        }
        meta.stamp.check_unchanged(&self.path)?;
        Ok(ReadEnd::default())
    }
}

/// One column to read.
struct Wanted {
    /// The names on the way to it.
    names: Vec<String>,
    shape: Shape,
}

impl Wanted {
    /// The number of its leaf when it is a 96-bit timestamp.
    fn int96(&self) -> Option<usize> {
        match self.shape {
            Shape::Leaf(Leaf::Int96, at, _) => Some(at),
            _ => None,
        }
    }

    /// Its array, and the structs it lies in.
    fn array<'a>(&self, records: &'a RecordBatch) -> Option<(&'a ArrayRef, Vec<&'a ArrayRef>)> {
        let (first, rest) = self.names.split_first()?;
        let (mut array, mut parents) = (records.column_by_name(first)?, Vec::new());
        for name in rest {
            parents.push(array);
            array = array.as_struct_opt()?.column_by_name(name)?;
        }
        Some((array, parents))
    }
}

impl ParquetSource {
    fn wanted(&self, request: &ReadRequest, meta: &Meta) -> Result<Vec<Wanted>, StoreError> {
        let wanted = |column: &super::Wanted| {
            let (names, shape) = meta
                .shape
                .find(&column.name)
                .ok_or_else(|| missing_column(&column.name, &self.path, &self.columns(&meta.shape, &[])))?;
            Ok(Wanted { names, shape: shape.clone() })
        };
        request.columns.iter().map(wanted).collect()
    }

    fn next(&self, reader: &mut ParquetRecordBatchReader, read: u64) -> Result<Option<RecordBatch>, StoreError> {
        let failed = |error: ArrowError| {
            // The crate wraps its own message several times over.
            let error = match error {
                ArrowError::ParquetError(inner) => inner,
                other => other.to_string(),
            };
            self.broken(&format!("after {read} records: {error}"))
        };
        self.guard(|| reader.next().transpose().map_err(failed))
    }

    /// Decodes records and sends them, in parts when they are large.
    fn send(
        &self,
        records: &RecordBatch,
        coarse: Option<&RecordBatch>,
        wanted: &[Wanted],
        out: &mut Outlet,
    ) -> Result<(), StoreError> {
        let (rows, bytes) = (records.num_rows(), records.get_array_memory_size() as u64);
        let at_once = match bytes {
            _ if bytes <= 4 * BYTES => rows,
            // Few and huge records: together they could pass what a batch can address.
            _ if bytes > 256 * BYTES => 1,
            _ => ((rows as u64 * BYTES / bytes) as usize).max(1),
        };
        let mut start = 0;
        while start < rows {
            let len = at_once.min(rows - start);
            let (part, coarse) = (records.slice(start, len), coarse.map(|c| c.slice(start, len)));
            let batch = out.batch();
            let first = batch.rows();
            let decoded = self.guard(|| self.decode(&part, coarse.as_ref(), wanted, batch));
            if let Err(error) = decoded {
                // Half-filled records must not be sent.
                let batch = out.batch();
                (first..batch.rows()).for_each(|_| batch.undo_row());
                return Err(error);
            }
            out.end_rows(len)?;
            start += len;
        }
        Ok(())
    }

    fn decode(
        &self,
        records: &RecordBatch,
        coarse: Option<&RecordBatch>,
        wanted: &[Wanted],
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        let first = batch.rows();
        for _ in 0..records.num_rows() {
            batch.start_row();
        }
        let zone = &self.settings.zone;
        for (column, wanted) in wanted.iter().enumerate() {
            let missing = || self.broken(&format!("column {} is not where its schema says", wanted.names.join(".")));
            let (array, parents) = wanted.array(records).ok_or_else(missing)?;
            match &wanted.shape {
                Shape::Leaf(Leaf::Int96, ..) => {
                    let (millis, _) = coarse.and_then(|c| wanted.array(c)).ok_or_else(missing)?;
                    if !leaf::decode_int96(array, millis, zone, Target { batch, first, column }) {
                        return Err(missing());
                    }
                }
                Shape::Leaf(leaf, ..) => leaf::decode(array, *leaf, zone, Target { batch, first, column }),
                shape => documents(array, shape, zone, Target { batch, first, column }).map_err(|e| self.broken(&e))?,
            }
            for parent in parents.iter().filter(|parent| parent.null_count() > 0) {
                for row in (0..records.num_rows()).filter(|row| parent.is_null(*row)) {
                    batch.set(first + row, column, Cell::Null);
                }
            }
        }
        Ok(())
    }
}

/// Structs, lists and maps as JSON text.
fn documents(array: &dyn Array, shape: &Shape, zone: &TimeZone, out: Target<'_>) -> Result<(), String> {
    let decoded = nested::decode(array, shape, zone)?;
    let mut text = String::new();
    for row in 0..array.len() {
        text.clear();
        let cell = match decoded.is_null(row) {
            true => Cell::Null,
            false => match decoded.write(row, &mut text) {
                Ok(()) => Cell::Json(out.batch.store(text.as_bytes())),
                Err(reason) => out.batch.unknown(&reason),
            },
        };
        out.batch.set(out.first + row, out.column, cell);
    }
    Ok(())
}

fn read_as(suggested: &ArrowReaderMetadata, int96: TimeUnit) -> Result<ArrowReaderMetadata, ParquetError> {
    let schema = reading_schema(suggested.schema(), suggested.parquet_schema(), int96);
    if schema == **suggested.schema() {
        return Ok(suggested.clone());
    }
    ArrowReaderMetadata::try_new(suggested.metadata().clone(), ArrowReaderOptions::new().with_schema(Arc::new(schema)))
}

/// Fewer records at once where they are large on average.
fn rows_at_once(meta: &Meta, leaves: &[usize]) -> usize {
    let size = |group: &parquet::file::metadata::RowGroupMetaData| -> u64 {
        leaves.iter().filter_map(|at| group.columns().get(*at)).map(|c| c.uncompressed_size().max(0) as u64).sum()
    };
    let bytes: u64 = meta.reader.metadata().row_groups().iter().map(size).sum();
    let mean = bytes / meta.records.max(1);
    ((BYTES / mean.max(1)) as usize).clamp(16, ROWS)
}
