//! Types of a table's columns: which are made for what was seen, and whether those that are there hold it exactly.
//! Nothing is left to the store to round, cut or convert. Must not talk to a store.

use crate::stores::StoreError;
use crate::stores::sql::Dialect;

use super::form::{Form, Kind};

/// Columns of recon's own, behind the reconciliation's.
pub(super) const OWN: [&str; 5] = ["recon_source", "recon_reason", "recon_cycle", "recon_run", "recon_snapshot"];
/// Characters that recon's own columns need.
const OWN_CHARACTERS: [u64; 5] = [16, 32, 500, 64, 64];
/// Longest cycle name.
pub(super) const CYCLE_CHARACTERS: usize = 500;
/// Digits of MySQL's DECIMAL.
const MYSQL_DIGITS: u32 = 65;
/// Of these, digits behind the point.
const MYSQL_SCALE: u32 = 30;
/// Characters of a MySQL text key that an index takes beside others.
const MYSQL_KEY: u64 = 255;
/// Bytes of a MySQL index.
const MYSQL_INDEX: u64 = 3072;

/// What a column can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Whole numbers of up to so many digits.
    Integer { digits: u32 },
    /// Digits before and behind the point; `None`: any.
    Decimal { limits: Option<(u32, u32)> },
    /// Binary floats, or SQLite's NUMERIC, which makes floats of what is no small integer.
    Float,
    /// Text of up to so many characters.
    Text { characters: Option<u64> },
    /// Dates.
    Date,
    /// Instants with so many digits behind the second.
    Instant { digits: u32 },
    /// Truth values.
    Boolean,
    /// Anything else: bytes, blank-padded text, JSON, …
    Other,
}

/// A column that is there.
#[derive(Clone, Debug)]
pub(super) struct Existing {
    pub name: String,
    /// The type as the store writes it.
    pub shown: String,
    pub class: Class,
    pub nullable: bool,
    /// Filled by itself where nothing is given.
    pub filled: bool,
}

/// The type that is made for a column.
pub(super) fn made(dialect: Dialect, kind: Kind, key: bool, collation: &str) -> String {
    let decimal = |whole: u32, scale: u32| mysql_decimal(whole, scale);
    match (dialect, kind) {
        (Dialect::MySql, Kind::Integer { digits: ..=18 }) => "BIGINT".into(),
        (Dialect::Postgres, Kind::Integer { digits: ..=18 }) => "bigint".into(),
        (Dialect::Sqlite, Kind::Integer { digits: ..=18 }) => "INTEGER".into(),
        (Dialect::MySql, Kind::Integer { digits }) if decimal(digits, 0).is_some() => {
            decimal(digits, 0).unwrap_or_default()
        }
        (Dialect::MySql, Kind::Decimal { whole, scale, special: false }) if decimal(whole, scale).is_some() => {
            decimal(whole, scale).unwrap_or_default()
        }
        // As a key a NaN has another place in PostgreSQL's order than in recon's.
        (Dialect::Postgres, Kind::Decimal { special: true, .. }) if key => "text".into(),
        (Dialect::Postgres, Kind::Integer { .. } | Kind::Decimal { .. }) => "numeric".into(),
        (Dialect::MySql, Kind::Date) => "DATE".into(),
        (Dialect::Postgres, Kind::Date) => "date".into(),
        (Dialect::MySql, Kind::Instant) => "DATETIME(6)".into(),
        (Dialect::Postgres, Kind::Instant) => "timestamptz".into(),
        (Dialect::Postgres, Kind::Boolean) => "boolean".into(),
        (Dialect::MySql | Dialect::Sqlite, Kind::Boolean) => "BOOLEAN".into(),
        (Dialect::MySql, kind) if key => {
            format!("VARCHAR({}) CHARACTER SET utf8mb4 COLLATE {collation}", characters(kind).max(MYSQL_KEY))
        }
        (Dialect::MySql, _) => format!("LONGTEXT CHARACTER SET utf8mb4 COLLATE {collation}"),
        (Dialect::Postgres, _) => "text".into(),
        (Dialect::Sqlite, _) => "TEXT".into(),
    }
}

/// Characters of the values of a kind, written as text.
fn characters(kind: Kind) -> u64 {
    match kind {
        Kind::Integer { digits } => u64::from(digits) + 1,
        Kind::Decimal { whole, scale, .. } => u64::from(whole + scale + 2).max(9),
        Kind::Text { characters } => characters,
        Kind::Date => 10,
        Kind::Instant => 32,
        Kind::Boolean => 5,
        Kind::Nothing => 0,
    }
}

fn mysql_decimal(whole: u32, scale: u32) -> Option<String> {
    (scale <= MYSQL_SCALE && whole + scale <= MYSQL_DIGITS)
        .then(|| format!("DECIMAL({MYSQL_DIGITS},{})", MYSQL_SCALE.min(MYSQL_DIGITS - whole)))
}

/// The type of one of recon's own columns.
pub(super) fn made_own(dialect: Dialect, at: usize, collation: &str) -> String {
    match dialect {
        Dialect::MySql => {
            format!("VARCHAR({}) CHARACTER SET utf8mb4 COLLATE {collation} NOT NULL", OWN_CHARACTERS[at])
        }
        Dialect::Postgres => "text NOT NULL".into(),
        Dialect::Sqlite => "TEXT NOT NULL".into(),
    }
}

/// Whether an index over the run and these key columns fits into what MySQL allows.
pub(super) fn fits_index(kinds: &[Kind]) -> bool {
    let bytes = |kind: &Kind| match made(Dialect::MySql, *kind, true, "") {
        text if text.starts_with("VARCHAR") => 4 * characters(*kind).max(MYSQL_KEY) + 2,
        _ => 33,
    };
    kinds.iter().map(bytes).sum::<u64>() + 4 * OWN_CHARACTERS[3] <= MYSQL_INDEX
}

/// The form in which a column that is there takes values of a kind.
///
/// # Errors
/// What the column would have to be.
pub(super) fn judge(dialect: Dialect, class: Class, kind: Kind, key: bool) -> Result<Form, String> {
    let long = characters(kind);
    let text = |needed: &str| match class {
        Class::Text { characters } if characters.is_none_or(|most| long <= most) => Ok(Form::Text),
        Class::Text { .. } => Err(format!("text of {long} characters")),
        _ => Err(needed.to_owned()),
    };
    match (kind, class) {
        (Kind::Integer { digits }, Class::Integer { digits: most }) if digits <= most => Ok(Form::Number),
        (Kind::Decimal { whole, scale: 0, special: false }, Class::Integer { digits: most }) if whole <= most => {
            Ok(Form::Number)
        }
        (Kind::Integer { digits }, Class::Decimal { limits }) if limits.is_none_or(|(most, _)| digits <= most) => {
            Ok(Form::Number)
        }
        (Kind::Decimal { special: true, .. }, Class::Decimal { limits: None })
            if dialect == Dialect::Postgres && !key =>
        {
            Ok(Form::Number)
        }
        (Kind::Decimal { whole, scale, special: false }, Class::Decimal { limits })
            if limits.is_none_or(|(most, deep)| whole <= most && scale <= deep) =>
        {
            Ok(Form::Number)
        }
        (Kind::Integer { digits }, _) => text(&format!("an exact type for whole numbers of {digits} digits")),
        (Kind::Decimal { special: true, .. }, _) => text("a text type: NaN or an infinity is among the values"),
        (Kind::Decimal { whole, scale, .. }, _) => {
            text(&format!("an exact decimal type of {whole} digits before the point and {scale} behind it"))
        }
        (Kind::Date, Class::Date) => Ok(Form::Date),
        (Kind::Date, _) => text("a date"),
        (Kind::Instant, Class::Instant { digits: 6.. }) => Ok(Form::Instant),
        (Kind::Instant, _) => text("an instant with 6 digits behind the second"),
        (Kind::Boolean, Class::Boolean) => Ok(Form::Boolean),
        (Kind::Boolean, Class::Integer { .. }) if dialect != Dialect::Postgres => Ok(Form::Bit),
        (Kind::Boolean, _) => text("a truth value"),
        (Kind::Text { .. }, _) => text("text"),
        (Kind::Nothing, Class::Integer { .. } | Class::Decimal { .. } | Class::Float) => Ok(Form::Number),
        (Kind::Nothing, Class::Date) => Ok(Form::Date),
        (Kind::Nothing, Class::Instant { .. }) => Ok(Form::Instant),
        (Kind::Nothing, Class::Boolean) => Ok(Form::Boolean),
        (Kind::Nothing, _) => Ok(Form::Text),
    }
}

/// Judges the shape of a table that is there: every column, nothing that must be filled besides.
///
/// # Errors
/// Class `Usage`: what is in the way, and what to do.
pub(super) fn check_shape(
    dialect: Dialect,
    label: &str,
    existing: &[Existing],
    key: &[String],
    columns: &[String],
) -> Result<(), StoreError> {
    let find = |name: &str| existing.iter().find(|column| same_name(dialect, &column.name, name));
    for name in key.iter().chain(columns).map(String::as_str).chain(OWN) {
        if find(name).is_none() {
            let names = existing.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(StoreError::usage(format!("the table {label} is there and has no column `{name}`")).hint(format!(
                "its columns are {names}; add the column (ALTER TABLE … ADD), name another table under `decisions`, or drop this one and recon makes it"
            )));
        }
    }
    for (at, name) in OWN.iter().enumerate() {
        let Some(column) = find(name) else { continue };
        let needed = OWN_CHARACTERS[at];
        if !matches!(column.class, Class::Text { characters } if characters.is_none_or(|most| most >= needed)) {
            return Err(unfit(label, column, &format!("text of {needed} characters")));
        }
    }
    if let Some(run) = find("recon_run").filter(|run| run.nullable) {
        return Err(StoreError::usage(format!("the table {label}: the column `{}` may be NULL", run.name))
            .hint("a run that was overtaken is stopped by it: make it NOT NULL"));
    }
    for column in existing {
        let named = |name: &str| same_name(dialect, &column.name, name);
        let ours = key.iter().chain(columns).any(|name| named(name)) || OWN.iter().any(|name| named(name));
        if !ours && !column.nullable && !column.filled {
            return Err(StoreError::usage(format!(
                "the table {label} has the column `{}`, which must be filled and is none of the decisions",
                column.name
            ))
            .hint("give it a default, allow NULL, or name another table under `decisions`"));
        }
        if columns.iter().any(|name| named(name)) && !column.nullable {
            return Err(StoreError::usage(format!(
                "the table {label}: the column `{}` must not be NULL, but nothing is paid for a held record and its values are NULL",
                column.name
            ))
            .hint("allow NULL there"));
        }
    }
    Ok(())
}

/// The error for a column whose type does not hold the values.
pub(super) fn unfit(label: &str, column: &Existing, needed: &str) -> StoreError {
    StoreError::usage(format!(
        "the table {label}: the column `{}` is {}, which does not hold the decisions exactly; needed is {needed}",
        column.name, column.shown
    ))
    .hint("nothing was written; change the column's type (ALTER TABLE …), or name another table under `decisions`")
}

/// Whether the store takes two names for one column.
pub(super) fn same_name(dialect: Dialect, left: &str, right: &str) -> bool {
    match dialect {
        Dialect::Postgres => left == right,
        _ => left.to_lowercase() == right.to_lowercase(),
    }
}

/// A PostgreSQL type as `format_type` writes it.
pub(super) fn postgres_class(shown: &str) -> Class {
    let (name, numbers) = parts(shown);
    match name.as_str() {
        "smallint" => Class::Integer { digits: 4 },
        "integer" => Class::Integer { digits: 9 },
        "bigint" => Class::Integer { digits: 18 },
        "numeric" => Class::Decimal { limits: limits(&numbers) },
        "real" | "double precision" => Class::Float,
        "text" => Class::Text { characters: None },
        "character varying" => Class::Text { characters: numbers.first().map(|most| u64::from(*most)) },
        "date" => Class::Date,
        "timestamp with time zone" | "timestamp without time zone" => {
            Class::Instant { digits: numbers.first().copied().unwrap_or(6) }
        }
        "boolean" => Class::Boolean,
        _ => Class::Other,
    }
}

/// A SQLite column's declared type, by its rules of affinity.
pub(super) fn sqlite_class(declared: &str) -> Class {
    let upper = declared.to_ascii_uppercase();
    let has = |word: &str| upper.contains(word);
    if has("INT") || has("BOOL") {
        // A BOOLEAN has the affinity NUMERIC, which keeps 0 and 1.
        Class::Integer { digits: if has("INT") { 18 } else { 1 } }
    } else if has("CHAR") || has("CLOB") || has("TEXT") {
        Class::Text { characters: None }
    } else if upper.is_empty() || has("BLOB") || upper == "ANY" {
        // Keeps every value as it is given.
        Class::Text { characters: None }
    } else {
        Class::Float
    }
}

fn limits(numbers: &[u32]) -> Option<(u32, u32)> {
    let precision = numbers.first()?;
    let scale = numbers.get(1).copied().unwrap_or(0);
    Some((precision.saturating_sub(scale), scale))
}

/// `timestamp(3) with time zone`: the name without its numbers, and these.
fn parts(shown: &str) -> (String, Vec<u32>) {
    let Some((before, rest)) = shown.split_once('(') else { return (shown.to_owned(), Vec::new()) };
    let Some((inside, after)) = rest.split_once(')') else { return (shown.to_owned(), Vec::new()) };
    let numbers: Option<Vec<u32>> = inside.split(',').map(|number| number.trim().parse().ok()).collect();
    match numbers {
        Some(numbers) => (format!("{}{after}", before.trim_end()), numbers),
        None => (shown.to_owned(), Vec::new()),
    }
}

/// A MySQL type by its name and what the catalogue says of it.
pub(super) fn mysql_class(
    name: &str,
    shown: &str,
    precision: Option<u32>,
    scale: Option<u32>,
    characters: Option<u64>,
    digits: Option<u32>,
    charset: Option<&str>,
) -> Class {
    match name {
        "tinyint" => Class::Integer { digits: 2 },
        "smallint" => Class::Integer { digits: 4 },
        "mediumint" => Class::Integer { digits: 6 },
        "int" => Class::Integer { digits: 9 },
        "bigint" if shown.contains("unsigned") => Class::Integer { digits: 19 },
        "bigint" => Class::Integer { digits: 18 },
        "decimal" => {
            let (precision, scale) = (precision.unwrap_or(10), scale.unwrap_or(0));
            Class::Decimal { limits: Some((precision.saturating_sub(scale), scale)) }
        }
        "float" | "double" => Class::Float,
        // The server counts bytes in a TEXT; four of them hold any character.
        "tinytext" | "text" | "mediumtext" | "longtext" if charset == Some("utf8mb4") => {
            Class::Text { characters: characters.map(|bytes| bytes / 4) }
        }
        "varchar" if charset == Some("utf8mb4") => Class::Text { characters },
        "date" => Class::Date,
        "datetime" | "timestamp" => Class::Instant { digits: digits.unwrap_or(0) },
        _ => Class::Other,
    }
}
