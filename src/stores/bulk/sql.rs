//! Rows into tables of MySQL, PostgreSQL and SQLite: statements of many rows, values as literals of our own making.

use std::str::FromStr;

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};
use tokio::runtime::Runtime;

use crate::domain::Value;
use crate::stores::sql::Dialect;
use crate::stores::{Locator, StoreError};

use super::Written;

/// Bytes after which a statement is sent.
const STATEMENT: usize = 512 << 10;

pub(super) enum Connected {
    MySql(Box<MySqlConnection>),
    Postgres(Box<PgConnection>),
    Sqlite(Box<SqliteConnection>),
}

/// A connection that writes.
pub struct SqlWriter {
    pub(super) runtime: Runtime,
    pub(super) connection: Connected,
    pub(super) label: String,
}

/// Runs a statement on whichever connection it is.
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

impl SqlWriter {
    /// Connects to the database of a store's URL; a SQLite file is made when there is none.
    ///
    /// # Errors
    /// Class `Usage` for what is no SQL store, `Failed` when it cannot be reached.
    pub fn connect(url: &str) -> Result<SqlWriter, StoreError> {
        let label = Locator::parse(url)?.label();
        let failed = |error: &dyn std::fmt::Display| {
            StoreError::failed(format!("cannot connect to {label}: {error}"))
                .hint("check host, port, user and password, and that the database exists (CREATE DATABASE …)")
        };
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| failed(&error))?;
        let scheme = url.split(':').next().unwrap_or_default();
        let connection = runtime.block_on(async {
            Ok::<_, sqlx::Error>(match scheme {
                "mysql" | "mariadb" => {
                    let url = format!("mysql{}", &url[scheme.len()..]);
                    let options = MySqlConnectOptions::from_str(&url)?.disable_statement_logging();
                    Some(Connected::MySql(Box::new(MySqlConnection::connect_with(&options).await?)))
                }
                "postgres" | "postgresql" => {
                    let options = PgConnectOptions::from_str(url)?.disable_statement_logging();
                    Some(Connected::Postgres(Box::new(PgConnection::connect_with(&options).await?)))
                }
                "sqlite" => {
                    let file = url.strip_prefix("sqlite:").unwrap_or(url);
                    let file = file.strip_prefix("//").unwrap_or(file);
                    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
                    let options = options.foreign_keys(true).disable_statement_logging();
                    Some(Connected::Sqlite(Box::new(SqliteConnection::connect_with(&options).await?)))
                }
                _ => None,
            })
        });
        let connection = connection
            .map_err(|error| failed(&error))?
            .ok_or_else(|| StoreError::usage(format!("{label} is no SQL store")))?;
        Ok(SqlWriter { runtime, connection, label })
    }

    /// Its dialect.
    pub fn dialect(&self) -> Dialect {
        match self.connection {
            Connected::MySql(_) => Dialect::MySql,
            Connected::Postgres(_) => Dialect::Postgres,
            Connected::Sqlite(_) => Dialect::Sqlite,
        }
    }

    /// Runs one statement or several.
    ///
    /// # Errors
    /// What the store says.
    pub fn run(&mut self, sql: &str) -> Result<(), StoreError> {
        let statement = sqlx::raw_sql(AssertSqlSafe(sql));
        let ran = self.runtime.block_on(async {
            on!(&mut self.connection, connection => statement.execute(connection.as_mut()).await.map(|_| ()))
        });
        ran.map_err(|error| StoreError::failed(format!("{}: {error}", self.label)))
    }

    /// Whether a table of this name is there.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub fn has_table(&mut self, name: &str) -> Result<bool, StoreError> {
        let name = self.dialect().text(name);
        let sql = match self.dialect() {
            Dialect::MySql => format!(
                "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = {name}"
            ),
            Dialect::Postgres => format!(
                "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = ANY (current_schemas(false)) AND table_name = {name}"
            ),
            Dialect::Sqlite => {
                format!("SELECT COUNT(*) FROM sqlite_schema WHERE type IN ('table', 'view') AND name = {name}")
            }
        };
        Ok(self.number(&sql)? > 0)
    }

    /// The one number that a query gives.
    ///
    /// # Errors
    /// The store cannot be asked, or gives something else.
    pub fn number(&mut self, sql: &str) -> Result<i64, StoreError> {
        let count = self.runtime.block_on(async {
            on!(&mut self.connection, connection => {
                let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(connection.as_mut()).await?;
                row.try_get::<i64, _>(0)
            })
        });
        count.map_err(|error| StoreError::failed(format!("{}: {error}", self.label)))
    }

    /// Inserts rows in one transaction; says how many there were.
    ///
    /// # Errors
    /// A value that SQL has no literal for, or what the store says. Nothing is kept then.
    pub fn insert(
        &mut self,
        table: &str,
        columns: &[&str],
        rows: &mut dyn Iterator<Item = Vec<Value>>,
        written: Written<'_>,
    ) -> Result<u64, StoreError> {
        self.run(if self.dialect() == Dialect::MySql { "START TRANSACTION" } else { "BEGIN" })?;
        match self.insert_all(table, columns, rows, written) {
            Ok(count) => {
                self.run("COMMIT")?;
                Ok(count)
            }
            Err(error) => {
                // The first error is the one to tell; a connection that is gone has rolled back already.
                let _ = self.run("ROLLBACK");
                Err(error)
            }
        }
    }

    fn insert_all(
        &mut self,
        table: &str,
        columns: &[&str],
        rows: &mut dyn Iterator<Item = Vec<Value>>,
        written: Written<'_>,
    ) -> Result<u64, StoreError> {
        let dialect = self.dialect();
        let names = columns.iter().map(|name| dialect.name(name)).collect::<Vec<_>>().join(", ");
        let head = format!("INSERT INTO {} ({names}) VALUES ", dialect.table(table));
        let mut statement = head.clone();
        let mut count = 0u64;
        for row in rows {
            if row.len() != columns.len() {
                let what = format!("{table}: a row of {} values for {} columns", row.len(), columns.len());
                return Err(StoreError::failed(what));
            }
            statement.push_str(if statement.len() == head.len() { "(" } else { ",(" });
            for (at, (value, column)) in row.iter().zip(columns).enumerate() {
                statement.push_str(if at == 0 { "" } else { "," });
                let literal = match value {
                    Value::Null | Value::Absent => "NULL".to_owned(),
                    Value::Unknown(why) => {
                        return Err(StoreError::failed(format!("{table}, row {}, `{column}`: {why}", count + 1)));
                    }
                    Value::Document(_) | Value::Array(_) => dialect.text(&value.to_string()),
                    value => dialect.key_literal(value)?,
                };
                statement.push_str(&literal);
            }
            statement.push(')');
            count += 1;
            if statement.len() > STATEMENT {
                self.run(&statement)?;
                statement.truncate(head.len());
                written(count);
            }
        }
        if statement.len() > head.len() {
            self.run(&statement)?;
        }
        written(count);
        Ok(count)
    }

    /// Ends the connection in good order.
    ///
    /// # Errors
    /// The store could not finish.
    pub fn close(self) -> Result<(), StoreError> {
        let label = self.label;
        let closed = self.runtime.block_on(async { on!(self.connection, connection => connection.close().await) });
        closed.map_err(|error| StoreError::failed(format!("{label}: {error}")))
    }
}
