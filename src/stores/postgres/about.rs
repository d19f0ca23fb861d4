//! What a server of PostgreSQL says of itself.

use sqlx::{Executor, Row};
use url::Url;

use super::connect::{Server, broken};
use crate::stores::about::{About, Clock, this_clock};
use crate::stores::{Settings, StoreError};

const ASKED: &str = "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint, current_setting('server_version'), \
                     current_user::text, current_schema()::text";

/// See [`crate::stores::about::about`].
///
/// # Errors
/// When the server cannot be reached or does not tell.
pub(in crate::stores) fn about(url: &Url, settings: &Settings) -> Result<About, StoreError> {
    let server = Server::new(url, settings)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| StoreError::failed(format!("no runtime for {}: {e}", server.place)))?;
    runtime.block_on(async {
        let mut connection = server.connect().await?;
        let before = this_clock();
        let row = connection.fetch_one(ASKED).await;
        let after = this_clock();
        let unread = |error: &sqlx::Error| broken(&server.place, "it does not tell what it is", error);
        let row = row.map_err(|error| unread(&error))?;
        let micros: i64 = row.try_get(0).map_err(|error| unread(&error))?;
        let _ = sqlx::Connection::close(connection).await;
        Ok(About {
            product: "PostgreSQL",
            version: row.try_get(1).map_err(|error| unread(&error))?,
            account: row.try_get(2).ok(),
            database: row.try_get(3).ok().flatten(),
            clock: Some(Clock { before, server: i128::from(micros) * 1_000, after }),
            no_snapshot: None,
        })
    })
}
