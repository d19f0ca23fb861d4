//! A run: one attempt at a cycle that holds its lease. Every write checks the fencing token under the cycle's lock.

use std::time::Duration;

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::config::mask_url;
use crate::domain::{Machine, State};

use super::begin::Begin;
use super::database::{Database, Field, fields, moment};
use super::error::LedgerError;
use super::lease::{self, Heartbeat};
use super::origin;
use super::records::{CycleKey, DecisionSummary, Logged, RunId, RunVerdict, hash_of, hex, json_of};
use super::rows::{self, Locked, Stepping};
use super::scrub::Secrets;

/// Discrepancies written in one transaction.
const CHUNK: usize = 1_000;
/// Bytes after which a chunk is full, whatever its rows.
const CHUNK_BYTES: usize = 1 << 20;
/// What is kept of a discrepancy.
const LOGGED: &str =
    "cycle_id, attempt, sequence, record_key, key_hash, kind, column_name, legacy, candidate, difference, reason";

/// A run that holds its cycle. Dropped without an end, it ends as `incomplete` and the cycle as `blocked`.
pub struct Run {
    db: Database,
    id: RunId,
    key: CycleKey,
    by: String,
    lease: Duration,
    pub(super) secrets: Secrets,
    heartbeat: Heartbeat,
    /// Read from the caller and not yet known to be written.
    pending: Vec<Logged>,
    logged: u64,
    digest: Sha256,
    ended: bool,
    /// Why it may write no more, once it was told.
    lost: Option<String>,
}

impl Run {
    pub(super) fn start(
        db: Database,
        id: RunId,
        key: CycleKey,
        begin: &Begin,
        secrets: Secrets,
    ) -> Result<Run, LedgerError> {
        let heartbeat = Heartbeat::start(db.another()?, id, begin.lease)?;
        Ok(Run {
            db,
            id,
            key,
            by: begin.by.clone(),
            lease: begin.lease,
            secrets,
            heartbeat,
            pending: Vec::new(),
            logged: 0,
            digest: Sha256::new(),
            ended: false,
            lost: None,
        })
    }

    /// Its name, as decisions and reports carry it.
    pub fn id(&self) -> RunId {
        self.id
    }

    /// Who started it.
    pub(super) fn by(&self) -> &str {
        &self.by
    }

    /// The cycle.
    pub fn key(&self) -> &CycleKey {
        &self.key
    }

    /// Whether the cycle is still this run's, as far as is known here: to stop long work early. What is written is
    /// checked again in its own transaction.
    ///
    /// # Errors
    /// [`LedgerError::Superseded`].
    pub fn check(&self) -> Result<(), LedgerError> {
        if self.heartbeat.is_lost() { Err(self.superseded("its lease was taken over")) } else { Ok(()) }
    }

    /// Becomes true when the cycle is known to be another run's: for whoever can stop long work early.
    pub fn lost(&self) -> std::sync::Arc<std::sync::atomic::AtomicBool> {
        self.heartbeat.lost()
    }

    /// Asks the ledger whether the cycle is still this run's, and renews the lease: before decisions are put where the
    /// payer reads.
    ///
    /// # Errors
    /// [`LedgerError::Superseded`], or the ledger fails.
    pub fn confirm(&mut self) -> Result<(), LedgerError> {
        self.fenced(&mut |_, _| Ok(()))
    }

    /// Moves the cycle on: to `computed`, `compared` or `checked`.
    ///
    /// # Errors
    /// [`LedgerError::NotAllowed`], [`LedgerError::Superseded`], or the ledger fails.
    pub fn advance(&mut self, to: &State, detail: Option<&str>) -> Result<(), LedgerError> {
        let ends = !matches!(to, State::Computed | State::Compared | State::Checked);
        let (key, by, origin, attempt) = (self.key.clone(), self.by.clone(), origin(), self.id.attempt);
        let detail = detail.map(|text| self.secrets.hide(text));
        self.fenced(&mut |db, cycle| {
            if rows::has_origin(db, cycle.id, &origin)? {
                return Ok(());
            }
            allowed(&key, &cycle.state, to)?;
            if ends {
                return Err(LedgerError::usage(format!("a run does not advance to `{to}`; it ends there")));
            }
            let now = db.now()?;
            let stepping = Stepping { now, by: &by, detail: detail.as_deref(), origin: &origin, attempt };
            rows::step(db, cycle, to, &stepping)
        })
    }

    /// Keeps a text with the run: the settings, a query, what inputs were read. Passwords in it are masked first.
    /// Gives the hash of what was kept.
    ///
    /// # Errors
    /// [`LedgerError::Superseded`], or the ledger fails.
    pub fn snapshot(&mut self, kind: &str, name: &str, text: &str) -> Result<String, LedgerError> {
        super::records::checked_name("a snapshot", name)?;
        if kind.is_empty() || kind.chars().count() > 40 {
            return Err(LedgerError::usage("a kind of snapshot needs a name of 1 to 40 characters"));
        }
        let text = self.secrets.hide(text);
        let hash = hash_of(&json_of(&(kind, &text)));
        let id = self.id;
        self.fenced(&mut |db, _| {
            let at = moment(db.now()?);
            let insert = format!(
                "INSERT INTO recon_snapshots (hash, kind, content, first_at) VALUES (?, ?, ?, ?){}",
                db.or_nothing("hash")
            );
            db.run(&insert, fields![&hash, kind, &text, &at])?;
            db.run(
                "DELETE FROM recon_run_snapshots WHERE cycle_id = ? AND attempt = ? AND name = ?",
                fields![id.cycle, id.attempt, name],
            )?;
            db.run(
                "INSERT INTO recon_run_snapshots (cycle_id, attempt, name, hash) VALUES (?, ?, ?, ?)",
                fields![id.cycle, id.attempt, name, &hash],
            )?;
            Ok(())
        })?;
        Ok(hash)
    }

    /// Logs discrepancies in their order, a chunk in a transaction. After an error the same iterator may be given
    /// again: it goes on where it stopped, and nothing is logged twice. Gives how many this run has logged in all.
    ///
    /// # Errors
    /// [`LedgerError::Superseded`], or the ledger fails.
    pub fn record_discrepancies(&mut self, rows: &mut dyn Iterator<Item = Logged>) -> Result<u64, LedgerError> {
        loop {
            let mut bytes: usize = self.pending.iter().map(size).sum();
            while self.pending.len() < CHUNK && bytes < CHUNK_BYTES {
                let Some(row) = rows.next() else { break };
                bytes += size(&row);
                self.pending.push(row);
            }
            if self.pending.is_empty() {
                return Ok(self.logged);
            }
            self.check()?;
            self.write_pending()?;
        }
    }

    fn write_pending(&mut self) -> Result<(), LedgerError> {
        let id = self.id;
        let pending = std::mem::take(&mut self.pending);
        let first = i64::try_from(self.logged).unwrap_or(i64::MAX);
        let hashes: Vec<String> = pending.iter().map(|row| hash_of(&row.key)[..32].to_owned()).collect();
        let written = self.fenced(&mut |db, _| {
            // Its rows are there already when an earlier attempt at this chunk has taken place.
            let sql = "SELECT COUNT(*) FROM recon_discrepancies WHERE cycle_id = ? AND attempt = ? AND sequence = ?";
            if db.number(sql, fields![id.cycle, id.attempt, first])? > 0 {
                return Ok(());
            }
            let mut values = Vec::with_capacity(pending.len() * 11);
            for ((row, hash), sequence) in pending.iter().zip(&hashes).zip(first..) {
                values.extend_from_slice(fields![
                    id.cycle,
                    id.attempt,
                    sequence,
                    &row.key,
                    hash,
                    &row.kind,
                    row.column.as_ref(),
                    row.legacy.as_ref(),
                    row.candidate.as_ref(),
                    row.difference.as_ref(),
                    row.reason.as_ref()
                ]);
            }
            db.insert("recon_discrepancies", LOGGED, 11, &values)?;
            Ok(())
        });
        if let Err(error) = written {
            self.pending = pending;
            return Err(error);
        }
        for row in &pending {
            let fields = (&row.key, &row.kind, &row.column, &row.legacy, &row.candidate, &row.difference, &row.reason);
            self.digest.update(json_of(&fields));
            self.digest.update(b"\n");
        }
        self.logged += pending.len() as u64;
        Ok(())
    }

    /// Ends the run with decisions that are written and tie: the cycle goes from `checked` to `decided`. `figures` is
    /// JSON to keep with the run; amounts in it are texts.
    ///
    /// # Errors
    /// [`LedgerError::NotAllowed`], [`LedgerError::Superseded`]; a verdict that leaves nothing to decide (exit 2); or
    /// the ledger fails: then the run may be asked again, and dropping it blocks the cycle.
    pub fn decide(
        &mut self,
        verdict: RunVerdict,
        summary: &DecisionSummary,
        reasons: &[String],
        figures: &str,
    ) -> Result<(), LedgerError> {
        if !matches!(verdict, RunVerdict::Clean | RunVerdict::Warned) {
            return Err(LedgerError::usage(format!("a run that is {} decides nothing", verdict.name())));
        }
        if summary.hash.is_empty() || summary.hash.chars().count() > 64 {
            return Err(LedgerError::usage("decisions need a hash of up to 64 characters"));
        }
        let mut summary = summary.clone();
        summary.place = self.secrets.hide(&mask_url(&summary.place));
        self.end(&State::Decided, verdict, Some(&summary), reasons, figures)
    }

    /// Ends the run without decisions: the cycle is blocked until a new run starts again.
    ///
    /// # Errors
    /// [`LedgerError::Superseded`]; a verdict that lets the payout go on (exit 2); or the ledger fails.
    pub fn block(&mut self, verdict: RunVerdict, reasons: &[String], figures: &str) -> Result<(), LedgerError> {
        if !matches!(verdict, RunVerdict::Blocked | RunVerdict::Incomplete) {
            return Err(LedgerError::usage(format!("a run that is {} does not block its cycle", verdict.name())));
        }
        self.end(&State::Blocked, verdict, None, reasons, figures)
    }

    fn end(
        &mut self,
        to: &State,
        verdict: RunVerdict,
        summary: Option<&DecisionSummary>,
        reasons: &[String],
        figures: &str,
    ) -> Result<(), LedgerError> {
        if let Some(why) = &self.lost {
            return Err(self.superseded(why));
        }
        if self.ended {
            return Err(LedgerError::usage(format!("run {} has ended already", self.id)));
        }
        if !self.pending.is_empty() {
            return Err(LedgerError::failed(format!(
                "run {}: {} discrepancies could not be logged, so it cannot end as {}",
                self.id,
                self.pending.len(),
                verdict.name()
            )));
        }
        let (id, key, by, origin) = (self.id, self.key.clone(), self.by.clone(), origin());
        let reasons: Vec<String> = reasons.iter().map(|reason| self.secrets.hide(reason)).collect();
        let (logged, hash) = (i64::try_from(self.logged).unwrap_or(i64::MAX), hex(&self.digest.clone().finalize()));
        // Figures are amounts: a password that looks like one must not change them.
        let figures = super::scrub::hide_urls(figures);
        let detail = (!reasons.is_empty()).then(|| reasons.join("; "));
        let done = self.db.transaction(&mut |db| {
            let mut cycle = rows::lock(db, id.cycle)?;
            if rows::has_origin(db, id.cycle, &origin)? {
                return Ok(());
            }
            fence(db, &cycle, id, &key)?;
            allowed(&key, &cycle.state, to)?;
            let now = db.now()?;
            let mut more = json!({"discrepancies": logged, "discrepancies_hash": hash, "figures_hash": hash_of(&figures)});
            if let Some(summary) = summary {
                write_summary(db, id, now, summary)?;
                more["decisions"] = json!({
                    "candidate": summary.candidate, "legacy": summary.legacy, "held": summary.held,
                    "totals": summary.totals, "hash": summary.hash, "place": summary.place,
                });
            }
            rows::end_run(db, id, now, &by, verdict, &reasons, &more)?;
            db.run(
                "UPDATE recon_runs SET figures = ?, discrepancies = ?, discrepancies_hash = ? WHERE cycle_id = ? AND attempt = ?",
                fields![&figures, logged, &hash, id.cycle, id.attempt],
            )?;
            let stepping = Stepping { now, by: &by, detail: detail.as_deref(), origin: &origin, attempt: id.attempt };
            rows::step(db, &mut cycle, to, &stepping)?;
            let decided = summary.map(|_| id.attempt);
            db.run(
                "UPDATE recon_cycles SET lease_until = NULL, decided_attempt = ? WHERE id = ?",
                fields![decided, id.cycle],
            )?;
            Ok(())
        });
        self.ended |= done.is_ok();
        self.noted(done)
    }

    /// Work in a transaction in which the cycle is certainly this run's.
    pub(super) fn fenced<T>(
        &mut self,
        work: &mut dyn FnMut(&mut Database, &mut Locked) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let (id, key, lease) = (self.id, &self.key, self.lease);
        let done = self.db.transaction(&mut |db| {
            let mut cycle = rows::lock(db, id.cycle)?;
            fence(db, &cycle, id, key)?;
            lease::prolong(db, id.cycle, lease)?;
            work(db, &mut cycle)
        });
        self.noted(done)
    }

    /// A run that was told that it is no longer the newest has nothing to end.
    fn noted<T>(&mut self, done: Result<T, LedgerError>) -> Result<T, LedgerError> {
        if let Err(LedgerError::Superseded { why, .. }) = &done {
            self.lost = Some(why.clone());
            self.ended = true;
        }
        done
    }

    fn superseded(&self, why: &str) -> LedgerError {
        LedgerError::Superseded { cycle: self.key.to_string(), run: self.id.to_string(), why: why.to_owned() }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if !self.ended {
            // One attempt: whoever drops it has an error to tell, and the lease runs out anyway.
            self.db.attempts = 1;
            self.pending.clear();
            let reason = "the run ended without a verdict".to_owned();
            let _ = self.end(&State::Blocked, RunVerdict::Incomplete, None, &[reason], "null");
        }
    }
}

/// Refuses when the cycle, whose row is held, is no longer this run's.
fn fence(db: &mut Database, cycle: &Locked, run: RunId, key: &CycleKey) -> Result<(), LedgerError> {
    let refused = |why: String| LedgerError::Superseded { cycle: key.to_string(), run: run.to_string(), why };
    if cycle.token != run.attempt {
        let newest = rows::run(db, RunId { cycle: run.cycle, attempt: cycle.token })?;
        return Err(refused(match newest {
            Some((newest, _)) => format!("{} took over", newest.holder),
            None => "another run took over".to_owned(),
        }));
    }
    if cycle.lease_until.is_none() {
        return Err(refused(format!("it has ended; the cycle stands at `{}`", cycle.state)));
    }
    Ok(())
}

/// A step of the fixed part of the machine.
fn allowed(key: &CycleKey, from: &State, to: &State) -> Result<(), LedgerError> {
    let checked = Machine::default().check(from, to);
    checked.map_err(|error| LedgerError::NotAllowed { cycle: key.to_string(), error })
}

fn write_summary(db: &mut Database, id: RunId, now: i64, summary: &DecisionSummary) -> Result<(), LedgerError> {
    let count = |number: u64| {
        i64::try_from(number).map_err(|_| LedgerError::failed(format!("{number} decisions are too many to count")))
    };
    db.run(
        "INSERT INTO recon_decision_summaries (cycle_id, attempt, at, candidate, legacy, held, totals, hash, place) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        fields![
            id.cycle,
            id.attempt,
            &moment(now),
            count(summary.candidate)?,
            count(summary.legacy)?,
            count(summary.held)?,
            &json_of(&summary.totals),
            &summary.hash,
            &summary.place
        ],
    )?;
    Ok(())
}

fn size(row: &Logged) -> usize {
    let texts = [&row.column, &row.legacy, &row.candidate, &row.difference, &row.reason];
    row.key.len() + row.kind.len() + texts.iter().map(|text| text.as_ref().map_or(0, String::len)).sum::<usize>()
}

/// Logged discrepancies of a run, in their order.
pub(super) fn discrepancies(db: &mut Database, run: RunId, from: i64, limit: i64) -> Result<Vec<Logged>, LedgerError> {
    let values: [Field; 4] = [run.cycle.into(), run.attempt.into(), from.into(), limit.into()];
    logged_of(db, "cycle_id = ? AND attempt = ? AND sequence >= ? ORDER BY sequence LIMIT ?", &values)
}

/// Logged discrepancies that satisfy a condition.
pub(super) fn logged_of(db: &mut Database, condition: &str, values: &[Field]) -> Result<Vec<Logged>, LedgerError> {
    let sql = format!(
        "SELECT record_key, kind, column_name, legacy, candidate, difference, reason FROM recon_discrepancies WHERE {condition}"
    );
    let rows = db.rows(&sql, values)?;
    rows.iter()
        .map(|row| {
            Ok(Logged {
                key: row.text(0)?,
                kind: row.text(1)?,
                column: row.maybe_text(2)?,
                legacy: row.maybe_text(3)?,
                candidate: row.maybe_text(4)?,
                difference: row.maybe_text(5)?,
                reason: row.maybe_text(6)?,
            })
        })
        .collect()
}
