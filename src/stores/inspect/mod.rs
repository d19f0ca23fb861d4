//! One query that somebody else wrote, run so that it can read and do nothing else.
//!
//! The text of a check comes out of a table that many people may edit, and runs under recon's account. Three walls
//! stand around it, each meant to hold without the others:
//!
//! 1. [`examine`] reads the text before anything is sent: one statement, a SELECT, with functions that are known to read
//!    only ([`functions`], [`stages`]); what it cannot read is refused with its place.
//! 2. The store is told to write nothing (a read-only transaction, `query_only`), is asked first what it understood, and
//!    limits the time itself; recon watches the time too and ends the query on the server.
//! 3. The account: [`beyond_reading`] says what it may do that a check needs not.
//!
//! Must not judge what the rows mean.

mod beyond;
mod dialect;
mod functions;
mod lexis;
mod operators;
mod pipeline;
mod statement;
mod tree;
mod watch;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::domain::Value;

use super::{ErrorClass, Locator, Settings, StoreError};
pub use beyond::beyond_reading;
pub use functions::functions;
pub use operators::{operators, stages};
pub(super) use pipeline::{Piped, understood};
pub(super) use statement::Statement;
pub(super) use watch::{Halt, Watch};

/// The stores in which a check can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// MySQL and MariaDB.
    MySql,
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
    /// MongoDB.
    Mongo,
}

impl StoreKind {
    /// The kind of a locator's store; `None` for files.
    pub fn of(store: &Locator) -> Option<StoreKind> {
        match store.dialect() {
            "mysql" => Some(StoreKind::MySql),
            "postgres" => Some(StoreKind::Postgres),
            "sqlite" => Some(StoreKind::Sqlite),
            "mongodb" => Some(StoreKind::Mongo),
            _ => None,
        }
    }
}

/// Why a text is not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Where in the text, when that is known: line and column, both counted from 1 (columns in characters).
    pub at: Option<(u64, u64)>,
}

impl Refusal {
    pub(super) fn new(what: impl Into<String>) -> Refusal {
        Refusal { what: what.into(), hint: None, at: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Refusal {
        self.hint = Some(hint.into());
        self
    }

    /// With the place of a byte of `text`.
    pub(super) fn at_byte(mut self, text: &str, byte: usize) -> Refusal {
        let before = text.get(..byte).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        self.at = Some((line as u64, column as u64));
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.at {
            write!(f, "line {line}, column {column}: ")?;
        }
        f.write_str(&self.what)
    }
}

impl std::error::Error for Refusal {}

/// A text that may run.
#[derive(Clone, Debug)]
pub struct Examined {
    /// The parameters that it names, each once, in the order in which they first stand.
    pub params: Vec<String>,
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Sql(Statement),
    Pipeline(Piped),
}

impl Examined {
    /// A text that nobody has looked at, so that a test can show that the store's own wall holds without the first.
    #[doc(hidden)]
    pub fn unexamined(kind: StoreKind, text: &str, collection: Option<&str>) -> Examined {
        let form = match kind {
            StoreKind::Mongo => Form::Pipeline(Piped::unexamined(text, collection)),
            _ => Form::Sql(Statement::unexamined(text)),
        };
        Examined { params: Vec::new(), form }
    }
}

/// Reads a check's text without connecting anywhere. `collection`: what a pipeline runs over, unless it says so itself
/// (`{"collection": "holdings", "pipeline": [ … ]}`).
///
/// # Errors
/// What is not one query that is known to read only, and where in the text.
pub fn examine(kind: StoreKind, text: &str, collection: Option<&str>) -> Result<Examined, Refusal> {
    let sql = |dialect| {
        let statement = statement::examine(dialect, text)?;
        let mut params: Vec<String> = Vec::new();
        for name in statement.param_names() {
            if !params.iter().any(|known| known == name) {
                params.push(name.to_owned());
            }
        }
        Ok(Examined { params, form: Form::Sql(statement) })
    };
    match kind {
        StoreKind::MySql => sql(super::sql::Dialect::MySql),
        StoreKind::Postgres => sql(super::sql::Dialect::Postgres),
        StoreKind::Sqlite => sql(super::sql::Dialect::Sqlite),
        StoreKind::Mongo => {
            let (piped, params) = pipeline::examine(text, collection)?;
            Ok(Examined { params, form: Form::Pipeline(piped) })
        }
    }
}

/// What a query may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the moment the store is reached until the last row has been taken.
    pub time: Duration,
    /// Rows that are read.
    pub rows: u64,
    /// Bytes of values that are read, as the store sends them.
    pub bytes: u64,
}

/// One query to run.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The store, by the URL of its least-privileged account (`check_url`) where there is one. A fragment names the
    /// collection of a pipeline.
    pub store: Locator,
    /// The check's text.
    pub text: String,
    /// Values for `:name`, and for `{"$param": "name"}` in pipelines. More than are used may be given.
    pub params: Vec<(String, Value)>,
    /// What it may use up.
    pub limits: Limits,
    /// Connecting, and the zone of instants without one.
    pub settings: Settings,
    /// Set to end the query soon, on the server too.
    pub cancel: Arc<AtomicBool>,
}

/// What a query returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The columns' names as the store gives them, which need be neither given nor distinct. Of documents: the top-level
    /// fields of all that were read, in the order in which they were first met.
    pub columns: Vec<String>,
    /// Rows that were handed over.
    pub rows: u64,
    /// Why these are not all, when a limit ended the reading.
    pub truncated: Option<String>,
    /// What the user should know: no snapshot to be had, …
    pub notices: Vec<String>,
}

/// Why there is no answer, or only a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InspectError {
    /// The definition is wrong: the text may not run, names what does not exist, or lacks a parameter.
    Refused(Refusal),
    /// It took longer than it may.
    TimedOut {
        /// The store, without secrets.
        place: String,
        /// How long it might have taken.
        limit: Duration,
        /// Rows that were handed over before.
        rows: u64,
        /// Whether the store has confirmed that nothing of it runs any more.
        ended: bool,
    },
    /// It was ended from outside.
    Cancelled {
        /// The store, without secrets.
        place: String,
        /// Whether the store has confirmed that nothing of it runs any more.
        ended: bool,
    },
    /// The store failed.
    Failed(StoreError),
}

impl From<Refusal> for InspectError {
    fn from(refusal: Refusal) -> Self {
        InspectError::Refused(refusal)
    }
}

impl From<StoreError> for InspectError {
    /// What a store says was asked for wrongly is the definition's fault.
    fn from(error: StoreError) -> Self {
        match error.class {
            ErrorClass::Usage => InspectError::Refused(Refusal { what: error.what, hint: error.hint, at: None }),
            _ => InspectError::Failed(error),
        }
    }
}

impl fmt::Display for InspectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = |ended: bool| if ended { "" } else { "; the server has not confirmed that it ended there" };
        match self {
            InspectError::Refused(refusal) => refusal.fmt(f),
            InspectError::TimedOut { place, limit, rows, ended } => {
                let limit = limit.as_secs_f32();
                write!(f, "{place}: not done within {limit} s, after {rows} rows: ended{}", left(*ended))
            }
            InspectError::Cancelled { place, ended } => write!(f, "{place}: cancelled{}", left(*ended)),
            InspectError::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for InspectError {}

/// Runs a query and hands over each row: the columns' names and the values, exact. Of documents: this document's own
/// fields.
///
/// # Errors
/// Rows that were handed over before an error are not all.
pub fn inspect(inspection: &Inspection, each_row: &mut dyn FnMut(&[String], &[Value])) -> Result<Answer, InspectError> {
    let kind = kind_of(&inspection.store)?;
    let examined = examine(kind, &inspection.text, inspection.store.table())?;
    run(inspection, &examined, each_row)
}

/// Runs what was examined before; the inspection's own text is not looked at.
///
/// # Errors
/// As [`inspect`].
pub fn run(
    inspection: &Inspection,
    examined: &Examined,
    each_row: &mut dyn FnMut(&[String], &[Value]),
) -> Result<Answer, InspectError> {
    let Inspection { store, params, limits, settings, cancel, .. } = inspection;
    for name in &examined.params {
        if !params.iter().any(|(given, _)| given == name) {
            let names: Vec<String> = params.iter().map(|(name, _)| format!("`{name}`")).collect();
            let hint = match names.is_empty() {
                true => "this reconciliation has no parameters".to_owned(),
                false => format!("the parameters are {}", names.join(", ")),
            };
            return Err(Refusal::new(format!("the query uses the parameter `{name}`, which there is not"))
                .hint(hint)
                .into());
        }
    }
    let mut watch = Watch::new(limits, cancel, each_row);
    watch.look().map_err(|halt| watch.error(halt, store.label(), true))?;
    let notices = match (&examined.form, kind_of(store)?) {
        (Form::Sql(statement), StoreKind::MySql) => {
            super::mysql::inspect(&store.url()?, statement, params, settings, &mut watch)?
        }
        (Form::Sql(statement), StoreKind::Postgres) => {
            super::postgres::inspect(&store.url()?, statement, params, settings, &mut watch)?
        }
        (Form::Sql(statement), StoreKind::Sqlite) => {
            super::sqlite::inspect(store.address().as_ref(), statement, params, settings, &mut watch)?
        }
        (Form::Pipeline(piped), StoreKind::Mongo) => {
            super::mongo::inspect(store.address(), piped, params, settings, &mut watch)?
        }
        _ => return Err(Refusal::new("the text was examined for another kind of store").into()),
    };
    Ok(watch.answer(notices))
}

fn kind_of(store: &Locator) -> Result<StoreKind, Refusal> {
    StoreKind::of(store).ok_or_else(|| {
        Refusal::new(format!("{} is a file: no query runs there", store.label()))
            .hint("name a database as the check's store")
    })
}
