//! The third wall: what the account of a check may do besides reading, as far as its server tells.

use super::{Refusal, StoreKind, kind_of};
use crate::stores::{Locator, Settings, StoreError};

/// A sentence for each thing that the account may do and a check needs not; none when it may only read.
///
/// # Errors
/// When the store cannot be reached, or does not tell.
pub fn beyond_reading(store: &Locator, settings: &Settings) -> Result<Vec<String>, StoreError> {
    let refused = |Refusal { what, hint, .. }: Refusal| StoreError { hint, ..StoreError::usage(what) };
    match kind_of(store).map_err(refused)? {
        StoreKind::MySql => crate::stores::mysql::beyond_reading(&store.url()?, settings),
        StoreKind::Postgres => crate::stores::postgres::beyond_reading(&store.url()?, settings),
        StoreKind::Sqlite => crate::stores::sqlite::beyond_reading(store.address().as_ref()),
        StoreKind::Mongo => crate::stores::mongo::beyond_reading(store.address(), settings),
    }
}
