//! What the tests share: an input of records, a path that asks, and what came of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use recon::domain::Value;
use recon::path::ask::{AskInput, AskSource, CommandSettings};
use recon::stores::csv::CsvSource;
use recon::stores::json_file::JsonSource;
use recon::stores::{ErrorClass, Opened, Settings, Source, StoreError, Wish};

use crate::reading::{read, request};

/// A folder with the files of one test.
pub struct Place(tempfile::TempDir);

impl Place {
    pub fn new() -> Self {
        Place(tempfile::tempdir().expect("a folder"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, text).expect("written");
        path
    }

    /// An input of lines of JSON.
    pub fn ndjson(&self, lines: &str, key: &[&str]) -> AskInput {
        let path = self.write("input.ndjson", lines);
        AskInput::new(
            key,
            Arc::new(move || Ok(Box::new(JsonSource::new(path.clone(), Settings::default())) as Box<dyn Source>)),
        )
    }

    /// An input of CSV.
    pub fn csv(&self, text: &str, key: &[&str]) -> AskInput {
        let path = self.write("input.csv", text);
        AskInput::new(
            key,
            Arc::new(move || Ok(Box::new(CsvSource::new(path.clone(), Settings::default())) as Box<dyn Source>)),
        )
    }

    /// Records `{"id": n, "gross": "n.50"}` of ids from 1.
    pub fn records(&self, count: u64) -> AskInput {
        let lines: String = (1..=count).map(|id| format!("{{\"id\":{id},\"gross\":{id}.50}}\n")).collect();
        self.ndjson(&lines, &["id"])
    }

    /// A program in Python; `work` is called as the file's whole text.
    pub fn python(&self, text: &str) -> CommandSettings {
        let path = self.write("calc.py", text);
        CommandSettings::new(vec!["python3".into(), path.display().to_string()])
    }

    /// A program for the shell.
    pub fn shell(&self, text: &str) -> CommandSettings {
        let path = self.write("calc.sh", text);
        CommandSettings::new(vec!["sh".into(), path.display().to_string()])
    }
}

/// What came of asking.
#[derive(Debug)]
pub struct Came {
    pub opened: Opened,
    /// Key and value of the column `net`, as texts with their types.
    pub rows: Vec<(String, String)>,
    pub end: Result<(), StoreError>,
}

impl Came {
    /// Every key with its value.
    pub fn by_key(&self) -> BTreeMap<String, String> {
        self.rows.iter().cloned().collect()
    }

    /// The keys whose value is unknown.
    pub fn unknown(&self) -> Vec<String> {
        self.rows.iter().filter(|(_, net)| net.starts_with("unknown")).map(|(key, _)| key.clone()).collect()
    }

    /// The error of a side that must have ended with one.
    pub fn error(&self) -> &str {
        let error = self.end.as_ref().expect_err("the side must end with an error");
        assert_eq!(error.class, ErrorClass::Failed);
        &error.what
    }

    /// The reason of an unknown key.
    pub fn reason(&self, key: &str) -> &str {
        let found = self.rows.iter().find(|(k, _)| k == key).unwrap_or_else(|| panic!("no key {key}: {:?}", self.rows));
        found.1.strip_prefix("unknown ").unwrap_or_else(|| panic!("{found:?} is known"))
    }

    /// Asserts that these keys are unknown and the ids from 1 to `count` beside them have their right value.
    pub fn exactly_unknown(&self, count: u64, unknown: &[u64]) {
        let wanted: Vec<String> = unknown.iter().map(u64::to_string).collect();
        assert_eq!(self.unknown(), wanted);
        assert_eq!(self.rows.len() as u64, count);
        for (at, (key, net)) in self.rows.iter().enumerate() {
            assert_eq!(*key, (at + 1).to_string(), "in key order");
            assert!(net == &format!("decimal {key}.50") || wanted.contains(key), "{key}: {net}");
        }
    }
}

pub fn typed(value: &Value) -> String {
    match value {
        Value::Unknown(reason) => format!("unknown {reason}"),
        value => format!("{} {value}", value.type_name()),
    }
}

/// Opens the path and reads `id` and `net`.
pub fn ask(source: &mut AskSource) -> Came {
    let opened = source.open(&Wish::default()).expect("opens");
    let (rows, end) = rows(source, "id");
    Came { opened, rows, end }
}

/// Reads a key column and `net`.
pub fn rows(source: &mut AskSource, key: &str) -> (Vec<(String, String)>, Result<(), StoreError>) {
    let reading = read(source, &request(&[key, "net"], 1));
    let rows = reading.rows.iter().map(|row| (row[0].to_string(), typed(&row[1]))).collect();
    (rows, reading.end.map(|_| ()))
}

/// Opens a path that must be refused.
pub fn refused(source: &mut AskSource, part: &str) -> StoreError {
    let error = source.open(&Wish::default()).expect_err(part);
    assert_eq!(error.class, ErrorClass::Usage, "{error}");
    assert!(error.what.contains(part), "{error}");
    assert!(error.hint.is_some(), "{error}");
    error
}
