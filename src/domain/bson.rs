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
    /// A dotted path goes through an array without saying which item is meant.
    #[error("`{0}` is looked up in an array; name an item by its position, as in `0.{0}`")]
    Array(String),
    /// A field on a dotted path stands twice, and either could be meant.
    #[error("the field `{0}` stands twice in one document")]
    Twice(String),
}

/// Deepest nesting of documents and arrays that is decoded; MongoDB itself stores no more than 180 levels.
/// Beyond it a value is unknown: a hostile file must not be able to exhaust the stack.
pub(super) const MAX_DEPTH: usize = 200;

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

    /// The next element, if it has the guessed name and one of the common types, and is whole; otherwise nothing
    /// has happened, and [`Iterator::next`] says what there is. Documents of a collection nearly always hold the
    /// same fields in the same order: then one comparison replaces the search for the name's end.
    #[inline(always)]
    pub fn next_guessed(&mut self, guess: &[u8]) -> Option<Element<'a>> {
        let (kind, rest) = self.rest.split_first()?;
        let (name, rest) = rest.split_at_checked(guess.len())?;
        let (end, body) = rest.split_first()?;
        if *end != 0 || name != guess {
            return None;
        }
        let len = match kind {
            0x13 => 16,
            0x01 | 0x09 | 0x12 => 8,
            0x10 => 4,
            0x02 => le_u32(body)? as usize + 4,
            0x0a => 0,
            _ => return None,
        };
        let (value, rest) = body.split_at_checked(len)?;
        self.rest = rest;
        Some(Element { kind: *kind, name, value })
    }

    #[inline]
    fn value(&mut self, kind: u8, name: &'a [u8], body: &'a [u8]) -> Result<Element<'a>, BsonError> {
        let value = value_len(kind, body, name).and_then(|len| {
            let (value, rest) = body.split_at_checked(len).ok_or(BsonError::Truncated)?;
            self.rest = rest;
            Ok(Element { kind, name, value })
        });
        if value.is_err() {
            self.rest = &[];
        }
        value
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Element<'a>, BsonError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (kind, rest) = self.rest.split_first()?;
        let next = match memchr::memchr(0, rest) {
            Some(end) => self.value(*kind, &rest[..end], &rest[end + 1..]),
            None => {
                self.rest = &[];
                Err(BsonError::Truncated)
            }
        };
        Some(next)
    }
}

#[inline]
fn value_len(kind: u8, body: &[u8], name: &[u8]) -> Result<usize, BsonError> {
    let prefixed = |extra: usize| le_u32(body).map(|n| n as usize + extra).ok_or(BsonError::Truncated);
    // A frame counts its own length and closing zero.
    let frame = |least: usize| prefixed(0).and_then(|n| if n < least { Err(BsonError::Truncated) } else { Ok(n) });
    Ok(match kind {
        0x01 | 0x09 | 0x11 | 0x12 => 8,
        0x02 | 0x0d | 0x0e => prefixed(4)?,
        0x03 | 0x04 => frame(5)?,
        0x0f => frame(14)?,
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
    let (last, rest) = value.split_last()?;
    if *last != 0 {
        return None;
    }
    std::str::from_utf8(rest.get(4..)?).ok()
}

/// As [`bson_cell`], put into the cell at `place`: the values of most documents without a detour.
#[inline(always)]
pub fn bson_put(element: &Element<'_>, batch: &mut Batch, place: usize) {
    let value = element.value;
    match (element.kind, value) {
        (0x13, _) if value.len() == 16 => {
            let bits = u128::from_le_bytes(fixed(value));
            let high = (bits >> 64) as u64;
            let coefficient = bits & ((1 << 113) - 1);
            let negative = high >> 63 == 1;
            // Neither a special value nor a zero with a sign.
            if (high >> 61) & 0b11 != 0b11 && (coefficient != 0 || !negative) && coefficient < 10u128.pow(34) {
                let coefficient = coefficient as i128;
                let coefficient = if negative { -coefficient } else { coefficient };
                let scale = (6176 - ((high >> 49) & 0x3fff) as i32) as i16;
                return batch.put(place, Cell::Number { coefficient, scale, form: NumberForm::Decimal });
            }
        }
        (0x10, [a, b, c, d]) => return batch.put(place, integer(i32::from_le_bytes([*a, *b, *c, *d]).into())),
        (0x12, _) if value.len() == 8 => return batch.put(place, integer(i64::from_le_bytes(fixed(value)).into())),
        (0x09, _) if value.len() == 8 => {
            let nanos = i128::from(i64::from_le_bytes(fixed(value))) * 1_000_000;
            return batch.put(place, Cell::Instant { nanos, digits: 3 });
        }
        (0x02, [_, _, _, _, text @ .., 0]) if text.is_ascii() => {
            let span = batch.store(text);
            return batch.put(place, Cell::Text(span));
        }
        (0x0a, _) => return batch.put(place, Cell::Null),
        _ => {}
    }
    put_slowly(element, batch, place);
}

#[inline(never)]
fn put_slowly(element: &Element<'_>, batch: &mut Batch, place: usize) {
    let cell = bson_cell(element, batch);
    batch.put(place, cell);
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
        0x08 if value[0] > 1 => batch.unknown("a BSON truth value that is neither 0 nor 1"),
        0x08 => Cell::Bool(value[0] == 1),
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
        (2, _) => match le_u32(body) {
            Some(inner) if inner as usize + 4 == body.len() => Cell::Bytes(batch.store(&body[4..])),
            _ => batch.unknown("BSON binary data of subtype 2 whose two lengths disagree"),
        },
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

/// Looks a dotted path up in a document (`amount.net`, `installments.0.due`). Items of arrays are named by
/// their position. `None` where a field is missing or the path goes on below a plain value.
///
/// # Errors
/// [`BsonError`] when the document is broken, a field on the way stands twice, or an array is met where the
/// path names a field.
pub fn bson_get<'a>(document: &'a [u8], path: &str) -> Result<Option<Element<'a>>, BsonError> {
    walk(document, false, path)
}

/// As [`bson_get`], below an element: `None` when it is neither a document nor an array.
///
/// # Errors
/// As [`bson_get`].
pub fn bson_get_below<'a>(element: &Element<'a>, path: &str) -> Result<Option<Element<'a>>, BsonError> {
    match element.kind {
        0x03 | 0x04 => walk(element.value, element.kind == 0x04, path),
        _ => Ok(None),
    }
}

fn walk<'a>(document: &'a [u8], array: bool, path: &str) -> Result<Option<Element<'a>>, BsonError> {
    let (mut document, mut array, mut path) = (document, array, path);
    loop {
        let (head, rest) = path.split_once('.').unwrap_or((path, ""));
        let found = if array { item(document, head)?.map(|e| (e, rest.is_empty())) } else { field(document, path)? };
        match found {
            Some((element, true)) => return Ok(Some(element)),
            Some((element, false)) if matches!(element.kind, 0x03 | 0x04) => {
                (document, path, array) = (element.value, rest, element.kind == 0x04);
            }
            _ => return Ok(None),
        }
    }
}

/// The field of the whole path's name (`true`), which comes before the field that the path starts with (`false`).
fn field<'a>(document: &'a [u8], path: &str) -> Result<Option<(Element<'a>, bool)>, BsonError> {
    let head = path.split_once('.').map(|(head, _)| head);
    let (mut whole, mut start) = (None, None);
    for element in Elements::of(document)? {
        let element = element?;
        let (slot, name) = if element.name == path.as_bytes() {
            (&mut whole, path)
        } else if let Some(head) = head.filter(|head| element.name == head.as_bytes()) {
            (&mut start, head)
        } else {
            continue;
        };
        if slot.replace(element).is_some() {
            return Err(BsonError::Twice(name.to_owned()));
        }
    }
    Ok(whole.map(|element| (element, true)).or(start.map(|element| (element, false))))
}

fn item<'a>(array: &'a [u8], position: &str) -> Result<Option<Element<'a>>, BsonError> {
    let number = array_position(position).ok_or_else(|| BsonError::Array(position.to_owned()))?;
    // Not `nth`: it would take an item broken on the way for the array's end.
    for (at, element) in Elements::of(array)?.enumerate() {
        let element = element?;
        if at == number {
            return Ok(Some(element));
        }
    }
    Ok(None)
}

/// A position in an array as a path writes it: digits only.
pub(super) fn array_position(text: &str) -> Option<usize> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// Decodes a whole document or array.
pub(super) fn bson_value(document: &[u8], array: bool) -> Value {
    decode(document, array, 0)
}

fn decode(document: &[u8], array: bool, depth: usize) -> Value {
    if depth >= MAX_DEPTH {
        return Value::Unknown(too_deep());
    }
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
        let value = match element.kind {
            0x03 | 0x04 => decode(element.value, element.kind == 0x04, depth + 1),
            _ => {
                scratch.reset(1);
                let row = scratch.start_row();
                let cell = bson_cell(&element, &mut scratch);
                scratch.set(row, 0, cell);
                Value::of(scratch.at(row, 0))
            }
        };
        fields.push((name.to_owned(), value));
    }
    if array {
        return Value::Array(fields.into_iter().map(|(_, value)| value).collect());
    }
    match twice(fields.iter().map(|(name, _)| name.as_str())) {
        // Either of the two could be the money.
        Some(name) => Value::Unknown(BsonError::Twice(name.to_owned()).to_string()),
        None => Value::Document(fields),
    }
}

pub(super) fn too_deep() -> String {
    format!("documents nested deeper than {MAX_DEPTH} levels are not decoded")
}

/// A name that stands twice among the fields of one object.
pub(super) fn twice<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    if names.size_hint().0 <= 32 {
        return names.clone().enumerate().find_map(|(at, name)| names.clone().take(at).find(|n| *n == name));
    }
    let mut sorted: Vec<&str> = names.collect();
    sorted.sort_unstable();
    sorted.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

#[cfg(test)]
#[path = "bson_tests.rs"]
mod tests;
