//! Structs, lists and maps to one line of Extended JSON that keeps every digit. Must not interpret values:
//! leaves are decoded as everywhere else.

use std::fmt::Write;
use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::{Array, OffsetSizeTrait};
use arrow_schema::DataType;
use base64::Engine as _;
use jiff::tz::TimeZone;

use crate::domain::{Amount, Batch, Cell, NumberForm, format_instant, format_time};

use super::leaf::{self, Target};
use super::shape::Shape;

/// An array whose leaves are decoded: rows can be written out of it.
pub(super) enum Decoded {
    /// Values: one cell a row.
    Cells(Batch),
    /// Named parts; which rows are NULL.
    Struct(Vec<bool>, Vec<(String, Decoded)>),
    /// Per row its items, or NULL.
    List(Vec<Option<Range<usize>>>, Box<Decoded>),
    /// Per row its entries, or NULL.
    Map(Vec<Option<Range<usize>>>, Box<Decoded>, Box<Decoded>),
}

/// Decodes the leaves of an array.
///
/// # Errors
/// When the array is not of the shape that the schema said.
pub(super) fn decode(array: &dyn Array, shape: &Shape, zone: &TimeZone) -> Result<Decoded, String> {
    let unexpected = || format!("an array of type {} where the schema says otherwise", array.data_type());
    match shape {
        Shape::Leaf(leaf, ..) => {
            let mut cells = Batch::new(1);
            for _ in 0..array.len() {
                cells.start_row();
            }
            leaf::decode(array, *leaf, zone, Target { batch: &mut cells, first: 0, column: 0 });
            Ok(Decoded::Cells(cells))
        }
        Shape::Struct(parts) => {
            let array = array.as_struct_opt().filter(|a| a.num_columns() == parts.len()).ok_or_else(unexpected)?;
            let nulls = (0..array.len()).map(|row| array.is_null(row)).collect();
            let mut decoded = Vec::with_capacity(parts.len());
            for ((name, part), column) in parts.iter().zip(array.columns()) {
                decoded.push((serde_json::Value::from(name.as_str()).to_string(), decode(column, part, zone)?));
            }
            Ok(Decoded::Struct(nulls, decoded))
        }
        Shape::List(items) => {
            let (rows, values) = match array.data_type() {
                DataType::List(_) => list_rows(array.as_list::<i32>()),
                DataType::LargeList(_) => list_rows(array.as_list::<i64>()),
                DataType::FixedSizeList(..) => {
                    let list = array.as_fixed_size_list();
                    let len = list.value_length() as usize;
                    let row = |row: usize| list.is_valid(row).then(|| row * len..(row + 1) * len);
                    ((0..list.len()).map(row).collect(), list.values().clone())
                }
                _ => return Err(unexpected()),
            };
            Ok(Decoded::List(rows, Box::new(decode(&values, items, zone)?)))
        }
        Shape::Map(keys, values) => {
            let map = array.as_map_opt().ok_or_else(unexpected)?;
            let (rows, used) = ranges(map, map.value_offsets());
            let part = |column: &dyn Array, shape| decode(&column.slice(used.start, used.len()), shape, zone);
            let (keys, values) = (part(map.keys(), keys)?, part(map.values(), values)?);
            Ok(Decoded::Map(rows, Box::new(keys), Box::new(values)))
        }
    }
}

type Rows = Vec<Option<Range<usize>>>;

fn list_rows<O: OffsetSizeTrait>(list: &arrow_array::GenericListArray<O>) -> (Rows, arrow_array::ArrayRef) {
    let (rows, used) = ranges(list, list.value_offsets());
    (rows, list.values().slice(used.start, used.len()))
}

/// Per row the range of its items, counted from the first item in use; and the items in use. (An array that is
/// a slice still holds the items of the whole.)
fn ranges<O: OffsetSizeTrait>(array: &dyn Array, offsets: &[O]) -> (Rows, Range<usize>) {
    let first = offsets.first().map_or(0, |o| o.as_usize());
    let last = offsets.last().map_or(0, |o| o.as_usize());
    let row = |(row, pair): (usize, &[O])| {
        array.is_valid(row).then(|| pair[0].as_usize() - first..pair[1].as_usize() - first)
    };
    (offsets.windows(2).enumerate().map(row).collect(), first..last)
}

impl Decoded {
    /// Whether the row is NULL.
    pub(super) fn is_null(&self, row: usize) -> bool {
        match self {
            Decoded::Cells(cells) => cells.row(row)[0].is_missing(),
            Decoded::Struct(nulls, _) => nulls[row],
            Decoded::List(rows, _) | Decoded::Map(rows, ..) => rows[row].is_none(),
        }
    }

    /// Appends a row's JSON.
    ///
    /// # Errors
    /// The reason why a value inside could not be decoded.
    pub(super) fn write(&self, row: usize, out: &mut String) -> Result<(), String> {
        if self.is_null(row) {
            out.push_str("null");
            return Ok(());
        }
        match self {
            Decoded::Cells(cells) => write_cell(cells, row, out),
            Decoded::Struct(_, parts) => {
                out.push('{');
                for (at, (name, part)) in parts.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    out.push_str(name);
                    out.push(':');
                    part.write(row, out).map_err(|reason| format!("{name}: {reason}"))?;
                }
                out.push('}');
                Ok(())
            }
            Decoded::List(rows, items) => {
                out.push('[');
                for (at, item) in rows[row].clone().unwrap_or_default().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    items.write(item, out)?;
                }
                out.push(']');
                Ok(())
            }
            Decoded::Map(rows, keys, values) => write_map(rows[row].clone().unwrap_or_default(), keys, values, out),
        }
    }
}

/// A map with text keys is a document; any other is a list of its entries.
fn write_map(entries: Range<usize>, keys: &Decoded, values: &Decoded, out: &mut String) -> Result<(), String> {
    let text = |row: usize| matches!(keys, Decoded::Cells(cells) if matches!(cells.row(row)[0], Cell::Text(_)));
    let document = entries.clone().all(text);
    out.push(if document { '{' } else { '[' });
    for (at, entry) in entries.enumerate() {
        out.push_str(if at > 0 { "," } else { "" });
        out.push_str(if document { "" } else { "{\"key\":" });
        keys.write(entry, out)?;
        out.push_str(if document { ":" } else { ",\"value\":" });
        values.write(entry, out)?;
        out.push_str(if document { "" } else { "}" });
    }
    out.push(if document { '}' } else { ']' });
    Ok(())
}

const NANOS_A_DAY: i128 = 86_400_000_000_000;

fn write_cell(cells: &Batch, row: usize, out: &mut String) -> Result<(), String> {
    let at = cells.at(row, 0);
    let written = match at.cell {
        Cell::Null | Cell::Absent => write!(out, "null"),
        Cell::Bool(value) => write!(out, "{value}"),
        Cell::Number { coefficient, scale: 0, form: NumberForm::Integer } => write!(out, "{coefficient}"),
        Cell::Number { coefficient, scale, form } => {
            write!(out, "{{\"{}\":\"{}\"}}", number_type(form), Amount::new(coefficient, scale.into()))
        }
        Cell::Wide { text, form } => write!(out, "{{\"{}\":\"{}\"}}", number_type(form), at.text(text)),
        Cell::Text(text) | Cell::Untyped(text) => write!(out, "{}", serde_json::Value::from(at.text(text))),
        Cell::Bytes(bytes) => {
            let base64 = base64::engine::general_purpose::STANDARD.encode(at.bytes(bytes));
            write!(out, "{{\"$binary\":{{\"base64\":\"{base64}\",\"subType\":\"00\"}}}}")
        }
        // JSON has no dates: a date is its midnight in UTC, as where keys are ordered.
        Cell::Date(days) => write_instant(i128::from(days) * NANOS_A_DAY, 0, out),
        Cell::Instant { nanos, digits } => write_instant(nanos, digits, out),
        Cell::Time { nanos, digits } => write!(out, "\"{}\"", format_time(nanos, digits)),
        Cell::Uuid(bytes) => {
            out.push_str("{\"$uuid\":\"");
            for (place, byte) in bytes.iter().enumerate() {
                let hyphen = if matches!(place, 4 | 6 | 8 | 10) { "-" } else { "" };
                let _ = write!(out, "{hyphen}{byte:02x}");
            }
            write!(out, "\"}}")
        }
        Cell::Json(text) => write!(out, "{}", at.text(text)),
        Cell::Unknown(reason) => return Err(at.text(reason).to_owned()),
        Cell::Bson { .. } | Cell::ObjectId(_) => return Err("BSON inside a Parquet struct is not supported".into()),
    };
    // Writing to a String cannot fail.
    written.map_err(|error| error.to_string())
}

fn number_type(form: NumberForm) -> &'static str {
    match form {
        NumberForm::Integer => "$numberLong",
        NumberForm::Double => "$numberDouble",
        NumberForm::Decimal | NumberForm::Untyped => "$numberDecimal",
    }
}

fn write_instant(nanos: i128, digits: u8, out: &mut String) -> std::fmt::Result {
    write!(out, "{{\"$date\":\"{}\"}}", format_instant(nanos, digits))
}
