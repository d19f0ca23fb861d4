//! Inserting many documents into a new collection.

use mongodb::bson::{Bson, Document};

use crate::domain::Value;
use crate::stores::{Settings, StoreError};

use super::connect::Connection;
use super::literal::typed;

/// Documents of one insert command.
const TOGETHER: usize = 2_000;

/// Inserts documents; a collection that is there is dropped first, or refused.
///
/// # Errors
/// See [`crate::stores::bulk::write_collection`].
pub(crate) fn insert(
    url: &str,
    settings: &Settings,
    collection: &str,
    replace: bool,
    documents: &mut dyn Iterator<Item = Value>,
    written: &mut dyn FnMut(u64),
) -> Result<u64, StoreError> {
    let connection = Connection::open(url, settings)?;
    let place = &connection.place;
    let target = connection.database.collection::<Document>(collection);
    let failed = |doing: &str, error: &mongodb::error::Error| place.error(error, doing);
    connection.runtime.block_on(async {
        let names = connection.database.list_collection_names().await.map_err(|e| failed("listing collections", &e))?;
        if names.iter().any(|name| name == collection) {
            if !replace {
                return Err(StoreError::usage(format!(
                    "{}: the collection `{collection}` is there already",
                    place.name
                ))
                .hint("`--replace` drops it first"));
            }
            target.drop().await.map_err(|e| failed("dropping the collection", &e))?;
        }
        let mut count = 0u64;
        let mut together = Vec::with_capacity(TOGETHER);
        loop {
            let next = documents.next();
            let ended = next.is_none();
            if let Some(document) = next {
                match typed(&document) {
                    Ok(Bson::Document(document)) => together.push(document),
                    Ok(_) => return Err(StoreError::failed("only documents go into a collection")),
                    Err(why) => {
                        return Err(StoreError::failed(format!("document {} of `{collection}`: {why}", count + 1)));
                    }
                }
            }
            if together.len() == TOGETHER || (ended && !together.is_empty()) {
                count += together.len() as u64;
                if let Err(error) = target.insert_many(std::mem::take(&mut together)).await {
                    // Half a collection must not look like one.
                    let _ = target.drop().await;
                    return Err(failed("inserting documents", &error));
                }
                written(count);
            }
            if ended {
                return Ok(count);
            }
        }
    })
}

/// Drops the database that the URL names, with everything in it.
///
/// # Errors
/// The server cannot be reached, or refuses.
pub(crate) fn drop_database(url: &str, settings: &Settings) -> Result<(), StoreError> {
    let connection = Connection::open(url, settings)?;
    let dropped = connection.runtime.block_on(async { connection.database.drop().await });
    dropped.map_err(|error| connection.place.error(&error, "dropping the database"))
}
