//! CSV and TSV files, plain or gzip: fields without types.
//!
//! An unquoted empty field is NULL, `""` is empty text, a plain decimal literal is a number and everything
//! else text. Quotes say nothing about a type (many programs quote every field), so a quoted literal is a
//! number too. Must not sort, compare or guess.

mod records;

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::domain::{Batch, Cell, shorten};

use super::file::{FileStamp, is_gzip, missing_column};
use super::gzip::open_text;
use super::{Column, ColumnKind, Opened, Outlet, ReadEnd, ReadRequest, Settings, Source, StoreError, Wish};
use records::{Field, RecordError, Records};

/// Records looked at to estimate how many there are.
const SAMPLE: usize = 1_000;

/// Reads one CSV or TSV file.
pub struct CsvSource {
    path: PathBuf,
    settings: Settings,
    /// The file as it was opened.
    stamp: Option<FileStamp>,
}

impl CsvSource {
    /// For the file at `path`: comma-separated unless the settings or the ending `.tsv` say otherwise.
    pub fn new(path: PathBuf, settings: Settings) -> Self {
        CsvSource { path, settings, stamp: None }
    }

    fn delimiter(&self) -> Result<u8, StoreError> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let tabs = name.ends_with(".tsv") || name.ends_with(".tsv.gz");
        match self.settings.csv.delimiter.unwrap_or(if tabs { b'\t' } else { b',' }) {
            byte @ (b'"' | b'\n' | b'\r' | 0x80..) => {
                let shown = byte.escape_ascii();
                Err(StoreError::usage(format!("`{shown}` cannot be the delimiter of a CSV file"))
                    .hint("use one ASCII character that is no quote and no line end, such as `;`"))
            }
            byte => Ok(byte),
        }
    }

    /// Opens the file and reads its columns; the reader then stands before the first record.
    fn start(&self) -> Result<(Records, Vec<Column>), StoreError> {
        let reading = |error| failure(&self.path, error);
        let mut records = Records::new(open_text(&self.path)?, self.delimiter()?).map_err(reading)?;
        if !records.advance(false).map_err(reading)? {
            let shown = self.path.display();
            return Err(StoreError::failed(format!("`{shown}` is empty: it has not even a line of column names"))
                .hint("an export that found no records still writes its header; did this one fail?"));
        }
        let names = if self.settings.csv.header {
            header(&self.path, &records)?
        } else {
            let names = (1..=records.fields().len()).map(|at| format!("column{at}")).collect();
            // That was a record already: start again before it.
            records = Records::new(open_text(&self.path)?, self.delimiter()?).map_err(reading)?;
            names
        };
        let column = |name| Column { name, kind: ColumnKind::Untyped };
        Ok((records, names.into_iter().map(column).collect()))
    }

    /// About how many records there are: the file's size over the mean length of the first.
    fn estimate(&self, records: &mut Records, columns: usize, len: u64) -> Option<u64> {
        if is_gzip(&self.path) {
            return None;
        }
        let before = records.position();
        for read in 0..SAMPLE {
            // What is wrong with a record is said when it is read; there is no estimate then.
            if !records.advance(columns == 1).ok()? {
                return Some(read as u64);
            }
        }
        let sampled = (records.position() - before).max(1);
        Some((u128::from(len.saturating_sub(before)) * SAMPLE as u128 / u128::from(sampled)) as u64)
    }

    /// A file that does not end with a line end may be cut short within a number, and nothing else would show it.
    fn notices(&self) -> Vec<String> {
        let last = || -> std::io::Result<u8> {
            let mut file = std::fs::File::open(&self.path)?;
            file.seek(SeekFrom::End(-1))?;
            let mut byte = [0];
            file.read_exact(&mut byte)?;
            Ok(byte[0])
        };
        match last() {
            Ok(byte) if byte != b'\n' && !is_gzip(&self.path) => {
                vec![format!(
                    "`{}` does not end with a line end: its last record may be cut short",
                    self.path.display()
                )]
            }
            _ => Vec::new(),
        }
    }
}

impl Source for CsvSource {
    fn open(&mut self, _wish: &Wish) -> Result<Opened, StoreError> {
        let stamp = FileStamp::of(&self.path)?;
        let (mut records, columns) = self.start()?;
        self.stamp = Some(stamp);
        Ok(Opened {
            estimated_records: self.estimate(&mut records, columns.len(), stamp.len),
            columns,
            fixed_columns: true,
            ordered: false,
            natural: false,
            filters: false,
            seeks: false,
            snapshot: stamp.snapshot(),
            notices: self.notices(),
            inputs: Vec::new(),
        })
    }

    fn read(&mut self, request: &ReadRequest, out: &mut Outlet) -> Result<ReadEnd, StoreError> {
        let stamp = match self.stamp {
            Some(stamp) if !request.fresh => stamp,
            _ => FileStamp::of(&self.path)?,
        };
        stamp.check_unchanged(&self.path)?;
        self.stamp = Some(stamp);
        let (mut records, columns) = self.start()?;
        let mut wanted = Vec::with_capacity(request.columns.len());
        for column in &request.columns {
            let at = columns.iter().position(|c| c.name == column.name);
            wanted.push(at.ok_or_else(|| missing_column(&column.name, &self.path, &columns))?);
        }
        let mut decoder = Decoder { null_text: self.settings.csv.null_text.clone(), unquoted: Vec::new() };
        let expected = columns.len();
        while records.advance(expected == 1).map_err(|error| failure(&self.path, error))? {
            let found = records.fields().len();
            if found != expected {
                return Err(ragged(&self.path, records.line(), found, expected));
            }
            decoder.record(&records, &wanted, out.batch());
            out.end_row()?;
        }
        stamp.check_unchanged(&self.path)?;
        Ok(ReadEnd::default())
    }
}

/// Turns fields into cells.
struct Decoder {
    null_text: Option<String>,
    /// A field whose doubled quotes are single again.
    unquoted: Vec<u8>,
}

impl Decoder {
    #[inline]
    fn record(&mut self, records: &Records, wanted: &[usize], batch: &mut Batch) {
        let row = batch.start_row();
        let fields = records.fields();
        // One check for the whole record: fields end at ASCII bytes, so their parts are whole characters.
        match std::str::from_utf8(records.text()) {
            Ok(text) => {
                for (column, at) in wanted.iter().enumerate() {
                    let field = fields[*at];
                    let cell = self.field(&text[field.start..field.end], field, batch);
                    batch.set(row, column, cell);
                }
            }
            Err(_) => self.broken_record(records, wanted, row, batch),
        }
    }

    #[inline]
    fn field(&mut self, text: &str, field: Field, batch: &mut Batch) -> Cell {
        if field.doubled {
            self.unquoted.clear();
            single_quotes(text.as_bytes(), &mut self.unquoted);
            return match std::str::from_utf8(&self.unquoted) {
                Ok(text) => batch.untyped(text),
                Err(error) => batch.unknown(&error.to_string()),
            };
        }
        match (text.is_empty(), field.quoted) {
            (true, false) => Cell::Null,
            (true, true) => Cell::Text(batch.store(b"")),
            (false, false) if self.null_text.as_deref() == Some(text) => Cell::Null,
            _ => batch.untyped(text),
        }
    }

    /// Some field is not UTF-8: the others still count.
    #[cold]
    fn broken_record(&mut self, records: &Records, wanted: &[usize], row: usize, batch: &mut Batch) {
        for (column, at) in wanted.iter().enumerate() {
            let field = records.fields()[*at];
            let bytes = &records.text()[field.start..field.end];
            let cell = match std::str::from_utf8(bytes) {
                Ok(text) => self.field(text, field, batch),
                Err(error) => {
                    let line = records.line_at(field.start + error.valid_up_to());
                    batch.unknown(&format!("line {line}: invalid UTF-8 in `{}`", shown(bytes)))
                }
            };
            batch.set(row, column, cell);
        }
    }
}

fn single_quotes(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(quote) = memchr::memchr(b'"', rest) {
        out.extend_from_slice(&rest[..=quote]);
        rest = rest.get(quote + 2..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

fn shown(bytes: &[u8]) -> String {
    shorten(&bytes.escape_ascii().to_string(), 60)
}

/// The column names of the first record.
fn header(path: &Path, records: &Records) -> Result<Vec<String>, StoreError> {
    let (shown_path, line) = (path.display(), records.line());
    let mut names: Vec<String> = Vec::with_capacity(records.fields().len());
    for (at, field) in records.fields().iter().enumerate() {
        let raw = &records.text()[field.start..field.end];
        let mut bytes = Vec::new();
        if field.doubled {
            single_quotes(raw, &mut bytes)
        } else {
            bytes.extend_from_slice(raw)
        }
        let name = String::from_utf8(bytes).map_err(|_| {
            StoreError::failed(format!("`{shown_path}`, line {line}: invalid UTF-8 in the header, `{}`", shown(raw)))
                .hint("convert the file to UTF-8, for example with iconv")
        })?;
        if !field.quoted && name.contains('\r') {
            return Err(StoreError::failed(format!("`{shown_path}`: lines end with CR alone"))
                .hint("convert the line ends to LF or CRLF"));
        }
        if name.is_empty() {
            return Err(StoreError::usage(format!("`{shown_path}`, line {line}: column {} has no name", at + 1))
                .hint("every column needs a name in the header; for a file without header say so"));
        }
        if names.contains(&name) {
            return Err(StoreError::usage(format!(
                "`{shown_path}`, line {line}: two columns are named `{}`",
                shorten(&name, 60)
            ))
            .hint("give each column its own name: nobody could tell which of the two is meant"));
        }
        names.push(name);
    }
    Ok(names)
}

fn ragged(path: &Path, line: u64, found: usize, expected: usize) -> StoreError {
    let fields = if found == 1 { "field" } else { "fields" };
    StoreError::failed(format!("`{}`, line {line}: found {found} {fields}, expected {expected}", path.display()))
        .hint("the file may be cut short here, or hold a delimiter or a line end outside quotes")
}

fn failure(path: &Path, error: RecordError) -> StoreError {
    let path_shown = path.display();
    match error {
        RecordError::Malformed { line, what } => StoreError::failed(format!("`{path_shown}`, line {line}: {what}"))
            .hint("fields that hold quotes, delimiters or line ends stand in quotes, and quotes inside are doubled"),
        RecordError::Io(error) if is_gzip(path) => {
            StoreError::failed(format!("`{path_shown}`: the gzip stream is damaged or cut short: {error}"))
                .hint("check it with `gzip -t`, and copy or export it again")
        }
        RecordError::Io(error) => StoreError::failed(format!("`{path_shown}` cannot be read: {error}")),
    }
}
