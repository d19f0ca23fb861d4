//! Connections to SQLite files that are kept open between one reading and the next, for who reads the same file thousands
//! of times, its content replaced in between. A kept connection holds no transaction; each reading begins its own. What is
//! known of tables and queries is kept with it, and forgotten when the file's schema is another.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use sqlx::sqlite::SqliteConnection;
use tokio::runtime::Runtime;

use crate::stores::{Column, Target};

use super::value::Affinity;

/// Connections that wait to be used again.
#[derive(Default)]
pub struct KeptSqlite(Mutex<Vec<(PathBuf, Connected)>>);

impl KeptSqlite {
    /// Connections kept at most.
    const MOST: usize = 8;

    pub(super) fn take(&self, path: &Path) -> Option<Connected> {
        let mut kept = self.0.lock().ok()?;
        let at = kept.iter().position(|(own, _)| own == path)?;
        Some(kept.swap_remove(at).1)
    }

    pub(super) fn keep(&self, path: &Path, connected: Connected) {
        if let Ok(mut kept) = self.0.lock()
            && kept.len() < Self::MOST
        {
            kept.push((path.to_owned(), connected));
        }
    }
}

impl std::fmt::Debug for KeptSqlite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeptSqlite")
    }
}

/// A connection with what was found out over it.
pub(super) struct Connected {
    pub(super) runtime: Runtime,
    pub(super) connection: SqliteConnection,
    pub(super) known: Known,
}

/// What was found out about a file, as long as its schema stays as it is.
#[derive(Default)]
pub(super) struct Known {
    /// SQLite's `schema_version`: another one after every change of the schema by anybody.
    schema: Option<i64>,
    resolved: Vec<(Target, Resolved)>,
    /// Statements that the file's schema has everything for.
    prepared: HashSet<String>,
}

impl Known {
    /// Targets and statements that are remembered at most.
    const MOST: usize = 64;

    /// Forgets everything unless the schema is the one it was found out about. Whether there was another one before: the
    /// driver keeps the columns of prepared statements, and they are forgotten with the rest.
    pub(super) fn under(&mut self, schema: i64) -> bool {
        let other = self.schema.is_some_and(|known| known != schema);
        if self.schema != Some(schema) {
            *self = Known { schema: Some(schema), ..Known::default() };
        }
        other
    }

    pub(super) fn find(&self, target: &Target) -> Option<Resolved> {
        let same = |known: &Target| known.table == target.table && known.query == target.query;
        self.resolved.iter().find(|(known, _)| same(known)).map(|(_, resolved)| resolved.clone())
    }

    pub(super) fn remember(&mut self, target: &Target, resolved: &Resolved) {
        if self.resolved.len() < Self::MOST {
            let (table, query) = (target.table.clone(), target.query.clone());
            self.resolved.push((Target { table, query, ..Target::default() }, resolved.clone()));
        }
    }

    /// Whether a statement was prepared under this schema before.
    pub(super) fn has_prepared(&self, sql: &str) -> bool {
        self.prepared.contains(sql)
    }

    pub(super) fn prepared(&mut self, sql: &str) {
        if self.prepared.len() < Self::MOST {
            self.prepared.insert(sql.to_owned());
        }
    }
}

/// A table, or a query in parentheses, and what it yields.
#[derive(Clone, Default)]
pub(super) struct Resolved {
    /// What stands behind FROM.
    pub(super) from: String,
    /// The query as it was given, its parameters by name, without its end.
    pub(super) query: Option<String>,
    pub(super) columns: Vec<Column>,
    pub(super) affinities: Vec<Affinity>,
    /// The collation that orders texts by the bytes of UTF-8.
    pub(super) collation: &'static str,
}
