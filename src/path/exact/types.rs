//! Types of columns and expressions: what the proof knows about a value before it exists.

use std::fmt;
use std::sync::Arc;

use polars::prelude::{DataType, TimeUnit};

/// Digits of the widest decimal that polars holds.
pub const MAX_PRECISION: u32 = 38;
/// Digits of an `i64`.
pub(super) const INTEGER_DIGITS: u32 = 19;

/// The type of a column of an input or of the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SqlType {
    /// `coefficient × 10^-scale` with at most `precision` digits (1 to 38).
    Decimal {
        /// Digits in all.
        precision: u32,
        /// Digits behind the point.
        scale: u32,
    },
    /// A 64-bit whole number.
    Integer,
    /// Text, compared byte by byte.
    Text,
    /// A truth value.
    Boolean,
    /// A calendar date.
    Date,
    /// A point in time without zone (UTC), in the given unit.
    Instant(Unit),
    /// A binary float: may stand in an input, may not be used.
    Float,
    /// NULL in every row.
    Null,
    /// Anything else: may stand in an input, may not be used. The name is shown in messages.
    Other(String),
}

/// The unit of an instant's count since 1970-01-01T00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    /// 10^-3 seconds.
    Milliseconds,
    /// 10^-6 seconds.
    Microseconds,
    /// 10^-9 seconds.
    Nanoseconds,
}

impl Unit {
    /// Nanoseconds in one unit.
    pub fn nanos(self) -> i128 {
        match self {
            Unit::Milliseconds => 1_000_000,
            Unit::Microseconds => 1_000,
            Unit::Nanoseconds => 1,
        }
    }

    pub(super) fn polars(self) -> TimeUnit {
        match self {
            Unit::Milliseconds => TimeUnit::Milliseconds,
            Unit::Microseconds => TimeUnit::Microseconds,
            Unit::Nanoseconds => TimeUnit::Nanoseconds,
        }
    }
}

impl SqlType {
    /// What the layer makes of a column of this polars type.
    pub fn of(dtype: &DataType) -> SqlType {
        match dtype {
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32 => SqlType::Integer,
            DataType::UInt64 => SqlType::Decimal { precision: 20, scale: 0 },
            DataType::Int128 => SqlType::Decimal { precision: MAX_PRECISION, scale: 0 },
            DataType::Decimal(precision, scale) => match (u32::try_from(*precision), u32::try_from(*scale)) {
                (Ok(precision @ 1..=MAX_PRECISION), Ok(scale)) if scale <= precision => {
                    SqlType::Decimal { precision, scale }
                }
                _ => SqlType::Other(dtype.to_string()),
            },
            DataType::String => SqlType::Text,
            DataType::Boolean => SqlType::Boolean,
            DataType::Date => SqlType::Date,
            DataType::Datetime(unit, None) => SqlType::Instant(match unit {
                TimeUnit::Milliseconds => Unit::Milliseconds,
                TimeUnit::Microseconds => Unit::Microseconds,
                TimeUnit::Nanoseconds => Unit::Nanoseconds,
            }),
            DataType::Float32 | DataType::Float64 => SqlType::Float,
            DataType::Null => SqlType::Null,
            other => SqlType::Other(other.to_string()),
        }
    }
}

impl fmt::Display for SqlType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SqlType::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            SqlType::Integer => f.write_str("integer"),
            SqlType::Text => f.write_str("text"),
            SqlType::Boolean => f.write_str("boolean"),
            SqlType::Date => f.write_str("date"),
            SqlType::Instant(_) => f.write_str("timestamp"),
            SqlType::Float => f.write_str("float"),
            SqlType::Null => f.write_str("NULL"),
            SqlType::Other(name) => f.write_str(name),
        }
    }
}

/// A table that a query may read: an input as its reader describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSchema {
    /// The name by which the SQL knows it.
    pub name: String,
    /// Columns in order.
    pub columns: Vec<(String, SqlType)>,
}

impl TableSchema {
    /// The table of a frame with this schema.
    pub fn of(name: impl Into<String>, schema: &polars::prelude::Schema) -> TableSchema {
        let columns = schema.iter().map(|(name, dtype)| (name.to_string(), SqlType::of(dtype))).collect();
        TableSchema { name: name.into(), columns }
    }
}

/// The type of an expression: what is proved about its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ty {
    /// At most `digits` digits, `scale` of them behind the point. Held as polars Decimal(38, scale).
    Decimal {
        digits: u32,
        scale: u32,
    },
    /// Held as Int64.
    Integer,
    Text,
    Boolean,
    Date,
    Instant(Unit),
    /// A bare NULL: takes the type of what it meets.
    Null,
    /// May be carried, never used: the type's name.
    Barred(Arc<str>),
}

impl Ty {
    pub(super) fn of(declared: &SqlType) -> Ty {
        match declared {
            SqlType::Decimal { precision, scale } => Ty::Decimal { digits: *precision, scale: *scale },
            SqlType::Integer => Ty::Integer,
            SqlType::Text => Ty::Text,
            SqlType::Boolean => Ty::Boolean,
            SqlType::Date => Ty::Date,
            SqlType::Instant(unit) => Ty::Instant(*unit),
            SqlType::Null => Ty::Null,
            SqlType::Float | SqlType::Other(_) => Ty::Barred(declared.to_string().into()),
        }
    }

    /// The type of a result column.
    pub(super) fn public(&self) -> SqlType {
        match self {
            Ty::Decimal { scale, .. } => SqlType::Decimal { precision: MAX_PRECISION, scale: *scale },
            Ty::Integer => SqlType::Integer,
            Ty::Text => SqlType::Text,
            Ty::Boolean => SqlType::Boolean,
            Ty::Date => SqlType::Date,
            Ty::Instant(unit) => SqlType::Instant(*unit),
            Ty::Null => SqlType::Null,
            Ty::Barred(name) => SqlType::Other(name.to_string()),
        }
    }

    /// How polars holds it.
    pub(super) fn dtype(&self) -> DataType {
        match self {
            Ty::Decimal { scale, .. } => DataType::Decimal(MAX_PRECISION as usize, *scale as usize),
            Ty::Integer => DataType::Int64,
            Ty::Text => DataType::String,
            Ty::Boolean => DataType::Boolean,
            Ty::Date => DataType::Date,
            Ty::Instant(unit) => DataType::Datetime(unit.polars(), None),
            Ty::Null | Ty::Barred(_) => DataType::Null,
        }
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self, Ty::Decimal { .. } | Ty::Integer)
    }

    /// Digits in all and behind the point, of a number.
    pub(super) fn number(&self) -> Option<(u32, u32)> {
        match self {
            Ty::Decimal { digits, scale } => Some((*digits, *scale)),
            Ty::Integer => Some((INTEGER_DIGITS, 0)),
            _ => None,
        }
    }
}

impl fmt::Display for Ty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ty::Decimal { digits, scale } => write!(f, "decimal({digits},{scale})"),
            Ty::Barred(name) => f.write_str(name),
            other => other.public().fmt(f),
        }
    }
}
