//! One side as the user names it, what is found there, and how recon.toml names it without a password.

use std::path::{Path, PathBuf};

use crate::commands::Failure;
use crate::stores::survey::{self, tables, unique_keys};
use crate::stores::{Column, ColumnKind, Locator, Settings, StoreError, Wish};

use super::{amount, inside};

/// A side.
#[derive(Clone)]
pub(super) struct Side {
    /// `legacy` or `candidate`.
    pub(super) word: &'static str,
    locator: Locator,
    /// The URL before `#`, as it was given, or the path of a file.
    address: String,
    /// The table or collection.
    pub(super) table: Option<String>,
}

/// What was found there.
#[derive(Default)]
pub(super) struct Look {
    /// Columns, or the fields of a sample of documents.
    pub(super) columns: Vec<Column>,
    /// Fields inside documents, by their dotted paths.
    pub(super) inside: Vec<Column>,
    /// Columns that look like amounts, and such fields.
    pub(super) amounts: Vec<String>,
    /// Sets of columns that are unique, the primary key first.
    pub(super) keys: Vec<Vec<String>>,
}

impl Side {
    /// # Errors
    /// It is no locator.
    pub(super) fn parse(word: &'static str, text: &str) -> Result<Side, Failure> {
        let locator = Locator::parse(text).map_err(|error| of_sqlite(text, error))?;
        let (address, table) = match text.split_once('#').filter(|_| locator.is_database()) {
            Some((address, _)) => (address, locator.table().map(str::to_owned)),
            None => (text, None),
        };
        Ok(Side { word, address: address.to_owned(), table, locator })
    }

    pub(super) fn is_complete(&self) -> bool {
        self.table.is_some() || !self.locator.is_database()
    }

    pub(super) fn with_table(self, table: String) -> Side {
        Side { locator: self.locator.with_table(table.clone()), table: Some(table), ..self }
    }

    pub(super) fn tables(&self) -> Result<Vec<String>, Failure> {
        Ok(tables(&self.locator, &Settings::default())?)
    }

    /// Looks at columns and unique keys; reads at most the sample that names a document's fields.
    pub(super) fn look(&self) -> Result<Look, Failure> {
        let settings = Settings { connect_attempts: 1, ..Settings::default() };
        let known = match (&self.table, self.locator.is_database()) {
            (Some(table), true) => unique_keys(&self.locator, table, &settings)?,
            _ => Vec::new(),
        };
        let opened = self.locator.source(&settings)?.open(&Wish::default()).map_err(|error| {
            let mut failure = Failure::from(error);
            failure.what = format!("{} side: {}", self.word, failure.what);
            failure
        })?;
        if opened.columns.is_empty() {
            return Err(Failure::usage(format!(
                "{} side: {} is empty: no column is known",
                self.word,
                self.locator.label()
            ))
            .hint("begin with a table or collection that holds records"));
        }
        let documents: Vec<String> = match opened.fixed_columns {
            true => Vec::new(),
            false => {
                let documents = opened.columns.iter().filter(|column| column.kind == ColumnKind::Document);
                documents.map(|column| column.name.clone()).collect()
            }
        };
        let inside = inside::fields(&self.locator, &settings, &documents)?;
        let decimals = match &self.table {
            Some(table) => decimals(survey::columns(&self.locator, table, &settings)?),
            None => Vec::new(),
        };
        let looks = |column: &&Column| amount::looks(column, decimals.contains(&column.name));
        let amounts = opened.columns.iter().chain(&inside).filter(looks).map(|column| column.name.clone()).collect();
        Ok(Look { columns: opened.columns, inside, amounts, keys: known })
    }

    /// `mysql`, `postgres`, `sqlite`, `mongodb` or `file`.
    pub(super) fn dialect(&self) -> &'static str {
        self.locator.dialect()
    }

    /// A name for what is compared: the table's, without what cannot stand in a bare key.
    pub(super) fn proposed_name(&self) -> String {
        let table = self.table.clone().or_else(|| Some(self.file()?.file_stem()?.to_str()?.to_owned()));
        let table = table.unwrap_or_default();
        let base = table.rsplit('.').next().unwrap_or_default();
        let name: String = base.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        if name.is_empty() { "payout".to_owned() } else { name }
    }

    /// The file, where it is one (a SQLite database is one too).
    pub(super) fn file(&self) -> Option<&Path> {
        self.locator.path()
    }

    /// The store's URL for recon.toml: its password replaced by a variable, files named from the project's folder.
    pub(super) fn url(&self, folder: &Path) -> (String, Option<String>) {
        if let Some(path) = self.file() {
            let path = from_folder(folder, path);
            return match self.locator.is_database() {
                true => (format!("sqlite:{}", path.display()), None),
                false => {
                    let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
                    (format!("file:{}", above.display()), None)
                }
            };
        }
        let variable = format!("RECON_{}_PASSWORD", self.word.to_uppercase());
        match without_password(&self.address, &variable) {
            Some(url) => (url, Some(variable)),
            None => (self.address.clone(), None),
        }
    }
}

/// The columns that are declared as decimals.
fn decimals(declared: Vec<survey::DeclaredColumn>) -> Vec<String> {
    let is_decimal = |column: &survey::DeclaredColumn| {
        let kind = column.kind.to_lowercase();
        ["decimal", "numeric", "money"].iter().any(|word| kind.starts_with(word))
    };
    declared.into_iter().filter(is_decimal).map(|column| column.name).collect()
}

/// A SQLite file that is named like any other file: how it is named here.
fn of_sqlite(text: &str, error: StoreError) -> StoreError {
    use std::io::Read;
    let path = text.split_once('#').map_or(text, |(path, _)| path);
    let mut first = [0; 16];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut first));
    let ending = Path::new(path).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let is_called = ["sqlite", "sqlite3", "db", "db3"].contains(&ending.to_ascii_lowercase().as_str());
    match (read.is_ok() && first == *b"SQLite format 3\0") || (is_called && !text.contains("://")) {
        true => error.hint(format!("a SQLite file is written sqlite:{text}")),
        false => error,
    }
}

/// The path as the project names it: below its folder relative to it, else absolute.
fn from_folder(folder: &Path, path: &Path) -> PathBuf {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (path, folder) = (absolute(path), absolute(folder));
    match path.strip_prefix(&folder) {
        Ok(below) => below.to_owned(),
        Err(_) => path,
    }
}

/// The URL with `${variable}` in the place of its password; `None` when it has none.
fn without_password(url: &str, variable: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (user_info, hosts) = rest[..end].rsplit_once('@')?;
    let (user, _) = user_info.split_once(':')?;
    Some(format!("{scheme}://{user}:${{{variable}}}@{hosts}{}", &rest[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_stay_out_of_the_project() {
        let without = |url| without_password(url, "P");
        assert_eq!(
            without("mysql://u:s3cr3t@h:1/db?ssl-mode=required").as_deref(),
            Some("mysql://u:${P}@h:1/db?ssl-mode=required")
        );
        assert_eq!(without("mongodb://u:s@a:1,b:2/db").as_deref(), Some("mongodb://u:${P}@a:1,b:2/db"));
        assert_eq!(without("mysql://u@h/db"), None);
        assert_eq!(without("mysql://h/db"), None);
    }

    #[test]
    fn files_are_named_from_the_project() {
        let side = |text: &str, folder: &str| Side::parse("legacy", text).expect("a side").url(Path::new(folder)).0;
        assert_eq!(side("sqlite:/p/shop.db#t", "/p"), "sqlite:shop.db");
        assert_eq!(side("/p/data/a.csv", "/p"), "file:data");
        assert_eq!(side("/p/a.csv", "/p"), "file:.");
        assert_eq!(side("/q/a.csv", "/p"), "file:/q");
    }
}
