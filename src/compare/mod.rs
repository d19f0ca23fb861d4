//! Comparing: two ordered streams of records, merged key by key, judged, counted and totalled at constant memory.
//!
//! Must not decide what is paid, and knows stores only by [`crate::stores::Source`]. No float arithmetic.
#![deny(clippy::float_arithmetic)]

mod cursor;
mod judge;
mod merge;
mod partition;
mod plan;
mod recheck;
mod records;
mod run;
mod show;
mod side;
pub(crate) mod spill;
mod tally;
mod verdict;

pub use crate::stores::MakeSource;
pub(crate) use cursor::{Cursor, Halt};
pub use judge::{ColumnOutcome, Copies, Outcome};
pub use merge::SideName;
pub use plan::{Definition, Plan, PlanError, PlannedColumn};
pub use records::{Record, Records};
pub use run::{CompareError, Compared, Comparison, Recheck, compare, look};
pub use show::Discrepancies;
pub use side::SideInput;
pub(crate) use tally::amount_of;
