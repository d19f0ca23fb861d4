//! JSON and MongoDB Extended JSON, read digit by digit: a number never passes through a float.
//!
//! Extended types: <https://github.com/mongodb/specifications/blob/master/source/extended-json/extended-json.md>

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use jiff::tz::TimeZone;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::amount::Amount;
use super::batch::{Batch, Cell, NumberForm};
use super::bson::{BsonError, MAX_DEPTH, array_position, too_deep, twice};
use super::temporal::parse_instant;
use super::value::{Value, parse_uuid, unhex};

/// The fields of a JSON object in written order, their values not yet decoded.
#[derive(Debug)]
pub struct JsonFields<'a>(pub Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for JsonFields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = JsonFields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(name) = map.next_key::<Name<'de>>()? {
                    fields.push((name.0, map.next_value()?));
                }
                Ok(JsonFields(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// A name, borrowed when it has no escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field name")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Names)
    }
}

/// What is wrong with a JSON text, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} (line {line}, column {column})")]
pub struct JsonError {
    /// Line in the text, from 1.
    pub line: usize,
    /// Column in that line, in bytes from 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
}

impl JsonError {
    /// With the place of a part of `text`.
    pub fn at(text: &str, part: &str, what: impl Into<String>) -> Self {
        let offset = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize).min(text.len());
        let before = &text.as_bytes()[..offset];
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
        JsonError {
            line: memchr::memchr_iter(b'\n', before).count() + 1,
            column: offset - line_start + 1,
            what: what.into(),
        }
    }

    /// From the parser's own error.
    pub fn of(error: &serde_json::Error) -> Self {
        let what = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let what = what.strip_suffix(&place).unwrap_or(&what).to_owned();
        JsonError { line: error.line(), column: error.column().max(1), what }
    }
}

/// Reads one JSON object; a field that stands twice is refused, for either value could be the money.
///
/// # Errors
/// What is wrong and where in the text.
pub fn json_fields(text: &str) -> Result<JsonFields<'_>, JsonError> {
    let fields: JsonFields<'_> = serde_json::from_str(text).map_err(|e| JsonError::of(&e))?;
    if let Some(name) = twice(fields.0.iter().map(|(name, _)| name.as_ref())) {
        let second = fields.0.iter().filter(|(n, _)| n == name).nth(1).map_or(text, |(_, raw)| raw.get());
        return Err(JsonError::at(text, second, format!("the field `{name}` stands twice in one object")));
    }
    Ok(fields)
}

/// Turns a JSON value into a cell of `batch`. What cannot be decoded becomes [`Cell::Unknown`].
pub fn json_cell(raw: &RawValue, batch: &mut Batch) -> Cell {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'n') => Cell::Null,
        Some(b't') => Cell::Bool(true),
        Some(b'f') => Cell::Bool(false),
        Some(b'"') => match json_string(text) {
            Ok(text) => Cell::Text(batch.store(text.as_bytes())),
            Err(error) => batch.unknown(&error),
        },
        Some(b'{') => extended(text, batch).unwrap_or_else(|| Cell::Json(batch.store(text.as_bytes()))),
        Some(b'[') => Cell::Json(batch.store(text.as_bytes())),
        _ => number(text, batch),
    }
}

fn json_string(text: &str) -> Result<Cow<'_, str>, String> {
    match text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
        Some(inside) if !inside.contains('\\') => Ok(Cow::Borrowed(inside)),
        Some(_) => serde_json::from_str(text).map(Cow::Owned).map_err(|e| e.to_string()),
        None => Err(format!("`{}` is not a text", super::shorten(text, 60))),
    }
}

fn number(text: &str, batch: &mut Batch) -> Cell {
    let form = if text.contains(['.', 'e', 'E']) { NumberForm::Decimal } else { NumberForm::Integer };
    match batch.digits(text.as_bytes(), form) {
        Some(cell) => cell,
        None => batch.unknown(&format!("`{}` is not a number that can be held", super::shorten(text, 60))),
    }
}

/// An Extended JSON type wrapper (`{"$numberDecimal":"1.50"}`); `None` for an ordinary object.
fn extended(text: &str, batch: &mut Batch) -> Option<Cell> {
    // Only an object whose first name starts with `$` can be one.
    let inside = text[1..].trim_start();
    if !inside.starts_with("\"$") {
        return None;
    }
    let fields: JsonFields<'_> = serde_json::from_str(text).ok()?;
    let ((name, raw), more) = fields.0.split_first()?;
    let names: Vec<&str> = more.iter().map(|(name, _)| name.as_ref()).collect();
    let inner = raw.get();
    let string = if inner.starts_with('"') { json_string(inner).ok() } else { None };
    let string = string.as_deref();
    let cell = match (name.as_ref(), names.as_slice()) {
        ("$numberDecimal", []) => string.and_then(|digits| batch.digits(digits.as_bytes(), NumberForm::Decimal)),
        ("$numberDouble", []) => string.and_then(|digits| double(digits, batch)),
        ("$numberInt", []) => string.and_then(integer::<i32>),
        ("$numberLong", []) => string.and_then(integer::<i64>),
        ("$oid", []) => string.and_then(|d| unhex(d)?.try_into().ok()).map(Cell::ObjectId),
        ("$uuid", []) => string.and_then(parse_uuid).map(Cell::Uuid),
        ("$symbol", []) => string.map(|text| Cell::Text(batch.store(text.as_bytes()))),
        ("$date", []) => date(inner, string),
        ("$binary", []) => binary(inner, batch),
        // The older form of mongoexport.
        ("$binary", ["$type"]) => {
            let subtype = json_string(more[0].1.get()).ok();
            string.zip(subtype).and_then(|(data, subtype)| bytes(data, &subtype, batch))
        }
        ("$timestamp", []) => timestamp(inner, batch),
        ("$undefined", []) => Some(batch.unknown("BSON `undefined`, a type that is no longer in use")),
        ("$minKey", []) => Some(batch.unknown("BSON MinKey is not a value")),
        ("$maxKey", []) => Some(batch.unknown("BSON MaxKey is not a value")),
        ("$regularExpression", []) => Some(batch.unknown("a BSON regular expression is not a value")),
        ("$code", [] | ["$scope"]) | ("$dbPointer", []) => Some(batch.unknown("BSON code is not a value")),
        _ => return None,
    };
    Some(match cell {
        Some(cell) => cell,
        None => batch.unknown(&format!("`{}` is not a valid {name}", super::shorten(inner, 60))),
    })
}

/// A whole number that fits its type, as `1` or `-1`.
fn integer<T: FromStr + Into<i128>>(digits: &str) -> Option<Cell> {
    let plain = digits.strip_prefix('-').unwrap_or(digits).bytes().all(|b| b.is_ascii_digit());
    let coefficient = plain.then(|| digits.parse::<T>().ok())??.into();
    Some(Cell::Number { coefficient, scale: 0, form: NumberForm::Integer })
}

/// A double as text: its value is the shortest decimal that reads back as the same double, as everywhere.
fn double(digits: &str, batch: &mut Batch) -> Option<Cell> {
    let written = Amount::parse(digits).ok()?;
    if !written.is_finite() {
        return Some(batch.amount(&written, NumberForm::Double));
    }
    digits.parse::<f64>().ok().filter(|d| d.is_finite()).map(|d| batch.double(d))
}

/// Milliseconds (`1762300800000`, `{"$numberLong":"1762300800000"}`) or a text with its zone.
fn date(inner: &str, string: Option<&str>) -> Option<Cell> {
    if let Some(text) = string {
        let read = parse_instant(text, &TimeZone::UTC)?;
        return Some(Cell::Instant { nanos: read.nanos, digits: 3.max(read.digits) });
    }
    let milliseconds = match inner.parse::<i64>() {
        Ok(number) => number,
        Err(_) => {
            let fields: JsonFields<'_> = serde_json::from_str(inner).ok()?;
            let [(name, raw)] = fields.0.as_slice() else { return None };
            let digits = json_string(raw.get()).ok().filter(|_| name == "$numberLong")?;
            digits.parse::<i64>().ok()?
        }
    };
    Some(Cell::Instant { nanos: i128::from(milliseconds) * 1_000_000, digits: 3 })
}

/// `{"t":1762300800,"i":1}`, shown as BSON timestamps are.
fn timestamp(inner: &str, batch: &mut Batch) -> Option<Cell> {
    let fields: JsonFields<'_> = serde_json::from_str(inner).ok()?;
    let part = |wanted: &str| {
        let (_, raw) = fields.0.iter().find(|(name, _)| name == wanted)?;
        raw.get().parse::<u32>().ok()
    };
    let (seconds, increment) = (part("t")?, part("i")?);
    Some(Cell::Text(batch.store(format!("Timestamp({seconds}, {increment})").as_bytes())))
}

/// `{"base64":"…","subType":"04"}`.
fn binary(inner: &str, batch: &mut Batch) -> Option<Cell> {
    let fields: JsonFields<'_> = serde_json::from_str(inner).ok()?;
    let field = |wanted: &str| {
        fields.0.iter().find(|(name, _)| name == wanted).and_then(|(_, raw)| json_string(raw.get()).ok())
    };
    bytes(&field("base64")?, &field("subType")?, batch)
}

fn bytes(data: &str, subtype: &str, batch: &mut Batch) -> Option<Cell> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(data.as_bytes()).ok()?;
    match (u8::from_str_radix(subtype, 16).ok()?, <[u8; 16]>::try_from(bytes.as_slice())) {
        (4, Ok(uuid)) => Some(Cell::Uuid(uuid)),
        _ => Some(Cell::Bytes(batch.store(&bytes))),
    }
}

/// Looks a dotted path up in a JSON document or array (`amount.net`, `installments.0.due`). Items of arrays are
/// named by their position. `None` where a field is missing or the path goes on below a plain value.
///
/// # Errors
/// Where a field on the way stands twice, or an array is met where the path names a field.
pub fn json_get<'a>(raw: &'a RawValue, path: &str) -> Result<Option<&'a RawValue>, String> {
    let (mut raw, mut path) = (raw, path);
    loop {
        let (head, rest) = path.split_once('.').unwrap_or((path, ""));
        let found = match raw.get().as_bytes().first() {
            Some(b'{') => {
                let fields = json_fields(raw.get()).map_err(|e| e.what)?;
                let named = |wanted: &str| fields.0.iter().find(|(name, _)| name == wanted).map(|(_, raw)| *raw);
                if let Some(whole) = named(path) {
                    return Ok(Some(whole));
                }
                named(head)
            }
            Some(b'[') => {
                let position = array_position(head).ok_or_else(|| BsonError::Array(head.to_owned()).to_string())?;
                let items: Vec<&'a RawValue> = serde_json::from_str(raw.get()).map_err(|e| e.to_string())?;
                items.get(position).copied()
            }
            _ => None,
        };
        match found {
            Some(found) if !rest.is_empty() => (raw, path) = (found, rest),
            found => return Ok(found),
        }
    }
}

/// Decodes a whole JSON text.
pub(super) fn json_value(text: &str) -> Value {
    match serde_json::from_str::<&RawValue>(text) {
        Ok(raw) => decode(raw, 0),
        Err(error) => Value::Unknown(error.to_string()),
    }
}

fn decode(raw: &RawValue, depth: usize) -> Value {
    if depth >= MAX_DEPTH {
        return Value::Unknown(too_deep());
    }
    let mut scratch = Batch::new(1);
    let row = scratch.start_row();
    let cell = json_cell(raw, &mut scratch);
    scratch.set(row, 0, cell);
    if !matches!(cell, Cell::Json(_)) {
        return Value::of(scratch.at(row, 0));
    }
    let text = raw.get();
    if text.starts_with('[') {
        match serde_json::from_str::<Vec<&RawValue>>(text) {
            Ok(items) => Value::Array(items.into_iter().map(|item| decode(item, depth + 1)).collect()),
            Err(error) => Value::Unknown(error.to_string()),
        }
    } else {
        match json_fields(text) {
            Ok(fields) => {
                let decoded = |(name, raw): (Cow<'_, str>, &RawValue)| (name.into_owned(), decode(raw, depth + 1));
                Value::Document(fields.0.into_iter().map(decoded).collect())
            }
            Err(error) => Value::Unknown(error.what),
        }
    }
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
