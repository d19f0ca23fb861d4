//! Values of the binary protocol to cells, exactly. One decoder a column, chosen once for a result.
//!
//! Must not round, guess or turn what it cannot decode into NULL: that becomes `Unknown` with its reason.

use jiff::tz::TimeZone;
use mysql_common::constants::{ColumnFlags, ColumnType};
use mysql_common::packets::Column;

use super::super::ColumnKind;
use crate::domain::{Batch, Cell, NumberForm, float_to_amount, format_instant, plain_literal, resolve_local};

const SECOND: i64 = 1_000_000_000;
/// The character set of what is no text.
const BINARY: u16 = 63;
const DAY: i128 = 86_400 * SECOND as i128;

/// How the bytes of one column are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decoder {
    Signed,
    Unsigned,
    Bit,
    Decimal,
    Float,
    Double,
    Date,
    /// Local time in the comparison's zone.
    DateTime {
        digits: u8,
    },
    /// In UTC, because the session is.
    Timestamp {
        digits: u8,
    },
    Time {
        digits: u8,
    },
    Text,
    /// MariaDB's own type, which travels as text.
    Uuid,
    Bytes,
    Json,
    /// A column of nothing but NULL.
    Null,
}

impl Decoder {
    /// For a column of a result. `digits` behind the second and `uuid` are what only the catalogue knows.
    pub(super) fn of(column: &Column, digits: u8, uuid: bool) -> Decoder {
        use ColumnType as T;
        let flags = column.flags();
        match column.column_type() {
            T::MYSQL_TYPE_TINY
            | T::MYSQL_TYPE_SHORT
            | T::MYSQL_TYPE_INT24
            | T::MYSQL_TYPE_LONG
            | T::MYSQL_TYPE_LONGLONG => {
                if flags.contains(ColumnFlags::UNSIGNED_FLAG) { Decoder::Unsigned } else { Decoder::Signed }
            }
            T::MYSQL_TYPE_YEAR => Decoder::Unsigned,
            T::MYSQL_TYPE_BIT => Decoder::Bit,
            T::MYSQL_TYPE_DECIMAL | T::MYSQL_TYPE_NEWDECIMAL => Decoder::Decimal,
            T::MYSQL_TYPE_FLOAT => Decoder::Float,
            T::MYSQL_TYPE_DOUBLE => Decoder::Double,
            T::MYSQL_TYPE_DATE | T::MYSQL_TYPE_NEWDATE => Decoder::Date,
            T::MYSQL_TYPE_DATETIME | T::MYSQL_TYPE_DATETIME2 => Decoder::DateTime { digits },
            T::MYSQL_TYPE_TIMESTAMP | T::MYSQL_TYPE_TIMESTAMP2 => Decoder::Timestamp { digits },
            T::MYSQL_TYPE_TIME | T::MYSQL_TYPE_TIME2 => Decoder::Time { digits },
            T::MYSQL_TYPE_JSON => Decoder::Json,
            T::MYSQL_TYPE_NULL => Decoder::Null,
            T::MYSQL_TYPE_ENUM | T::MYSQL_TYPE_SET => Decoder::Text,
            T::MYSQL_TYPE_VARCHAR
            | T::MYSQL_TYPE_VAR_STRING
            | T::MYSQL_TYPE_STRING
            | T::MYSQL_TYPE_TINY_BLOB
            | T::MYSQL_TYPE_MEDIUM_BLOB
            | T::MYSQL_TYPE_LONG_BLOB
            | T::MYSQL_TYPE_BLOB
                // Text of a binary collation has the flag of bytes too; only the character set tells them apart.
                if column.character_set() != BINARY =>
            {
                if uuid { Decoder::Uuid } else { Decoder::Text }
            }
            T::MYSQL_TYPE_STRING
                if flags.contains(ColumnFlags::ENUM_FLAG) && !flags.contains(ColumnFlags::BINARY_FLAG) =>
            {
                Decoder::Text
            }
            _ => Decoder::Bytes,
        }
    }

    /// What the column's values are, for key order and conversion.
    pub(super) fn kind(self) -> ColumnKind {
        match self {
            Decoder::Signed
            | Decoder::Unsigned
            | Decoder::Bit
            | Decoder::Decimal
            | Decoder::Float
            | Decoder::Double => ColumnKind::Number,
            Decoder::Date | Decoder::DateTime { .. } | Decoder::Timestamp { .. } => ColumnKind::Instant,
            Decoder::Time { .. } => ColumnKind::Time,
            Decoder::Text => ColumnKind::Text,
            Decoder::Uuid => ColumnKind::Uuid,
            Decoder::Bytes => ColumnKind::Bytes,
            Decoder::Json => ColumnKind::Document,
            Decoder::Null => ColumnKind::Mixed,
        }
    }

    /// Puts a value that is not NULL into the cell at `place`.
    #[inline(always)]
    pub(super) fn put(self, bytes: &[u8], batch: &mut Batch, place: usize, zone: &TimeZone) {
        match self {
            Decoder::Signed => {
                if let Some(value) = signed(bytes) {
                    return batch.put(place, integer(value));
                }
            }
            Decoder::Decimal => {
                if let Some((coefficient, scale)) = plain_literal(bytes) {
                    return batch.put(place, Cell::Number { coefficient, scale, form: NumberForm::Decimal });
                }
            }
            Decoder::Text if bytes.is_ascii() => {
                let span = batch.store(bytes);
                return batch.put(place, Cell::Text(span));
            }
            Decoder::DateTime { digits } => {
                if let Some(nanos) = local_nanos(bytes).and_then(|local| resolve_local(local, zone)) {
                    return batch.put(place, Cell::Instant { nanos, digits });
                }
            }
            Decoder::Timestamp { digits } => {
                if let Some(nanos) = local_nanos(bytes) {
                    return batch.put(place, Cell::Instant { nanos, digits });
                }
            }
            _ => {}
        }
        self.put_slowly(bytes, batch, place, zone);
    }

    #[inline(never)]
    fn put_slowly(self, bytes: &[u8], batch: &mut Batch, place: usize, zone: &TimeZone) {
        let cell = self.cell(bytes, batch, zone);
        batch.put(place, cell);
    }

    /// The cell of a value that is not NULL.
    fn cell(self, bytes: &[u8], batch: &mut Batch, zone: &TimeZone) -> Cell {
        let decoded = match self {
            Decoder::Signed => signed(bytes).map(integer),
            Decoder::Unsigned => unsigned(bytes).map(integer),
            Decoder::Decimal => batch.digits(bytes, NumberForm::Decimal),
            Decoder::Text => return text(bytes, batch, Cell::Text),
            Decoder::Date => return date(bytes, batch),
            Decoder::DateTime { digits } => return instant(bytes, digits, Some(zone), batch),
            Decoder::Timestamp { digits } => return instant(bytes, digits, None, batch),
            Decoder::Time { digits } => time(bytes).map(|nanos| Cell::Time { nanos, digits }),
            Decoder::Float => {
                bytes.try_into().ok().map(|b| batch.amount(&float_to_amount(f32::from_le_bytes(b)), NumberForm::Double))
            }
            Decoder::Double => bytes.try_into().ok().map(|b| batch.double(f64::from_le_bytes(b))),
            Decoder::Bit if bytes.len() <= 8 => {
                Some(integer(bytes.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte))))
            }
            Decoder::Uuid => match uuid(bytes) {
                Some(uuid) => Some(Cell::Uuid(uuid)),
                None => return text(bytes, batch, Cell::Text),
            },
            Decoder::Bytes => Some(Cell::Bytes(batch.store(bytes))),
            Decoder::Json => return text(bytes, batch, Cell::Json),
            Decoder::Bit | Decoder::Null => None,
        };
        decoded.unwrap_or_else(|| undecodable(self, bytes, batch))
    }
}

#[cold]
fn undecodable(decoder: Decoder, bytes: &[u8], batch: &mut Batch) -> Cell {
    batch.unknown(&format!("{} bytes that are no {decoder:?}", bytes.len()))
}

fn integer(value: impl Into<i128>) -> Cell {
    Cell::Number { coefficient: value.into(), scale: 0, form: NumberForm::Integer }
}

#[inline]
fn signed(bytes: &[u8]) -> Option<i64> {
    Some(match *bytes {
        [a, b, c, d, e, f, g, h] => i64::from_le_bytes([a, b, c, d, e, f, g, h]),
        [a, b, c, d] => i32::from_le_bytes([a, b, c, d]).into(),
        [a, b] => i16::from_le_bytes([a, b]).into(),
        [a] => (a as i8).into(),
        _ => return None,
    })
}

#[inline]
fn unsigned(bytes: &[u8]) -> Option<u64> {
    Some(match *bytes {
        [a, b, c, d, e, f, g, h] => u64::from_le_bytes([a, b, c, d, e, f, g, h]),
        [a, b, c, d] => u32::from_le_bytes([a, b, c, d]).into(),
        [a, b] => u16::from_le_bytes([a, b]).into(),
        [a] => a.into(),
        _ => return None,
    })
}

fn text(bytes: &[u8], batch: &mut Batch, cell: fn(crate::domain::Span) -> Cell) -> Cell {
    match std::str::from_utf8(bytes) {
        Ok(_) => cell(batch.store(bytes)),
        Err(error) => batch.unknown(&format!("text that is not valid UTF-8 at byte {}", error.valid_up_to())),
    }
}

/// The fields of a date or instant; what is left out on the wire is zero.
struct Civil {
    year: u16,
    month: u8,
    day: u8,
    clock: [u8; 3],
    micros: u32,
}

/// The value starts with its own length.
#[inline(always)]
fn civil(bytes: &[u8]) -> Option<Civil> {
    let (length, fields) = bytes.split_first()?;
    if usize::from(*length) != fields.len() {
        return None;
    }
    let date =
        |a: u8, b: u8, month, day| Civil { year: u16::from_le_bytes([a, b]), month, day, clock: [0; 3], micros: 0 };
    Some(match *fields {
        [] => date(0, 0, 0, 0),
        [a, b, month, day] => date(a, b, month, day),
        [a, b, month, day, h, m, s] => Civil { clock: [h, m, s], ..date(a, b, month, day) },
        [a, b, month, day, h, m, s, u0, u1, u2, u3] => {
            Civil { clock: [h, m, s], micros: u32::from_le_bytes([u0, u1, u2, u3]), ..date(a, b, month, day) }
        }
        _ => return None,
    })
}

impl Civil {
    /// Days since 1970-01-01; `None` for a date that no calendar has: MySQL stores 0000-00-00, months and days
    /// of zero and, if told so, a 30th of February.
    #[inline]
    fn days(&self) -> Option<i32> {
        let (year, month, day) = (i32::from(self.year), i32::from(self.month), i32::from(self.day));
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let last = match month {
            2 => 28 + i32::from(leap),
            4 | 6 | 9 | 11 => 30,
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            _ => return None,
        };
        if day < 1 || day > last || year > 9_999 {
            return None;
        }
        // Years that begin in March put the leap day last: days before a month are then a straight line.
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let (century, of_century) = (year.div_euclid(100), year.rem_euclid(100));
        let days = (146_097 * century).div_euclid(4) + 1_461 * of_century / 4 + (153 * month + 2) / 5 + day - 1;
        Some(days - 719_468)
    }

    fn nanos_of_day(&self) -> i64 {
        let [h, m, s] = self.clock.map(i64::from);
        (h * 3_600 + m * 60 + s) * SECOND + i64::from(self.micros) * 1_000
    }

    #[cold]
    fn unknown(&self, batch: &mut Batch) -> Cell {
        let reason = format!("the date {:04}-{:02}-{:02} does not exist", self.year, self.month, self.day);
        batch.unknown(&reason)
    }
}

fn date(bytes: &[u8], batch: &mut Batch) -> Cell {
    let Some(civil) = civil(bytes) else { return undecodable(Decoder::Date, bytes, batch) };
    match civil.days() {
        Some(days) => Cell::Date(days),
        None => civil.unknown(batch),
    }
}

/// Nanoseconds of an instant as it stands there, as if in UTC; `None` for what is none.
#[inline(always)]
fn local_nanos(bytes: &[u8]) -> Option<i128> {
    let civil = civil(bytes)?;
    Some(i128::from(civil.days()?) * DAY + i128::from(civil.nanos_of_day()))
}

fn instant(bytes: &[u8], digits: u8, zone: Option<&TimeZone>, batch: &mut Batch) -> Cell {
    let Some(civil) = civil(bytes) else { return undecodable(Decoder::Timestamp { digits }, bytes, batch) };
    let Some(days) = civil.days() else { return civil.unknown(batch) };
    let local = i128::from(days) * DAY + i128::from(civil.nanos_of_day());
    match zone.map_or(Some(local), |zone| resolve_local(local, zone)) {
        Some(nanos) => Cell::Instant { nanos, digits },
        None => {
            let shown = format_instant(local, digits);
            let zone = zone.and_then(TimeZone::iana_name).unwrap_or("the given zone");
            batch.unknown(&format!(
                "the local time {} does not exist exactly once in {zone}",
                shown.trim_end_matches('Z')
            ))
        }
    }
}

fn time(bytes: &[u8]) -> Option<i64> {
    let (length, fields) = bytes.split_first()?;
    if usize::from(*length) != fields.len() {
        return None;
    }
    let ([negative, d0, d1, d2, d3, h, m, s], micros) = match *fields {
        [] => return Some(0),
        [a, b, c, d, e, f, g, h] => ([a, b, c, d, e, f, g, h], 0),
        [a, b, c, d, e, f, g, h, u0, u1, u2, u3] => ([a, b, c, d, e, f, g, h], u32::from_le_bytes([u0, u1, u2, u3])),
        _ => return None,
    };
    let days = i64::from(u32::from_le_bytes([d0, d1, d2, d3]));
    let seconds = days * 86_400 + i64::from(h) * 3_600 + i64::from(m) * 60 + i64::from(s);
    let nanos = seconds.checked_mul(SECOND)?.checked_add(i64::from(micros) * 1_000)?;
    Some(if negative != 0 { -nanos } else { nanos })
}

/// `550e8400-e29b-41d4-a716-446655440000`, without an allocation: keys are read by the million.
fn uuid(text: &[u8]) -> Option<[u8; 16]> {
    if text.len() != 36 || [8, 13, 18, 23].iter().any(|at| text[*at] != b'-') {
        return None;
    }
    let mut digits = text.iter().filter(|b| **b != b'-').map(|b| char::from(*b).to_digit(16));
    let mut out = [0; 16];
    for byte in &mut out {
        *byte = (digits.next()?? << 4 | digits.next()??) as u8;
    }
    digits.next().is_none().then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_agree_with_the_calendar() {
        let mut date = jiff::civil::date(0, 1, 1);
        let first = i64::from(crate::domain::parse_date("0000-01-01").expect("date"));
        let mut days = first;
        while date.year() < 9_999 {
            let civil = Civil {
                year: date.year() as u16,
                month: date.month() as u8,
                day: date.day() as u8,
                clock: [0; 3],
                micros: 0,
            };
            assert_eq!(civil.days().map(i64::from), Some(days), "{date}");
            date = date.tomorrow().expect("tomorrow");
            days += 1;
        }
    }

    #[test]
    fn dates_that_do_not_exist_are_unknown_and_not_null() {
        let mut batch = Batch::new(1);
        for bytes in [&[0][..], &[4, 0xea, 7, 0, 1], &[4, 0xea, 7, 2, 30], &[4, 0xea, 7, 13, 1], &[4, 0, 0, 0, 0]] {
            assert!(matches!(date(bytes, &mut batch), Cell::Unknown(_)), "{bytes:?}");
            assert!(matches!(instant(bytes, 6, None, &mut batch), Cell::Unknown(_)), "{bytes:?}");
        }
        assert!(matches!(date(&[4, 0xea, 7, 2, 28], &mut batch), Cell::Date(_)));
        assert!(matches!(date(&[3, 0xea, 7, 2], &mut batch), Cell::Unknown(_)));
    }

    #[test]
    fn the_short_way_into_a_cell_ends_where_the_long_one_does() {
        let zone = TimeZone::get("Europe/Berlin").expect("zone");
        let values: [&[u8]; 24] = [
            b"",
            b"0",
            b"-0",
            b"-0.00",
            b"12.50",
            b"-99999999999999.9999",
            b"1234567890123456789",
            b"12345678901234567890.5",
            b"99999999999999999999999999999999999.999999999999999999999999999999",
            b"1e5",
            b"abc",
            "\u{e9}".as_bytes(),
            &[0xFF],
            &[1, 2],
            &[1, 2, 3, 255],
            &[1, 2, 3, 4, 5, 6, 7, 255],
            &[0],
            &[4, 0xEA, 7, 2, 28],
            &[4, 0xEA, 7, 2, 30],
            &[7, 0xEA, 7, 3, 29, 2, 30, 0],
            &[7, 0xEA, 7, 10, 25, 2, 30, 0],
            &[7, 0xEA, 7, 7, 1, 2, 30, 0],
            &[11, 0xEA, 7, 7, 1, 2, 30, 0, 1, 0, 0, 0],
            &[3, 0xEA, 7, 7],
        ];
        let decoders = [
            Decoder::Signed,
            Decoder::Unsigned,
            Decoder::Bit,
            Decoder::Decimal,
            Decoder::Date,
            Decoder::DateTime { digits: 6 },
            Decoder::Timestamp { digits: 0 },
            Decoder::Time { digits: 3 },
            Decoder::Text,
            Decoder::Uuid,
            Decoder::Bytes,
            Decoder::Json,
            Decoder::Null,
        ];
        for decoder in decoders {
            for bytes in values {
                let mut batches = [Batch::new(1), Batch::new(1)];
                let row = batches[0].start_row();
                decoder.put(bytes, &mut batches[0], row, &zone);
                let row = batches[1].start_row();
                let cell = decoder.cell(bytes, &mut batches[1], &zone);
                batches[1].set(row, 0, cell);
                let [short, long] = batches.each_ref().map(|b| format!("{:?} {:?}", b.at(0, 0).cell, b.arena()));
                assert_eq!(short, long, "{decoder:?} {bytes:?}");
            }
        }
    }

    #[test]
    fn uuids_are_read_or_left_as_text() {
        let text = "550e8400-E29B-41d4-a716-446655440000";
        assert_eq!(uuid(text.as_bytes()), crate::domain::parse_uuid(text));
        for wrong in [
            "550e8400-e29b-41d4-a716-44665544000",
            "550e8400-e29b-41d4-a716-44665544000g",
            "550e8400-e29b-41d4-a716-4466-5544000",
        ] {
            assert_eq!(uuid(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
