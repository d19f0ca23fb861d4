//! Letting go of what is large and old: logged discrepancies, what checks found, and snapshots that nothing refers to any
//! more. Cycles, runs, steps, decisions' summaries, approvals, versions of checks and the audit trail stay for ever; so
//! does what keeps a check switched off.

use serde_json::json;

use super::audit;
use super::database::fields;
use super::error::LedgerError;
use super::records::{RunId, checked_name};
use super::{Ledger, rows};

/// What was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Runs whose discrepancies were deleted.
    pub runs: u64,
    /// Discrepancies.
    pub discrepancies: u64,
    /// Results of checks.
    pub check_results: u64,
    /// Texts.
    pub snapshots: u64,
}

impl Ledger {
    /// Deletes discrepancies, results of checks and snapshots of runs that ended before a moment (`2026-11-12T13:00:00.000Z`, or only its
    /// date). What an open cycle stands on is kept: the run whose decisions wait for approval, release or payment, and
    /// every run of a cycle that is blocked or in work.
    ///
    /// # Errors
    /// What is no moment (exit 2), or the ledger fails: what was deleted so far stays deleted, and it may be repeated.
    pub fn prune(&mut self, before: &str, who: &str) -> Result<Pruned, LedgerError> {
        let who = checked_name("who prunes", who)?;
        let before = moment_of(before)?;
        let now = self.now()?;
        if before > now {
            return Err(LedgerError::usage(format!("{before} is still to come: everything would be deleted"))
                .hinted("give a day that is long past, e.g. --before 2024-01-01"));
        }
        let sql = "SELECT r.cycle_id, r.attempt FROM recon_runs r JOIN recon_cycles c ON c.id = r.cycle_id \
            WHERE r.ended_at < ? AND c.state NOT IN ('registered', 'computed', 'compared', 'checked', 'decided', 'approved', 'blocked') \
            AND (EXISTS (SELECT 1 FROM recon_discrepancies d WHERE d.cycle_id = r.cycle_id AND d.attempt = r.attempt) \
              OR EXISTS (SELECT 1 FROM recon_check_results k WHERE k.cycle_id = r.cycle_id AND k.attempt = r.attempt) \
              OR EXISTS (SELECT 1 FROM recon_run_snapshots s WHERE s.cycle_id = r.cycle_id AND s.attempt = r.attempt)) \
            ORDER BY r.ended_at";
        let runs = self.db.reading(&mut |db| {
            let rows = db.rows(sql, fields![&before])?;
            rows.iter()
                .map(|row| Ok(RunId { cycle: row.integer(0)?, attempt: row.integer(1)? }))
                .collect::<Result<Vec<_>, LedgerError>>()
        })?;
        let mut pruned = Pruned::default();
        // A run at a time: a transaction that others wait for stays short.
        for run in runs {
            let (discrepancies, results) = self.db.transaction(&mut |db| {
                rows::lock(db, run.cycle)?;
                let id = fields![run.cycle, run.attempt];
                let mut delete = |from: &str| db.run(&format!("DELETE FROM {from} cycle_id = ? AND attempt = ?"), id);
                let count = delete("recon_discrepancies WHERE")?;
                let results = delete("recon_check_results WHERE")?;
                delete("recon_check_trips WHERE cleared_at IS NOT NULL AND")?;
                delete("recon_run_snapshots WHERE")?;
                let now = db.now()?;
                let detail = json!({"run": run.to_string(), "discrepancies": count, "check_results": results});
                audit::append(db, now, who, "pruned", &detail)?;
                Ok((count, results))
            })?;
            pruned.discrepancies += discrepancies;
            pruned.check_results += results;
            pruned.runs += 1;
        }
        pruned.snapshots = self.db.transaction(&mut |db| {
            let sql = "DELETE FROM recon_snapshots WHERE first_at < ? AND NOT EXISTS \
                (SELECT 1 FROM recon_run_snapshots s WHERE s.hash = recon_snapshots.hash)";
            let count = db.run(sql, fields![&before])?;
            if count > 0 {
                let now = db.now()?;
                audit::append(db, now, who, "pruned", &json!({"snapshots": count, "before": before}))?;
            }
            Ok(count)
        })?;
        Ok(pruned)
    }
}

/// A moment as the ledger writes it, so that texts compare as moments do.
fn moment_of(text: &str) -> Result<String, LedgerError> {
    let day = crate::domain::parse_date(text).map(|_| format!("{text}T00:00:00.000Z"));
    let instant = || {
        let at = crate::domain::parse_instant(text, &jiff::tz::TimeZone::UTC)?;
        i64::try_from(at.nanos.div_euclid(1_000_000)).ok().map(super::database::moment)
    };
    day.or_else(instant).ok_or_else(|| {
        LedgerError::usage(format!("`{}` is no date", crate::domain::shorten(text, 40))).hinted("write e.g. 2025-12-31")
    })
}
