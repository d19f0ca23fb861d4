//! SQL over inputs, made exact before polars runs it: what cannot be proved exact is refused, with the place and what
//! to write instead. Must not read stores.
//!
//! [`compile`] parses the query, resolves every name and works out the digits and scale of every number; [`Program::run`]
//! lets polars read, filter, join, group and sort, while every arithmetic step is a kernel of ours over `i128`
//! coefficients. A value beyond 38 digits, a division by zero or a text that is no number ends the run with the place
//! in the SQL. What the SQL may say is in `docs/functions.md`.

mod bind;
mod kernel;
mod lower;
mod plan;
mod refusal;
mod run;
mod types;

pub use kernel::{Fault, Mode};
pub use refusal::{Place, Refusal};
pub use run::{Program, compile};
pub use types::{MAX_PRECISION, SqlType, TableSchema, Unit};
