//! Conditions that compare texts byte by byte. A table of the user's own may have columns whose collation takes `kim`,
//! `KIM` and `kim ` for one text: whose decisions these are is money, and is never left to it. Must not talk to a store.

use crate::stores::sql::Dialect;

/// The column holds exactly this text: first as the column compares, which an index serves, then its bytes. `text` is a
/// literal or a placeholder.
pub(super) fn is(dialect: Dialect, column: &str, text: &str) -> String {
    format!("({column} = {text} AND {})", same(dialect, column, text))
}

/// Two texts have the same bytes. An index does not serve it.
pub(super) fn same(dialect: Dialect, left: &str, right: &str) -> String {
    match dialect {
        // As binary strings, so that no spaces are padded either.
        Dialect::MySql => format!("CAST({left} AS BINARY) = CAST({right} AS BINARY)"),
        Dialect::Postgres => format!("{left} COLLATE \"C\" = {right}"),
        Dialect::Sqlite => format!("{left} COLLATE BINARY = {right}"),
    }
}

/// The decisions of one run of one cycle; texts are literals or placeholders.
pub(super) fn of_run(dialect: Dialect, cycle: &str, run: &str) -> String {
    format!("{} AND {}", is(dialect, "recon_cycle", cycle), is(dialect, "recon_run", run))
}

/// What tells the texts of a column apart by their bytes, for GROUP BY.
pub(super) fn told_apart(dialect: Dialect, column: &str) -> String {
    match dialect {
        Dialect::MySql => format!("CAST({column} AS BINARY)"),
        Dialect::Postgres => format!("{column} COLLATE \"C\""),
        Dialect::Sqlite => format!("{column} COLLATE BINARY"),
    }
}
