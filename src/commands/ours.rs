//! A report is written under any name, but must not replace what recon works with: a side, a store, the ledger, a query, a
//! check, a case. A new file may go anywhere; what is there already is looked at. Must not write.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::config::{Project, StoreKind};
use crate::stores::sqlite_path;

use super::Failure;

/// Folders beside the project file whose files are no reports.
const FOLDERS: [&str; 2] = ["cases", "checks"];
/// What every SQLite file begins with.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// Refuses a report's name that is taken by something else than a report: by `files`, by a database, or by whatever
/// `project` names.
///
/// # Errors
/// Usage, with what the file is. Incomplete where its folder is not there.
pub(super) fn not_ours<'a>(
    output: &Path,
    project: Option<&Project>,
    files: impl IntoIterator<Item = &'a Path>,
) -> Result<(), Failure> {
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        // Said before hours of work, and before anything is decided.
        let what =
            format!("`--output {}` could not be written: there is no folder {}", output.display(), folder.display());
        return Err(Failure::incomplete(what).hint("make the folder first: nothing was read or decided"));
    }
    let Ok(written) = output.canonicalize() else { return Ok(()) };
    let is_it = |path: &Path| path.canonicalize().is_ok_and(|path| path == written);
    let what = if files.into_iter().any(is_it) {
        Some("a file that recon works with".to_owned())
    } else if begins(&written, SQLITE) {
        Some("a SQLite database".to_owned())
    } else {
        project.and_then(|project| of_project(project, &written))
    };
    match what {
        None => Ok(()),
        Some(what) => Err(Failure::usage(format!("`--output {}` is {what}", output.display()))
            .hint("give the report a name of its own")),
    }
}

fn begins(path: &Path, with: &[u8]) -> bool {
    // A pipe would give up what is in it, or wait for somebody.
    if !path.is_file() {
        return false;
    }
    let mut head = Vec::with_capacity(with.len());
    let read = std::fs::File::open(path).and_then(|file| file.take(with.len() as u64).read_to_end(&mut head));
    read.is_ok() && head == with
}

/// What a file is to the project, if anything.
fn of_project(project: &Project, written: &Path) -> Option<String> {
    let folder = project.folder();
    let is_it = |path: &Path| folder.join(path).canonicalize().is_ok_and(|path| path == written);
    if is_it(&project.path) || project.path.canonicalize().is_ok_and(|path| path == written) {
        return Some("the project file".to_owned());
    }
    if is_it(Path::new(&sqlite_path(project.ledger.expose()))) {
        return Some("the ledger".to_owned());
    }
    if let Some(name) = FOLDERS.iter().find(|name| is_below(written, &folder.join(name))) {
        return Some(format!("in the folder `{name}` of the project"));
    }
    // Whatever the project file names, under any of its profiles: queries, programs, decisions, tables.
    let text = std::fs::read_to_string(&project.path).unwrap_or_default();
    let mut named = Vec::new();
    texts(&toml::Value::Table(text.parse().unwrap_or_default()), &mut named);
    if let Some(name) = named.iter().find(|name| is_it(Path::new(name))) {
        return Some(format!("`{name}`, which the project file names"));
    }
    for store in project.stores.values() {
        let url = store.url.expose();
        match store.kind {
            StoreKind::Sqlite if is_it(Path::new(&sqlite_path(url))) => {
                return Some(format!("the store `{}`", store.name));
            }
            StoreKind::Files => {
                let root = folder.join(url.strip_prefix("file:").unwrap_or(url));
                if named.iter().any(|table| is_table(written, &root, table)) {
                    return Some(format!("a table of the store `{}`", store.name));
                }
            }
            _ => {}
        }
    }
    None
}

fn is_below(path: &Path, folder: &Path) -> bool {
    folder.canonicalize().is_ok_and(|folder| path.starts_with(folder))
}

/// Whether a file is what a table's name, or a pattern, means below a store's folder.
fn is_table(written: &Path, root: &Path, table: &str) -> bool {
    let Ok(root) = root.canonicalize() else { return false };
    let Ok(relative) = written.strip_prefix(&root) else { return false };
    let without_ending = |path: &Path| -> PathBuf {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.with_file_name(name.split('.').next().unwrap_or_default())
    };
    relative == Path::new(table)
        || without_ending(relative) == Path::new(table)
        || glob::Pattern::new(table).is_ok_and(|pattern| table.contains('*') && pattern.matches_path(relative))
}

fn texts(value: &toml::Value, out: &mut Vec<String>) {
    match value {
        toml::Value::String(text) => out.push(text.clone()),
        toml::Value::Array(items) => items.iter().for_each(|item| texts(item, out)),
        toml::Value::Table(entries) => entries.values().for_each(|value| texts(value, out)),
        _ => {}
    }
}
