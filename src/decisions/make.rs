//! Making the tables of decisions and what stands beside them: the history and the view of what is released. Whatever
//! is there already stays as it is. Must not write decisions.

use crate::stores::StoreError;
use crate::stores::sql::Dialect;

use super::Layout;
use super::catalogue::{Found, look};
use super::columns::{OWN, fits_index, made, made_own, same_name};
use super::fence::create;
use super::form::Kind;
use super::table::Session;

impl Session<'_> {
    pub(super) fn make(&mut self, layout: &Layout) -> Result<(), StoreError> {
        let (dialect, patience) = (self.writer.dialect(), self.patience());
        let (collation, exact) = self.collation()?;
        let kinds: Vec<Kind> = layout.key.iter().map(Kind::of).collect();
        let mut parts = Vec::new();
        for (at, seen) in layout.key.iter().chain(&layout.columns).enumerate() {
            let kind = made(dialect, Kind::of(seen), at < layout.key.len(), &collation);
            parts.push(format!("{} {kind}", dialect.name(&seen.name)));
        }
        for (at, name) in OWN.iter().enumerate() {
            parts.push(format!("{name} {}", made_own(dialect, at, &collation)));
        }
        let key = layout.key.iter().map(|seen| dialect.name(&seen.name)).collect::<Vec<_>>().join(", ");
        let table = dialect.table(&self.table.name);
        let base = self.table.name.rsplit('.').next().unwrap_or_default().to_owned();
        let unique = format!("recon_run, {key}");
        if dialect == Dialect::MySql {
            parts.push(match exact && fits_index(&kinds) {
                true => format!("UNIQUE KEY recon_run_key ({unique})"),
                false => "KEY recon_run_key (recon_run)".into(),
            });
            parts.push("KEY recon_cycle_key (recon_cycle)".into());
            let sql = format!("CREATE TABLE IF NOT EXISTS {table} ({}) ENGINE=InnoDB", parts.join(", "));
            return create(&mut self.writer, &sql, patience);
        }
        create(&mut self.writer, &format!("CREATE TABLE IF NOT EXISTS {table} ({})", parts.join(", ")), patience)?;
        // Index names are cut to what PostgreSQL takes; in SQLite they share one space with tables.
        let short: String = base.chars().take(40).collect();
        for (sort, end, on) in [("UNIQUE INDEX", "_run_key", unique.as_str()), ("INDEX", "_cycle_key", "recon_cycle")] {
            let name = dialect.name(&format!("{short}{end}"));
            create(&mut self.writer, &format!("CREATE {sort} IF NOT EXISTS {name} ON {table} ({on})"), patience)?;
        }
        Ok(())
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

    pub(super) fn make_history(&mut self, names: &[String]) -> Result<(), StoreError> {
        let (dialect, patience, name) = (self.writer.dialect(), self.patience(), self.beside("_history"));
        if matches!(look(&mut self.writer, &name, patience)?, Found::Nothing) {
            let (table, history) = (dialect.table(&self.table.name), dialect.table(&name));
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
        let complete = match look(&mut self.writer, &name, patience)? {
            Found::Table(columns) => names
                .iter()
                .map(String::as_str)
                .chain(OWN)
                .find(|name| !columns.iter().any(|column| same_name(dialect, &column.name, name)))
                .map(str::to_owned),
            _ => Some("recon_run".into()),
        };
        match complete {
            None => Ok(()),
            Some(missing) => Err(StoreError::usage(format!(
                "{}: `{name}`, where superseded decisions are kept, has no column `{missing}`",
                self.writer.label()
            ))
            .hint("add the column there too, or rename that table and recon makes it anew")),
        }
    }

    pub(super) fn make_view(&mut self, names: &[String]) -> Result<(), StoreError> {
        let (dialect, patience, name) = (self.writer.dialect(), self.patience(), self.beside("_released"));
        let view = dialect.table(&name);
        match look(&mut self.writer, &name, patience)? {
            Found::Nothing => {}
            Found::View(columns) => {
                let shows = |name: &str| columns.iter().any(|column| same_name(dialect, column, name));
                if names.iter().map(String::as_str).chain(OWN).all(shows) {
                    return Ok(());
                }
                create(&mut self.writer, &format!("DROP VIEW IF EXISTS {view}"), patience)?;
            }
            _ => {
                return Err(StoreError::usage(format!(
                    "{}: `{name}` is there and is no view; it is the name under which released decisions are shown",
                    self.writer.label()
                ))
                .hint("rename it, or name another table under `decisions`"));
            }
        }
        let shown = names.iter().map(|name| dialect.name(name)).chain(OWN.map(str::to_owned));
        let shown = shown.map(|name| format!("d.{name}")).collect::<Vec<_>>().join(", ");
        let (runs, table) = (dialect.table(&self.beside("_runs")), dialect.table(&self.table.name));
        let (run, of) = (self.alike("released_run", "recon_run")?, self.alike("recon_cycle", "recon_cycle")?);
        let sql = format!(
            "CREATE VIEW {}{view} AS SELECT {shown} FROM {table} d JOIN {runs} r ON {run} = d.recon_run AND {of} = d.recon_cycle",
            if dialect == Dialect::Sqlite { "IF NOT EXISTS " } else { "" },
        );
        match create(&mut self.writer, &sql, patience) {
            // Another process has made it in between.
            Err(_) if matches!(look(&mut self.writer, &name, patience)?, Found::View(_)) => Ok(()),
            made => made,
        }
    }

    /// A column of the fences, to be compared with one of the table: MySQL compares texts of one collation only, and
    /// uses an index only in its own.
    fn alike(&mut self, fence: &str, own: &str) -> Result<String, StoreError> {
        let dialect = self.writer.dialect();
        if dialect != Dialect::MySql {
            return Ok(format!("r.{fence}"));
        }
        let (patience, name) = (self.patience(), &self.table.name);
        let of = match name.split_once('.') {
            Some((schema, table)) => {
                format!("table_schema = {} AND table_name = {}", dialect.text(schema), dialect.text(table))
            }
            None => format!("table_schema = DATABASE() AND table_name = {}", dialect.text(name)),
        };
        let sql = format!(
            "SELECT CAST(collation_name AS CHAR) FROM information_schema.columns WHERE {of} AND column_name = '{own}'"
        );
        let found = self.writer.texts(&sql, patience)?.into_iter().flatten().flatten().next();
        Ok(found.map_or_else(|| format!("r.{fence}"), |collation| format!("r.{fence} COLLATE {collation}")))
    }
}
