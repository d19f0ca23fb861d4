//! Arrow arrays of plain values to cells, a whole column at a time. Exact, or `Unknown` with a reason; must
//! not round.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType,
    Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayAccessor};
use arrow_schema::{DataType, TimeUnit};
use jiff::tz::TimeZone;
use num_bigint::BigInt;

use crate::domain::{
    Amount, Batch, Cell, Elements, NumberForm, float_to_amount, format_instant, json_cell, resolve_local, shorten,
};

use super::shape::Leaf;

const MILLISECOND: i64 = 1_000_000;
const MILLISECONDS_A_DAY: i64 = 86_400_000;

/// Where the cells of a column go.
pub(super) struct Target<'a> {
    /// The batch; its rows are started already.
    pub batch: &'a mut Batch,
    /// The row of the array's first value.
    pub first: usize,
    /// The column.
    pub column: usize,
}

impl Target<'_> {
    /// Sets every row's cell; `cell` is asked only for values that are not NULL.
    #[inline]
    fn fill<A: Array>(&mut self, array: A, mut cell: impl FnMut(&mut Batch, &A, usize) -> Cell) {
        let nulls = array.logical_nulls();
        for row in 0..array.len() {
            let cell = match &nulls {
                Some(nulls) if nulls.is_null(row) => Cell::Null,
                _ => cell(self.batch, &array, row),
            };
            self.batch.set(self.first + row, self.column, cell);
        }
    }

    /// As [`Target::fill`], for types of fixed size.
    #[inline]
    fn each<T: ArrowPrimitiveType>(&mut self, array: &dyn Array, mut cell: impl FnMut(&mut Batch, T::Native) -> Cell) {
        self.fill(array.as_primitive::<T>(), |batch, array, row| cell(batch, array.value(row)));
    }

    fn integers<T: ArrowPrimitiveType>(&mut self, array: &dyn Array)
    where
        i128: From<T::Native>,
    {
        self.each::<T>(array, |_, value| number(value.into(), 0, NumberForm::Integer));
    }

    fn decimals<T: ArrowPrimitiveType>(&mut self, array: &dyn Array, scale: i8)
    where
        i128: From<T::Native>,
    {
        self.each::<T>(array, |_, value| number(value.into(), scale, NumberForm::Decimal));
    }

    fn times<T: ArrowPrimitiveType>(&mut self, array: &dyn Array, nanos_a_unit: i64, digits: u8)
    where
        i64: From<T::Native>,
    {
        self.each::<T>(array, |batch, value| match i64::from(value).checked_mul(nanos_a_unit) {
            Some(nanos) => Cell::Time { nanos, digits },
            None => batch.unknown("a time of more than 292 years"),
        });
    }

    fn instants<T: ArrowPrimitiveType>(&mut self, array: &dyn Array, nanos_a_unit: i64, digits: u8, zone: &TimeZone)
    where
        i64: From<T::Native>,
    {
        let nanos_a_unit = i128::from(nanos_a_unit);
        self.each::<T>(array, |batch, value| instant(i128::from(i64::from(value)) * nanos_a_unit, digits, zone, batch));
    }

    fn texts<'a, A: ArrayAccessor<Item = &'a str>>(&mut self, array: A, leaf: Leaf) {
        self.fill(array, |batch, array, row| match leaf {
            Leaf::Json => json(array.value(row), batch),
            _ => Cell::Text(batch.store(array.value(row).as_bytes())),
        });
    }

    fn bytes<'a, A: ArrayAccessor<Item = &'a [u8]>>(&mut self, array: A, leaf: Leaf) {
        self.fill(array, |batch, array, row| {
            let value = array.value(row);
            match (leaf, <[u8; 16]>::try_from(value)) {
                (Leaf::Uuid, Ok(uuid)) => Cell::Uuid(uuid),
                (Leaf::Bson, _) => match Elements::of(value) {
                    Ok(_) => Cell::Bson { at: batch.store(value), array: false },
                    Err(error) => batch.unknown(&format!("BSON: {error}")),
                },
                (Leaf::Enum | Leaf::Json, _) => match std::str::from_utf8(value) {
                    Ok(text) if leaf == Leaf::Json => json(text, batch),
                    Ok(_) => Cell::Text(batch.store(value)),
                    Err(_) => batch.unknown("text that is not valid UTF-8"),
                },
                _ => Cell::Bytes(batch.store(value)),
            }
        });
    }

    /// Every value is unknown, for the same reason.
    fn unknown(&mut self, array: &dyn Array, reason: &str) {
        self.fill(array.slice(0, array.len()), |batch, _, _| batch.unknown(reason));
    }
}

/// Decodes an array's values into a column of cells. `zone` is that of timestamps without one.
pub(super) fn decode(array: &dyn Array, leaf: Leaf, zone: &TimeZone, mut out: Target<'_>) {
    use DataType as T;
    use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
    let utc = TimeZone::UTC;
    match array.data_type() {
        T::Null => (0..array.len()).for_each(|row| out.batch.set(out.first + row, out.column, Cell::Null)),
        T::Boolean => out.fill(array.as_boolean(), |_, array, row| Cell::Bool(array.value(row))),
        T::Int8 => out.integers::<Int8Type>(array),
        T::Int16 => out.integers::<Int16Type>(array),
        T::Int32 => out.integers::<Int32Type>(array),
        T::Int64 => out.integers::<Int64Type>(array),
        T::UInt8 => out.integers::<UInt8Type>(array),
        T::UInt16 => out.integers::<UInt16Type>(array),
        T::UInt32 => out.integers::<UInt32Type>(array),
        T::UInt64 => out.integers::<UInt64Type>(array),
        // Every half-precision float is a single-precision float too.
        T::Float16 => out.each::<Float16Type>(array, |batch, value| single(value.to_f32(), batch)),
        T::Float32 => out.each::<Float32Type>(array, |batch, value| single(value, batch)),
        T::Float64 => out.each::<Float64Type>(array, |batch, value| batch.double(value)),
        T::Decimal32(_, scale) => out.decimals::<Decimal32Type>(array, *scale),
        T::Decimal64(_, scale) => out.decimals::<Decimal64Type>(array, *scale),
        T::Decimal128(_, scale) => out.decimals::<Decimal128Type>(array, *scale),
        T::Decimal256(_, scale) => out.each::<Decimal256Type>(array, |batch, value| match value.to_i128() {
            Some(small) => number(small, *scale, NumberForm::Decimal),
            None => {
                let wide = BigInt::from_signed_bytes_le(&value.to_le_bytes());
                batch.amount(&Amount::from_big(wide, (*scale).into()), NumberForm::Decimal)
            }
        }),
        T::Utf8 => out.texts(array.as_string::<i32>(), leaf),
        T::LargeUtf8 => out.texts(array.as_string::<i64>(), leaf),
        T::Utf8View => out.texts(array.as_string_view(), leaf),
        T::Binary => out.bytes(array.as_binary::<i32>(), leaf),
        T::LargeBinary => out.bytes(array.as_binary::<i64>(), leaf),
        T::BinaryView => out.bytes(array.as_binary_view(), leaf),
        T::FixedSizeBinary(_) => out.bytes(array.as_fixed_size_binary(), leaf),
        T::Date32 => out.each::<Date32Type>(array, |_, days| Cell::Date(days)),
        T::Date64 => out.each::<Date64Type>(array, |batch, value| match i32::try_from(value / MILLISECONDS_A_DAY) {
            Ok(days) if value % MILLISECONDS_A_DAY == 0 => Cell::Date(days),
            _ => instant(i128::from(value) * i128::from(MILLISECOND), 3, zone, batch),
        }),
        // An array of 96-bit timestamps that did not come here in two units.
        T::Timestamp(..) if leaf == Leaf::Int96 => {
            out.unknown(array, "a 96-bit timestamp inside a document: name it by its path, or write it as INT64");
        }
        T::Timestamp(unit, written) => {
            let zone = if written.is_some() { &utc } else { zone };
            match unit {
                Second => out.instants::<TimestampSecondType>(array, 1_000_000_000, 0, zone),
                Millisecond => out.instants::<TimestampMillisecondType>(array, MILLISECOND, 3, zone),
                Microsecond => out.instants::<TimestampMicrosecondType>(array, 1_000, 6, zone),
                Nanosecond => out.instants::<TimestampNanosecondType>(array, 1, 9, zone),
            }
        }
        T::Time32(Second) => out.times::<Time32SecondType>(array, 1_000_000_000, 0),
        T::Time32(_) => out.times::<Time32MillisecondType>(array, MILLISECOND, 3),
        T::Time64(Microsecond) => out.times::<Time64MicrosecondType>(array, 1_000, 6),
        T::Time64(_) => out.times::<Time64NanosecondType>(array, 1, 9),
        other => {
            let reason = format!("the Parquet type {} is not supported", shorten(&other.to_string(), 60));
            out.unknown(array, &reason);
        }
    }
}

/// Decodes 96-bit timestamps, read as nanoseconds and as milliseconds. Nanoseconds wrap around outside the
/// years 1677 to 2262; milliseconds never do, and tell which turn it was.
pub(super) fn decode_int96(nanos: &dyn Array, millis: &dyn Array, zone: &TimeZone, mut out: Target<'_>) -> bool {
    let utc = TimeZone::UTC;
    let zone = if matches!(nanos.data_type(), DataType::Timestamp(_, Some(_))) { &utc } else { zone };
    let (Some(nanos), Some(millis)) =
        (nanos.as_primitive_opt::<TimestampNanosecondType>(), millis.as_primitive_opt::<TimestampMillisecondType>())
    else {
        return false;
    };
    if nanos.len() != millis.len() {
        return false;
    }
    out.fill(nanos, |batch, nanos, row| {
        let coarse = millis.value(row);
        let rest = nanos.value(row).wrapping_sub(coarse.wrapping_mul(MILLISECOND));
        instant(i128::from(coarse) * i128::from(MILLISECOND) + i128::from(rest), 9, zone, batch)
    });
    true
}

#[inline]
fn number(coefficient: i128, scale: i8, form: NumberForm) -> Cell {
    Cell::Number { coefficient, scale: scale.into(), form }
}

fn single(value: f32, batch: &mut Batch) -> Cell {
    batch.amount(&float_to_amount(value), NumberForm::Double)
}

#[inline]
fn instant(local: i128, digits: u8, zone: &TimeZone, batch: &mut Batch) -> Cell {
    match resolve_local(local, zone) {
        Some(nanos) => Cell::Instant { nanos, digits },
        None => {
            let shown = format_instant(local, digits);
            batch.unknown(&format!(
                "the local time {} does not exist exactly once in the time zone",
                shown.trim_end_matches('Z')
            ))
        }
    }
}

fn json(text: &str, batch: &mut Batch) -> Cell {
    match serde_json::from_str(text) {
        Ok(raw) => json_cell(raw, batch),
        Err(error) => batch.unknown(&format!("not valid JSON: {error}")),
    }
}
