//! What `recon.toml` says about a place, as locators: a table, a query in the store's dialect, a pipeline, one file or
//! several. Must not open anything but query files.

use std::path::{Path, PathBuf};

use crate::config::{ConfigError, Project, Store, StoreKind, What};
use crate::domain::Value;
use crate::stores::{Locator, StoreError};

/// Kinds of file, in the order in which a collection's file is looked for.
const ENDINGS: [&str; 7] = ["bson", "ndjson", "jsonl", "json", "parquet", "csv", "tsv"];

impl From<ConfigError> for StoreError {
    fn from(error: ConfigError) -> Self {
        let usage = StoreError::usage(error.to_string());
        match error.hint {
            Some(hint) => usage.hint(hint),
            None => usage,
        }
    }
}

/// The locators of what a path or an input reads; several only for files.
///
/// # Errors
/// Class `Usage`: the store has no such thing, a query file cannot be read, no file is there.
pub(crate) fn located(
    project: &Project,
    store: &str,
    what: &What,
    params: &[(String, Value)],
) -> Result<Vec<Locator>, StoreError> {
    let store = project.store(store)?;
    let url = store.url.expose();
    if store.kind == StoreKind::Files {
        let folder = Path::new(url.strip_prefix("file:").map_or(url, |path| path.strip_prefix("//").unwrap_or(path)));
        return files(folder, store, what)?.iter().map(|file| Locator::parse(&file.display().to_string())).collect();
    }
    let locator = Locator::parse(url)?;
    let located = match what {
        What::Table(table) => locator.with_table(table.clone()),
        What::Query(queries) => locator.with_query(queries.of(store.kind)?.read()?)?,
        What::Pipeline { collection, file } => locator.with_table(collection.clone()).with_query(file.read()?)?,
    };
    Ok(vec![located.with_params(params.to_vec())])
}

fn files(folder: &Path, store: &Store, what: &What) -> Result<Vec<PathBuf>, StoreError> {
    let name = match what {
        What::Table(name) => name,
        What::Query(_) => {
            return Err(StoreError::usage(format!("store `{}` holds files: it takes no query", store.name))
                .hint("name a file below its folder with `file = \"…\"`"));
        }
        What::Pipeline { collection, .. } => {
            return Err(StoreError::usage(format!(
                "store `{}` holds files: a pipeline cannot run over `{collection}` there",
                store.name
            ))
            .hint(format!(
                "`filter`, `unwind` and `fields` of an input say the same portably: on MongoDB they become a pipeline. Where cases \
                 are run, `--store {}=mongodb://HOST` gives them a real server",
                store.name
            )));
        }
    };
    let path = folder.join(name);
    // A file that has this very name is meant, whatever characters are in it.
    if name.contains(['*', '?', '[']) && !path.exists() {
        return matching(folder, name);
    }
    let lower = name.to_ascii_lowercase();
    let plain = lower.strip_suffix(".gz").unwrap_or(&lower);
    if ENDINGS.iter().any(|ending| plain.ends_with(&format!(".{ending}"))) {
        return Ok(vec![path]);
    }
    // The name of a table or collection: its file is the one of a known kind.
    let candidates = ENDINGS.iter().flat_map(|ending| [format!("{name}.{ending}"), format!("{name}.{ending}.gz")]);
    let found: Vec<PathBuf> = candidates.map(|name| folder.join(name)).filter(|path| path.exists()).collect();
    match found.as_slice() {
        [one] => Ok(vec![one.clone()]),
        [] => Err(StoreError::usage(format!("there is no file of `{name}` in {}", folder.display()))
            .hint(format!("looked for {name}.{}", ENDINGS.join(&format!(", {name}."))))),
        several => Err(StoreError::usage(format!(
            "which file of `{name}` is meant? There are {}",
            several.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
        ))
        .hint("name it with its ending")),
    }
}

/// The files of a pattern, in order of their names.
fn matching(folder: &Path, name: &str) -> Result<Vec<PathBuf>, StoreError> {
    let shown = folder.join(name).display().to_string();
    let escaped = folder.to_str().map(glob::Pattern::escape);
    let escaped = escaped.ok_or_else(|| StoreError::usage(format!("`{shown}` is not UTF-8")))?;
    let pattern = Path::new(&escaped).join(name);
    let paths = glob::glob(&pattern.to_string_lossy())
        .map_err(|error| StoreError::usage(format!("`{shown}` is no pattern of file names: {error}")))?;
    let mut files = Vec::new();
    for path in paths {
        files.push(path.map_err(|error| StoreError::failed(format!("`{shown}` cannot be looked up: {error}")))?);
    }
    files.sort();
    if files.is_empty() {
        return Err(StoreError::usage(format!("no file matches `{shown}`"))
            .hint("an input without any file would make every amount zero: check folder and pattern"));
    }
    Ok(files)
}
