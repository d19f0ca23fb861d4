//! Parameters of a query, bound in PostgreSQL's binary formats.
//!
//! Numbers, dates and the like are bound with the type a literal would have. The type of a text or an instant is
//! left to the server to infer, as for a quoted literal: it may stand for an enum, a uuid, a local timestamp.
//! Nothing is ever pasted into the query.

use jiff::tz::TimeZone;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgTypeInfo};
use sqlx::{Arguments, Encode, Postgres, Type};

use crate::domain::{Amount, Value, parse_date, parse_instant, parse_uuid};

use super::decode::{EPOCH_DAYS, EPOCH_MICROS};
use super::kind::{Kind, local_of};

/// The server infers the type.
const INFERRED: u32 = 0;

/// One value in its type's binary format.
struct Bound {
    oid: u32,
    bytes: Option<Vec<u8>>,
}

impl Encode<'_, Postgres> for Bound {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        match &self.bytes {
            Some(bytes) => {
                buffer.extend_from_slice(bytes);
                Ok(IsNull::No)
            }
            None => Ok(IsNull::Yes),
        }
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(PgTypeInfo::with_oid(Oid(self.oid)))
    }
}

impl Type<Postgres> for Bound {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(INFERRED))
    }
}

/// The types to declare for a query's values.
pub(super) fn declared(values: &[Value]) -> Vec<PgTypeInfo> {
    values.iter().map(|value| PgTypeInfo::with_oid(Oid(declared_oid(value)))).collect()
}

fn declared_oid(value: &Value) -> u32 {
    match value {
        Value::Bool(_) => 16,
        // As for a literal: the narrowest of integer, bigint and numeric.
        Value::Number { amount, .. } => match amount.small() {
            Some((n, 0)) if i32::try_from(n).is_ok() => 23,
            Some((n, 0)) if i64::try_from(n).is_ok() => 20,
            _ => 1700,
        },
        Value::Date(_) => 1082,
        Value::Time { .. } => 1083,
        Value::Uuid(_) => 2950,
        Value::Bytes(_) => 17,
        _ => INFERRED,
    }
}

/// The values, encoded for the types that the server found for them.
///
/// # Errors
/// What value does not fit which type.
pub(super) fn arguments(values: &[Value], types: &[PgTypeInfo], zone: &TimeZone) -> Result<PgArguments, String> {
    let mut arguments = PgArguments::default();
    for (value, kind) in values.iter().zip(types) {
        let oid = kind.oid().map_or(INFERRED, |oid| oid.0);
        let bytes = match value {
            Value::Null | Value::Absent => None,
            value => Some(encode(value, oid, kind, zone).ok_or_else(|| {
                format!("the {} `{value}` cannot be bound where the query wants {kind}", value.type_name())
            })?),
        };
        arguments.add(Bound { oid: declared_oid(value), bytes }).map_err(|e| e.to_string())?;
    }
    Ok(arguments)
}

fn encode(value: &Value, oid: u32, kind: &PgTypeInfo, zone: &TimeZone) -> Option<Vec<u8>> {
    let read_as = Kind::of_oid(oid);
    Some(match (read_as, value) {
        (Some(Kind::Bool), Value::Bool(b)) => vec![u8::from(*b)],
        (Some(Kind::Integer), value) => {
            let (n, scale) = value.amount()?.small()?;
            let n = (scale == 0).then_some(n)?;
            match oid {
                21 => i16::try_from(n).ok()?.to_be_bytes().to_vec(),
                23 => i32::try_from(n).ok()?.to_be_bytes().to_vec(),
                _ => i64::try_from(n).ok()?.to_be_bytes().to_vec(),
            }
        }
        (Some(Kind::Numeric), value) => numeric(&value.amount()?)?,
        (Some(Kind::Float8), Value::Text { text, .. }) => text.parse::<f64>().ok()?.to_be_bytes().to_vec(),
        (Some(Kind::Date), Value::Date(days)) => days.checked_sub(EPOCH_DAYS)?.to_be_bytes().to_vec(),
        (Some(Kind::Date), Value::Text { text, .. }) => {
            parse_date(text)?.checked_sub(EPOCH_DAYS)?.to_be_bytes().to_vec()
        }
        (Some(Kind::Time), Value::Time { nanos, .. }) => {
            (nanos % 1_000 == 0).then_some(nanos / 1_000)?.to_be_bytes().to_vec()
        }
        (Some(Kind::TimestampTz), Value::Instant { nanos, .. }) => micros(*nanos)?,
        (Some(Kind::Timestamp), Value::Instant { nanos, .. }) => micros(local_of(*nanos, zone))?,
        (Some(Kind::TimestampTz), Value::Text { text, .. }) => micros(parse_instant(text, zone)?.nanos)?,
        // A local time as it is written.
        (Some(Kind::Timestamp), Value::Text { text, .. }) => micros(parse_instant(text, &TimeZone::UTC)?.nanos)?,
        (Some(Kind::Uuid), Value::Uuid(bytes)) => bytes.to_vec(),
        (Some(Kind::Uuid), Value::Text { text, .. }) => parse_uuid(text)?.to_vec(),
        (Some(Kind::Bytes), Value::Bytes(bytes)) => bytes.clone(),
        (Some(Kind::Jsonb), value) => [&[1], value.to_string().as_bytes()].concat(),
        (Some(Kind::Text | Kind::Json), value) => value.to_string().into_bytes(),
        (None, Value::Text { text, .. }) if is_enum_or_citext(kind) => text.clone().into_bytes(),
        _ => return None,
    })
}

fn is_enum_or_citext(kind: &PgTypeInfo) -> bool {
    matches!(kind.kind(), sqlx::postgres::PgTypeKind::Enum(_)) || kind.to_string().eq_ignore_ascii_case("citext")
}

fn micros(nanos: i128) -> Option<Vec<u8>> {
    let micros = (nanos % 1_000 == 0).then_some(nanos / 1_000)?;
    Some(i64::try_from(micros).ok()?.checked_sub(EPOCH_MICROS)?.to_be_bytes().to_vec())
}

/// The binary form of a numeric; `None` for what has more digits than it can hold.
fn numeric(amount: &Amount) -> Option<Vec<u8>> {
    if !amount.is_finite() {
        let sign: u16 = match amount.to_string().as_str() {
            "NaN" => 0xC000,
            "Infinity" => 0xD000,
            _ => 0xF000,
        };
        return Some([0u16, 0, sign, 0].iter().flat_map(|n| n.to_be_bytes()).collect());
    }
    let text = amount.to_string();
    let (negative, text) = text.strip_prefix('-').map_or((false, text.as_str()), |rest| (true, rest));
    if text.contains('E') {
        return None;
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let padded = format!(
        "{}{whole}{fraction}{}",
        "0".repeat((4 - whole.len() % 4) % 4),
        "0".repeat((4 - fraction.len() % 4) % 4)
    );
    let groups = padded.as_bytes().chunks(4).map(|c| std::str::from_utf8(c).ok()?.parse::<u16>().ok());
    let groups = groups.collect::<Option<Vec<u16>>>()?;
    let weight = i16::try_from(whole.len().div_ceil(4) as i64 - 1).ok()?;
    let count = u16::try_from(groups.len()).ok()?;
    let sign = if negative && !amount.is_zero() { 0x4000u16 } else { 0 };
    let scale = u16::try_from(fraction.len()).ok()?;
    let head = [count, weight as u16, sign, scale];
    Some(head.iter().chain(&groups).flat_map(|n| n.to_be_bytes()).collect())
}
