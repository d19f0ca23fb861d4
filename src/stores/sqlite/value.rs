//! Values as SQLite holds them: by storage class on the way out, by affinity when they are compared.
//!
//! Must not talk to a database.

use sqlx::sqlite::{SqliteArguments, SqliteValueRef};
use sqlx::{Arguments, Decode, TypeInfo, ValueRef};

use crate::domain::{Batch, Cell, NumberForm, Value, double_to_amount};
use crate::stores::ColumnKind;
use crate::stores::seek::{Fit, other_kind};

/// What a column's declared type does to values on their way in, and to values it is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Affinity {
    Numeric,
    Text,
    /// None, or not known.
    Other,
}

/// How a value stands to what SQLite can hold: numbers, text and bytes.
pub(super) fn fit(value: &Value) -> Fit {
    match value {
        Value::Uuid(bytes) => Fit::As(Value::Bytes(bytes.to_vec())),
        // Between text and bytes in the order of keys.
        Value::Document(_) | Value::Array(_) => Fit::Between(Value::Bytes(Vec::new())),
        other => other_kind(ColumnKind::Bytes, other)
            .filter(|f| matches!(f, Fit::After))
            .unwrap_or_else(|| Fit::As(other.clone())),
    }
}

/// A value's cell by its storage class.
#[inline]
pub(super) fn decode(batch: &mut Batch, value: SqliteValueRef<'_>) -> Cell {
    let info = value.type_info();
    let class = info.name().as_bytes()[0];
    // NULL has no bytes; its type would be the declared one.
    if value.is_null() {
        return Cell::Null;
    }
    let decoded = match class {
        b'I' => <i64 as Decode<sqlx::Sqlite>>::decode(value).map(|n| Cell::Number {
            coefficient: n.into(),
            scale: 0,
            form: NumberForm::Integer,
        }),
        b'R' => <f64 as Decode<sqlx::Sqlite>>::decode(value).map(|double| batch.double(double)),
        b'T' => <&[u8] as Decode<sqlx::Sqlite>>::decode(value).map(|bytes| match std::str::from_utf8(bytes) {
            Ok(_) => Cell::Text(batch.store(bytes)),
            Err(error) => batch.unknown(&format!("text that is not UTF-8: {error}")),
        }),
        _ => <&[u8] as Decode<sqlx::Sqlite>>::decode(value).map(|bytes| Cell::Bytes(batch.store(bytes))),
    };
    decoded.unwrap_or_else(|error| batch.unknown(&error.to_string()))
}

/// What a declared type says, by SQLite's rules of affinity.
pub(super) fn judge(declared: &str) -> (ColumnKind, Affinity) {
    let declared = declared.to_ascii_uppercase();
    let has = |words: &[&str]| words.iter().any(|w| declared.contains(w));
    if has(&["INT"]) {
        (ColumnKind::Number, Affinity::Numeric)
    } else if has(&["CHAR", "CLOB", "TEXT"]) {
        (ColumnKind::Text, Affinity::Text)
    } else if declared.is_empty() || declared == "NULL" || declared == "ANY" || has(&["BLOB"]) {
        (ColumnKind::Mixed, Affinity::Other)
    } else if has(&["DATE", "TIME"]) {
        // Numbers for SQLite, but most hold text.
        (ColumnKind::Mixed, Affinity::Numeric)
    } else {
        (ColumnKind::Number, Affinity::Numeric)
    }
}

/// Binds a parameter's value as what SQLite has for it.
pub(super) fn argument(value: &Value, arguments: &mut SqliteArguments) -> Result<(), String> {
    let added = match value {
        Value::Null | Value::Absent => arguments.add(None::<i64>),
        Value::Bool(b) => arguments.add(i64::from(*b)),
        Value::Number { amount, .. } => {
            let whole = amount.small().filter(|(_, scale)| *scale == 0).and_then(|(c, _)| i64::try_from(c).ok());
            match (whole, amount.to_string().parse::<f64>()) {
                (Some(whole), _) => arguments.add(whole),
                (None, Ok(double)) if double_to_amount(double).same_value(amount) => arguments.add(double),
                _ => return Err(format!("SQLite has no number type that holds {amount} exactly")),
            }
        }
        Value::Text { text, .. } => arguments.add(text.clone()),
        Value::Bytes(bytes) => arguments.add(bytes.clone()),
        // As SQLite's own functions write it.
        Value::Instant { .. } => arguments.add(value.to_string().replace('T', " ").trim_end_matches('Z').to_owned()),
        Value::Unknown(why) => return Err(why.clone()),
        other => arguments.add(other.to_string()),
    };
    added.map_err(|e| e.to_string())
}
