//! What a server of MySQL or MariaDB says of itself.

use url::Url;

use super::connect::Server;
use super::errors::{Doing, store_error};
use super::stream::gather;
use super::wire::Arguments;
use crate::domain::{Value, parse_instant};
use crate::stores::about::{About, Clock, this_clock};
use crate::stores::{Settings, StoreError};

/// See [`crate::stores::about::about`].
///
/// # Errors
/// When the server cannot be reached or does not tell.
pub(in crate::stores) fn about(url: &Url, settings: &Settings) -> Result<About, StoreError> {
    let server = Server::from_url(url)?;
    let mut connection = server.connect(settings)?.connection;
    let before = this_clock();
    let rows = gather(
        &mut connection,
        "SELECT CAST(UTC_TIMESTAMP(6) AS CHAR), CAST(VERSION() AS CHAR), CAST(CURRENT_USER() AS CHAR), CAST(DATABASE() AS CHAR)",
        &Arguments::default(),
    );
    let after = this_clock();
    let rows = rows.map_err(|error| store_error(error, &server.place, Doing::Connecting))?;
    connection.quit();
    let text = |at: usize| match rows.first().and_then(|row| row.get(at)) {
        Some(Value::Text { text, .. }) => Some(text.to_string()),
        _ => None,
    };
    let version = text(1).unwrap_or_default();
    let clock = text(0).and_then(|moment| parse_instant(&moment, &jiff::tz::TimeZone::UTC));
    Ok(About {
        product: if version.contains("MariaDB") { "MariaDB" } else { "MySQL" },
        version,
        account: text(2),
        database: text(3),
        clock: clock.map(|moment| Clock { before, server: moment.nanos, after }),
        no_snapshot: None,
    })
}
