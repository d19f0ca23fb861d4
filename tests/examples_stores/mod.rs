//! The examples' tables in real stores, and their legacy SQL read from there as the program reads it.
#![allow(dead_code, clippy::expect_used, clippy::panic)]

use std::path::Path;

use recon::domain::{Value, parse_date};
use recon::examples::{Example, Scale};
use recon::stores::mysql::MySqlSource;
use recon::stores::sql::Dialect;
use recon::stores::sqlite::SqliteSource;
use recon::stores::{Settings, Source, Target};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

use crate::sides::{open, read, request};
use crate::third::{Ratio, Results};

/// The statements that make and fill an example's tables.
pub fn statements(example: &dyn Example, scale: Scale, dialect: Dialect) -> Vec<String> {
    let mut statements = Vec::new();
    for table in example.tables(scale) {
        statements.push(table.create(dialect));
        let literal = |value: Value| match value {
            Value::Null => "NULL".to_owned(),
            Value::Number { amount, .. } => amount.to_string(),
            Value::Instant { .. } if dialect == Dialect::Postgres => dialect.text(&value.to_string()),
            Value::Instant { .. } => dialect.text(value.to_string().replace('T', " ").trim_end_matches('Z')),
            Value::Text { .. } | Value::Date(_) => dialect.text(&value.to_string()),
            other => panic!("{other:?} in {}", table.name),
        };
        let mut rows = table.rows().peekable();
        while rows.peek().is_some() {
            let row = |row: Vec<Value>| {
                assert_eq!(row.len(), table.columns.len(), "{}", table.name);
                let stored = table.columns.iter().zip(row).map(|(column, v)| literal(column.stored(dialect, v)));
                format!("({})", stored.collect::<Vec<_>>().join(","))
            };
            let rows: Vec<String> = rows.by_ref().take(500).map(row).collect();
            statements.push(format!("INSERT INTO {} VALUES {}", dialect.table(table.name), rows.join(",")));
        }
        statements.extend(table.create_indexes(dialect));
    }
    statements
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

pub fn fill_sqlite(path: &Path, example: &dyn Example, scale: Scale) {
    block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
        let mut connection = options.connect().await.expect("connects");
        connection.execute("BEGIN").await.expect("begins");
        for statement in statements(example, scale, Dialect::Sqlite) {
            connection.execute(AssertSqlSafe(statement.clone())).await.expect(&statement);
        }
        connection.execute("COMMIT").await.expect("commits");
        connection.close().await.expect("closes");
    });
}

fn params(example: &dyn Example) -> Vec<(String, Value)> {
    let value = |text: &str| match parse_date(text) {
        Some(days) => Value::Date(days),
        None => Value::Text { text: text.into(), untyped: false },
    };
    example.params().iter().map(|(name, text)| ((*name).to_owned(), value(text))).collect()
}

fn results(source: &mut dyn Source, key: &[&str], columns: &[&str]) -> Results {
    let opened = open(source);
    let names: Vec<&str> = opened.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, [key, columns].concat(), "a query gives its key and its columns, in order");
    let rows = read(source, &request(&names, key.len())).expect("reads");
    let mut results = Results::new();
    for row in rows {
        let shown: Vec<String> = row
            .iter()
            // SQLite has no decimals: amounts with a fraction come as text.
            .map(|v| v.amount().map_or(v.to_string(), |a| Ratio::parse(&a.to_string()).show()))
            .collect();
        let values = columns.iter().map(|c| (*c).to_owned()).zip(shown[key.len()..].iter().cloned()).collect();
        assert!(results.insert(shown[..key.len()].to_vec(), values).is_none(), "twice: {row:?}");
    }
    results
}

/// What the legacy SQL gives over the file.
pub fn sqlite(path: &Path, example: &dyn Example, sql: &str, key: &[&str], columns: &[&str]) -> Results {
    let target = Target { query: Some(file(example, sql)), table: None, params: params(example) };
    results(&mut SqliteSource::new(path.into(), target, Settings::default()), key, columns)
}

/// A database on a test server with the example's tables, gone when the test ends.
pub struct ServerDatabase {
    kind: &'static str,
    name: String,
}

impl ServerDatabase {
    /// `kind` is `MYSQL` or `POSTGRES`.
    pub fn filled(kind: &'static str, example: &dyn Example, scale: Scale) -> ServerDatabase {
        let database = ServerDatabase { kind, name: crate::support::unique_name("examples") };
        let server = crate::support::server_url(kind);
        crate::support::run_sql(&server, &format!("CREATE DATABASE {}", database.name));
        let dialect = if kind == "MYSQL" { Dialect::MySql } else { Dialect::Postgres };
        crate::support::run_sql(&database.url(), &statements(example, scale, dialect).join(";\n"));
        database
    }

    pub fn url(&self) -> String {
        crate::support::database_url(self.kind, &self.name)
    }
}

impl Drop for ServerDatabase {
    fn drop(&mut self) {
        crate::support::run_sql(&crate::support::server_url(self.kind), &format!("DROP DATABASE {}", self.name));
    }
}

/// What the legacy SQL gives over a filled database on the test server.
pub fn mysql(example: &dyn Example, scale: Scale, queries: &[(&str, &[&str], &[&str])]) -> Vec<Results> {
    let database = ServerDatabase::filled("MYSQL", example, scale);
    let url = url::Url::parse(&database.url()).expect("a URL");
    let read = |(sql, key, columns): &(&str, &[&str], &[&str])| {
        let target = Target { query: Some(file(example, sql)), table: None, params: params(example) };
        results(&mut MySqlSource::new(url.clone(), target, Settings::default()), key, columns)
    };
    queries.iter().map(read).collect()
}

/// A file of the example's project.
pub fn file(example: &dyn Example, name: &str) -> String {
    let found = example.project().iter().find(|f| f.name == name);
    found.unwrap_or_else(|| panic!("no {name} in {}", example.name())).text.to_owned()
}

/// The lines of a `quirks.csv`: reconciliation, key, column, kind, legacy, candidate.
pub fn quirks(csv: &str) -> Vec<[String; 6]> {
    let line = |line: &str| {
        let fields: Vec<String> = line.splitn(7, ',').map(str::to_owned).collect();
        assert_eq!(fields.len(), 7, "{line}");
        assert!(!fields[6].is_empty(), "a quirk says why: {line}");
        std::array::from_fn(|at| fields[at].clone())
    };
    csv.lines().skip(1).map(line).collect()
}

/// Every difference of two results, in the form of `quirks`.
pub fn differences(reconciliation: &str, legacy: &Results, candidate: &Results) -> Vec<[String; 6]> {
    let mut found = Vec::new();
    let mut keys: Vec<&Vec<String>> = legacy.keys().chain(candidate.keys()).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        let line = |column: &str, kind: &str, legacy: &str, candidate: &str| {
            [reconciliation, &key.join("|"), column, kind, legacy, candidate].map(str::to_owned)
        };
        match (legacy.get(key), candidate.get(key)) {
            (Some(_), None) => found.push(line("", "legacy_only", "", "")),
            (None, Some(_)) => found.push(line("", "candidate_only", "", "")),
            (Some(left), Some(right)) => {
                for (column, value) in left {
                    if right[column] != *value {
                        found.push(line(column, "mismatch", value, &right[column]));
                    }
                }
            }
            (None, None) => {}
        }
    }
    found.sort();
    found
}

/// The planted discrepancies in the form of keys and kinds, against what was found; columns that must differ do.
pub fn check_planted(example: &dyn Example, scale: Scale, reconciliation: &str, found: &[[String; 6]]) {
    let planted: Vec<_> = example.planted(scale).into_iter().filter(|p| p.reconciliation == reconciliation).collect();
    let mut expected: Vec<(String, &str)> = planted.iter().map(|p| (p.key.join("|"), p.kind.name())).collect();
    let mut seen: Vec<(String, &str)> = found.iter().map(|f| (f[1].clone(), f[3].as_str())).collect();
    expected.sort();
    seen.sort();
    seen.dedup();
    assert_eq!(seen, expected, "{} {scale:?}", example.name());
    for p in planted {
        for column in &p.columns {
            assert!(found.iter().any(|f| f[1] == p.key.join("|") && f[2] == *column), "{p:?}: {column} agrees");
        }
    }
}
