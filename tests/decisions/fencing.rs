//! A run that was overtaken writes nothing more, and holds nothing that the one that took over waits for.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use recon::decisions::{Place, Ticket};
use recon::stores::{ErrorClass, Settings};

use crate::given::*;
use crate::support;

/// Attempt 1 writes its first piece, then attempt 2 writes everything, then attempt 1 goes on.
fn the_overtaken_run_writes_nothing_more(fresh: &Fresh) {
    let (layout, decisions) = plain(20_000);
    let mut first = fresh.place();
    let mut pieces = 0;
    let error = first
        .write(&ticket("c", 1), &layout, &mut each(&decisions), &mut |_| {
            pieces += 1;
            if pieces == 2 {
                let started = Instant::now();
                round(&mut fresh.place(), &ticket("c", 2), &layout, &decisions[..100]);
                assert!(started.elapsed() < Duration::from_secs(20), "the paused run was in the way");
            }
            Ok(())
        })
        .expect_err("overtaken");
    assert!(error.what.contains("overtaken") && error.what.contains("12-2"), "{error}");
    assert!(pieces == 2, "it went on for {pieces} pieces");
    assert_eq!(fresh.ask("SELECT DISTINCT recon_run FROM decision"), ["12-2"]);
    assert_eq!(fresh.count("decision"), 100);
    let error = write(&mut first, &ticket("c", 1), &layout, &decisions).expect_err("too late");
    assert!(error.what.contains("overtaken"), "{error}");
    assert_eq!(fresh.count("decision"), 100);
}

/// Overtaken after its last piece, before it says that all is there.
fn the_overtaken_run_is_never_complete(fresh: &Fresh) {
    let (layout, decisions) = plain(100);
    let mut first = fresh.place();
    let error = first
        .write(&ticket("c", 1), &layout, &mut each(&decisions), &mut |count| {
            if count == 100 {
                let rest = plain(5).1;
                write(&mut fresh.place(), &ticket("c", 2), &layout, &rest).expect("written");
            }
            Ok(())
        })
        .expect_err("overtaken");
    assert!(error.what.contains("overtaken"), "{error}");
    assert_eq!(fresh.count("decision"), 5);
    assert!(publish(&mut first, &ticket("c", 1), "x", &layout).expect_err("overtaken").what.contains("overtaken"));
    assert_eq!(fresh.count("decision_released"), 0);
}

fn another_ledger_that_took_over_is_respected(fresh: &Fresh) {
    let (layout, decisions) = plain(100);
    let new = Ticket { origin: "ledger-b".into(), run: "1-1".into(), ..ticket("c", 1) };
    let error = fresh
        .place()
        .write(&ticket("c", 9), &layout, &mut each(&decisions), &mut |count| {
            if count == 0 {
                write(&mut fresh.place(), &new, &layout, &decisions[..5]).expect("written");
            }
            Ok(())
        })
        .expect_err("overtaken");
    assert!(error.what.contains("of another ledger"), "{error}");
    assert_eq!(fresh.count("decision"), 5);
}

/// Two attempts at the same time, again and again: whatever comes first, the later one's decisions are there, whole.
fn racing_attempts_leave_the_later_one(fresh: &Fresh) {
    let (layout, decisions) = plain(6_000);
    for round in 0..4 {
        let cycle = format!("c {round}");
        let of = |attempt| Ticket { run: format!("{}-{attempt}", 20 + round), ..ticket(&cycle, attempt) };
        let (go, wait) = channel::<()>();
        std::thread::scope(|scope| {
            let early = scope.spawn(|| {
                fresh.place().write(&of(1), &layout, &mut each(&decisions), &mut |_| {
                    let _ = go.send(());
                    Ok(())
                })
            });
            let _ = wait.recv();
            std::thread::sleep(Duration::from_millis(7 * round));
            let mut later = fresh.place();
            write(&mut later, &of(2), &layout, &decisions).expect("written");
            let early = early.join().expect("no panic");
            verify(&mut later, &of(2), &layout, &decisions).expect("verified");
            if let Err(error) = early {
                assert!(error.what.contains("overtaken"), "{error}");
            }
        });
        let of = format!("decision WHERE recon_cycle = '{cycle}'");
        assert_eq!(fresh.ask(&format!("SELECT DISTINCT recon_run FROM {of}")), [format!("{}-2", 20 + round)]);
        assert_eq!(fresh.count(&of), 6_000);
    }
}

/// A statement of attempt 1 is still at work in the server when attempt 2 takes over: it is waited for, and what it wrote
/// is cleared away. Otherwise its rows would appear after the clearing.
fn a_statement_under_way_is_waited_for(fresh: &Fresh, trigger: &str) {
    let (layout, decisions) = plain(100);
    let before = Ticket { run: "11-1".into(), ..ticket("before", 1) };
    write(&mut fresh.place(), &before, &layout, &decisions).expect("written");
    fresh.sql(trigger);
    std::thread::scope(|scope| {
        let early = scope.spawn(|| write(&mut fresh.place(), &ticket("c", 1), &layout, &decisions));
        std::thread::sleep(Duration::from_millis(700));
        write(&mut fresh.place(), &ticket("c", 2), &layout, &decisions).expect("written");
        // Which one the server lets go on first is its own affair: the early run may have said that all is there.
        if let Err(error) = early.join().expect("no panic") {
            assert!(error.what.contains("overtaken"), "{error}");
        }
    });
    assert_eq!(fresh.ask("SELECT DISTINCT recon_run FROM decision WHERE recon_cycle = 'c'"), ["12-2"]);
    assert_eq!(fresh.count("decision"), 200);
}

#[test]
fn mysql_waits_for_a_statement_under_way() {
    let trigger = "CREATE TRIGGER slow BEFORE INSERT ON decision FOR EACH ROW \
                   SET @waited = IF(NEW.id = 1 AND NEW.recon_run = '12-1', SLEEP(3), 0)";
    a_statement_under_way_is_waited_for(&Fresh::mysql(), trigger);
}

#[test]
fn postgres_waits_for_a_statement_under_way() {
    let trigger = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                   IF NEW.id = 1 AND NEW.recon_run = '12-1' THEN PERFORM pg_sleep(3); END IF; RETURN NEW; END $$; \
                   CREATE TRIGGER slow BEFORE INSERT ON decision FOR EACH ROW EXECUTE FUNCTION slow()";
    a_statement_under_way_is_waited_for(&Fresh::postgres(), trigger);
}

/// The server dies between two pieces: an error that says so, and the next run clears what is left.
fn a_server_that_dies(server: &mut support::PrivateServer, root: &str) {
    let url = format!("{}/{root}", server.url());
    support::run_sql(&url, "CREATE DATABASE pay");
    let mut place = Place::table(&format!("{}/pay", server.url()), "decision", &Settings::default()).expect("a place");
    let (layout, decisions) = plain(20_000);
    let error = place
        .write(&ticket("c", 1), &layout, &mut each(&decisions), &mut |count| {
            if count > 0 {
                server.kill();
            }
            Ok(())
        })
        .expect_err("dead");
    assert_eq!(error.class, ErrorClass::Failed);
    assert!(error.hint.expect("a hint").contains("no payer sees"), "{}", error.what);
}

#[test]
fn private_server_mariadb_dies() {
    a_server_that_dies(&mut support::PrivateServer::mariadb(), "mysql");
}

#[test]
fn private_server_postgres_dies() {
    a_server_that_dies(&mut support::PrivateServer::postgres(), "postgres");
}

on_every_engine!(
    the_overtaken_run_writes_nothing_more,
    the_overtaken_run_is_never_complete,
    another_ledger_that_took_over_is_respected,
    racing_attempts_leave_the_later_one,
);
