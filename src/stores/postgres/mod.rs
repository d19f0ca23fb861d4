//! PostgreSQL: one connection, one `REPEATABLE READ, READ ONLY` transaction, binary formats decoded by hand.
//!
//! Texts are ordered and compared by their bytes (`COLLATE "C"`), whatever collation a column has; NULL keys come
//! first. A NaN among the keys comes last here and first elsewhere: the merge notices and says so. Must not write.

mod about;
mod catalog;
mod connect;
mod decode;
mod inspect;
mod kind;
mod params;
mod privileges;
mod statement;

use futures_util::{FutureExt, StreamExt};
use sqlx::postgres::{PgArguments, PgConnection, PgRow, PgStatement, PgTypeInfo};
use sqlx::{AssertSqlSafe, Column as _, Either, Executor, Row, SqlSafeStr, Statement, TypeInfo, ValueRef};
use tokio::runtime::Runtime;

use crate::domain::{Batch, Cell, Filter, Value};

use super::asked::{distinct_names, existing, one_query};
use super::seek::with_key;
use super::sql::{Dialect, bind};
use super::{
    Column, KeyRange, Opened, Outlet, ReadEnd, ReadRequest, Settings, Snapshot, Source, StoreError, Target, Wanted,
    Wish,
};
pub(super) use about::about;
use connect::{Server, broken, is_refusal, rejected};
use decode::{Decoder, nanos_of};
pub(super) use inspect::inspect;
use kind::Kind;
pub(super) use privileges::beyond_reading;

/// Sets what a session's results depend on, and lifts the server's limits on long reads where it has them.
const PREPARE_SESSION: &str = "SELECT set_config(s.name, v.value, false) FROM pg_catalog.pg_settings s JOIN (VALUES \
     ('TimeZone', 'UTC'), ('DateStyle', 'ISO, MDY'), ('IntervalStyle', 'iso_8601'), ('bytea_output', 'hex'), \
     ('standard_conforming_strings', 'on'), ('statement_timeout', '0'), ('lock_timeout', '0'), \
     ('idle_in_transaction_session_timeout', '0'), ('transaction_timeout', '0')) AS v (name, value) \
     ON lower(s.name) = lower(v.name)";
/// The first statement of a transaction fixes its snapshot.
const FIRST: &str = "SELECT pg_catalog.clock_timestamp(), pg_catalog.pg_is_in_recovery()";

/// How to reach the server of a URL for other work than reading a side, and how messages name it.
///
/// # Errors
/// As when a side is read: a URL that is not understood.
pub(crate) fn connect_options(url: &url::Url) -> Result<(sqlx::postgres::PgConnectOptions, String), StoreError> {
    Server::new(url, &Settings::default()).map(|server| (server.options, server.place))
}

/// A table, view or query of a PostgreSQL database.
pub struct PostgresSource {
    url: url::Url,
    target: Target,
    settings: Settings,
    session: Option<Session>,
}

impl PostgresSource {
    /// Reads `target` of the database that `url` (`postgres://` or `postgresql://`) names.
    pub fn new(url: url::Url, target: Target, settings: Settings) -> Self {
        PostgresSource { url, target, settings, session: None }
    }
}

impl Source for PostgresSource {
    fn open(&mut self, _wish: &Wish) -> Result<Opened, StoreError> {
        let (session, opened) = Session::open(&self.url, &self.target, &self.settings)?;
        self.session = Some(session);
        Ok(opened)
    }

    fn read(&mut self, request: &ReadRequest, out: &mut Outlet) -> Result<ReadEnd, StoreError> {
        let session = self.session.as_mut().ok_or_else(|| StoreError::failed("the database was not opened"))?;
        if request.fresh {
            session.begin()?;
        }
        session.read(request, out)?;
        Ok(ReadEnd::default())
    }

    fn boundaries(&mut self, key: &str, filter: Option<&Filter>, parts: usize) -> Result<Vec<Value>, StoreError> {
        let session = self.session.as_mut().ok_or_else(|| StoreError::failed("the database was not opened"))?;
        session.boundaries(key, filter, parts)
    }
}

/// What is known of a column.
struct Known {
    name: String,
    decoder: Decoder,
    /// Declared NOT NULL: then a plain ORDER BY serves, and with it a plain index.
    never_null: bool,
    /// Whether an index on the column is in the order of bytes without an explicit collation.
    bytewise: bool,
}

struct Session {
    runtime: Runtime,
    server: Server,
    settings: Settings,
    /// `None` after an error: its transaction, and with it the snapshot, is gone.
    connection: Option<PgConnection>,
    /// The table, or the query in parentheses.
    from: String,
    bound: Vec<Value>,
    columns: Vec<Known>,
    /// The server's encoding orders texts otherwise than UTF-8 does.
    foreign_order: bool,
    standby: bool,
}

impl Session {
    fn open(url: &url::Url, target: &Target, settings: &Settings) -> Result<(Session, Opened), StoreError> {
        let server = Server::new(url, settings)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| StoreError::failed(format!("no runtime for {}: {e}", server.place)))?;
        let mut session = Session {
            runtime,
            server,
            settings: settings.clone(),
            connection: None,
            from: String::new(),
            bound: Vec::new(),
            columns: Vec::new(),
            foreign_order: false,
            standby: false,
        };
        let taken_at = session.begin()?;
        session.resolve(target)?;
        let estimated_records = match (&target.query, &target.table) {
            (None, Some(table)) => session.estimate(table)?,
            _ => None,
        };
        let mut notices = Vec::new();
        if session.standby {
            notices.push(format!(
                "{} is a standby: what was changed on the primary since it last caught up is not seen",
                session.server.place
            ));
        }
        let column = |known: &Known| Column { name: known.name.clone(), kind: known.decoder.kind.column_kind() };
        let opened = Opened {
            columns: session.columns.iter().map(column).collect(),
            fixed_columns: true,
            ordered: true,
            natural: false,
            filters: true,
            seeks: !session.foreign_order,
            snapshot: Snapshot { taken_at: Some(taken_at), how: "REPEATABLE READ, READ ONLY".into(), consistent: true },
            estimated_records,
            notices,
            inputs: Vec::new(),
        };
        Ok((session, opened))
    }

    /// Connects where there is no connection, and starts a new transaction. Returns the snapshot's moment by the
    /// server's clock.
    fn begin(&mut self) -> Result<i128, StoreError> {
        let Session { runtime, server, connection, standby, .. } = self;
        let place = &server.place;
        runtime.block_on(async {
            if let Some(open) = connection
                && open.execute("ROLLBACK").await.is_err()
            {
                *connection = None;
            }
            let open = match connection {
                Some(open) => open,
                None => {
                    let mut new = server.connect().await?;
                    new.execute(PREPARE_SESSION).await.map_err(|e| broken(place, "no session", &e))?;
                    connection.insert(new)
                }
            };
            let fail = |e: sqlx::Error| broken(place, "no transaction", &e);
            open.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await.map_err(fail)?;
            let row = open.fetch_one(sqlx::query(FIRST)).await.map_err(fail)?;
            *standby = row.try_get(1).map_err(fail)?;
            let moment = row.try_get_raw(0).ok().and_then(|value| value.as_bytes().ok()?.try_into().ok());
            let moment =
                moment.ok_or_else(|| StoreError::failed(format!("{place}: the server's clock is not read")))?;
            Ok(nanos_of(i64::from_be_bytes(moment)))
        })
    }

    /// Finds the table or judges the query, and describes its columns.
    fn resolve(&mut self, target: &Target) -> Result<(), StoreError> {
        let facts = self.rows(
            "SELECT current_setting('server_encoding'), d.datcollate, coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') \
             FROM pg_catalog.pg_database d WHERE d.datname = current_database()",
        )?;
        let fact = |at: usize| facts.first().and_then(|row| row.try_get::<String, _>(at).ok()).unwrap_or_default();
        self.foreign_order = !["UTF8", "SQL_ASCII", "LATIN1"].contains(&fact(0).as_str());
        let bytewise_database = fact(2) == "c" && ["C", "POSIX"].contains(&fact(1).as_str());
        let mut declared = Vec::new();
        match (&target.query, &target.table) {
            (Some(query), _) => {
                let query = one_query(Dialect::Postgres, query)?;
                let (query, bound) = bind(Dialect::Postgres, query, &target.params)?;
                self.bound = bound;
                self.from = format!("(\n{query}\n) AS q");
            }
            (None, Some(table)) => {
                self.from = Dialect::Postgres.table(table);
                declared = self.declared(table)?;
            }
            (None, None) => {
                let tables = existing("tables", "", self.tables()?);
                return Err(StoreError::usage(format!("{}: which table?", self.server.place))
                    .hint(format!("name it behind `#`, or give a query; {tables}")));
            }
        }
        let described = self.prepare(&format!("SELECT * FROM {}", self.from))?;
        distinct_names(described.columns().iter().map(|c| c.name()))?;
        for column in described.columns() {
            let name = column.name().to_owned();
            let kind = kind_of(column.type_info());
            let (modifier, never_null, collation) = declared
                .iter()
                .find(|known| known.0 == name)
                .map_or((-1, false, 0), |(_, modifier, never_null, collation)| (*modifier, *never_null, *collation));
            // The modifier of a time is its precision; microseconds without one.
            let digits = u8::try_from(modifier).ok().filter(|digits| *digits <= 6).unwrap_or(6);
            // 950 and 951 are "C" and "POSIX", 100 the database's own.
            let bytewise = collation == 950 || collation == 951 || (collation == 100 && bytewise_database);
            self.columns.push(Known { name, decoder: Decoder { kind, digits }, never_null, bytewise });
        }
        // Privileges and parameters are judged when a statement starts to run; this one reads nothing.
        self.stream(format!("SELECT 1 FROM {} LIMIT 0", self.from), |_| Ok(()))
    }

    fn prepare(&mut self, sql: &str) -> Result<PgStatement, StoreError> {
        let Session { runtime, server, connection, bound, .. } = self;
        let open = connection.as_mut().ok_or_else(|| gone(&server.place))?;
        let types: Vec<PgTypeInfo> = params::declared(bound);
        let prepared = runtime.block_on(open.prepare_with(AssertSqlSafe(sql.to_owned()).into_sql_str(), &types));
        let prepared = prepared.map_err(|error| {
            let error = rejected(&server.place, &error);
            *connection = None;
            error
        })?;
        let wanted = match prepared.parameters() {
            Some(Either::Left(types)) => types.len(),
            Some(Either::Right(count)) => count,
            None => 0,
        };
        if wanted != bound.len() {
            return Err(StoreError::usage(format!(
                "{}: the query has {wanted} parameters, of which {} are named `:name`",
                server.place,
                bound.len()
            ))
            .hint("name each parameter `:name` and give it with `--param name=…`"));
        }
        Ok(prepared)
    }

    fn arguments(&self, statement: &PgStatement) -> Result<PgArguments, StoreError> {
        let types = match statement.parameters() {
            Some(Either::Left(types)) => types,
            _ => &[],
        };
        params::arguments(&self.bound, types, &self.settings.zone).map_err(|why| {
            StoreError::usage(format!("{}: {why}", self.server.place))
                .hint("cast the parameter in the query: `:name::text`, `:name::numeric`, …")
        })
    }

    fn column(&self, name: &str) -> Result<usize, StoreError> {
        self.columns.iter().position(|known| known.name == name).ok_or_else(|| {
            let names = self.columns.iter().map(|known| known.name.clone()).collect();
            StoreError::usage(format!("{}: there is no column `{name}`", self.server.place))
                .hint(existing("columns", name, names))
        })
    }

    fn decoders(&self, request: &ReadRequest) -> Result<Vec<Decoder>, StoreError> {
        request.columns.iter().map(|w| Ok(self.columns[self.column(&w.name)?].decoder)).collect()
    }

    fn read(&mut self, request: &ReadRequest, out: &mut Outlet) -> Result<(), StoreError> {
        let decoders = self.decoders(request)?;
        let zone = self.settings.zone.clone();
        for sql in self.statements(request)? {
            self.stream(sql, |row| {
                let batch = out.batch();
                let at = batch.start_row();
                for (column, decoder) in decoders.iter().enumerate() {
                    put(&row, column, *decoder, batch, batch.place(at, column), &zone);
                }
                out.end_row().map_err(StoreError::from)
            })?;
        }
        Ok(())
    }

    /// The statements whose records, one after the other, are those of the request in key order.
    ///
    /// An index of PostgreSQL has its NULLs last, so `NULLS FIRST` means a sort of everything. Where an index would
    /// serve the plain order, the records whose first key is NULL (none, as a rule) are asked for apart.
    fn statements(&mut self, request: &ReadRequest) -> Result<Vec<String>, StoreError> {
        let Some((sql, order)) = self.select(request)? else { return Ok(Vec::new()) };
        let Some(plain) = self.without_nulls(request, order.clone())? else { return Ok(vec![format!("{sql}{order}")]) };
        let plan = self.plan(&plain)?;
        if plan.is_empty() || plan.contains("\"Node Type\": \"Sort\"") {
            return Ok(vec![format!("{sql}{order}")]);
        }
        let Some(first) = request.columns.first() else { return Ok(Vec::new()) };
        let null = Filter::IsNull { column: first.name.clone() };
        let filter = Some(match &request.filter {
            Some(filter) => Filter::All(vec![filter.clone(), null]),
            None => null,
        });
        let nulls = self.select(&ReadRequest { filter, ..request.clone() })?;
        Ok(nulls.map(|(sql, order)| format!("{sql}{order}")).into_iter().chain([plain]).collect())
    }

    /// How the server would run a statement, as JSON.
    fn plan(&mut self, sql: &str) -> Result<String, StoreError> {
        let sql = format!("EXPLAIN (FORMAT JSON) {sql}");
        let statement = self.prepare(&sql)?;
        let arguments = self.arguments(&statement)?;
        let Session { runtime, server, connection, .. } = self;
        let open = connection.as_mut().ok_or_else(|| gone(&server.place))?;
        let row = runtime.block_on(open.fetch_one(sqlx::query_with(AssertSqlSafe(sql), arguments)));
        let row = row.map_err(|error| {
            let error = rejected(&server.place, &error);
            *connection = None;
            error
        })?;
        Ok(row.try_get_raw(0).ok().and_then(|value| value.as_str().ok()).unwrap_or_default().to_owned())
    }

    /// Runs a statement and hands over each row. The end counts only when the server's own count agrees.
    fn stream(&mut self, sql: String, mut take: impl FnMut(PgRow) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let statement = self.prepare(&sql)?;
        let arguments = self.arguments(&statement)?;
        let Session { runtime, server, connection, settings, .. } = self;
        let place = &server.place;
        let open = connection.as_mut().ok_or_else(|| gone(place))?;
        let ended = runtime.block_on(async {
            let mut rows = open.fetch_many(sqlx::query_with(AssertSqlSafe(sql), arguments));
            let (mut taken, mut counted) = (0u64, None);
            loop {
                // A row that is there already needs no timer.
                let next = match rows.next().now_or_never() {
                    Some(next) => next,
                    None => tokio::time::timeout(settings.read_timeout, rows.next()).await.map_err(|_| {
                        StoreError::failed(format!(
                            "{place}: no record within {} s, after {taken} records",
                            settings.read_timeout.as_secs_f32()
                        ))
                        .hint("an index on the key saves the server the sort; or raise the read timeout")
                    })?,
                };
                match next {
                    Some(Ok(Either::Right(row))) => {
                        take(row)?;
                        taken += 1;
                    }
                    Some(Ok(Either::Left(done))) => counted = Some(done.rows_affected()),
                    Some(Err(error)) if taken == 0 && is_refusal(&error) => return Err(rejected(place, &error)),
                    Some(Err(error)) => return Err(broken(place, &format!("failed after {taken} records"), &error)),
                    None if counted == Some(taken) => return Ok(()),
                    None => {
                        return Err(StoreError::failed(format!(
                            "{place}: {taken} records came, but the server did not say that they are all"
                        )));
                    }
                }
            }
        });
        if ended.is_err() {
            // What the server still sends belongs to nobody.
            self.connection = None;
        }
        ended
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
        if self.foreign_order {
            return Ok(Vec::new());
        }
        let decoder = self.decoders(&request)?[0];
        let count = match self.select(&request)? {
            Some((sql, _)) => {
                let count = Decoder { kind: Kind::Integer, digits: 0 };
                self.value(format!("SELECT count(*) FROM ({sql}) AS c"), count)?
            }
            None => None,
        };
        let count = count.and_then(|c| c.amount()).and_then(|a| a.small()).map_or(0, |(count, _)| count);
        let step = count / parts.max(1) as i128;
        let mut cuts: Vec<Value> = Vec::new();
        while step > 0 && cuts.len() + 1 < parts {
            // Counted on from the last cut, so that all cuts together cost one walk over the index.
            let Some((sql, order)) = self.select(&request)? else { break };
            let cut = self.value(format!("{sql}{order} LIMIT 1 OFFSET {step}"), decoder)?;
            let Some(cut) = cut.filter(|cut| Dialect::Postgres.key_literal(cut).is_ok()) else { break };
            if request.range.from.as_ref().is_some_and(|from| from.to_string() == cut.to_string()) {
                break;
            }
            request.range.from = Some(cut.clone());
            cuts.push(cut);
        }
        Ok(cuts)
    }

    /// The first column of the first row.
    fn value(&mut self, sql: String, decoder: Decoder) -> Result<Option<Value>, StoreError> {
        let zone = self.settings.zone.clone();
        let mut found = None;
        self.stream(sql, |row| {
            let mut batch = Batch::new(1);
            let at = batch.start_row();
            put(&row, 0, decoder, &mut batch, at, &zone);
            found.get_or_insert_with(|| Value::of(batch.at(at, 0)));
            Ok(())
        })?;
        Ok(found)
    }
}

#[inline]
fn put(row: &PgRow, column: usize, decoder: Decoder, batch: &mut Batch, place: usize, zone: &jiff::tz::TimeZone) {
    let cell = match row.try_get_raw(column) {
        Ok(value) if value.is_null() => Cell::Null,
        Ok(value) => match value.as_bytes() {
            Ok(bytes) => return decoder.put(batch, place, bytes, zone),
            Err(error) => batch.unknown(&error.to_string()),
        },
        Err(error) => batch.unknown(&error.to_string()),
    };
    batch.put(place, cell);
}

/// How a column of a type is read. Enums and citext hold text; other types that were created are read as theirs.
fn kind_of(kind: &PgTypeInfo) -> Kind {
    let built_in = kind.oid().and_then(|oid| Kind::of_oid(oid.0));
    match (built_in, kind.kind()) {
        (Some(known), _) => known,
        (None, sqlx::postgres::PgTypeKind::Enum(_)) => Kind::Text,
        (None, _) if kind.name().eq_ignore_ascii_case("citext") => Kind::Text,
        (None, _) => Kind::Other,
    }
}

fn gone(place: &str) -> StoreError {
    StoreError::failed(format!("{place}: the connection was lost, and with it the snapshot"))
}
