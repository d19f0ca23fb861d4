//! A check's SELECT on PostgreSQL: as a cursor in a read-only transaction, with the server's own limits, ended on the
//! server when it must end.
//!
//! The server declares a cursor for a SELECT alone, reads of it no more rows than are wanted, and refuses there what
//! writes inside of a WITH; nothing is ever committed.

use std::future::Future;
use std::time::{Duration, Instant};

use futures_util::{FutureExt, StreamExt};
use sqlx::postgres::{PgConnection, PgRow, PgTypeInfo};
use sqlx::{AssertSqlSafe, Column as _, Either, Executor, Row, SqlSafeStr, Statement as _};
use url::Url;

use super::connect::{Server, broken, rejected, told};
use super::decode::Decoder;
use super::kind::Kind;
use super::{FIRST, PREPARE_SESSION, kind_of, params, put};
use crate::domain::{Batch, Value};
use crate::stores::inspect::{Halt, InspectError, Refusal, Statement, Watch};
use crate::stores::sql::Dialect;
use crate::stores::{Settings, StoreError};

/// How often a wait for the server looks up.
const LOOK_UP: Duration = Duration::from_millis(50);
/// Longest wait for the server's word that a query is gone.
const ENDING: Duration = Duration::from_secs(3);
/// Bytes of one reply, about: the server puts all rows of a FETCH aside before it sends the first of them.
const REPLY_BYTES: u64 = 256 << 10;
/// Rows of the first reply, before it is known how long they are.
const FIRST_ROWS: u64 = 16;
/// Rows of a reply at most.
const MOST_ROWS: u64 = 5_000;
/// First pause between two questions whether it is.
const PAUSE: Duration = Duration::from_millis(5);
/// Where the server can, it looks now and then whether we are still there, and ends the query when we are not.
const LOOK_AFTER_CLIENT: &str = "SELECT set_config('client_connection_check_interval', '500', false)";
/// What somebody has made, besides extensions, that the text might mean where it names something of the server's own.
/// Names are looked up in the schemas of the search path; a function of one row may be called like a column of it.
const MADE_BY_SOMEBODY: &str = "\
    WITH own AS (SELECT d.classid, d.objid FROM pg_catalog.pg_depend d WHERE d.deptype = 'e'), \
    path AS (SELECT n.oid, n.nspname FROM pg_catalog.pg_namespace n \
             WHERE n.nspname = ANY (pg_catalog.current_schemas(true))) \
    SELECT 'a function', s.nspname || '.' || p.proname FROM pg_catalog.pg_proc p JOIN path s ON s.oid = p.pronamespace \
     LEFT JOIN pg_catalog.pg_type t ON p.pronargs = 1 AND t.oid = p.proargtypes[0] \
     WHERE p.oid >= 16384 AND (p.proname = ANY ($1::text[]) OR (p.proname = ANY ($4::text[]) AND t.typtype IN ('c', 'p'))) \
     AND NOT EXISTS (SELECT 1 FROM own WHERE classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND objid = p.oid) \
    UNION ALL \
    SELECT 'an operator', s.nspname || '.' || o.oprname FROM pg_catalog.pg_operator o JOIN path s ON s.oid = o.oprnamespace \
     WHERE o.oid >= 16384 AND o.oprname = ANY ($2::text[]) \
     AND NOT EXISTS (SELECT 1 FROM own WHERE classid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND objid = o.oid) \
    UNION ALL \
    SELECT 'a type', s.nspname || '.' || t.typname FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace s ON s.oid = t.typnamespace \
     WHERE t.oid >= 16384 AND t.typname = ANY ($3::text[]) AND t.typtype NOT IN ('e', 'c') \
     AND NOT EXISTS (SELECT 1 FROM own WHERE classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND objid = t.oid) \
    LIMIT 1";

/// Runs a check's statement and hands its rows to `watch`; returns what the user should know.
///
/// # Errors
/// See [`crate::stores::inspect::inspect`].
pub(in crate::stores) fn inspect(
    url: &Url,
    statement: &Statement,
    params: &[(String, Value)],
    settings: &Settings,
    watch: &mut Watch<'_>,
) -> Result<Vec<String>, InspectError> {
    let server = Server::new(url, settings)?;
    let (sql, bound) = statement.bound(Dialect::Postgres, params)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| StoreError::failed(format!("no runtime for {}: {e}", server.place)))?;
    runtime.block_on(async {
        let connection = server.connect().await?;
        let mut guarded = Guarded { connection, place: &server.place, settings, bound, watch, notices: Vec::new() };
        guarded.watch.start();
        let begun = match guarded.begin().await {
            Ok(who) => guarded.judge(statement).await.map(|()| who),
            Err(ended) => Err(ended),
        };
        let who = match begun {
            Ok(who) => who,
            // Nothing of the query runs yet.
            Err(Ended::Halted(halt)) => return Err(guarded.stopped(halt, true)),
            Err(Ended::Failed(error)) => return Err(error),
        };
        match guarded.read(&sql).await {
            Ok(()) => {
                let Guarded { mut connection, notices, .. } = guarded;
                let _ = connection.execute("ROLLBACK").await;
                let _ = sqlx::Connection::close(connection).await;
                Ok(notices)
            }
            Err(Ended::Failed(error)) => Err(error),
            Err(Ended::Halted(halt)) => {
                let ended = end(&server, &who).await;
                if halt != Halt::Enough {
                    return Err(guarded.stopped(halt, ended));
                }
                if !ended {
                    guarded.notices.push(
                        "the server has not confirmed that the query ended when no more of it was read".to_owned(),
                    );
                }
                Ok(guarded.notices)
            }
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

/// A server process: its number alone could be another's later.
struct Who {
    pid: i32,
    since: String,
}

struct Guarded<'a, 'b> {
    connection: PgConnection,
    place: &'a str,
    settings: &'a Settings,
    bound: Vec<Value>,
    watch: &'a mut Watch<'b>,
    notices: Vec<String>,
}

impl Guarded<'_, '_> {
    fn stopped(&self, halt: Halt, ended: bool) -> InspectError {
        self.watch.error(halt, self.place.to_owned(), ended)
    }

    /// The rows of a small statement of our own.
    async fn rows(&mut self, sql: &str) -> Result<Vec<PgRow>, Ended> {
        let asked = sqlx::query(AssertSqlSafe(sql.to_owned())).persistent(false).fetch_all(&mut self.connection);
        let rows = Self::wait(self.watch, asked).await?;
        Ok(rows.map_err(|e| broken(self.place, "no session", &e))?)
    }

    /// Puts the limits on the session and opens the transaction.
    async fn begin(&mut self) -> Result<Who, Ended> {
        self.rows(PREPARE_SESSION).await?;
        // 0 would be no limit.
        let time = self.watch.limits().time.as_millis().clamp(1, 2_147_483_647);
        let limits = format!(
            "SELECT set_config(v.name, v.value, false) FROM (VALUES ('statement_timeout', '{time}'), \
             ('lock_timeout', '{time}'), ('default_transaction_read_only', 'on'), ('cursor_tuple_fraction', '1')) \
             AS v (name, value)"
        );
        self.rows(&limits).await?;
        // Servers before 14, and some systems, cannot.
        if let Err(Ended::Halted(halt)) = self.rows(LOOK_AFTER_CLIENT).await {
            return Err(Ended::Halted(halt));
        }
        self.rows("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?;
        let first = self.rows(FIRST).await?;
        if first.first().is_some_and(|row| row.try_get(1).unwrap_or(false)) {
            self.notices.push(format!(
                "{} is a standby: what was changed on the primary since it last caught up is not seen",
                self.place
            ));
        }
        let who = "SELECT pg_catalog.pg_backend_pid(), backend_start::text FROM pg_catalog.pg_stat_activity \
                   WHERE pid = pg_catalog.pg_backend_pid()";
        let rows = self.rows(who).await?;
        let unknown = || StoreError::failed(format!("{}: the session's own description cannot be read", self.place));
        let row = rows.first().ok_or_else(unknown)?;
        let (pid, since) = (row.try_get(0).map_err(|_| unknown())?, row.try_get(1).map_err(|_| unknown())?);
        Ok(Who { pid, since })
    }

    /// Asks whether a name might mean what somebody made.
    async fn judge(&mut self, statement: &Statement) -> Result<(), Ended> {
        let Statement { functions, operators, types, members, .. } = statement;
        let asked = sqlx::query(MADE_BY_SOMEBODY).bind(functions).bind(operators).bind(types).bind(members);
        let found = Self::wait(self.watch, asked.persistent(false).fetch_optional(&mut self.connection)).await?;
        let Some(row) = found.map_err(|e| broken(self.place, "its functions cannot be looked up", &e))? else {
            return Ok(());
        };
        let text = |at: usize| row.try_get::<String, _>(at).unwrap_or_default();
        let (kind, name) = (text(0), text(1));
        let hint = match kind.as_str() {
            "a function" => {
                "write `pg_catalog.name(…)` for the server's own function, and put what somebody's own computes into a view"
            }
            "an operator" => "write the server's own function in its place, or put the expression into a view",
            _ => "cast to a built-in type or an enum",
        };
        let what = format!(
            "{}: {name} is {kind} that somebody made there, and the text may mean it: it might write",
            self.place
        );
        Err(Refusal::new(what).hint(hint).into())
    }

    /// Waits for the server, but not longer than the watch allows.
    async fn wait<T>(watch: &Watch<'_>, work: impl Future<Output = T>) -> Result<T, Ended> {
        let mut work = std::pin::pin!(work);
        loop {
            match tokio::time::timeout(LOOK_UP, &mut work).await {
                Ok(done) => return Ok(done),
                Err(_) => watch.look().map_err(Ended::Halted)?,
            }
        }
    }

    fn failed(&self, error: &sqlx::Error, running: bool) -> Ended {
        let (code, message) = told(error);
        match code.as_str() {
            // Cancelled by a limit of time, or by somebody; a lock that was not to be had in time.
            "57014" | "55P03" if self.watch.is_late() => Ended::Failed(self.stopped(Halt::TimedOut, true)),
            "25006" | "0A000" if running => {
                Refusal::new(format!("{}: {message}", self.place)).hint("a check is one SELECT and only reads").into()
            }
            _ if running && !code.starts_with("42") => {
                broken(self.place, &format!("failed after {} rows", self.watch.rows()), error).into()
            }
            _ => rejected(self.place, error).into(),
        }
    }

    async fn read(&mut self, sql: &str) -> Result<(), Ended> {
        let types: Vec<PgTypeInfo> = params::declared(&self.bound);
        let text = AssertSqlSafe(sql.to_owned()).into_sql_str();
        let prepared = Self::wait(self.watch, self.connection.prepare_with(text, &types)).await?;
        let prepared = prepared.map_err(|error| self.failed(&error, false))?;
        let types = match prepared.parameters() {
            Some(Either::Left(types)) => types,
            _ => &[],
        };
        let arguments = params::arguments(&self.bound, types, &self.settings.zone).map_err(|why| {
            StoreError::usage(format!("{}: {why}", self.place))
                .hint("cast the parameter in the query: `:name::text`, `:name::numeric`, …")
        })?;
        if types.len() != self.bound.len() {
            return Err(Refusal::new("the query has parameters without a name")
                .hint("name each parameter `:name`")
                .into());
        }
        let kinds: Vec<Kind> = prepared.columns().iter().map(|column| kind_of(column.type_info())).collect();
        if kinds.is_empty() {
            return Err(Refusal::new("the text is no query: it returns no columns")
                .hint("a check is one SELECT")
                .into());
        }
        self.watch.columns(prepared.columns().iter().map(|column| column.name().to_owned()).collect());
        // By place, not by name: columns of a check need no names, nor distinct ones. What is not read in its own form is
        // read as its text.
        let names: Vec<String> = (1..=kinds.len()).map(|at| format!("c{at}")).collect();
        let sent: Vec<String> = names
            .iter()
            .zip(&kinds)
            .map(|(name, kind)| match kind {
                Kind::Text | Kind::Other => format!("{name}::text"),
                _ => name.clone(),
            })
            .collect();
        let declare = format!(
            "DECLARE recon_check NO SCROLL CURSOR WITHOUT HOLD FOR SELECT {} FROM (\n{sql}\n) AS q ({})",
            sent.join(", "),
            names.join(", ")
        );
        let declared =
            sqlx::query_with(AssertSqlSafe(declare), arguments).persistent(false).execute(&mut self.connection);
        Self::wait(self.watch, declared).await?.map_err(|error| self.failed(&error, true))?;
        let decoders: Vec<Decoder> = kinds.into_iter().map(|kind| Decoder { kind, digits: 6 }).collect();
        self.fetch(&decoders).await
    }

    /// Fetches all rows, so many at a time.
    async fn fetch(&mut self, decoders: &[Decoder]) -> Result<(), Ended> {
        let (mut batch, mut values) = (Batch::default(), Vec::new());
        let (mut count, mut taken, mut bytes) = (FIRST_ROWS, 0_u64, 0_u64);
        loop {
            count = count.min(self.watch.one_more() - self.watch.rows());
            let (rows, length) = self.reply(count, decoders, &mut batch, &mut values).await?;
            if rows < count {
                return Ok(());
            }
            (taken, bytes) = (taken + rows, bytes + length);
            count = (REPLY_BYTES / (bytes / taken.max(1)).max(1)).clamp(1, MOST_ROWS);
        }
    }

    /// One reply: how many rows came, and how many bytes.
    async fn reply(
        &mut self,
        count: u64,
        decoders: &[Decoder],
        batch: &mut Batch,
        values: &mut Vec<Value>,
    ) -> Result<(u64, u64), Ended> {
        let fetch = format!("FETCH FORWARD {count} FROM recon_check");
        let zone = &self.settings.zone;
        let mut rows = self.connection.fetch_many(sqlx::query(AssertSqlSafe(fetch)).persistent(false));
        let (mut came, mut length, mut counted) = (0, 0, None);
        let failed = loop {
            // A row that is there already needs no timer.
            let next = match rows.next().now_or_never() {
                Some(next) => next,
                None => match tokio::time::timeout(LOOK_UP, rows.next()).await {
                    Ok(next) => next,
                    Err(_) => {
                        self.watch.look().map_err(Ended::Halted)?;
                        continue;
                    }
                },
            };
            match next {
                Some(Ok(Either::Right(row))) => {
                    let bytes = decoded(&row, decoders, batch, values, zone);
                    self.watch.row(bytes, values).map_err(Ended::Halted)?;
                    (came, length) = (came + 1, length + bytes);
                }
                Some(Ok(Either::Left(done))) => counted = Some(done.rows_affected()),
                Some(Err(error)) => break error,
                None if counted == Some(came) => return Ok((came, length)),
                None => {
                    let what =
                        format!("{}: {came} rows came, but the server did not say that they are all", self.place);
                    return Err(StoreError::failed(what).into());
                }
            }
        };
        drop(rows);
        Err(self.failed(&failed, true))
    }
}

/// A row's values, and how many bytes they came in.
fn decoded(
    row: &PgRow,
    decoders: &[Decoder],
    batch: &mut Batch,
    values: &mut Vec<Value>,
    zone: &jiff::tz::TimeZone,
) -> u64 {
    batch.reset(decoders.len());
    let at = batch.start_row();
    let mut bytes = 0;
    for (column, decoder) in decoders.iter().enumerate() {
        let sent = row.try_get_raw(column).ok().and_then(|value| value.as_bytes().ok().map(<[u8]>::len));
        bytes += sent.unwrap_or(0) as u64;
        put(row, column, *decoder, batch, batch.place(at, column), zone);
    }
    values.clear();
    values.extend((0..decoders.len()).map(|column| Value::of(batch.at(at, column))));
    bytes
}

/// Ends a server process; whether the server says that it is gone. A query that waits for us to take its rows hears no
/// mere cancelling.
async fn end(server: &Server, who: &Who) -> bool {
    let Who { pid, since } = who;
    let since = Dialect::Postgres.text(since);
    let process = format!("FROM pg_catalog.pg_stat_activity WHERE pid = {pid} AND backend_start::text = {since}");
    let ending = async {
        let mut beside = server.connect().await.ok()?;
        // The moment is compared as text: in the same zone as it was written in.
        beside.execute(PREPARE_SESSION).await.ok()?;
        let terminate = format!("SELECT pg_catalog.pg_terminate_backend(pid) {process}");
        beside.execute(AssertSqlSafe(terminate)).await.ok()?;
        let mut pause = PAUSE;
        let started = Instant::now();
        while started.elapsed() < ENDING {
            let count = beside.fetch_one(AssertSqlSafe(format!("SELECT count(*) {process}"))).await.ok()?;
            if count.try_get::<i64, _>(0).ok()? == 0 {
                let _ = sqlx::Connection::close(beside).await;
                return Some(());
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(200));
        }
        None
    };
    tokio::time::timeout(ENDING, ending).await.ok().flatten().is_some()
}
