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

/// Collections and views of a database.
///
/// # Errors
/// When the server cannot be reached or does not tell.
pub(in crate::stores) fn collections(url: &str, settings: &Settings) -> Result<Vec<String>, StoreError> {
    let connection = Connection::open(url, settings)?;
    let names = connection.runtime.block_on(async { connection.database.list_collection_names().await });
    let mut names = names.map_err(|error| connection.place.error(&error, "listing collections"))?;
    names.retain(|name| !name.starts_with("system."));
    names.sort();
    Ok(names)
}

/// The fields of each unique index of a collection that holds every document; `_id` first.
///
/// # Errors
/// As [`collections`].
pub(in crate::stores) fn unique_keys(
    url: &str,
    collection: &str,
    settings: &Settings,
) -> Result<Vec<Vec<String>>, StoreError> {
    let connection = Connection::open(url, settings)?;
    let asked = doc! { "listIndexes": collection, "cursor": { "batchSize": 1_000 } };
    let answer = match connection.runtime.block_on(async { connection.database.run_command(asked).await }) {
        Ok(answer) => answer,
        // A view has none, and neither has what is not there: reading says so.
        Err(_) => return Ok(Vec::new()),
    };
    let indexes = answer.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch"));
    let indexes = indexes.map(Vec::as_slice).unwrap_or_default();
    let whole = |index: &&mongodb::bson::Document| {
        let own = index.get_str("name").is_ok_and(|name| name == "_id_");
        own || (index.get_bool("unique").unwrap_or(false)
            && !index.contains_key("partialFilterExpression")
            && !index.get_bool("sparse").unwrap_or(false))
    };
    let fields = |index: &mongodb::bson::Document| {
        index.get_document("key").map(|key| key.keys().cloned().collect::<Vec<_>>()).unwrap_or_default()
    };
    Ok(indexes.iter().filter_map(Bson::as_document).filter(whole).map(fields).collect())
}
