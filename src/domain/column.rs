//! Column types: what the user fixes with `--type`, and which kinds of value a column was seen to hold.

use std::str::FromStr;

use super::batch::{Cell, NumberForm};

/// A type that a user fixes for a column on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// Exact decimal.
    Decimal,
    /// Whole number.
    Integer,
    /// Text, byte by byte.
    Text,
    /// Calendar date.
    Date,
    /// Point in time.
    Instant,
    /// Time of day or duration.
    Time,
    /// Truth value.
    Boolean,
    /// UUID.
    Uuid,
    /// Document or array.
    Json,
}

impl ColumnType {
    /// Every type, in the order of the documentation.
    pub const ALL: [ColumnType; 9] = [
        ColumnType::Decimal,
        ColumnType::Integer,
        ColumnType::Text,
        ColumnType::Date,
        ColumnType::Instant,
        ColumnType::Time,
        ColumnType::Boolean,
        ColumnType::Uuid,
        ColumnType::Json,
    ];

    /// The name that users write.
    pub fn name(self) -> &'static str {
        match self {
            ColumnType::Decimal => "decimal",
            ColumnType::Integer => "integer",
            ColumnType::Text => "text",
            ColumnType::Date => "date",
            ColumnType::Instant => "instant",
            ColumnType::Time => "time",
            ColumnType::Boolean => "boolean",
            ColumnType::Uuid => "uuid",
            ColumnType::Json => "json",
        }
    }
}

impl FromStr for ColumnType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|t| t.name() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|t| t.name()).collect();
            format!("`{text}` is not a type; the types are {}", names.join(", "))
        })
    }
}

/// Which kinds of value were seen in a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindSet(u32);

const NAMES: [&str; 12] = [
    "integer", "decimal", "boolean", "text", "bytes", "date", "instant", "time", "uuid", "objectid", "document",
    "array",
];
const INTEGER: u32 = 1;
const DECIMAL: u32 = 2;
const TEXT: u32 = 8;
/// The column is there: a value, or NULL. An absent field sets nothing.
const PRESENT: u32 = 1 << 31;

impl KindSet {
    /// Notes a value. NULL, absent and undecodable values say nothing about a type.
    #[inline]
    pub fn note(&mut self, cell: &Cell) {
        self.0 |= if matches!(cell, Cell::Absent) { 0 } else { PRESENT };
        self.0 |= match cell {
            Cell::Number { form: NumberForm::Integer, .. } => INTEGER,
            Cell::Number { scale: 0, form: NumberForm::Untyped, .. } => INTEGER,
            Cell::Number { .. } | Cell::Wide { .. } => DECIMAL,
            Cell::Absent | Cell::Null | Cell::Unknown(_) => 0,
            Cell::Bool(_) => 4,
            Cell::Text(_) | Cell::Untyped(_) => TEXT,
            Cell::Bytes(_) => 16,
            Cell::Date(_) => 32,
            Cell::Instant { .. } => 64,
            Cell::Time { .. } => 128,
            Cell::Uuid(_) => 256,
            Cell::ObjectId(_) => 512,
            Cell::Json(_) | Cell::Bson { array: false, .. } => 1024,
            Cell::Bson { array: true, .. } => 2048,
        };
    }

    /// Both sets together.
    pub fn union(self, other: KindSet) -> KindSet {
        KindSet(self.0 | other.0)
    }

    /// Whether a number was seen.
    pub fn has_numbers(self) -> bool {
        self.0 & (INTEGER | DECIMAL) != 0
    }

    /// Whether nothing but NULL was seen.
    pub fn is_empty(self) -> bool {
        self.0 & !PRESENT == 0
    }

    /// Whether any record has the column at all.
    pub fn is_present(self) -> bool {
        self.0 & PRESENT != 0
    }

    /// The kind's name; numbers with a fraction anywhere are `decimal`, several kinds are `mixed`, none is `null`.
    pub fn name(self) -> &'static str {
        match self.0 & !PRESENT {
            0 => "null",
            x if x & !(INTEGER | DECIMAL) == 0 && x & DECIMAL != 0 => "decimal",
            x if x.is_power_of_two() => NAMES[x.trailing_zeros() as usize],
            _ => "mixed",
        }
    }
}
