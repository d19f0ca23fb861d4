//! Who may put decisions in the place of a file: `<file>.run`, read and changed by one process at a time; and the names
//! of files. Must not read or write decisions.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::domain::Value;
use crate::stores::StoreError;

/// Longest wait for another process that puts its decisions in place.
const LOCK: Duration = Duration::from_secs(20);

/// Who may put decisions in place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Holder {
    pub cycle: String,
    pub origin: String,
    pub run: String,
    pub attempt: i64,
}

/// The file that says who writes, locked.
pub(super) struct Held {
    file: File,
    path: PathBuf,
}

impl Held {
    /// Waits until no other process is at it.
    ///
    /// # Errors
    /// It cannot be made, or another process holds it for too long.
    pub(super) fn wait(path: &Path) -> Result<Held, StoreError> {
        let failed = |error: io::Error| {
            StoreError::failed(format!("{} cannot be written: {error}", path.display()))
                .hint("decisions are written beside it: check owner and permissions of the folder")
        };
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        let since = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Held { file, path: path.to_owned() }),
                Err(TryLockError::WouldBlock) if since.elapsed() < LOCK => {
                    std::thread::sleep(Duration::from_millis(20))
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(StoreError::failed(format!(
                        "another process holds {} for more than {} s",
                        path.display(),
                        LOCK.as_secs()
                    ))
                    .hint(
                        "it was stopped while it put its decisions in place: let it go on or end it (`fuser` names it)",
                    ));
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
    }

    /// Who it is, if anybody.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn read(&mut self) -> Result<Option<Holder>, StoreError> {
        let mut text = String::new();
        let read = self.file.seek(SeekFrom::Start(0)).and_then(|_| self.file.read_to_string(&mut text));
        read.map_err(|error| self.failed(&error))?;
        // A process that ended in the middle of writing it held nothing yet.
        Ok(serde_json::from_str(&text).ok())
    }

    /// Says who it is from now on.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn write(&mut self, holder: &Holder) -> Result<(), StoreError> {
        let text = serde_json::to_string(holder).map_err(|error| StoreError::failed(error.to_string()))?;
        let written = (self.file.seek(SeekFrom::Start(0)))
            .and_then(|_| self.file.set_len(0))
            .and_then(|()| writeln!(self.file, "{text}"))
            .and_then(|()| self.file.sync_all());
        written.map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &io::Error) -> StoreError {
        StoreError::failed(format!("{} cannot be used: {error}", self.path.display()))
            .hint("decisions are written beside it: check that the folder is writable and has room")
    }
}

/// The name of a file beside it.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// Replaces `{name}` in the file's name by the parameter of that name.
///
/// # Errors
/// Class `Usage`: no such parameter, or its value cannot stand in a name.
pub(super) fn with_params(path: &Path, params: &[(String, Value)]) -> Result<PathBuf, StoreError> {
    let shown = path.display().to_string();
    let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|name| name.contains('{')) else {
        return Ok(path.to_owned());
    };
    let known =
        crate::ledger::CycleKey::new("decisions", params).map_err(|error| StoreError::usage(error.to_string()))?;
    let mut out = String::new();
    let mut rest = name;
    while let Some((before, behind)) = rest.split_once('{') {
        let (wanted, after) = behind.split_once('}').ok_or_else(|| {
            StoreError::usage(format!("`{shown}`: a `{{` without `}}` in the name of the decisions' file"))
        })?;
        let Some((_, value)) = known.params().find(|(name, _)| *name == wanted) else {
            let names = known.params().map(|(name, _)| name).collect::<Vec<_>>().join(", ");
            return Err(StoreError::usage(format!("`{shown}`: there is no parameter `{wanted}`"))
                .hint(format!("the parameters are: {}", if names.is_empty() { "none" } else { &names })));
        };
        if value.is_empty() || value.contains(['/', '\\', '\0']) || value.contains("..") || value.starts_with('.') {
            return Err(StoreError::usage(format!(
                "`{shown}`: the value `{value}` of `{wanted}` cannot stand in the name of a file"
            ))
            .hint("take another parameter into the name of the decisions' file"));
        }
        out.push_str(before);
        out.push_str(value);
        rest = after;
    }
    out.push_str(rest);
    Ok(path.with_file_name(out))
}
