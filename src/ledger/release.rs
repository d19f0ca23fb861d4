//! After the decision: approving with four eyes, releasing, payment steps, and stopping a cycle by hand.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::domain::{Machine, State};

use super::audit;
use super::database::{Database, fields, moment};
use super::error::LedgerError;
use super::process::Process;
use super::records::{CycleKey, RunId, RunVerdict, checked_name};
use super::rows::{self, Locked, Stepping};
use super::{Ledger, begin, origin};

/// What an approval led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved {
    /// The run whose decisions were approved.
    pub run: RunId,
    /// Approvals that count now.
    pub approvals: u32,
    /// How many are needed.
    pub needed: u32,
    /// Where the cycle stands: `approved` when there are enough.
    pub state: State,
}

/// What a release led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Released {
    /// The payer may read the decisions of this run.
    Now(RunId),
    /// The approval counts, and more are needed.
    NotYet(Approved),
}

impl Ledger {
    /// Approves the decisions of a cycle; enough approvals move it to `approved`. `hash` is that of the decisions as
    /// they are where they were written, read again by the caller. Approving twice counts once.
    ///
    /// # Errors
    /// [`LedgerError::NotAllowed`] when nothing is decided; [`LedgerError::Refused`] when the approver ran it, or the
    /// decisions are no longer those of the verification; or the ledger fails.
    pub fn approve(&mut self, key: &CycleKey, who: &str, hash: &str, needed: u32) -> Result<Approved, LedgerError> {
        let (who, origin) = (checked_name("who approves", who)?, origin());
        self.db.transaction(&mut |db| {
            let (mut cycle, repeated) = locked(db, key, &origin)?;
            let approved = approve(db, key, &mut cycle, who, hash, needed, &origin)?;
            if !repeated && !matches!(cycle.state, State::Decided | State::Approved) {
                return Err(not_allowed(key, &Machine::default(), &cycle.state, &State::Approved));
            }
            Ok(approved)
        })
    }

    /// Approves and, when there are enough approvals, releases. With `needed` 0 whoever ran it may release it.
    ///
    /// # Errors
    /// As [`Ledger::approve`].
    pub fn release(&mut self, key: &CycleKey, who: &str, hash: &str, needed: u32) -> Result<Released, LedgerError> {
        let (who, origin) = (checked_name("who releases", who)?, origin());
        self.db.transaction(&mut |db| {
            let (mut cycle, repeated) = locked(db, key, &origin)?;
            if repeated && cycle.state.is_released() {
                return Ok(Released::Now(decided_run(key, &cycle)?));
            }
            if !matches!(cycle.state, State::Decided | State::Approved) {
                return Err(not_allowed(key, &Machine::default(), &cycle.state, &State::Released));
            }
            let approved = approve(db, key, &mut cycle, who, hash, needed, &origin)?;
            if cycle.state != State::Approved {
                return Ok(Released::NotYet(approved));
            }
            let now = db.now()?;
            let detail = format!("decisions {hash} of run {}", approved.run);
            let stepping = Stepping { now, by: who, detail: Some(&detail), origin: &origin, attempt: cycle.token };
            rows::step(db, &mut cycle, &State::Released, &stepping)?;
            let detail = json!({"run": approved.run.to_string(), "decisions_hash": hash, "approvals": approved.approvals, "needed": needed});
            audit::append(db, now, who, "released", &detail)?;
            Ok(Released::Now(approved.run))
        })
    }

    /// Notes that the payer sees the decisions of a released run.
    ///
    /// # Errors
    /// The ledger fails.
    pub fn published(&mut self, run: RunId, who: &str, hash: &str) -> Result<(), LedgerError> {
        self.audit(who, "published", &json!({"run": run.to_string(), "decisions_hash": hash})).map(drop)
    }

    /// Whether the payer was shown the decisions of a run once: whatever has become of them since, that is not repeated.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn was_published(&mut self, run: RunId) -> Result<bool, LedgerError> {
        let detail = format!("%\"run\":\"{run}\"%");
        let sql = "SELECT COUNT(*) FROM recon_audit WHERE what = 'published' AND detail LIKE ?";
        Ok(self.db.reading(&mut |db| db.number(sql, fields![&detail]))? > 0)
    }

    /// Records a payment step that another program has made, after `released`. Gives the state before.
    ///
    /// # Errors
    /// [`LedgerError::NotAllowed`]: the machine has no such step from where the cycle stands; or the ledger fails.
    pub fn stage(
        &mut self,
        key: &CycleKey,
        machine: &Machine,
        to: &State,
        who: &str,
        detail: Option<&str>,
    ) -> Result<State, LedgerError> {
        let (who, origin) = (checked_name("who makes the step", who)?, origin());
        let detail = detail.map(|text| self.secrets.hide(text));
        let mut before = None;
        self.db.transaction(&mut |db| {
            let (mut cycle, repeated) = locked(db, key, &origin)?;
            if let (true, Some(before)) = (repeated, &before) {
                return Ok(State::clone(before));
            }
            if !matches!(to, State::Payment(_)) || machine.check(&cycle.state, to).is_err() {
                return Err(not_allowed(key, machine, &cycle.state, to));
            }
            let from = cycle.state.clone();
            before = Some(from.clone());
            let now = db.now()?;
            let stepping = Stepping { now, by: who, detail: detail.as_deref(), origin: &origin, attempt: cycle.token };
            rows::step(db, &mut cycle, to, &stepping)?;
            Ok(from)
        })
    }

    /// Blocks a cycle by hand (a new run starts again), or aborts it for good. Waits for a run that holds it.
    ///
    /// # Errors
    /// [`LedgerError::NotAllowed`], [`LedgerError::Held`], or the ledger fails.
    pub fn stop(
        &mut self,
        key: &CycleKey,
        to: &State,
        who: &str,
        why: &str,
        lock_timeout: Duration,
    ) -> Result<(), LedgerError> {
        if !matches!(to, State::Blocked | State::Aborted) {
            return Err(LedgerError::usage(format!("a cycle is stopped by blocking or aborting it, not by `{to}`")));
        }
        let (who, origin, here) = (checked_name("who stops it", who)?, origin(), self.here.clone());
        let why = self.secrets.hide(why);
        let started = Instant::now();
        loop {
            let stopped = self.db.transaction(&mut |db| stop(db, key, to, (who, &why), &origin, &here));
            let waited = started.elapsed();
            match stopped {
                Err(LedgerError::Held { .. }) if waited < lock_timeout => {
                    std::thread::sleep(Duration::from_millis(250).min(lock_timeout.saturating_sub(waited)));
                }
                Err(LedgerError::Held { cycle, holder, state, .. }) => {
                    return Err(LedgerError::Held { cycle, holder, state, waited });
                }
                other => return other,
            }
        }
    }
}

fn stop(
    db: &mut Database,
    key: &CycleKey,
    to: &State,
    (who, why): (&str, &str),
    origin: &str,
    here: &Process,
) -> Result<(), LedgerError> {
    let (mut cycle, repeated) = locked(db, key, origin)?;
    if repeated {
        return Ok(());
    }
    if Machine::default().check(&cycle.state, to).is_err() {
        return Err(not_allowed(key, &Machine::default(), &cycle.state, to));
    }
    let now = db.now()?;
    if let Some(lost) = begin::free(db, &key.to_string(), &cycle, now, here)? {
        let reason = "the run was lost: it ended without a word".to_owned();
        rows::end_run(db, lost, now, who, RunVerdict::Incomplete, &[reason], &json!(null))?;
    }
    let stepping = Stepping { now, by: who, detail: Some(why), origin, attempt: cycle.token };
    rows::step(db, &mut cycle, to, &stepping)?;
    db.run("UPDATE recon_cycles SET lease_until = NULL, decided_attempt = NULL WHERE id = ?", fields![cycle.id])?;
    Ok(())
}

/// The cycle's row, held; and whether this request has changed it before (its commit was in doubt).
fn locked(db: &mut Database, key: &CycleKey, origin: &str) -> Result<(Locked, bool), LedgerError> {
    let id = rows::find(db, key)?.ok_or_else(|| {
        LedgerError::usage(format!("there is no cycle {key} in the ledger {}", db.place))
            .hinted("check the name and `--param`; `recon verify NAME …` registers a cycle")
    })?;
    let cycle = rows::lock(db, id)?;
    let repeated = rows::has_origin(db, id, origin)?;
    Ok((cycle, repeated))
}

fn not_allowed(key: &CycleKey, machine: &Machine, from: &State, to: &State) -> LedgerError {
    let error =
        crate::domain::StateError::NotAllowed { from: from.clone(), to: to.clone(), allowed: machine.allowed(from) };
    LedgerError::NotAllowed { cycle: key.to_string(), error }
}

fn decided_run(key: &CycleKey, cycle: &Locked) -> Result<RunId, LedgerError> {
    let attempt =
        cycle.decided_attempt.ok_or_else(|| not_allowed(key, &Machine::default(), &cycle.state, &State::Approved))?;
    Ok(RunId { cycle: cycle.id, attempt })
}

fn approve(
    db: &mut Database,
    key: &CycleKey,
    cycle: &mut Locked,
    who: &str,
    hash: &str,
    needed: u32,
    origin: &str,
) -> Result<Approved, LedgerError> {
    let run = decided_run(key, cycle)?;
    let sql = "SELECT hash, place FROM recon_decision_summaries WHERE cycle_id = ? AND attempt = ?";
    let summary = db
        .row(sql, fields![run.cycle, run.attempt])?
        .ok_or_else(|| LedgerError::failed(format!("the ledger holds no summary of the decisions of run {run}")))?;
    let (verified, place) = (summary.text(0)?, summary.text(1)?);
    if verified != hash {
        return Err(LedgerError::refused(format!(
            "the decisions of {key} in {place} are not those that run {run} verified: their hash is {hash}, it was {verified}"
        ))
        .hinted("find out who changed them; `recon verify` with --again decides anew"));
    }
    let now = db.now()?;
    if needed > 0 {
        if let Some(ran) = runner(db, run, who)? {
            return Err(LedgerError::refused(format!(
                "{who} ran the verification {ran} of {key} and cannot approve its decisions"
            ))
            .hinted("somebody else must approve: `recon release NAME … --by WHO`"));
        }
        let before = count(db, run, hash, who)?;
        if !before.1 {
            db.run(
                "INSERT INTO recon_approvals (cycle_id, attempt, approver, at, decisions_hash) VALUES (?, ?, ?, ?, ?)",
                fields![run.cycle, run.attempt, who, &moment(now), hash],
            )?;
            let detail = json!({"run": run.to_string(), "decisions_hash": hash});
            audit::append(db, now, who, "approved", &detail)?;
        }
    }
    let approvals = count(db, run, hash, who)?.0;
    if cycle.state == State::Decided && approvals >= needed {
        let detail = format!("{approvals} of {needed} approvals");
        let stepping = Stepping { now, by: who, detail: Some(&detail), origin, attempt: cycle.token };
        rows::step(db, cycle, &State::Approved, &stepping)?;
    }
    Ok(Approved { run, approvals, needed, state: cycle.state.clone() })
}

/// How many have approved, and whether this person has.
fn count(db: &mut Database, run: RunId, hash: &str, who: &str) -> Result<(u32, bool), LedgerError> {
    let approvals = rows::approvals(db, run, hash)?;
    let before = approvals.iter().any(|(approver, _)| same_person(approver, who));
    Ok((u32::try_from(approvals.len()).unwrap_or(u32::MAX), before))
}

/// The run by this person among the run and those that it completes; their work cannot be approved by themselves.
fn runner(db: &mut Database, run: RunId, who: &str) -> Result<Option<RunId>, LedgerError> {
    let mut next = Some(run);
    while let Some(id) = next {
        let Some((record, _)) = rows::run(db, id)? else { break };
        if same_person(&record.holder.by, who) {
            return Ok(Some(id));
        }
        // Only backwards, so that it ends.
        next = record.continues.filter(|before| *before < id.attempt).map(|attempt| RunId { attempt, ..id });
    }
    Ok(None)
}

/// `Kim` and `kim ` are one person: four eyes are not had by another spelling.
pub(super) fn same_person(one: &str, other: &str) -> bool {
    // What nobody sees makes no other person.
    let seen = |c: &char| {
        let unseen = matches!(c, '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}');
        !c.is_control() && !unseen
    };
    // Full-width letters are the same letters.
    let plain = |c: char| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        c => c,
    };
    let name = |text: &str| text.chars().filter(seen).map(plain).collect::<String>().trim().to_lowercase();
    name(one) == name(other)
}
