//! Values as the JSON that programs and services are given, and as the JSON of an answer.
//!
//! Many readers of JSON turn numbers into floats, so only whole numbers that a float holds exactly are written as
//! numbers; every other amount is a JSON string. Must not round, and must not write a value that could not be decoded.

use crate::domain::{Batch, Cell, CellRef, NumberForm, Value, format_date, format_instant, format_time};
use base64::Engine as _;

/// Largest whole number that every reader of JSON holds exactly: 2^53.
const EXACT: u128 = 1 << 53;

/// Writes a record as one JSON object; absent fields are left out.
///
/// # Errors
/// The reason why a field could not be decoded, and which: the record must not be computed from.
pub(super) fn write_record(batch: &Batch, row: usize, names: &[String], out: &mut Vec<u8>) -> Result<(), String> {
    out.push(b'{');
    let mut first = true;
    for (column, name) in names.iter().enumerate() {
        let at = batch.at(row, column);
        if matches!(at.cell, Cell::Absent) {
            continue;
        }
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        write_text(name, out);
        out.push(b':');
        write_cell(at, out).map_err(|why| format!("the input field `{name}` could not be read: {why}"))?;
    }
    out.push(b'}');
    Ok(())
}

/// Writes a cell as JSON.
///
/// # Errors
/// The reason why it, or something inside it, could not be decoded.
pub(super) fn write_cell(at: CellRef<'_>, out: &mut Vec<u8>) -> Result<(), String> {
    match at.cell {
        Cell::Text(span) | Cell::Untyped(span) => write_text(at.text(span), out),
        Cell::Unknown(span) => return Err(at.text(span).to_owned()),
        _ => return write_value(&Value::of(at), out),
    }
    Ok(())
}

/// Writes a value as JSON.
///
/// # Errors
/// As [`write_cell`].
pub(super) fn write_value(value: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    match value {
        Value::Absent | Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(b) => out.extend_from_slice(if *b { b"true" } else { b"false" }),
        Value::Number { amount, form: NumberForm::Integer }
            if amount.small().is_some_and(|(c, scale)| scale == 0 && c.unsigned_abs() <= EXACT) =>
        {
            out.extend_from_slice(amount.to_string().as_bytes());
        }
        Value::Number { amount, .. } => write_text(&amount.to_string(), out),
        Value::Text { text, .. } => write_text(text, out),
        Value::Bytes(bytes) => write_text(&base64::engine::general_purpose::STANDARD.encode(bytes), out),
        Value::Date(days) => write_text(&format_date(*days), out),
        Value::Instant { nanos, digits } => write_text(&format_instant(*nanos, *digits), out),
        Value::Time { nanos, digits } => write_text(&format_time(*nanos, *digits), out),
        Value::Uuid(_) | Value::ObjectId(_) => write_text(&value.to_string(), out),
        Value::Document(fields) => return write_object(fields, out, write_value),
        Value::Array(items) => return write_array(items, out, write_value),
        Value::Unknown(reason) => return Err(reason.clone()),
    }
    Ok(())
}

/// Writes fields as a JSON object; absent ones are left out.
///
/// # Errors
/// As [`write_cell`].
pub(super) fn write_fields(fields: &[(String, Value)], out: &mut Vec<u8>) -> Result<(), String> {
    write_object(fields, out, write_value)
}

/// Writes an outcome of own code as the text of an answer: exactly, with Extended JSON where plain JSON has no type.
///
/// # Errors
/// As [`write_cell`].
pub(super) fn write_outcome(fields: &[(String, Value)], out: &mut Vec<u8>) -> Result<(), String> {
    write_object(fields, out, write_exact)
}

type WriteValue = fn(&Value, &mut Vec<u8>) -> Result<(), String>;

fn write_object(fields: &[(String, Value)], out: &mut Vec<u8>, write: WriteValue) -> Result<(), String> {
    out.push(b'{');
    for (at, (name, field)) in fields.iter().filter(|(_, field)| !matches!(field, Value::Absent)).enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_text(name, out);
        out.push(b':');
        write(field, out).map_err(|why| format!("`{name}`: {why}"))?;
    }
    out.push(b'}');
    Ok(())
}

fn write_array(items: &[Value], out: &mut Vec<u8>, write: WriteValue) -> Result<(), String> {
    out.push(b'[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(item, out)?;
    }
    out.push(b']');
    Ok(())
}

fn write_exact(value: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    let mut wrap = |name: &str, text: &str| {
        out.push(b'{');
        write_text(name, out);
        out.push(b':');
        write_text(text, out);
        out.push(b'}');
    };
    match value {
        Value::Number { amount, form: NumberForm::Double } => wrap("$numberDouble", &amount.to_string()),
        Value::Number { amount, .. } if amount.is_finite() => out.extend_from_slice(amount.to_string().as_bytes()),
        Value::Number { amount, .. } => wrap("$numberDecimal", &amount.to_string()),
        Value::Instant { nanos, digits } => wrap("$date", &format_instant(*nanos, *digits)),
        Value::Uuid(_) => wrap("$uuid", &value.to_string()),
        Value::ObjectId(_) => wrap("$oid", &value.to_string()),
        Value::Bytes(bytes) => {
            out.extend_from_slice(b"{\"$binary\":{\"base64\":");
            write_text(&base64::engine::general_purpose::STANDARD.encode(bytes), out);
            out.extend_from_slice(b",\"subType\":\"00\"}}");
        }
        Value::Document(fields) => return write_object(fields, out, write_exact),
        Value::Array(items) => return write_array(items, out, write_exact),
        other => return write_value(other, out),
    }
    Ok(())
}

/// Writes a text with its quotes and escapes.
pub(super) fn write_text(text: &str, out: &mut Vec<u8>) {
    let before = out.len();
    if serde_json::to_writer(&mut *out, text).is_err() {
        // A vector takes every byte; were it otherwise, no half text may stay.
        out.truncate(before);
        out.extend_from_slice(b"null");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Amount;

    fn number(text: &str, form: NumberForm) -> Value {
        Value::Number { amount: Amount::parse(text).unwrap(), form }
    }

    fn written(value: &Value) -> String {
        let mut out = Vec::new();
        write_value(value, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn amounts_are_texts_and_whole_numbers_that_floats_hold_are_numbers() {
        use NumberForm::{Decimal, Double, Integer, Untyped};
        for (text, form, json) in [
            ("17", Integer, "17"),
            ("9007199254740992", Integer, "9007199254740992"),
            ("9007199254740993", Integer, "\"9007199254740993\""),
            ("-9007199254740993", Integer, "\"-9007199254740993\""),
            ("1.50", Decimal, "\"1.50\""),
            ("100", Decimal, "\"100\""),
            ("17", Untyped, "\"17\""),
            ("0.1", Double, "\"0.1\""),
            ("NaN", Double, "\"NaN\""),
            ("1234567890123456789012345678901234567890.12", Decimal, "\"1234567890123456789012345678901234567890.12\""),
        ] {
            assert_eq!(written(&number(text, form)), json);
        }
        let document = Value::Document(vec![
            ("a\"b".into(), Value::Array(vec![number("0.10", Decimal), Value::Null])),
            ("gone".into(), Value::Absent),
            ("day".into(), Value::Date(0)),
        ]);
        assert_eq!(written(&document), r#"{"a\"b":["0.10",null],"day":"1970-01-01"}"#);
    }

    #[test]
    fn an_undecoded_value_is_never_written() {
        let inside = Value::Document(vec![("x".into(), Value::Array(vec![Value::Unknown("why".into())]))]);
        assert_eq!(write_value(&inside, &mut Vec::new()), Err("`x`: why".into()));
    }

    #[test]
    fn outcomes_come_back_as_they_were() {
        let fields = vec![
            ("amount".to_owned(), number("12345678901234567.80", NumberForm::Decimal)),
            ("ratio".to_owned(), number("0.1", NumberForm::Double)),
            ("nan".to_owned(), number("NaN", NumberForm::Decimal)),
            ("id".to_owned(), Value::Uuid([7; 16])),
            ("at".to_owned(), Value::Instant { nanos: 1_000_000_001, digits: 9 }),
            ("raw".to_owned(), Value::Bytes(vec![0, 255])),
        ];
        let mut out = Vec::new();
        write_outcome(&fields, &mut out).unwrap();
        let Value::Document(back) = Value::from_json(std::str::from_utf8(&out).unwrap()) else { panic!("no document") };
        assert_eq!(format!("{fields:?}"), format!("{back:?}"));
    }
}
