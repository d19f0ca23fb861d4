//! JSON and MongoDB Extended JSON, read digit by digit: a number never passes through a float.
//!
//! Extended types: <https://github.com/mongodb/specifications/blob/master/source/extended-json/extended-json.md>

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use jiff::tz::TimeZone;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::batch::{Batch, Cell, NumberForm};
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

/// Reads one JSON object; a field that stands twice is refused, for either value could be the money.
///
/// # Errors
/// What is wrong and where in the text (column).
pub fn json_fields(text: &str) -> Result<JsonFields<'_>, String> {
    let fields: JsonFields<'_> = serde_json::from_str(text).map_err(|e| e.to_string())?;
    for (at, (name, _)) in fields.0.iter().enumerate() {
        if fields.0[..at].iter().any(|(earlier, _)| earlier == name) {
            return Err(format!("the field `{name}` stands twice in one object"));
        }
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
        Some(b'{') => match extended(text, batch) {
            Some(cell) => cell,
            None => Cell::Json(batch.store(text.as_bytes())),
        },
        Some(b'[') => Cell::Json(batch.store(text.as_bytes())),
        _ => number(text, batch),
    }
}

fn json_string(text: &str) -> Result<Cow<'_, str>, String> {
    if !text.contains('\\') {
        return Ok(Cow::Borrowed(&text[1..text.len() - 1]));
    }
    serde_json::from_str(text).map(Cow::Owned).map_err(|e| e.to_string())
}

fn number(text: &str, batch: &mut Batch) -> Cell {
    let form = if text.contains(['.', 'e', 'E']) { NumberForm::Decimal } else { NumberForm::Integer };
    match batch.digits(text.as_bytes(), form) {
        Some(cell) => cell,
        None => batch.unknown(&format!("`{}` is not a number", super::shorten(text, 60))),
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
    let [(name, raw)] = fields.0.as_slice() else { return None };
    let inner = raw.get();
    let string = if inner.starts_with('"') { json_string(inner).ok() } else { None };
    let cell = match (name.as_ref(), string) {
        ("$numberDecimal", Some(digits)) => batch.digits(digits.as_bytes(), NumberForm::Decimal),
        ("$numberDouble", Some(digits)) => batch.digits(digits.as_bytes(), NumberForm::Double),
        ("$numberInt" | "$numberLong", Some(digits)) => batch.digits(digits.as_bytes(), NumberForm::Integer),
        ("$oid", Some(digits)) => unhex(&digits).and_then(|b| b.try_into().ok()).map(Cell::ObjectId),
        ("$uuid", Some(digits)) => parse_uuid(&digits).map(Cell::Uuid),
        ("$symbol", Some(text)) => Some(Cell::Text(batch.store(text.as_bytes()))),
        ("$date", Some(text)) => {
            parse_instant(&text, &TimeZone::UTC).map(|i| Cell::Instant { nanos: i.nanos, digits: 3.max(i.digits) })
        }
        ("$date", None) => milliseconds(inner).map(|ms| Cell::Instant { nanos: ms * 1_000_000, digits: 3 }),
        ("$binary", None) => binary(inner, batch),
        _ => return None,
    };
    Some(match cell {
        Some(cell) => cell,
        None => batch.unknown(&format!("`{}` is not a valid {name}", super::shorten(inner, 60))),
    })
}

/// `1762300800000` or `{"$numberLong":"1762300800000"}`.
fn milliseconds(inner: &str) -> Option<i128> {
    if let Ok(number) = inner.parse::<i64>() {
        return Some(number.into());
    }
    let fields: JsonFields<'_> = serde_json::from_str(inner).ok()?;
    let [(name, raw)] = fields.0.as_slice() else { return None };
    (name == "$numberLong").then(|| raw.get().trim_matches('"').parse::<i64>().ok().map(i128::from))?
}

/// `{"base64":"…","subType":"04"}`.
fn binary(inner: &str, batch: &mut Batch) -> Option<Cell> {
    let fields: JsonFields<'_> = serde_json::from_str(inner).ok()?;
    let field = |wanted: &str| {
        fields.0.iter().find(|(name, _)| name == wanted).and_then(|(_, raw)| json_string(raw.get()).ok())
    };
    let bytes = base64::engine::general_purpose::STANDARD.decode(field("base64")?.as_bytes()).ok()?;
    let subtype = u8::from_str_radix(&field("subType")?, 16).ok()?;
    match (subtype, <[u8; 16]>::try_from(bytes.as_slice())) {
        (4, Ok(uuid)) => Some(Cell::Uuid(uuid)),
        _ => Some(Cell::Bytes(batch.store(&bytes))),
    }
}

/// Looks a dotted path up in a JSON document or array.
pub fn json_get<'a>(raw: &'a RawValue, path: &str) -> Option<&'a RawValue> {
    let (head, rest) = path.split_once('.').unwrap_or((path, ""));
    let found = match raw.get().as_bytes().first()? {
        b'{' => {
            let fields: JsonFields<'a> = serde_json::from_str(raw.get()).ok()?;
            if let Some((_, exact)) = fields.0.iter().find(|(name, _)| name == path) {
                return Some(exact);
            }
            fields.0.into_iter().find(|(name, _)| name == head)?.1
        }
        b'[' => {
            let items: Vec<&'a RawValue> = serde_json::from_str(raw.get()).ok()?;
            *items.get(head.parse::<usize>().ok()?)?
        }
        _ => return None,
    };
    if rest.is_empty() { Some(found) } else { json_get(found, rest) }
}

/// Decodes a whole JSON text.
pub(super) fn json_value(text: &str) -> Value {
    match text.trim_start().as_bytes().first() {
        Some(b'{') => match json_fields(text) {
            Ok(fields) => {
                Value::Document(fields.0.into_iter().map(|(name, raw)| (name.into_owned(), decode(raw))).collect())
            }
            Err(error) => Value::Unknown(error),
        },
        Some(b'[') => match serde_json::from_str::<Vec<&RawValue>>(text) {
            Ok(items) => Value::Array(items.into_iter().map(decode).collect()),
            Err(error) => Value::Unknown(error.to_string()),
        },
        _ => match serde_json::from_str::<&RawValue>(text) {
            Ok(raw) => decode(raw),
            Err(error) => Value::Unknown(error.to_string()),
        },
    }
}

fn decode(raw: &RawValue) -> Value {
    let mut scratch = Batch::new(1);
    let row = scratch.start_row();
    let cell = json_cell(raw, &mut scratch);
    scratch.set(row, 0, cell);
    match scratch.at(row, 0).cell {
        Cell::Json(span) => json_value(scratch.at(row, 0).text(span)),
        _ => Value::of(scratch.at(row, 0)),
    }
}
