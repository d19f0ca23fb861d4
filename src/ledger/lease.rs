//! Keeps a run's lease alive while its process lives. Must not do anything else: the lease runs out by itself when
//! the process ends or does not move.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use super::database::{Database, fields};
use super::error::LedgerError;
use super::records::RunId;

/// A thread that renews a lease until it is dropped.
pub(super) struct Heartbeat {
    lost: Arc<AtomicBool>,
    /// Dropped, it ends the thread.
    _stop: Sender<()>,
}

impl Heartbeat {
    /// Starts the thread, with a connection of its own.
    pub(super) fn start(mut db: Database, run: RunId, lease: Duration) -> Result<Heartbeat, LedgerError> {
        let (stop, stopped) = channel();
        let lost = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&lost);
        let beat = move || {
            // Three chances before it runs out.
            while stopped.recv_timeout(lease / 4) == Err(RecvTimeoutError::Timeout) {
                // A ledger that cannot be reached now may be at the next beat; a write of the run will tell.
                if let Ok(false) = renew(&mut db, run, lease) {
                    seen.store(true, Ordering::Release);
                    return;
                }
            }
        };
        std::thread::Builder::new()
            .name("ledger-lease".into())
            .spawn(beat)
            .map_err(|error| LedgerError::failed(format!("no thread to keep the lease of run {run}: {error}")))?;
        Ok(Heartbeat { lost, _stop: stop })
    }

    /// Becomes true when the lease is known to be another's.
    pub(super) fn lost(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.lost)
    }

    /// Whether the lease is known to be another's.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }
}

/// Prolongs the lease of a run that still has it; `false` when it has not. One that ran out while nobody took over
/// is the run's still.
fn renew(db: &mut Database, run: RunId, lease: Duration) -> Result<bool, LedgerError> {
    db.transaction(&mut |db| {
        let sql = format!("SELECT token, lease_until FROM recon_cycles WHERE id = ?{}", db.for_update());
        let Some(row) = db.row(&sql, fields![run.cycle])? else { return Ok(false) };
        if row.integer(0)? != run.attempt || row.maybe_integer(1)?.is_none() {
            return Ok(false);
        }
        prolong(db, run.cycle, lease)?;
        Ok(true)
    })
}

/// Sets the end of a lease from now on, by the server's clock. The row is held.
pub(super) fn prolong(db: &mut Database, cycle: i64, lease: Duration) -> Result<(), LedgerError> {
    let until = db.now()?.saturating_add(i64::try_from(lease.as_millis()).unwrap_or(i64::MAX));
    db.run("UPDATE recon_cycles SET lease_until = ? WHERE id = ?", fields![until, cycle])?;
    Ok(())
}
