//! The ledger cannot be reached, goes away, or its answer to a commit is lost.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use recon::checks::CheckRow;
use recon::config::Secret;
use recon::domain::{Machine, State};
use recon::ledger::{Begin, Chain, CheckResult, Ledger, LedgerError, Logged, Process, Released, RunVerdict};

use crate::engine::*;
use crate::support::{self, PrivateServer};

fn refused(url: &str, limit: Duration) -> LedgerError {
    let started = Instant::now();
    let error = Ledger::open(&Secret::new(url), Process::current()).err().unwrap_or_else(|| panic!("{url} opened"));
    assert!(started.elapsed() < limit, "{url}: {:?}", started.elapsed());
    assert!(!error.to_string().contains("hunter2") && !format!("{error:?}").contains("hunter2"), "{error:?}");
    error
}

#[test]
fn a_ledger_that_cannot_be_reached_is_a_clear_error_and_no_hang() {
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("a port").port();
    for scheme in ["mysql", "mariadb", "postgres"] {
        let error = refused(&format!("{scheme}://recon:hunter2@127.0.0.1:{closed}/ledger"), Duration::from_secs(10));
        assert!(code(&error) == 3 && error.to_string().contains("cannot be reached"), "{error}");
        assert!(error.hint().is_some());
    }
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("a port").port();
    for scheme in ["mysql", "postgres"] {
        let error = refused(&format!("{scheme}://recon:hunter2@127.0.0.1:{port}/ledger"), Duration::from_secs(30));
        assert!(code(&error) == 3 && error.to_string().contains("no answer within"), "{error}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let error = refused(&format!("sqlite:{}/none/recon.db", folder.path().display()), Duration::from_secs(10));
    assert!(code(&error) == 3, "{error}");
    std::fs::write(folder.path().join("text.db"), "not a database at all, but long enough for a header")
        .expect("written");
    let error = refused(&format!("sqlite:{}/text.db", folder.path().display()), Duration::from_secs(10));
    assert!(code(&error) == 3 && error.to_string().contains("not a database"), "{error}");
    for wrong in
        ["mongodb://h/db", "sqlite::memory:", "sqlite:", "file:data", "mysql://h:port/db", "mysql://u:12/hunter2@h/db"]
    {
        assert_eq!(code(&refused(wrong, Duration::from_secs(1))), 2, "{wrong}");
    }
}

#[test]
fn a_sqlite_ledger_that_another_program_locks_is_a_clear_error() {
    use sqlx::Connection;
    let fresh = Fresh::sqlite();
    let mut ledger = fresh.open();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let path = fresh.url.strip_prefix("sqlite:").expect("a file");
    let mut other = runtime.block_on(sqlx::SqliteConnection::connect(path)).expect("a connection");
    runtime.block_on(sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other)).expect("locked");
    let started = Instant::now();
    let error = ledger.register(&key(1), "kim").expect_err("locked");
    assert!(started.elapsed() < Duration::from_secs(40), "{:?}", started.elapsed());
    assert!(code(&error) == 3 && error.to_string().contains("locked"), "{error}");
    // Reading goes on.
    assert_eq!(ledger.status(&key(1)).expect("read"), None);
    drop(other);
    assert!(ledger.register(&key(1), "kim").expect("free again"));
}

fn server_dies(mut server: PrivateServer, database: &str) {
    let url = format!("{}/{database}", server.url());
    let mut ledger = Ledger::open(&Secret::new(url.clone()), Process::current()).expect("a ledger");
    let mut run = started(&mut ledger, &key(1), &Begin::by("kim"));
    server.kill();
    let started = Instant::now();
    let error = run.advance(&State::Computed, None).expect_err("gone");
    assert_eq!(code(&error), 3, "{error}");
    assert_eq!(code(&ledger.status(&key(1)).expect_err("gone")), 3);
    drop(run);
    assert_eq!(code(&refused(&url, Duration::from_secs(10))), 3);
    assert!(started.elapsed() < Duration::from_secs(40), "{:?}", started.elapsed());
}

#[test]
fn private_server_mariadb_dies() {
    let server = PrivateServer::mariadb();
    support::run_sql(&format!("{}/mysql", server.url()), "CREATE DATABASE ledger");
    server_dies(server, "ledger");
}

#[test]
fn private_server_postgres_dies() {
    server_dies(PrivateServer::postgres(), "postgres");
}

/// Stands between a client and a server; armed, it lets a commit through and loses the answer.
struct Lossy {
    port: u16,
    armed: Arc<AtomicBool>,
    lost: Arc<AtomicU32>,
}

impl Lossy {
    fn before(host: &str, port: u16) -> Lossy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let lossy =
            Lossy { port: listener.local_addr().expect("a port").port(), armed: Arc::default(), lost: Arc::default() };
        let (armed, lost, server) = (Arc::clone(&lossy.armed), Arc::clone(&lossy.lost), (host.to_owned(), port));
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect((server.0.as_str(), server.1)) else { return };
                let cutting = Arc::new(AtomicBool::new(false));
                let (armed, lost, cut) = (Arc::clone(&armed), Arc::clone(&lost), Arc::clone(&cutting));
                let (mut from, mut to) = (client.try_clone().expect("a clone"), server.try_clone().expect("a clone"));
                std::thread::spawn(move || {
                    let mut buffer = [0; 1 << 16];
                    while let Ok(read @ 1..) = from.read(&mut buffer) {
                        // Not `READ COMMITTED`.
                        let commits =
                            buffer[..read].windows(7).any(|part| part.starts_with(b"COMMIT") && part[6] != b'T')
                                || buffer[..read].ends_with(b"COMMIT");
                        if commits && armed.swap(false, Ordering::SeqCst) {
                            cut.store(true, Ordering::SeqCst);
                            lost.fetch_add(1, Ordering::SeqCst);
                        }
                        if to.write_all(&buffer[..read]).is_err() {
                            break;
                        }
                    }
                    let _ = to.shutdown(Shutdown::Both);
                });
                let (mut from, mut to) = (server, client);
                std::thread::spawn(move || {
                    let mut buffer = [0; 1 << 16];
                    while let Ok(read @ 1..) = from.read(&mut buffer) {
                        if cutting.load(Ordering::SeqCst) || to.write_all(&buffer[..read]).is_err() {
                            break;
                        }
                    }
                    let _ = to.shutdown(Shutdown::Both);
                    let _ = from.shutdown(Shutdown::Both);
                });
            }
        });
        lossy
    }
}

/// Every write, with the answer to its commit lost: it is done, and done once.
fn commits_in_doubt(fresh: Fresh) {
    let mut url = url::Url::parse(&fresh.url).expect("a URL");
    let lossy = Lossy::before(url.host_str().expect("a host"), url.port().expect("a port"));
    url.set_host(Some("127.0.0.1")).expect("a host");
    url.set_port(Some(lossy.port)).expect("a port");
    let mut ledger = Ledger::open(&Secret::new(url.to_string()), Process::current()).expect("a ledger");
    let arm = || lossy.armed.store(true, Ordering::SeqCst);
    let key = key(1);
    arm();
    assert!(ledger.register(&key, "kim").expect("registered"));
    arm();
    // No beat of the lease comes between.
    let begin = Begin { lease: Duration::from_secs(3_600), ..Begin::by("kim") };
    let mut run = started(&mut ledger, &key, &begin);
    assert_eq!(run.id().attempt, 1);
    for state in [State::Computed, State::Compared] {
        arm();
        run.advance(&state, None).expect("allowed");
    }
    for part in 0..3 {
        arm();
        let mut rows =
            (0..10).map(|n| Logged { key: format!("{}", part * 10 + n), kind: "mismatch".into(), ..Logged::default() });
        run.record_discrepancies(&mut rows).expect("logged");
    }
    arm();
    run.snapshot("query", "legacy", "SELECT 1").expect("kept");
    arm();
    run.advance(&State::Checked, None).expect("allowed");
    arm();
    run.decide(RunVerdict::Warned, &summary("d1"), &[], "{}").expect("decided");
    arm();
    assert_eq!(ledger.approve(&key, "lee", "d1", 2).expect("approved").approvals, 1);
    arm();
    assert!(matches!(ledger.release(&key, "park", "d1", 2), Ok(Released::Now(_))));
    let machine = Machine::new(&[("released", "paid")]).expect("steps");
    arm();
    assert_eq!(
        ledger.stage(&key, &machine, &State::Payment("paid".into()), "bank", None).expect("a step"),
        State::Released
    );
    let other = crate::engine::key(2);
    ledger.register(&other, "kim").expect("registered");
    arm();
    ledger.stop(&other, &State::Aborted, "kim", "no payout", Duration::ZERO).expect("aborted");
    assert_eq!(lossy.lost.load(Ordering::SeqCst), 14, "each answer was lost");

    let states: Vec<String> = ledger.steps(1).expect("read").iter().map(|step| step.to.to_string()).collect();
    assert_eq!(states, ["registered", "computed", "compared", "checked", "decided", "approved", "released", "paid"]);
    assert_eq!(ledger.steps(2).expect("read").len(), 2);
    assert_eq!(ledger.runs(1).expect("read").len(), 1);
    let logged = ledger.discrepancies(run.id(), 0, 100).expect("read");
    assert_eq!(
        logged.iter().map(|row| row.key.as_str()).collect::<Vec<_>>(),
        (0..30).map(|n| n.to_string()).collect::<Vec<_>>()
    );
    assert!(matches!(ledger.verify_audit(), Ok(Chain::Intact { .. })));
}

/// The same for what is written about checks.
fn commits_in_doubt_of_checks(fresh: Fresh) {
    let mut url = url::Url::parse(&fresh.url).expect("a URL");
    let lossy = Lossy::before(url.host_str().expect("a host"), url.port().expect("a port"));
    url.set_host(Some("127.0.0.1")).expect("a host");
    url.set_port(Some(lossy.port)).expect("a port");
    let mut ledger = Ledger::open(&Secret::new(url.to_string()), Process::current()).expect("a ledger");
    let begin = Begin { lease: Duration::from_secs(3_600), ..Begin::by("kim") };
    let mut run = started(&mut ledger, &key(1), &begin);
    let arm = || lossy.armed.store(true, Ordering::SeqCst);
    let row = |query: &str, owner: &str| CheckRow {
        name: "net".into(),
        kind: Some("run".into()),
        query: Some(query.into()),
        owner: Some(owner.into()),
        ..CheckRow::default()
    };
    let seen = |ledger: &mut Ledger| ledger.check_rows().expect("read")[0].fingerprint();
    arm();
    assert_eq!(ledger.save_check(&row("SELECT 1", "kim"), "kim", None).expect("saved"), 1);
    let before = seen(&mut ledger);
    arm();
    assert_eq!(ledger.save_check(&row("SELECT 1", "lee"), "kim", Some(&before)).expect("saved"), 1);
    fresh.sql("UPDATE recon_checks SET query = 'SELECT 2'");
    arm();
    let noted = ledger.note_checks().expect("noted");
    assert!(noted[0].is_new && noted[0].current.version == 2);
    arm();
    assert_eq!(ledger.approve_check("net", 2, &noted[0].current.hash, "lee").expect("approved").approvals.len(), 1);
    arm();
    assert_eq!(ledger.disable_check("net", "kim", "why").expect("off").version, Some(3));
    arm();
    run.trip_check("net", 3, "too much").expect("tripped");
    arm();
    let switched = ledger.enable_check("net", "kim", Some("mended")).expect("on");
    assert_eq!((switched.version, switched.cleared.map(|trip| trip.number)), (Some(4), Some(1)));
    let result = CheckResult { name: "net".into(), role: "decides".into(), ..CheckResult::default() };
    arm();
    run.record_check_results(std::slice::from_ref(&result)).expect("kept");
    assert_eq!(lossy.lost.load(Ordering::SeqCst), 8, "each answer was lost");

    assert_eq!(ledger.check_versions("net").expect("read").len(), 4);
    assert_eq!(ledger.check_trips("net").expect("read").len(), 1);
    assert_eq!(ledger.check_results(run.id()).expect("read"), [result]);
    let told = ledger.audit_entries(1, 100).expect("read");
    let told: Vec<&str> =
        told.iter().map(|entry| entry.what.as_str()).filter(|what| what.starts_with("check")).collect();
    assert_eq!(
        told,
        [
            "check_saved",
            "check_noticed",
            "check_approved",
            "check_saved",
            "check_disabled",
            "check_tripped",
            "check_saved",
            "check_enabled"
        ]
    );
    assert!(matches!(ledger.verify_audit(), Ok(Chain::Intact { .. })));
}

#[test]
fn commits_in_doubt_mysql() {
    commits_in_doubt(Fresh::mysql());
    commits_in_doubt_of_checks(Fresh::mysql());
}

#[test]
fn commits_in_doubt_postgres() {
    commits_in_doubt(Fresh::postgres());
    commits_in_doubt_of_checks(Fresh::postgres());
}

/// Connections that the server ends between two writes are made anew.
#[test]
fn ended_connections_are_made_anew_postgres() {
    let fresh = Fresh::postgres();
    let mut ledger = fresh.open();
    let mut run = started(&mut ledger, &key(1), &quick("kim"));
    for state in [State::Computed, State::Compared, State::Checked] {
        fresh.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
        );
        run.advance(&state, None).expect("allowed");
    }
}

#[test]
fn the_ledger_asks_no_clock_of_the_client() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ledger");
    let files = |folder: &std::path::Path| std::fs::read_dir(folder).expect("a folder").flatten().collect::<Vec<_>>();
    let all = files(&folder).into_iter().chain(files(&folder.join("checks")));
    for file in all.filter(|file| file.path().is_file()) {
        let text = std::fs::read_to_string(file.path()).expect("a file");
        for clock in ["SystemTime", "UNIX_EPOCH", "Timestamp::now", "Zoned::now"] {
            assert!(!text.contains(clock), "{clock} in {}", file.path().display());
        }
    }
}
