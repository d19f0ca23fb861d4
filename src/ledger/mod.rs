//! The ledger: cycles and their states, who works on them, discrepancies, what was decided, approved and released,
//! and an audit trail; in SQLite, MySQL, MariaDB or PostgreSQL. Must not compute, compare or decide.
//!
//! - A run *leases* its cycle; the lease is renewed while the process lives and runs out by the ledger server's own
//!   clock, so that clocks of clients do not matter. No transaction is open while work goes on.
//! - Every run has a *fencing token* (its attempt number). Each write takes the cycle's row exclusively and is refused
//!   in the same transaction when the token is not the newest: who was paused while another took over writes nothing.
//! - Every write may be repeated when it is not known whether it took place.
//!
//! The calls block; each [`Ledger`] and [`Run`] has a connection and a runtime of its own.

mod audit;
mod begin;
mod canary;
mod checks;
mod connect;
mod database;
mod error;
mod field;
mod lease;
mod lists;
mod migrate;
mod probe;
mod process;
mod prune;
mod records;
mod release;
mod rows;
mod run;
mod scrub;

use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::config::Secret;
use crate::domain::{Machine, State};

pub use audit::{Chain, Entry};
pub use begin::{Begin, Begun};
pub use canary::CanaryChange;
pub use checks::{CheckApproval, CheckResult, CheckVersion, Cleared, NotedCheck, Switched, Trip};
pub use error::{LedgerError, Message};
pub use lists::Listed;
pub use migrate::NEWEST;
pub use probe::{Probed, Writable};
pub use process::Process;
pub use prune::Pruned;
pub use records::{Cycle, CycleKey, Decided, DecisionSummary, Holder, Logged, RunId, RunRecord, RunVerdict, Step};
pub use release::{Approved, Released};
pub use run::Run;

use database::{Database, Field, fields};
pub(crate) use scrub::Secrets;

/// A ledger that is open.
pub struct Ledger {
    db: Database,
    here: Process,
    secrets: Secrets,
}

/// What [`Ledger::inspect`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    /// Where it is, without a password.
    pub place: String,
    /// Its schema; 0 when there is none yet.
    pub version: i64,
    /// Tables and their rows, when the schema is the newest.
    pub rows: Vec<(&'static str, i64)>,
}

/// How [`Ledger::wait`] ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waited {
    /// The cycle is in the state, or further on.
    Reached(Box<Cycle>),
    /// It is blocked or aborted.
    Failed(Box<Cycle>),
    /// The time is over; `None` when there is no such cycle yet.
    TimedOut(Option<Box<Cycle>>),
}

const TABLES: [&str; 15] = [
    "recon_cycles",
    "recon_runs",
    "recon_transitions",
    "recon_discrepancies",
    "recon_decision_summaries",
    "recon_snapshots",
    "recon_run_snapshots",
    "recon_approvals",
    "recon_canary",
    "recon_checks",
    "recon_check_versions",
    "recon_check_approvals",
    "recon_check_trips",
    "recon_check_results",
    "recon_audit",
];

impl Ledger {
    /// Opens a ledger and brings its schema up to date; a SQLite file is made when there is none.
    ///
    /// # Errors
    /// A URL that is none or a ledger of a newer recon (exit 2); it cannot be reached or changed (exit 3).
    pub fn open(url: &Secret, here: Process) -> Result<Ledger, LedgerError> {
        Ledger::open_at(url, here, NEWEST)
    }

    /// As [`Ledger::open`], with the schema of an earlier recon when it has none newer: for tests of migrations.
    #[doc(hidden)]
    pub fn open_at(url: &Secret, here: Process, version: i64) -> Result<Ledger, LedgerError> {
        let mut db = Database::new(url.expose())?;
        migrate::migrate(&mut db, version)?;
        let mut secrets = Secrets::default();
        secrets.add(url);
        Ok(Ledger { db, here, secrets })
    }

    /// Opens a ledger to read it: nothing is made, set up or migrated. `None` when there is none yet.
    ///
    /// # Errors
    /// As [`Ledger::open`]; a ledger with an older schema (exit 2).
    pub fn look(url: &Secret, here: Process) -> Result<Option<Ledger>, LedgerError> {
        let mut db = Database::new(url.expose())?;
        if db.is_missing() {
            return Ok(None);
        }
        db.read_only();
        match db.reading(&mut migrate::version)? {
            0 => Ok(None),
            NEWEST => {
                let mut secrets = Secrets::default();
                secrets.add(url);
                Ok(Some(Ledger { db, here, secrets }))
            }
            older => Err(LedgerError::usage(format!(
                "the ledger {} has schema {older}, and this recon reads schema {NEWEST}",
                db.place
            ))
            .hinted("`recon ledger migrate` brings it up to date")),
        }
    }

    /// Brings the schema up to date; says from which version to which.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn migrate(url: &Secret) -> Result<(String, i64, i64), LedgerError> {
        let mut db = Database::new(url.expose())?;
        let (from, to) = migrate::migrate(&mut db, NEWEST)?;
        Ok((db.place.clone(), from, to))
    }

    /// Looks at a ledger without changing it.
    ///
    /// # Errors
    /// As [`Ledger::open`]; a SQLite file that is not there is a ledger without a schema.
    pub fn inspect(url: &Secret) -> Result<Inspected, LedgerError> {
        let mut db = Database::new(url.expose())?;
        if db.is_missing() {
            return Ok(Inspected { place: db.place.clone(), version: 0, rows: Vec::new() });
        }
        let version = db.reading(&mut migrate::version)?;
        let mut rows = Vec::new();
        if version == NEWEST {
            for table in TABLES {
                let sql = format!("SELECT COUNT(*) FROM {table}");
                rows.push((table, db.reading(&mut |db| db.number(&sql, &[]))?));
            }
        }
        Ok(Inspected { place: db.place.clone(), version, rows })
    }

    /// Tells the ledger of a secret (a store's URL, a token) that must not be written down with any text.
    /// A run knows those that were told before it began.
    pub fn hide(&mut self, secret: &Secret) {
        self.secrets.add(secret);
    }

    /// How messages name the ledger: no password.
    pub fn place(&self) -> &str {
        &self.db.place
    }

    /// Now, by the ledger server's clock: `2026-11-12T13:00:00.000Z`.
    ///
    /// # Errors
    /// The ledger cannot be asked.
    pub fn now(&mut self) -> Result<String, LedgerError> {
        self.db.reading(&mut |db| db.now().map(database::moment))
    }

    /// Registers a cycle without working on it; one that is known stays as it is. Says whether it is new.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn register(&mut self, key: &CycleKey, by: &str) -> Result<bool, LedgerError> {
        let by = records::checked_name("who registers", by)?;
        let origin = origin();
        self.db.transaction(&mut |db| {
            let id = rows::register(db, key, by, &origin)?;
            rows::has_origin(db, id, &origin)
        })
    }

    /// A cycle as it stands; `None` when it was never registered.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn status(&mut self, key: &CycleKey) -> Result<Option<Cycle>, LedgerError> {
        let hash = key.hash();
        let here = &self.here;
        let found = self.db.reading(&mut |db| rows::cycles(db, "WHERE c.key_hash = ?", fields![&hash], here))?;
        Ok(found.into_iter().next())
    }

    /// A cycle by its number.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn cycle(&mut self, id: i64) -> Result<Option<Cycle>, LedgerError> {
        let here = &self.here;
        let found = self.db.reading(&mut |db| rows::cycles(db, "WHERE c.id = ?", fields![id], here))?;
        Ok(found.into_iter().next())
    }

    /// What tells a cycle from one of the same name in any other ledger: random text, made when it was registered.
    ///
    /// # Errors
    /// The ledger cannot be read, or holds no such cycle.
    pub fn cycle_origin(&mut self, id: i64) -> Result<String, LedgerError> {
        let row = self.db.reading(&mut |db| {
            db.row("SELECT origin FROM recon_transitions WHERE cycle_id = ? ORDER BY step LIMIT 1", fields![id])
        })?;
        let row = row.ok_or_else(|| LedgerError::failed(format!("the ledger holds no cycle {id}")))?;
        row.text(0)
    }

    /// The latest cycles, the newest first: of one reconciliation or of all, those with a smaller number than
    /// `before` where that is given.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn history(
        &mut self,
        reconciliation: Option<&str>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Cycle>, LedgerError> {
        let mut condition = "WHERE c.id < ?".to_owned();
        let mut values = vec![Field::Integer(before.unwrap_or(i64::MAX))];
        if let Some(name) = reconciliation {
            condition.push_str(" AND c.reconciliation = ?");
            values.push(name.into());
        }
        condition.push_str(" ORDER BY c.id DESC LIMIT ?");
        values.push(i64::from(limit).into());
        let here = &self.here;
        self.db.reading(&mut |db| rows::cycles(db, &condition, &values, here))
    }

    /// Every run of a cycle, the first first.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn runs(&mut self, cycle: i64) -> Result<Vec<RunRecord>, LedgerError> {
        self.db.reading(&mut |db| rows::runs(db, cycle))
    }

    /// Every step of a cycle, the first first.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn steps(&mut self, cycle: i64) -> Result<Vec<Step>, LedgerError> {
        self.db.reading(&mut |db| rows::steps(db, cycle))
    }

    /// Logged discrepancies of a run in their order, from a place on, at most so many.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn discrepancies(&mut self, run: RunId, from: u64, limit: u32) -> Result<Vec<Logged>, LedgerError> {
        let from = i64::try_from(from).unwrap_or(i64::MAX);
        self.db.reading(&mut |db| run::discrepancies(db, run, from, i64::from(limit)))
    }

    /// What a run was told to keep: names, and the hash of each text.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn snapshots(&mut self, run: RunId) -> Result<Vec<(String, String)>, LedgerError> {
        self.db.reading(&mut |db| {
            let sql = "SELECT name, hash FROM recon_run_snapshots WHERE cycle_id = ? AND attempt = ? ORDER BY name";
            let rows = db.rows(sql, fields![run.cycle, run.attempt])?;
            rows.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect()
        })
    }

    /// A text that was kept, by its hash.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn snapshot(&mut self, hash: &str) -> Result<Option<String>, LedgerError> {
        self.db.reading(&mut |db| {
            let row = db.row("SELECT content FROM recon_snapshots WHERE hash = ?", fields![hash])?;
            row.map(|row| row.text(0)).transpose()
        })
    }

    /// Waits until a cycle reaches a state or goes beyond it, is blocked or aborted, or the time is over.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn wait(
        &mut self,
        key: &CycleKey,
        machine: &Machine,
        target: &State,
        timeout: Duration,
    ) -> Result<Waited, LedgerError> {
        let started = Instant::now();
        loop {
            let cycle = self.status(key)?.map(Box::new);
            match cycle {
                Some(cycle) if machine.has_reached(&cycle.state, target) => return Ok(Waited::Reached(cycle)),
                Some(cycle) if matches!(cycle.state, State::Blocked | State::Aborted) => {
                    return Ok(Waited::Failed(cycle));
                }
                cycle if started.elapsed() >= timeout => return Ok(Waited::TimedOut(cycle)),
                _ => {}
            }
            std::thread::sleep(Duration::from_millis(500).min(timeout.saturating_sub(started.elapsed())));
        }
    }

    /// Adds an entry to the audit trail; gives its hash.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn audit(&mut self, who: &str, what: &str, detail: &Json) -> Result<String, LedgerError> {
        let who = records::checked_name("who did it", who)?;
        self.db.transaction(&mut |db| {
            let now = db.now()?;
            audit::append(db, now, who, what, detail)
        })
    }

    /// Entries of the audit trail from a number on.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn audit_entries(&mut self, from: i64, limit: u32) -> Result<Vec<Entry>, LedgerError> {
        self.db.reading(&mut |db| audit::entries(db, from, i64::from(limit)))
    }

    /// Follows the audit trail from its first entry and finds the first that was changed.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn verify_audit(&mut self) -> Result<Chain, LedgerError> {
        self.db.reading(&mut audit::verify)
    }
}

/// Tells one request from every other, so that it can be repeated; it is never shown and means nothing else.
fn origin() -> String {
    format!("{:032x}", fastrand::u128(..))
}
