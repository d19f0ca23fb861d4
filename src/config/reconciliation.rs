//! A reconciliation of the project file, validated: what `recon diff NAME` needs, and typed settings for the rest.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::capture::RowsOf;
use super::error::{ConfigError, SourceText, listed};
use super::project::StoreKind;
use super::raw::{ParamType, Policy, Release};
use super::secret::{Hidden, Secret};
use crate::domain::{Amount, ColumnType, Filter, Machine, Tolerance};

/// One reconciliation.
#[derive(Clone, Debug)]
pub struct Reconciliation {
    /// Its name.
    pub name: String,
    /// The key columns, in order.
    pub key: Vec<Mapped>,
    /// Parameters and their types, by name.
    pub params: Vec<(String, ParamType)>,
    /// Settings of columns; columns that are not named here are compared exactly.
    pub columns: Vec<ColumnSettings>,
    /// The path in force.
    pub legacy: PathDefinition,
    /// The path that is to take over.
    pub candidate: PathDefinition,
    /// How far the candidate is trusted.
    pub canary: Canary,
    /// What is paid for each kind of discrepancy.
    pub policy: Policy,
    /// An independent count of the records that must exist.
    pub population: Option<Population>,
    /// Where decisions are written.
    pub decisions: Option<Decisions>,
    /// How a verified cycle is released.
    pub release: Option<Release>,
    /// Which rows of a table a key needs, by store and table, where cases are captured.
    pub captured: BTreeMap<(String, String), RowsOf>,
    /// Every step that its cycles may take, with the payment steps after `released`.
    pub machine: Machine,
}

/// A column by its names on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// The legacy name.
    pub legacy: String,
    /// The candidate's name.
    pub candidate: String,
}

/// How one column is compared.
#[derive(Clone, Debug)]
pub struct ColumnSettings {
    /// Its names.
    pub name: Mapped,
    /// Its type on both sides, if fixed.
    pub column_type: Option<ColumnType>,
    /// How far amounts may lie apart.
    pub tolerance: Option<Tolerance>,
    /// The currency of its amounts (ISO 4217), for reports.
    pub currency: Option<String>,
    /// Whether it is compared at all.
    pub compare: bool,
}

/// One of the two independent computations.
#[derive(Clone, Debug)]
pub struct PathDefinition {
    /// Where its records come from.
    pub origin: Origin,
    /// How the work is split, bound as `:partition` and `:partitions`.
    pub partitions: Option<Partitions>,
    /// Only these records.
    pub condition: Option<Filter>,
}

/// Where a path's records come from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// Read from a store as they are, or computed by it.
    Store { store: String, what: What },
    /// Exact-decimal SQL over inputs.
    Sql { file: FileRef, inputs: Vec<Input> },
    /// A calculation API, asked for every record of one input; the other inputs are reference tables.
    Http { settings: Http, records: Input, reference: Vec<Input> },
    /// A program, NDJSON in and NDJSON out, asked for every record of one input; the other inputs are reference tables.
    Command { settings: Command, records: Input, reference: Vec<Input> },
}

/// What is read of a store.
#[derive(Clone, Debug)]
pub enum What {
    /// A table, a collection, or a file below the store's folder.
    Table(String),
    /// A query.
    Query(Queries),
    /// An aggregation pipeline over a collection.
    Pipeline { collection: String, file: FileRef },
}

/// A query, the same for every store or one for each dialect.
#[derive(Clone, Debug)]
pub struct Queries {
    pub(super) one: Option<FileRef>,
    pub(super) per_dialect: Vec<(StoreKind, FileRef)>,
    /// Raised when the store in force has none.
    pub(super) missing: ConfigError,
}

impl Queries {
    /// The query for a store.
    ///
    /// # Errors
    /// There is none for that kind of store.
    pub fn of(&self, kind: StoreKind) -> Result<&FileRef, ConfigError> {
        let found = self.per_dialect.iter().find(|(k, _)| *k == kind).map(|(_, file)| file);
        found.or(self.one.as_ref()).ok_or_else(|| {
            let known = listed(self.per_dialect.iter().map(|(k, _)| k.name()));
            let mut error = self.missing.clone();
            error.what = format!("there is no query for {}, only for {known}", kind.name());
            error.hint(format!("add `{} = \"…\"` here, or choose another profile", kind.name()))
        })
    }
}

/// A file that the project file names.
#[derive(Clone, Debug)]
pub struct FileRef {
    /// Its path; relative names are taken from the project file's folder.
    pub path: PathBuf,
    /// A text in place of the file's, for a query that is only tried.
    pub(super) text: Option<String>,
    /// Raised when it cannot be read.
    pub(super) unreadable: ConfigError,
}

impl FileRef {
    /// The file's text.
    ///
    /// # Errors
    /// It cannot be read, is no UTF-8, or is empty.
    pub fn read(&self) -> Result<String, ConfigError> {
        if let Some(text) = &self.text {
            return Ok(text.clone());
        }
        let fail = |why: String| {
            let mut error = self.unreadable.clone();
            error.what = format!("cannot use `{}`: {why}", self.path.display());
            error
        };
        let text = std::fs::read_to_string(&self.path)
            .map_err(|e| fail(e.to_string()).hint("file names are relative to the folder of the project file"))?;
        if text.trim().is_empty() { Err(fail("it is empty".into())) } else { Ok(text) }
    }
}

/// How the work is split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partitions {
    /// The column that decides.
    pub column: String,
    /// Parts.
    pub count: u32,
}

/// An input of a computation.
#[derive(Clone, Debug)]
pub struct Input {
    /// The table's name in the SQL.
    pub name: String,
    /// The store it is read from.
    pub store: String,
    /// What is read.
    pub what: What,
    /// Only these records: a condition over paths of the record as it is after `unwind`; may name parameters.
    pub filter: Option<String>,
    /// The array whose items become records.
    pub unwind: Option<String>,
    /// The fields taken; empty: every top-level field.
    pub fields: Vec<Field>,
}

/// A field of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The column's name.
    pub name: String,
    /// Where it is in the document: a dotted path.
    pub path: String,
    /// The type that its values must have.
    pub column_type: Option<ColumnType>,
}

/// A calculation API.
#[derive(Clone, Debug)]
pub struct Http {
    /// Where it is.
    pub url: Secret,
    /// Names and values sent with every call.
    pub headers: Vec<(String, Hidden)>,
    /// Records a call.
    pub batch: Option<u32>,
    /// Calls at the same time.
    pub concurrency: Option<u32>,
    /// Longest wait for an answer.
    pub timeout: Option<Duration>,
    /// Longest time for all answers.
    pub run_timeout: Option<Duration>,
    /// Further attempts.
    pub retries: Option<u32>,
}

/// A calculation program.
#[derive(Clone, Debug)]
pub struct Command {
    /// The program and its arguments.
    pub arguments: Vec<String>,
    /// The folder that it runs in: the project file's.
    pub folder: PathBuf,
    /// Longest wait for the next answer.
    pub timeout: Option<Duration>,
}

/// How far the candidate is trusted.
#[derive(Clone, Debug)]
pub struct Canary {
    /// Share of agreeing records that take the candidate, 0 to 100.
    pub percent: u8,
    /// Above this percentage of discrepant keys the whole cycle falls back to legacy.
    pub max_discrepancy_rate: Option<Amount>,
    /// The share that it falls back to by itself when that percentage is exceeded.
    pub cut_back_to: Option<u8>,
    /// Clean runs in a row after which a larger share is recommended.
    pub raise_after: u32,
    /// Columns whose values must all have been covered before a larger share is recommended.
    pub segments: Vec<String>,
}

impl Default for Canary {
    fn default() -> Self {
        Canary { percent: 100, max_discrepancy_rate: None, cut_back_to: None, raise_after: 6, segments: Vec::new() }
    }
}

/// An independent count.
#[derive(Clone, Debug)]
pub struct Population {
    /// The store.
    pub store: String,
    /// Its query.
    pub query: Queries,
}

/// Where decisions are written.
#[derive(Clone, Debug)]
pub enum Decisions {
    /// A table of a store.
    Table { store: String, table: String },
    /// A file.
    File(PathBuf),
}

impl Reconciliation {
    /// The settings of a column by its legacy name.
    pub fn column(&self, legacy: &str) -> Option<&ColumnSettings> {
        self.columns.iter().find(|c| c.name.legacy == legacy)
    }
}

/// Splits `legacy=candidate`; one name stands for both.
pub(super) fn mapped(text: &str) -> Option<Mapped> {
    let (legacy, candidate) = text.split_once('=').unwrap_or((text, text));
    let (legacy, candidate) = (legacy.trim(), candidate.trim());
    (!legacy.is_empty() && !candidate.is_empty())
        .then(|| Mapped { legacy: legacy.to_owned(), candidate: candidate.to_owned() })
}

impl FileRef {
    pub(super) fn new(path: PathBuf, source: &SourceText, at: std::ops::Range<usize>) -> Self {
        FileRef { path, text: None, unreadable: source.error(at, "") }
    }
}
