//! Statements that stand alone: each is committed by itself, says how many rows it touched, and has a limited time.

use std::time::Duration;

use sqlx::mysql::MySqlConnection;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, Row};
use tokio::runtime::Runtime;

use crate::stores::{Locator, StoreError, sqlite_path};

use super::sql::{Connected, SqlWriter, on};

/// Longest wait for a SQLite file that another program writes to.
const BUSY: Duration = Duration::from_secs(30);

/// How often a statement is run again after a deadlock.
const DEADLOCKS: u32 = 8;

/// A statement that did not run, and whether the connection is still there.
#[derive(Debug)]
pub struct Refused {
    /// What the store said, naming it.
    pub error: StoreError,
    /// The store has answered: the connection serves on.
    pub answered: bool,
}

impl SqlWriter {
    /// Connects for statements that stand alone: each is committed by itself, a value that does not fit is an error
    /// whatever the server's own mode, and moments are UTC. A SQLite file is made when there is none.
    ///
    /// # Errors
    /// Class `Usage` for what is no SQL store, `Failed` when it cannot be reached within `patience`.
    pub fn strict(url: &str, patience: Duration) -> Result<SqlWriter, StoreError> {
        let label = Locator::parse(url)?.label();
        let failed = |why: &dyn std::fmt::Display| {
            StoreError::failed(format!("cannot connect to {label}: {why}")).hint(
                "check that the server runs, host, port, user and password, and that the database exists (CREATE DATABASE …)",
            )
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| failed(&e))?;
        let scheme = url.split(':').next().unwrap_or_default();
        let parsed = || {
            url::Url::parse(url).map_err(|error| {
                StoreError::usage(format!("the {scheme}:// URL is not valid: {error}"))
                    .hint("special characters in names and passwords are written percent-encoded, e.g. `@` as %40")
            })
        };
        let connection = match scheme {
            "mysql" | "mariadb" => {
                let options = crate::stores::mysql::connect_options(&parsed()?)?.0.disable_statement_logging();
                within(&runtime, patience, mysql(options)).map_err(|why| failed(&why))?
            }
            "postgres" | "postgresql" => {
                let options = crate::stores::postgres::connect_options(&parsed()?)?.0.disable_statement_logging();
                within(&runtime, patience, postgres(options)).map_err(|why| failed(&why))?
            }
            "sqlite" => {
                let options = SqliteConnectOptions::new()
                    .filename(sqlite_path(url))
                    .create_if_missing(true)
                    .busy_timeout(BUSY)
                    // Temporary files are elsewhere: when there is no room for them it would say that this disk is full.
                    .pragma("temp_store", "MEMORY")
                    .disable_statement_logging();
                let connect = async { Ok(Connected::Sqlite(Box::new(options.connect().await?))) };
                within(&runtime, patience, connect).map_err(|why| failed(&why))?
            }
            _ => return Err(StoreError::usage(format!("{label} is no SQL store"))),
        };
        Ok(SqlWriter { runtime, connection, label })
    }

    /// How messages name the store: no password.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Runs one statement and says how many rows it touched. One that the store gave up to end a deadlock has touched
    /// nothing and is run again.
    ///
    /// # Errors
    /// What the store says, or that it said nothing in time; then the connection is of no more use.
    pub fn touch(&mut self, sql: &str, patience: Duration) -> Result<u64, Refused> {
        let SqlWriter { runtime, connection, label } = self;
        let mut tries = 0;
        loop {
            let statement = sqlx::raw_sql(AssertSqlSafe(sql));
            let run = async {
                on!(connection, connection => connection.as_mut().execute(statement).await.map(|done| done.rows_affected()))
            };
            match runtime.block_on(async { tokio::time::timeout(patience, run).await }) {
                Ok(Ok(touched)) => return Ok(touched),
                Ok(Err(error)) if tries < DEADLOCKS && is_deadlock(&error) => {
                    tries += 1;
                    std::thread::sleep(Duration::from_millis(u64::from(20 * tries)));
                }
                Ok(Err(error)) => return Err(refused(label, &error)),
                Err(_) => return Err(Refused { error: silent(label, patience), answered: false }),
            }
        }
    }

    /// The rows of a query whose columns are all text.
    ///
    /// # Errors
    /// What the store says.
    pub fn texts(&mut self, sql: &str, patience: Duration) -> Result<Vec<Vec<Option<String>>>, StoreError> {
        let SqlWriter { runtime, connection, label } = self;
        let run = async {
            on!(connection, connection => {
                let rows = connection.as_mut().fetch_all(sqlx::raw_sql(AssertSqlSafe(sql))).await?;
                rows.iter()
                    .map(|row| (0..row.len()).map(|at| row.try_get_unchecked::<Option<String>, _>(at)).collect())
                    .collect::<Result<Vec<Vec<Option<String>>>, sqlx::Error>>()
            })
        };
        match runtime.block_on(async { tokio::time::timeout(patience, run).await }) {
            Ok(rows) => rows.map_err(|error| refused(label, &error).error),
            Err(_) => Err(silent(label, patience)),
        }
    }
}

async fn mysql(options: sqlx::mysql::MySqlConnectOptions) -> Result<Connected, sqlx::Error> {
    let mut connection: MySqlConnection = options.connect().await?;
    let set = "SET SESSION time_zone = '+00:00', autocommit = 1, innodb_lock_wait_timeout = 300, \
               sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO'";
    connection.execute(sqlx::raw_sql(set)).await?;
    Ok(Connected::MySql(Box::new(connection)))
}

async fn postgres(options: sqlx::postgres::PgConnectOptions) -> Result<Connected, sqlx::Error> {
    let mut connection: PgConnection = options.connect().await?;
    let set = "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY'; SET standard_conforming_strings = on; \
               SET default_transaction_isolation = 'read committed'; SET synchronous_commit = on; \
               SET client_min_messages = warning";
    connection.execute(sqlx::raw_sql(set)).await?;
    Ok(Connected::Postgres(Box::new(connection)))
}

/// Runs to the end, or gives up.
fn within<T>(
    runtime: &Runtime,
    patience: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, String> {
    match runtime.block_on(async { tokio::time::timeout(patience, work).await }) {
        Ok(done) => done.map_err(|error| said(&error)),
        Err(_) => Err(format!("no answer within {} s", patience.as_secs())),
    }
}

fn silent(label: &str, patience: Duration) -> StoreError {
    StoreError::failed(format!("{label}: no answer within {} s", patience.as_secs()))
        .hint("the server hangs, waits for a lock, or the network is down")
}

fn refused(label: &str, error: &sqlx::Error) -> Refused {
    // A server that goes down says so as an answer: PostgreSQL in class 57P, MySQL and MariaDB as 08S01.
    let going = |code: &str| code.starts_with("57P") || code == "08S01";
    let answered = match error {
        sqlx::Error::Database(said) => !said.code().is_some_and(|code| going(&code)),
        _ => false,
    };
    let refused = StoreError::failed(format!("{label}: {}", said(error)));
    let error = if answered {
        refused
    } else {
        refused.hint("the connection was lost: check server and network, then run it again")
    };
    Refused { error, answered }
}

/// The store rolled the statement back because it and another waited for each other (SQLSTATE 40001 or 40P01).
fn is_deadlock(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    matches!(code.as_deref(), Some("40001" | "40P01"))
}

/// The store's own words.
fn said(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        other => other.to_string(),
    }
}
