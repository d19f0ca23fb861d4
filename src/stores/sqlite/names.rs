//! What there is in place of a table or column that a query misspells.

use sqlx::sqlite::SqliteStatement;

use crate::stores::StoreError;
use crate::stores::asked::existing;

use super::Session;

impl Session {
    /// Describes a query; a name in it that the file does not have is told with those that it has.
    pub(super) fn describe_query(&mut self, sql: &str) -> Result<SqliteStatement, StoreError> {
        self.describe(sql).map_err(|error| match self.there_is(sql, &error.what) {
            Some(hint) => error.hint(hint),
            None => error,
        })
    }

    fn there_is(&mut self, sql: &str, message: &str) -> Option<String> {
        if let Some((_, table)) = message.split_once("no such table: ") {
            return Some(existing("tables", table, self.tables().ok()?));
        }
        let (_, column) = message.split_once("no such column: ")?;
        let column = column.rsplit('.').next().unwrap_or(column);
        let words: Vec<String> = sql.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_lowercase).collect();
        let mut named = Vec::new();
        for table in self.tables().ok()?.into_iter().filter(|table| words.contains(&table.to_lowercase())) {
            let columns = self.declared(&table).ok()?.into_iter().map(|(name, _)| name).collect();
            named.push(existing(&format!("columns of `{table}`"), column, columns));
        }
        (!named.is_empty()).then(|| named.join("; "))
    }
}
