//! Where decisions are written and the payer reads them: a table of a SQL store, or a Parquet or CSV file. Writes in
//! bulk, so that a run that was overtaken writes nothing more and the payer never sees half of a run; reads back what
//! is there. Must not decide.

mod bytes;
mod catalogue;
mod clear;
mod columns;
mod encode;
mod fence;
mod file;
mod form;
mod holder;
mod insert;
mod kept;
mod literal;
mod make;
mod probe;
mod read;
mod shape;
mod table;
mod view;

use std::io;
use std::path::{Path, PathBuf};

use crate::config::{Decisions, Project, StoreKind};
use crate::decide::{Decision, Taken};
use crate::domain::{Amount, ColumnType, Filter, Literal, Operator, Value};
use crate::stores::sql::Dialect;
use crate::stores::{Locator, Settings, StoreError};

use file::DecisionsFile;
use table::Table;

/// Whose decisions are written.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// The cycle as people name it: `payout payout_date=2026-11-13`. Goes to `recon_cycle`.
    pub cycle: String,
    /// What tells this cycle from one of the same name in another ledger.
    pub origin: String,
    /// The run: `12-3`. Goes to `recon_run`.
    pub run: String,
    /// Its attempt, which is its fencing token: a larger one overtakes a smaller one.
    pub attempt: i64,
    /// The hash of the settings in force. Goes to `recon_snapshot`.
    pub snapshot: String,
}

/// What the decisions of a run hold in one column: seen in all of them before the first is written.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The column's legacy name.
    pub name: String,
    /// The type that the project file gives it.
    pub configured: Option<ColumnType>,
    /// Whether all numbers are integers by type.
    pub integers: bool,
    /// Values of each kind.
    pub numbers: u64,
    /// Of the numbers, those that are not finite.
    pub not_finite: u64,
    /// Texts that are plain decimal literals.
    pub literals: u64,
    /// Other texts.
    pub texts: u64,
    /// Truth values.
    pub booleans: u64,
    /// Dates.
    pub dates: u64,
    /// Instants.
    pub instants: u64,
    /// Everything else (times, UUIDs, bytes, documents, …).
    pub others: u64,
    /// Most digits before the point of any number.
    pub whole_digits: u32,
    /// Most digits behind the point of any number.
    pub scale: u32,
    /// Most characters of any value written as text.
    pub characters: u64,
}

/// The columns of the decisions of a run.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// The key.
    pub key: Vec<Seen>,
    /// The compared columns.
    pub columns: Vec<Seen>,
}

impl Layout {
    /// The names of the key columns and of the compared ones.
    fn names(&self) -> (Vec<String>, Vec<String>) {
        let names = |columns: &[Seen]| columns.iter().map(|seen| seen.name.clone()).collect();
        (names(&self.key), names(&self.columns))
    }

    /// Which compared columns hold amounts, with how many digits behind the point: of the others nothing is summed,
    /// whatever their text looks like.
    fn amounts(&self) -> Vec<Option<u32>> {
        let amount = |seen: &Seen| seen.numbers + seen.literals + seen.booleans > 0;
        self.columns.iter().map(|seen| amount(seen).then_some(seen.scale)).collect()
    }
}

/// What is found where decisions were written.
#[derive(Clone, Debug, Default)]
pub struct ReadBack {
    /// Decisions by their source, in the order of [`Taken::ALL`].
    pub taken: [u64; 3],
    /// The sum of each compared column, in their order; NULL counts as nothing, as does what is no amount.
    pub totals: Vec<Amount>,
    /// SHA-256 over names and values in key order, in hexadecimal digits: tells these decisions from all others.
    pub hash: String,
}

impl ReadBack {
    /// Decisions of one source.
    pub fn of(&self, taken: Taken) -> u64 {
        self.taken[taken as usize]
    }
}

pub use kept::Kept;
pub use probe::{Probed, probe};

/// Where the decisions of a reconciliation are.
pub struct Place {
    label: String,
    at: At,
    files: Vec<PathBuf>,
    /// The run that was written last, when its decisions came in the order in which they are read back.
    in_order: Option<String>,
}

enum At {
    Table(Table),
    File(DecisionsFile),
}

impl Place {
    /// The place that the project file names. Opens nothing.
    ///
    /// # Errors
    /// Class `Usage`: it names no store that decisions can be written to.
    pub fn of(
        project: &Project,
        decisions: &Decisions,
        params: &[(String, Value)],
        settings: &Settings,
    ) -> Result<Place, StoreError> {
        match decisions {
            Decisions::Table { store, table } => {
                let store = project.store(store)?;
                if !matches!(store.kind, StoreKind::MySql | StoreKind::Postgres | StoreKind::Sqlite) {
                    return Err(StoreError::usage(format!("decisions cannot be written to the store `{}`", store.name))
                        .hint("they go to a table of MySQL, MariaDB, PostgreSQL or SQLite, or to a .parquet or .csv file (`file = …`)"));
                }
                Place::table(store.url.expose(), table, settings)
            }
            Decisions::File(path) => Place::file(path, params, settings),
        }
    }

    /// A table of the store at a URL.
    ///
    /// # Errors
    /// Class `Usage`: a URL or name that cannot be used.
    pub fn table(url: &str, table: &str, settings: &Settings) -> Result<Place, StoreError> {
        let locator = Locator::parse(url)?.with_table(table.to_owned());
        let files = locator.path().map(PathBuf::from).into_iter().collect();
        let at = At::Table(Table::new(url, table, settings)?);
        Ok(Place { label: locator.label(), at, files, in_order: None })
    }

    /// A Parquet or CSV file; `{name}` in its name is replaced by the parameter of that name.
    ///
    /// # Errors
    /// Class `Usage`: another kind of file, or a parameter that is not known or cannot stand in a name.
    pub fn file(path: &Path, params: &[(String, Value)], settings: &Settings) -> Result<Place, StoreError> {
        let file = DecisionsFile::new(path, params, settings)?;
        let files = file.files().into_iter().map(Path::to_owned).collect();
        Ok(Place { label: file.path.display().to_string(), at: At::File(file), files, in_order: None })
    }

    /// Where the decisions of a run are read as records, and which of the rows are its own.
    ///
    /// # Errors
    /// Class `Usage`: a name that cannot be used.
    pub fn records(&self, run: &str) -> Result<(Locator, Option<Filter>), StoreError> {
        let own = Filter::Compare {
            column: "recon_run".to_owned(),
            operator: Operator::Equal,
            literal: Literal::Text(run.to_owned()),
        };
        Ok(match &self.at {
            At::Table(table) => (Locator::parse(&table.url)?.with_table(table.name.clone()), Some(own)),
            At::File(file) => (file.locator()?, Some(own)),
        })
    }

    /// How messages name it: no password.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Files that it may write to.
    pub fn files(&self) -> Vec<&Path> {
        self.files.iter().map(PathBuf::as_path).collect()
    }

    /// Looks whether decisions of this cycle can be written there, before anything is computed: reachable, writable,
    /// and what is there has fitting columns and belongs to nobody else. `columns` are those known by then.
    ///
    /// # Errors
    /// Class `Usage` for what is in the way, `Failed` when it cannot be reached.
    pub fn check(&mut self, ticket: &Ticket, key: &[String], columns: &[String]) -> Result<(), StoreError> {
        match &self.at {
            At::Table(table) => table.check(ticket, key, columns),
            At::File(file) => file.check(ticket, key, columns),
        }
    }

    /// Writes the decisions of a run in key order; gives how many there were. `alive` is called with the number of those
    /// written before each piece of them; its error stops the writing.
    ///
    /// # Errors
    /// A value does not fit exactly, another run has overtaken this one, or the store fails. What was written until
    /// then is seen by no payer.
    pub fn write(
        &mut self,
        ticket: &Ticket,
        layout: &Layout,
        decisions: &mut dyn Iterator<Item = io::Result<Decision>>,
        alive: &mut dyn FnMut(u64) -> Result<(), StoreError>,
    ) -> Result<u64, StoreError> {
        self.in_order = None;
        match &self.at {
            At::Table(table) => {
                let written = table.write(ticket, layout, decisions, alive)?;
                self.in_order = written.in_order.then(|| ticket.run.clone());
                Ok(written.count)
            }
            At::File(file) => file.write(ticket, layout, decisions, alive),
        }
    }

    /// Reads the decisions of a run from where they are and compares each with what was decided.
    ///
    /// # Errors
    /// The first decision that is not what was decided, or the store fails.
    pub fn verify(
        &mut self,
        ticket: &Ticket,
        layout: &Layout,
        decisions: &mut dyn Iterator<Item = io::Result<Decision>>,
    ) -> Result<ReadBack, StoreError> {
        match &self.at {
            At::Table(table) => {
                let forms = table.forms(layout)?;
                let place = self.of_table(table, &ticket.cycle, &ticket.run, &forms.names, forms.key)?;
                let in_order = self.in_order.as_ref() == Some(&ticket.run);
                read::verify(&place, &forms, layout.amounts(), in_order, decisions)
            }
            At::File(file) => {
                let forms = file.forms(layout)?;
                let same = vec![("recon_run", ticket.run.clone()), ("recon_cycle", ticket.cycle.clone())];
                let place = self.of_file(file, same, &forms.names, forms.key)?;
                read::verify(&place, &forms, layout.amounts(), true, decisions)
            }
        }
    }

    /// Reads the decisions of a run from where they are.
    ///
    /// # Errors
    /// They are not there, or the store fails.
    pub fn read(&mut self, run: &str, key: &[String], columns: &[String]) -> Result<ReadBack, StoreError> {
        let names: Vec<String> = key.iter().chain(columns).cloned().collect();
        match &self.at {
            At::Table(table) => {
                let (cycle, names) = (table.cycle_of(run)?, table.named(&names)?);
                read::read(&self.of_table(table, &cycle, run, &names, key.len())?)
            }
            At::File(file) => {
                let same = vec![("recon_run", run.to_owned())];
                read::read(&self.of_file(file, same, &names, key.len())?)
            }
        }
    }

    /// Takes the decisions of a run along, in a temporary file: a run that completes them replaces them.
    ///
    /// # Errors
    /// They are not there, are no decisions, or the store or the temporary file fails.
    pub fn keep(&mut self, run: &str, key: &[String], columns: &[String]) -> Result<Kept, StoreError> {
        let names: Vec<String> = key.iter().chain(columns).cloned().collect();
        match &self.at {
            At::Table(table) => {
                let cycle = table.cycle_of(run)?;
                read::keep(&self.of_table(table, &cycle, run, &names, key.len())?)
            }
            At::File(file) => {
                let same = vec![("recon_run", run.to_owned())];
                read::keep(&self.of_file(file, same, &names, key.len())?)
            }
        }
    }

    /// Lets the payer see the decisions of a run, whose cycle is released, and reads them as the payer does. May be
    /// repeated.
    ///
    /// # Errors
    /// They are not all there, another run is released or has taken over, the payer sees something else, or the store
    /// fails.
    pub fn publish(
        &mut self,
        ticket: &Ticket,
        hash: &str,
        key: &[String],
        columns: &[String],
    ) -> Result<(), StoreError> {
        let table = match &self.at {
            At::File(file) => return file.publish(ticket, hash),
            At::Table(table) => table,
        };
        let names = table.named(&key.iter().chain(columns).cloned().collect::<Vec<_>>())?;
        table.publish(ticket, hash, &names)?;
        // As the payer reads them: all that the view shows of the cycle.
        let (view, cycle) = (table.view(), [("recon_cycle", ticket.cycle.as_str())]);
        let label = format!("{}_released", self.label);
        let place = read::Place { label: &label, ..self.of_named(table, &view, &cycle, &names, key.len())? };
        let unseen = |why: String| {
            let what = format!("the payer does not see what was released of `{}`: {why}", ticket.cycle);
            StoreError::failed(what)
                .hint(format!("see what `{view}` shows before anything is paid, and who changed it"))
        };
        let seen = read::read(&place).map_err(|error| unseen(error.what))?;
        match seen.hash == hash {
            true => Ok(()),
            false => Err(unseen(format!(
                "`{view}` shows {} decisions, which are not those of run {} (hash {}, released were those with {hash})",
                seen.taken.iter().sum::<u64>(),
                ticket.run,
                seen.hash
            ))),
        }
    }

    /// Whether the payer sees the decisions of a run already.
    ///
    /// # Errors
    /// The store fails.
    pub fn is_published(&mut self, ticket: &Ticket) -> Result<bool, StoreError> {
        match &self.at {
            At::Table(table) => table.is_published(ticket),
            At::File(file) => file.is_published(ticket),
        }
    }

    fn of_table<'a>(
        &'a self,
        table: &'a Table,
        cycle: &str,
        run: &str,
        names: &'a [String],
        key: usize,
    ) -> Result<read::Place<'a>, StoreError> {
        self.of_named(table, &table.name, &[("recon_cycle", cycle), ("recon_run", run)], names, key)
    }

    /// What a table or view shows, where these columns hold just these texts.
    fn of_named<'a>(
        &'a self,
        table: &'a Table,
        from: &str,
        same: &[(&str, &str)],
        names: &'a [String],
        key: usize,
    ) -> Result<read::Place<'a>, StoreError> {
        let locator = Locator::parse(&table.url)?;
        let dialect = match locator.dialect() {
            "mysql" => Dialect::MySql,
            "postgres" => Dialect::Postgres,
            _ => Dialect::Sqlite,
        };
        let own = ["recon_source", "recon_reason"];
        let wanted = names.iter().map(|name| dialect.name(name)).chain(own.map(str::to_owned)).collect::<Vec<_>>();
        let sql = format!(
            "SELECT {} FROM {} WHERE {}",
            wanted.join(", "),
            dialect.table(from),
            same.iter()
                .map(|(name, _)| bytes::is(dialect, name, &format!(":{name}")))
                .collect::<Vec<_>>()
                .join(" AND ")
        );
        let text = |text: &str| Value::Text { text: text.to_owned(), untyped: false };
        let params = same.iter().map(|(name, is)| ((*name).to_owned(), text(is))).collect();
        let locator = locator.with_query(sql)?.with_params(params);
        let settings = &table.settings;
        Ok(read::Place { label: &self.label, locator, settings, names, key, by_key: true, same: Vec::new() })
    }

    fn of_file<'a>(
        &'a self,
        file: &'a DecisionsFile,
        same: Vec<(&'static str, String)>,
        names: &'a [String],
        key: usize,
    ) -> Result<read::Place<'a>, StoreError> {
        let (locator, settings) = (file.locator()?, file.settings());
        Ok(read::Place { label: &self.label, locator, settings, names, key, by_key: false, same })
    }
}

/// Refuses columns that are named like recon's own, or twice.
fn no_own_names(key: &[String], columns: &[String]) -> Result<(), StoreError> {
    let mut seen = std::collections::HashSet::new();
    for name in key.iter().chain(columns) {
        let lower = name.to_lowercase();
        if columns::OWN.contains(&lower.as_str()) {
            return Err(StoreError::usage(format!(
                "the column `{name}` has the name of one that recon adds to the decisions"
            ))
            .hint("give it another name in the query (`AS`), or do not compare it (`compare = false`)"));
        }
        if !seen.insert(lower) {
            return Err(StoreError::usage(format!("two columns of the decisions are named `{name}`")));
        }
    }
    Ok(())
}

/// The temporary file that holds the decisions failed.
fn unreadable(error: io::Error) -> StoreError {
    StoreError::failed(format!("the decisions cannot be read from their temporary file: {error}"))
        .hint("check that the temporary folder (TMPDIR) has room")
}

/// Nanoseconds since 1970-01-01T00:00Z.
fn now() -> i128 {
    std::time::UNIX_EPOCH.elapsed().map_or(0, |since| i128::try_from(since.as_nanos()).unwrap_or(i128::MAX))
}
