//! A path with another text in place of its query, to see what the change would do before it is made. Must not read
//! files or open anything: the project file and its queries stay as they are.

use std::path::PathBuf;

use super::error::ConfigError;
use super::project::{Project, StoreKind};
use super::reconciliation::{FileRef, Origin, PathDefinition, Queries, What};

/// A text that takes the place of another.
#[derive(Clone, Debug)]
pub enum NewText {
    /// A SELECT, or an aggregation pipeline as Extended JSON, in the dialect of the path's store.
    Query(String),
    /// Exact SQL over the path's inputs.
    Sql(String),
}

impl PathDefinition {
    /// The path with another text, which messages call by `name`.
    ///
    /// # Errors
    /// The path is not computed by such a text: why, and what would do.
    pub fn with_text(&self, project: &Project, text: &NewText, name: &str) -> Result<PathDefinition, ConfigError> {
        let refused = |what: String, hint: &str| {
            let file = project.path.display().to_string();
            Err(ConfigError { file, position: None, what, hint: Some(hint.to_owned()) })
        };
        let file = |text: &str| FileRef { path: PathBuf::from(name), text: Some(text.to_owned()), unreadable: none() };
        let origin = match (&self.origin, text) {
            (Origin::Store { store, what }, NewText::Query(text)) => {
                let kind = project.store(store)?.kind;
                let what = match (kind, what) {
                    (StoreKind::Files, _) => {
                        return refused(
                            format!("the store `{store}` holds files: there is no query to be replaced"),
                            "only paths that are computed by a query, a pipeline or SQL can be changed here",
                        );
                    }
                    (StoreKind::MongoDb, What::Table(collection) | What::Pipeline { collection, .. }) => {
                        What::Pipeline { collection: collection.clone(), file: file(text) }
                    }
                    _ => What::Query(Queries { one: Some(file(text)), per_dialect: Vec::new(), missing: none() }),
                };
                Origin::Store { store: store.clone(), what }
            }
            (Origin::Sql { inputs, .. }, NewText::Sql(text)) => {
                Origin::Sql { file: file(text), inputs: inputs.clone() }
            }
            (Origin::Store { .. }, NewText::Sql(_)) => {
                return refused(
                    "this path is a query of a store, not SQL over inputs".into(),
                    "give the new text with `--legacy-query` or `--candidate-query`",
                );
            }
            (Origin::Sql { .. }, NewText::Query(_)) => {
                return refused(
                    "this path is SQL over inputs, not a query of a store".into(),
                    "give the new text with `--legacy-sql` or `--candidate-sql`",
                );
            }
            (Origin::Http { .. } | Origin::Command { .. }, _) => {
                return refused(
                    "this path asks a program or a service: there is no query to be replaced".into(),
                    "`recon test` runs a changed program against recorded cases",
                );
            }
        };
        Ok(PathDefinition { origin, ..self.clone() })
    }

    /// The store whose dialect its query is written in, for a path that is a query of a store.
    pub fn query_store(&self) -> Option<&str> {
        match &self.origin {
            Origin::Store { store, .. } => Some(store),
            _ => None,
        }
    }
}

/// Never raised: a text that is given is there.
fn none() -> ConfigError {
    ConfigError { file: String::new(), position: None, what: String::new(), hint: None }
}
