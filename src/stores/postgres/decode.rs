//! PostgreSQL's binary formats to cells, exactly and without an allocation per value.
//!
//! Must not know about connections. The formats: src/backend/utils/adt/*.c, functions `*_send`.

use jiff::tz::TimeZone;

use crate::domain::{
    Amount, Batch, Cell, NumberForm, double_to_amount, float_to_amount, format_instant, power_of_ten, resolve_local,
};

use super::kind::Kind;

/// Days from 1970-01-01 to 2000-01-01, where PostgreSQL counts from.
pub(super) const EPOCH_DAYS: i32 = 10_957;
/// The same in microseconds.
pub(super) const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * 86_400_000_000;

/// How one column is decoded; chosen once a read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decoder {
    pub kind: Kind,
    /// Digits behind the second that the column's type holds.
    pub digits: u8,
}

impl Decoder {
    /// Puts a value that is not NULL into the cell at `place`.
    #[inline(always)]
    pub fn put(self, batch: &mut Batch, place: usize, bytes: &[u8], zone: &TimeZone) {
        match self.kind {
            Kind::Numeric => {
                if let Some((coefficient, scale)) = plain_numeric(bytes) {
                    return batch.put(place, Cell::Number { coefficient, scale, form: NumberForm::Decimal });
                }
            }
            Kind::Text if bytes.is_ascii() => {
                let span = batch.store(bytes);
                return batch.put(place, Cell::Text(span));
            }
            Kind::Integer => match *bytes {
                [a, b, c, d] => return batch.put(place, integer(i32::from_be_bytes([a, b, c, d]).into())),
                [a, b, c, d, e, f, g, h] => {
                    return batch.put(place, integer(i64::from_be_bytes([a, b, c, d, e, f, g, h]).into()));
                }
                _ => {}
            },
            _ => {}
        }
        self.put_slowly(batch, place, bytes, zone);
    }

    #[inline(never)]
    fn put_slowly(self, batch: &mut Batch, place: usize, bytes: &[u8], zone: &TimeZone) {
        let cell = self.decode(batch, bytes, zone);
        batch.put(place, cell);
    }

    /// The cell of a value that is not NULL.
    fn decode(self, batch: &mut Batch, bytes: &[u8], zone: &TimeZone) -> Cell {
        match self.kind {
            Kind::Integer => match *bytes {
                [a, b] => integer(i16::from_be_bytes([a, b]).into()),
                [a, b, c, d] => integer(i32::from_be_bytes([a, b, c, d]).into()),
                _ => match bytes.try_into() {
                    Ok(eight) => integer(i64::from_be_bytes(eight).into()),
                    Err(_) => wrong_size(batch, bytes),
                },
            },
            Kind::Oid => match bytes.try_into() {
                Ok(four) => integer(u32::from_be_bytes(four).into()),
                Err(_) => wrong_size(batch, bytes),
            },
            Kind::Float4 => match bytes.try_into() {
                Ok(four) => batch.amount(&float_to_amount(f32::from_be_bytes(four)), NumberForm::Double),
                Err(_) => wrong_size(batch, bytes),
            },
            Kind::Float8 => match bytes.try_into() {
                Ok(eight) => batch.amount(&double_to_amount(f64::from_be_bytes(eight)), NumberForm::Double),
                Err(_) => wrong_size(batch, bytes),
            },
            Kind::Numeric => numeric(batch, bytes),
            Kind::Bool => Cell::Bool(bytes != [0]),
            Kind::Text | Kind::Other => text(batch, bytes, Cell::Text),
            Kind::Json => text(batch, bytes, Cell::Json),
            Kind::Jsonb => match bytes {
                [1, json @ ..] => text(batch, json, Cell::Json),
                _ => batch.unknown("a format of jsonb that is not known"),
            },
            Kind::Bytes => Cell::Bytes(batch.store(bytes)),
            Kind::Uuid => match bytes.try_into() {
                Ok(sixteen) => Cell::Uuid(sixteen),
                Err(_) => wrong_size(batch, bytes),
            },
            Kind::Date => match bytes.try_into().map(i32::from_be_bytes) {
                Ok(i32::MAX | i32::MIN) => batch.unknown("an infinite date"),
                Ok(days) => match days.checked_add(EPOCH_DAYS) {
                    Some(days) => Cell::Date(days),
                    None => batch.unknown("a date out of range"),
                },
                Err(_) => wrong_size(batch, bytes),
            },
            Kind::Time => match bytes.try_into().map(i64::from_be_bytes) {
                Ok(micros) => match micros.checked_mul(1_000) {
                    Some(nanos) => Cell::Time { nanos, digits: self.digits },
                    None => batch.unknown("a time out of range"),
                },
                Err(_) => wrong_size(batch, bytes),
            },
            Kind::Timestamp | Kind::TimestampTz => match bytes.try_into().map(i64::from_be_bytes) {
                Ok(i64::MAX | i64::MIN) => batch.unknown("an infinite timestamp"),
                Ok(micros) => self.instant(batch, nanos_of(micros), zone),
                Err(_) => wrong_size(batch, bytes),
            },
        }
    }

    fn instant(self, batch: &mut Batch, nanos: i128, zone: &TimeZone) -> Cell {
        let resolved = if self.kind == Kind::TimestampTz { Some(nanos) } else { resolve_local(nanos, zone) };
        match resolved {
            Some(nanos) => Cell::Instant { nanos, digits: self.digits },
            None => {
                let local = format_instant(nanos, self.digits);
                let zone = zone.iana_name().unwrap_or("the zone given");
                let local = local.trim_end_matches('Z');
                batch.unknown(&format!("the local time {local} does not exist exactly once in {zone}"))
            }
        }
    }
}

/// Nanoseconds since 1970 of microseconds since 2000.
pub(super) fn nanos_of(micros: i64) -> i128 {
    (i128::from(micros) + i128::from(EPOCH_MICROS)) * 1_000
}

fn integer(value: i128) -> Cell {
    Cell::Number { coefficient: value, scale: 0, form: NumberForm::Integer }
}

fn text(batch: &mut Batch, bytes: &[u8], cell: fn(crate::domain::Span) -> Cell) -> Cell {
    match std::str::from_utf8(bytes) {
        Ok(_) => cell(batch.store(bytes)),
        // A database of encoding SQL_ASCII holds any bytes.
        Err(error) => batch.unknown(&format!("text that is not UTF-8: {error}")),
    }
}

#[cold]
fn wrong_size(batch: &mut Batch, bytes: &[u8]) -> Cell {
    batch.unknown(&format!("a value of {} bytes, which its type does not have", bytes.len()))
}

/// A `numeric` of at most 16 digits whose last group is whole at the scale that is shown: coefficient and scale.
#[inline(always)]
fn plain_numeric(bytes: &[u8]) -> Option<(i128, i16)> {
    let (head, digits) = bytes.split_first_chunk::<8>()?;
    let [c0, c1, w0, w1, s0, s1, d0, d1] = *head;
    let (count, weight) = (usize::from(u16::from_be_bytes([c0, c1])), i16::from_be_bytes([w0, w1]));
    let (sign, shown) = (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]));
    let held = 4 * (count as i32 - 1 - i32::from(weight));
    if digits.len() != count * 2 || !(1..=4).contains(&count) || held != i32::from(shown) || sign & !0x4000 != 0 {
        return None;
    }
    let groups = digits.chunks_exact(2).map(|d| i64::from(u16::from_be_bytes([d[0], d[1]])));
    let value = i128::from(groups.fold(0, |value, group| value * 10_000 + group));
    Some((if sign == 0 { value } else { -value }, i16::try_from(shown).ok()?))
}

/// `numeric`: count of base-10000 digits, weight of the first, sign, digits shown behind the point, digits.
fn numeric(batch: &mut Batch, bytes: &[u8]) -> Cell {
    let Some((head, digits)) = bytes.split_first_chunk::<8>() else { return wrong_size(batch, bytes) };
    let count = u16::from_be_bytes([head[0], head[1]]);
    let weight = i32::from(i16::from_be_bytes([head[2], head[3]]));
    let sign = u16::from_be_bytes([head[4], head[5]]);
    let shown = i32::from(u16::from_be_bytes([head[6], head[7]]));
    if digits.len() != usize::from(count) * 2 {
        return wrong_size(batch, bytes);
    }
    let negative = match sign {
        0x0000 => false,
        0x4000 => true,
        0xC000 => return batch.amount(&Amount::NAN, NumberForm::Decimal),
        0xD000 => return batch.amount(&Amount::infinity(false), NumberForm::Decimal),
        0xF000 => return batch.amount(&Amount::infinity(true), NumberForm::Decimal),
        _ => return batch.unknown("a sign of numeric that is not known"),
    };
    if let Some(coefficient) = small(digits, weight, shown) {
        let coefficient = if negative { -coefficient } else { coefficient };
        if let Ok(scale) = i16::try_from(shown) {
            return Cell::Number { coefficient, scale, form: NumberForm::Decimal };
        }
    }
    let text = wide(digits, weight, negative, shown);
    batch.digits(text.as_bytes(), NumberForm::Decimal).unwrap_or_else(|| batch.unknown("digits that are no number"))
}

/// The coefficient at the scale that is shown, if it fits; the digits beyond that scale are zeros.
#[inline]
fn small(digits: &[u8], weight: i32, shown: i32) -> Option<i128> {
    let mut value = 0i128;
    let groups = digits.chunks_exact(2).map(|d| u16::from_be_bytes([d[0], d[1]]));
    if digits.len() <= 8 {
        let mut short = 0u64;
        for group in groups {
            short = short * 10_000 + u64::from(group);
        }
        value = short.into();
    } else {
        for group in groups {
            value = value.checked_mul(10_000)?.checked_add(group.into())?;
        }
    }
    if value == 0 {
        return Some(0);
    }
    let scale = 4 * (digits.len() as i32 / 2 - 1 - weight);
    match shown - scale {
        0 => Some(value),
        more @ 1.. => value.checked_mul(power_of_ten(more)?),
        less => {
            let power = power_of_ten(-less)?;
            (value % power == 0).then_some(value / power)
        }
    }
}

/// The digits as text, for what does not fit.
#[cold]
fn wide(digits: &[u8], weight: i32, negative: bool, shown: i32) -> String {
    let group = |at: i32| -> u16 {
        let from = usize::try_from(at).map(|at| at * 2);
        from.ok().and_then(|from| digits.get(from..from + 2)).map_or(0, |d| u16::from_be_bytes([d[0], d[1]]))
    };
    let mut text = String::with_capacity(digits.len() * 2 + 16);
    text.push_str(if negative { "-" } else { "" });
    let whole: String = (0..=weight).map(|at| format!("{:04}", group(at))).collect();
    let whole = whole.trim_start_matches('0');
    text.push_str(if whole.is_empty() { "0" } else { whole });
    let held = 4 * (digits.len() as i32 / 2 - 1 - weight);
    let mut fraction: String =
        (0..(shown.max(held) + 3) / 4).map(|at| format!("{:04}", group(weight + 1 + at))).collect();
    let padding = fraction.len().saturating_sub(shown as usize);
    if fraction.as_bytes()[fraction.len() - padding..].iter().all(|b| *b == b'0') {
        fraction.truncate(fraction.len() - padding);
    }
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(&fraction);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Value;

    fn decoded(kind: Kind, bytes: &[u8]) -> String {
        let mut batch = Batch::new(1);
        let row = batch.start_row();
        let cell = Decoder { kind, digits: 6 }.decode(&mut batch, bytes, &TimeZone::UTC);
        batch.set(row, 0, cell);
        Value::of(batch.at(row, 0)).to_string()
    }

    fn numeric_bytes(weight: i16, sign: u16, shown: u16, digits: &[u16]) -> Vec<u8> {
        let head = [digits.len() as u16, weight as u16, sign, shown];
        head.iter().chain(digits).flat_map(|n| n.to_be_bytes()).collect()
    }

    #[test]
    fn numerics_keep_every_digit_and_their_scale() {
        let shown =
            |weight, sign, shown, digits: &[u16]| decoded(Kind::Numeric, &numeric_bytes(weight, sign, shown, digits));
        assert_eq!(shown(0, 0, 0, &[]), "0");
        assert_eq!(shown(0, 0, 4, &[]), "0.0000");
        assert_eq!(shown(0, 0x4000, 2, &[1, 5000]), "-1.50");
        assert_eq!(shown(-1, 0, 4, &[1]), "0.0001");
        assert_eq!(shown(-2, 0, 8, &[1]), "0.00000001");
        assert_eq!(shown(3, 0, 0, &[1]), "1000000000000");
        assert_eq!(shown(1, 0, 2, &[12, 3456, 7800]), "123456.78");
        assert_eq!(shown(1, 0, 3, &[12, 3456, 7800]), "123456.780");
        assert_eq!(shown(11, 0, 1, &[9; 12]), format!("9{}.0", "0009".repeat(11)));
        assert_eq!(shown(-20, 0x4000, 84, &[1, 2300]), "-1.2300E-80");
        assert_eq!(shown(0, 0xC000, 0, &[]), "NaN");
        assert_eq!(shown(0, 0xF000, 0, &[]), "-Infinity");
        assert!(shown(0, 0x1234, 0, &[]).contains("unknown"));
        assert!(decoded(Kind::Numeric, &[0, 1, 0, 0, 0, 0, 0, 0]).contains("unknown"));
    }

    #[test]
    fn the_short_way_into_a_cell_ends_where_the_long_one_does() {
        let mut values: Vec<Vec<u8>> =
            vec![vec![], b"paid".to_vec(), "\u{e9}".into(), vec![0xFF], vec![0; 2], vec![255; 4]];
        values.extend([vec![128, 0, 0, 0, 0, 0, 0, 1], vec![255; 8], vec![0, 1, 0, 0, 0, 0, 0, 0], vec![9; 9]]);
        for sign in [0, 0x4000, 0x1234, 0xC000, 0xD000, 0xF000] {
            for (weight, shown) in
                [(0, 0), (0, 4), (0, 2), (1, 4), (1, 8), (-1, 4), (-2, 8), (3, 0), (-1, 3), (-9000, 36000)]
            {
                for digits in
                    [&[][..], &[0], &[1], &[1, 5000], &[12, 3456, 7800], &[9999; 4], &[9999; 5], &[1, 0, 0, 1]]
                {
                    values.push(numeric_bytes(weight, sign, shown, digits));
                }
            }
        }
        for kind in [Kind::Numeric, Kind::Integer, Kind::Text, Kind::Date, Kind::Timestamp, Kind::Uuid, Kind::Bool] {
            for bytes in &values {
                let (decoder, mut batches) = (Decoder { kind, digits: 6 }, [Batch::new(1), Batch::new(1)]);
                let row = batches[0].start_row();
                decoder.put(&mut batches[0], row, bytes, &TimeZone::UTC);
                let row = batches[1].start_row();
                let cell = decoder.decode(&mut batches[1], bytes, &TimeZone::UTC);
                batches[1].set(row, 0, cell);
                let [short, long] = batches.each_ref().map(|b| format!("{:?} {:?}", b.at(0, 0).cell, b.arena()));
                assert_eq!(short, long, "{kind:?} {bytes:?}");
            }
        }
    }

    #[test]
    fn infinite_moments_are_unknown() {
        assert!(decoded(Kind::Date, &i32::MAX.to_be_bytes()).contains("infinite"));
        assert!(decoded(Kind::TimestampTz, &i64::MIN.to_be_bytes()).contains("infinite"));
        assert_eq!(decoded(Kind::Date, &0i32.to_be_bytes()), "2000-01-01");
        assert_eq!(decoded(Kind::Timestamp, &(-1i64).to_be_bytes()), "1999-12-31T23:59:59.999999Z");
    }
}
