//! What of a table that is there does not fit: everything at once, each with the statement that mends it where there is
//! one. Must not talk to a store.

use crate::stores::StoreError;
use crate::stores::sql::Dialect;

use super::columns::{Class, Existing, OWN, OWN_CHARACTERS, same_name};

/// What does not fit, in words, and the statements that mend it.
#[derive(Debug, Default)]
pub(super) struct Misfits {
    what: Vec<String>,
    mends: Vec<String>,
}

impl Misfits {
    pub(super) fn add(&mut self, what: String) {
        self.what.push(what);
    }

    /// A column whose type does not hold the values; `mend` is the statement that changes it.
    pub(super) fn unfit(&mut self, column: &Existing, needed: &str, mend: Option<String>) {
        self.what.push(format!(
            "the column `{}` is {}, which does not hold the decisions exactly; needed is {needed}",
            column.name, column.shown
        ));
        self.mends.extend(mend);
    }

    /// Fits, or else everything that does not.
    ///
    /// # Errors
    /// Class `Usage`; `made` is the table that recon would make.
    pub(super) fn or_none(self, label: &str, made: &str) -> Result<(), StoreError> {
        if self.what.is_empty() {
            return Ok(());
        }
        let mends = match self.mends.is_empty() {
            true => "change it (ALTER TABLE …)".to_owned(),
            false => format!("change it: {};", self.mends.join("; ")),
        };
        Err(StoreError::usage(format!("the table {label} {}", self.what.join("; and "))).hint(format!(
            "nothing was written; {mends} or name another table under `decisions`, or drop this one, and recon makes it: {made}"
        )))
    }
}

/// The statement that gives a column another type, where the store has one.
pub(super) fn alter(dialect: Dialect, table: &str, column: &str, kind: &str) -> Option<String> {
    let (table, column) = (dialect.table(table), dialect.name(column));
    match dialect {
        Dialect::MySql => Some(format!("ALTER TABLE {table} MODIFY {column} {kind}")),
        Dialect::Postgres => Some(format!("ALTER TABLE {table} ALTER COLUMN {column} TYPE {kind}")),
        // SQLite changes no types.
        Dialect::Sqlite => None,
    }
}

/// Judges the shape of a table that is there: every column, nothing that must be filled besides.
pub(super) fn check_shape(
    dialect: Dialect,
    existing: &[Existing],
    key: &[String],
    columns: &[String],
    misfits: &mut Misfits,
) {
    let find = |name: &str| existing.iter().find(|column| same_name(dialect, &column.name, name));
    let missing: Vec<String> = (key.iter().chain(columns).map(String::as_str).chain(OWN))
        .filter(|name| find(name).is_none())
        .map(|name| format!("no column `{name}`"))
        .collect();
    if !missing.is_empty() {
        let names = existing.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
        misfits.add(format!("has {} (its columns are {names})", missing.join(", ")));
    }
    for (at, name) in OWN.iter().enumerate() {
        let Some(column) = find(name) else { continue };
        let needed = OWN_CHARACTERS[at];
        if !matches!(column.class, Class::Text { characters } if characters.is_none_or(|most| most >= needed)) {
            misfits.unfit(column, &format!("text of {needed} characters"), None);
        }
    }
    if let Some(run) = find("recon_run").filter(|run| run.nullable) {
        misfits.add(format!("the column `{}` may be NULL; a run that was overtaken is stopped by NOT NULL", run.name));
    }
    for column in existing {
        let named = |name: &str| same_name(dialect, &column.name, name);
        let ours = key.iter().chain(columns).any(|name| named(name)) || OWN.iter().any(|name| named(name));
        if !ours && !column.nullable && !column.filled {
            misfits.add(format!(
                "has the column `{}`, which must be filled and is none of the decisions (give it a default, or allow NULL)",
                column.name
            ));
        }
        if columns.iter().any(|name| named(name)) && !column.nullable {
            misfits.add(format!(
                "the column `{}` must not be NULL, but nothing is paid for a held record and its values are NULL",
                column.name
            ));
        }
    }
}
