//! A store with data, and what is known of it from outside of recon: its whole content, what runs on its server, a file
//! that must not be read and a folder in which nothing may appear.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use mongodb::bson::{Bson, Decimal128, Document, doc};
use recon::domain::{Amount, NumberForm, Value, parse_date};
use recon::stores::inspect::{Answer, Examined, InspectError, Inspection, Limits, StoreKind, inspect, run};
use recon::stores::{Locator, Settings};
use sqlx::{AssertSqlSafe, Connection, Executor, Row};
use tokio::runtime::Runtime;

use crate::support::{database_url, run_sql, server_url, sqlite, unique_name};

pub const CANARY: &str = "canary-d41d8cd98f00";

/// What the tables hold, in words that all three dialects have.
const TABLES: &str = "
CREATE TABLE investor (id INTEGER PRIMARY KEY, name VARCHAR(60), kind VARCHAR(20), email VARCHAR(60), created DATE);
CREATE TABLE loan (id INTEGER PRIMARY KEY, borrower VARCHAR(60), principal DECIMAL(18,2), opened DATE);
CREATE TABLE holding (loan_id INTEGER, investor_id INTEGER, units INTEGER, total_units INTEGER);
CREATE TABLE event (id INTEGER PRIMARY KEY, payout_id INTEGER, at TIMESTAMP NULL);
INSERT INTO investor VALUES (1, 'Ann Ash', 'person', 'ann@example.com', '2026-01-01'), (2, 'Bo Ltd', 'company', 'bo@example.com', '2026-02-01');
INSERT INTO loan VALUES (1, 'Cy', 1000000.50, '2026-01-01');
INSERT INTO holding VALUES (1, 1, 3, 10), (1, 2, 7, 10);
INSERT INTO event VALUES (1, 1, '2026-11-13 01:02:03');
";

const PAYOUT: &str = "(id INTEGER PRIMARY KEY, investor_id INTEGER, payout_date DATE, gross DECIMAL(18,2), income_tax DECIMAL(18,2), \
     local_tax DECIMAL(18,2), fee DECIMAL(18,2), net DECIMAL(18,2), status {status}, memo VARCHAR(60), detail {json});
INSERT INTO payout VALUES
 (1, 1, '2026-11-13', 100.00, 14.00, 1.40, 0.60, 84.00, 'paid', NULL, '{\"net\": 84, \"name\": \"Ann\", \"items\": [{\"k\": 1, \"v\": \"a\"}, {\"k\": 2}]}'),
 (2, 2, '2026-11-13', 200.00, 28.00, 2.80, 1.20, -168.00, 'held', 'AB12', '{\"net\": 1, \"items\": []}'),
 (3, 1, '2026-11-23', 0.00, 0.00, 0.00, 0.00, 0.10, 'paid', 'half 50%', '{\"items\": []}');
CREATE TABLE spent (what VARCHAR(60));
INSERT INTO spent VALUES ('nothing');
";

/// A store of one test.
pub struct Scene {
    pub kind: StoreKind,
    pub url: String,
    name: String,
    /// Accounts that were made.
    accounts: RefCell<Vec<String>>,
    /// Holds the canary, and the database of SQLite.
    pub dir: tempfile::TempDir,
}

impl Scene {
    fn new(kind: StoreKind) -> Scene {
        let dir = tempfile::Builder::new().prefix("recon-inspect-").tempdir().expect("a folder");
        let scene =
            Scene { kind, url: String::new(), name: unique_name("recon_inspect"), accounts: RefCell::default(), dir };
        // The servers run as users of their own.
        open_to_all(scene.dir.path(), 0o755);
        std::fs::write(scene.canary(), CANARY).expect("a canary");
        open_to_all(&scene.canary(), 0o644);
        std::fs::create_dir(scene.out()).expect("a folder");
        open_to_all(&scene.out(), 0o777);
        scene
    }

    pub fn mysql() -> Scene {
        let mut scene = Scene::new(StoreKind::MySql);
        run_sql(&database_url("MYSQL", "mysql"), &format!("CREATE DATABASE {} CHARACTER SET utf8mb4", scene.name));
        scene.url = database_url("MYSQL", &scene.name);
        let payout = PAYOUT.replace("{status}", "VARCHAR(20)").replace("{json}", "JSON");
        run_sql(&scene.url, &format!("{TABLES} CREATE TABLE payout {payout} CREATE SEQUENCE receipt;"));
        run_sql(
            &scene.url,
            "CREATE FUNCTION spend(a INTEGER) RETURNS INTEGER MODIFIES SQL DATA BEGIN INSERT INTO spent VALUES ('spent'); RETURN a; END",
        );
        run_sql(&scene.url, "CREATE PROCEDURE spend_all() BEGIN INSERT INTO spent VALUES ('spent'); SELECT 1; END");
        scene
    }

    pub fn postgres() -> Scene {
        let mut scene = Scene::new(StoreKind::Postgres);
        run_sql(&database_url("POSTGRES", "postgres"), &format!("CREATE DATABASE {}", scene.name));
        scene.url = database_url("POSTGRES", &scene.name);
        let payout = PAYOUT.replace("{status}", "payout_status").replace("{json}", "JSONB");
        run_sql(
            &scene.url,
            &format!(
                "CREATE TYPE payout_status AS ENUM ('paid', 'held'); {TABLES} CREATE TABLE payout {payout} CREATE SEQUENCE receipt; \
                 CREATE FUNCTION spend(a INTEGER) RETURNS INTEGER LANGUAGE plpgsql AS \
                 $$ BEGIN INSERT INTO spent VALUES ('spent'); RETURN a; END $$; \
                 CREATE PROCEDURE spend_all() LANGUAGE sql AS $$ INSERT INTO spent VALUES ('spent') $$;"
            ),
        );
        scene
    }

    pub fn sqlite() -> Scene {
        let mut scene = Scene::new(StoreKind::Sqlite);
        let payout = PAYOUT.replace("{status}", "VARCHAR(20)").replace("{json}", "TEXT");
        let path = scene.dir.path().join("shop.db");
        sqlite(&path, &format!("{TABLES} CREATE TABLE payout {payout}"));
        scene.url = format!("sqlite:{}", path.display());
        scene
    }

    /// `collection` is what a bare array of stages runs over.
    pub fn mongo() -> Scene {
        let mut scene = Scene::new(StoreKind::Mongo);
        scene.url = database_url("MONGODB", &scene.name);
        let decimal = |text: &str| text.parse::<Decimal128>().expect("a decimal");
        let date = |text: &str| mongodb::bson::DateTime::parse_rfc3339_str(text).expect("a date");
        scene.mongo_run(async |database| {
            let payouts = database.collection::<Document>("payout");
            let payout = |id: i32, net: &str, status: &str| {
                doc! {
                    "_id": id, "id": id, "investor_id": id % 2, "payout_date": date("2026-11-13T00:00:00Z"), "gross": decimal("100.00"),
                    "income_tax": decimal("14.00"), "fee": decimal("0.60"), "net": decimal(net), "status": status,
                    "detail": { "net": 1 }, "items": [{ "k": 1 }, { "k": 2 }], "tags": ["a"],
                }
            };
            payouts.insert_many([payout(1, "84.00", "paid"), payout(2, "-168.00", "held"), payout(3, "0.10", "paid")]).await.expect("inserts");
            let investors = database.collection::<Document>("investor");
            investors.insert_many([doc! { "_id": 0, "name": "Bo" }, doc! { "_id": 1, "name": "Ann" }]).await.expect("inserts");
        });
        scene
    }

    /// One of every kind.
    pub fn every() -> Vec<Scene> {
        vec![Scene::mysql(), Scene::postgres(), Scene::sqlite(), Scene::mongo()]
    }

    pub fn canary(&self) -> PathBuf {
        self.dir.path().join("canary.txt")
    }

    /// Where an attack would leave a file.
    pub fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    /// A text with this scene's files in it.
    pub fn text(&self, text: &str) -> String {
        text.replace("{canary}", &self.canary().display().to_string())
            .replace("{out}", &self.out().join("stolen").display().to_string())
            .replace("{name}", &self.name)
    }

    /// The store under another account.
    pub fn as_account(&self, user: &str, password: &str) -> String {
        let (scheme, rest) = self.url.split_once("://").expect("a URL");
        let hosts = rest.rsplit_once('@').map_or(rest, |(_, hosts)| hosts);
        format!("{scheme}://{user}:{password}@{hosts}")
    }

    /// An account that may read this scene's tables and nothing else; its URL.
    pub fn reader(&self) -> String {
        let user = format!("r{}", unique_name("").trim_start_matches('_')).chars().take(30).collect::<String>();
        match self.kind {
            StoreKind::MySql => run_sql(
                &self.url,
                &format!("CREATE USER {user} IDENTIFIED BY 'secret-word'; GRANT SELECT ON {}.* TO {user}", self.name),
            ),
            StoreKind::Postgres => run_sql(
                &self.url,
                &format!(
                    "CREATE ROLE {user} LOGIN PASSWORD 'secret-word'; GRANT USAGE ON SCHEMA public TO {user}; \
                     GRANT SELECT ON ALL TABLES IN SCHEMA public TO {user}"
                ),
            ),
            _ => return self.url.clone(),
        }
        let url = self.as_account(&user, "secret-word");
        self.accounts.borrow_mut().push(user);
        url
    }

    pub fn inspection(&self, text: &str) -> Inspection {
        let fragment = if self.kind == StoreKind::Mongo { "#payout" } else { "" };
        Inspection {
            store: Locator::parse(&format!("{}{fragment}", self.url)).expect("a locator"),
            text: self.text(text),
            params: params(),
            limits: Limits { time: Duration::from_secs(30), rows: 10_000, bytes: 100 << 20 },
            settings: Settings::default(),
            cancel: Arc::new(AtomicBool::new(false)),
        }
    }

    /// Through the front door.
    pub fn run(&self, text: &str) -> Result<Rows, InspectError> {
        taken(|each| inspect(&self.inspection(text), each))
    }

    /// Past the first wall.
    pub fn run_unexamined(&self, inspection: &Inspection) -> Result<Rows, InspectError> {
        let collection = (self.kind == StoreKind::Mongo).then_some("payout");
        let examined = Examined::unexamined(self.kind, &inspection.text, collection);
        taken(|each| run(inspection, &examined, each))
    }

    /// Everything that the store holds, as its own tools tell.
    pub fn content(&self) -> String {
        match self.kind {
            StoreKind::MySql => self.rows(
                "SELECT CONCAT_WS(' ', table_name, table_type) FROM information_schema.tables WHERE table_schema = DATABASE() \
                 UNION ALL SELECT routine_name FROM information_schema.routines WHERE routine_schema = DATABASE() \
                 UNION ALL SELECT CONCAT_WS(' ', id, investor_id, net, status, memo) FROM payout \
                 UNION ALL SELECT what FROM spent UNION ALL SELECT CONCAT_WS(' ', 'receipt', next_not_cached_value) FROM receipt \
                 UNION ALL SELECT CONCAT_WS(' ', id, name) FROM investor \
                 UNION ALL SELECT CONCAT_WS(' ', variable_name, variable_value) FROM information_schema.global_variables \
                   WHERE variable_name IN ('max_error_count', 'read_only')",
            ),
            StoreKind::Postgres => self.rows(
                "SELECT relname || ' ' || relkind::text FROM pg_class WHERE relnamespace = 'public'::regnamespace \
                 UNION ALL SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace \
                 UNION ALL SELECT p::text FROM payout p UNION ALL SELECT what FROM spent UNION ALL SELECT i::text FROM investor i \
                 UNION ALL SELECT 'receipt ' || last_value || is_called FROM receipt \
                 UNION ALL SELECT 'large object ' || oid FROM pg_largeobject_metadata \
                 UNION ALL SELECT name || ' ' || setting FROM pg_file_settings WHERE sourcefile LIKE '%auto.conf'",
            ),
            StoreKind::Sqlite => {
                let mut files: Vec<String> = std::fs::read_dir(self.dir.path())
                    .expect("a folder")
                    .map(|file| file.expect("a file").path())
                    .filter(|path| path.is_file())
                    .map(|path| format!("{} {:?}", path.display(), std::fs::read(&path).expect("read")))
                    .collect();
                files.sort();
                files.join("\n")
            }
            StoreKind::Mongo => {
                let mut found = String::new();
                self.mongo_run(async |database| {
                    let mut names = database.list_collection_names().await.expect("names");
                    names.sort();
                    for name in names {
                        let hash = database.run_command(doc! { "dbHash": 1, "collections": [&name] }).await;
                        // Of a view there is none.
                        let hash = hash.ok().and_then(|hash| hash.get_str("md5").ok().map(str::to_owned));
                        found.push_str(&format!("{name} {hash:?}\n"));
                    }
                });
                found
            }
        }
    }

    /// What runs on the server in this scene's database, this question left out; waits a little for sessions that are
    /// just being closed.
    pub fn busy(&self) -> Vec<String> {
        let started = Instant::now();
        loop {
            let found = self.look();
            if found.is_empty() || started.elapsed() > Duration::from_secs(5) {
                return found;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn look(&self) -> Vec<String> {
        match self.kind {
            StoreKind::MySql => {
                let rows = self.rows(
                    "SELECT CONCAT_WS(' ', id, command, time, state, info) FROM information_schema.processlist \
                     WHERE db = DATABASE() AND id <> CONNECTION_ID()",
                );
                rows.lines().map(str::to_owned).collect()
            }
            StoreKind::Postgres => {
                let rows = self.rows(
                    "SELECT pid || ' ' || coalesce(state, '') || ' ' || coalesce(query, '') FROM pg_stat_activity \
                     WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' \
                     UNION ALL SELECT 'lock ' || locktype FROM pg_locks WHERE locktype = 'advisory' AND database = \
                     (SELECT oid FROM pg_database WHERE datname = current_database())",
                );
                rows.lines().map(str::to_owned).collect()
            }
            StoreKind::Sqlite => {
                let path = self.dir.path().join("shop.db");
                // A reader that was left would hold a lock against this.
                runtime().block_on(async {
                    let options =
                        sqlx::sqlite::SqliteConnectOptions::new().filename(&path).busy_timeout(Duration::ZERO);
                    let mut connection = sqlx::SqliteConnection::connect_with(&options).await.expect("opens");
                    match connection.execute("BEGIN EXCLUSIVE").await {
                        Ok(_) => Vec::new(),
                        Err(error) => vec![error.to_string()],
                    }
                })
            }
            StoreKind::Mongo => {
                let mut found = Vec::new();
                let namespace = format!("^{}\\.", self.name);
                self.mongo_run(async |database| {
                    let admin = database.client().database("admin");
                    let asked = doc! { "aggregate": 1, "cursor": {}, "pipeline": [
                        { "$currentOp": { "allUsers": true, "idleCursors": true, "localOps": true } },
                        { "$match": { "ns": { "$regex": &namespace } } },
                        { "$project": { "ns": 1, "type": 1, "secs_running": 1, "command": 1 } },
                    ] };
                    let reply = admin.run_command(asked).await.expect("currentOp");
                    let cursor = reply.get_document("cursor").expect("a cursor");
                    found = cursor.get_array("firstBatch").expect("a batch").iter().map(Bson::to_string).collect();
                });
                found
            }
        }
    }

    /// The first column of a query, sorted, by an account that may see everything.
    fn rows(&self, sql: &str) -> String {
        let sql = sql.to_owned();
        runtime().block_on(async {
            let mut rows: Vec<String> = match self.kind {
                StoreKind::MySql => {
                    let mut connection = sqlx::MySqlConnection::connect(&self.url).await.expect("connects");
                    let rows = connection.fetch_all(AssertSqlSafe(sql)).await.expect("rows");
                    connection.close().await.expect("closes");
                    rows.iter().map(|row| String::from_utf8_lossy(&row.get::<Vec<u8>, _>(0)).into_owned()).collect()
                }
                _ => {
                    let mut connection = sqlx::PgConnection::connect(&self.url).await.expect("connects");
                    let rows = connection.fetch_all(AssertSqlSafe(sql)).await.expect("rows");
                    connection.close().await.expect("closes");
                    rows.iter().map(|row| row.get(0)).collect()
                }
            };
            rows.sort();
            rows.join("\n")
        })
    }

    /// Talks to the server without recon.
    pub fn mongo_run(&self, work: impl AsyncFnOnce(mongodb::Database)) {
        let name = self.name.clone();
        runtime().block_on(async {
            let client = mongodb::Client::with_uri_str(server_url("MONGODB")).await.expect("a client");
            work(client.database(&name)).await;
            client.shutdown().await;
        });
    }

    /// That nothing was written, nothing read that must not be, and nothing is left running.
    pub fn is_untouched(&self, before: &str, what: &str) {
        assert_eq!(self.busy(), Vec::<String>::new(), "left running: {what}");
        assert_eq!(self.content(), before, "written: {what}");
        let left: Vec<_> = std::fs::read_dir(self.out()).expect("a folder").collect();
        assert!(left.is_empty(), "a file was written: {what}: {left:?}");
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        match self.kind {
            StoreKind::MySql => {
                let server = database_url("MYSQL", "mysql");
                run_sql(&server, &format!("DROP DATABASE {}", self.name));
                for user in self.accounts.borrow().iter() {
                    run_sql(&server, &format!("DROP USER {user}; DROP ROLE IF EXISTS role_{user}"));
                }
            }
            StoreKind::Postgres => {
                let server = database_url("POSTGRES", "postgres");
                run_sql(&server, &format!("DROP DATABASE {} WITH (FORCE)", self.name));
                for user in self.accounts.borrow().iter() {
                    run_sql(&server, &format!("DROP ROLE {user}"));
                }
            }
            StoreKind::Sqlite => {}
            StoreKind::Mongo => self.mongo_run(async |database| database.drop().await.expect("drops")),
        }
    }
}

/// What a query returned.
#[derive(Debug)]
pub struct Rows {
    pub answer: Answer,
    pub rows: Vec<Vec<Value>>,
}

impl Rows {
    /// Each row's values, with blanks between.
    pub fn shown(&self) -> Vec<String> {
        self.rows.iter().map(|row| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")).collect()
    }
}

pub fn taken(
    work: impl FnOnce(&mut dyn FnMut(&[String], &[Value])) -> Result<Answer, InspectError>,
) -> Result<Rows, InspectError> {
    let mut rows = Vec::new();
    let answer = work(&mut |_, values| rows.push(values.to_vec()))?;
    Ok(Rows { answer, rows })
}

pub fn params() -> Vec<(String, Value)> {
    let factor = Value::Number { amount: Amount::parse("1.5").expect("amount"), form: NumberForm::Decimal };
    vec![
        ("payout_date".to_owned(), Value::Date(parse_date("2026-11-13").expect("date"))),
        ("factor".to_owned(), factor),
    ]
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn open_to_all(path: &Path, mode: u32) {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(path, mode).expect("permissions");
}
