//! A check's SELECT on MySQL and MariaDB: in a read-only transaction, with the server's own limits, ended on the server
//! when it must end.
//!
//! A statement that returns no columns is not run: so the server understands INTO OUTFILE, INTO @variable and everything
//! that writes, and it says so when it prepares them.

use std::time::{Duration, Instant};

use mysql_common::packets::Column;
use url::Url;

use super::connect::Server;
use super::errors::{Doing, store_error};
use super::statement::arguments;
use super::stream::{Decoding, gather};
use super::wire::{Arguments, Connection, Patience, Rows, Waiting, WireError};
use crate::domain::{Batch, Value};
use crate::stores::inspect::{Halt, InspectError, Refusal, Statement, Watch};
use crate::stores::sql::Dialect;
use crate::stores::{Settings, StoreError};

/// Longest wait for the server's word that a query is gone.
const ENDING: Duration = Duration::from_secs(3);
/// First pause between two questions whether it is.
const PAUSE: Duration = Duration::from_millis(5);

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
    let server = Server::from_url(url)?;
    let (sql, values) = statement.bound(Dialect::MySql, params)?;
    let arguments = arguments(&values)?;
    let mut connection = server.connect(settings)?.connection;
    watch.look().map_err(|halt| watch.error(halt, server.place.clone(), true))?;
    connection
        .be_patient(Patience::Each(settings.connect_timeout))
        .map_err(|error| InspectError::from(store_error(error, &server.place, Doing::Connecting)))?;
    let known = |error| InspectError::from(store_error(error, &server.place, Doing::Connecting));
    let (session, notices) = Session::of(&mut connection, watch).map_err(known)?;
    session.judge(statement, &server.place)?;
    same_named(&mut connection, statement, &server.place)?;
    // Every wait looks up at the watch, which knows the limit.
    let patience = watch.limits().time.saturating_add(ENDING);
    connection.be_patient(Patience::Each(patience)).map_err(known)?;
    watch.start();
    let mut taken = Taken {
        watch,
        decoding: Decoding::new(&settings.zone),
        batch: Batch::default(),
        values: Vec::new(),
        halt: None,
    };
    let read = read(&mut connection, &sql, &arguments, &server.place, &mut taken);
    match (taken.halt, read) {
        (None, Ok(())) => {
            connection.quit();
            Ok(notices)
        }
        (None, Err(error)) => Err(error),
        (Some(halt), _) => {
            let ended = end(&server, session.id);
            match halt {
                Halt::Enough => Ok(told(notices, ended)),
                halt => Err(watch.error(halt, server.place, ended)),
            }
        }
    }
}

fn told(mut notices: Vec<String>, ended: bool) -> Vec<String> {
    if !ended {
        notices.push("the server has not confirmed that the query ended when no more of it was read".to_owned());
    }
    notices
}

fn read(
    connection: &mut Connection,
    sql: &str,
    arguments: &Arguments,
    place: &str,
    taken: &mut Taken<'_, '_>,
) -> Result<(), InspectError> {
    let prepared =
        connection.prepare_while(sql, taken).map_err(|error| failed(error, place, Doing::Describing, taken.watch))?;
    if prepared.columns.is_empty() {
        return Err(Refusal::new("the text is no query: it returns no columns")
            .hint("a check is one SELECT, without INTO, and only reads")
            .into());
    }
    taken.watch.columns(prepared.columns.iter().map(|column| column.name_str().into_owned()).collect());
    connection
        .rows(&prepared, arguments, taken)
        .map_err(|error| failed(error, place, Doing::Reading(taken.watch.rows()), taken.watch))
}

fn failed(error: WireError, place: &str, doing: Doing, watch: &Watch<'_>) -> InspectError {
    match &error {
        // The server's own limits of time and of waiting for locks; 1317 says only that somebody interrupted it.
        WireError::Server { number: 1969 | 3024 | 1205, .. } => watch.error(Halt::TimedOut, place.to_owned(), true),
        WireError::Server { number: 1317, .. } if watch.is_late() => {
            watch.error(Halt::TimedOut, place.to_owned(), true)
        }
        WireError::Server { number: 1792 | 1836 | 1290, message } => {
            Refusal::new(format!("{place}: the query writes: {message}")).hint("a check only reads").into()
        }
        _ => store_error(error, place, doing).into(),
    }
}

/// Takes rows while they may be taken.
struct Taken<'a, 'b> {
    watch: &'a mut Watch<'b>,
    decoding: Decoding<'a>,
    batch: Batch,
    values: Vec<Value>,
    halt: Option<Halt>,
}

impl Taken<'_, '_> {
    fn halted(&mut self, halt: Halt) -> StoreError {
        self.halt = Some(halt);
        StoreError::failed("reading was ended")
    }
}

impl Waiting for Taken<'_, '_> {
    fn waiting(&mut self) -> Result<(), StoreError> {
        self.watch.look().map_err(|halt| self.halted(halt))
    }
}

impl Rows for Taken<'_, '_> {
    fn begin(&mut self, columns: &[Column]) -> Result<(), WireError> {
        self.decoding.choose(columns, None)
    }

    fn row(&mut self, row: &[u8]) -> Result<(), WireError> {
        let width = self.decoding.width();
        self.batch.reset(width);
        self.decoding.decode(row, &mut self.batch)?;
        self.values.clear();
        self.values.extend((0..width).map(|column| Value::of(self.batch.at(0, column))));
        self.watch.row(row.len() as u64, &self.values).map_err(|halt| WireError::Ended(self.halted(halt)))
    }
}

/// The session that reads, as the server describes it.
struct Session {
    id: u64,
    /// In upper case, with a comma at both ends.
    sql_mode: String,
}

impl Session {
    /// Puts the limits on a session and asks who it is.
    fn of(connection: &mut Connection, watch: &Watch<'_>) -> Result<(Session, Vec<String>), WireError> {
        let asked = "SELECT CONNECTION_ID(), @@SESSION.sql_mode, VERSION()";
        let rows = gather(connection, asked, &Arguments::default())?;
        let unreadable = || WireError::Protocol("the session's own description cannot be read".into());
        let [id, mode, version] = rows.first().map(Vec::as_slice).ok_or_else(unreadable)? else {
            return Err(unreadable());
        };
        let id = super::whole(id).and_then(|id| u64::try_from(id).ok()).ok_or_else(unreadable)?;
        let mode = format!(",{},", text(mode)).to_uppercase();
        let mut notices = Vec::new();
        let time = watch.limits().time;
        let limit = match text(version).contains("MariaDB") {
            true => format!("max_statement_time = {}", time.as_secs_f64().clamp(0.001, 31_536_000.0)),
            // Milliseconds; 0 would be no limit.
            false => format!("max_execution_time = {}", time.as_millis().clamp(1, 4_294_967_295)),
        };
        match connection.execute(&format!("SET SESSION {limit}")) {
            Ok(()) => {}
            // Servers before MySQL 5.7 and MariaDB 10.1.
            Err(WireError::Server { number: 1193, .. }) => {
                notices.push("this server cannot limit a query's time itself: recon alone ends it".to_owned());
            }
            Err(error) => return Err(error),
        }
        let seconds = time.as_secs().saturating_add(1).min(31_536_000);
        connection.execute(&format!(
            "SET SESSION lock_wait_timeout = {seconds}, innodb_lock_wait_timeout = {seconds}, sql_select_limit = {}",
            watch.one_more()
        ))?;
        connection.execute("SET SESSION TRANSACTION READ ONLY")?;
        Ok((Session { id, sql_mode: mode }, notices))
    }

    /// Whether the server reads the text as it was examined.
    fn judge(&self, statement: &Statement, place: &str) -> Result<(), Refusal> {
        let has = |mode: &str| self.sql_mode.contains(&format!(",{mode},"));
        if has("ORACLE") || has("MSSQL") {
            let what = format!("{place} runs in another language than MySQL's (sql_mode ORACLE or MSSQL)");
            return Err(Refusal::new(what).hint("give the check's account a sql_mode without it"));
        }
        if statement.double_quoted && has("ANSI_QUOTES") {
            let what = format!("{place} takes what stands in double quotes for a name (sql_mode ANSI_QUOTES)");
            return Err(Refusal::new(what).hint("write texts in single quotes and names in backticks"));
        }
        if statement.backslash && has("NO_BACKSLASH_ESCAPES") {
            let what = format!("{place} takes a backslash as it is (sql_mode NO_BACKSLASH_ESCAPES)");
            return Err(Refusal::new(what).hint("write the text without a backslash; CHAR(92) gives one"));
        }
        Ok(())
    }
}

fn text(value: &Value) -> &str {
    match value {
        Value::Text { text, .. } => text,
        _ => "",
    }
}

/// A function of somebody's own that the server would take for one of its own: where MySQL has it and MariaDB has not,
/// or the other way round.
fn same_named(connection: &mut Connection, statement: &Statement, place: &str) -> Result<(), InspectError> {
    if statement.functions.is_empty() {
        return Ok(());
    }
    let names: Vec<Value> =
        statement.functions.iter().map(|name| Value::Text { text: name.clone(), untyped: false }).collect();
    let marks = vec!["?"; names.len()].join(", ");
    let sql = format!(
        "SELECT CONVERT(routine_name USING utf8mb4) FROM information_schema.routines \
         WHERE routine_type = 'FUNCTION' AND routine_schema = DATABASE() AND LOWER(routine_name) IN ({marks})"
    );
    let rows = gather(connection, &sql, &arguments(&names)?)
        .map_err(|error| InspectError::from(store_error(error, place, Doing::Connecting)))?;
    match rows.first().and_then(|row| row.first()) {
        None => Ok(()),
        Some(name) => {
            let what = format!("{place}: `{}` is a function that somebody made there: it might write", text(name));
            Err(Refusal::new(what).hint("a check calls the server's own functions only; have that one renamed").into())
        }
    }
}

/// Ends a session on the server; whether the server says that it is gone.
fn end(server: &Server, id: u64) -> bool {
    let deadline = Instant::now() + ENDING;
    let Ok(mut beside) = server.beside(deadline) else { return false };
    // It may be gone by itself: then there is nothing to kill, which is an error.
    let _ = beside.execute(&format!("KILL CONNECTION {id}"));
    let sql = format!("SELECT COUNT(*) FROM information_schema.processlist WHERE id = {id}");
    let mut pause = PAUSE;
    while Instant::now() < deadline {
        match gather(&mut beside, &sql, &Arguments::default()) {
            Ok(rows) if rows.first().and_then(|row| super::whole(row.first()?)) == Some(0) => {
                beside.quit();
                return true;
            }
            Ok(_) => std::thread::sleep(pause),
            Err(_) => return false,
        }
        pause = (pause * 2).min(Duration::from_millis(200));
    }
    false
}
