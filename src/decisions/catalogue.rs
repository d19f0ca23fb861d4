//! What is there of a table: its kind, its columns, and the statements that tell. Must not judge.

use std::time::Duration;

use crate::stores::StoreError;
use crate::stores::bulk::SqlWriter;
use crate::stores::sql::Dialect;

use super::columns::{Existing, UNDECLARED, mysql_class, postgres_class, sqlite_class};

/// What stands under a name.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// A table that can be written to.
    Table(Vec<Existing>),
    /// A view.
    View,
    /// Something else: in which words.
    Other(String),
}

/// Looks a table or view up.
///
/// # Errors
/// The store cannot be asked.
pub(super) fn look(writer: &mut SqlWriter, table: &str, patience: Duration) -> Result<Found, StoreError> {
    match writer.dialect() {
        Dialect::MySql => mysql(writer, table, patience),
        Dialect::Postgres => postgres(writer, table, patience),
        Dialect::Sqlite => sqlite(writer, table, patience),
    }
}

fn field(row: &[Option<String>], at: usize) -> &str {
    row.get(at).and_then(Option::as_deref).unwrap_or_default()
}

fn number<T: std::str::FromStr>(row: &[Option<String>], at: usize) -> Option<T> {
    row.get(at)?.as_deref()?.parse().ok()
}

fn mysql(writer: &mut SqlWriter, table: &str, patience: Duration) -> Result<Found, StoreError> {
    let of = named(table);
    let sql =
        format!("SELECT CAST(table_type AS CHAR), CAST(engine AS CHAR) FROM information_schema.tables WHERE {of}");
    let tables = writer.texts(&sql, patience)?;
    let Some(kind) = tables.first() else { return Ok(Found::Nothing) };
    let sql = format!(
        "SELECT CAST(column_name AS CHAR), CAST(data_type AS CHAR), CAST(column_type AS CHAR), \
         CAST(numeric_precision AS CHAR), CAST(numeric_scale AS CHAR), CAST(character_maximum_length AS CHAR), \
         CAST(datetime_precision AS CHAR), CAST(character_set_name AS CHAR), CAST(is_nullable AS CHAR), \
         CAST(column_default IS NOT NULL AS CHAR), CAST(extra AS CHAR) \
         FROM information_schema.columns WHERE {of} ORDER BY ordinal_position"
    );
    let rows = writer.texts(&sql, patience)?;
    if field(kind, 0).contains("VIEW") {
        return Ok(Found::View);
    }
    let engine = field(kind, 1);
    if field(kind, 0) != "BASE TABLE" || !engine.eq_ignore_ascii_case("innodb") {
        return Ok(Found::Other(format!("a {} of the engine {engine}", field(kind, 0).to_lowercase())));
    }
    let column = |row: &Vec<Option<String>>| {
        let (name, shown) = (field(row, 1).to_lowercase(), field(row, 2).to_lowercase());
        let charset = row[7].as_deref();
        let class = mysql_class(&name, &shown, number(row, 3), number(row, 4), number(row, 5), number(row, 6), charset);
        let extra = field(row, 10).to_lowercase();
        let shown = match charset {
            Some(charset) if charset != "utf8mb4" => format!("{shown} in the character set {charset}"),
            _ => shown,
        };
        Existing {
            name: field(row, 0).to_owned(),
            shown,
            class,
            nullable: field(row, 8) == "YES",
            filled: field(row, 9) == "1" || extra.contains("auto_increment") || extra.contains("generated"),
        }
    };
    Ok(Found::Table(rows.iter().map(column).collect()))
}

fn postgres(writer: &mut SqlWriter, table: &str, patience: Duration) -> Result<Found, StoreError> {
    let dialect = Dialect::Postgres;
    let of = format!("pg_catalog.to_regclass({})", dialect.text(&dialect.table(table)));
    let sql = format!("SELECT c.relkind::text FROM pg_catalog.pg_class c WHERE c.oid = {of}");
    let tables = writer.texts(&sql, patience)?;
    let Some(kind) = tables.first() else { return Ok(Found::Nothing) };
    let sql = format!(
        "SELECT a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull::text, \
         (a.atthasdef OR a.attidentity <> '')::text FROM pg_catalog.pg_attribute a \
         WHERE a.attrelid = {of} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
    );
    let rows = writer.texts(&sql, patience)?;
    match field(kind, 0) {
        "r" | "p" => {}
        "v" => return Ok(Found::View),
        "m" => return Ok(Found::Other("a materialized view".into())),
        "f" => return Ok(Found::Other("a foreign table".into())),
        other => return Ok(Found::Other(format!("something else (`{other}`)"))),
    }
    let column = |row: &Vec<Option<String>>| Existing {
        name: field(row, 0).to_owned(),
        shown: field(row, 1).to_owned(),
        class: postgres_class(field(row, 1)),
        nullable: field(row, 2) != "true",
        filled: field(row, 3) == "true",
    };
    Ok(Found::Table(rows.iter().map(column).collect()))
}

fn sqlite(writer: &mut SqlWriter, table: &str, patience: Duration) -> Result<Found, StoreError> {
    let name = Dialect::Sqlite.text(table);
    let sql = format!(
        "SELECT type, CASE WHEN sql LIKE 'CREATE VIRTUAL%' THEN 'virtual' ELSE '' END FROM sqlite_schema \
         WHERE type IN ('table', 'view') AND lower(name) = lower({name})"
    );
    let tables = writer.texts(&sql, patience)?;
    let Some(kind) = tables.first() else { return Ok(Found::Nothing) };
    let sql = format!(
        "SELECT name, type, CAST(\"notnull\" AS TEXT), CAST(dflt_value IS NOT NULL OR hidden <> 0 OR \
         (pk = 1 AND upper(type) = 'INTEGER') AS TEXT) FROM pragma_table_xinfo({name}) ORDER BY cid"
    );
    let rows = writer.texts(&sql, patience)?;
    if field(kind, 0) == "view" {
        return Ok(Found::View);
    }
    if field(kind, 1) == "virtual" {
        return Ok(Found::Other("a virtual table".into()));
    }
    let column = |row: &Vec<Option<String>>| Existing {
        name: field(row, 0).to_owned(),
        shown: if field(row, 1).is_empty() { UNDECLARED.into() } else { field(row, 1).to_owned() },
        class: sqlite_class(field(row, 1)),
        nullable: field(row, 2) != "1",
        filled: field(row, 3) == "1",
    };
    Ok(Found::Table(rows.iter().map(column).collect()))
}

/// What a view is made of, as the store writes it; `None` when it does not tell.
///
/// # Errors
/// The store cannot be asked.
pub(super) fn definition(writer: &mut SqlWriter, view: &str, patience: Duration) -> Result<Option<String>, StoreError> {
    let dialect = writer.dialect();
    let sql = match dialect {
        Dialect::MySql => {
            format!("SELECT CAST(view_definition AS CHAR) FROM information_schema.views WHERE {}", named(view))
        }
        Dialect::Postgres => {
            let of = dialect.text(&dialect.table(view));
            format!("SELECT pg_catalog.pg_get_viewdef(pg_catalog.to_regclass({of})::oid, false)")
        }
        Dialect::Sqlite => {
            format!("SELECT sql FROM sqlite_schema WHERE type = 'view' AND lower(name) = lower({})", dialect.text(view))
        }
    };
    let found = writer.texts(&sql, patience)?.into_iter().flatten().flatten().next();
    Ok(found.filter(|text| !text.is_empty()))
}

/// Whether a view of PostgreSQL reads just these tables.
///
/// # Errors
/// The store cannot be asked.
pub(super) fn reads(
    writer: &mut SqlWriter,
    view: &str,
    tables: &[&str],
    patience: Duration,
) -> Result<bool, StoreError> {
    let dialect = Dialect::Postgres;
    let of = |name: &str| format!("pg_catalog.to_regclass({})", dialect.text(&dialect.table(name)));
    let sql = format!(
        "SELECT DISTINCT d.refobjid::text FROM pg_catalog.pg_rewrite w JOIN pg_catalog.pg_depend d \
         ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_catalog.pg_class'::regclass \
         WHERE w.ev_class = {} AND d.refobjid <> w.ev_class",
        of(view)
    );
    let mut there: Vec<String> = writer.texts(&sql, patience)?.into_iter().flatten().flatten().collect();
    let wanted = tables.iter().map(|table| format!("({}::oid::text)", of(table))).collect::<Vec<_>>().join(", ");
    let sql = format!("SELECT v.id FROM (VALUES {wanted}) AS v (id)");
    let mut wanted: Vec<String> = writer.texts(&sql, patience)?.into_iter().flatten().flatten().collect();
    there.sort_unstable();
    wanted.sort_unstable();
    Ok(there == wanted)
}

/// Whether an index of this name is one of the table's; of MySQL: a unique one.
///
/// # Errors
/// The store cannot be asked.
pub(super) fn has_index(
    writer: &mut SqlWriter,
    table: &str,
    index: &str,
    patience: Duration,
) -> Result<bool, StoreError> {
    let dialect = writer.dialect();
    let name = dialect.text(index);
    let sql = match dialect {
        Dialect::MySql => format!(
            "SELECT CAST(index_name AS CHAR) FROM information_schema.statistics WHERE {} AND index_name = {name} AND non_unique = 0 LIMIT 1",
            named(table)
        ),
        Dialect::Postgres => format!(
            "SELECT i.relname::text FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid \
             WHERE x.indrelid = pg_catalog.to_regclass({}) AND i.relname = {name}",
            dialect.text(&dialect.table(table))
        ),
        Dialect::Sqlite => format!(
            "SELECT name FROM sqlite_schema WHERE type = 'index' AND name = {name} AND lower(tbl_name) = lower({})",
            dialect.text(table)
        ),
    };
    Ok(!writer.texts(&sql, patience)?.is_empty())
}

/// The condition of MySQL's catalogue that names a table.
fn named(table: &str) -> String {
    let dialect = Dialect::MySql;
    match table.split_once('.') {
        Some((schema, name)) => {
            format!("table_schema = {} AND table_name = {}", dialect.text(schema), dialect.text(name))
        }
        None => format!("table_schema = DATABASE() AND table_name = {}", dialect.text(table)),
    }
}
