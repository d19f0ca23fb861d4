//! What there is in a store, for a project that is begun: tables and collections, and the columns that tell one record
//! from every other. Must not read records, and must not change anything.

use super::bulk::SqlWriter;
use super::sql::Dialect;
use super::{Locator, Settings, StoreError};

/// Tables, views and collections of a database, in order of their names. A file holds one: none is listed.
///
/// # Errors
/// When it cannot be reached or does not tell.
pub fn tables(store: &Locator, settings: &Settings) -> Result<Vec<String>, StoreError> {
    match store.dialect() {
        "mongodb" => super::mongo::collections(store.address(), settings),
        "file" => Ok(Vec::new()),
        _ => {
            let sql = |dialect| match dialect {
                Dialect::MySql => {
                    "SELECT CAST(table_name AS CHAR) FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY 1"
                }
                Dialect::Postgres => {
                    "SELECT table_name::text FROM information_schema.tables \
                     WHERE table_schema = ANY (current_schemas(false)) ORDER BY 1"
                }
                Dialect::Sqlite => {
                    "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1"
                }
            };
            let rows = ask(store, settings, |dialect| sql(dialect).to_owned())?;
            Ok(rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
        }
    }
}

/// Sets of columns of which the store itself makes sure that no two records have the same values, the primary key first.
/// None where it does not tell: of views and files.
///
/// # Errors
/// As [`tables`].
pub fn unique_keys(store: &Locator, table: &str, settings: &Settings) -> Result<Vec<Vec<String>>, StoreError> {
    let rows = match store.dialect() {
        "mongodb" => return super::mongo::unique_keys(store.address(), table, settings),
        "file" => return Ok(Vec::new()),
        _ => ask(store, settings, |dialect| indexed(dialect, table))?,
    };
    let mut keys: Vec<(String, Option<Vec<String>>)> = Vec::new();
    for row in rows {
        let [Some(index), Some(column), nullable] = row.as_slice() else { continue };
        if keys.last().is_none_or(|(name, _)| name != index) {
            keys.push((index.clone(), Some(Vec::new())));
        }
        let Some((_, columns)) = keys.last_mut() else { continue };
        // Where NULL is allowed there may be many of it.
        match nullable.as_deref() {
            Some("no") => columns.iter_mut().for_each(|columns| columns.push(column.clone())),
            _ => *columns = None,
        }
    }
    Ok(keys.into_iter().filter_map(|(_, columns)| columns).collect())
}

/// A column as its table declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredColumn {
    /// Its name.
    pub name: String,
    /// Its type in the store's own words: `decimal(18,2)`, `bigint(20) unsigned`, `timestamp with time zone`.
    pub kind: String,
    /// Whether it may be NULL.
    pub nullable: bool,
}

/// The columns of a table or view, in its order; none where there is no such table. Documents and files declare none.
///
/// # Errors
/// As [`tables`].
pub fn columns(store: &Locator, table: &str, settings: &Settings) -> Result<Vec<DeclaredColumn>, StoreError> {
    if matches!(store.dialect(), "mongodb" | "file") {
        return Ok(Vec::new());
    }
    let rows = ask(store, settings, |dialect| match dialect {
        Dialect::MySql => {
            let (schema, name) = match table.split_once('.') {
                Some((schema, name)) => (dialect.text(schema), name),
                None => ("DATABASE()".to_owned(), table),
            };
            format!(
                "SELECT CAST(column_name AS CHAR), CAST(column_type AS CHAR), CAST(LOWER(is_nullable) AS CHAR) \
                 FROM information_schema.columns WHERE table_schema = {schema} AND table_name = {} ORDER BY ordinal_position",
                dialect.text(name)
            )
        }
        Dialect::Postgres => format!(
            "SELECT a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod), \
             CASE WHEN a.attnotnull THEN 'no' ELSE 'yes' END FROM pg_catalog.pg_attribute a \
             WHERE a.attrelid = pg_catalog.to_regclass({}) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
            dialect.text(&dialect.table(table))
        ),
        Dialect::Sqlite => format!(
            "SELECT name, type, CASE WHEN \"notnull\" OR pk THEN 'no' ELSE 'yes' END FROM pragma_table_info({}) ORDER BY cid",
            dialect.text(table)
        ),
    })?;
    let column = |row: Vec<Option<String>>| {
        let [Some(name), kind, nullable] = <[Option<String>; 3]>::try_from(row).ok()? else { return None };
        Some(DeclaredColumn { name, kind: kind.unwrap_or_default(), nullable: nullable.as_deref() != Some("no") })
    };
    Ok(rows.into_iter().filter_map(column).collect())
}

/// Index, column, and whether NULL is allowed in it: `no`, or something else.
fn indexed(dialect: Dialect, table: &str) -> String {
    match dialect {
        Dialect::MySql => format!(
            "SELECT CAST(index_name AS CHAR), CAST(column_name AS CHAR), CAST(IF(nullable = '', 'no', 'yes') AS CHAR) \
             FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = {} AND non_unique = 0 \
             ORDER BY index_name <> 'PRIMARY', index_name, seq_in_index",
            dialect.text(table)
        ),
        Dialect::Postgres => format!(
            "SELECT i.indexrelid::text, a.attname::text, CASE WHEN a.attnotnull THEN 'no' ELSE 'yes' END \
             FROM pg_catalog.pg_index i CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(number, place) \
             JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number \
             WHERE i.indrelid = pg_catalog.to_regclass({}) AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL \
             AND k.place <= i.indnkeyatts ORDER BY NOT i.indisprimary, i.indexrelid, k.place",
            dialect.text(&dialect.table(table))
        ),
        Dialect::Sqlite => {
            let name = dialect.text(table);
            format!(
                "SELECT named, name, CASE WHEN required THEN 'no' ELSE 'yes' END FROM ( \
                 SELECT 0 AS rank, '' AS named, pk AS place, name, 1 AS required FROM pragma_table_info({name}) WHERE pk > 0 \
                 UNION ALL SELECT 1 + l.seq, l.name, i.seqno, i.name, t.\"notnull\" FROM pragma_index_list({name}) l \
                 JOIN pragma_index_info(l.name) i JOIN pragma_table_info({name}) t ON t.name = i.name \
                 WHERE l.\"unique\" = 1 AND l.partial = 0 AND l.origin <> 'pk') ORDER BY rank, place"
            )
        }
    }
}

fn ask(
    store: &Locator,
    settings: &Settings,
    sql: impl FnOnce(Dialect) -> String,
) -> Result<Vec<Vec<Option<String>>>, StoreError> {
    if let Some(path) = store.path().filter(|path| !path.is_file()) {
        return Err(StoreError::usage(format!("there is no file {}", path.display())));
    }
    let url = match store.path() {
        Some(path) => format!("sqlite:{}", path.display()),
        None => store.address().to_owned(),
    };
    let mut asked = SqlWriter::strict(&url, settings.connect_timeout)?;
    let rows = asked.texts(&sql(asked.dialect()), settings.read_timeout);
    let closed = asked.close();
    let rows = rows?;
    closed?;
    Ok(rows)
}
