//! Decisions in a table of a SQL store: made or judged, filled by statements that stand alone and each prove that no
//! other attempt has taken over, and shown to the payer through a view once they are released.
//!
//! No transaction stays open between statements: a process that is paused anywhere holds nothing that others wait for.

use std::io;
use std::time::Duration;

use crate::decide::Decision;
use crate::stores::bulk::SqlWriter;
use crate::stores::{Settings, StoreError};

use super::catalogue::{Found, look};
use super::columns::{CYCLE_CHARACTERS, Existing, OWN, judge, same_name};
use super::fence::{Fence, is_released};
use super::form::{Forms, Kind};
use super::make::columns_of;
use super::shape::{Misfits, alter, check_shape};
use super::view::Shown;
use super::{Layout, Ticket, bytes};

/// Names of what recon makes beside the table.
const BESIDE: [&str; 3] = ["_runs", "_history", "_released"];

/// A table of a store.
pub(super) struct Table {
    pub url: String,
    pub name: String,
    pub settings: Settings,
}

/// How decisions were written.
pub(super) struct Written {
    pub count: u64,
    /// They came in the order in which they are read back.
    pub in_order: bool,
}

/// A connection and the fence of a ticket.
pub(super) struct Session<'a> {
    pub(super) table: &'a Table,
    pub(super) writer: SqlWriter,
}

impl Table {
    /// # Errors
    /// Class `Usage`: the name cannot be used.
    pub(super) fn new(url: &str, name: &str, settings: &Settings) -> Result<Table, StoreError> {
        let locator = crate::stores::Locator::parse(url)?;
        let label = locator.label();
        if !matches!(locator.dialect(), "mysql" | "postgres" | "sqlite") {
            return Err(StoreError::usage(format!("decisions cannot be written to {label}")).hint(
                "they go to a table of MySQL, MariaDB, PostgreSQL or SQLite, or to a .parquet or .csv file (`file = …`)",
            ));
        }
        let parts: Vec<&str> = name.split('.').collect();
        let most = if locator.dialect() == "sqlite" { 1 } else { 2 };
        let refuse =
            |why: String| Err(StoreError::usage(format!("{label}: decisions cannot go to a table `{name}`: {why}")));
        if parts.len() > most || parts.iter().any(|part| part.trim().is_empty()) {
            return refuse("it is no name of a table there".into());
        }
        // PostgreSQL cuts longer names silently.
        let longest = 63 - BESIDE.iter().map(|end| end.len()).max().unwrap_or(0);
        if parts.last().is_some_and(|last| last.len() > longest) {
            return refuse(format!("the name has more than {longest} bytes, and names beside it are made from it"));
        }
        // Files are read back in UTC, as they are written.
        let settings = Settings { zone: jiff::tz::TimeZone::UTC, ..settings.clone() };
        Ok(Table { url: url.to_owned(), name: name.to_owned(), settings })
    }

    fn session(&self) -> Result<Session<'_>, StoreError> {
        let writer = SqlWriter::strict(&self.url, self.settings.connect_timeout)?;
        Ok(Session { table: self, writer })
    }

    pub(super) fn check(&self, ticket: &Ticket, key: &[String], columns: &[String]) -> Result<(), StoreError> {
        self.check_names(ticket, key, columns)?;
        let mut session = self.session()?;
        session.shape(key, columns)?;
        // Something else in the view's place is what the payer reads.
        session.shown(None)?;
        let mut fence = session.fence();
        fence.prepare()?;
        if let Some(row) = fence.row(&ticket.cycle)? {
            fence.may_write(ticket, &row)?;
        }
        session.no_other_cycle(ticket)
    }

    fn check_names(&self, ticket: &Ticket, key: &[String], columns: &[String]) -> Result<(), StoreError> {
        super::no_own_names(key, columns)?;
        if ticket.cycle.chars().count() > CYCLE_CHARACTERS {
            return Err(StoreError::usage(format!(
                "the name of the cycle has more than {CYCLE_CHARACTERS} characters, which no column of decisions takes: `{}`",
                crate::domain::shorten(&ticket.cycle, 80)
            )));
        }
        Ok(())
    }

    pub(super) fn write(
        &self,
        ticket: &Ticket,
        layout: &Layout,
        decisions: &mut dyn Iterator<Item = io::Result<Decision>>,
        alive: &mut dyn FnMut(u64) -> Result<(), StoreError>,
    ) -> Result<Written, StoreError> {
        let (key, columns) = layout.names();
        self.check_names(ticket, &key, &columns)?;
        let mut session = self.session()?;
        let forms = session.prepare(layout, &key, &columns)?;
        session.no_other_cycle(ticket)?;
        let before = session.fence().row(&ticket.cycle)?;
        // Another ledger that wrote this cycle may have had a run of the same name.
        let own = before.is_none_or(|row| row.origin == ticket.origin);
        let row = session.fence().take(ticket)?;
        session.clear(ticket, row.written.as_deref(), own, &forms, alive)?;
        let written = session.insert(ticket, &forms, decisions, alive)?;
        let run = session.writer.dialect().text(&ticket.run);
        alive(written.count)?;
        session.fence().set(ticket, &format!("written_run = {run}"))?;
        let _ = session.writer.close();
        Ok(written)
    }

    /// The forms in which a run's decisions stand in the table.
    pub(super) fn forms(&self, layout: &Layout) -> Result<Forms, StoreError> {
        let (key, columns) = layout.names();
        let mut session = self.session()?;
        let existing = session.existing()?.ok_or_else(|| session.gone())?;
        session.judge(&existing, layout, &key, &columns)
    }

    /// The names as the table has them.
    pub(super) fn named(&self, names: &[String]) -> Result<Vec<String>, StoreError> {
        let mut session = self.session()?;
        let (dialect, existing) = (session.writer.dialect(), session.existing()?.ok_or_else(|| session.gone())?);
        let named = |name: &String| {
            let found = existing.iter().find(|column| same_name(dialect, &column.name, name));
            found.map(|column| column.name.clone()).ok_or_else(|| {
                StoreError::failed(format!("{}: the column `{name}` is gone", session.label()))
                    .hint("verify the cycle again")
            })
        };
        names.iter().map(named).collect()
    }

    /// The cycle whose decisions are those of a run.
    pub(super) fn cycle_of(&self, run: &str) -> Result<String, StoreError> {
        let mut session = self.session()?;
        if !session.has_fences()? {
            return Err(session.gone());
        }
        let mut cycles = session.fence().written_by(run)?;
        match (cycles.pop(), cycles.is_empty()) {
            (Some(cycle), true) => Ok(cycle),
            (Some(_), false) => {
                Err(StoreError::failed(format!("{}: run {run} is there for several cycles", session.label())))
            }
            (None, _) => {
                Err(StoreError::failed(format!("{}: the decisions of run {run} are not all there", session.label()))
                    .hint("verify the cycle again"))
            }
        }
    }

    /// Marks a run as released, once the view is there that shows it.
    pub(super) fn publish(&self, ticket: &Ticket, hash: &str, names: &[String]) -> Result<(), StoreError> {
        let now = crate::domain::format_instant(super::now(), 3);
        let mut session = self.session()?;
        session.show(names)?;
        session.fence().release(ticket, hash, &now)
    }

    /// The view's name.
    pub(super) fn view(&self) -> String {
        format!("{}_released", self.name)
    }

    pub(super) fn is_published(&self, ticket: &Ticket) -> Result<bool, StoreError> {
        let mut session = self.session()?;
        if !session.has_fences()? {
            return Ok(false);
        }
        if !session.fence().row(&ticket.cycle)?.is_some_and(|row| is_released(ticket, &row)) {
            return Ok(false);
        }
        // A view that is gone, or reads something else by now, shows none of it.
        Ok(matches!(session.shown(None), Ok(Shown::Released)))
    }
}

impl Session<'_> {
    pub(super) fn patience(&self) -> Duration {
        self.table.settings.read_timeout
    }

    pub(super) fn label(&self) -> String {
        format!("{}#{}", self.writer.label(), self.table.name)
    }

    pub(super) fn beside(&self, end: &str) -> String {
        format!("{}{end}", self.table.name)
    }

    pub(super) fn fence(&mut self) -> Fence<'_> {
        let (name, patience) = (self.beside("_runs"), self.patience());
        Fence { writer: &mut self.writer, name, patience }
    }

    fn has_fences(&mut self) -> Result<bool, StoreError> {
        let (name, patience) = (self.beside("_runs"), self.patience());
        Ok(!matches!(look(&mut self.writer, &name, patience)?, Found::Nothing))
    }

    fn gone(&self) -> StoreError {
        StoreError::failed(format!("{}: there are no decisions", self.label())).hint("verify the cycle again")
    }

    pub(super) fn touch(&mut self, sql: &str) -> Result<u64, StoreError> {
        let patience = self.patience();
        self.writer.touch(sql, patience).map_err(|refused| refused.error)
    }

    /// The columns of the table, if it is there.
    fn existing(&mut self) -> Result<Option<Vec<Existing>>, StoreError> {
        let patience = self.patience();
        let found = match look(&mut self.writer, &self.table.name, patience)? {
            Found::Nothing => return Ok(None),
            Found::Table(existing) => return Ok(Some(existing)),
            Found::View => "a view".to_owned(),
            Found::Other(what) => what,
        };
        Err(StoreError::usage(format!("{} is {found}: decisions are written to a table", self.label()))
            .hint("name another table under `decisions`; recon makes it"))
    }

    /// Judges the table if it is there.
    fn shape(&mut self, key: &[String], columns: &[String]) -> Result<(), StoreError> {
        let existing = match self.existing()? {
            None => return Ok(()),
            Some(existing) => existing,
        };
        let mut misfits = Misfits::default();
        check_shape(self.writer.dialect(), &existing, key, columns, &mut misfits);
        let unknown =
            |names: &[String], key: bool| names.iter().map(|name| (name.clone(), None, key)).collect::<Vec<_>>();
        let made = self.statement(&[unknown(key, true), unknown(columns, false)].concat())?;
        misfits.or_none(&self.label(), &format!("{made}, with types for what is decided in place of …"))?;
        let names: Vec<String> = key.iter().chain(columns).cloned().collect();
        self.judge_history(&names, &existing)
    }

    fn judge(
        &mut self,
        existing: &[Existing],
        layout: &Layout,
        key: &[String],
        columns: &[String],
    ) -> Result<Forms, StoreError> {
        let dialect = self.writer.dialect();
        let mut misfits = Misfits::default();
        check_shape(dialect, existing, key, columns, &mut misfits);
        let mut forms = Forms { names: Vec::new(), key: key.len(), forms: Vec::new() };
        for (at, seen) in layout.key.iter().chain(&layout.columns).enumerate() {
            let Some(column) = existing.iter().find(|column| same_name(dialect, &column.name, &seen.name)) else {
                continue;
            };
            let (kind, is_key) = (Kind::of(seen), at < key.len());
            match judge(dialect, column.class, kind, is_key) {
                Ok(form) => forms.forms.push(form),
                Err(needed) => {
                    let made = self.made(kind, is_key)?;
                    misfits.unfit(column, &needed, alter(dialect, &self.table.name, &column.name, &made));
                }
            }
            forms.names.push(column.name.clone());
        }
        let made = self.statement(&columns_of(layout))?;
        misfits.or_none(&self.label(), &made)?;
        Ok(forms)
    }

    /// Makes what is not there, and judges what is.
    fn prepare(&mut self, layout: &Layout, key: &[String], columns: &[String]) -> Result<Forms, StoreError> {
        if self.existing()?.is_none() {
            self.make(layout)?;
        }
        let existing = self.existing()?.ok_or_else(|| self.gone())?;
        let forms = self.judge(&existing, layout, key, columns)?;
        self.fence().prepare()?;
        self.make_history(&forms.names, &existing)?;
        self.make_view(&forms.names)?;
        Ok(forms)
    }

    /// The columns of a decision, quoted.
    pub(super) fn columns(&self, names: &[String]) -> String {
        let dialect = self.writer.dialect();
        names.iter().map(|name| dialect.name(name)).chain(OWN.map(str::to_owned)).collect::<Vec<_>>().join(", ")
    }

    /// Run names repeat from ledger to ledger: one table cannot tell two of the same name apart.
    fn no_other_cycle(&mut self, ticket: &Ticket) -> Result<(), StoreError> {
        if self.existing()?.is_none() {
            return Ok(());
        }
        let (dialect, patience) = (self.writer.dialect(), self.patience());
        let sql = format!(
            "SELECT recon_cycle FROM {} WHERE {} AND NOT {} LIMIT 1",
            dialect.table(&self.table.name),
            bytes::is(dialect, "recon_run", &dialect.text(&ticket.run)),
            bytes::is(dialect, "recon_cycle", &dialect.text(&ticket.cycle))
        );
        match self.writer.texts(&sql, patience)?.pop().and_then(|row| row.into_iter().next().flatten()) {
            None => Ok(()),
            Some(other) => Err(StoreError::usage(format!(
                "{} holds decisions of a run {} of another cycle, `{other}`: two ledgers write to one table",
                self.label(),
                ticket.run
            ))
            .hint("give each ledger a table of its own under `decisions`")),
        }
    }
}
