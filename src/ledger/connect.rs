//! Connecting to the ledger's database, with the limits that keep anything from waiting for ever. Must not know what
//! the tables mean.

use std::path::PathBuf;
use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _};

/// Longest wait for the answer to a statement.
pub(super) const STATEMENT: Duration = Duration::from_secs(30);
/// Longest wait for a row that another transaction holds, in seconds: transactions here last milliseconds.
const LOCK_SECONDS: u64 = 8;
/// Statements kept prepared.
const STATEMENTS: usize = 100;

pub(super) enum Connected {
    MySql(Box<MySqlConnection>),
    Postgres(Box<PgConnection>),
    Sqlite(Box<SqliteConnection>),
}

macro_rules! on {
    ($connection:expr, $with:ident => $work:expr) => {
        match $connection {
            Connected::MySql($with) => $work,
            Connected::Postgres($with) => $work,
            Connected::Sqlite($with) => $work,
        }
    };
}
pub(super) use on;

/// Where the ledger is.
#[derive(Clone)]
pub(super) enum Server {
    MySql(Box<MySqlConnectOptions>),
    Postgres(Box<PgConnectOptions>),
    Sqlite {
        file: PathBuf,
        /// Neither made nor set up: it is only looked at.
        as_it_is: bool,
        /// Nothing is written at all, not even what another process left in the log to be put in its place.
        read_only: bool,
    },
}

pub(super) async fn connect(server: Server) -> Result<Connected, sqlx::Error> {
    Ok(match server {
        Server::MySql(options) => {
            // Those who read sides prepare each statement once; here the same ones come again and again, and closing
            // one before the next costs a wait on the network.
            let mut connection = options.statement_cache_capacity(STATEMENTS).connect().await?;
            // A value that does not fit is an error, whatever the server's own mode. A program that stopped moving
            // inside a transaction must not hold its row for ever.
            let version: String = sqlx::query_scalar("SELECT VERSION()").fetch_one(&mut connection).await?;
            let idle = if version.contains("MariaDB") { ", idle_transaction_timeout = 10" } else { "" };
            let set = format!(
                "SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', \
                 innodb_lock_wait_timeout = {LOCK_SECONDS}, wait_timeout = 30{idle}"
            );
            sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut connection).await?;
            // Every statement sees what was committed before it, not before the transaction's first.
            sqlx::raw_sql("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").execute(&mut connection).await?;
            Connected::MySql(Box::new(connection))
        }
        Server::Postgres(options) => {
            let mut connection = options.connect().await?;
            let set = format!(
                "SET lock_timeout = '{LOCK_SECONDS}s'; SET statement_timeout = '{}s'; \
                 SET idle_in_transaction_session_timeout = '10s'; SET synchronous_commit = on; SET client_min_messages = warning",
                STATEMENT.as_secs()
            );
            sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut connection).await?;
            Connected::Postgres(Box::new(connection))
        }
        Server::Sqlite { file, as_it_is, read_only } => {
            let options = SqliteConnectOptions::new()
                .filename(file)
                .create_if_missing(!as_it_is)
                .read_only(read_only)
                .busy_timeout(Duration::from_secs(LOCK_SECONDS))
                // Committed means on disk: a decision must survive a power cut.
                .synchronous(SqliteSynchronous::Full)
                // Temporary files are elsewhere: when there is no room for them it would say that this disk is full.
                .pragma("temp_store", "MEMORY")
                .disable_statement_logging();
            let mut connection = SqliteConnection::connect_with(&options).await?;
            let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut connection).await?;
            if mode != "wal" && !as_it_is {
                // So that somebody who reads the ledger for long does not stop the heartbeat. Setting it needs the
                // file for oneself; when several open a new file at once, one of them does it for all.
                let set = SqliteConnectOptions::clone(&options).journal_mode(SqliteJournalMode::Wal);
                if let Ok(with) = SqliteConnection::connect_with(&set).await {
                    connection.close().await?;
                    connection = with;
                }
            }
            Connected::Sqlite(Box::new(connection))
        }
    })
}
