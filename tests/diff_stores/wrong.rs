//! What is asked wrongly, and stores that cannot be reached: the exit code, a message that names it, no password.

use super::load::{Kind, Stores, mysql};
use super::support::server_url;
use super::table::{Table, Type, V, text};

const PASSWORD: &str = "s3cret-w0rd";

fn one_table() -> Table {
    let columns = vec![("id", Type::Big), ("name", Type::Text)];
    Table { columns, rows: vec![vec![V::Int(1), text("a")]], bare: false }
}

/// Runs with `side` as legacy and again as candidate, `options` naming the side as `SIDE`.
fn refused(stores: &Stores, side: &str, options: &[&str], code: i32, parts: &[&str]) {
    for legacy in [true, false] {
        let (word, sides) = if legacy { ("legacy", [side, "one.csv"]) } else { ("candidate", ["one.csv", side]) };
        let options: Vec<String> = options.iter().map(|option| option.replace("SIDE", word)).collect();
        let mut arguments = vec![sides[0], sides[1]];
        arguments.extend(options.iter().map(String::as_str));
        if !options.iter().any(|option| option == "--key") {
            arguments.extend(["--key", "id"]);
        }
        let outcome = super::run(&stores.place, &arguments);
        assert_eq!(outcome.code, Some(code), "{arguments:?}\n{outcome}");
        assert_eq!(outcome.stdout, "", "{arguments:?}");
        for part in parts {
            assert!(outcome.stderr.contains(part), "`{part}` is not in the answer to {arguments:?}\n{outcome}");
        }
        assert!(outcome.stderr.contains("hint:"), "{arguments:?}\n{outcome}");
        assert!(!outcome.to_string().contains(PASSWORD), "{arguments:?}\n{outcome}");
    }
}

/// The server's URL with another user and a password.
fn with_user(kind: &str, user: &str, database: &str) -> String {
    let mut url = url::Url::parse(&server_url(kind)).expect("a URL");
    url.set_username(user).expect("a user");
    url.set_password(Some(PASSWORD)).expect("a password");
    url.set_path(database);
    url.to_string()
}

/// A port that nobody listens on: it was free a moment ago.
fn closed_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

fn stores() -> Stores {
    let stores = Stores::new();
    stores.load(Kind::Csv, "one", &one_table());
    stores
}

#[test]
fn a_server_that_is_not_there_is_exit_code_3() {
    let stores = stores();
    for scheme in ["mysql", "postgres", "mongodb"] {
        let port = closed_port();
        let side = format!("{scheme}://someone:{PASSWORD}@127.0.0.1:{port}/shop#payout");

        refused(&stores, &side, &["--connect-timeout", "1s"], 3, &["side: ", &port.to_string()]);
    }
}

#[test]
fn a_wrong_password_is_exit_code_3_and_is_not_shown() {
    let stores = stores();
    for (kind, database) in [("MYSQL", "mysql"), ("POSTGRES", "postgres"), ("MONGODB", "admin")] {
        let side = format!("{}#payout", with_user(kind, "recon_nobody", database));
        refused(&stores, &side, &[], 3, &["side: "]);
    }
    // An account that is there, with another password.
    let account = format!("'{}'@'%'", stores.name);
    mysql(&server_url("MYSQL"), format!("CREATE USER {account} IDENTIFIED BY 'another'"));
    let side = format!("{}#payout", with_user("MYSQL", &stores.name, &stores.name));
    refused(&stores, &side, &[], 3, &[&stores.name]);
    mysql(&server_url("MYSQL"), format!("DROP USER {account}"));
}

#[test]
fn what_is_not_there_is_exit_code_2() {
    let stores = stores();
    for (kind, of) in [("MYSQL", Kind::MySql), ("POSTGRES", Kind::Postgres), ("MONGODB", Kind::Mongo)] {
        let there = stores.load(of, "one", &one_table());
        let nowhere = super::support::database_url(kind, "recon_no_such_database");
        let named = if kind == "MONGODB" { "one" } else { "recon_no_such_database" };
        refused(&stores, &format!("{nowhere}#one"), &[], 2, &[named]);
        refused(&stores, &format!("{}#nothing", stores.url(kind)), &[], 2, &["nothing"]);
        // Neither table nor query.
        refused(&stores, &stores.url(kind), &[], 2, &["names no"]);
        refused(&stores, &there, &["--key", "nr"], 2, &["nr"]);
    }
    let sqlite = stores.load(Kind::Sqlite, "one", &one_table());
    refused(&stores, "sqlite:one.db#nothing", &[], 2, &["nothing"]);
    refused(&stores, "sqlite:nowhere.db#one", &[], 2, &["nowhere.db"]);
    refused(&stores, "sqlite:one.db", &[], 2, &["names no"]);
    refused(&stores, &sqlite, &["--key", "nr"], 2, &["nr"]);
}

#[test]
fn a_query_that_cannot_be_used_is_exit_code_2() {
    let stores = stores();
    for (kind, of) in [("MYSQL", Kind::MySql), ("POSTGRES", Kind::Postgres), ("", Kind::Sqlite)] {
        let table = stores.load(of, "one", &one_table());
        let side = table.split('#').next().expect("a URL");
        let asked = |sql: &str, parts: &[&str]| refused(&stores, side, &["--SIDE-query", sql], 2, parts);
        asked("SELECT id FRM one", &["one"]);
        asked("SELECT nr FROM one", &["nr"]);
        for sql in ["DELETE FROM one", "UPDATE one SET name = 'b'", "DROP TABLE one", "INSERT INTO one VALUES (2, 'b')"]
        {
            asked(sql, &["SELECT"]);
        }
        asked("SELECT id, name FROM one; DELETE FROM one", &[]);
        asked("@nowhere.sql", &["nowhere.sql"]);
        refused(&stores, &table, &["--SIDE-query", "SELECT id, name FROM one"], 2, &["#one", "query"]);
        // Nothing of it happened.
        let outcome = super::run(&stores.place, &[&table, "one.csv", "--key", "id"]);
        assert_eq!(outcome.code, Some(0), "{kind}\n{outcome}");
    }
}

#[test]
fn a_pipeline_that_cannot_be_used_is_exit_code_2() {
    let stores = stores();
    let table = stores.load(Kind::Mongo, "one", &one_table());
    let asked = |side: &str, pipeline: &str, parts: &[&str]| {
        refused(&stores, side, &["--SIDE-query", pipeline], 2, parts);
    };
    asked(&table, "[{\"$match\": {\"id\": 1}", &["line 1"]);
    asked(&table, "[\n  {\"$match\": {\"id\" 1}}\n]", &["line 2"]);
    asked(&table, "[{\"$out\": \"copy\"}]", &["$out"]);
    asked(&table, "[{\"$merge\": {\"into\": \"copy\"}}]", &["$merge"]);
    asked(&table, "[{\"$facet\": {\"a\": [{\"$out\": \"copy\"}]}}]", &["$out"]);
    asked(&table, "[{\"$mach\": {}}]", &["$mach"]);
    asked(&stores.url("MONGODB"), "[{\"$match\": {}}]", &["collection"]);
    let collections = super::load::mongo(&stores.url("MONGODB"), async |database| {
        database.list_collection_names().await.expect("a list")
    });
    assert_eq!(collections, ["one"]);
}
