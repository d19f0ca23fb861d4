//! Changing checks by command: saving, approving with four eyes, switching on and off, and off because one flagged too
//! much. Each is a version or an entry of its own, with who did it.

use serde_json::json;

use crate::checks::{CheckRow, Definition};

use super::super::audit;
use super::super::database::{Database, fields, moment};
use super::super::error::LedgerError;
use super::super::records::{RunId, checked_name};
use super::super::release::same_person;
use super::super::{Ledger, origin};
use super::versions::{self, Edit, Kept, Looked};
use super::{Trip, of_run, open_trip, rows};

/// What an approval led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckApproval {
    /// The version.
    pub version: u64,
    /// Who approved it, and when.
    pub approvals: Vec<(String, String)>,
    /// How many must.
    pub needed: u32,
    /// Whether it decides from now on, where approval is asked for.
    pub approved: bool,
}

/// What switching a check on or off changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Switched {
    /// The new version, when the row said otherwise before.
    pub version: Option<u64>,
    /// The trip that kept it off.
    pub cleared: Option<Trip>,
}

impl Ledger {
    /// Saves a check; says its version. `expected` is the [`CheckRow::fingerprint`] of the row that the editor saw;
    /// `None`: there must be none of this name. A row whose judged columns are as they were stays the version it is.
    ///
    /// # Errors
    /// The row is no check (exit 2); it was edited, made or deleted meanwhile ([`LedgerError::Refused`]); or the ledger
    /// fails.
    pub fn save_check(&mut self, row: &CheckRow, by: &str, expected: Option<&str>) -> Result<u64, LedgerError> {
        self.save(row, by, expected, "command")
    }

    /// As [`Ledger::save_check`], for a check that comes from a file: its version says so.
    ///
    /// # Errors
    /// As [`Ledger::save_check`].
    pub fn push_check(&mut self, row: &CheckRow, by: &str, expected: Option<&str>) -> Result<u64, LedgerError> {
        self.save(row, by, expected, "push")
    }

    fn save(
        &mut self,
        row: &CheckRow,
        by: &str,
        expected: Option<&str>,
        how: &'static str,
    ) -> Result<u64, LedgerError> {
        let by = checked_name("who saves the check", by)?;
        let row = row.content();
        let mut wrong = Definition::of(&row).err().map(|malformed| malformed.0).unwrap_or_default();
        wrong.extend(rows::too_long(&row));
        if !wrong.is_empty() {
            let what = format!("the check `{}` cannot be understood: {}", row.name, wrong.join("; "));
            return Err(LedgerError::usage(what).hinted("nothing was saved"));
        }
        let origin = origin();
        let mut written: Option<String> = None;
        self.db.transaction(&mut |db| {
            let mut looked = locked(db, &row.name)?;
            let now = db.now()?;
            let there = looked.rows.first().cloned();
            if let Some(version) = repeated(&looked, &row.name, &origin) {
                return Ok(version);
            }
            let seen = there.as_ref().map(CheckRow::fingerprint);
            if written.is_some() && written == seen {
                return Ok(newest(&looked, &row.name));
            }
            if expected != seen.as_deref() {
                return Err(moved(&row.name, expected.is_some(), there.as_ref()));
            }
            // What was edited with another program is kept, also when nothing ever ran it.
            looked.notice(Some(db), now, &origin_of_another())?;
            rows::write(db, &row, by, now, there.is_none())?;
            let saving = Saving { by, now, origin: &origin, how, reason: None };
            let (version, fingerprint) = saved(db, &mut looked, &row.name, &saving)?;
            written = Some(fingerprint);
            Ok(version)
        })
    }

    /// Approves a version of a check. `hash` is that of the version that the approver saw. Twice counts once.
    ///
    /// # Errors
    /// There is no such version, or it is no check (exit 2); the approver is its author, or the author of an edit since
    /// the last approved version, it is not what they saw, or a newer one is approved ([`LedgerError::Refused`]); or
    /// the ledger fails.
    pub fn approve_check(
        &mut self,
        name: &str,
        version: u64,
        hash: &str,
        by: &str,
    ) -> Result<CheckApproval, LedgerError> {
        let by = checked_name("who approves", by)?;
        self.db.transaction(&mut |db| {
            let mut looked = locked(db, name)?;
            let now = db.now()?;
            looked.notice(Some(db), now, &origin_of_another())?;
            let found = looked.versions(name).iter().map(|kept| &kept.version).find(|one| one.version == version);
            let found = found.cloned().ok_or_else(|| {
                LedgerError::usage(format!("there is no version {version} of a check `{name}`"))
                    .hinted(format!("`recon checks history {name}` shows those there are"))
            })?;
            if found.hash != hash {
                return Err(LedgerError::refused(format!("version {version} of `{name}` is not what you looked at"))
                    .hinted(format!("look at it again: `recon checks show {name}`")));
            }
            let found = versions::with_definition(db, found)?;
            if !found.deleted {
                Definition::of(&found.row).map_err(|malformed| {
                    LedgerError::usage(format!("version {version} of `{name}` cannot be approved: {malformed}"))
                })?;
            }
            let authors = versions::authors(looked.versions(name), version);
            if let Some(author) = authors.iter().find(|author| same_person(author, by)) {
                return Err(LedgerError::refused(format!(
                    "{author} edited `{name}` since it was last approved and cannot approve version {version}"
                ))
                .hinted(format!("somebody else must: `recon checks approve {name} --by WHO`")));
            }
            let newer = looked.versions(name).iter().map(|kept| &kept.version);
            if let Some(newer) = newer.rev().find(|one| one.version > version && one.approved) {
                return Err(LedgerError::refused(format!(
                    "version {} of `{name}` is approved already: approving version {version} would change nothing",
                    newer.version
                )));
            }
            if !found.approvals.iter().any(|(person, _)| same_person(person, by)) {
                db.run(
                    "INSERT INTO recon_check_approvals (name, version, approver, at, hash) VALUES (?, ?, ?, ?, ?)",
                    fields![name, version.cast_signed(), by, &moment(now), hash],
                )?;
                let detail = json!({"check": name, "version": version, "hash": hash});
                audit::append(db, now, by, "check_approved", &detail)?;
            }
            let looked = versions::look(db, Some(name))?;
            let found = looked.versions(name).iter().map(|kept| &kept.version).find(|one| one.version == version);
            let found = found.ok_or_else(|| LedgerError::failed(format!("version {version} of `{name}` is gone")))?;
            Ok(CheckApproval {
                version,
                approvals: found.approvals.clone(),
                needed: found.needed,
                approved: found.approved,
            })
        })
    }

    /// Switches a check on: clears what tripped it, and sets `enabled`. Nothing changes when it is on already.
    ///
    /// # Errors
    /// There is no such check, or it tripped and no reason is given (exit 2); or the ledger fails.
    pub fn enable_check(&mut self, name: &str, by: &str, reason: Option<&str>) -> Result<Switched, LedgerError> {
        let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
        self.switch(name, true, by, reason)
    }

    /// Switches a check off, until somebody switches it on. Nothing changes when it is off already.
    ///
    /// # Errors
    /// There is no such check, or no reason (exit 2); or the ledger fails.
    pub fn disable_check(&mut self, name: &str, by: &str, reason: &str) -> Result<Switched, LedgerError> {
        let reason = reason.trim();
        if reason.is_empty() {
            return Err(LedgerError::usage(format!("to switch `{name}` off a reason is needed"))
                .hinted("give it with `--reason`: it is kept with the check"));
        }
        self.switch(name, false, by, Some(reason))
    }

    fn switch(&mut self, name: &str, on: bool, by: &str, reason: Option<&str>) -> Result<Switched, LedgerError> {
        let by = checked_name("who switches the check", by)?;
        let reason = reason.map(|reason| self.secrets.hide(reason));
        let origin = origin();
        // What an earlier attempt has done, whose commit is in doubt.
        let mut done = Switched::default();
        self.db.transaction(&mut |db| {
            let mut looked = locked(db, name)?;
            let now = db.now()?;
            let trip = open_trip(db, name)?.filter(|_| on);
            let row = looked.rows.first().cloned();
            if row.is_none() && trip.is_none() && done == Switched::default() {
                return Err(missing(name));
            }
            let wanted = if on { "true" } else { "false" };
            let turn = row.is_some_and(|row| row.enabled.as_deref() != Some(wanted));
            if !turn && trip.is_none() {
                return Ok(done.clone());
            }
            let mut switched = Switched::default();
            if let Some(trip) = trip {
                let Some(reason) = &reason else {
                    return Err(LedgerError::usage(format!(
                        "`{name}` was switched off at {} because it flagged too much: {}",
                        trip.at, trip.message
                    ))
                    .hinted("give a reason with `--reason` to switch it on: it is kept"));
                };
                db.run(
                    "UPDATE recon_check_trips SET cleared_at = ?, cleared_by = ?, reason = ? \
                     WHERE name = ? AND cleared_at IS NULL",
                    fields![&moment(now), by, reason, name],
                )?;
                switched.cleared = Some(trip);
            }
            if turn {
                looked.notice(Some(db), now, &origin_of_another())?;
                rows::set_enabled(db, name, on, by, now)?;
                let saving = Saving { by, now, origin: &origin, how: "command", reason: reason.as_deref() };
                let (version, _) = saved(db, &mut looked, name, &saving)?;
                switched.version = Some(version);
            }
            let what = if on { "check_enabled" } else { "check_disabled" };
            let tripped = switched.cleared.as_ref().map(|trip| trip.number);
            let detail = json!({"check": name, "version": switched.version, "trip": tripped, "reason": reason});
            audit::append(db, now, by, what, &detail)?;
            done = switched.clone();
            Ok(switched)
        })
    }

    /// Switches a check off because it flagged more than is plausible. One that is off for that already stays as it is.
    ///
    /// # Errors
    /// The ledger fails.
    pub fn trip_check(
        &mut self,
        run: Option<RunId>,
        name: &str,
        version: u64,
        message: &str,
    ) -> Result<(), LedgerError> {
        let message = self.secrets.hide(message);
        self.db.transaction(&mut |db| {
            versions::lock(db)?;
            trip(db, run, name, version, &message, "recon")
        })
    }
}

/// Notes that a check flagged too much.
pub(super) fn trip(
    db: &mut Database,
    run: Option<RunId>,
    name: &str,
    version: u64,
    message: &str,
    by: &str,
) -> Result<(), LedgerError> {
    if open_trip(db, name)?.is_some() {
        return Ok(());
    }
    let now = db.now()?;
    let number = db.number("SELECT MAX(number) FROM recon_check_trips WHERE name = ?", fields![name])? + 1;
    let [cycle, attempt] = of_run(run);
    db.run(
        "INSERT INTO recon_check_trips (name, number, version, cycle_id, attempt, at, message) VALUES (?, ?, ?, ?, ?, ?, ?)",
        &[&fields![name, number, version.cast_signed()][..], &[cycle, attempt], fields![&moment(now), message]].concat(),
    )?;
    let run = run.map(|run| run.to_string());
    let detail = json!({"check": name, "version": version, "trip": number, "run": run, "message": message});
    audit::append(db, now, by, "check_tripped", &detail).map(drop)
}

/// A check's row and versions, while nobody else writes.
fn locked(db: &mut Database, name: &str) -> Result<Looked, LedgerError> {
    versions::lock(db)?;
    versions::look(db, Some(name))
}

/// The version that this very request has made before: its commit was in doubt.
fn repeated(looked: &Looked, name: &str, origin: &str) -> Option<u64> {
    let all = looked.versions(name).iter();
    all.filter(|kept| kept.origin == origin).map(|kept| kept.version.version).next_back()
}

fn newest(looked: &Looked, name: &str) -> u64 {
    looked.versions(name).last().map_or(0, |kept: &Kept| kept.version.version)
}

/// For versions that a request only finds, so that they are not taken for its own.
fn origin_of_another() -> String {
    origin()
}

/// Who saves, and how.
struct Saving<'a> {
    by: &'a str,
    now: i64,
    origin: &'a str,
    how: &'static str,
    reason: Option<&'a str>,
}

/// After a row was written: makes it a version when what it does has changed. Gives the version, and the fingerprint of
/// the row as it stands.
fn saved(
    db: &mut Database,
    looked: &mut Looked,
    name: &str,
    saving: &Saving<'_>,
) -> Result<(u64, String), LedgerError> {
    let row = rows::one(db, name)?.ok_or_else(|| LedgerError::failed(format!("the check `{name}` is gone")))?;
    let last = looked.versions(name).last().map(|kept| &kept.version);
    if let Some(last) = last.filter(|last| !last.deleted && last.hash == row.hash()) {
        let version = last.version;
        versions::touch(db, &row)?;
        return Ok((version, row.fingerprint()));
    }
    let Saving { by, now, origin, how, reason } = *saving;
    let (author, time) = (Some(by.to_owned()), Some(moment(now)));
    let version = looked.append(db, &Edit { row: &row, deleted: false, author, time, how, reason }, now, origin)?;
    audit::append(db, now, by, "check_saved", &versions::told(&version))?;
    Ok((version.version, row.fingerprint()))
}

fn missing(name: &str) -> LedgerError {
    LedgerError::usage(format!("there is no check `{name}` in the ledger"))
        .hinted("`recon checks list` shows those there are")
}

/// The row is not the one that was looked at.
fn moved(name: &str, seen: bool, there: Option<&CheckRow>) -> LedgerError {
    let by = |row: &CheckRow| row.updated_by.as_ref().map_or_else(String::new, |by| format!(", last by {by}"));
    let what = match (seen, there) {
        (false, Some(row)) => format!("there is a check `{name}` already{}", by(row)),
        (true, Some(row)) => format!("the check `{name}` was edited meanwhile{}", by(row)),
        _ => format!("the check `{name}` was deleted meanwhile"),
    };
    LedgerError::refused(what).hinted(format!("nothing was saved; `recon checks show {name}` shows it as it stands"))
}
