//! What can be said of a SQLite file: that it is one, and whose SQLite reads it.

use std::path::Path;

use sqlx::{ConnectOptions, Connection, Executor, Row};

use super::connect::options;
use super::error::failed;
use crate::stores::about::About;
use crate::stores::{Settings, StoreError};

/// See [`crate::stores::about::about`].
///
/// # Errors
/// When there is no such file, or it is no database.
pub(in crate::stores) fn about(path: &Path, settings: &Settings) -> Result<About, StoreError> {
    let place = path.display().to_string();
    let options = options(path, settings)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| StoreError::failed(format!("no runtime for {place}: {e}")))?;
    runtime.block_on(async {
        let mut connection = options.connect().await.map_err(|e| failed(&place, "cannot be opened", &e))?;
        // A file of something else is found out when its schema is read.
        let row = connection.fetch_one("SELECT sqlite_version(), (SELECT COUNT(*) FROM sqlite_schema)").await;
        let row = row.map_err(|e| failed(&place, "cannot be read", &e))?;
        let version = row.try_get(0).map_err(|e| failed(&place, "cannot be read", &e))?;
        let _ = connection.close().await;
        Ok(About { product: "SQLite", version, account: None, database: None, clock: None, no_snapshot: None })
    })
}
