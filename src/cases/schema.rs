//! What the columns of a case's tables hold: read from a case or suite, made into `CREATE TABLE`, and every value of an
//! input held to it. Must not convert a value that does not fit.

use std::collections::BTreeMap;

use crate::config::{did_you_mean, listed};
use crate::domain::{Amount, NumberForm, Value, parse_date, parse_instant, power_of_ten, shorten};
use crate::stores::bulk::{ParquetColumn, ParquetKind};
use crate::stores::sql::Dialect;

/// Tables by store and name.
pub type Tables = BTreeMap<(String, String), TableSchema>;

/// The columns of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSchema {
    /// Columns by name.
    pub columns: BTreeMap<String, Column>,
    /// Columns of the primary key; none: the table has no key.
    pub key: Vec<String>,
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// What it holds.
    pub kind: Kind,
    /// Whether it may be NULL.
    pub nullable: bool,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A 64-bit integer.
    Integer,
    /// An exact decimal of `digits` digits, `scale` of them behind the point.
    Decimal {
        /// Digits in all.
        digits: u8,
        /// Digits behind the point.
        scale: u8,
    },
    /// Text.
    Text,
    /// A day.
    Date,
    /// A moment, kept in UTC to the microsecond.
    Instant,
    /// A truth value.
    Boolean,
}

/// What stands in for decimals in SQLite, which has none: its own numbers would be binary floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SqliteDecimals {
    /// Whole numbers in units of the last digit: `10.50` of a `decimal(18,2)` is 1050.
    Scaled,
    /// Texts with every digit.
    Text,
}

impl Kind {
    fn parse(text: &str) -> Result<Kind, String> {
        let plain = [
            ("integer", Kind::Integer),
            ("text", Kind::Text),
            ("date", Kind::Date),
            ("instant", Kind::Instant),
            ("boolean", Kind::Boolean),
        ];
        if let Some((_, kind)) = plain.into_iter().find(|(name, _)| *name == text) {
            return Ok(kind);
        }
        let decimal = text.strip_prefix("decimal(").and_then(|rest| rest.strip_suffix(')')).and_then(|inner| {
            let (digits, scale) = inner.split_once(',')?;
            Some((digits.trim().parse::<u8>().ok()?, scale.trim().parse::<u8>().ok()?))
        });
        match decimal {
            Some((digits @ 1..=38, scale)) if scale <= digits => Ok(Kind::Decimal { digits, scale }),
            _ => Err(format!(
                "`{text}` is no type of a column: there are integer, decimal(DIGITS,SCALE) with up to 38 digits, text, date, \
                 instant and boolean, each followed by ` null` where the column may be NULL"
            )),
        }
    }

    fn sql_type(self, dialect: Dialect, decimals: Option<SqliteDecimals>) -> String {
        match (self, dialect) {
            (Kind::Integer | Kind::Boolean, Dialect::Sqlite) => "INTEGER".into(),
            (Kind::Decimal { .. }, Dialect::Sqlite) if decimals == Some(SqliteDecimals::Scaled) => "INTEGER".into(),
            (_, Dialect::Sqlite) => "TEXT".into(),
            (Kind::Integer, _) => "BIGINT".into(),
            (Kind::Boolean, _) => "BOOLEAN".into(),
            (Kind::Decimal { digits, scale }, Dialect::MySql) => format!("DECIMAL({digits},{scale})"),
            (Kind::Decimal { digits, scale }, Dialect::Postgres) => format!("NUMERIC({digits},{scale})"),
            (Kind::Text, Dialect::MySql) => "VARCHAR(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin".into(),
            (Kind::Text, Dialect::Postgres) => "TEXT COLLATE \"C\"".into(),
            (Kind::Date, _) => "DATE".into(),
            (Kind::Instant, Dialect::MySql) => "DATETIME(6)".into(),
            (Kind::Instant, Dialect::Postgres) => "TIMESTAMPTZ".into(),
        }
    }
}

impl TableSchema {
    /// Reads types such as `decimal(18,2)` or `date null`.
    ///
    /// # Errors
    /// What is no type, or a key that is no column.
    pub fn parse(columns: &BTreeMap<String, String>, key: &[String]) -> Result<TableSchema, String> {
        let column = |(name, text): (&String, &String)| {
            let (kind, nullable) = match text.strip_suffix(" null") {
                Some(kind) => (kind, true),
                None => (text.as_str(), false),
            };
            let kind = Kind::parse(kind.trim()).map_err(|why| format!("column `{name}`: {why}"))?;
            Ok((name.clone(), Column { kind, nullable }))
        };
        let columns: BTreeMap<String, Column> = columns.iter().map(column).collect::<Result<_, String>>()?;
        if columns.is_empty() {
            return Err("a table without columns".to_owned());
        }
        match key.iter().find(|name| !columns.contains_key(*name)) {
            Some(name) => Err(format!("the key names `{name}`, which is no column")),
            None => Ok(TableSchema { columns, key: key.to_vec() }),
        }
    }

    /// `CREATE TABLE`.
    pub fn create(&self, name: &str, dialect: Dialect, decimals: Option<SqliteDecimals>) -> String {
        let mut parts: Vec<String> = (self.columns.iter())
            .map(|(name, column)| {
                let null = if column.nullable { " NULL" } else { " NOT NULL" };
                format!("{} {}{null}", dialect.name(name), column.kind.sql_type(dialect, decimals))
            })
            .collect();
        if !self.key.is_empty() {
            let key: Vec<String> = self.key.iter().map(|name| dialect.name(name)).collect();
            parts.push(format!("PRIMARY KEY ({})", key.join(", ")));
        }
        format!("CREATE TABLE {} ({})", dialect.name(name), parts.join(", "))
    }

    /// The columns as those of a Parquet file.
    pub fn parquet(&self) -> Vec<ParquetColumn> {
        let column = |(name, column): (&String, &Column)| ParquetColumn {
            name: name.clone(),
            kind: match column.kind {
                Kind::Integer | Kind::Boolean => ParquetKind::Integer,
                Kind::Decimal { digits, scale } => ParquetKind::Decimal { digits, scale },
                Kind::Text => ParquetKind::Text,
                Kind::Date => ParquetKind::Date,
                Kind::Instant => ParquetKind::Instant,
            },
        };
        self.columns.iter().map(column).collect()
    }

    /// The values of a row in the order of the columns, each as its column holds it.
    ///
    /// # Errors
    /// A field that is no column, a column without a value, or a value that does not fit.
    pub fn row(&self, record: Value) -> Result<Vec<Value>, String> {
        let Value::Document(fields) = record else {
            return Err(format!("a row is an object of columns, not {}", shorten(&record.to_string(), 60)));
        };
        let mut fields: BTreeMap<String, Value> = fields.into_iter().collect();
        let row = self.columns.iter().map(|(name, column)| {
            let value = fields.remove(name).unwrap_or(Value::Absent);
            column.value(value).map_err(|why| format!("column `{name}`: {why}"))
        });
        let row = row.collect::<Result<Vec<Value>, String>>()?;
        let Some((unknown, _)) = fields.into_iter().next() else { return Ok(row) };
        let names = || self.columns.keys().map(String::as_str);
        let hint = did_you_mean(&unknown, names()).unwrap_or_else(|| format!("there are {}", listed(names())));
        Err(format!("`{unknown}` is no column of the table: {hint}"))
    }
}

impl Column {
    fn value(self, value: Value) -> Result<Value, String> {
        let shown = || shorten(&value.to_string(), 60);
        let wrong = |what: &str| Err(format!("{what}, not `{}` ({})", shown(), value.type_name()));
        if value.is_missing() {
            return match self.nullable {
                true => Ok(Value::Null),
                false => Err("it has no value, and its type does not say ` null`".to_owned()),
            };
        }
        if let Some(why) = value.unknown() {
            return Err(format!("the value cannot be read: {why}"));
        }
        let number = |amount: Amount, form| Value::Number { amount, form };
        match self.kind {
            Kind::Integer => match value.amount() {
                Some(amount) if amount.is_integral() && amount.to_string().parse::<i64>().is_ok() => {
                    Ok(number(amount, NumberForm::Integer))
                }
                _ => wrong("a whole number of 64 bits is wanted"),
            },
            Kind::Decimal { digits, scale } => {
                let amount = value.amount().filter(|amount| {
                    let most = power_of_ten(i32::from(digits));
                    units(amount, scale)
                        .zip(most)
                        .is_some_and(|(units, most)| units.unsigned_abs() < most.unsigned_abs())
                });
                match amount {
                    Some(amount) => Ok(number(amount, NumberForm::Decimal)),
                    None => {
                        wrong(&format!("a decimal of {digits} digits, {scale} of them behind the point, is wanted"))
                    }
                }
            }
            Kind::Text => match value {
                Value::Text { text, .. } => Ok(Value::Text { text, untyped: false }),
                // A field of a CSV file that looks like a number is text all the same.
                Value::Number { amount, form: NumberForm::Untyped } => {
                    Ok(Value::Text { text: amount.to_string(), untyped: false })
                }
                Value::Uuid(_) | Value::ObjectId(_) => Ok(Value::Text { text: value.to_string(), untyped: false }),
                _ => wrong("a text is wanted; write it in quotes"),
            },
            Kind::Date => match &value {
                Value::Date(_) => Ok(value),
                Value::Text { text, .. } => match parse_date(text) {
                    Some(days) => Ok(Value::Date(days)),
                    None => wrong("a day such as 2026-11-05 is wanted"),
                },
                _ => wrong("a day such as 2026-11-05 is wanted"),
            },
            Kind::Instant => match &value {
                Value::Instant { .. } => Ok(value),
                Value::Text { text, .. } => match parse_instant(text, &jiff::tz::TimeZone::UTC) {
                    Some(instant) if instant.nanos % 1_000 == 0 => {
                        Ok(Value::Instant { nanos: instant.nanos, digits: instant.digits })
                    }
                    Some(_) => wrong("a moment to the microsecond is wanted"),
                    None => wrong("a moment such as 2026-11-05T22:00:00Z is wanted"),
                },
                _ => wrong("a moment such as 2026-11-05T22:00:00Z is wanted"),
            },
            Kind::Boolean => match value.to_string().as_str() {
                "true" | "1" => Ok(Value::Bool(true)),
                "false" | "0" => Ok(Value::Bool(false)),
                _ => wrong("true or false is wanted"),
            },
        }
    }

    /// The value as this dialect's column takes it.
    pub fn stored(self, dialect: Dialect, decimals: Option<SqliteDecimals>, value: Value) -> Value {
        let text = |text: String| Value::Text { text, untyped: false };
        match (self.kind, dialect, value) {
            (_, _, Value::Null) => Value::Null,
            (Kind::Decimal { scale, .. }, Dialect::Sqlite, Value::Number { amount, .. }) => match decimals {
                Some(SqliteDecimals::Scaled) => match units(&amount, scale).and_then(|units| i64::try_from(units).ok())
                {
                    Some(units) => Value::Number { amount: Amount::new(units.into(), 0), form: NumberForm::Integer },
                    // SQLite would make a float of it, without a word.
                    None => Value::Unknown(format!("{amount} does not fit 64 bits in units of 10^-{scale}")),
                },
                _ => text(amount.to_string()),
            },
            (Kind::Date, Dialect::Sqlite, value) => text(value.to_string()),
            (Kind::Instant, Dialect::Sqlite, value) => {
                text(value.to_string().replace('T', " ").trim_end_matches('Z').to_owned())
            }
            (_, _, value) => value,
        }
    }
}

/// The amount in units of 10^-scale, when it is a whole number of them.
fn units(amount: &Amount, scale: u8) -> Option<i128> {
    let (coefficient, own) = amount.small()?;
    let missing = i32::from(scale) - own;
    if missing >= 0 {
        return coefficient.checked_mul(power_of_ten(missing)?);
    }
    let ten = power_of_ten(-missing)?;
    (coefficient % ten == 0).then_some(coefficient / ten)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(kind: &str) -> Column {
        let columns = BTreeMap::from([("a".to_owned(), kind.to_owned())]);
        TableSchema::parse(&columns, &[]).expect("a table").columns["a"]
    }

    fn stored(kind: &str, json: &str, decimals: SqliteDecimals) -> String {
        let column = column(kind);
        match column.value(Value::from_json(json)) {
            Ok(value) => format!("{:?}", column.stored(Dialect::Sqlite, Some(decimals), value).to_string()),
            Err(why) => format!("refused: {}", why.split(", not").next().unwrap_or_default()),
        }
    }

    #[test]
    fn a_value_is_held_to_its_column_and_never_bent() {
        use SqliteDecimals::{Scaled, Text};
        for (kind, json, decimals, expected) in [
            ("decimal(18,2)", "\"10.50\"", Scaled, "\"1050\""),
            ("decimal(18,2)", "10.50", Scaled, "\"1050\""),
            ("decimal(18,2)", "10.50", Text, "\"10.50\""),
            ("decimal(18,2)", "\"-0.01\"", Scaled, "\"-1\""),
            ("decimal(18,2)", "\"10.500\"", Scaled, "\"1050\""),
            (
                "decimal(18,2)",
                "\"10.501\"",
                Scaled,
                "refused: a decimal of 18 digits, 2 of them behind the point, is wanted",
            ),
            (
                "decimal(3,2)",
                "\"10.00\"",
                Scaled,
                "refused: a decimal of 3 digits, 2 of them behind the point, is wanted",
            ),
            ("decimal(3,2)", "1e1", Scaled, "refused: a decimal of 3 digits, 2 of them behind the point, is wanted"),
            ("integer", "9007199254740993", Scaled, "\"9007199254740993\""),
            ("integer", "1.5", Scaled, "refused: a whole number of 64 bits is wanted"),
            ("integer", "9223372036854775808", Scaled, "refused: a whole number of 64 bits is wanted"),
            ("integer", "null", Scaled, "refused: it has no value, and its type does not say ` null`"),
            ("integer null", "null", Scaled, "\"NULL\""),
            ("text", "\"007\"", Scaled, "\"007\""),
            ("text", "7", Scaled, "refused: a text is wanted; write it in quotes"),
            ("date", "\"2026-11-05\"", Scaled, "\"2026-11-05\""),
            ("date", "\"2026-11-31\"", Scaled, "refused: a day such as 2026-11-05 is wanted"),
            ("instant", "\"2026-11-05T09:00:00+09:00\"", Scaled, "\"2026-11-05 00:00:00\""),
            ("boolean", "true", Scaled, "\"true\""),
            ("boolean", "2", Scaled, "refused: true or false is wanted"),
        ] {
            assert_eq!(stored(kind, json, decimals), expected, "{json} in {kind}");
        }
    }

    #[test]
    fn columns_that_are_not_there_are_named() {
        let columns = ["transaction_id", "amount"].map(|name| (name.to_owned(), "integer".to_owned()));
        let table = TableSchema::parse(&BTreeMap::from(columns), &[]).expect("a table");
        let refused = table.row(Value::from_json(r#"{"transaction_id": 1, "amount": 2, "ammount": 3}"#));
        assert_eq!(refused.err().as_deref(), Some("`ammount` is no column of the table: did you mean `amount`?"));
        let missing = table.row(Value::from_json(r#"{"transaction_id": 1}"#));
        let why = "column `amount`: it has no value, and its type does not say ` null`";
        assert_eq!(missing.err().as_deref(), Some(why));
    }
}
