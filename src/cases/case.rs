//! One case, from its folder or its line. Reads the case's own files; must not run it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::config::{SourceText, did_you_mean};
use crate::domain::Amount;
use crate::path::records_of;
use crate::stores::Settings;

use super::expect::{self, Expect};
use super::raw::{ParamText, RawCase, RawLine, RawLineExpect, RawTables};
use super::schema::{TableSchema, Tables};
use super::suite::{CaseError, Suite};

/// A case, ready to be run.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name: its path below the suite.
    pub name: String,
    /// Where it is written.
    pub place: Place,
    /// Why it exists.
    pub why: String,
    /// What it is about.
    pub tags: Vec<String>,
    /// The reconciliation whose paths are run.
    pub reconciliation: String,
    /// Parameters as `name=value`.
    pub params: Vec<String>,
    /// Share of agreeing records that take the candidate's value, in place of the configured one.
    pub percent: Option<u8>,
    /// Share of discrepant keys above which everything falls back to legacy, in place of the configured one, in percent.
    pub max_discrepancy_rate: Option<Amount>,
    /// Whether every discrepancy blocks.
    pub strict: bool,
    /// Whether a side without records is fine.
    pub allow_empty: bool,
    /// What its stores hold: its own inputs and those of the suite that it does not replace.
    pub inputs: Vec<Input>,
    /// The columns of tables that it declares itself.
    pub tables: Tables,
    /// What it must lead to.
    pub expect: Expect,
}

/// Where a case is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// `case.toml`, or the packed file.
    pub file: PathBuf,
    /// The line of a packed file, from 1.
    pub line: Option<u64>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file.display()),
            None => write!(f, "{}", self.file.display()),
        }
    }
}

/// What a table, collection or file of a store holds.
#[derive(Clone, Debug)]
pub struct Input {
    /// The store.
    pub store: String,
    /// The table, collection or file without its ending.
    pub name: String,
    /// The records.
    pub content: Content,
    /// Tells this content from any other.
    pub id: [u8; 32],
}

/// Records of an input.
#[derive(Clone, Debug)]
pub enum Content {
    /// JSON objects, one a text.
    Lines(Vec<String>),
    /// A file of a kind that recon reads.
    File(PathBuf),
}

/// Kinds of file that an input may be.
const ENDINGS: [&str; 5] = ["csv", "ndjson", "jsonl", "bson", "parquet"];

impl Input {
    fn lines(store: &str, name: &str, lines: Vec<String>) -> Input {
        let mut hash = Sha256::new();
        for line in &lines {
            hash.update(line.as_bytes());
            hash.update(b"\n");
        }
        let (store, name) = (store.to_owned(), name.to_owned());
        Input { store, name, content: Content::Lines(lines), id: hash.finalize().into() }
    }

    fn file(store: &str, name: &str, path: PathBuf) -> Result<Input, CaseError> {
        let unreadable = |error: std::io::Error| CaseError::at(&path, format!("cannot be read: {error}"));
        let bytes = std::fs::read(&path).map_err(unreadable)?;
        let mut hash = Sha256::new();
        hash.update(path.extension().unwrap_or_default().as_encoded_bytes());
        hash.update(&bytes);
        let id = hash.finalize().into();
        Ok(Input { store: store.to_owned(), name: name.to_owned(), content: Content::File(path), id })
    }

    /// Every input below a folder of stores: `STORE/NAME.csv`, `.ndjson`, `.bson`, …
    pub(super) fn below(folder: &Path, is_other: &dyn Fn(&Path) -> bool) -> Result<Vec<Input>, CaseError> {
        let mut all = Vec::new();
        for store in entries(folder)?.into_iter().filter(|path| path.is_dir()) {
            let store_name = file_name(&store)?;
            for path in entries(&store)? {
                if is_other(&path) {
                    continue;
                }
                let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
                if !path.is_file() || !ENDINGS.contains(&ending) {
                    return Err(CaseError::at(&path, "is no input".to_owned())
                        .hint(format!("an input is a file that ends in .{}", ENDINGS.join(", ."))));
                }
                let name = file_name(&path)?;
                let name = name.strip_suffix(&format!(".{ending}")).unwrap_or(&name).to_owned();
                all.push(Input::file(&store_name, &name, path)?);
            }
        }
        if let Some(pair) = twice(&all) {
            return Err(CaseError::at(folder, format!("`{pair}` is there in two files")).hint("keep one of them"));
        }
        Ok(all)
    }
}

fn twice(inputs: &[Input]) -> Option<String> {
    let mut names: Vec<String> = inputs.iter().map(|input| format!("{}/{}", input.store, input.name)).collect();
    names.sort();
    names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone())
}

/// What lies in a folder, by name.
pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>, CaseError> {
    let unreadable = |error: std::io::Error| CaseError::at(folder, format!("cannot be read: {error}"));
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        // What editors and version control leave there is nobody's input.
        if !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
            all.push(path);
        }
    }
    all.sort();
    Ok(all)
}

pub(super) fn file_name(path: &Path) -> Result<String, CaseError> {
    let name = path.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned).ok_or_else(|| CaseError::at(path, "has a name that is not UTF-8".to_owned()))
}

impl Case {
    /// Reads a folder with `case.toml`.
    ///
    /// # Errors
    /// What is wrong with it, with file and line.
    pub fn of_folder(suite: &Suite, name: &str, folder: &Path) -> Result<Case, CaseError> {
        let file = folder.join("case.toml");
        let raw = raw_case(&file)?;
        let place = Place { file: file.clone(), line: None };
        let own = Input::below(folder, &|_| false)?;
        let decisions = read_decisions(&folder.join("decisions.csv"))?;
        let discrepancies = read_discrepancies(&folder.join("discrepancies.ndjson"))?;
        for path in entries(folder)?.iter().filter(|path| path.is_file()) {
            let known = ["case.toml", "decisions.csv", "discrepancies.ndjson"];
            let name = file_name(path)?;
            let is_note = name.to_ascii_lowercase().ends_with(".md");
            if !known.contains(&name.as_str()) && !is_note {
                let hint = did_you_mean(&name, known).unwrap_or_else(|| {
                    "inputs lie in a folder of their store's name: core/transactions.csv".to_owned()
                });
                return Err(CaseError::at(path, "is no file of a case".to_owned()).hint(hint));
            }
        }
        let expect = Expect { verdict: raw.expect.verdict.into(), reason: raw.expect.reason, decisions, discrepancies };
        let common = Common {
            why: raw.why,
            tags: raw.tags,
            reconciliation: raw.reconciliation,
            params: raw.params,
            percent: raw.percent,
            max_discrepancy_rate: raw.max_discrepancy_rate,
        };
        let tables = tables(&raw.tables).map_err(|what| CaseError::at(&file, what))?;
        Case {
            strict: raw.strict,
            allow_empty: raw.allow_empty,
            tables,
            ..common.case(suite, name, place, own, expect)?
        }
        .checked(suite)
    }

    /// Reads a line of a packed file.
    ///
    /// # Errors
    /// What is wrong with it, with file and line.
    pub fn of_line(suite: &Suite, name: &str, place: Place, text: &str) -> Result<Case, CaseError> {
        let raw: RawLine<'_> = serde_json::from_str(text).map_err(|error| CaseError::json(&place, &error))?;
        let expect: RawLineExpect<'_> =
            serde_json::from_str(raw.expect.get()).map_err(|error| CaseError::json(&place, &error))?;
        let expect = Expect::packed(expect).map_err(|what| CaseError::of(&place, what))?;
        let record = |raw: &&RawValue| raw.get().to_owned();
        let own = raw.inputs.0.iter().flat_map(|(store, tables)| {
            tables.0.iter().map(move |(name, rows)| Input::lines(store, name, rows.iter().map(record).collect()))
        });
        let own = own.collect();
        let common = Common {
            why: raw.why,
            tags: raw.tags,
            reconciliation: raw.reconciliation,
            params: raw.params,
            percent: raw.percent,
            max_discrepancy_rate: raw.max_discrepancy_rate,
        };
        Case { strict: raw.strict, allow_empty: raw.allow_empty, ..common.case(suite, name, place, own, expect)? }
            .checked(suite)
    }

    /// The columns of a table, where they are declared.
    pub fn table<'a>(&'a self, suite: &'a Suite, store: &str, name: &str) -> Option<&'a TableSchema> {
        let at = (store.to_owned(), name.to_owned());
        self.tables.get(&at).or_else(|| suite.tables.get(&at))
    }

    fn checked(self, suite: &Suite) -> Result<Case, CaseError> {
        let wrong = |what: &str, hint: &str| Err(CaseError::of(&self.place, what.to_owned()).hint(hint.to_owned()));
        if self.why.trim().is_empty() {
            return wrong(
                "`why` is empty",
                "say in a sentence why this case exists: what broke, or which rule it holds",
            );
        }
        if self.percent.is_some_and(|percent| percent > 100) {
            return wrong(
                "`percent` is above 100",
                "it is the share of agreeing records that take the candidate's value",
            );
        }
        // Inputs become files and tables of these names, in folders of recon's own and nowhere else.
        let inside = |name: &str| {
            let mut parts = std::path::Path::new(name).components();
            matches!((parts.next(), parts.next()), (Some(std::path::Component::Normal(part)), None) if part == name)
        };
        if let Some(input) = self.inputs.iter().find(|input| !inside(&input.store) || !inside(&input.name)) {
            return wrong(
                &format!("an input cannot be named `{}` in the store `{}`", input.name, input.store),
                "it is the name of a table, a collection or a file without its folder and ending",
            );
        }
        if self.inputs.is_empty() && suite.shared.is_empty() {
            return wrong("the case has no input", "a case without a record proves nothing");
        }
        Ok(self)
    }
}

/// What a folder and a line say alike.
struct Common {
    why: String,
    tags: Vec<String>,
    reconciliation: Option<String>,
    params: BTreeMap<String, ParamText>,
    percent: Option<u8>,
    max_discrepancy_rate: Option<String>,
}

impl Common {
    fn case(self, suite: &Suite, name: &str, place: Place, own: Vec<Input>, expect: Expect) -> Result<Case, CaseError> {
        let Some(reconciliation) = self.reconciliation.or_else(|| suite.reconciliation.clone()) else {
            return Err(CaseError::of(
                &place,
                "the case names no `reconciliation`, and neither does its suite".to_owned(),
            )
            .hint("add `reconciliation = \"…\"` to the case or to suite.toml"));
        };
        let rate = self.max_discrepancy_rate.as_deref().map(|text| rate(&place, text)).transpose()?;
        let mut params = suite.params.clone();
        params.extend(self.params.into_iter().map(|(name, value)| (name, value.0)));
        let replaced = |shared: &&Input| !own.iter().any(|one| one.store == shared.store && one.name == shared.name);
        let mut inputs: Vec<Input> = suite.shared.iter().filter(replaced).cloned().collect();
        inputs.extend(own);
        Ok(Case {
            name: name.to_owned(),
            place,
            why: self.why,
            tags: self.tags,
            reconciliation,
            params: params.into_iter().map(|(name, value)| format!("{name}={value}")).collect(),
            percent: self.percent,
            max_discrepancy_rate: rate,
            strict: false,
            allow_empty: false,
            inputs,
            tables: Tables::new(),
            expect,
        })
    }
}

/// A percentage from 0 to 100.
fn rate(place: &Place, text: &str) -> Result<Amount, CaseError> {
    let amount = text.strip_suffix('%').and_then(|digits| Amount::parse(digits.trim_end()).ok());
    let fits = |a: &Amount| a.is_finite() && !a.is_negative() && a.total_cmp(&Amount::new(100, 0)).is_le();
    amount.filter(fits).ok_or_else(|| {
        let what = format!("`max_discrepancy_rate` is `{text}`; write a percentage from \"0%\" to \"100%\"");
        CaseError::of(place, what)
    })
}

/// `case.toml` as it is written.
pub(super) fn raw_case(file: &Path) -> Result<RawCase, CaseError> {
    let text =
        std::fs::read_to_string(file).map_err(|error| CaseError::at(file, format!("cannot be read: {error}")))?;
    let source = SourceText::new(file, text.clone());
    let table = toml::de::DeTable::parse(&text).map_err(|error| CaseError::from(source.reworded(&error)))?;
    RawCase::deserialize(toml::Deserializer::from(table)).map_err(|error| CaseError::from(source.reworded(&error)))
}

/// Declared tables.
pub(super) fn tables(raw: &RawTables) -> Result<Tables, String> {
    let mut all = Tables::new();
    for (store, tables) in raw {
        for (name, table) in tables {
            let schema = TableSchema::parse(&table.columns, &table.key)
                .map_err(|why| format!("[tables.{store}.{name}]: {why}"))?;
            all.insert((store.clone(), name.clone()), schema);
        }
    }
    Ok(all)
}

fn read_decisions(path: &Path) -> Result<Vec<expect::Row>, CaseError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let records = records_of(path, &Settings::default()).map_err(|error| CaseError::store(path, error))?;
    let row =
        |(at, record)| expect::decision(record).map_err(|what| CaseError::at(path, format!("record {at}: {what}")));
    (1..).zip(records).map(row).collect()
}

fn read_discrepancies(path: &Path) -> Result<Vec<serde_json::Value>, CaseError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text =
        std::fs::read_to_string(path).map_err(|error| CaseError::at(path, format!("cannot be read: {error}")))?;
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let one = |(number, line): (u64, &str)| {
        let place = Place { file: path.to_owned(), line: Some(number) };
        expect::discrepancy(line).map_err(|what| CaseError::of(&place, what))
    };
    lines.map(one).collect()
}
