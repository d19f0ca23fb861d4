//! Filling the table: decisions are inserted piece by piece, each statement with the proof in it that no other attempt
//! has taken over. Must not change what other runs wrote.

use std::io;

use crate::decide::Decision;
use crate::domain::{Batch, cmp_keys};
use crate::stores::StoreError;
use crate::stores::sql::Dialect;

use super::Ticket;
use super::form::Forms;
use super::literal::push_literal;
use super::table::{Session, Written};

/// Bytes after which a statement is sent.
const STATEMENT: usize = 512 << 10;

impl Session<'_> {
    pub(super) fn insert(
        &mut self,
        ticket: &Ticket,
        forms: &Forms,
        decisions: &mut dyn Iterator<Item = io::Result<Decision>>,
        alive: &mut dyn FnMut(u64) -> Result<(), StoreError>,
    ) -> Result<Written, StoreError> {
        let mut chunk = Chunk::new(self, ticket, forms)?;
        let width = forms.width();
        let (mut row, mut before) = (Batch::new(width), Batch::new(width));
        let mut written = Written { count: 0, in_order: true };
        for decision in decisions {
            let decision = decision.map_err(super::unreadable)?;
            row.reset(width);
            forms.push(&decision, &mut row)?;
            if before.rows() > 0 && cmp_keys(&before, 0, &row, 0, forms.key).is_gt() {
                written.in_order = false;
            }
            chunk.push(&row, &decision)?;
            std::mem::swap(&mut row, &mut before);
            written.count += 1;
            if chunk.sql.len() > STATEMENT {
                alive(written.count - chunk.rows)?;
                chunk.send(self, ticket)?;
            }
        }
        if chunk.rows > 0 {
            alive(written.count - chunk.rows)?;
            chunk.send(self, ticket)?;
        }
        Ok(written)
    }
}

/// A statement being built.
struct Chunk<'a> {
    forms: &'a Forms,
    dialect: Dialect,
    head: String,
    /// Behind the values of every row.
    every: String,
    /// In place of it in the first row.
    first: String,
    tail: String,
    sql: String,
    rows: u64,
}

impl<'a> Chunk<'a> {
    fn new(session: &mut Session<'_>, ticket: &Ticket, forms: &'a Forms) -> Result<Chunk<'a>, StoreError> {
        let dialect = session.writer.dialect();
        let (table, columns) = (dialect.table(&session.table.name), session.columns(&forms.names));
        let guard = session.fence().guard(ticket);
        let constants = [&ticket.cycle, &ticket.run, &ticket.snapshot].map(|text| dialect.text(text));
        let [cycle, run, snapshot] = &constants;
        let numbered = |name: &str| (1..=forms.width()).map(|at| format!("{name}{at}")).collect::<Vec<_>>().join(", ");
        let (head, every, first, tail) = match dialect {
            Dialect::MySql => {
                // The run's name in the first row comes from the fence: overtaken it is NULL, and the statement fails.
                session
                    .touch(&format!("SET @recon_cycle = {cycle}, @recon_run = {run}, @recon_snapshot = {snapshot}"))?;
                let every = ",@recon_cycle,@recon_run,@recon_snapshot)".to_owned();
                let first = format!(",@recon_cycle,({guard}),@recon_snapshot)");
                (format!("INSERT INTO {table} ({columns}) VALUES "), every, first, String::new())
            }
            Dialect::Postgres => (
                format!(
                    "WITH fence AS ({guard}) INSERT INTO {table} ({columns}) \
                     SELECT {}, {cycle}, {run}, {snapshot} FROM fence, (VALUES ",
                    numbered("c")
                ),
                ")".into(),
                ")".into(),
                format!(") AS v ({})", numbered("c")),
            ),
            Dialect::Sqlite => (
                format!(
                    "INSERT INTO {table} ({columns}) SELECT {}, {cycle}, {run}, {snapshot} FROM (VALUES ",
                    numbered("column")
                ),
                ")".into(),
                ")".into(),
                format!(") WHERE EXISTS ({guard})"),
            ),
        };
        Ok(Chunk { forms, dialect, sql: head.clone(), head, every, first, tail, rows: 0 })
    }

    fn push(&mut self, row: &Batch, decision: &Decision) -> Result<(), StoreError> {
        let first = self.rows == 0;
        self.sql.push_str(if first { "(" } else { ",(" });
        for at in 0..row.width() {
            if at > 0 {
                self.sql.push(',');
            }
            push_literal(self.dialect, row.at(0, at), &mut self.sql).map_err(|why| {
                let key = decision.key.iter().map(|value| value.to_string()).collect::<Vec<_>>().join(", ");
                let name = self.forms.names.get(at).map_or("", String::as_str);
                StoreError::failed(format!("the decision of key `{key}` cannot be stored: column `{name}`: {why}"))
            })?;
            // The first row gives the types of all.
            if first && self.dialect == Dialect::Postgres {
                self.sql.push_str(self.forms.forms.get(at).map_or("::text", |form| form.postgres()));
            }
        }
        self.sql.push_str(if first { &self.first } else { &self.every });
        self.rows += 1;
        Ok(())
    }

    fn send(&mut self, session: &mut Session<'_>, ticket: &Ticket) -> Result<(), StoreError> {
        self.sql.push_str(&self.tail);
        let patience = session.patience();
        let sent = session.writer.touch(&self.sql, patience);
        let rows = std::mem::take(&mut self.rows);
        self.sql.truncate(self.head.len());
        let error = match sent {
            Ok(touched) if touched == rows => return Ok(()),
            Ok(touched) => {
                StoreError::failed(format!("{}: {touched} of {rows} decisions were written", session.label()))
            }
            Err(refused) if !refused.answered => return Err(unfinished(refused.error)),
            Err(refused) => refused.error,
        };
        // Somebody else's fence is why; or else it is what the store said, and so it is when it says nothing more.
        if session.fence().row(&ticket.cycle).is_ok() {
            session.fence().still_mine(ticket)?;
        }
        Err(unfinished(error))
    }
}

fn unfinished(mut error: StoreError) -> StoreError {
    error.what = format!("the decisions could not be written: {}", error.what);
    error.hint(
        "no payer sees what was written until then, and the next run clears it away: mend the cause and run it again",
    )
}
