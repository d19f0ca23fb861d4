//! Errors of the connection and the server, as a user reads them: what, where, next step, and whether it is the
//! request that was wrong or the store that failed. Never shows a password.

use std::time::Duration;

use super::super::StoreError;
use super::wire::WireError;

/// What was being done; decides how an error of the server is understood.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// Connecting and setting up the session.
    Connecting,
    /// Asking what a table or query looks like: what the server refuses here was asked for wrongly.
    Describing,
    /// Reading records, so many of which had arrived.
    Reading(u64),
}

/// An error on the wire as an error of the store at `place` (a URL without user and password).
pub(super) fn store_error(error: WireError, place: &str, doing: Doing) -> StoreError {
    match error {
        WireError::Ended(error) => error,
        WireError::Server { number, message } => from_server(number, message.trim_end(), place, doing),
        WireError::Io(io) if doing == Doing::Connecting => {
            StoreError::failed(format!("{place} cannot be reached: {io}"))
                .hint("check that the server runs there and that host and port in the URL are right")
        }
        WireError::Io(io) => lost(place, doing, &io.to_string()),
        WireError::Tls(tls) => StoreError::failed(format!("{place}: no TLS connection: {tls}"))
            .hint("check `ssl-mode`, `ssl-ca`, `ssl-cert` and `ssl-key` in the URL"),
        WireError::Configuration(why) => StoreError::usage(format!("{place}: the URL cannot be used: {why}"))
            .hint("check `ssl-mode`, `ssl-ca`, `ssl-cert` and `ssl-key` in the URL"),
        WireError::Login(why) => StoreError::failed(format!("{place}: {why}")).hint(
            "give recon an account of its own, with mysql_native_password, caching_sha2_password, sha256_password or ed25519",
        ),
        WireError::Protocol(why) if doing == Doing::Connecting => {
            StoreError::failed(format!("{place} does not answer as MySQL or MariaDB: {why}")).hint("check the port")
        }
        WireError::Protocol(why) => lost(place, doing, &why),
        WireError::Silence(waited) => {
            let records = if let Doing::Reading(records) = doing { records } else { 0 };
            silence(place, waited, records)
        }
    }
}

/// Nothing came for so long.
fn silence(place: &str, waited: Duration, records: u64) -> StoreError {
    let waited = waited.as_secs_f32();
    StoreError::failed(format!("{place}: nothing arrived for {waited} s, after {records} records"))
        .hint("the query may need longer than the read timeout, wait for a lock, or the network is down")
}

fn lost(place: &str, doing: Doing, why: &str) -> StoreError {
    let when = match doing {
        Doing::Reading(records) => format!(" after {records} records"),
        _ => String::new(),
    };
    StoreError::failed(format!("{place}: the connection was lost{when}: {why}"))
        .hint("run it again; the server's error log says whether it was stopped, killed the connection or timed out")
}

fn from_server(number: u16, message: &str, place: &str, doing: Doing) -> StoreError {
    let what = format!("{place}: {message} (error {number})");
    match number {
        1045 | 1698 | 1251 => StoreError::failed(what)
            .hint("check user and password: in the URL, in `[client]` of ~/.my.cnf, or in MYSQL_PWD"),
        1044 | 1142 | 1143 | 1227 | 1370 => {
            StoreError::failed(what).hint("let an administrator GRANT this account SELECT there")
        }
        1049 => StoreError::usage(what).hint("check the database's name in the URL, after the host"),
        1046 => StoreError::usage(what).hint("name the database in the URL, after the host, or write `database.table`"),
        1146 => StoreError::usage(what).hint("check the table's name and the database in the URL"),
        1040 | 1203 | 1226 => StoreError::failed(what).hint("the server has too many connections; try again later"),
        1205 | 1213 => StoreError::failed(what).hint("another session holds a lock; try again later"),
        1053 | 1077 | 1079 | 1317 | 1927 | 2006 | 2013 | 4031 => lost(place, doing, message),
        1969 | 3024 => StoreError::failed(format!("{what}{}", so_far(doing)))
            .hint("the server limits how long a query may run (max_statement_time, max_execution_time); raise it for this account"),
        1038 => StoreError::failed(what).hint("raise the server's sort_buffer_size, or use a key with an index"),
        1054 | 1060 | 1064 | 1305 if doing == Doing::Describing => {
            StoreError::usage(what).hint("try the query in a MySQL client")
        }
        _ if doing == Doing::Describing => StoreError::usage(what),
        _ => StoreError::failed(format!("{what}{}", so_far(doing))),
    }
}

fn so_far(doing: Doing) -> String {
    match doing {
        Doing::Reading(records) => format!(", after {records} records"),
        _ => String::new(),
    }
}

/// Whether another attempt to connect may go better. Wrong passwords and names do not mend themselves.
pub(super) fn worth_retrying(error: &WireError) -> bool {
    match error {
        WireError::Io(_) | WireError::Silence(_) => true,
        WireError::Server { number, .. } => matches!(number, 1040 | 1053 | 1077 | 1129 | 1203 | 1927 | 2006 | 2013),
        _ => false,
    }
}
