//! What the server's catalogue and a prepared statement say about a table or query: columns, estimated size,
//! and whether its tables take part in the snapshot.

use sqlx::mysql::{MySqlArguments, MySqlColumn, MySqlConnection, MySqlRow};
use sqlx::{Arguments, AssertSqlSafe, Column, ColumnOrigin, Executor, Row, SqlSafeStr, Statement};

use super::super::sql::{Dialect, bind};
use super::super::{StoreError, Target};
use super::connect::ParameterTypes;
use super::decode::Decoder;
use super::errors::{Doing, store_error};
use super::select::Field;
use super::statement::{arguments, one_select};

/// Digits behind the second of a computed value: as many as MySQL can hold.
const MOST_DIGITS: u8 = 6;
/// Collations that order by bytes of UTF-8 and take trailing blanks as they are.
const BYTEWISE: [&str; 5] =
    ["utf8mb4_0900_bin", "utf8mb4_nopad_bin", "utf8mb3_nopad_bin", "utf8_nopad_bin", "ascii_nopad_bin"];

/// A table or query, described.
pub(super) struct Described {
    /// A quoted table, or `(query) AS q`.
    pub(super) from: String,
    /// What the query's placeholders stand for.
    pub(super) arguments: MySqlArguments,
    pub(super) fields: Vec<Field>,
    pub(super) estimated_records: Option<u64>,
    /// Tables that are not part of the snapshot, with their engines.
    pub(super) outside_snapshot: Vec<String>,
}

/// Asks the server and the driver what `target` is.
///
/// # Errors
/// `Usage` when it does not exist, or the query is not one SELECT with distinct column names.
pub(super) async fn describe(
    connection: &mut MySqlConnection,
    target: &Target,
    types: &ParameterTypes,
    place: &str,
) -> Result<Described, StoreError> {
    let mut asked = Asked { connection, place };
    match (&target.query, &target.table) {
        (Some(query), _) => asked.query(query, target, types).await,
        (None, Some(table)) => asked.table(table).await,
        (None, None) => Err(StoreError::usage(format!("{place}: no table is named"))
            .hint("add it to the URL as `#table`, or give a query")),
    }
}

struct Asked<'a> {
    connection: &'a mut MySqlConnection,
    place: &'a str,
}

impl Asked<'_> {
    async fn table(&mut self, table: &str) -> Result<Described, StoreError> {
        let from = Dialect::MySql.table(table);
        let columns = self.prepare(format!("SELECT * FROM {from}")).await?;
        let (schema, name) = match table.split_once('.') {
            Some((schema, name)) => (Some(schema), name),
            None => (None, table),
        };
        let known = self.known_columns(schema, name).await?;
        let fields = columns.iter().map(|column| field(column, known.iter().find(|k| k.is(column.name())))).collect();
        let sql = "SELECT t.engine, t.table_rows, e.transactions, t.table_type \
                   FROM information_schema.tables t LEFT JOIN information_schema.engines e ON e.engine = t.engine \
                   WHERE t.table_schema = COALESCE(?, DATABASE()) AND t.table_name = ?";
        let rows = self.fetch(sql, &[schema, Some(name)]).await?;
        let mut described = Described {
            from,
            arguments: MySqlArguments::default(),
            fields,
            estimated_records: None,
            outside_snapshot: Vec::new(),
        };
        let Some(row) = rows.first() else { return Ok(described) };
        match text(row, 0)? {
            Some(engine) => {
                described.estimated_records = row.try_get::<Option<u64>, _>(1).ok().flatten();
                if text(row, 2)?.as_deref() != Some("YES") {
                    described.outside_snapshot.push(format!("{table} ({engine})"));
                }
            }
            None => {
                let sql = "SELECT view_definition FROM information_schema.views \
                           WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ?";
                let rows = self.fetch(sql, &[schema, Some(name)]).await?;
                let definition = rows.first().map(|row| text(row, 0)).transpose()?.flatten().unwrap_or_default();
                described.outside_snapshot = self.outside_snapshot(&definition, schema).await?;
            }
        }
        Ok(described)
    }

    async fn query(&mut self, query: &str, target: &Target, types: &ParameterTypes) -> Result<Described, StoreError> {
        let select = one_select(query)?;
        let (sql, values) = bind(Dialect::MySql, select, &target.params)?;
        let arguments = arguments(&values, types)?;
        let plain = self.prepare(sql.clone()).await?;
        if plain.is_empty() {
            return Err(StoreError::usage("the query returns no columns").hint("give one SELECT that only reads"));
        }
        refuse_same_names(&plain)?;
        // The line break ends a comment at the query's end.
        let from = format!("(\n{sql}\n) AS q");
        let columns = self.prepare(format!("SELECT * FROM {from}")).await?;
        let mut fields = Vec::with_capacity(columns.len());
        for (column, plain) in columns.iter().zip(&plain) {
            let known = match plain.origin() {
                ColumnOrigin::Table(origin) => match origin.table.split_once('.') {
                    Some((schema, table)) => self.known_columns(Some(schema), table).await?,
                    None => Vec::new(),
                }
                .into_iter()
                .find(|known| known.is(&origin.name)),
                _ => None,
            };
            let mut field = field(column, known.as_ref());
            // A subquery's column may only look like the table's.
            field.bytewise = false;
            fields.push(field);
        }
        let outside_snapshot = self.outside_snapshot(&sql, None).await?;
        Ok(Described { from, arguments, fields, estimated_records: None, outside_snapshot })
    }

    async fn prepare(&mut self, sql: String) -> Result<Vec<MySqlColumn>, StoreError> {
        let prepared = self.connection.prepare(AssertSqlSafe(sql).into_sql_str()).await;
        let statement = prepared.map_err(|error| store_error(&error, self.place, Doing::Describing))?;
        Ok(statement.columns().to_vec())
    }

    async fn fetch(&mut self, sql: &'static str, arguments: &[Option<&str>]) -> Result<Vec<MySqlRow>, StoreError> {
        let mut values = MySqlArguments::default();
        for argument in arguments {
            values.add(*argument).map_err(|error| StoreError::failed(error.to_string()))?;
        }
        let rows = sqlx::query_with(sql, values).fetch_all(&mut *self.connection).await;
        rows.map_err(|error| store_error(&error, self.place, Doing::Describing))
    }

    async fn known_columns(&mut self, schema: Option<&str>, table: &str) -> Result<Vec<Known>, StoreError> {
        let sql = "SELECT column_name, data_type, datetime_precision, collation_name FROM information_schema.columns \
                   WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ?";
        let rows = self.fetch(sql, &[schema, Some(table)]).await?;
        rows.iter()
            .map(|row| {
                Ok(Known {
                    name: text(row, 0)?.unwrap_or_default(),
                    data_type: text(row, 1)?.unwrap_or_default().to_ascii_lowercase(),
                    digits: row.try_get_unchecked::<Option<u64>, _>(2).ok().flatten(),
                    collation: text(row, 3)?,
                })
            })
            .collect()
    }

    /// Tables without transactions whose name stands in a text of SQL.
    async fn outside_snapshot(&mut self, sql_text: &str, schema: Option<&str>) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT t.table_name, t.engine FROM information_schema.tables t \
                   JOIN information_schema.engines e ON e.engine = t.engine \
                   WHERE t.table_schema = COALESCE(?, DATABASE()) AND e.transactions <> 'YES'";
        let rows = self.fetch(sql, &[schema]).await?;
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
fn text(row: &MySqlRow, at: usize) -> Result<Option<String>, StoreError> {
    row.try_get_unchecked::<Option<String>, _>(at)
        .map_err(|error| StoreError::failed(format!("the server's catalogue cannot be read: {error}")))
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

fn field(column: &MySqlColumn, known: Option<&Known>) -> Field {
    let info = column.type_info();
    let plain_text = |known: &&Known| matches!(known.data_type.as_str(), "char" | "varchar" | "text" | "tinytext");
    let digits = known.and_then(|known| known.digits).and_then(|digits| u8::try_from(digits).ok());
    let digits = digits.unwrap_or(MOST_DIGITS);
    let decoder = Decoder::of(info, digits, known.is_some_and(|k| k.data_type == "uuid"));
    let bytewise = decoder == Decoder::Text
        && known
            .filter(plain_text)
            .and_then(|known| known.collation.as_deref())
            .is_some_and(|collation| BYTEWISE.contains(&collation));
    Field { name: column.name().to_owned(), decoder, bytewise, digits }
}

fn refuse_same_names(columns: &[MySqlColumn]) -> Result<(), StoreError> {
    let mut seen = std::collections::HashSet::new();
    let mut twice: Vec<&str> =
        columns.iter().map(Column::name).filter(|name| !seen.insert(name.to_lowercase())).collect();
    twice.dedup();
    if twice.is_empty() {
        return Ok(());
    }
    Err(StoreError::usage(format!("the query returns more than one column named {}", twice.join(", ")))
        .hint("give each column a name of its own with `AS`"))
}
