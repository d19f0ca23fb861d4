//! What every file source needs: opening with clear messages, and noticing that a file changes while it is
//! read. Must not know what is in the files.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{Column, Snapshot, StoreError};

/// Size and time of last change: what tells one state of a file from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileStamp {
    /// Bytes.
    pub len: u64,
    modified: Option<SystemTime>,
}

impl FileStamp {
    /// Takes the stamp of the file that lies at `path` now.
    ///
    /// # Errors
    /// `Usage` when there is no such file or it is not a regular file, `Failed` when it cannot be looked at.
    pub fn of(path: &Path) -> Result<Self, StoreError> {
        let data = std::fs::metadata(path).map_err(|error| refused(path, &error))?;
        regular(path, &data)?;
        Ok(FileStamp { len: data.len(), modified: data.modified().ok() })
    }

    /// Fails when the file is no longer what it was when this stamp was taken.
    ///
    /// # Errors
    /// `Failed`: what was read may be part old and part new.
    pub fn check_unchanged(&self, path: &Path) -> Result<(), StoreError> {
        if FileStamp::of(path).is_ok_and(|now| now == *self) {
            return Ok(());
        }
        Err(StoreError::failed(format!("`{}` changed while it was read", path.display()))
            .hint("wait until it is written completely, or compare a copy"))
    }

    /// The file as a snapshot: as of its last change.
    pub fn snapshot(&self) -> Snapshot {
        let nanos = |time: SystemTime| match time.duration_since(UNIX_EPOCH) {
            Ok(after) => after.as_nanos() as i128,
            Err(before) => -(before.duration().as_nanos() as i128),
        };
        Snapshot { taken_at: self.modified.map(nanos), how: "file".into(), consistent: true }
    }
}

/// Opens a regular file. A pipe is refused: it could not be read a second time, and would look empty.
///
/// # Errors
/// As [`FileStamp::of`].
pub(crate) fn open_file(path: &Path) -> Result<File, StoreError> {
    let looked_at = std::fs::metadata(path).map_err(|error| refused(path, &error))?;
    regular(path, &looked_at)?;
    File::open(path).map_err(|error| refused(path, &error))
}

fn regular(path: &Path, data: &Metadata) -> Result<(), StoreError> {
    if data.is_file() {
        return Ok(());
    }
    let what = if data.is_dir() { "a folder" } else { "not a regular file" };
    Err(StoreError::usage(format!("`{}` is {what}", path.display())).hint("name one file, such as `out/payout.csv`"))
}

fn refused(path: &Path, error: &io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            StoreError::usage(format!("there is no file `{}`", path.display()))
                .hint("a relative name is looked up from the folder that recon runs in")
        }
        io::ErrorKind::PermissionDenied => StoreError::failed(format!("`{}` may not be read: {error}", path.display()))
            .hint("give the account that runs recon the right to read it"),
        _ => StoreError::failed(format!("`{}` cannot be opened: {error}", path.display())),
    }
}

/// Whether the name says that the file is packed.
pub(crate) fn is_gzip(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"))
}

/// A column that was asked for is not there; lists those that are.
pub(crate) fn missing_column(name: &str, path: &Path, columns: &[Column]) -> StoreError {
    const SHOWN: usize = 50;
    let mut names: Vec<&str> = columns.iter().take(SHOWN).map(|c| c.name.as_str()).collect();
    if columns.len() > SHOWN {
        names.push("…");
    }
    StoreError::usage(format!("`{}` has no column `{name}`", path.display()))
        .hint(format!("its columns are {}", names.join(", ")))
}
