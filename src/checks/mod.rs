//! Checks: validation queries and rules that live in the ledger's database, what they mean, and what became of them.
//! Must not know any one store's syntax, and must not decide anything but a check's own outcome.
#![deny(clippy::float_arithmetic)]

mod definition;
mod drift;
mod file;
mod outcome;
mod row;

pub use definition::{Definition, Kind, Malformed, Severity, Stage, TIMEOUT, Threshold};
pub use drift::{Drift, Past, drift};
pub use file::{CheckFile, FileError, FileForm, FileVersion, is_faithful, parse, render, with_version};
pub use outcome::{Found, Judged, Outcome, judge};
pub use row::CheckRow;
