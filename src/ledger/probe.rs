//! Looking whether a ledger can be worked with, without changing anything in it. Must not judge what is found.

use std::path::PathBuf;

use crate::config::Secret;
use crate::stores::about::{Clock, this_clock};
use crate::stores::sql::{Dialect, may_make_tables};

use super::database::Database;
use super::{Ledger, LedgerError, NEWEST, TABLES, migrate};

/// What a look at a ledger found.
#[derive(Debug)]
pub struct Probed {
    /// Where it is, without a password.
    pub place: String,
    /// What server it is: `MariaDB 10.11.6`, `SQLite 3.50.2`.
    pub server: String,
    /// The file, where it is one.
    pub file: Option<PathBuf>,
    /// Its schema; 0 when there is none yet.
    pub version: i64,
    /// The server's clock; `None` for a file.
    pub clock: Option<Clock>,
    /// Whether recon could write to it.
    pub writable: Writable,
    /// What keeps a commit from being on disk when the server says so, and what to do about it.
    pub may_lose: Option<(String, String)>,
}

/// Whether a ledger can be written.
#[derive(Debug)]
pub enum Writable {
    /// It can.
    Yes,
    /// It cannot, for this reason.
    No(LedgerError),
    /// Its server does not tell: what has to be made first.
    Untold(String),
}

impl Ledger {
    /// Looks whether a ledger can be reached, understood and written. Nothing is changed: what is written is no row, in
    /// a transaction that is taken back. A SQLite file that is not there is not made.
    ///
    /// # Errors
    /// A URL that is none or a ledger of a newer recon (exit 2); it cannot be reached (exit 3).
    pub fn probe(url: &Secret) -> Result<Probed, LedgerError> {
        let mut db = Database::new(url.expose())?;
        let missing = db.is_missing();
        let file = db.look_only().map(PathBuf::from);
        if missing {
            let writable = file.as_deref().and_then(std::path::Path::parent).map(folder_writable);
            return Ok(Probed {
                place: db.place.clone(),
                server: "SQLite".into(),
                file,
                version: 0,
                clock: None,
                writable: writable.unwrap_or(Writable::Yes),
                may_lose: None,
            });
        }
        let version = db.reading(&mut migrate::version)?;
        let server = db.reading(&mut server)?;
        let clock = match db.dialect() {
            Dialect::Sqlite => None,
            _ => {
                let before = this_clock();
                let millis = db.reading(&mut |db| db.now())?;
                Some(Clock { before, server: i128::from(millis) * 1_000_000, after: this_clock() })
            }
        };
        let may_lose = db.reading(&mut may_lose)?;
        let writable = match version {
            NEWEST => writes(&mut db),
            _ => makes(&mut db),
        };
        let place = db.place.clone();
        db.close();
        Ok(Probed { place, server, file, version, clock, writable, may_lose })
    }
}

fn folder_writable(folder: &std::path::Path) -> Writable {
    // A file without a name: nothing of it is left, whatever happens.
    match tempfile::tempfile_in(folder) {
        Ok(_) => Writable::Yes,
        Err(error) => {
            let what = format!("no file can be made in {}: {error}", folder.display());
            Writable::No(LedgerError::failed(what).hinted("check that the folder exists and its permissions"))
        }
    }
}

fn server(db: &mut Database) -> Result<String, LedgerError> {
    let (product, sql) = match db.dialect() {
        Dialect::Sqlite => ("SQLite", "SELECT sqlite_version()"),
        Dialect::MySql => ("MySQL", "SELECT CAST(VERSION() AS CHAR)"),
        Dialect::Postgres => ("PostgreSQL", "SELECT current_setting('server_version')"),
    };
    let version = db.row(sql, &[])?.map(|row| row.text(0)).transpose()?.unwrap_or_default();
    let product = if version.contains("MariaDB") { "MariaDB" } else { product };
    Ok(format!("{product} {version}"))
}

/// What the server leaves out when it commits. A session's own `synchronous_commit` is turned on when it begins.
fn may_lose(db: &mut Database) -> Result<Option<(String, String)>, LedgerError> {
    let told = |setting: &str, mend: &str| {
        Some((format!("{setting}: what was committed may be lost when the machine stops"), mend.to_owned()))
    };
    Ok(match db.dialect() {
        Dialect::Sqlite => None,
        Dialect::MySql => match db.number("SELECT CAST(@@GLOBAL.innodb_flush_log_at_trx_commit AS SIGNED)", &[])? {
            1 => None,
            value => told(
                &format!("innodb_flush_log_at_trx_commit = {value}"),
                "SET GLOBAL innodb_flush_log_at_trx_commit = 1; and in the server's option file",
            ),
        },
        Dialect::Postgres => {
            let sql = "SELECT name::text FROM pg_catalog.pg_settings WHERE reset_val = 'off' \
                       AND name IN ('fsync', 'full_page_writes', 'synchronous_commit') ORDER BY name";
            let rows = db.rows(sql, &[])?;
            let off = rows.iter().map(|row| row.text(0)).collect::<Result<Vec<_>, _>>()?;
            match off.iter().find(|name| *name != "synchronous_commit") {
                Some(name) => told(&format!("{name} = off"), &format!("ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf();")),
                None if !off.is_empty() => Some((
                    "synchronous_commit = off: recon turns it on for what it writes to the ledger, others' commits may be lost".into(),
                    "ALTER SYSTEM SET synchronous_commit = on; SELECT pg_reload_conf();".into(),
                )),
                None => None,
            }
        }
    })
}

/// Writes no row to every table, and takes it back.
fn writes(db: &mut Database) -> Writable {
    let tried = db.reading(&mut |db| {
        db.plain(match db.dialect() {
            Dialect::Sqlite => "BEGIN IMMEDIATE",
            Dialect::MySql => "START TRANSACTION",
            Dialect::Postgres => "BEGIN",
        })?;
        let written = TABLES
            .iter()
            .try_for_each(|table| db.plain(&format!("INSERT INTO {table} SELECT * FROM {table} WHERE 1 = 0")));
        let written = written.and_then(|()| db.plain("UPDATE recon_cycles SET state = state WHERE 1 = 0"));
        if db.plain("ROLLBACK").is_err() {
            db.disconnect();
        }
        written
    });
    match tried {
        Ok(()) => Writable::Yes,
        Err(error) => Writable::No(error),
    }
}

/// Whether the account may make the tables, as far as can be told without making one.
fn makes(db: &mut Database) -> Writable {
    let told = db.reading(&mut |db| {
        if db.dialect() == Dialect::Sqlite {
            db.plain("BEGIN IMMEDIATE").and_then(|()| db.plain("ROLLBACK"))?;
        }
        db.row(may_make_tables(db.dialect()), &[])?.map(|row| row.text(0)).transpose()
    });
    let told = match told {
        Ok(told) => told.unwrap_or_default(),
        Err(error) => return Writable::No(error),
    };
    match told.as_str() {
        "yes" => Writable::Yes,
        "untold" => Writable::Untold("no privilege CREATE is listed for its account, unless by a role".into()),
        _ => {
            let what = "its account may not make tables there (CREATE), or the server is read-only";
            Writable::No(
                LedgerError::failed(what).hinted("let an administrator GRANT it CREATE on the ledger's schema"),
            )
        }
    }
}
