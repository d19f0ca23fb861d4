//! Writing many records at once: rows into SQL tables, documents into collections, either into files. What is written
//! is there as a whole or not at all. Must not decide what is written.

mod documents;
mod parquet;
mod sql;
mod statement;

pub use documents::{drop_mongo_database, write_collection, write_ndjson};
pub use parquet::{ParquetColumn, ParquetKind, parquet_into, write_parquet};
pub use sql::SqlWriter;
pub use statement::Refused;

use std::path::Path;

use super::StoreError;

/// Called with the number of records written so far.
pub type Written<'a> = &'a mut dyn FnMut(u64);

/// Writes a file under a temporary name beside it, and gives it its own name when it is complete.
///
/// # Errors
/// The file cannot be written; nothing is left behind then.
pub fn whole_file<T>(
    path: &Path,
    write: impl FnOnce(&mut std::io::BufWriter<&std::fs::File>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    whole_file_when(path, write, || Ok(()))
}

/// As [`whole_file`]; the complete file gets its own name only when `when` agrees.
///
/// # Errors
/// As [`whole_file`] and `when`; nothing is left behind then.
pub fn whole_file_when<T>(
    path: &Path,
    write: impl FnOnce(&mut std::io::BufWriter<&std::fs::File>) -> Result<T, StoreError>,
    when: impl FnOnce() -> Result<(), StoreError>,
) -> Result<T, StoreError> {
    use std::io::Write;
    let failed = |error: &dyn std::fmt::Display| {
        StoreError::failed(format!("{} could not be written: {error}", path.display()))
            .hint("check that the folder exists, is writable and has room")
    };
    let to = std::fs::metadata(path);
    if to.as_ref().is_ok_and(|to| !to.is_file() && !to.is_dir()) {
        // A pipe or a device is written to. To put a file in its place would take it away from everybody else.
        let file = std::fs::OpenOptions::new().write(true).open(path).map_err(|error| failed(&error))?;
        let mut out = std::io::BufWriter::with_capacity(1 << 20, &file);
        let result = write(&mut out)?;
        when()?;
        out.flush().map_err(|error| failed(&error))?;
        return Ok(result);
    }
    // A link stays a link: what it points to is replaced.
    let resolved =
        if path.is_symlink() { path.canonicalize().map_err(|error| failed(&error))? } else { path.to_owned() };
    let path = resolved.as_path();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = tempfile::Builder::new().prefix(".recon-").tempfile_in(folder).map_err(|error| failed(&error))?;
    let mut out = std::io::BufWriter::with_capacity(1 << 20, file.as_file());
    let result = write(&mut out)?;
    out.flush().map_err(|error| failed(&error))?;
    drop(out);
    open_to_others(file.as_file());
    file.as_file().sync_all().map_err(|error| failed(&error))?;
    when()?;
    file.persist(path).map_err(|error| failed(&error))?;
    // That it has its name is on disk only when the folder is; a folder that cannot be opened is no failure.
    if let Ok(folder) = std::fs::File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(result)
}

/// Makes the folder that a file is to be in.
///
/// # Errors
/// It cannot be made.
pub fn make_folder_of(path: &Path) -> Result<(), StoreError> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    std::fs::create_dir_all(folder)
        .map_err(|error| StoreError::failed(format!("the folder {} could not be made: {error}", folder.display())))
}

/// Temporary files are private; what was written is as readable as any file that a program writes.
fn open_to_others(file: &std::fs::File) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let _ = file.set_permissions(std::fs::Permissions::from_mode(0o644));
    }
}
