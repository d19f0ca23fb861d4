//! `--store`: the same cases on real servers, in databases that are made for the run and gone after it.

use std::process::Stdio;
use std::time::{Duration, Instant};

use recon::stores::bulk::SqlWriter;

use crate::support::{Outcome, database_url, server_url};
use crate::{edit, example, merchant_with};

/// Databases on the MySQL server that this process's runs have left.
fn left(of: u32) -> i64 {
    let mut server = SqlWriter::connect(&database_url("MYSQL", "mysql")).expect("connects");
    let like = format!("recon\\_test\\_%\\_{of}\\_%");
    server
        .number(&format!("SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name LIKE '{like}'"))
        .expect("a number")
}

fn run(place: &crate::support::Place, arguments: &[&str]) -> (Outcome, u32) {
    let mut command = place.command();
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("recon starts");
    let id = child.id();
    let output = child.wait_with_output().expect("recon ends");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (Outcome { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }, id)
}

#[test]
fn the_shipped_cases_hold_on_every_server() {
    let (mysql, postgres, mongo) = (server_url("MYSQL"), server_url("POSTGRES"), server_url("MONGODB"));
    for name in ["p2p", "royalty", "merchant"] {
        let place = example(name);
        for core in [&mysql, &postgres] {
            let (core, docs) = (format!("core={core}"), format!("docs={mongo}"));
            let (outcome, _) = run(&place, &["test", "--store", &core, "--store", &docs, "--jobs", "2"]);
            assert_eq!(outcome.code, Some(0), "{name}: {outcome}");
        }
    }
}

#[test]
fn what_was_made_on_a_server_is_dropped_whatever_happens() {
    let store = format!("core={}", server_url("MYSQL"));
    let place = merchant_with(&["plain-sale", "min-fee"]);
    let arguments = ["test", "--jobs", "1", "--store", &store];
    let (passed, id) = run(&place, &arguments);
    assert_eq!((passed.code, left(id)), (Some(0), 0), "{passed}");
    edit(&place, "cases/min-fee/decisions.csv", "agree", "tolerated");
    let (failed, id) = run(&place, &arguments);
    assert_eq!((failed.code, left(id)), (Some(1), 0), "{failed}");
    edit(&place, "cases/min-fee/core/transactions.csv", "1000.00", "much");
    let (wrong, id) = run(&place, &arguments);
    assert_eq!((wrong.code, left(id)), (Some(2), 0), "{wrong}");
}

#[cfg(unix)]
#[test]
fn an_interruption_drops_it_too() {
    use nix::sys::signal::{Signal, kill};
    let store = format!("core={}", server_url("MYSQL"));
    let place = merchant_with(&[]);
    edit(&place, "cases/suite.toml", "together = true", "together = false");
    crate::generated::write_cases(&place.path().join("cases/drawn.cases.ndjson"), 400, None);
    let mut command = place.command();
    command.args(["test", "--jobs", "1", "--store", &store]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("recon starts");
    let until = Instant::now() + Duration::from_secs(60);
    while left(child.id()) == 0 {
        assert!(Instant::now() < until, "no scratch database was made");
        std::thread::sleep(Duration::from_millis(20));
    }
    kill(nix::unistd::Pid::from_raw(i32::try_from(child.id()).expect("an id")), Signal::SIGINT).expect("interrupted");
    assert_eq!(child.wait().expect("recon ends").code(), Some(130));
    assert_eq!(left(child.id()), 0);
}

#[test]
fn without_a_database_of_its_own_nothing_is_run() {
    let place = merchant_with(&["plain-sale"]);
    // A server that nobody listens on, and an account that may create nothing.
    let (outcome, _) = run(&place, &["test", "--store", "core=mysql://nobody@127.0.0.1:9/x"]);
    assert_eq!(outcome.code, Some(3), "{outcome}");
    assert_eq!(outcome.stdout, "");
    let mut server = SqlWriter::connect(&server_url("POSTGRES")).expect("connects");
    server.run("DROP ROLE IF EXISTS recon_creates_nothing").expect("dropped");
    server.run("CREATE ROLE recon_creates_nothing LOGIN PASSWORD 'hunter2'").expect("a role");
    let url = url::Url::parse(&server_url("POSTGRES")).expect("a URL");
    let mut limited = url.clone();
    limited.set_username("recon_creates_nothing").expect("a user");
    limited.set_password(Some("hunter2")).expect("a password");
    if limited.path().trim_matches('/').is_empty() {
        limited.set_path("postgres");
    }
    let (outcome, _) = run(&place, &["test", "--store", &format!("core={limited}")]);
    server.run("DROP ROLE recon_creates_nothing").expect("dropped");
    assert_eq!(outcome.code, Some(3), "{outcome}");
    assert!(outcome.stderr.contains("no scratch database could be made"), "{outcome}");
    assert!(!outcome.stderr.contains("hunter2"), "{outcome}");
}
