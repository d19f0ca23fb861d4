//! MySQL and MariaDB through the real server that `RECON_TEST_MYSQL_URL` names (`mysql://root@127.0.0.1:3306/`).
//! Each test has a database of its own. Without the variable the tests fail: a store that was not tried is
//! not tested.
#![allow(clippy::expect_used, clippy::panic)]

mod failures;
mod keys;
mod logins;
mod relay;
#[path = "../support/mod.rs"]
mod support;
mod values;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use recon::domain::{Amount, Filter, NumberForm, Rules, Value, cmp_keys};
use recon::stores::mysql::MySqlSource;
use recon::stores::{
    ColumnKind, ErrorClass, KeyRange, Opened, Progress, ReadRequest, Received, Settings, Source, StoreError, Target,
    Wanted, Wish, channel,
};
use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Connection, Executor, Row};

/// A database that goes when the test ends.
struct Database {
    server: url::Url,
    name: String,
}

impl Database {
    fn new(setup: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let server = std::env::var("RECON_TEST_MYSQL_URL").expect(
            "RECON_TEST_MYSQL_URL is not set: give a server to test with, such as mysql://root@127.0.0.1:3306/",
        );
        let server = url::Url::parse(&server).expect("RECON_TEST_MYSQL_URL is a URL");
        let name = format!("recon_test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let database = Database { server, name };
        database.run_at(&database.server, &format!("CREATE DATABASE {} CHARACTER SET utf8mb4", database.name));
        database.run(setup);
        database
    }

    fn url(&self) -> url::Url {
        let mut url = self.server.clone();
        url.set_path(&self.name);
        url
    }

    fn run(&self, sql: &str) {
        self.run_at(&self.url(), sql);
    }

    fn run_at(&self, url: &url::Url, sql: &str) {
        self.session(url, async |connection| {
            connection.execute(AssertSqlSafe(format!("SET sql_mode = ''; {sql}"))).await.expect("set-up");
        });
    }

    fn session<T>(&self, url: &url::Url, work: impl AsyncFnOnce(&mut MySqlConnection) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        runtime.block_on(async {
            let mut connection = MySqlConnection::connect(url.as_str()).await.expect("the test server answers");
            let result = work(&mut connection).await;
            connection.close().await.expect("closes");
            result
        })
    }

    fn source(&self, table: &str) -> MySqlSource {
        self.with(Target { table: Some(table.into()), ..Target::default() }, Settings::default())
    }

    fn query(&self, sql: &str, params: &[(&str, Value)]) -> MySqlSource {
        let params = params.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        self.with(Target { query: Some(sql.into()), params, ..Target::default() }, Settings::default())
    }

    fn with(&self, target: Target, settings: Settings) -> MySqlSource {
        MySqlSource::new(self.url(), target, settings)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.run_at(&self.server, &format!("DROP DATABASE {}", self.name));
    }
}

fn open(source: &mut MySqlSource) -> Result<Opened, StoreError> {
    source.open(&Wish::default())
}

fn request(columns: &[&str], key: usize) -> ReadRequest {
    ReadRequest {
        columns: columns.iter().map(|name| Wanted { name: (*name).to_owned(), fix: None }).collect(),
        key,
        filter: None,
        range: KeyRange::default(),
        keys: None,
        fresh: false,
        natural: false,
    }
}

/// Reads all records; what arrived before an error is kept beside it. Fails when keys are out of order.
fn read(source: &mut MySqlSource, request: &ReadRequest) -> (Vec<Vec<Value>>, Result<(), StoreError>) {
    let (mut out, batches, give_back) = channel(request, &Rules::default(), Arc::new(Progress::default()), None, None);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let end = source.read(request, &mut out);
            out.finish(end);
        });
        let mut rows: Vec<Vec<Value>> = Vec::new();
        loop {
            match batches.recv().expect("an end") {
                Received::End(end) => return (rows, end.map(|_| ())),
                Received::Batch(batch) => {
                    for row in 0..batch.rows() {
                        let ordered = row == 0 || cmp_keys(&batch, row - 1, &batch, row, request.key).is_le();
                        assert!(ordered, "row {row} is out of order");
                        rows.push((0..batch.width()).map(|column| Value::of(batch.at(row, column))).collect());
                    }
                    let _ = give_back.send(batch);
                }
            }
        }
    })
}

fn shown(source: &mut MySqlSource, request: &ReadRequest) -> Vec<String> {
    let (rows, end) = read(source, request);
    end.expect("reads to the end");
    rows.iter().map(|row| row.iter().map(|v| format!("{v}")).collect::<Vec<_>>().join("|")).collect()
}

/// Opens a table and reads some columns of it.
fn table(database: &Database, table: &str, columns: &[&str], key: usize) -> Vec<String> {
    let mut source = database.source(table);
    open(&mut source).expect("opens");
    shown(&mut source, &request(columns, key))
}

fn is_mariadb(database: &Database) -> bool {
    database.session(&database.url(), async |connection| {
        let row = connection.fetch_one("SELECT VERSION()").await.expect("version");
        row.get::<String, _>(0).contains("MariaDB")
    })
}

fn text(text: &str) -> Value {
    Value::Text { text: text.into(), untyped: false }
}

fn number(digits: &str) -> Value {
    Value::Number { amount: Amount::parse(digits).expect("amount"), form: NumberForm::Decimal }
}
