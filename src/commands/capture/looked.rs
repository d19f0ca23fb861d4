//! Looking for personal data: parameters, what has no rule, and every file that was written. Messages name fields and files,
//! never a value.

use std::collections::BTreeMap;
use std::path::Path;

use crate::capture::leak::Searcher;
use crate::capture::personal::{self, Looks};
use crate::capture::{Field, Mask, Masked, Masker};
use crate::commands::Failure;
use crate::domain::Value;

use super::NAMED;
use super::case::Proved;
use super::of_run::{OfRun, canonical};
use super::target::unwritable;

/// Parameters and their values.
type Params = BTreeMap<String, String>;

/// Parameters as the case gives them, and those that look personal and have no rule.
///
/// # Errors
/// A mask that a parameter cannot have.
pub(super) fn params(of_run: &OfRun, masker: &mut Masker<'_>) -> Result<(Params, BTreeMap<String, Looks>), Failure> {
    let (mut all, mut suspects) = (BTreeMap::new(), BTreeMap::new());
    for (name, value) in of_run.listed.key.params() {
        let field = Field::alone(name);
        let text = Value::Text { text: value.to_owned(), untyped: false };
        match masker.mask(&field) {
            Some(Mask::Drop) => {
                return Err(Failure::usage(format!("the parameter `{name}` cannot be dropped: both paths need it"))
                    .hint("give it another mask in [capture.mask]"));
            }
            None => {
                if let Some(looks) = personal::looks(name, &text) {
                    suspects.insert(name.to_owned(), looks);
                }
            }
            Some(_) => {}
        }
        // A parameter that is also a value of a masked column is that column's pseudonym.
        let made = match masker.value(&field, &text).map_err(Failure::usage)? {
            Masked::Value(made) if canonical(&made) != canonical(&text) => made.to_string(),
            _ => masker.text(name, value, true).map_err(Failure::usage)?,
        };
        all.insert(name.to_owned(), made);
    }
    Ok((all, suspects))
}

/// A field as messages name it: where documents are kept under somebody's name, it is no part of it.
pub(super) fn told(field: &str, searcher: &Searcher) -> String {
    // Store, table and column or first field are the project's own words.
    let at = field.match_indices('.').nth(2).map_or(field.len(), |(at, _)| at);
    format!("{}{}", &field[..at], searcher.replaced(&field[at..], &|_| Some("*".to_owned())))
}

/// Whether everything that looks personal has a rule.
///
/// # Errors
/// Something has none.
pub(super) fn unruled(suspects: &BTreeMap<String, Looks>, masker: &Masker<'_>) -> Result<(), Failure> {
    if suspects.is_empty() {
        return Ok(());
    }
    let searcher = masker.searcher().map_err(Failure::incomplete)?;
    let suspects: BTreeMap<String, Looks> =
        suspects.iter().map(|(field, looks)| (told(field, &searcher), *looks)).collect();
    let fields: Vec<String> =
        suspects.iter().map(|(field, looks)| format!("{field}, which {}", looks.words())).collect();
    let lines: Vec<String> =
        suspects.iter().map(|(field, looks)| format!("\"{field}\" = \"{}\"", looks.mask(field))).collect();
    Err(Failure::usage(format!("no rule says what becomes of {}; nothing was written", fields.join("; of "))).hint(format!(
        "add to recon.toml, below [capture.mask]: {} (\"keep\" where it is no personal data, \"drop\" where no query needs it)",
        lines.join(", ")
    )))
}

/// Searches everything that was written for every original. In a suite that was `begun` before, its inputs are only beside
/// the case so that it can be run. Gives how many originals cannot be told from the pseudonym of another one.
///
/// # Errors
/// One was found, or a file cannot be read.
pub(super) fn searched(folder: &Path, begun: bool, masker: &Masker<'_>, of_run: &OfRun) -> Result<usize, Failure> {
    let allowed = &of_run.named.project.capture.allow;
    let searcher = Searcher::new(masker.seen(), allowed).map_err(Failure::incomplete)?;
    let names = masker.searcher().map_err(Failure::incomplete)?;
    let mut found: Vec<String> = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let entries = std::fs::read_dir(&next).map_err(|error| unwritable(&next, &error))?;
        for entry in entries {
            let path = entry.map_err(|error| unwritable(&next, &error))?.path();
            let below = path.strip_prefix(folder).unwrap_or(&path);
            let shown = below.display().to_string();
            if path.is_dir() {
                folders.push(path.clone());
            }
            let named = searcher.search(&shown).into_iter();
            found.extend(
                named.map(|leak| format!("a value of {} is the name of a file or folder", told(&leak.field, &names))),
            );
            let own = !(begun && below.starts_with("inputs"));
            if path.is_file() && own {
                let bytes = std::fs::read(&path).map_err(|error| unwritable(&path, &error))?;
                let leaks = searcher.search(&String::from_utf8_lossy(&bytes)).into_iter();
                found.extend(leaks.map(|leak| {
                    format!("a value of {} stands in {shown}, line {}", told(&leak.field, &names), leak.line)
                }));
            }
        }
    }
    if found.is_empty() {
        return Ok(searcher.ambiguous());
    }
    found.sort();
    let more = found.len().saturating_sub(NAMED);
    found.truncate(NAMED);
    found.extend((more > 0).then(|| format!("and {more} more")));
    Err(Failure::usage(format!("values that are masked would still be seen: {}; nothing was written", found.join("; "))).hint(
        "mask the field that holds it there too, or drop it; list the value in `allow` of [capture] when it says nothing about \
         anybody",
    ))
}

/// A name for the folder of one key's case; nothing personal, for the key is masked as the records were.
///
/// # Errors
/// A mask that a part of the key cannot have.
pub(super) fn slug(
    keys: &[Vec<Value>],
    of_run: &OfRun,
    masker: &mut Masker<'_>,
    taken: &[Proved],
) -> Result<String, Failure> {
    let mut parts = Vec::new();
    for key in keys {
        for (name, value) in of_run.key.iter().zip(key) {
            parts.push(masker.text(name, &value.to_string(), true).map_err(Failure::usage)?);
        }
    }
    let plain = |c: char| if c.is_alphanumeric() || "-_".contains(c) { c } else { '-' };
    let mut slug: String = parts.join("-").chars().map(plain).take(60).collect();
    slug = if slug.is_empty() { "key".to_owned() } else { slug };
    let is_taken = |name: &str| taken.iter().any(|one| one.name.rsplit('/').next() == Some(name));
    let mut name = slug.clone();
    let mut number = 2;
    while is_taken(&name) {
        name = format!("{slug}-{number}");
        number += 1;
    }
    Ok(name)
}
