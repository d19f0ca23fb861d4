//! Making room for a run: the earlier complete run of its cycle goes to the history, what is left of others is deleted.
//! Nothing complete is deleted before its copy has been compared with it, and nothing released is touched at all.

use crate::stores::StoreError;
use crate::stores::sql::Dialect;

use super::form::Forms;
use super::table::Session;
use super::{Ticket, bytes};

/// Rows that are deleted at once.
const PIECE: u64 = 100_000;

impl Session<'_> {
    /// Moves the earlier complete run to the history and deletes what is left of others. `own`: the decisions that are
    /// there were written by this ledger, so that a run of the ticket's name is the ticket's.
    ///
    /// # Errors
    /// Another attempt has taken over, something of it is released, the history does not keep it, or the store fails.
    pub(super) fn clear(
        &mut self,
        ticket: &Ticket,
        written: Option<&str>,
        own: bool,
        forms: &Forms,
        alive: &mut dyn FnMut(u64) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let (dialect, patience) = (self.writer.dialect(), self.patience());
        let sql = format!(
            "SELECT MIN(recon_run) FROM {} WHERE {} GROUP BY {}",
            dialect.table(&self.table.name),
            bytes::is(dialect, "recon_cycle", &dialect.text(&ticket.cycle)),
            bytes::told_apart(dialect, "recon_run")
        );
        let runs: Vec<String> = self.writer.texts(&sql, patience)?.into_iter().flatten().flatten().collect();
        for run in &runs {
            self.fence().never_released(ticket, run)?;
        }
        match written {
            Some(old) if old != ticket.run || !own => self.keep(ticket, old, &self.columns(&forms.names))?,
            Some(_) => self.fence().set(ticket, "written_run = NULL")?,
            None => {}
        }
        for run in &runs {
            self.delete(ticket, run, alive)?;
        }
        Ok(())
    }

    /// Copies a complete run to the history as a whole, and says in the same transaction that it is no longer the one
    /// that stands, if every record of it has its copy. So a run that says that it stands has no copy yet, whatever
    /// other runs of its name are in the history, and one that does not has one.
    fn keep(&mut self, ticket: &Ticket, run: &str, columns: &str) -> Result<(), StoreError> {
        let (dialect, patience) = (self.writer.dialect(), self.patience());
        let (table, history) = (dialect.table(&self.table.name), dialect.table(&self.beside("_history")));
        let of = bytes::of_run(dialect, &dialect.text(&ticket.cycle), &dialect.text(run));
        let count = |table: &str| format!("(SELECT COUNT(*) FROM {table} WHERE {of})");
        let as_text = if dialect == Dialect::MySql { "CHAR" } else { "TEXT" };
        // Runs of this name that are there already, of another ledger.
        let before = self.one(&format!("SELECT CAST({} AS {as_text})", count(&history)))?;
        let (runs, guard, mine) = {
            let fence = self.fence();
            (fence.table(), fence.guard(ticket), fence.mine(ticket))
        };
        let insert = match dialect {
            Dialect::Postgres => format!(
                "WITH fence AS ({guard}) INSERT INTO {history} ({columns}) SELECT {columns} FROM {table} \
                 WHERE {of} AND EXISTS (SELECT 1 FROM fence)"
            ),
            _ => format!(
                "INSERT INTO {history} ({columns}) SELECT {columns} FROM {table} WHERE {of} AND EXISTS ({guard})"
            ),
        };
        let values = match self.can_except()? {
            true => format!(
                " AND NOT EXISTS (SELECT {columns} FROM {table} WHERE {of} EXCEPT SELECT {columns} FROM {history} WHERE {of})"
            ),
            false => String::new(),
        };
        let done = format!(
            "UPDATE {runs} SET written_run = NULL WHERE {mine} AND {} + {before} = {}{values}",
            count(&table),
            count(&history)
        );
        // One message for all: the store goes through it by itself, and waits for nobody in between.
        let sql = match dialect {
            Dialect::MySql => format!("START TRANSACTION; {insert}; {done}; COMMIT"),
            // Several statements of one message are one transaction.
            Dialect::Postgres => format!("{insert}; {done}"),
            Dialect::Sqlite => format!("BEGIN IMMEDIATE; {insert}; {done}; COMMIT"),
        };
        if let Err(refused) = self.writer.touch(&sql, patience.saturating_mul(12)) {
            if refused.answered {
                // What is told is what went wrong first; PostgreSQL has rolled back by itself.
                let _ = self.writer.touch("ROLLBACK", patience);
            }
            return Err(self.not_kept(run, &refused.error.what));
        }
        match self.fence().still_mine(ticket)?.written {
            None => Ok(()),
            Some(_) => Err(self.not_kept(run, "the copy there is not what was copied")),
        }
    }

    fn not_kept(&self, run: &str, why: &str) -> StoreError {
        StoreError::failed(format!(
            "{}: the decisions of run {run} cannot be kept in `{}`, so they were not deleted: {why}",
            self.label(),
            self.beside("_history")
        ))
        .hint("something changes what is written there: a trigger, a rule, a unique index or a type; or rename that table, and recon makes it anew")
    }

    /// Whether the store compares two queries with EXCEPT: MySQL does from 8.0.31 on, MariaDB from 10.3 on. On others
    /// copies are counted.
    fn can_except(&mut self) -> Result<bool, StoreError> {
        if self.writer.dialect() != Dialect::MySql {
            return Ok(true);
        }
        let version = self.one("SELECT VERSION()")?;
        let numbers: Vec<u32> = version.split(['.', '-']).map_while(|part| part.parse().ok()).collect();
        let least: &[u32] = if version.contains("MariaDB") { &[10, 3] } else { &[8, 0, 31] };
        Ok(numbers.as_slice() >= least)
    }

    fn one(&mut self, sql: &str) -> Result<String, StoreError> {
        let patience = self.patience();
        let found = self.writer.texts(sql, patience)?.into_iter().flatten().flatten().next();
        found.ok_or_else(|| StoreError::failed(format!("{}: the store gave no answer", self.label())))
    }

    /// Deletes a run piece by piece: no statement takes long, and each proves that it may.
    fn delete(
        &mut self,
        ticket: &Ticket,
        run: &str,
        alive: &mut dyn FnMut(u64) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let dialect = self.writer.dialect();
        let table = dialect.table(&self.table.name);
        let of = bytes::of_run(dialect, &dialect.text(&ticket.cycle), &dialect.text(run));
        let (guard, released_nowhere) = {
            let fence = self.fence();
            (fence.guard(ticket), fence.released_nowhere(run))
        };
        let sql = match dialect {
            Dialect::MySql => {
                format!("DELETE FROM {table} WHERE {of} AND EXISTS ({guard}) AND {released_nowhere} LIMIT {PIECE}")
            }
            Dialect::Postgres => format!(
                "WITH fence AS ({guard}) DELETE FROM {table} WHERE {of} AND EXISTS (SELECT 1 FROM fence) \
                 AND {released_nowhere} AND ctid = ANY (ARRAY(SELECT ctid FROM {table} WHERE {of} LIMIT {PIECE}))"
            ),
            Dialect::Sqlite => format!("DELETE FROM {table} WHERE {of} AND EXISTS ({guard}) AND {released_nowhere}"),
        };
        while self.touch(&sql)? > 0 {
            alive(0)?;
        }
        self.fence().still_mine(ticket).map(|_| ())
    }
}
