//! Decisions in a table of a SQL store: made or judged, filled by statements that stand alone and each prove that no
//! other attempt has taken over, and shown to the payer through a view once they are released.
//!
//! No transaction stays open between statements: a process that is paused anywhere holds nothing that others wait for.

use std::io;
use std::time::Duration;

use crate::decide::Decision;
use crate::domain::{Batch, cmp_keys};
use crate::stores::bulk::SqlWriter;
use crate::stores::sql::Dialect;
use crate::stores::{Settings, StoreError};

use super::catalogue::{Found, look};
use super::columns::{
    self, CYCLE_CHARACTERS, Existing, OWN, check_shape, fits_index, judge, made, made_own, same_name,
};
use super::fence::{Fence, create, is_released};
use super::form::{Forms, Kind};
use super::literal::push_literal;
use super::{Layout, Ticket};

/// Bytes after which a statement is sent.
const STATEMENT: usize = 512 << 10;
/// Rows that are deleted at once.
const PIECE: u64 = 20_000;
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
struct Session<'a> {
    table: &'a Table,
    writer: SqlWriter,
}

impl Table {
    /// # Errors
    /// Class `Usage`: the name cannot be used.
    pub(super) fn new(url: &str, name: &str, settings: &Settings) -> Result<Table, StoreError> {
        let label = crate::stores::Locator::parse(url)?.label();
        let parts: Vec<&str> = name.split('.').collect();
        let most = if label.starts_with("sqlite:") { 1 } else { 2 };
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
        let row = session.fence().take(ticket)?;
        session.clear(ticket, row.written.as_deref(), &forms)?;
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

    pub(super) fn publish(&self, ticket: &Ticket, hash: &str) -> Result<(), StoreError> {
        let now = crate::domain::format_instant(super::now(), 3);
        self.session()?.fence().release(ticket, hash, &now)
    }

    pub(super) fn is_published(&self, ticket: &Ticket) -> Result<bool, StoreError> {
        let mut session = self.session()?;
        if !session.has_fences()? {
            return Ok(false);
        }
        Ok(session.fence().row(&ticket.cycle)?.is_some_and(|row| is_released(ticket, &row)))
    }
}

impl Session<'_> {
    fn patience(&self) -> Duration {
        self.table.settings.read_timeout
    }

    fn label(&self) -> String {
        format!("{}#{}", self.writer.label(), self.table.name)
    }

    fn beside(&self, end: &str) -> String {
        format!("{}{end}", self.table.name)
    }

    fn fence(&mut self) -> Fence<'_> {
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

    fn touch(&mut self, sql: &str) -> Result<u64, StoreError> {
        let patience = self.patience();
        self.writer.touch(sql, patience).map_err(|refused| refused.error)
    }

    /// The columns of the table, if it is there.
    fn existing(&mut self) -> Result<Option<Vec<Existing>>, StoreError> {
        let patience = self.patience();
        let found = match look(&mut self.writer, &self.table.name, patience)? {
            Found::Nothing => return Ok(None),
            Found::Table(existing) => return Ok(Some(existing)),
            Found::View(_) => "a view".to_owned(),
            Found::Other(what) => what,
        };
        Err(StoreError::usage(format!("{} is {found}: decisions are written to a table", self.label()))
            .hint("name another table under `decisions`; recon makes it"))
    }

    /// Judges the table if it is there.
    fn shape(&mut self, key: &[String], columns: &[String]) -> Result<(), StoreError> {
        match self.existing()? {
            Some(existing) => check_shape(self.writer.dialect(), &self.label(), &existing, key, columns),
            None => Ok(()),
        }
    }

    fn judge(
        &self,
        existing: &[Existing],
        layout: &Layout,
        key: &[String],
        columns: &[String],
    ) -> Result<Forms, StoreError> {
        let dialect = self.writer.dialect();
        check_shape(dialect, &self.label(), existing, key, columns)?;
        let mut forms = Forms { names: Vec::new(), key: key.len(), forms: Vec::new() };
        for (at, seen) in layout.key.iter().chain(&layout.columns).enumerate() {
            let Some(column) = existing.iter().find(|column| same_name(dialect, &column.name, &seen.name)) else {
                continue;
            };
            let form = judge(dialect, column.class, Kind::of(seen), at < key.len());
            forms.forms.push(form.map_err(|needed| columns::unfit(&self.label(), column, &needed))?);
            forms.names.push(column.name.clone());
        }
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
        self.make_history(&forms.names)?;
        self.make_view(&forms.names)?;
        Ok(forms)
    }

    fn make(&mut self, layout: &Layout) -> Result<(), StoreError> {
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

    fn make_history(&mut self, names: &[String]) -> Result<(), StoreError> {
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

    fn make_view(&mut self, names: &[String]) -> Result<(), StoreError> {
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

    /// The columns of a decision, quoted.
    fn columns(&self, names: &[String]) -> String {
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
            "SELECT recon_cycle FROM {} WHERE recon_run = {} AND recon_cycle <> {} LIMIT 1",
            dialect.table(&self.table.name),
            dialect.text(&ticket.run),
            dialect.text(&ticket.cycle)
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

    /// Moves the earlier complete run to the history and deletes what is left of others.
    fn clear(&mut self, ticket: &Ticket, written: Option<&str>, forms: &Forms) -> Result<(), StoreError> {
        let (dialect, patience) = (self.writer.dialect(), self.patience());
        let table = dialect.table(&self.table.name);
        let cycle = dialect.text(&ticket.cycle);
        if written == Some(&ticket.run) {
            self.fence().set(ticket, "written_run = NULL")?;
        }
        let sql = format!("SELECT DISTINCT recon_run FROM {table} WHERE recon_cycle = {cycle}");
        let runs: Vec<String> = self.writer.texts(&sql, patience)?.into_iter().flatten().flatten().collect();
        if let Some(old) = written.filter(|old| *old != ticket.run && runs.iter().any(|run| run == old)) {
            self.keep(ticket, old, &self.columns(&forms.names))?;
        }
        for run in &runs {
            self.delete(ticket, run)?;
        }
        if written.is_some_and(|old| old != ticket.run) {
            self.fence().set(ticket, "written_run = NULL")?;
        }
        Ok(())
    }

    /// Copies a complete run to the history, as a whole, unless it is there already.
    fn keep(&mut self, ticket: &Ticket, run: &str, columns: &str) -> Result<(), StoreError> {
        let dialect = self.writer.dialect();
        let (table, history) = (dialect.table(&self.table.name), dialect.table(&self.beside("_history")));
        let (run, cycle) = (dialect.text(run), dialect.text(&ticket.cycle));
        let of = format!("recon_run = {run} AND recon_cycle = {cycle}");
        let guard = self.fence().guard(ticket);
        let patience = self.patience();
        if !self.writer.texts(&format!("SELECT recon_run FROM {history} WHERE {of} LIMIT 1"), patience)?.is_empty() {
            return Ok(());
        }
        let sql = match dialect {
            Dialect::Postgres => format!(
                "WITH fence AS ({guard}) INSERT INTO {history} ({columns}) SELECT {columns} FROM {table} \
                 WHERE {of} AND EXISTS (SELECT 1 FROM fence)"
            ),
            _ => format!(
                "INSERT INTO {history} ({columns}) SELECT {columns} FROM {table} WHERE {of} AND EXISTS ({guard})"
            ),
        };
        self.touch(&sql)?;
        self.fence().still_mine(ticket).map(|_| ())
    }

    /// Deletes a run piece by piece: no statement takes long, and each proves that it may.
    fn delete(&mut self, ticket: &Ticket, run: &str) -> Result<(), StoreError> {
        let dialect = self.writer.dialect();
        let table = dialect.table(&self.table.name);
        let of = format!("recon_run = {} AND recon_cycle = {}", dialect.text(run), dialect.text(&ticket.cycle));
        let guard = self.fence().guard(ticket);
        let sql = match dialect {
            Dialect::MySql => format!("DELETE FROM {table} WHERE {of} AND EXISTS ({guard}) LIMIT {PIECE}"),
            Dialect::Postgres => format!(
                "WITH fence AS ({guard}) DELETE FROM {table} WHERE {of} AND EXISTS (SELECT 1 FROM fence) \
                 AND ctid = ANY (ARRAY(SELECT ctid FROM {table} WHERE {of} LIMIT {PIECE}))"
            ),
            Dialect::Sqlite => format!("DELETE FROM {table} WHERE {of} AND EXISTS ({guard})"),
        };
        while self.touch(&sql)? > 0 {}
        self.fence().still_mine(ticket).map(|_| ())
    }

    fn insert(
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
        // Somebody else's fence is why; or else it is what the store said.
        session.fence().still_mine(ticket)?;
        Err(unfinished(error))
    }
}

fn unfinished(mut error: StoreError) -> StoreError {
    error.what = format!("the decisions could not be written: {}", error.what);
    error.hint(
        "no payer sees what was written until then, and the next run clears it away: mend the cause and run it again",
    )
}
