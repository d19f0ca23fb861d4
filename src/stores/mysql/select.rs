//! The SELECT of a request: columns, condition, and an order that is the same on every store.
//!
//! Texts are compared and ordered by the bytes of their UTF-8, whatever the column's collation: `po_2`,
//! `po_2 ` and `PO_2` are three keys. An index of the column still serves, as a coarser condition beside.

use jiff::tz::TimeZone;

use super::super::sql::Dialect;
use super::super::{ColumnKind, KeyRange, ReadRequest, StoreError};
use super::decode::Decoder;
use crate::domain::{Amount, Filter, Literal, Operator, Value};

const SQL: Dialect = Dialect::MySql;
/// A plain decimal literal, for texts that hold amounts. No backslash: its meaning depends on sql_mode.
const NUMERIC: &str = "'^-?(0|[1-9][0-9]*)([.][0-9]+)?$'";

/// A column as the catalogue and the prepared statement describe it.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) decoder: Decoder,
    /// The collation already orders by bytes and pads nothing.
    pub(super) bytewise: bool,
    /// Digits behind the second.
    pub(super) digits: u8,
}

impl Field {
    /// The column of a COUNT.
    pub(super) fn counter() -> Self {
        Field { name: "count".into(), decoder: Decoder::Signed, bytewise: false, digits: 0 }
    }

    fn is_text(&self) -> bool {
        matches!(self.decoder, Decoder::Text | Decoder::Uuid | Decoder::Json)
    }

    pub(super) fn column(&self) -> String {
        SQL.name(&self.name)
    }

    /// What orders and compares as [`crate::domain::cmp_cells`] does.
    pub(super) fn exact(&self) -> String {
        if self.is_text() && !self.bytewise {
            format!("CAST(CONVERT({} USING utf8mb4) AS BINARY)", self.column())
        } else {
            self.column()
        }
    }

    /// What an index can look a text up by: finds every equal text, and perhaps more. A JSON column would
    /// compare a text as a JSON string.
    fn coarse(&self) -> String {
        if self.decoder == Decoder::Json { self.exact() } else { self.column() }
    }

    /// A text that can be compared with [`Field::exact`].
    fn text_literal(&self, text: &str) -> String {
        if self.bytewise { SQL.text(text) } else { hex_literal(text.as_bytes()) }
    }

    /// The text as an amount; NULL when it is none.
    fn as_amount(&self) -> String {
        let column = self.column();
        format!("(CASE WHEN {column} REGEXP {NUMERIC} THEN CAST({column} AS DECIMAL(65,30)) END)")
    }
}

fn hex_literal(bytes: &[u8]) -> String {
    bytes.iter().fold("x'".to_owned(), |text, byte| text + &format!("{byte:02x}")) + "'"
}

/// Where records come from and what is known of their columns.
pub(super) struct Relation {
    /// A quoted table, or `(query) AS q`.
    pub(super) from: String,
    pub(super) fields: Vec<Field>,
    pub(super) zone: TimeZone,
}

impl Relation {
    /// The column of that name: as written, or in another case, as MySQL takes it.
    ///
    /// # Errors
    /// When there is none; the message lists those there are.
    pub(super) fn field(&self, name: &str) -> Result<&Field, StoreError> {
        let found = self.fields.iter().find(|field| field.name == name);
        found.or_else(|| self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))).ok_or_else(|| {
            let names = self.fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>().join(", ");
            StoreError::usage(format!("there is no column `{name}`")).hint(format!("the columns are {names}"))
        })
    }

    /// The whole statement of a request.
    ///
    /// # Errors
    /// A column that does not exist.
    pub(super) fn select(&self, request: &ReadRequest) -> Result<String, StoreError> {
        let fields = request.columns.iter().map(|c| self.field(&c.name)).collect::<Result<Vec<_>, _>>()?;
        let columns = fields.iter().map(|field| field.column()).collect::<Vec<_>>().join(", ");
        let order = fields[..request.key].iter().map(|field| field.exact()).collect::<Vec<_>>().join(", ");
        let order = if order.is_empty() { order } else { format!(" ORDER BY {order}") };
        Ok(format!("SELECT {columns} FROM {}{}{order}", self.from, self.conditions(request, &fields)?))
    }

    fn conditions(&self, request: &ReadRequest, fields: &[&Field]) -> Result<String, StoreError> {
        let mut parts = Vec::new();
        if let Some(filter) = &request.filter {
            parts.push(self.condition(filter)?);
        }
        if let Some(first) = fields.first() {
            parts.extend(self.range(first, &request.range));
        }
        if let Some(keys) = &request.keys {
            parts.push(self.key_list(&fields[..request.key], keys));
        }
        Ok(if parts.is_empty() { String::new() } else { format!(" WHERE {}", parts.join(" AND ")) })
    }

    /// `--where` as SQL.
    ///
    /// # Errors
    /// A column that does not exist.
    pub(super) fn condition(&self, filter: &Filter) -> Result<String, StoreError> {
        let joined = |parts: &[Filter], word: &str| -> Result<String, StoreError> {
            let parts = parts.iter().map(|part| self.condition(part)).collect::<Result<Vec<_>, _>>()?;
            Ok(format!("({})", parts.join(word)))
        };
        Ok(match filter {
            Filter::Compare { column, operator, literal } => compare(self.field(column)?, *operator, literal),
            Filter::In { column, literals } => {
                let field = self.field(column)?;
                let parts = literals.iter().map(|literal| compare(field, Operator::Equal, literal));
                format!("({})", parts.collect::<Vec<_>>().join(" OR "))
            }
            Filter::IsNull { column } => format!("{} IS NULL", self.field(column)?.column()),
            Filter::Not(inner) => format!("NOT ({})", self.condition(inner)?),
            Filter::All(parts) => joined(parts, " AND ")?,
            Filter::Any(parts) => joined(parts, " OR ")?,
        })
    }

    /// `from <= key < below`. A bound of another kind than the column lies wholly above or below it.
    pub(super) fn range(&self, field: &Field, range: &KeyRange) -> Option<String> {
        let (name, exact) = (field.column(), field.exact());
        let mut parts = Vec::new();
        if let Some(from) = &range.from {
            parts.push(match self.literal(field, from) {
                Some(literal) => format!("{exact} >= {literal}"),
                None if kind_rank(field) > value_rank(from) => format!("{name} IS NOT NULL"),
                None => "FALSE".to_owned(),
            });
        }
        if let Some(below) = &range.below {
            let null = if range.from.is_none() { format!(" OR {name} IS NULL") } else { String::new() };
            parts.push(match self.literal(field, below) {
                Some(literal) => format!("({exact} < {literal}{null})"),
                None if kind_rank(field) < value_rank(below) => "TRUE".to_owned(),
                None => format!("(FALSE{null})"),
            });
        }
        (!parts.is_empty()).then(|| parts.join(" AND "))
    }

    fn key_list(&self, fields: &[&Field], keys: &[Vec<Value>]) -> String {
        let mut simple = Vec::new();
        let mut alternatives = Vec::new();
        for key in keys {
            let pairs = || fields.iter().zip(key);
            let literals: Option<Vec<_>> = pairs().map(|(field, value)| self.equal_literal(field, value)).collect();
            match literals {
                Some(literals) => simple.push(literals),
                None => {
                    let parts = pairs().map(|(field, value)| self.equals(field, value)).collect::<Vec<_>>();
                    alternatives.push(format!("({})", parts.join(" AND ")));
                }
            }
        }
        if !simple.is_empty() {
            let tuple = |parts: Vec<&str>| {
                if parts.len() == 1 { parts[0].to_owned() } else { format!("({})", parts.join(", ")) }
            };
            let list = |columns: Vec<String>, pick: fn(&(String, String)) -> &str| {
                let keys = simple.iter().map(|key| tuple(key.iter().map(pick).collect())).collect::<Vec<_>>();
                let columns = tuple(columns.iter().map(String::as_str).collect());
                format!("{columns} IN ({})", keys.join(", "))
            };
            let exact = list(fields.iter().map(|f| f.exact()).collect(), |(_, exact)| exact);
            if fields.iter().all(|field| field.exact() == field.coarse()) {
                alternatives.push(exact);
            } else {
                let coarse = list(fields.iter().map(|f| f.coarse()).collect(), |(coarse, _)| coarse);
                alternatives.push(format!("({coarse} AND {exact})"));
            }
        }
        if alternatives.is_empty() { "FALSE".to_owned() } else { format!("({})", alternatives.join(" OR ")) }
    }

    /// A key value as literals for the column as it is (an index serves) and for its exact form.
    fn equal_literal(&self, field: &Field, value: &Value) -> Option<(String, String)> {
        if let Value::Instant { nanos, .. } = value
            && nanos % 1_000 != 0
        {
            return None;
        }
        let exact = self.literal(field, value)?;
        match value {
            Value::Text { text, .. } if field.decoder != Decoder::Json => Some((SQL.text(text), exact)),
            Value::Uuid(_) if field.decoder != Decoder::Bytes => Some((SQL.text(&value.to_string()), exact)),
            _ => Some((exact.clone(), exact)),
        }
    }

    /// Equality with a key value that is NULL or of another kind than the column: after a conversion the two differ.
    fn equals(&self, field: &Field, value: &Value) -> String {
        let column = field.column();
        match value {
            Value::Null | Value::Absent => format!("{column} IS NULL"),
            Value::Number { amount, .. } if field.is_text() => {
                amount_literal(amount).map_or("FALSE".to_owned(), |digits| format!("{} = {digits}", field.as_amount()))
            }
            Value::Text { text, .. } if field.decoder.kind() == ColumnKind::Number => {
                let digits = Amount::parse(text).ok().and_then(|amount| amount_literal(&amount));
                digits.map_or("FALSE".to_owned(), |digits| format!("{column} = {digits}"))
            }
            Value::Text { text, .. } if field.decoder.kind() != ColumnKind::Bytes => {
                format!("{column} = {}", SQL.text(text))
            }
            _ => match self.equal_literal(field, value) {
                Some((_, exact)) => format!("{} = {exact}", field.exact()),
                None => "FALSE".to_owned(),
            },
        }
    }

    /// A value as a literal to compare with [`Field::exact`]; `None` when the column cannot hold such a value.
    fn literal(&self, field: &Field, value: &Value) -> Option<String> {
        match (field.decoder, value) {
            (Decoder::Text | Decoder::Uuid | Decoder::Json, Value::Text { text, .. }) => Some(field.text_literal(text)),
            (Decoder::Text | Decoder::Uuid, Value::Uuid(_)) => Some(field.text_literal(&value.to_string())),
            (Decoder::Bytes, Value::Bytes(bytes)) => Some(hex_literal(bytes)),
            (Decoder::Bytes, Value::Uuid(bytes)) => Some(hex_literal(bytes)),
            (Decoder::Date | Decoder::DateTime { .. } | Decoder::Timestamp { .. }, Value::Date(_)) => {
                let midnight = format!("{value} 00:00:00");
                Some(SQL.text(if field.decoder == Decoder::Date { &midnight[..10] } else { &midnight }))
            }
            (Decoder::Date | Decoder::Timestamp { .. }, Value::Instant { nanos, .. }) => Some(instant_literal(*nanos)),
            (Decoder::DateTime { .. }, Value::Instant { nanos, .. }) => {
                Some(instant_literal(local_nanos(*nanos, &self.zone)?))
            }
            (Decoder::Time { .. }, Value::Time { .. }) => Some(SQL.text(&value.to_string())),
            (_, Value::Number { amount, .. }) if field.decoder.kind() == ColumnKind::Number => amount_literal(amount),
            (_, Value::Bool(b)) if field.decoder.kind() == ColumnKind::Number => Some(u8::from(*b).to_string()),
            _ => None,
        }
    }
}

fn compare(field: &Field, operator: Operator, literal: &Literal) -> String {
    let sign = match operator {
        Operator::Equal => "=",
        Operator::NotEqual => "<>",
        Operator::Less => "<",
        Operator::LessOrEqual => "<=",
        Operator::Greater => ">",
        Operator::GreaterOrEqual => ">=",
    };
    let column = field.column();
    match literal {
        Literal::Text(text) | Literal::Moment(text) if field.is_text() => {
            let exact = format!("{} {sign} {}", field.exact(), field.text_literal(text));
            if operator == Operator::Equal && field.coarse() != field.exact() {
                // The first part lets an index of the column serve.
                format!("({column} = {} AND {exact})", SQL.text(text))
            } else {
                exact
            }
        }
        Literal::Text(text) | Literal::Moment(text) => format!("{column} {sign} {}", SQL.text(text)),
        Literal::Number(amount) if field.is_text() => {
            // A text that is no number equals none, differs from all and has no order among them.
            let otherwise = match operator {
                Operator::Equal => format!(" WHEN {column} IS NOT NULL THEN FALSE"),
                Operator::NotEqual => format!(" WHEN {column} IS NOT NULL THEN TRUE"),
                _ => String::new(),
            };
            let amount = amount.to_string();
            format!("(CASE WHEN {column} REGEXP {NUMERIC} THEN {} {sign} {amount}{otherwise} END)", field.as_amount())
        }
        Literal::Number(amount) => format!("{column} {sign} {amount}"),
        Literal::Bool(b) => format!("{column} {sign} {}", if *b { "TRUE" } else { "FALSE" }),
    }
}

fn amount_literal(amount: &Amount) -> Option<String> {
    amount.is_finite().then(|| amount.to_string())
}

/// Rounded up to the microsecond, which no key can tell from the value itself.
fn instant_literal(nanos: i128) -> String {
    let nanos = nanos.div_euclid(1_000) * 1_000 + if nanos.rem_euclid(1_000) > 0 { 1_000 } else { 0 };
    SQL.text(crate::domain::format_instant(nanos, 6).replace('T', " ").trim_end_matches('Z'))
}

/// The local time of an instant, counted as if it were UTC.
fn local_nanos(nanos: i128, zone: &TimeZone) -> Option<i128> {
    let stamp = jiff::Timestamp::from_nanosecond(nanos).ok()?;
    Some(nanos + i128::from(zone.to_offset(stamp).seconds()) * 1_000_000_000)
}

/// The place of a column's kind in the order of kinds, as in [`crate::domain::cmp_cells`].
fn kind_rank(field: &Field) -> u8 {
    match field.decoder.kind() {
        ColumnKind::Number => 1,
        ColumnKind::Text => 2,
        ColumnKind::Document => 3,
        ColumnKind::Bytes | ColumnKind::Uuid => 5,
        ColumnKind::Instant => 8,
        ColumnKind::Time => 9,
        _ => 0,
    }
}

fn value_rank(value: &Value) -> u8 {
    match value {
        Value::Absent | Value::Null => 0,
        Value::Number { .. } => 1,
        Value::Text { .. } => 2,
        Value::Document(_) | Value::Array(_) => 3,
        Value::Bytes(_) | Value::Uuid(_) => 5,
        Value::ObjectId(_) => 6,
        Value::Bool(_) => 7,
        Value::Date(_) | Value::Instant { .. } => 8,
        Value::Time { .. } => 9,
        Value::Unknown(_) => 10,
    }
}
