//! Beginning a run: registering or resuming a cycle, waiting for whoever works on it, taking over from who is gone.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::domain::{Machine, State, StateError};

use super::audit;
use super::database::{Database, fields, moment};
use super::error::LedgerError;
use super::process::Process;
use super::records::{Cycle, CycleKey, RunId, RunVerdict, checked_name};
use super::rows::{self, Locked, Stepping};
use super::{Ledger, Run, lease, origin};

/// Longest pause between two looks at a cycle that another holds.
const PAUSE: Duration = Duration::from_millis(250);
/// A lease shorter than this would run out between two beats on a busy machine.
const SHORTEST_LEASE: Duration = Duration::from_secs(1);

/// How a run is to begin.
#[derive(Clone, Debug)]
pub struct Begin {
    /// The person or account that runs it.
    pub by: String,
    /// How long to wait for another run of the cycle.
    pub lock_timeout: Duration,
    /// How long the cycle stays taken after the last sign of life.
    pub lease: Duration,
    /// Work again on a cycle that is decided or approved already: it is blocked first, its approvals count no more.
    pub again: bool,
    /// The attempt whose decisions this run completes (a retry of some records). Who ran that one cannot approve this.
    pub continues: Option<i64>,
}

impl Begin {
    /// A verification by somebody, with a lease of half a minute and without waiting.
    pub fn by(by: &str) -> Begin {
        Begin {
            by: by.to_owned(),
            lock_timeout: Duration::ZERO,
            lease: Duration::from_secs(30),
            again: false,
            continues: None,
        }
    }
}

/// What there was to begin.
pub enum Begun {
    /// The cycle is this run's to work on, at `registered`.
    Started(Box<Run>),
    /// It is decided already, or further on: there is nothing to do but to report it.
    Found(Box<Cycle>),
}

enum Claim {
    Taken(RunId),
    Decided(i64),
}

impl Ledger {
    /// Begins a run of a cycle: registers it when it is new, starts again when it is blocked or its last run was lost.
    ///
    /// # Errors
    /// [`LedgerError::Held`] when another run works on it and goes on for longer than the lock timeout;
    /// [`LedgerError::NotAllowed`] when it is aborted, or released and to be worked on again; or the ledger fails.
    pub fn begin_run(&mut self, key: &CycleKey, begin: &Begin) -> Result<Begun, LedgerError> {
        let by = checked_name("who runs it", &begin.by)?.to_owned();
        let begin = Begin { by, lease: begin.lease.max(SHORTEST_LEASE), ..begin.clone() };
        let started = Instant::now();
        loop {
            // A new name each time: a claim that was refused must not be taken for one that took place.
            let origin = origin();
            let here = self.here.clone();
            let claimed = match self.held(key)? {
                Some(held) => Err(held),
                None => self.db.transaction(&mut |db| claim(db, key, &begin, &here, &origin)),
            };
            match claimed {
                Ok(Claim::Taken(id)) => {
                    let db = self.db.another()?;
                    let run = Run::start(db, id, key.clone(), &begin, self.secrets.clone())?;
                    return Ok(Begun::Started(Box::new(run)));
                }
                Ok(Claim::Decided(id)) => {
                    let found = self.cycle(id)?.map(Box::new);
                    return found
                        .map(Begun::Found)
                        .ok_or_else(|| LedgerError::failed(format!("{key} is gone from the ledger")));
                }
                Err(LedgerError::Held { cycle, holder, state, .. }) => {
                    let waited = started.elapsed();
                    let left = begin.lock_timeout.saturating_sub(waited);
                    if left.is_zero() {
                        return Err(LedgerError::Held { cycle, holder, state, waited });
                    }
                    // Those who wait do not all look at the same moment.
                    let pause = PAUSE.mul_f64(0.5 + fastrand::f64() / 2.0);
                    std::thread::sleep(pause.min(left));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// A look without a lock, so that those who wait do not stand in the way of the one that works.
    fn held(&mut self, key: &CycleKey) -> Result<Option<LedgerError>, LedgerError> {
        let cycle = self.status(key)?.filter(|cycle| cycle.held);
        Ok(cycle.and_then(|cycle| {
            let run = cycle.run?;
            Some(held(key.to_string(), run.holder, cycle.state))
        }))
    }
}

fn held(cycle: String, holder: super::Holder, state: State) -> LedgerError {
    LedgerError::Held { cycle, holder: Box::new(holder), state, waited: Duration::ZERO }
}

/// Refuses when a run holds the cycle; its row is locked. Gives the run that held it last and was lost, if one was.
pub(super) fn free(
    db: &mut Database,
    key: &str,
    cycle: &Locked,
    now: i64,
    here: &Process,
) -> Result<Option<RunId>, LedgerError> {
    if cycle.token == 0 {
        return Ok(None);
    }
    let id = RunId { cycle: cycle.id, attempt: cycle.token };
    let Some((run, process)) = rows::run(db, id)? else { return Ok(None) };
    if cycle.lease_until.is_some_and(|until| until > now) && !process.is_gone(here) {
        return Err(held(key.to_owned(), run.holder, cycle.state.clone()));
    }
    Ok(run.ended_at.is_none().then_some(id))
}

fn claim(db: &mut Database, key: &CycleKey, begin: &Begin, here: &Process, origin: &str) -> Result<Claim, LedgerError> {
    let id = rows::register(db, key, &begin.by, origin)?;
    let mut cycle = rows::lock(db, id)?;
    if db.number("SELECT COUNT(*) FROM recon_runs WHERE cycle_id = ? AND origin = ?", fields![id, origin])? > 0 {
        return Ok(Claim::Taken(RunId { cycle: id, attempt: cycle.token }));
    }
    let now = db.now()?;
    let refused = |to: State| LedgerError::NotAllowed {
        cycle: key.to_string(),
        error: StateError::NotAllowed {
            from: cycle.state.clone(),
            to,
            allowed: Machine::default().allowed(&cycle.state),
        },
    };
    match &cycle.state {
        State::Aborted => return Err(refused(State::Registered)),
        state if state.is_released() && begin.again => return Err(refused(State::Blocked)),
        state if state.is_decided() && !begin.again => return Ok(Claim::Decided(id)),
        _ => {}
    }
    let lost = free(db, &key.to_string(), &cycle, now, here)?;
    let attempt = cycle.token + 1;
    if let Some(lost) = lost {
        let reason = format!("the run was lost: it ended without a word, and run {id}-{attempt} took over");
        rows::end_run(db, lost, now, &begin.by, RunVerdict::Incomplete, &[reason], &json!(null))?;
        let sql = "UPDATE recon_runs SET superseded_by = ? WHERE cycle_id = ? AND attempt = ?";
        db.run(sql, fields![attempt, id, lost.attempt])?;
    }
    if !matches!(cycle.state, State::Registered | State::Blocked) {
        let why = match lost {
            Some(lost) => format!("run {lost} was lost"),
            None if begin.again => "to be verified again".to_owned(),
            None => "its run ended without a decision".to_owned(),
        };
        let stepping = Stepping { now, by: &begin.by, detail: Some(&why), origin, attempt: cycle.token };
        rows::step(db, &mut cycle, &State::Blocked, &stepping)?;
    }
    if cycle.state == State::Blocked {
        let stepping = Stepping { now, by: &begin.by, detail: None, origin, attempt };
        rows::step(db, &mut cycle, &State::Registered, &stepping)?;
    }
    db.run(
        "INSERT INTO recon_runs (cycle_id, attempt, origin, started_at, started_by, host, machine, pid, process_start, recon_version, continues) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        fields![
            id,
            attempt,
            origin,
            &moment(now),
            &begin.by,
            &shortened(&here.host),
            here.machine.as_deref().map(shortened).as_ref(),
            i64::from(here.pid),
            &here.started,
            env!("CARGO_PKG_VERSION"),
            begin.continues
        ],
    )?;
    db.run("UPDATE recon_cycles SET token = ?, decided_attempt = NULL WHERE id = ?", fields![attempt, id])?;
    lease::prolong(db, id, begin.lease)?;
    let run = RunId { cycle: id, attempt };
    let detail = json!({"run": run.to_string(), "name": key.to_string(), "host": here.host, "pid": here.pid, "continues": begin.continues});
    audit::append(db, now, &begin.by, "run_started", &detail)?;
    Ok(Claim::Taken(run))
}

/// As much of a host's name as the ledger holds.
fn shortened(name: &str) -> String {
    name.chars().take(super::records::LONGEST_NAME).collect()
}
