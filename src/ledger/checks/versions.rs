//! Versions of checks: every text that there ever was, whose it is as far as known, and whether enough people have
//! approved it. A row that is not its newest version was edited since. Must not know what a definition means.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::checks::CheckRow;

use super::super::audit;
use super::super::database::{Database, Row, fields, moment};
use super::super::error::LedgerError;
use super::super::records::{LONGEST_NAME, hash_of, json_of};
use super::super::release::same_person;
use super::{CheckVersion, rows};

/// Longest time that is written beside a version.
const LONGEST_TIME: usize = 40;

/// A version, and what stood beside it when it was last seen.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) version: CheckVersion,
    updated_by: Option<String>,
    updated_at: Option<String>,
    pub(super) origin: String,
}

/// The rows as they stand, and every version without its definition, by name, the first first.
pub(super) struct Looked {
    pub(super) rows: Vec<CheckRow>,
    pub(super) kept: BTreeMap<String, Vec<Kept>>,
}

/// What is not as it was last seen.
enum Change {
    Edited(Box<CheckRow>),
    Deleted(String),
    /// Nothing that decides what it does.
    Touched(Box<CheckRow>),
}

/// Reads rows and versions: of one check or of all.
pub(super) fn look(db: &mut Database, name: Option<&str>) -> Result<Looked, LedgerError> {
    let rows = match name {
        Some(name) => rows::one(db, name)?.into_iter().collect(),
        None => rows::all(db)?,
    };
    Ok(Looked { rows, kept: kept(db, name)? })
}

const LIGHT: &str =
    "name, version, hash, author, time, noticed_at, how, reason, deleted, updated_by, updated_at, origin";

fn kept(db: &mut Database, name: Option<&str>) -> Result<BTreeMap<String, Vec<Kept>>, LedgerError> {
    let of = if name.is_some() { " WHERE name = ?" } else { "" };
    let values: Vec<_> = name.map(Into::into).into_iter().collect();
    let mut all: BTreeMap<String, Vec<Kept>> = BTreeMap::new();
    for row in db.rows(&format!("SELECT {LIGHT} FROM recon_check_versions{of} ORDER BY name, version"), &values)? {
        let one = kept_of(&row)?;
        all.entry(one.version.name.clone()).or_default().push(one);
    }
    let sql = format!("SELECT name, version, approver, at, hash FROM recon_check_approvals{of} ORDER BY at, approver");
    for row in db.rows(&sql, &values)? {
        let (name, number, hash) = (row.text(0)?, row.integer(1)?, row.text(4)?);
        let versions = all.get_mut(&name).map(Vec::as_mut_slice).unwrap_or_default();
        let version = versions.iter_mut().map(|one| &mut one.version).find(|one| one.version.cast_signed() == number);
        // An approval of another text than the one that stands there approves nothing.
        if let Some(version) = version.filter(|version| version.hash == hash) {
            version.approvals.push((row.text(2)?, row.text(3)?));
        }
    }
    all.values_mut().for_each(|versions| count_approvals(versions));
    Ok(all)
}

fn kept_of(row: &Row) -> Result<Kept, LedgerError> {
    let name = row.text(0)?;
    let version = CheckVersion {
        row: CheckRow { name: name.clone(), ..CheckRow::default() },
        name,
        version: u64::try_from(row.integer(1)?).unwrap_or(0),
        hash: row.text(2)?,
        author: row.maybe_text(3)?,
        time: row.text(4)?,
        noticed_at: row.text(5)?,
        how: row.text(6)?,
        reason: row.maybe_text(7)?,
        deleted: row.integer(8)? != 0,
        approvals: Vec::new(),
        needed: 1,
        approved: false,
    };
    Ok(Kept { version, updated_by: row.maybe_text(9)?, updated_at: row.maybe_text(10)?, origin: row.text(11)? })
}

/// Says of each version how many must approve it, and whether they have. What was edited since the last approved
/// version goes with it: none of its authors counts, and where one of them is not known, it takes two people, because
/// one may be that author.
fn count_approvals(versions: &mut [Kept]) {
    let mut authors: Vec<String> = Vec::new();
    let mut unknown = false;
    for one in versions.iter_mut().map(|kept| &mut kept.version) {
        match &one.author {
            Some(author) => authors.push(author.clone()),
            None => unknown = true,
        }
        one.needed = if unknown { 2 } else { 1 };
        let mut people: Vec<(String, String)> = Vec::new();
        for (approver, at) in std::mem::take(&mut one.approvals) {
            let counted = people.iter().map(|(person, _)| person).chain(&authors);
            if !counted.into_iter().any(|person| same_person(person, &approver)) {
                people.push((approver, at));
            }
        }
        one.approvals = people;
        one.approved = one.approvals.len() >= usize::try_from(one.needed).unwrap_or(usize::MAX);
        if one.approved {
            authors.clear();
            unknown = false;
        }
    }
}

/// Authors of what would be approved with a version: of it, and of those before it back to the last that is approved.
pub(super) fn authors(versions: &[Kept], number: u64) -> Vec<String> {
    let before = versions.iter().map(|kept| &kept.version).filter(|one| one.version <= number);
    let mut authors = Vec::new();
    for one in before {
        authors.extend(one.author.clone());
        if one.approved && one.version < number {
            authors.clear();
        }
    }
    authors
}

impl Looked {
    pub(super) fn versions(&self, name: &str) -> &[Kept] {
        self.kept.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether something stands otherwise than it was last seen.
    pub(super) fn is_changed(&self) -> bool {
        !self.changes().is_empty()
    }

    fn changes(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        for row in &self.rows {
            let boxed = || Box::new(row.clone());
            match self.versions(&row.name).last() {
                Some(last) if !last.version.deleted && last.version.hash == row.hash() => {
                    if (&last.updated_by, &last.updated_at) != (&row.updated_by, &row.updated_at) {
                        changes.push(Change::Touched(boxed()));
                    }
                }
                _ => changes.push(Change::Edited(boxed())),
            }
        }
        for (name, versions) in &self.kept {
            let gone = !self.rows.iter().any(|row| row.name == *name);
            if gone && versions.last().is_some_and(|last| !last.version.deleted) {
                changes.push(Change::Deleted(name.clone()));
            }
        }
        changes
    }

    /// Makes what was edited with another program into versions, in the database or only in what was read.
    pub(super) fn notice(&mut self, db: Option<&mut Database>, now: i64, origin: &str) -> Result<(), LedgerError> {
        let mut db = db;
        for change in self.changes() {
            let (row, deleted) = match change {
                Change::Touched(row) => {
                    if let Some(db) = db.as_deref_mut() {
                        touch(db, &row)?;
                    }
                    continue;
                }
                Change::Edited(row) => (*row, false),
                Change::Deleted(name) => (CheckRow { name, ..CheckRow::default() }, true),
            };
            let before = self.versions(&row.name).last();
            let (author, time) = if deleted { (None, None) } else { said(&row, before) };
            let edit = Edit { row: &row, deleted, author, time, how: "sql", reason: None };
            let number = before.map_or(0, |before| before.version.version) + 1;
            let kept = kept_from(&edit, number, now, origin, before);
            if let Some(db) = db.as_deref_mut() {
                insert(db, &edit, &kept)?;
                let what = if deleted { "check_deleted" } else { "check_noticed" };
                audit::append(db, now, "recon", what, &told(&kept.version))?;
            }
            self.add(kept);
        }
        Ok(())
    }

    /// Writes an edit as a new version.
    pub(super) fn append(
        &mut self,
        db: &mut Database,
        edit: &Edit<'_>,
        now: i64,
        origin: &str,
    ) -> Result<CheckVersion, LedgerError> {
        let before = self.versions(&edit.row.name).last();
        let number = before.map_or(0, |before| before.version.version) + 1;
        let kept = kept_from(edit, number, now, origin, before);
        insert(db, edit, &kept)?;
        let version = kept.version.clone();
        self.add(kept);
        Ok(version)
    }

    fn add(&mut self, kept: Kept) {
        let versions = self.kept.entry(kept.version.name.clone()).or_default();
        versions.push(kept);
        count_approvals(versions);
    }
}

/// A new version, and where it comes from.
pub(super) struct Edit<'a> {
    pub(super) row: &'a CheckRow,
    pub(super) deleted: bool,
    pub(super) author: Option<String>,
    pub(super) time: Option<String>,
    /// `command`, `push` or `sql`.
    pub(super) how: &'static str,
    pub(super) reason: Option<&'a str>,
}

/// Who made an edit with another program, and when, as far as the row says so: a name that stood there before says
/// nothing, unless the time beside it changed.
fn said(row: &CheckRow, before: Option<&Kept>) -> (Option<String>, Option<String>) {
    let fits = |text: &Option<String>, longest: usize| {
        let text = text.as_deref().map(str::trim)?;
        let fits = !text.is_empty() && text.chars().count() <= longest && !text.chars().any(char::is_control);
        fits.then(|| text.to_owned())
    };
    let moved = before.is_none_or(|before| before.updated_at != row.updated_at);
    let changed = moved || before.is_none_or(|before| before.updated_by != row.updated_by);
    let author = changed.then(|| fits(&row.updated_by, LONGEST_NAME)).flatten();
    (author, moved.then(|| fits(&row.updated_at, LONGEST_TIME)).flatten())
}

fn kept_from(edit: &Edit<'_>, number: u64, now: i64, origin: &str, before: Option<&Kept>) -> Kept {
    let at = moment(now);
    let hash = match edit.deleted {
        true => hash_of(&json_of(&(&edit.row.name, "deleted"))),
        false => edit.row.hash(),
    };
    let beside = match (edit.deleted, before) {
        (true, Some(before)) => (before.updated_by.clone(), before.updated_at.clone()),
        _ => (edit.row.updated_by.clone(), edit.row.updated_at.clone()),
    };
    let version = CheckVersion {
        name: edit.row.name.clone(),
        version: number,
        hash,
        row: edit.row.definition(),
        author: edit.author.clone(),
        time: edit.time.clone().unwrap_or_else(|| at.clone()),
        noticed_at: at,
        how: edit.how.to_owned(),
        reason: edit.reason.map(str::to_owned),
        deleted: edit.deleted,
        approvals: Vec::new(),
        needed: 1,
        approved: false,
    };
    Kept { version, updated_by: beside.0, updated_at: beside.1, origin: origin.to_owned() }
}

fn insert(db: &mut Database, edit: &Edit<'_>, kept: &Kept) -> Result<(), LedgerError> {
    let version = &kept.version;
    db.run(
        "INSERT INTO recon_check_versions (name, version, hash, text, author, time, definition, noticed_at, how, \
         reason, deleted, updated_by, updated_at, origin) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        fields![
            &version.name,
            version.version.cast_signed(),
            &version.hash,
            edit.row.query.as_ref(),
            version.author.as_ref(),
            &version.time,
            &definition_json(edit.row),
            &version.noticed_at,
            &version.how,
            version.reason.as_ref(),
            i64::from(version.deleted),
            kept.updated_by.as_ref(),
            kept.updated_at.as_ref(),
            &kept.origin
        ],
    )
    .map(drop)
}

/// Notes who touched a row last, so that the next edit is not taken for theirs.
pub(super) fn touch(db: &mut Database, row: &CheckRow) -> Result<(), LedgerError> {
    let newest = "SELECT MAX(version) FROM recon_check_versions WHERE name = ?";
    let newest = db.number(newest, fields![&row.name])?;
    db.run(
        "UPDATE recon_check_versions SET updated_by = ?, updated_at = ? WHERE name = ? AND version = ?",
        fields![row.updated_by.as_ref(), row.updated_at.as_ref(), &row.name, newest],
    )
    .map(drop)
}

/// A version in the audit trail.
pub(super) fn told(version: &CheckVersion) -> Json {
    json!({
        "check": version.name, "version": version.version, "hash": version.hash, "author": version.author,
        "time": version.time, "how": version.how, "reason": version.reason,
    })
}

fn definition_json(row: &CheckRow) -> String {
    let mut all: Map<String, Json> =
        row.judged().into_iter().map(|(column, text)| (column.to_owned(), json!(text))).collect();
    if !row.unreadable.is_empty() {
        all.insert("unreadable".to_owned(), json!(row.unreadable));
    }
    Json::from(all).to_string()
}

/// What the versions of a check hold, by their numbers.
pub(super) fn definitions(db: &mut Database, name: &str) -> Result<BTreeMap<u64, String>, LedgerError> {
    let sql = "SELECT version, definition FROM recon_check_versions WHERE name = ?";
    let rows = db.rows(sql, fields![name])?;
    let one = |row: &Row| Ok((u64::try_from(row.integer(0)?).unwrap_or(0), row.maybe_text(1)?.unwrap_or_default()));
    rows.iter().map(one).collect()
}

/// A version with its definition, read from the database.
pub(super) fn with_definition(db: &mut Database, version: CheckVersion) -> Result<CheckVersion, LedgerError> {
    let sql = "SELECT definition FROM recon_check_versions WHERE name = ? AND version = ?";
    let row = db.row(sql, fields![&version.name, version.version.cast_signed()])?;
    let text = row.map(|row| row.maybe_text(0)).transpose()?.flatten().unwrap_or_default();
    Ok(defined(version, &text))
}

/// A version with its definition. One that is not what was noticed then is a row that cannot be understood.
pub(super) fn defined(mut version: CheckVersion, text: &str) -> CheckVersion {
    let mut row = serde_json::from_str::<CheckRow>(text).unwrap_or_default();
    row.name.clone_from(&version.name);
    if !version.deleted && row.hash() != version.hash {
        let what = format!("version {} in the ledger is not what it was when it was noticed", version.version);
        row.unreadable.push(what);
    }
    version.row = row;
    version
}

/// Waits for the turn to write versions: two that notice the same edit make one version of it.
pub(super) fn lock(db: &mut Database) -> Result<(), LedgerError> {
    db.row(&format!("SELECT sequence FROM recon_audit_head WHERE id = 1{}", db.for_update()), &[]).map(drop)
}
