//! SQLite files, read-only, in one read transaction.
//!
//! Columns hold what each value's storage class says, whatever was declared: an integer, a double, text or
//! bytes; nothing is converted. Texts are ordered and compared byte by byte whatever collation a column
//! declares. Must not create or change a file.

mod about;
mod connect;
mod error;
mod inspect;
mod kept;
mod names;
mod value;

use std::path::{Path, PathBuf};

use futures_util::{FutureExt, StreamExt};
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions, Connection as _, Either, Executor, Row, SqlSafeStr, Statement, TypeInfo,
};
use tokio::runtime::Runtime;

use crate::domain::{Batch, Filter, Value, parse_instant};

pub(super) use about::about;
use connect::{UTF8_BYTES, options};
use error::{failed, refused};
pub(super) use inspect::{beyond_reading, inspect};
pub use kept::KeptSqlite;
use kept::{Connected, Known, Resolved};
use value::{Affinity, argument, decode, fit, judge};

use super::asked::{distinct_names, existing, one_query};
use super::seek::{Fit, Sent, fitted, other_kind, select, with_key};
use super::sql::{Dialect, bind};
use super::{
    Column, ColumnKind, Fix, KeyRange, Opened, Outlet, ReadEnd, ReadRequest, Settings, Snapshot, Source, StoreError,
    Target, Wanted, Wish,
};

/// A table, view or query of a SQLite file.
pub struct SqliteSource {
    path: PathBuf,
    target: Target,
    settings: Settings,
    session: Option<Session>,
    /// Whether nothing went wrong with the connection.
    sound: bool,
}

impl SqliteSource {
    /// Reads `target` of the database file at `path`.
    pub fn new(path: PathBuf, target: Target, settings: Settings) -> Self {
        SqliteSource { path, target, settings, session: None, sound: true }
    }
}

impl Drop for SqliteSource {
    /// Gives the connection back, where connections are kept and this one is as it was; else closes it, so that SQLite
    /// leaves no file of its own behind.
    fn drop(&mut self) {
        let Some(Session { runtime, mut connection, known, .. }) = self.session.take() else { return };
        match &self.settings.kept_sqlite {
            // A transaction that stays open would keep everybody from writing.
            Some(kept) if self.sound && runtime.block_on(connection.execute("ROLLBACK")).is_ok() => {
                kept.keep(&self.path, Connected { runtime, connection, known });
            }
            _ => drop(runtime.block_on(connection.close())),
        }
    }
}

impl Source for SqliteSource {
    fn open(&mut self, _wish: &Wish) -> Result<Opened, StoreError> {
        let (session, opened) = Session::open(&self.path, &self.target, &self.settings)?;
        self.session = Some(session);
        Ok(opened)
    }

    fn read(&mut self, request: &ReadRequest, out: &mut Outlet) -> Result<ReadEnd, StoreError> {
        let session = self.session.as_mut().ok_or_else(|| StoreError::failed("the database was not opened"))?;
        if request.fresh {
            session.begin()?;
        }
        let read = session.read(request, out);
        self.sound &= read.is_ok();
        read?;
        Ok(ReadEnd::default())
    }

    fn boundaries(&mut self, key: &str, filter: Option<&Filter>, parts: usize) -> Result<Vec<Value>, StoreError> {
        let session = self.session.as_mut().ok_or_else(|| StoreError::failed("the database was not opened"))?;
        session.boundaries(key, filter, parts)
    }
}

struct Session {
    runtime: Runtime,
    connection: SqliteConnection,
    /// For messages.
    place: String,
    /// Whether a transaction is open.
    begun: bool,
    known: Known,
    what: Resolved,
    bound: Vec<Value>,
    read_timeout: std::time::Duration,
    /// Whether the connection, and with it its statements, may be used again.
    kept: bool,
}

impl Session {
    fn open(path: &Path, target: &Target, settings: &Settings) -> Result<(Session, Opened), StoreError> {
        let place = path.display().to_string();
        let options = options(path, settings)?;
        let Connected { runtime, connection, known } =
            match settings.kept_sqlite.as_ref().and_then(|kept| kept.take(path)) {
                Some(kept) => kept,
                None => {
                    let runtime = tokio::runtime::Builder::new_current_thread()
                        .enable_all()
                        .build()
                        .map_err(|e| StoreError::failed(format!("no runtime for {place}: {e}")))?;
                    let connection =
                        runtime.block_on(options.connect()).map_err(|e| failed(&place, "cannot be opened", &e))?;
                    Connected { runtime, connection, known: Known::default() }
                }
            };
        let mut session = Session {
            runtime,
            connection,
            place,
            begun: false,
            known,
            what: Resolved::default(),
            bound: Vec::new(),
            read_timeout: settings.read_timeout,
            kept: settings.kept_sqlite.is_some(),
        };
        let taken_at = session.begin()?;
        session.resolve(target)?;
        let estimated_records = match (&target.query, &target.table) {
            (None, Some(table)) => session.estimate(table),
            _ => None,
        };
        let opened = Opened {
            columns: session.what.columns.clone(),
            fixed_columns: true,
            ordered: true,
            // SQLite compares a text amount with a number as text: recon judges conditions on it itself.
            natural: false,
            filters: false,
            seeks: true,
            snapshot: Snapshot { taken_at: Some(taken_at), how: "read transaction".into(), consistent: true },
            estimated_records,
            notices: Vec::new(),
            inputs: Vec::new(),
        };
        Ok((session, opened))
    }

    /// Starts a new read transaction in place of the current one, and returns its moment by SQLite's clock.
    fn begin(&mut self) -> Result<i128, StoreError> {
        let Session { runtime, connection, place, begun, known, .. } = self;
        runtime.block_on(async {
            if std::mem::replace(begun, true) {
                // When it has ended already this fails, and nothing is lost.
                let _ = connection.execute("ROLLBACK").await;
            }
            let fail = |e: sqlx::Error| failed(place, "cannot be read", &e);
            // BEGIN alone takes no snapshot: the first read does.
            let first = "BEGIN; SELECT strftime('%Y-%m-%d %H:%M:%f', 'now'), \
                         (SELECT schema_version FROM pragma_schema_version), (SELECT count(*) FROM sqlite_schema)";
            let row = connection.fetch_one(first).await.map_err(fail)?;
            let moment: String = row.try_get(0).map_err(fail)?;
            let schema: i64 = row.try_get(1).map_err(fail)?;
            drop(row);
            if known.under(schema) {
                connection.clear_cached_statements().await.map_err(fail)?;
            }
            let read = parse_instant(&moment, &jiff::tz::TimeZone::UTC);
            Ok(read.ok_or_else(|| StoreError::failed(format!("{place}: no moment in `{moment}`")))?.nanos)
        })
    }

    /// Finds the table or judges the query, and describes its columns; once for each schema.
    fn resolve(&mut self, target: &Target) -> Result<(), StoreError> {
        if let Some(known) = self.known.find(target) {
            if let Some(query) = &known.query {
                self.bound = bind(Dialect::Sqlite, query, &target.params)?.1;
            }
            self.what = known;
            return self.arguments().map(drop);
        }
        let encoding = self.texts("PRAGMA encoding")?;
        self.what.collation = match encoding.first() {
            Some(encoding) if encoding.starts_with("UTF-16") => UTF8_BYTES,
            _ => "BINARY",
        };
        match (&target.query, &target.table) {
            (Some(query), _) => {
                let one = one_query(Dialect::Sqlite, query)?;
                let (query, bound) = bind(Dialect::Sqlite, one, &target.params)?;
                self.bound = bound;
                let alone = self.describe_query(&query)?;
                distinct_names(alone.columns().iter().map(|c| c.name()))?;
                let parameters = match alone.parameters() {
                    Some(Either::Right(count)) => count,
                    Some(Either::Left(types)) => types.len(),
                    None => 0,
                };
                if parameters != self.bound.len() {
                    return Err(StoreError::usage(format!(
                        "{}: the query has {parameters} parameters, of which {} are named `:name`",
                        self.place,
                        self.bound.len()
                    ))
                    .hint("name each parameter `:name` and give it with `--param name=…`"));
                }
                self.arguments()?;
                self.what.query = Some(one.to_owned());
                self.what.from = format!("(\n{query}\n) AS q");
            }
            (None, Some(table)) => self.what.from = Dialect::Sqlite.table(table),
            (None, None) => {
                let tables = existing("tables", "", self.tables()?);
                return Err(StoreError::usage(format!("{}: which table?", self.place))
                    .hint(format!("name it behind `#`, or give a query; {tables}")));
            }
        }
        let described = match self.describe(&format!("SELECT * FROM {}", self.what.from)) {
            Err(error) if error.what.contains("no such table") && target.query.is_none() => {
                let table = target.table.as_deref().unwrap_or_default();
                let tables = existing("tables", table, self.tables()?);
                return Err(StoreError::usage(format!("{}: there is no table `{table}`", self.place)).hint(tables));
            }
            other => other?,
        };
        let declared = match (&target.query, &target.table) {
            (None, Some(table)) => self.declared(table)?,
            _ => Vec::new(),
        };
        for column in described.columns() {
            let name = column.name().to_owned();
            let known = declared.iter().find(|(n, _)| *n == name).map(|(_, kind)| kind.as_str());
            let (kind, affinity) = judge(known.unwrap_or_else(|| column.type_info().name()));
            self.what.columns.push(Column { name, kind });
            self.what.affinities.push(affinity);
        }
        self.known.remember(target, &self.what);
        Ok(())
    }

    fn describe(&mut self, sql: &str) -> Result<sqlx::sqlite::SqliteStatement, StoreError> {
        let prepared = self.connection.prepare(AssertSqlSafe(sql.to_owned()).into_sql_str());
        self.runtime.block_on(prepared).map_err(|e| refused(&self.place, &e))
    }

    fn tables(&mut self) -> Result<Vec<String>, StoreError> {
        self.texts(
            "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
        )
    }

    fn texts(&mut self, sql: &'static str) -> Result<Vec<String>, StoreError> {
        let rows = self.runtime.block_on(self.connection.fetch_all(sql));
        let rows = rows.map_err(|e| failed(&self.place, "cannot be read", &e))?;
        Ok(rows.iter().filter_map(|row| row.try_get(0).ok()).collect())
    }

    /// Names and declared types of a table's columns.
    fn declared(&mut self, table: &str) -> Result<Vec<(String, String)>, StoreError> {
        let (schema, name) = table.split_once('.').unwrap_or(("main", table));
        let query = sqlx::query("SELECT name, type FROM pragma_table_xinfo(?, ?)").bind(name).bind(schema);
        let rows = self.runtime.block_on(query.fetch_all(&mut self.connection));
        let rows = rows.map_err(|e| failed(&self.place, "cannot be read", &e))?;
        Ok(rows.iter().filter_map(|row| Some((row.try_get(0).ok()?, row.try_get(1).ok()?))).collect())
    }

    /// The largest rowid: one step in the table's tree, and exact where nothing was deleted.
    fn estimate(&mut self, table: &str) -> Option<u64> {
        let sql = format!("SELECT max(rowid) FROM {}", Dialect::Sqlite.table(table));
        let row = self.runtime.block_on(self.connection.fetch_one(AssertSqlSafe(sql))).ok()?;
        let largest: Option<i64> = row.try_get(0).ok()?;
        u64::try_from(largest.unwrap_or(0)).ok()
    }

    fn column(&self, name: &str) -> Result<usize, StoreError> {
        self.what.columns.iter().position(|c| c.name == name).ok_or_else(|| {
            let names = self.what.columns.iter().map(|c| c.name.clone()).collect();
            StoreError::usage(format!("{}: there is no column `{name}`", self.place))
                .hint(existing("columns", name, names))
        })
    }

    /// The SELECT of a request, without its ORDER BY; `None` when no record can satisfy it.
    fn select(&self, request: &ReadRequest) -> Result<Option<String>, StoreError> {
        let wanted = request.columns.iter().map(|w| self.column(&w.name)).collect::<Result<Vec<_>, _>>()?;
        let filtered = request.filter.as_ref().map(Filter::columns).unwrap_or_default();
        let filtered = filtered.iter().map(|name| self.column(name)).collect::<Result<Vec<_>, _>>()?;
        let as_text = |at: usize| at < request.key && request.columns[at].fix == Some(Fix::KeyText);
        let fit = |at: usize, value: &Value| match as_text(at) {
            true => other_kind(ColumnKind::Text, value).unwrap_or_else(|| Fit::As(value.clone())),
            false => fit(value),
        };
        let Some(fitted) = fitted(request, &fit)? else { return Ok(None) };
        // Every column is compared and ordered byte by byte, whatever collation it declares.
        let collate = |name: &str| format!("{name} COLLATE {}", self.what.collation);
        let name = |column: usize| Dialect::Sqlite.name(&self.what.columns[column].name);
        let mut named: Vec<usize> = wanted.iter().chain(&filtered).copied().collect();
        named.sort_unstable();
        named.dedup();
        let base: Vec<String> =
            named.into_iter().map(name).map(|name| format!("{} AS {name}", collate(&name))).collect();
        let sent: Vec<Sent> = wanted
            .iter()
            .enumerate()
            .map(|(at, column)| {
                let name = name(*column);
                let as_key = if as_text(at) {
                    Some(collate(&format!("CAST({name} AS TEXT)")))
                } else if at < request.key && self.would_convert(*column, at, &fitted) {
                    Some(collate(&format!("+{name}")))
                } else {
                    None
                };
                Sent { name, as_key, cast: "" }
            })
            .collect();
        select(Dialect::Sqlite, &self.what.from, &base, &sent, &fitted).map(Some)
    }

    /// Whether SQLite would convert a key that is looked for to the column's declared type before it compares:
    /// the text `10` would find the number 10. A `+` before the column prevents that (and the use of an index).
    fn would_convert(&self, column: usize, at: usize, request: &ReadRequest) -> bool {
        let bounds = [&request.range.from, &request.range.below].into_iter().flatten().filter(|_| at == 0);
        let keys = request.keys.iter().flatten().filter_map(|key| key.get(at));
        bounds.chain(keys).any(|value| {
            matches!(
                (self.what.affinities[column], value),
                (Affinity::Numeric, Value::Text { .. }) | (Affinity::Text, Value::Number { .. })
            )
        })
    }

    fn arguments(&self) -> Result<SqliteArguments, StoreError> {
        let mut arguments = SqliteArguments::default();
        for value in &self.bound {
            argument(value, &mut arguments).map_err(|why| {
                StoreError::usage(format!("{}: {why}", self.place)).hint("give the parameter as text")
            })?;
        }
        Ok(arguments)
    }

    fn read(&mut self, request: &ReadRequest, out: &mut Outlet) -> Result<(), StoreError> {
        let Some(mut sql) = self.select(request)? else { return Ok(()) };
        let key: Vec<String> = request.columns[..request.key].iter().map(|c| Dialect::Sqlite.name(&c.name)).collect();
        if !key.is_empty() {
            sql.push_str(" ORDER BY ");
            sql.push_str(&key.join(", "));
        }
        if !self.known.has_prepared(&sql) {
            self.describe(&sql)?;
            self.known.prepared(&sql);
        }
        let arguments = self.arguments()?;
        let width = request.columns.len();
        self.stream(sql, arguments, |row| {
            let batch = out.batch();
            let at = batch.start_row();
            for column in 0..width {
                let cell = match row.try_get_raw(column) {
                    Ok(value) => decode(batch, value),
                    Err(error) => batch.unknown(&error.to_string()),
                };
                batch.set(at, column, cell);
            }
            out.end_row().map_err(StoreError::from)
        })
    }

    /// Runs a statement and hands over each row. An end without the driver's word that it is the end is a failure.
    fn stream(
        &mut self,
        sql: String,
        arguments: SqliteArguments,
        mut take: impl FnMut(SqliteRow) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let Session { runtime, connection, place, read_timeout, kept, .. } = self;
        runtime.block_on(async {
            let mut rows = connection.fetch_many(sqlx::query_with(AssertSqlSafe(sql), arguments).persistent(*kept));
            let (mut taken, mut complete) = (0u64, false);
            loop {
                // A row that is there already needs no timer.
                let next = match rows.next().now_or_never() {
                    Some(next) => next,
                    None => tokio::time::timeout(*read_timeout, rows.next()).await.map_err(|_| {
                        StoreError::failed(format!(
                            "{place}: no record within {} s, after {taken} records",
                            read_timeout.as_secs()
                        ))
                        .hint("an index on the key saves the sort; or raise the read timeout")
                    })?,
                };
                match next {
                    Some(Ok(Either::Right(row))) => {
                        take(row)?;
                        taken += 1;
                    }
                    Some(Ok(Either::Left(_))) => complete = true,
                    Some(Err(error)) => {
                        return Err(failed(place, &format!("failed after {taken} records"), &error));
                    }
                    None if complete => return Ok(()),
                    None => return Err(StoreError::failed(format!("{place}: the driver ended after {taken} records"))),
                }
            }
        })
    }

    fn boundaries(&mut self, key: &str, filter: Option<&Filter>, parts: usize) -> Result<Vec<Value>, StoreError> {
        let mut request = ReadRequest {
            columns: vec![Wanted { name: key.to_owned(), fix: None }],
            key: 1,
            filter: Some(with_key(key, filter)),
            range: KeyRange::default(),
            keys: None,
            fresh: false,
            natural: false,
        };
        let count = match self.select(&request)? {
            Some(sql) => self.value(format!("SELECT count(*) FROM ({sql})"))?,
            None => None,
        };
        let count = count.and_then(|c| c.amount()).and_then(|a| a.small()).map_or(0, |(count, _)| count);
        let step = count / parts.max(1) as i128;
        let mut cuts: Vec<Value> = Vec::new();
        while step > 0 && cuts.len() + 1 < parts {
            // Counted on from the last cut, so that all cuts together cost one walk over the index.
            let Some(sql) = self.select(&request)? else { break };
            let name = Dialect::Sqlite.name(key);
            let Some(cut) = self.value(format!("{sql} ORDER BY {name} LIMIT 1 OFFSET {step}"))? else { break };
            if request.range.from.as_ref().is_some_and(|from| from.to_string() == cut.to_string())
                || matches!(cut, Value::Unknown(_))
            {
                break;
            }
            request.range.from = Some(cut.clone());
            cuts.push(cut);
        }
        Ok(cuts)
    }

    /// The first column of the first row.
    fn value(&mut self, sql: String) -> Result<Option<Value>, StoreError> {
        let arguments = self.arguments()?;
        let mut found = None;
        self.stream(sql, arguments, |row| {
            let mut batch = Batch::new(1);
            let at = batch.start_row();
            if let Ok(value) = row.try_get_raw(0) {
                let cell = decode(&mut batch, value);
                batch.set(at, 0, cell);
                found.get_or_insert_with(|| Value::of(batch.at(at, 0)));
            }
            Ok(())
        })?;
        Ok(found)
    }
}
