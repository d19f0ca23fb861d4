//! Reading and changing a cycle's rows: the one place that knows the columns. The caller brings the transaction.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::domain::State;

use super::audit;
use super::database::{Database, Field, Row, fields, moment};
use super::error::LedgerError;
use super::process::Process;
use super::records::{Cycle, CycleKey, Decided, DecisionSummary, Holder, RunId, RunRecord, RunVerdict, Step};

/// A cycle's row, held until the transaction ends.
#[derive(Clone, Debug)]
pub(super) struct Locked {
    pub(super) id: i64,
    pub(super) state: State,
    pub(super) token: i64,
    pub(super) lease_until: Option<i64>,
    pub(super) decided_attempt: Option<i64>,
}

/// Registers a cycle when it is not known yet; gives its number.
pub(super) fn register(db: &mut Database, key: &CycleKey, by: &str, origin: &str) -> Result<i64, LedgerError> {
    if let Some(id) = find(db, key)? {
        return Ok(id);
    }
    let now = db.now()?;
    let at = moment(now);
    // Two may have come so far at the same time: the unique key lets one in.
    let insert = format!(
        "INSERT INTO recon_cycles (reconciliation, params, key_hash, state, state_at, created_at, token) VALUES (?, ?, ?, ?, ?, ?, 0){}",
        db.or_nothing("key_hash")
    );
    let (params, hash) = (key.params_json(), key.hash());
    db.run(&insert, fields![key.reconciliation(), &params, &hash, State::Registered.name(), &at, &at])?;
    let id =
        find(db, key)?.ok_or_else(|| LedgerError::failed(format!("{key} could not be registered in the ledger")))?;
    let locked = lock(db, id)?;
    if db.number("SELECT COUNT(*) FROM recon_transitions WHERE cycle_id = ?", fields![id])? == 0 {
        write_step(db, &locked, None, &State::Registered, &Stepping { now, by, detail: None, origin, attempt: 0 })?;
        audit::append(db, now, by, "registered", &json!({"cycle": id, "name": key.to_string()}))?;
    }
    Ok(id)
}

/// The number of a cycle.
pub(super) fn find(db: &mut Database, key: &CycleKey) -> Result<Option<i64>, LedgerError> {
    let row = db.row("SELECT id FROM recon_cycles WHERE key_hash = ?", fields![&key.hash()])?;
    row.map(|row| row.integer(0)).transpose()
}

/// Takes the exclusive lock of a cycle's row.
pub(super) fn lock(db: &mut Database, id: i64) -> Result<Locked, LedgerError> {
    let sql =
        format!("SELECT state, token, lease_until, decided_attempt FROM recon_cycles WHERE id = ?{}", db.for_update());
    let row = db.row(&sql, fields![id])?;
    let row = row.ok_or_else(|| LedgerError::usage(format!("there is no cycle {id} in the ledger {}", db.place)))?;
    Ok(Locked {
        id,
        state: state(&row.text(0)?)?,
        token: row.integer(1)?,
        lease_until: row.maybe_integer(2)?,
        decided_attempt: row.maybe_integer(3)?,
    })
}

pub(super) fn state(name: &str) -> Result<State, LedgerError> {
    State::parse(name).map_err(|error| LedgerError::failed(format!("the ledger holds a state that is none: {error}")))
}

/// Who makes a step, and what is said about it.
#[derive(Clone, Copy)]
pub(super) struct Stepping<'a> {
    pub(super) now: i64,
    pub(super) by: &'a str,
    pub(super) detail: Option<&'a str>,
    pub(super) origin: &'a str,
    pub(super) attempt: i64,
}

/// Writes a step that was found to be allowed: the state, its history, the audit trail.
pub(super) fn step(
    db: &mut Database,
    cycle: &mut Locked,
    to: &State,
    stepping: &Stepping<'_>,
) -> Result<(), LedgerError> {
    let from = cycle.state.clone();
    write_step(db, cycle, Some(&from), to, stepping)?;
    let at = moment(stepping.now);
    db.run("UPDATE recon_cycles SET state = ?, state_at = ? WHERE id = ?", fields![to.name(), &at, cycle.id])?;
    cycle.state = to.clone();
    let detail = json!({"cycle": cycle.id, "attempt": stepping.attempt, "from": from.name(), "to": to.name(), "detail": stepping.detail});
    audit::append(db, stepping.now, stepping.by, "step", &detail)?;
    Ok(())
}

fn write_step(
    db: &mut Database,
    cycle: &Locked,
    from: Option<&State>,
    to: &State,
    stepping: &Stepping<'_>,
) -> Result<(), LedgerError> {
    let last = db.number("SELECT MAX(step) FROM recon_transitions WHERE cycle_id = ?", fields![cycle.id])?;
    db.run(
        "INSERT INTO recon_transitions (cycle_id, step, attempt, from_state, to_state, at, by_whom, detail, origin) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        fields![
            cycle.id,
            last + 1,
            stepping.attempt,
            from.map(State::name),
            to.name(),
            &moment(stepping.now),
            stepping.by,
            stepping.detail,
            stepping.origin
        ],
    )?;
    Ok(())
}

/// Whether a step with this origin was written: an earlier attempt at the same transaction took place after all.
pub(super) fn has_origin(db: &mut Database, cycle: i64, origin: &str) -> Result<bool, LedgerError> {
    let sql = "SELECT COUNT(*) FROM recon_transitions WHERE cycle_id = ? AND origin = ?";
    Ok(db.number(sql, fields![cycle, origin])? > 0)
}

/// A run's columns, as `run_of` reads them.
pub(super) const RUN: &str = "r.attempt, r.started_by, r.host, r.pid, r.started_at, r.ended_at, r.verdict, r.reasons, r.figures, \
    r.continues, r.superseded_by, r.discrepancies, r.discrepancies_hash, r.recon_version, r.machine, r.process_start";
const CYCLE: &str = "c.id, c.reconciliation, c.params, c.state, c.state_at, c.created_at, c.lease_until, \
    d.attempt, d.at, d.candidate, d.legacy, d.held, d.totals, d.hash, d.place";

pub(super) fn run_of(row: &Row, first: usize, cycle: i64) -> Result<Option<(RunRecord, Process)>, LedgerError> {
    let Some(attempt) = row.maybe_integer(first)? else { return Ok(None) };
    let pid = u32::try_from(row.integer(first + 3)?).unwrap_or(0);
    let holder = Holder {
        run: RunId { cycle, attempt },
        by: row.text(first + 1)?,
        host: row.text(first + 2)?,
        pid,
        since: row.text(first + 4)?,
    };
    let process = Process {
        host: holder.host.clone(),
        machine: row.maybe_text(first + 14)?,
        pid,
        started: row.text(first + 15)?,
    };
    let reasons = row.maybe_text(first + 7)?.map(|text| serde_json::from_str(&text));
    let record = RunRecord {
        holder,
        ended_at: row.maybe_text(first + 5)?,
        verdict: row.maybe_text(first + 6)?.and_then(|name| RunVerdict::parse(&name)),
        reasons: reasons.transpose().map_err(|error| damaged("reasons", &error))?.unwrap_or_default(),
        figures: row.maybe_text(first + 8)?,
        continues: row.maybe_integer(first + 9)?,
        superseded_by: row.maybe_integer(first + 10)?,
        discrepancies: row.maybe_integer(first + 11)?,
        discrepancies_hash: row.maybe_text(first + 12)?,
        recon_version: row.text(first + 13)?,
    };
    Ok(Some((record, process)))
}

fn damaged(what: &str, error: &serde_json::Error) -> LedgerError {
    LedgerError::failed(format!("the {what} of a run in the ledger are no JSON: {error}"))
}

/// A run and the process that started it.
pub(super) fn run(db: &mut Database, id: RunId) -> Result<Option<(RunRecord, Process)>, LedgerError> {
    let sql = format!("SELECT {RUN} FROM recon_runs r WHERE r.cycle_id = ? AND r.attempt = ?");
    let row = db.row(&sql, fields![id.cycle, id.attempt])?;
    row.map_or(Ok(None), |row| run_of(&row, 0, id.cycle))
}

/// Every run of a cycle, the first first.
pub(super) fn runs(db: &mut Database, cycle: i64) -> Result<Vec<RunRecord>, LedgerError> {
    let rows =
        db.rows(&format!("SELECT {RUN} FROM recon_runs r WHERE r.cycle_id = ? ORDER BY r.attempt"), fields![cycle])?;
    let runs = rows.iter().filter_map(|row| run_of(row, 0, cycle).transpose());
    runs.map(|run| run.map(|(record, _)| record)).collect()
}

/// Cycles that satisfy a condition, each in one statement so that its parts belong together.
pub(super) fn cycles(
    db: &mut Database,
    condition: &str,
    values: &[Field],
    here: &Process,
) -> Result<Vec<Cycle>, LedgerError> {
    let now = db.now()?;
    let sql = format!(
        "SELECT {CYCLE}, {RUN} FROM recon_cycles c \
         LEFT JOIN recon_runs r ON r.cycle_id = c.id AND r.attempt = c.token \
         LEFT JOIN recon_decision_summaries d ON d.cycle_id = c.id AND d.attempt = c.decided_attempt {condition}"
    );
    let mut cycles = Vec::new();
    for row in db.rows(&sql, values)? {
        let id = row.integer(0)?;
        let run = run_of(&row, 15, id)?;
        let working = row.maybe_integer(6)?.is_some_and(|until| until > now);
        let held = working && run.as_ref().is_some_and(|(_, process)| !process.is_gone(here));
        let decisions = decided_of(&row, id)?;
        let approvals = match &decisions {
            Some(decided) => approvals(db, decided.run, &decided.summary.hash)?,
            None => Vec::new(),
        };
        cycles.push(Cycle {
            id,
            key: CycleKey::stored(row.text(1)?, &row.text(2)?)?,
            state: state(&row.text(3)?)?,
            since: row.text(4)?,
            created_at: row.text(5)?,
            run: run.map(|(record, _)| record),
            held,
            decisions,
            approvals,
        });
    }
    Ok(cycles)
}

fn decided_of(row: &Row, cycle: i64) -> Result<Option<Decided>, LedgerError> {
    let Some(attempt) = row.maybe_integer(7)? else { return Ok(None) };
    let totals: BTreeMap<String, String> =
        serde_json::from_str(&row.text(12)?).map_err(|error| damaged("totals", &error))?;
    let count = |at: usize| Ok::<_, LedgerError>(u64::try_from(row.integer(at)?).unwrap_or(0));
    let summary = DecisionSummary {
        candidate: count(9)?,
        legacy: count(10)?,
        held: count(11)?,
        totals,
        hash: row.text(13)?,
        place: row.text(14)?,
    };
    Ok(Some(Decided { run: RunId { cycle, attempt }, at: row.text(8)?, summary }))
}

/// Who has approved these decisions, and when.
pub(super) fn approvals(db: &mut Database, run: RunId, hash: &str) -> Result<Vec<(String, String)>, LedgerError> {
    let sql = "SELECT approver, at FROM recon_approvals WHERE cycle_id = ? AND attempt = ? AND decisions_hash = ? ORDER BY at, approver";
    let rows = db.rows(sql, fields![run.cycle, run.attempt, hash])?;
    rows.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect()
}

/// Every step of a cycle, the first first.
pub(super) fn steps(db: &mut Database, cycle: i64) -> Result<Vec<Step>, LedgerError> {
    let sql = "SELECT step, attempt, from_state, to_state, at, by_whom, detail FROM recon_transitions WHERE cycle_id = ? ORDER BY step";
    let rows = db.rows(sql, fields![cycle])?;
    rows.iter()
        .map(|row| {
            Ok(Step {
                number: row.integer(0)?,
                attempt: row.integer(1)?,
                from: row.maybe_text(2)?.map(|name| state(&name)).transpose()?,
                to: state(&row.text(3)?)?,
                at: row.text(4)?,
                by: row.text(5)?,
                detail: row.maybe_text(6)?,
            })
        })
        .collect()
}

/// Writes the end of a run.
pub(super) fn end_run(
    db: &mut Database,
    run: RunId,
    now: i64,
    by: &str,
    verdict: RunVerdict,
    reasons: &[String],
    more: &Json,
) -> Result<(), LedgerError> {
    let reasons_json = super::records::json_of(&reasons);
    db.run(
        "UPDATE recon_runs SET ended_at = ?, verdict = ?, reasons = ? WHERE cycle_id = ? AND attempt = ?",
        fields![&moment(now), verdict.name(), &reasons_json, run.cycle, run.attempt],
    )?;
    let detail = json!({"run": run.to_string(), "verdict": verdict.name(), "reasons": reasons, "more": more});
    audit::append(db, now, by, "run_ended", &detail)?;
    Ok(())
}
