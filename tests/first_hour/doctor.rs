//! `recon doctor`: what it tells of real servers, and that it changes nothing.

use mongodb::bson::doc;
use serde_json::Value as Json;

use crate::support::{Outcome, Place, PrivateServer, database_url, run_sql, server_url, sqlite, unique_name};

struct Found(Vec<Json>);

impl Found {
    /// What `recon doctor` finds, and how it ends.
    fn of(place: &Place, exit: i32) -> Found {
        let outcome = place.recon(&["doctor", "--format", "json"]);
        assert_eq!(outcome.code, Some(exit), "{outcome}");
        let all: Json = serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome}"));
        assert_eq!(all["schema"], "recon.doctor/1");
        Found(all["findings"].as_array().expect("findings").clone())
    }

    /// The one finding of a grade and place whose text holds `part`.
    fn one(&self, grade: &str, place: &str, part: &str) -> &Json {
        let fits = |found: &&Json| {
            found["grade"] == grade && found["place"] == place && found["what"].as_str().unwrap().contains(part)
        };
        let found: Vec<&Json> = self.0.iter().filter(fits).collect();
        assert!(found.len() == 1, "{grade} {place} {part}: {:#?}", self.0);
        found[0]
    }

    /// How to mend it.
    fn mend(&self, grade: &str, place: &str, part: &str) -> String {
        self.one(grade, place, part)["mend"].as_str().unwrap_or_else(|| panic!("no mend: {:#?}", self.0)).to_owned()
    }

    fn none(&self, grade: &str, place: &str) {
        assert!(!self.0.iter().any(|found| found["grade"] == grade && found["place"] == place), "{:#?}", self.0);
    }
}

/// A database of its own with a table, its name, and its URL for an account of that name; the account may what is given.
fn mysql(prefix: &str, granted: &str) -> (String, String) {
    let name = unique_name(prefix);
    let granted = granted.replace("DB", &name).replace("USER", &format!("'{name}'@'%'"));
    run_sql(
        &server_url("MYSQL"),
        &format!(
            "CREATE DATABASE {name}; CREATE TABLE {name}.settlement (id INT PRIMARY KEY, net DECIMAL(20,2)); \
             CREATE USER '{name}'@'%' IDENTIFIED BY 's3cr3t'; {granted}"
        ),
    );
    let url = database_url("MYSQL", &name).replace("root@", &format!("{name}:s3cr3t@"));
    (name, url)
}

fn postgres(prefix: &str, granted: &str) -> (String, String) {
    let name = unique_name(prefix);
    run_sql(&server_url("POSTGRES"), &format!("CREATE DATABASE {name}"));
    run_sql(
        &database_url("POSTGRES", &name),
        &format!(
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE TABLE settlement (id INT PRIMARY KEY, net NUMERIC(20,2)); \
             CREATE ROLE {name} LOGIN PASSWORD 's3cr3t'; {}",
            granted.replace("USER", &name)
        ),
    );
    let url = database_url("POSTGRES", &name).replace("postgres@", &format!("{name}:s3cr3t@"));
    (name, url)
}

fn no_secret(outcome: &Outcome) {
    assert!(!outcome.to_string().contains("s3cr3t"), "{outcome}");
}

#[test]
fn a_project_in_order_is_told_to_be_so_and_nothing_of_it_changes() {
    let (name, checks) = mysql("doctor", "GRANT SELECT ON DB.* TO USER");
    let place = Place::new();
    sqlite(&place.path().join("core.db"), "CREATE TABLE candidate (id INTEGER PRIMARY KEY, net TEXT)");
    // A file that is no ledger yet, in the journal mode that it happens to have.
    sqlite(&place.path().join("recon.db"), "CREATE TABLE other (x INTEGER)");
    place.write(
        "recon.toml",
        format!(
            "[stores.core]\nurl = \"{}\"\ncheck_url = \"{checks}\"\n[stores.lite]\nurl = \"sqlite:core.db\"\n\
             [stores.docs]\nurl = \"{}\"\n[reconciliation.payout]\nkey = [\"id\"]\nlegacy = {{ store = \"core\", table = \"settlement\" }}\n\
             candidate = {{ store = \"lite\", query = \"c.sql\" }}\ndecisions = {{ store = \"core\", table = \"payout_decision\" }}\n",
            database_url("MYSQL", &name),
            database_url("MONGODB", &name)
        ),
    );
    place.write("c.sql", "SELECT id, net FROM candidate");
    let files = ["core.db", "recon.db", "recon.toml", "c.sql"];
    let before = files.map(|file| std::fs::read(place.path().join(file)).unwrap());
    let found = Found::of(&place, 0);
    found.one("ok", "store core", "MariaDB 10.11");
    found.one("ok", "store core, checks", &format!(" as {name}@%"));
    found.none("note", "store core, checks");
    found.one("ok", "store lite", "SQLite 3.");
    found.one("ok", "store docs", "MongoDB 6.0");
    found.none("note", "store docs");
    let open = found.mend("note", "store docs, checks", "the server asks for no login");
    assert!(open.contains("roles: [\"read\"]"), "{open}");
    found.one("ok", "payout, legacy", "`settlement` has 2 columns");
    found.one("ok", "payout, candidate", "its query gives 2 columns; it is prepared and not run");
    found.one("ok", "payout, decisions", "will be made by the first run");
    found.one("ok", "ledger", "no schema yet");
    found.one("ok", "temporary files", "free");
    let after = files.map(|file| std::fs::read(place.path().join(file)).unwrap());
    assert!(before == after, "a file was changed");
    let left: Vec<_> = std::fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), files.len(), "{left:?}");
    // A table of decisions, had it been made, would be there.
    let again = place.recon(&["doctor"]);
    assert!(again.stdout.contains("payout_decision will be made"), "{again}");
    assert!(!again.stdout.contains('\u{1b}'), "colour without a terminal: {again}");
    no_secret(&again);
}

#[test]
fn a_ledger_that_is_not_there_is_not_made_and_one_that_is_stays_as_it_is() {
    let place = Place::new();
    place.write("recon.toml", "[stores.core]\nurl = \"sqlite:core.db\"\n");
    sqlite(&place.path().join("core.db"), "CREATE TABLE t (id INTEGER PRIMARY KEY)");
    Found::of(&place, 0).one("ok", "ledger", "no schema yet");
    assert!(!place.path().join("recon.db").exists());
    let migrated = place.recon(&["ledger", "migrate"]);
    assert_eq!(migrated.code, Some(0), "{migrated}");
    // What it holds, not its bytes: whoever opens it may find a journal to put into the file.
    let held = || place.recon(&["ledger", "status", "--format", "json"]).stdout;
    let before = held();
    Found::of(&place, 0).one("ok", "ledger", "the newest");
    assert!(before.contains("\"recon_cycles\":0") && before == held(), "the ledger was changed: {before}");
}

#[test]
fn an_account_of_checks_that_may_write_is_told_with_what_mends_it() {
    let (name, checks) = mysql("doctor_writes", "GRANT SELECT, INSERT, DELETE ON DB.* TO USER");
    let (other, writes) =
        postgres("doctor_writes", "GRANT SELECT, UPDATE ON settlement TO USER; GRANT CREATE ON SCHEMA public TO USER");
    let place = Place::new();
    place.write(
        "recon.toml",
        format!(
            "[stores.core]\nurl = \"{}\"\ncheck_url = \"{checks}\"\n[stores.other]\nurl = \"{}\"\ncheck_url = \"{writes}\"\n",
            database_url("MYSQL", &name),
            database_url("POSTGRES", &other)
        ),
    );
    let found = Found::of(&place, 0);
    let mysql_mend = found.mend("note", "store core, checks", "INSERT, DELETE on");
    let postgres_mend = found.mend("note", "store other, checks", "public.settlement");
    assert!(mysql_mend.starts_with("REVOKE ALL PRIVILEGES, GRANT OPTION FROM"), "{mysql_mend}");
    // What it says does mend it.
    run_sql(&server_url("MYSQL"), &mysql_mend);
    run_sql(&database_url("POSTGRES", &other), &postgres_mend);
    let found = Found::of(&place, 0);
    found.none("note", "store core, checks");
    found.none("note", "store other, checks");

    // Without `check_url`, the store's own account: nothing is to be taken from that one.
    place.write(
        "recon.toml",
        format!(
            "[stores.core]\nurl = \"{}\"\n[stores.other]\nurl = \"{}\"\n",
            database_url("MYSQL", &name),
            database_url("POSTGRES", &other)
        ),
    );
    let found = Found::of(&place, 0);
    for store in ["core", "other"] {
        let mend = found.mend("note", &format!("store {store}, checks"), "under the store's own account");
        assert!(mend.starts_with("CREATE ") && mend.contains("GRANT SELECT") && !mend.contains("REVOKE"), "{mend}");
    }
}

#[test]
fn what_cannot_be_reached_is_told_beside_what_can_and_no_password_is() {
    let (name, right) = mysql("doctor_dead", "GRANT SELECT ON DB.* TO USER");
    let wrong = right.replace("s3cr3t", "s3cr3t-not");
    let dead = "postgres://recon:s3cr3t@127.0.0.1:1/shop";
    let place = Place::new();
    place.write(
        "recon.toml",
        format!(
            "[stores.dead]\nurl = \"{dead}\"\n[stores.wrong]\nurl = \"{wrong}\"\n[stores.right]\nurl = \"{}\"\ncheck_url = \"{wrong}\"\n\
             [stores.docs]\nurl = \"mongodb://recon:s3cr3t@127.0.0.1:1/shop\"\n[ledger]\nurl = \"mysql://recon:s3cr3t@127.0.0.1:1/ledger\"\n\
             [reconciliation.payout]\nkey = [\"id\"]\nlegacy = {{ store = \"dead\", table = \"t\" }}\ncandidate = {{ store = \"right\", table = \"settlement\" }}\n\
             decisions = {{ store = \"dead\", table = \"d\" }}\n",
            database_url("MYSQL", &name)
        ),
    );
    let found = Found::of(&place, 3);
    found.one("wrong", "store dead", "cannot be reached");
    found.one("wrong", "store wrong", "denied");
    found.one("ok", "store right", "MariaDB");
    found.one("wrong", "store right, checks", "denied");
    found.one("wrong", "store docs", "127.0.0.1:1");
    found.one("wrong", "ledger", "cannot be reached");
    found.one("ok", "payout, candidate", "`settlement`");
    // What needs the dead store is not told a second time.
    found.none("wrong", "payout, legacy");
    found.none("wrong", "payout, decisions");
    no_secret(&place.recon(&["doctor"]));
    no_secret(&place.recon(&["doctor", "--format", "json"]));
}

#[test]
fn what_the_project_names_and_is_not_there_is_wrong_configuration() {
    let place = Place::new();
    sqlite(&place.path().join("core.db"), "CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE VIEW v AS SELECT * FROM t");
    let project = |lines: &str| {
        place.write(
            "recon.toml",
            format!("[stores.core]\nurl = \"sqlite:core.db\"\n[stores.lake]\nurl = \"file:lake\"\n[reconciliation.x]\nkey = [\"id\"]\nlegacy = {{ store = \"core\", table = \"t\" }}\n{lines}"),
        );
    };
    std::fs::create_dir(place.path().join("lake")).unwrap();
    let wrong = |lines: &str, where_: &str, part: &str| {
        project(lines);
        Found::of(&place, 2).one("wrong", where_, part);
    };
    wrong("candidate = { store = \"core\", query = \"no.sql\" }", "x, candidate", "no.sql");
    wrong("candidate = { store = \"core\", table = \"nothing\" }", "x, candidate", "nothing");
    wrong("candidate = { store = \"lake\", file = \"nothing.csv\" }", "x, candidate", "nothing.csv");
    wrong(
        "candidate = { store = \"core\", table = \"t\" }\ndecisions = { store = \"core\", table = \"v\" }",
        "x, decisions",
        "a view",
    );
    wrong(
        "candidate = { store = \"core\", table = \"t\" }\npopulation = { store = \"core\", query = \"no.sql\" }",
        "x, population",
        "no.sql",
    );
    wrong(
        "[reconciliation.x.candidate]\ncommand = [\"no-such-program\"]\nrecords = \"r\"\n[reconciliation.x.candidate.inputs.r]\nstore = \"core\"\ntable = \"t\"",
        "x, candidate",
        "`no-such-program` is not there",
    );
    wrong(
        "candidate = { store = \"core\", table = \"t\" }\n[stores.gone]\nurl = \"sqlite:gone.db\"",
        "store gone",
        "no file",
    );
    wrong(
        "candidate = { store = \"core\", table = \"t\" }\n[stores.gone]\nurl = \"file:gone\"",
        "store gone",
        "cannot be read",
    );
    place.write("recon.toml", "[stores.core]\nurl = \"sqlite:core.db\"\n[reconciliation.x]\nkey = [\"nr\"]\nlegacy = { store = \"core\", table = \"t\" }\ncandidate = { store = \"core\", table = \"t\" }");
    Found::of(&place, 2).one("wrong", "x, legacy", "no column `nr`");
    project("candidate = { store = \"core\", table = \"t\" }");
    Found::of(&place, 0);
}

#[test]
fn a_place_that_cannot_be_written_is_told() {
    let (name, reads) = mysql("doctor_reads", "GRANT SELECT ON DB.* TO USER");
    run_sql(
        &database_url("MYSQL", &name),
        "CREATE TABLE payout_decision (id INT, recon_source TEXT, recon_reason TEXT, recon_cycle TEXT, recon_run TEXT, recon_snapshot TEXT)",
    );
    let place = Place::new();
    let project = |ledger: &str| {
        place.write(
            "recon.toml",
            format!("[stores.core]\nurl = \"{reads}\"\n[ledger]\nurl = \"{ledger}\"\n[reconciliation.x]\nkey = [\"id\"]\nlegacy = {{ store = \"core\", table = \"settlement\" }}\ncandidate = {{ store = \"core\", table = \"settlement\" }}\ndecisions = {{ store = \"core\", table = \"payout_decision\" }}\n"),
        );
    };
    project(&database_url("MYSQL", &name));
    let migrated = place.recon(&["ledger", "migrate"]);
    assert_eq!(migrated.code, Some(0), "{migrated}");
    // The decisions' table cannot be written by the account of the store, the ledger by its own it can.
    let found = Found::of(&place, 3);
    let mend = found.mend("wrong", "x, decisions", "INSERT command denied");
    assert!(mend.contains("GRANT SELECT, INSERT, DELETE ON `payout_decision`"), "{mend}");
    found.one("ok", "store core, checks", "may only read");
    found.none("wrong", "ledger");
    // And by the account that reads it cannot.
    project(&reads);
    Found::of(&place, 3).one("wrong", "ledger", "denied");
    let (_, reads) = postgres("doctor_reads", "");
    project(&reads);
    Found::of(&place, 3).one("wrong", "ledger", "may not make tables");
}

#[test]
fn a_private_server_that_may_lose_commits_is_told() {
    let server = PrivateServer::mariadb_with(&["--innodb-flush-log-at-trx-commit=2".to_owned()]);
    run_sql(&server.url(), "CREATE DATABASE ledger");
    let place = Place::new();
    let url = server.url();
    place.write("recon.toml", format!("[stores.core]\nurl = \"{url}/ledger\"\n[ledger]\nurl = \"{url}/ledger\"\n"));
    let found = Found::of(&place, 0);
    let mend = found.mend("note", "ledger", "innodb_flush_log_at_trx_commit = 2");
    assert!(mend.starts_with("SET GLOBAL innodb_flush_log_at_trx_commit = 1"), "{mend}");
    run_sql(&url, "SET GLOBAL innodb_flush_log_at_trx_commit = 1");
    Found::of(&place, 0).none("note", "ledger");
}

#[test]
fn queries_are_prepared_with_their_parameters_and_a_misspelt_name_is_told() {
    let (name, _) = mysql("doctor_queries", "");
    let (other, _) = postgres("doctor_queries", "");
    let place = Place::new();
    sqlite(
        &place.path().join("core.db"),
        "CREATE TABLE settlement (id INTEGER PRIMARY KEY, net TEXT, paid_on TEXT); CREATE TABLE artist (id INTEGER, rate TEXT)",
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = mongodb::Client::with_uri_str(database_url("MONGODB", &name)).await.expect("a client");
        client.database(&name).collection("payouts").insert_one(doc! { "_id": 1 }).await.expect("a document");
    });
    let look = |exit: i32, store: &str, legacy: &str, candidate: &str| {
        place.write("l.sql", legacy);
        place.write("p.json", "[{\"$match\": {}}]");
        place.write(
            "recon.toml",
            format!(
                "[stores.lite]\nurl = \"sqlite:core.db\"\n[stores.my]\nurl = \"{}\"\n[stores.pg]\nurl = \"{}\"\n[stores.docs]\nurl = \"{}\"\n\
                 [reconciliation.x]\nkey = [\"id\"]\nparams = {{ day = \"date\", least = \"decimal\", word = \"text\", n = \"integer\" }}\n\
                 legacy = {{ store = \"{store}\", query = \"l.sql\" }}\ncandidate = {{ store = \"docs\", collection = \"{candidate}\", pipeline = \"p.json\" }}\n",
                database_url("MYSQL", &name),
                database_url("POSTGRES", &other),
                database_url("MONGODB", &name)
            ),
        );
        Found::of(&place, exit)
    };
    for store in ["lite", "my", "pg"] {
        let right = "SELECT id, net FROM settlement WHERE net > :least AND :n = 1";
        let found = look(0, store, right, "payouts");
        found.one("ok", "x, legacy", "its query gives 2 columns; it is prepared and not run");
        found.one("ok", "x, candidate", "`payouts` is there");
        look(2, store, "SELECT id, net FROM settlment WHERE net > :least", "payouts").one(
            "wrong",
            "x, legacy",
            "settlment",
        );
        look(2, store, "SELECT id, nett FROM settlement", "payouts").one("wrong", "x, legacy", "nett");
        look(2, store, "SELECT id, net FROM settlement WHERE net > :lest", "payouts").one("wrong", "x, legacy", "lest");
        look(2, store, "SELECT net FROM settlement", "payouts").one("wrong", "x, legacy", "no column `id`");
        look(2, store, right, "payout").one("wrong", "x, candidate", "payout");
    }
    // SQLite alone does not say what there is: recon does.
    let mend = look(2, "lite", "SELECT id FROM settlment", "payouts").mend("wrong", "x, legacy", "no such table");
    assert_eq!(mend, "the tables are settlement, artist");
    let mend = look(2, "lite", "SELECT s.id, s.nett FROM settlement s", "payouts").mend(
        "wrong",
        "x, legacy",
        "no such column",
    );
    assert_eq!(mend, "the columns of `settlement` are net, paid_on, id");
    let file =
        look(2, "lite", "SELECT nofunction(id) FROM settlement", "payouts").mend("wrong", "x, legacy", "nofunction");
    assert!(file.starts_with("`sqlite3 ") && file.contains("core.db .schema"), "{file}");

    // What cannot be asked is not said to be right.
    place.write(
        "recon.toml",
        "[stores.dead]\nurl = \"mysql://recon@127.0.0.1:1/shop\"\n[reconciliation.x]\nkey = [\"id\"]\n\
         legacy = { store = \"dead\", query = \"l.sql\" }\ncandidate = { store = \"dead\", query = \"l.sql\" }\n",
    );
    Found::of(&place, 3).one("ok", "x, legacy", "query file found; it is not run");
}

#[test]
fn a_password_that_has_to_be_percent_encoded_is_told_where_it_is_denied() {
    let name = unique_name("doctor_percent");
    run_sql(
        &server_url("MYSQL"),
        &format!(
            "CREATE DATABASE {name}; CREATE USER '{name}'@'%' IDENTIFIED BY '100%41x'; GRANT SELECT ON {name}.* TO '{name}'@'%'"
        ),
    );
    let look = |password: &str, exit: i32| {
        let place = Place::new().env("RECON_LEGACY_PASSWORD", password);
        let url = database_url("MYSQL", &name).replace("root@", &format!("{name}:${{RECON_LEGACY_PASSWORD}}@"));
        place.write("recon.toml", format!("[stores.core]\nurl = \"{url}\"\n"));
        Found::of(&place, exit)
    };
    let mend = look("100%41x", 3).mend("wrong", "store core", "denied");
    assert!(mend.contains("`%` itself is written %25") && !mend.contains("41x"), "{mend}");
    look("100%2541x", 0).one("ok", "store core", "MariaDB");
    let mend = look("other", 3).mend("wrong", "store core", "denied");
    assert!(!mend.contains("%25"), "{mend}");
}

/// A MongoDB without a replica set that asks for a login.
struct Standalone {
    server: std::process::Child,
    port: u16,
    _dir: tempfile::TempDir,
}

impl Standalone {
    fn start() -> Standalone {
        let dir = tempfile::tempdir().expect("a folder");
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        let program = std::env::var("RECON_TEST_MONGOD").expect("RECON_TEST_MONGOD names the server");
        let server = std::process::Command::new(program)
            .args(["--auth", "--bind_ip", "127.0.0.1", "--port", &port.to_string(), "--nounixsocket", "--dbpath"])
            .arg(dir.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("mongod starts");
        let standalone = Standalone { server, port, _dir: dir };
        // Until there is an account, this machine may make the first.
        standalone.command("", "admin", doc! { "createUser": "root", "pwd": "s3cr3t", "roles": ["root"] });
        standalone
    }

    fn url(&self, account: &str, database: &str) -> String {
        format!("mongodb://{account}127.0.0.1:{}/{database}?authSource=admin", self.port)
    }

    fn command(&self, account: &str, database: &str, command: mongodb::bson::Document) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let client = mongodb::Client::with_uri_str(self.url(account, database)).await.expect("a client");
            client.database(database).run_command(command).await.expect("the command");
        });
    }
}

impl Drop for Standalone {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn a_private_server_without_snapshots_and_its_accounts_are_told() {
    let server = Standalone::start();
    let root = "root:s3cr3t@";
    let role = |role: &str| doc! { "role": role, "db": "shop" };
    for (name, role) in [("reads", role("read")), ("writes", role("readWrite"))] {
        server.command(root, "admin", doc! { "createUser": name, "pwd": "s3cr3t", "roles": [role] });
    }
    let place = Place::new();
    let project = |checks: &str| {
        let (url, checks) = (server.url("writes:s3cr3t@", "shop"), server.url(checks, "shop"));
        place.write("recon.toml", format!("[stores.docs]\nurl = \"{url}\"\ncheck_url = \"{checks}\"\n"));
    };
    project("reads:s3cr3t@");
    let found = Found::of(&place, 0);
    found.mend("note", "store docs", "without a replica set");
    found.none("note", "store docs, checks");
    found.one("ok", "store docs, checks", "as reads@admin");
    project("writes:s3cr3t@");
    assert!(
        Found::of(&place, 0)
            .mend("note", "store docs, checks", "under the store's own account")
            .starts_with("db.getSiblingDB(\"shop\").createUser")
    );
    server.command(root, "admin", doc! { "createUser": "checks", "pwd": "s3cr3t", "roles": [role("readWrite")] });
    project("checks:s3cr3t@");
    let mend = Found::of(&place, 0).mend("note", "store docs, checks", "may do more than read");
    assert_eq!(mend, "db.getSiblingDB(\"admin\").updateUser(\"checks\", {roles: [{role: \"read\", db: \"shop\"}]})");
    project("checks:wr0ng@");
    Found::of(&place, 3).one("wrong", "store docs, checks", "127.0.0.1");
    no_secret(&place.recon(&["doctor"]));
}
