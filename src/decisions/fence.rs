//! The fence of a cycle: one row that says which attempt may write its decisions, which run has written them all, and
//! which one is released. A process that was paused while another took over finds another token there, in the very
//! statement with which it would have written. Must not know columns of decisions.

use std::time::Duration;

use crate::stores::StoreError;
use crate::stores::bulk::SqlWriter;
use crate::stores::sql::Dialect;

use super::catalogue::{Found, look};
use super::form::hash_of;
use super::{Ticket, bytes};

/// The row of a cycle.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    pub origin: String,
    pub token: i64,
    /// The run that holds the fence.
    pub run: String,
    /// The run whose decisions are all there.
    pub written: Option<String>,
    pub released: Option<String>,
    pub released_hash: Option<String>,
}

const COLUMNS: [&str; 9] = [
    "recon_cycle_hash",
    "recon_cycle",
    "origin",
    "token",
    "run",
    "written_run",
    "released_run",
    "released_hash",
    "released_at",
];

/// The fences of a table.
pub(super) struct Fence<'a> {
    pub writer: &'a mut SqlWriter,
    /// The table of fences, as named.
    pub name: String,
    pub patience: Duration,
}

impl Fence<'_> {
    /// The table of fences, quoted.
    pub(super) fn table(&self) -> String {
        self.writer.dialect().table(&self.name)
    }

    /// Makes the table of fences where there is none.
    ///
    /// # Errors
    /// Something else has its name, or the store says no.
    pub(super) fn prepare(&mut self) -> Result<(), StoreError> {
        let dialect = self.writer.dialect();
        let found = match look(self.writer, &self.name, self.patience)? {
            Found::Nothing => {
                let (hash, text, number, rest) = match dialect {
                    Dialect::MySql => (
                        "CHAR(64) CHARACTER SET ascii COLLATE ascii_bin",
                        "VARCHAR(500) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
                        "BIGINT",
                        " ENGINE=InnoDB",
                    ),
                    Dialect::Postgres => ("text", "text", "bigint", ""),
                    Dialect::Sqlite => ("TEXT", "TEXT", "INTEGER", ""),
                };
                let table = self.table();
                create(
                    self.writer,
                    &format!(
                        "CREATE TABLE IF NOT EXISTS {table} (recon_cycle_hash {hash} NOT NULL PRIMARY KEY, \
                         recon_cycle {text} NOT NULL, origin {text} NOT NULL, token {number} NOT NULL, \
                         run {text} NOT NULL, written_run {text}, released_run {text}, released_hash {text}, \
                         released_at {text}){rest}"
                    ),
                    self.patience,
                )?;
                look(self.writer, &self.name, self.patience)?
            }
            found => found,
        };
        let complete = matches!(&found, Found::Table(columns)
            if COLUMNS.iter().all(|name| columns.iter().any(|column| column.name == *name)));
        if complete {
            return Ok(());
        }
        Err(StoreError::usage(format!(
            "{}: `{}` is there and is not the table in which recon keeps who writes decisions",
            self.writer.label(),
            self.name
        ))
        .hint("rename it, or name another table under `decisions`"))
    }

    /// The row of a cycle.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub(super) fn row(&mut self, cycle: &str) -> Result<Option<Row>, StoreError> {
        let condition = format!("recon_cycle_hash = '{}'", hash_of(cycle));
        Ok(self.rows(&condition)?.pop().map(|(_, row)| row))
    }

    /// Cycles whose decisions are those of a run, all of them there.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub(super) fn written_by(&mut self, run: &str) -> Result<Vec<String>, StoreError> {
        let dialect = self.writer.dialect();
        let condition = bytes::is(dialect, "written_run", &dialect.text(run));
        Ok(self.rows(&condition)?.into_iter().map(|(cycle, _)| cycle).collect())
    }

    /// The condition that no cycle, whichever, has released a run of this name: what may have been paid is neither
    /// moved nor deleted, even where another comparison should have gone wrong. It takes more for one name than bytes.
    pub(super) fn released_nowhere(&self, run: &str) -> String {
        let run = self.writer.dialect().text(run);
        format!("NOT EXISTS (SELECT 1 FROM {} WHERE released_run = {run})", self.table())
    }

    /// Says so where [`Fence::released_nowhere`] is not true.
    ///
    /// # Errors
    /// A cycle has released a run of this name, or the store cannot be asked.
    pub(super) fn never_released(&mut self, ticket: &Ticket, run: &str) -> Result<(), StoreError> {
        let condition = format!("released_run = {}", self.writer.dialect().text(run));
        let Some((cycle, _)) = self.rows(&condition)?.pop() else { return Ok(()) };
        Err(StoreError::failed(format!(
            "{}: run {run} is released there as the decisions of `{cycle}`; what is there of it is neither moved nor deleted for `{}`",
            self.writer.label(),
            ticket.cycle
        ))
        .hint("two ledgers that write to one table name their runs alike: give each ledger a table of its own under `decisions`"))
    }

    fn rows(&mut self, condition: &str) -> Result<Vec<(String, Row)>, StoreError> {
        let token = match self.writer.dialect() {
            Dialect::MySql => "CAST(token AS CHAR)",
            _ => "CAST(token AS TEXT)",
        };
        let sql = format!(
            "SELECT recon_cycle, origin, {token}, run, written_run, released_run, released_hash FROM {} WHERE {condition}",
            self.table()
        );
        let text = |row: &[Option<String>], at: usize| row.get(at).cloned().flatten();
        let rows = self.writer.texts(&sql, self.patience)?;
        let read = |row: &Vec<Option<String>>| {
            let token = text(row, 2).and_then(|token| token.parse().ok());
            let token =
                token.ok_or_else(|| StoreError::failed(format!("`{}` holds a token that is no number", self.name)))?;
            let (cycle, origin, run) = (text(row, 0), text(row, 1), text(row, 3));
            Ok((
                cycle.unwrap_or_default(),
                Row {
                    origin: origin.unwrap_or_default(),
                    token,
                    run: run.unwrap_or_default(),
                    written: text(row, 4),
                    released: text(row, 5),
                    released_hash: text(row, 6),
                },
            ))
        };
        rows.iter().map(read).collect()
    }

    /// Whether decisions of this cycle may be written by this attempt.
    ///
    /// # Errors
    /// They are released, or a later attempt has taken over.
    pub(super) fn may_write(&self, ticket: &Ticket, row: &Row) -> Result<(), StoreError> {
        let (label, cycle) = (self.writer.label(), &ticket.cycle);
        if let Some(released) = &row.released {
            if row.origin != ticket.origin {
                return Err(StoreError::usage(format!(
                    "{label}: the decisions of `{cycle}` are released there already, as run {released} of another ledger"
                ))
                .hint("releasing them again would pay twice; use that ledger, or name another table under `decisions` if this is another project"));
            }
            return Err(StoreError::failed(format!(
                "{label}: the decisions of `{cycle}` are released already, as run {released}: they are not written again"
            ))
            .hint("the payer may have paid them; `recon status` shows the cycle"));
        }
        if row.origin == ticket.origin && row.token > ticket.attempt {
            return Err(self.overtaken(ticket, row));
        }
        Ok(())
    }

    fn overtaken(&self, ticket: &Ticket, row: &Row) -> StoreError {
        let whose = if row.origin == ticket.origin { "" } else { " of another ledger" };
        StoreError::failed(format!(
            "run {} was overtaken: run {}{whose} writes the decisions of `{}` to {} now, and nothing more was written by this one",
            ticket.run,
            row.run,
            ticket.cycle,
            self.writer.label()
        ))
        .hint("the later run goes on; nothing needs to be done")
    }

    /// Takes the fence for an attempt: from then on no earlier one writes.
    ///
    /// # Errors
    /// As [`Fence::may_write`], or the store fails.
    pub(super) fn take(&mut self, ticket: &Ticket) -> Result<Row, StoreError> {
        let dialect = self.writer.dialect();
        let (table, hash) = (self.table(), hash_of(&ticket.cycle));
        let (cycle, origin, run) =
            (dialect.text(&ticket.cycle), dialect.text(&ticket.origin), dialect.text(&ticket.run));
        let token = ticket.attempt;
        let values = format!(
            "(recon_cycle_hash, recon_cycle, origin, token, run) VALUES ('{hash}', {cycle}, {origin}, {token}, {run})"
        );
        let insert = match dialect {
            // IGNORE would pass over values that do not fit, too.
            Dialect::MySql => {
                format!("INSERT INTO {table} {values} ON DUPLICATE KEY UPDATE recon_cycle_hash = recon_cycle_hash")
            }
            _ => format!("INSERT INTO {table} {values} ON CONFLICT (recon_cycle_hash) DO NOTHING"),
        };
        // Where there is a row, the first statement that waits for an earlier attempt is the one that overtakes it.
        if self.row(&ticket.cycle)?.is_none() {
            self.touch(&insert)?;
        }
        self.touch(&format!(
            "UPDATE {table} SET token = {token}, origin = {origin}, run = {run} WHERE recon_cycle_hash = '{hash}' \
             AND released_run IS NULL AND (NOT {} OR token <= {token})",
            bytes::is(dialect, "origin", &origin)
        ))?;
        let row = self.row(&ticket.cycle)?;
        let row = row.ok_or_else(|| StoreError::failed(format!("`{}` does not keep its rows", self.name)))?;
        self.may_write(ticket, &row)?;
        if row.run != ticket.run || row.token != token || row.origin != ticket.origin {
            return Err(self.overtaken(ticket, &row));
        }
        Ok(row)
    }

    /// The condition under which a statement of this attempt may change anything, as a SELECT of the run's name that
    /// holds the fence until the statement is done.
    pub(super) fn guard(&self, ticket: &Ticket) -> String {
        let dialect = self.writer.dialect();
        let lock = match dialect {
            Dialect::MySql => " LOCK IN SHARE MODE",
            Dialect::Postgres => " FOR SHARE",
            Dialect::Sqlite => "",
        };
        format!("SELECT run FROM {} WHERE {}{lock}", self.table(), self.mine(ticket))
    }

    /// The row of the ticket's cycle, as long as this attempt holds it and nothing is released.
    pub(super) fn mine(&self, ticket: &Ticket) -> String {
        let dialect = self.writer.dialect();
        format!(
            "recon_cycle_hash = '{}' AND token = {} AND {} AND {} AND released_run IS NULL",
            hash_of(&ticket.cycle),
            ticket.attempt,
            bytes::is(dialect, "origin", &dialect.text(&ticket.origin)),
            bytes::is(dialect, "run", &dialect.text(&ticket.run))
        )
    }

    /// Sets columns of the row while this attempt holds the fence.
    ///
    /// # Errors
    /// Another attempt holds it, or the store fails.
    pub(super) fn set(&mut self, ticket: &Ticket, what: &str) -> Result<(), StoreError> {
        let sql = format!("UPDATE {} SET {what} WHERE {}", self.table(), self.mine(ticket));
        self.touch(&sql)?;
        self.still_mine(ticket).map(|_| ())
    }

    /// The row, if this attempt holds the fence.
    ///
    /// # Errors
    /// Another attempt holds it, or the store fails.
    pub(super) fn still_mine(&mut self, ticket: &Ticket) -> Result<Row, StoreError> {
        match self.row(&ticket.cycle)? {
            Some(row) if row.token == ticket.attempt && row.origin == ticket.origin && row.run == ticket.run => Ok(row),
            Some(row) => Err(self.overtaken(ticket, &row)),
            None => Err(StoreError::failed(format!(
                "`{}` has lost the row of `{}`: somebody has deleted it, and nothing more is written",
                self.name, ticket.cycle
            ))
            .hint("run the verification again")),
        }
    }

    /// Marks a run as released: from then on the view shows its decisions.
    ///
    /// # Errors
    /// Its decisions are not all there, another run is released, or the store fails.
    pub(super) fn release(&mut self, ticket: &Ticket, hash: &str, now: &str) -> Result<(), StoreError> {
        let dialect = self.writer.dialect();
        let sql = format!(
            "UPDATE {} SET released_run = {run}, released_hash = {}, released_at = {} WHERE {} AND {}",
            self.table(),
            dialect.text(hash),
            dialect.text(now),
            self.mine(ticket),
            bytes::is(dialect, "written_run", &dialect.text(&ticket.run)),
            run = dialect.text(&ticket.run),
        );
        self.touch(&sql)?;
        let row = self.row(&ticket.cycle)?.unwrap_or_default();
        if is_released(ticket, &row) {
            return match row.released_hash.as_deref() == Some(hash) {
                true => Ok(()),
                false => Err(StoreError::failed(format!(
                    "{}: run {} of `{}` is released there with other decisions",
                    self.writer.label(),
                    ticket.run,
                    ticket.cycle
                ))
                .hint("the payer may have seen them: compare before anything is paid")),
            };
        }
        self.may_write(ticket, &row)?;
        Err(StoreError::failed(format!(
            "{}: the decisions of run {} of `{}` are not all there, so they are not released",
            self.writer.label(),
            ticket.run,
            ticket.cycle
        ))
        .hint("verify the cycle again"))
    }

    fn touch(&mut self, sql: &str) -> Result<u64, StoreError> {
        self.writer.touch(sql, self.patience).map_err(|refused| refused.error)
    }
}

/// Whether the row says that the ticket's run is released.
pub(super) fn is_released(ticket: &Ticket, row: &Row) -> bool {
    row.origin == ticket.origin && row.released.as_deref() == Some(&ticket.run)
}

/// Runs a statement that makes something where it is not there. Several processes that do so at the same time may get
/// in each other's way on some servers: then it is there a moment later.
///
/// # Errors
/// What the store says.
pub(super) fn create(writer: &mut SqlWriter, sql: &str, patience: Duration) -> Result<(), StoreError> {
    let mut tries = 0;
    loop {
        match writer.touch(sql, patience) {
            Ok(_) => return Ok(()),
            Err(refused) if refused.answered && tries < 4 => {
                tries += 1;
                std::thread::sleep(Duration::from_millis(50 * tries));
            }
            Err(refused) => {
                return Err(refused.error.hint("the account needs CREATE, ALTER, INDEX and CREATE VIEW for recon to make the table, or make it beforehand"));
            }
        }
    }
}
