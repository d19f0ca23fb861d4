//! PostgreSQL's types as recon reads them: how each is sent, ordered, and compared with a key that is looked for.
//!
//! Must not talk to the server.

use jiff::tz::TimeZone;

use crate::domain::Value;
use crate::stores::ColumnKind;
use crate::stores::seek::{Fit, other_kind};

const MICRO: i128 = 1_000;
const DAY: i128 = 86_400_000_000_000;

/// How a column is read. The binary formats of PostgreSQL are fixed; what is not listed is read as its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// int2, int4, int8.
    Integer,
    /// oid.
    Oid,
    /// float4.
    Float4,
    /// float8.
    Float8,
    /// numeric.
    Numeric,
    /// bool.
    Bool,
    /// text, varchar, bpchar, name, citext, enums: as text, compared byte by byte. The blanks that pad a
    /// `char(n)` are not part of its text: PostgreSQL drops them in `::text`, and so do other stores.
    Text,
    /// bytea.
    Bytes,
    /// uuid.
    Uuid,
    /// date.
    Date,
    /// time without zone.
    Time,
    /// timestamp without zone, taken in the zone of the settings.
    Timestamp,
    /// timestamptz.
    TimestampTz,
    /// json.
    Json,
    /// jsonb.
    Jsonb,
    /// Everything else: as PostgreSQL writes it.
    Other,
}

impl Kind {
    /// By the oid of a built-in type. Oids of built-in types never change.
    pub fn of_oid(oid: u32) -> Option<Kind> {
        Some(match oid {
            20 | 21 | 23 => Kind::Integer,
            26 => Kind::Oid,
            700 => Kind::Float4,
            701 => Kind::Float8,
            1700 => Kind::Numeric,
            16 => Kind::Bool,
            19 | 25 | 1042 | 1043 => Kind::Text,
            17 => Kind::Bytes,
            2950 => Kind::Uuid,
            1082 => Kind::Date,
            1083 => Kind::Time,
            1114 => Kind::Timestamp,
            1184 => Kind::TimestampTz,
            114 => Kind::Json,
            3802 => Kind::Jsonb,
            // Oids below are the server's own; types that were created have greater ones.
            0..16384 => Kind::Other,
            _ => return None,
        })
    }

    /// What the rest of recon needs to know of it.
    pub fn column_kind(self) -> ColumnKind {
        match self {
            Kind::Integer | Kind::Oid | Kind::Float4 | Kind::Float8 | Kind::Numeric => ColumnKind::Number,
            Kind::Bool => ColumnKind::Bool,
            Kind::Text | Kind::Other => ColumnKind::Text,
            Kind::Bytes => ColumnKind::Bytes,
            Kind::Uuid => ColumnKind::Uuid,
            Kind::Date | Kind::Timestamp | Kind::TimestampTz => ColumnKind::Instant,
            Kind::Time => ColumnKind::Time,
            Kind::Json | Kind::Jsonb => ColumnKind::Document,
        }
    }

    /// How a value stands to what a column of this kind can hold.
    pub fn fit(self, value: &Value, zone: &TimeZone) -> Fit {
        if let Some(fit) = other_kind(self.column_kind(), value) {
            return fit;
        }
        match (self, value) {
            (Kind::Text | Kind::Other, Value::Text { text, .. }) => fit_text(text),
            (Kind::Uuid, Value::Bytes(bytes)) => fit_uuid(bytes),
            (Kind::Bytes, Value::Uuid(bytes)) => Fit::As(Value::Bytes(bytes.to_vec())),
            (Kind::Date, Value::Instant { nanos, .. }) => {
                let days = i32::try_from(nanos.div_euclid(DAY) + i128::from(nanos.rem_euclid(DAY) > 0));
                match days {
                    Ok(days) if nanos.rem_euclid(DAY) == 0 => Fit::As(Value::Date(days)),
                    Ok(days) => Fit::Between(Value::Date(days)),
                    Err(_) => Fit::As(value.clone()),
                }
            }
            (Kind::Timestamp | Kind::TimestampTz, Value::Date(days)) => self.fit_instant(i128::from(*days) * DAY, zone),
            (Kind::Timestamp | Kind::TimestampTz, Value::Instant { nanos, .. }) => self.fit_instant(*nanos, zone),
            (Kind::Time, Value::Time { nanos, .. }) => {
                let day = 86_400_000_000_000;
                match *nanos {
                    ..0 => Fit::Before,
                    n if n > day => Fit::After,
                    n if n % 1_000 == 0 => Fit::As(value.clone()),
                    n => Fit::Between(Value::Time { nanos: n - n % 1_000 + 1_000, digits: 6 }),
                }
            }
            _ => Fit::As(value.clone()),
        }
    }

    fn fit_instant(self, nanos: i128, zone: &TimeZone) -> Fit {
        let local = if self == Kind::Timestamp { local_of(nanos, zone) } else { nanos };
        let rest = local.rem_euclid(MICRO);
        if rest == 0 {
            Fit::As(Value::Instant { nanos: local, digits: 6 })
        } else {
            Fit::Between(Value::Instant { nanos: local - rest + MICRO, digits: 6 })
        }
    }
}

/// An instant as local time in a zone, counted as if it were UTC: what a `timestamp` column holds.
pub(super) fn local_of(nanos: i128, zone: &TimeZone) -> i128 {
    match jiff::Timestamp::from_nanosecond(nanos) {
        Ok(stamp) => nanos + i128::from(zone.to_offset(stamp).seconds()) * 1_000_000_000,
        Err(_) => nanos,
    }
}

/// How a text stands to the texts of a column: PostgreSQL's hold no NUL.
pub(super) fn fit_text(text: &str) -> Fit {
    match text.find('\0') {
        None => Fit::As(Value::Text { text: text.to_owned(), untyped: false }),
        // No text lies between `a\0…` and `a\x01`.
        Some(at) => Fit::Between(Value::Text { text: format!("{}\u{1}", &text[..at]), untyped: false }),
    }
}

fn fit_uuid(bytes: &[u8]) -> Fit {
    let mut uuid = [0u8; 16];
    let len = bytes.len().min(16);
    uuid[..len].copy_from_slice(&bytes[..len]);
    match bytes.len() {
        16 => Fit::As(Value::Uuid(uuid)),
        0..16 => Fit::Between(Value::Uuid(uuid)),
        _ => match u128::from_be_bytes(uuid).checked_add(1) {
            Some(next) => Fit::Between(Value::Uuid(next.to_be_bytes())),
            None => Fit::After,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{parse_date, parse_instant};

    fn shown(fit: Fit) -> String {
        match fit {
            Fit::As(value) => format!("= {value}"),
            Fit::Between(value) => format!("< {value}"),
            Fit::Before => "before".into(),
            Fit::After => "after".into(),
        }
    }

    #[test]
    fn finer_values_fall_between_what_a_column_holds() {
        let zone = TimeZone::get("Asia/Seoul").expect("bundled");
        let instant = |text: &str| {
            let read = parse_instant(text, &TimeZone::UTC).expect(text);
            Value::Instant { nanos: read.nanos, digits: read.digits }
        };
        let cases = [
            (Kind::Date, instant("2026-11-05T00:00:00Z"), "= 2026-11-05"),
            (Kind::Date, instant("2026-11-05T00:00:01Z"), "< 2026-11-06"),
            (Kind::TimestampTz, instant("2026-11-05T00:00:00.000001Z"), "= 2026-11-05T00:00:00.000001Z"),
            (Kind::TimestampTz, instant("2026-11-05T00:00:00.0000011Z"), "< 2026-11-05T00:00:00.000002Z"),
            (Kind::Timestamp, instant("2026-11-05T00:00:00Z"), "= 2026-11-05T09:00:00Z"),
            (Kind::Timestamp, Value::Date(parse_date("2026-11-05").expect("date")), "= 2026-11-05T09:00:00Z"),
            (Kind::Time, Value::Time { nanos: -1, digits: 0 }, "before"),
            (Kind::Time, Value::Time { nanos: 86_400_000_000_001, digits: 0 }, "after"),
            (Kind::Time, Value::Time { nanos: 1, digits: 9 }, "< 00:00:00.000001"),
            (Kind::Uuid, Value::Bytes(vec![1; 17]), "< 01010101-0101-0101-0101-010101010102"),
            (Kind::Uuid, Value::Bytes(vec![255; 17]), "after"),
            (Kind::Uuid, Value::Text { text: "x".into(), untyped: false }, "before"),
            (Kind::Integer, Value::Text { text: "1".into(), untyped: false }, "after"),
            (Kind::Text, Value::Text { text: "a\0b".into(), untyped: false }, "< a\u{1}"),
        ];
        for (kind, value, expected) in cases {
            assert_eq!(shown(kind.fit(&value, &zone)), expected, "{kind:?} {value}");
        }
    }
}
