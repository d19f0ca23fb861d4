//! The order of keys, the same for every store: NULL, numbers, text, documents, bytes, ObjectIds, truth
//! values, instants, times. It is BSON's order of types, so that MongoDB's own sort is already right.

use std::cmp::Ordering;

use super::amount::{Amount, compare_small};
use super::batch::{Batch, Cell, CellRef};
use super::value::Value;

fn rank(cell: &Cell) -> u8 {
    match cell {
        Cell::Null | Cell::Absent => 0,
        Cell::Number { .. } | Cell::Wide { .. } => 1,
        Cell::Text(_) | Cell::Untyped(_) => 2,
        Cell::Json(_) => 3,
        Cell::Bson { array, .. } => 3 + u8::from(*array),
        Cell::Bytes(_) | Cell::Uuid(_) => 5,
        Cell::ObjectId(_) => 6,
        Cell::Bool(_) => 7,
        Cell::Date(_) | Cell::Instant { .. } => 8,
        Cell::Time { .. } => 9,
        Cell::Unknown(_) => 10,
    }
}

/// Orders two key cells. Numbers by value, text byte by byte, a date as its midnight in UTC.
pub fn cmp_cells(left: CellRef<'_>, right: CellRef<'_>) -> Ordering {
    match (left.cell, right.cell) {
        (Cell::Number { coefficient: a, scale: sa, .. }, Cell::Number { coefficient: b, scale: sb, .. }) => {
            if sa == sb {
                return a.cmp(&b);
            }
            compare_small(a, sa.into(), b, sb.into())
                .unwrap_or_else(|| Amount::new(a, sa.into()).total_cmp(&Amount::new(b, sb.into())))
        }
        (Cell::Text(a) | Cell::Untyped(a), Cell::Text(b) | Cell::Untyped(b)) => left.bytes(a).cmp(right.bytes(b)),
        (Cell::ObjectId(a), Cell::ObjectId(b)) => a.cmp(&b),
        (Cell::Uuid(a), Cell::Uuid(b)) => a.cmp(&b),
        (Cell::Uuid(a), Cell::Bytes(b)) => a.as_slice().cmp(right.bytes(b)),
        (Cell::Bytes(a), Cell::Uuid(b)) => left.bytes(a).cmp(b.as_slice()),
        (Cell::Bytes(a), Cell::Bytes(b)) => left.bytes(a).cmp(right.bytes(b)),
        (Cell::Bool(a), Cell::Bool(b)) => a.cmp(&b),
        (Cell::Time { nanos: a, .. }, Cell::Time { nanos: b, .. }) => a.cmp(&b),
        (Cell::Date(a), Cell::Date(b)) => a.cmp(&b),
        (Cell::Unknown(a), Cell::Unknown(b)) => left.bytes(a).cmp(right.bytes(b)),
        (a, b) => rank(&a).cmp(&rank(&b)).then_with(|| slow(left, right)),
    }
}

#[cold]
fn slow(left: CellRef<'_>, right: CellRef<'_>) -> Ordering {
    if let (Some(a), Some(b)) = (instant_of(&left.cell), instant_of(&right.cell)) {
        return a.cmp(&b);
    }
    match (Value::of(left), Value::of(right)) {
        (Value::Number { amount: a, .. }, Value::Number { amount: b, .. }) => a.total_cmp(&b),
        // A document as a key: any fixed order serves, as long as both sides use it.
        (a @ (Value::Document(_) | Value::Array(_)), b) => a.to_string().cmp(&b.to_string()),
        _ => Ordering::Equal,
    }
}

fn instant_of(cell: &Cell) -> Option<i128> {
    match cell {
        Cell::Date(days) => Some(i128::from(*days) * 86_400_000_000_000),
        Cell::Instant { nanos, .. } => Some(*nanos),
        _ => None,
    }
}

/// Orders two records by their first `key` cells.
#[inline]
pub fn cmp_keys(left: &Batch, left_row: usize, right: &Batch, right_row: usize, key: usize) -> Ordering {
    for column in 0..key {
        let order = cmp_cells(left.at(left_row, column), right.at(right_row, column));
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}
