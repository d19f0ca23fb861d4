//! Regression cases: small inputs of both paths, and the decisions, discrepancies and verdict that they must lead to.
//! `recon test` runs them before a change of either path reaches money.
//!
//! # Design
//!
//! A *suite* is a folder with `suite.toml`: which project file the cases belong to, what most of them share
//! (reconciliation, parameters, the types of the tables' columns), and inputs that all of them use (`inputs/STORE/…`: a
//! calendar, a list of holidays). Below it a *case* is a folder with `case.toml`, or one line of a packed file
//! (`*.cases.ndjson`). Both say the same and become one [`Case`]. Its name is its path below the suite, so that it stays
//! in the same shard wherever the suite lies and whatever is added beside it.
//!
//! A case is run as `recon verify` would run its cycle: the paths of `recon.toml` are built by the same code over stores
//! that hold nothing but the case's inputs, compared with everything kept, surveyed and judged. Only the stores are
//! others, and no ledger is there. What comes out is an [`Actual`], a plain value that is held against the [`Expect`] of
//! the case.
//!
//! Stores: a SQL store becomes a SQLite file, a document store or folder of files becomes a folder (`stores::scratch`);
//! with `--store` a database on a real server that is made for the run. The stores serve case after case, so each
//! knows what lies in every table and file by its hash: what is the same stays (a calendar), what is another is replaced
//! as a whole, and what the case does not have is emptied or taken away. The paths cannot write, so nothing else
//! could be left over from the case before.
//!
//! Types: tables are declared ([`TableSchema`]), because a JSON text or a CSV field does not say what a column holds. A
//! value that does not fit its column is a bad case, never a converted one; amounts are texts or exact digits. SQLite has no
//! decimals, so a suite says what stands in for them (`sqlite_decimals`). Documents are handed over as they stand.
//!
//! Programs: a path that asks a program starts a process for each case. Where the suite says `together = true`, the
//! records of many cases go into one call (`path::ask::ask_together`); a case that fails that way is run again by itself,
//! and only that counts.
//!
//! Here lies what a case is: reading, types, what was expected against what came out, the new text of an expectation.
//! Must not open a store, compute, or print.

mod actual;
mod case;
mod expect;
mod raw;
mod schema;
mod suite;
mod update;

pub(crate) use actual::csv_line;
pub use actual::{Actual, Difference, Mark};
pub use case::{Case, Content, Input, Place};
pub use expect::{Expect, Row};
pub use schema::{Column, Kind, SqliteDecimals, TableSchema, Tables};
pub use suite::{CaseError, Found, Suite, Walk, shard_of};
pub use update::{Update, rewritten_line, rewritten_toml};
