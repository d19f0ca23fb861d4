//! Stores: one file per store or file kind, behind one narrow trait, [`Source`].
//!
//! A source opens one read-only snapshot, says what it holds, and sends records in key order. It must not
//! compare, decide or format; what it cannot decode it sends as [`crate::domain::Cell::Unknown`].

pub mod about;
mod asked;
pub mod bson_file;
pub mod bulk;
pub mod csv;
pub(crate) mod document;
mod error;
mod file;
mod fix;
mod gzip;
pub mod inspect;
pub mod json_file;
mod locator;
pub mod mongo;
pub mod mysql;
mod outlet;
pub mod parquet;
pub mod postgres;
mod reader;
mod seek;
pub(crate) mod sort;
pub mod sql;
pub mod sqlite;
pub mod survey;

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::domain::{ColumnType, Filter, Value};
pub use error::{ErrorClass, StoreError};
pub(crate) use file::FileStamp;
pub use locator::Locator;
pub(crate) use locator::sqlite_path;
pub use outlet::{Outlet, Progress, Received, Stop, channel};
pub use reader::{MakeSource, Reader};

/// One side's reader. Lives on its own thread and may block; a driver that is async runs on a
/// current-thread runtime inside.
pub trait Source: Send {
    /// Connects (with retries), opens the snapshot and says what there is. Called once, before anything else.
    ///
    /// # Errors
    /// Class `Usage` when what was asked for does not exist or cannot be understood, `Failed` when the store
    /// could not be reached or read.
    fn open(&mut self, wish: &Wish) -> Result<Opened, StoreError>;

    /// Sends the records of the request through `out`, in key order where [`Opened::ordered`] promised it.
    /// May be called again: for another set of columns, a key range, or a list of keys.
    ///
    /// # Errors
    /// As [`Source::open`]. An error in the middle never looks like an end: the caller counts on it.
    fn read(&mut self, request: &ReadRequest, out: &mut Outlet) -> Result<ReadEnd, StoreError>;

    /// Key values that cut the records into `parts` ranges of about equal size: `parts - 1` of them or fewer,
    /// ascending, of the first key column. Empty when the store cannot read ranges.
    ///
    /// # Errors
    /// As [`Source::open`].
    fn boundaries(&mut self, _key: &str, _filter: Option<&Filter>, _parts: usize) -> Result<Vec<Value>, StoreError> {
        Ok(Vec::new())
    }
}

/// What the user names, before the columns are known.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// Names in this side's spelling that must be looked for even where they are no top-level field:
    /// key columns and dotted paths.
    pub paths: Vec<String>,
}

/// What a source found when it opened.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The columns: all of a table's or query's; for documents those of a sample (the first 1,000).
    pub columns: Vec<Column>,
    /// Whether `columns` is all there can be. Documents: `false`, further fields may turn up while reading.
    pub fixed_columns: bool,
    /// Whether `read` sends records in key order. `false` for files: they are taken as they lie, and sorted
    /// on disk when that turns out to be another order.
    pub ordered: bool,
    /// Whether `read` may be told [`ReadRequest::natural`] with profit.
    pub natural: bool,
    /// Whether `read` applies `ReadRequest::filter` itself. If not, the outlet does.
    pub filters: bool,
    /// Whether `read` understands `ReadRequest::range` and `keys`.
    pub seeks: bool,
    /// When and how the snapshot was taken.
    pub snapshot: Snapshot,
    /// About how many records there are, when the store can say so cheaply.
    pub estimated_records: Option<u64>,
    /// What the user should know: no snapshot to be had, a table without transactions, …
    pub notices: Vec<String>,
    /// What a computation was fed with; empty for what is read as it is.
    pub inputs: Vec<InputRead>,
}

/// One input of a computation, as it was read: once in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputRead {
    /// Its name.
    pub name: String,
    /// Where it was read, without secrets.
    pub label: String,
    /// How many records it had.
    pub records: u64,
    /// What tells this content from any other: the sum of the SHA-256 of its records (in whatever order), or for Parquet
    /// files that are scanned the SHA-256 of their contents.
    pub fingerprint: String,
}

/// The moment one side was read at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Nanoseconds since 1970-01-01T00:00Z by the store's own clock; a file's time of last change.
    pub taken_at: Option<i128>,
    /// In a few words: `REPEATABLE READ, consistent snapshot`, `snapshot session`, `file`, `none`.
    pub how: String,
    /// Whether everything read shows one moment.
    pub consistent: bool,
}

/// One column or field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name in this store.
    pub name: String,
    /// What its values are, as far as the store says (or the sample shows).
    pub kind: ColumnKind,
}

/// What a column's values are, as far as key order and conversion need to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Integers, decimals or floats.
    Number,
    /// Text.
    Text,
    /// A file without types (CSV): literals are numbers, the rest is text.
    Untyped,
    /// UUIDs.
    Uuid,
    /// MongoDB ObjectIds.
    ObjectId,
    /// Raw bytes.
    Bytes,
    /// Dates or instants.
    Instant,
    /// Times of day.
    Time,
    /// Truth values.
    Bool,
    /// Documents and arrays.
    Document,
    /// Unknown, or several kinds.
    Mixed,
}

/// What to read.
#[derive(Clone, Debug)]
pub struct ReadRequest {
    /// The columns of every record sent, in this order: the key columns first.
    pub columns: Vec<Wanted>,
    /// How many of `columns` are the key.
    pub key: usize,
    /// Only records that satisfy this condition (names are this side's).
    pub filter: Option<Filter>,
    /// Only records whose first key column lies in this range.
    pub range: KeyRange,
    /// Only records with these keys (each as long as the key, ascending); at most a few thousand.
    pub keys: Option<Vec<Vec<Value>>>,
    /// Take a new snapshot first: what is read must be as of now.
    pub fresh: bool,
    /// The records may come as they lie in the store, when that seems to be the order of the key and is quicker: the
    /// caller looks at every key, and asks again without this when one is out of order.
    pub natural: bool,
}

/// One column to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The name in this store; a dotted path into documents.
    pub name: String,
    /// A conversion of each value, done by the outlet.
    pub fix: Option<Fix>,
}

/// A conversion that the outlet applies to a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fix {
    /// To the type the user gave; what does not fit is unknown.
    Type(ColumnType),
    /// A key of UUIDs, ObjectIds, numbers of a file without types, … to its text, because the other side's key is text.
    KeyText,
    /// A key written as text to the date or instant it says, because the other side's key is one.
    KeyTemporal,
}

/// A range of the first key column: `from <= key < below`.
#[derive(Clone, Debug, Default)]
pub struct KeyRange {
    /// Inclusive.
    pub from: Option<Value>,
    /// Exclusive. A range without `from` holds NULL and absent keys too.
    pub below: Option<Value>,
}

/// How a read ended, when it ended well.
#[derive(Clone, Debug, Default)]
pub struct ReadEnd {
    /// Top-level fields of documents that were met but not asked for; empty where columns are fixed.
    pub other_fields: Vec<String>,
    /// Whether there were more such fields than can be remembered.
    pub other_fields_cut: bool,
}

/// What is read of a database.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// Table (`schema.table`) or collection: the locator's fragment.
    pub table: Option<String>,
    /// A SELECT, or an aggregation pipeline as Extended JSON, in place of the table (a pipeline may run over
    /// the collection that `table` names).
    pub query: Option<String>,
    /// Values bound to `:name` in SQL and to `{"$param": "name"}` in pipelines.
    pub params: Vec<(String, Value)>,
}

/// What every source is built with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Zone of instants stored without one.
    pub zone: TimeZone,
    /// Longest wait for one attempt to connect.
    pub connect_timeout: Duration,
    /// Attempts to connect, with backoff between them.
    pub connect_attempts: u32,
    /// Longest wait for the next records.
    pub read_timeout: Duration,
    /// How CSV files are written.
    pub csv: CsvSettings,
    /// Where connections to SQLite files are kept between one reading and the next; `None`: each is closed.
    pub kept_sqlite: Option<std::sync::Arc<sqlite::KeptSqlite>>,
}

/// How a CSV file is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvSettings {
    /// Field delimiter; `None`: a comma, or a tab in `.tsv`.
    pub delimiter: Option<u8>,
    /// Whether the first line names the columns; without, they are `column1`, `column2`, …
    pub header: bool,
    /// An unquoted field of this text is NULL too (besides the empty field).
    pub null_text: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            zone: TimeZone::UTC,
            connect_timeout: Duration::from_secs(10),
            connect_attempts: 3,
            read_timeout: Duration::from_secs(300),
            csv: CsvSettings { delimiter: None, header: true, null_text: None },
            kept_sqlite: None,
        }
    }
}
