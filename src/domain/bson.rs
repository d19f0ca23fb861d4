//! BSON walked in its raw buffer: elements, cells, and decoded values. No allocation per field.
//!
//! Layouts: <https://bsonspec.org/spec.html>; Decimal128 in its binary integer form (IEEE 754-2008).

use super::amount::Amount;
use super::batch::{Batch, Cell, NumberForm};
use super::value::Value;

/// What is wrong with a BSON document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BsonError {
    /// A length points beyond the buffer.
    #[error("the document is cut short or its lengths are wrong")]
    Truncated,
    /// A field name that is not UTF-8.
    #[error("a field name is not valid UTF-8")]
    Name,
    /// An element type that the specification does not know.
    #[error("element type 0x{0:02x} of field `{1}` is not in the BSON specification")]
    Type(u8, String),
}

/// One field of a document.
#[derive(Clone, Copy, Debug)]
pub struct Element<'a> {
    /// The element's type byte.
    pub kind: u8,
    /// The field's name, not yet checked to be UTF-8.
    pub name: &'a [u8],
    /// The value's bytes.
    pub value: &'a [u8],
}

/// The fields of a document or the items of an array, in stored order.
#[derive(Clone, Copy, Debug)]
pub struct Elements<'a> {
    rest: &'a [u8],
}

impl<'a> Elements<'a> {
    /// Over a whole document, its length prefix and closing zero included.
    ///
    /// # Errors
    /// [`BsonError::Truncated`] when the frame does not hold.
    pub fn of(document: &'a [u8]) -> Result<Self, BsonError> {
        let len = le_u32(document).ok_or(BsonError::Truncated)? as usize;
        if len < 5 || document.len() != len || document[len - 1] != 0 {
            return Err(BsonError::Truncated);
        }
        Ok(Elements { rest: &document[4..len - 1] })
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Element<'a>, BsonError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (kind, rest) = self.rest.split_first()?;
        let next = memchr::memchr(0, rest).ok_or(BsonError::Truncated).and_then(|end| {
            let (name, body) = (&rest[..end], &rest[end + 1..]);
            let len = value_len(*kind, body, name)?;
            if body.len() < len {
                return Err(BsonError::Truncated);
            }
            self.rest = &body[len..];
            Ok(Element { kind: *kind, name, value: &body[..len] })
        });
        if next.is_err() {
            self.rest = &[];
        }
        Some(next)
    }
}

#[inline]
fn value_len(kind: u8, body: &[u8], name: &[u8]) -> Result<usize, BsonError> {
    let prefixed = |extra: usize| le_u32(body).map(|n| n as usize + extra).ok_or(BsonError::Truncated);
    Ok(match kind {
        0x01 | 0x09 | 0x11 | 0x12 => 8,
        0x02 | 0x0d | 0x0e => prefixed(4)?,
        0x03 | 0x04 | 0x0f => prefixed(0)?,
        0x05 => prefixed(5)?,
        0x06 | 0x0a | 0x7f | 0xff => 0,
        0x07 => 12,
        0x08 => 1,
        0x0b => {
            let first = memchr::memchr(0, body).ok_or(BsonError::Truncated)?;
            first + 2 + memchr::memchr(0, &body[first + 1..]).ok_or(BsonError::Truncated)?
        }
        0x0c => prefixed(16)?,
        0x10 => 4,
        0x13 => 16,
        other => return Err(BsonError::Type(other, String::from_utf8_lossy(name).into_owned())),
    })
}

fn le_u32(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?))
}

fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[..N]);
    out
}

/// The text of a BSON string value (length, bytes, zero); `None` when it is not UTF-8 or ill-framed.
fn string(value: &[u8]) -> Option<&str> {
    let body = value.get(4..value.len().checked_sub(1)?)?;
    std::str::from_utf8(body).ok()
}

/// Turns an element's value into a cell of `batch`. What has no counterpart (regular expressions, code, …)
/// and what is broken becomes [`Cell::Unknown`] with its reason.
#[inline]
pub fn bson_cell(element: &Element<'_>, batch: &mut Batch) -> Cell {
    let value = element.value;
    match element.kind {
        0x10 => integer(i32::from_le_bytes(fixed(value)).into()),
        0x12 => integer(i64::from_le_bytes(fixed(value)).into()),
        0x13 => decimal128(fixed(value), batch),
        0x01 => batch.double(f64::from_le_bytes(fixed(value))),
        0x02 | 0x0e => match string(value) {
            Some(text) => Cell::Text(batch.store(text.as_bytes())),
            None => batch.unknown("text that is not valid UTF-8"),
        },
        0x07 => Cell::ObjectId(fixed(value)),
        0x08 => Cell::Bool(value[0] != 0),
        0x09 => Cell::Instant { nanos: i128::from(i64::from_le_bytes(fixed(value))) * 1_000_000, digits: 3 },
        0x0a => Cell::Null,
        0x06 => batch.unknown("BSON `undefined`, a type that is no longer in use"),
        0x03 => Cell::Bson { at: batch.store(value), array: false },
        0x04 => Cell::Bson { at: batch.store(value), array: true },
        0x05 => binary(value, batch),
        0x11 => {
            let (increment, seconds) = (u32::from_le_bytes(fixed(value)), u32::from_le_bytes(fixed(&value[4..])));
            Cell::Text(batch.store(format!("Timestamp({seconds}, {increment})").as_bytes()))
        }
        0xff => batch.unknown("BSON MinKey is not a value"),
        0x7f => batch.unknown("BSON MaxKey is not a value"),
        0x0b => batch.unknown("a BSON regular expression is not a value"),
        0x0d | 0x0f => batch.unknown("BSON code is not a value"),
        other => batch.unknown(&format!("BSON element type 0x{other:02x} is not supported")),
    }
}

fn integer(value: i128) -> Cell {
    Cell::Number { coefficient: value, scale: 0, form: NumberForm::Integer }
}

fn binary(value: &[u8], batch: &mut Batch) -> Cell {
    let (subtype, body) = (value[4], &value[5..]);
    match (subtype, <[u8; 16]>::try_from(body)) {
        (4, Ok(uuid)) => Cell::Uuid(uuid),
        // Subtype 2 repeats the length inside.
        (2, _) if body.len() >= 4 => Cell::Bytes(batch.store(&body[4..])),
        _ => Cell::Bytes(batch.store(body)),
    }
}

/// A Decimal128: 34 digits, exponents -6176 to 6111, NaN, infinities, and zeros with a sign.
fn decimal128(bytes: [u8; 16], batch: &mut Batch) -> Cell {
    let bits = u128::from_le_bytes(bytes);
    let high = (bits >> 64) as u64;
    let negative = high >> 63 == 1;
    let form = NumberForm::Decimal;
    let (exponent, coefficient) = match (high >> 58) & 0x1f {
        0b11111 => return batch.amount(&Amount::NAN, form),
        0b11110 => return batch.amount(&Amount::infinity(negative), form),
        // The second form can only hold coefficients beyond 34 digits: the standard reads them as zero.
        c if c >> 3 == 0b11 => ((high >> 47) & 0x3fff, 0),
        _ => ((high >> 49) & 0x3fff, bits & ((1 << 113) - 1)),
    };
    let coefficient = if coefficient >= 10u128.pow(34) { 0 } else { coefficient as i128 };
    let scale = 6176 - exponent as i32;
    if coefficient == 0 && negative {
        return batch.amount(&Amount::negative_zero(scale), form);
    }
    Cell::Number { coefficient: if negative { -coefficient } else { coefficient }, scale: scale as i16, form }
}

/// Looks a dotted path up in a document (`amount.net`, `installments.0.due`).
///
/// # Errors
/// [`BsonError`] when the document is broken.
pub fn bson_get<'a>(document: &'a [u8], path: &str) -> Result<Option<Element<'a>>, BsonError> {
    let (head, rest) = path.split_once('.').unwrap_or((path, ""));
    for element in Elements::of(document)? {
        let element = element?;
        // A name that itself holds dots comes before a path.
        if element.name == path.as_bytes() {
            return Ok(Some(element));
        }
        if !rest.is_empty() && element.name == head.as_bytes() {
            return match element.kind {
                0x03 | 0x04 => bson_get(element.value, rest),
                _ => Ok(None),
            };
        }
    }
    Ok(None)
}

/// Decodes a whole document or array.
pub(super) fn bson_value(document: &[u8], array: bool) -> Value {
    let mut scratch = Batch::new(1);
    let mut fields = Vec::new();
    let elements = match Elements::of(document) {
        Ok(elements) => elements,
        Err(error) => return Value::Unknown(error.to_string()),
    };
    for element in elements {
        let element = match element {
            Ok(element) => element,
            Err(error) => return Value::Unknown(error.to_string()),
        };
        let Ok(name) = std::str::from_utf8(element.name) else {
            return Value::Unknown(BsonError::Name.to_string());
        };
        scratch.reset(1);
        let row = scratch.start_row();
        let cell = bson_cell(&element, &mut scratch);
        scratch.set(row, 0, cell);
        fields.push((name.to_owned(), Value::of(scratch.at(row, 0))));
    }
    if array { Value::Array(fields.into_iter().map(|(_, value)| value).collect()) } else { Value::Document(fields) }
}
