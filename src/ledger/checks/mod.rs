//! Checks in the ledger: the rows that people write, every version that there was, approvals, checks that are switched
//! off because they flagged too much, and what runs found. Must not understand or run a check.
//!
//! The audit trail's head keeps those who write at the same time apart; a run's cycle is locked before it.

mod results;
mod rows;
mod versions;
mod write;

use super::database::{Database, Row, fields};
use super::error::LedgerError;
use super::records::RunId;
use super::{Ledger, origin};
use crate::checks::CheckRow;

pub use results::CheckResult;
pub use write::{CheckApproval, Switched};

use versions::{Kept, Looked};

/// A check as it was from one edit to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckVersion {
    /// The check.
    pub name: String,
    /// 1, 2, … of this check.
    pub version: u64,
    /// Of the name and what decides what it does, [`CheckRow::hash`].
    pub hash: String,
    /// Name and judged columns; empty for a deletion.
    pub row: CheckRow,
    /// Whose edit it was; `None` when that is not known.
    pub author: Option<String>,
    /// When, as the author said; else when it was noticed.
    pub time: String,
    /// When recon saw it first, by the ledger server's clock.
    pub noticed_at: String,
    /// `command`, `push` when it came from a file, or `sql` when it was edited with another program.
    pub how: String,
    /// Why it was switched on or off, where somebody said so.
    pub reason: Option<String>,
    /// The row was deleted.
    pub deleted: bool,
    /// Who approved it, and when; only those whose approval counts.
    pub approvals: Vec<(String, String)>,
    /// How many people must: two when the author of an edit is not known, because one may be the author.
    pub needed: u32,
    /// Whether enough have.
    pub approved: bool,
}

/// A check as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotedCheck {
    /// Its row; for a check that was deleted the last that there was.
    pub row: CheckRow,
    /// Its newest version. Where that is `deleted` there is no such check any more, and no new one decides.
    pub current: CheckVersion,
    /// Whether `current` was seen now for the first time.
    pub is_new: bool,
    /// The newest version that enough people approved; where approval is asked for, that one decides and no other, also
    /// when it is older than a deletion that nobody approved.
    pub approved: Option<CheckVersion>,
    /// It flagged too much, and nobody has switched it on since.
    pub tripped: Option<Trip>,
    /// For a deleted check: the last run with a result of it.
    pub last_run: Option<RunId>,
}

/// A check flagged more than was plausible and was switched off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trip {
    /// The check.
    pub name: String,
    /// 1, 2, … of this check.
    pub number: i64,
    /// The version that did.
    pub version: u64,
    /// The run in which it did.
    pub run: Option<RunId>,
    /// When, by the ledger server's clock.
    pub at: String,
    /// What it flagged.
    pub message: String,
    /// Who switched it on again; `None`: it is off.
    pub cleared: Option<Cleared>,
}

/// Who switched a check on again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleared {
    /// When, by the ledger server's clock.
    pub at: String,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl Ledger {
    /// Every check as it stands, in the order of their names. What was edited with another program since the last look
    /// becomes a version: an edit back to an older text and a deletion too. Two that look at once make one version.
    ///
    /// A check that was deleted is among them until its deletion is approved: see [`NotedCheck::current`].
    ///
    /// # Errors
    /// The ledger cannot be read or written. What stands in a row is never an error: it is said in the row.
    pub fn note_checks(&mut self) -> Result<Vec<NotedCheck>, LedgerError> {
        let origin = origin();
        let looked = self.db.reading(&mut |db| versions::look(db, None))?;
        if !looked.is_changed() {
            return self.db.reading(&mut |db| noted(db, &looked, &origin));
        }
        self.db.transaction(&mut |db| {
            versions::lock(db)?;
            let mut looked = versions::look(db, None)?;
            let now = db.now()?;
            looked.notice(Some(db), now, &origin)?;
            noted(db, &looked, &origin)
        })
    }

    /// As [`Ledger::note_checks`], and nothing is written: what would be a new version is shown as if it were one.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn checks(&mut self) -> Result<Vec<NotedCheck>, LedgerError> {
        self.looked_at(None)
    }

    /// One check as it stands; nothing is written. `None` when there never was one of this name.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn check(&mut self, name: &str) -> Result<Option<NotedCheck>, LedgerError> {
        Ok(self.looked_at(Some(name))?.into_iter().next())
    }

    fn looked_at(&mut self, name: Option<&str>) -> Result<Vec<NotedCheck>, LedgerError> {
        let origin = origin();
        self.db.reading(&mut |db| {
            let mut looked = versions::look(db, name)?;
            let now = db.now()?;
            looked.notice(None, now, &origin)?;
            noted(db, &looked, &origin)
        })
    }

    /// The rows of `recon_checks` as they stand, in the order of their names.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn check_rows(&mut self) -> Result<Vec<CheckRow>, LedgerError> {
        self.db.reading(&mut rows::all)
    }

    /// Every version of a check that was noticed, the first first.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn check_versions(&mut self, name: &str) -> Result<Vec<CheckVersion>, LedgerError> {
        self.db.reading(&mut |db| {
            let looked = versions::look(db, Some(name))?;
            let texts = versions::definitions(db, name)?;
            let text = |number| texts.get(&number).map(String::as_str).unwrap_or_default();
            let all = looked.versions(name).iter().map(|kept| kept.version.clone());
            Ok(all.map(|version| versions::defined(version.clone(), text(version.version))).collect())
        })
    }

    /// Every time that a check was switched off because it flagged too much, the first first.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn check_trips(&mut self, name: &str) -> Result<Vec<Trip>, LedgerError> {
        self.db.reading(&mut |db| trips(db, "WHERE name = ? ORDER BY number", Some(name)))
    }
}

/// Checks as they stand, from what was read.
fn noted(db: &mut Database, looked: &Looked, origin: &str) -> Result<Vec<NotedCheck>, LedgerError> {
    let mut tripped: std::collections::BTreeMap<String, Trip> =
        trips(db, "WHERE cleared_at IS NULL ORDER BY number", None)?
            .into_iter()
            .map(|trip| (trip.name.clone(), trip))
            .collect();
    let mut all = Vec::new();
    for (name, versions) in &looked.kept {
        let Some(last) = versions.last() else { continue };
        let row = looked.rows.iter().find(|row| row.name == *name);
        let approved = versions.iter().rev().find(|kept| kept.version.approved);
        let deleted = last.version.deleted;
        if deleted && approved.is_some_and(|approved| approved.version.deleted) {
            continue;
        }
        let is_new = last.origin == origin;
        let current = match row {
            Some(row) => CheckVersion { row: row.definition(), ..last.version.clone() },
            None => last.version.clone(),
        };
        let approved = match approved {
            Some(kept) if kept.version.version == current.version => Some(current.clone()),
            Some(kept) if kept.version.deleted => Some(kept.version.clone()),
            Some(kept) => Some(versions::with_definition(db, kept.version.clone())?),
            None => None,
        };
        let row = match row {
            Some(row) => row.clone(),
            None => last_text(db, versions)?,
        };
        let last_run = if deleted { results::last_run(db, name)? } else { None };
        all.push(NotedCheck { row, current, is_new, approved, tripped: tripped.remove(name), last_run });
    }
    Ok(all)
}

/// What a check was before it was deleted.
fn last_text(db: &mut Database, versions: &[Kept]) -> Result<CheckRow, LedgerError> {
    match versions.iter().rev().find(|kept| !kept.version.deleted) {
        Some(kept) => Ok(versions::with_definition(db, kept.version.clone())?.row),
        None => Ok(versions.first().map(|kept| kept.version.row.clone()).unwrap_or_default()),
    }
}

fn trips(db: &mut Database, condition: &str, name: Option<&str>) -> Result<Vec<Trip>, LedgerError> {
    let sql = format!(
        "SELECT name, number, version, cycle_id, attempt, at, message, cleared_at, cleared_by, reason \
         FROM recon_check_trips {condition}"
    );
    let values: Vec<_> = name.map(Into::into).into_iter().collect();
    db.rows(&sql, &values)?.iter().map(trip_of).collect()
}

fn trip_of(row: &Row) -> Result<Trip, LedgerError> {
    let run = match (row.maybe_integer(3)?, row.maybe_integer(4)?) {
        (Some(cycle), Some(attempt)) => Some(RunId { cycle, attempt }),
        _ => None,
    };
    let cleared = row.maybe_text(7)?.map(|at| {
        Ok::<_, LedgerError>(Cleared {
            at,
            by: row.maybe_text(8)?.unwrap_or_default(),
            reason: row.maybe_text(9)?.unwrap_or_default(),
        })
    });
    Ok(Trip {
        name: row.text(0)?,
        number: row.integer(1)?,
        version: u64::try_from(row.integer(2)?).unwrap_or(0),
        run,
        at: row.text(5)?,
        message: row.text(6)?,
        cleared: cleared.transpose()?,
    })
}

/// The trip that keeps a check off.
fn open_trip(db: &mut Database, name: &str) -> Result<Option<Trip>, LedgerError> {
    let found = trips(db, "WHERE name = ? AND cleared_at IS NULL ORDER BY number DESC", Some(name))?;
    Ok(found.into_iter().next())
}

fn of_run(run: Option<RunId>) -> [super::database::Field; 2] {
    let [cycle, attempt] = [run.map(|run| run.cycle), run.map(|run| run.attempt)];
    let values: &[super::database::Field] = fields![cycle, attempt];
    [values[0].clone(), values[1].clone()]
}
