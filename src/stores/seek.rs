//! Key ranges and key lists, made to fit what a column can hold before they become SQL, and the SELECT around them.
//!
//! The values may come from the other side: a text key asked of an integer column, nanoseconds asked of a
//! column of microseconds. A store would refuse or convert such a literal; records are then looked for that
//! nobody asked for, or fall between two ranges. Must not know about any one store.

use crate::domain::{Filter, Value};

use super::sql::Dialect;
use super::{ColumnKind, Fix, KeyRange, ReadRequest, StoreError};

/// How a value stands to the values that a column can hold, in the order of keys.
#[derive(Clone, Debug)]
pub(super) enum Fit {
    /// Comparable, as this value.
    As(Value),
    /// No value of the column equals it; for a range, this next greater one serves.
    Between(Value),
    /// Before every value of the column (but after NULL).
    Before,
    /// After every value of the column.
    After,
}

/// The request with fitting values; `None` when no record can satisfy it.
///
/// `fit` judges a value against the key column at an index.
///
/// # Errors
/// When a key column is converted to a fixed type: its values cannot be looked for as they are stored.
pub(super) fn fitted(
    request: &ReadRequest,
    fit: &dyn Fn(usize, &Value) -> Fit,
) -> Result<Option<ReadRequest>, StoreError> {
    let converted = request.columns[..request.key].iter().find(|c| matches!(c.fix, Some(Fix::Type(_))));
    if let Some(column) = converted.filter(|_| seeks(request)) {
        return Err(StoreError::usage(format!(
            "the key `{}` is converted to a fixed type, so parts of it cannot be read",
            column.name
        ))
        .hint("leave out the type, the partitions and the recheck, or convert it in a query"));
    }
    Ok(fit_all(request, fit))
}

/// Whether only some keys are asked for.
pub(super) fn seeks(request: &ReadRequest) -> bool {
    request.range.from.is_some() || request.range.below.is_some() || request.keys.is_some()
}

fn fit_all(request: &ReadRequest, fit: &dyn Fn(usize, &Value) -> Fit) -> Option<ReadRequest> {
    let mut fitted = request.clone();
    fitted.range = KeyRange::default();
    match request.range.from.as_ref().map(|from| fit(0, from)) {
        None => {}
        Some(Fit::As(value) | Fit::Between(value)) => fitted.range.from = Some(value),
        Some(Fit::After) => return None,
        // Everything but NULL.
        Some(Fit::Before) => also(&mut fitted, |key| Filter::Not(Box::new(Filter::IsNull { column: key }))),
    }
    match request.range.below.as_ref().map(|below| fit(0, below)) {
        None | Some(Fit::After) => {}
        Some(Fit::As(value) | Fit::Between(value)) => fitted.range.below = Some(value),
        Some(Fit::Before) if request.range.from.is_some() => return None,
        Some(Fit::Before) => also(&mut fitted, |key| Filter::IsNull { column: key }),
    }
    if let Some(keys) = &request.keys {
        let exact = |key: &Vec<Value>| -> Option<Vec<Value>> {
            key.iter()
                .enumerate()
                .map(|(at, value)| match value {
                    missing if missing.is_missing() => Some(Value::Null),
                    value => match fit(at, value) {
                        Fit::As(value) => Some(value),
                        _ => None,
                    },
                })
                .collect()
        };
        let keys: Vec<Vec<Value>> = keys.iter().filter_map(exact).collect();
        if keys.is_empty() {
            return None;
        }
        fitted.keys = Some(keys);
    }
    Some(fitted)
}

fn also(request: &mut ReadRequest, condition: impl Fn(String) -> Filter) {
    let Some(first) = request.columns.first() else { return };
    let condition = condition(first.name.clone());
    request.filter = Some(match request.filter.take() {
        Some(filter) => Filter::All(vec![filter, condition]),
        None => condition,
    });
}

/// The place of a column's values in the order of keys; `None` where it holds several kinds.
pub(super) fn rank_of_kind(kind: ColumnKind) -> Option<u8> {
    Some(match kind {
        ColumnKind::Number => 1,
        ColumnKind::Text => 2,
        ColumnKind::Uuid | ColumnKind::Bytes => 5,
        ColumnKind::ObjectId => 6,
        ColumnKind::Bool => 7,
        ColumnKind::Instant => 8,
        ColumnKind::Time => 9,
        ColumnKind::Untyped | ColumnKind::Document | ColumnKind::Mixed => return None,
    })
}

/// The place of a value in the order of keys.
pub(super) fn rank_of_value(value: &Value) -> u8 {
    match value {
        Value::Null | Value::Absent => 0,
        Value::Number { .. } => 1,
        Value::Text { .. } => 2,
        Value::Document(_) => 3,
        Value::Array(_) => 4,
        Value::Bytes(_) | Value::Uuid(_) => 5,
        Value::ObjectId(_) => 6,
        Value::Bool(_) => 7,
        Value::Date(_) | Value::Instant { .. } => 8,
        Value::Time { .. } => 9,
        Value::Unknown(_) => 10,
    }
}

/// Where a value stands that is of another kind than the column; `None` when the kinds agree.
pub(super) fn other_kind(kind: ColumnKind, value: &Value) -> Option<Fit> {
    let (column, value) = (rank_of_kind(kind)?, rank_of_value(value));
    match value.cmp(&column) {
        std::cmp::Ordering::Less => Some(Fit::Before),
        std::cmp::Ordering::Equal => None,
        std::cmp::Ordering::Greater => Some(Fit::After),
    }
}

/// One column to be sent.
pub(super) struct Sent {
    /// Its quoted name.
    pub name: String,
    /// The expression over that name by which keys are compared and ordered, where it is not the column itself.
    pub as_key: Option<String>,
    /// What is appended to the name in the list of what is sent: a cast, or nothing.
    pub cast: &'static str,
}

/// The SELECT of a fitted request, without its ORDER BY.
///
/// `base` gives every column that is named anywhere as an expression under its own name, so that a collation
/// set there holds for every comparison. Conditions of the user see the columns; key ranges and key lists see
/// `as_key`, under the column's name.
///
/// # Errors
/// When a key cannot be written in SQL.
pub(super) fn select(
    dialect: Dialect,
    from: &str,
    base: &[String],
    sent: &[Sent],
    request: &ReadRequest,
) -> Result<String, StoreError> {
    let base = format!("(SELECT {} FROM {from}) AS r", base.join(", "));
    if sent.iter().all(|column| column.as_key.is_none()) {
        let list: Vec<String> = sent.iter().map(|column| format!("{}{}", column.name, column.cast)).collect();
        return Ok(format!("SELECT {} FROM {base}{}", list.join(", "), dialect.where_clause(request)?));
    }
    let (mut middle, mut list) = (Vec::new(), Vec::new());
    for (at, column) in sent.iter().enumerate() {
        let Sent { name, as_key, cast } = column;
        match as_key {
            Some(key) => {
                middle.push(format!("{key} AS {name}"));
                middle.push(format!("{name} AS \"recon value {at}\""));
                list.push(format!("\"recon value {at}\"{cast}"));
            }
            None => {
                if sent[..at].iter().all(|before| before.name != *name) {
                    middle.push(name.clone());
                }
                list.push(format!("{name}{cast}"));
            }
        }
    }
    let whole = ReadRequest { range: KeyRange::default(), keys: None, ..request.clone() };
    let part = ReadRequest { filter: None, ..request.clone() };
    Ok(format!(
        "SELECT {} FROM (SELECT {} FROM {base}{}) AS k{}",
        list.join(", "),
        middle.join(", "),
        dialect.where_clause(&whole)?,
        dialect.where_clause(&part)?
    ))
}

/// The request's condition and `key IS NOT NULL`.
pub(super) fn with_key(key: &str, filter: Option<&Filter>) -> Filter {
    let present = Filter::Not(Box::new(Filter::IsNull { column: key.to_owned() }));
    match filter {
        Some(filter) => Filter::All(vec![filter.clone(), present]),
        None => present,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Amount, NumberForm};
    use crate::stores::Wanted;

    fn number(n: i128) -> Value {
        Value::Number { amount: Amount::new(n, 0), form: NumberForm::Integer }
    }

    fn text(t: &str) -> Value {
        Value::Text { text: t.into(), untyped: false }
    }

    fn sql(from: Option<Value>, below: Option<Value>, keys: Option<Vec<Vec<Value>>>) -> Option<String> {
        let request = ReadRequest {
            columns: vec![Wanted { name: "k".into(), fix: None }],
            key: 1,
            filter: None,
            range: KeyRange { from, below },
            keys,
            fresh: false,
            natural: false,
        };
        let fit = |_, value: &Value| other_kind(ColumnKind::Text, value).unwrap_or_else(|| Fit::As(value.clone()));
        fitted(&request, &fit).expect("no fixed type").map(|r| Dialect::Sqlite.where_clause(&r).expect("writes"))
    }

    #[test]
    fn ranges_of_another_kind_follow_the_order_of_keys() {
        let some = |s: &str| Some(s.to_owned());
        assert_eq!(sql(Some(text("a")), None, None), some(" WHERE \"k\" >= 'a'"));
        assert_eq!(sql(Some(number(1)), None, None), some(" WHERE NOT (\"k\" IS NULL)"));
        assert_eq!(sql(None, Some(number(1)), None), some(" WHERE \"k\" IS NULL"));
        assert_eq!(sql(Some(number(1)), Some(number(2)), None), None);
        assert_eq!(sql(None, Some(Value::Bool(true)), None), some(""));
        assert_eq!(sql(Some(Value::Bool(true)), None, None), None);
        let below = sql(Some(number(1)), Some(text("b")), None).expect("some");
        assert!(below.contains("NOT (\"k\" IS NULL)") && below.contains("\"k\" < 'b'"), "{below}");
    }

    #[test]
    fn keys_of_another_kind_are_not_looked_for() {
        assert_eq!(sql(None, None, Some(vec![vec![number(1)]])), None);
        let both = sql(None, None, Some(vec![vec![number(1)], vec![text("1")]]));
        assert_eq!(both.as_deref(), Some(" WHERE \"k\" IN ('1')"));
    }
}
