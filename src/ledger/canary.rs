//! How far the new path is trusted, as people and breaches have set it. Must not judge whether it should be.

use serde_json::json;

use super::Ledger;
use super::audit;
use super::database::{fields, moment};
use super::error::LedgerError;
use super::records::checked_name;

/// One change of the share of records that take the candidate's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanaryChange {
    /// The share in percent, 0 to 100.
    pub percent: u8,
    /// When, by the ledger server's clock.
    pub at: String,
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
}

impl Ledger {
    /// Every change for a reconciliation, the newest first.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn canary_changes(&mut self, reconciliation: &str) -> Result<Vec<CanaryChange>, LedgerError> {
        let sql = "SELECT percent, set_at, set_by, why FROM recon_canary WHERE reconciliation = ? ORDER BY number DESC";
        let rows = self.db.reading(&mut |db| db.rows(sql, fields![reconciliation]))?;
        rows.iter()
            .map(|row| {
                let percent = row.integer(0)?;
                let percent = u8::try_from(percent).ok().filter(|percent| *percent <= 100).ok_or_else(|| {
                    LedgerError::failed(format!("the ledger holds a canary of {percent} percent for {reconciliation}"))
                })?;
                Ok(CanaryChange { percent, at: row.text(1)?, by: row.text(2)?, why: row.text(3)? })
            })
            .collect()
    }

    /// Sets the share; says what it was before, where it was ever set.
    ///
    /// # Errors
    /// No percentage or no name (exit 2); the ledger fails.
    pub fn set_canary(
        &mut self,
        reconciliation: &str,
        percent: u8,
        who: &str,
        why: &str,
    ) -> Result<Option<u8>, LedgerError> {
        let who = checked_name("who sets the canary", who)?;
        if percent > 100 {
            return Err(LedgerError::usage(format!("{percent} is no percentage: give 0 to 100")));
        }
        let why = self.secrets.hide(why);
        self.db.transaction(&mut |db| {
            // The audit trail's head keeps two that set it at the same time apart.
            db.row(&format!("SELECT sequence FROM recon_audit_head WHERE id = 1{}", db.for_update()), &[])?;
            let last = "SELECT number, percent FROM recon_canary WHERE reconciliation = ? ORDER BY number DESC LIMIT 1";
            let last = db.row(last, fields![reconciliation])?;
            let number = last.as_ref().map_or(Ok(0), |row| row.integer(0))?;
            let before = last.map(|row| row.integer(1)).transpose()?.and_then(|percent| u8::try_from(percent).ok());
            let now = db.now()?;
            db.run(
                "INSERT INTO recon_canary (reconciliation, number, percent, set_at, set_by, why) VALUES (?, ?, ?, ?, ?, ?)",
                fields![reconciliation, number + 1, i64::from(percent), &moment(now), who, &why],
            )?;
            let detail = json!({"reconciliation": reconciliation, "percent": percent, "before": before, "why": why});
            audit::append(db, now, who, "canary_set", &detail)?;
            Ok(before)
        })
    }
}
