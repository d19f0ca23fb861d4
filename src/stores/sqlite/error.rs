//! SQLite's errors in the words of recon.

use crate::stores::StoreError;

/// SQLite's own number; 0 when the error is not SQLite's.
pub(super) fn code_of(error: &sqlx::Error) -> i64 {
    let code = error.as_database_error().and_then(|e| e.code()).and_then(|code| code.parse::<i64>().ok());
    code.unwrap_or(0)
}

fn said(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(database) => database.message().to_owned(),
        other => other.to_string(),
    }
}

/// An error while a statement is prepared: the statement is wrong, unless the file is.
pub(super) fn refused(place: &str, error: &sqlx::Error) -> StoreError {
    let message = said(error);
    // 1: SQLITE_ERROR.
    if code_of(error) & 0xff != 1 && error.as_database_error().is_some() {
        return failed(place, "cannot be read", error);
    }
    let error = StoreError::usage(format!("{place}: {message}"));
    if message.contains("syntax error") || message.contains("incomplete input") {
        error.hint("try the query in the `sqlite3` shell")
    } else {
        error.hint(format!("`sqlite3 {place} .schema` shows what there is"))
    }
}

pub(super) fn failed(place: &str, what: &str, error: &sqlx::Error) -> StoreError {
    let message = said(error);
    let text = format!("{place}: {what}: {message}");
    // Primary result codes: https://www.sqlite.org/rescode.html
    match code_of(error) & 0xff {
        5 | 6 => StoreError::failed(text).hint("another program is writing; try again when it is done"),
        8 => StoreError::failed(text).hint(
            "a program was killed while it wrote; open the database once with write permission, so that SQLite can mend it",
        ),
        11 => StoreError::failed(text)
            .hint(format!("`sqlite3 {place} 'PRAGMA integrity_check'` says what is damaged")),
        // Reading writes nothing to the file itself: what is full is where SQLite sorts.
        13 => StoreError::failed(format!(
            "{place}: {what}: no room for SQLite's temporary files (SQLITE_TMPDIR, TMPDIR: {})",
            std::env::temp_dir().display()
        ))
        .hint("free space there, or set TMPDIR to a folder with more room"),
        14 => StoreError::failed(text).hint(
            "the file must be readable; in WAL mode SQLite also needs to write its -shm file beside it: give write \
             permission for the folder, or read a copy made with `VACUUM INTO`",
        ),
        26 => StoreError::usage(format!("{place} is not a SQLite database")).hint("check the path"),
        _ => StoreError::failed(text),
    }
}
