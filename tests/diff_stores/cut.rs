//! A side that is cut off in the middle: by a killed server, a lost connection, silence. Never a verdict.
//!
//! Between recon and the server stands a gate, which lets some megabytes through and then waits for the test:
//! whatever happens next happens in the middle of reading, on any machine.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use mongodb::bson::doc;
use serde_json::Value as Json;

use super::load::{mongo, mysql, postgres};
use super::support::{Place, PrivateServer};
use super::{diff, run};

const RECORDS: usize = 60_000;
/// More than a few batches; with what sockets hold, less than a third of the records (600 bytes each).
const THROUGH: usize = 5_000_000;

struct Gate {
    port: u16,
    /// A word when the gate has closed.
    closed: Receiver<()>,
    /// Sends what happens then: `true` goes on, `false` breaks the connection.
    open: Sender<bool>,
}

impl Gate {
    fn new(server: u16) -> Gate {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let (say_closed, closed) = channel();
        let (open, opened) = channel();
        let (passed, opened) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(opened)));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(upstream) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                let (mut from, mut to) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Both);
                });
                let (passed, opened, say_closed) = (passed.clone(), opened.clone(), say_closed.clone());
                std::thread::spawn(move || answers(upstream, client, &passed, &say_closed, &opened));
            }
        });
        Gate { port, closed, open }
    }
}

fn answers(
    mut from: TcpStream,
    mut to: TcpStream,
    passed: &AtomicUsize,
    say_closed: &Sender<()>,
    opened: &Mutex<Receiver<bool>>,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
        let before = passed.fetch_add(read, Ordering::SeqCst);
        if before < THROUGH && before + read >= THROUGH {
            let _ = say_closed.send(());
            if !opened.lock().unwrap().recv().unwrap_or(false) {
                break;
            }
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

/// What happens in the middle.
enum Event<'a> {
    Nothing,
    Kill(&'a mut PrivateServer),
    Break,
    Silence,
}

/// A server with a big table, and a file that holds the same records.
struct Cut {
    place: Place,
    server: PrivateServer,
    /// What follows the port in the locator.
    rest: &'static str,
}

impl Cut {
    fn new(server: PrivateServer, rest: &'static str) -> Cut {
        let place = Place::new();
        let filler = "x".repeat(600);
        let lines: String = (1..=RECORDS).map(|id| format!("{id},{filler}\n")).collect();
        place.write("same.csv", format!("id,filler\n{lines}"));
        Cut { place, server, rest }
    }

    fn run(&mut self, legacy: bool, event: &str, more: &[&str]) -> (i32, Json) {
        let gate = Gate::new(self.server.port());
        let url = self.server.url().replace(&format!(":{}", self.server.port()), &format!(":{}", gate.port));
        let locator = format!("{url}{}", self.rest);
        let sides = if legacy { [locator.as_str(), "same.csv"] } else { ["same.csv", locator.as_str()] };
        let arguments = [&sides[..], &["--key", "id", "--columns", "filler"], more].concat();
        let event = match event {
            "nothing" => Event::Nothing,
            "kill" => Event::Kill(&mut self.server),
            "break" => Event::Break,
            _ => Event::Silence,
        };
        let place = &self.place;
        std::thread::scope(|scope| {
            let running = scope.spawn(move || diff(place, &arguments));
            gate.closed.recv_timeout(std::time::Duration::from_secs(60)).expect("some megabytes came");
            match event {
                Event::Nothing => gate.open.send(true).unwrap(),
                Event::Kill(server) => {
                    server.kill();
                    gate.open.send(true).unwrap();
                }
                Event::Break => gate.open.send(false).unwrap(),
                Event::Silence => {}
            }
            running.join().expect("recon ended")
        })
    }

    /// All of it, one after the other, ending with the server's death.
    fn check(mut self) {
        let (code, report) = self.run(true, "nothing", &[]);
        assert_eq!(code, 0, "{}", report["reasons"]);
        assert_eq!(report["counts"]["matched"], RECORDS);

        let (code, report) = self.run(false, "break", &[]);
        incomplete(code, &report, "candidate", "legacy");
        let (code, report) = self.run(true, "silence", &["--read-timeout", "1s"]);
        incomplete(code, &report, "legacy", "candidate");
        let (code, report) = self.run(true, "break", &["--partitions", "3"]);
        incomplete(code, &report, "legacy", "candidate");
        let (code, report) = self.run(true, "kill", &[]);
        incomplete(code, &report, "legacy", "candidate");

        let locator = format!("{}{}", self.server.url(), self.rest);
        let gone = run(&self.place, &["same.csv", &locator, "--key", "id", "--connect-timeout", "1s"]);
        assert_eq!(gone.code, Some(3), "{gone}");
        assert!(
            gone.stderr.contains("candidate side") && gone.stderr.contains(&self.server.port().to_string()),
            "{gone}"
        );
    }
}

/// The report of a run that lost one side in the middle.
fn incomplete(code: i32, report: &Json, cut: &str, whole: &str) {
    let reason = report["reasons"][0].as_str().expect("a reason");
    assert_eq!((code, report["verdict"].as_str()), (3, Some("incomplete")), "{reason}");
    assert!(reason.starts_with(&format!("the {cut} side could not be read to its end")), "{reason}");
    assert!(report["sides"][cut]["error"].is_string() && report["sides"][whole]["error"].is_null(), "{report}");
    // What the reason counts came; what was compared is no more than that, and nothing is called missing.
    let words: Vec<&str> = reason.split([' ', ',', ':', '(', ')']).collect();
    let counted = words.windows(2).find(|pair| pair[1] == "records").and_then(|pair| pair[0].parse::<u64>().ok());
    let came = counted.unwrap_or_else(|| panic!("no number of records in: {reason}"));
    let counts = &report["counts"];
    let keys = counts["keys"].as_u64().expect("a number");
    assert!(0 < keys && keys <= came && came < RECORDS as u64, "{keys} keys, {came} came: {reason}");
    assert_eq!(counts["matched"], keys, "{counts}");
    assert_eq!(report["rows"][cut], keys, "{}", report["rows"]);
    assert_eq!(report["discrepancies"], serde_json::json!([]));
}

#[test]
fn a_private_server_mariadb_that_is_cut_off_makes_no_verdict() {
    let server = PrivateServer::mariadb();
    mysql(
        &server.url(),
        format!(
            "CREATE DATABASE shop; USE shop; CREATE TABLE shop.big (id INT PRIMARY KEY, filler VARCHAR(600)); \
             INSERT INTO shop.big SELECT seq, REPEAT('x', 600) FROM seq_1_to_{RECORDS}"
        ),
    );
    Cut::new(server, "/shop#big").check();
}

#[test]
fn a_private_server_postgres_that_is_cut_off_makes_no_verdict() {
    let server = PrivateServer::postgres();
    postgres(
        &format!("{}/postgres", server.url()),
        format!(
            "CREATE TABLE big (id integer PRIMARY KEY, filler text); \
             INSERT INTO big SELECT n, repeat('x', 600) FROM generate_series(1, {RECORDS}) n; ANALYZE big"
        ),
    );
    Cut::new(server, "/postgres#big").check();
}

#[test]
fn a_private_server_mongod_that_is_cut_off_makes_no_verdict() {
    let server = PrivateServer::mongod();
    mongo(&format!("{}/shop?directConnection=true", server.url()), async |database| {
        database.collection("one").insert_one(doc! { "one": 1 }).await.expect("inserted");
        let stages = [
            doc! { "$project": { "_id": 0, "id": { "$range": [1, RECORDS as i32 + 1] } } },
            doc! { "$unwind": "$id" },
            doc! { "$project": { "_id": "$id", "id": 1, "filler": { "$literal": "x".repeat(600) } } },
            doc! { "$out": "big" },
        ];
        database.collection::<mongodb::bson::Document>("one").aggregate(stages).await.expect("filled");
        let index = doc! { "key": { "id": 1 }, "name": "id" };
        database.run_command(doc! { "createIndexes": "big", "indexes": [index] }).await.expect("an index");
    });
    Cut::new(server, "/shop?directConnection=true#big").check();
}
