//! The server of the store, of the ledger or of both dies in the middle: the run ends soon and says what is gone, and
//! when the server is back on its data the next run decides as if nothing had been.

use std::time::{Duration, Instant};

use crate::killed::Boundary;
use crate::scene::{Kind, Scene, ended};
use crate::support::{PrivateServer, run_sql};

/// Longest time from the server's death to the end of the run.
const SOON: Duration = Duration::from_secs(45);

#[test]
fn private_server_mariadb_holds_both() {
    let server = PrivateServer::mariadb_with(&["--innodb-flush-log-at-trx-commit=1".to_owned()]);
    run_sql(&server.url(), "CREATE DATABASE chaos");
    let url = format!("{}/chaos", server.url());
    dies(server, &Scene::at(Kind::MariaDb, Some(url), None));
}

#[test]
fn private_server_postgres_holds_both() {
    let server = PrivateServer::postgres();
    let url = format!("{}/postgres", server.url());
    dies(server, &Scene::at(Kind::Postgres, Some(url), None));
}

#[test]
fn private_server_mariadb_holds_the_decisions() {
    let server = PrivateServer::mariadb_with(&["--innodb-flush-log-at-trx-commit=1".to_owned()]);
    run_sql(&server.url(), "CREATE DATABASE chaos");
    let url = format!("{}/chaos", server.url());
    dies(server, &Scene::at(Kind::Mixed, Some(url), None));
}

#[test]
fn private_server_postgres_holds_the_ledger() {
    let server = PrivateServer::postgres();
    let url = format!("{}/postgres", server.url());
    dies(server, &Scene::at(Kind::Crossed, None, Some(url)));
}

fn dies(mut server: PrivateServer, scene: &Scene) {
    let kind = scene.kind;
    let undisturbed = scene.measured();
    let mut day = 0;
    for at in [Boundary::Registered, Boundary::Compared, Boundary::Writing] {
        let mut tries = 0;
        loop {
            (day, tries) = (day + 1, tries + 1);
            assert!(tries <= 10, "{kind:?}: no run was met at {at:?}");
            let context = format!("{kind:?}, {at:?}, day {day}");
            // A handle of its own each time: this test's connection dies with the server too.
            let mut ledger = scene.open();
            let mut child = scene.spawn(day, &[]);
            let first = child.id();
            if !at.wait(scene, &mut ledger, day, &mut child) {
                ended(child);
                continue;
            }
            server.kill();
            let died = Instant::now();
            let outcome = ended(child);
            server.restart();
            if outcome.code == Some(0) {
                // It had all that it needed from the server.
                continue;
            }
            assert_eq!(outcome.code, Some(3), "{context}: {outcome}");
            assert!(outcome.stderr.contains("error: ") && outcome.stderr.contains("hint: "), "{context}: {outcome}");
            assert!(outcome.stderr.contains(&format!("127.0.0.1:{}", server.port())), "{context}: {outcome}");
            assert!(!outcome.stderr.contains("panicked"), "{context}: {outcome}");
            let took = died.elapsed();
            assert!(took < SOON, "{context}: {took:?}");
            assert_eq!(scene.decisions("payout_decision_released", day), Vec::<String>::new(), "{context}");
            let second = scene.spawn(day, &[]);
            let processes = [first, second.id()];
            let outcome = ended(second);
            assert_eq!(outcome.code, Some(0), "{context}: {outcome}");
            scene.holds(day, &undisturbed, &processes);
            break;
        }
    }
}
