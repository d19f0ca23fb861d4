//! What PostgreSQL's catalog says about tables and columns. Reads small results of our own statements only.

use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Executor, Row};

use crate::stores::StoreError;
use crate::stores::asked::existing;
use crate::stores::sql::Dialect;

use super::connect::rejected;
use super::{Session, gone};

impl Session {
    /// Name, type modifier, NOT NULL and collation of a table's columns.
    pub(super) fn declared(&mut self, table: &str) -> Result<Vec<(String, i32, bool, u32)>, StoreError> {
        let quoted = Dialect::Postgres.text(&Dialect::Postgres.table(table));
        let rows = self.rows(&format!(
            "SELECT a.attname::text, a.atttypmod, a.attnotnull, a.attcollation::int8 FROM pg_catalog.pg_attribute a \
             WHERE a.attrelid = pg_catalog.to_regclass({quoted}) AND a.attnum > 0 AND NOT a.attisdropped"
        ))?;
        if rows.is_empty() {
            let found = self.rows(&format!("SELECT pg_catalog.to_regclass({quoted}) IS NOT NULL"))?;
            if !found.first().is_some_and(|row| row.try_get(0).unwrap_or(false)) {
                let tables = existing("tables", table, self.tables()?);
                let what = format!("{}: there is no table `{table}`", self.server.place);
                return Err(StoreError::usage(what).hint(tables));
            }
        }
        let read = |row: &PgRow| {
            let collation = u32::try_from(row.try_get::<i64, _>(3).ok()?).ok()?;
            Some((row.try_get(0).ok()?, row.try_get(1).ok()?, row.try_get(2).ok()?, collation))
        };
        Ok(rows.iter().filter_map(read).collect())
    }

    /// Tables and views outside the server's own schemas; those of the search path without their schema.
    pub(super) fn tables(&mut self) -> Result<Vec<String>, StoreError> {
        let rows = self.rows(
            "SELECT CASE WHEN pg_catalog.pg_table_is_visible(c.oid) THEN '' ELSE n.nspname || '.' END || c.relname \
             FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') AND n.nspname <> 'information_schema' \
             AND n.nspname !~ '^pg_' LIMIT 10000",
        )?;
        Ok(rows.iter().filter_map(|row| row.try_get(0).ok()).collect())
    }

    /// What the last VACUUM or ANALYZE counted.
    pub(super) fn estimate(&mut self, table: &str) -> Result<Option<u64>, StoreError> {
        let quoted = Dialect::Postgres.text(&Dialect::Postgres.table(table));
        let rows = self.rows(&format!(
            "SELECT reltuples::int8 FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass({quoted}) \
             AND relkind IN ('r', 'm', 'p') AND reltuples > 0"
        ))?;
        let counted = rows.first().and_then(|row| row.try_get::<i64, _>(0).ok());
        Ok(counted.and_then(|count| u64::try_from(count).ok()))
    }

    /// All rows of a small statement of our own.
    pub(super) fn rows(&mut self, sql: &str) -> Result<Vec<PgRow>, StoreError> {
        let Session { runtime, server, connection, .. } = self;
        let open = connection.as_mut().ok_or_else(|| gone(&server.place))?;
        let query = sqlx::query(AssertSqlSafe(sql.to_owned())).persistent(false);
        let rows = runtime.block_on(open.fetch_all(query));
        rows.map_err(|error| {
            let error = rejected(&server.place, &error);
            *connection = None;
            error
        })
    }
}
