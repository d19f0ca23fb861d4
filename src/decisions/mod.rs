//! Where decisions are written and the payer reads them: a table of a SQL store, or a Parquet or CSV file. Writes in
//! bulk, so that a run that was overtaken writes nothing more and the payer never sees half of a run; reads back what
//! is there. Must not decide.

use std::io;
use std::path::Path;

use crate::config::{Decisions, Project};
use crate::decide::{Decision, Taken};
use crate::domain::{Amount, ColumnType, Value};
use crate::stores::{Settings, StoreError};

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

/// Where the decisions of a reconciliation are.
pub struct Place {
    label: String,
}

impl Place {
    /// The place that the project file names. Opens nothing.
    ///
    /// # Errors
    /// Class `Usage`: it names no store that decisions can be written to.
    pub fn of(
        _project: &Project,
        decisions: &Decisions,
        _params: &[(String, Value)],
        _settings: &Settings,
    ) -> Result<Place, StoreError> {
        let label = match decisions {
            Decisions::Table { table, .. } => table.clone(),
            Decisions::File(path) => path.display().to_string(),
        };
        Ok(Place { label })
    }

    /// How messages name it: no password.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Files that it may write to.
    pub fn files(&self) -> Vec<&Path> {
        Vec::new()
    }

    /// Looks whether decisions of this cycle can be written there, before anything is computed: reachable, writable,
    /// and what is there has fitting columns and belongs to nobody else. `columns` are those known by then.
    ///
    /// # Errors
    /// Class `Usage` for what is in the way, `Failed` when it cannot be reached.
    pub fn check(&mut self, _ticket: &Ticket, _key: &[String], _columns: &[String]) -> Result<(), StoreError> {
        Ok(())
    }

    /// Writes the decisions of a run in key order; gives how many there were.
    ///
    /// # Errors
    /// A value does not fit exactly, another run has overtaken this one, or the store fails. What was written until
    /// then is seen by no payer.
    pub fn write(
        &mut self,
        _ticket: &Ticket,
        _layout: &Layout,
        _decisions: &mut dyn Iterator<Item = io::Result<Decision>>,
        _alive: &mut dyn FnMut(u64) -> Result<(), StoreError>,
    ) -> Result<u64, StoreError> {
        Err(StoreError::failed("decisions cannot be written yet"))
    }

    /// Reads the decisions of a run from where they are and compares each with what was decided.
    ///
    /// # Errors
    /// The first decision that is not what was decided, or the store fails.
    pub fn verify(
        &mut self,
        _ticket: &Ticket,
        _layout: &Layout,
        _decisions: &mut dyn Iterator<Item = io::Result<Decision>>,
    ) -> Result<ReadBack, StoreError> {
        Err(StoreError::failed("decisions cannot be read yet"))
    }

    /// Reads the decisions of a run from where they are.
    ///
    /// # Errors
    /// They are not there, or the store fails.
    pub fn read(&mut self, _run: &str, _key: &[String], _columns: &[String]) -> Result<ReadBack, StoreError> {
        Err(StoreError::failed("decisions cannot be read yet"))
    }

    /// Lets the payer see the decisions of a run, whose cycle is released. May be repeated.
    ///
    /// # Errors
    /// The store fails.
    pub fn publish(&mut self, _ticket: &Ticket, _hash: &str) -> Result<(), StoreError> {
        Err(StoreError::failed("decisions cannot be published yet"))
    }

    /// Whether the payer sees the decisions of a run already.
    ///
    /// # Errors
    /// The store fails.
    pub fn is_published(&mut self, _ticket: &Ticket) -> Result<bool, StoreError> {
        Err(StoreError::failed("decisions cannot be read yet"))
    }
}
