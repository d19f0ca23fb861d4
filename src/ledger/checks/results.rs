//! What the checks of a run found, as it is kept. Written under the run's fencing token, or, for what is checked after
//! the release, by whoever released.

use std::collections::BTreeMap;

use super::super::database::{Database, Row, fields};
use super::super::error::LedgerError;
use super::super::records::{CycleKey, RunId};
use super::super::scrub::{Secrets, hide_urls};
use super::super::{Ledger, Run, rows as cycles};
use super::write::trip;

/// Sample rows of one result beyond this are not kept: a result must fit one statement on every engine.
const MOST_SAMPLES: usize = 1 << 20;
/// Bytes written in one statement, but for a single result that is larger.
const CHUNK_BYTES: usize = 1 << 20;

const COLUMNS: &str = "name, role, stage, version, outcome, severity, violations, examined, unknown_records, value, \
    message, samples, started_at, duration_ms";

/// What became of a check in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckResult {
    /// The check.
    pub name: String,
    /// `decides`, or `shadow` for a version that waits for approval.
    pub role: String,
    /// The stage after which it ran.
    pub stage: String,
    /// The version that ran.
    pub version: u64,
    /// `pass`, `warn`, `fail`, `unknown`, `tripped` or `skipped`.
    pub outcome: String,
    /// `error` or `warn`.
    pub severity: String,
    /// Rows or records that violate it.
    pub violations: u64,
    /// Records that it looked at, where that is known.
    pub examined: Option<u64>,
    /// Records of which it could not be said.
    pub unknown: u64,
    /// The value that its query gave, for a check that expects one.
    pub value: Option<String>,
    /// What is to be said of it.
    pub message: String,
    /// Rows that violate it: a JSON list.
    pub samples: String,
    /// When it began.
    pub started_at: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

impl Run {
    /// Keeps what checks found; what was kept of the same check in the same role before is replaced.
    ///
    /// # Errors
    /// [`LedgerError::Superseded`], or the ledger fails.
    pub fn record_check_results(&mut self, results: &[CheckResult]) -> Result<(), LedgerError> {
        let id = self.id();
        let results = kept(results, &self.secrets);
        self.fenced(&mut |db, _| write(db, id, &results))
    }

    /// Switches a check off because it flagged more than is plausible, as [`Ledger::trip_check`].
    ///
    /// # Errors
    /// [`LedgerError::Superseded`], or the ledger fails.
    pub fn trip_check(&mut self, name: &str, version: u64, message: &str) -> Result<(), LedgerError> {
        let (id, by, message) = (self.id(), self.by().to_owned(), self.secrets.hide(message));
        self.fenced(&mut |db, _| {
            super::versions::lock(db)?;
            trip(db, Some(id), name, version, &message, &by)
        })
    }
}

impl Ledger {
    /// Keeps what checks found after the decisions of a run were released, when no run holds the cycle.
    ///
    /// # Errors
    /// The run's decisions are not those that stand ([`LedgerError::Refused`]); or the ledger fails.
    pub fn record_check_results(&mut self, run: RunId, results: &[CheckResult]) -> Result<(), LedgerError> {
        let results = kept(results, &self.secrets);
        self.db.transaction(&mut |db| {
            let cycle = cycles::lock(db, run.cycle)?;
            if cycle.decided_attempt != Some(run.attempt) {
                return Err(LedgerError::refused(format!("the decisions of run {run} are not those that stand")));
            }
            write(db, run, &results)
        })
    }

    /// What the checks of a run found, in the order of their names.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn check_results(&mut self, run: RunId) -> Result<Vec<CheckResult>, LedgerError> {
        let sql =
            format!("SELECT {COLUMNS} FROM recon_check_results WHERE cycle_id = ? AND attempt = ? ORDER BY name, role");
        self.db.reading(&mut |db| {
            let rows = db.rows(&sql, fields![run.cycle, run.attempt])?;
            rows.iter().map(|row| result_of(row, 0)).collect()
        })
    }

    /// What each check that decided found last, by its name, without its sample rows.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn last_check_results(&mut self) -> Result<BTreeMap<String, (RunId, CycleKey, CheckResult)>, LedgerError> {
        let columns = joined().replace("r.samples", "'[]'");
        let sql = format!(
            "SELECT r.cycle_id, r.attempt, c.reconciliation, c.params, {columns} FROM recon_check_results r \
             JOIN recon_cycles c ON c.id = r.cycle_id WHERE r.name = ? AND r.role = 'decides' \
             ORDER BY r.started_at DESC, r.cycle_id DESC, r.attempt DESC LIMIT 1"
        );
        self.db.reading(&mut |db| {
            let mut last = BTreeMap::new();
            for name in db.rows("SELECT DISTINCT name FROM recon_check_versions", &[])? {
                let name = name.text(0)?;
                if let Some(row) = db.row(&sql, fields![&name])? {
                    last.insert(name, found(&row)?);
                }
            }
            Ok(last)
        })
    }

    /// What a check found in the last runs, the newest first.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn check_history(
        &mut self,
        name: &str,
        limit: u32,
    ) -> Result<Vec<(RunId, CycleKey, CheckResult)>, LedgerError> {
        let sql = format!(
            "SELECT r.cycle_id, r.attempt, c.reconciliation, c.params, {} FROM recon_check_results r \
             JOIN recon_cycles c ON c.id = r.cycle_id WHERE r.name = ? \
             ORDER BY r.started_at DESC, r.cycle_id DESC, r.attempt DESC, r.role LIMIT ?",
            joined()
        );
        self.db.reading(&mut |db| {
            let rows = db.rows(&sql, fields![name, i64::from(limit)])?;
            rows.iter().map(found).collect()
        })
    }
}

/// The columns of a result where cycles are joined to it.
fn joined() -> String {
    COLUMNS.split(", ").map(|column| format!("r.{}", column.trim())).collect::<Vec<_>>().join(", ")
}

/// Run, cycle and result.
fn found(row: &Row) -> Result<(RunId, CycleKey, CheckResult), LedgerError> {
    let run = RunId { cycle: row.integer(0)?, attempt: row.integer(1)? };
    Ok((run, CycleKey::stored(row.text(2)?, &row.text(3)?)?, result_of(row, 4)?))
}

/// The last run with a result of a check.
pub(super) fn last_run(db: &mut Database, name: &str) -> Result<Option<RunId>, LedgerError> {
    let sql = "SELECT cycle_id, attempt FROM recon_check_results WHERE name = ? \
        ORDER BY started_at DESC, cycle_id DESC, attempt DESC LIMIT 1";
    let row = db.row(sql, fields![name])?;
    row.map(|row| Ok(RunId { cycle: row.integer(0)?, attempt: row.integer(1)? })).transpose()
}

/// What may be written down of results.
fn kept(results: &[CheckResult], secrets: &Secrets) -> Vec<CheckResult> {
    let one = |result: &CheckResult| {
        let mut result = result.clone();
        result.message = secrets.hide(&result.message);
        // Rows are data: a password that looks like an amount must not change one.
        result.samples = hide_urls(&result.samples);
        result.value = result.value.map(|value| hide_urls(&value));
        if result.samples.len() > MOST_SAMPLES {
            result.samples = "[]".to_owned();
            result.message.push_str(" (its sample rows are too large to keep)");
        }
        result
    };
    results.iter().map(one).collect()
}

fn write(db: &mut Database, run: RunId, results: &[CheckResult]) -> Result<(), LedgerError> {
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let mut values = Vec::new();
    let mut bytes = 0;
    for result in results {
        db.run(
            "DELETE FROM recon_check_results WHERE cycle_id = ? AND attempt = ? AND name = ? AND role = ?",
            fields![run.cycle, run.attempt, &result.name, &result.role],
        )?;
        let size = result.samples.len() + result.message.len() + result.value.as_ref().map_or(0, String::len);
        if bytes > 0 && bytes + size > CHUNK_BYTES {
            insert(db, &std::mem::take(&mut values))?;
            bytes = 0;
        }
        bytes += size + 1;
        values.extend_from_slice(fields![
            run.cycle,
            run.attempt,
            &result.name,
            &result.role,
            &result.stage,
            count(result.version),
            &result.outcome,
            &result.severity,
            count(result.violations),
            result.examined.map(count),
            count(result.unknown),
            result.value.as_ref(),
            &result.message,
            &result.samples,
            &result.started_at,
            count(result.duration_ms)
        ]);
    }
    insert(db, &values)
}

fn insert(db: &mut Database, values: &[super::super::database::Field]) -> Result<(), LedgerError> {
    if values.is_empty() {
        return Ok(());
    }
    db.insert("recon_check_results", &format!("cycle_id, attempt, {COLUMNS}"), 16, values)
}

fn result_of(row: &Row, first: usize) -> Result<CheckResult, LedgerError> {
    let count = |at: usize| Ok::<_, LedgerError>(u64::try_from(row.integer(first + at)?).unwrap_or(0));
    let text = |at: usize| row.text(first + at);
    Ok(CheckResult {
        name: text(0)?,
        role: text(1)?,
        stage: text(2)?,
        version: count(3)?,
        outcome: text(4)?,
        severity: text(5)?,
        violations: count(6)?,
        examined: row.maybe_integer(first + 7)?.map(|count| u64::try_from(count).unwrap_or(0)),
        unknown: count(8)?,
        value: row.maybe_text(first + 9)?,
        message: text(10)?,
        samples: text(11)?,
        started_at: text(12)?,
        duration_ms: count(13)?,
    })
}
