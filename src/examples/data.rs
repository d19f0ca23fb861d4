//! Tables, collections and files as the generators describe them: names, types per SQL dialect, rows as streams.
//! Must not write them anywhere.

use crate::domain::{Amount, NumberForm, Value};
use crate::stores::sql::Dialect;

/// A stream of rows; a row has one value per column, in their order.
pub type Rows = Box<dyn Iterator<Item = Vec<Value>> + Send>;
/// A stream of documents.
pub type Documents = Box<dyn Iterator<Item = Value> + Send>;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A 64-bit integer.
    Integer,
    /// An exact decimal of `digits` digits, `scale` of them behind the point.
    Decimal { digits: u8, scale: u8 },
    /// Text of at most this many characters.
    Text(u16),
    /// A day.
    Date,
    /// A moment in UTC, to the second.
    Instant,
}

/// A column of a table or file.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may be NULL.
    pub nullable: bool,
}

impl Column {
    /// A column that is never NULL.
    pub const fn new(name: &'static str, kind: Kind) -> Column {
        Column { name, kind, nullable: false }
    }

    /// A column that may be NULL.
    pub const fn nullable(name: &'static str, kind: Kind) -> Column {
        Column { name, kind, nullable: true }
    }

    /// The type in `CREATE TABLE`. SQLite has no exact decimals: there a decimal of scale s is an integer in units of
    /// 10^-s ([`Column::stored`] converts), and days and moments are ISO 8601 texts.
    pub fn sql_type(&self, dialect: Dialect) -> String {
        match (self.kind, dialect) {
            (Kind::Integer | Kind::Decimal { .. }, Dialect::Sqlite) => "INTEGER".into(),
            (_, Dialect::Sqlite) => "TEXT".into(),
            (Kind::Integer, _) => "BIGINT".into(),
            (Kind::Decimal { digits, scale }, Dialect::MySql) => format!("DECIMAL({digits},{scale})"),
            (Kind::Decimal { digits, scale }, Dialect::Postgres) => format!("NUMERIC({digits},{scale})"),
            (Kind::Text(length), Dialect::MySql) => {
                format!("VARCHAR({length}) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
            }
            (Kind::Text(_), Dialect::Postgres) => "TEXT COLLATE \"C\"".into(),
            (Kind::Date, _) => "DATE".into(),
            (Kind::Instant, Dialect::MySql) => "DATETIME".into(),
            (Kind::Instant, Dialect::Postgres) => "TIMESTAMPTZ".into(),
        }
    }

    /// The value as this dialect's column takes it: on SQLite a decimal as an integer in units of 10^-scale, and a day
    /// or a moment as text (`2026-11-05`, `2026-11-05 10:00:00`, the form of SQLite's own date functions).
    ///
    /// `Unknown` when a decimal has more digits behind the point than its column.
    pub fn stored(&self, dialect: Dialect, value: Value) -> Value {
        if dialect != Dialect::Sqlite {
            return value;
        }
        match (self.kind, value) {
            (Kind::Decimal { scale, .. }, Value::Number { amount, .. }) => match units(&amount, scale) {
                Some(units) => Value::Number { amount: Amount::new(units, 0), form: NumberForm::Integer },
                None => Value::Unknown(format!("{amount} has more than {scale} digits behind the point")),
            },
            (_, value @ Value::Date(_)) => text(value.to_string()),
            (_, value @ Value::Instant { .. }) => text(value.to_string().replace('T', " ").trim_end_matches('Z')),
            (_, value) => value,
        }
    }
}

/// The amount in units of 10^-scale, when it is a whole number of them.
fn units(amount: &Amount, scale: u8) -> Option<i128> {
    let (coefficient, own) = amount.small()?;
    let ten = |exponent: i32| crate::domain::power_of_ten(exponent);
    let missing = i32::from(scale) - own;
    if missing >= 0 {
        return coefficient.checked_mul(ten(missing)?);
    }
    let ten = ten(-missing)?;
    (coefficient % ten == 0).then_some(coefficient / ten)
}

/// A table of the SQL store.
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns.
    pub columns: &'static [Column],
    /// Columns of the primary key.
    pub key: &'static [&'static str],
    /// Further indexes: columns of each.
    pub indexes: &'static [&'static [&'static str]],
    make: Box<dyn Fn() -> Rows + Send + Sync>,
}

impl Table {
    pub(super) fn new(
        name: &'static str,
        columns: &'static [Column],
        key: &'static [&'static str],
        indexes: &'static [&'static [&'static str]],
        make: impl Fn() -> Rows + Send + Sync + 'static,
    ) -> Table {
        Table { name, columns, key, indexes, make: Box::new(make) }
    }

    /// The rows from the first on; the same ones at every call.
    pub fn rows(&self) -> Rows {
        (self.make)()
    }

    /// `CREATE TABLE` with the primary key.
    pub fn create(&self, dialect: Dialect) -> String {
        let mut parts: Vec<String> = self
            .columns
            .iter()
            .map(|c| {
                let null = if c.nullable { "" } else { " NOT NULL" };
                format!("{} {}{null}", dialect.name(c.name), c.sql_type(dialect))
            })
            .collect();
        parts.push(format!("PRIMARY KEY ({})", names(dialect, self.key)));
        let engine = if dialect == Dialect::MySql { " ENGINE=InnoDB" } else { "" };
        format!("CREATE TABLE {} ({}){engine}", dialect.name(self.name), parts.join(", "))
    }

    /// `CREATE INDEX` statements, to be run after the rows are in.
    pub fn create_indexes(&self, dialect: Dialect) -> Vec<String> {
        let index = |columns: &&'static [&'static str]| {
            let name = dialect.name(&format!("{}_by_{}", self.name, columns.join("_")));
            format!("CREATE INDEX {name} ON {} ({})", dialect.name(self.name), names(dialect, columns))
        };
        self.indexes.iter().map(index).collect()
    }
}

fn names(dialect: Dialect, columns: &[&str]) -> String {
    columns.iter().map(|name| dialect.name(name)).collect::<Vec<_>>().join(", ")
}

/// A collection of the document store.
pub struct Collection {
    /// Its name.
    pub name: &'static str,
    make: Box<dyn Fn() -> Documents + Send + Sync>,
}

impl Collection {
    pub(super) fn new(name: &'static str, make: impl Fn() -> Documents + Send + Sync + 'static) -> Collection {
        Collection { name, make: Box::new(make) }
    }

    /// The documents from the first on; the same ones at every call. Days are ISO 8601 texts in them.
    pub fn documents(&self) -> Documents {
        (self.make)()
    }
}

/// A column table of the data lake.
pub struct DataFile {
    /// Its name without an ending.
    pub name: &'static str,
    /// Its columns.
    pub columns: &'static [Column],
    make: Box<dyn Fn() -> Rows + Send + Sync>,
}

impl DataFile {
    pub(super) fn new(
        name: &'static str,
        columns: &'static [Column],
        make: impl Fn() -> Rows + Send + Sync + 'static,
    ) -> DataFile {
        DataFile { name, columns, make: Box::new(make) }
    }

    /// The rows from the first on; the same ones at every call.
    pub fn rows(&self) -> Rows {
        (self.make)()
    }
}

/// An integer value.
pub fn int(number: impl Into<i128>) -> Value {
    Value::Number { amount: Amount::new(number.into(), 0), form: NumberForm::Integer }
}

/// A decimal value: `coefficient × 10^-scale`.
pub fn decimal(coefficient: impl Into<i128>, scale: i32) -> Value {
    Value::Number { amount: Amount::new(coefficient.into(), scale), form: NumberForm::Decimal }
}

/// A text value.
pub fn text(text: impl Into<String>) -> Value {
    Value::Text { text: text.into(), untyped: false }
}

/// A document value.
pub(super) fn document<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Document(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}
