//! The columns of captured tables as a suite declares them: from what the store says of them, held against every value.
//! Never a float: what a store keeps as one is declared as the decimal that its shortest text is. Must not change a value.

use std::collections::BTreeMap;

use crate::cases::{Kind, TableSchema};
use crate::domain::{Amount, NumberForm, Value};
use crate::stores::sql::Dialect;

/// A column as its store declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// Its name.
    pub name: String,
    /// Its type in the store's own words: `decimal(18,2)`, `timestamp with time zone`.
    pub kind: String,
    /// Whether it may be NULL.
    pub nullable: bool,
}

/// The type of a column in a suite, such as `decimal(18,2) null`.
///
/// # Errors
/// A value that no type of a case can hold; the value is not shown.
pub fn declared_type(dialect: Option<Dialect>, column: &Declared, values: &[&Value]) -> Result<String, String> {
    let held: Vec<&Value> = values.iter().copied().filter(|value| !value.is_missing()).collect();
    let nullable = column.nullable || held.len() < values.len();
    let suffix = if nullable { " null" } else { "" };
    for candidate in candidates(dialect, &column.kind, &held) {
        let text = format!("{candidate}{suffix}");
        if holds(dialect, &column.name, &text, &held) {
            return Ok(text);
        }
    }
    let kind = if column.kind.is_empty() { "no declared type".to_owned() } else { format!("type {}", column.kind) };
    let found = held.first().map_or("values", |value| value.type_name());
    Err(format!("`{}` ({kind}) holds {found} that no column of a case can hold exactly", column.name))
}

/// Types that may do, the likeliest first.
fn candidates(dialect: Option<Dialect>, declared: &str, values: &[&Value]) -> Vec<String> {
    let declared = declared.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
    let mut all: Vec<String> = Vec::new();
    // SQLite and files hold whatever was put there: the values say more than the declaration.
    let loose = matches!(dialect, None | Some(Dialect::Sqlite));
    let all_are = |test: &dyn Fn(&Value) -> bool| !values.is_empty() && values.iter().all(|value| test(value));
    if loose && all_are(&|value| matches!(value, Value::Number { form: NumberForm::Integer, .. })) {
        all.push("integer".into());
    }
    match () {
        () if has(&["bool"]) => all.push("boolean".into()),
        () if has(&["interval", "point", "geo"]) => {}
        () if has(&["int", "serial", "year"]) => all.push("integer".into()),
        () if has(&["timestamp", "datetime"]) => all.push("instant".into()),
        () if has(&["date"]) => all.push("date".into()),
        () if has(&["decimal", "numeric", "money"]) => all.extend(given_decimal(&declared)),
        () => {}
    }
    if values.is_empty() && has(&["real", "floa", "doub", "decimal", "numeric"]) {
        all.push("decimal(38,10)".into());
    }
    if all_are(&|value| matches!(value, Value::Date(_))) {
        all.push("date".into());
    }
    if all_are(&|value| matches!(value, Value::Instant { .. })) {
        all.push("instant".into());
    }
    if all_are(&|value| matches!(value, Value::Bool(_))) {
        all.push("boolean".into());
    }
    if all_are(&|value| matches!(value, Value::Number { .. })) {
        all.extend(fitting_decimal(values));
    }
    all.push("text".into());
    all
}

/// `decimal(18,2)` out of `DECIMAL(18, 2) UNSIGNED`.
fn given_decimal(declared: &str) -> Option<String> {
    let inner = declared.split_once('(')?.1.split_once(')')?.0;
    let mut parts = inner.split(',').map(|part| part.trim().parse::<u8>().ok());
    let (digits, scale) = (parts.next()??, parts.next().unwrap_or(Some(0))?);
    // A case holds 38 digits; every value is looked at afterwards.
    Some(format!("decimal({},{})", digits.clamp(1, 38), scale.min(38)))
}

/// The smallest decimal that holds them all, with room before the point.
fn fitting_decimal(values: &[&Value]) -> Option<String> {
    let scales = values.iter().map(|value| {
        let Value::Number { amount, .. } = value else { return None };
        let (_, scale) = amount.small()?;
        u8::try_from(scale.max(0)).ok()
    });
    let scale = scales.collect::<Option<Vec<u8>>>()?.into_iter().max()?;
    (scale <= 38).then(|| format!("decimal(38,{scale})"))
}

/// Whether every value survives the way into such a column. In SQLite it must also lie there as it lay in the store.
fn holds(dialect: Option<Dialect>, name: &str, kind: &str, values: &[&Value]) -> bool {
    let columns = BTreeMap::from([(name.to_owned(), kind.to_owned())]);
    let Ok(schema) = TableSchema::parse(&columns, &[]) else { return false };
    let Some(column) = schema.columns.get(name) else { return false };
    values.iter().all(|value| {
        let Ok(row) = schema.row(Value::Document(vec![(name.to_owned(), (*value).clone())])) else { return false };
        let Some(kept) = row.into_iter().next() else { return false };
        match (dialect, column.kind) {
            // What stands in for decimals there is the suite's to say.
            (Some(Dialect::Sqlite), Kind::Decimal { .. }) => true,
            (Some(Dialect::Sqlite), _) => {
                let stored = column.stored(Dialect::Sqlite, None, kept);
                let class = |value: &Value| matches!(value, Value::Number { .. } | Value::Bool(_));
                stored.to_string() == value.to_string() && class(&stored) == class(value)
            }
            _ => kept.to_string() == value.to_string() || same_amount(&kept, value),
        }
    })
}

fn same_amount(one: &Value, other: &Value) -> bool {
    let amount = |value: &Value| -> Option<Amount> { value.amount() };
    amount(one).zip(amount(other)).is_some_and(|(one, other)| one.same_value(&other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(dialect: Option<Dialect>, declared: &str, nullable: bool, values: &[&str]) -> String {
        let values: Vec<Value> = values.iter().map(|json| Value::from_json(json)).collect();
        let values: Vec<&Value> = values.iter().collect();
        let column = Declared { name: "a".into(), kind: declared.into(), nullable };
        declared_type(dialect, &column, &values).unwrap_or_else(|why| format!("refused: {why}"))
    }

    #[test]
    fn types_are_the_stores_own_and_every_value_fits() {
        let (mysql, sqlite) = (Some(Dialect::MySql), Some(Dialect::Sqlite));
        for (dialect, declared, nullable, values, expected) in [
            (mysql, "decimal(18,2)", false, &["10.50"][..], "decimal(18,2)"),
            (mysql, "decimal(65,4) unsigned", true, &["1.5"], "decimal(38,4) null"),
            (mysql, "bigint(20) unsigned", false, &["18446744073709551615"], "decimal(38,0)"),
            (mysql, "double", false, &["0.1", "12.345"], "decimal(38,3)"),
            (mysql, "varchar(20)", false, &["\"007\""], "text"),
            (mysql, "date", false, &["\"2026-11-05\""], "date"),
            (mysql, "datetime(6)", false, &[], "instant"),
            (sqlite, "INTEGER", false, &["1050"], "integer"),
            (sqlite, "DECIMAL(18,2)", false, &["1050"], "integer"),
            (sqlite, "DECIMAL(18,2)", false, &["10.25"], "decimal(18,2)"),
            (sqlite, "TEXT", false, &["\"2026-11-05\"", "null"], "text null"),
            (sqlite, "DATE", false, &["\"2026-11-05\""], "date"),
            (sqlite, "DATE", false, &["\"05.11.2026\""], "text"),
            (sqlite, "TIMESTAMP", false, &["\"2026-11-05 22:00:00\""], "instant"),
            (sqlite, "TIMESTAMP", false, &["\"2026-11-05T22:00:00Z\""], "text"),
            (
                sqlite,
                "",
                false,
                &["\"a\"", "1"],
                "refused: `a` (no declared type) holds text that no column of a case can hold exactly",
            ),
            (None, "", false, &["1.50", "2"], "decimal(38,2)"),
        ] {
            assert_eq!(kind(dialect, declared, nullable, values), expected, "{declared} {values:?}");
        }
    }
}
