//! Conversions of a column's values to the type the user fixed (`--type`), exactly or to `Unknown`.

use crate::domain::{
    Amount, Batch, Cell, ColumnType, NumberForm, Rules, Value, parse_date, parse_instant, parse_time, shorten,
};

use super::Fix;

impl Fix {
    /// Whether the order of converted keys can differ from the order in which the source sends them.
    pub fn changes_order(self) -> bool {
        !matches!(self, Fix::KeyText)
    }

    /// Converts one cell in place.
    pub(crate) fn apply(self, batch: &mut Batch, row: usize, column: usize, rules: &Rules) {
        let at = batch.at(row, column);
        if at.cell.is_missing() || matches!(at.cell, Cell::Unknown(_)) {
            return;
        }
        let kind = match self {
            Fix::Type(kind) => kind,
            Fix::KeyText => ColumnType::Text,
            Fix::KeyTemporal => match at.cell {
                Cell::Text(span) | Cell::Untyped(span) if parse_date(at.text(span)).is_some() => ColumnType::Date,
                Cell::Date(_) => return,
                _ => ColumnType::Instant,
            },
        };
        if already(&at.cell, kind) {
            return;
        }
        let value = Value::of(at);
        let cell = convert(&value, kind, batch, rules).unwrap_or_else(|| {
            let shown = shorten(&value.to_string(), 60);
            batch.unknown(&format!("{} `{shown}` does not fit the type {}", value.type_name(), kind.name()))
        });
        batch.set(row, column, cell);
    }
}

fn already(cell: &Cell, kind: ColumnType) -> bool {
    matches!(
        (cell, kind),
        (Cell::Text(_), ColumnType::Text)
            | (Cell::Date(_), ColumnType::Date)
            | (Cell::Instant { .. }, ColumnType::Instant)
            | (Cell::Time { .. }, ColumnType::Time)
            | (Cell::Bool(_), ColumnType::Boolean)
            | (Cell::Uuid(_), ColumnType::Uuid)
            | (Cell::Bson { .. } | Cell::Json(_), ColumnType::Json)
            | (
                Cell::Number { form: NumberForm::Integer | NumberForm::Decimal | NumberForm::Double, .. },
                ColumnType::Decimal
            )
            | (Cell::Number { form: NumberForm::Integer, .. }, ColumnType::Integer)
    )
}

fn convert(value: &Value, kind: ColumnType, batch: &mut Batch, rules: &Rules) -> Option<Cell> {
    match (kind, value) {
        (ColumnType::Decimal | ColumnType::Integer, Value::Number { amount, form }) => {
            let whole = kind == ColumnType::Integer;
            if whole && !amount.is_integral() {
                return None;
            }
            let form = match form {
                // A float stays visible as drift.
                NumberForm::Double => NumberForm::Double,
                _ if whole => NumberForm::Integer,
                _ => NumberForm::Decimal,
            };
            Some(batch.amount(amount, form))
        }
        (ColumnType::Decimal, Value::Text { text, .. }) => {
            Some(batch.amount(&Amount::parse(text).ok()?, NumberForm::Decimal))
        }
        (ColumnType::Integer, Value::Text { text, .. }) => {
            let amount = Amount::parse(text).ok().filter(Amount::is_integral)?;
            Some(batch.amount(&amount, NumberForm::Integer))
        }
        (ColumnType::Integer | ColumnType::Decimal, Value::Bool(b)) => {
            Some(Cell::Number { coefficient: i128::from(*b), scale: 0, form: NumberForm::Integer })
        }
        (ColumnType::Text, Value::Document(_) | Value::Array(_) | Value::Bytes(_)) => None,
        (ColumnType::Text, value) => Some(Cell::Text(batch.store(value.to_string().as_bytes()))),
        (ColumnType::Date, Value::Text { text, .. }) => match parse_date(text) {
            Some(days) => Some(Cell::Date(days)),
            None => midnight(parse_instant(text, &rules.zone)?.nanos, rules),
        },
        (ColumnType::Date, Value::Instant { nanos, .. }) => midnight(*nanos, rules),
        (ColumnType::Instant, Value::Text { text, .. }) => match parse_instant(text, &rules.zone) {
            Some(instant) => Some(Cell::Instant { nanos: instant.nanos, digits: instant.digits }),
            None => at_midnight(parse_date(text)?, rules),
        },
        (ColumnType::Instant, Value::Date(days)) => at_midnight(*days, rules),
        (ColumnType::Time, Value::Text { text, .. }) => {
            parse_time(text).map(|(nanos, digits)| Cell::Time { nanos, digits })
        }
        (ColumnType::Boolean, Value::Number { amount, .. }) => match amount {
            a if a.is_zero() => Some(Cell::Bool(false)),
            a if a.same_value(&Amount::new(1, 0)) => Some(Cell::Bool(true)),
            _ => None,
        },
        (ColumnType::Boolean, Value::Text { text, .. }) => match text.as_str() {
            "true" | "t" | "TRUE" => Some(Cell::Bool(true)),
            "false" | "f" | "FALSE" => Some(Cell::Bool(false)),
            _ => None,
        },
        (ColumnType::Uuid, Value::Text { text, .. }) => crate::domain::parse_uuid(text).map(Cell::Uuid),
        (ColumnType::Uuid, Value::Bytes(bytes)) => bytes.as_slice().try_into().ok().map(Cell::Uuid),
        (ColumnType::Json, Value::Text { text, .. }) => {
            serde_json::from_str::<&serde_json::value::RawValue>(text).ok()?;
            Some(Cell::Json(batch.store(text.as_bytes())))
        }
        _ => None,
    }
}

const DAY: i128 = 86_400_000_000_000;

fn at_midnight(days: i32, rules: &Rules) -> Option<Cell> {
    let nanos = crate::domain::resolve_local(i128::from(days) * DAY, &rules.zone)?;
    Some(Cell::Instant { nanos, digits: 0 })
}

/// The date whose midnight in the comparison's zone is this instant; a time of day would be lost otherwise.
fn midnight(nanos: i128, rules: &Rules) -> Option<Cell> {
    let utc_day = i32::try_from(nanos.div_euclid(DAY)).ok()?;
    [utc_day, utc_day + 1]
        .into_iter()
        .find(|days| crate::domain::resolve_local(i128::from(*days) * DAY, &rules.zone) == Some(nanos))
        .map(Cell::Date)
}
