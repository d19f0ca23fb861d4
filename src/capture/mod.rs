//! Capturing: regression cases out of a real run, with the rows that its keys need and no personal data.
//!
//! # Design
//!
//! *Which rows.* [`trace`] reads the SQL of a path and finds from which columns of which tables its key comes, and by which
//! equalities other tables are joined to those. Rows are then fetched from the key outwards. Nothing of this has to be right:
//! what was found is run as a case before it is written, and must come out as the run did.
//!
//! *Personal data.* A rule ([`MaskRules`]) says for a column, field or parameter how its values are replaced. Pseudonyms
//! ([`Pseudonyms`]) are keyed, so nobody without the secret can guess them back, and stable: the same original has the same
//! pseudonym in every table, store, case and capture, so joins hold. Different originals stay different. What no rule names
//! is looked at ([`personal`]), and the files are searched for every original ([`leak`]) before they get their names.
//!
//! *Types.* A table's columns are declared as its store declares them, and only where every value survives the way into a
//! case and out again ([`types`]).
//!
//! Everything here is pure. Must not open a store, a file or the ledger, and must not print.

mod feistel;
mod folded;
pub mod leak;
mod mask;
mod masker;
pub mod nested;
mod numbers;
pub mod personal;
mod pseudonym;
pub mod text;
pub mod trace;
pub mod types;

pub use mask::{Field, Mask, MaskRules};
pub use masker::{Masked, Masker};
pub use pseudonym::{LEAST_SECRET, Pseudonyms};
