//! Suites and the way through them: which cases there are below a folder, one after the other, so that fifty thousand of
//! them take no more memory than one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::config::{ConfigError, SourceText, did_you_mean};
use crate::stores::StoreError;

use super::case::{Case, Input, Place, entries, file_name, raw_case, tables};
use super::raw::{RawHead, RawSuite};
use super::schema::{SqliteDecimals, Tables};

/// The ending of packed files.
const PACKED: &str = ".cases.ndjson";

/// A case or suite that cannot be run: what is wrong, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseError {
    /// File and line, and what is wrong there.
    pub what: String,
    /// What to do.
    pub hint: Option<String>,
}

impl CaseError {
    pub(super) fn at(path: &Path, what: String) -> CaseError {
        CaseError { what: format!("{}: {what}", path.display()), hint: None }
    }

    pub(super) fn of(place: &Place, what: String) -> CaseError {
        CaseError { what: format!("{place}: {what}"), hint: None }
    }

    pub(super) fn store(path: &Path, error: StoreError) -> CaseError {
        CaseError { what: format!("{}: {}", path.display(), error.what), hint: error.hint }
    }

    /// serde's words for JSON in those of this tool.
    pub(super) fn json(place: &Place, error: &serde_json::Error) -> CaseError {
        let said = error.to_string();
        let said = said.split(" at line ").next().unwrap_or(&said).to_owned();
        let what = said.replace("unknown field", "unknown key").replace("missing field", "missing key");
        let mut names = what.split('`').skip(1).step_by(2);
        let hint = names.next().filter(|_| what.contains("unknown")).and_then(|wrong| did_you_mean(wrong, names));
        CaseError { hint, ..CaseError::of(place, format!("{what} (column {})", error.column())) }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> CaseError {
        self.hint = Some(hint.into());
        self
    }
}

impl From<ConfigError> for CaseError {
    fn from(error: ConfigError) -> CaseError {
        CaseError { what: error.to_string(), hint: error.hint }
    }
}

/// A folder of cases that share a project and more.
#[derive(Clone, Debug)]
pub struct Suite {
    /// Its folder.
    pub folder: PathBuf,
    /// How it is told from other suites of the same run; empty for the only one.
    pub label: String,
    /// The project file, where the suite names one.
    pub project: Option<PathBuf>,
    /// The project's profile.
    pub profile: Option<String>,
    /// The reconciliation of cases that name none.
    pub reconciliation: Option<String>,
    /// Parameters of cases that give no other.
    pub params: BTreeMap<String, String>,
    /// Whether cases may share a call of a program.
    pub together: bool,
    /// What stands in for decimals in SQLite.
    pub sqlite_decimals: Option<SqliteDecimals>,
    /// Zone of dates and times stored without one.
    pub timezone: Option<String>,
    /// The columns of tables.
    pub tables: Tables,
    /// Inputs of every case that has no other.
    pub shared: Vec<Input>,
}

impl Suite {
    /// Reads `suite.toml` of a folder and the inputs beside it.
    ///
    /// # Errors
    /// What is wrong with it, with file and line.
    pub fn read(folder: &Path) -> Result<Suite, CaseError> {
        let file = folder.join("suite.toml");
        let text =
            std::fs::read_to_string(&file).map_err(|error| CaseError::at(&file, format!("cannot be read: {error}")))?;
        let source = SourceText::new(&file, text.clone());
        let table = toml::de::DeTable::parse(&text).map_err(|error| CaseError::from(source.reworded(&error)))?;
        let raw = RawSuite::deserialize(toml::Deserializer::from(table))
            .map_err(|error| CaseError::from(source.reworded(&error)))?;
        let inputs = folder.join("inputs");
        let shared = if inputs.is_dir() { Input::below(&inputs, &|_| false)? } else { Vec::new() };
        Ok(Suite {
            folder: folder.to_owned(),
            label: String::new(),
            project: raw.project.map(|name| folder.join(name)),
            profile: raw.profile,
            reconciliation: raw.reconciliation,
            params: raw.params.into_iter().map(|(name, value)| (name, value.0)).collect(),
            together: raw.together,
            sqlite_decimals: raw.sqlite_decimals,
            timezone: raw.timezone,
            tables: tables(&raw.tables).map_err(|what| CaseError::at(&file, what))?,
            shared,
        })
    }
}

/// A case that was found, not yet read as a whole.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its suite.
    pub suite: Arc<Suite>,
    /// Its name: its path below the suite.
    pub name: String,
    /// What it is about.
    pub tags: Vec<String>,
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    Folder(PathBuf),
    Line { place: Place, text: String },
}

impl Found {
    /// Reads all of it.
    ///
    /// # Errors
    /// What is wrong with it, with file and line.
    pub fn load(&self) -> Result<Case, CaseError> {
        match &self.source {
            Source::Folder(folder) => Case::of_folder(&self.suite, &self.name, folder),
            Source::Line { place, text } => Case::of_line(&self.suite, &self.name, place.clone(), text),
        }
    }
}

/// In which of `count` shards a case is, from 0: by its name alone.
pub fn shard_of(name: &str, count: u64) -> u64 {
    let hash: [u8; 32] = Sha256::digest(name.as_bytes()).into();
    let [a, b, c, d, e, f, g, h, ..] = hash;
    u64::from_be_bytes([a, b, c, d, e, f, g, h]) % count.max(1)
}

/// Every case below a folder, in the order of their names; the lines of a packed file in theirs.
pub struct Walk {
    steps: std::vec::IntoIter<(Arc<Suite>, Step)>,
    open: Option<Packed>,
    /// The first bytes of every name's hash: a name must not stand twice.
    names: BTreeSet<u128>,
    /// Cases in all.
    pub total: u64,
}

/// A packed file at some line.
struct Packed {
    suite: Arc<Suite>,
    file: PathBuf,
    /// What the names of its cases begin with.
    prefix: String,
    reader: BufReader<File>,
    line: u64,
}

enum Step {
    Folder(PathBuf),
    Packed(PathBuf),
}

impl Walk {
    /// Looks what there is below a folder (or at one packed file).
    ///
    /// # Errors
    /// There is no such folder, no suite, or a suite is wrong.
    pub fn new(at: &Path) -> Result<Walk, CaseError> {
        if !at.exists() {
            return Err(CaseError::at(at, "there is no such folder".to_owned())
                .hint("name the folder of the cases: `recon test DIR`; `recon capture` makes cases of a real run"));
        }
        let own = at.ancestors().find(|folder| folder.join("suite.toml").is_file()).map(Path::to_owned);
        let own = match own {
            None => std::path::absolute(at).ok().and_then(|whole| {
                whole.ancestors().find(|folder| folder.join("suite.toml").is_file()).map(Path::to_owned)
            }),
            found => found,
        };
        let suite = own.as_deref().map(Suite::read).transpose()?.map(Arc::new);
        let mut steps = Vec::new();
        collect(at, at, suite.as_ref(), &mut steps)?;
        let mut total = 0;
        for (_, step) in &steps {
            total += match step {
                Step::Folder(_) => 1,
                Step::Packed(file) => lines_of(file)?,
            };
        }
        Ok(Walk { steps: steps.into_iter(), open: None, names: BTreeSet::new(), total })
    }

    fn step(&mut self) -> Result<Option<Found>, CaseError> {
        loop {
            if let Some(packed) = &mut self.open {
                let mut text = String::new();
                packed.line += 1;
                let place = Place { file: packed.file.clone(), line: Some(packed.line) };
                let taken = packed.reader.read_line(&mut text);
                if taken.map_err(|error| CaseError::of(&place, format!("cannot be read: {error}")))? == 0 {
                    self.open = None;
                    continue;
                }
                if text.trim().is_empty() {
                    continue;
                }
                let head: RawHead = serde_json::from_str(&text).map_err(|error| CaseError::json(&place, &error))?;
                let (suite, name) = (Arc::clone(&packed.suite), format!("{}/{}", packed.prefix, head.name));
                return self
                    .once(Found { suite, name, tags: head.tags, source: Source::Line { place, text } })
                    .map(Some);
            }
            match self.steps.next() {
                None => return Ok(None),
                Some((suite, Step::Folder(folder))) => {
                    let tags = raw_case(&folder.join("case.toml"))?.tags;
                    let name = below(&suite.folder, &folder)?;
                    let name = if name.is_empty() { file_name(&folder)? } else { name };
                    return self.once(Found { suite, name, tags, source: Source::Folder(folder) }).map(Some);
                }
                Some((suite, Step::Packed(file))) => {
                    let reader = File::open(&file).map_err(|e| CaseError::at(&file, format!("cannot be read: {e}")))?;
                    let name = below(&suite.folder, &file)?;
                    let prefix = name.strip_suffix(PACKED).unwrap_or(&name).to_owned();
                    let reader = BufReader::with_capacity(1 << 18, reader);
                    self.open = Some(Packed { suite, file, prefix, reader, line: 0 });
                }
            }
        }
    }

    fn once(&mut self, found: Found) -> Result<Found, CaseError> {
        let hash: [u8; 32] = Sha256::digest(format!("{}\n{}", found.suite.folder.display(), found.name)).into();
        let mut first = [0; 16];
        first.copy_from_slice(&hash[..16]);
        if self.names.insert(u128::from_be_bytes(first)) {
            return Ok(found);
        }
        let place = match &found.source {
            Source::Folder(folder) => folder.display().to_string(),
            Source::Line { place, .. } => place.to_string(),
        };
        Err(CaseError { what: format!("{place}: the name `{}` stands twice", found.name), hint: None }
            .hint("a failure must name one case: give it another name"))
    }
}

impl Iterator for Walk {
    type Item = Result<Found, CaseError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}

/// The path of something below a folder, with `/` between its parts.
fn below(folder: &Path, path: &Path) -> Result<String, CaseError> {
    let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (folder, whole) = (whole(folder), whole(path));
    let rest = whole.strip_prefix(&folder).unwrap_or(&whole);
    let parts: Option<Vec<&str>> = rest.components().map(|part| part.as_os_str().to_str()).collect();
    parts.map(|parts| parts.join("/")).ok_or_else(|| CaseError::at(path, "has a name that is not UTF-8".to_owned()))
}

fn collect(
    root: &Path,
    at: &Path,
    suite: Option<&Arc<Suite>>,
    steps: &mut Vec<(Arc<Suite>, Step)>,
) -> Result<(), CaseError> {
    let needs = |what: &str| {
        CaseError::at(at, format!("{what}, and no suite.toml stands here or above"))
            .hint("a suite says which project its cases belong to: project = \"../recon.toml\"")
    };
    if at.is_file() {
        let suite = suite.ok_or_else(|| needs("is a file of cases"))?;
        if !at.to_string_lossy().ends_with(PACKED) {
            return Err(
                CaseError::at(at, "is no file of cases".to_owned()).hint(format!("packed cases are in NAME{PACKED}"))
            );
        }
        steps.push((Arc::clone(suite), Step::Packed(at.to_owned())));
        return Ok(());
    }
    if at.join("case.toml").is_file() {
        let suite = suite.ok_or_else(|| needs("is a case"))?;
        steps.push((Arc::clone(suite), Step::Folder(at.to_owned())));
        return Ok(());
    }
    let own;
    let suite = match suite {
        _ if at != root && at.join("suite.toml").is_file() => {
            own = Arc::new(Suite { label: below(root, at)?, ..Suite::read(at)? });
            Some(&own)
        }
        suite => suite,
    };
    for path in entries(at)? {
        let name = file_name(&path)?;
        if path.is_dir() {
            // The suite's own inputs are no cases.
            if !(name == "inputs" && at.join("suite.toml").is_file()) {
                collect(root, &path, suite, steps)?;
            }
        } else if name.ends_with(PACKED) {
            collect(root, &path, suite, steps)?;
        } else if suite.is_some() {
            nearly(&path, &name)?;
        }
    }
    Ok(())
}

/// Refuses what looks like cases and is none: nobody would miss what was passed over.
fn nearly(path: &Path, name: &str) -> Result<(), CaseError> {
    let name = name.to_lowercase();
    let plain = name.strip_suffix(".gz").unwrap_or(&name);
    if ["case.toml", "decisions.csv", "discrepancies.ndjson"].contains(&name.as_str()) {
        return Err(CaseError::at(path, "belongs to a case, and its folder has no case.toml".to_owned()).hint(
            "a case is a folder with a file of just that name: it says why the case exists and what is expected",
        ));
    }
    if plain.ends_with(".ndjson") || plain.ends_with(".jsonl") {
        return Err(CaseError::at(path, "is no file of cases".to_owned())
            .hint(format!("packed cases are in NAME{PACKED}, as they are; records of a suite are below `inputs`")));
    }
    Ok(())
}

fn lines_of(file: &Path) -> Result<u64, CaseError> {
    let unreadable = |error: std::io::Error| CaseError::at(file, format!("cannot be read: {error}"));
    let mut reader = BufReader::with_capacity(1 << 18, File::open(file).map_err(unreadable)?);
    let (mut lines, mut text) = (0, Vec::new());
    loop {
        text.clear();
        if reader.read_until(b'\n', &mut text).map_err(unreadable)? == 0 {
            return Ok(lines);
        }
        lines += u64::from(!text.trim_ascii().is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::shard_of;

    #[test]
    fn shards_are_stable_and_about_even() {
        let mut counts = [0; 4];
        for number in 0..10_000 {
            counts[shard_of(&format!("generated/{number}"), 4) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (2_300..2_700).contains(count)), "{counts:?}");
        // A name's shard must not change with a release: CI jobs are laid out by it.
        assert_eq!(["a", "min-fee", "generated/7"].map(|name| shard_of(name, 4)), [2, 3, 0]);
    }
}
