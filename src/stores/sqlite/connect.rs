//! How a SQLite file is opened: for reading alone, and never created.

use std::path::Path;

use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

use crate::stores::{Settings, StoreError};

/// Rows that the driver's thread may be ahead: enough that it seldom waits, few enough that long values do not
/// fill the memory.
const ROWS_AHEAD: usize = 256;
/// Collation that orders a UTF-16 database by the bytes of UTF-8.
pub(super) const UTF8_BYTES: &str = "recon_utf8_bytes";

/// The options to open a file with.
///
/// # Errors
/// When there is no such file.
pub(super) fn options(path: &Path, settings: &Settings) -> Result<SqliteConnectOptions, StoreError> {
    let place = path.display();
    match std::fs::metadata(path) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Err(StoreError::usage(format!("{place} is not a file"))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(StoreError::usage(format!("there is no file {place}"))
                .hint("recon never creates the database it reads; check the path"));
        }
        Err(error) => return Err(StoreError::failed(format!("{place}: {error}"))),
    }
    // An absolute path is never taken for a URI or for `:memory:`.
    let absolute = std::path::absolute(path).map_err(|e| StoreError::failed(format!("{place}: {e}")))?;
    Ok(SqliteConnectOptions::new()
        .filename(absolute)
        .read_only(true)
        .create_if_missing(false)
        .busy_timeout(settings.connect_timeout)
        .row_buffer_size(ROWS_AHEAD)
        .collation(UTF8_BYTES, |a, b| a.cmp(b))
        .disable_statement_logging())
}
