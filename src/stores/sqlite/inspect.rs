//! A check's SELECT on SQLite: the file opened for reading alone, `query_only`, no trust in what the schema calls, and a
//! handler inside of SQLite's own loop that ends the query.
//!
//! SQLite runs inside of recon: what it uses up, recon uses up, and there is no server on which something could be left.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Column as _, Either, Executor, Row, SqlSafeStr, Statement as _, ValueRef};

use super::connect::options;
use super::error::{failed, refused};
use super::value::{argument, decode};
use crate::domain::{Batch, Value};
use crate::stores::inspect::{Halt, InspectError, Refusal, Statement, Watch};
use crate::stores::sql::Dialect;
use crate::stores::{Settings, StoreError};

/// How often a wait for SQLite's thread looks up.
const LOOK_UP: Duration = Duration::from_millis(50);
/// Longest wait for SQLite to notice that it is to end: one call of a function is not interrupted.
const ENDING: Duration = Duration::from_millis(700);
/// Steps of SQLite's machine between two looks.
const STEPS: i32 = 10_000;
/// Rows that SQLite may be ahead: a row may be long.
const ROWS_AHEAD: usize = 8;

/// Runs a check's statement and hands its rows to `watch`; returns what the user should know.
///
/// # Errors
/// See [`crate::stores::inspect::inspect`].
pub(in crate::stores) fn inspect(
    path: &Path,
    statement: &Statement,
    params: &[(String, Value)],
    settings: &Settings,
    watch: &mut Watch<'_>,
) -> Result<Vec<String>, InspectError> {
    let place = path.display().to_string();
    let (sql, bound) = statement.bound(Dialect::Sqlite, params)?;
    let mut arguments = SqliteArguments::default();
    for value in &bound {
        argument(value, &mut arguments)
            .map_err(|why| StoreError::usage(format!("{place}: {why}")).hint("give the parameter as text"))?;
    }
    // A schema's views and columns may call no function that does more than compute.
    let options = options(path, settings)?
        .row_buffer_size(ROWS_AHEAD)
        .busy_timeout(settings.connect_timeout.min(watch.limits().time))
        .pragma("query_only", "ON")
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| StoreError::failed(format!("no runtime for {place}: {e}")))?;
    runtime.block_on(async {
        let connected = sqlx::ConnectOptions::connect(&options).await;
        let connection = connected.map_err(|e| failed(&place, "cannot be opened", &e))?;
        let stop = Arc::new(AtomicBool::new(false));
        let mut guarded = Guarded { connection, place: &place, watch };
        guarded.begin(&stop).await?;
        let read = guarded.read(&sql, arguments).await;
        stop.store(true, Ordering::Relaxed);
        let Guarded { connection, watch, .. } = guarded;
        // It closes when SQLite's thread has come to its end.
        let ended = tokio::time::timeout(ENDING, sqlx::Connection::close(connection)).await.is_ok();
        match read {
            Ok(()) | Err(Ended::Halted(Halt::Enough)) if ended => Ok(Vec::new()),
            Ok(()) | Err(Ended::Halted(Halt::Enough)) => {
                Ok(vec!["SQLite has not confirmed that the query ended when no more of it was read".to_owned()])
            }
            Err(Ended::Halted(halt)) => Err(watch.error(halt, place.clone(), ended)),
            Err(Ended::Failed(error)) => Err(error),
        }
    })
}

/// Why reading did not come to its end.
enum Ended {
    Halted(Halt),
    Failed(InspectError),
}

impl<E: Into<InspectError>> From<E> for Ended {
    fn from(error: E) -> Self {
        Ended::Failed(error.into())
    }
}

struct Guarded<'a, 'b> {
    connection: SqliteConnection,
    place: &'a str,
    watch: &'a mut Watch<'b>,
}

impl Guarded<'_, '_> {
    /// Opens the read transaction, and from here on looks from inside of SQLite whether the query may go on.
    async fn begin(&mut self, stop: &Arc<AtomicBool>) -> Result<(), InspectError> {
        let fail = |e: sqlx::Error| failed(self.place, "cannot be read", &e);
        self.connection.execute("BEGIN").await.map_err(fail)?;
        // BEGIN alone takes no snapshot: the first read does.
        self.connection.execute("SELECT count(*) FROM sqlite_schema").await.map_err(fail)?;
        self.watch.start();
        let (mut go_on, stop) = (self.watch.sentinel(), Arc::clone(stop));
        let mut handle = self.connection.lock_handle().await.map_err(fail)?;
        handle.set_progress_handler(STEPS, move || !stop.load(Ordering::Relaxed) && go_on());
        Ok(())
    }

    async fn read(&mut self, sql: &str, arguments: SqliteArguments) -> Result<(), Ended> {
        let place = self.place;
        // In the place of a table only a SELECT is understood; nothing runs here.
        let query = |sql: String| AssertSqlSafe(sql).into_sql_str();
        let inside = self.connection.prepare(query(format!("SELECT * FROM (\n{sql}\n)"))).await;
        inside.map_err(|e| refused(place, &e))?;
        let described = self.connection.prepare(query(sql.to_owned())).await.map_err(|e| refused(place, &e))?;
        if described.columns().is_empty() {
            return Err(Refusal::new("the text is no query: it returns no columns")
                .hint("a check is one SELECT")
                .into());
        }
        let wanted = match described.parameters() {
            Some(Either::Right(count)) => count,
            Some(Either::Left(types)) => types.len(),
            None => 0,
        };
        if wanted != arguments_len(&arguments) {
            return Err(Refusal::new("the query has parameters without a name")
                .hint("name each parameter `:name`")
                .into());
        }
        self.watch.columns(described.columns().iter().map(|column| column.name().to_owned()).collect());
        let width = described.columns().len();
        let (mut batch, mut values) = (Batch::default(), Vec::new());
        let sql = AssertSqlSafe(sql.to_owned());
        let mut rows = self.connection.fetch_many(sqlx::query_with(sql, arguments).persistent(false));
        let (mut complete, mut late) = (false, None);
        loop {
            // A row that is there already needs no timer.
            let next = match rows.next().now_or_never() {
                Some(next) => next,
                None => match tokio::time::timeout(LOOK_UP, rows.next()).await {
                    Ok(next) => next,
                    // The handler inside of SQLite has seen it too; its word is waited for a little.
                    Err(_) => match self.watch.look() {
                        Ok(()) => continue,
                        Err(halt) if late.is_some_and(|since: std::time::Instant| since.elapsed() > ENDING) => {
                            return Err(Ended::Halted(halt));
                        }
                        Err(_) => {
                            late.get_or_insert_with(std::time::Instant::now);
                            continue;
                        }
                    },
                },
            };
            match next {
                Some(Ok(Either::Right(row))) => {
                    let bytes = decoded(&row, width, &mut batch, &mut values);
                    self.watch.row(bytes, &values).map_err(Ended::Halted)?;
                }
                Some(Ok(Either::Left(_))) => complete = true,
                Some(Err(error)) => {
                    // SQLITE_INTERRUPT, which is what the handler's word becomes.
                    let halt = self.watch.look().err().filter(|_| super::error::code_of(&error) & 0xff == 9);
                    return Err(match halt {
                        Some(halt) => Ended::Halted(halt),
                        None => failed(place, &format!("failed after {} rows", self.watch.rows()), &error).into(),
                    });
                }
                None if complete => return Ok(()),
                None => {
                    let what = format!("{place}: the driver ended after {} rows", self.watch.rows());
                    return Err(StoreError::failed(what).into());
                }
            }
        }
    }
}

fn arguments_len(arguments: &SqliteArguments) -> usize {
    sqlx::Arguments::len(arguments)
}

/// A row's values, and how many bytes they came in.
fn decoded(row: &SqliteRow, width: usize, batch: &mut Batch, values: &mut Vec<Value>) -> u64 {
    batch.reset(width);
    let at = batch.start_row();
    let mut bytes = 0;
    for column in 0..width {
        let cell = match row.try_get_raw(column) {
            Ok(value) => {
                let before = batch.arena_len();
                let null = value.is_null();
                let cell = decode(batch, value);
                let stored = batch.arena_len() - before;
                bytes += if stored > 0 { stored as u64 } else { u64::from(!null) * 8 };
                cell
            }
            Err(error) => batch.unknown(&error.to_string()),
        };
        batch.set(at, column, cell);
    }
    values.clear();
    values.extend((0..width).map(|column| Value::of(batch.at(at, column))));
    bytes
}

/// A sentence when the file can be written, by this account of the system.
///
/// # Errors
/// When there is no such file.
pub(in crate::stores) fn beyond_reading(path: &Path) -> Result<Vec<String>, StoreError> {
    let place = path.display();
    std::fs::metadata(path).map_err(|error| StoreError::usage(format!("{place}: {error}")))?;
    // Opened for writing, and nothing written.
    Ok(match std::fs::OpenOptions::new().write(true).open(path) {
        Ok(_) => vec![format!(
            "recon's account of this machine may write the file {place} (a check opens it for reading alone)"
        )],
        Err(_) => Vec::new(),
    })
}
