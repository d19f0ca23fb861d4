//! Checks: validation queries and rules that live in the ledger's database, what they mean, and what became of them.
//! Must not know any one store's syntax, and must not decide anything but a check's own outcome.
#![deny(clippy::float_arithmetic)]

mod definition;
mod drift;
mod file;
mod mask;
mod outcome;
mod over;
mod previous;
mod row;
mod rules;
mod run;

pub use definition::{Definition, Kind, Malformed, Severity, Stage, TIMEOUT, Threshold};
pub use drift::{Drift, Past, drift};
pub use file::{CheckFile, FileError, FileForm, FileVersion, is_faithful, parse, render, with_version};
pub use mask::Masks;
pub use outcome::{Found, Judged, Outcome, judge};
pub use over::Material;
pub use previous::Previous;
pub use row::CheckRow;
pub use run::{Ask, EachRow, Ran, Settings, run};
