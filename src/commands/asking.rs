//! Asks the stores of a project what checks ask: under the check account, read-only, within the limits of `[checks]`.
//! Must not know what the answers mean.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::checks::{Ask, EachRow, Kind};
use crate::config::{Project, StoreKind};
use crate::domain::Value;
use crate::stores::inspect::{InspectError, Inspection, Limits, inspect};
use crate::stores::{Locator, Settings};

use super::checking::RUN;

/// Asks the stores of a project.
pub(super) struct Asking<'a> {
    pub(super) project: &'a Project,
    /// Values of `:name`.
    pub(super) params: &'a [(String, Value)],
    pub(super) settings: &'a Settings,
    /// Set to end every question soon.
    pub(super) stop: &'a Arc<AtomicBool>,
}

/// The store of a check under its least-privileged account; `docs#holdings` names a collection too.
///
/// # Errors
/// There is no such store, or it is no place for a check of this kind.
pub(super) fn locator(project: &Project, kind: Kind, name: &str) -> Result<Locator, String> {
    let (name, collection) = match name.split_once('#') {
        Some((name, collection)) => (name, Some(collection)),
        None => (name, None),
    };
    if collection.is_some() && kind != Kind::Pipeline {
        return Err(format!(
            "`store` names the collection of a pipeline (`#`), and a check of kind `{}` has none",
            kind.name()
        ));
    }
    let store = project.store(name).map_err(|error| with_hint(&error.to_string(), error.hint.as_deref()))?;
    let fits = match kind {
        Kind::Pipeline => store.kind == StoreKind::MongoDb,
        _ => matches!(store.kind, StoreKind::MySql | StoreKind::Postgres | StoreKind::Sqlite),
    };
    if !fits {
        let runs = match kind {
            Kind::Pipeline => "a pipeline runs in MongoDB",
            _ => "a SELECT runs in MySQL, MariaDB, PostgreSQL or SQLite",
        };
        return Err(format!("the store `{name}` is of kind {}: {runs}", store.kind.name()));
    }
    let url = store.check_url.as_ref().unwrap_or(&store.url);
    let locator = Locator::parse(url.expose()).map_err(|error| with_hint(&error.what, error.hint.as_deref()))?;
    Ok(match collection {
        Some(collection) => locator.with_table(collection.to_owned()),
        None => locator,
    })
}

impl Ask for Asking<'_> {
    fn ask(
        &self,
        kind: Kind,
        store: &str,
        query: &str,
        timeout: Duration,
        each: EachRow<'_>,
    ) -> Result<Option<String>, String> {
        let limits = Limits { time: timeout, rows: self.project.checks.rows, bytes: self.project.checks.bytes };
        let inspection = Inspection {
            store: locator(self.project, kind, store)?,
            text: query.to_owned(),
            params: self.params.to_vec(),
            limits,
            settings: self.settings.clone(),
            cancel: Arc::clone(self.stop),
        };
        match inspect(&inspection, each) {
            Ok(answer) => Ok(answer.truncated),
            Err(error) => {
                let hint = match &error {
                    InspectError::Refused(refusal) => refusal.hint.as_deref(),
                    InspectError::Failed(error) => error.hint.as_deref(),
                    _ => None,
                };
                let mut what = with_hint(&error.to_string(), hint);
                // A server quotes the value that it stumbled over.
                if matches!(error, InspectError::Failed(_)) && !self.project.checks.masks.is_empty() {
                    what = without_quoted(&what);
                }
                if query.contains(RUN) && !self.params.iter().any(|(name, _)| name == RUN) {
                    what.push_str("; nothing of a run is written before its stage `decided`");
                }
                if matches!(error, InspectError::TimedOut { .. }) {
                    what.push_str("; `timeout_ms` gives it more");
                }
                Err(what)
            }
        }
    }
}

/// A text without what stands in quotes.
fn without_quoted(text: &str) -> String {
    let mut plain = String::new();
    let mut within = None;
    for c in text.chars() {
        match within {
            Some(quote) if quote == c => {
                plain.push_str("***");
                plain.push(c);
                within = None;
            }
            Some(_) => {}
            None => {
                plain.push(c);
                within = matches!(c, '"' | '\'').then_some(c);
            }
        }
    }
    // An odd apostrophe hides the rest.
    if within.is_some() { plain + "***" } else { plain }
}

/// A sentence with its next step.
pub(super) fn with_hint(what: &str, hint: Option<&str>) -> String {
    hint.map_or_else(|| what.to_owned(), |hint| format!("{what} ({hint})"))
}
