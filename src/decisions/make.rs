//! Making the table of decisions and the history beside it. Whatever is there already is judged and stays as it is. Must
//! not write decisions.

use crate::stores::StoreError;
use crate::stores::sql::Dialect;

use super::Layout;
use super::catalogue::{Found, has_index, look};
use super::columns::{Existing, OWN, fits_index, holds, made, made_own, same_name};
use super::fence::create;
use super::form::Kind;
use super::shape::alter;
use super::table::Session;

/// The index by run, and by key in it where it lets no run have two decisions of one.
const RUN_KEY: &str = "recon_run_key";

impl Session<'_> {
    pub(super) fn make(&mut self, layout: &Layout) -> Result<(), StoreError> {
        let (dialect, patience) = (self.writer.dialect(), self.patience());
        let statement = self.statement(&columns_of(layout))?;
        create(&mut self.writer, &statement, patience)?;
        if dialect == Dialect::MySql {
            return Ok(());
        }
        // One of the same name may be there, of another table: of one that had this name before.
        let base = self.table.name.rsplit('.').next().unwrap_or_default();
        let short: String = base.chars().take(40).collect();
        let table = dialect.table(&self.table.name);
        for number in 1..100 {
            let number = if number == 1 { String::new() } else { format!("_{number}") };
            let name = format!("{short}_cycle_key{number}");
            let sql = format!("CREATE INDEX IF NOT EXISTS {} ON {table} (recon_cycle)", dialect.name(&name));
            create(&mut self.writer, &sql, patience)?;
            if has_index(&mut self.writer, &self.table.name, &name, patience)? {
                break;
            }
        }
        Ok(())
    }

    /// The statement that makes a table of these columns (and whether they are the key): with the index in it that lets
    /// no run have two decisions of a key, so that it is on this table and on no other.
    pub(super) fn statement(&mut self, columns: &[(String, Option<Kind>, bool)]) -> Result<String, StoreError> {
        let dialect = self.writer.dialect();
        let (collation, exact) = self.collation()?;
        let mut parts = Vec::new();
        for (name, kind, key) in columns {
            let kind = kind.map_or_else(|| "…".to_owned(), |kind| made(dialect, kind, *key, &collation));
            parts.push(format!("{} {kind}", dialect.name(name)));
        }
        for (at, name) in OWN.iter().enumerate() {
            parts.push(format!("{name} {}", made_own(dialect, at, &collation)));
        }
        let keys = || columns.iter().filter(|(_, _, key)| *key);
        let kinds: Vec<Kind> = keys().filter_map(|(_, kind, _)| *kind).collect();
        let key = keys().map(|(name, _, _)| dialect.name(name));
        let unique = ["recon_run".to_owned()].into_iter().chain(key).collect::<Vec<_>>().join(", ");
        let mut end = "";
        if dialect == Dialect::MySql {
            parts.push(match exact && fits_index(&kinds) {
                true => format!("UNIQUE KEY {RUN_KEY} ({unique})"),
                false => format!("KEY {RUN_KEY} (recon_run)"),
            });
            parts.push("KEY recon_cycle_key (recon_cycle)".into());
            end = " ENGINE=InnoDB";
        } else {
            parts.push(format!("UNIQUE ({unique})"));
        }
        let table = dialect.table(&self.table.name);
        Ok(format!("CREATE TABLE IF NOT EXISTS {table} ({}){end}", parts.join(", ")))
    }

    /// The type that recon gives a column of such values.
    pub(super) fn made(&mut self, kind: Kind, key: bool) -> Result<String, StoreError> {
        Ok(made(self.writer.dialect(), kind, key, &self.collation()?.0))
    }

    /// MySQL's collation of bytes that does not take `a` and `a ` for one, where the server has such.
    fn collation(&mut self) -> Result<(String, bool), StoreError> {
        if self.writer.dialect() != Dialect::MySql {
            return Ok((String::new(), true));
        }
        let patience = self.patience();
        let rows = self.writer.texts(
            "SELECT CAST(collation_name AS CHAR) FROM information_schema.collations \
             WHERE collation_name IN ('utf8mb4_0900_bin', 'utf8mb4_nopad_bin')",
            patience,
        )?;
        let found = rows.into_iter().flatten().flatten().next();
        Ok(found.map_or(("utf8mb4_bin".into(), false), |name| (name, true)))
    }

    /// Makes the history where there is none, and judges it: what is moved there is deleted here.
    pub(super) fn make_history(&mut self, names: &[String], existing: &[Existing]) -> Result<(), StoreError> {
        let (dialect, patience, name) = (self.writer.dialect(), self.patience(), self.beside("_history"));
        let history = dialect.table(&name);
        if matches!(look(&mut self.writer, &name, patience)?, Found::Nothing) {
            let table = dialect.table(&self.table.name);
            let sql = match dialect {
                Dialect::MySql => format!("CREATE TABLE IF NOT EXISTS {history} LIKE {table}"),
                Dialect::Postgres => format!("CREATE TABLE IF NOT EXISTS {history} (LIKE {table} INCLUDING DEFAULTS)"),
                Dialect::Sqlite => {
                    format!(
                        "CREATE TABLE IF NOT EXISTS {history} AS SELECT {} FROM {table} WHERE 0",
                        self.columns(names)
                    )
                }
            };
            create(&mut self.writer, &sql, patience)?;
        }
        // Runs of two ledgers may have one name, and both are kept.
        if dialect == Dialect::MySql && has_index(&mut self.writer, &name, RUN_KEY, patience)? {
            let sql = format!("ALTER TABLE {history} DROP INDEX {RUN_KEY}, ADD INDEX {RUN_KEY} (recon_run)");
            create(&mut self.writer, &sql, patience)?;
        }
        self.judge_history(names, existing)
    }

    /// Whether the history, where it is there, has every column, with a type that holds what the table's holds.
    pub(super) fn judge_history(&mut self, names: &[String], existing: &[Existing]) -> Result<(), StoreError> {
        let (dialect, patience, name) = (self.writer.dialect(), self.patience(), self.beside("_history"));
        let columns = match look(&mut self.writer, &name, patience)? {
            Found::Nothing => return Ok(()),
            Found::Table(columns) => columns,
            _ => Vec::new(),
        };
        let (mut what, mut mends) = (Vec::new(), Vec::new());
        for column in names.iter().map(String::as_str).chain(OWN) {
            let here = existing.iter().find(|here| same_name(dialect, &here.name, column));
            let there = columns.iter().find(|there| same_name(dialect, &there.name, column));
            match (here, there) {
                (_, None) => what.push(format!("has no column `{column}`")),
                (Some(here), Some(there)) if !holds(dialect, there, here) => {
                    what.push(format!("has the column `{column}` as {}, here it is {}", there.shown, here.shown));
                    mends.extend(alter(dialect, &name, &there.name, &here.shown));
                }
                _ => {}
            }
        }
        if what.is_empty() {
            return Ok(());
        }
        let mends = match mends.is_empty() {
            true => String::new(),
            false => format!("{}; ", mends.join("; ")),
        };
        Err(StoreError::usage(format!(
            "{}: `{name}`, where superseded decisions are kept, does not hold what is kept there: it {}",
            self.label(),
            what.join(", and ")
        ))
        .hint(format!("nothing was moved; {mends}or rename that table and recon makes it anew")))
    }
}

/// Names and kinds of the columns of a layout.
pub(super) fn columns_of(layout: &Layout) -> Vec<(String, Option<Kind>, bool)> {
    let key = layout.key.iter().map(|seen| (seen.name.clone(), Some(Kind::of(seen)), true));
    key.chain(layout.columns.iter().map(|seen| (seen.name.clone(), Some(Kind::of(seen)), false))).collect()
}
