//! Data that every store can hold, and how it is written as text.

use jiff::civil::{Date, date};

/// A column's type.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Big,
    Int,
    /// DECIMAL(20,4)
    Money,
    Text,
    Day,
    /// Milliseconds.
    Instant,
    Uuid,
    ObjectId,
}

/// A value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum V {
    Null,
    Int(i64),
    /// In units of 0.0001.
    Money(i128),
    Text(String),
    /// Days since 1970.
    Day(i32),
    /// Milliseconds since 1970.
    Instant(i64),
    Uuid([u8; 16]),
    ObjectId([u8; 12]),
}

/// Records with typed columns, in the order that they are stored in.
#[derive(Clone)]
pub struct Table {
    pub columns: Vec<(&'static str, Type)>,
    pub rows: Vec<Vec<V>>,
    /// Amounts without trailing zeros, where the store keeps what it was given.
    pub bare: bool,
}

pub fn text(text: &str) -> V {
    V::Text(text.to_owned())
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn money(units: i128, bare: bool) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let whole = format!("{sign}{}.{:04}", units.abs() / 10_000, units.abs() % 10_000);
    if bare { super::plain(&whole) } else { whole }
}

pub fn day(days: i32) -> Date {
    date(1970, 1, 1) + jiff::Span::new().days(days)
}

/// The value as text; `None`: NULL. Instants are written `2026-11-05T10:00:00.123Z`.
pub fn plain_text(value: &V, bare: bool) -> Option<String> {
    Some(match value {
        V::Null => return None,
        V::Int(n) => n.to_string(),
        V::Money(units) => money(*units, bare),
        V::Text(text) => text.clone(),
        V::Day(days) => day(*days).to_string(),
        V::Instant(ms) => {
            let at = jiff::Timestamp::from_millisecond(*ms).unwrap().to_zoned(jiff::tz::TimeZone::UTC);
            at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
        }
        V::Uuid(bytes) => {
            let digits = hex(bytes);
            [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
        }
        V::ObjectId(bytes) => hex(bytes),
    })
}
