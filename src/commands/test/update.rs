//! Writing changed expectations: the files of a case's folder, or the lines of a packed file, each file as a whole or not
//! at all. Must not touch a case that did not change.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use crate::cases::{Update, rewritten_line, rewritten_toml};
use crate::exit::Exit;
use crate::report::count;
use crate::stores::StoreError;
use crate::stores::bulk::whole_file;

use super::Updated;
use crate::commands::{Failure, print_lines};

/// Writes the expectations; `left` is how many cases did not pass and stay as they are.
///
/// # Errors
/// A file cannot be written, or is not what it was when it was read.
pub(super) fn write(updates: &[Updated], left: u64) -> Result<Exit, Failure> {
    let mut packed: BTreeMap<&Path, BTreeMap<u64, &Update>> = BTreeMap::new();
    for (file, line, update) in updates {
        match line {
            Some(line) => drop(packed.entry(file).or_default().insert(*line, update)),
            None => folder(file, update)?,
        }
    }
    for (file, updates) in packed {
        lines(file, &updates)?;
    }
    let noun = if updates.len() == 1 { "expectation was" } else { "expectations were" };
    print_lines(&[format!(
        "{} {noun} rewritten: look at the change before you commit it",
        count(updates.len() as u64)
    )]);
    if left > 0 {
        let (noun, it) = if left == 1 { ("case stays", "it") } else { ("cases stay", "them") };
        print_lines(&[format!(
            "{} {noun} as before: what could not be verified proves nothing, and a `reason` is changed by hand: see {it} above",
            count(left)
        )]);
    }
    Ok(if left == 0 { Exit::Success } else { Exit::Discrepancies })
}

fn text(path: &Path, text: &str) -> Result<(), StoreError> {
    whole_file(path, |out| {
        out.write_all(text.as_bytes())
            .map_err(|error| StoreError::failed(format!("{} could not be written: {error}", path.display())))
    })
}

fn folder(file: &Path, update: &Update) -> Result<(), Failure> {
    let folder = file.parent().unwrap_or(Path::new(""));
    for (name, new) in [("decisions.csv", &update.decisions), ("discrepancies.ndjson", &update.discrepancies)] {
        let path = folder.join(name);
        match new {
            Some(new) => text(&path, new)?,
            None if path.exists() => std::fs::remove_file(&path)
                .map_err(|error| Failure::incomplete(format!("{} could not be removed: {error}", path.display())))?,
            None => {}
        }
    }
    let changed = || Failure::incomplete(format!("{} changed while its case was run", file.display()));
    let old = std::fs::read_to_string(file).map_err(|_| changed())?;
    let new = rewritten_toml(&old, update.verdict).ok_or_else(changed)?;
    if toml_verdict(&old) != Some(update.verdict.to_owned()) {
        text(file, &new)?;
    }
    Ok(())
}

/// The verdict that stands there: a file whose verdict stays keeps every byte.
fn toml_verdict(text: &str) -> Option<String> {
    let table: toml::Table = text.parse().ok()?;
    Some(table.get("expect")?.get("verdict")?.as_str()?.to_owned())
}

fn lines(file: &Path, updates: &BTreeMap<u64, &Update>) -> Result<(), Failure> {
    let failed = |error: &std::io::Error| StoreError::failed(format!("{}: {error}", file.display()));
    let mut old = BufReader::new(std::fs::File::open(file).map_err(|error| failed(&error))?);
    whole_file(file, |out| {
        let mut line = String::new();
        for number in 1.. {
            line.clear();
            if old.read_line(&mut line).map_err(|error| failed(&error))? == 0 {
                break;
            }
            let new = match updates.get(&number) {
                None => None,
                Some(update) => Some(rewritten_line(&line, &update.packed).ok_or_else(|| {
                    StoreError::failed(format!("{}:{number}: changed while its case was run", file.display()))
                })?),
            };
            out.write_all(new.as_deref().unwrap_or(&line).as_bytes()).map_err(|error| failed(&error))?;
        }
        Ok(())
    })?;
    Ok(())
}
