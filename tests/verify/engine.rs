//! One project on each engine: legacy, decisions and ledger in a SQL store, the candidate in documents.

use serde_json::Value as Json;
use sqlx::{Column, Connection, Row};

use crate::support::{Outcome, Place, database_url, run_sql, server_url, sqlite, unique_name};

/// The SQL stores that hold legacy, decisions and ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    MariaDb,
    Postgres,
}

impl Engine {
    pub const ALL: [Engine; 3] = [Engine::Sqlite, Engine::MariaDb, Engine::Postgres];
}

/// A project in a place of its own, and its store.
pub struct Project {
    pub place: Place,
    pub url: String,
    engine: Engine,
}

const PROJECT: &str = r#"
[stores.core]
url = "${CORE}"
[stores.lake]
url = "file:lake"
[ledger]
url = "${CORE}"

[reconciliation.payout]
key = ["id"]
params = { day = "date" }
[reconciliation.payout.columns]
net = { type = "decimal", tolerance = "0.01", currency = "KRW" }
fee = { type = "decimal" }
[reconciliation.payout.legacy]
store = "core"
query = "legacy.sql"
[reconciliation.payout.candidate]
store = "lake"
file = "candidate.ndjson"
[reconciliation.payout.decisions]
store = "core"
table = "payout_decision"
"#;

impl Project {
    /// A project with these legacy rows (`id, net, fee` as SQL literals) and candidate documents (lines of JSON).
    pub fn new(engine: Engine, legacy: &[&str], candidate: &[&str]) -> Project {
        let name = unique_name("verify");
        let url = match engine {
            Engine::Sqlite => None,
            Engine::MariaDb => {
                run_sql(&server_url("MYSQL"), &format!("CREATE DATABASE {name}"));
                Some(database_url("MYSQL", &name))
            }
            Engine::Postgres => {
                run_sql(&format!("{}/postgres", server_url("POSTGRES")), &format!("CREATE DATABASE {name}"));
                Some(database_url("POSTGRES", &name))
            }
        };
        Project::at(engine, url, legacy, candidate)
    }

    /// A project whose store is an empty database at this URL; a SQLite file of its own without one.
    pub fn at(engine: Engine, url: Option<String>, legacy: &[&str], candidate: &[&str]) -> Project {
        let place = Place::new();
        let url = url.unwrap_or_else(|| format!("sqlite:{}", place.path().join("core.db").display()));
        let project = Project { place: place.env("CORE", &url).env("RECON_USER", "kim"), url, engine };
        project.place.write("recon.toml", PROJECT);
        project.place.write("legacy.sql", "SELECT id, net, fee FROM payout WHERE paid_on = :day\n");
        // Amounts as text, so that one of them can be none.
        project.run("CREATE TABLE payout (id BIGINT, net VARCHAR(40), fee VARCHAR(40), paid_on DATE)");
        project.legacy(legacy);
        project.candidate(candidate);
        project
    }

    /// Replaces the legacy rows.
    pub fn legacy(&self, rows: &[&str]) {
        self.run("DELETE FROM payout");
        if !rows.is_empty() {
            let rows: Vec<String> = rows.iter().map(|row| format!("({row}, '2026-11-13')")).collect();
            self.run(&format!("INSERT INTO payout VALUES {}", rows.join(", ")));
        }
    }

    /// Replaces the candidate's documents.
    pub fn candidate(&self, lines: &[&str]) {
        self.place.write("lake/candidate.ndjson", lines.join("\n") + "\n");
    }

    /// Adds to the project file.
    pub fn configure(&self, more: &str) {
        self.place.write("recon.toml", format!("{PROJECT}\n{more}"));
    }

    /// Replaces something in the project file.
    pub fn replace(&self, what: &str, with: &str) {
        let text = self.place.read("recon.toml");
        assert!(text.contains(what), "{what}");
        self.place.write("recon.toml", text.replace(what, with));
    }

    /// Runs SQL in the store.
    pub fn run(&self, sql: &str) {
        match self.engine {
            Engine::Sqlite => sqlite(&self.place.path().join("core.db"), sql),
            _ => run_sql(&self.url, sql),
        }
    }

    /// Runs `recon verify payout` for the day.
    pub fn verify(&self, more: &[&str]) -> Outcome {
        self.recon(&[&["verify"], more].concat())
    }

    /// Runs a command for the day: the first argument is the command, the rest follows the cycle.
    pub fn recon(&self, arguments: &[&str]) -> Outcome {
        let (command, more) = arguments.split_first().expect("a command");
        self.place.recon(&[&[*command, "payout", "--param", "day=2026-11-13"], more].concat())
    }

    /// The report of a verification, and its exit code.
    pub fn report(&self, more: &[&str]) -> (Json, Option<i32>) {
        let outcome = self.verify(&[&["--format", "json"], more].concat());
        let json = serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome}"));
        (json, outcome.code)
    }

    /// What a query of the store gives, every value as text.
    pub fn rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        rows_at(&self.url, sql)
    }

    /// The decisions in a table or view: id, net, fee, source, reason; amounts without trailing zeros.
    pub fn decisions(&self, table: &str) -> Vec<String> {
        let kind = if self.engine == Engine::MariaDb { "CHAR" } else { "TEXT" };
        let sql = format!(
            "SELECT CAST(id AS {kind}), CAST(net AS {kind}), CAST(fee AS {kind}), recon_source, recon_reason \
             FROM {table} ORDER BY id"
        );
        let plain = |value: &Option<String>| match value {
            None => "NULL".to_owned(),
            Some(text) if text.contains('.') => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            Some(text) => text.clone(),
        };
        self.rows(&sql).iter().map(|row| row.iter().map(plain).collect::<Vec<_>>().join(" ")).collect()
    }
}

/// What a query of the database at a URL gives, every value as text.
pub fn rows_at(url: &str, sql: &str) -> Vec<Vec<Option<String>>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let query = sqlx::AssertSqlSafe(sql);
    macro_rules! texts {
        ($connection:expr) => {{
            let rows = sqlx::query(query).fetch_all(&mut $connection).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
            let text = |row: &_, at| text_of(row, at);
            rows.iter().map(|row| (0..row.columns().len()).map(|at| text(row, at)).collect()).collect()
        }};
    }
    runtime.block_on(async {
        match url.split(':').next() {
            Some("sqlite") => {
                fn text_of(row: &sqlx::sqlite::SqliteRow, at: usize) -> Option<String> {
                    row.try_get_unchecked::<Option<String>, _>(at)
                        .unwrap_or_else(|e| panic!("{}: {e}", row.column(at).name()))
                }
                let file = url.trim_start_matches("sqlite:");
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
                let mut connection = sqlx::SqliteConnection::connect_with(&options).await.expect("a connection");
                texts!(connection)
            }
            Some("mysql") => {
                fn text_of(row: &sqlx::mysql::MySqlRow, at: usize) -> Option<String> {
                    row.try_get_unchecked::<Option<String>, _>(at)
                        .unwrap_or_else(|e| panic!("{}: {e}", row.column(at).name()))
                }
                let mut connection = sqlx::MySqlConnection::connect(url).await.expect("a connection");
                texts!(connection)
            }
            _ => {
                fn text_of(row: &sqlx::postgres::PgRow, at: usize) -> Option<String> {
                    row.try_get_unchecked::<Option<String>, _>(at)
                        .unwrap_or_else(|e| panic!("{}: {e}", row.column(at).name()))
                }
                let mut connection = sqlx::PgConnection::connect(url).await.expect("a connection");
                texts!(connection)
            }
        }
    })
}
