//! What the server's catalogue and a prepared statement say about a table or query: columns, estimated size,
//! and whether its tables take part in the snapshot.

use mysql_common::packets::Column;

use super::super::sql::{Dialect, bind};
use super::super::{StoreError, Target};
use super::decode::Decoder;
use super::errors::{Doing, store_error};
use super::select::Field;
use super::statement::{arguments, one_select};
use super::stream::{MOST_DIGITS, gather};
use super::wire::{Arguments, Connection};
use crate::domain::Value;

/// Collations that order by bytes of UTF-8 and take trailing blanks as they are.
const BYTEWISE: [&str; 5] =
    ["utf8mb4_0900_bin", "utf8mb4_nopad_bin", "utf8mb3_nopad_bin", "utf8_nopad_bin", "ascii_nopad_bin"];

/// A table or query, described.
pub(super) struct Described {
    /// A quoted table, or `(query) AS q`.
    pub(super) from: String,
    /// What the query's placeholders stand for.
    pub(super) arguments: Arguments,
    pub(super) fields: Vec<Field>,
    pub(super) estimated_records: Option<u64>,
    /// Tables that are not part of the snapshot, with their engines.
    pub(super) outside_snapshot: Vec<String>,
}

/// Asks the server what `target` is.
///
/// # Errors
/// `Usage` when it does not exist, or the query is not one SELECT with distinct column names.
pub(super) fn describe(connection: &mut Connection, target: &Target, place: &str) -> Result<Described, StoreError> {
    let mut asked = Asked { connection, place };
    match (&target.query, &target.table) {
        (Some(query), _) => asked.query(query, target),
        (None, Some(table)) => asked.table(table),
        (None, None) => Err(StoreError::usage(format!("{place}: no table is named"))
            .hint("add it to the URL as `#table`, or give a query")),
    }
}

struct Asked<'a> {
    connection: &'a mut Connection,
    place: &'a str,
}

impl Asked<'_> {
    fn table(&mut self, table: &str) -> Result<Described, StoreError> {
        let from = Dialect::MySql.table(table);
        let columns = self.prepare(&format!("SELECT * FROM {from}"))?;
        let (schema, name) = match table.split_once('.') {
            Some((schema, name)) => (Some(schema), name),
            None => (None, table),
        };
        let known = self.known_columns(schema, name)?;
        let fields =
            columns.iter().map(|column| field(column, known.iter().find(|k| k.is(&column.name_str())))).collect();
        let sql = "SELECT t.engine, t.table_rows, e.transactions, t.table_type \
                   FROM information_schema.tables t LEFT JOIN information_schema.engines e ON e.engine = t.engine \
                   WHERE t.table_schema = COALESCE(?, DATABASE()) AND t.table_name = ?";
        let rows = self.fetch(sql, &[schema, Some(name)])?;
        let mut described = Described {
            from,
            arguments: Arguments::default(),
            fields,
            estimated_records: None,
            outside_snapshot: Vec::new(),
        };
        let Some(row) = rows.first() else { return Ok(described) };
        match text(row, 0)? {
            Some(engine) => {
                described.estimated_records = number(row, 1);
                if text(row, 2)?.as_deref() != Some("YES") {
                    described.outside_snapshot.push(format!("{table} ({engine})"));
                }
            }
            None => {
                let sql = "SELECT view_definition FROM information_schema.views \
                           WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ?";
                let rows = self.fetch(sql, &[schema, Some(name)])?;
                let definition = rows.first().map(|row| text(row, 0)).transpose()?.flatten().unwrap_or_default();
                described.outside_snapshot = self.outside_snapshot(&definition, schema)?;
            }
        }
        Ok(described)
    }

    fn query(&mut self, query: &str, target: &Target) -> Result<Described, StoreError> {
        let select = one_select(query)?;
        let (sql, values) = bind(Dialect::MySql, select, &target.params)?;
        let arguments = arguments(&values)?;
        let plain = self.prepare(&sql)?;
        if plain.is_empty() {
            return Err(StoreError::usage("the query returns no columns").hint("give one SELECT that only reads"));
        }
        refuse_same_names(&plain)?;
        // The line break ends a comment at the query's end.
        let from = format!("(\n{sql}\n) AS q");
        let columns = self.prepare(&format!("SELECT * FROM {from}"))?;
        let mut fields = Vec::with_capacity(columns.len());
        for (column, plain) in columns.iter().zip(&plain) {
            let (schema, table) = (plain.schema_str(), plain.org_table_str());
            let known = match (&*schema, &*table) {
                ("", _) | (_, "") => Vec::new(),
                (schema, table) => self.known_columns(Some(schema), table)?,
            };
            let known = known.into_iter().find(|known| known.is(&plain.org_name_str()));
            let mut field = field(column, known.as_ref());
            // A subquery's column may only look like the table's.
            field.bytewise = false;
            fields.push(field);
        }
        let outside_snapshot = self.outside_snapshot(&sql, None)?;
        Ok(Described { from, arguments, fields, estimated_records: None, outside_snapshot })
    }

    fn prepare(&mut self, sql: &str) -> Result<Vec<Column>, StoreError> {
        let prepared = self.connection.prepare(sql).and_then(|prepared| {
            self.connection.close(&prepared)?;
            Ok(prepared.columns)
        });
        prepared.map_err(|error| store_error(error, self.place, Doing::Describing))
    }

    fn fetch(&mut self, sql: &str, names: &[Option<&str>]) -> Result<Vec<Vec<Value>>, StoreError> {
        let value = |name: &Option<&str>| match name {
            Some(name) => Value::Text { text: (*name).into(), untyped: false },
            None => Value::Null,
        };
        let arguments = arguments(&names.iter().map(value).collect::<Vec<_>>())?;
        gather(self.connection, sql, &arguments).map_err(|error| store_error(error, self.place, Doing::Describing))
    }

    fn known_columns(&mut self, schema: Option<&str>, table: &str) -> Result<Vec<Known>, StoreError> {
        let sql = "SELECT column_name, data_type, datetime_precision, collation_name FROM information_schema.columns \
                   WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ?";
        let rows = self.fetch(sql, &[schema, Some(table)])?;
        rows.iter()
            .map(|row| {
                Ok(Known {
                    name: text(row, 0)?.unwrap_or_default(),
                    data_type: text(row, 1)?.unwrap_or_default().to_ascii_lowercase(),
                    digits: number(row, 2),
                    collation: text(row, 3)?,
                })
            })
            .collect()
    }

    /// Tables without transactions whose name stands in a text of SQL.
    fn outside_snapshot(&mut self, sql_text: &str, schema: Option<&str>) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT t.table_name, t.engine FROM information_schema.tables t \
                   JOIN information_schema.engines e ON e.engine = t.engine \
                   WHERE t.table_schema = COALESCE(?, DATABASE()) AND e.transactions <> 'YES'";
        let rows = self.fetch(sql, &[schema])?;
        let words: Vec<&str> = sql_text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$').collect();
        let mut found = Vec::new();
        for row in &rows {
            let (table, engine) = (text(row, 0)?.unwrap_or_default(), text(row, 1)?.unwrap_or_default());
            if words.iter().any(|word| word.eq_ignore_ascii_case(&table)) || sql_text.contains(&format!("`{table}`")) {
                found.push(format!("{table} ({engine})"));
            }
        }
        Ok(found)
    }
}

/// A text of the catalogue, whatever character set it travels in.
fn text(row: &[Value], at: usize) -> Result<Option<String>, StoreError> {
    match row.get(at) {
        Some(Value::Text { text, .. }) => Ok(Some(text.to_string())),
        Some(Value::Bytes(bytes)) => Ok(Some(String::from_utf8_lossy(bytes).into_owned())),
        Some(Value::Null) => Ok(None),
        other => Err(StoreError::failed(format!("the server's catalogue cannot be read: {other:?} is no text"))),
    }
}

/// A count of the catalogue.
fn number(row: &[Value], at: usize) -> Option<u64> {
    u64::try_from(super::whole(row.get(at)?)?).ok()
}

/// A column as information_schema knows it.
struct Known {
    name: String,
    data_type: String,
    digits: Option<u64>,
    collation: Option<String>,
}

impl Known {
    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

fn field(column: &Column, known: Option<&Known>) -> Field {
    let plain_text = |known: &&Known| matches!(known.data_type.as_str(), "char" | "varchar" | "text" | "tinytext");
    let digits = known.and_then(|known| known.digits).and_then(|digits| u8::try_from(digits).ok());
    let digits = digits.unwrap_or(MOST_DIGITS);
    let decoder = Decoder::of(column, digits, known.is_some_and(|k| k.data_type == "uuid"));
    let bytewise = decoder == Decoder::Text
        && known
            .filter(plain_text)
            .and_then(|known| known.collation.as_deref())
            .is_some_and(|collation| BYTEWISE.contains(&collation));
    Field { name: column.name_str().into_owned(), decoder, bytewise, digits }
}

fn refuse_same_names(columns: &[Column]) -> Result<(), StoreError> {
    let mut seen = std::collections::HashSet::new();
    let mut twice: Vec<_> =
        columns.iter().map(Column::name_str).filter(|name| !seen.insert(name.to_lowercase())).collect();
    twice.dedup();
    if twice.is_empty() {
        return Ok(());
    }
    Err(StoreError::usage(format!("the query returns more than one column named {}", twice.join(", ")))
        .hint("give each column a name of its own with `AS`"))
}
