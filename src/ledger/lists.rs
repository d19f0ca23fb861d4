//! Lists over the history, for people who look into it. Reads only.

use super::Ledger;
use super::database::{Database, Field, fields};
use super::error::LedgerError;
use super::process::Process;
use super::records::{CycleKey, Logged, RunId, RunRecord};
use super::rows::{self, RUN};
use super::run::logged_of;
use crate::domain::State;

/// A run, and the cycle that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The cycle.
    pub key: CycleKey,
    /// Where the cycle stands now.
    pub state: State,
    /// The run.
    pub run: RunRecord,
    /// Whether it still holds the cycle.
    pub held: bool,
}

impl Ledger {
    /// The runs that started last, the newest first: of one reconciliation or of all.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn latest_runs(&mut self, reconciliation: Option<&str>, limit: u32) -> Result<Vec<Listed>, LedgerError> {
        let here = &self.here;
        let limit = i64::from(limit);
        let order = "ORDER BY r.started_at DESC, r.cycle_id DESC, r.attempt DESC LIMIT ?";
        self.db.reading(&mut |db| match reconciliation {
            Some(name) => listed(db, &format!("WHERE c.reconciliation = ? {order}"), fields![name, limit], here),
            None => listed(db, order, fields![limit], here),
        })
    }

    /// A run by its name; `None` when there is none.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn run(&mut self, id: RunId) -> Result<Option<Listed>, LedgerError> {
        let here = &self.here;
        let condition = "WHERE r.cycle_id = ? AND r.attempt = ?";
        let found = self.db.reading(&mut |db| listed(db, condition, fields![id.cycle, id.attempt], here))?;
        Ok(found.into_iter().next())
    }

    /// The first discrepancies that a run logged, in their order: those of a kind, of a record, or all.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn discrepancies_where(
        &mut self,
        run: RunId,
        kind: Option<&str>,
        key: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Logged>, LedgerError> {
        let mut condition = "cycle_id = ? AND attempt = ?".to_owned();
        let mut values: Vec<Field> = vec![run.cycle.into(), run.attempt.into()];
        if let Some(kind) = kind {
            condition.push_str(" AND kind = ?");
            values.push(kind.into());
        }
        if let Some(key) = key {
            condition.push_str(" AND key_hash = ? AND record_key = ?");
            values.push(super::records::hash_of(key)[..32].into());
            values.push(key.into());
        }
        values.push(i64::from(limit).into());
        self.db.reading(&mut |db| logged_of(db, &format!("{condition} ORDER BY sequence LIMIT ?"), &values))
    }
}

fn listed(db: &mut Database, condition: &str, values: &[Field], here: &Process) -> Result<Vec<Listed>, LedgerError> {
    let now = db.now()?;
    let sql = format!(
        "SELECT c.id, c.reconciliation, c.params, c.state, c.token, c.lease_until, {RUN} \
         FROM recon_runs r JOIN recon_cycles c ON c.id = r.cycle_id {condition}"
    );
    let mut all = Vec::new();
    for row in db.rows(&sql, values)? {
        let Some((run, process)) = rows::run_of(&row, 6, row.integer(0)?)? else { continue };
        let newest = row.integer(4)? == run.holder.run.attempt;
        let held = newest && row.maybe_integer(5)?.is_some_and(|until| until > now) && !process.is_gone(here);
        let key = CycleKey::stored(row.text(1)?, &row.text(2)?)?;
        all.push(Listed { key, state: rows::state(&row.text(3)?)?, run, held });
    }
    Ok(all)
}
