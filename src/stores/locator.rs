//! Locators: `mysql://user@host/db#settlement`, `sqlite:shop.db#orders`, `payouts.csv`, … as the user writes them.

use std::path::{Path, PathBuf};

use super::{
    Settings, Source, StoreError, Target, bson_file::BsonSource, csv::CsvSource, json_file::JsonSource,
    mongo::MongoSource, mysql::MySqlSource, parquet::ParquetSource, postgres::PostgresSource, sqlite::SqliteSource,
};

/// A side, found but not opened. Its `Debug` and label hold no secret.
#[derive(Clone)]
pub struct Locator {
    kind: Kind,
    /// URL or path without the fragment.
    address: String,
    target: Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    MySql,
    Postgres,
    Sqlite,
    Mongo,
    Csv,
    Parquet,
    Json,
    Bson,
}

const FILE_KINDS: &str = ".csv, .tsv, .parquet, .ndjson, .jsonl, .bson (text kinds and .bson also as .gz)";

impl Locator {
    /// Reads a locator.
    ///
    /// # Errors
    /// When it names no kind of store or file that recon reads.
    pub fn parse(text: &str) -> Result<Locator, StoreError> {
        let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
        let kind = match scheme {
            "mysql" | "mariadb" => Some(Kind::MySql),
            "postgres" | "postgresql" => Some(Kind::Postgres),
            "sqlite" => Some(Kind::Sqlite),
            "mongodb" | "mongodb+srv" => Some(Kind::Mongo),
            _ => None,
        };
        if let Some(kind) = kind {
            let (address, fragment) = match text.split_once('#') {
                Some((address, fragment)) => (address, Some(decode(fragment))),
                None => (text, None),
            };
            let address = match kind {
                Kind::Sqlite => sqlite_path(address),
                _ => address.to_owned(),
            };
            if kind != Kind::Sqlite && leaks(&address, fragment.as_deref()) {
                return Err(StoreError::usage(format!("the {scheme}:// URL cannot be taken apart: an `@` stands in the wrong place"))
                    .hint("`#`, `/`, `?`, `@` and `:` in a name or password are written percent-encoded: %23, %2F, %3F, %40, %3A"));
            }
            let target = Target { table: fragment.filter(|f| !f.is_empty()), ..Target::default() };
            return Ok(Locator { kind, address, target });
        }
        if text.contains("://") && scheme != "file" {
            return Err(StoreError::usage(format!("`{scheme}://` is not a store that recon reads"))
                .hint("the stores are mysql://, mariadb://, postgres://, mongodb://, mongodb+srv:// and sqlite:"));
        }
        let path = text.strip_prefix("file://").or_else(|| text.strip_prefix("file:")).unwrap_or(text);
        let name = path.to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        let extension = Path::new(name).extension().and_then(|e| e.to_str()).unwrap_or("");
        let kind = match extension {
            "csv" | "tsv" => Kind::Csv,
            "parquet" => Kind::Parquet,
            "ndjson" | "jsonl" | "json" => Kind::Json,
            "bson" => Kind::Bson,
            _ => {
                return Err(StoreError::usage(format!("`{text}` is neither a store URL nor a file of a known kind"))
                    .hint(format!("files are known by their ending: {FILE_KINDS}; a database is given as a URL, e.g. mysql://user@host/db#table")));
            }
        };
        Ok(Locator { kind, address: path.to_owned(), target: Target::default() })
    }

    /// The same store, reading a query or pipeline with these parameters.
    ///
    /// # Errors
    /// When the store cannot take a query, or a table is named besides it.
    pub fn with_query(mut self, query: String) -> Result<Locator, StoreError> {
        match self.kind {
            Kind::MySql | Kind::Postgres | Kind::Sqlite => {
                if let Some(table) = &self.target.table {
                    return Err(StoreError::usage(format!(
                        "both a table (`#{table}`) and a query are given for {}",
                        self.label()
                    ))
                    .hint("a query stands in place of the fragment: leave one of them out"));
                }
            }
            Kind::Mongo => {}
            _ => {
                return Err(StoreError::usage(format!("{} is a file: it takes no query", self.label()))
                    .hint("queries run in databases; `--where` and `--columns` work on files too"));
            }
        }
        self.target.query = Some(query);
        Ok(self)
    }

    /// With the table or collection.
    #[must_use]
    pub fn with_table(mut self, table: String) -> Locator {
        self.target.table = Some(table);
        self
    }

    /// With values for the query's parameters.
    #[must_use]
    pub fn with_params(mut self, params: Vec<(String, crate::domain::Value)>) -> Locator {
        self.target.params = params;
        self
    }

    /// The SQL dialect's name as `recon.toml` spells it, for per-dialect queries.
    pub fn dialect(&self) -> &'static str {
        match self.kind {
            Kind::MySql => "mysql",
            Kind::Postgres => "postgres",
            Kind::Sqlite => "sqlite",
            Kind::Mongo => "mongodb",
            _ => "file",
        }
    }

    /// Whether it is a database (and not a file).
    pub fn is_database(&self) -> bool {
        matches!(self.kind, Kind::MySql | Kind::Postgres | Kind::Sqlite | Kind::Mongo)
    }

    /// Whether it is a Parquet file.
    pub fn is_parquet(&self) -> bool {
        self.kind == Kind::Parquet
    }

    /// The file that is read, if it is one.
    pub fn path(&self) -> Option<&Path> {
        matches!(self.kind, Kind::Sqlite | Kind::Csv | Kind::Parquet | Kind::Json | Kind::Bson)
            .then(|| Path::new(&self.address))
    }

    /// Checks what can be checked without a connection.
    ///
    /// # Errors
    /// A database without table or query.
    pub fn check(&self) -> Result<(), StoreError> {
        if self.is_database() && self.target.table.is_none() && self.target.query.is_none() {
            let what = if self.kind == Kind::Mongo { "collection" } else { "table" };
            return Err(StoreError::usage(format!("{} names no {what}", self.label())).hint(format!(
                "add it as a fragment (`…#{what}`) or give a query with `--legacy-query` / `--candidate-query`"
            )));
        }
        Ok(())
    }

    /// The locator as it may be shown: no password, no connection options.
    pub fn label(&self) -> String {
        let address = match self.kind {
            Kind::MySql | Kind::Postgres | Kind::Mongo => shown_url(&self.address),
            Kind::Sqlite => format!("sqlite:{}", self.address),
            _ => self.address.clone(),
        };
        match (&self.target.query, &self.target.table) {
            (Some(_), Some(table)) => format!("{address}#{table} (query)"),
            (Some(_), None) => format!("{address} (query)"),
            (None, Some(table)) => format!("{address}#{table}"),
            (None, None) => address,
        }
    }

    /// Makes the source that reads it.
    ///
    /// # Errors
    /// When the URL is malformed.
    pub fn source(&self, settings: &Settings) -> Result<Box<dyn Source>, StoreError> {
        let path = || PathBuf::from(&self.address);
        let target = || self.target.clone();
        let url = || self.url();
        let settings = settings.clone();
        Ok(match self.kind {
            Kind::MySql => Box::new(MySqlSource::new(url()?, target(), settings)),
            Kind::Postgres => Box::new(PostgresSource::new(url()?, target(), settings)),
            Kind::Sqlite => Box::new(SqliteSource::new(path(), target(), settings)),
            Kind::Mongo => Box::new(MongoSource::new(self.address.clone(), target(), settings)),
            Kind::Csv => Box::new(CsvSource::new(path(), settings)),
            Kind::Parquet => Box::new(ParquetSource::new(path(), settings)),
            Kind::Json => Box::new(JsonSource::new(path(), settings)),
            Kind::Bson => Box::new(BsonSource::new(path(), settings)),
        })
    }
}

impl Locator {
    /// URL or path as it was given, without the fragment: with its secrets, for the driver alone.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// The table or collection: the fragment.
    pub(crate) fn table(&self) -> Option<&str> {
        self.target.table.as_deref()
    }

    /// The address of a database server.
    ///
    /// # Errors
    /// When it is malformed.
    pub(super) fn url(&self) -> Result<url::Url, StoreError> {
        url::Url::parse(&self.address).map_err(|error| {
            // Where a URL does not parse, nobody can tell which part of it is the password.
            let scheme = self.address.split(':').next().unwrap_or("");
            StoreError::usage(format!("the {scheme}:// URL of this side is not valid: {error}"))
                .hint("special characters in names and passwords are written percent-encoded, e.g. `@` as %40")
        })
    }
}

impl std::fmt::Debug for Locator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Locator({})", self.label())
    }
}

/// `sqlite:shop.db`, `sqlite://shop.db` and `sqlite:///var/shop.db` name a file; options are not taken.
pub(crate) fn sqlite_path(address: &str) -> String {
    let path = address.strip_prefix("sqlite:").unwrap_or(address);
    let path = path.strip_prefix("//").unwrap_or(path);
    decode(path.split('?').next().unwrap_or(path))
}

/// Whether an unescaped `#`, `/` or `?` in a password has torn the URL apart, so that a piece of the password would be
/// taken for a database or table.
fn leaks(address: &str, fragment: Option<&str>) -> bool {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let behind = rest.split_once(['/', '?']).map_or("", |(_, behind)| behind);
    let torn = |text: &str| text.contains('@');
    torn(behind.split('?').next().unwrap_or(""))
        || fragment.is_some_and(torn)
        || (behind.contains('@') && !rest.contains('/'))
}

/// A URL without password and options; hosts may be several, so it is taken apart by hand.
fn shown_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "(a malformed URL)".to_owned() };
    let rest = rest.split('?').next().unwrap_or(rest);
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let authority = match authority.rsplit_once('@') {
        Some((user, hosts)) => format!("{}@{hosts}", user.split(':').next().unwrap_or("")),
        None => authority.to_owned(),
    };
    let path = if path.is_empty() { String::new() } else { format!("/{path}") };
    format!("{scheme}://{authority}{path}")
}

/// Percent-decodes a name; what is no valid escape stays as it is.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match escape.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locators_of_the_contract() {
        let cases = [
            ("mysql://user@host/db#settlement", "mysql://user@host/db#settlement"),
            (
                "postgres://u:secret@h:5432/db?sslmode=require&password=x#schema.table",
                "postgres://u@h:5432/db#schema.table",
            ),
            ("sqlite:shop.db#orders", "sqlite:shop.db#orders"),
            ("sqlite:///var/shop.db#orders", "sqlite:/var/shop.db#orders"),
            ("mongodb://u:p%40ss@a:1,b:2/db?replicaSet=rs#settlement", "mongodb://u@a:1,b:2/db#settlement"),
            ("out/a.csv.gz", "out/a.csv.gz"),
            ("file:data/b.parquet", "data/b.parquet"),
        ];
        for (text, label) in cases {
            let locator = Locator::parse(text).expect(text);
            assert_eq!(locator.label(), label);
            assert!(!format!("{locator:?}").contains("secret"));
        }
    }

    #[test]
    fn what_is_no_locator_is_said_to_be_none() {
        for torn in ["mysql://u:pa#s3cr3t@h:1/x#t", "postgres://u:pa/s3cr3t@h/x#t", "mongodb://u:1#s3cr3t@h/x#t"] {
            let error = Locator::parse(torn).and_then(|l| l.source(&Settings::default()).map(|_| ())).expect_err(torn);
            assert!(!error.to_string().contains("s3cr3t"), "{error}");
        }
        for text in ["orders", "a.txt", "redis://h/1", "http://x/y.csv", ""] {
            assert!(Locator::parse(text).is_err(), "{text}");
        }
        let no_table = Locator::parse("mysql://h/db").expect("parses").check().expect_err("no table");
        assert!(no_table.what.contains("names no table"));
        assert!(Locator::parse("a.csv").expect("file").with_query("SELECT 1".into()).is_err());
        assert!(Locator::parse("mysql://h/d#t").expect("table").with_query("SELECT 1".into()).is_err());
    }
}
