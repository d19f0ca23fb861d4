//! The rows of `recon_checks` as texts, whatever plain SQL put there: what a column cannot hold is said in the row, and
//! never hides another. Must not know what a row means.

use std::collections::BTreeSet;

use crate::checks::CheckRow;
use crate::domain::shorten;
use crate::stores::sql::Dialect;

use super::super::database::{Database, Field, Row, fields, moment};
use super::super::error::LedgerError;
use super::super::records::{LONGEST_NAME, hash_of};

/// Longest query, in characters: a check is written by people.
const LONGEST_TEXT: usize = 1 << 20;
/// Longest of the other columns.
const LONGEST_WORD: usize = 40;

/// Every column, and how many characters it may hold.
const COLUMNS: [(&str, usize); 18] = [
    ("name", LONGEST_NAME),
    ("reconciliation", LONGEST_NAME),
    ("stage", LONGEST_WORD),
    ("kind", LONGEST_WORD),
    ("store", LONGEST_NAME),
    ("query", LONGEST_TEXT),
    ("examines", LONGEST_TEXT),
    ("expect", LONGEST_TEXT),
    ("severity", LONGEST_WORD),
    ("warn_if", LONGEST_WORD),
    ("error_if", LONGEST_WORD),
    ("max_flag_rate", LONGEST_WORD),
    ("timeout_ms", LONGEST_WORD),
    ("enabled", LONGEST_WORD),
    ("owner", LONGEST_NAME),
    ("description", LONGEST_TEXT),
    ("updated_by", LONGEST_NAME),
    ("updated_at", LONGEST_WORD),
];

/// The first column that says nothing of what the check does: trouble there is no reason not to run it.
const FIRST_NOT_JUDGED: usize = 14;

/// Every row, in the order of their names.
pub(super) fn all(db: &mut Database) -> Result<Vec<CheckRow>, LedgerError> {
    let columns: Vec<String> = COLUMNS.iter().map(|(name, longest)| read(db.dialect(), name, *longest)).collect();
    let found = db.rows(&format!("SELECT {} FROM recon_checks ORDER BY name", columns.join(", ")), &[])?;
    let dialect = db.dialect();
    let mut names = BTreeSet::new();
    let mut rows = found.iter().map(|row| row_of(dialect, row, &mut names)).collect::<Result<Vec<_>, _>>()?;
    rows.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(rows)
}

/// A row by its name.
pub(super) fn one(db: &mut Database, name: &str) -> Result<Option<CheckRow>, LedgerError> {
    let columns: Vec<String> = COLUMNS.iter().map(|(name, longest)| read(db.dialect(), name, *longest)).collect();
    let sql = format!("SELECT {} FROM recon_checks WHERE name = ?", columns.join(", "));
    let dialect = db.dialect();
    let row = db.row(&sql, fields![name])?;
    row.map(|row| row_of(dialect, &row, &mut BTreeSet::new())).transpose()
}

/// A column as a text: one character more than it may hold, to see that it holds more. SQLite puts anything into any
/// column: there the type is told, and the bytes.
fn read(dialect: Dialect, column: &str, longest: usize) -> String {
    match dialect {
        Dialect::Sqlite => {
            let most = longest * 4 + 1;
            format!("typeof({column}) || ' ' || hex(substr(CAST({column} AS BLOB), 1, {most}))")
        }
        Dialect::MySql => format!("LEFT(CAST({column} AS CHAR), {})", longest + 1),
        Dialect::Postgres => format!("LEFT(CAST({column} AS TEXT), {})", longest + 1),
    }
}

/// What stands in a column.
enum Cell {
    Text(String),
    /// No text that a column can hold: what is shown of it, and what it is.
    Odd(String, &'static str),
}

fn cell(dialect: Dialect, text: String, longest: usize) -> Cell {
    let text = match dialect {
        Dialect::Sqlite => {
            let (kind, digits) = text.split_once(' ').unwrap_or((text.as_str(), ""));
            let bytes = bytes(digits);
            let shown = || format!("x'{}'", digits.to_ascii_lowercase());
            if kind == "blob" {
                return Cell::Odd(shown(), "holds bytes and no text");
            }
            let cut = bytes.len() > longest * 4;
            match String::from_utf8(bytes) {
                Ok(text) => text,
                Err(error) if cut => String::from_utf8_lossy(error.as_bytes()).into_owned(),
                Err(_) => return Cell::Odd(shown(), "holds a text that is no UTF-8"),
            }
        }
        _ => text,
    };
    if text.chars().nth(longest).is_some() {
        return Cell::Odd(text, "is too long");
    }
    match text.contains('\0') {
        true => Cell::Odd(text.replace('\0', "\\u0000"), "holds a NUL character"),
        false => Cell::Text(text),
    }
}

fn bytes(digits: &str) -> Vec<u8> {
    let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16).unwrap_or(0)).unwrap_or(0);
    digits.as_bytes().chunks_exact(2).map(|pair| digit(pair[0]) * 16 + digit(pair[1])).collect()
}

fn row_of(dialect: Dialect, found: &Row, names: &mut BTreeSet<String>) -> Result<CheckRow, LedgerError> {
    let mut unreadable = Vec::new();
    let mut texts: Vec<Option<String>> = Vec::with_capacity(COLUMNS.len());
    for (at, (column, longest)) in COLUMNS.iter().enumerate() {
        let text = found.maybe_text(at)?.filter(|text| dialect != Dialect::Sqlite || !text.starts_with("null "));
        texts.push(text.and_then(|text| match cell(dialect, text, *longest) {
            Cell::Text(text) => Some(text),
            // Not whom or when it names: nobody.
            Cell::Odd(..) if column.starts_with("updated_") => None,
            Cell::Odd(shown, why) => {
                if at < FIRST_NOT_JUDGED {
                    unreadable.push(format!("`{column}` {why}"));
                }
                Some(fitting(&shown, *longest))
            }
        }));
    }
    let mut texts = texts.into_iter();
    let mut next = || texts.next().flatten();
    let mut name = next().unwrap_or_default();
    // Bytes that read like another row's name must not be taken for it.
    while !names.insert(name.clone()) {
        unreadable.push("`name` is told apart from another row's by its type alone".to_owned());
        name = fitting(&format!("{name} (again)"), LONGEST_NAME);
    }
    Ok(CheckRow {
        name,
        reconciliation: next(),
        stage: next(),
        kind: next(),
        store: next(),
        query: next(),
        examines: next(),
        expect: next(),
        severity: next(),
        warn_if: next(),
        error_if: next(),
        max_flag_rate: next(),
        timeout_ms: next(),
        enabled: next().map(|text| switch(&text)),
        owner: next(),
        description: next(),
        updated_by: next(),
        updated_at: next(),
        unreadable,
    })
}

/// No longer than its column; what is cut still tells two texts apart.
fn fitting(text: &str, longest: usize) -> String {
    if text.chars().nth(longest).is_none() {
        return text.to_owned();
    }
    match longest {
        LONGEST_WORD => shorten(text, LONGEST_WORD - 1),
        _ => format!("{} ({})", shorten(text, LONGEST_NAME - 40), &hash_of(text)[..16]),
    }
}

/// One way to write it on every engine.
fn switch(text: &str) -> String {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "t" | "true" => "true".to_owned(),
        "0" | "f" | "false" => "false".to_owned(),
        _ => text.to_owned(),
    }
}

/// Writes a row that was read and understood, new or in place of the one of its name.
pub(super) fn write(db: &mut Database, row: &CheckRow, by: &str, now: i64, is_new: bool) -> Result<(), LedgerError> {
    let enabled = match row.enabled.as_deref().map(switch).as_deref() {
        None | Some("true") => "TRUE",
        _ => "FALSE",
    };
    let timeout = row.timeout_ms.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let timeout = timeout.map(|text| {
        text.parse::<i64>().map_err(|_| LedgerError::usage(format!("`timeout_ms` is `{text}`: no whole number")))
    });
    let at = moment(now);
    let mut values: Vec<Field> = vec![
        row.reconciliation.as_ref().into(),
        row.stage.as_ref().into(),
        row.kind.as_ref().into(),
        row.store.as_ref().into(),
        row.query.as_ref().into(),
        row.examines.as_ref().into(),
        row.expect.as_ref().into(),
        row.severity.as_ref().into(),
        row.warn_if.as_ref().into(),
        row.error_if.as_ref().into(),
        row.max_flag_rate.as_ref().into(),
        timeout.transpose()?.into(),
    ];
    values.extend_from_slice(fields![row.owner.as_ref(), row.description.as_ref(), by, &at, &row.name]);
    let sql = match is_new {
        true => format!(
            "INSERT INTO recon_checks (reconciliation, stage, kind, store, query, examines, expect, severity, warn_if, \
             error_if, max_flag_rate, timeout_ms, enabled, owner, description, updated_by, updated_at, name) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, {enabled}, ?, ?, ?, ?, ?)"
        ),
        false => format!(
            "UPDATE recon_checks SET reconciliation = ?, stage = ?, kind = ?, store = ?, query = ?, examines = ?, \
             expect = ?, severity = ?, warn_if = ?, error_if = ?, max_flag_rate = ?, timeout_ms = ?, \
             enabled = {enabled}, owner = ?, description = ?, updated_by = ?, updated_at = ? WHERE name = ?"
        ),
    };
    db.run(&sql, &values).map(drop)
}

/// Switches a check on or off.
pub(super) fn set_enabled(db: &mut Database, name: &str, on: bool, by: &str, now: i64) -> Result<(), LedgerError> {
    let value = if on { "TRUE" } else { "FALSE" };
    let sql = format!("UPDATE recon_checks SET enabled = {value}, updated_by = ?, updated_at = ? WHERE name = ?");
    db.run(&sql, fields![by, &moment(now), name]).map(drop)
}

/// What does not fit its column: a sentence for each.
pub(super) fn too_long(row: &CheckRow) -> Vec<String> {
    let texts = row.judged().into_iter().chain([
        ("name", Some(row.name.as_str())),
        ("owner", row.owner.as_deref()),
        ("description", row.description.as_deref()),
    ]);
    let mut wrong = Vec::new();
    for (column, text) in texts {
        let Some(text) = text else { continue };
        let longest = COLUMNS.iter().find(|(name, _)| *name == column).map_or(LONGEST_WORD, |(_, longest)| *longest);
        if text.chars().nth(longest).is_some() {
            wrong.push(format!("`{column}` is longer than {longest} characters"));
        }
        if text.contains('\0') {
            wrong.push(format!("`{column}` holds a NUL character"));
        }
    }
    wrong
}
