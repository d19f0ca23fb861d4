//! `Value`: one value, owned and fully decoded. For what differs, is shown, or lies inside a document; the
//! merge itself works on cells.

use std::fmt;

use super::amount::Amount;
use super::batch::{Batch, Cell, CellRef, NumberForm};
use super::temporal::{format_date, format_instant, format_time};
use super::{bson, json};

/// One decoded value.
#[derive(Clone, Debug)]
pub enum Value {
    /// The field is not in the document.
    Absent,
    /// NULL or a null field.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number, exactly, and how it was held.
    Number { amount: Amount, form: NumberForm },
    /// Text; `untyped` when its file knows no types (CSV).
    Text { text: String, untyped: bool },
    /// Raw bytes.
    Bytes(Vec<u8>),
    /// Days since 1970-01-01.
    Date(i32),
    /// Nanoseconds since 1970-01-01T00:00Z, digits behind the second.
    Instant { nanos: i128, digits: u8 },
    /// Nanoseconds, digits behind the second.
    Time { nanos: i64, digits: u8 },
    /// A UUID.
    Uuid([u8; 16]),
    /// A MongoDB ObjectId.
    ObjectId([u8; 12]),
    /// Fields in stored order; compared by name.
    Document(Vec<(String, Value)>),
    /// Compared by position.
    Array(Vec<Value>),
    /// Could not be decoded: the reason.
    Unknown(String),
}

impl Value {
    /// Decodes a cell.
    pub fn of(cell: CellRef<'_>) -> Value {
        match cell.cell {
            Cell::Absent => Value::Absent,
            Cell::Null => Value::Null,
            Cell::Bool(b) => Value::Bool(b),
            Cell::Number { coefficient, scale, form } => {
                Value::Number { amount: Amount::new(coefficient, scale.into()), form }
            }
            Cell::Wide { text, form } => match Amount::parse(cell.text(text)) {
                Ok(amount) => Value::Number { amount, form },
                Err(error) => Value::Unknown(error.to_string()),
            },
            Cell::Text(span) => Value::Text { text: cell.text(span).to_owned(), untyped: false },
            Cell::Untyped(span) => Value::Text { text: cell.text(span).to_owned(), untyped: true },
            Cell::Bytes(span) => Value::Bytes(cell.bytes(span).to_vec()),
            Cell::Date(days) => Value::Date(days),
            Cell::Instant { nanos, digits } => Value::Instant { nanos, digits },
            Cell::Time { nanos, digits } => Value::Time { nanos, digits },
            Cell::Uuid(bytes) => Value::Uuid(bytes),
            Cell::ObjectId(bytes) => Value::ObjectId(bytes),
            Cell::Bson { at, array } => bson::bson_value(cell.bytes(at), array),
            Cell::Json(span) => json::json_value(cell.text(span)),
            Cell::Unknown(span) => Value::Unknown(cell.text(span).to_owned()),
        }
    }

    /// The cell of a plain value, its bytes put into a batch; documents and arrays have none and are unknown.
    pub fn cell(&self, batch: &mut Batch) -> Cell {
        match self {
            Value::Absent => Cell::Absent,
            Value::Null => Cell::Null,
            Value::Bool(b) => Cell::Bool(*b),
            Value::Number { amount, form } => {
                let small =
                    amount.small().and_then(|(coefficient, scale)| Some((coefficient, i16::try_from(scale).ok()?)));
                match small {
                    Some((coefficient, scale)) => Cell::Number { coefficient, scale, form: *form },
                    None => Cell::Wide { text: batch.store(amount.to_string().as_bytes()), form: *form },
                }
            }
            Value::Text { text, untyped: false } => Cell::Text(batch.store(text.as_bytes())),
            Value::Text { text, untyped: true } => Cell::Untyped(batch.store(text.as_bytes())),
            Value::Bytes(bytes) => Cell::Bytes(batch.store(bytes)),
            Value::Date(days) => Cell::Date(*days),
            Value::Instant { nanos, digits } => Cell::Instant { nanos: *nanos, digits: *digits },
            Value::Time { nanos, digits } => Cell::Time { nanos: *nanos, digits: *digits },
            Value::Uuid(bytes) => Cell::Uuid(*bytes),
            Value::ObjectId(bytes) => Cell::ObjectId(*bytes),
            Value::Document(_) | Value::Array(_) => batch.unknown(&format!("a {} is no plain value", self.type_name())),
            Value::Unknown(reason) => batch.unknown(reason),
        }
    }

    /// Decodes a JSON or Extended JSON text; what is not JSON is `Unknown`.
    pub fn from_json(text: &str) -> Value {
        json::json_value(text)
    }

    /// NULL or absent.
    pub fn is_missing(&self) -> bool {
        matches!(self, Value::Null | Value::Absent)
    }

    /// Why it, or something inside it, could not be decoded.
    pub fn unknown(&self) -> Option<&str> {
        match self {
            Value::Unknown(reason) => Some(reason),
            Value::Document(fields) => fields.iter().find_map(|(_, value)| value.unknown()),
            Value::Array(items) => items.iter().find_map(Value::unknown),
            _ => None,
        }
    }

    /// The exact amount of a number, or of a text that is a plain decimal literal.
    pub fn amount(&self) -> Option<Amount> {
        match self {
            Value::Number { amount, .. } => Some(amount.clone()),
            Value::Text { text, .. } if super::decode::is_plain_literal(text.as_bytes()) => Amount::parse(text).ok(),
            _ => None,
        }
    }

    /// The type's name, as reports and messages use it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Absent => "absent",
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number { form: NumberForm::Integer, .. } => "integer",
            Value::Number { form: NumberForm::Double, .. } => "double",
            Value::Number { .. } => "decimal",
            Value::Text { .. } => "text",
            Value::Bytes(_) => "bytes",
            Value::Date(_) => "date",
            Value::Instant { .. } => "instant",
            Value::Time { .. } => "time",
            Value::Uuid(_) => "uuid",
            Value::ObjectId(_) => "objectid",
            Value::Document(_) => "document",
            Value::Array(_) => "array",
            Value::Unknown(_) => "unknown",
        }
    }

    /// As one line of JSON: numbers keep every digit, what JSON does not know is a text.
    pub fn to_string_in_json(&self) -> String {
        let mut text = String::new();
        write_json(self, &mut text, None, false);
        text
    }

    /// A document or array over several lines, its fields sorted by name: what a text diff wants.
    pub fn pretty(&self) -> String {
        let mut text = String::new();
        write_json(self, &mut text, Some(0), true);
        text
    }
}

impl fmt::Display for Value {
    /// The value as a person reads it; documents as one line of JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Absent => f.pad("(absent)"),
            Value::Null => f.pad("NULL"),
            Value::Bool(b) => f.pad(if *b { "true" } else { "false" }),
            Value::Number { amount, .. } => amount.fmt(f),
            Value::Text { text, .. } => f.pad(text),
            Value::Bytes(bytes) => f.pad(&format!("0x{}", hex(bytes))),
            Value::Date(days) => f.pad(&format_date(*days)),
            Value::Instant { nanos, digits } => f.pad(&format_instant(*nanos, *digits)),
            Value::Time { nanos, digits } => f.pad(&format_time(*nanos, *digits)),
            Value::Uuid(bytes) => f.pad(&uuid_text(bytes)),
            Value::ObjectId(bytes) => f.pad(&hex(bytes)),
            Value::Document(_) | Value::Array(_) => {
                let mut text = String::new();
                write_json(self, &mut text, None, false);
                f.pad(&text)
            }
            Value::Unknown(reason) => f.pad(&format!("(unknown: {reason})")),
        }
    }
}

/// Writes JSON; numbers keep every digit. `indent` is the current depth when lines are wanted.
fn write_json(value: &Value, out: &mut String, indent: Option<usize>, sorted: bool) {
    let newline = |out: &mut String, depth: usize| {
        if indent.is_some() {
            out.push('\n');
            out.push_str(&"  ".repeat(depth));
        }
    };
    let depth = indent.unwrap_or(0);
    let inner = indent.map(|d| d + 1);
    match value {
        Value::Document(fields) => {
            let mut fields: Vec<&(String, Value)> = fields.iter().collect();
            if sorted {
                fields.sort_by(|a, b| a.0.cmp(&b.0));
            }
            out.push('{');
            for (at, (name, field)) in fields.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                newline(out, depth + 1);
                out.push_str(&serde_json::Value::from(name.as_str()).to_string());
                out.push_str(if indent.is_some() { ": " } else { ":" });
                write_json(field, out, inner, sorted);
            }
            if !fields.is_empty() {
                newline(out, depth);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                newline(out, depth + 1);
                write_json(item, out, inner, sorted);
            }
            if !items.is_empty() {
                newline(out, depth);
            }
            out.push(']');
        }
        Value::Null | Value::Absent => out.push_str("null"),
        Value::Bool(_) => out.push_str(&value.to_string()),
        Value::Number { amount, .. } if amount.is_finite() => out.push_str(&amount.to_string()),
        other => out.push_str(&serde_json::Value::from(other.to_string()).to_string()),
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Bytes from hexadecimal digits of either case.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

/// `550e8400-e29b-41d4-a716-446655440000`.
pub(crate) fn uuid_text(bytes: &[u8; 16]) -> String {
    let h = hex(bytes);
    format!("{}-{}-{}-{}-{}", &h[..8], &h[8..12], &h[12..16], &h[16..20], &h[20..])
}

/// Reads a UUID with or without hyphens, in either case.
pub(crate) fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let hyphens = text.len() == 36 && [8, 13, 18, 23].iter().all(|at| text.as_bytes()[*at] == b'-');
    let digits = if hyphens { text.replace('-', "") } else { text.to_owned() };
    (digits.len() == 32).then(|| unhex(&digits))??.try_into().ok()
}
