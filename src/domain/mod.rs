//! The pure heart: exact values, records, keys, tolerances, discrepancies, totals, verdicts.
//!
//! Must not know about files, clocks, SQL, async or the command line. No float arithmetic.
#![deny(clippy::float_arithmetic)]

mod amount;
mod batch;
mod bson;
pub mod calendar;
mod codec;
mod column;
mod decode;
mod equality;
mod filter;
mod json;
mod order;
pub mod rule;
mod state;
mod temporal;
mod tolerance;
mod total;
mod value;

pub use amount::{Amount, AmountError, MAX_DIGITS, align_small, compare_small, power_of_ten};
pub use batch::{Batch, Cell, CellRef, NumberForm, Span};
pub use bson::{BsonError, Element, Elements, bson_cell, bson_get, bson_get_below, bson_put};
pub use codec::{CodecError, read_row, write_row};
pub use column::{ColumnType, KindSet};
pub use decode::{double_to_amount, float_to_amount, is_plain_literal, plain_literal, shortest_literal};
pub use equality::{Drift, DriftSet, Equality, Missing, Rules, Types, compare_cells, compare_values, same_cells};
pub use filter::{Filter, FilterError, Literal, Operator, Params, Truth};
pub use json::{JsonError, JsonFields, json_cell, json_fields, json_get};
pub use order::{cmp_cells, cmp_keys};
pub use state::{Machine, State, StateError};
pub use temporal::{
    Instant, format_date, format_instant, format_time, parse_date, parse_instant, parse_time, resolve_local,
};
pub use tolerance::{Tolerance, ToleranceError};
pub use total::Total;
pub use value::Value;
pub(crate) use value::{hex, parse_uuid};

/// Cuts a text for a message, marking the cut; never splits a character.
pub fn shorten(text: &str, characters: usize) -> String {
    if text.chars().count() <= characters {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(characters).collect();
    cut.push('…');
    cut
}
