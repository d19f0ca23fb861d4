//! One connection to the ledger's database, whichever engine it is: statements, short transactions, and doing them
//! again where that is safe. Must not know what the tables mean.
//!
//! Nothing waits for ever: connecting, a statement and a lock each have a limit, and the server ends a transaction
//! whose program has stopped moving (SQLite, which has no server, cannot).

use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection as _, Row as _, TypeInfo, ValueRef};
use tokio::runtime::Runtime;

use crate::domain::format_instant;
use crate::stores::sql::Dialect;

use super::connect::{Connected, STATEMENT, Server, connect, on};
use super::error::{Again, LedgerError};
pub(super) use super::field::{Field, Row, fields};

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// After so much idleness the server may have ended the connection: a new one is made.
const IDLE: Duration = Duration::from_secs(15);
/// When so much time has gone, nothing is tried again.
const PATIENCE: Duration = Duration::from_secs(15);
/// Attempts at a transaction.
const ATTEMPTS: u32 = 5;

/// A connection that mends itself between transactions.
pub(super) struct Database {
    runtime: Runtime,
    server: Server,
    /// How messages name it: no password.
    pub(super) place: String,
    connection: Option<Connected>,
    used: Instant,
    pub(super) attempts: u32,
}

impl Drop for Database {
    /// A SQLite file that is closed leaves no file of its own behind; a server takes leave of whoever goes.
    fn drop(&mut self) {
        if matches!(self.server, Server::Sqlite { .. }) {
            self.leave();
        }
    }
}

impl Database {
    /// Reads the URL; connects when something is first asked.
    pub(super) fn new(url: &str) -> Result<Database, LedgerError> {
        let scheme = url.split(':').next().unwrap_or_default();
        let parsed = || {
            url::Url::parse(&format!("{}{}", if scheme == "mariadb" { "mysql" } else { scheme }, &url[scheme.len()..]))
                .map_err(|error| {
                    LedgerError::usage(format!("the ledger's {scheme}:// URL is not valid: {error}")).hinted(
                        "special characters in names and passwords are written percent-encoded, e.g. `@` as %40",
                    )
                })
        };
        // Where a password has torn the URL apart, its pieces must not be taken for names and shown.
        if matches!(scheme, "mysql" | "mariadb" | "postgres" | "postgresql") {
            crate::stores::Locator::parse(url)?;
        }
        let (server, place) = match scheme {
            "mysql" | "mariadb" => {
                let (options, place) = crate::stores::mysql::connect_options(&parsed()?)?;
                (Server::MySql(Box::new(options)), place)
            }
            "postgres" | "postgresql" => {
                let (options, place) = crate::stores::postgres::connect_options(&parsed()?)?;
                (Server::Postgres(Box::new(options)), place)
            }
            "sqlite" => {
                let path = crate::stores::sqlite_path(url);
                if path.is_empty() || path.starts_with(':') {
                    return Err(LedgerError::usage("the ledger must be a file that other processes can open")
                        .hinted("write e.g. url = \"sqlite:recon.db\""));
                }
                let file = std::path::absolute(&path)
                    .map_err(|error| LedgerError::failed(format!("sqlite:{path}: {error}")))?;
                (Server::Sqlite { file, as_it_is: false, read_only: false }, format!("sqlite:{path}"))
            }
            other => {
                return Err(LedgerError::usage(format!("`{other}:` is no database for a ledger"))
                    .hinted("use a sqlite:, mysql: or postgres: URL"));
            }
        };
        Database::of(server, place)
    }

    fn of(server: Server, place: String) -> Result<Database, LedgerError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| LedgerError::failed(format!("no runtime for the ledger: {error}")))?;
        Ok(Database { runtime, server, place, connection: None, used: Instant::now(), attempts: ATTEMPTS })
    }

    /// Another connection to the same database, for another thread.
    pub(super) fn another(&self) -> Result<Database, LedgerError> {
        Database::of(self.server.clone(), self.place.clone())
    }

    pub(super) fn dialect(&self) -> Dialect {
        match self.server {
            Server::MySql(_) => Dialect::MySql,
            Server::Postgres(_) => Dialect::Postgres,
            Server::Sqlite { .. } => Dialect::Sqlite,
        }
    }

    /// Whether it is a file that is not there.
    pub(super) fn is_missing(&self) -> bool {
        matches!(&self.server, Server::Sqlite { file, .. } if !file.exists())
    }

    /// From now on, nothing is made or set up by connecting, and nothing is tried again; the file, if it is one.
    pub(super) fn look_only(&mut self) -> Option<&Path> {
        self.attempts = 1;
        match &mut self.server {
            Server::Sqlite { file, as_it_is, .. } => {
                *as_it_is = true;
                Some(file)
            }
            _ => None,
        }
    }

    /// From now on it is only read: a file is opened so that nothing can be written to it.
    pub(super) fn read_only(&mut self) {
        if let Server::Sqlite { as_it_is, read_only, .. } = &mut self.server {
            (*as_it_is, *read_only) = (true, true);
        }
    }

    /// Takes leave of the server, or of the file.
    pub(super) fn close(mut self) {
        self.leave();
    }

    fn leave(&mut self) {
        if let Some(connection) = self.connection.take() {
            let leave = async { on!(connection, connection => connection.close().await) };
            let _ = self.runtime.block_on(async { tokio::time::timeout(CONNECT, leave).await });
        }
    }

    /// Drops the connection as it is; nothing of an open transaction is kept.
    pub(super) fn disconnect(&mut self) {
        self.connection = None;
    }

    /// Connects when there is no connection, or when it lay idle so long that it may be dead.
    fn ensure(&mut self) -> Result<(), LedgerError> {
        if self.connection.is_some() && self.used.elapsed() < IDLE {
            return Ok(());
        }
        self.connection = None;
        let server = self.server.clone();
        let connecting = async move { tokio::time::timeout(CONNECT, connect(server)).await };
        self.connection = match self.runtime.block_on(connecting) {
            Ok(Ok(connection)) => Some(connection),
            Ok(Err(error)) => return Err(self.unreachable(&error)),
            Err(_) => {
                let what = format!("the ledger {} gave no answer within {} s", self.place, CONNECT.as_secs());
                return Err(LedgerError::again(what, Again::No)
                    .hinted("check that its server runs and can be reached from here"));
            }
        };
        self.used = Instant::now();
        Ok(())
    }

    /// What statements give; each row as fields.
    pub(super) fn rows(&mut self, sql: &str, values: &[Field]) -> Result<Vec<Row>, LedgerError> {
        let sql = self.placeholders(sql, values);
        self.asked(async move |connection| {
            on!(connection, connection => {
                let mut query = sqlx::query(AssertSqlSafe(sql));
                for value in values {
                    query = match value {
                        Field::Null => query,
                        Field::Integer(number) => query.bind(*number),
                        Field::Text(text) => query.bind(text.as_str()),
                    };
                }
                let rows = query.fetch_all(connection.as_mut()).await?;
                rows.iter().map(|row| {
                    let fields = (0..row.len()).map(|at| {
                        let raw = row.try_get_raw(at)?;
                        if raw.is_null() {
                            return Ok(Field::Null);
                        }
                        let integer = raw.type_info().name().contains("INT");
                        // Unchecked: MySQL calls a text with a binary collation bytes.
                        if integer { row.try_get_unchecked(at).map(Field::Integer) }
                        else { row.try_get_unchecked(at).map(Field::Text) }
                    });
                    fields.collect::<Result<Vec<_>, sqlx::Error>>().map(Row)
                }).collect()
            })
        })
    }

    /// One row, or none.
    pub(super) fn row(&mut self, sql: &str, values: &[Field]) -> Result<Option<Row>, LedgerError> {
        Ok(self.rows(sql, values)?.into_iter().next())
    }

    /// One number; NULL and no row are 0.
    pub(super) fn number(&mut self, sql: &str, values: &[Field]) -> Result<i64, LedgerError> {
        match self.row(sql, values)? {
            Some(row) => Ok(row.maybe_integer(0)?.unwrap_or(0)),
            None => Ok(0),
        }
    }

    /// Changes rows; says how many matched.
    pub(super) fn run(&mut self, sql: &str, values: &[Field]) -> Result<u64, LedgerError> {
        let sql = self.placeholders(sql, values);
        self.asked(async move |connection| {
            on!(connection, connection => {
                let mut query = sqlx::query(AssertSqlSafe(sql));
                for value in values {
                    query = match value {
                        Field::Null => query,
                        Field::Integer(number) => query.bind(*number),
                        Field::Text(text) => query.bind(text.as_str()),
                    };
                }
                Ok(query.execute(connection.as_mut()).await?.rows_affected())
            })
        })
    }

    /// Inserts rows of so many columns, written as literals: a statement that is sent once is not worth preparing.
    pub(super) fn insert(
        &mut self,
        table: &str,
        columns: &str,
        width: usize,
        values: &[Field],
    ) -> Result<(), LedgerError> {
        let dialect = self.dialect();
        let mut sql = format!("INSERT INTO {table} ({columns}) VALUES ");
        for (at, value) in values.iter().enumerate() {
            sql.push_str(match at % width {
                0 if at == 0 => "(",
                0 => "), (",
                _ => ", ",
            });
            match value {
                Field::Null => sql.push_str("NULL"),
                Field::Integer(number) => sql.push_str(&number.to_string()),
                Field::Text(text) => sql.push_str(&dialect.text(text)),
            }
        }
        sql.push(')');
        self.plain(&sql)
    }

    /// Runs a statement that binds nothing, as it stands.
    pub(super) fn plain(&mut self, sql: &str) -> Result<(), LedgerError> {
        self.asked(async move |connection| {
            on!(connection, connection => {
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection.as_mut()).await.map(|_| ())
            })
        })
    }

    fn asked<T>(&mut self, work: impl AsyncFnOnce(&mut Connected) -> Result<T, sqlx::Error>) -> Result<T, LedgerError> {
        let Some(connection) = self.connection.as_mut() else {
            return Err(LedgerError::again(format!("{}: the connection was lost", self.place), Again::Lost));
        };
        let answer = self.runtime.block_on(async { tokio::time::timeout(STATEMENT, work(connection)).await });
        self.used = Instant::now();
        match answer {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.trouble(&error)),
            Err(_) => {
                // In the middle of a statement the connection is of no more use.
                self.connection = None;
                let what = format!("the ledger {} did not answer within {} s", self.place, STATEMENT.as_secs());
                Err(LedgerError::again(what, Again::No).hinted("look at its server: it may be overloaded or stopped"))
            }
        }
    }

    /// Does short work in a transaction and commits it. Work that met another's lock, or whose connection went, is
    /// done again from its start: it must look whether an earlier attempt has taken place after all.
    pub(super) fn transaction<T>(
        &mut self,
        work: &mut dyn FnMut(&mut Database) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        self.repeated(&mut |db| {
            db.plain(match db.dialect() {
                Dialect::Sqlite => "BEGIN IMMEDIATE",
                Dialect::MySql => "START TRANSACTION",
                Dialect::Postgres => "BEGIN ISOLATION LEVEL READ COMMITTED",
            })?;
            let done = work(db).and_then(|value| db.plain("COMMIT").map(|()| value));
            if done.is_err() && db.connection.is_some() && db.plain("ROLLBACK").is_err() {
                db.disconnect();
            }
            done
        })
    }

    /// Reads, again when the connection went.
    pub(super) fn reading<T>(
        &mut self,
        work: &mut dyn FnMut(&mut Database) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        self.repeated(work)
    }

    fn repeated<T>(&mut self, work: &mut dyn FnMut(&mut Database) -> Result<T, LedgerError>) -> Result<T, LedgerError> {
        let mut attempt = 1;
        let started = Instant::now();
        loop {
            let error = match self.ensure().and_then(|()| work(self)) {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            if attempt >= self.attempts || started.elapsed() >= PATIENCE || error.may_be_repeated() == Again::No {
                return Err(error);
            }
            // Not all at the same moment again.
            let pause = 20u64 << attempt;
            std::thread::sleep(Duration::from_millis(pause + fastrand::u64(0..pause)));
            attempt += 1;
        }
    }

    /// Milliseconds since 1970-01-01T00:00Z by the clock of the ledger's server, now and not when the transaction
    /// began. For SQLite that is the clock of the host that has the file open.
    pub(super) fn now(&mut self) -> Result<i64, LedgerError> {
        let sql = match self.dialect() {
            Dialect::Sqlite => "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER)",
            Dialect::MySql => "SELECT CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED)",
            Dialect::Postgres => "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
        };
        self.number(sql, &[])
    }

    /// What makes a `SELECT` hold its rows until the transaction ends; SQLite holds the whole file already.
    pub(super) fn for_update(&self) -> &'static str {
        if self.dialect() == Dialect::Sqlite { "" } else { " FOR UPDATE" }
    }

    /// What makes an `INSERT` do nothing for a row whose `key` is there already.
    pub(super) fn or_nothing(&self, key: &str) -> String {
        match self.dialect() {
            Dialect::MySql => {
                let first = key.split(',').next().unwrap_or(key).trim();
                format!(" ON DUPLICATE KEY UPDATE {first} = {first}")
            }
            _ => format!(" ON CONFLICT ({key}) DO NOTHING"),
        }
    }

    /// `?` in the way of the engine; NULL, which has no type to bind, as such. No text stands in a statement of the
    /// ledger, so every `?` is one.
    fn placeholders(&self, sql: &str, values: &[Field]) -> String {
        let mut out = String::with_capacity(sql.len() + 16);
        let mut number = 0;
        for (place, part) in sql.split('?').enumerate() {
            match place.checked_sub(1).map(|at| values.get(at)) {
                None => {}
                Some(Some(Field::Null)) => out.push_str("NULL"),
                Some(_) => {
                    number += 1;
                    match self.dialect() {
                        Dialect::Postgres => out.push_str(&format!("${number}")),
                        _ => out.push('?'),
                    }
                }
            }
            out.push_str(part);
        }
        out
    }

    fn unreachable(&self, error: &sqlx::Error) -> LedgerError {
        let again = match error {
            sqlx::Error::Io(_) => Again::Busy,
            sqlx::Error::Database(_) => self.judge(error),
            _ => Again::No,
        };
        LedgerError::again(format!("the ledger {} cannot be reached: {}", self.place, said(error)), again).hinted(
            match self.server {
                Server::Sqlite { .. } => {
                    "check that the folder exists, that the file can be written, and that the disk is not full"
                }
                _ => "check [ledger] url, that the server runs, the database exists, and the account and its password",
            },
        )
    }

    fn trouble(&mut self, error: &sqlx::Error) -> LedgerError {
        let again = self.judge(error);
        if again == Again::Lost {
            self.connection = None;
        }
        let what = format!("the ledger {}: {}", self.place, said(error));
        let hint = match again {
            Again::Busy => "another program holds a lock in the ledger for long; try again when it is done",
            Again::Lost => "run it again: recon goes on from what the ledger holds",
            Again::No => match code(error).as_str() {
                "13" | "1114" | "53100" => "the disk with the ledger is full: make room and run it again",
                // SQLite says so of its smaller files, whatever the cause.
                code if self.dialect() == Dialect::Sqlite
                    && code.parse::<i64>().is_ok_and(|code| code & 0xff == 10) =>
                {
                    "the disk with the ledger is full or broken: make room there and run it again"
                }
                "8" | "1290" | "25006" => "the ledger can only be read; it must be writable",
                "1142" | "42501" => "let an administrator GRANT the account the ledger's tables",
                _ => return LedgerError::again(what, again),
            },
        };
        LedgerError::again(what, again).hinted(hint)
    }

    fn judge(&self, error: &sqlx::Error) -> Again {
        match error {
            sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => Again::Lost,
            sqlx::Error::Database(_) => {
                let code = code(error);
                match (self.dialect(), code.as_str()) {
                    // Primary codes 5 (busy) and 6 (locked).
                    (Dialect::Sqlite, code) => match code.parse::<i64>().unwrap_or(0) & 0xff {
                        5 | 6 => Again::Busy,
                        _ => Again::No,
                    },
                    (Dialect::MySql, "1205" | "1213" | "1020" | "1040" | "1203") => Again::Busy,
                    (Dialect::MySql, "1053" | "1077" | "1079" | "1317" | "1927" | "2006" | "2013" | "4031") => {
                        Again::Lost
                    }
                    (Dialect::Postgres, "40001" | "40P01" | "55P03" | "53300") => Again::Busy,
                    (Dialect::Postgres, "57P01" | "57P02" | "57P03" | "25P03" | "25P04" | "57P05") => Again::Lost,
                    _ => Again::No,
                }
            }
            _ => Again::No,
        }
    }
}

/// The engine's own number or SQLSTATE of an error.
pub(super) fn code(error: &sqlx::Error) -> String {
    let Some(database) = error.as_database_error() else { return String::new() };
    match database.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        Some(mysql) => mysql.number().to_string(),
        None => database.code().map(|code| code.into_owned()).unwrap_or_default(),
    }
}

fn said(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(database) => database.message().trim_end().to_owned(),
        sqlx::Error::Io(io) => io.to_string(),
        other => other.to_string(),
    }
}

/// A moment of [`Database::now`] as it is stored: `2026-11-12T13:00:00.000Z`. All are of one length: they are put in
/// order and compared as texts.
pub(super) fn moment(milliseconds: i64) -> String {
    let text = format_instant(i128::from(milliseconds) * 1_000_000, 3);
    match text.strip_suffix('Z') {
        Some(second) if milliseconds % 1000 == 0 => format!("{second}.000Z"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn moments_are_in_order_as_texts() {
        let all = [-1, 0, 1, 999, 1_000, 1_001, 1_763_000_000_000, 1_763_000_000_120, 1_763_000_001_000];
        let texts: Vec<String> = all.into_iter().map(super::moment).collect();
        assert_eq!(texts[1], "1970-01-01T00:00:00.000Z");
        assert!(texts.is_sorted() && texts.iter().all(|text| text.len() == 24), "{texts:?}");
    }
}
