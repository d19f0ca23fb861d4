//! What a server of MongoDB says of itself.

use mongodb::bson::{Bson, doc};

use super::connect::Connection;
use crate::stores::about::{About, Clock, this_clock};
use crate::stores::{Settings, StoreError};

/// See [`crate::stores::about::about`].
///
/// # Errors
/// When the server cannot be reached or does not tell.
pub(in crate::stores) fn about(url: &str, settings: &Settings) -> Result<About, StoreError> {
    let connection = Connection::open(url, settings)?;
    let ask = |command| {
        connection
            .runtime
            .block_on(async { connection.database.run_command(command).await })
            .map_err(|error| connection.place.error(&error, "asking what it is"))
    };
    let built = ask(doc! { "buildInfo": 1 })?;
    let before = this_clock();
    let hello = ask(doc! { "hello": 1 })?;
    let after = this_clock();
    let status = ask(doc! { "connectionStatus": 1 })?;
    let user = status.get_document("authInfo").and_then(|info| info.get_array("authenticatedUsers")).ok();
    let account = user.and_then(|users| users.first()).and_then(Bson::as_document).map(|user| {
        let part = |name: &str| user.get_str(name).unwrap_or_default().to_owned();
        format!("{}@{}", part("user"), part("db"))
    });
    let clock = hello.get_datetime("localTime").ok().map(|time| {
        // Whole milliseconds: the moment lies somewhere in it.
        let server = i128::from(time.timestamp_millis()) * 1_000_000;
        Clock { before, server, after }
    });
    let server = connection.server;
    let no_snapshot = match (server.snapshots, server.standalone) {
        (true, _) => None,
        (false, true) => Some("the server stands alone, without a replica set"),
        (false, false) => Some("the server is older than MongoDB 5.0"),
    };
    Ok(About {
        product: "MongoDB",
        version: built.get_str("version").unwrap_or_default().to_owned(),
        account,
        database: Some(connection.database.name().to_owned()),
        clock,
        no_snapshot: no_snapshot.map(str::to_owned),
    })
}
