//! `recon checks diff`: between two versions, or the database and the file; and how differences are shown.

use std::io::IsTerminal;

use similar::{ChangeTag, TextDiff};

use crate::checks::{self, CheckRow};
use crate::cli::Global;
use crate::config::Project;
use crate::exit::Exit;
use crate::ledger::{CheckVersion, Ledger};

use super::super::output::color;
use super::super::table::plain;
use super::super::{Failure, print_lines};
use super::files::Files;
use super::{edited, found, versions};

/// Runs the command.
///
/// # Errors
/// There is no such check, version or file, or the ledger cannot be read.
pub(super) fn run(
    global: &Global,
    project: &Project,
    ledger: &mut Ledger,
    name: &str,
    wanted: Option<&[u64]>,
) -> Result<Exit, Failure> {
    let difference = match wanted {
        Some(&[one, other]) => {
            let check = found(ledger, name)?;
            let all = versions(ledger, &check)?;
            let of = |number: u64| {
                all.iter().find(|version| version.version == number).ok_or_else(|| {
                    Failure::usage(format!("there is no version {number} of `{name}`"))
                        .hint(format!("`recon checks history {name}` shows those there are"))
                })
            };
            between(of(one)?, of(other)?)
        }
        _ => {
            let files = Files::read(project)?;
            let file = files.of(name);
            let check = ledger.check(name)?.filter(|check| !check.current.deleted);
            if file.is_none() && check.is_none() {
                found(ledger, name)?;
            }
            let there = check.as_ref().map_or_else(
                || "not in the database".to_owned(),
                |check| format!("database, {}", edited(&check.current)),
            );
            let row = check.as_ref().map(|check| &check.row);
            let shown = file.map_or_else(|| format!("no file in {}", files.folder_shown()), |file| file.shown.clone());
            Difference { from: (there, row.map(text)), to: (shown, file.map(|file| text(&file.file.row))) }
        }
    };
    let lines = difference.lines(colored(global));
    print_lines(&lines);
    Ok(if lines.is_empty() { Exit::Success } else { Exit::Discrepancies })
}

/// Two texts and their titles; `None`: there is none.
pub(super) struct Difference {
    pub(super) from: (String, Option<String>),
    pub(super) to: (String, Option<String>),
}

/// What differs between two versions.
pub(super) fn between(one: &CheckVersion, other: &CheckVersion) -> Difference {
    let side = |version: &CheckVersion| (edited(version), (!version.deleted).then(|| text(&version.row)));
    Difference { from: side(one), to: side(other) }
}

/// A check as the text in which it is shown: its file, without the version.
pub(super) fn text(row: &CheckRow) -> String {
    checks::render(row, None)
}

/// A line of a text: what steers a terminal is written out, but for tabs.
pub(super) fn line(text: &str) -> String {
    text.split('\t').map(plain).collect::<Vec<_>>().join("\t")
}

/// Whether standard output is coloured.
pub(super) fn colored(global: &Global) -> bool {
    color(global, std::io::stdout().is_terminal())
}

impl Difference {
    /// The lines of a unified diff; none when the texts are equal.
    pub(super) fn lines(&self, colored: bool) -> Vec<String> {
        let (from, to) = (self.from.1.as_deref().unwrap_or_default(), self.to.1.as_deref().unwrap_or_default());
        if from == to {
            return Vec::new();
        }
        let paint = |code: &str, line: String| if colored { format!("\x1b[{code}m{line}\x1b[0m") } else { line };
        let diff = TextDiff::from_lines(from, to);
        let mut lines =
            vec![paint("1", format!("--- {}", plain(&self.from.0))), paint("1", format!("+++ {}", plain(&self.to.0)))];
        for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
            lines.push(paint("36", hunk.header().to_string()));
            for change in hunk.iter_changes() {
                let line = line(change.value().strip_suffix('\n').unwrap_or(change.value()));
                lines.push(match change.tag() {
                    ChangeTag::Equal => format!(" {line}"),
                    ChangeTag::Delete => paint("31", format!("-{line}")),
                    ChangeTag::Insert => paint("32", format!("+{line}")),
                });
            }
        }
        lines
    }
}
