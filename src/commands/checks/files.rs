//! The files of checks, in `checks/` beside recon.toml. Must not compare them with the database.

use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::checks::{self, CheckFile, CheckRow, FileForm};
use crate::config::{Project, did_you_mean};
use crate::stores::StoreError;
use crate::stores::bulk::whole_file;

use super::super::Failure;

/// What stands in a file's name as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// One file.
pub(super) struct Found {
    path: PathBuf,
    /// As it is named to people: from the project's folder on.
    pub(super) shown: String,
    pub(super) form: FileForm,
    pub(super) text: String,
    pub(super) file: CheckFile,
}

/// Every file of checks.
pub(super) struct Files {
    project: PathBuf,
    folder: PathBuf,
    all: Vec<Found>,
}

impl Files {
    /// Reads them all, also those in folders below.
    ///
    /// # Errors
    /// A file that is no check, or two of the same check (exit 2); one that cannot be read (exit 3).
    pub(super) fn read(project: &Project) -> Result<Files, Failure> {
        let project = project.folder().to_owned();
        let folder = project.join("checks");
        let mut files = Files { folder, project, all: Vec::new() };
        let mut wrong: Vec<Failure> = Vec::new();
        for (path, form) in listed(&files.folder)? {
            match files.one(&path, form) {
                Ok(found) => match files.of(&found.file.row.name) {
                    Some(other) => wrong.push(Failure::usage(format!(
                        "{} and {} are both of the check `{}`",
                        other.shown, found.shown, found.file.row.name
                    ))),
                    None => files.all.push(found),
                },
                Err(failure) => wrong.push(failure),
            }
        }
        match together(wrong) {
            Some(failure) => Err(failure),
            None => Ok(files),
        }
    }

    fn one(&self, path: &Path, form: FileForm) -> Result<Found, Failure> {
        let shown = self.shown(path);
        let bytes =
            std::fs::read(path).map_err(|error| Failure::incomplete(format!("{shown} cannot be read: {error}")))?;
        let text = String::from_utf8(bytes).map_err(|_| Failure::usage(format!("{shown} is no UTF-8 text")))?;
        let file = parsed(&shown, form, &text)?;
        Ok(Found { path: path.to_owned(), shown, form, text, file })
    }

    fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.project).unwrap_or(path).display().to_string()
    }

    /// The folder, as it is named to people.
    pub(super) fn folder_shown(&self) -> String {
        self.shown(&self.folder)
    }

    pub(super) fn of(&self, name: &str) -> Option<&Found> {
        self.all.iter().find(|found| found.file.row.name == name)
    }

    /// Every file, or those of some checks.
    ///
    /// # Errors
    /// There is none of a name (exit 2).
    pub(super) fn chosen(&self, names: &[String]) -> Result<Vec<&Found>, Failure> {
        if names.is_empty() {
            return Ok(self.all.iter().collect());
        }
        let one = |name: &String| {
            self.of(name).ok_or_else(|| {
                let near = did_you_mean(name, self.all.iter().map(|found| found.file.row.name.as_str()));
                let hint = near.unwrap_or_else(|| "`recon checks pull` writes those of the database".to_owned());
                Failure::usage(format!("no file in {} is of the check `{name}`", self.folder_shown())).hint(hint)
            })
        };
        names.iter().map(one).collect()
    }

    /// Where the file of a check is, or is to be; and how that is named to people.
    pub(super) fn place(&self, row: &CheckRow) -> (PathBuf, String) {
        let form = FileForm::of(row);
        let path = match self.of(&row.name).filter(|found| found.form == form) {
            Some(found) => found.path.clone(),
            None => {
                let mut stem = utf8_percent_encode(&row.name, PLAIN).to_string();
                if stem.starts_with('.') {
                    stem.replace_range(..1, "%2E");
                }
                self.folder.join(format!("{stem}.{}", form.ending()))
            }
        };
        let shown = self.shown(&path);
        (path, shown)
    }

    /// Writes the file of a check; gives how it is named to people.
    ///
    /// # Errors
    /// It stands where another file is (exit 2), or cannot be written (exit 3).
    pub(super) fn write(&self, row: &CheckRow, text: &str) -> Result<String, Failure> {
        let (path, shown) = self.place(row);
        let before = self.of(&row.name);
        if before.is_none_or(|before| before.path != path) && path.exists() {
            return Err(Failure::usage(format!("{shown} is there already, and is of another check")).hint("rename it"));
        }
        std::fs::create_dir_all(&self.folder)
            .map_err(|error| Failure::incomplete(format!("{} cannot be made: {error}", self.folder_shown())))?;
        write(&path, text)?;
        // A check that has become one of another kind has another form of file.
        if let Some(before) = before.filter(|before| before.path != path) {
            std::fs::remove_file(&before.path)
                .map_err(|error| Failure::incomplete(format!("{} cannot be removed: {error}", before.shown)))?;
        }
        Ok(shown)
    }
}

impl Found {
    /// Notes the version that the file now is, where it names one.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn note(&self, version: &checks::FileVersion) -> Result<(), Failure> {
        let text = checks::with_version(self.form, &self.text, version);
        if text == self.text { Ok(()) } else { write(&self.path, &text) }
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    use std::io::Write;
    Ok(whole_file(path, |out| {
        out.write_all(text.as_bytes())
            .map_err(|error| StoreError::failed(format!("{} cannot be written: {error}", path.display())))
    })?)
}

/// A file's text, understood.
///
/// # Errors
/// It is no check (exit 2).
pub(super) fn parsed(shown: &str, form: FileForm, text: &str) -> Result<CheckFile, Failure> {
    checks::parse(form, text).map_err(|error| {
        let failure = Failure::usage(format!("{shown}, {error}"));
        match error.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })
}

/// Several failures as one, with the first one's hint.
pub(super) fn together(mut all: Vec<Failure>) -> Option<Failure> {
    if all.len() < 2 {
        return all.pop();
    }
    let what = all.iter().map(|failure| failure.what.as_str()).collect::<Vec<_>>().join("\n       ");
    let first = all.swap_remove(0);
    Some(Failure { what, ..first })
}

/// The files below a folder, in the order of their names.
fn listed(folder: &Path) -> Result<Vec<(PathBuf, FileForm)>, Failure> {
    let pattern = format!("{}/**/*", glob::Pattern::escape(&folder.display().to_string()));
    let failed = |error: String| Failure::incomplete(format!("{} cannot be read: {error}", folder.display()));
    let mut all = Vec::new();
    for path in glob::glob(&pattern).map_err(|error| failed(error.to_string()))? {
        let path = path.map_err(|error| failed(error.to_string()))?;
        let form = path.extension().and_then(|ending| FileForm::of_ending(ending.to_str()?));
        if let Some(form) = form.filter(|_| path.is_file()) {
            all.push((path, form));
        }
    }
    Ok(all)
}
