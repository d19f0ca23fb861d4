//! Types of a table's columns: which are made for what was seen, and whether those that are there hold it exactly.
//! Nothing is left to the store to round, cut or convert. Must not talk to a store.

use crate::stores::sql::Dialect;

use super::form::{Form, Kind};

/// Columns of recon's own, behind the reconciliation's.
pub(super) const OWN: [&str; 5] = ["recon_source", "recon_reason", "recon_cycle", "recon_run", "recon_snapshot"];
/// Characters that recon's own columns need.
pub(super) const OWN_CHARACTERS: [u64; 5] = [16, 32, 500, 64, 64];
/// Longest cycle name.
pub(super) const CYCLE_CHARACTERS: usize = 500;
/// Digits of MySQL's DECIMAL.
const MYSQL_DIGITS: u32 = 65;
/// Of these, digits behind the point.
const MYSQL_SCALE: u32 = 30;
/// Digits behind the point that a column of amounts gets at least.
const MYSQL_USUAL_SCALE: u32 = 10;
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
    let whole_numbers = |digits: u32| mysql_decimal(digits, 0, 0);
    let amounts = |whole: u32, scale: u32| mysql_decimal(whole, scale, MYSQL_USUAL_SCALE);
    match (dialect, kind) {
        (Dialect::MySql, Kind::Integer { digits: ..=18 }) => "BIGINT".into(),
        (Dialect::Postgres, Kind::Integer { digits: ..=18 }) => "bigint".into(),
        (Dialect::Sqlite, Kind::Integer { digits: ..=18 }) => "INTEGER".into(),
        (Dialect::MySql, Kind::Integer { digits }) if whole_numbers(digits).is_some() => {
            whole_numbers(digits).unwrap_or_default()
        }
        (Dialect::MySql, Kind::Decimal { whole, scale, special: false }) if amounts(whole, scale).is_some() => {
            amounts(whole, scale).unwrap_or_default()
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

/// MySQL's only exact type has a fixed number of digits behind the point, and shows them all to the payer. So it gets
/// as many as were seen, and for amounts not fewer than [`MYSQL_USUAL_SCALE`], so that later runs find room: currencies
/// have up to 4, rates and shares up to 8 or 10. The digits that are left stand before the point.
fn mysql_decimal(whole: u32, scale: u32, usual: u32) -> Option<String> {
    (scale <= MYSQL_SCALE && whole + scale <= MYSQL_DIGITS)
        .then(|| format!("DECIMAL({MYSQL_DIGITS},{})", scale.max(usual.min(MYSQL_DIGITS - whole))))
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

/// Whether a column holds whatever another one holds, unchanged.
pub(super) fn holds(dialect: Dialect, column: &Existing, other: &Existing) -> bool {
    if dialect == Dialect::Sqlite {
        // It keeps what it is given, unless the affinity says otherwise.
        let affinity = sqlite_affinity(&column.shown);
        return affinity == Affinity::None || affinity == sqlite_affinity(&other.shown);
    }
    let whole = |digits: u32, limits: Option<(u32, u32)>| limits.is_none_or(|(most, _)| digits < most);
    match (other.class, column.class) {
        (Class::Integer { digits }, Class::Integer { digits: most }) => digits <= most,
        // A type of so many digits takes some values of one more.
        (Class::Integer { digits }, Class::Decimal { limits }) => whole(digits, limits),
        (Class::Decimal { .. }, Class::Decimal { limits: None }) => true,
        (Class::Decimal { limits: Some((whole, scale)) }, Class::Decimal { limits: Some((most, deep)) }) => {
            whole <= most && scale <= deep
        }
        (Class::Text { characters }, Class::Text { characters: most }) => {
            most.is_none_or(|most| characters.is_some_and(|characters| characters <= most))
        }
        (Class::Instant { digits }, Class::Instant { digits: most }) => digits <= most,
        (Class::Date, Class::Date) | (Class::Boolean, Class::Boolean) => true,
        _ => column.shown == other.shown,
    }
}

/// What SQLite does to a value that it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Affinity {
    None,
    Text,
    /// Integers and what else looks like a number: an exact decimal becomes a float.
    Number,
    Real,
}

fn sqlite_affinity(shown: &str) -> Affinity {
    let upper = shown.to_ascii_uppercase();
    let has = |words: &[&str]| words.iter().any(|word| upper.contains(word));
    if has(&["INT"]) {
        Affinity::Number
    } else if has(&["CHAR", "CLOB", "TEXT"]) {
        Affinity::Text
    } else if has(&["BLOB"]) || upper == "ANY" || upper == UNDECLARED.to_ascii_uppercase() {
        Affinity::None
    } else if has(&["REAL", "FLOA", "DOUB"]) {
        Affinity::Real
    } else {
        Affinity::Number
    }
}

/// How a column of SQLite without a declared type is shown.
pub(super) const UNDECLARED: &str = "of no declared type";

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
