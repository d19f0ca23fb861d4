//! Documents into collections of MongoDB, or into files of JSON lines.

use std::io::Write;
use std::path::Path;

use crate::domain::Value;
use crate::stores::{Settings, StoreError, mongo};

use super::{Written, make_folder_of, whole_file};

/// Writes documents as lines of JSON; numbers keep every digit. Says how many there were.
///
/// # Errors
/// The file cannot be written, or a value is unknown. Nothing is left behind then.
pub fn write_ndjson(
    path: &Path,
    documents: &mut dyn Iterator<Item = Value>,
    written: Written<'_>,
) -> Result<u64, StoreError> {
    make_folder_of(path)?;
    whole_file(path, |out| {
        let mut count = 0u64;
        for document in documents {
            writeln!(out, "{document}")
                .map_err(|error| StoreError::failed(format!("{} could not be written: {error}", path.display())))?;
            count += 1;
            if count.is_multiple_of(10_000) {
                written(count);
            }
        }
        written(count);
        Ok(count)
    })
}

/// Inserts documents into a collection, which is replaced when `replace` is set and must not exist otherwise. Says how
/// many there were.
///
/// # Errors
/// The collection exists, a value has no exact form in BSON, or what the server says. The collection is dropped again
/// when not all documents could be inserted.
pub fn write_collection(
    url: &str,
    collection: &str,
    replace: bool,
    documents: &mut dyn Iterator<Item = Value>,
    written: Written<'_>,
) -> Result<u64, StoreError> {
    mongo::insert(url, &Settings::default(), collection, replace, documents, written)
}

/// Drops the database that a URL names, with everything in it. Only for one that the caller has made.
///
/// # Errors
/// The server cannot be reached, or refuses.
pub fn drop_mongo_database(url: &str) -> Result<(), StoreError> {
    mongo::drop_database(url, &Settings::default())
}
