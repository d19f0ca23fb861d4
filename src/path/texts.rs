//! The texts that a path computes by: queries, pipelines, SQL. What a run keeps, so that a result can be
//! explained and done again (T4). Must not open anything but those files.

use crate::config::{Input, Origin, PathDefinition, Project, StoreKind, What};
use crate::stores::StoreError;

/// The texts of a path, each with its name: `query`, `sql`, `input holdings`, …
///
/// # Errors
/// Class `Usage`: a file cannot be read, or there is no query for the store in force.
pub fn texts(project: &Project, path: &PathDefinition) -> Result<Vec<(String, String)>, StoreError> {
    let mut all = Vec::new();
    let inputs: Vec<&Input> = match &path.origin {
        Origin::Store { store, what } => {
            all.extend(text(project, store, what)?.map(|text| ("query".to_owned(), text)));
            Vec::new()
        }
        Origin::Sql { file, inputs } => {
            all.push(("sql".to_owned(), file.read()?));
            inputs.iter().collect()
        }
        // Arguments and URLs stand in the project file, where their variables are not replaced by secrets.
        Origin::Command { records, reference, .. } | Origin::Http { records, reference, .. } => {
            std::iter::once(records).chain(reference).collect()
        }
    };
    for input in inputs {
        let name = format!("input {}", input.name);
        all.extend(text(project, &input.store, &input.what)?.map(|text| (name, text)));
    }
    Ok(all)
}

fn text(project: &Project, store: &str, what: &What) -> Result<Option<String>, StoreError> {
    let kind: StoreKind = project.store(store)?.kind;
    Ok(match what {
        What::Table(_) => None,
        What::Query(queries) => Some(queries.of(kind)?.read()?),
        What::Pipeline { file, .. } => Some(file.read()?),
    })
}
