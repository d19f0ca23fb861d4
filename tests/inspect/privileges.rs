//! What an account may do besides reading is told, and nothing of one that may only read.

use recon::stores::inspect::beyond_reading;
use recon::stores::{Locator, Settings};

use crate::scene::Scene;
use crate::support::run_sql;

fn told(url: &str) -> Vec<String> {
    let store = Locator::parse(url).expect("a locator");
    beyond_reading(&store, &Settings::default()).expect("the store tells")
}

#[test]
fn an_account_that_may_only_read_has_nothing_told_of_it() {
    for scene in [Scene::mysql(), Scene::postgres()] {
        assert_eq!(told(&scene.reader()), Vec::<String>::new(), "{:?}", scene.kind);
    }
}

#[test]
fn an_account_of_mysql_that_may_write_is_told() {
    let scene = Scene::mysql();
    let all = told(&scene.url);
    assert!(all.iter().any(|sentence| sentence.contains("everything on *.*")), "{all:?}");
    let reader = scene.reader();
    let user = reader.split("//").nth(1).and_then(|rest| rest.split(':').next()).expect("a user");
    let role = format!("role_{user}");
    run_sql(
        &scene.url,
        &format!(
            "GRANT INSERT, UPDATE ON payout TO {user}; GRANT FILE ON *.* TO {user}; CREATE ROLE {role}; \
             GRANT DELETE ON payout TO {role}; GRANT {role} TO {user}"
        ),
    );
    let mut told = told(&reader);
    told.sort();
    let told = told.join("\n");
    assert!(told.contains("INSERT, UPDATE on `"), "{told}");
    assert!(told.contains("files of the server (FILE)"), "{told}");
    assert!(told.contains("DELETE on `") || told.contains("has the role"), "{told}");
    assert!(!told.contains("secret-word") && !told.contains("PASSWORD"), "{told}");
}

#[test]
fn an_account_of_postgres_that_may_write_is_told() {
    let scene = Scene::postgres();
    let all = told(&scene.url);
    assert!(all.iter().any(|sentence| sentence.contains("superuser")), "{all:?}");
    let reader = scene.reader();
    let user = reader.split("//").nth(1).and_then(|rest| rest.split(':').next()).expect("a user");
    run_sql(
        &scene.url,
        &format!(
            "GRANT INSERT ON payout TO {user}; GRANT UPDATE (name) ON investor TO {user}; GRANT USAGE ON SEQUENCE receipt TO {user}; \
             GRANT CREATE ON SCHEMA public TO {user}; ALTER ROLE {user} CREATEDB; GRANT pg_read_server_files TO {user}; \
             CREATE FUNCTION borrowed() RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'"
        ),
    );
    insta::assert_snapshot!("postgres_account", told(&reader).join("\n"));
}

#[test]
fn a_file_that_may_be_written_is_told() {
    let scene = Scene::sqlite();
    // Tests may run as a user for whom no file is closed.
    let told = told(&scene.url);
    assert!(told.len() <= 1 && told.iter().all(|sentence| sentence.contains("may write the file")), "{told:?}");
    let missing = Locator::parse("sqlite:/nowhere/x.db").expect("a locator");
    assert!(beyond_reading(&missing, &Settings::default()).is_err());
    assert!(beyond_reading(&Locator::parse("a.csv").expect("a locator"), &Settings::default()).is_err());
}

#[test]
fn a_mongodb_without_logins_is_told() {
    let told = told(&Scene::mongo().url);
    assert_eq!(told, ["the server asks for no login: whoever reaches it may do everything"]);
}
