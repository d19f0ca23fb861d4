//! What a store says of itself: its kind and version, whose account is used, its clock, and whether a read of it shows one
//! moment. Must not judge, and must not change anything.

use super::{Locator, Settings, StoreError};

/// What a store says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// `MariaDB`, `MySQL`, `PostgreSQL`, `SQLite`, `MongoDB`.
    pub product: &'static str,
    /// As the server writes it.
    pub version: String,
    /// Whose account it is, as the server names it: MySQL `recon@%`. `None` where nobody is asked to log in.
    pub account: Option<String>,
    /// The database, or the schema of PostgreSQL, in which names without one are looked up.
    pub database: Option<String>,
    /// Its clock; `None` for what has none of its own.
    pub clock: Option<Clock>,
    /// Why a read does not show one moment, when it does not.
    pub no_snapshot: Option<String>,
}

/// A server's clock between two looks at this machine's, in nanoseconds since 1970-01-01T00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// This machine's clock before it was asked.
    pub before: i128,
    /// The server's.
    pub server: i128,
    /// This machine's clock when the answer was there.
    pub after: i128,
}

impl Clock {
    /// How far the server's clock is ahead of this machine's, in nanoseconds, at the least: an answer that took long could
    /// be of any moment in between, and then it is 0.
    pub fn ahead(self) -> i128 {
        match self {
            Clock { after, server, .. } if server > after => server - after,
            Clock { before, server, .. } if server < before => server - before,
            _ => 0,
        }
    }
}

/// This machine's clock, in nanoseconds since 1970-01-01T00:00Z.
pub fn this_clock() -> i128 {
    jiff::Timestamp::now().as_nanosecond()
}

/// Logs in at a database and asks it about itself.
///
/// # Errors
/// Class `Usage` for a URL that is wrong or names what does not exist, `Failed` when the store cannot be reached.
pub fn about(store: &Locator, settings: &Settings) -> Result<About, StoreError> {
    match store.dialect() {
        "mysql" => super::mysql::about(&store.url()?, settings),
        "postgres" => super::postgres::about(&store.url()?, settings),
        "sqlite" => super::sqlite::about(store.address().as_ref(), settings),
        "mongodb" => super::mongo::about(store.address(), settings),
        _ => Err(StoreError::usage(format!("{} is a file: it says nothing of itself", store.label()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_as_far_off_as_can_be_proved() {
        let ahead = |before, server, after| Clock { before, server, after }.ahead();
        assert_eq!(ahead(100, 150, 200), 0);
        assert_eq!(ahead(100, 100, 100), 0);
        assert_eq!(ahead(100, 260, 200), 60);
        assert_eq!(ahead(100, 30, 200), -70);
    }
}
