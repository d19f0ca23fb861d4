//! `recon checks edit`: the text of a check in an editor, saved only when it is a check, and never over an edit that
//! somebody made meanwhile. What was written is never lost.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::checks::{self, CheckRow, Drift, FileForm, FileVersion, is_faithful, render};
use crate::cli::Global;
use crate::config::Project;
use crate::exit::Exit;
use crate::ledger::Ledger;

use super::super::who::who;
use super::super::{Failure, print_lines};
use super::diff::{Difference, colored, text};
use super::files::parsed;
use super::{TryOut, edited, found, from_now_on, past, validated, versions};

/// What was asked for.
pub(super) struct Edit<'a> {
    pub(super) name: &'a str,
    /// A text that an earlier edit left.
    pub(super) file: Option<&'a Path>,
    pub(super) by: Option<&'a str>,
}

/// Runs the command.
///
/// # Errors
/// There is no such check; what was written is no check, or the editor failed; it was edited meanwhile; or the ledger
/// fails. The text is kept, and its place told.
pub(super) fn run(
    global: &Global,
    project: &Project,
    ledger: &mut Ledger,
    edit: &Edit<'_>,
    try_out: TryOut<'_>,
) -> Result<Exit, Failure> {
    let by = who(edit.by)?;
    let check = found(ledger, edit.name)?;
    let name = check.current.name.clone();
    if check.current.deleted {
        return Err(Failure::usage(format!("the check `{name}` was deleted: {}", edited(&check.current))).hint(
            format!("`recon checks new {name}` begins it anew; `recon checks history {name}` shows what it was"),
        ));
    }
    if !is_faithful(&check.row) {
        let why = checks::Definition::of(&check.row).err().map_or_else(String::new, |why| format!(": {why}"));
        return Err(Failure::usage(format!("`{name}` cannot be shown as a text to edit{why}"))
            .hint("mend the row with plain SQL"));
    }
    let form = FileForm::of(&check.row);
    let seen = check.row.fingerprint();
    let version = FileVersion::of(check.current.version, &check.row.content().hash());
    let original = render(&check.row, Some(&version));
    let mut draft = Draft::of(&name, form, &original, edit.file)?;
    editor(&draft.path())?;
    let written = draft.read()?;
    if written == original {
        draft.drop_it();
        print_lines(&["nothing was changed"]);
        return Ok(Exit::Success);
    }
    let saved = (|| {
        let file = parsed("the text", form, &written)?;
        if file.row.name != name {
            let what = format!("the text names the check `{}`, and `{name}` is edited", file.row.name);
            return Err(Failure::usage(what).hint("a check keeps its name; another begins with `recon checks new`"));
        }
        // An earlier draft may have been made from another version.
        let past = past(&versions(ledger, &check)?);
        if let (Some(_), Drift::Both(_) | Drift::Database(_)) =
            (edit.file, checks::drift(Some(&file), Some(&check.row), &past))
        {
            let what = format!("the check `{name}` was edited since: {}", edited(&check.current));
            return Err(Failure {
                exit: Exit::Refused,
                what,
                hint: Some("put your change into `recon checks edit` anew".into()),
            });
        }
        if file.row == check.row.content() {
            return Ok(None);
        }
        validated(project, &file.row)?;
        try_out(&file.row)?;
        tried(global, project, ledger, &file.row)?;
        let there = format!("database, {}", edited(&check.current));
        let difference =
            Difference { from: (there, Some(text(&check.row))), to: ("edited".to_owned(), Some(text(&file.row))) };
        print_lines(&difference.lines(colored(global)));
        Ok(Some(ledger.save_check(&file.row, &by, Some(&seen))?))
    })();
    match saved {
        Ok(None) => {
            draft.drop_it();
            print_lines(&["nothing was changed"]);
        }
        Ok(Some(version)) if version == check.current.version => {
            draft.drop_it();
            print_lines(&[format!("{name}: saved; what it does is version {version} as before")]);
        }
        Ok(Some(version)) => {
            draft.drop_it();
            let on = from_now_on(project, ledger, &name)?;
            print_lines(&[format!("{name}: saved as version {version}; {on}")]);
        }
        Err(failure) => return Err(draft.keep(&name, failure)),
    }
    Ok(Exit::Success)
}

/// Shows how the edited check judges the last cycle. What cannot even be determined there is not saved.
fn tried(global: &Global, project: &Project, ledger: &mut Ledger, row: &CheckRow) -> Result<(), Failure> {
    let Some((cycle, now)) = super::trial::last(global, project, ledger, row)? else { return Ok(()) };
    let said = if now.message.is_empty() { String::new() } else { format!(": {}", now.message) };
    if now.outcome == "unknown" {
        let what = format!("tried on {cycle} it could not be determined{said}");
        return Err(Failure::usage(what).hint("mend it; `recon checks push` saves a text without trying it"));
    }
    print_lines(&[format!("tried on {cycle}, on the stores as they are now: {}{said}", now.outcome)]);
    Ok(())
}

/// The text that is edited.
enum Draft {
    /// Of this edit; it goes when everything is well.
    Own(Option<tempfile::NamedTempFile>),
    /// Left by an earlier one.
    Earlier(PathBuf),
}

impl Draft {
    fn of(name: &str, form: FileForm, text: &str, file: Option<&Path>) -> Result<Draft, Failure> {
        if let Some(file) = file {
            return match file.is_file() {
                true => Ok(Draft::Earlier(file.to_owned())),
                false => Err(Failure::usage(format!("there is no file {}", file.display()))),
            };
        }
        let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
        let failed = |error: std::io::Error| Failure::incomplete(format!("no temporary file for the text: {error}"));
        let mut made = tempfile::Builder::new()
            .prefix(&format!("recon-{plain}-"))
            .suffix(&format!(".{}", form.ending()))
            .tempfile()
            .map_err(failed)?;
        made.write_all(text.as_bytes()).and_then(|()| made.flush()).map_err(failed)?;
        Ok(Draft::Own(Some(made)))
    }

    fn path(&self) -> PathBuf {
        match self {
            Draft::Own(made) => made.as_ref().map(|made| made.path().to_owned()).unwrap_or_default(),
            Draft::Earlier(path) => path.clone(),
        }
    }

    /// Read by its name: an editor may have put another file in its place.
    fn read(&self) -> Result<String, Failure> {
        let path = self.path();
        std::fs::read_to_string(&path)
            .map_err(|error| Failure::incomplete(format!("the text in {} cannot be read: {error}", path.display())))
    }

    fn drop_it(&mut self) {
        if let Draft::Own(made) = self {
            *made = None;
        }
    }

    /// Leaves the text where it is and tells its place.
    fn keep(&mut self, name: &str, failure: Failure) -> Failure {
        let path = self.path();
        if let Draft::Own(made) = self
            && let Some(Err(error)) = made.take().map(tempfile::NamedTempFile::keep)
        {
            // It cannot be kept there: it must not be lost.
            eprintln!("{error}");
        }
        let kept = format!("nothing was saved; the text is kept: `recon checks edit {name} --file {}`", path.display());
        let hint = failure.hint.map_or_else(|| kept.clone(), |hint| format!("{hint}; {kept}"));
        Failure { hint: Some(hint), ..failure }
    }
}

/// Lets the user edit a file.
fn editor(path: &Path) -> Result<(), Failure> {
    let told = ["VISUAL", "EDITOR"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.trim().is_empty()));
    let editor = told.unwrap_or_else(|| "vi".to_owned());
    // As a shell reads it: it may have options.
    let status = std::process::Command::new("sh")
        .args(["-c", &format!("{editor} \"$1\""), "sh"])
        .arg(path)
        .status()
        .map_err(|error| Failure::incomplete(format!("the editor `{editor}` cannot be started: {error}")))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::incomplete(format!("the editor `{editor}` ended with an error ({status}); nothing was saved"))
        .hint("set EDITOR to another: `EDITOR=nano recon checks edit NAME`"))
}
