//! Where cases go: a new suite or one that is there, written beside it and renamed at the end. Must not overwrite anything.

use std::path::{Path, PathBuf};

use crate::cases::Suite;
use crate::commands::Failure;
use crate::commands::test::passing;

use super::of_run::OfRun;

/// Where the cases go.
pub(super) struct Target {
    pub(super) folder: PathBuf,
    /// The suite that is there.
    pub(super) suite: Option<Suite>,
    /// The project file, as seen from there.
    pub(super) project: String,
}

impl Target {
    /// Looks at the place.
    ///
    /// # Errors
    /// The case is there already, or the folder is no suite of this project and zone.
    pub(super) fn of(folder: &Path, name: &str, of_run: &OfRun) -> Result<Target, Failure> {
        let whole = |path: &Path| {
            let there = std::fs::canonicalize(path).or_else(|_| std::path::absolute(path));
            there.map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
        };
        let folder =
            std::path::absolute(folder).map_err(|error| Failure::usage(format!("{}: {error}", folder.display())))?;
        let file = whole(&of_run.named.project.path)?;
        let shown = folder.display();
        if folder.join(name).exists() {
            return Err(Failure::usage(format!("there is a case {shown}/{name} already: nothing is overwritten"))
                .hint("give it another name: --name NAME"));
        }
        if !folder.join("suite.toml").exists() {
            let there = std::fs::read_dir(&folder).ok().is_some_and(|mut entries| entries.next().is_some());
            if there {
                return Err(Failure::usage(format!("{shown} holds something else than cases: it has no suite.toml"))
                    .hint("name a folder of cases, or one that is not there yet: --out DIR"));
            }
            let parent = folder.parent().unwrap_or(Path::new("/"));
            std::fs::create_dir_all(parent).map_err(|error| unwritable(parent, &error))?;
            let parent = whole(parent)?;
            let folder = folder.file_name().map(|name| parent.join(name)).unwrap_or(folder.clone());
            return Ok(Target { project: relative(&folder, &file), folder, suite: None });
        }
        let folder = whole(&folder)?;
        let suite = Suite::read(&folder)?;
        let other = |what: String| {
            Err(Failure::usage(format!("{shown}/suite.toml: {what}")).hint("give another folder: --out DIR"))
        };
        match &suite.project {
            Some(project) if whole(project).ok().as_ref() != Some(&file) => {
                return other("its cases belong to another project file".to_owned());
            }
            _ => {}
        }
        let zone = |zone: &Option<String>| zone.clone().unwrap_or_else(|| "UTC".to_owned());
        if zone(&suite.timezone) != zone(&of_run.timezone) {
            return other(format!(
                "its timezone is {}, and the run was computed with {}",
                zone(&suite.timezone),
                zone(&of_run.timezone)
            ));
        }
        Ok(Target { project: relative(&folder, &file), folder, suite: Some(suite) })
    }

    /// A folder beside the suite's, so that names in suite.toml mean the same there.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn temporary(&self) -> Result<tempfile::TempDir, Failure> {
        let parent = self.folder.parent().unwrap_or(Path::new("/"));
        let made = tempfile::Builder::new().prefix(".recon-capture-").tempdir_in(parent);
        let made = made.map_err(|error| unwritable(parent, &error))?;
        passing(made.path());
        Ok(made)
    }

    /// Gives what was written its name.
    ///
    /// # Errors
    /// Something is there by now, or it cannot be written.
    pub(super) fn publish(&self, temp: tempfile::TempDir, name: &str) -> Result<(), Failure> {
        let (from, to) = match &self.suite {
            Some(_) => (temp.path().join(name), self.folder.join(name)),
            None => (temp.path().to_owned(), self.folder.clone()),
        };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let _ = std::fs::set_permissions(&from, std::fs::Permissions::from_mode(0o755));
        }
        // A folder that somebody made meanwhile is not replaced: renaming onto one that holds anything fails.
        std::fs::rename(&from, &to).map_err(|error| unwritable(&to, &error))?;
        if self.suite.is_none() {
            let _ = temp.keep();
        }
        Ok(())
    }
}

pub(super) fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::incomplete(format!("{} could not be written: {error}; nothing was captured", path.display()))
        .hint("check that the folder is writable and has room")
}

/// A path as seen from a folder.
fn relative(from: &Path, to: &Path) -> String {
    let (one, other): (Vec<_>, Vec<_>) = (from.components().collect(), to.components().collect());
    let shared = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..".to_owned(), one.len() - shared);
    let down = other[shared..].iter().map(|part| part.as_os_str().to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}
