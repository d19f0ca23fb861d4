//! The ledger's schema, in numbered steps. Each is applied once, whoever comes first; an unknown one is refused.
//!
//! Not sqlx's own migrator: it takes no lock on SQLite, where two processes that open a new ledger at the same time
//! would both create its tables, and cannot go on where a MySQL migration was cut off.

use sha2::{Digest, Sha256};

use crate::stores::sql::Dialect;

use super::database::{Database, fields, moment};
use super::error::LedgerError;

/// What an applied migration never changes: a change is a new one.
const MIGRATIONS: [(i64, &str, &str); 4] = [
    (1, "cycles", include_str!("migrations/0001_cycles.sql")),
    (2, "audit", include_str!("migrations/0002_audit.sql")),
    (3, "canary", include_str!("migrations/0003_canary.sql")),
    (4, "checks", include_str!("migrations/0004_checks.sql")),
];

/// The newest schema that this recon knows.
pub const NEWEST: i64 = MIGRATIONS[MIGRATIONS.len() - 1].0;

const VERSIONS: &str = "CREATE TABLE IF NOT EXISTS recon_schema (version BIGINT NOT NULL, name VARCHAR(40) NOT NULL, \
    checksum VARCHAR(64) NOT NULL, statements BIGINT NOT NULL, complete BIGINT NOT NULL, applied_at VARCHAR(24) NOT NULL, PRIMARY KEY (version))";

/// Brings the schema up to a version; says from which to which.
pub(super) fn migrate(db: &mut Database, to: i64) -> Result<(i64, i64), LedgerError> {
    let from = db.reading(&mut version)?;
    if from >= to {
        return Ok((from, from));
    }
    match db.dialect() {
        // The whole of it in one transaction: definitions are transactional there.
        Dialect::Sqlite => db.transaction(&mut |db| apply(db, to, false))?,
        Dialect::Postgres => db.transaction(&mut |db| {
            db.plain("SELECT pg_advisory_xact_lock(hashtext('recon ledger'), hashtext(current_schema()::text))")?;
            apply(db, to, false)
        })?,
        // Definitions commit by themselves: a named lock keeps others out, and what was done is noted.
        Dialect::MySql => db.reading(&mut |db| {
            let name = "CONCAT('recon ledger ', MD5(DATABASE()))";
            let got = db.number(&format!("SELECT GET_LOCK({name}, 20)"), &[])?;
            if got != 1 {
                let what = format!("another process has been changing the schema of the ledger {} for 20 s", db.place);
                return Err(LedgerError::failed(what).hinted("try again when it is done"));
            }
            let applied = apply(db, to, true);
            if db.plain(&format!("DO RELEASE_LOCK({name})")).is_err() {
                db.disconnect();
            }
            applied
        })?,
    }
    Ok((from, to))
}

/// The schema's version; 0 when there is none. Refuses one that this recon does not know.
pub(super) fn version(db: &mut Database) -> Result<i64, LedgerError> {
    let there = match db.dialect() {
        Dialect::Sqlite => "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = 'recon_schema'",
        Dialect::MySql => {
            "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'recon_schema'"
        }
        Dialect::Postgres => {
            "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = 'recon_schema'"
        }
    };
    if db.number(there, &[])? == 0 {
        return Ok(0);
    }
    let mut version = 0;
    for row in db.rows("SELECT version, checksum, complete FROM recon_schema ORDER BY version", &[])? {
        let found = row.integer(0)?;
        let Some((_, name, sql)) = MIGRATIONS.iter().find(|(number, ..)| *number == found) else {
            return Err(LedgerError::usage(format!(
                "the ledger {} has schema {found}; this recon ({}) knows up to {NEWEST}",
                db.place,
                env!("CARGO_PKG_VERSION")
            ))
            .hinted("a newer recon has migrated it: use that one everywhere; nothing was changed"));
        };
        if row.text(1)? != checksum(sql) {
            return Err(LedgerError::usage(format!(
                "the ledger {} was made with another text of schema {found} ({name}) than this recon holds",
                db.place
            ))
            .hinted("it was made by a development version; keep it, and start a new ledger"));
        }
        if row.integer(2)? == 1 {
            version = found;
        }
    }
    Ok(version)
}

/// Of the file, not of what an engine makes of it: one text is one version everywhere.
fn checksum(sql: &str) -> String {
    Sha256::digest(sql.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn apply(db: &mut Database, to: i64, commits_itself: bool) -> Result<(), LedgerError> {
    db.plain(VERSIONS)?;
    // Whoever was first has done it while we waited for the lock.
    let from = version(db)?;
    for (number, name, sql) in MIGRATIONS.iter().filter(|(number, ..)| *number > from && *number <= to) {
        let at = moment(db.now()?);
        let insert = "INSERT INTO recon_schema (version, name, checksum, statements, complete, applied_at) VALUES (?, ?, ?, 0, 0, ?)";
        let insert = format!("{insert}{}", db.or_nothing("version"));
        db.run(&insert, fields![*number, *name, checksum(sql).as_str(), at.as_str()])?;
        let done = db.number("SELECT statements FROM recon_schema WHERE version = ?", fields![*number])?;
        for (index, statement) in (0i64..).zip(statements(db.dialect(), sql)) {
            if index < done {
                continue;
            }
            match db.plain(&statement) {
                Ok(()) => {}
                // It was cut off between a statement and the note of it.
                Err(error) if commits_itself && index == done && done_already(&error) => {}
                Err(error) => return Err(error),
            }
            db.run("UPDATE recon_schema SET statements = ? WHERE version = ?", fields![index + 1, *number])?;
        }
        db.run("UPDATE recon_schema SET complete = 1 WHERE version = ?", fields![*number])?;
    }
    Ok(())
}

/// MySQL: table, column, index or row exists.
fn done_already(error: &LedgerError) -> bool {
    let text = error.to_string();
    ["already exists", "Duplicate column", "Duplicate key name", "Duplicate entry"]
        .iter()
        .any(|part| text.contains(part))
}

/// The statements of a migration in an engine's words.
fn statements(dialect: Dialect, sql: &str) -> Vec<String> {
    let (id, text, name, table) = match dialect {
        Dialect::Sqlite => ("INTEGER PRIMARY KEY AUTOINCREMENT", "TEXT", "VARCHAR(190)", ""),
        Dialect::MySql => (
            "BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY",
            "LONGTEXT",
            "VARCHAR(190)",
            " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin",
        ),
        Dialect::Postgres => ("BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY", "TEXT", "VARCHAR(190)", ""),
    };
    let plain: Vec<&str> = sql.lines().map(|line| line.split("--").next().unwrap_or(line).trim_end()).collect();
    let plain = plain.join("\n");
    let written = plain.split(';').map(str::trim).filter(|statement| !statement.is_empty());
    written
        .map(|one| one.replace("{ID}", id).replace("{TEXT}", text).replace("{NAME}", name).replace("{TABLE}", table))
        .collect()
}
