//! Writing many records at once: rows into SQL tables, documents into collections, either into files. What is written
//! is there as a whole or not at all. Must not decide what is written.

mod documents;
mod parquet;
mod sql;

pub use documents::{write_collection, write_ndjson};
pub use parquet::{ParquetColumn, ParquetKind, write_parquet};
pub use sql::SqlWriter;

use std::path::Path;

use super::StoreError;

/// Called with the number of records written so far.
pub type Written<'a> = &'a mut dyn FnMut(u64);

/// Writes a file under a temporary name beside it, and gives it its own name when it is complete.
pub(crate) fn whole_file<T>(
    path: &Path,
    write: impl FnOnce(&mut std::io::BufWriter<&std::fs::File>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    use std::io::Write;
    let failed = |error: &dyn std::fmt::Display| {
        StoreError::failed(format!("{} could not be written: {error}", path.display()))
            .hint("check the folder, its rights and the free space")
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    let file = tempfile::Builder::new().prefix(".recon-").tempfile_in(folder).map_err(|error| failed(&error))?;
    let mut out = std::io::BufWriter::with_capacity(1 << 20, file.as_file());
    let result = write(&mut out)?;
    out.flush().map_err(|error| failed(&error))?;
    drop(out);
    file.persist(path).map_err(|error| failed(&error))?;
    Ok(result)
}
